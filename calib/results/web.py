"""The objects of the verbs around the pages in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class WebStarted:
    """Where the pages are served: printed once, when they are. `reviewers`: how many may sign in.

    `url` signs in whoever opens it where there are no reviewers; else it asks for a sign-in.
    """

    url: str
    reviewers: int

    def to_json(self) -> Json:
        """The object of `calib web`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerLink:
    """A reviewer's one-time link, and when it expires. `streams`: None is every stream.

    `withdrawn`: how many earlier links of the reviewer, which were not used, work no more.
    """

    name: str
    role: str
    streams: tuple[str, ...] | None
    link: str
    expires_at: str
    withdrawn: int

    def to_json(self) -> Json:
        """The object of `calib reviewers add` and `calib reviewers link`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerListed:
    """A reviewer; `revoked_at` is None for one who may sign in. `streams`: None is every stream."""

    name: str
    role: str
    streams: tuple[str, ...] | None
    created_at: str
    revoked_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerList:
    """Every reviewer, revoked ones too, by name."""

    reviewers: tuple[ReviewerListed, ...]

    def to_json(self) -> Json:
        """The object of `calib reviewers list`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerRevoked:
    """A reviewer who may no longer sign in, and since when."""

    name: str
    revoked_at: str

    def to_json(self) -> Json:
        """The object of `calib reviewers revoke`."""
        return to_json(self)
