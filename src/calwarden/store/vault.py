"""Sealed credentials: AES-256-GCM under a key kept outside the database.

A sealed value is bound to its account and installation: it does not open beside another account.
The key file holds one key per line, the newest first: that one seals, every one opens, and the last
is the root of the other secrets, which outlive a rotation. A file of 32 bytes is one raw key.
"""

import base64
import binascii
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 8
MAGIC = b"CW1"
HEADER_BYTES = len(MAGIC) + KEY_ID_BYTES + NONCE_BYTES
SYSTEMD_CREDENTIAL = "calwarden.key"


class VaultError(Exception):
    """A key cannot be used, or a sealed value does not open."""


class SealBroken(VaultError):
    """The sealed value was changed, or belongs to another account or installation."""


class Vault:
    """Seals and opens credentials of one installation, and derives its other keys."""

    def __init__(self, *keys: bytes, installation: str) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise VaultError(f"a key has {KEY_BYTES} bytes")
        self._installation = installation
        self._ids = [_derive(key, b"calwarden key id", KEY_ID_BYTES) for key in keys]
        self._ciphers = {
            key_id: AESGCM(_derive(key, b"calwarden credentials", KEY_BYTES))
            for key_id, key in zip(self._ids, keys, strict=True)
        }
        self.fingerprint_key = _derive(keys[-1], b"calwarden fingerprints", KEY_BYTES)
        self.link_key = _derive(keys[-1], b"calwarden links", KEY_BYTES)

    @classmethod
    def from_key_file(cls, path: Path, *, installation: str, guarded: bool = False) -> "Vault":
        """Read a key file that nobody but its owner can read; raises `VaultError`.

        ``guarded``: the folder is closed to others, as systemd's are, whatever the file's mode.
        """
        return cls(*read_keys(path, guarded=guarded), installation=installation)

    def seal(self, value: Mapping[str, Any], *, account: str) -> bytes:
        """Return ``value`` as only this installation can read it, and only for ``account``."""
        key_id, nonce = self._ids[0], os.urandom(NONCE_BYTES)
        plain = json.dumps(dict(value)).encode()
        sealed = self._ciphers[key_id].encrypt(nonce, plain, self._bound(key_id, account))
        return MAGIC + key_id + nonce + sealed

    def open(self, blob: bytes, *, account: str) -> dict[str, Any]:
        """Return what was sealed for ``account``; raises `VaultError`."""
        if len(blob) < HEADER_BYTES or not blob.startswith(MAGIC):
            raise SealBroken("the sealed credential is damaged; link the calendar again")
        key_id = blob[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError(
                "the credential was sealed with another key; restore that key, or link again"
            )
        nonce = blob[len(MAGIC) + KEY_ID_BYTES : HEADER_BYTES]
        try:
            plain = cipher.decrypt(nonce, blob[HEADER_BYTES:], self._bound(key_id, account))
        except InvalidTag as error:
            raise SealBroken(
                "the sealed credential was changed, or belongs to another account; link again"
            ) from error
        value: dict[str, Any] = json.loads(plain)
        return value

    def outdated(self, blob: bytes) -> bool:
        """Tell whether a sealed value should be sealed again with the newest key."""
        return not blob.startswith(MAGIC + self._ids[0])

    def _bound(self, key_id: bytes, account: str) -> bytes:
        return b"\0".join((MAGIC + key_id, self._installation.encode(), account.encode()))


def read_keys(path: Path, *, guarded: bool = False) -> list[bytes]:
    """Return the keys of a key file, the newest first; raises `VaultError`."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(64 * 1024)
    except OSError as error:
        raise VaultError(
            f"the key file {path} cannot be read ({error.strerror}); calwarden init makes one"
        ) from error
    if not guarded and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise VaultError(
            f"the key file {path} can be read by others (mode {stat.S_IMODE(mode):04o}); "
            f"run: chmod 600 {path}"
        )
    if len(content) == KEY_BYTES:
        return [content]
    keys = [_decoded(line, path) for line in content.split()]
    if not keys:
        raise VaultError(f"the key file {path} is empty")
    return keys


def write_key(path: Path) -> None:
    """Make a key file of mode 0600; raises ``FileExistsError`` and never overwrites one."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        opened.flush()
        os.fsync(opened.fileno())


def systemd_credential(environment: Mapping[str, str]) -> Path | None:
    """Return the key file that systemd made for the service (LoadCredential=), if it did."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / SYSTEMD_CREDENTIAL if folder else None
    return path if path is not None and path.exists() else None


def _decoded(line: bytes, path: Path) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultError(f"the key file {path} holds no key: 32 bytes in base64, one key a line")
    return key


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)
