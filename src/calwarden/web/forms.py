"""Signed forms: what was posted comes from a page of ours, and from not too long ago.

Nobody signs in to these pages and they set no cookie: the link itself is what opens them. So a form
is bound to the link and to what it does, and is of no use beside another one.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

PURPOSE = b"calwarden form"
LONGEST = 1000


class StaleForm(Exception):
    """The form is not one of ours, or lay on a screen for too long: it has to be shown again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """Signs and checks the forms of one installation."""

    key: bytes

    def sign(self, action: str, subject: str, *, now: datetime) -> str:
        """Return the hidden value of a form that does ``action`` with ``subject``."""
        return str(self._signer(action).dumps([subject, int(now.timestamp())]))

    def check(
        self, value: str, action: str, subject: str, *, now: datetime, stale_after: timedelta
    ) -> None:
        """Raise `StaleForm` unless ``value`` was signed for just this, and lately."""
        try:
            found = self._signer(action).loads(value[:LONGEST])
        except BadData as error:
            raise StaleForm("the form is not one of ours") from error
        if not isinstance(found, list) or found[:1] != [subject]:
            raise StaleForm("the form belongs to another page")
        if now - datetime.fromtimestamp(found[1], UTC) > stale_after:
            raise StaleForm("the form is too old")

    def _signer(self, action: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt=PURPOSE + b" " + action.encode(),
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
