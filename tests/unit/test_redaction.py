"""Nothing secret is shown, whatever the password and the shape of the URL; everything else is."""

from __future__ import annotations

import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calib.errors import InvalidInput, SourceError, UnexpectedError
from calib.redaction import only_what_may_be_shown, reason, redacted, shown, unescaped

MARK = "S3CRET"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("https://user:pw@host/x?sig=1&se=2", "https://user:***@host/x?***"),
        ("GET https://h/a?X-Amz-Signature=1 failed", "GET https://h/a?*** failed"),
        ("see 'https://h/a?sig=1', then", "see 'https://h/a?***', then"),
        ("https://ghp_1234567890abcdefghij@host/x", "https://***@host/x"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("s3://bucket/team@home/x", "s3://bucket/team@home/x"),
        ("http://127.0.0.1:8080/x: refused (Errno 111)", "http://127.0.0.1:8080/x: refused (Errno 111)"),
        ("is it there?", "is it there?"),
        ("postgresql://u:p@h:1/db#t", "postgresql://u:***@h:1/db#t"),
        ("jdbc:postgresql://u:p@h:1/db", "jdbc:postgresql://u:***@h:1/db"),
        ("postgresql://u:p@[h/db#t", "postgresql://u:***@[h/db#t"),
        ("host=h password='a b' user=u", "host=h password=*** user=u"),
        ("host=h password=ab user=u", "host=h password=*** user=u"),
        ('{"access_token": "abc", "n": 1}', '{"access_token": ***, "n": 1}'),
        ("{'Authorization': 'Bearer abc-123456'}", "{'Authorization': ***'}"),
        ("Authorization: Bearer abc.123456", "Authorization: ***"),
        ("sent bearer abc.123456 there", "sent bearer *** there"),
        ("xoxb-1-2-abc was refused", "*** was refused"),
        ("xoxe.xoxp-1-abc was refused", "*** was refused"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/***"),
        ("SLACK_BOT_TOKEN is not set", "SLACK_BOT_TOKEN is not set"),
        ("no SLACK_BOT_TOKEN: alerts go to the terminal", "no SLACK_BOT_TOKEN: alerts go to the terminal"),
        ("basic authentication failed", "basic authentication failed"),
        ("a -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- b", "a *** b"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc-_", "***"),
        ("column 'key' of table 'items'", "column 'key' of table 'items'"),
    ],
)
def test_secrets_are_hidden_and_the_rest_is_not(text: str, seen: str) -> None:
    assert redacted(text) == seen
    assert redacted(seen) == seen


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("parquet:traffic/2026-*/x?.parquet", "parquet:traffic/2026-*/x?.parquet"),
        ("duckdb:x.duckdb#t", "duckdb:x.duckdb#t"),
        ("postgresql://h/db?user=u&password=p#t", "postgresql://h/db?***"),
        ("databricks://h?access_token=p#t", "databricks://h?***"),
        ("postgresql:/u:p@h/db", "postgresql:/u:***@h/db"),
        ("postgresql:u:p@h/db", "***@h/db"),
        ("u:p@h/db", "***@h/db"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, seen: str) -> None:
    assert shown(url) == seen


odd = st.text(st.sampled_from("/#@%?:&=+;,'\"[](){}<>!$*~|\\^`. é中"), max_size=4)
passwords = st.builds(lambda a, b, c: f"{a}{MARK}{b}{MARK}{c}", odd, odd, odd)
schemes = st.sampled_from(
    ["postgresql", "postgresql+psycopg", "mysql", "snowflake", "s3", "https", "bigquery", "cobol"]
)


@given(schemes, passwords)
@example("postgresql+psycopg", f"{MARK}/#@%{MARK}")
@example("https", f"{MARK} {MARK}")
def test_no_password_is_shown_in_a_url(scheme: str, password: str) -> None:
    escaped = quote(password, safe="")
    for url in (
        f"{scheme}://user:{password}@host:5432/db#table",
        f"{scheme}://user:{escaped}@host/db?sslmode=require",
        f"{scheme}://:{password}@host/db",
        f"{scheme}://{escaped}@host/db",
        f"{scheme}://host/db?user=user&password={password}",
        f"{scheme}://host/db?password={escaped}#table",
        f"{scheme}:user:{password}@host/db",
        f"parquet:{scheme}://user:{password}@host/*.parquet",
    ):
        assert MARK not in shown(url), url
        assert MARK not in redacted(f"x: {url!r} is not understood", url), url
        port = f"Port could not be cast to integer value as {password.split('/')[0]!r}"
        assert MARK not in redacted(port, url), url


@given(schemes, passwords.filter(lambda password: not any(c.isspace() for c in password)))
def test_no_password_is_shown_in_a_sentence_with_a_url(scheme: str, password: str) -> None:
    """Where the URL is not known: a library's text."""
    escaped = quote(password, safe="")
    for part in (
        f"{scheme}://user:{password}@host:5432/db",
        f"{scheme}://host/db?user=user&password={password}",
        f"'{scheme}://user:{escaped}@host/db'",
        f"password={password}",
        f"access_token={escaped}",
    ):
        for sentence in (f"cannot open {part}", f"{part} failed: try again", f"a\n({part})\nb"):
            assert MARK not in redacted(sentence), sentence
            assert redacted(redacted(sentence)) == redacted(sentence)


@given(st.text(max_size=200))
def test_any_text_can_be_shown_and_twice_is_once(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_an_error_is_its_first_line() -> None:
    assert reason(ValueError("what\nDebug source: Authorization: secret")) == "what"
    assert reason(ValueError("\n  \nwhat")) == "what"
    assert reason(ValueError()) == "ValueError"


def test_what_is_raised_past_the_gate_carries_no_secret() -> None:
    secret = f"postgresql://u:{MARK.lower()}@h"

    def fail(error: Exception) -> None:
        with only_what_may_be_shown():
            try:
                raise KeyError(secret)
            except KeyError as cause:
                raise error from cause

    with pytest.raises(UnexpectedError, match="ValueError: no postgresql") as unforeseen:
        fail(ValueError(f"no {secret}"))
    with pytest.raises(SourceError, match="no postgresql") as ours:
        fail(SourceError(f"no {secret}"))
    for caught in (unforeseen, ours):
        assert MARK.lower() not in "".join(traceback.format_exception(caught.value))
    assert "fail" in "".join(traceback.format_exception(unforeseen.value))  # where it was stays


PASSWORDS = [
    "xx@Hunter2secret/w",
    "p#Hunter2",
    "p/Hunter2",
    "a?Hunter2@b",
    "Hun ter2",
    "Hunter%2",
    "a@b@Hunter2",
    "[Hunter2]",
]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_that_ends_itself_is_refused_before_anything_is_asked(password: str) -> None:
    """No piece of it is looked up as a host, and none is shown, in whatever case."""
    from calib.db.engine import open_engine
    from calib.traffic.connect import table_of

    url = f"postgresql+psycopg://calib:{password}@127.0.0.1:1/other"
    assert unescaped(url)
    for use in (
        lambda: open_engine(url),
        lambda: table_of(f"{url}#t", base=Path(), stream="s", columns=("id",)),
    ):
        with pytest.raises(InvalidInput, match="%40 for @") as refused:
            use()
        assert "hunter2" not in str(refused.value).lower()
        assert "ter2" not in str(refused.value).lower()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20))
def test_an_escaped_password_is_never_refused(password: str) -> None:
    assert not unescaped(
        f"postgresql+psycopg://calib:{quote(password, safe='')}@127.0.0.1:1/other?options=a@b#t"
    )


def test_pieces_of_a_password_are_hidden_in_whatever_case() -> None:
    said = redacted("no host 'hunter2secret'", "pg://me:xx@Hunter2Secret/w@db")
    assert said == "no host '***'"
