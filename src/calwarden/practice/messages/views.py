"""What a template can use: the facts of a message in its reader's words, kind by kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from calwarden.domain.appointment import Place
from calwarden.domain.message import MessageKind, Reader
from calwarden.practice.messages import drift_wording
from calwarden.practice.messages.correspondence import Correspondence
from calwarden.practice.messages.wording import Meeting, told_meeting, told_moment, told_span

MOST_LISTED = 12

WITHOUT_TIMES = frozenset(
    {MessageKind.RELINK_NEEDED, MessageKind.PORTAL_MESSAGE, MessageKind.DIGEST}
)

SERVICES = {"caldav": "CalDAV", "google": "Google", "outlook": "Outlook"}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Turns the facts of one message into what its template shows."""

    people: Correspondence
    places: Mapping[Place, str]

    def of(self, kind: MessageKind, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a kind's template."""
        told: list[Any]
        match kind:
            case MessageKind.BOOKED:
                told = facts["appointments"]
                meetings = [self._meeting(one) for one in told[:MOST_LISTED]]
                values: dict[str, Any] = {"meetings": meetings, "more": _beyond(told)}
            case MessageKind.MOVED:
                told = facts["changes"]
                changes = [self._change(one) for one in told[:MOST_LISTED]]
                values = {"changes": changes, "more": _beyond(told)}
            case MessageKind.CANCELLED:
                values = self._cancelled(facts)
            case MessageKind.PROPOSAL:
                told = facts["drifts"]
                drifts = [self._drift(one) for one in told[:MOST_LISTED]]
                values = {"drifts": drifts, "more": _beyond(told)}
            case MessageKind.RELINK_NEEDED:
                service = SERVICES.get(facts["connector"], facts["connector"])
                values = {"calendar": {"name": facts["name"], "service": service}}
            case MessageKind.PORTAL_MESSAGE:
                values = {"meeting": self._meeting(facts["appointment"])}
            case MessageKind.DIGEST:
                values = {"digest": facts, "day": date.fromisoformat(facts["day"])}
            case _:
                values = self._ask(facts)
        return {"zone_told": kind not in WITHOUT_TIMES, **values}

    def _cancelled(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "meeting": self._meeting(facts["appointment"]),
            "by_reader": facts["by"] == self.people.to.reader,
            "reason": facts["reason"],
            "fee": facts["fee"],
            "next": self._maybe(facts["next"]),
        }

    def _ask(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "meeting": self._meeting(facts["appointment"]),
            "deadline": told_moment(facts["deadline"], self.people.zone),
            "reason": facts["reason"],
            "note": facts["note"],
            "next": self._maybe(facts.get("next")),
        }

    def _meeting(self, facts: Mapping[str, Any]) -> Meeting:
        client = self.people.to.reader is Reader.CLIENT
        whom = self.people.provider if client else f"client {facts['client']}"
        return told_meeting(facts, self.people.zone, with_whom=whom, places=self.places)

    def _maybe(self, facts: Mapping[str, Any] | None) -> Meeting | None:
        return None if facts is None else self._meeting(facts)

    def _change(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        was = told_span(facts["before"], self.people.zone)
        return {"meeting": self._meeting(facts["after"]), "was": was}

    def _drift(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        zone, before, wanted = self.people.zone, facts["before"], drift_wording.wanted(facts)
        stands = before is not None and "start" in before
        return {
            "sentence": drift_wording.sentence(facts),
            "put_back": facts["put_back"],
            "meeting": {"time": told_span(before, zone), "detail": ""} if stands else None,
            "wanted": None if wanted is None else told_span(wanted, zone),
            "next": drift_wording.following(facts),
            "button": drift_wording.button(facts),
            "address": facts["address"],
        }


def _beyond(told: Sequence[Any]) -> int:
    return max(0, len(told) - MOST_LISTED)
