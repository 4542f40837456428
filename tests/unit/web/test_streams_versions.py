"""The way back on the page: confirmed, with a reason, once for each form, never against what was not seen."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from watched_streams import NOW, WatchedPages
from web_pages import Visit

from calib.alerts import NOTE
from calib.cycle.by_hand import intent_of_a_person
from calib.db import episodes, reviewers, tables
from calib.errors import OutcomeUnknown, Unavailable
from calib.store import head, history, withdraw
from calib.store.objects import ObstoreStore

VERSIONS = "/streams/triage/versions"
ROLL_BACK, WITHDRAW = f"{VERSIONS}/roll-back", f"{VERSIONS}/withdraw"


def log(pages: WatchedPages, channel: str = "production") -> list[Any]:
    return history(pages.project.store, stream="triage", channel=channel)


def confirm(visit: Visit, path: str, *, reason: str = "labels were wrong", **fields: str) -> Any:
    """Open a page of confirmation and send its form."""
    action = path.partition("?")[0]
    return visit.post(action, visit.form(path, action) | {"reason": reason} | fields)


def test_a_roll_back_is_one_new_entry_by_the_person_with_the_reason(watched_pages: WatchedPages) -> None:
    before = log(watched_pages)
    with watched_pages.signed_in("Olga <b>", role="admin") as visit:
        asked = visit.get(ROLL_BACK).text
        assert "names mapping " + before[-1].mapping[:12] in asked
        assert "names mapping " + before[-2].mapping[:12] in asked
        after = confirm(visit, ROLL_BACK, reason="the labels of March were wrong")
    assert "Done: the channel is on " + before[-2].mapping[:12] in after.text
    assert "<b>" not in re.sub(r"<b>(production|1/\d)</b>", "", after.text)
    new = log(watched_pages)
    assert new[:-1] == before
    entry = new[-1]
    assert (entry.mapping, entry.by) == (before[-2].mapping, "Olga <b>")
    assert entry.reason == "the labels of March were wrong"
    assert entry.returns_to == before[-2].position
    with watched_pages.project.engine.begin() as conn:
        action = reviewers.recorded(conn, stream="triage")[0]
    assert (action.who, action.what) == ("Olga <b>", "rolled_back")
    assert "wrong" not in json.dumps(action.details)
    outbox = tables.outbox
    with watched_pages.project.engine.begin() as conn:  # the episode's thread hears of it, as by the command
        notes = conn.execute(select(outbox.c.payload).where(outbox.c.kind == NOTE)).scalars().all()
    assert any("Olga <b>" in json.dumps(note) for note in notes)


def test_a_withdrawal_ends_the_open_episode(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        assert "1 open episode" in visit.get("/streams").text
        after = confirm(visit, WITHDRAW, reason="nothing holds any more")
        assert "Done: the channel is withdrawn" in after.text
        assert "Withdraw…" not in after.text
        assert "Withdrawn today" in visit.get("/streams").text
        assert "No open episode" in visit.get("/streams/triage").text
        again = visit.get(WITHDRAW)
        assert again.status_code == 409
        assert "triage is withdrawn already" in again.text
        assert "was withdrawn by olga on " in again.text
        assert "nothing holds any more" in again.text
        assert f'href="{VERSIONS}?channel=production"' in again.text
        assert "<form" not in re.sub(r"<form[^>]*sign-out.*?</form>", "", again.text, flags=re.DOTALL)
    assert log(watched_pages)[-1].withdrawn
    with watched_pages.project.engine.begin() as conn:
        ended = episodes.all_of(conn, "triage")[-1]
    assert (ended.ended_by, ended.by, ended.reason) == ("withdrawal", "olga", "nothing holds any more")


def test_an_earlier_version_is_chosen_in_the_list(watched_pages: WatchedPages) -> None:
    before = log(watched_pages)
    with watched_pages.local() as visit:
        confirm(visit, WITHDRAW)
        listed = visit.get(VERSIONS).text
        first = f"{ROLL_BACK}?channel=production&amp;to={before[0].mapping}"
        assert first in listed
        confirm(visit, first.replace("&amp;", "&"))
    assert log(watched_pages)[-1].mapping == before[0].mapping
    with watched_pages.local() as visit:
        unknown = visit.get(f"{ROLL_BACK}?to={'0' * 64}")
        assert unknown.status_code == 404
        assert "did not name the mapping 000000000000" in unknown.text
        assert f'href="{VERSIONS}?channel=production"' in unknown.text
        served = visit.get(f"{ROLL_BACK}?to={before[0].mapping}")
        assert (served.status_code, "It is served already" in served.text) == (409, True)


@pytest.mark.parametrize("path", [ROLL_BACK, WITHDRAW])
def test_the_same_form_sent_twice_is_one_entry(watched_pages: WatchedPages, path: str) -> None:
    with watched_pages.local() as visit:
        form = visit.form(path, path) | {"reason": "double click"}
        first, second = (visit.post(path, form) for _ in range(2))
        watched_pages.now = NOW + timedelta(days=5)  # the log is not read that far back any more
        third = visit.post(path, form)
    assert first.status_code == second.status_code == 200
    assert "Done:" in second.text
    assert third.status_code == 409 or third.url.path == VERSIONS
    assert len(log(watched_pages)) == 3


def test_what_was_not_seen_is_not_overruled(watched_pages: WatchedPages) -> None:
    """Between the page and the button, somebody else moved the channel."""
    project = watched_pages.project
    with watched_pages.local() as visit:
        form = visit.form(ROLL_BACK, ROLL_BACK) | {"reason": "mine"}
        by = {"by": "bo", "reason": "faster <i>", "now": NOW}
        withdraw(
            project.store,
            stream="triage",
            channel="production",
            intent=intent_of_a_person(project.watch("triage"), **by),
        )
        answer = visit.post(ROLL_BACK, form)
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    assert "by bo (faster &lt;i&gt;)" in answer.text
    assert "is withdrawn" in answer.text
    assert ">mine</textarea>" in answer.text
    assert len(log(watched_pages)) == 3


def test_a_reason_is_asked_for(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        answer = confirm(visit, WITHDRAW, reason="   ")
    assert answer.status_code == 422
    assert "Write why" in answer.text
    assert len(log(watched_pages)) == 2


def test_a_form_of_nobody_or_of_another_session_moves_nothing(watched_pages: WatchedPages) -> None:
    fields = {"channel": "production", "seen": log(watched_pages)[-1].digest, "reason": "x"}
    watched_pages.reviewer("bo", role="admin")
    with watched_pages.signed_in("olga", role="admin") as mine, watched_pages.browser() as other:
        other.post("/sign-in", {"token": "link-of-bo"})
        stolen = mine.form(WITHDRAW, WITHDRAW)
        assert other.post(WITHDRAW, stolen | fields).status_code == 403
        assert mine.post(WITHDRAW, fields).status_code == 403
        assert mine.post(WITHDRAW, stolen | fields | {"channel": "../x"}).status_code == 400
        for seen in ("", "0" * 64):
            assert mine.post(WITHDRAW, stolen | fields | {"seen": seen}).status_code in (400, 409)
    with watched_pages.signed_in("ana") as reviewer:
        assert reviewer.post(WITHDRAW, fields).status_code == 404
    assert len(log(watched_pages)) == 2


def test_a_store_that_is_away_is_said_and_what_was_sent_can_be_sent_again(
    watched_pages: WatchedPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is lost: the entry may be there, and the same form finds it."""
    real = ObstoreStore.create
    with watched_pages.local() as visit:
        form = visit.form(ROLL_BACK, ROLL_BACK) | {"reason": "slow store"}

        def lost(self: ObstoreStore, key: str, data: bytes) -> None:
            real(self, key, data)
            raise OutcomeUnknown("the answer was lost")

        monkeypatch.setattr(ObstoreStore, "create", lost)
        answer = visit.post(ROLL_BACK, form)
        assert answer.status_code == 503
        assert "it moves the channel once at most" in answer.text
        assert "<form" not in answer.text.partition("<main")[2]
        monkeypatch.setattr(ObstoreStore, "create", real)
        assert "Done:" in visit.post(ROLL_BACK, form).text
    assert len(log(watched_pages)) == 3

    def away(*_: object, **__: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr("calib.web.streams.versions.head", away)
    with watched_pages.local() as visit:
        listed = visit.get(VERSIONS)
        assert "The store could not be read: the store is away" in listed.text
        assert visit.get(ROLL_BACK).status_code == 503


def test_a_mapping_of_another_scope_is_said_before_it_is_named(watched_pages: WatchedPages) -> None:
    config = watched_pages.folder / "calib.toml"
    scope = 'labels = 300\nthreshold = 0.9\nscope = { model = "other" }'
    config.write_text(config.read_text().replace("labels = 300\nthreshold = 0.9", scope, 1))
    store = watched_pages.project.store
    from dataclasses import replace

    from calib.store import publish, read_mapping

    present = head(store, stream="triage", channel="production")
    assert present is not None
    mapping = read_mapping(store, stream="triage", digest=present.mapping)
    own = intent_of_a_person(watched_pages.project.watch("triage"), by="ana", reason="x", now=NOW)
    publish(store, replace(mapping, scope={"model": "gone"}), channel="production", intent=own)
    third = intent_of_a_person(watched_pages.project.watch("triage"), by="ana", reason="y", now=NOW)
    publish(store, replace(mapping, scope={"model": "other"}), channel="production", intent=third)
    with watched_pages.local() as visit:
        asked = visit.get(ROLL_BACK).text
    assert "clients of that scope serve the raw confidence" in asked


def test_a_channel_without_entries_says_so(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        assert "names no mapping yet" in visit.get("/streams/empty/versions").text
        for path in ("roll-back", "withdraw"):
            nothing = visit.get(f"/streams/empty/versions/{path}")
            assert nothing.status_code == 404
            assert "Nothing was published here yet" in nothing.text
        assert visit.get("/streams/empty/versions?channel=NO").status_code == 404
        assert "names no mapping yet" in visit.get(f"{VERSIONS}?channel=candidate").text


def test_actions_are_kept_without_the_reason_of_a_person(watched_pages: WatchedPages) -> None:
    with watched_pages.local() as visit:
        confirm(visit, WITHDRAW, reason="secret words of olga")
    with watched_pages.project.engine.begin() as conn:
        rows = conn.execute(select(tables.web_actions)).all()
    assert any(row.what == "withdrew" and row.stream == "triage" for row in rows)
    assert "secret words" not in str(rows)
