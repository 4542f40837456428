"""Slack as a place for alerts: messages, threads, pictures, and how a message is recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from calib.alerts.blocks import section
from calib.alerts.message import escaped
from calib.errors import DeliveryError, DeliveryUnknown, Permanent
from calib.json_object import Json
from calib.outbox.place import Parcel, Picture
from calib.outbox.slack_api import TIMEOUT, BlocksRefused, MayNotLook, SlackApi, ThreadGone
from calib.web_addresses import refusal

EVENT = "calibwatch_alert"
CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")
SCOPES = {
    "chat:write": "to post",
    "channels:read": "to find the channel",
    "channels:history": "to recognise what it has posted already",
    "files:write": "to show pictures",
}


class SlackPlace:
    """Posts to a channel, given by `#name` or by id; the alert's id travels in the message's metadata.

    `also`: the channels that alerts for reviewers name, for `check`.

    The token needs the scopes chat:write, and channels:read with channels:history to recognise what an
    earlier attempt has delivered; files:write for pictures; usergroups:read, and users:read for a person, to
    mention an owner by handle. A private channel is given by its id, with groups:read and groups:history.
    """

    name, pace = "slack", 1.0  # a message a second is what Slack allows a channel

    def __init__(self, token: str, *, channel: str, base_url: str, also: Sequence[str] = ()) -> None:
        self._api, self._channel = SlackApi(token, base_url=base_url), channel
        self._also = [name for name in dict.fromkeys(also) if name != channel]
        self._known_ids: dict[str, str] = {}
        self._mentions: dict[str, str] = {}

    def send(self, parcel: Parcel) -> Json:
        """Post a message, as a reply where it belongs into a thread, and say where it is.

        It goes as plain text where Slack does not take its blocks, and as a message of its own where the
        thread is gone.
        """
        message = parcel.message
        blocks, text = list(message.blocks), escaped(message.text)
        if message.owner is not None:
            mention = self._mention(message.owner)
            blocks.insert(min(2, len(blocks)), section(f"{mention} owns this stream."))
            text = f"{text}\n{mention}"
        values: Json = {
            "channel": self._channel_of(parcel),
            "text": text,
            "metadata": {"event_type": EVENT, "event_payload": _identity(parcel)},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        root = self._root(parcel)
        reply: Json = {} if root is None else {"thread_ts": root, "reply_broadcast": message.broadcast}
        try:
            answer = self._post(blocks, values | reply)
        except ThreadGone:
            root = None
            answer = self._post(blocks, values)
        place: Json = {"channel": answer.get("channel"), "ts": answer.get("ts")}
        return place if root is None else place | {"thread": root}

    def find(self, parcel: Parcel, since: datetime) -> Json | None:
        """The message that carries the alert's id, posted after `since`, in its thread or alone."""
        channel, oldest = self._id_of(self._channel_of(parcel)), f"{since.timestamp():.6f}"
        asked: Json = {"channel": channel, "oldest": oldest, "include_all_metadata": True, "limit": 200}
        root = self._root(parcel)
        if root is not None:
            try:
                for entry in self._messages("conversations_replies", ts=root, **asked):
                    if _carries(entry, parcel):
                        return {"channel": channel, "ts": entry.get("ts"), "thread": root}
            except ThreadGone:
                pass
        for entry in self._messages("conversations_history", **asked):
            if _carries(entry, parcel):
                there: Json = {"channel": channel, "ts": entry.get("ts")}
                reply = entry.get("thread_ts") not in (None, entry.get("ts"))
                return there | {"thread": entry["thread_ts"]} if reply else there
        return None

    def attach(self, picture: Picture, remote: Json) -> None:
        """Upload a picture into the thread of a message, in Slack's three steps.

        It is seen by nobody before the third. Raises as `send` does, wherever it ends.
        """
        asked = self._api.call(
            "files_getUploadURLExternal",
            filename=picture.name,
            length=len(picture.png),
            alt_txt=picture.alt[:1000],
        )
        url, file_id = str(asked.get("upload_url")), asked.get("file_id")
        if why := refusal(url):
            raise Permanent(f"the address for the upload that Slack gave {why.partition(':')[0]}")
        _upload(url, picture.png)
        self._api.call(
            "files_completeUploadExternal",
            files=[{"id": file_id, "title": picture.title}],
            channel_id=remote["channel"],
            thread_ts=remote.get("thread") or remote["ts"],
        )

    def check(self) -> str:
        """Who the token belongs to, the channel, and what the token may not do.

        Raises a `DeliveryError` where the token is not valid, the channel is not there or archived, or the
        app is not in it.
        """
        user = str(self._api.call("auth_test").get("user"))
        says = f"signed in as {user}, alerts go to {self._channel}"
        if self._also:
            says += f", what reviewers have to do to {', '.join(self._also)}"
        try:
            for name in (self._channel, *self._also):
                self._check_channel(name, user)
        except MayNotLook:
            return f"{says}; the channel cannot be looked up without the scope channels:read"
        missing = self._missing_scopes()
        if not missing:
            return says
        return f"{says}; the token has no scope " + ", ".join(f"{name} ({SCOPES[name]})" for name in missing)

    def _check_channel(self, name: str, user: str) -> None:
        facts = self._facts_of(name)
        if facts.get("is_archived"):
            raise Permanent(f"the channel {name} is archived: name another in calib.toml")
        if facts.get("is_member") is False:
            raise Permanent(
                f"{user} is not in the channel {name}: write `/invite @{user}` in it, or name "
                "another channel "
                "in calib.toml"
            )

    def owner(self, name: str) -> str:
        """Whom an `owner` of the settings would mention; `Permanent` where nobody of that name is found."""
        mention = self._mention(name)
        if mention == escaped(name):
            raise Permanent(
                f"{name} is nobody whom this token can find: correct `owner`, write an id (U… or "
                "S…), or give "
                "the token the scopes usergroups:read and users:read"
            )
        return mention

    def withdraw(self, remote: Json) -> None:
        """Delete a message of our own, such as that of a test; raises as `send` does."""
        self._api.call("chat_delete", channel=remote["channel"], ts=remote["ts"])

    def _post(self, blocks: list[Json], values: Json) -> Json:
        try:
            return self._api.call("chat_postMessage", blocks=blocks, **values)
        except BlocksRefused:
            return self._api.call("chat_postMessage", **values)

    def _root(self, parcel: Parcel) -> str | None:
        """The message that the parcel's one replies to; None where that is in another channel."""
        thread = parcel.thread or {}
        root = thread.get("thread") or thread.get("ts")
        if root is None:
            return None
        try:
            channel = self._id_of(self._channel_of(parcel))
        except DeliveryError:  # it may not be looked up
            return str(root)
        return str(root) if thread.get("channel") in (None, channel) else None

    def _mention(self, owner: str) -> str:
        """An owner as Slack's markup; the handle as text where it cannot be found."""
        if owner not in self._mentions:
            self._mentions[owner] = self._looked_up(owner)
        return self._mentions[owner]

    def _looked_up(self, owner: str) -> str:
        if not owner.startswith("@"):
            return f"<!subteam^{owner}>" if owner.startswith("S") else f"<@{owner}>"
        handle = owner[1:]
        try:
            for group in self._api.call("usergroups_list").get("usergroups", []):
                if group.get("handle") == handle:
                    return f"<!subteam^{group['id']}>"
            for page in self._api.pages("users_list", limit=200):
                for person in page.get("members", []):
                    if handle == person.get("name") and not person.get("deleted"):
                        return f"<@{person['id']}>"
        except DeliveryError:  # an alert is not worth less because its owner cannot be looked up
            pass
        return escaped(owner)

    def _messages(self, method: str, **values: Any) -> Iterator[Json]:
        for page in self._api.pages(method, **values):
            yield from page.get("messages", [])

    def _channel_of(self, parcel: Parcel) -> str:
        """The channel that an alert names, else that of all alerts."""
        return str(parcel.payload.get("channel") or self._channel)

    def _id_of(self, channel: str) -> str:
        """Posting takes a channel's name, reading its history only the id."""
        if CHANNEL_ID.fullmatch(channel):
            return channel
        if channel not in self._known_ids:
            self._known_ids[channel] = str(self._facts_of(channel)["id"])
        return self._known_ids[channel]

    def _facts_of(self, channel: str) -> Json:
        """What Slack says of a channel: its id, whether it is archived, and whether the app is in it."""
        if CHANNEL_ID.fullmatch(channel):
            facts: Json = self._api.call("conversations_info", channel=channel).get("channel") or {}
            return facts
        name = channel.removeprefix("#")
        for page in self._api.pages("conversations_list", exclude_archived=False, limit=1000):
            for listed in page.get("channels", []):
                if listed.get("name") == name:
                    return {**listed}
        raise Permanent(
            f"Slack has no channel #{name} that this token may see: correct its name in calib.toml; "
            "a private "
            "one goes by its id"
        )

    def _missing_scopes(self) -> list[str]:
        """The scopes that are wanted and not granted, where Slack says which are."""
        granted = self._api.granted
        if not granted:
            return []
        private = {name.replace("channels:", "groups:"): name for name in SCOPES}
        have = {private.get(name, name) for name in granted} | set(granted)
        return [name for name in SCOPES if name not in have]


def _identity(parcel: Parcel) -> Json:
    """What a message carries, so that it is recognised: the alert's id and whose alert it is."""
    if parcel.deployment is None:
        return {"id": parcel.id}
    return {"id": parcel.id, "deployment": parcel.deployment}


def _carries(entry: Json, parcel: Parcel) -> bool:
    """Whether a message is the parcel's; one without a deployment is that of an alert of version 0.1.0."""
    metadata = entry.get("metadata") or {}
    carried = metadata.get("event_payload") or {}
    if metadata.get("event_type") != EVENT or carried.get("id") != parcel.id:
        return False
    return carried.get("deployment") in ((None,) if parcel.deployment is None else (parcel.deployment,))


def _upload(url: str, data: bytes) -> None:
    """The second step of an upload: the bytes, to the address that Slack gave; no redirect is followed."""
    import httpx

    try:
        answer = httpx.post(url, content=data, timeout=TIMEOUT, headers={"Content-Type": "image/png"})
    except httpx.HTTPError as error:
        raise DeliveryUnknown(f"the upload did not end: {type(error).__name__}") from None
    if answer.status_code != 200:
        raise Permanent(f"the upload was refused: HTTP {answer.status_code}")
