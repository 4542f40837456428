"""Addresses that alerts may be posted to: HTTPS, or HTTP on this machine alone."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def refusal(url: str) -> str | None:
    """Why nothing may be posted to an address, as the end of a sentence; None where it may.

    >>> refusal("https://alerts.example/in"), refusal("http://127.0.0.1:8080/in")
    (None, None)
    >>> refusal("http://alerts.example/in")
    'is not encrypted: write https://HOST/PATH. Plain http is for this machine alone'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or any(c.isspace() for c in url):
        return "is not an address: write https://HOST/PATH"
    if parts.username or parts.password:
        return "names a user, with a password or without: take both out; the signature shows who posts"
    if parts.scheme == "https":
        return None
    if parts.scheme == "http" and on_this_machine(host):
        return None
    if parts.scheme == "http":
        return "is not encrypted: write https://HOST/PATH. Plain http is for this machine alone"
    return "is not an address: write https://HOST/PATH"


def on_this_machine(host: str) -> bool:
    """Whether a host name is this machine's own.

    >>> on_this_machine("localhost"), on_this_machine("::1"), on_this_machine("127.0.0.1.example")
    (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
