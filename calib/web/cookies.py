"""The cookie that carries a session: out of reach of scripts, and sent to nobody else."""

from __future__ import annotations

from http.cookies import SimpleCookie

from calib.web.site import Site
from calib.web.visitors import LIFE


def session_cookie(site: Site, token: str, *, proxy: bool = False, local: bool = False) -> str:
    """The `Set-Cookie` of a new session.

    `Secure` where people reach the pages by https; a `local` one is used on this machine, without it. `Lax`,
    so that a link in a message opens the page signed in; what changes anything is a POST, which it is not
    sent with from elsewhere.
    """
    return _cookie(site, token, int(LIFE.total_seconds()), proxy=proxy, local=local)


def no_session_cookie(site: Site) -> str:
    """The `Set-Cookie` that makes a browser forget the session."""
    return _cookie(site, "", 0, proxy=False, local=not site.https)


def _cookie(site: Site, value: str, age: int, *, proxy: bool, local: bool) -> str:
    cookie: SimpleCookie = SimpleCookie()
    name = site.cookie(proxy=proxy)
    cookie[name] = value
    cookie[name]["path"] = site.prefix or "/"
    cookie[name]["max-age"] = age
    cookie[name]["httponly"] = True
    cookie[name]["samesite"] = "Lax"
    if site.https and not local:
        cookie[name]["secure"] = True
    return cookie[name].OutputString()
