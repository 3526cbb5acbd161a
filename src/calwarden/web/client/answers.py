"""The answers to a client: every page that one link can lead to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import RedirectResponse, Response

from calwarden.domain.appointment import Appointment, Status
from calwarden.domain.ask import reason_text
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import in_zone, instant, same_instant
from calwarden.practice.links import LinkEnded
from calwarden.practice.self_service import ClientView, contact
from calwarden.web.client import view as words
from calwarden.web.client.view import Picker
from calwarden.web.client.zones import choices
from calwarden.web.forms import StaleForm
from calwarden.web.pages import page
from calwarden.web.services import WebServices

MOVE, CANCEL, MOVED = "move", "cancel", "moved"

FOUND, CONFLICT, NOT_FOUND, GONE, SEE_OTHER = 200, 409, 404, 410, 303

TAKEN = "That time is not free any more: somebody else may have just taken it. Nothing was changed."
ITS_OWN = "Your appointment is at that time already."
TOO_OLD = "That page had been open for too long, so nothing was changed. Please look once more."


def closed(web: WebServices, refusal: Refused) -> Response:
    """Answer a link that opens nothing, or nothing any more."""
    ended = isinstance(refusal, LinkEnded)
    title = "This link has ended" if ended else "This link is not valid"
    return page(
        web, "client/closed.html", status=GONE if ended else NOT_FOUND, title=title, ended=ended
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The pages of one link, as things stand at this moment."""

    web: WebServices
    token: str
    view: ClientView

    def standing(self, week: int | None = None, done: str = "") -> Response:
        """Show the appointment, and the times to choose from where it can be changed."""
        return self._standing(FOUND, week=week, moved=self._just_moved(done))

    def taken(self) -> Response:
        """Say that a time is not free any more, with those that are."""
        if self.view.refusal is not None:
            return self._standing(CONFLICT)
        return self._standing(CONFLICT, notice=TAKEN)

    def stale(self, action: str) -> Response:
        """Say that a form was too old to be believed, and show where to go on."""
        if action == CANCEL and self.view.refusal is None:
            return self.confirm_cancelling(status=CONFLICT, notice=TOO_OLD)
        return self._standing(CONFLICT, notice=TOO_OLD)

    def confirm_time(self, wanted: datetime | None) -> Response:
        """Show what a time would change; where it is not offered, those that are."""
        one = self.view.appointment
        if wanted and same_instant(one.start, wanted) and one.status is Status.SCHEDULED:
            return self._standing(FOUND, notice=ITS_OWN)
        offered = [each for each in self.view.starts if wanted and same_instant(each, wanted)]
        if not offered:
            return self.taken()
        chosen = words.choice(offered[0], self.view.minutes)
        return self._page(
            "client/time.html",
            title="Is this time right for you?",
            chosen=chosen,
            form=self._signed(MOVE),
        )

    def confirm_cancelling(self, status: int = FOUND, notice: str = "") -> Response:
        """Offer the two ways of rescheduling, and cancelling below them."""
        if self.view.refusal is not None:
            return self._standing(CONFLICT)
        return self._page(
            "client/cancel.html",
            status=status,
            title="Move it, or cancel it?",
            notice=notice,
            soonest=words.soonest(self.view),
            form=self._signed(CANCEL),
        )

    def check(self, action: str, form: str) -> None:
        """Raise `StaleForm` unless a form is one of this link's, and not too old."""
        subject, now = self.view.appointment.ref, self.web.clock.now()
        limit = self.web.stale_after
        self.web.forms.check(form, action, subject, now=now, stale_after=limit)

    def done(self, after: Appointment) -> Response:
        """Lead on to the page that says what was done: sent again, it does nothing again."""
        told = {}
        if after.status is Status.SCHEDULED:
            told["done"] = self.web.forms.sign(MOVED, _name(after), now=self.web.clock.now())
        return RedirectResponse(self._address(**told), status_code=SEE_OTHER)

    def _standing(
        self, status: int, *, week: int | None = None, moved: bool = False, notice: str = ""
    ) -> Response:
        view = self.view
        today = in_zone(self.web.clock.now(), view.zone).date()
        zones = (view.zone, view.client.timezone, view.appointment.zone)
        return self._page(
            "client/appointment.html",
            status=status,
            title=self._title(moved=moved),
            moved=moved,
            notice=notice,
            picker=Picker.of(view, week, today),
            zones=choices(zones),
            offered_days=self.web.rules.offered.days,
        )

    def _title(self, *, moved: bool) -> str:
        view = self.view
        if moved:
            return "Your appointment has a new time"
        if not view.appointment.status.stands:
            return "Your appointment is cancelled"
        if view.ask is not None and view.refusal is None:
            return "Please choose a new time"
        return "Your appointment"

    def _page(self, template: str, *, title: str, status: int = FOUND, **values: Any) -> Response:
        web, view = self.web, self.view
        one = view.appointment
        return page(
            web,
            template,
            status=status,
            title=title,
            address=self._address,
            here=f"/c/{self.token}",
            view=view,
            meeting=words.told(web, view, one),
            following=None if view.following is None else words.told(web, view, view.following),
            at_practice=words.elsewhere(view),
            until=words.change_until(web, view),
            answer_until=words.answer_until(view),
            reason=None if view.ask is None else reason_text(view.ask.reason),
            fee=view.provider.late_cancellation_fee,
            notice_text=web.rules.notice_text,
            who=contact(view.provider, web.rules),
            **values,
        )

    def _address(self, path: str = "", **query: object) -> str:
        """Return the address of a page of this link; the zone that was chosen goes along."""
        if self.view.zone != self.view.client.timezone:
            query.setdefault("zone", self.view.zone)
        return f"/c/{self.token}{path}" + (f"?{urlencode(query)}" if query else "")

    def _signed(self, action: str) -> str:
        subject = self.view.appointment.ref
        return self.web.forms.sign(action, subject, now=self.web.clock.now())

    def _just_moved(self, done: str) -> bool:
        """Tell whether an address comes from the change that led to how things are."""
        one = self.view.appointment
        now, limit = self.web.clock.now(), self.web.stale_after
        try:
            self.web.forms.check(done, MOVED, _name(one), now=now, stale_after=limit)
        except StaleForm:
            return False
        return one.status is Status.SCHEDULED


def _name(one: Appointment) -> str:
    return f"{one.ref} {instant(one.start).isoformat()}"
