"""Who gets in: one-time links, sessions, the person who started the page, and a proxy's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from queues import NOW
from sqlalchemy import select
from web_pages import OPTIONS, Pages, later

from calib.db import reviewers, tables
from calib.errors import InvalidInput
from calib.web.options import checked_options

REVIEW = "/review/triage"


def actions(pages: Pages) -> list[tuple[str, str]]:
    a = tables.web_actions
    with pages.project.engine.begin() as conn:
        return [(row.who, row.what) for row in conn.execute(select(a.c.who, a.c.what).order_by(a.c.id))]


def test_looking_at_a_link_does_not_use_it_up_and_its_button_does(pages: Pages) -> None:
    token = pages.reviewer("ada")
    with pages.browser() as preview:
        for _ in range(3):
            page = preview.get(f"/sign-in?token={token}")
            assert page.status_code == 200
            assert '<form method="post" action="/sign-in">' in page.text
            assert "belongs to <strong><bdi>ada</bdi></strong>" in page.text
            assert "You are signed in as" not in page.text
            assert not preview.client.cookies
    with pages.browser() as ada, pages.browser() as thief:
        assert ada.get(REVIEW).status_code == 401
        assert ada.post("/sign-in", {"token": token}).status_code == 200
        assert "<bdi>ada</bdi>" in ada.get(REVIEW).text
        assert thief.get(f"/sign-in?token={token}").status_code == 403
        assert "a new one" in thief.post("/sign-in", {"token": token}).text
        assert thief.get(REVIEW).status_code == 401
    assert actions(pages) == [("ada", "signed_in")]


def test_a_link_of_somebody_else_says_whose_it_is(pages: Pages) -> None:
    """Or a link in a message could make somebody label under another name without noticing."""
    token = pages.reviewer("eve")
    with pages.signed_in("ada") as ada:
        assert "You are signed in as <bdi>ada</bdi>" in ada.get(f"/sign-in?token={token}").text


@pytest.mark.parametrize("token", ["", "x", "link-of-bob", "link-of-ada\x00"])
def test_another_token_opens_nothing(pages: Pages, token: str) -> None:
    pages.reviewer("ada")
    with pages.browser() as visit:
        assert visit.post("/sign-in", {"token": token}).status_code == 403
        assert visit.get("/sign-in", params={"token": token}).status_code == 403
    assert pages.rows("web_sessions") == 0


def test_a_link_ends_after_a_day(pages: Pages) -> None:
    token = pages.reviewer("ada")
    with pages.browser() as visit:
        later(pages, hours=23, minutes=59)
        assert visit.get(f"/sign-in?token={token}").status_code == 200
        later(pages, minutes=1)
        assert visit.get(f"/sign-in?token={token}").status_code == 403
        assert visit.post("/sign-in", {"token": token}).status_code == 403


def test_only_hashes_of_tokens_are_stored(pages: Pages) -> None:
    with pages.signed_in("ada") as ada:
        (cookie,) = ada.client.cookies.values()
        with pages.project.engine.begin() as conn:
            stored = repr(conn.execute(select(tables.web_sessions)).all())
            stored += repr(conn.execute(select(tables.sign_in_links)).all())
    assert len(cookie) >= 43, "256 bits"
    assert cookie not in stored
    assert "link-of-ada" not in stored


def test_a_session_ends_without_use_and_after_a_month(pages: Pages) -> None:
    with pages.signed_in("ada") as ada:
        for _ in range(4):
            later(pages, days=6, hours=23)
            assert ada.get(REVIEW).status_code == 200
        later(pages, days=3)
        assert ada.get(REVIEW).status_code == 401, "31 days in all"
    with pages.signed_in("bob") as bob:
        later(pages, days=7, minutes=1)
        assert bob.get(REVIEW).status_code == 401


def test_signing_out_ends_the_session(pages: Pages) -> None:
    with pages.signed_in("ada") as ada:
        stolen = dict(ada.client.cookies)
        assert "You are signed out" in ada.post("/sign-out", ada.form(REVIEW, "/sign-out")).text
        assert not ada.client.cookies
        ada.client.cookies.update(stolen)
        assert ada.get(REVIEW).status_code == 401
    assert [what for _, what in actions(pages)] == ["signed_in", "signed_out"]


def test_a_revoked_reviewer_is_out_at_once(pages: Pages) -> None:
    pages.window(1)
    pages.reviewer("root", role="admin")
    with pages.signed_in("ada") as ada:
        form = ada.form(REVIEW, f"{REVIEW}/label")
        with pages.project.engine.begin() as conn:
            reviewers.revoke(conn, "ada", now=NOW)
        assert ada.post(f"{REVIEW}/label", form | {"answer": "correct"}).status_code == 401
        assert ada.get(REVIEW).status_code == 401
    assert pages.labels() == []


def test_the_cookie_is_out_of_reach(pages: Pages) -> None:
    pages.settings(web='url = "https://calib.example"')
    token = pages.reviewer("ada")
    with pages.browser(base="https://calib.example") as visit:
        cookie = visit.post("/sign-in", {"token": token}, follow_redirects=False).headers["set-cookie"]
    parts = {part.strip().split("=")[0].lower() for part in cookie.split(";")}
    assert {"httponly", "secure", "samesite", "path", "max-age"} <= parts
    assert "domain" not in parts
    assert "SameSite=Lax" in cookie


def test_reviewers_see_the_streams_that_they_were_given(pages: Pages) -> None:
    pages.window(1)
    (other,) = pages.window(1, stream="refunds")
    with pages.signed_in("ada", streams=["triage"]) as ada:
        assert ada.get(REVIEW).status_code == 200
        for path in ("", "/mine", "/next?after=0", f"/items/{other}", f"/items/{other}/0"):
            assert ada.get(f"/review/refunds{path}").status_code == 404, path
            assert ada.get(f"/review/triage/items/{other}/0").status_code == 404
        form = ada.form(REVIEW, f"{REVIEW}/label") | {"item": str(other), "answer": "correct"}
        assert ada.post(f"{REVIEW}/label", form).status_code == 403, "an item of another stream"
        assert ada.post("/review/refunds/label", form).status_code == 404
    assert pages.rows("labels") == 0


# Without reviewers


def test_who_started_the_page_gets_in_by_its_token(pages: Pages) -> None:
    with pages.browser() as visit:
        assert "the address that <code>calib web</code> printed" in visit.get(REVIEW).text
        assert visit.get("/start?token=other").status_code == 403
        assert visit.get("/start").status_code == 403
        assert visit.get(REVIEW).status_code == 401
        assert visit.get("/start?token=start-token").status_code == 200
        assert "<bdi>olga</bdi>" in visit.get(REVIEW).text


@pytest.mark.parametrize("host", ["127.0.0.1:8010", "localhost", "LOCALHOST:9000", "[::1]:8010"])
def test_names_of_this_machine_are_answered(pages: Pages, host: str) -> None:
    with pages.browser(host=host) as visit:
        assert visit.get("/sign-in").status_code == 403
        assert visit.get("/start?token=start-token", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8010", "localhost.evil.example", "192.168.0.7:8010", "", "a@b"],
)
def test_any_other_name_is_not_answered(pages: Pages, host: str) -> None:
    """DNS rebinding: a name of somebody else's that leads to this machine."""
    with pages.local() as visit:
        for path in ("/", REVIEW, "/start?token=start-token", "/static/style.css"):
            answer = visit.get(path, headers={"host": host}, follow_redirects=False)
            assert answer.status_code == 421, path
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto"])
def test_what_came_through_a_proxy_is_not_answered(pages: Pages, header: str) -> None:
    with pages.local() as visit:
        answer = visit.get(REVIEW, headers={header: "for=127.0.0.1"})
        assert answer.status_code == 403
        assert header.lower() in answer.text


