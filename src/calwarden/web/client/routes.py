"""The routes of a client's pages. Looking changes nothing, however often and by whatever program.

Every change is a form that was signed for this link, and is done once however often it is sent.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from sqlalchemy import Connection

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import same_instant
from calwarden.practice import self_service
from calwarden.practice.links import BadLink, LinkEnded
from calwarden.web.client.answers import CANCEL, MOVE, Answers, closed
from calwarden.web.client.zones import known_zone
from calwarden.web.forms import StaleForm
from calwarden.web.services import Web, WebServices

router = APIRouter(prefix="/c/{token}")
READ = ["GET", "HEAD"]

Zone = Annotated[str, Query(max_length=100)]
Signed = Annotated[str, Form(max_length=1000)]
Start = Annotated[str, Form(max_length=50)]
FormZone = Annotated[str, Form(max_length=100)]
Act = Callable[[Answers, Connection, datetime], Appointment]


@router.api_route("", methods=READ)
def see(web: Web, token: str, zone: Zone = "", week: int | None = None, done: str = "") -> Response:
    """Show the appointment as it stands, and the times to choose from."""
    return _looking(web, token, zone, lambda answers: answers.standing(week, done))


@router.api_route("/time", methods=READ)
def consider(web: Web, token: str, start: str = "", zone: Zone = "") -> Response:
    """Show what choosing a time would do."""
    return _looking(web, token, zone, lambda answers: answers.confirm_time(_moment(start)))


@router.post("/time")
def move(web: Web, token: str, form: Signed, start: Start, zone: FormZone = "") -> Response:
    """Move the appointment to a time that is still free."""

    def act(answers: Answers, tx: Connection, now: datetime) -> Appointment:
        one, wanted = answers.view.appointment, _moment(start)
        if one.status is Status.SCHEDULED and wanted and same_instant(one.start, wanted):
            return one  # sent twice: it is done
        return self_service.pick(tx, token, start, links=web.links, rules=web.rules, now=now)

    return _changing(web, token, zone, (MOVE, form), act)


@router.api_route("/cancel", methods=READ)
def reconsider(web: Web, token: str, zone: Zone = "") -> Response:
    """Show the two ways of rescheduling, and below them how to cancel."""
    return _looking(web, token, zone, Answers.confirm_cancelling)


@router.post("/cancel")
def cancel(web: Web, token: str, form: Signed, zone: FormZone = "") -> Response:
    """Cancel the appointment."""

    def act(answers: Answers, tx: Connection, now: datetime) -> Appointment:
        one = answers.view.appointment
        if not one.status.stands:
            return one  # sent twice: it is done
        return self_service.cancel(tx, token, links=web.links, rules=web.rules, now=now)

    return _changing(web, token, zone, (CANCEL, form), act)


def _looking(
    web: WebServices, token: str, zone: str, answer: Callable[[Answers], Response]
) -> Response:
    try:
        with web.database.read() as connection:
            answers = _opened(web, connection, token, zone)
    except (BadLink, LinkEnded) as refusal:
        return closed(web, refusal)
    return answer(answers)


def _changing(
    web: WebServices, token: str, zone: str, signed: tuple[str, str], act: Act
) -> Response:
    """Do what a form asks for, else show the pages as they are now, with why it was not done."""
    try:
        with web.database.write() as tx:
            answers = _opened(web, tx, token, zone)
            answers.check(*signed)
            after = act(answers, tx, web.clock.now())
    except (BadLink, LinkEnded) as refusal:
        return closed(web, refusal)
    except StaleForm:
        action, _ = signed
        return _looking(web, token, zone, lambda answers: answers.stale(action))
    except (Refused, ValueError):
        return _looking(web, token, zone, Answers.taken)
    return answers.done(after)


def _opened(web: WebServices, connection: Connection, token: str, zone: str) -> Answers:
    view = self_service.look(
        connection,
        token,
        links=web.links,
        rules=web.rules,
        now=web.clock.now(),
        zone=known_zone(zone),
    )
    return Answers(web=web, token=token, view=view)


def _moment(text: str) -> datetime | None:
    """Return a start as it was listed; None for anything else that an address may hold."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found
