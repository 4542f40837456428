"""The page of one window: the sentences and tables of its report, with small pictures. Pure."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from calib.report import tables
from calib.report.figures.reliability import THIN
from calib.report.notes import notes
from calib.report.page import bin_tables, routing_tables
from calib.report.panels import reliability_panels
from calib.results import WindowResult
from calib.web.streams import pictures
from calib.wording.window import done_sentences, routing_sentences, tone, verdict, verdict_word


def window_values(window: WindowResult) -> dict[str, Any]:
    """What the page shows of a window, as `calib run --json` has it."""
    return {
        "window": window,
        "word": verdict_word(window),
        "tone": tone(window),
        "sentence": verdict(window),
        "state": f"{window.state.replace('_', ' ').capitalize()}.",
        "key": list(tables.key_figures(window)),
        "routing": routing_sentences(window),
        "done": done_sentences(window),
        "notes": notes(window),
        "reliability": reliability_pictures(window),
        "thin": THIN,
        "bins": bin_tables(window),
        "change_rows": tables.change_rows(window),
        "score_rows": tables.score_rows(window),
        "segment_rows": tables.segment_rows(window),
        "routing_tables": [(name, rows) for name, rows in routing_tables(window) if rows],
        "kept_rows": tables.kept_rows(window),
        "rejected": ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in window.rejected.items()),
    }


def reliability_pictures(window: WindowResult) -> list[tuple[str, Markup]]:
    """Reliability of raw, served and baseline with their titles; none without labels."""
    return [(panel.title, pictures.reliability(panel)) for panel in reliability_panels(window)]
