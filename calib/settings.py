"""One frozen settings object from `calib.toml` and the environment. Read by cli and flows alone.

Every top-level key can be overridden by an environment variable: `CALIB_DATABASE`, `CALIB_STORE`,
`CALIB_SLACK__CHANNEL`. Secrets come from the environment alone and are never written anywhere: Slack's token
from `SLACK_BOT_TOKEN`, the address of an incoming webhook of Slack from `SLACK_WEBHOOK_URL`, what signs other
webhooks from `CALIB_WEBHOOK_SECRET`, and what lets Prometheus read `/metrics` of `calib web` from
`CALIB_METRICS_TOKEN`. One that is set and empty counts as not set.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Self, TypeVar
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
from calib.probe_settings import ProbeSettings
from calib.redaction import shown
from calib.setting_key import Frozen as _Frozen
from calib.setting_key import key as _key
from calib.stream_settings import ColumnSettings, Review, Stream
from calib.text import did_you_mean
from calib.toml_lines import line_of
from calib.web_addresses import refusal

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?")
SECRETS = {  # by setting, the environment variable
    "slack_token": "SLACK_BOT_TOKEN",
    "slack_webhook": "SLACK_WEBHOOK_URL",
    "webhook_secret": "CALIB_WEBHOOK_SECRET",
    "metrics_token": "CALIB_METRICS_TOKEN",
    "label_studio_key": "LABEL_STUDIO_API_KEY",
}
LEAST_TOKEN = 16  # characters: what opens a page must not be guessed
SCHEMA = re.compile(r"(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}")
T = TypeVar("T")


class Web(_Frozen):
    """Where people label in a browser, and read what calibwatch writes."""

    url: str | None = _key(
        None,
        "The address under which people reach `calib web`: links in messages and of sign-in begin with it. "
        "Without it, links to reports name the store itself.",
        "https://calib.example",
    )
    images: tuple[str, ...] = _key(
        (),
        "Where pictures in reviewers' texts may be loaded from; any other picture is shown as a link. "
        "Whoever serves a picture learns who reads the text, and when.",
        ["https://images.example"],
    )

    runbook: str | None = _key(
        None,
        "A page with your runbook, for links in alerts: the kind of the alert is put behind it as #KIND; "
        "else they name the command that prints the steps.",
        "https://wiki.example/calibwatch",
    )

    @field_validator("url", "runbook")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise ValueError(f"{shown(url)!r} is not the address of a web server: write https://HOST/PATH")
        return url

    @field_validator("images")
    @classmethod
    def _origins(cls, images: tuple[str, ...]) -> tuple[str, ...]:
        for origin in images:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{shown(origin)!r} is not where pictures come from: write scheme and host alone, "
                    "in lower case, as in https://images.example"
                )
        return images


class Notify(_Frozen):
    """Who else is told, beside Slack."""

    webhook: str | None = _key(
        None,
        "An address that takes each alert as signed JSON by POST, for pagers and other chats. The secret is "
        "read from CALIB_WEBHOOK_SECRET, never from here.",
        "https://alerts.example/calibwatch",
    )
    ping: SecretStr | None = _key(
        None,
        "Called after each watchdog run that found nothing: whoever listens there raises an alarm when the "
        "calls stop.",
        "https://ping.example/your-check",
    )
    terminal: bool = _key(
        False,
        "Whether somebody reads what the jobs write to standard error, as where logs are collected: alerts "
        "are then delivered there too. A person at a terminal is noticed without it.",
    )

    @field_validator("webhook")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None and (why := refusal(url)):
            raise ValueError(f"{shown(url)!r} {why}")
        return url

    @field_validator("ping")
    @classmethod
    def _reachable(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            local = parts.hostname in ("127.0.0.1", "::1", "localhost")
            if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
                raise ValueError(
                    "write an address that begins with https://; http:// is for this machine alone"
                )
        return url


class Slack(_Frozen):
    """Where alerts go; without a token or a webhook they go to the terminal of whoever runs a verb."""

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
    keep_results_years: int | None = _key(
        None,
        "After how many years windows with their labels, alerts and runs of probes are deleted from the "
        "database; without it they stay. What is in the store stays anyway.",
        3,
        ge=1,
    )
    slack: Slack = Slack()
    web: Web = Web()
    notify: Notify = Notify()
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
    label_studio_key: SecretStr | None = Field(default=None, validation_alias="LABEL_STUDIO_API_KEY")
    slack_webhook: SecretStr | None = Field(default=None, validation_alias="SLACK_WEBHOOK_URL")
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="CALIB_WEBHOOK_SECRET")
    metrics_token: SecretStr | None = Field(default=None, validation_alias="CALIB_METRICS_TOKEN")
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

    @field_validator(*SECRETS, mode="before")
    @classmethod
    def _empty_is_unset(cls, secret: Any) -> Any:
        return None if isinstance(secret, str) and not secret.strip() else secret

    @field_validator("metrics_token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < LEAST_TOKEN:
            raise ValueError(f"it is too short: {LEAST_TOKEN} characters or more are needed")
        return token

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
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a mark
    except FileNotFoundError:
        raise InvalidInput(
            f"{path} is not there: write it (the README has one to start from) or name another with --config"
        ) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from None
    for key in ("folder", *SECRETS, *SECRETS.values(), "database_schema", "CALIB_SCHEMA"):
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
    nested |= {"slack": Slack, "web": Web, "notify": Notify}
    if loc[:1] in (["streams"], ["probes"]):
        model = Stream if loc[0] == "streams" else ProbeSettings
        loc = loc[2:]
    for part in loc:
        model = nested.get(part, model)
    names = ["schema" if name == "database_schema" else name for name in model.model_fields]
    return [name for name in names if name not in ("folder", *SECRETS)]
