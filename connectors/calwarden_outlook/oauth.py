"""A person's consent: in a browser on this machine, or with a code on another device (M30).

msal makes and checks state, nonce and PKCE; here is where the browser brings its answer to.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from calwarden.sdk.connector import Context
from calwarden.sdk.errors import NeedsAuth, Rejected
from calwarden_outlook.connections import KEPT
from calwarden_outlook.endpoints import Endpoints
from calwarden_outlook.identity import Entra, Person
from calwarden_outlook.tokens import user_credential, with_token

LOOPBACK = "127.0.0.1"
PATIENCE = timedelta(minutes=5)
LONGEST_FORM = 65_536
PAGE = (
    "<!doctype html><meta charset=utf-8><title>calwarden</title>"
    "<p>{}</p><p>You can close this window and go back to the command line.</p>"
)
Show = Callable[[str], None]

_OK = 200


def in_browser(
    permission: str, context: Context, show: Show, patience: timedelta = PATIENCE
) -> dict[str, Any]:
    """Return the credential of a person who consents in a browser; ``show`` gets the address."""
    return _consented(
        permission, context, lambda entra, person: _in_browser(entra, person, show, patience)
    )


def on_device(permission: str, context: Context, show: Show) -> dict[str, Any]:
    """Return the credential of a person who types a code in; ``show`` gets address and code."""
    return _consented(permission, context, lambda entra, person: _on_device(entra, person, show))


class Ask:
    """What is asked for, and how msal is to be asked for it."""

    def __init__(self, entra: Entra, permission: str) -> None:
        self.entra = entra
        self.scopes = entra.endpoints.scopes(permission)


def _consented(
    permission: str,
    context: Context,
    flow: Callable[[Ask, Person], dict[str, Any]],
) -> dict[str, Any]:
    endpoints = Endpoints.of(context.settings, allow_private=context.allow_private)
    session = KEPT.lend(endpoints.ca_file)
    try:
        ask = Ask(Entra(endpoints, session, context.timeout), permission)
        person = ask.entra.person()
        answer = flow(ask, person)
    finally:
        KEPT.take_back(session, endpoints.ca_file)
    granted = {name.rpartition("/")[2] for name in str(answer.get("scope", "")).split()}
    missing = [] if permission in granted else [permission]
    if not person.lasting:
        missing.append("offline_access")
    if missing:
        raise NeedsAuth(
            f"Outlook calendar: the consent leaves out {', '.join(missing)}; link again and agree "
            "to all of it, or have an administrator consent"
        )
    claims = answer.get("id_token_claims") or {}
    account = str(claims.get("preferred_username") or claims.get("email") or "")
    return with_token(user_credential(person.serialised(), account, permission), answer)


def _on_device(ask: Ask, person: Person, show: Show) -> dict[str, Any]:
    flow = ask.entra.asked(lambda: person.client.initiate_device_flow(ask.scopes))
    if "user_code" not in flow:
        raise Rejected(
            "Outlook calendar: no device code was given "
            f"({flow.get('error', 'without a reason')}); allow public client flows for the "
            "application in the Entra admin center, as the guide on Outlook says"
        )
    where = flow.get("verification_uri") or flow.get("verification_url")
    show(f"Open {where} on any device and type in this code: {flow['user_code']}")
    answer = ask.entra.asked(lambda: person.client.acquire_token_by_device_flow(flow))
    return _accepted(ask, answer)


def _in_browser(ask: Ask, person: Person, show: Show, patience: timedelta) -> dict[str, Any]:
    answers: list[Mapping[str, str]] = []
    state = secrets.token_urlsafe(32)

    def take(answer: Mapping[str, str]) -> str | None:
        """Take an answer; None for one that is not ours: another page's, or a forged one."""
        if answers or not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
            return None
        answers.append(answer)
        return "Thank you." if "code" in answer else "Nothing was linked."

    with _Listener(take, patience) as listener:
        flow = ask.entra.asked(
            lambda: person.client.initiate_auth_code_flow(
                ask.scopes,
                redirect_uri=f"http://localhost:{listener.server_port}",
                state=state,
                prompt="select_account",
                # the code is posted, so no history of a browser holds it (RFC 9700 section 4.3.1)
                response_mode="form_post",
            )
        )
        show(str(flow["auth_uri"]))
        while not answers:
            listener.handle_request()
    answer = answers[0]
    if "code" not in answer:
        raise _declined(answer)
    return _accepted(
        ask,
        ask.entra.asked(lambda: person.client.acquire_token_by_auth_code_flow(flow, dict(answer))),
    )


def _accepted(ask: Ask, answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("error") in {"authorization_declined", "access_denied", "expired_token"}:
        raise _declined(answer)
    return ask.entra.answered(lambda: answer)


def _declined(answer: Mapping[str, Any]) -> NeedsAuth:
    return NeedsAuth(
        f"Outlook calendar: the consent was not given ({answer.get('error', 'no code')}); "
        "nothing was linked"
    )


class _Listener(HTTPServer):
    """Waits on the loopback interface for the browser."""

    def __init__(
        self, take: Callable[[Mapping[str, str]], str | None], patience: timedelta
    ) -> None:
        super().__init__((LOOPBACK, 0), _answering(take))
        self.timeout = patience.total_seconds()

    @override
    def handle_timeout(self) -> None:
        raise NeedsAuth("Outlook calendar: nobody answered in the browser; nothing was linked")


def _answering(take: Callable[[Mapping[str, str]], str | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LONGEST_FORM:
                self.send_error(413)
                return
            self._answer(self.rfile.read(int(length)).decode("ascii", "replace"))

        def _answer(self, form: str) -> None:
            said = take({name: values[0] for name, values in parse_qs(form).items()})
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
