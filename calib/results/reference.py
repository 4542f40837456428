"""The reference of the JSON outputs: a JSON Schema for each, made from the types, and an index of them.

`python -m calib.results.reference` writes them to `docs/reference/json/`; a test holds the files there to it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from calib.results.alerts import (
    AlertEvent,
    AlertList,
    AlertsAcknowledged,
    AlertsChanged,
    AlertsTested,
    ShownAlert,
    SilenceList,
)
from calib.results.chain import ChainResult
from calib.results.codec import json_schema
from calib.results.demo import DemoYear
from calib.results.episodes import EpisodeList
from calib.results.gate import GateResult
from calib.results.history import HistoryResult, StatusResult
from calib.results.mappings import (
    AppliedMapping,
    EntryResult,
    MappingHistory,
    MappingList,
    PublishedMapping,
    ShownMapping,
    Verification,
)
from calib.results.measure import MeasureResult
from calib.results.metrics import MetricsResult
from calib.results.plan import PlanResult
from calib.results.probe import ProbeResult, ProbesResult
from calib.results.report import ReportDocument, ReportResult
from calib.results.routes import RoutesResult
from calib.results.setup import (
    CheckResult,
    DatabaseChecked,
    DumpResult,
    InitResult,
    LabelConflicts,
    LabelDecided,
    LabelsExported,
    LabelsImported,
    MigrationResult,
)
from calib.results.web import ReviewerLink, ReviewerList, ReviewerRevoked, WebStarted
from calib.results.window import SCHEMA, WindowResult
from calib.results.windows import DiscardedWindow, ShownWindow, WindowList
from calib.results.work import EraseResult, RelayResult, WatchdogResult, WindowsResult

FOLDER = Path("docs/reference/json")

# name of the schema: its type, and the commands that print it
OUTPUTS: dict[str, tuple[type[Any], str]] = {
    "measure": (MeasureResult, "`calib measure`"),
    "gate": (GateResult, "`calib gate`"),
    "chain": (ChainResult, "`calib chain`"),
    "plan": (PlanResult, "`calib plan`"),
    "window": (WindowResult, "`calib run`"),
    "windows": (WindowsResult, "`calib backfill`, `calib sample`, `calib evaluate`"),
    "window-list": (WindowList, "`calib window list`"),
    "window-show": (ShownWindow, "`calib window show`, `calib window reopen`"),
    "window-discard": (DiscardedWindow, "`calib window discard`"),
    "relay": (RelayResult, "`calib relay`"),
    "watchdog": (WatchdogResult, "`calib watchdog`"),
    "erase": (EraseResult, "`calib erase`"),
    "routes": (RoutesResult, "`calib routes`"),
    "report": (ReportResult, "`calib report`"),
    "report-document": (ReportDocument, "the file beside the page of `calib report`"),
    "history": (HistoryResult, "`calib history`"),
    "status": (StatusResult, "`calib status`"),
    "metrics": (MetricsResult, "`calib metrics`"),
    "probe": (ProbeResult, "`calib probe NAME`"),
    "probes": (ProbesResult, "`calib probe`"),
    "mapping-list": (MappingList, "`calib mapping list`"),
    "mapping-show": (ShownMapping, "`calib mapping show`"),
    "mapping-apply": (AppliedMapping, "`calib mapping apply`"),
    "mapping-history": (MappingHistory, "`calib mapping history`"),
    "mapping-verify": (Verification, "`calib mapping verify`"),
    "mapping-entry": (
        EntryResult,
        "`calib mapping promote`, `calib mapping rollback`, `calib mapping withdraw`, "
        "`calib mapping open-epoch`",
    ),
    "mapping-publish": (PublishedMapping, "`calib mapping publish`"),
    "alerts-list": (AlertList, "`calib alerts list`"),
    "alerts-show": (ShownAlert, "`calib alerts show`"),
    "alerts-changed": (AlertsChanged, "`calib alerts resend`"),
    "alerts-acknowledged": (AlertsAcknowledged, "`calib alerts ack`"),
    "alerts-silence": (SilenceList, "`calib alerts silence`"),
    "alerts-test": (AlertsTested, "`calib alerts test`"),
    "alert-event": (AlertEvent, "each post to `webhook` in [notify]"),
    "alerts-episodes": (EpisodeList, "`calib alerts episodes`, `calib alerts close`"),
    "labels-import": (LabelsImported, "`calib labels import`"),
    "labels-decide": (LabelDecided, "`calib labels decide`"),
    "labels-export": (LabelsExported, "`calib labels export`"),
    "labels-conflicts": (LabelConflicts, "`calib labels conflicts`"),
    "web": (WebStarted, "`calib web`, once, when it serves"),
    "reviewers-link": (ReviewerLink, "`calib reviewers add`, `calib reviewers link`"),
    "reviewers-list": (ReviewerList, "`calib reviewers list`"),
    "reviewers-revoke": (ReviewerRevoked, "`calib reviewers revoke`"),
    "check": (CheckResult, "`calib check`"),
    "init": (InitResult, "`calib init`"),
    "db-check": (DatabaseChecked, "`calib db check`"),
    "db-dump": (DumpResult, "`calib db dump`"),
    "db-migrate": (MigrationResult, "`calib db migrate`"),
    "db-restore": (DumpResult, "`calib db restore`"),
    "demo": (DemoYear, "`calib demo`"),
}


def pages() -> dict[str, str]:
    """The text of each file of the reference, by name."""
    files = {
        f"{name}.schema.json": json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
        for name, (kind, _) in OUTPUTS.items()
    }
    return files | {"index.md": _index()}


def _index() -> str:
    rows = "\n".join(
        f"| [{name}.schema.json]({name}.schema.json) | {commands} |"
        for name, (_, commands) in OUTPUTS.items()
    )
    return f"""# The JSON outputs

Every command takes `--json` and then prints one JSON object on standard output. A
[JSON Schema](https://json-schema.org/draft/2020-12), made from the types in `calib/results/`, describes each
of the objects below.

| schema | printed by |
|---|---|
{rows}

- Every key is always there; what is not known is `null`, an empty list or an empty object.
- `schema` is {SCHEMA}. Keys may be added without a new number; ignore those that you do not know. A window
  that version 0.1.0 evaluated shows `schema` 1: its reasons have no code, and its `baseline` is empty.
- Beside every `reason`, a sentence for people, stand `reason_code`, a word that does not change its meaning,
  and `reason_facts`, the numbers in the sentence. Programs read the code.
- Confidences, accuracies, shares and ECEs lie in [0, 1]; `low` and `high` are the ends of a 95% interval.

[Documentation](../../index.md)
"""


def write(folder: Path) -> None:
    """Write the reference anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
