"""What a store says when it refuses: its own code and sentence, and what to do about it.

obstore's errors hold the store's answer in the middle of its own words, as XML or JSON. What stands there
beside the code and the sentence, such as a token, is never shown.
"""

from __future__ import annotations

import re

from calib.redaction import reason, redacted

_CODE = re.compile(r"<Code>([\w.-]{1,60})</Code>")
_SENTENCE = re.compile(r"<Message>([^<]{1,300})")
_JSON_SENTENCE = re.compile(r'"message":\s*"([^"]{1,300})"')
_STATUS = re.compile(r"status code: (\d{3})")
_METADATA = ("169.254.169.254", "metadata.google.internal", "169.254.170.2")
PASSING = {408, 409, 412, 425, 429}  # of the statuses from 400 on: another attempt may succeed

CREDENTIALS = "Renew the credentials; `calib check` shows which ones are read"
REGION = "Set AWS_REGION to the region of the bucket"
PLACE = "Make it, or correct its name in calib.toml"
RIGHTS = "Give its user the right to read, list and create objects there"
REMEDIES = {
    "ExpiredToken": CREDENTIALS,
    "InvalidToken": CREDENTIALS,
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "AuthenticationFailed": CREDENTIALS,
    "InvalidAuthenticationInfo": CREDENTIALS,
    "RequestTimeTooSkewed": "Set the clock of this machine",
    "PermanentRedirect": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "IllegalLocationConstraintException": REGION,
    "NoSuchBucket": PLACE,
    "ContainerNotFound": PLACE,
    "AccessDenied": RIGHTS,
    "AllAccessDisabled": RIGHTS,
    "AuthorizationFailure": RIGHTS,
    "AuthorizationPermissionMismatch": RIGHTS,
    "SlowDown": "It is asked too often; run it again later",
    "ServerBusy": "It is asked too often; run it again later",
}


def words(error: BaseException | None) -> str:
    """The error in the store's own words where it has some, else its first line; without any secret."""
    text = _answer(error)
    code, sentence = _CODE.search(text), _SENTENCE.search(text) or _JSON_SENTENCE.search(text)
    if code is not None or (sentence is not None and _STATUS.search(text)):
        said = [part[1].strip().rstrip(".") for part in (code, sentence) if part is not None]
        remedy = REMEDIES.get(code[1]) if code is not None else None
        return redacted(": ".join(said)) + (f". {remedy}" if remedy else "")
    if "without LOCATION" in text:
        return f"the bucket is in another region. {REGION}"
    if any(address in text for address in _METADATA):
        return (
            "no credentials were found: none are in the environment, and this machine has no metadata "
            "service that gives any. `calib check` shows which ones are read"
        )
    if (status := _STATUS.search(text)) is not None:
        return f"status {status[1]}, without a reason"
    return reason(error)


def is_refusal(error: BaseException | None) -> bool:
    """Whether the store answered that it will not, whoever asks again: so this request wrote nothing."""
    text = _answer(error)
    status = _STATUS.search(text)
    if status is None:
        return "without LOCATION" in text
    return 400 <= int(status[1]) < 500 and int(status[1]) not in PASSING


def _answer(error: BaseException | None) -> str:
    """What the error says, without the debug output that repeats it."""
    return str(error).partition("Debug source:")[0]
