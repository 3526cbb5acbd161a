"""A stand-in for Google Calendar on the loopback interface.

Strict, stateful, and open to a person's hands.

It answers calendar v3 and the sign-in pages over HTTP. Every request is checked against the
discovery document that google-api-python-client ships; what is wrong with one is refused with 400
and kept in `GoogleServer.violations`, which a test run must end without. `POST /_control/NAME` with
a JSON object calls a method of `Control` from another process.
"""

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from calwarden.testing.emulators import google_discovery
from calwarden.testing.emulators.faults import Faults
from calwarden.testing.emulators.google_api import Api, Asked, Caller
from calwarden.testing.emulators.google_control import Control
from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_faults import Fault
from calwarden.testing.emulators.google_oauth import SignIn, TokenError
from calwarden.testing.emulators.google_people import Person
from calwarden.testing.emulators.google_state import Calendar, Rules, State
from calwarden.testing.emulators.listener import Answer, Dropped, Listener

SERVICE = "/calendar/v3/"
JSON = "application/json; charset=UTF-8"
READING = {"GET"}
NO_CONTENT = 204


@dataclass(frozen=True)
class Request:
    """One API request that was received.

    When (monotonic seconds), which method, by whom, how it was answered.
    """

    at: float
    method: str
    email: str
    status: int


@dataclass
class Quota:
    """How many requests a sliding window holds, per user.

    More are refused with ``status`` and ``reason`` (G27).
    """

    requests: int
    seconds: float = 60.0
    status: int = 403
    reason: str = "rateLimitExceeded"


