"""The practice of the demonstration: three providers, twelve clients, appointments, claims.

Everything is told relative to now, so that the story holds on whatever day it is played.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from calwarden.domain.wall_time import after, in_zone, local_text, parse_local, zone_named

PRACTICE_ZONE = "America/New_York"
ZONES = {
    "dr-okafor": "America/New_York",
    "dr-reyes": "America/Los_Angeles",
    "dr-whitby": "Europe/London",
}
NAMES = {"dr-okafor": "Ada Okafor", "dr-reyes": "Marisol Reyes", "dr-whitby": "Tom Whitby"}
CLIENTS = (
    ("Amara Lind", "America/New_York"),
    ("Ben Castellanos", "America/New_York"),
    ("Chiara Doyle", "America/Chicago"),
    ("Dmitri Falk", "America/New_York"),
    ("Esi Marlow", "America/Los_Angeles"),
    ("Felix Arden", "America/Los_Angeles"),
    ("Grace Nakata", "America/Denver"),
    ("Hugo Bellamy", "America/Los_Angeles"),
    ("Ines Corbin", "Europe/London"),
    ("Jonas Whitlock", "Europe/London"),
    ("Keira Sandoval", "Europe/Lisbon"),
    ("Liam Petrov", "Europe/London"),
)
WORKING_DAY = ["08:00-12:00", "13:00-18:00"]
WEEKS_BEHIND_CHANGE = 2
WEEKEND = 5
LONGEST_SERIES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One line of the seed: an appointment, or a weekly series where ``weeks`` is set."""

    ref: str
    provider: str
    client: int
    day: int
    hour: int
    minutes: int = 50
    type: str = "follow_up"
    place: str = "office"
    weekly: bool = False
    claim: str | None = None


MEETINGS = (
    Meeting(ref="a-1", provider="dr-okafor", client=1, day=2, hour=10, claim="ready"),
    Meeting(ref="a-2", provider="dr-okafor", client=2, day=3, hour=14, type="intake"),
    Meeting(ref="s-1", provider="dr-okafor", client=3, day=4, hour=9, weekly=True, claim="draft"),
    Meeting(ref="a-3", provider="dr-okafor", client=4, day=5, hour=16, place="telehealth"),
    Meeting(ref="a-4", provider="dr-reyes", client=5, day=2, hour=9, claim="ready"),
    Meeting(
        ref="s-2", provider="dr-reyes", client=6, day=3, hour=11, weekly=True, place="telehealth"
    ),
    Meeting(ref="a-5", provider="dr-reyes", client=7, day=4, hour=15, place="telehealth"),
    Meeting(ref="a-6", provider="dr-reyes", client=8, day=6, hour=13),
    Meeting(ref="a-7", provider="dr-whitby", client=9, day=2, hour=11, claim="ready"),
    Meeting(ref="s-3", provider="dr-whitby", client=10, day=3, hour=9, weekly=True),
    Meeting(ref="a-8", provider="dr-whitby", client=11, day=5, hour=10, place="telehealth"),
    Meeting(ref="a-9", provider="dr-whitby", client=12, day=6, hour=15),
)
UNDER_WAY = Meeting(ref="a-10", provider="dr-okafor", client=1, day=0, hour=0, claim="ready")
STARTED_AGO = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """The practice file of the demonstration, and when each meeting (or series) begins."""

    document: Mapping[str, Any]
    starts: Mapping[str, datetime]
    clock_change: date


def seed(now: datetime) -> Seed:
    """Make the practice file as of ``now``."""
    change = next_clock_change(in_zone(now, PRACTICE_ZONE))
    starts = {meeting.ref: _start(meeting, now) for meeting in MEETINGS}
    begun = in_zone(now - STARTED_AGO, ZONES[UNDER_WAY.provider])
    begun = begun.replace(minute=begun.minute - begun.minute % 5, second=0, microsecond=0)
    # the books keep wall time: of an hour that comes twice, the first
    starts[UNDER_WAY.ref] = parse_local(local_text(begun), ZONES[UNDER_WAY.provider])
    meetings = (*MEETINGS, UNDER_WAY)
    return Seed(
        clock_change=change,
        starts=starts,
        document={
            "practice": {"name": "Harbor Street Practice", "timezone": PRACTICE_ZONE},
            "payers": [{"ref": "ACME", "name": "Acme Health", "filing_limit_days": 90}],
            "providers": [_provider(ref) for ref in ZONES],
            "clients": [_client(number) for number in range(1, len(CLIENTS) + 1)],
            "appointments": [
                _appointment(meeting, starts[meeting.ref], change) for meeting in meetings
            ],
            "claims": [_claim(meeting) for meeting in meetings if meeting.claim],
        },
    )


def next_clock_change(now: datetime) -> date:
    """Return the next date on which the clocks of the zone change, else half a year on."""
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0, fold=0)
    for days in range(1, LONGEST_SERIES * 7):
        later = noon + timedelta(days=days)
        if later.utcoffset() != noon.utcoffset():
            return later.date()
    return (noon + timedelta(weeks=26)).date()


def workday(today: date, number: int) -> date:
    """Return the ``number``-th day from Monday to Friday behind ``today``."""
    day = today
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < WEEKEND
    return day


def _start(meeting: Meeting, now: datetime) -> datetime:
    zone = ZONES[meeting.provider]
    day = workday(in_zone(now, zone).date(), meeting.day)
    return datetime(day.year, day.month, day.day, meeting.hour, tzinfo=zone_named(zone))


def _provider(ref: str) -> dict[str, Any]:
    return {
        "ref": ref,
        "name": NAMES[ref],
        "email": f"{ref}@harbor-street.example",
        "timezone": ZONES[ref],
        "place_of_service_timezone": ZONES[ref],
        "late_cancellation_fee": "75.00",
        "working_hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), WORKING_DAY),
    }


def _client(number: int) -> dict[str, Any]:
    name, zone = CLIENTS[number - 1]
    return {
        "ref": f"c-{100 + number}",
        "name": name,
        "email": f"{name.split()[0].lower()}@client.example",
        "timezone": zone,
    }


def _appointment(meeting: Meeting, start: datetime, change: date) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ref": meeting.ref,
        "provider": meeting.provider,
        "client": f"c-{100 + meeting.client}",
        "type": meeting.type,
        "place": meeting.place,
        "start": local_text(start)[:16],
        "timezone": ZONES[meeting.provider],
        "minutes": meeting.minutes,
    }
    if meeting.weekly:
        weeks = max((change - start.date()).days // 7, 1) + 1 + WEEKS_BEHIND_CHANGE
        document["repeat"] = {"every_weeks": 1, "count": weeks}
    return document


def _claim(meeting: Meeting) -> dict[str, Any]:
    return {
        "ref": f"cl-{meeting.ref}",
        "appointment": f"{meeting.ref}#1" if meeting.weekly else meeting.ref,
        "payer": "ACME",
        "status": meeting.claim,
        "procedure_code": "90834",
        "documented_minutes": meeting.minutes,
    }


def week(start: datetime, number: int) -> datetime:
    """Return the start of the ``number``-th meeting of a weekly series that begins at ``start``."""
    return start.replace(fold=0) + timedelta(weeks=number - 1)


def shift(start: datetime, *, days: int = 0, hours: int = 0) -> datetime:
    """Return a time some days later by the wall clock and some hours later by elapsed time."""
    return after(start.replace(fold=0) + timedelta(days=days), timedelta(hours=hours))
