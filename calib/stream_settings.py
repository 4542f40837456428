"""What `calib.toml` says of one stream: its traffic, its columns, where labels come from, its budgets."""

from __future__ import annotations

import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from calib.policy import ALL_LABELS, MAX_REJECTED
from calib.redaction import shown
from calib.setting_key import Frozen as _Frozen
from calib.setting_key import Share
from calib.setting_key import key as _key
from calib.setting_key import known_zone as _known_zone

OWNER = re.compile(r"@[a-z0-9][a-z0-9._-]{0,79}|[UWS][A-Z0-9]{8,}")  # handles of Slack are lower case
COMPARED = ("confidence", "segment", "served", "judge")  # whose drift is shown without being asked for
NOT_COMPARED = ("id", "ts", "trace", "cluster", "mapping")


class ColumnSettings(_Frozen):
    """Which column of the traffic means what."""

    id: str = _key("prediction_id", "Identifies a prediction; it must be unique within a period.")
    ts: str = _key("ts", "The time of the prediction.")
    confidence: str = _key("raw_confidence", "The confidence that the model stated, from 0 to 1.")
    segment: str | None = _key(
        None, "A group inside the stream that is also measured alone, such as a language.", "segment"
    )
    scope: dict[str, str] = _key(
        {}, "For each key of `scope` its column. Rows with another value are left out.", {"model": "model"}
    )
    context: tuple[str, ...] = _key((), "What reviewers see beside each item.", ["question", "answer"])
    judge: str | None = _key(
        None,
        "A cheap 0 or 1 for every row, such as a model that grades; labels then count for more.",
        "judge",
    )
    cluster: str | None = _key(
        None, "What rows have in common, such as a conversation: they are not independent.", "conversation_id"
    )
    trace: str | None = _key(
        None, "An identifier by which reviewers find the row's trace: a column of their sheet.", "trace_id"
    )
    served: str | None = _key(
        None, "The calibrated confidence that production used, as the client logs it.", "served"
    )
    mapping: str | None = _key(None, "The digest of the mapping that made it.", "mapping")
    drift: tuple[str, ...] = _key(
        (),
        "Columns whose distribution in a period's sample is compared with the baseline's, in the workspace "
        "of Evidently: numbers, or short words that repeat.",
        ["country", "input_tokens"],
        max_length=20,
    )

    @model_validator(mode="after")
    def _drift_columns(self) -> Self:
        others = {name: f"columns.scope.{key}" for key, name in self.scope.items()}
        others |= {getattr(self, key): f"columns.{key}" for key in (*COMPARED, *NOT_COMPARED)}
        for i, name in enumerate(self.drift):
            if name in self.context:
                raise ValueError(
                    f"drift names {name!r}, which reviewers see as context: such texts never leave the "
                    "database. Take it out of drift, or out of context"
                )
            if name in self.drift[:i]:
                raise ValueError(f"drift names {name!r} twice: write it once")
            if key := others.get(name):
                known = key.removeprefix("columns.") in COMPARED
                why = "is compared anyway" if known else "holds no distribution that could be compared"
                raise ValueError(f"drift names {name!r}, which is {key} and {why}: take it out of drift")
        return self


class Review(_Frozen):
    """Where labels come from."""

    kind: Literal["builtin", "label-studio", "files", "outcomes"] = _key(
        "builtin",
        "How labels are made: on the page of `calib web` or by file (`builtin`), by file (`files`), in a "
        "project of Label Studio (`label-studio`), or `outcomes` that arrive by themselves in a table.",
    )
    source: str | None = _key(
        None,
        "With `outcomes`: the table that holds them, written like `traffic`. Without it they are in the "
        "traffic's own table.",
        "parquet:labels/*.parquet",
        min_length=1,
    )
    id: str | None = _key(
        None,
        "With `source`: its column of the prediction's id; the name that it has in the traffic if not set.",
        "prediction_id",
    )
    column: str | None = _key(
        None, "With `outcomes`: the column that says whether the prediction was correct.", "correct"
    )
    at: str | None = _key(
        None, "With `outcomes`: the column with the time at which that was known.", "label_ts"
    )
    url: str | None = _key(
        None,
        "With `label-studio`: the address of Label Studio. The key is read from LABEL_STUDIO_API_KEY, never "
        "from here.",
        "https://labels.example",
    )
    project: str | None = _key(
        None,
        "With `label-studio`: the project's name, which is made where it does not exist, or its id; "
        "calibwatch and the stream's name if not set.",
        "triage labels",
        max_length=50,
    )
    channel: str | None = _key(
        None,
        "Where Slack tells reviewers that a sample waits; the channel of all alerts if not set.",
        "#labels",
        min_length=2,
        max_length=81,
    )

    @field_validator("project", mode="before")
    @classmethod
    def _id(cls, project: Any) -> Any:
        return str(project) if type(project) is int else project

    @field_validator("project")
    @classmethod
    def _name(cls, project: str | None) -> str | None:
        if project is not None and not project.isdecimal() and len(project.strip()) < 3:
            raise ValueError(f"{project!r} is too short for Label Studio: write a name of 3 to 50 characters")
        return project

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{shown(url)!r} is not the address of Label Studio: write https://HOST/PATH")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "url names a user, with a password or without: the key belongs into LABEL_STUDIO_API_KEY"
            )
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "outcomes" and not self.column:
            raise ValueError('outcomes need the column that holds them: add column = "correct"')
        if self.kind != "outcomes" and (self.column or self.at or self.source or self.id):
            raise ValueError(f'source, id, column and at belong to kind = "outcomes", not to {self.kind!r}')
        if self.id and not self.source:
            raise ValueError("id names a column of source: add source, or take id out")
        if self.kind == "label-studio" and not self.url:
            raise ValueError('label-studio needs the address of Label Studio: add url = "https://HOST"')
        if self.kind != "label-studio" and (self.url or self.project):
            raise ValueError(f'url and project belong to kind = "label-studio", not to {self.kind!r}')
        if self.kind == "outcomes" and self.channel:
            raise ValueError("channel is for reviewers, and outcomes need none: take it out")
        return self


