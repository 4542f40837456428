"""The rules of belief: what is the next entry, what is the one before, and which bytes are a mapping's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import ArtifactError, Refused
from calib.format import Entry
from calib.format.chain import (
    Place,
    accept_at,
    accept_mapping,
    accept_next,
    accept_previous,
    next_place,
    read_hint,
)
from calib.testing.mappings import a_mapping

FIRST = Entry(
    stream="triage",
    channel="production",
    epoch=1,
    generation=1,
    previous=None,
    mapping="ab" * 32,
    publish_id="p1",
    at="2026-11-03T06:00:00Z",
    by="calibwatch",
    reason="refit",
    expires_at=None,
)


def chain(epoch: int, length: int) -> list[Entry]:
    """An epoch's log."""
    entries = [replace(FIRST, epoch=epoch)]
    while len(entries) < length:
        last = entries[-1]
        entries.append(
            replace(
                last,
                generation=last.generation + 1,
                previous=last.digest,
                publish_id=f"p{epoch}-{last.generation + 1}",
            )
        )
    return entries


LOG = chain(1, 4)


def place_of(entry: Entry, **other: Any) -> Place:
    return Place(entry.stream, entry.channel, entry.epoch, entry.generation)._replace(**other)


def test_a_log_is_accepted_entry_by_entry_and_a_new_epoch_from_its_first() -> None:
    known = None
    for entry in [*LOG, *chain(2, 2), *chain(5, 1)]:
        place = next_place("triage", "production", entry.epoch, known.link if known else None)
        known = accept_next(entry.to_bytes(), known.link if known else None, place)
        assert known == entry


