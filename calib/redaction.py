"""Texts that may be shown: what a library, a URL or a server says, without passwords, keys and tokens.

Too much is hidden rather than too little: a password that was not escaped may hold any character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote

from calib.errors import CalibError, UnexpectedError

HIDDEN = "***"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*:/+"
_URL = re.compile(rf"({_SCHEME})(\S+)")
# A password with a space in it: the address goes on behind the space, up to an @ on the same line.
_SPACED = re.compile(rf"({_SCHEME}[^\s:/@]*):(?!\d+(?:[\s/?#,;)\"']|$))([^@\n]*)@")
_CLOSING = "'\")]}>.,:;"  # of the sentence around a URL
_WORDS = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credentials?|signature"
    r"|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key)"
)
_QUOTED = r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_VALUE = rf"(?:{_QUOTED}\S*|\S+)"
_PAIRS = (
    re.compile(rf"(\b[\w.-]*{_WORDS}[\w-]*\s*=\s*){_VALUE}", re.IGNORECASE),
    re.compile(rf"((?<![A-Za-z])(?:sig|key|x-[a-z]+-[a-z-]+)=){_VALUE}", re.IGNORECASE),
    re.compile(
        rf"(['\"][\w.-]*{_WORDS}[\w-]*['\"]\s*[:,]\s*)(?:{_QUOTED}|[^\s,}}\]]+)", re.IGNORECASE
    ),  # JSON, repr
    re.compile(rf"(\b(?:password|passwd|pwd|secret):\s*){_VALUE}", re.IGNORECASE),
    re.compile(r"(\b(?:proxy-)?authorization['\"]?\s*[:=,]\s*)['\"]?(?:\w+ )?[^\s'\",]+", re.IGNORECASE),
    re.compile(r"(\b(?:bearer|basic)\s+)(?=\S*[\d+/=_.-])[^\s'\",;]{8,}", re.IGNORECASE),
)
_TOKENS = re.compile(
    r"\bx(?:ox[a-z]|app)(?:\.xox[a-z])?-[\w-]+"  # Slack
    r"|(?<=hooks\.slack\.com/)\S+"
    r"|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\bsk-[\w-]{16,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)


def redacted(text: str, *urls: str) -> str:
    """A text without what could be a secret; doing it twice changes nothing more.

    Hidden are passwords and queries of URLs of any scheme, values of `password=`, `token=`, `key=`, `sig=`
    and their like, bearer headers, and tokens of known forms. Of each of `urls` the password is hidden
    wherever it stands and however it is escaped, and so are its parts, which libraries quote when they
    cannot read a URL.

    >>> redacted("no route to postgresql://me:p/w@db/logs?sslpassword=x, try later")
    'no route to postgresql://me:***@db/logs?***, try later'
    >>> redacted("port could not be read as 'hunter2'", "pg://me:hunter2/x@db")
    "port could not be read as '***'"
    """
    text = _TOKENS.sub(HIDDEN, text)
    text = _SPACED.sub(rf"\1:{HIDDEN}@", text)
    text = _URL.sub(lambda match: match[1] + _without_secrets(match[2]), text)
    for pattern in _PAIRS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    for secret in sorted({s for url in urls for s in _secrets_of(url)}, key=len, reverse=True):
        # libraries write hosts in lower case, and a piece of a password may have been taken for one
        text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
    return text


# What a password that holds such a character is written with.
ESCAPES = "write %40 for @, %2F for /, %23 for #, %3F for ?, %5B for [, %20 for a space, and %25 for %"


def unescaped(url: str) -> bool:
    """Whether the password of a URL holds a character that ends it: what follows would be taken for the host.

    Such a URL must not be used: a piece of the password would be looked up as a host name.

    >>> [unescaped(f"postgresql://me:{password}@db/x") for password in ("p%40w", "p@w", "p/w", "p#w", "p%w")]
    [False, True, True, True, True]
    >>> unescaped("postgresql://db:5432/x?options=a@b"), unescaped("s3://bucket/a@b/c")
    (False, False)
    """
    match = re.match(rf"(?:(?:parquet|csv|jsonl|jdbc):)?{_SCHEME}", url)
    if match is None:
        return False
    rest = url[match.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    user, at, _ = authority.rpartition("@")
    if at:
        odd = bool(set(user) & set("@[] ")) or re.search(r"%(?![0-9A-Fa-f]{2})", user) is not None
        return odd or (":" in user and "@" in tail.partition("?")[0])
    _, colon, port = authority.partition(":")
    return bool(colon) and not authority.startswith("[") and not port.isdigit() and "@" in tail


def shown(url: str) -> str:
    """A URL as it may be shown: all of the text is one, so that a password with a space has an end too.

    >>> shown("postgresql://me:p w#@d@db/logs#rows"), shown("parquet:a/*.parquet")
    ('postgresql://me:***@db/logs#rows', 'parquet:a/*.parquet')
    """
    match = re.match(rf"(?:(?:parquet|csv|jsonl|jdbc):)?{_SCHEME}", url)
    if match is None:  # no URL after all, or one with a slip of the pen
        return redacted(f"{HIDDEN}@{url.rpartition('@')[2]}" if "@" in url else url)
    return redacted(url[: match.end()] + _without_secrets(url[match.end() :]))


def reason(error: BaseException | None, *urls: str) -> str:
    """The first line of an error, or its kind where it says nothing, without what could be a secret.

    The other lines of libraries' errors print requests, rows and statements. `urls` as in `redacted`. Of a
    traceback, as DuckDB shows one of a file system in Python, the line that says what happened.
    """
    lines = [line for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Traceback (most recent call last)"):
        lines = [line for line in lines[1:] if not line[0].isspace()] or lines
        lines[0] = lines[0].removeprefix(f"{CalibError.__module__}.")
    line = lines[0].strip() if lines else type(error).__name__
    return redacted(line, *urls)


@contextmanager
def only_what_may_be_shown() -> Iterator[None]:
    """Let no error out whose text could hold a secret: for places whose callers log whatever is raised.

    Errors of ours pass, once more without secrets; any other becomes an `UnexpectedError` that says its kind
    and its first line, at the same place of the code and without what caused it.
    """
    try:
        yield
    except CalibError as error:
        error.args = tuple(redacted(part) if isinstance(part, str) else part for part in error.args)
        raise error from None
    except Exception as error:  # noqa: BLE001  whatever it is, it is logged by somebody else
        showable = UnexpectedError(f"{type(error).__name__}: {reason(error)}", kind=type(error))
        raise showable.with_traceback(error.__traceback__) from None


def _without_secrets(rest: str) -> str:
    """What follows the scheme of a URL, its user's password and its query hidden."""
    body = rest.rstrip(_CLOSING)
    closing = rest[len(body) :]
    before, at, host = body.rpartition("@")
    user, colon, _ = before.partition(":")
    if at and colon:
        body = f"{user}:{HIDDEN}@{host}"
    elif at and not set(before) & set("/?#"):
        body = f"{HIDDEN}@{host}"  # a token may stand alone in the place of the user
    path, question, query = body.partition("?")
    if question and query:
        body = f"{path}?{HIDDEN}"
    return body + closing


def _secrets_of(url: str) -> set[str]:
    """The password of a URL as it stands, unescaped and escaped, with its parts; values of its query too."""
    _, _, rest = url.partition(":")
    before, at, _ = rest.lstrip("/").rpartition("@")
    _, colon, password = before.partition(":")
    secrets = {password if colon else before} if at else set()
    for match in re.finditer(rf"[?&][\w.-]*{_WORDS}[\w-]*=", url, re.IGNORECASE):
        value = url[match.end() :]
        secrets |= {value, value.partition("&")[0], value.partition("#")[0]}
    spellings = {spelling for s in secrets for spelling in (s, unquote(s), quote(s, safe=""))}
    parts = {part for s in spellings for part in re.split(r"[/#?&@:%\\'\"\[\]\s]+", s) if len(part) > 3}
    return {s for s in spellings if len(s) > 2} | parts
