"""Objects behind a URL, through obstore: what the store writes with and the client reads with.

obstore is imported when a URL first needs it. It tries a failed request again only where the caller asks for
that, which is for reading alone: whoever creates an object must see that a response was lost.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from calib.errors import ArtifactError, InvalidInput
from calib.format.document import LARGEST
from calib.local_paths import local_path
from calib.redaction import reason, shown

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

CLOUDS = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
WEB = ("http", "https")
ALLOW_HTTP = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")  # for stores without TLS
TIMEOUT = 10.0  # seconds for one request, its body included
ATTEMPTS = 6  # at one request, the first one included
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds
NO_PLACE = ("<Code>NoSuchBucket</Code>", "<Code>ContainerNotFound</Code>")


def folder_of(url: str, *, base: Path = Path()) -> Path | None:
    """The folder that a file: URL names, a relative one below `base`, `~` being home; None for other kinds.

    Raises `InvalidInput` for file://HOST/…: a URL names this machine's folders only.
    """
    if not isinstance(url, str):  # such as a Path
        raise InvalidInput(f"a store is named by a URL; write 'file:{url}' for the folder {str(url)!r}")
    kind, separator, rest = url.partition(":")
    if kind != "file" or not separator:
        return None
    if rest.startswith("//") and not rest.startswith("///"):
        raise InvalidInput(f"{shown(url)} names a host; write file:FOLDER or file:///FOLDER")
    if not rest.strip("/"):
        raise InvalidInput(f"{url!r} names no folder; write file:FOLDER or file:///FOLDER")
    return local_path(rest.removeprefix("//"), base=base)


def refuse_cut(url: str) -> None:
    """Raise `InvalidInput` for a URL with `#` or `?`: what follows would be dropped.

    A query in the URL of a web server stays: it is for the server to read.
    """
    for mark in "#" if url.startswith(tuple(f"{kind}:" for kind in WEB)) else "#?":
        if mark in url:
            raise InvalidInput(
                f"{shown(url.partition(mark)[0])}{mark}… cannot be used: in a URL {mark!r} ends the path, "
                f"and what follows would be dropped; name a place without {mark!r}"
            )


def open_remote(url: str, *, timeout: float = TIMEOUT, retry: RetryConfig | None = None) -> ObjectStore:
    """Open a cloud's or a web server's URL; credentials come from the environment or the machine's role.

    `timeout`: seconds for one request with its body. `retry`: how obstore repeats requests that failed; with
    None it never does. Nothing is read yet. Raises `InvalidInput` where the URL or the environment's settings
    cannot be used.
    """
    refuse_cut(url)
    from obstore.store import from_url

    limit = timedelta(seconds=timeout)
    # obstore forgets what the environment says of the HTTP client as soon as it is told anything itself
    plain = any(os.environ.get(name, "").lower() == "true" for name in ALLOW_HTTP)
    try:
        return from_url(
            url,
            client_options={
                "timeout": limit,
                "connect_timeout": limit,
                "allow_http": plain or url.startswith("http://"),
            },
            retry_config=retry or {"max_retries": 0, "retry_timeout": limit},
        )
    except Exception as error:  # noqa: BLE001  many kinds, all of them about the URL or the settings
        raise InvalidInput(f"{shown(url)} cannot be opened: {reason(error)}") from None


def patient(*, timeout: float) -> RetryConfig:
    """How obstore repeats what may be repeated, where one request may take `timeout` seconds."""
    return {
        "max_retries": ATTEMPTS - 1,
        "retry_timeout": timedelta(seconds=ATTEMPTS * timeout),
        "backoff": {
            "init_backoff": timedelta(seconds=FIRST_WAIT),
            "max_backoff": timedelta(seconds=LONGEST_WAIT),
            "base": 2,
        },
    }


def read(store: ObjectStore, key: str) -> bytes | None:
    """An object's bytes; None where there is none.

    Raises `ArtifactError` for more than 1 MiB, before any of it is read, and whatever obstore raises.
    """
    import obstore
    from obstore.exceptions import NotFoundError

    try:
        result = obstore.get(store, key)
        if result.meta["size"] > LARGEST:
            raise ArtifactError(f"{key} has {result.meta['size']} bytes; more than {LARGEST} are refused")
        return bytes(result.bytes())
    except (FileNotFoundError, NotFoundError) as error:
        if any(code in str(error) for code in NO_PLACE):  # not the object is missing, but where it would be
            raise
        return None