class Stream(_Frozen):
    """One confidence signal that is watched."""

    traffic: str = _key(
        ...,
        "The table of predictions: parquet:GLOB, csv:GLOB, duckdb:FILE#TABLE, sqlite:FILE#TABLE, "
        "postgresql://HOST/DB#TABLE.",
        "parquet:traffic/*.parquet",
        min_length=1,
    )
    columns: ColumnSettings = ColumnSettings()
    where: dict[str, str | int | float | bool] = _key(
        {}, "Only rows with these values belong to the stream.", {"task": "triage"}
    )
    scope: dict[str, str] = _key(
        {},
        "What a mapping is valid for. Change it whenever the model or the prompt changes.",
        {"model": "gpt-4o", "prompt": "triage-v7"},
    )
    review: Review = Review()
    guidelines: str | None = _key(
        None,
        "A Markdown file that says when an answer is correct; reviewers see it beside each item.",
        "guidelines.md",
        min_length=1,
    )
    labels: int = _key(
        500,
        'How many rows are labelled in each period. With `outcomes` the default is "all": every row, '
        f"up to {ALL_LABELS:,}.",
        ge=20,
        le=1_000_000,
    )
    period: Literal["month", "week", "day"] = _key("month", "How often the stream is measured.")
    timezone: str = _key(
        "UTC",
        "Bounds the period, and stays once the stream has windows; times without a time zone are read in it.",
    )
    settle_hours: float = _key(
        24, "How long after the end of a period rows may still arrive.", ge=0, le=24 * 60
    )
    threshold: Share | None = _key(
        None, "The confidence from which production acts today; reports say what it really achieves.", 0.9
    )
    keep_context_days: int = _key(
        90, "How long reviewers' texts are kept after a period is closed, in days.", ge=0
    )
    max_rise: Share = _key(0.03, "The rise of the calibration error (ECE) that matters.")
    max_ece: float = _key(
        0.10, "The served ECE beyond which a change of scope is an alert; 1 for none.", gt=0, le=1
    )
    targets: tuple[Share, ...] = _key(
        (0.90, 0.95), "Accuracies for which a confidence threshold is proven, where the labels suffice."
    )
    false_alarms_per_year: float = _key(
        0.5, "How many false alarms per year all tests of the stream may cause together.", gt=0, le=12
    )
    close_after_days: float = _key(
        14, "After how many days a period is evaluated with the labels that have arrived.", gt=0, le=366
    )
    max_rejected: float = _key(MAX_REJECTED, "The share of rows that may be unreadable.", ge=0, le=1)
    scale: float = _key(1, "What stated confidences are out of: 100 for percent.", ge=1, allow_inf_nan=False)
    double_review: float = _key(0.1, "The share of the sample that a second person labels too.", ge=0, le=1)
    owner: str | None = _key(
        None,
        "Who is mentioned in Slack when something acts wrongly now: the handle of a user group or a person, "
        "or an id of Slack (U… or W… for a person, S… for a group).",
        "@ml-oncall",
    )
    quiet_line: bool = _key(False, "Whether a period without any finding is told too, in one quiet line.")
    seed: str | None = _key(
        None,
        "Seeds the random sample; the name of the stream if not set.",
        "seed",
        min_length=1,
        max_length=64,
    )

    _zone = field_validator("timezone")(_known_zone)

    @field_validator("owner")
    @classmethod
    def _mentionable(cls, owner: str | None) -> str | None:
        if owner is None:
            return None
        if owner.lower() in ("@here", "@channel", "@everyone"):
            raise ValueError(f"{owner} would call a whole channel: name a group or a person, like @ml-oncall")
        if not OWNER.fullmatch(owner):
            raise ValueError(
                f"{owner!r} names nobody in Slack: write the handle of a user group or a person, like "
                "@ml-oncall, or an id, which is U, W or S and eight or more capitals and digits"
            )
        return owner

    @model_validator(mode="before")
    @classmethod
    def _all_labels(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        review = values.get("review")
        free = (
            review.get("kind") if isinstance(review, dict) else getattr(review, "kind", None)
        ) == "outcomes"
        labels = values.get("labels", "all" if free else None)
        if labels == "all" and not free:
            raise ValueError('labels = "all" is for outcomes, which cost nobody any time: write a number')
        return values | {"labels": ALL_LABELS} if labels == "all" else values

    @model_validator(mode="after")
    def _agree(self) -> Self:
        missing = sorted(set(self.columns.scope) - set(self.scope))
        if missing:
            raise ValueError(
                f"columns.scope names {missing[0]!r}, which scope gives no value: add it to scope"
            )
        if self.columns.mapping and not self.columns.served:
            raise ValueError("columns.mapping without columns.served: name the served confidences too")
        return self
