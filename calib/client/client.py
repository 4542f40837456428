"""The serving client: raw confidence in, calibrated confidence out, and never a wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

from calib.client import forks
from calib.client.cache import Cache
from calib.client.fetch import Fetcher, absence, open_fetcher
from calib.client.follower import Follower
from calib.client.greenlets import held, run_blocking
from calib.client.inputs import Counts, many_confidences, one_confidence
from calib.client.poll_log import PollLog
from calib.client.polling import Polling, pause
from calib.client.results import Calibrated, Decision, Status
from calib.client.state import Snapshot, freshness, report, snapshot
from calib.client.trust import Trusted, certificate_for
from calib.errors import CalibError, InvalidInput, Unavailable
from calib.format import Mapping
from calib.format.curves import Curve
from calib.format.given import segment_name
from calib.format.keys import NAME
from calib.local_paths import local_path
from calib.object_urls import TIMEOUT
from calib.redaction import reason

Hook = Callable[[Calibrated | Decision, Any], object]
OnStateChange = Callable[[Status], object]
_tuple = tuple.__new__  # a NamedTuple's own constructor takes twice as long
_NEVER: float | None = None


def _utc_now() -> datetime:
    return datetime.now(UTC)


_system_random = SystemRandom().random  # it has no state: forked processes draw different numbers


class MappingClient:
    """Serves the latest mapping of a channel.

    `url`: file:, s3://, gs://, az:// or http(s)://. `scope`: what is served here (model, prompt, …); a
    mapping for another one is not applied. `cache`: a folder for the last known good, which processes may
    share. `refresh`: seconds between two polls, each spread by a quarter; failing ones come less and less
    often; `draw` gives the random numbers in [0, 1) for that. `bundled`: a mapping file for the time before
    anything was fetched. `hooks`: each is called with every answer and the caller's own `context`; what it
    raises is dropped. `timeout`: seconds for a request. `strict_scope`: refuse a mapping whose scope has
    other keys than `scope`; else keys that only one side names are not compared, and `status().reason` names
    them.
    `on_state_change`: called with the new status after a poll that found another state than the one before;
    what it raises is dropped.

    `calibrate` and `decide` do no I/O, take no lock, and raise only for the caller's own input: the last
    known good mapping is used, then the bundled one, then none, and the answer says so. A thread polls. A
    forked process has the client as it was, and starts to poll at its own first call (`calibrate`, `decide`,
    `status` or `refresh_now`), never before. Raises `InvalidInput` for arguments that can never work.
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
        hooks: Iterable[Hook] = (),
        timeout: float = TIMEOUT,
        strict_scope: bool = False,
        on_state_change: OnStateChange | None = None,
        fetcher: Fetcher | None = None,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = _system_random,
        background: bool = True,
    ) -> None:
        if not NAME.fullmatch(stream) or not NAME.fullmatch(channel):
            raise InvalidInput(f"{stream!r:.80} and {channel!r:.80} must be names: up to 63 of a-z 0-9 . _ -")
        if not (refresh > 0 and timeout > 0):
            raise InvalidInput(f"refresh and timeout are positive seconds, not {refresh} and {timeout}")
        self._scope, self._refresh, self._hooks = dict(scope or {}), refresh, tuple(hooks)
        self._strict, self._on_state_change, self._absent = strict_scope, on_state_change, ""
        self._utc, self._monotonic, self._draw = now, monotonic, draw
        self._poll_log = PollLog(stream, channel)
        self._cache = None if cache is None else Cache(local_path(cache), stream=stream, channel=channel)
        self._bundled = None if bundled is None else read_bundled(local_path(bundled), stream)
        known = None if self._cache is None else self._cache.load()
        self._fetcher = fetcher or open_fetcher(url, timeout=timeout)
        self._follower = Follower(self._fetcher, stream=stream, channel=channel, trusted=known)
        self._stream, self._channel = stream, channel
        self._saved, self._confirmed = known, _NEVER
        self._failures, self._tried, self._trouble, self._warning = 0, False, "", ""
        self._served = self._snapshot(known)
        self._counts = Counts()
        self._background, self._closed = background, False
        self._pollings: dict[int, Polling] = {}
        self._begin()

    def calibrate(self, raw: Any, segment: str | None = None, *, context: Any = None) -> Calibrated:
        """The calibrated confidence of `raw` in [0, 1]; arrays in, arrays out, each by one mapping.

        Lists and the columns of pandas, polars and Arrow count as arrays. Where no mapping may be used,
        `value` is the raw confidence, `mapping` is None and `status` says UNCALIBRATED or INITIALIZING.
        `context` is handed to the hooks. At most 1e-6 beyond 0 or 1 is that end. NaN gives NaN, and so does
        each value of an array that cannot be a confidence; `status` counts them. Raises `InvalidInput` for a
        single number further outside and for anything that is not a number.
        """
        if self._process != forks.count:
            self._begin()
        now = self._served  # read once: everything below is about one mapping
        curve = now.default
        if segment is not None:
            try:
                curve = now.segments.get(segment) or now.segments.get(segment_name(segment), curve)
            except TypeError:
                segment_name(segment)  # says what is wrong with it
                raise
        if curve is not None and type(raw) is float and 0.0 <= raw <= 1.0:
            value = curve.scalar(raw)
        else:
            value = self._applied(curve, raw)
        state = "FRESH" if self._monotonic() < now.fresh_until else now.otherwise
        answer: Calibrated = _tuple(Calibrated, (value, raw, now.digest, state))
        if self._hooks:
            self._tell(answer, context)
        return answer

    def decide(
        self, raw: float, *, target: float, steps: int = 1, segment: str | None = None, context: Any = None
    ) -> Decision:
        """Whether to act on `raw`: its certificate promises an accuracy of `target` at and above the cut.

        `steps` > 1: one step of a chain that must reach `target` as a whole, so target ** (1 / steps) here.
        No mapping, an expired or bundled one, one for another scope or no certificate: do not act. Raises
        `InvalidInput` as `calibrate` does, and for a target or steps out of range.
        """
        if not (0 < target < 1 and steps >= 1):
            raise InvalidInput(f"target lies between 0 and 1 and steps from 1, not {target} and {steps}")
        confidence: Any = raw
        if isinstance(confidence, bool) or not isinstance(
            confidence, (float, int)
        ):  # a number of numpy's, whatever its type says
            confidence = many_confidences(confidence, Counts())[0]
            if confidence.ndim:
                raise InvalidInput("decide takes one confidence at a time")
            confidence = float(confidence)
        raw = one_confidence(confidence, self._counts)
        if self._process != forks.count:
            self._begin()
        now = self._served
        state, reason = freshness(now, **self._moment())
        needed = target ** (1 / steps)
        cut = certified = None
        if raw != raw:
            act, reason = False, "NaN is not a confidence"
        elif now.mapping is None or self._utc().timestamp() >= now.expires:
            act = False
        elif not now.certified:
            act, reason = (
                False,
                "a bundled mapping's certificates do not count: nothing says when they expire",
            )
        elif (certificate := certificate_for(now.mapping, needed, segment)) is None:
            where = "" if segment is None else f" in the segment {segment!r}"
            act, reason = False, f"no certificate proves an accuracy of {needed:.4f}{where}"
        else:
            certified, cut = certificate
            act = raw >= cut
            reason = f"{raw:g} is {'at or above' if act else 'below'} the certified cut {cut:g}"
            if certified > needed + 1e-12:
                reason += f", which proves {certified:.4g}; no certificate is for {needed:.4g} itself"
        decision = Decision(act, cut, reason, state, now.digest, certified)
        if self._hooks:
            self._tell(decision, context)
        return decision

    def status(self) -> Status:
        """Which mapping is used, how fresh it is, and what is wrong if anything is."""
        if self._process != forks.count:
            self._begin()
        status = report(self._served, **self._moment())
        return status._replace(
            reason=status.reason or self._warning,
            unusable=self._counts.unusable,
            rounded=self._counts.rounded,
        )

    def refresh_now(self) -> Status:
        """Poll once, now, and say how it went; never raises for what the store does.

        It waits for the store, and for a poll of the background thread that is under way.
        """
        if self._process != forks.count:
            self._begin()
        answered = False
        with held(self._polling.lock):
            try:
                self._follower.poll()
                self._absent = ""
                if self._follower.head is None:
                    self._absent = absence(self._fetcher, self._stream, self._channel)
                self._confirmed = self._monotonic()
                self._failures, self._trouble = 0, ""
                answered = True
            except Unavailable as error:
                self._failures += 1
                self._trouble = str(error)
            except CalibError as error:  # the store answers; what it says is refused
                self._failures, self._trouble = 0, str(error)
            except Exception as error:  # noqa: BLE001  a fetcher of the caller's own may raise anything
                self._failures += 1
                self._trouble = f"{type(error).__name__}: {reason(error)}"
            trusted = self._follower.trusted
            self._tried = True
            self._served = self._snapshot(trusted)
            if answered:  # not before its answer is served: whoever waits for it asks at once
                self._polling.answered.set()
            if self._cache is not None and trusted is not None and trusted is not self._saved:
                self._warning = run_blocking(self._cache.save, trusted)
                self._saved = trusted if not self._warning else self._saved
            failures, trouble = self._failures, self._trouble or self._warning
        status = self.status()
        if self._poll_log.record(status, trouble=trouble, failures=failures) and self._on_state_change:
            try:
                self._on_state_change(status)
            except Exception as error:  # noqa: BLE001  a caller's mistake must not end the polls
                self._warning = f"on_state_change failed: {type(error).__name__}"
        return status

    def wait_ready(self, timeout: float) -> bool:
        """Wait until it is known what is to be served, for `timeout` seconds at most; whether it is.

        It is known once the store has answered a poll, or where a mapping is there from the cache or bundled.
        A channel that is empty or withdrawn is known, too: the raw confidence is served. For the start of a
        service, so that its first answers are not raw because nothing was read yet. Without a background
        thread it polls once itself.
        """
        if self._process != forks.count:
            self._begin()
        if self._served.mapping is not None:
            return True
        if not self._background and not self._polling.answered.is_set():
            self.refresh_now()
        return self._polling.answered.wait(timeout) or self._served.mapping is not None

    def close(self) -> None:
        """Stop polling; what was loaded keeps serving."""
        self._closed = True
        self._polling.stop()

    def poll_in_background(self) -> float:
        """What the client's own thread does: poll, whatever comes of it; seconds until the next poll."""
        try:
            self.refresh_now()
        except BaseException as error:  # noqa: BLE001  a poll that dies must not take polling with it
            self._failures += 1
            self._trouble = f"{type(error).__name__}: {reason(error)}"
            self._poll_log.died(type(error).__name__)
        return pause(self._refresh, self._failures, self._draw())

    def __reduce__(self) -> str:
        raise InvalidInput("a MappingClient cannot be copied or sent to another process; make one there")

    def __enter__(self) -> MappingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _applied(self, curve: Curve | None, raw: Any) -> Any:
        """What the curve makes of `raw`, one number or many; without a curve, the same input is refused."""
        if isinstance(raw, (float, int)) and not isinstance(raw, bool):
            confidence = one_confidence(raw, self._counts)
            return confidence if curve is None or confidence != confidence else curve.scalar(confidence)
        values, unusable = many_confidences(raw, self._counts)
        result = values if curve is None else curve.apply(values)
        if unusable is None:
            return result
        if values.ndim == 0:
            return float("nan")
        result = result.copy()
        result[unusable] = float("nan")
        return result

    def _snapshot(self, trusted: Trusted | None) -> Snapshot:
        return snapshot(
            trusted,
            self._bundled,
            self._scope,
            strict=self._strict,
            absent=self._absent,
            confirmed=self._confirmed,
            tried=self._tried,
            refresh=self._refresh,
            wall=self._utc().timestamp(),
            monotonic=self._monotonic(),
        )

    def _moment(self) -> dict[str, Any]:
        return {
            "wall": self._utc().timestamp(),
            "monotonic": self._monotonic(),
            "tried": self._tried,
            "trouble": self._trouble,
        }

    def _tell(self, answer: Calibrated | Decision, context: Any) -> None:
        for hook in self._hooks:
            try:
                hook(answer, context)
            except Exception as error:  # noqa: BLE001  a hook that fails must not fail the prediction
                self._warning = f"a hook failed: {type(error).__name__}"

    def _begin(self) -> None:
        """Poll in this process: the one that made the client, or one that was forked since.

        Of several threads that come here at once, the one whose `Polling` is kept starts the thread.
        """
        process, polling = forks.count, Polling()
        self._polling = self._pollings.setdefault(process, polling)
        self._process = process
        if self._polling is polling and self._background and not self._closed:
            try:
                polling.start(self)
            except RuntimeError as error:
                self._trouble = f"no thread can be started to poll: {error}"


def read_bundled(path: Path, stream: str) -> Mapping:
    """The mapping that is shipped with a service; `InvalidInput` where it cannot serve this stream."""
    try:
        mapping = Mapping.from_bytes(path.read_bytes())
    except (OSError, CalibError) as error:
        raise InvalidInput(f"the bundled mapping {path} cannot be used: {error}") from error
    if mapping.stream != stream:
        raise InvalidInput(f"{path} was made for {mapping.stream}, not for {stream}")
    return mapping
