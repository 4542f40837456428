"""What a page asks for in its signature: somebody signed in, an admin, a form of ours."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from pydantic import Field
from starlette.datastructures import UploadFile

from calib.stream_settings import Stream
from calib.web.forms import ForgedFormError, PostedForm, checked_form
from calib.web.site import Site, admission_of, site_of
from calib.web.visitors import Visitor

FORM = "application/x-www-form-urlencoded"


class NotSignedInError(Exception):
    """Nobody is signed in, and the page is for somebody who is."""


def signed_in(request: Request) -> Visitor:
    """Who asks; `NotSignedInError` for nobody."""
    visitor = admission_of(request).visitor
    if visitor is None:
        raise NotSignedInError
    return visitor


def an_admin(visitor: Annotated[Visitor, Depends(signed_in)]) -> Visitor:
    """The admin who asks; for anybody else there is no such page."""
    if not visitor.admin:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return visitor


async def posted(request: Request, visitor: Annotated[Visitor, Depends(signed_in)]) -> PostedForm:
    """The form that was posted; `ForgedFormError` for one that this session was not given."""
    return checked_form(await fields_of(request), visitor.csrf)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, of equal names the last; `ForgedFormError` for what is not a form of ours."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise ForgedFormError
    form = await request.form(max_fields=100)
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}


def stream_seen(site: Site, visitor: Visitor, name: str) -> Stream:
    """The settings of a stream that a visitor may see; for any other there is no such page."""
    stream = site.project.settings.streams.get(name)
    if stream is None or not visitor.sees(name):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return stream


SignedIn = Annotated[Visitor, Depends(signed_in)]
Admin = Annotated[Visitor, Depends(an_admin)]
Posted = Annotated[PostedForm, Depends(posted)]
TheSite = Annotated[Site, Depends(site_of)]
Number = Annotated[int, Field(gt=-(10**18), lt=10**18)]  # in an address: every database can be asked for it
