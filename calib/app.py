"""From settings to the cycle's ports: the one place that knows both.

What a verb does not use is not imported: a relay from cron needs neither traffic nor statistics.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from calib.connections import endpoint_of, probe_of, studio_place, studio_port, traffic
from calib.cycle.ports import Ports
from calib.cycle.stream import StreamPolicy
from calib.json_object import Json
from calib.object_urls import folder_of
from calib.redaction import shown
from calib.settings import Settings, load
from calib.store import Store, open_store

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.alerts.cohort import Reviewers
    from calib.alerts.message import Audience
    from calib.cycle.deployment_watch import Deployment
    from calib.cycle.fleet import Fleet
    from calib.cycle.report_links import Reports
    from calib.cycle.retention import Retention
    from calib.outbox.place import Place
    from calib.probe import Endpoint, Probe
    from calib.review.label_studio_tasks import StudioPort


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class App:
    """The settings of one `calib.toml` with its store opened; the database is opened when it is first used.

    So what needs the store alone, such as a rollback, works while the database is down. `migrates`: whether
    an older schema is brought up to date then, or refused.
    """

    settings: Settings
    store: Store
    now: Callable[[], datetime]
    migrates: bool = False

    @classmethod
    def open(cls, config: Path, *, now: Callable[[], datetime] = utc_now, migrates: bool = False) -> App:
        """Read the settings and open the store.

        Raises `InvalidInput` for the settings and `StoreError` for a store that cannot be used.
        """
        settings = load(config)
        store = open_store(settings.store, base=settings.folder)
        return cls(settings=settings, store=store, now=now, migrates=migrates)

    @cached_property
    def engine(self) -> Engine:
        """The database, ready for use; its connections are closed with this object.

        Raises `SourceError` where it cannot be reached, and `InvalidInput` for a schema that is not ours,
        newer than this version, or older where nothing is migrated.
        """
        from calib.db.schema import make_ready, migrate

        engine = open_database(self.settings)
        weakref.finalize(self, engine.dispose)
        if self.migrates:
            migrate(engine)
        else:
            make_ready(engine)
        return engine

    @cached_property
    def reading(self) -> Engine:
        """The same database for reading alone: on SQLite, whoever reads here keeps nobody from writing."""
        if self.engine.dialect.name != "sqlite":
            return self.engine
        engine = open_database(self.settings, reads_only=True)
        weakref.finalize(self, engine.dispose)
        return engine

    @property
    def has_database(self) -> bool:
        """Whether there is a database already: a file that is missing is not made to find that out."""
        from calib.db.engine import file_of

        path = file_of(self.settings.database_url)
        return path is None or path.exists()

    def streams(self, name: str | None) -> list[str]:
        """The one stream that was asked for, or all of them; `InvalidInput` if it does not exist."""
        if name is not None:
            self.settings.stream(name)
            return [name]
        return list(self.settings.streams)

    def watch(self, name: str) -> StreamPolicy:
        """The stream as the cycle wants it."""
        from calib.review.sources import source_of

        stream = self.settings.stream(name)
        by_itself = source_of(stream.review.kind).by_itself
        return StreamPolicy(
            stream=name,
            scope=dict(stream.scope),
            labels=stream.labels,
            kind=stream.period,
            timezone=stream.timezone,
            settle=timedelta(hours=stream.settle_hours),
            close_after=timedelta(days=stream.close_after_days),
            max_rise=stream.max_rise,
            max_ece=stream.max_ece,
            targets=stream.targets,
            false_alarms_per_year=stream.false_alarms_per_year,
            threshold=stream.threshold,
            outcomes=by_itself,
            review=stream.review.kind,
            seed=stream.seed or name,
            keep_context=timedelta(days=stream.keep_context_days),
            double_review=0.0 if by_itself else stream.double_review,
            max_rejected=stream.max_rejected,
            scale=stream.scale,
            studio=studio_place(name, stream.review),
        )

    def ports(self, name: str) -> Ports:
        """The ports for one stream."""
        return Ports(
            engine=self.engine,
            store=self.store,
            traffic=traffic(name, self.settings.stream(name), self.settings.folder),
            now=self.now,
            reports=self.reports(),
            studio=self.studio,
            reviewers=self.reviewers(name),
            quiet_line=self.settings.stream(name).quiet_line,
        )

    def reviewers(self, name: str) -> Reviewers:
        """Where the stream is labelled, and where its reviewers are told of it."""
        from calib.alerts.cohort import Reviewers

        review, web = self.settings.stream(name).review, self.settings.web.url
        place, page = studio_place(name, review), None
        if place is not None:
            project = place["project"]
            page = f"{place['url']}/projects/{f'{project}/data' if project.isdecimal() else ''}"
        elif review.kind == "builtin" and web is not None:
            page = f"{web.rstrip('/')}/review/{name}"
        return Reviewers(
            kind=review.kind,
            page=page,
            project=None if place is None else place["project"],
            channel=review.channel,
        )

    def studio(self, name: str, place: Mapping[str, str] | None) -> StudioPort:
        """How a stream gets to Label Studio: as the settings say now, else as a window was opened (`place`).

        Raises `InvalidInput` where neither names one.
        """
        stream = self.settings.streams.get(name)
        place = (None if stream is None else studio_place(name, stream.review)) or place
        return studio_port(name, place, self.settings)

    def reports(self) -> Reports | None:
        """Where reports are linked to: the web server, else the store; None where none are kept."""
        if not self.settings.reports:
            return None
        from calib.cycle.report_links import Reports

        folder = folder_of(self.settings.store, base=self.settings.folder)
        store = self.settings.store if folder is None else folder.resolve().as_uri()
        return Reports(base=self.settings.web.url or shown(store))

    def probes(self, name: str | None) -> list[str]:
        """The one probe that was asked for, or all of them; `InvalidInput` if it does not exist."""
        if name is not None:
            self.settings.probe(name)
            return [name]
        return list(self.settings.probes)

    def probe(self, name: str) -> Probe:
        """The probe with its questions; `InvalidInput` where its file is not one of questions."""
        return probe_of(name, self.settings)

    def endpoint(self, name: str) -> Endpoint:
        """The probe's endpoint; `InvalidInput` where the variable that holds its key is not set."""
        return endpoint_of(name, self.settings)

    def retention(self) -> Retention:
        """How long the texts of each stream and each probe are kept."""
        from calib.cycle.retention import Retention

        return Retention(
            contexts={name: timedelta(days=s.keep_context_days) for name, s in self.settings.streams.items()},
            replies={name: timedelta(days=p.keep_replies_days) for name, p in self.settings.probes.items()},
            studio=self.studio,
        )

    def erase(self) -> Fleet[Json]:
        """Erase the texts and the results that were kept for as long as the settings say."""
        from calib.cycle.fleet import Fleet
        from calib.cycle.old_results import erase_results
        from calib.cycle.retention import erase_texts

        now, years = self.now(), self.settings.keep_results_years
        texts = erase_texts(self.engine, self.retention(), now=now)
        if years is None:
            return texts
        results = erase_results(self.engine, before=now - years * timedelta(days=365.25))
        return Fleet(done=texts.done + results.done, failures=texts.failures + results.failures)

    def deployment(self) -> Deployment:
        """All of it, as the watchdog wants it."""
        from calib.cycle.deployment_watch import Deployment

        return Deployment(
            engine=self.engine,
            store=self.store,
            store_name=shown(self.settings.store),
            streams=bool(self.settings.streams),
            probes={name: (probe.every, probe.timezone) for name, probe in self.settings.probes.items()},
        )

    def record_run(self, job: str) -> None:
        """Put down that a scheduled job came to its end, for the watchdog."""
        from calib.db import jobs

        with self.engine.begin() as conn:
            jobs.ran(conn, job, at=self.now())

    def ping(self) -> str | None:
        """Say that all is well: None where nobody waits for it, `answered`, or what went wrong."""
        url = self.settings.notify.ping
        if url is None:
            return None
        from calib.outbox.ping import ping

        return ping(url.get_secret_value()) or "answered"

    def places(self) -> list[Place]:
        """Where alerts go; see `calib.alert_places`."""
        from calib.alert_places import places

        return places(self.settings, now=self.now, engine=lambda: self.engine)

    def audience(self) -> Audience:
        """What alerts link to and whom they mention."""
        from calib.alerts.message import Audience

        owners = {name: s.owner for name, s in self.settings.streams.items() if s.owner is not None}
        return Audience(page=self.settings.web.url, runbook=self.settings.web.runbook, owners=owners)

    def deliver(self) -> Json:
        """Run the relay once; the fields of `calib.results.work.RelayResult` by name."""
        from calib.cycle.schedule import deliver

        return deliver(self.engine, self.places(), now=self.now, audience=self.audience())


def open_database(settings: Settings, *, reads_only: bool = False) -> Engine:
    """The database that the settings name, whatever stands in it."""
    from calib.db.engine import open_engine

    return open_engine(settings.database_url, schema=settings.database_schema, reads_only=reads_only)
