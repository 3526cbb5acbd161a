"""A stand-in for Microsoft Graph v1.0 and Microsoft Entra on the loopback interface.

Strict, stateful, and open to a person's hands.

It answers over https, with a certificate authority of its own (`GraphServer.ca_file`). What no
correct client sends is refused as Graph would, and kept in `GraphServer.violations`, which a test
run must end without. ``POST /_control/NAME`` with a JSON object calls a method of `Control` from
another process.
"""

import json
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from calwarden.testing.emulators import graph_batch, graph_query, graph_routes
from calwarden.testing.emulators.faults import Faults
from calwarden.testing.emulators.graph_api import Api
from calwarden.testing.emulators.graph_asked import Asked
from calwarden.testing.emulators.graph_certificate import context, folder
from calwarden.testing.emulators.graph_control import Control
from calwarden.testing.emulators.graph_errors import ApiError, mistake
from calwarden.testing.emulators.graph_faults import Fault
from calwarden.testing.emulators.graph_grants import Caller, TokenError
from calwarden.testing.emulators.graph_http import as_json
from calwarden.testing.emulators.graph_limits import Limits, Received
from calwarden.testing.emulators.graph_oauth import SignIn
from calwarden.testing.emulators.graph_people import Person
from calwarden.testing.emulators.graph_sign_in import SignInPages
from calwarden.testing.emulators.graph_state import Calendar, Rules, State
from calwarden.testing.emulators.listener import Answer, Dropped, Listener

VERSION = "/v1.0/"
ANNOTATED = {"authorization", "prefer", "if-match", "content-type", "client-request-id"}
Headers = Iterable[tuple[str, str]]
Check = Callable[[str, int, Any, Any], list[str]]