def test_the_first_reviewer_closes_the_open_page(pages: Pages) -> None:
    pages.window(2)
    with pages.local() as visit:
        form = visit.form(REVIEW, f"{REVIEW}/label")
        pages.reviewer("ada")
        assert visit.get(REVIEW).status_code == 401
        assert visit.post(f"{REVIEW}/label", form | {"answer": "correct"}).status_code == 401
        assert visit.get("/start?token=start-token").status_code == 404
        answer = visit.get(REVIEW, headers={"host": "calib.example", "x-forwarded-for": "10.0.0.1"})
        assert answer.status_code == 401, "with reviewers, a proxy may stand before the page"
    assert pages.labels() == []


def test_when_the_last_reviewer_goes_nobody_gets_in_from_elsewhere(pages: Pages) -> None:
    pages.options = replace(OPTIONS, host="0.0.0.0")  # noqa: S104
    with pages.signed_in("ada") as ada:
        assert ada.get(REVIEW).status_code == 200
        with pages.project.engine.begin() as conn:
            reviewers.revoke(conn, "ada", now=NOW)
        for path in (REVIEW, "/start?token=start-token"):
            answer = ada.get(path)
            assert answer.status_code == 503
            assert "calib reviewers add" in answer.text


# A proxy


PROXY = checked_options(
    host="10.0.0.1", port=80, start_token="t", proxy_header="X-Remote-User", proxy_from="10.0.0.7/32"
)


