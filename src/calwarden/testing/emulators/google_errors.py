"""Refusals of the emulated service, in the form of the real one (G4.

Reasons, not messages, are what counts).
"""

from typing import Any

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    410: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
}

MESSAGES = {
    "authError": "Invalid Credentials",
    "conditionNotMet": "Precondition Failed",
    "deleted": "Resource has been deleted",
    "duplicate": "The requested identifier already exists.",
    "fullSyncRequired": "Sync token is no longer valid, a full sync is required.",
    "insufficientPermissions": "Insufficient Permission",
    "notFound": "Not Found",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "quotaExceeded": "Calendar usage limits exceeded.",
    "backendError": "Backend Error",
}


class ApiError(Exception):
    """The service refuses a request."""

    def __init__(
        self, status: int, reason: str, message: str = "", *, retry_after: int | str | None = None
    ) -> None:
        super().__init__(f"{status} {reason} {message}")
        self.status = status
        self.reason = reason
        self.message = message or MESSAGES.get(reason, reason)
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """Return the JSON of the refusal."""
        detail = {"domain": "global", "reason": self.reason, "message": self.message}
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "errors": [detail],
                "status": STATUS.get(self.status, "INTERNAL"),
            }
        }
