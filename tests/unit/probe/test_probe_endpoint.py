"""The HTTP side: an OpenAI-compatible server on loopback, with everything that goes wrong."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from typing import Any

import anyio
import pytest
from log_records import Records
from probes import endpoint

from calib.elicit import ask_all
from calib.errors import EndpointBusy, EndpointError, EndpointRefused
from calib.probe import Completion, Endpoint
from calib.testing.model import FakeModel
from calib.testing.slack import Fault, broken, limited, lost


def ask(asks: Endpoint, prompt: str = "hello") -> Completion:
    async def main() -> Completion:
        async with asks:
            return await asks.ask(prompt)

    return anyio.run(main)


def test_a_prompt_goes_out_and_a_reply_comes_back() -> None:
    with FakeModel(lambda prompt: prompt.upper(), name="fake-1-2026-11") as model:
        found = ask(endpoint(model, temperature=0, max_tokens=50), "grüß Gott")
        assert found == Completion(text="GRÜSS GOTT", model="fake-1-2026-11")
        assert model.requests == [
            {
                "temperature": 0,
                "max_tokens": 50,
                "model": "fake-1",
                "messages": [{"role": "user", "content": "grüß Gott"}],
            }
        ]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (limited(7), EndpointBusy, "429"),
        (broken(500), EndpointBusy, "500"),
        (broken(503), EndpointBusy, "503"),
        (broken(200, "<html>sign in</html>"), EndpointBusy, "not a chat completion"),
        (broken(200, "[" * 100_000), EndpointBusy, "not a chat completion"),
        (broken(200, '{"choices": []}'), EndpointBusy, "not a chat completion"),
        (broken(200, '{"choices": [{"message": null}]}'), EndpointBusy, "not a chat completion"),
        (broken(200, "[]"), EndpointBusy, "not a chat completion"),
        (lost(), EndpointBusy, "cannot be reached"),
        (Fault(status=400, error="context_length_exceeded"), EndpointError, "400"),
        (Fault(status=404, error="model_not_found"), EndpointRefused, "404"),
        (Fault(status=403), EndpointRefused, "403"),
        (Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}), EndpointRefused, "302"),
        (broken(200, '"' + "x" * (3 * 1024 * 1024) + '"'), EndpointError, "larger than 2 MiB"),
    ],
)
def test_each_failure_is_known_for_what_it_is(
    fault: Fault, error: type[Exception], said: str, records: Records
) -> None:
    with FakeModel(str) as model:
        model.fail(fault)
        with pytest.raises(error, match=said) as caught:
            ask(endpoint(model))
    assert type(caught.value) is error
    if isinstance(caught.value, EndpointBusy):
        assert caught.value.retry_after == (7 if fault.status == 429 else None)
    events = {EndpointBusy: "busy", EndpointRefused: "refused", EndpointError: "no_reply"}
    records.has("probe.endpoint", events[error], level="info", times=1)


def test_a_wrong_key_is_refused_and_shown_nowhere(caplog: pytest.LogCaptureFixture, records: Records) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeModel(str) as model, pytest.raises(EndpointRefused) as caught:
        ask(endpoint(model, key="sk-very-secret"))  # the server repeats it in its answer
    text = str(caught.value) + repr(caught.value) + caplog.text + repr(caught.value.__context__)
    assert "401" in str(caught.value)
    assert "very-secret" not in text
    assert "very-secret" not in str(vars(records.has("probe.endpoint", "refused")))


def test_nobody_there_is_worth_another_try() -> None:
    asks = Endpoint("http://127.0.0.1:9/v1", model="m", key=None, request={}, timeout=2, limit=1)
    with pytest.raises(EndpointBusy, match="cannot be reached"):
        ask(asks)


def test_a_slow_drip_ends_at_the_time_out() -> None:
    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(50):
                try:
                    self.request.sendall(b" ")
                except OSError:
                    return
                stop.wait(0.1)

    stop = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        with pytest.raises(EndpointBusy, match=r"no whole reply within 0\.5 s"):
            ask(Endpoint(url, model="m", key=None, request={}, timeout=0.5, limit=1))
        stop.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Answer: "}, {"type": "text", "text": "B"}, 7], "Answer: B"),
        (None, ""),
        ("half a pair \ud800 and a \x00", "half a pair ? and a "),
        (7, ""),
    ],
)
def test_replies_in_other_shapes_are_text_that_a_database_takes(content: Any, text: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": content}}], "model": 7})
    with FakeModel(str) as model:
        model.fail(broken(200, body))
        assert ask(endpoint(model)) == Completion(text=text, model="fake-1")


def test_many_prompts_over_http_survive_what_goes_wrong() -> None:
    prompts = [f"prompt {i}" for i in range(30)]

    async def nothing(seconds: float) -> None:
        """No waiting between attempts."""

    async def main(asks: Endpoint) -> list[Any]:
        async with asks:
            return await ask_all(asks.ask, prompts, concurrency=4, sleep=nothing)

    with FakeModel(str.upper, delay=0.01) as model:
        model.fail(limited(0), broken(), lost(), broken(200, "x"), lost())
        found = anyio.run(main, endpoint(model))
        assert [one.reply.text for one in found] == [prompt.upper() for prompt in prompts]
        assert sum(one.attempts for one in found) == 35
        assert 2 <= model.busiest <= 4


def test_an_endpoint_is_asked_while_it_is_open() -> None:
    with FakeModel(str) as model, pytest.raises(EndpointError, match="closed"):
        anyio.run(endpoint(model).ask, "hello")
