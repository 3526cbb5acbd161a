"""A calendar of which only the busy time may be seen.

Spans from `freebusy.query` (wire rules G24, G30).
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from googleapiclient.errors import HttpError

from calwarden.domain.event import EventBody, EventResource, Observed
from calwarden.domain.wall_time import instant
from calwarden.sdk.connector import Window
from calwarden.sdk.errors import CalendarGone, Transient
from calwarden_google.errors import reason_of, translated
from calwarden_google.service import FAULTS, Service

TOO_LONG = "timeRangeTooLong"
SHORTEST = timedelta(days=7)
SPAN = timedelta(days=89)
"""A question about more than 90 days is refused, as users report; slots are offered for 28."""


class FreeBusyLooker:
    """Asks when somebody is busy.

    Every look is complete, and each span is a resource of its own.
    """

    def __init__(self, service: Service, calendar: str, now: Callable[[], datetime]) -> None:
        self._service = service
        self._calendar = calendar
        self._now = now

    def look(self, window: Window) -> dict[str, Observed]:
        """Return the busy spans by their remote ids, which are made of their times.

        As far of the window as one question reaches: from yesterday on, `SPAN` ahead. Yesterday
        begins at midnight, so that looks of one day agree about what was cut there.
        """
        today = instant(self._now()).replace(hour=0, minute=0, second=0, microsecond=0)
        begin = max(instant(window.start), today - timedelta(days=1))
        end = min(instant(window.end), begin + SPAN)
        spans = dict(_span(*span) for span in self._busy(begin, end)) if begin < end else {}
        return {key: _observed(key, body) for key, body in spans.items()}

    def _busy(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        try:
            answer = self._ask(begin, end)
        except HttpError as error:
            if reason_of(error) != TOO_LONG or end - begin <= SHORTEST:
                raise translated(error) from error
            middle = begin + (end - begin) / 2
            yield from self._busy(begin, middle)
            yield from self._busy(middle, end)
            return
        except FAULTS as error:
            raise translated(error) from error
        yield from self._spans(answer)

    def _ask(self, begin: datetime, end: datetime) -> dict[str, Any]:
        body = {
            "timeMin": instant(begin).isoformat(timespec="seconds"),
            "timeMax": instant(end).isoformat(timespec="seconds"),
            "items": [{"id": self._calendar}],
        }
        return self._service.try_send(self._service.resource("freebusy").query(body=body))

    def _spans(self, answer: dict[str, Any]) -> Iterator[tuple[datetime, datetime]]:
        found = (answer.get("calendars") or {}).get(self._calendar)
        reasons = [str(fault.get("reason")) for fault in (found or {}).get("errors") or ()]
        # an error means unknown, never free (G24)
        if "notFound" in reasons:
            raise CalendarGone(
                "Google calendar: its busy time cannot be seen any more; unlink it, or link another"
            )
        if found is None or reasons:
            raise Transient(
                "Google calendar: its busy time is not known just now; it is asked again"
            )
        for span in found.get("busy") or ():
            try:
                yield datetime.fromisoformat(span["start"]), datetime.fromisoformat(span["end"])
            except (KeyError, TypeError, ValueError) as error:
                raise Transient(
                    "Google calendar: a busy time cannot be read; it is asked again"
                ) from error


def _span(start: datetime, end: datetime) -> tuple[str, EventBody]:
    start, end = instant(start), instant(end)
    text = f"{start.isoformat()}/{end.isoformat()}"
    key = f"busy-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    return key, EventBody(start=start, end=end)


def _observed(key: str, body: EventBody) -> Observed:
    return Observed(
        remote_id=key,
        revision=key,
        content=key,
        uid=key,
        resource=EventResource(uid=key, body=body),
    )
