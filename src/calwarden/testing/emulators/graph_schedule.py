"""Free and busy times, and the settings of a mailbox (M21, M22)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from calwarden.testing.emulators.graph_asked import Asked
from calwarden.testing.emulators.graph_errors import mistake
from calwarden.testing.emulators.graph_shape import Shape
from calwarden.testing.emulators.graph_state import Account, State
from calwarden.testing.emulators.graph_times import instant, wall

DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}
SHORTEST, LONGEST = 5, 1440
NOBODY = {
    "message": "Unable to resolve e-mail address to an Active Directory object.",
    "responseCode": "ErrorMailRecipientNotFound",
}


class Schedules:
    """Answers requests about busy time and mailbox settings."""

    def __init__(self, state: State, shape: Shape) -> None:
        self.state = state
        self.shape = shape
        self.answers: dict[str, Callable[[Asked], tuple[int, dict[str, Any]]]] = {
            "calendar.getSchedule": self._schedule,
            "settings.get": lambda asked: (200, self._settings(asked.mailbox)),
            "settings.update": self._change,
        }

    def _schedule(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        body = asked.body
        begin, end = (instant(*wall(body.get(name), name)) for name in ("startTime", "endTime"))
        minutes = body.get("availabilityViewInterval", 30)
        if not SHORTEST <= minutes <= LONGEST or end - begin < timedelta(minutes=minutes):
            raise mistake("availabilityViewInterval is 5 to 1440 minutes.", "ErrorInvalidParameter")
        told = [self._of(who, begin, end, minutes) for who in body.get("schedules") or []]
        return 200, {"@odata.context": "$metadata#scheduleInformation", "value": told}

    def _of(self, who: str, begin: datetime, end: datetime, minutes: int) -> dict[str, Any]:
        account = self.state.accounts.get(who.casefold())
        if account is None:
            # an error means unknown, never free
            return {"scheduleId": who, "availabilityView": "", "error": NOBODY}
        items = [
            (item, day)
            for item in self.state.items.values()
            if self.state.calendars[item.calendar].owner == account.email
            for day in ([None] if item.recurrence is None else item.days())
            if item.overlaps(day, begin, end)
        ]
        view, at = "", begin
        while at < end:
            after = at + timedelta(minutes=minutes)
            taken = [
                DIGITS[self.shape.field(item, item.changes.get(day) if day else None, "showAs")]
                for item, day in items
                if item.overlaps(day, at, after)
            ]
            view += max(taken, default="0")
            at = after
        shown = [
            {
                "isPrivate": item.value("sensitivity") == "private",
                "status": self.shape.field(item, item.changes.get(day) if day else None, "showAs"),
                **{
                    name: {
                        "dateTime": f"{instant(local, item.zone).astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
                        ".0000000",
                        "timeZone": "UTC",
                    }
                    for name, local in zip(("start", "end"), item.times(day), strict=True)
                },
            }
            for item, day in items
        ]
        return {"scheduleId": who, "availabilityView": view, "scheduleItems": shown}

    @staticmethod
    def _settings(account: Account) -> dict[str, Any]:
        return {
            "timeZone": account.zone,
            "automaticRepliesSetting": account.automatic_replies or {"status": "disabled"},
        }

    def _change(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        asked.mailbox.automatic_replies = dict(asked.body["automaticRepliesSetting"])
        return 200, self._settings(asked.mailbox)
