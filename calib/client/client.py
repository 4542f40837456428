"""The serving client: raw confidence in, calibrated confidence out, and never a wait."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Mapping as Dict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calib.channel import Entry, hint_key, key_of, mapping_key
from calib.client.answers import Calibrated, Decision, Status
from calib.client.cache import Cache
from calib.client.fetch import Fetcher, open_fetcher
from calib.client.trust import Trusted, admit, follow, out_of_scope
from calib.curves import Identity
from calib.errors import ArtifactError, CalibError, InvalidInput
from calib.mapping import NAME, Mapping

LONGEST_BACK_OFF = 16  # times the refresh interval
AT_ONCE = 10_000  # entries followed in one poll


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MappingClient:
    """Serves the latest mapping of a channel.

    `url`: file:, s3://, gs://, az:// or http(s)://. `scope`: what is served here (model, prompt, …); a
    mapping for another one is not applied. `cache`: a folder for the last known good. `refresh`: seconds
    between two polls, spread by ±20%. `bundled`: a mapping file for the time before anything was fetched.

    `calibrate` and `decide` do no I/O, never block and raise only for the caller's own input: the last known
    good mapping is used, then the bundled one, then none, and the answer says so.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        scope: Dict[str, str] | None = None,
        channel: str = "production",
        cache: str | Path | None = None,
        refresh: float = 300.0,
        bundled: str | Path | None = None,
        fetcher: Fetcher | None = None,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        background: bool = True,
    ) -> None:
        if not NAME.fullmatch(stream) or not NAME.fullmatch(channel):
            raise InvalidInput(f"{stream!r:.80} and {channel!r:.80} must be names: up to 63 of a-z 0-9 . _ -")
        if not refresh > 0:
            raise InvalidInput(f"refresh must be a positive number of seconds, not {refresh}")
        self._stream, self._channel, self._scope = stream, channel, dict(scope or {})
        self._fetcher = fetcher or open_fetcher(url)
        self._cache = None if cache is None else Cache(Path(cache), stream=stream, channel=channel)
        self._refresh, self._now, self._monotonic = refresh, now, monotonic
        self._polled: float | None = None  # the monotonic time of the last poll that got an answer
        self._failures, self._trouble = 0, ""
        self._poll_lock = threading.Lock()
        self._stop = threading.Event()
        self._bundled = self._read_bundled(bundled)
        self._trusted = None if self._cache is None else self._cache.load()
        if background:
            self._start()
            _CLIENTS.add(self)

    def calibrate(self, raw: Any, segment: str | None = None) -> Calibrated:
        """The calibrated confidence of `raw` in [0, 1]; arrays in, arrays out, each by one mapping.

        Where no mapping may be used, `value` is the raw confidence and `status` says UNCALIBRATED or
        INITIALIZING. Raises `InvalidInput` for NaN and for values outside [0, 1].
        """
        trusted = self._trusted
        mapping = self._usable(trusted)
        if mapping is None:
            Identity().apply(raw)  # the same input is refused, mapping or not
            return Calibrated(raw, raw, None, self._state(trusted)[0])
        return Calibrated(mapping.apply(raw, segment), raw, mapping.digest, self._state(trusted)[0])

    def decide(self, raw: float, *, target: float, steps: int = 1, segment: str | None = None) -> Decision:
        """Whether to act on `raw`: its certificate promises an accuracy of `target` at and above the cut.

        `steps` > 1: one step of a chain that must reach `target` as a whole, so target ** (1 / steps) here.
        No mapping, an expired one, one for another scope or no certificate for the target: do not act.
        """
        if not (0 < target < 1 and steps >= 1):
            raise InvalidInput(f"target lies between 0 and 1 and steps from 1, not {target} and {steps}")
        Identity().apply(raw)
        trusted = self._trusted
        mapping = self._usable(trusted)
        state, reason = self._state(trusted)
        if mapping is None or (trusted is not None and trusted.expired(self._now())):
            return Decision(False, None, reason or "the mapping has expired", state)
        if segment is not None and segment in mapping.segments:
            return Decision(
                False, None, f"segment {segment!r} has a mapping but no certificate of its own", state
            )
        needed = target ** (1 / steps)
        cuts = [c["cut"] for c in mapping.certificates if c.get("target", 0) >= needed - 1e-12]
        if not cuts:
            return Decision(False, None, f"there is no certificate for an accuracy of {needed:.3f}", state)
        cut = float(min(cuts))
        word = "at or above" if raw >= cut else "below"
        return Decision(raw >= cut, cut, f"{raw:g} is {word} the certified cut {cut:g}", state)

    def status(self) -> Status:
        """Which mapping is used, how fresh it is, and what is wrong if anything is."""
        trusted = self._trusted
        state, reason = self._state(trusted)
        mapping = self._usable(trusted)
        return Status(
            state=state,
            mapping=None if mapping is None else mapping.digest,
            epoch=None if trusted is None else trusted.entry.epoch,
            generation=None if trusted is None else trusted.entry.generation,
            age_seconds=None if self._polled is None else self._monotonic() - self._polled,
            expires_at=None if trusted is None else trusted.entry.expires_at,
            reason=reason or self._trouble,
        )

    def refresh_now(self) -> Status:
        """Poll once, now, and say how it went; never raises for what the store does."""
        with self._poll_lock:
            try:
                self._poll()
                self._failures, self._trouble = 0, ""
                self._polled = self._monotonic()
            except CalibError as error:
                self._failures += 1
                self._trouble = str(error)
        return self.status()

    def close(self) -> None:
        """Stop polling; what was loaded keeps serving."""
        self._stop.set()
        _CLIENTS.discard(self)

    def __enter__(self) -> MappingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _usable(self, trusted: Trusted | None) -> Mapping | None:
        mapping = trusted.mapping if trusted is not None else self._bundled
        return None if mapping is None or out_of_scope(mapping, self._scope) else mapping

    def _state(self, trusted: Trusted | None) -> tuple[str, str]:
        mapping = trusted.mapping if trusted is not None else self._bundled
        if mapping is None:
            if self._polled is None and not self._failures:
                return "INITIALIZING", "nothing has been fetched yet"
            return "UNCALIBRATED", self._trouble or f"channel {self._channel} names no mapping"
        if (why := out_of_scope(mapping, self._scope)) is not None:
            return "UNCALIBRATED", why
        if trusted is None:
            return "STALE", "the bundled mapping is used: nothing has been fetched yet"
        if trusted.expired(self._now()):
            return "STALE", f"the mapping expired at {trusted.entry.expires_at}"
        if self._polled is None:
            return "STALE", "the mapping is from the cache, not confirmed yet"
        if self._monotonic() - self._polled > 3 * self._refresh:
            return "STALE", f"no answer from the store for three polls: {self._trouble}"
        return "FRESH", ""

    def _poll(self) -> None:
        """Go forward through the log from what is known, then fetch the mapping of its end."""
        known = self._trusted
        last = None if known is None else known.entry
        last = self._forward(last)
        if last is None or (known is not None and last.position == known.entry.position):
            return
        if known is not None and last.mapping == known.entry.mapping:
            trusted = Trusted(entry=last, mapping=known.mapping)
        else:
            data = self._fetcher.get(mapping_key(self._stream, last.mapping))
            if data is None:
                raise ArtifactError(f"the channel names {last.mapping}, which is not stored")
            trusted = admit(data, last)
        self._trusted = trusted
        if self._cache is not None:
            self._cache.save(trusted)

    def _forward(self, last: Entry | None) -> Entry | None:
        for _ in range(AT_ONCE):
            found = None
            epoch = 1 if last is None else last.epoch
            generation = 1 if last is None else last.generation + 1
            data = self._fetcher.get(key_of(self._stream, self._channel, epoch, generation))
            if data is not None:
                found = follow(data, stream=self._stream, channel=self._channel, after=last, epoch=epoch)
            if found is None:  # the end of this epoch, or a new one was opened by a person
                epoch = self._next_epoch(epoch, last)
                data = self._fetcher.get(key_of(self._stream, self._channel, epoch, 1)) if epoch else None
                if data is not None:
                    found = follow(data, stream=self._stream, channel=self._channel, after=last, epoch=epoch)
            if found is None:
                return last
            last = found
        return last

    def _next_epoch(self, epoch: int, last: Entry | None) -> int:
        """The epoch to look for after the end of `epoch`; the hint may know of a later one."""
        data = self._fetcher.get(hint_key(self._stream, self._channel))
        try:
            hinted = json.loads(data or b"{}").get("epoch")
        except (ValueError, AttributeError):
            hinted = None
        if isinstance(hinted, int) and epoch < hinted <= 9999:
            return hinted
        return 0 if last is None else epoch + 1

    def _read_bundled(self, path: str | Path | None) -> Mapping | None:
        if path is None:
            return None
        mapping = Mapping.from_bytes(Path(path).read_bytes())
        if mapping.stream != self._stream:
            raise InvalidInput(f"{path} was made for {mapping.stream}, not for {self._stream}")
        return mapping

    def _start(self) -> None:
        self._poll_lock = threading.Lock()
        self._stop = threading.Event()
        thread = threading.Thread(target=_loop, args=(weakref.ref(self),), daemon=True, name="calib-client")
        thread.start()

    def _wait(self) -> float:
        back_off = min(2**self._failures, LONGEST_BACK_OFF)
        return float(self._refresh * back_off * random.uniform(0.8, 1.2))


def _loop(reference: weakref.ref[MappingClient]) -> None:
    """Poll until the client is closed or gone; nothing that happens here may end the loop."""
    while (client := reference()) is not None:
        try:
            client.refresh_now()
        except Exception as error:  # noqa: BLE001  a poll that dies must not take polling with it
            client._failures += 1
            client._trouble = f"{type(error).__name__}: {error}"
        stop, pause = client._stop, client._wait()
        del client
        if stop.wait(pause):
            return


_CLIENTS: weakref.WeakSet[MappingClient] = weakref.WeakSet()


def _after_fork() -> None:
    """A forked child has the clients but not their threads."""
    for client in list(_CLIENTS):
        client._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
