"""What may be served, and how fresh it is: a snapshot that is read once an answer, and pure rules over it."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass

from calib.client.results import Status
from calib.client.trust import Trusted, out_of_scope, unmatched
from calib.format import Curve, Entry, Mapping
from calib.times import moment

OVERDUE = 3  # refresh intervals without an answer from the store before what is served is called stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that one answer needs, replaced as a whole: no answer mixes two mappings.

    `mapping` is None where none may be used, and `refusal` says why. `certified`: whether its certificates
    count; those of a bundled mapping do not, for nothing says when they expire. `expires` is in POSIX
    seconds. `fresh_until`, on the monotonic clock, spares the read path the wall clock and every rule: before
    it the mapping was confirmed recently and does not expire; from it on the state is `otherwise`. (A wall
    clock that was stepped is heeded by `freshness` at once, and by these at the next poll.) `remark`: what is
    worth knowing though nothing is wrong, or why there is no mapping.
    """

    mapping: Mapping | None
    digest: str | None
    default: Curve | None
    segments: Dict[str, Curve]
    entry: Entry | None
    certified: bool
    expires: float
    confirmed: float | None
    overdue: float
    fresh_until: float
    otherwise: str
    refusal: str
    remark: str


def snapshot(
    trusted: Trusted | None,
    bundled: Mapping | None,
    scope: Dict[str, str],
    *,
    strict: bool,
    absent: str,
    confirmed: float | None,
    tried: bool,
    refresh: float,
    wall: float,
    monotonic: float,
) -> Snapshot:
    """What may be served: the last known good, else the bundled mapping, each only within its scope.

    `strict`: a scope with other keys is another scope. `absent`: why the store named no mapping.
    """
    refusal = ""
    chosen: Mapping | None = None
    candidates = [trusted.mapping if trusted else None, bundled]
    if (
        trusted is not None and trusted.entry.withdrawn
    ):  # a person wants no mapping: not the bundled one either
        refusal = withdrawn(trusted.entry)
        candidates = []
    for mapping in candidates:
        if mapping is not None and chosen is None:
            why = out_of_scope(mapping, scope) or _refused_by_keys(mapping, scope, strict=strict)
            chosen = mapping if why is None else None
            refusal = refusal or why or ""
    own = trusted is not None and chosen is trusted.mapping
    otherwise = "UNCALIBRATED" if refusal or tried else "INITIALIZING"
    if chosen is not None:
        otherwise = "STALE"
    expires = trusted.expires if trusted is not None and own else float("inf")
    fresh_until = float("-inf")
    if confirmed is not None and own:
        fresh_until = min(confirmed + OVERDUE * refresh, monotonic + (expires - wall))
    return Snapshot(
        mapping=chosen,
        digest=None if chosen is None else chosen.digest,
        default=None if chosen is None else chosen.default,
        segments={} if chosen is None else chosen.segments,
        entry=None if trusted is None else trusted.entry,
        certified=own,
        expires=expires,
        confirmed=confirmed,
        overdue=float("inf") if confirmed is None else confirmed + OVERDUE * refresh,
        fresh_until=fresh_until,
        otherwise=otherwise,
        refusal=refusal,
        remark=absent if chosen is None else _remark(chosen, scope),
    )


def _refused_by_keys(mapping: Mapping, scope: Dict[str, str], *, strict: bool) -> str | None:
    keys = unmatched(mapping, scope) if strict else ""
    return f"{keys}, and strict_scope demands the same keys" if keys else None


def _remark(mapping: Mapping, scope: Dict[str, str]) -> str:
    keys = unmatched(mapping, scope)
    return f"{keys}, which is not compared" if keys else ""


def withdrawn(entry: Entry) -> str:
    """Why nothing is calibrated, where a person withdrew the channel's mapping."""
    return (
        f"{entry.channel} has been withdrawn since {entry.at}: the raw confidence is served until a mapping "
        f"is promoted; `calib mapping history {entry.stream} --channel {entry.channel}` says who and why"
    )


def freshness(now: Snapshot, *, wall: float, monotonic: float, tried: bool, trouble: str) -> tuple[str, str]:
    """The state and why; `tried`: whether a poll has ended yet, `trouble`: how the last one failed."""
    if now.mapping is None:
        if now.refusal:
            return "UNCALIBRATED", now.refusal
        if not tried:
            return "INITIALIZING", trouble or "nothing has been fetched yet"
        return "UNCALIBRATED", trouble or now.remark or "the channel has no mapping"
    if not now.certified:
        return "STALE", f"the bundled mapping is used: {now.refusal or trouble or 'nothing was fetched yet'}"
    if now.entry is not None and wall >= now.expires:
        return "STALE", f"the mapping expired {span(wall - now.expires)} ago, at {now.entry.expires_at}"
    because = f": {trouble}" if trouble else ""
    if now.confirmed is None:
        return "STALE", f"the mapping is from the cache, not confirmed yet{because}"
    if monotonic >= now.overdue:
        return "STALE", f"not confirmed by the store for {span(monotonic - now.confirmed)}{because}"
    return "FRESH", trouble


def report(now: Snapshot, *, wall: float, monotonic: float, tried: bool, trouble: str) -> Status:
    """The state with its ages."""
    state, reason = freshness(now, wall=wall, monotonic=monotonic, tried=tried, trouble=trouble)
    entry = now.entry
    return Status(
        state=state,
        mapping=now.digest,
        epoch=None if entry is None else entry.epoch,
        generation=None if entry is None else entry.generation,
        age_seconds=None if now.confirmed is None else monotonic - now.confirmed,
        entry_age_seconds=None if entry is None else wall - moment(entry.at).timestamp(),
        expires_at=None if entry is None else entry.expires_at,
        reason="; ".join(part for part in (reason, "" if now.mapping is None else now.remark) if part),
    )


def span(seconds: float) -> str:
    """A length of time for people: two units at most."""
    whole = max(0, int(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    amounts = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(amounts[:2]) or "0 s"
