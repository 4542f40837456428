"""One frozen settings object from `calib.toml` and the environment. Read by cli and flows alone.

Every top-level key can be overridden by an environment variable: `CALIB_DATABASE`, `CALIB_STORE`,
`CALIB_SLACK__CHANNEL`. Slack's token comes from `SLACK_BOT_TOKEN` and is never written anywhere.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from calib.errors import InvalidInput
from calib.local_paths import local_path
from calib.policy import ALL_LABELS, MAX_REJECTED
from calib.probe_settings import ProbeSettings
from calib.redaction import shown
from calib.setting_key import Frozen as _Frozen
from calib.setting_key import Share
from calib.setting_key import key as _key
from calib.setting_key import known_zone as _known_zone
from calib.text import did_you_mean
from calib.toml_lines import line_of

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SCHEMA = re.compile(r"(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}")
T = TypeVar("T")


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


class Review(_Frozen):
    """Where labels come from."""

    kind: Literal["builtin", "label-studio", "files", "outcomes"] = _key(
        "builtin",
        "How labels are made: by file (`builtin` and `files`), or `outcomes` that arrive by themselves in a "
        "table. `label-studio` is not built yet and refused.",
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

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "outcomes" and not self.column:
            raise ValueError('outcomes need the column that holds them: add column = "correct"')
        if self.kind != "outcomes" and (self.column or self.at or self.source or self.id):
            raise ValueError(f'source, id, column and at belong to kind = "outcomes", not to {self.kind!r}')
        if self.id and not self.source:
            raise ValueError("id names a column of source: add source, or take id out")
        if self.kind == "label-studio":
            raise ValueError(
                'kind = "label-studio" is not built yet, so that nobody would be asked to label: write '
                'kind = "files" and label with `calib labels export` and `calib labels import`'
            )
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
    labels: int = _key(
        500,
        'How many rows are labelled in each period. With `outcomes` the default is "all": every row, '
        f"up to {ALL_LABELS:,}.",
        ge=20,
        le=1_000_000,
    )
    period: Literal["month", "week", "day"] = _key("month", "How often the stream is measured.")
    timezone: str = _key("UTC", "Bounds the period; times without a time zone are read in it.")
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
    seed: str | None = _key(
        None,
        "Seeds the random sample; the name of the stream if not set.",
        "seed",
        min_length=1,
        max_length=64,
    )

    _zone = field_validator("timezone")(_known_zone)

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


class Web(_Frozen):
    """Where people read in a browser what calibwatch writes."""

    url: str | None = _key(
        None,
        "The web server that shows the store, for links to reports in alerts; else they name the store "
        "itself.",
        "https://calib.example",
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise ValueError(f"{shown(url)!r} is not the address of a web server: write https://HOST/PATH")
        return url


class Slack(_Frozen):
    """Where alerts go; without a token they go to the terminal."""

    base_url: str = _key("https://slack.com/api/", "The address of Slack; another one is for tests.")
    channel: str = _key(
        "#ml-calibration", "Where alerts are posted. The token is read from SLACK_BOT_TOKEN, never from here."
    )


class _Environment(EnvSettingsSource):
    """What the environment sets; where relative paths start is not for it to say."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if field_name == "folder":
            return None, field_name, False
        return super().get_field_value(field, field_name)


