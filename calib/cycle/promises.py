"""The certificates of the months before, held against this window's labels. Pure.

What the last window proved, and what the mapping promises that clients follow: where that one was upheld its
certificates are older. Only targets of the settings are reported and may alarm, within their part of the
budget; each certificate of a mapping that stays is tested by itself, so that a broken one is not renewed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from calib.cycle.data import WindowData
from calib.errors import InvalidInput
from calib.format import Mapping
from calib.json_object import Json
from calib.period import Period
from calib.results.window import CertificateKept
from calib.routing.kept import Promise, hold, p_broken
from calib.routing.report import RoutingEvidence


def certificates_kept(data: WindowData) -> tuple[CertificateKept, ...]:
    """What this window's labels say of each earlier certificate for a target of the settings."""
    evidence = data.routing
    held = hold(
        evidence.raw,
        _promises(data),
        alpha=data.policy.budget.certificates,
        effect=max(1.0, evidence.effect),
    )
    return tuple(
        CertificateKept(
            target=certificate.promise.target,
            cut=certificate.promise.cut,
            from_=certificate.promise.since,
            accuracy=certificate.accuracy,
            low=certificate.low,
            high=certificate.high,
            share=evidence.share(certificate.promise.cut),
            kept=certificate.kept,
        )
        for certificate in held
    )


def without_broken(data: WindowData, mapping: Mapping) -> tuple[Mapping, int]:
    """A mapping that stays, without the certificates that this window's labels break, and how many those are.

    The same mapping, and 0, where they break none. The curves and what they rest on stay as they are.
    """
    if _since(data, mapping) is None:
        return mapping, 0
    segments = mapping.evidence.get("segment_certificates")
    broken: list[Json] = []
    certificates = tuple(_unbroken(data, mapping.certificates, data.routing, broken, segment=None))
    kept_by_segment = {
        name: list(_unbroken(data, own, data.routing.of_segment(name), broken, segment=name))
        for name, own in (segments.items() if isinstance(segments, dict) else ())
        if isinstance(own, list)
    }
    if not broken:
        return mapping, 0
    before = mapping.evidence.get("certificates_broken")
    evidence = dict(mapping.evidence) | {
        "certificates_broken": [*(before if isinstance(before, list) else []), *broken]
    }
    if segments is not None:
        evidence["segment_certificates"] = kept_by_segment
    anew = replace(
        mapping,
        certificates=certificates,
        evidence=evidence,
        created_at=f"{data.window.as_of:%Y-%m-%dT%H:%M:%SZ}",
        parent=mapping.digest,
    )
    return anew, len(broken)


def _promises(data: WindowData) -> list[Promise]:
    """The certificates for the settings' targets: the last window's, and those that clients follow."""
    targets = set(data.policy.targets)
    promises: dict[Promise, None] = {}
    if data.pooled:
        last = data.pooled[-1]
        for cut in last.certificates:
            promises[Promise(target=cut.target, cut=cut.cut, since=last.period)] = None
    published = data.published
    since = None if published is None else _since(data, published)
    if published is not None and since is not None:
        for target, at in published.cuts:
            promises[Promise(target=target, cut=at, since=since)] = None
    return sorted(
        (promise for promise in promises if promise.target in targets),
        key=lambda promise: (promise.target, promise.cut, promise.since),
    )


def _since(data: WindowData, mapping: Mapping) -> str | None:
    """The period that a mapping's certificates are from; None where they rest on this window or a later one.

    A mapping that was made elsewhere may state none: then the day on which it was made.
    """
    period = fit_period(mapping)
    if period is None:
        return mapping.created_at[:10]
    return period.name if Period.named(data.window.period).later_than(period) else None


def fit_period(mapping: Mapping) -> Period | None:
    """The period that a mapping rests on; None where it states none, as one made elsewhere may."""
    try:
        return Period.named(str(mapping.evidence.get("period")))
    except InvalidInput:
        return None


def _unbroken(
    data: WindowData,
    certificates: Iterable[Json],
    evidence: RoutingEvidence,
    broken: list[Json],
    *,
    segment: str | None,
) -> Iterable[Json]:
    """Those that the labels do not break; the others are added to `broken`."""
    for certificate in certificates:
        target, cut = certificate.get("target"), certificate.get("cut")
        if not (isinstance(target, float) and isinstance(cut, int | float) and 0 < target < 1):
            yield certificate  # readers see no certificate in it
            continue
        promise = Promise(target=target, cut=float(cut), since="")
        if (
            p_broken(evidence.raw, promise, effect=max(1.0, evidence.effect))
            > data.policy.budget.certificates
        ):
            yield certificate
            continue
        where = {} if segment is None else {"segment": segment}
        broken.append({"target": target, "cut": cut, "in": data.window.period} | where)
