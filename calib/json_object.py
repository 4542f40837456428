"""The type of a JSON object, for the edges: files, the command line, Slack, stored rows."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
