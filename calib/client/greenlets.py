"""Calls that block, in a process that runs on gevent: they must not stop the other greenlets.

gevent turns a service's threads into greenlets of one thread. A call into obstore or the file system would
stop them all for as long as it lasts, so it is made on a real thread, from a pool of the client's own:
gevent's shared one also resolves the service's host names and must stay free.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from calib.client import forks

THREADS = 8  # of the pool; calls beyond it wait for their turn

Result = TypeVar("Result")
_pools: WeakKeyDictionary[Any, tuple[int, Any]] = WeakKeyDictionary()


def run_blocking(call: Callable[..., Result], *arguments: Any) -> Result:
    """What `call(*arguments)` returns or raises; under gevent only the greenlet that calls waits for it."""
    if not on_gevent():
        return call(*arguments)
    from gevent import get_hub
    from gevent.threadpool import ThreadPool

    hub = get_hub()
    process, pool = _pools.get(hub, (-1, None))
    if process != forks.count:  # threads do not survive a fork
        pool = ThreadPool(THREADS, hub=hub)
        _pools[hub] = forks.count, pool
    result, error = pool.apply(outcome, (call, *arguments))
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


@contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """Hold the lock; while it is taken, other greenlets go on.

    Where gevent has not patched the threads the lock is a real one, and waiting for it would stop them all.
    """
    if on_gevent():
        from gevent import sleep

        while not lock.acquire(blocking=False):
            sleep(0.01)
    else:
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def on_gevent() -> bool:
    """Whether the caller is a greenlet, or its threads would be."""
    if "gevent" not in sys.modules:
        return False
    from gevent import Greenlet, getcurrent, monkey

    return monkey.is_module_patched("threading") or isinstance(getcurrent(), Greenlet)


def outcome(call: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """The result and the error: gevent prints the traceback of an error that leaves a call on its pool."""
    try:
        return call(*arguments), None
    except BaseException as error:  # noqa: BLE001  raised again for the caller; a panic in Rust is one
        return None, error
