"""The answers to a provider: what one proposal shows at this moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi.responses import Response

from calwarden.domain.ask import REASONS
from calwarden.domain.drift import DriftStatus
from calwarden.domain.refusal import Refused
from calwarden.domain.wall_time import BadLocalTime, in_zone
from calwarden.practice.messages.drift_wording import DONE
from calwarden.practice.messages.wording import ToldTime
from calwarden.practice.proposal_form import ProposalView
from calwarden.web.forms import StaleForm
from calwarden.web.pages import page
from calwarden.web.services import WebServices

RESCHEDULE, ASK, CANCEL = "reschedule", "ask", "cancel"
FOUND, CONFLICT = 200, 409

TOO_OLD = "That page had been open for too long, so nothing was changed. Please look once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The page of one proposal's link."""

    web: WebServices
    token: str
    view: ProposalView

    def standing(self, status: int = FOUND, notice: str = "") -> Response:
        """Show what was done in the calendar, what became of it, and how to do it properly."""
        view, one = self.view, self.view.appointment
        return page(
            self.web,
            "portal/proposal.html",
            status=status,
            title=f"{DONE[view.drift.kind]} in your calendar",
            notice=notice,
            here=f"/p/{self.token}",
            view=view,
            put_back=view.drift.status is DriftStatus.REVERTED,
            waits=view.drift.status is DriftStatus.OPEN,
            stood=self._span(view.drift.before),
            shown=self._span(view.drift.after),
            now_at=None if one is None else ToldTime(start=one.start, end=one.end),
            place=None if one is None else self.web.house.places[one.place],
            answer_until=self._moment(None if view.ask is None else view.ask.deadline),
            reasons=REASONS,
            forms={name: self._signed(name) for name in (RESCHEDULE, ASK, CANCEL)},
        )

    def refused(self, refusal: Exception) -> Response:
        """Say why something was not done; the page stands as it is now."""
        return self.standing(CONFLICT, notice=_told(refusal))

    def check(self, action: str, form: str) -> None:
        """Raise `StaleForm` unless a form is one of this link's, and not too old."""
        now, limit = self.web.clock.now(), self.web.stale_after
        self.web.forms.check(form, action, self._subject, now=now, stale_after=limit)

    @property
    def _subject(self) -> str:
        """The drift, and how its appointment stands: a form that was sent is not sent again."""
        one = self.view.appointment
        stands = "" if one is None else f"{one.ref} {one.status} {one.start.isoformat()}"
        return f"{self.view.drift.id} {stands}"

    def _signed(self, action: str) -> str:
        return self.web.forms.sign(action, self._subject, now=self.web.clock.now())

    def _span(self, document: Any) -> ToldTime | None:
        if document is None or "start" not in document:
            return None
        start, end = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
        zone = self._zone
        return ToldTime(start=in_zone(start, zone), end=in_zone(end, zone))

    def _moment(self, when: datetime | None) -> ToldTime | None:
        return None if when is None else ToldTime(start=in_zone(when, self._zone))

    @property
    def _zone(self) -> str:
        one = self.view.appointment
        return self.view.provider.timezone if one is None else one.zone


def _told(refusal: Exception) -> str:
    if isinstance(refusal, StaleForm):
        return TOO_OLD
    if isinstance(refusal, BadLocalTime):
        return f"That is no time that can be kept: {refusal}. Nothing was changed."
    if isinstance(refusal, Refused):
        return f"That was not done: {refusal.rule}."
    return "That was not understood, and nothing was changed."
