"""What help teaches beside the options: a line for each command in the lists, and examples to type."""

from __future__ import annotations

from dataclasses import dataclass

import typer


@dataclass(frozen=True, slots=True)
class Teaching:
    """One command: a line of at most 60 characters, and examples that work as typed in a set-up folder."""

    summary: str
    examples: tuple[str, ...]


COMMANDS = {
    "measure": Teaching(
        "How far stated confidence is from accuracy, for a file.",
        ("calib measure log.csv", "calib measure october.csv --baseline september.csv --no-picture"),
    ),
    "gate": Teaching(
        "Has a new model or prompt made confidence less true?",
        ("calib gate before.csv after.csv", "calib gate before.csv after.csv --strict --summary gate.md"),
    ),
    "chain": Teaching(
        "What the confidence of a chain of steps is worth.",
        ("calib chain steps.csv", "calib chain steps.csv --trace conversation --json"),
    ),
    "init": Teaching(
        "Make a working folder: settings, flows, a crontab.",
        ("calib init calibration", "calib init --traffic 'parquet:traffic/*.parquet'"),
    ),
    "check": Teaching("Try every connection and setting, one line each.", ("calib check",)),
    "demo": Teaching("A year of the main job on this machine.", ("calib demo --into demo",)),
    "plan": Teaching(
        "How many labels are needed to detect a rise of the ECE.",
        ("calib plan log.csv", "calib plan support-triage --labels 800 --rise 0.05"),
    ),
    "run": Teaching(
        "The whole cycle for one window, as far as labels allow.",
        ("calib run support-triage --period 2026-10",),
    ),
    "backfill": Teaching(
        "The whole cycle for a range of past periods.",
        ("calib backfill support-triage --from 2025-01 --to 2026-10",),
    ),
    "sample": Teaching(
        "Open the windows that are due: survey, design, draw.",
        ("calib sample", "calib sample support-triage --period 2026-10"),
    ),
    "evaluate": Teaching(
        "Take open windows as far as their labels allow.",
        ("calib evaluate", "calib evaluate support-triage"),
    ),
    "probe": Teaching(
        "Ask a fixed set of questions; has the model changed?",
        ("calib probe nightly", "calib probe nightly --accept"),
    ),
    "relay": Teaching("Deliver the alerts that wait.", ("calib relay",)),
    "watchdog": Teaching(
        "Find what did not happen: periods, labels, renewals.",
        ("calib watchdog", "calib watchdog support-triage"),
    ),
    "erase": Teaching(
        "Erase what reviewers and probes saw, when its time is over.",
        ("calib erase",),
    ),
    "db": Teaching("The database: its schema, and a copy of it.", ()),
    "db check": Teaching("What the database holds, and whether it is whole.", ("calib db check",)),
    "db dump": Teaching(
        "Copy the whole database into one file.",
        ("calib db dump --to calib-backup.jsonl",),
    ),
    "db restore": Teaching(
        "Put a copy back, into an empty database.",
        ("calib db restore calib-backup.jsonl",),
    ),
    "db migrate": Teaching(
        "Make the tables, or bring older ones up to date.",
        ("calib db migrate", "calib db migrate --config calib.toml"),
    ),
    "report": Teaching(
        "A period's report as one HTML file.",
        (
            "calib report support-triage --open",
            "calib report support-triage --period 2026-10 --to reports",
            "calib report --fleet",
        ),
    ),
    "history": Teaching(
        "A stream's periods, and what they cost and brought.",
        ("calib history support-triage",),
    ),
    "status": Teaching("Every stream in a line.", ("calib status",)),
    "metrics": Teaching(
        "What Prometheus reads: verdicts, ECE, labels, alerts, jobs.",
        ("calib metrics", "calib metrics --textfile calibwatch.prom"),
    ),
    "routes": Teaching(
        "The cut above which each target is proven.",
        ("calib routes support-triage", "calib routes support-triage --preset finance"),
    ),
    "web": Teaching(
        "The review page in a browser, where people label.",
        ("calib web", "calib web --host 0.0.0.0 --port 8080"),
    ),
    "reviewers": Teaching("Who may label, and who decides, on `calib web`.", ()),
    "reviewers add": Teaching(
        "Add a reviewer and print the link to sign in.",
        ("calib reviewers add ada --role admin", "calib reviewers add kurt --stream support-triage"),
    ),
    "reviewers link": Teaching("A new link to sign in.", ("calib reviewers link ada",)),
    "reviewers list": Teaching("The reviewers, their roles and streams.", ("calib reviewers list",)),
    "reviewers revoke": Teaching("End a reviewer's access at once.", ("calib reviewers revoke kurt",)),
    "window": Teaching("The windows of a stream: show, watch anew, leave out.", ()),
    "window list": Teaching(
        "The periods, their revisions, and which stand.",
        ("calib window list support-triage",),
    ),
    "window show": Teaching(
        "One window with its result and its history.",
        ("calib window show support-triage 2026-10",),
    ),
    "window reopen": Teaching(
        "Watch a period anew: another revision.",
        ("calib window reopen support-triage 2026-10 --reason 'the column was renamed'",),
    ),
    "window discard": Teaching(
        "Leave a period out of all baselines.",
        ("calib window discard support-triage 2026-10 --reason 'a load test'",),
    ),
    "labels": Teaching("Labels: export what waits, import, list what differs.", ()),
    "labels export": Teaching(
        "Write the rows that wait for an answer.",
        ("calib labels export support-triage --to todo.xlsx",),
    ),
    "labels import": Teaching(
        "Read the answers of a sheet.",
        ("calib labels import todo.xlsx --stream support-triage",),
    ),
    "labels conflicts": Teaching(
        "Predictions to which there are different answers.",
        ("calib labels conflicts support-triage",),
    ),
    "labels decide": Teaching(
        "Settle a disagreement between two answers.",
        ("calib labels decide support-triage p-00731 incorrect",),
    ),
    "alerts": Teaching("Alerts: what was said, what waits, what is parked.", ()),
    "alerts list": Teaching(
        "The alerts, what became of each, and why.",
        ("calib alerts list", "calib alerts list support-triage --state parked"),
    ),
    "alerts show": Teaching(
        "One alert: its words, its places, who did what.",
        ("calib alerts show 1f3a9c20",),
    ),
    "alerts resend": Teaching(
        "Let parked or silenced alerts go out.",
        ("calib alerts resend --parked", "calib alerts resend 1f3a9c20"),
    ),
    "alerts ack": Teaching(
        "Say that you have seen alerts.",
        ("calib alerts ack 1f3a9c20 --reason 'looking at the prompt'",),
    ),
    "alerts silence": Teaching(
        "Hear nothing of a stream for a while.",
        (
            "calib alerts silence support-triage --until 2d --reason 'planned migration'",
            "calib alerts silence support-triage --end",
            "calib alerts silence",
        ),
    ),
    "alerts test": Teaching("Send one to each place and read it back.", ("calib alerts test",)),
    "alerts episodes": Teaching(
        "What alerts have opened, and what ended it.",
        ("calib alerts episodes support-triage",),
    ),
    "alerts close": Teaching(
        "End an open episode by hand.",
        ("calib alerts close support-triage --reason 'the camera is mended'",),
    ),
    "mapping": Teaching("The versions of a stream's mapping, and its channels.", ()),
    "mapping list": Teaching(
        "The stored versions, and when each was last named.",
        ("calib mapping list support-triage",),
    ),
    "mapping show": Teaching(
        "One mapping: curve, scope, evidence, certificates.",
        ("calib mapping show support-triage",),
    ),
    "mapping apply": Teaching(
        "What a mapping makes of raw confidences.",
        ("calib mapping apply support-triage 0.8 0.95",),
    ),
    "mapping promote": Teaching(
        "Point a channel at an existing mapping.",
        ("calib mapping promote support-triage 1f3a9c20 --reason 'reviewed'",),
    ),
    "mapping rollback": Teaching(
        "Name the mapping before again, as a new entry.",
        (
            "calib mapping rollback support-triage",
            "calib mapping rollback support-triage --to 1f3a9c20 --reason 'as it was'",
        ),
    ),
    "mapping publish": Teaching(
        "Put a mapping of your own on a channel.",
        ("calib mapping publish fitted.json support-triage --reason 'fitted offline'",),
    ),
    "mapping withdraw": Teaching(
        "No mapping: clients serve the raw confidence.",
        ("calib mapping withdraw support-triage --reason 'labels were wrong'",),
    ),
    "mapping history": Teaching(
        "Who moved a channel, when and why.",
        ("calib mapping history support-triage",),
    ),
    "mapping verify": Teaching(
        "Check every digest, chain and schema of a stream.",
        ("calib mapping verify support-triage",),
    ),
    "mapping open-epoch": Teaching(
        "The way out of a log that forked or was damaged.",
        ("calib mapping open-epoch support-triage 1f3a9c20 --reason 'bucket restored'",),
    ),
}


def teach(app: typer.Typer, prefix: str = "") -> None:
    """Give each command of `app`, and of its groups, the line and the examples that stand above.

    A command that is not named there keeps the line that its docstring makes.
    """
    for command in app.registered_commands:
        taught = COMMANDS.get(f"{prefix}{command.name}")
        if taught is not None:
            command.short_help = taught.summary
            command.epilog = epilog(taught.examples)
    for group in app.registered_groups:
        if (taught := COMMANDS.get(f"{prefix}{group.name}")) is not None:
            group.short_help = taught.summary
        if group.typer_instance is not None:
            teach(group.typer_instance, f"{prefix}{group.name} ")


def epilog(examples: tuple[str, ...]) -> str | None:
    """The examples under a heading; the leading mark keeps their lines from being joined."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in examples))) if examples else None
