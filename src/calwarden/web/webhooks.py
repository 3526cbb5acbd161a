"""Where calendar services post that something changed: ``POST /hooks/CONNECTOR``.

A posting is read by its connector's kind, proven by `calwarden.practice.pushes`, and answered at
once; the daemon that looks at the calendar finds a mark in the store. Nobody is signed in here, no
cookie is read, and an answer says nothing about what exists.
"""

from collections.abc import Callable

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

from calwarden.clock import Clock
from calwarden.practice import pushes
from calwarden.sdk.push import Posting, PostingReader, UnreadablePosting
from calwarden.store.errors import DatabaseError
from calwarden.store.unit_of_work import Database

PREFIX = "/hooks"
LARGEST = 256 * 1024
RETRY_SECONDS = "5"

ACCEPTED = 202
UNREADABLE = 400
UNKNOWN = 404
TOO_LARGE = 413
LATER = 503

log = structlog.get_logger("calwarden.webhooks")

ReaderOf = Callable[[str], PostingReader | None]


def routes(reader_of: ReaderOf, database: Database, clock: Clock) -> APIRouter:
    """Return the routes to include in the application.

    ``reader_of`` returns what reads the postings of a connector; None where its service posts none.
    """
    router = APIRouter(prefix=PREFIX, include_in_schema=False)

    @router.post("/{connector}")
    async def take(connector: str, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=TOO_LARGE)
        posting = Posting(
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(request.query_params),
            body=body,
        )
        # reading may load the connector, and proving asks the database
        return await run_in_threadpool(_answer, reader_of, database, clock, connector, posting)

    return router


async def _body(request: Request) -> bytes | None:
    """Return the body; None where it is longer than any service sends."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _answer(
    reader_of: ReaderOf, database: Database, clock: Clock, connector: str, posting: Posting
) -> Response:
    reader = reader_of(connector)
    if reader is None:
        return Response(status_code=UNKNOWN)
    try:
        reading = reader.read_posting(posting)
    except UnreadablePosting:
        log.info("posting_unreadable", connector=connector)
        return Response(status_code=UNREADABLE)
    if reading.reply is not None:
        return PlainTextResponse(
            reading.reply,
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
        )
    try:
        proven = pushes.take(database, connector, reading.notices, now=clock.now())
    except DatabaseError as error:
        log.warning("posting_not_taken", connector=connector, kind=type(error).__name__)
        return Response(status_code=LATER, headers={"Retry-After": RETRY_SECONDS})
    if reading.notices and not proven:
        log.info("posting_not_proven", connector=connector)
        return Response(status_code=UNKNOWN)
    return Response(status_code=ACCEPTED)
