"""Forms that post: each carries a token that says that this session asked for it, and that works once.

A token is a random text and its keyed digest (HMAC) under the session's secret: a page of somebody else
cannot make one. What was posted with a token is done together with noting the token down, in one
transaction: a double click, or the same post sent again, is one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy import Connection, Engine

from calib.db import posted_forms

FIELD = "form_token"


class ForgedFormError(Exception):
    """A form without a token of this session."""


class PostedBeforeError(Exception):
    """The same form came before, and what it asked for was done then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedForm:
    """A form whose token is one of this session's. `once`: a key that each post of this form has."""

    fields: Mapping[str, str]
    once: str

    def text(self, name: str, *, longest: int) -> str:
        """A field without blanks at its ends, cut to so many characters; empty where it was left out."""
        return self.fields.get(name, "").replace("\r\n", "\n").strip()[:longest]

    def number(self, name: str) -> int:
        """A field that is a whole number; `ForgedFormError` where it is none, which no form of ours has."""
        text = self.fields.get(name, "")
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise ForgedFormError
        return int(text)


def token_of(nonce: str, secret: str) -> str:
    """The token of a form: `nonce` is a random text that was never used, `secret` the session's."""
    return f"{nonce}.{_digest(nonce, secret)}"


def field_of_token(nonce: str, secret: str) -> Markup:
    """The hidden field that carries a token."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token_of(nonce, secret))


def checked_form(fields: Mapping[str, str], secret: str) -> PostedForm:
    """A form whose token was made for this session; `ForgedFormError` for any other."""
    nonce, _, digest = fields.get(FIELD, "").partition(".")
    if not nonce or not hmac.compare_digest(digest.encode(), _digest(nonce, secret).encode()):
        raise ForgedFormError
    return PostedForm(fields=fields, once=hashlib.sha256(nonce.encode()).hexdigest())


@contextmanager
def posted_once(engine: Engine, form: PostedForm, *, now: datetime) -> Iterator[Connection]:
    """A transaction in which what a form asks for is done; `PostedBeforeError` where that was done."""
    with engine.begin() as conn:
        if not posted_forms.use(conn, form.once, now=now):
            raise PostedBeforeError
        yield conn


def _digest(nonce: str, secret: str) -> str:
    return hmac.new(secret.encode(), nonce.encode(), hashlib.sha256).hexdigest()
