"""What calib.toml says of a probe."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from calib.setting_key import Frozen, Share, key, known_zone


class ProbeSettings(Frozen):
    """A fixed set of labelled questions that a model is asked again on a schedule."""

    file: str = key(
        ..., "CSV or Parquet with the columns id, question and answer.", "questions.csv", min_length=1
    )
    endpoint: str = key(..., "The address before /chat/completions.", "https://model.example/v1")
    model: str = key(..., "The model to ask for.", "gpt-4o", min_length=1, max_length=200)
    api_key_env: str | None = key(
        None,
        "The environment variable that holds the API key; without it no key is sent.",
        "MODEL_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    )
    request: dict[str, Any] = key({}, "More fields of each request.", {"temperature": 0})
    match: Literal["text", "number", "choice"] = key(
        "text", "When an answer is correct: the same text, the same number, or the same letter of a choice."
    )
    size: Literal["large", "small"] = key("large", "The instruction: for large models or for small ones.")
    framings: int = key(1, "In how many ways each question is asked.", ge=1, le=7)
    every: Literal["month", "week", "day"] = key("day", "The questions are asked once in each.")
    timezone: str = key("UTC", "Bounds that period.")
    concurrency: int = key(4, "How many requests are sent at the same time.", ge=1, le=256)
    attempts: int = key(4, "How often a request is tried that fails for now.", ge=1, le=20)
    timeout_seconds: float = key(60, "For one request, in seconds.", gt=0, le=3600)
    deadline_minutes: float = key(
        30, "For a whole run, in minutes; replies that came by then count.", gt=0, le=24 * 60
    )
    max_rise: Share = key(0.03, "The rise of the calibration error (ECE) that matters.")
    false_alarms_per_year: float = key(
        0.5, "How many false alarms per year all runs of the probe may cause together.", gt=0, le=12
    )
    least_readable: float = key(
        0.9, "The share of questions with a readable reply below which no verdict is given.", gt=0, le=1
    )
    keep_replies_days: int = key(90, "How long the model's replies are kept, in days.", ge=0)

    _zone = field_validator("timezone")(known_zone)

    @field_validator("endpoint")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write the address before /chat/completions, like https://HOST/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("put the key in the environment variable named by api_key_env, not in the URL")
        return url

    @field_validator("request")
    @classmethod
    def _additional(cls, request: dict[str, Any]) -> dict[str, Any]:
        reserved = sorted({"model", "messages", "stream"} & set(request))
        if reserved:
            raise ValueError(f"request may not set {reserved[0]!r}: the probe does")
        return request
