"""The audit chain: whatever is done to it behind its back is noticed."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from calwarden.store import audit
from calwarden.store.anchor import Anchor, AnchorUnreadable
from calwarden.store.audit import AuditHead, BadAuditDetail
from calwarden.store.tables import audit as table
from calwarden.store.unit_of_work import Database

AT = datetime(2026, 11, 30, 15, 0, 0, 123456, tzinfo=UTC)


def fill(database, entries=5):
    with database.write() as tx:
        for number in range(1, entries + 1):
            audit.append(
                tx,
                at=AT + timedelta(minutes=number),
                actor="cli",
                action="booked",
                subject=f"appointment:a-{number}",
                detail={"minutes": 50, "zone": "Europe/Zürich", "late": None, "to": ["a", True]},
            )


def verdict(database, anchor=None):
    with database.read() as tx:
        return audit.verify(tx, anchor)


def test_an_untouched_chain_verifies(database):
    """Every entry, as stored and read back, hashes to what it says."""
    assert verdict(database).ok
    fill(database)
    found = verdict(database)
    assert (found.ok, found.entries, found.head.seq, found.first_bad) == (True, 5, 5, None)


@pytest.mark.parametrize(
    "change",
    [
        {"at": AT},
        {"actor": "billing"},
        {"action": "cancelled"},
        {"subject": "appointment:a-9"},
        {"detail": {"minutes": 51}},
        {"previous": "f" * 64},
        {"hash": "f" * 64},
        {"seq": 9},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_found(database, change):
    """Whichever column was changed, the first bad entry is the changed one."""
    fill(database)
    with database.write() as tx:
        tx.execute(update(table).where(table.c.seq == 3).values(**change))
    found = verdict(database)
    assert not found.ok
    assert found.first_bad == 3


@pytest.mark.parametrize("seq", [1, 3])
def test_a_removed_entry_is_found(database, seq):
    """A gap breaks the chain where it begins."""
    fill(database)
    with database.write() as tx:
        tx.execute(delete(table).where(table.c.seq == seq))
    assert verdict(database).first_bad == seq


def test_reordered_entries_are_found(database):
    """Two entries that changed places are both in the wrong place."""
    fill(database)
    with database.write() as tx:
        for old, new in ((2, 90), (4, 2), (90, 4)):
            tx.execute(update(table).where(table.c.seq == old).values(seq=new))
    assert verdict(database).first_bad == 2


def test_an_entry_slipped_in_is_found(database):
    """A forged entry with the right number does not continue the chain."""
    fill(database)
    with database.write() as tx:
        row = dict(tx.execute(select(table).where(table.c.seq == 5)).mappings().one())
        tx.execute(insert(table).values({**row, "seq": 6}))
    assert verdict(database).first_bad == 6


def test_a_shortened_chain_is_found_by_its_anchor_only(database):
    """What was cut off at the end leaves a whole chain; the anchor remembers its head."""
    fill(database)
    with database.write() as tx:
        anchor = audit.head(tx)
        tx.execute(delete(table).where(table.c.seq > 3))
    assert verdict(database).ok
    found = verdict(database, anchor)
    assert not found.ok
    assert found.first_bad == 4
    assert "missing" in found.reason


def test_a_chain_told_anew_is_found_by_its_anchor(database):
    """A whole new chain is consistent in itself, and not the one that was anchored."""
    fill(database)
    with database.write() as tx:
        anchor = audit.head(tx)
        tx.execute(delete(table))
    with database.write() as tx:
        for _ in range(7):
            audit.append(tx, at=AT, actor="cli", action="nothing", subject="appointment:a-1")
    assert verdict(database).ok
    assert verdict(database, anchor).first_bad == 5


def test_writers_at_once_make_one_chain(database):
    """Each entry follows the one before it, whoever wrote it."""

    def write():
        for _ in range(10):
            with database.write() as tx:
                audit.append(tx, at=AT, actor="cli", action="booked", subject="appointment:a-1")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verdict(database)
    assert (found.ok, found.entries) == (True, 40)


def test_the_same_moment_in_any_zone_is_the_same_entry(database):
    """The hash is over the instant."""
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    with database.write() as tx:
        audit.append(tx, at=elsewhere, actor="cli", action="booked", subject="appointment:a-1")
        (entry,) = audit.entries(tx)
    assert entry.at == AT
    assert verdict(database).ok


plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)
)
names = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=8
)
documents = st.dictionaries(
    names,
    st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
    ),
    max_size=4,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(detail=documents)
def test_whatever_detail_goes_in_comes_back_and_verifies(database, detail):
    """No database normalises a detail into another hash."""
    with database.write() as tx:
        audit.append(tx, at=AT, actor="cli", action="booked", subject="s", detail=detail)
    with database.read() as tx:
        assert audit.entries(tx, limit=1)[0].detail == detail
    assert verdict(database).ok


@pytest.mark.parametrize(
    "detail", [{"fee": 75.5}, {"x": float("nan")}, {"x": "a\0b"}, {"x": AT}, {"x": [1.0]}]
)
def test_a_detail_that_a_database_would_change_is_refused(database, detail):
    """Fractions, NUL and objects do not come back as they went in."""
    with pytest.raises(BadAuditDetail), database.write() as tx:
        audit.append(tx, at=AT, actor="cli", action="booked", subject="s", detail=detail)
    assert verdict(database).entries == 0


def test_a_text_that_spells_an_escape_is_no_nul(database):
    """Backslash, u and four zeros are six characters."""
    with database.write() as tx:
        audit.append(tx, at=AT, actor="cli", action="booked", subject="s", detail={"x": "\\u0000"})
    assert verdict(database).ok


@pytest.fixture
def anchored(sqlite_database, tmp_path):
    """A database whose audit head is kept in a file."""
    anchor = Anchor(tmp_path / "anchor")
    database = Database.open(f"sqlite:///{sqlite_database.path}", anchor=anchor)
    yield database
    database.close()


def test_the_anchor_follows_every_commit(anchored):
    """After a commit the file holds the head; after a rollback it holds the old one."""
    fill(anchored)
    with anchored.read() as tx:
        assert anchored.anchor.read() == audit.head(tx)
    with suppress(RuntimeError), anchored.write() as tx:
        audit.append(tx, at=AT, actor="cli", action="booked", subject="s")
        raise RuntimeError
    assert anchored.anchor.read().seq == 5


def test_the_anchor_is_for_the_owner_only(anchored):
    """It lies beside the key."""
    fill(anchored)
    assert anchored.anchor.path.stat().st_mode & 0o777 == 0o600


def test_the_anchor_of_a_shortened_chain_stays_as_evidence(anchored):
    """Later entries do not cover the gap up, however long the chain becomes again."""
    fill(anchored)
    kept = anchored.anchor.read()
    with anchored.write() as tx:
        tx.execute(delete(table).where(table.c.seq > 2))
    fill(anchored, entries=9)
    assert anchored.anchor.read() == kept
    assert verdict(anchored).ok
    assert not verdict(anchored, kept).ok


def test_an_anchor_that_lags_behind_is_no_fault(anchored):
    """A crash between commit and anchor leaves it an entry back; the next commit catches up."""
    fill(anchored, entries=1)
    lagging = anchored.anchor.read()
    fill(anchored, entries=2)
    anchored.anchor.keep(lagging)
    assert verdict(anchored, lagging).ok
    fill(anchored, entries=1)
    assert anchored.anchor.read().seq == 4


def test_an_anchor_that_cannot_be_written_stops_nobody(anchored):
    """The transaction is committed all the same."""
    anchored.anchor.path.mkdir()
    (anchored.anchor.path / "in the way").touch()
    fill(anchored)
    assert verdict(anchored).entries == 5


def test_an_anchor_that_holds_no_head_is_named(tmp_path):
    """It is neither taken for empty nor overwritten."""
    path = tmp_path / "anchor"
    path.write_text("5 nonsense")
    with pytest.raises(AnchorUnreadable, match=str(path)):
        Anchor(path).read()


def test_an_empty_chain_has_the_head_zero(database):
    """Number 0 stands for no entry at all."""
    with database.read() as tx:
        assert audit.head(tx) == AuditHead()
        assert audit.contains(tx, AuditHead())
