"""Links by which people act without signing in: clients on an appointment, providers on a drift.

A client's link names the appointment by its ref and is signed; it holds nothing about the client.
It follows the appointment when that moves, and is valid until the appointment's start. A provider's
link names a drift by its number, and opens the form that does properly what was done outside.
"""

import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from calwarden.domain.appointment import Appointment
from calwarden.domain.refusal import Refused

PURPOSE = b"calwarden client link"
TO_DRIFT = b"calwarden proposal link"
LONGEST = 500


class BadLink(Refused):
    """The link was never one of ours, or not whole."""


class LinkEnded(Refused):
    """The link was good until its appointment started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes and reads the links of one installation; ``public_url`` has no slash at its end."""

    key: bytes
    public_url: str

    def token_for(self, appointment: Appointment) -> str:
        """Return the token of an appointment: URL-safe, and never beginning with ``-``."""
        # the payload is a JSON text: its first character is a quote, which encodes as I
        return str(self._signer(PURPOSE).dumps(appointment.ref))

    def link_for(self, appointment: Appointment) -> str:
        """Return the address at which a client changes an appointment."""
        return f"{self.public_url}/c/{self.token_for(appointment)}"

    def ref_of(self, token: str) -> str:
        """Return the ref of the appointment that a token is for; raises `BadLink`."""
        ref = self._loaded(token, PURPOSE)
        if isinstance(ref, str):
            return ref
        raise _bad("appointment")

    def link_to_drift(self, number: int) -> str:
        """Return the address at which a provider does properly what was done outside."""
        return f"{self.public_url}/p/{self._signer(TO_DRIFT).dumps(number)}"

    def drift_of(self, token: str) -> int:
        """Return the number of the drift that a token is for; raises `BadLink`."""
        number = self._loaded(token, TO_DRIFT)
        if isinstance(number, int):
            return number
        raise _bad("change in the calendar")

    def _loaded(self, token: str, purpose: bytes) -> object:
        if len(token) > LONGEST:
            return None
        try:
            return self._signer(purpose).loads(token)
        except BadData:
            return None

    def _signer(self, purpose: bytes) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt=purpose,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def _bad(about: str) -> BadLink:
    return BadLink(
        "this link is not valid",
        next_step=f"use the link of the last message about the {about}, whole",
    )