class GraphServer:
    """The emulator: a server in threads, and the hands of people in Outlook.

    ``check`` is asked about every request and reply: method, status, request body, reply body.
    """

    def __init__(self, port: int = 0, *, check: Check | None = None) -> None:
        self._listener = Listener(port, self._reply, name="graph", context=context)
        self.state = State()
        self.api = Api(self.state, f"{self.url}/v1.0")
        self.sign_in = SignIn(self.state)
        self.pages = SignInPages(self.sign_in, self.url)
        self.faults = Faults(Fault)
        self.check = check
        self.violations: list[str] = []
        self.requests: list[Received] = []
        self.limits = Limits(self.state)
        self.batches = 0
        self.at_stop: list[Callable[[], None]] = []

    @property
    def url(self) -> str:
        """Address of the server, without a slash at its end."""
        return f"https://127.0.0.1:{self._listener.port}"

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust."""
        return str(folder() / "ca.pem")

    @property
    def settings(self) -> dict[str, Any]:
        """Return the ``[outlook]`` section of a configuration that speaks to this server."""
        app = self.sign_in.app
        return {
            "graph_root": f"{self.url}/v1.0",
            "authority": f"{self.url}/common",
            "client_id": app.id,
            "client_secret": app.secret,
            "ca_file": self.ca_file,
        }

    @property
    def rules(self) -> Rules:
        """The switches of the service."""
        return self.state.rules

    @property
    def writes(self) -> int:
        """How many requests were sent that change events or calendars."""
        changing = (".create", ".update", ".delete")
        return sum(
            1
            for request in self.requests
            if request.method.endswith(changing) and request.method[0] in "ce"
        )

    def start(self) -> Self:
        """Begin to answer."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Answer nothing any more."""
        for call in self.at_stop:
            call()
        self._listener.stop()
        self.api.push.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add_account(self, email: str, **about: Any) -> Calendar:
        """Add a mailbox with its default calendar."""
        return self.state.add_account(email, **about)

    def person(self, calendar: str) -> Person:
        """Return the owner of a calendar, in Outlook."""
        return Person(self.api, self.state.calendars[calendar])

    def _reply(self, verb: str, target: str, headers: Message, content: bytes) -> Answer:
        try:
            return self._answer(verb, target, headers.items(), content)
        except Dropped:
            raise
        except Exception:  # noqa: BLE001 - whatever broke is told at the end of the run
            self.violations.append(f"{verb} {target}: {traceback.format_exc()}")
            return as_json(500, ApiError(500, "generalException").body())

    def _answer(self, verb: str, target: str, headers: Headers, content: bytes) -> Answer:
        parts = urlsplit(target)
        if parts.path.startswith(VERSION):
            return self._graph(verb, target.removeprefix(VERSION), list(headers), content)
        if parts.path.startswith("/_control/") and verb == "POST":
            name = parts.path.removeprefix("/_control/")
            return as_json(200, Control(self).call(name, json.loads(content or b"{}")))
        return self._sign_in(verb, target, content)

    def _graph(
        self, verb: str, target: str, headers: list[tuple[str, str]], content: bytes
    ) -> Answer:
        told = {name.lower(): value for name, value in headers}
        try:
            body = json.loads(content) if content else None
        except ValueError:
            self.violations.append(f"{verb} {target}: no JSON")
            return as_json(400, mistake("Unable to read JSON request payload.").body())
        if (verb, target) != ("POST", "$batch"):
            return as_json(*self._one(verb, target, headers, body))
        self.batches += 1
        authorization = told.get("authorization", "")

        def one(verb: str, target: str, headers: list[tuple[str, str]], body: Any) -> Any:
            status, told, extra = self._one(
                verb, target, [*headers, ("Authorization", authorization)], body
            )
            return status, extra, told

        try:
            self.sign_in.caller(authorization)
            return as_json(200, graph_batch.answer(body, one))
        except ApiError as error:
            return as_json(*self._refused("$batch", error))

    def _one(
        self, verb: str, target: str, headers: list[tuple[str, str]], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(target)
        found = graph_routes.find(verb, parts.path)
        if found is None:
            return self._refused(
                f"{verb} {parts.path}",
                mistake(f"Resource not found for the segment '{parts.path}'."),
            )
        name = found.route.name
        faults = self.faults.due(name)
        mailbox = ""
        try:
            self._forget(faults)
            caller = self.sign_in.caller(dict(_lowered(headers)).get("authorization"))
            asked = self._asked(found, caller, parts.query, headers, body, parts.path)
            mailbox = asked.account.email if asked.account else caller.email
            with self.limits.admitted(mailbox):
                self._before(faults)
                status, reply = self.api.answer(asked)
            self._after(faults)
            answer: tuple[int, Any, dict[str, str]] = (status, reply, self._applied(asked))
        except ApiError as error:
            answer = self._refused(name, error)
            told = error.headers.get("Retry-After", "")
            # nonsense holds nobody
            self.limits.hold(mailbox, int(told) if re.fullmatch("[0-9]{1,6}", told) else 0)
        except Dropped:
            self._note(name, mailbox, 0)
            raise
        if self.check is not None:
            self.violations += self.check(name, answer[0], body, answer[1])
        self._note(name, mailbox, answer[0])
        if any(fault.kind == "truncate" for fault in faults):
            return answer[0], answer[1], {**answer[2], "x-truncate": "yes"}
        return answer

    def _asked(
        self,
        found: graph_routes.Found,
        caller: Caller,
        query: str,
        headers: list[tuple[str, str]],
        body: Any,
        path: str,
    ) -> Asked:
        route = found.route
        pairs = parse_qsl(query, keep_blank_values=True)
        options = dict(pairs)
        unknown = options.keys() - route.options
        if unknown or len(options) != len(pairs):
            raise mistake(f"Query option {sorted(unknown)} is not supported on {route.name}.")
        if not route.permissions & caller.scopes:
            raise ApiError(403, "ErrorAccessDenied")
        if (route.body is None) != (body is None):
            raise mistake("Empty Payload. JSON content expected." if body is None else "A body.")
        preferred = graph_query.preferred(headers)
        if route.ids and self.rules.immutable_ids and not preferred.immutable:
            self.violations.append(f"{route.name}: without Prefer: {graph_query.IMMUTABLE}")
        return Asked(
            caller=caller,
            found=found,
            options=options,
            body=_parameters(body) if route.body == "getSchedule" else body or {},
            preferred=preferred,
            match=dict(_lowered(headers)).get("if-match"),
            account=self.api.mailbox(caller, found),
            target=path,
            query=graph_query.read(options),
        )

    def _forget(self, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.kind == "expire_access":
                self.sign_in.expire()
            if fault.kind == "expire_cursor":
                self.api.delta.kill()

    @staticmethod
    def _before(faults: list[Fault]) -> None:
        for fault in faults:
            match fault.kind:
                case "drop_before":
                    raise Dropped
                case "error":
                    raise _error(fault)
                case "slow":
                    threading.Event().wait(fault.seconds)
                case "act" if fault.act is not None:
                    fault.act()

    @staticmethod
    def _after(faults: list[Fault]) -> None:
        for fault in faults:
            match fault.kind:
                case "drop_after":
                    raise Dropped
                case "error_after":
                    raise _error(fault)
                case "act_after" if fault.act is not None:
                    fault.act()

    def _refused(self, name: str, error: ApiError) -> tuple[int, Any, dict[str, str]]:
        if error.mistake:
            self.violations.append(f"{name}: {error.code}: {error.message}")
        return error.status, error.body(), error.headers

    @staticmethod
    def _applied(asked: Asked) -> dict[str, str]:
        told = asked.preferred.applied
        return {"Preference-Applied": ", ".join(told)} if told else {}

    def _note(self, method: str, email: str, status: int) -> None:
        self.requests.append(
            Received(at=time.monotonic(), method=method, email=email, status=status)
        )

    def _sign_in(self, verb: str, target: str, content: bytes) -> Answer:
        name = "token" if target.endswith("/token") else "sign_in"
        faults = self.faults.due(name)
        try:
            self._before(faults)
            with self.state.lock:
                reply = self.pages.answer(verb, target, content)
            self._after(faults)
        except ApiError as error:
            return as_json(*self._refused(name, error))
        except TokenError as error:
            if error.mistake:
                self.violations.append(f"{name}: {error.body['error_description']}")
            return as_json(error.status, error.body)
        if any(fault.kind == "truncate" for fault in faults):
            return reply[0], reply[1], reply[2][: len(reply[2]) // 2]
        return reply


def _parameters(body: Any) -> Any:
    # an action's parameters are understood in either spelling
    return {f"{name[0].lower()}{name[1:]}": value for name, value in body.items()}


def _lowered(headers: Headers) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers)


def _error(fault: Fault) -> ApiError:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return ApiError(fault.status, fault.code, inner=fault.inner, headers=headers)
