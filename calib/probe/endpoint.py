"""Any OpenAI-compatible endpoint over HTTP; no provider's SDK."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from calib.errors import EndpointBusy, EndpointError, EndpointRefused
from calib.json_object import Json
from calib.redaction import reason, shown
from calib.text import storable

if TYPE_CHECKING:
    import httpx

LOG = logging.getLogger(__name__)
LARGEST = 2 * 1024 * 1024  # bytes of a reply
LONGEST = 100_000  # characters of it that are kept
NAME = 200  # characters of a model's name
FOR_NOW = {408, 409, 425, 429}
FOR_ALL = {401, 403, 404, 405, 407}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What came back: the text, and the model that says it wrote it."""

    text: str
    model: str


class Asks(Protocol):
    """A model that can be asked between entering and leaving."""

    async def __aenter__(self) -> Asks: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def ask(self, prompt: str) -> Completion:
        """One reply; raises `EndpointBusy`, `EndpointRefused` or another `EndpointError`."""
        ...


class Endpoint:
    """`POST {url}/chat/completions` with one message of the user; `request` adds fields such as temperature.

    Errors carry the status and never what the server wrote, which may quote the key.
    """

    def __init__(
        self, url: str, *, model: str, key: str | None, request: Json, timeout: float, limit: int
    ) -> None:
        self._url, self._model, self._request = url.rstrip("/"), model, request
        self._key, self._timeout, self._limit = key, timeout, limit
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Endpoint:
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        limits = httpx.Limits(max_connections=self._limit)
        self._client = httpx.AsyncClient(headers=headers, timeout=self._timeout, limits=limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def ask(self, prompt: str) -> Completion:
        """One reply; `EndpointBusy` where it may come later, `EndpointRefused` where no prompt gets one."""
        try:
            return await self._ask(prompt)
        except EndpointError as error:
            event = {EndpointBusy: "busy", EndpointRefused: "refused"}.get(type(error), "no_reply")
            keys = {"event": event, "endpoint": shown(self._url), "model": self._model}
            LOG.info("%s", reason(error), extra=keys)
            raise

    async def _ask(self, prompt: str) -> Completion:
        import anyio
        import httpx

        client = self._opened()
        body = self._request | {"model": self._model, "messages": [{"role": "user", "content": prompt}]}
        try:
            with anyio.fail_after(self._timeout):  # a slow drip never lets the client's own time-out run out
                async with client.stream("POST", f"{self._url}/chat/completions", json=body) as response:
                    if response.status_code != 200:
                        raise _refusal(response)
                    return _completion(await _content(response), self._model)
        except TimeoutError:
            raise EndpointBusy(f"{self._url} gave no whole reply within {self._timeout:g} s") from None
        except httpx.UnsupportedProtocol:
            raise EndpointRefused(f"{self._url} is not an address: write https://HOST/v1") from None
        except httpx.HTTPError as error:
            raise EndpointBusy(f"{self._url} cannot be reached: {type(error).__name__}") from None

    async def check(self) -> str:
        """Whether it can be reached and takes the key, without asking anything; raises as `ask` does."""
        import httpx

        async with self:
            try:
                async with self._opened().stream("GET", f"{self._url}/models") as response:
                    if response.status_code not in (200, 404, 405):  # not every server lists its models
                        raise _refusal(response)
            except httpx.UnsupportedProtocol:
                raise EndpointRefused(f"{self._url} is not an address: write https://HOST/v1") from None
            except httpx.HTTPError as error:
                raise EndpointBusy(f"{self._url} cannot be reached: {type(error).__name__}") from None
        return "answers" if response.status_code == 200 else "answers, and lists no models"

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            raise EndpointError("the endpoint is closed: ask it inside `async with`")
        return self._client


async def _content(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > LARGEST:
            raise EndpointError(f"the reply is larger than {LARGEST // 1024 // 1024} MiB")
        parts.append(part)
    return b"".join(parts)


def _completion(content: bytes, asked_for: str) -> Completion:
    try:
        body = json.loads(content)
        message = body["choices"][0]["message"]
        text = message.get("content")
        model = body.get("model")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise EndpointBusy("the reply is not a chat completion; a proxy may have answered instead") from None
    if isinstance(text, list):  # in parts
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    name = model if isinstance(model, str) and model else asked_for
    return Completion(
        text=storable(text if isinstance(text, str) else "", LONGEST), model=storable(name, NAME)
    )


def _refusal(response: httpx.Response) -> EndpointError:
    message = f"{response.request.url.copy_with(query=None)} answered with status {response.status_code}"
    if response.status_code in FOR_NOW or response.status_code >= 500:
        wished = response.headers.get("retry-after", "")
        seconds = float(wished) if re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", wished) else None
        return EndpointBusy(message, retry_after=seconds)
    if response.status_code in FOR_ALL or 300 <= response.status_code < 400:
        return EndpointRefused(f"{message}: see endpoint, model and the key's variable in calib.toml")
    return EndpointError(f"{message}: see model and request in calib.toml")
