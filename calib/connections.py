"""What the settings name outside of this process: tables, Label Studio, and the endpoint of a probe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from calib.errors import InvalidInput
from calib.local_paths import local_path
from calib.settings import Settings
from calib.stream_settings import Review, Stream

if TYPE_CHECKING:
    from calib.probe import Endpoint, Probe
    from calib.review.label_studio_tasks import StudioPort
    from calib.traffic import LabelTable, Traffic


def traffic(name: str, stream: Stream, folder: Path, *, places: bool = False) -> Traffic:
    """The stream's traffic table; `places`: such that it can tell the file and the line of a row."""
    from calib.traffic import Columns, Traffic

    columns, review = stream.columns, stream.review
    labels = label_table(name, stream, folder)
    return Traffic(
        stream.traffic,
        columns=Columns(
            id=columns.id,
            ts=columns.ts,
            confidence=columns.confidence,
            scale=stream.scale,
            segment=columns.segment,
            scope=dict(columns.scope),
            context=columns.context,
            drift=columns.drift,
            judge=columns.judge,
            cluster=columns.cluster,
            trace=columns.trace,
            served=columns.served,
            mapping=columns.mapping,
            outcome=review.column if labels is None else None,
            outcome_at=review.at if labels is None else None,
        ),
        where=dict(stream.where),
        scope=dict(stream.scope),
        timezone=stream.timezone,
        base=folder,
        stream=name,
        late=timedelta(hours=stream.settle_hours),
        labels=labels,
        places=places,
    )


def label_table(name: str, stream: Stream, folder: Path) -> LabelTable | None:
    """The stream's table of outcomes, where they are in one of their own."""
    from calib.traffic import LabelTable

    review = stream.review
    if review.source is None or review.column is None:
        return None
    return LabelTable(
        review.source,
        id=review.id or stream.columns.id,
        column=review.column,
        at=review.at,
        timezone=stream.timezone,
        base=folder,
        stream=name,
    )


def studio_place(name: str, review: Review) -> dict[str, str] | None:
    """Where a stream is labelled in Label Studio: address and project; None where it is not."""
    if review.kind != "label-studio" or review.url is None:
        return None
    return {"url": review.url, "project": review.project or f"calibwatch {name}"[:50]}


def studio_port(name: str, place: Mapping[str, str] | None, settings: Settings) -> StudioPort:
    """How a stream gets to a place in Label Studio; `InvalidInput` where none is named or there is no key."""
    from calib.review.guidelines import read_guidelines
    from calib.review.label_studio import KEY, LabelStudio
    from calib.review.label_studio_tasks import StudioPort

    if place is None:
        raise InvalidInput(f"{name}: calib.toml names no Label Studio for this stream; set review.url")
    key = settings.label_studio_key
    if key is None or not key.get_secret_value().strip():
        raise InvalidInput(
            f"{name}: the environment variable {KEY} is not set; put a key of Label Studio there (Account & "
            "Settings: a personal access token or a legacy token)"
        )
    stream = settings.streams.get(name)
    file = None if stream is None else stream.guidelines

    def guidelines() -> str | None:
        return read_guidelines(file, base=settings.folder, stream=name)

    secret = key.get_secret_value().strip()
    return StudioPort(
        open=lambda: LabelStudio(place["url"], secret), project=place["project"], guidelines=guidelines
    )


def probe_of(name: str, all_settings: Settings) -> Probe:
    """The probe of this name."""
    from calib.probe import Probe, read_questions

    settings = all_settings.probe(name)
    return Probe(
        name=name,
        questions=read_questions(local_path(settings.file, base=all_settings.folder)),
        model=settings.model,
        endpoint=settings.endpoint,
        request=dict(settings.request),
        framings=settings.framings,
        size=settings.size,
        match=settings.match,
        every=settings.every,
        timezone=settings.timezone,
        concurrency=settings.concurrency,
        attempts=settings.attempts,
        deadline=settings.deadline_minutes * 60,
        max_rise=settings.max_rise,
        false_alarms_per_year=settings.false_alarms_per_year,
        least_readable=settings.least_readable,
    )


def endpoint_of(name: str, all_settings: Settings) -> Endpoint:
    """The endpoint of the probe of this name, with the key from the environment."""
    from calib.probe import Endpoint

    settings = all_settings.probe(name)
    key = None
    if settings.api_key_env is not None:
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise InvalidInput(
                f"probe {name}: the environment variable {settings.api_key_env} is not set; put the key "
                f"there, or take api_key_env out of [probes.{name}]"
            )
    return Endpoint(
        settings.endpoint,
        model=settings.model,
        key=key,
        request=dict(settings.request),
        timeout=settings.timeout_seconds,
        limit=settings.concurrency,
    )
