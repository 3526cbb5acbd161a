"""Microsoft Entra through msal: clients, and what their answers mean (wire rule M30).

A person's grant goes through a public client, with or without a secret in the configuration; the
secret or certificate speaks only for the application itself.
"""

import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msal
import requests
from msal.exceptions import MsalError

from calwarden.sdk.errors import NeedsAuth, Rejected, RemoteError, Transient
from calwarden_outlook.endpoints import Endpoints
from calwarden_outlook.errors import OVERLOADED, wait_of

READ_WRITE = "Calendars.ReadWrite"
READ = "Calendars.Read"
UNAVAILABLE = frozenset({"temporarily_unavailable", "server_error", "timeout"})
OTHER_NAME = frozenset({"invalid_scope", "invalid_resource", "invalid_target"})
CLIENT_REFUSED = frozenset({"invalid_client", "unauthorized_client"})

_SERVER_FAULT = 500
_BAD_REQUEST = 400
_THE = "Outlook calendar: "
Made = TypeVar("Made")


class Sender:
    """The HTTP client that msal speaks through; remembers how it was answered last."""

    def __init__(self, session: requests.Session, timeout: timedelta) -> None:
        self._session = session
        self._timeout = timeout.total_seconds()
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Send a GET."""
        return self._sent("GET", url, kwargs)

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        """Send a POST."""
        return self._sent("POST", url, kwargs)

    def close(self) -> None:
        """Do nothing: the session is the lender's."""

    def _sent(self, method: str, url: str, about: Mapping[str, Any]) -> requests.Response:
        self.status, self.headers = 0, {}
        allowed = {"params", "data", "headers"}
        response = self._session.request(
            method,
            url,
            **{name: value for name, value in about.items() if name in allowed},
            timeout=self._timeout,
            # a redirected token request would show its secret to whoever it is sent to
            allow_redirects=False,
        )
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        return response


