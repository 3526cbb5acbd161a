"""Linking, pausing and unlinking calendars."""

import pytest
from sqlalchemy import func, select

from calwarden.domain.linked_calendar import CalendarStatus, Role
from calwarden.domain.refusal import Refused
from calwarden.practice import linking
from calwarden.sdk.connector import Capabilities, Link
from calwarden.store import calendars
from calwarden.store.calendars import NewCalendar
from calwarden.store.errors import NotFound
from calwarden.store.tables import credentials
from calwarden.store.vault import Vault

VAULT = Vault(b"k" * 32, installation="test")


def link(desk, provider="dr-lee", remote_id="https://dav.example/lee/", **named):
    new = NewCalendar(
        provider=provider,
        connector="caldav",
        link=Link(remote_id=remote_id, account="lee", capabilities=Capabilities()),
        name="Lee",
        **named,
    )
    return desk.do(linking.link, new, {"password": "s3cret"}, vault=VAULT)


def test_a_link_is_stored_with_its_credential_sealed(any_desk):
    """It opens for its account only."""
    number = link(any_desk)
    found = any_desk.read(calendars.get, number)
    account, sealed = any_desk.read(calendars.credential, found.credential_id)
    assert b"s3cret" not in sealed
    assert VAULT.open(sealed, account=account) == {"password": "s3cret"}
    shown = any_desk.read(linking.show, number)
    assert (shown["provider"], shown["status"], shown["role"]) == ("dr-lee", "active", "managed")
    assert "s3cret" not in str(shown)
    assert any_desk.audit_holds()


def test_linking_again_renews_the_link_and_keeps_its_id(any_desk):
    """One credential stays; what was wrong with the old one is forgotten."""
    number = link(any_desk)
    with any_desk.database.write() as tx:
        calendars.set_status(tx, number, CalendarStatus.NEEDS_RELINK, "revoked")
    assert link(any_desk) == number
    found = any_desk.read(calendars.get, number)
    assert (found.status, found.status_reason) == (CalendarStatus.ACTIVE, None)
    count = select(func.count()).select_from(credentials)
    assert any_desk.read(lambda connection: connection.execute(count).scalar()) == 1


def test_another_providers_calendar_is_refused(any_desk):
    """One link per remote calendar."""
    link(any_desk)
    with pytest.raises(Refused, match="another provider"):
        link(any_desk, provider="dr-ray")
    with pytest.raises(NotFound):
        link(any_desk, provider="dr-no", remote_id="other")


def test_a_calendar_with_our_events_does_not_become_one_that_is_only_read(desk):
    """The other way round it does."""
    link(desk)
    with pytest.raises(Refused, match="unlink"):
        link(desk, role=Role.BUSY)
    busy = link(desk, remote_id="busy", role=Role.BUSY)
    assert link(desk, remote_id="busy") == busy
    assert desk.read(calendars.get, busy).role is Role.MANAGED


def test_pausing_and_resuming_are_repeatable_and_a_renewed_link_stays_paused(desk):
    """A person's pause outlives a renewed sign-in."""
    number = link(desk)
    for _ in range(2):
        assert desk.do(linking.pause, number).status is CalendarStatus.PAUSED
    link(desk)
    assert desk.read(calendars.get, number).status is CalendarStatus.PAUSED
    for _ in range(2):
        assert desk.do(linking.resume, number).status is CalendarStatus.ACTIVE


@pytest.mark.parametrize("status", [CalendarStatus.HELD, CalendarStatus.NEEDS_RELINK])
def test_what_something_else_keeps_still_is_neither_paused_nor_resumed(desk, status):
    """A pause must not hide a case."""
    number = link(desk)
    with desk.database.write() as tx:
        calendars.set_status(tx, number, status)
    for act in (linking.pause, linking.resume):
        with pytest.raises(Refused, match=status.value):
            desk.do(act, number)


def test_unlinking_is_a_state_that_the_engine_works_off(desk):
    """Linking again before it is done takes it back."""
    number = link(desk)
    found = desk.do(linking.unlink, number, keep_events=True)
    assert (found.status, found.keep_events) == (CalendarStatus.UNLINKING, True)
    assert found.planned_revision == 0
    assert link(desk) == number
    assert not desk.read(calendars.get, number).keep_events


def test_an_ended_link_is_no_longer_listed(desk):
    """It stays as history, and can still be shown."""
    number = link(desk)
    assert [one["id"] for one in desk.read(linking.listing)] == [number]
    with desk.database.write() as tx:
        calendars.set_status(tx, number, CalendarStatus.UNLINKED)
    assert desk.read(linking.listing) == []
    assert desk.read(linking.show, number)["status"] == "unlinked"
    assert desk.do(linking.unlink, number).status is CalendarStatus.UNLINKED
