"""Makes the golden vectors anew: `python tests/golden/make.py`. It shares no code with calibwatch.

Piecewise linear values are the specification's own steps in doubles; the others are computed with 60 digits.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

getcontext().prec = 60
HERE = Path(__file__).resolve().parent
RAW = [0.0, 5e-324, 1e-07, 0.1, 0.3, 0.30000000000000004, 1 / 3, 0.5, 0.49999999999999994, 0.62, 0.7, 0.93]
RAW += [0.95, 0.9499999999999998, 0.999999, 0.9999999999999999, 1.0]
SEEN: dict[str, Any] = {"model": "gpt-4o"}


def piecewise_linear(curve: dict[str, Any], raw: float) -> float:
    x, y = curve["x"], curve["y"]
    left = [i for i, knot in enumerate(x) if knot <= raw]
    if not left:
        return float(y[0])
    i = left[-1]
    if i == len(x) - 1:
        return float(y[i])
    return float(min(y[i] + (y[i + 1] - y[i]) * ((raw - x[i]) / (x[i + 1] - x[i])), y[i + 1]))


def value(curve: dict[str, Any], raw: float) -> float:
    kind = curve["kind"]
    if kind == "piecewise_linear":
        return piecewise_linear(curve, raw)
    kept = min(max(raw, 1e-6), 1 - 1e-6)
    if kind == "identity":
        return kept
    r = Decimal(kept)
    up, down = r.ln(), (1 - r).ln()
    if kind == "logistic":
        z = Decimal(curve["a"]) * (up - down) + Decimal(curve["b"])
    elif kind == "beta":
        z = Decimal(curve["a"]) * up - Decimal(curve["b"]) * down + Decimal(curve["c"])
    else:
        z = (up - down) / Decimal(curve["T"])
    return min(max(float(1 / (1 + (-z).exp())), 1e-6), 1 - 1e-6)


def of_logits(logits: list[float], t: float) -> float:
    top = max(logits)
    return float(1 / sum(((Decimal(z) - Decimal(top)) / Decimal(t)).exp() for z in logits))


def write(name: str, default: dict[str, Any], segments: dict[str, Any] | None = None, **more: Any) -> None:
    content = {
        "certificates": [],
        "created_at": "2026-11-03T06:12:09Z",
        "default": default,
        "evidence": {},
        "format": "calibwatch.mapping/1",
        "method": "test",
        "parent": None,
        "producer": "calibwatch",
        "scope": SEEN,
        "segments": segments or {},
        "stream": "golden",
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    vectors = [
        [raw, segment, value((segments or {}).get(segment, default), raw)]
        for segment in [None, *(segments or {}), "another"]
        for raw in RAW
    ]
    golden = {"file": text, "digest": hashlib.sha256(text.encode()).hexdigest(), "vectors": vectors} | more
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(golden[key])}" for key in golden)
    (HERE / "mapping" / f"{name}.json").write_text("{" + lines.replace("], [", "],\n  [") + "}\n")


def entry(epoch: int, generation: int, previous: str | None, mapping: str, **more: Any) -> str:
    content = {
        "format": "calibwatch.channel/1",
        "stream": "golden",
        "channel": "production",
        "epoch": epoch,
        "generation": generation,
        "previous": None if previous is None else hashlib.sha256(previous.encode()).hexdigest(),
        "mapping": mapping,
        "publish_id": f"{epoch}-{generation}",
        "at": "2026-11-03T06:12:09Z",
        "by": "golden",
        "reason": "a vector",
        "expires_at": "2027-01-02T06:12:09Z",
    }
    return json.dumps(content | more, sort_keys=True, separators=(",", ":"))


def channels() -> None:
    """Logs, what a reader knows already, where it must end, and whether it refuses what comes next."""
    files = {
        n: json.loads((HERE / "mapping" / f"{n}.json").read_text()) for n in ("identity", "beta", "logistic")
    }
    digests = [golden["digest"] for golden in files.values()]
    empty = {"withdrawn": False, "returns_to": None}
    base = {f"golden/mappings/{golden['digest']}.json": golden["file"] for golden in files.values()}
    key = "golden/channels/production/{:04d}-{:012d}.json".format
    first = entry(1, 1, None, digests[0])
    second = entry(1, 2, first, digests[1])
    third = entry(1, 3, second, digests[2])
    log = base | {key(1, 1): first, key(1, 2): second, key(1, 3): third}
    log["golden/channels/production/latest.json"] = '{"epoch":1,"generation":3}'
    other = entry(1, 3, second, digests[0], publish_id="another")
    forked = log | {key(1, 3): other, key(1, 4): entry(1, 4, other, digests[1])}
    reopened = forked | {key(2, 1): entry(2, 1, None, digests[1])}
    nowhere = log | {"golden/channels/production/latest.json": '{"epoch":7,"generation":900}'}
    far = nowhere | {key(1, 900): entry(1, 900, third, digests[0]), key(7, 1): entry(7, 1, None, digests[0])}
    end = {"head": [1, 3], "mapping": digests[2], "refused": False}
    withdrawn = entry(1, 4, third, digests[0], withdrawn=True, expires_at=None)
    ended = entry(1, 5, withdrawn, digests[2], withdrawn=False)
    odd = {  # what a key may not hold, each in an entry of its own
        "withdrawn is a word": {"withdrawn": "true"},
        "withdrawn is a number": {"withdrawn": 1},
        "withdrawn is null": {"withdrawn": None},
        "it returns to itself": {"returns_to": [1, 4]},
        "it returns to a later epoch": {"returns_to": [2, 1]},
        "it returns to no epoch": {"returns_to": 3},
        "it returns to a part of an entry": {"returns_to": [1, 2.5]},
        "it returns to nothing": {"returns_to": [1, 0]},
    }
    fourth = json.loads(entry(1, 4, third, digests[0]))
    short = json.dumps({name: value for name, value in fourth.items() if name != "expires_at"})
    spaced = json.dumps(json.loads(second) | {"invented": "later"}, indent=1)  # hashed as it was written
    loose = base | {key(1, 1): first, key(1, 2): spaced, key(1, 3): entry(1, 3, spaced, digests[2])}
    cases: dict[str, dict[str, Any]] = {
        "another writer's spaces and keys": {"objects": loose, "known": first, **end},
        "empty": {"objects": base, "known": None, "head": None, "mapping": None, "refused": False},
        "cold": {"objects": log, "known": None, **end},
        "warm": {"objects": log, "known": first, **end},
        "nothing new": {"objects": log, "known": third, **end},
        "a rollback": {
            "objects": log | {key(1, 4): entry(1, 4, third, digests[0], returns_to=[1, 1])},
            "known": third,
            "head": [1, 4],
            "mapping": digests[0],
            "refused": False,
        },
        "keys that say nothing": {
            "objects": log | {key(1, 4): entry(1, 4, third, digests[0], **empty)},
            "known": third,
            "head": [1, 4],
            "mapping": digests[0],
            "refused": False,
        },
        "a withdrawal": {
            "objects": log | {key(1, 4): withdrawn},
            "known": third,
            "head": [1, 4],
            "mapping": None,
            "refused": False,
        },
        "a withdrawal, cold": {
            "objects": log | {key(1, 4): withdrawn},
            "known": None,
            "head": [1, 4],
            "mapping": None,
            "refused": False,
        },
        "the end of a withdrawal": {
            "objects": log | {key(1, 4): withdrawn, key(1, 5): ended},
            "known": withdrawn,
            "head": [1, 5],
            "mapping": digests[2],
            "refused": False,
        },
        "a hint to nowhere": {"objects": nowhere, "known": None, **end},
        "entries far ahead": {"objects": far, "known": first, **end},
        "a restored store": {"objects": base | {key(1, 1): first}, "known": third, **end, "refused": True},
        "a fork": {"objects": forked, "known": third, **end, "refused": True},
        "a broken chain": {
            "objects": log | {key(1, 4): entry(1, 4, second, digests[0])},
            "known": None,
            **end,
            "refused": True,
        },
        "an entry without a field": {
            "objects": log | {key(1, 4): short},
            "known": third,
            **end,
            "refused": True,
        },
        "a copied entry": {"objects": log | {key(1, 4): third}, "known": second, **end, "refused": True},
        "a new epoch": {
            "objects": reopened,
            "known": third,
            "head": [2, 1],
            "mapping": digests[1],
            "refused": False,
        },
        "a new epoch, cold": {
            "objects": reopened,
            "known": None,
            "head": [2, 1],
            "mapping": digests[1],
            "refused": False,
        },
    }
    cases |= {
        why: {"objects": log | {key(1, 4): entry(1, 4, third, digests[0], **key_)}, "known": third, **end}
        | {"refused": True}
        for why, key_ in odd.items()
    }
    (HERE / "channel.json").write_text(json.dumps(cases, indent=1) + "\n")


def refused() -> None:
    """Files that every reader refuses."""
    good = json.loads(json.loads((HERE / "mapping" / "identity.json").read_text())["file"])
    curves: dict[str, Any] = {
        "x descends": {"kind": "piecewise_linear", "x": [0.5, 0.4], "y": [0.1, 0.2]},
        "x repeats": {"kind": "piecewise_linear", "x": [0.5, 0.5], "y": [0.1, 0.2]},
        "x above 1": {"kind": "piecewise_linear", "x": [0.5, 1.5], "y": [0.1, 0.2]},
        "y descends": {"kind": "piecewise_linear", "x": [0.0, 1.0], "y": [0.3, 0.2]},
        "y is 1": {"kind": "piecewise_linear", "x": [0.0, 1.0], "y": [0.3, 1.0]},
        "no knots": {"kind": "piecewise_linear", "x": [], "y": []},
        "more x than y": {"kind": "piecewise_linear", "x": [0.0, 1.0], "y": [0.3]},
        "a knot is text": {"kind": "piecewise_linear", "x": [0.0, "1.0"], "y": [0.3, 0.4]},
        "logistic decreases": {"kind": "logistic", "a": -1, "b": 0},
        "beta decreases": {"kind": "beta", "a": 1, "b": -1, "c": 0},
        "beta without c": {"kind": "beta", "a": 1, "b": 1},
        "temperature of 0": {"kind": "temperature", "T": 0},
        "unknown kind": {"kind": "spline"},
    }
    files = {why: json.dumps(good | {"default": curve}) for why, curve in curves.items()}
    files |= {f"segment: {why}": json.dumps(good | {"segments": {"s": c}}) for why, c in curves.items()}
    files |= {
        "NaN": json.dumps(good | {"default": {"kind": "logistic", "a": float("nan"), "b": 0}}),
        "infinity": json.dumps(good | {"default": {"kind": "logistic", "a": 1, "b": float("inf")}}),
        "beyond a double": json.dumps(good | {"default": "D"}).replace(
            '"D"', '{"kind":"temperature","T":1e999}'
        ),
        "another format": json.dumps(good | {"format": "calibwatch.mapping/2"}),
        "a list": "[]",
        "cut short": json.dumps(good)[:-2],
        "no stream": json.dumps({key: good[key] for key in good if key != "stream"}),
        "a stream that leaves its folder": json.dumps(good | {"stream": "../x"}),
        "scope of numbers": json.dumps(good | {"scope": {"model": 4}}),
    }
    (HERE / "refused.json").write_text(json.dumps(files, indent=1) + "\n")


def main() -> None:
    write(
        "piecewise_linear",
        {"kind": "piecewise_linear", "x": [0.0, 0.3, 0.62, 0.95, 1.0], "y": [0.1, 0.1, 0.44, 0.81, 0.9]},
        {
            "billing": {"kind": "piecewise_linear", "x": [0.3, 0.7], "y": [0.25, 0.75]},
            "one knot": {"kind": "piecewise_linear", "x": [0.5], "y": [0.5]},
            "rounding": {
                "kind": "piecewise_linear",
                "x": [0.04729179937175462, 0.5],
                "y": [0.04976032621570646, 0.22639788615673043],
            },
        },
    )
    write("identity", {"kind": "identity"})
    write("logistic", {"kind": "logistic", "a": 0.85, "b": -0.35})
    write("beta", {"kind": "beta", "a": 1.3, "b": 0.4, "c": -0.2})
    vectors = [[2.0, 0.0], [0.0, 0.0, 0.0], [3.5, -1.25, 2.0, 0.5], [-700.0, -701.0]]
    write(
        "temperature",
        {"kind": "temperature", "T": 1.7},
        logits=[[logits, of_logits(logits, 1.7)] for logits in vectors],
    )
    channels()
    refused()


if __name__ == "__main__":
    main()