def test_the_proxy_names_a_reviewer(pages: Pages) -> None:
    pages.options = PROXY
    (item,) = pages.window(1)
    pages.reviewer("jörg")
    with pages.browser(peer="10.0.0.7") as visit:
        visit.client.headers.encoding = "utf-8"
        visit.client.headers["x-remote-user"] = "jörg"
        visit.label("correct")
        assert pages.labels() == [(item, "correct", "jörg", True)]
        assert pages.rows("web_sessions") == 1, "one for all requests"
        del visit.client.headers["x-remote-user"]
        assert visit.get(REVIEW).status_code == 401, "the session is worth nothing without the proxy's word"


def test_the_proxys_session_is_for_the_one_whom_it_names(pages: Pages) -> None:
    pages.options = PROXY
    pages.window(1)
    pages.reviewer("ada")
    pages.reviewer("bob")
    with pages.browser(peer="10.0.0.7") as visit:
        form = visit.client.get(REVIEW, headers={"x-remote-user": "ada"})
        assert "<bdi>ada</bdi>" in form.text
        page = visit.client.get(REVIEW, headers={"x-remote-user": "bob"})
        assert "<bdi>bob</bdi>" in page.text


@pytest.mark.parametrize(
    ("peer", "names", "status"),
    [
        ("10.0.0.8", ["ada"], 403),
        ("127.0.0.1", ["ada"], 403),
        ("10.0.0.7", ["eve"], 403),
        ("10.0.0.7", ["ada", "root"], 403),
        ("10.0.0.7", [""], 403),
        ("testclient", ["ada"], 403),
        ("::ffff:10.0.0.7", ["ada"], 200),
    ],
)
def test_nobody_else_names_anybody(pages: Pages, peer: str, names: list[str], status: int) -> None:
    pages.options = PROXY
    pages.reviewer("ada")
    pages.reviewer("root", role="admin")
    with pages.browser(peer=peer) as visit:
        headers = [("x-remote-user", name) for name in names]
        assert visit.client.get(REVIEW, headers=headers).status_code == status


def test_the_header_is_nothing_where_it_was_not_asked_for(pages: Pages) -> None:
    pages.reviewer("ada")
    with pages.browser() as visit:
        assert visit.get(REVIEW, headers={"x-remote-user": "ada"}).status_code == 401


def test_a_header_is_no_reviewer_where_there_are_none(pages: Pages) -> None:
    pages.options = replace(PROXY, host="127.0.0.1")
    with pages.browser() as visit:
        assert visit.get(REVIEW, headers={"x-remote-user": "ada"}).status_code == 403


@pytest.mark.parametrize(
    ("header", "network", "words"),
    [
        ("X-User", None, "add --proxy-from CIDR"),
        (None, "10.0.0.0/8", "add --proxy-header NAME"),
        ("X User", "10.0.0.0/8", "is not the name of a header"),
        ("X-User", "proxy.example", "is not a network"),
        ("X-User", "0.0.0.0/0", "is everybody"),
        ("X-User", "10.0.0.7/8", "is not a network"),
    ],
)
def test_half_a_proxy_is_refused(header: str | None, network: str | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_options(host="::1", port=1, start_token="t", proxy_header=header, proxy_from=network)


def test_a_page_waits_for_nobody_who_writes_and_says_once_a_minute_that_it_is_read(pages: Pages) -> None:
    """On SQLite one connection writes at a time: reading a page must not be a second one."""
    sessions = tables.web_sessions

    def seen_at() -> object:
        with pages.project.reading.connect() as conn:
            return conn.execute(select(sessions.c.seen_at)).scalar_one()

    begun = pages.now
    with pages.local() as visit:
        with pages.project.engine.begin() as writer:
            writer.execute(sessions.update().values(csrf=sessions.c.csrf))
            for seconds in (0, 59):
                pages.now = begun + timedelta(seconds=seconds)
                assert visit.get("/alerts").status_code == 200
        assert seen_at() == begun
        pages.now = begun + timedelta(seconds=60)
        assert visit.get("/alerts").status_code == 200
        assert seen_at() == pages.now
