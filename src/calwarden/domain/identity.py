"""Deterministic ids: the same appointment in the same calendar has the same id, whoever asks."""

import base64
import hashlib
import hmac

from calwarden.domain.event import Fingerprint, Subject


def resource_uid(installation: str, remote_calendar: str, subject: Subject, generation: int) -> str:
    """Return the id of a subject's resource.

    It is the base32hex of a SHA-256, lower case, 52 characters (wire rule G8).
    """
    key = "\0".join((installation, remote_calendar, subject.kind, subject.ref, str(generation)))
    digest = hashlib.sha256(key.encode()).digest()
    return base64.b32hexencode(digest).decode().lower().rstrip("=")


def keyed_fingerprint(key: bytes) -> Fingerprint:
    """Return the installation's text fingerprint: 128 bits of HMAC-SHA256, base32hex."""

    def fingerprint(text: str) -> str:
        normal = " ".join(text.split())
        if not normal:
            return ""
        digest = hmac.new(key, normal.encode(), hashlib.sha256).digest()[:16]
        return base64.b32hexencode(digest).decode().lower().rstrip("=")

    return fingerprint
