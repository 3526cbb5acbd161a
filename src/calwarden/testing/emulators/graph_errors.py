"""Refusals of the emulated service, in Graph's form (M31: codes count, messages do not)."""

import time
import uuid
from typing import Any

MESSAGES = {
    "ApplicationThrottled": "Application is over its MailboxConcurrency limit.",
    "ConcurrentItemSave": "The save failed because the item was changed by another call.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorInvalidRequest": "Your request is invalid.",
    "ErrorIrresolvableConflict": (
        "The send or update operation could not be performed because the change key passed in the "
        "request does not match the current change key for the item."
    ),
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorOccurrenceCrossingBoundary": (
        "Modified occurrence is crossing or overlapping adjacent occurrence."
    ),
    "InvalidAuthenticationToken": "Access token has expired or is not yet valid.",
    "syncStateNotFound": "The sync state generation is not found; a full synchronisation is due.",
}


class ApiError(Exception):
    """The service refuses a request.

    ``inner`` is a more exact code, told in ``innerError``. ``mistake``: no client that knows the
    rules sends this, so the run that sent it must fail.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        inner: str | None = None,
        headers: dict[str, str] | None = None,
        mistake: bool = False,
    ) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message or MESSAGES.get(code, code)
        self.inner = inner
        self.headers = headers or {}
        self.mistake = mistake

    def body(self, client_request: str | None = None) -> dict[str, Any]:
        """Return the JSON of the refusal."""
        request = str(uuid.uuid4())
        inner: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
            "request-id": request,
            "client-request-id": client_request or request,
        }
        if self.inner is not None:
            inner = {"code": self.inner, **inner}
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


def mistake(message: str, code: str = "BadRequest", status: int = 400) -> ApiError:
    """Return the refusal of something that no correct client sends."""
    return ApiError(status, code, message, mistake=True)


def gone() -> ApiError:
    """Return the refusal of a name that nothing has (M4)."""
    return ApiError(404, "ErrorItemNotFound")
