"""What is refused before anything is read or changed, and what each answer carries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from unittest import mock

import anyio
import pytest
from planted import TEXT
from starlette.types import Message, Receive, Scope, Send
from web_pages import Pages, fields_of

from calib.errors import SourceError
from calib.web.app import POSTS, SIGN_INS
from calib.web.guard import LARGEST_BODY, Guard
from calib.web.rate import RateLimit

REVIEW = "/review/triage"
LABEL = f"{REVIEW}/label"


def test_a_post_without_a_session_changes_nothing(pages: Pages) -> None:
    pages.window(1)
    with pages.signed_in("ada") as ada, pages.browser() as eve:
        form = ada.form(REVIEW, LABEL) | {"answer": "correct"}
        assert eve.post(LABEL, form).status_code == 401
        eve.client.cookies.set("calib_session_8010", "forged", domain="127.0.0.1")
        assert eve.post(LABEL, form).status_code == 401
    assert pages.labels() == []


def test_a_forged_form_changes_nothing(pages: Pages) -> None:
    pages.window(1)
    with pages.signed_in("ada") as ada, pages.signed_in("eve") as eve:
        form = ada.form(REVIEW, LABEL) | {"answer": "correct"}
        another = eve.form(REVIEW, "/sign-out")["form_token"]
        nonce, _, digest = form["form_token"].partition(".")
        for token in ("", "x", ".", f"{nonce}.", f"{nonce}.{'0' * 64}", f"other.{digest}", another):
            assert ada.post(LABEL, form | {"form_token": token}).status_code == 403, token
        for wrong in (
            {"item": "x"},
            {"item": "²"},
            {"item": "9" * 30},
            {"item": "99"},
            {"lease": ""},
            {"answer": "y"},
        ):
            assert ada.post(LABEL, form | wrong).status_code == 403, wrong
        as_json = ada.client.post(LABEL, json=form)
        assert as_json.status_code == 403
        parts = ada.client.post(LABEL, data=form, files={"f": b"x"})
        assert parts.status_code == 403
        assert pages.labels() == []
        assert ada.post(LABEL, form).status_code == 200, "the form itself is still good"
    assert len(pages.labels()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_changes_nothing(pages: Pages, headers: dict[str, str]) -> None:
    pages.window(1)
    with pages.local() as visit:
        form = visit.form(REVIEW, LABEL) | {"answer": "correct"}
        assert visit.post(LABEL, form, headers=headers).status_code == 403
        assert pages.labels() == []
        own = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8010"}
        assert visit.post(LABEL, form, headers=own).status_code == 200


def test_the_address_of_the_settings_is_no_other_site(pages: Pages) -> None:
    pages.settings(web='url = "https://calib.example"')
    token = pages.reviewer("ada")
    with pages.browser(base="https://10.0.0.1:8010") as visit:
        answer = visit.post("/sign-in", {"token": token}, headers={"origin": "https://calib.example"})
        assert answer.status_code == 200


def test_a_large_body_is_refused_by_its_length_alone(pages: Pages) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pages.local() as visit:
        for length in (str(100_000_000), str(LARGEST_BODY + 1), "-1", "1e3"):
            headers = {"content-length": length, "content-type": "application/x-www-form-urlencoded"}
            answer = visit.client.post(LABEL, content=b"", headers=headers)
            assert answer.status_code == 413, length
            assert answer.headers["connection"] == "close"


def test_a_large_body_without_a_length_is_read_no_further() -> None:
    parts, sent, kept = 0, [], LARGEST_BODY // 1_000

    async def receive() -> Message:
        nonlocal parts
        assert bool(sent) == (parts > kept), "it is answered before the rest is read"
        parts += 1
        return {"type": "http.request", "body": b"x" * 1_000, "more_body": parts < 200}

    async def send(message: Message) -> None:
        sent.append(message)

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the application was asked")

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    anyio.run(Guard(never), scope, receive, send)
    assert sent[0]["status"] == 413
    assert parts == 200, "the rest was read, and thrown away"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(pages: Pages, method: str) -> None:
    with pages.local() as visit:
        assert visit.client.request(method, REVIEW).status_code == 405


def test_every_answer_is_guarded(pages: Pages) -> None:
    (item,) = pages.window(1)
    with pages.local() as visit:
        paths = (
            "/",
            "/review",
            REVIEW,
            f"{REVIEW}/mine",
            f"{REVIEW}/next?after=1",
            f"{REVIEW}/items/{item}/0",
        )
        for path in (
            *paths,
            "/static/style.css",
            "/static/nothing",
            "/nothing",
            "/review/%2e%2e",
            "/sign-in",
        ):
            answer = visit.get(path, follow_redirects=False)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "same-origin"
            kept = "immutable" if path == "/static/style.css" else "no-store"
            assert kept in answer.headers["cache-control"], path
        html = visit.get(REVIEW).text
    assert "style=" not in html
    assert "<script>" not in html
    assert " onclick" not in html


def test_nothing_of_the_server_is_described(pages: Pages) -> None:
    with pages.local() as visit:
        for path in (
            "/docs",
            "/redoc",
            "/openapi.json",
            "/static/",
            "/static/../app.py",
            "/static/..%2fapp.py",
        ):
            assert visit.get(path).status_code == 404, path


def test_nothing_is_reported_to_a_collector(pages: Pages) -> None:
    """FastAPI makes spans, with addresses and errors, where OpenTelemetry is set up; here it makes none."""
    spans = mock.Mock(side_effect=AssertionError("a span was made"))
    with (
        mock.patch("fastapi.telemetry._asgi._unconfigured", return_value=False),
        mock.patch("fastapi.telemetry._asgi.NativeTelemetry.__call__", spans),
        pages.local() as visit,
    ):
        assert visit.get(REVIEW).status_code == 200


def test_signing_in_is_limited_by_address_and_posts_by_session(pages: Pages) -> None:
    pages.window(1)
    token = pages.reviewer("ada")
    with pages.browser() as visit:
        statuses = [visit.post("/sign-in", {"token": "x"}).status_code for _ in range(SIGN_INS["burst"] + 1)]
        assert statuses == [403] * SIGN_INS["burst"] + [429]
        assert visit.post("/sign-in", {"token": token}).status_code == 429
        pages.seconds += 60 / SIGN_INS["per_minute"]
        assert visit.post("/sign-in", {"token": token}).status_code == 200
        limit = pages.app.state.site.posts
        form = visit.form(REVIEW, LABEL) | {"answer": "correct"}
        for _ in range(POSTS["burst"]):
            limit.wait("1")
        assert visit.post(LABEL, form).status_code == 429
        assert pages.labels() == []
        pages.seconds += 1
        assert visit.post(LABEL, form).status_code == 200


def test_a_limit_remembers_so_many_and_fills_up_to_its_burst() -> None:
    now = 0.0
    limit = RateLimit(burst=2, per_minute=6, clock=lambda: now, keys=3)
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 10]
    now = 1_000.0
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 10], "never more than the burst"
    for key in "bcd":
        limit.wait(key)
    assert limit.wait("a") == 0, "forgotten, for three others asked since"


def test_a_database_that_is_down_is_said(pages: Pages) -> None:
    with pages.local() as visit:
        down = SourceError("the database does not answer: password=hunter2")
        with mock.patch("calib.web.routes.review.status_of", side_effect=down):
            answer = visit.get(REVIEW)
        assert answer.status_code == 503
        assert "hunter2" not in answer.text
        with mock.patch("calib.web.door.admit", side_effect=down):
            assert visit.get(REVIEW).status_code == 503


def test_what_nobody_foresaw_is_logged_without_its_text(
    pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    pages.window(1)
    with pages.local() as visit, caplog.at_level(logging.DEBUG):
        with mock.patch("calib.web.routes.review.status_of", side_effect=KeyError(TEXT)):
            answer = visit.get(REVIEW)
        assert answer.status_code == 500
        assert "Moosbrugger" not in answer.text + caplog.text
        (record,) = (record for record in caplog.records if record.name == "calib.web.door")
        assert (record.event, record.error) == ("page_broken", "KeyError")  # type: ignore[attr-defined]
        assert record.where.startswith("mock.py:")  # type: ignore[attr-defined]
        visit.label("correct", comment=TEXT)
        assert "Moosbrugger" not in caplog.text


@pytest.mark.parametrize("kept", ["", "/calib"])
def test_below_a_path_of_the_proxy(pages: Pages, kept: str) -> None:
    """Whether the proxy leaves its path in the address or takes it out, links have it."""
    pages.settings(web='url = "https://host.example/calib/"')
    (item,) = pages.window(1)
    token = pages.reviewer("ada")
    with pages.browser(base="https://host.example") as visit:
        answer = visit.post(f"{kept}/sign-in", {"token": token}, follow_redirects=False)
        assert answer.headers["location"] == "/calib/"
        assert "Path=/calib;" in answer.headers["set-cookie"]
        cookie = answer.headers["set-cookie"].split(";")[0]
        page = visit.get(f"{kept}/review/triage", headers={"cookie": cookie}).text
        assert 'href="/calib/static/style.css' in page
        form = fields_of(page, "/calib/review/triage/label") | {"answer": "unsure"}
        visit.post(f"{kept}/review/triage/label", form, headers={"cookie": cookie}, follow_redirects=False)
    assert pages.labels() == [(item, "unsure", "ada", True)]
