"""Work on many streams and windows, where the error of one never keeps another waiting.

`each` goes over streams and `all_parts` over the windows of one stream: what fails is collected, what works
is done. Both work for a single stream, so that a scheduler may give every stream a task of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.exc import TimeoutError as PoolTimeout

from calib.errors import (
    CalibError,
    ConstraintViolated,
    DeliveryError,
    EndpointBusy,
    Overwrites,
    Permanent,
    SourceError,
    StoreError,
    StudioUnreachable,
    UnexpectedError,
)

T = TypeVar("T")

PASSING = (
    StoreError,
    SourceError,
    EndpointBusy,
    StudioUnreachable,
    DeliveryError,
    PoolTimeout,
)
WRONG_PATH = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
LASTING = (Permanent, ConstraintViolated, Overwrites, *WRONG_PATH)  # though their kind usually passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong on a stream or a probe; `period` where one window was concerned."""

    stream: str
    period: str | None
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet(Generic[T]):
    """What was done, in order, and what failed."""

    done: list[T]
    failures: list[Failure]


class PartlyDone(CalibError):  # noqa: N818  named like the errors of calib/errors.py
    """Some parts of the work on one stream failed, after all parts were tried.

    `done` has the results of the parts that worked.
    """

    def __init__(self, done: list[object], failures: list[Failure], *, parts: int) -> None:
        causes = "; ".join(f"{f.period}: {f.error}" if f.period else str(f.error) for f in failures)
        super().__init__(f"{failures[0].stream}: {len(failures)} of {parts} failed ({causes})")
        self.done, self.failures = done, failures


def each(
    names: Iterable[str],
    work: Callable[[str], list[T]],
    *,
    failed: Callable[[str, Exception], object] | None = None,
) -> Fleet[T]:
    """Do the work of every stream, whatever happens to the others.

    `failed` is called once for each stream that failed, with its first error.
    An error that was not foreseen counts as a failure of its stream as well. Only `MemoryError` and what is
    not an `Exception`, such as Ctrl-C, ends the whole loop.
    """
    done: list[T] = []
    failures: list[Failure] = []
    for name in names:
        try:
            done += work(name)
        except MemoryError:
            raise
        except PartlyDone as error:
            done += error.done  # type: ignore[arg-type]
            failures += error.failures
            first = error.failures[0].error
        except Exception as error:  # noqa: BLE001  one stream's error, of whatever kind, is not another's
            failures.append(Failure(stream=name, period=None, error=error))
            first = error
        else:
            continue
        if failed is not None:
            failed(name, first)
    return Fleet(done=done, failures=failures)


def all_parts(stream: str, parts: Iterable[tuple[str | None, Callable[[], list[T]]]]) -> list[T]:
    """Do all parts of one stream's work, each under the name of its period where it concerns one window.

    Raises `PartlyDone` where any part failed, once all were tried.
    """
    done: list[T] = []
    failures: list[Failure] = []
    tried = 0
    for period, work in parts:
        tried += 1
        try:
            done += work()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  one window's error, of whatever kind, is not another's
            failures.append(Failure(stream=stream, period=period, error=error))
    if failures:
        raise PartlyDone(list(done), failures, parts=tried) from failures[0].error
    return done


def worth_retrying(error: BaseException) -> bool:
    """Whether the same work may succeed in a minute, with nothing changed by a person.

    What lies outside may be back by then: the store (a lost race for a channel included), the database, the
    traffic's engine, a busy endpoint, Slack, the network, the disk. Settings, data, labels, a damaged
    mapping, a refused key, a wrong path and a fault of the program stay as they are.
    """
    if isinstance(error, PartlyDone):
        return any(worth_retrying(failure.error) for failure in error.failures)
    kind = error.kind if isinstance(error, UnexpectedError) else type(error)
    if issubclass(kind, LASTING):
        return False
    return issubclass(kind, PASSING) or (issubclass(kind, OSError) and not issubclass(kind, CalibError))
