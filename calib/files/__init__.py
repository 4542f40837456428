"""What the commands on files compute: paths in, a result of `calib.results` out; nothing is printed."""

from __future__ import annotations