class GoogleServer:
    """The emulator: a server in a thread, and the hands of people on its pages.

    It speaks TLS where ``context`` makes one for it.
    """

    def __init__(
        self, port: int = 0, *, context: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        self.state = State()
        self.api = Api(self.state)
        self.sign_in = SignIn(self.state)
        self.faults = Faults(Fault)
        self.violations: list[str] = []
        self.requests: list[Request] = []
        self.quota: Quota | None = None
        self._recent: dict[str, deque[float]] = {}
        self._listener = Listener(port, self.answer, name="google", context=context)
        self._scheme = "http" if context is None else "https"

    @property
    def url(self) -> str:
        """Address of the server, without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self._listener.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """Return the ``[google]`` section of a configuration that speaks to this server."""
        client, secret = next(iter(self.sign_in.clients.items()))
        return {
            "api_root": f"{self.url}{SERVICE}",
            "auth_uri": f"{self.url}/o/oauth2/v2/auth",
            "token_uri": f"{self.url}/token",
            "client_id": client,
            "client_secret": secret,
        }

    @property
    def rules(self) -> Rules:
        """The switches of the service."""
        return self.state.rules

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        return sum(
            1
            for request in self.requests
            if not request.method.endswith((".list", ".get", ".instances", "query"))
        )

    def start(self) -> Self:
        """Begin to answer."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Answer nothing any more."""
        self._listener.stop()
        self.api.push.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add_account(self, email: str, **about: Any) -> Calendar:
        """Add a person with a primary calendar."""
        return self.state.add_account(email, **about)

    def person(self, calendar: str) -> Person:
        """Return the owner of a calendar, at its page."""
        return Person(self.api, self.state.calendars[calendar])

    def answer(self, verb: str, target: str, headers: Any, content: bytes) -> Answer:
        """Answer one request."""
        parts = urlsplit(target)
        if parts.path.startswith(SERVICE):
            return self._api(verb, parts.path.removeprefix(SERVICE), parts.query, headers, content)
        if parts.path == "/o/oauth2/v2/auth" and verb == "GET":
            return self._consent(parts.query)
        if parts.path == "/token" and verb == "POST":
            return self._token(content)
        if parts.path.startswith("/_control/") and verb == "POST":
            reply = Control(self).call(
                parts.path.removeprefix("/_control/"), json.loads(content or b"{}")
            )
            return 200, {"Content-Type": JSON}, _encoded(reply)
        return 404, {"Content-Type": "text/html"}, b"<html>Not Found</html>"

    def _api(self, verb: str, path: str, query: str, headers: Any, content: bytes) -> Answer:
        checked = google_discovery.check(
            verb, path, parse_qs(query, keep_blank_values=True), _decoded(content)
        )
        if checked is None or checked.method.id not in self.api.answers:
            self.violations.append(f"{verb} {path}: no such method")
            return _refused(ApiError(404, "notFound"))
        self.violations += checked.problems
        faults = self.faults.due(checked.method.id)
        email = ""
        try:
            self._before(faults)
            caller = self.sign_in.caller(headers.get("Authorization"))
            email = caller.email
            self._admit(checked, caller)
            for fault in faults:
                if fault.kind == "act" and fault.act is not None:
                    fault.act()
            with self.state.lock:
                asked = Asked(
                    caller=caller,
                    path=checked.path,
                    parameters=checked.parameters,
                    body=_decoded(content) or {},
                    match=headers.get("If-Match"),
                )
                reply = self.api.answers[checked.method.id](asked)
            answer = (
                (NO_CONTENT, {}, b"")
                if reply is None
                else (200, {"Content-Type": JSON}, _encoded(reply))
            )
        except ApiError as error:
            answer = _refused(error)
        except Dropped:
            self._note(checked.method.id, email, 0)
            raise
        self._note(checked.method.id, email, answer[0])
        return self._after(faults, answer)

    def _before(self, faults: list[Fault]) -> None:
        for fault in faults:
            match fault.kind:
                case "drop_before":
                    raise Dropped
                case "error":
                    raise ApiError(fault.status, fault.reason, retry_after=fault.retry_after)
                case "expire_access":
                    self.sign_in.expire()
                case "expire_pages":
                    self.api.listing.rounds.clear()
                case "slow":
                    threading.Event().wait(fault.seconds)
                case _:
                    pass  # the others happen around or after the answer

    @staticmethod
    def _after(faults: list[Fault], answer: Answer) -> Answer:
        kinds = {fault.kind for fault in faults}
        if "drop_after" in kinds:
            raise Dropped
        if "truncate" in kinds:
            status, headers, content = answer
            return status, headers, content[: len(content) // 2]
        return answer

    def _admit(self, checked: google_discovery.Checked, caller: Caller) -> None:
        if checked.problems:
            raise ApiError(400, "badRequest", "; ".join(checked.problems))
        if not checked.method.scopes & caller.scopes:
            raise ApiError(403, "insufficientPermissions")
        if self.quota is None:
            return
        recent = self._recent.setdefault(caller.email, deque())
        now = time.monotonic()
        while recent and recent[0] < now - self.quota.seconds:
            recent.popleft()
        if len(recent) >= self.quota.requests:
            raise ApiError(self.quota.status, self.quota.reason)
        recent.append(now)

    def _note(self, method: str, email: str, status: int) -> None:
        self.requests.append(
            Request(at=time.monotonic(), method=method, email=email, status=status)
        )

    def _consent(self, query: str) -> Answer:
        asked = {
            name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()
        }
        try:
            with self.state.lock:
                return 302, {"Location": self.sign_in.authorize(asked)}, b""
        except TokenError as error:
            self.violations.append(f"consent: {error.body}")
            return error.status, {"Content-Type": JSON}, _encoded(error.body)

    def _token(self, content: bytes) -> Answer:
        form = {
            name: values[0]
            for name, values in parse_qs(content.decode(), keep_blank_values=True).items()
        }
        faults = self.faults.due("token")
        try:
            self._before(faults)
            with self.state.lock:
                reply = self.sign_in.token(form, f"{self.url}/token")
            return self._after(faults, (200, {"Content-Type": JSON}, _encoded(reply)))
        except ApiError as error:
            return _refused(error)
        except TokenError as error:
            if error.body["error"] in {"invalid_request", "unsupported_grant_type"}:
                self.violations.append(f"token: {error.body}")
            return error.status, {"Content-Type": JSON}, _encoded(error.body)


def _decoded(content: bytes) -> Any:
    return json.loads(content) if content else None


def _encoded(reply: Any) -> bytes:
    return json.dumps(reply).encode()


def _refused(error: ApiError) -> Answer:
    headers = {"Content-Type": JSON}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return error.status, headers, _encoded(error.body)
