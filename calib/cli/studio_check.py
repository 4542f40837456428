"""The line of `calib check` about a stream that is labelled in Label Studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calib.settings import Settings


def label_studio_line(settings: Settings, stream: str) -> str:
    """Who the key belongs to and which project is used; nothing is made or changed.

    Raises `InvalidInput` where there is no key, and `StudioError` where the server, the key or the project
    would stop a run.
    """
    from calib.connections import studio_place, studio_port
    from calib.redaction import shown
    from calib.review.label_studio_project import find_project, page_of

    place = studio_place(stream, settings.stream(stream).review)
    port = studio_port(stream, place, settings)
    with port.open() as studio:
        says = f"{shown(studio.url)}, signed in as {studio.whoami()}"
        marks = _marks(settings, stream)
        if marks is None:
            return f"{says}; the project is looked for once the database is up to date"
        project = find_project(studio, port.project, marks)
        if project is None:
            return f"{says}; the project {port.project!r} is made with the first sample"
        tasks, page = studio.count(int(project["id"])), page_of(shown(studio.url), project)
        return f"{says}; project {project['title']!r} with {tasks:,} tasks, {page}"


def _marks(settings: Settings, stream: str) -> list[str] | None:
    """The marks of the stream's windows; None where the database cannot be read as it is."""
    from calib.db import windows
    from calib.db.engine import file_of, open_engine
    from calib.db.schema import standing
    from calib.errors import CalibError
    from calib.review.label_studio_task import mark_of

    path = file_of(settings.database_url)
    if path is not None and not path.exists():
        return []
    try:
        engine = open_engine(settings.database_url, schema=settings.database_schema, reads_only=True)
        try:
            with engine.connect() as conn:
                state = standing(conn).state
                if state != "newest":
                    return [] if state == "empty" else None
                return [mark_of(window) for window in windows.of_stream(conn, stream)]
        finally:
            engine.dispose()
    except CalibError:  # which has a line of its own
        return None
