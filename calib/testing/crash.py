"""Dying at a chosen effect: what a power cut leaves behind."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Engine

from calib.store import Store


class Crash(BaseException):
    """Sudden death; no handler for errors may catch it."""


class CrashAt:
    """Counts effects on the world, and dies before or after the `k`-th, 1 for the first.

    Wrap the ports with `engine` and `store`; `effects` says how many there were. `k` is 0 for not at all.
    """

    def __init__(self, k: int, when: Literal["before", "after"]) -> None:
        self._k, self._when = k, when
        self.effects = 0

    def again(self, k: int, when: Literal["before", "after"]) -> None:
        """Die once more, at the `k`-th effect from now; 0: not any more."""
        self._k, self._when = self.effects + k if k else 0, when

    def engine(self, engine: Engine) -> Engine:
        """The engine, each commit an effect."""
        commit = engine.dialect.do_commit

        def counted(connection: Any) -> None:
            self._effect(lambda: commit(connection))

        engine.dialect.do_commit = counted  # type: ignore[method-assign, assignment]
        return engine

    def store(self, store: Store) -> Store:
        """The store, each creation an effect."""
        return _CrashingStore(store, self)

    def _effect(self, happen: Any) -> None:
        self.effects += 1
        at_this_effect = self.effects == self._k
        if at_this_effect and self._when == "before":
            raise Crash(f"before effect {self._k}")
        happen()
        if at_this_effect:
            raise Crash(f"after effect {self._k}")


class _CrashingStore:
    def __init__(self, store: Store, crash: CrashAt) -> None:
        self._store, self._crash = store, crash

    def get(self, key: str) -> bytes | None:
        return self._store.get(key)

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        return self._store.keys(prefix, after=after)

    def create(self, key: str, data: bytes) -> None:
        self._crash._effect(lambda: self._store.create(key, data))

    def hint(self, key: str, data: bytes) -> None:
        self._crash._effect(lambda: self._store.hint(key, data))
