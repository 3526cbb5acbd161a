"""No time is given to two clients, however many ask for it at the same moment."""

import threading

from calwarden.domain.appointment import Status
from calwarden.domain.refusal import Refused
from calwarden.practice import booking, self_service
from calwarden.practice.booking import Booking
from calwarden.store import appointments

CLIENTS = 8
START = "2026-12-11T13:30:00-05:00"


def together(*acts):
    """Run acts in threads that begin at one moment; returns what each came to."""
    gate, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        gate.wait()
        try:
            results[place] = act()
        except Refused as refusal:
            results[place] = refusal

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_clients_who_pick_one_time_exactly_one_gets_it(any_office):
    """In concurrent transactions, on SQLite and PostgreSQL; the others keep their own times."""
    hours = (9, 10, 11, 13, 14, 15, 16)
    refs = [f"a-{number}" for number in range(CLIENTS)]
    for number, ref in enumerate(refs):
        any_office.book(ref, f"2026-12-{12 + number // 7}T{hours[number % 7]:02}:00")
    tokens = [any_office.token(ref) for ref in refs]

    def pick(token):
        with any_office.database.write() as tx:
            return self_service.pick(
                tx,
                token,
                START,
                links=any_office.links,
                rules=any_office.rules,
                now=any_office.now,
            )

    results = together(*(lambda token=token: pick(token) for token in tokens))
    won = [one for one in results if not isinstance(one, Refused)]
    assert len(won) == 1
    assert all("not free" in str(one) for one in results if isinstance(one, Refused))
    standing = any_office.read(appointments.search, statuses=[Status.SCHEDULED])
    assert [one.ref for one in standing if one.start.isoformat() == START] == [won[0].ref]
    assert any_office.audit_holds()


def test_a_booking_and_a_pick_of_the_same_time_cannot_both_succeed(any_office):
    """Whoever comes first; the practice's own booking is no exception."""
    any_office.book("a-1", "2026-12-12T09:00")
    token = any_office.token("a-1")

    def pick():
        with any_office.database.write() as tx:
            named = {"links": any_office.links, "rules": any_office.rules}
            return self_service.pick(tx, token, START, now=any_office.now, **named)

    def book():
        wanted = Booking(
            ref="a-2", provider="dr-lee", client="c-2", start="2026-12-11T13:00", minutes=50
        )
        with any_office.database.write() as tx:
            return booking.book(tx, wanted, now=any_office.now, actor="test")

    results = together(pick, book)
    assert sum(isinstance(one, Refused) for one in results) == 1
