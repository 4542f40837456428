"""What a store says when it refuses reaches people, and a certain refusal is one."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.client.fetch import open_fetcher
from calib.errors import SourceError, StoreError, Unavailable
from calib.object_credentials import WAYS, credentials
from calib.object_words import REMEDIES, is_refusal, words
from calib.store import open_store
from calib.tabular import object_files

SECRET = "hunter" + "2-token"


def answer(code: str, sentence: str) -> str:
    return (
        f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{sentence}</Message>'
        f"<Token-0>{SECRET}</Token-0></Error>"
    )


class S3:
    """A server that answers every request alike, and counts them."""

    def __init__(self) -> None:
        self.status, self.body, self.requests = 200, "", 0
        s3 = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                s3.requests += 1
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                data = s3.body.encode()
                self.send_response(s3.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PUT = do_POST = do_HEAD = do_GET  # noqa: N815  names of the standard library

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    server = S3()
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


REFUSALS = [
    (400, "ExpiredToken", "The provided token has expired."),
    (
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
    (403, "AccessDenied", "Access Denied"),
    (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    (404, "NoSuchBucket", "The specified bucket does not exist"),
    (400, "AuthorizationHeaderMalformed", "The region 'us-east-1' is wrong; expecting 'eu-west-1'"),
]


@pytest.mark.parametrize(("status", "code", "sentence"), REFUSALS, ids=[code for _, code, _ in REFUSALS])
def test_a_refusal_is_certain_at_once_and_in_the_stores_own_words(
    s3: S3, status: int, code: str, sentence: str
) -> None:
    s3.status, s3.body = status, answer(code, sentence)
    store = open_store("s3://bucket/prefix")
    started = time.monotonic()
    for act in (lambda: store.create("a", b"x"), lambda: store.get("a"), lambda: store.keys("a/")):
        with pytest.raises(Unavailable) as raised:
            act()
        says = str(raised.value)
        assert f"{code}: {sentence.rstrip('.')}. {REMEDIES[code]}" in says
        assert SECRET not in says
        assert "unknown" not in says
    assert s3.requests <= 4, "what is certainly refused is not tried again"
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("status", "code", "sentence"), REFUSALS, ids=[code for _, code, _ in REFUSALS])
def test_traffic_is_refused_in_the_stores_own_words_too(
    s3: S3, status: int, code: str, sentence: str
) -> None:
    s3.status, s3.body = status, answer(code, sentence)
    with pytest.raises(SourceError) as raised:
        object_files.list_stored("s3://bucket/traffic/*.parquet")
    says = str(raised.value)
    assert f"{code}: {sentence.rstrip('.')}. {REMEDIES[code]}" in says
    assert "signs in with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in says
    assert SECRET not in says
    assert s3.url not in says


def test_a_bucket_that_is_not_there_is_no_empty_channel(s3: S3) -> None:
    s3.status, s3.body = 404, answer("NoSuchBucket", "The specified bucket does not exist")
    with pytest.raises(Exception, match="NoSuchBucket"):
        open_fetcher("s3://bucket/prefix").get("triage/channels/production/latest.json")
    s3.body = answer("NoSuchKey", "The specified key does not exist.")
    assert open_store("s3://bucket/prefix").get("a") is None


def test_another_region_is_said(s3: S3) -> None:
    s3.status, s3.body = 301, answer("PermanentRedirect", "Use the specified endpoint.")
    with pytest.raises(Unavailable, match=r"in another region\. Set AWS_REGION"):
        open_store("s3://bucket/prefix").create("a", b"x")
    assert s3.requests <= 2


def test_a_store_that_is_asked_too_often_has_refused_nothing(s3: S3) -> None:
    s3.status, s3.body = 503, answer("SlowDown", "Please reduce your request rate.")
    with pytest.raises(
        StoreError, match=r"SlowDown: Please reduce your request rate\. It is asked too often"
    ):
        open_store("s3://bucket/prefix").create("a", b"x")
    assert s3.requests > 6, "reading back is tried again"


def test_other_stores_words_are_found_too() -> None:
    azure = Exception(
        "Generic MicrosoftAzure error: … Server returned non-2xx status code: 404 Not Found: "
        + answer("ContainerNotFound", "The specified container does not exist.\nRequestId:1")
    )
    assert words(azure).startswith("ContainerNotFound: The specified container does not exist")
    google = Exception(
        'Generic GCS error: … status code: 403 Forbidden: {"error": {"code": 403, "message": "me@x does not '
        'have storage.objects.create access", "errors": []}}'
    )
    assert words(google) == "me@x does not have storage.objects.create access"
    assert is_refusal(google)
    nothing = Exception("Error performing PUT http://169.254.169.254/latest/api/token in 3s - HTTP error")
    assert "no credentials were found" in words(nothing)
    assert not is_refusal(nothing)


@given(status=st.integers(100, 599))
def test_a_server_that_is_in_trouble_has_refused_nothing(status: int) -> None:
    error = Exception(f"Generic S3 error: Server returned non-2xx status code: {status} X: body")
    certain = 400 <= status < 500 and status not in (408, 409, 412, 425, 429)
    assert is_refusal(error) is certain


@pytest.mark.parametrize("kind", sorted(WAYS))
def test_the_credentials_that_are_there_are_named_and_never_shown(kind: str) -> None:
    for way in WAYS[kind]:
        environment: dict[str, Any] = dict.fromkeys(way, SECRET)
        says = credentials(f"{kind}://bucket/x", environment)
        assert says is not None
        assert says.startswith("signs in with ")
        assert all(name in says for name in way)
        assert SECRET not in says
        if len(way) > 1:
            half = credentials(f"{kind}://bucket/x", {way[0]: SECRET, way[1]: ""})
            assert half is not None
            assert f"{way[0]} alone is set" in half or half.startswith("signs in")
    none = credentials(f"{kind}://bucket/x", {})
    assert none is not None
    assert none.startswith("no credentials in the environment (read are ")
    assert credentials("file:mappings", {}) is None
