"""The objects of the verbs that set up a project, and of those that carry labels by file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from calib.json_object import Json
from calib.results.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReject:
    """The first row of a kind that does not count: what `column` holds, in short, and where it is.

    `where`: the file and the line; None where an engine holds the rows. `id` is None where the row has none.
    """

    kind: str
    column: str
    value: str | None
    looks: str
    id: str | None
    where: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficChecked:
    """A stream's traffic: its columns with their types, its first and last time, and its newest period.

    `population` rows of the period count, `rejected` do not, by kind, and of each kind `first` has one row.
    `rounded`: rows that count whose confidence lies just beyond 0 or 1. `scope`: for each key the values of
    the period with their rows, the most frequent ones. `outcomes`: the rows of the period by what their
    outcome says: `correct`, `incorrect`, `not_yet_known`, `not_an_answer`; None where outcomes do not arrive
    in the traffic. `period` is None where no row has a time.
    """

    columns: dict[str, str]
    first_time: str | None
    last_time: str | None
    period: str | None
    population: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    rounded: int = 0
    first: tuple[FirstReject, ...] = ()
    scope: dict[str, dict[str, int]] = field(default_factory=dict)
    outcomes: dict[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One connection or setting: whether it works, and what it says; `exit_code` is None where it works.

    `traffic`: what was found in a stream's table, None for all else and for a table that cannot be read.
    """

    what: str
    ok: bool
    says: str
    exit_code: int | None = None
    traffic: TrafficChecked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Every connection and setting; `ok` where all work."""

    ok: bool
    checks: tuple[CheckLine, ...]

    def to_json(self) -> Json:
        """The object of `calib check`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationResult:
    """The database, without its password, its PostgreSQL schema, and the version of its tables.

    `before` is None where there were no tables.
    """

    database: str
    schema: str | None
    before: str | None
    after: str

    def to_json(self) -> Json:
        """The object of `calib db migrate`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChecked:
    """What stands in the database, in words; the server with its version; the rows of each table.

    `server` is empty and there are no rows where nothing was made yet.
    """

    says: str
    server: str
    rows: dict[str, int]

    def to_json(self) -> Json:
        """The object of `calib db check`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpResult:
    """The database, without its password, the file of its copy, and the rows of each table."""

    database: str
    file: str
    rows: dict[str, int]

    def to_json(self) -> Json:
        """The object of `calib db dump` and of `calib db restore`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """A working folder: its files by what became of them, what was guessed, and the next commands.

    `differs`: the kept files that this version would write otherwise. `columns`, `outcome`, `outcome_at` (the
    column that says since when an outcome is known) and `not_found` are None where no traffic was named.
    `next`: the commands to type, by what they are for.
    """

    folder: str
    written: tuple[str, ...]
    kept: tuple[str, ...]
    differs: tuple[str, ...]
    database: str
    stream: str | None
    traffic: str | None
    columns: dict[str, str | list[str]] | None
    outcome: str | None
    outcome_at: str | None
    not_found: tuple[str, ...] | None
    next: dict[str, tuple[str, ...]]

    def to_json(self) -> Json:
        """The object of `calib init`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsImported:
    """What an import did.

    `new` labels count now. `same`: that answer counted already. `corrected`: it counts in the place of the
    same person's earlier answer. `conflicts`: another answer counts; this one is kept beside it. `late`: the
    window has been evaluated without it; it counts in the baselines of later windows. `late_periods` names
    those windows. `unknown`: the id was not drawn. `unlabelled_comments`: how many rows have a comment and no
    label; such a comment is not kept. `rejected` has the first rows that were no labels,
    `disputed` the first conflicts and `changed` the first corrections, by line. `refused`: because of the
    rejected rows nothing was taken; `would_take` is then how many answers `--partial` takes.
    """

    stream: str
    new: int
    same: int
    corrected: int
    conflicts: int
    late: int
    unknown: int
    rejected_total: int
    rejected: tuple[str, ...]
    disputed: tuple[str, ...]
    changed: tuple[str, ...]
    late_periods: tuple[str, ...]
    refused: bool
    would_take: int
    unlabelled_comments: int

    def to_json(self) -> Json:
        """The object of `calib labels import`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOpinion:
    """One answer to a prediction, and who gave it."""

    by: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict:
    """One prediction with different answers: all of them, the one that counts first.

    `opinions` says who gave which. `decided_by`: who settled it; null where nobody has. `open`: it can still
    be settled.
    """

    period: str
    prediction_id: str
    answers: tuple[str, ...]
    opinions: tuple[LabelOpinion, ...]
    decided_by: str | None
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflicts:
    """The predictions of a stream with different answers, by period, the newest first."""

    stream: str
    conflicts: tuple[LabelConflict, ...]

    def to_json(self) -> Json:
        """The object of `calib labels conflicts`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDecided:
    """A decision between different answers.

    `outcome` is `new` where it counts from now on, `same` where the same person has decided so already, and
    `late` where the window has been evaluated, so that nothing was changed.
    """

    stream: str
    period: str
    prediction_id: str
    answer: str
    by: str
    outcome: Literal["new", "same", "late"]

    def to_json(self) -> Json:
        """The object of `calib labels decide`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsExported:
    """How many rows wait for an answer, and the file that they were written to."""

    stream: str
    rows: int
    to: str

    def to_json(self) -> Json:
        """The object of `calib labels export`."""
        return to_json(self)
