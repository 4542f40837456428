"""Whether the process serves: for the probes of containers, without a session."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

router = APIRouter()


@router.get("/healthz")
def health() -> PlainTextResponse:
    """`ok`: the database was asked on the way here, and answers 503 where it cannot be."""
    return PlainTextResponse("ok\n")
