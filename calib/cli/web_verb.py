"""`calib web`: the pages in a browser."""

from __future__ import annotations

import getpass
import secrets
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json
from calib.web.options import PORT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from calib.app import App
    from calib.web.options import WebOptions


def web(
    host: Annotated[
        str, typer.Option("--host", help="The address to serve on; another one needs a reviewer.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    proxy_header: Annotated[
        str | None, typer.Option("--proxy-header", help="The header in which your proxy names the reviewer.")
    ] = None,
    proxy_from: Annotated[
        str | None,
        typer.Option("--proxy-from", metavar="CIDR", help="The proxy's address: others are not believed."),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Serve the review page, where people label, until it is ended with Ctrl-C.

    Without any reviewer it serves this machine alone: the address that it prints has a token and signs you
    in. As soon as `calib reviewers add` has added one, also while this runs, everybody signs in by a link.
    To serve others too, add an admin first, set `[web] url` to the address that people open, put a proxy
    with TLS in front, and give --host. Where the proxy signs people in itself, --proxy-header and
    --proxy-from take the reviewer's name from it. Nothing is logged of what people read or write.
    """
    from calib.app import App
    from calib.web.app import make_app
    from calib.web.options import checked_options
    from calib.web.server import bound, serve

    opened = App.open(config)
    token = secrets.token_urlsafe(32)
    asked = checked_options(
        host=host, port=port, start_token=token, proxy_header=proxy_header, proxy_from=proxy_from
    )
    reviewers = _ready(opened, asked)
    listening = bound(host, port)

    def make(real_port: int) -> FastAPI:
        options = replace(asked, port=real_port)
        _say(opened, options, reviewers, as_json=json, in_browser=open_)
        return make_app(opened, options, local_name=getpass.getuser())

    serve(make, listening)


def _ready(opened: App, options: WebOptions) -> int:
    """How many reviewers there are; `InvalidInput` where what is asked for would not be safe or not work."""
    from calib.db import reviewers
    from calib.errors import InvalidInput
    from calib.review.guidelines import read_guidelines

    settings = opened.settings
    for name, stream in settings.streams.items():
        read_guidelines(stream.guidelines, base=settings.folder, stream=name)
    with opened.engine.connect() as conn:
        active = sum(reviewer.revoked_at is None for reviewer in reviewers.list_all(conn))
    if not active and not options.loopback:
        raise InvalidInput(
            f"--host {options.host} is open to other machines, and there is no reviewer who could sign in: "
            "add the first with `calib reviewers add NAME --role admin`, or leave --host out to serve this "
            "machine alone"
        )
    return active


def _say(opened: App, options: WebOptions, reviewers: int, *, as_json: bool, in_browser: bool) -> None:
    """Where the pages are, printed as soon as they are served."""
    from calib.cli.page import Page
    from calib.results.web import WebStarted

    url = opened.settings.web.url or options.address
    if not reviewers:
        url = options.start_address
    if as_json:
        output.emit(WebStarted(url=url, reviewers=reviewers).to_json())
    else:
        page = Page()
        page.say("The review page is served until Ctrl-C. Open:")
        page.command(url)
        if reviewers:
            page.say(f"{output.counted(reviewers, 'reviewer')} may sign in. A new link for one of them:")
            page.command("calib reviewers link NAME")
        else:
            page.say("There are no reviewers: this address is for you alone, on this machine.")
            page.say("To let others in:")
            page.command("calib reviewers add NAME --role admin")
    sys.stdout.flush()
    if in_browser:
        import webbrowser

        webbrowser.open(url)