class Settings(BaseSettings):
    """Everything that a deployment says about itself."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CALIB_", env_nested_delimiter="__"
    )

    database: str = _key(
        "sqlite:///calib.db", "Periods, labels and alerts: sqlite:///FILE or postgresql+psycopg://…"
    )
    store: str = _key("file:mappings", "The mappings: file:FOLDER, s3://BUCKET/PREFIX, gs://…, az://…")
    reports: bool = _key(True, "Whether the report of each closed period is kept in the store.")
    slack: Slack = Slack()
    web: Web = Web()
    streams: dict[str, Stream] = {}
    probes: dict[str, ProbeSettings] = {}
    # `schema` in the file; the name itself is one of pydantic's
    database_schema: str | None = _key(
        None,
        "The schema of PostgreSQL that the tables are made in; SQLite has none.",
        "calib",
        validation_alias="CALIB_SCHEMA",
        serialization_alias="schema",
    )
    slack_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    folder: Path = Path()  # of calib.toml: relative paths start there

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        del env_settings, dotenv_settings, file_secret_settings
        return _Environment(settings_cls), init_settings

    @field_validator("streams", "probes")
    @classmethod
    def _names(cls, named: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name in named:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot name a {str(info.field_name)[:-1]}: up to 63 of a-z 0-9 . _ -, "
                    "a letter or a digit first"
                )
        return named

    @field_validator("database_schema")
    @classmethod
    def _schema(cls, name: str | None) -> str | None:
        if name is not None and not SCHEMA.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a schema of PostgreSQL: up to 63 of a-z 0-9 _, no digit first, "
                'and not one of PostgreSQL\'s own (pg_…, information_schema). Write schema = "calib"'
            )
        return name

    @model_validator(mode="after")
    def _schema_of_postgresql(self) -> Self:
        if self.database_schema is not None and self.database.startswith("sqlite"):
            raise ValueError("schema belongs to PostgreSQL; SQLite has none: take it out, or change database")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = sorted(set(self.streams) & set(self.probes))
        if both:
            raise ValueError(
                f"{both[0]!r} names a stream and a probe, whose alerts could not be distinguished: rename one"
            )
        return self

    def stream(self, name: str) -> Stream:
        """The stream of this name; `InvalidInput` with the nearest name where there is none."""
        return _named("stream", self.streams, name)

    def probe(self, name: str) -> ProbeSettings:
        """The probe of this name; `InvalidInput` with the nearest name where there is none."""
        return _named("probe", self.probes, name)

    @property
    def database_url(self) -> str:
        """The database's URL with a relative SQLite path resolved against the settings' folder."""
        scheme, slashes, path = self.database.partition(":///")
        if scheme.startswith("sqlite") and slashes and path and path != ":memory:":
            return f"{scheme}:///{local_path(path, base=self.folder).as_posix()}"
        return self.database


def _named(kind: str, entries: dict[str, T], name: str) -> T:
    try:
        return entries[name]
    except KeyError:
        hint = did_you_mean(name, entries) or f"it has {', '.join(entries) or 'none'}"
        raise InvalidInput(f"calib.toml has no {kind} {name!r}; {hint}") from None


def load(path: Path) -> Settings:
    """Read settings from a TOML file and the environment.

    Raises `InvalidInput` that names the line and the remedy for an unreadable file, an unknown key, a
    contradiction or an impossible number.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(
            f"{path} is not there: write it (the README has one to start from) or name another with --config"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as UTF-8 text: {error}") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from None
    for key in ("folder", "slack_token", "SLACK_BOT_TOKEN", "database_schema", "CALIB_SCHEMA"):
        if key in values:
            raise InvalidInput(f"{path}: {key!r} is not a setting of the file; take it out")
    if "schema" in values:
        values["CALIB_SCHEMA"] = values.pop("schema")
    try:
        return Settings(**values, folder=path.resolve().parent)
    except ValidationError as error:
        raise InvalidInput("\n".join(_explain(path, text, dict(item)) for item in error.errors())) from None


def _explain(path: Path, text: str, error: dict[str, Any]) -> str:
    loc = ["schema" if part == "CALIB_SCHEMA" else str(part) for part in error["loc"]]
    line = line_of(text, loc)
    where = f"{path}:{line}" if line else str(path)
    key = ".".join(loc)
    if error["type"] == "extra_forbidden":
        remedy = did_you_mean(loc[-1], _known_keys(loc[:-1])) or "take it out"
        return f"{where}: {key} is not a setting; {remedy}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {key or 'settings'}: {message}"


def _known_keys(loc: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    nested: dict[str, type[BaseModel]] = {"columns": ColumnSettings, "review": Review}
    nested |= {"slack": Slack, "web": Web}
    if loc[:1] in (["streams"], ["probes"]):
        model = Stream if loc[0] == "streams" else ProbeSettings
        loc = loc[2:]
    for part in loc:
        model = nested.get(part, model)
    names = ["schema" if name == "database_schema" else name for name in model.model_fields]
    return [name for name in names if name not in ("folder", "slack_token")]
