"""A file of (confidence, correct[, weight, segment, cluster]): what the commands on files read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.measure.sample import Sample
from calib.policy import MAX_REJECTED
from calib.tabular.columns import OTHER, UNKNOWN, UNSURE, Answers, Column, Numbers, Texts, Wanted
from calib.tabular.file import Rows, TableFile, open_table
from calib.tabular.limits import Limit
from calib.tabular.roles import OPTIONAL, Asked, Roles, roles_of
from calib.tabular.rules import OVERSHOOT

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
THOUSANDS = re.compile(r"^\s*[0-9]{1,3}(\.[0-9]{3})+\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a labelled file is to be read.

    `scale`: what confidences are out of, 1 or for percent 100. `allow_rejected`: the share of rows that may
    be unreadable, by default 5%, and none where the answers that are left are all the same.
    """

    scale: float = 1.0
    allow_rejected: float | None = None

    def __post_init__(self) -> None:
        if not (self.scale >= 1 and np.isfinite(self.scale)):
            raise InvalidInput(
                f"--scale is {self.scale:g}: write what confidences are out of, as 100 for percent"
            )
        if self.allow_rejected is not None and not 0 <= self.allow_rejected <= 1:
            raise InvalidInput(f"--allow-rejected is {self.allow_rejected:g}: write a share from 0 to 1")

    def limit(self, table: TableFile, rows: Rows) -> Limit:
        """The limit of unreadable rows in a file that was read."""
        return Limit(
            path=Path(table.path),
            share=MAX_REJECTED if self.allow_rejected is None else self.allow_rejected,
            asked=self.allow_rejected is not None,
            place=lambda row: table.place(int(rows.record[row])),
            shown=lambda row, name: table.shown(int(rows.record[row]), name),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The usable rows of a file, n of them, and how many were not, by kind: `rows` is the sum of both.

    `sample`: their confidences, answers, weights, segments and clusters, as far as the file has them.
    `questions`: what pairs each row with one of another file, shape (n,), None where it was not asked for.
    `rounded`: scores beyond 0 or 1 by at most 1e-6, taken as that end.
    """

    rows: int
    roles: Roles
    sample: Sample
    questions: npt.NDArray[np.object_] | None
    rejected: dict[str, int]
    rounded: int

    @property
    def weights(self) -> Floats | None:
        """The weights, shape (n,); None where the file has none, which is measured faster."""
        return self.sample.weights if "weight" in self.roles.columns else None


def read_labelled(
    path: Path,
    asked: Asked | None = None,
    reading: Reading | None = None,
    *,
    optional: Sequence[str] = OPTIONAL,
) -> Labelled:
    """Read a file of any form; columns that are not named are found by their usual names.

    A row whose confidence is missing, not a number or outside [0, 1], or whose answer is missing, unsure or
    not an answer, is counted by kind and left out: nothing is guessed. `optional`: the columns that are used
    where the file has them. Raises `InvalidInput` for a file that cannot be read, lacks a column, has no
    usable row, or more unreadable ones than `reading` allows.
    """
    asked, reading = asked or Asked(), reading or Reading()
    table = open_table(path)
    roles = roles_of(path, table.names, asked, optional=optional)
    names = roles.columns
    rows = table.read(_forms(roles, reading))
    limit = reading.limit(table, rows)
    rejects = Rejects(rows.n)
    scores, rounded = _confidences(rows["confidence"], names["confidence"], rejects, limit, reading)
    answers = _answers(rows["correct"], rejects)
    weights = None
    if "weight" in names:
        weights = rows["weight"].values
        _no_thousands(table, names)
        bad = ~np.isfinite(weights) | (weights < 0)
        rejects.add(rows["weight"].missing, "missing_weight")
        rejects.add(bad, "bad_weight")
        limit.weights(bad, name=names["weight"])
        rejects.add(_without_weight(weights, rejects.kept), "zero_weight")
    if "paired_by" in names:
        unnamed = np.array([not text for text in rows["paired_by"].values], dtype=bool)
        limit.questions(unnamed, name=names["paired_by"])
    codes = rows["correct"].values
    if roles.said is None:
        limit.answers(codes, name=names["correct"])
    else:
        _something_equal(table, rows, roles)

    keep = rejects.kept
    rejected = rejects.counts() | rows.rejected
    if not keep.any():
        raise _nothing_left(path, names, rejected)
    left_out = (codes == OTHER) | (codes == UNSURE) | ((codes == UNKNOWN) if roles.said is None else False)
    limit.one_class(left_out, answers[keep], name=names["correct"])
    all_kept = bool(keep.all())

    def kept(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return column if all_kept else column[keep]

    return Labelled(
        rows=rows.n + sum(rows.rejected.values()),
        roles=roles,
        sample=Sample(
            kept(scores),
            kept(answers),
            None if weights is None else kept(weights),
            segments=kept(rows["segment"].values) if "segment" in names else None,
            clusters=kept(rows["cluster"].values) if "cluster" in names else None,
        ),
        questions=kept(rows["paired_by"].values) if "paired_by" in names else None,
        rejected=dict(sorted(rejected.items())),
        rounded=int((rounded & keep).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The usable steps of a file of chains, and how many rows were not, by kind; shape (n,) each.

    `correct` is 1 or 0 where the row carries the label of its whole chain, NaN where it does not.
    """

    rows: int
    roles: Roles
    trace: npt.NDArray[np.object_]
    scores: Floats
    correct: Floats
    rejected: dict[str, int]
    rounded: int


def read_steps(path: Path, asked: Asked | None = None, reading: Reading | None = None) -> Steps:
    """Read a file of steps: the name of their chain, their confidence, and, on any row of a chain, whether
    the whole was right.

    A chain with a step whose confidence cannot be used is left out as a whole, for its product is not known;
    an answer that cannot be understood does not count as a label. Raises `InvalidInput` as `read_labelled`
    does.
    """
    asked, reading = asked or Asked(), reading or Reading()
    table = open_table(path)
    roles = roles_of(path, table.names, asked, optional=("trace",))
    if "trace" not in roles.columns:
        raise InvalidInput(f"{path} has no column 'trace' or 'trace_id'; name the right one with --trace")
    rows = table.read(_forms(roles, reading))
    limit = reading.limit(table, rows)
    chains = rows["trace"].values
    rejects, ignored = Rejects(rows.n), Rejects(rows.n)
    rejects.add(np.array([not name for name in chains], dtype=bool), "no_trace")
    with_trace = rejects.kept
    name = roles.columns["confidence"]
    scores, rounded = _confidences(rows["confidence"], name, rejects, limit, reading)
    answers = _answers(rows["correct"], ignored)
    if roles.said is None:
        limit.answers(rows["correct"].values, name=roles.columns["correct"])
    torn = set(chains[with_trace & ~rejects.kept])
    rejects.add(np.array([name in torn for name in chains], dtype=bool), "beside_a_bad_step")
    keep = rejects.kept
    telling = _telling_rows(chains, rows["correct"].values, keep)
    whole = answers[telling]
    limit.one_class(
        np.isnan(whole), whole[~np.isnan(whole)], name=roles.columns["correct"], of=telling, word="chains"
    )
    return Steps(
        rows=rows.n + sum(rows.rejected.values()),
        roles=roles,
        trace=chains[keep],
        scores=scores[keep],
        correct=answers[keep],
        rejected=dict(sorted((rejects.counts() | rows.rejected).items())),
        rounded=int((rounded & keep).sum()),
    )


class Rejects:
    """Why each row is left out; only its first reason counts."""

    def __init__(self, rows: int) -> None:
        self._kinds: list[str] = []
        self._why = np.zeros(rows, dtype=np.uint8)

    def add(self, where: Bools, kind: str) -> None:
        """Leave out the rows where `where`, of shape (n,), is true."""
        if kind not in self._kinds:
            self._kinds.append(kind)
        if where.any():
            self._why[where & (self._why == 0)] = self._kinds.index(kind) + 1

    @property
    def kept(self) -> Bools:
        """The rows without a reason, shape (n,)."""
        not_rejected: Bools = self._why == 0
        return not_rejected

    def counts(self) -> dict[str, int]:
        """How many rows were left out, by kind in alphabetical order; no kind has zero."""
        counts = np.bincount(self._why, minlength=len(self._kinds) + 1)[1:]
        return {kind: int(n) for kind, n in sorted(zip(self._kinds, counts, strict=True)) if n}


def _forms(roles: Roles, reading: Reading) -> Mapping[str, Wanted]:
    """The columns of a file of labels, each read as its use asks for."""
    forms: dict[str, Wanted] = {}
    for role, name in roles.columns.items():
        if role == "confidence":
            forms[role] = Numbers(name, scale=reading.scale)
        elif role == "weight":
            forms[role] = Numbers(name)
        elif role == "correct":
            forms[role] = Answers(name, beside=roles.said)
        elif role not in ("prediction", "answer"):
            forms[role] = Texts(name)
    return forms


def _confidences(
    column: Column, name: str, rejects: Rejects, limit: Limit, reading: Reading
) -> tuple[Floats, Bools]:
    """The confidences, with the rows marked that hold none in [0, 1], and which were taken as an end."""
    values: Floats = column.values
    rejects.add(column.missing, "missing")
    no_number = np.isnan(values)
    rejects.add(no_number, "not_a_number")
    outside = (values < -OVERSHOOT) | (values > 1 + OVERSHOOT)
    rejects.add(outside, "out_of_range")
    limit.confidences(column, (no_number & ~column.missing) | outside, name=name, scale=reading.scale)
    rounded = ((values < 0) | (values > 1)) & ~outside
    return (np.clip(values, 0, 1) if rounded.any() else values), rounded


def _answers(column: Column, rejects: Rejects) -> Floats:
    """1 or 0 by row, NaN where the row has no such answer; those rows are marked."""
    codes = column.values
    rejects.add(codes == UNKNOWN, "unlabelled")
    rejects.add(codes == UNSURE, "unsure")
    rejects.add(codes == OTHER, "not_an_answer")
    return np.where((codes == 0) | (codes == 1), codes, np.nan)


def _without_weight(weights: Floats, kept: Bools) -> Bools:
    """The rows that count for nothing: their weight is 0, or vanishes beside the largest one."""
    largest = weights[kept].max(initial=0.0)
    none: Bools = (weights / largest if largest else weights) == 0
    return none


def _telling_rows(
    chains: npt.NDArray[np.object_], codes: npt.NDArray[np.int8], kept: Bools
) -> npt.NDArray[np.intp]:
    """One row of each chain: a labelled one, else one with something that is no label, else the last."""
    telling: dict[object, int] = {}
    rank = np.select([(codes == 0) | (codes == 1), codes != UNKNOWN], [2, 1], 0).tolist()
    for row in np.flatnonzero(kept).tolist():
        known = telling.get(chains[row])
        if known is None or rank[row] >= rank[known]:
            telling[chains[row]] = row
    return np.array(list(telling.values()), dtype=np.intp)


def _no_thousands(table: TableFile, names: Mapping[str, str]) -> None:
    """In a file with decimal commas a weight of 1.000 may be a thousand: that is not guessed."""
    if not table.decimal_comma:
        return
    columns = {role: Texts(names[role], raw=True) for role in ("confidence", "weight")}
    rows = table.read({**columns, "number": Numbers(names["confidence"])})
    commas = any("," in (text or "") for role in columns for text in rows[role].values)
    texts = rows["weight"].values
    row = next((i for i, text in enumerate(texts) if text and THOUSANDS.match(text)), None)
    if commas and row is not None:
        place = table.place(int(rows.record[row]))
        raise InvalidInput(
            f"{place}, column {names['weight']!r}: {texts[row]!r} stands beside numbers with a decimal "
            "comma, so that it may be in thousands: write weights without a point"
        )


def _something_equal(table: TableFile, rows: Rows, roles: Roles) -> None:
    """Two columns that never agree are written in different ways, not always wrong."""
    codes, class_name = rows["correct"].values, str(roles.said)
    known = np.flatnonzero(codes != UNKNOWN)
    if not len(known) or (codes == 1).any():
        return
    row, truth = int(rows.record[known[0]]), roles.columns["correct"]
    raise InvalidInput(
        f"{table.place(row)}: {class_name!r} is {table.shown(row, class_name)} where {truth!r} is "
        f"{table.shown(row, truth)}, and no row has the same in both: write them alike"
    )


def _nothing_left(path: Path, names: Mapping[str, str], rejected: Mapping[str, int]) -> InvalidInput:
    kinds = (f"{count:,} {kind.replace('_', ' ')}" for kind, count in rejected.items())
    return InvalidInput(
        f"{path}: no row can be used ({', '.join(kinds) or 'it is empty'}). {names['confidence']!r} must "
        f"hold numbers from 0 to 1 (85% is written 0.85) and {names['correct']!r} 1 or 0"
        + (f", and {names['weight']!r} numbers above 0" if "weight" in names else "")
    )
