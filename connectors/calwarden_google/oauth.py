"""A person's consent in their browser, answered on the loopback interface.

Authorization code, RFC 8252 (native apps) and RFC 7636 (PKCE, S256 only). The answer is taken
once, and only with the state that this flow began with.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httplib2
from typing_extensions import override

from calwarden.sdk.connector import Context
from calwarden.sdk.errors import NeedsAuth, Rejected, Transient
from calwarden_google.endpoints import Endpoints

LOOPBACK = "127.0.0.1"
PATIENCE = timedelta(minutes=5)
PAGE = (
    "<!doctype html><meta charset=utf-8><title>calwarden</title>"
    "<p>{}</p><p>You can close this window and go back to the command line.</p>"
)

_OK = 200


class Consent:
    """One sign-in in a browser. Use it as a context manager: it listens meanwhile."""

    def __init__(self, scopes: Sequence[str], context: Context) -> None:
        """Prepare to ask for ``scopes``; raises `Rejected` without an OAuth client."""
        self._endpoints = Endpoints.of(context.settings, allow_private=context.allow_private)
        if not self._endpoints.client_id:
            raise Rejected(
                "[google] client_id is not set; make an OAuth client of the type desktop app in "
                "the Google Cloud console, as the guide on Google says"
            )
        self._scopes = tuple(scopes)
        self._context = context
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(64)
        self._answers: list[Mapping[str, str]] = []
        self._server = HTTPServer((LOOPBACK, 0), _answering(self._take))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    @property
    def redirect(self) -> str:
        """Where the browser brings the answer."""
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    @property
    def address(self) -> str:
        """The page to open in a browser."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "client_id": self._endpoints.client_id,
            "redirect_uri": self.redirect,
            "response_type": "code",
            "scope": " ".join(self._scopes),
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            # a refresh token is given only with offline access and, a second time, with a prompt
            "access_type": "offline",
            "prompt": "consent",
        }
        return f"{self._endpoints.auth_uri}?{urlencode(asked)}"

    def wait(self, patience: timedelta = PATIENCE) -> dict[str, Any]:
        """Wait for the answer and return the credential; raises `NeedsAuth`, `Transient`."""
        self._server.timeout = patience.total_seconds()
        self._server.handle_timeout = self._give_up  # type: ignore[method-assign] # its own hook
        while not self._answers:
            self._server.handle_request()
        answer = self._answers[0]
        if "code" not in answer:
            raise NeedsAuth(
                "Google calendar: the consent was not given "
                f"({answer.get('error', 'no code')}); nothing was linked"
            )
        return self._exchange(answer["code"])

    def _take(self, answer: Mapping[str, str]) -> str | None:
        """Take an answer; None for one that is not ours: another page's, or a forged one."""
        given = answer.get("state", "")
        if self._answers or not secrets.compare_digest(given.encode(), self._state.encode()):
            return None
        self._answers.append(answer)
        return "Thank you." if "code" in answer else "Nothing was linked."

    @staticmethod
    def _give_up() -> None:
        raise NeedsAuth("Google calendar: nobody answered in the browser; nothing was linked")

    def _exchange(self, code: str) -> dict[str, Any]:
        answer = self._redeem(
            {
                "grant_type": "authorization_code",
                "client_id": self._endpoints.client_id,
                "client_secret": self._endpoints.client_secret,
                "code": code,
                "code_verifier": self._verifier,
                "redirect_uri": self.redirect,
            }
        )
        granted = frozenset(str(answer.get("scope", "")).split())
        missing = [scope for scope in self._scopes if scope not in granted]
        if missing or not answer.get("refresh_token"):
            names = ", ".join(scope.rpartition("/")[2] for scope in missing) or "offline access"
            raise NeedsAuth(
                f"Google calendar: the consent leaves out {names}; link again and leave every "
                "box ticked"
            )
        return {
            "type": "authorized_user",
            "client_id": self._endpoints.client_id,
            "client_secret": self._endpoints.client_secret,
            "refresh_token": answer["refresh_token"],
            "scopes": sorted(granted),
        }

    def _redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        http = httplib2.Http(timeout=self._context.timeout.total_seconds())
        http.follow_redirects = False
        try:
            response, content = http.request(
                self._endpoints.token_uri,
                "POST",
                body=urlencode(form),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            answer = json.loads(content)
        except (httplib2.HttpLib2Error, HTTPException, OSError, ValueError) as error:
            raise Transient(
                "Google calendar: Google's sign-in service did not answer; link again"
            ) from error
        finally:
            http.close()
        if response.status != _OK or not isinstance(answer, dict):
            reason = answer.get("error") if isinstance(answer, dict) else response.status
            raise NeedsAuth(f"Google calendar: the sign-in was refused ({reason}); link again")
        return answer


def _answering(take: Callable[[Mapping[str, str]], str | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            said = take({name: values[0] for name, values in query.items()})
            page = PAGE.format(said or "This page belongs to no sign-in.").encode()
            self.send_response(_OK if said else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the address holds the code."""

    return Handler
