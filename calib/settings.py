"""One frozen settings object from `calib.toml` and the environment. Read by cli and flows alone.

Every top-level key can be overridden by an environment variable: `CALIB_DATABASE`, `CALIB_STORE`,
`CALIB_SLACK__CHANNEL`. Slack's token comes from `SLACK_BOT_TOKEN` and is never written anywhere.
"""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from calib.errors import InvalidInput

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SCHEMA = re.compile(r"(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}")
T = TypeVar("T")
Share = Annotated[float, Field(gt=0, lt=1)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone is called {name!r}: write one like Europe/Vienna") from None
    return name


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(_Frozen):
    """Which column of the traffic means what."""

    id: str = "prediction_id"
    ts: str = "ts"
    confidence: str = "raw_confidence"
    segment: str | None = None
    scope: dict[str, str] = {}
    context: tuple[str, ...] = ()
    judge: str | None = None
    cluster: str | None = None
    trace: str | None = None
    served: str | None = None
    mapping: str | None = None


class Review(_Frozen):
    """Where labels come from."""

    kind: Literal["builtin", "label-studio", "files", "outcomes"] = "builtin"
    column: str | None = None
    at: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "outcomes" and not self.column:
            raise ValueError('outcomes need the column that holds them: add column = "correct"')
        if self.kind != "outcomes" and (self.column or self.at):
            raise ValueError(f'column and at belong to kind = "outcomes", not to {self.kind!r}')
        return self


class Stream(_Frozen):
    """One confidence signal that is watched."""

    traffic: str = Field(min_length=1)
    columns: Columns = Columns()
    where: dict[str, str | int | float | bool] = {}
    scope: dict[str, str] = {}
    review: Review = Review()
    labels: int = Field(default=500, ge=20, le=1_000_000)
    period: Literal["month", "week", "day"] = "month"
    timezone: str = "UTC"
    settle_hours: float = Field(default=24, ge=0, le=24 * 60)
    threshold: Share | None = None
    keep_context_days: int = Field(default=90, ge=0)
    max_rise: Share = 0.03
    targets: tuple[Share, ...] = (0.90, 0.95)
    false_alarms_per_year: float = Field(default=0.5, gt=0, le=12)
    close_after_days: float = Field(default=14, gt=0, le=366)
    double_review: float = Field(default=0.1, ge=0, le=1)
    seed: str | None = Field(
        default=None, min_length=1, max_length=64
    )  # of the draw; the stream's name if unset

    _zone = field_validator("timezone")(_known_zone)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        missing = sorted(set(self.columns.scope) - set(self.scope))
        if missing:
            raise ValueError(
                f"columns.scope names {missing[0]!r}, which scope gives no value: add it to scope"
            )
        if self.columns.mapping and not self.columns.served:
            raise ValueError(
                "columns.mapping without columns.served: name the column of served confidences too"
            )
        return self


class Probe(_Frozen):
    """A fixed set of labelled questions that a model is asked again on a schedule."""

    file: str = Field(min_length=1)
    endpoint: str
    model: str = Field(min_length=1, max_length=200)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    request: dict[str, Any] = {}
    match: Literal["text", "number", "choice"] = "text"
    size: Literal["large", "small"] = "large"
    framings: int = Field(default=1, ge=1, le=7)
    every: Literal["month", "week", "day"] = "day"
    timezone: str = "UTC"
    concurrency: int = Field(default=4, ge=1, le=256)
    attempts: int = Field(default=4, ge=1, le=20)
    timeout_seconds: float = Field(default=60, gt=0, le=3600)
    deadline_minutes: float = Field(default=30, gt=0, le=24 * 60)
    max_rise: Share = 0.03
    false_alarms_per_year: float = Field(default=0.5, gt=0, le=12)
    least_readable: float = Field(default=0.9, gt=0, le=1)
    keep_replies_days: int = Field(default=90, ge=0)

    _zone = field_validator("timezone")(_known_zone)

    @field_validator("endpoint")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write the address before /chat/completions, like https://HOST/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("a key does not belong into the address: name its variable in api_key_env")
        return url

    @field_validator("request")
    @classmethod
    def _additional(cls, request: dict[str, Any]) -> dict[str, Any]:
        taken = sorted({"model", "messages", "stream"} & set(request))
        if taken:
            raise ValueError(f"request may not set {taken[0]!r}: the probe does")
        return request


class Slack(_Frozen):
    """Where alerts go; without a token they go to the terminal."""

    base_url: str = "https://slack.com/api/"
    channel: str = "#ml-calibration"


class Settings(BaseSettings):
    """Everything that a deployment says about itself."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CALIB_", env_nested_delimiter="__"
    )

    database: str = "sqlite:///calib.db"
    store: str = "file:mappings"
    slack: Slack = Slack()
    streams: dict[str, Stream] = {}
    probes: dict[str, Probe] = {}
    # `schema` in the file; the name itself is one of pydantic's
    database_schema: str | None = Field(default=None, validation_alias="CALIB_SCHEMA")
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
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

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
                f"{both[0]!r} names a stream and a probe, whose alerts could not be told apart: rename one"
            )
        return self

    def stream(self, name: str) -> Stream:
        """The stream of this name; `InvalidInput` with the nearest name where there is none."""
        return _named("stream", self.streams, name)

    def probe(self, name: str) -> Probe:
        """The probe of this name; `InvalidInput` with the nearest name where there is none."""
        return _named("probe", self.probes, name)

    @property
    def database_url(self) -> str:
        """The database's URL with a relative SQLite path resolved against the settings' folder."""
        scheme, slashes, path = self.database.partition(":///")
        if scheme.startswith("sqlite") and slashes and path and path != ":memory:":
            return f"{scheme}:///{(self.folder / path).as_posix()}"
        return self.database


def _named(what: str, there: dict[str, T], name: str) -> T:
    try:
        return there[name]
    except KeyError:
        near = get_close_matches(name, there, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(there) or 'none'}"
        raise InvalidInput(f"calib.toml has no {what} {name!r}{hint}") from None


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
    line = _line_of(text, loc)
    where = f"{path}:{line}" if line else str(path)
    key = ".".join(loc)
    if error["type"] == "extra_forbidden":
        near = get_close_matches(loc[-1], _known_keys(loc[:-1]), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "take it out"
        return f"{where}: {key} is not a setting; {remedy}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {key or 'settings'}: {message}"


def _known_keys(loc: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    nested: dict[str, type[BaseModel]] = {"slack": Slack, "columns": Columns, "review": Review}
    if loc[:1] in (["streams"], ["probes"]):
        model = Stream if loc[0] == "streams" else Probe
        loc = loc[2:]
    for part in loc:
        model = nested.get(part, model)
    names = ["schema" if name == "database_schema" else name for name in model.model_fields]
    return [name for name in names if name not in ("folder", "slack_token")]


def _line_of(text: str, loc: list[str]) -> int | None:
    """The line that sets the deepest part of `loc`; TOML parsers of the standard library keep none."""
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^\]]+)\]", line):
            table = [part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", header[1])]
            candidate = table
        elif pair := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            candidate = [*table, pair[1].strip("\"'")]
        else:
            continue
        depth = len(candidate)
        if candidate == loc[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
