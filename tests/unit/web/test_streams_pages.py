"""The pages of streams over HTTP: who sees what, the same numbers as the command line, nothing unescaped."""

from __future__ import annotations

from typing import Any

import pytest
from in_process import run_calib
from report_reader import read, rounded, value_at
from sqlalchemy import insert, select, update
from watched_streams import HOSTILE, LABELLED, NOW, WatchedPages

from calib.db import tables

PAGES = (
    "/streams",
    "/streams/triage",
    "/streams/billing",
    "/streams/empty",
    "/streams/triage/windows/2026-03",
)
OF_ADMINS = (
    "/alerts",
    "/ledger",
    "/streams/triage/alerts",
    "/streams/triage/versions",
    "/streams/triage/versions/roll-back",
    "/streams/triage/versions/withdraw",
)


@pytest.fixture
def calib(
    watched_pages: WatchedPages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    from carried import clock

    monkeypatch.setitem(clock(), "now", lambda: NOW)

    def run(*words: str) -> Any:
        config = watched_pages.folder / "calib.toml"
        ran = run_calib(monkeypatch, capsys, *words, "--json", "--config", config)
        assert ran.code == 0, ran.err
        return ran.json

    return run


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_every_page_is_there_for_the_person_who_started_it(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        for path in (*PAGES, *OF_ADMINS):
            html = text(visit.get(path))
            assert "<script" not in html
            assert "style=" not in html
            assert html.count("<h1>") == 1


@pytest.mark.parametrize("path", ["/streams/triage/windows/2026-03", "/streams/triage"])
def test_the_numbers_of_a_window_are_those_of_run(watched_pages: WatchedPages, calib: Any, path: str) -> None:
    with watched_pages.local() as visit:
        page = read(text(visit.get(path)))
    window = calib("run", "triage", "--period", "2026-03")
    for of, value, shown in page.data:
        assert float(value) == value_at(window, of), of
        assert rounded(float(value), shown), of
    six = {"served.ece", "served.low", "served.high", "raw.ece", "served.accuracy", "change.p"}
    assert six <= {of for of, _, _ in page.data}


def test_every_number_of_the_windows_page_is_one_of_run(watched_pages: WatchedPages, calib: Any) -> None:
    """Its tables too: they are the report's own."""
    with watched_pages.local() as visit:
        page = read(text(visit.get("/streams/triage/windows/2026-03")))
    window = calib("run", "triage", "--period", "2026-03")
    found = {of for of, _, _ in page.data}
    wanted = {
        f"{side}.{name}" for side in ("raw", "served") for name in ("ece", "brier", "auroc", "log_loss")
    }
    wanted |= {"change.rise", "change.minimum_detectable_rise", "change.low", "change.high"}
    assert wanted <= found
    assert "calib run" not in " ".join(page.text)
    assert f"{window['labels']['correct']:,} correct" in " ".join(page.text)


def test_an_open_cohort_shows_its_strata_and_who_labelled(watched_pages: WatchedPages, calib: Any) -> None:
    with watched_pages.local() as visit:
        html = text(visit.get("/streams/billing"))
        moved = visit.get("/streams/billing/windows/2026-04", follow_redirects=False)
    labels = calib("run", "billing", "--period", "2026-04")["labels"]
    assert f"{LABELLED} of 300 labelled, 15 unsure, {labels['missing']} missing" in html
    assert "Response by stratum, 2026-04" in html
    assert "<bdi>ana</bdi>" in html
    assert "Deadline 2026-08-02 06:00 UTC" in html
    assert moved.headers["location"] == "/streams/billing#cohort"


def test_a_reviewer_sees_the_streams_that_they_were_given_and_nothing_of_admins(
    watched_pages: WatchedPages,
) -> None:
    watched_pages.reviewer("boss", role="admin")
    with watched_pages.signed_in("ana", streams=["triage"]) as visit:
        html = text(visit.get("/streams"))
        assert "triage" in html
        assert "billing" not in html
        assert "1 stream." in html
        own = text(visit.get("/streams/triage"))
        assert "/versions" not in own
        assert "/alerts" not in own
        assert text(visit.get("/triage/reports/2026-03-r1.html"))
        for path in (*OF_ADMINS, "/streams/billing", "/streams/none", "/billing/reports/2026-04-r1.html"):
            assert visit.get(path).status_code == 404, path
    with watched_pages.browser() as stranger:
        for path in (*PAGES, *OF_ADMINS, "/triage/reports/2026-03-r1.html"):
            assert stranger.get(path).status_code == 401, path


def test_streams_are_found_by_name_and_by_need(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        assert "1 of 3 streams." in text(visit.get("/streams?q=BILL"))
        need = text(visit.get("/streams?show=attention"))
        assert "1 of 3 streams." in need
        assert "/streams/triage" in need
        assert "/streams/billing" in text(visit.get("/streams?show=cohort"))
        assert "0 of 3 streams." in text(visit.get('/streams?q="><script>'))
        assert visit.get("/streams?page=0").status_code == 404
        assert "3 streams." in text(visit.get("/streams?page=99"))


def test_many_streams_are_on_several_pages(
    watched_pages: WatchedPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calib.web.routes.overview.ON_A_PAGE", 2)
    with watched_pages.local() as visit:
        first, second = text(visit.get("/streams")), text(visit.get("/streams?page=2"))
    assert [name for name in ("triage", "billing", "empty") if f'/streams/{name}"' in first] == [
        "triage",
        "billing",
    ]
    assert 'rel="next"' in first
    assert '/streams/empty"' in second
    assert 'rel="prev"' in second


def test_a_report_is_served_as_it_is_stored_and_can_do_nothing(watched_pages: WatchedPages) -> None:
    path = "triage/reports/2026-03-r1.html"
    with watched_pages.local() as visit:
        answer = visit.get(f"/{path}")
        assert f'href="/{path}"' in text(visit.get("/streams/triage/windows/2026-03"))
        for wrong in ("2026-03-r2.html", "2026-03.html", "..%2F2026-03-r1.html", "2026-03-r0.html"):
            assert visit.get(f"/triage/reports/{wrong}").status_code == 404, wrong
    assert answer.content == (watched_pages.folder / "mappings" / path).read_bytes()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_address_of_an_alerts_report_is_the_one_that_is_served(watched_pages: WatchedPages) -> None:
    """`[web] url` and the store's key together are what alerts link to."""
    from calib.cycle.report_links import Reports

    link = Reports(base="http://127.0.0.1:8010").link("triage", "2026-03", 1)
    with watched_pages.local() as visit:
        assert text(visit.get(link))


def test_alerts_are_listed_with_their_words_and_why_they_wait(watched_pages: WatchedPages) -> None:
    engine = watched_pages.project.engine
    outbox = tables.outbox
    why = {"attempts": 1, "next_at": NOW, "last_error": "channel_not_found: #ml <b>"}
    with engine.begin() as conn:
        degraded = conn.execute(select(outbox.c.id).where(outbox.c.kind == "degraded")).scalar_one()
        conn.execute(update(outbox).where(outbox.c.id == degraded).values(state="parked"))
        row = {"alert_id": degraded, "place": "slack", "state": "parked"} | why
        conn.execute(insert(tables.deliveries).values(**row))
    with watched_pages.local() as visit:
        for path in ("/alerts", "/streams/triage/alerts"):
            html = text(visit.get(path))
            assert "triage 2026-03" in html
            assert "channel_not_found: #ml &lt;b&gt;" in html
            assert "1 alert was not delivered" in html
            assert "/streams/triage/windows/2026-03" in html
        to_label = visit.get("/alerts").text.partition(": there is something to label")[2]
        assert 'value="ack"' not in to_label.partition("</li>")[0]  # what reviewers do is their answer
        own = text(visit.get("/streams/triage/alerts"))
        assert "2026-03, degraded" in own
        assert '<span class="badge bad">open</span>' in own
        assert "1 parked" in text(visit.get("/streams/triage"))


def test_a_parked_alert_is_sent_again_and_one_is_acknowledged(
    watched_pages: WatchedPages, calib: Any
) -> None:
    """As `calib alerts resend` and `ack` do it, by the person on the page, once for each form."""
    outbox = tables.outbox
    with watched_pages.project.engine.begin() as conn:
        (alert,) = conn.execute(select(outbox.c.id).where(outbox.c.kind == "degraded")).scalars()
        conn.execute(update(outbox).where(outbox.c.id == alert).values(state="parked"))
    page = "/streams/triage/alerts"
    with watched_pages.signed_in("olga", role="admin") as visit:
        form = visit.form(page, "/alerts") | {"reason": "the channel is back <b>"}
        assert visit.post("/alerts", form | {"action": "explode"}).status_code == 400
        for _ in range(2):
            after = visit.post("/alerts", form | {"action": "resend"})
            assert "It goes out with the next relay." in after.text
        shown = calib("alerts", "show", alert)
        assert shown["state"] == "waiting"
        ack = visit.form(page, "/alerts") | {"action": "ack", "reason": "I look into it"}
        assert "Acknowledged" in visit.post("/alerts", ack).text
        html = text(visit.get(page))
        assert "acknowledged by olga: I look into it" in html
        late = visit.form(page, "/alerts") | {"action": "resend"}
        assert visit.post("/alerts", late).status_code == 409
    actions = [(done["action"], done["by"]) for done in calib("alerts", "show", alert)["actions"]]
    assert actions == [("resent", "olga"), ("acknowledged", "olga")]


def test_an_alert_that_this_version_has_no_words_for_is_listed_all_the_same(
    watched_pages: WatchedPages,
) -> None:
    outbox = tables.outbox
    with watched_pages.project.engine.begin() as conn:
        values = {"payload": {"kind": "from_the_future"}, "kind": "from_the_future"}
        conn.execute(update(outbox).where(outbox.c.kind == "degraded").values(**values))
    with watched_pages.local() as visit:
        assert "triage 2026-03: from the future" in text(visit.get("/alerts"))


def test_hostile_names_and_reasons_are_text_and_turn_nothing_round(watched_pages: WatchedPages) -> None:
    t = tables.windows
    with watched_pages.project.engine.begin() as conn:
        window = conn.execute(t.select().where(t.c.stream == "triage", t.c.period == "2026-03")).one()
        result = dict(window.result)
        part = {"population": 9, "labels": 9, "raw": result["raw"], "served": result["served"]}
        result["segments"] = {HOSTILE: part | {"change": None, "gap_pooled": None}}
        result["refit"] = result["refit"] | {"reason": HOSTILE, "published": False}
        conn.execute(update(t).where(t.c.id == window.id).values(result=result))
    with watched_pages.local() as visit:
        for path in ("/streams/triage/windows/2026-03", "/streams/triage"):
            html = text(visit.get(path))
            assert "<img" not in html
            assert "\u202e" not in html
            assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html


def test_a_page_that_is_not_complete_loads_itself_again(
    watched_pages: WatchedPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from calib.web.streams import fleet

    go_on, real = threading.Event(), fleet.read_stream

    def slow(*arguments: Any, **more: Any) -> Any:
        go_on.wait(60)
        return real(*arguments, **more)

    monkeypatch.setattr(fleet, "read_stream", slow)
    monkeypatch.setattr(fleet, "PATIENCE", 0.05)
    with watched_pages.local() as visit:
        first = visit.get("/streams")
        assert "3 of 3 streams are not read yet" in first.text
        assert first.headers["refresh"] == "2"
        assert "refresh" in visit.get("/ledger").headers
        go_on.set()
        monkeypatch.setattr(fleet, "PATIENCE", 60.0)
        assert "refresh" not in visit.get("/streams").headers


def test_the_ledger_is_that_of_history(watched_pages: WatchedPages, calib: Any) -> None:
    with watched_pages.local() as visit:
        html = text(visit.get("/ledger"))
        sentences = text(visit.get("/streams/triage"))
    ledger = calib("history", "triage")["ledger"]
    assert ledger["labels"] == 600
    assert "600" in html
    assert "600 labels in 2 periods." in sentences
    assert f"{ledger['changes']} change confirmed, {ledger['versions']} mappings published." in sentences


def test_a_withdrawn_channel_and_one_that_expired_are_said(watched_pages: WatchedPages, calib: Any) -> None:
    with watched_pages.local() as visit:
        assert "Mapping" in text(visit.get("/streams/triage"))
        calib("mapping", "withdraw", "triage", "--reason", "wrong labels")
        watched_pages.now = watched_pages.now.replace(minute=1)
        watched_pages.seconds += 100
        assert "Withdrawn today: the raw confidence is served." in text(visit.get("/streams/triage"))
        assert "Withdrawn today" in text(visit.get("/streams"))
