"""What a client's pages show, in words and in the zone that they are read in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Self

from calwarden.domain.appointment import Appointment
from calwarden.domain.wall_time import after, in_zone, instant
from calwarden.practice.messages.wording import Meeting, ToldTime
from calwarden.practice.self_service import ClientView
from calwarden.web.services import WebServices

WEEK = timedelta(days=7)
SOONEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One time that is offered: as it is listed, and as it is read."""

    start: str
    time: ToldTime

    @property
    def hour(self) -> str:
        """When it begins: ``2:30 PM``."""
        return ToldTime(start=self.time.start).hours

    @property
    def zone(self) -> str:
        """The zone's letters at that time: ``CST``."""
        return self.time.start.tzname() or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The times of one day. ``zone`` is empty where the clocks change: each time says its own."""

    heading: str
    zone: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picker:
    """One week of the times that are offered. ``earlier`` and ``later`` are weeks that have some.

    A week counts from the first day of the reader on which anything could be offered.
    """

    days: tuple[Day, ...]
    heading: str
    earlier: int | None
    later: int | None

    @classmethod
    def of(cls, view: ClientView, week: int | None, today: date) -> Self:
        """Return the week that is asked for, else the first that has times."""
        weeks: dict[int, list[datetime]] = {}
        for start in view.starts:
            weeks.setdefault((start.date() - today) // WEEK, []).append(start)
        if not weeks:
            return cls(days=(), heading="", earlier=None, later=None)
        shown = week if week in weeks else min(weeks)
        first = today + shown * WEEK
        return cls(
            days=tuple(
                _day([choice(start, view.minutes) for start in starts])
                for _, starts in groupby(weeks[shown], key=datetime.date)
            ),
            heading=f"{_short(first)} to {_short(first + WEEK - timedelta(days=1))}",
            earlier=max((each for each in weeks if each < shown), default=None),
            later=min((each for each in weeks if each > shown), default=None),
        )


def choice(start: datetime, length: timedelta) -> Choice:
    """Return a time as it is offered."""
    return Choice(start=start.isoformat(), time=ToldTime(start=start, end=after(start, length)))


def soonest(view: ClientView) -> list[Choice]:
    """Return the first few times that are offered, each on a day of its own where possible."""
    first_of_days = [next(starts) for _, starts in groupby(view.starts, key=datetime.date)]
    return [choice(start, view.minutes) for start in first_of_days[:SOONEST]]


def told(web: WebServices, view: ClientView, one: Appointment) -> Meeting:
    """Return an appointment in the words and the zone of its reader."""
    return Meeting(
        time=ToldTime(start=in_zone(one.start, view.zone), end=in_zone(one.end, view.zone)),
        with_whom=view.provider.name,
        place=web.house.places[one.place],
    )


def elsewhere(view: ClientView) -> ToldTime | None:
    """Return when the appointment begins by the practice's clocks, where the reader's differ."""
    one = view.appointment
    if in_zone(one.start, view.zone).utcoffset() == one.start.utcoffset():
        return None
    return ToldTime(start=one.start)


def change_until(web: WebServices, view: ClientView) -> ToldTime:
    """Return the last moment at which the client may still change the appointment online."""
    return _moment(instant(view.appointment.start) - web.rules.notice, view.zone)


def answer_until(view: ClientView) -> ToldTime | None:
    """Return when the time to answer an ask ends; None where nothing was asked."""
    return None if view.ask is None else _moment(view.ask.deadline, view.zone)


def _moment(when: datetime, zone: str) -> ToldTime:
    return ToldTime(start=in_zone(when, zone))


def _day(choices: list[Choice]) -> Day:
    zones = {one.zone for one in choices}
    zone = choices[0].zone if len(zones) == 1 else ""
    return Day(heading=choices[0].time.day, zone=zone, choices=tuple(choices))


def _short(day: date) -> str:
    return f"{day:%b} {day.day}"
