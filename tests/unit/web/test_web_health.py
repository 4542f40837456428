"""A container's probe asks without a session, and is told where the database is gone."""

from __future__ import annotations

from web_pages import Pages

from calib.errors import SourceError


def test_the_probe_needs_no_session_and_hears_of_a_database_that_is_gone(pages: Pages) -> None:
    pages.reviewer("ada", role="admin")
    with pages.browser(base="http://10.1.2.3:8000") as visit:
        assert visit.get("/healthz").text == "ok\n"
        assert visit.get("/streams").status_code != 200

        def gone() -> None:
            raise SourceError("the database is gone")

        pages.app.state.site.project.reading.connect = gone  # type: ignore[method-assign]
        assert visit.get("/healthz").status_code == 503
