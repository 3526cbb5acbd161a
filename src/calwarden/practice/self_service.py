"""What a client does through a signed link: see the appointment, pick a new time, cancel.

The client's notice binds both, to the second, in elapsed time. It does not bind the answer to an
ask, which is possible until the deadline.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.ask import Ask, AskStatus, answerable
from calwarden.domain.message import Reader
from calwarden.domain.practice import Client, Provider
from calwarden.domain.refusal import Refused
from calwarden.domain.rules import Rules
from calwarden.domain.wall_time import BadLocalTime, in_zone, instant, same_instant
from calwarden.practice import appointments as documents
from calwarden.practice import availability, cancelling
from calwarden.practice.appointments import started
from calwarden.practice.asks import document as ask_document
from calwarden.practice.availability import Wanted
from calwarden.practice.cancelling import Cancellation
from calwarden.practice.conflicts import demand_free
from calwarden.practice.links import LinkEnded, Links
from calwarden.practice.messages.facts import following
from calwarden.practice.rescheduling import move, stored_start
from calwarden.store import appointments, asks, people

CLIENT_CANCELLED = "cancelled by the client"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """An appointment as its client may see it at one moment.

    ``refusal``: why it cannot be changed online; None where it can. ``too_late``: that is so for
    the notice alone. ``starts``: the times to choose from, in ``zone``. ``following``: the client's
    next appointment with that provider.
    """

    appointment: Appointment
    client: Client
    provider: Provider
    ask: Ask | None
    refusal: Refused | None
    too_late: bool
    zone: str
    starts: tuple[datetime, ...]
    following: Appointment | None

    @property
    def minutes(self) -> timedelta:
        """How long the meeting is."""
        return timedelta(minutes=self.appointment.minutes)


def look(
    connection: Connection,
    token: str,
    *,
    links: Links,
    rules: Rules,
    now: datetime,
    zone: str | None = None,
) -> ClientView:
    """Return the appointment of a link and the times to choose from.

    They are told in ``zone``, else in the client's own. There are none where the client cannot
    change it online any more. Raises `BadLink`, `LinkEnded`.
    """
    one = _opened(connection, token, links, now)
    provider = people.get_provider(connection, one.provider)
    client = people.get_client(connection, one.client)
    asked = asks.standing(connection, one.ref)
    refusal = _refusal(one, asked, provider, rules, now)
    starts: list[datetime] = []
    if refusal is None:
        wanted = _wanted(one, asked, zone or client.timezone)
        starts = availability.starts(connection, wanted, rules=rules, now=now)
    return ClientView(
        appointment=one,
        client=client,
        provider=provider,
        ask=asked,
        refusal=refusal,
        too_late=refusal is not None and asked is None and one.status is Status.SCHEDULED,
        zone=zone or client.timezone,
        starts=tuple(each for each in starts if not same_instant(each, one.start)),
        following=following(connection, one, now=now),
    )


def show(
    connection: Connection, token: str, *, links: Links, rules: Rules, now: datetime
) -> dict[str, Any]:
    """Return what `look` does as a document."""
    view = look(connection, token, links=links, rules=rules, now=now)
    asked = view.ask
    return {
        "appointment": documents.document(view.appointment),
        "slots": [availability.document(start, view.minutes) for start in view.starts],
        "ask": None if asked is None else ask_document(connection, asked, rules=rules, now=now),
        "late_cancellation_fee": view.provider.late_cancellation_fee,
        "contact": contact(view.provider, rules),
    }


def pick(
    tx: Connection, token: str, start: str, *, links: Links, rules: Rules, now: datetime
) -> Appointment:
    """Move the appointment of a link to a time that is offered at this very moment.

    ``start`` is as listed. Both people are told. Raises `Refused`, `BadLocalTime`.
    """
    one = _opened(tx, token, links, now)
    provider = people.get_provider(tx, one.provider)
    asked = asks.standing(tx, one.ref)
    refusal = _refusal(one, asked, provider, rules, now)
    if refusal is not None:
        raise refusal
    wanted = _listed(start)
    zone = people.get_client(tx, one.client).timezone
    offered = availability.starts(tx, _wanted(one, asked, zone), rules=rules, now=now)
    if same_instant(wanted, one.start) or not any(same_instant(wanted, each) for each in offered):
        raise Refused(
            f"{start} is not free, or not any more",
            next_step="look again and choose one of the times that are offered now",
        )
    after = replace(one, start=stored_start(wanted, one.zone), status=Status.SCHEDULED)
    demand_free(tx, [after], ignoring={one.ref})
    move(tx, one, after, AskStatus.ANSWERED, now=now, actor=f"client:{one.client}")
    return after


def cancel(tx: Connection, token: str, *, links: Links, rules: Rules, now: datetime) -> Appointment:
    """Cancel the appointment of a link, without a fee; both people are told. Raises `Refused`."""
    one = _opened(tx, token, links, now)
    provider = people.get_provider(tx, one.provider)
    asked = asks.standing(tx, one.ref)
    refusal = _refusal(one, asked, provider, rules, now)
    if refusal is not None:
        raise refusal
    wanted = Cancellation(reason=CLIENT_CANCELLED, by=Reader.CLIENT)
    actor = f"client:{one.client}"
    return cancelling.cancel(tx, one.ref, wanted, rules=rules, now=now, actor=actor)


def contact(provider: Provider, rules: Rules) -> str:
    """Return how a client reaches somebody: the practice, else the provider."""
    return rules.contact or ", ".join(part for part in (provider.name, provider.email) if part)


def _opened(connection: Connection, token: str, links: Links, now: datetime) -> Appointment:
    one = appointments.find(connection, links.ref_of(token))
    if one is None or started(one, now):
        raise LinkEnded(
            "this link is no longer valid: it ends when the appointment starts",
            next_step="contact the practice",
        )
    return one


def _refusal(
    one: Appointment, asked: Ask | None, provider: Provider, rules: Rules, now: datetime
) -> Refused | None:
    """Return why the client cannot change the appointment online; None where that is possible."""
    who = contact(provider, rules)
    if asked is not None:
        if answerable(asked, one.start, now, rules.patience):
            return None
        return Refused("the time to choose another one is over", next_step=f"please contact {who}")
    if one.status is not Status.SCHEDULED:
        return Refused(
            f"the appointment is {one.status.value.replace('_', ' ')}",
            next_step=f"to arrange a new one, please contact {who}",
        )
    if not rules.late(one.start, now):
        return None
    fee = provider.late_cancellation_fee
    costs = f"a late cancellation costs {fee}" if fee else "no late-cancellation fee is set"
    return Refused(
        f"it is less than {rules.notice_text} to the appointment, so it cannot be changed online",
        next_step=f"please contact {who}; {costs}",
    )


def _wanted(one: Appointment, asked: Ask | None, zone: str) -> Wanted:
    """Return what is looked for: another time, and where the provider asked, wholly another."""
    return Wanted(
        provider=one.provider,
        minutes=one.minutes,
        zone=zone,
        kept_in=one.zone,
        ignoring=() if asked is not None else (one.ref,),
    )


def _listed(start: str) -> datetime:
    try:
        found = datetime.fromisoformat(start.strip())
    except ValueError as error:
        raise BadLocalTime(f"{start!r} is not a time as it was listed") from error
    if found.tzinfo is None:
        raise BadLocalTime(f"{start!r} lacks its offset; give a start exactly as it was listed")
    return in_zone(instant(found), "UTC")
