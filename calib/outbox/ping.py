"""The dead man's switch: a call that says that all is well, so that silence says that it is not."""

from __future__ import annotations

import logging

LOG = logging.getLogger(__name__)
TIMEOUT = 10.0  # seconds


def ping(url: str) -> str | None:
    """Call `url` once: None where it answered with a status of success, else what went wrong.

    Raises nothing: whoever waits for the call hears of its absence, and the run that made it was healthy. No
    redirect is followed. What is returned and logged never holds the address, whose path is often a secret.
    """
    import httpx

    try:
        answer = httpx.get(url, timeout=TIMEOUT, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = f"no answer ({type(error).__name__})"
    else:
        if answer.is_success:
            return None
        moved = ", and redirects are not followed" if answer.is_redirect else ""
        why = f"status {answer.status_code}{moved}"
    LOG.warning("the call of `ping` failed: %s", why, extra={"event": "ping_failed"})
    return why