class Entra:
    """The sign-in service of one authority. Its methods raise `RemoteError`."""

    def __init__(self, endpoints: Endpoints, session: requests.Session, timeout: timedelta) -> None:
        endpoints.demand_client()
        self.endpoints = endpoints
        self._sender = Sender(session, timeout)

    def person(self, cache: str = "") -> "Person":
        """Return the public client with the grants in a serialised cache."""
        kept = msal.SerializableTokenCache()
        if cache:
            kept.deserialize(cache)
        client = self.asked(lambda: msal.PublicClientApplication(**self._about(kept)))
        return Person(self, client, kept)

    def application(self, claims: str | None = None) -> dict[str, Any]:
        """Return a token for the application itself (client credentials)."""
        secret = self._client_credential()
        answer: Any = None
        for resource in self.endpoints.resources:
            answer = self.asked(partial(self._for_client, secret, resource, claims))
            if not isinstance(answer, dict) or answer.get("error") not in OTHER_NAME:
                break
        return self.answered(lambda: answer)

    def _for_client(self, secret: Any, resource: str, claims: str | None) -> Any:
        with warnings.catch_warnings():
            # an authority without a tenant is refused by the service itself, in its own words
            warnings.simplefilter("ignore", DeprecationWarning)
            client = msal.ConfidentialClientApplication(
                client_credential=secret, **self._about(msal.TokenCache())
            )
            return client.acquire_token_for_client(
                [f"{resource}/.default"], claims_challenge=claims
            )

    def answered(self, ask: Callable[[], Any]) -> dict[str, Any]:
        """Return the token that ``ask`` obtains; raises what its refusal means."""
        answer = self.asked(ask)
        if isinstance(answer, dict) and answer.get("access_token"):
            return answer
        raise self._refused(answer if isinstance(answer, dict) else {})

    def asked(self, ask: Callable[[], Made]) -> Made:
        """Return what ``ask`` returns; raises what its failure means."""
        try:
            return ask()
        except (requests.RequestException, MsalError, RuntimeError, OSError) as error:
            raise self._unavailable() from error
        except (ValueError, KeyError) as error:
            if _BAD_REQUEST <= self._sender.status < _SERVER_FAULT:
                raise self._unknown() from error
            raise self._unavailable() from error

    def _about(self, cache: msal.TokenCache) -> dict[str, Any]:
        endpoints = self.endpoints
        return {
            "client_id": endpoints.client_id,
            "authority": endpoints.authority,
            "http_client": self._sender,
            "token_cache": cache,
            # only Microsoft knows which authorities are its own
            "instance_discovery": None if endpoints.known_authority else False,
        }

    def _client_credential(self) -> Any:
        endpoints = self.endpoints
        if endpoints.certificate_file:
            try:
                pem = Path(endpoints.certificate_file).read_text(encoding="ascii")
            except (OSError, ValueError) as error:
                raise Rejected(
                    f"[outlook] certificate_file {endpoints.certificate_file} cannot be read; it "
                    "holds the private key and the certificate, both as PEM"
                ) from error
            return {"private_key": pem, "public_certificate": pem}
        if not endpoints.client_secret:
            raise Rejected(
                "[outlook] has neither client_secret nor certificate_file; the application needs "
                "one of them to sign in for itself"
            )
        return endpoints.client_secret

    def _unavailable(self) -> RemoteError:
        wait = wait_of(self._sender.headers)
        return Transient(
            f"{_THE}Microsoft's sign-in service did not answer; it is tried again",
            retry_after=wait,
            throttled=wait is not None,
        )

    def _unknown(self) -> RemoteError:
        if self._sender.status in OVERLOADED:
            return self._unavailable()
        return Rejected(
            f"[outlook] authority {self.endpoints.authority} is no tenant that the sign-in "
            "service knows; correct it"
        )

    def _refused(self, answer: Mapping[str, Any]) -> RemoteError:
        said = str(answer.get("error") or "no token")
        if (
            self._sender.status in OVERLOADED
            or self._sender.status >= _SERVER_FAULT
            or said in UNAVAILABLE
        ):
            return self._unavailable()
        codes = [f"AADSTS{code}" for code in answer.get("error_codes") or ()]
        why = " ".join([said, *codes])
        if said in CLIENT_REFUSED:
            return NeedsAuth(
                f"{_THE}the application was refused ({why}); see that its client_id and its secret "
                "or certificate in [outlook] are still valid, then link the calendar again"
            )
        return NeedsAuth(
            f"{_THE}access was revoked or has expired ({why}); link the calendar again with "
            "`calwarden link outlook`"
        )


class Person:
    """The public client, and the cache with one person's grant."""

    def __init__(self, entra: Entra, client: Any, cache: Any) -> None:
        self._entra = entra
        self.client = client
        self._cache = cache

    @property
    def changed(self) -> bool:
        """Whether the cache is not as it was opened."""
        return bool(self._cache.has_state_changed)

    @property
    def lasting(self) -> bool:
        """Whether a refresh token is there: without one access ends within the hour."""
        kind = self._cache.CredentialType.REFRESH_TOKEN
        return next(iter(self._cache.search(kind)), None) is not None

    def serialised(self) -> str:
        """Return the cache as text, to be sealed."""
        text: str = self._cache.serialize()
        return text

    def renewed(self, scopes: list[str], claims: str | None = None) -> dict[str, Any]:
        """Return a new access token for the grant; raises `NeedsAuth` where there is none."""
        account = next(iter(self._entra.asked(self.client.get_accounts)), None)
        if account is None:
            return self._without_account(scopes)
        return self._entra.answered(
            lambda: self.client.acquire_token_silent_with_error(
                scopes, account, force_refresh=True, claims_challenge=claims
            )
        )

    def _without_account(self, scopes: list[str]) -> dict[str, Any]:
        """Renew a grant whose sign-in told nothing about whose it is."""
        kind = self._cache.CredentialType.REFRESH_TOKEN
        kept = next(iter(self._cache.search(kind)), None)
        if kept is None:
            raise NeedsAuth(f"{_THE}the stored credential holds no grant; link the calendar again")
        return self._entra.answered(
            lambda: self.client.acquire_token_by_refresh_token(kept["secret"], scopes)
        )
