"""Links by which a client sees and changes an appointment, without signing in.

A link names the appointment by its ref and is signed; it holds nothing about the client. It follows
the appointment when that moves, and is valid until the appointment's start.
"""

import hashlib
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from calwarden.domain.appointment import Appointment
from calwarden.domain.refusal import Refused

PURPOSE = b"calwarden client link"
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
        return str(self._signer().dumps(appointment.ref))

    def link_for(self, appointment: Appointment) -> str:
        """Return the address at which a client changes an appointment."""
        return f"{self.public_url}/c/{self.token_for(appointment)}"

    def ref_of(self, token: str) -> str:
        """Return the ref of the appointment that a token is for; raises `BadLink`."""
        if len(token) <= LONGEST:
            try:
                ref = self._signer().loads(token)
            except BadData:
                ref = None
            if isinstance(ref, str):
                return ref
        raise BadLink(
            "this link is not valid",
            next_step="use the link of the last message about the appointment, whole",
        )

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt=PURPOSE,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
