"""Any HTTPS address as a place for alerts: signed JSON, for pagers and other chats.

The request follows Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, an HMAC-SHA256 over id, timestamp and body. A webhook cannot be asked what it has taken,
so that an alert may come twice; both times it has the same id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from calib.errors import DeliveryError, DeliveryUnknown, Permanent, Retryable
from calib.json_object import Json
from calib.outbox.place import Parcel
from calib.redaction import redacted
from calib.results.alerts import AlertEvent
from calib.results.codec import to_json
from calib.times import timestamp

if TYPE_CHECKING:
    import httpx

SCHEMA = "calibwatch.alert/1"
TIMEOUT = 10.0  # seconds
LEAST_SECRET = 16  # bytes
MADE_FOR = "whsec_"  # how Standard Webhooks marks a secret in base64
FOR_NOW = {408, 409, 423, 425, 429}  # and 5xx
UNSIGNED = (
    "CALIB_WEBHOOK_SECRET is not set where this runs, and nothing is sent unsigned: set it to the "
    "secret that "
    "the receiver knows, 16 characters or more"
)


class WebhookPlace:
    """Posts each alert to one address; `secret` None: every attempt is refused with the way to set it."""

    name, pace = "webhook", 0.0

    def __init__(self, url: str, *, secret: str | None, clock: Callable[[], datetime]) -> None:
        self._url, self._secret, self._clock = url, secret, clock

    def send(self, parcel: Parcel) -> Json:
        """Post the alert, signed, and say what was answered; no redirect is followed."""
        body = json.dumps(to_json(event(parcel)), ensure_ascii=False, separators=(",", ":")).encode()
        id_ = message_id(parcel)
        at = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "calibwatch",
            "Idempotency-Key": id_,
            "webhook-id": id_,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{signature(self._key(), id_, at, body)}",
        }
        answer = _post(self._url, body, headers)
        return {"status": answer.status_code, "id": id_}

    def find(self, parcel: Parcel, since: datetime) -> Json | None:
        """Nothing: a webhook cannot be asked; its receiver recognises what comes twice by the id."""
        del parcel, since
        return None

    def check(self) -> str:
        """Whether the secret is there and the address takes a connection; nothing is posted."""
        self._key()
        parts = urlsplit(self._url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((host, port), timeout=TIMEOUT) as raw:
                if parts.scheme == "https":
                    with ssl.create_default_context().wrap_socket(raw, server_hostname=host):
                        pass
        except OSError as error:
            raise Retryable(f"{host} takes no connection: {type(error).__name__}") from None
        return (
            f"{parts.scheme}://{host} takes a connection, and alerts are signed; `calib alerts "
            "test` posts one"
        )

    def _key(self) -> bytes:
        if self._secret is None:
            raise Permanent(UNSIGNED)
        return key(self._secret)


def event(parcel: Parcel) -> AlertEvent:
    """The object that is posted."""
    payload, message = parcel.payload, parcel.message
    return AlertEvent(
        schema=SCHEMA,
        id=parcel.id,
        deployment=parcel.deployment,
        kind=payload["kind"],
        stream=payload["stream"],
        period=payload["period"],
        revision=int(payload.get("revision", 1)),
        severity=payload["severity"],
        raised_at=timestamp(parcel.created_at),
        episode=payload.get("episode"),
        acts_wrongly_now=message.acts_wrongly,
        owner=message.owner,
        title=message.title,
        tonight=message.tonight,
        text=message.text,
        links=dict(message.links),
        facts=payload["facts"],
    )


def message_id(parcel: Parcel) -> str:
    """The same whenever this alert of this deployment is posted, and no other's."""
    return f"{parcel.deployment or 'calibwatch'}.{parcel.id}"


def key(secret: str) -> bytes:
    """The bytes that sign: those of the text, or what a `whsec_…` secret holds in base64.

    Raises `Permanent` for a secret that is too short to keep anybody out, or is no base64.
    """
    made = secret.encode()
    if secret.startswith(MADE_FOR):
        try:
            made = base64.b64decode(secret.removeprefix(MADE_FOR), validate=True)
        except binascii.Error:
            raise Permanent("CALIB_WEBHOOK_SECRET begins with whsec_ and is no base64 behind it") from None
    if len(made) < LEAST_SECRET:
        raise Permanent(f"CALIB_WEBHOOK_SECRET is too short: {LEAST_SECRET} characters or more are needed")
    return made


def signature(key: bytes, id_: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `id.timestamp.body`, in base64."""
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _post(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    import httpx

    host = urlsplit(url).hostname
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT, follow_redirects=False)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Retryable(f"{host} takes no connection: {type(error).__name__}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryUnknown(f"{host} did not answer: {redacted(type(error).__name__)}") from None
    if answer.is_success:
        return answer
    raise _refusal(str(host), answer.status_code, answer.headers.get("retry-after"))


def _refusal(host: str, status: int, wish: str | None) -> DeliveryError:
    """An answer that is no success, without a word of its body."""
    if 300 <= status < 400:
        return Permanent(
            f"{host} answered with a redirect (HTTP {status}), and none is followed: name its "
            "target in [notify]"
        )
    if status in FOR_NOW or status >= 500:
        seconds = float(wish) if wish is not None and wish.isascii() and wish.isdigit() else None
        return Retryable(f"{host} answered HTTP {status}", retry_after=seconds)
    return Permanent(
        f"{host} refused the alert: HTTP {status}. Correct [notify] in calib.toml or CALIB_WEBHOOK_SECRET"
    )
