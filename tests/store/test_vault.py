"""Sealed credentials open for the account and installation they were sealed for, only."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.store.vault import (
    KEY_BYTES,
    SealBroken,
    Vault,
    VaultError,
    read_keys,
    systemd_credential,
    write_key,
)

ONE, TWO = bytes(range(KEY_BYTES)), bytes(range(1, KEY_BYTES + 1))
SECRET = {"username": "dana", "password": "canary-hunter2", "scopes": ["a", "b"], "expires": 17}
vault = Vault(ONE, installation="here")


def line(key):
    return base64.b64encode(key) + b"\n"


@given(
    value=st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())),
    account=st.text(st.characters(blacklist_categories=["Cs"])),
)
def test_what_was_sealed_opens(value, account):
    """Sealing loses nothing."""
    assert vault.open(vault.seal(value, account=account), account=account) == value


def test_a_sealed_value_shows_nothing():
    """Neither secrets nor names can be read in it, and no two seals are alike."""
    one, two = vault.seal(SECRET, account="a"), vault.seal(SECRET, account="a")
    assert one != two
    assert b"canary" not in one
    assert b"dana" not in one


def test_a_swapped_seal_does_not_open():
    """A row that was given another account's credential is as good as damaged."""
    sealed = vault.seal(SECRET, account="dana")
    with pytest.raises(SealBroken, match="link again"):
        vault.open(sealed, account="kim")


def test_another_installation_does_not_open_it():
    """A database copied beside another installation's name is refused, even with the same key."""
    with pytest.raises(SealBroken):
        Vault(ONE, installation="there").open(vault.seal(SECRET, account="a"), account="a")


@given(data=st.data())
def test_a_seal_with_one_changed_bit_does_not_open(data):
    """Every byte is under the seal: header, nonce and content."""
    sealed = bytearray(vault.seal(SECRET, account="a"))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(VaultError):
        vault.open(bytes(sealed), account="a")


@given(length=st.integers(0, 40))
def test_a_torn_seal_does_not_open(length):
    """Whatever is missing, the answer is a sentence."""
    with pytest.raises(VaultError):
        vault.open(vault.seal(SECRET, account="a")[:length], account="a")


def test_another_key_says_that_it_is_another_key():
    """The id in the seal tells a lost key from a damaged seal."""
    with pytest.raises(VaultError, match="another key"):
        Vault(TWO, installation="here").open(vault.seal(SECRET, account="a"), account="a")


def test_an_old_key_opens_and_the_new_one_seals():
    """Rotation: both keys in the file, the new one first; old seals are told apart."""
    rotated = Vault(TWO, ONE, installation="here")
    old, new = vault.seal(SECRET, account="a"), rotated.seal(SECRET, account="a")
    assert rotated.open(old, account="a") == rotated.open(new, account="a") == SECRET
    assert rotated.outdated(old)
    assert not rotated.outdated(new)


def test_rotation_keeps_fingerprints_and_links():
    """What hangs on the root key outlives the rotation: no event looks edited after it."""
    rotated = Vault(TWO, ONE, installation="here")
    assert rotated.fingerprint_key == vault.fingerprint_key
    assert rotated.link_key == vault.link_key


def test_every_purpose_has_a_key_of_its_own():
    """No derived key is another one, or the key itself."""
    keys = {ONE, vault.fingerprint_key, vault.link_key}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {KEY_BYTES}


def test_a_new_key_is_for_its_owner_only_and_never_overwritten(tmp_path):
    """Overwriting the key would lose every credential."""
    path = tmp_path / "calwarden.key"
    write_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        write_key(path)
    assert path.read_bytes() == before
    assert len(read_keys(path)[0]) == KEY_BYTES


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    """The message names the file, its mode and the command that repairs it."""
    path = tmp_path / "calwarden.key"
    write_key(path)
    path.chmod(mode)
    with pytest.raises(VaultError, match=f"{mode:04o}.*chmod 600 {path}"):
        Vault.from_key_file(path, installation="here")
    guarded = Vault.from_key_file(path, installation="here", guarded=True)
    assert guarded.open(guarded.seal(SECRET, account="a"), account="a") == SECRET


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (ONE, [ONE]),
        (line(ONE), [ONE]),
        (line(TWO) + line(ONE), [TWO, ONE]),
        (b"\n" + line(ONE) + b"\n", [ONE]),
    ],
    ids=["raw", "base64", "two", "blank lines"],
)
def test_a_key_file_holds_raw_or_written_keys(tmp_path, content, keys):
    """32 raw bytes, as systemd-creds makes them, or base64, one key a line."""
    path = tmp_path / "calwarden.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    assert read_keys(path) == keys


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 31, line(ONE[:16])])
def test_a_file_without_a_key_is_named(tmp_path, content):
    """Half a key is no key."""
    path = tmp_path / "calwarden.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(VaultError, match=str(path)):
        read_keys(path)


def test_a_missing_key_says_how_to_make_one(tmp_path):
    """Cause and next step."""
    with pytest.raises(VaultError, match=r"No such file.*calwarden init"):
        read_keys(tmp_path / "calwarden.key")


def test_the_credential_of_systemd_is_found(tmp_path):
    """Where the service was given one, and only there."""
    assert systemd_credential({}) is None
    assert systemd_credential({"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    (tmp_path / "calwarden.key").write_bytes(os.urandom(32))
    found = systemd_credential({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found == tmp_path / "calwarden.key"
