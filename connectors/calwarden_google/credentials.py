"""Credentials of a Google account as JSON values that are sealed, and as google-auth's objects.

Kinds: ``authorized_user`` (a person's grant with its refresh token) and ``service_account`` (a key
with a ``subject`` that it speaks for; wire rule G31). A good access token is kept beside them for
the next process.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceCredentials

from calwarden.sdk.connector import Credential
from calwarden.sdk.errors import NeedsAuth
from calwarden_google.endpoints import Endpoints

PREFIX = "https://www.googleapis.com/auth/"
OWN_CALENDAR = (f"{PREFIX}calendar.app.created", f"{PREFIX}calendar.freebusy")
"""A calendar that we make, and when the person is busy: nothing else can be seen (G30)."""

EXISTING_CALENDAR = (f"{PREFIX}calendar.events.owned", f"{PREFIX}calendar.calendarlist.readonly")
"""An existing calendar of the person's, out-of-office events on the primary one included (G30)."""

BUSY_TIME = (f"{PREFIX}calendar.freebusy", f"{PREFIX}calendar.calendarlist.readonly")
"""Only when the person is busy, and the names of their calendars."""

SCOPES: Mapping[str, tuple[str, ...]] = {
    "own": OWN_CALENDAR,
    "existing": EXISTING_CALENDAR,
    "busy": BUSY_TIME,
}
"""The least that each way of linking needs."""

UNION = UserCredentials | ServiceCredentials


def opened(credential: Credential, endpoints: Endpoints) -> UNION:
    """Return the library's credentials; raises `NeedsAuth` for what is none."""
    token, expiry = credential.get("access_token"), credential.get("expiry")
    try:
        found = (
            _service(credential, endpoints)
            if _is_service(credential)
            else _user(credential, endpoints)
        )
        if token and expiry:
            found.token, found.expiry = token, datetime.fromisoformat(expiry)
    except (GoogleAuthError, ValueError, KeyError, TypeError) as error:
        raise NeedsAuth(
            "Google calendar: the credential is neither an authorized-user file nor a service "
            "account's key with a subject; link the calendar again"
        ) from error
    return found


def renewed(credential: Credential, found: UNION) -> dict[str, Any]:
    """Return the credential with the access token, and the refresh token, that now hold."""
    result = {**credential, "access_token": found.token}
    if found.expiry is not None:
        result["expiry"] = found.expiry.isoformat()
    refresh = getattr(found, "refresh_token", None)
    return {**result, "refresh_token": refresh} if refresh else result


def account_of(credential: Credential) -> str:
    """Return the account that a credential says it is for, or the empty string."""
    return str(credential.get("subject") or credential.get("account") or "")


def with_subject(key: Mapping[str, Any], subject: str, scopes: Sequence[str]) -> dict[str, Any]:
    """Return a service account's key as a credential that speaks for ``subject`` (G31)."""
    return {**key, "type": "service_account", "subject": subject, "scopes": list(scopes)}


def _is_service(credential: Credential) -> bool:
    return credential.get("type") == "service_account"


def _service(credential: Credential, endpoints: Endpoints) -> ServiceCredentials:
    key = {**credential, "token_uri": endpoints.token_uri}
    made: ServiceCredentials = ServiceCredentials.from_service_account_info(  # type: ignore[no-untyped-call] # google-auth
        key, scopes=list(credential["scopes"]), subject=credential["subject"]
    )
    return made


def _user(credential: Credential, endpoints: Endpoints) -> UserCredentials:
    # scopes are not given: a refresh that names more than was granted is refused as a whole
    return UserCredentials(  # type: ignore[no-untyped-call] # google-auth
        token=None,
        refresh_token=credential["refresh_token"],
        token_uri=endpoints.token_uri,
        client_id=credential.get("client_id") or endpoints.client_id,
        client_secret=credential.get("client_secret") or endpoints.client_secret,
    )
