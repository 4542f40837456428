"""An item as a reviewer sees it: its texts as safe HTML, long ones folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from calib.json_object import Json
from calib.review.claims import Claim
from calib.web.markdown import rendered
from calib.web.texts import shown_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One text of an item. `preview`: its beginning, where the whole is long and is folded.

    `number`: its place, under which all of it can be had; `cut`: whether that is more than `whole`.
    """

    number: int
    name: str
    whole: Markup
    preview: Markup | None
    length: int
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An item that somebody has in hand; the model's confidence is not in it."""

    item_id: int
    token: int
    window_id: int
    period: str
    prediction_id: str
    trace: str | None
    fields: tuple[Field, ...]


def item_view(claim: Claim, *, order: Sequence[str], images: Sequence[str]) -> ItemView:
    """A leased item with its texts in the order of the settings, `order`."""
    return ItemView(
        item_id=claim.item_id,
        token=claim.token,
        window_id=claim.window_id,
        period=claim.period,
        prediction_id=claim.prediction_id,
        trace=claim.trace,
        fields=fields_of_context(claim.context, order=order, images=images),
    )


def fields_of_context(context: Json, *, order: Sequence[str], images: Sequence[str]) -> tuple[Field, ...]:
    """The texts of a context, rendered; those that the settings do not name come last."""
    fields = []
    for number, name in enumerate(names_of(context, order=order)):
        text = shown_text(name, context[name])
        fields.append(
            Field(
                number=number,
                name=name,
                whole=rendered(text.text, images=images),
                preview=None if text.preview is None else rendered(text.preview, images=images),
                length=text.length,
                cut=text.cut,
            )
        )
    return tuple(fields)


def names_of(context: Json, *, order: Sequence[str]) -> list[str]:
    """The names of the texts in the order in which they are shown."""
    named = [name for name in order if name in context]
    return named + [name for name in context if name not in named]