REFUSED: dict[str, tuple[str, bytes, Entry | None, Place]] = {
    "not JSON": ("malformed_entry", b"junk", LOG[0], place_of(LOG[1])),
    "nothing": ("malformed_entry", b"", None, place_of(LOG[0])),
    "too large": ("malformed_entry", b" " * ((1 << 20) + 1), LOG[0], place_of(LOG[1])),
    "another format": (
        "malformed_entry",
        LOG[1].to_bytes().replace(b"calibwatch.channel/1", b"calibwatch.channel/2"),
        LOG[0],
        place_of(LOG[1]),
    ),
    **{
        f"{field} is missing": (
            "malformed_entry",
            json.dumps({k: v for k, v in json.loads(LOG[1].to_bytes()).items() if k != field}).encode(),
            LOG[0],
            place_of(LOG[1]),
        )
        for field in json.loads(LOG[1].to_bytes())
    },
    "a number out of range": (
        "malformed_entry",
        LOG[1].to_bytes().replace(b'"epoch":1', b'"epoch":10000'),
        LOG[0],
        place_of(LOG[1]),
    ),
    "another stream's": (
        "wrong_place",
        replace(LOG[1], stream="other").to_bytes(),
        LOG[0],
        place_of(LOG[1]),
    ),
    "another channel's": (
        "wrong_place",
        replace(LOG[1], channel="candidate").to_bytes(),
        LOG[0],
        place_of(LOG[1]),
    ),
    "another epoch's": ("wrong_place", replace(LOG[1], epoch=2).to_bytes(), LOG[0], place_of(LOG[1])),
    "a later entry in its place": ("wrong_place", LOG[2].to_bytes(), LOG[0], place_of(LOG[1])),
    "one that skips": ("not_next", LOG[2].to_bytes(), LOG[0], place_of(LOG[2])),
    "the same one again": ("not_next", LOG[1].to_bytes(), LOG[1], place_of(LOG[1])),
    "one that goes back": ("not_next", LOG[0].to_bytes(), LOG[2], place_of(LOG[0])),
    "not the first, with nothing known": ("not_next", LOG[1].to_bytes(), None, place_of(LOG[1])),
    "an older epoch": ("not_next", LOG[0].to_bytes(), chain(2, 1)[0], place_of(LOG[0])),
    "a new epoch from its second": (
        "not_next",
        chain(2, 2)[1].to_bytes(),
        LOG[3],
        place_of(chain(2, 2)[1]),
    ),
    "another predecessor": (
        "broken_chain",
        replace(LOG[1], previous="0" * 64).to_bytes(),
        LOG[0],
        place_of(LOG[1]),
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_the_next_entry_is_refused_by_its_rule(why: str) -> None:
    kind, data, known, place = REFUSED[why]
    with pytest.raises(Refused) as caught:
        accept_next(data, known.link if known else None, place)
    assert caught.value.kind == kind
    assert isinstance(caught.value, ArtifactError)


@given(st.integers(0, 3), st.integers(0, 10**6), st.integers(1, 255))
def test_no_other_byte_goes_unnoticed_by_the_entry_after_it(which: int, where: int, flip: int) -> None:
    """One changed byte is refused at once, or the next entry no longer follows."""
    log = chain(1, 5)
    data = bytearray(log[which].to_bytes())
    data[where % len(data)] ^= flip
    before = log[which - 1].link if which else None
    try:
        changed = accept_next(bytes(data), before, place_of(log[which]))
    except Refused:
        return
    with pytest.raises(Refused, match="forked"):
        accept_next(log[which + 1].to_bytes(), changed.link, place_of(log[which + 1]))


def test_the_entry_before_is_verified_by_the_digest_that_its_successor_names() -> None:
    assert accept_previous(LOG[2].to_bytes(), LOG[3]) == LOG[2]
    for data, kind in [
        (None, "gap"),
        (LOG[1].to_bytes(), "broken_chain"),
        (b"junk", "broken_chain"),
        (replace(LOG[2], reason="forged").to_bytes(), "broken_chain"),
    ]:
        with pytest.raises(Refused) as caught:
            accept_previous(data, LOG[3])
        assert caught.value.kind == kind


def test_an_entry_whose_named_predecessor_is_of_another_place_is_refused() -> None:
    """Its digest is right, and it still is not the entry before."""
    odd = replace(LOG[3], previous=LOG[1].digest)
    with pytest.raises(Refused) as caught:
        accept_previous(LOG[1].to_bytes(), odd)
    assert caught.value.kind == "wrong_place"


def test_an_entry_alone_is_held_to_its_own_place_only() -> None:
    assert accept_at(LOG[3].to_bytes(), place_of(LOG[3])) == LOG[3]
    with pytest.raises(Refused):
        accept_at(LOG[3].to_bytes(), place_of(LOG[2]))


def test_a_refusal_says_where_and_what_to_do() -> None:
    with pytest.raises(Refused) as caught:
        accept_next(b"junk", None, place_of(LOG[0]))
    message = str(caught.value)
    assert place_of(LOG[0]).key in message
    assert "calib mapping verify triage" in message
    assert "calib mapping open-epoch triage DIGEST --channel production" in message


def test_a_mapping_is_what_its_name_says() -> None:
    made, other = a_mapping(1), a_mapping(1, stream="other")
    assert accept_mapping(made.to_bytes(), stream="triage", digest=made.digest) == made
    junk = b'{"format":"calibwatch.mapping/1"}'
    for data, digest, kind in [
        (made.to_bytes() + b" ", made.digest, "wrong_digest"),
        (a_mapping(2).to_bytes(), made.digest, "wrong_digest"),
        (other.to_bytes(), other.digest, "wrong_stream"),
        (junk, hashlib.sha256(junk).hexdigest(), "malformed_mapping"),
    ]:
        with pytest.raises(Refused) as caught:
            accept_mapping(data, stream="triage", digest=digest)
        assert caught.value.kind == kind


@pytest.mark.parametrize("epoch", [0, -1, 10_000, 1.5, "1", None, True, [1]])
def test_a_hint_that_states_no_place_is_no_hint(epoch: object) -> None:
    assert read_hint(json.dumps({"epoch": epoch, "generation": 3}).encode()) is None
    assert read_hint(json.dumps({"epoch": 2, "generation": epoch}).encode()) == (
        (2, 10_000) if epoch == 10_000 else None
    )


@pytest.mark.parametrize(
    "data", [None, b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"epoch": 1}', b"9" * 9_999]
)
def test_bytes_that_are_no_hint(data: bytes | None) -> None:
    assert read_hint(data) is None


def test_a_hint() -> None:
    assert read_hint(b'{"epoch": 3, "generation": 42}') == (3, 42)
