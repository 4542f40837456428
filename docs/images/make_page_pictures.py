"""Take the pictures of the web pages: `python docs/images/make_page_pictures.py DEMO`.

DEMO is the folder that `make demo` left. The other pages are those of the tests' own streams.
"""

from __future__ import annotations

import io
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

os.environ["CALIB_REPORTS"] = "true"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import uvicorn  # noqa: E402
from browser import Browser, browser  # noqa: E402
from PIL import Image  # noqa: E402
from watched_streams import NOW, watched_streams  # noqa: E402

from calib.app import App  # noqa: E402
from calib.web.app import make_app  # noqa: E402
from calib.web.options import WebOptions  # noqa: E402
from calib.web.server import bound  # noqa: E402

DEMO_NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HIGHEST = 1500  # pixels of a picture: what is below is left out


@contextmanager
def pages(folder: Path, now: datetime) -> Iterator[str]:
    """The pages of a folder at a moment that stands still; the address that signs in."""
    app = App.open(folder / "calib.toml", now=lambda: now)
    listening = bound("127.0.0.1", 0)
    options = WebOptions(host="127.0.0.1", port=listening.getsockname()[1], start_token=secrets.token_hex())
    made = make_app(app, options, local_name="olga")
    server = uvicorn.Server(uvicorn.Config(made, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield options.start_address
    finally:
        server.should_exit = True
        thread.join()


def take(chromium: Browser, address: str, path: str, name: str, *, width: int, scheme: str) -> None:
    """Keep the upper part of a page as a PNG with few colours."""
    base = address.rpartition("/start")[0]
    chromium.open(base + path, width=width, scheme=scheme)
    image = Image.open(io.BytesIO(chromium.picture())).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, HIGHEST)))
    to = Path(__file__).with_name(f"page-{name}-{width}-{scheme}.png")
    image.quantize(128).save(to, optimize=True)
    print(f"{to.name}: {to.stat().st_size / 1024:.0f} KB")


def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as made, browser() as chromium:
        world = watched_streams(Path(made))
        with pages(world.folder, NOW) as address:
            chromium.open(address, width=1280)
            take(chromium, address, "/streams", "streams", width=1280, scheme="light")
            take(
                chromium, address, "/streams/triage/versions/withdraw", "withdraw", width=360, scheme="light"
            )
        with pages(Path(sys.argv[1]), DEMO_NOW) as address:
            chromium.open(address, width=1280)
            take(chromium, address, "/streams/digit-reader", "stream", width=1280, scheme="light")


if __name__ == "__main__":
    main()
