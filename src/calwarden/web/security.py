"""What holds for every answer: strict headers, bounded requests, nothing told to other sites."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 256 * 1024
"""Of one request's body: far more than a form, enough for a batch of notices."""

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
TRANSPORT = "max-age=31536000"
KEPT = "/static/"
"""What may be kept by caches; everything else is for one reader's eyes, once."""


class Hardened:
    """Wraps an app: every answer carries the headers, every request is within bounds."""

    def __init__(self, app: ASGIApp, *, public_url: str, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most
        self._headers = dict(HEADERS)
        if urlsplit(public_url).scheme == "https":
            self._headers["Strict-Transport-Security"] = TRANSPORT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(KEPT):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        if _announced(scope["headers"]) > self._most:
            await _too_large(scope, receive, send_hardened)
            return
        body = await _whole(receive, self._most)
        if body is None:
            await _too_large(scope, receive, send_hardened)
            return
        await self._app(scope, _replayed(body, receive), send_hardened)


def _announced(headers: Iterable[tuple[bytes, bytes]]) -> int:
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _whole(receive: Receive, most: int) -> list[Message] | None:
    """Return what a request sends, whole; None where that is more than ``most`` bytes."""
    kept: list[Message] = []
    size = 0
    while True:
        message = await receive()
        kept.append(message)
        size += len(message.get("body", b""))
        if size > most:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return kept


def _replayed(kept: list[Message], receive: Receive) -> Receive:
    waiting = iter(kept)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    answer = PlainTextResponse("The request is too large.\n", status_code=413)
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)
