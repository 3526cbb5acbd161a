"""What people see when something is not as it should be: a sentence, never the inside."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from calwarden.store.errors import DatabaseError
from calwarden.web.pages import NAMELESS, page
from calwarden.web.services import WebServices, services_of

log = structlog.get_logger("calwarden.web")

SENTENCES = {
    404: ("This page does not exist", "Please use the link of your last message, whole."),
    405: ("This does not work here", "Please go back to the page that you came from."),
    413: ("That was too much", "Please send less."),
    503: ("We cannot look that up right now", "Please try again in a few minutes."),
}
ELSE = ("That did not work", "Please go back and try again.")
FAULT = ("Something went wrong on our side", "Nothing was changed. Please try again later.")


def register(app: FastAPI) -> None:
    """Let an app answer failures with pages."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(DatabaseError, _database)
    app.add_exception_handler(Exception, _fault)


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    answer = _told(services_of(request), status)
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


def _unreadable(request: Request, _error: Exception) -> Response:
    return _told(services_of(request), 400)


def _database(request: Request, error: Exception) -> Response:
    log.error("database_failed", kind=type(error).__name__)
    answer = _told(services_of(request), 503, practice=NAMELESS)
    answer.headers["Retry-After"] = "60"
    return answer


def _fault(request: Request, error: Exception) -> Response:
    log.error("page_failed", kind=type(error).__name__)
    title, sentence = FAULT
    return page(
        services_of(request),
        "error.html",
        status=500,
        title=title,
        sentence=sentence,
        practice=NAMELESS,
    )


def _told(web: WebServices, status: int, *, practice: str | None = None) -> Response:
    title, sentence = SENTENCES.get(status, ELSE)
    return page(web, "error.html", status=status, title=title, sentence=sentence, practice=practice)
