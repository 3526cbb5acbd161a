"""The routes of a proposal's form. Looking changes nothing, however often it is done."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from calwarden.domain.refusal import Refused
from calwarden.practice import proposal_form
from calwarden.practice.asks import Request
from calwarden.practice.links import BadLink, LinkEnded
from calwarden.practice.proposal_form import ProposalView, Wanted
from calwarden.store.errors import NotFound
from calwarden.web.client.answers import closed
from calwarden.web.forms import StaleForm
from calwarden.web.portal.answers import ASK, CANCEL, RESCHEDULE, Proposal
from calwarden.web.services import Web, WebServices

router = APIRouter(prefix="/p/{token}")
READ = ["GET", "HEAD"]

Signed = Annotated[str, Form(max_length=1000)]
Short = Annotated[str, Form(max_length=50)]
Text = Annotated[str, Form(max_length=2000)]
Act = Callable[[Connection, ProposalView, datetime], None]


@router.api_route("", methods=READ)
def see(web: Web, token: str) -> Response:
    """Show what was done in the calendar, and the forms that do it properly."""
    try:
        with web.database.read() as connection:
            view = _view(web, connection, token)
    except (BadLink, LinkEnded, NotFound) as refusal:
        return _closed(web, refusal)
    return Proposal(web=web, token=token, view=view).standing()


@router.post("/reschedule")
def reschedule(
    web: Web,
    token: str,
    form: Signed,
    day: Short,
    time: Short,
    minutes: Annotated[int, Form(ge=1, le=1440)],
    scope: Short = "this",
) -> Response:
    """Move the appointment, as it was agreed with the client."""
    wanted = Wanted(start=f"{day}T{time}", minutes=minutes, following=scope == "following")

    def act(tx: Connection, view: ProposalView, now: datetime) -> None:
        proposal_form.reschedule(tx, view, wanted, now=now)

    return _changing(web, token, (RESCHEDULE, form), act)


@router.post("/ask")
def ask(
    web: Web, token: str, form: Signed, reason: Short, note: Text = "", block: Short = ""
) -> Response:
    """Ask the client to choose another time."""
    request = Request(reason=reason, note=note.strip() or None, block=bool(block))

    def act(tx: Connection, view: ProposalView, now: datetime) -> None:
        proposal_form.ask(tx, view, request, rules=web.rules, now=now)

    return _changing(web, token, (ASK, form), act)


@router.post("/cancel")
def cancel(web: Web, token: str, form: Signed, reason: Text) -> Response:
    """Cancel the appointment, without a fee."""

    def act(tx: Connection, view: ProposalView, now: datetime) -> None:
        proposal_form.cancel(tx, view, reason, rules=web.rules, now=now)

    return _changing(web, token, (CANCEL, form), act)


def _changing(web: WebServices, token: str, signed: tuple[str, str], act: Act) -> Response:
    """Do what a form asks for, else show the page as it is now, with why it was not done."""
    try:
        with web.database.write() as tx:
            view = _view(web, tx, token)
            Proposal(web=web, token=token, view=view).check(*signed)
            act(tx, view, web.clock.now())
    except (BadLink, LinkEnded, NotFound) as refusal:
        return _closed(web, refusal)
    except (Refused, StaleForm, ValueError) as refusal:
        with web.database.read() as connection:
            view = _view(web, connection, token)
        return Proposal(web=web, token=token, view=view).refused(refusal)
    return RedirectResponse(f"/p/{token}", status_code=303)


def _view(web: WebServices, connection: Connection, token: str) -> ProposalView:
    now = web.clock.now()
    return proposal_form.look(connection, token, links=web.links, rules=web.rules, now=now)


def _closed(web: WebServices, refusal: BadLink | LinkEnded | NotFound) -> Response:
    if isinstance(refusal, NotFound):
        refusal = BadLink("this link is not valid", next_step="use the link of the last message")
    return closed(web, refusal)
