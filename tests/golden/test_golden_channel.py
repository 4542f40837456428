"""The golden vectors of logs and refused files, read by the client; and all of them by a client in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from calib.client.follower import Follower
from calib.errors import ArtifactError
from calib.format import Entry, Mapping

HERE = Path(__file__).resolve().parent
CASES: dict[str, Any] = json.loads((HERE / "channel.json").read_text())
REFUSED: dict[str, str] = json.loads((HERE / "refused.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_a_reader_ends_where_the_vectors_say(name: str) -> None:
    case = CASES[name]

    class Objects:
        def get(self, key: str) -> bytes | None:
            text = case["objects"].get(key)
            return None if text is None else text.encode()

    follower = Follower(Objects(), stream="golden", channel="production", trusted=None)
    follower.head = None if case["known"] is None else Entry.from_bytes(case["known"].encode())
    refused = False
    try:
        follower.poll()
    except ArtifactError:
        refused = True
    assert refused == case["refused"]
    assert (follower.head and [*follower.head.position]) == case["head"]
    named = follower.head is not None and not follower.head.withdrawn
    assert (follower.head.mapping if named and follower.head else None) == case["mapping"]
    if not refused and named:
        assert follower.trusted is not None
        assert follower.trusted.mapping.digest == case["mapping"]


@pytest.mark.parametrize("why", REFUSED)
def test_what_every_reader_refuses(why: str) -> None:
    with pytest.raises(ArtifactError):
        Mapping.from_bytes(REFUSED[why].encode())


def test_a_client_in_another_language_passes_the_vectors(tmp_path: Path) -> None:
    """Written from docs/mapping-format.md alone; and it sees a vector that is wrong in its last bit."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the format was not tried in another language: there is no Node here")
    shutil.copytree(HERE, tmp_path / "golden")
    run = [node, str(tmp_path / "golden" / "client.mjs")]
    said = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert said["wrong"] == []
    assert said["seen"] > 200
    path = tmp_path / "golden" / "mapping" / "piecewise_linear.json"
    changed = path.read_text().replace('0.49999999999999994, "rounding", 0.22639788615673043]', "CUT")
    assert "CUT" in changed
    path.write_text(changed.replace("CUT", '0.49999999999999994, "rounding", 0.22639788615673045]'))
    (wrong,) = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)["wrong"]
    assert "rounding" in wrong


def test_the_vectors_are_what_their_maker_makes(tmp_path: Path) -> None:
    shutil.copytree(HERE, tmp_path / "golden")
    subprocess.run([sys.executable, str(tmp_path / "golden" / "make.py")], check=True)
    for path in [*HERE.glob("*.json"), *HERE.glob("mapping/*.json")]:
        assert (tmp_path / "golden" / path.relative_to(HERE)).read_text() == path.read_text(), path
