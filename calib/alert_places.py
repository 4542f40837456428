"""From settings to the places where alerts go."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from calib.errors import InvalidInput
from calib.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.outbox.place import Place
    from calib.outbox.slack import SlackPlace
    from calib.outbox.slack_webhook import SlackWebhookPlace
    from calib.outbox.webhook import WebhookPlace


def places(settings: Settings, *, now: Callable[[], datetime], engine: Callable[[], Engine]) -> list[Place]:
    """Slack and the webhook, as far as they are set; else the terminal of a person.

    The terminal counts where `[notify] terminal` says that somebody reads it. Without that, only where a
    person looks at it and no alert of this deployment was ever meant for another place: whoever runs a verb
    by hand without the deployment's secrets does not take its alerts away.
    """
    made: list[Place] = []
    if settings.slack_token is not None:
        made.append(slack_place(settings))
    elif settings.slack_webhook is not None:
        made.append(slack_webhook_place(settings))
    if settings.notify.webhook is not None:
        made.append(webhook_place(settings, now))
    if settings.notify.terminal or (
        not made and person_looks(sys.stderr) and not _meant_for_others(engine())
    ):
        from calib.outbox.terminal import TerminalPlace

        made.append(TerminalPlace(sys.stderr))
    return made


def _meant_for_others(engine: Engine) -> bool:
    from calib.outbox.deliveries import remote_place_known

    with engine.connect() as conn:
        return remote_place_known(conn)


def slack_webhook_place(settings: Settings) -> SlackWebhookPlace:
    """The incoming webhook of Slack, which must be set."""
    from calib.outbox.slack_webhook import SlackWebhookPlace

    url = settings.slack_webhook
    if url is None:
        raise InvalidInput("SLACK_WEBHOOK_URL is not set")
    return SlackWebhookPlace(url.get_secret_value())


def person_looks(stream: TextIO) -> bool:
    """Whether a person sees what is written there."""
    return stream.isatty()


def slack_place(settings: Settings) -> SlackPlace:
    """Slack by its token, which must be set."""
    from calib.outbox.slack import SlackPlace

    token = settings.slack_token
    if token is None:
        raise InvalidInput("SLACK_BOT_TOKEN is not set")
    slack = settings.slack
    also = [stream.review.channel for stream in settings.streams.values() if stream.review.channel]
    return SlackPlace(token.get_secret_value(), channel=slack.channel, base_url=slack.base_url, also=also)


def webhook_place(settings: Settings, now: Callable[[], datetime]) -> WebhookPlace:
    """The address in [notify], which must be set."""
    from calib.outbox.webhook import WebhookPlace

    if settings.notify.webhook is None:
        raise InvalidInput("calib.toml names no webhook in [notify]")
    secret = settings.webhook_secret
    return WebhookPlace(
        settings.notify.webhook, secret=None if secret is None else secret.get_secret_value(), clock=now
    )
