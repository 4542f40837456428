"""Where the pages are served and who may ask: what `calib web` is started with."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from calib.errors import InvalidInput

PORT = 8010
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """How one process serves the pages.

    `start_token` lets the person in who started a process that serves no reviewers. `proxy_header` names the
    header in which a proxy says who asks; it is believed from addresses in `proxy_from` alone, None: nobody.
    """

    host: str
    port: int
    start_token: str
    proxy_header: str | None = None
    proxy_from: Network | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the pages."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """The address of the pages on this machine, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def start_address(self) -> str:
        """The address that signs in who started the process."""
        return f"{self.address}/start?token={self.start_token}"

    def trusts(self, peer: str) -> bool:
        """Whether a request from this address may say who asks."""
        if self.proxy_from is None:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in self.proxy_from


def checked_options(
    *, host: str, port: int, start_token: str, proxy_header: str | None, proxy_from: str | None
) -> WebOptions:
    """Options as a person gave them; `InvalidInput` for half of a pair, and for no header or no network."""
    if (proxy_header is None) != (proxy_from is None):
        missing = "--proxy-from CIDR" if proxy_from is None else "--proxy-header NAME"
        raise InvalidInput(
            f"--proxy-header and --proxy-from belong together: add {missing}. A header that anybody could "
            "send must not say who somebody is"
        )
    if proxy_header is not None and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", proxy_header):
        raise InvalidInput(f"--proxy-header {proxy_header!r:.40} is not the name of a header: X-Remote-User")
    network: Network | None = None
    if proxy_from is not None:
        try:
            network = ipaddress.ip_network(proxy_from)
        except ValueError:
            raise InvalidInput(
                f"--proxy-from {proxy_from!r:.40} is not a network: write the proxy's address, as in "
                "10.0.0.7/32"
            ) from None
        if network.prefixlen == 0:
            raise InvalidInput(f"--proxy-from {proxy_from} is everybody: write the proxy's own address")
    return WebOptions(
        host=host, port=port, start_token=start_token, proxy_header=proxy_header, proxy_from=network
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's own: `localhost` or an address that no other machine can send to.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "calib.example")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def name_of_host(header: str) -> str | None:
    """The name in a `Host` header without its port, in lower case; None where it is not a host.

    >>> name_of_host("LOCALHOST:8010"), name_of_host("[::1]:80"), name_of_host("a.example@localhost")
    ('localhost', '::1', None)
    """
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::\d{1,5})?", header)
    return (match[1] or match[2]).lower() if match else None
