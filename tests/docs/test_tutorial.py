"""The tutorial runs as it stands, in order, in one shell and one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"Save (?:this|it)\s+as `([a-z_]+\.py)`")
INSTALLATION = 1  # the first block installs the released package; the tests run the checkout


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Language, content and the words before it, for each block."""
    end = 0
    for block in BLOCK.finditer(text):
        yield block[1], block[2], text[end : block.start()]
        end = block.end()


def script(text: str) -> tuple[str, list[str]]:
    """The page as one shell script, and the output that it promises, line by line."""
    lines, promised = ["set -eu"], []
    for language, content, before in list(blocks(text))[INSTALLATION:]:
        if language == "python":
            (name,) = NAME.findall(before)[-1:]
            lines.append(f"cat > {name} <<'END_OF_FILE'\n{content}END_OF_FILE")
        elif language == "console":
            lines += [re.sub(r"^\$ ", "", line) for line in content.splitlines()]
        else:
            assert language == "text", language
            promised += content.splitlines()
    return "\n".join(lines), promised


@pytest.mark.slow
def test_the_tutorial_as_it_stands(tmp_path: Path) -> None:
    code, promised = script(PAGE.read_text(encoding="utf-8"))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "80",
    }
    ran = subprocess.run(
        ["bash", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=480
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    printed = ran.stdout.splitlines()
    for line in promised:
        assert line in printed, line
    assert not [line for line in printed if line.startswith("fail")]
    served = [
        line.split() for line in printed if re.match(r"(0\.7|1\.0) [01]\.\d+ [A-Z]+ (True|False)$", line)
    ]
    assert [line[0] for line in served] == ["0.7", "1.0"] * 2
    assert [line[3] for line in served[:2]] == ["False", "True"], "the certificate holds at 1.0 alone"
    assert [line[1:] for line in served[2:]] == [
        ["0.7", "UNCALIBRATED", "False"],
        ["1.0", "UNCALIBRATED", "False"],
    ]
    assert float(served[0][1]) < 0.65, "a stated 0.7 was right in 58% of cases"
    assert "new mapping" in ran.stdout.split("labels.import")[-1]
    assert (tmp_path / "log-reliability.png").read_bytes().startswith(b"\x89PNG")


def test_a_promise_that_is_not_printed_is_found() -> None:
    code, promised = script("```text\nx\n```\n```console\n$ echo a\n```\n\n```text\n  ECE 0.1\n```\n")
    assert code.splitlines()[1:] == ["echo a"]
    assert promised == ["  ECE 0.1"]
