"""label-studio itself, from a virtual environment of its own, on loopback with SQLite in a new folder."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from label_studio_fake import ADMIN, LEGACY, result_of

PASSWORD = "calibwatch-test-1"
BOB = "bob@calib.example"
PATIENCE = 900.0  # seconds, on a busy machine: its first start makes some hundred migrations
MIGRATED = "migrated.sqlite3"  # in the virtual environment: what they leave, for the next start


class RealPeople:
    """Annotators at work, each with a session of their own, as their browsers have."""

    def __init__(self, sessions: dict[str, httpx.Client]) -> None:
        self._sessions = sessions

    def annotate(
        self, task: int, answer: str | None, *, by: str = ADMIN, comment: str = "", skip: bool = False
    ) -> int:
        body = {"result": result_of(answer, comment), "was_cancelled": skip, "lead_time": 3.5}
        return int(self._do("POST", f"/api/tasks/{task}/annotations/", body, by)["id"])

    def change(self, task: int, annotation: int, answer: str) -> None:
        del task
        self._do("PATCH", f"/api/annotations/{annotation}/", {"result": result_of(answer, "")}, ADMIN)

    def delete(self, task: int, annotation: int) -> None:
        del task
        self._do("DELETE", f"/api/annotations/{annotation}/", None, ADMIN)

    def _do(self, method: str, path: str, body: Any, by: str) -> Any:
        session = self._sessions[by]
        answer = session.request(method, path, json=body, headers=_csrf(session))
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def label_studio(venv: Path) -> Iterator[tuple[Path, str, str, str, RealPeople]]:
    """Its folder, its address, a key of each kind and two annotators; it ends with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="label-studio-") as folder:
        environment = os.environ | {
            "LABEL_STUDIO_BASE_DATA_DIR": folder,
            "LABEL_STUDIO_USERNAME": ADMIN,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": LEGACY,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "SECRET_KEY": secrets.token_hex(32),
            **dict.fromkeys(("COLLECT_ANALYTICS", "LATEST_VERSION_CHECK"), "false"),
            **dict.fromkeys(("SENTRY_DSN", "FRONTEND_SENTRY_DSN"), ""),
        }
        database = Path(folder) / "label_studio.sqlite3"
        if (venv / MIGRATED).is_file():
            shutil.copy(venv / MIGRATED, database)
        start = ("start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port))
        with (Path(folder) / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [venv / "bin" / "label-studio", *start], cwd=folder, env=environment, stdout=log, stderr=log
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, Path(folder) / "server.log")
            if not (venv / MIGRATED).is_file():
                _keep(database, venv / MIGRATED)
            with _session(url) as admin, _session(url) as bob:
                _post_form(admin, "/user/login/", email=ADMIN, password=PASSWORD)
                invitation = re.sub(r"^https?://[^/]+", "", admin.get("/api/invite").json()["invite_url"])
                _post_form(bob, invitation, email=BOB, password=PASSWORD)
                yield Path(folder), url, LEGACY, _personal_token(admin), RealPeople({ADMIN: admin, BOB: bob})
        finally:
            process.terminate()
            process.wait(30)


def _keep(database: Path, copy: Path) -> None:
    """A copy of the migrated database, whole or not at all."""
    making = copy.with_suffix(f".{os.getpid()}")
    with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(making)) as kept:
        made.backup(kept)
    making.replace(copy)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"label-studio ended: {log.read_text()[-2000:]}")
        try:
            if httpx.get(f"{url}/api/version/", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(1)
    raise AssertionError(f"label-studio did not answer within {PATIENCE:g} s: {log.read_text()[-2000:]}")


def _session(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, follow_redirects=True, timeout=60)


def _post_form(session: httpx.Client, page: str, **values: str) -> None:
    shown = session.get(page)
    hidden = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', shown.text)
    assert hidden is not None, page
    values["csrfmiddlewaretoken"] = hidden[1]
    session.post(page, data=values, headers={"Referer": str(shown.url)}).raise_for_status()
    assert session.get("/api/current-user/whoami").is_success, page


def _personal_token(admin: httpx.Client) -> str:
    both = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    admin.post("/api/jwt/settings", json=both, headers=_csrf(admin)).raise_for_status()
    made = admin.post("/api/token/", json={}, headers=_csrf(admin))
    made.raise_for_status()
    return str(made.json()["token"])


def _csrf(session: httpx.Client) -> dict[str, str]:
    return {"X-CSRFToken": session.cookies.get("csrftoken") or "", "Referer": str(session.base_url)}
