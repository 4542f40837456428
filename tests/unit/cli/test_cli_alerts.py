"""`calib alerts`: what was said, what waits, what is parked and why; and where alerts go at all."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import World

from calib import alert_places
from calib.testing.loopback import Fault
from calib.testing.slack import TOKEN, FakeSlack, refused
from calib.testing.webhook import FakeWebhook

SECRET = "0123456789abcdef-a-secret"
ME = getpass.getuser()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setattr("calib.outbox.slack.SlackPlace.pace", 0.0)
    with FakeSlack() as running:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("CALIB_SLACK__BASE_URL", running.url)
        yield running


@pytest.fixture
def missed(world: World, calib: Any) -> World:
    """A deployment with one alert: a period that nobody watched."""
    world.settings(review='review = { kind = "files" }')
    return world


def watch(missed: World, calib: Any) -> Any:
    return calib("watchdog", "triage", "--json", "--config", missed.config)


def test_the_list_is_the_contract_to_the_letter(missed: World, calib: Any, slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", refused("restricted_action"))
    watch(missed, calib)
    listing = calib("alerts", "list", "--json", "--config", missed.config).json
    (one,) = listing["alerts"]
    assert set(listing) == {"alerts"}
    assert list(one) == ["id", "kind", "stream", "period", "state", "reason"]
    assert (one["kind"], one["stream"], one["state"]) == ("window_missed", "triage", "parked")
    assert one["reason"].startswith("slack: Slack refused chat_postMessage: restricted_action")
    relayed = calib("relay", "--json", "--config", missed.config)  # it works by now, and goes out by itself
    assert (relayed.code, relayed.json["delivered"], relayed.json["kept"]) == (0, 1, [])
    (one,) = calib("alerts", "list", "--json", "--config", missed.config).json["alerts"]
    assert (one["state"], one["reason"]) == ("delivered", None)


@pytest.mark.slow
def test_a_relay_names_what_is_parked_and_ends_with_four_until_it_is_not(
    missed: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIB_SLACK__CHANNEL", "#mistyped")
    watch(missed, calib)
    for _ in range(2):
        ran = calib("relay", "--config", missed.config)
        assert ran.code == 4
        assert "parked at slack: triage 2026-10: window missed: " in ran.out
        assert "channel_not_found" in ran.out
    checked = calib("check", "--json", "--config", missed.config)
    assert [line["what"] for line in checked.json["checks"] if not line["ok"]] == ["slack"]
    monkeypatch.setenv("CALIB_SLACK__CHANNEL", "#ml-calibration")
    assert calib("check", "--json", "--config", missed.config).json["ok"]
    assert calib("relay", "--config", missed.config).code == 0
    assert len(slack.messages) == 1


def test_one_alert_is_shown_with_its_words_and_its_places(
    missed: World, calib: Any, slack: FakeSlack
) -> None:
    watch(missed, calib)
    (one,) = calib("alerts", "list", "--json", "--config", missed.config).json["alerts"]
    shown = calib("alerts", "show", one["id"][:8], "--json", "--config", missed.config).json
    assert shown["text"].startswith("triage 2026-10: a period was not watched.")
    assert [(part["place"], part["state"]) for part in shown["deliveries"]] == [("slack", "delivered")]
    assert (
        "`calib run triage --period 2026-10`"
        in calib("alerts", "show", one["id"], "--config", missed.config).out
    )
    assert calib("alerts", "show", "ffffffff", "--config", missed.config).code == 2


def test_a_message_names_the_command_that_prints_the_steps_for_its_kind(
    missed: World, calib: Any, slack: FakeSlack
) -> None:
    watch(missed, calib)
    (named,) = re.findall(r"`calib (alerts show \w+)` prints the steps", slack.messages[0]["text"])
    assert "docs/" not in slack.messages[0]["text"]
    shown = calib(*named.split(), "--config", missed.config).out
    assert "A period has no window, or a probe was not asked." in shown
    assert "cohort" not in shown  # the other sections are not printed
    assert calib(*named.split(), "--json", "--config", missed.config).json["runbook"] in shown


def test_a_silence_an_acknowledgement_and_sending_again(
    missed: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ("--config", missed.config)
    begun = calib(
        "alerts", "silence", "triage", "--until", "8h", "--reason", "a migration", "--json", *config
    )
    (silence,) = begun.json["silences"]
    assert (silence["stream"], silence["by"], silence["reason"]) == ("triage", ME, "a migration")
    watch(missed, calib)
    assert slack.messages == []
    (one,) = calib("alerts", "list", "--state", "silenced", "--json", *config).json["alerts"]
    assert f"silenced by {ME} until " in one["reason"]
    assert "a migration" in calib("alerts", "silence", *config).out
    assert calib("status", "--json", *config).json["streams"][0]["alerts"] == {"waiting": 0, "parked": 0}
    assert calib("alerts", "silence", "triage", "--end", *config).code == 0
    assert calib("alerts", "silence", "triage", "--end", *config).code == 1
    assert calib("alerts", "resend", one["id"], *config).code == 0
    calib("relay", *config)
    assert len(slack.messages) == 1
    assert calib("alerts", "resend", one["id"], *config).code == 2  # nothing is sent twice
    assert calib("alerts", "ack", one["id"][:8], "--reason", "on it", *config).code == 0
    calib("relay", *config)
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]
    assert f"{ME} has seen this and takes care of it: on it." in slack.messages[1]["text"]
    (one,) = calib("alerts", "list", "--json", *config).json["alerts"]
    assert one["reason"] == f"acknowledged by {ME}: on it"

    again = calib("alerts", "ack", one["id"], "--reason", "still on it", *config)
    assert again.code == 0
    assert f"was acknowledged already, by {ME} at 20" in again.out
    assert again.out.endswith("UTC: on it; nothing new was said\n")
    (known,) = calib("alerts", "ack", one["id"], "--json", *config).json["acknowledgements"]
    assert (known["by"], known["reason"], known["new"]) == (ME, "on it", False)
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    taken_over = calib("alerts", "ack", one["id"], "--reason", "my shift", *config).out
    assert f"acknowledged by ana, after {ME} at " in taken_over
    calib("relay", *config)
    assert len(slack.messages) == 3
    assert "ana has seen this" in slack.messages[2]["text"]
    actions = calib("alerts", "show", one["id"], "--json", *config).json["actions"]
    assert [action["action"] for action in actions] == ["resent", "acknowledged", "acknowledged"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("silence", "triage"), "--until and --reason"),
        (("silence", "triage", "--until", "8h", "--reason", " "), "--until and --reason"),
        (("silence", "--until", "8h", "--reason", "x"), "name the STREAM"),
        (("silence", "triage", "--until", "soon", "--reason", "x"), "is no moment"),
        (("silence", "triage", "--until", "2020-01-01", "--reason", "x"), "is over"),
        (("silence", "triage", "--until", "8h", "--reason", "x", "--kind", "degradd"), "degraded"),
        (("silence", "triag", "--until", "8h", "--reason", "x"), "triage"),
        (("resend",), "--parked"),
        (("resend", "abcdef12", "--parked"), "--parked"),
        (("ack", "abc"), "too short"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way(
    missed: World, calib: Any, arguments: tuple[str, ...], says: str
) -> None:
    ran = calib("alerts", *arguments, "--config", missed.config)
    assert ran.code == 2
    assert says in ran.err


def test_each_place_is_tried_and_read_back(
    missed: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeWebhook() as hook:
        monkeypatch.setenv("CALIB_NOTIFY__WEBHOOK", hook.url)
        monkeypatch.setenv("CALIB_WEBHOOK_SECRET", SECRET)
        ran = calib("alerts", "test", "--json", "--config", missed.config)
        assert ran.code == 0
        assert [(one["place"], one["ok"]) for one in ran.json["places"]] == [
            ("slack", True),
            ("webhook", True),
        ]
        assert "read back" in ran.json["places"][0]["says"]
        assert [one.event["kind"] for one in hook.posted] == ["test"]
        assert len(slack.messages) == 1
        hook.fail(Fault(status=401))
        slack.fail("chat.postMessage", refused("invalid_auth"))
        ran = calib("alerts", "test", "--config", missed.config)
        assert ran.code == 4
        assert ran.out.count("FAIL") == 2
        assert SECRET not in ran.out + ran.err
        assert TOKEN not in ran.out + ran.err
    assert calib("alerts", "list", "--json", "--config", missed.config).json["alerts"] == []


@pytest.mark.parametrize("variable", ["SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL", "CALIB_WEBHOOK_SECRET"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_secret_that_is_empty_is_not_set(
    missed: World, calib: Any, monkeypatch: pytest.MonkeyPatch, variable: str, empty: str
) -> None:
    monkeypatch.setenv(variable, empty)
    checked = calib("check", "--json", "--config", missed.config).json
    (line,) = [line for line in checked["checks"] if line["what"] == "slack"]
    assert line["ok"]
    assert "no SLACK_BOT_TOKEN" in line["says"]


@pytest.mark.parametrize(
    ("notify", "goes"),
    [
        ("", "to the terminal of who runs a verb, and nowhere from a schedule"),
        ("[notify]\nterminal = true\n", "to standard error of every run"),
        ('[notify]\nwebhook = "http://127.0.0.1:9/a"\n', "to the webhook"),
    ],
)
def test_check_says_where_alerts_go_without_slack(
    missed: World, calib: Any, monkeypatch: pytest.MonkeyPatch, notify: str, goes: str
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    missed.config.write_text(
        missed.config.read_text().replace("[streams.triage]", f"{notify}[streams.triage]", 1)
    )
    checked = calib("check", "--json", "--config", missed.config).json
    (says,) = [line["says"] for line in checked["checks"] if line["what"] == "slack"]
    assert says == f"no SLACK_BOT_TOKEN: alerts go {goes}"


def test_without_a_place_alerts_are_kept_and_somebody_at_a_terminal_sees_them(
    missed: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(alert_places, "person_looks", lambda _: False)  # as under cron
        ran = watch(missed, calib)
        assert ran.json["relay"]["delivered"] == 0
        assert "1 alert kept and not delivered" in ran.err
        assert calib("alerts", "test", "--config", missed.config).code == 1
    ran = calib("relay", "--config", missed.config)
    assert "triage 2026-10: a period was not watched" in ran.err
    (one,) = calib("alerts", "list", "--json", "--config", missed.config).json["alerts"]
    assert one["state"] == "delivered"


def test_who_runs_a_verb_without_the_secrets_does_not_take_the_alerts_away(
    missed: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(missed, calib)
    assert len(slack.messages) == 1
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    with missed.config.open("a") as file:
        file.write(missed.config.read_text().replace("[streams.triage]", "[streams.other]"))
    ran = calib("watchdog", "other", "--json", "--config", missed.config)  # by hand, on another machine
    assert "1 alert kept and not delivered" in ran.err
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    calib("relay", "--config", missed.config)
    assert len(slack.messages) == 2


def test_a_webhook_without_its_secret_parks_and_says_what_to_set(
    missed: World, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeWebhook() as hook:
        monkeypatch.setenv("CALIB_NOTIFY__WEBHOOK", hook.url)
        monkeypatch.delenv("CALIB_WEBHOOK_SECRET")
        watch(missed, calib)
        ran = calib("relay", "--config", missed.config)
        assert ran.code == 4
        assert "CALIB_WEBHOOK_SECRET is not set" in ran.out
        assert hook.tried == 0
        monkeypatch.setenv("CALIB_WEBHOOK_SECRET", SECRET)
        assert calib("relay", "--config", missed.config).code == 0
        assert len(hook.posted) == 1


@pytest.mark.slow
def test_an_incoming_webhook_is_the_second_way_and_a_token_comes_first(
    missed: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    watch(missed, calib)
    assert len(slack.hooked) == 1
    (line,) = [
        line
        for line in calib("check", "--json", "--config", missed.config).json["checks"]
        if line["what"] == "slack"
    ]
    assert "without threads and pictures" in line["says"]
    assert "/services/" not in line["says"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[notify]\nwebhook = "http://alerts.example/x"', "not encrypted"),
        ('[notify]\nwebhook = "https://u:p@alerts.example/x"', "names a user"),
        ('[notify]\nwebhook = "ftp://alerts.example"', "not an address"),
        ('[slack]\nwebhook = "https://hooks.slack.com/services/x"', "not a setting"),
        ('slack_webhook = "https://hooks.slack.com/services/x"', "not a setting"),
        ('webhook_secret = "0123456789abcdef"', "not a setting"),
    ],
)
def test_addresses_and_secrets_where_they_do_not_belong(
    world: World, calib: Any, text: str, says: str
) -> None:
    world.settings(head=text)
    ran = calib("relay", "--config", world.config)
    assert ran.code == 2
    assert says in ran.err
    assert "services/x" not in ran.err


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        ("@here", "would call a whole channel"),
        ("@Channel", "would call a whole channel"),
        ("ml-oncall", "names nobody"),
        ("<!channel>", "names nobody"),
        ("@ml oncall", "names nobody"),
        ("U1", "names nobody"),
    ],
)
def test_an_owner_is_somebody(world: World, calib: Any, owner: str, says: str) -> None:
    world.settings(f'owner = "{owner}"')
    ran = calib("relay", "--config", world.config)
    assert (ran.code, says in ran.err) == (2, True)


@pytest.mark.slow
def test_a_quiet_month_is_one_line_where_it_is_wanted(
    world: World, calib: Any, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stream_life import quick_fits

    quick_fits(monkeypatch)
    for wanted, period in (("", "2026-01"), ("quiet_line = true", "2026-02")):
        world.settings(wanted)
        shown = calib("run", "triage", "--period", period, "--json", "--config", world.config).json
        assert shown["alerts"] == []
    (line,) = slack.messages
    assert line["text"].startswith("triage 2026-02: ")
    assert len(line["blocks"]) == 1
    assert calib("alerts", "list", "--json", "--config", world.config).json["alerts"] == []
