"""Time zones as iCalendar objects name them, turned into IANA zones."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from icalendar import vUTCOffset
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calwarden.domain.wall_time import UnknownZone, zone_named
from calwarden.ical.expansion import rule_days
from calwarden.ical.lines import BadObject, Component
from calwarden.ical.rule import BadRule, parse_rule

MOST_OBSERVANCES = 80
SAMPLED_YEAR = 2026
_COMMON = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Australia/Sydney",
)
_OTHER_NAMES = {"Z": "UTC", "GMT": "UTC", "UTC": "UTC"}


class Zones:
    """The zones of one object.

    Names are looked up, and unknown ones are told by their VTIMEZONE.
    """

    def __init__(self, definitions: Iterable[Component], zone: str) -> None:
        """Take the object's VTIMEZONE components and the ``zone`` preferred among equal ones."""
        self._preferred = zone
        self._definitions = {
            line.text: definition for definition in definitions for line in definition.all("TZID")
        }
        self._found: dict[str, ZoneInfo] = {}

    def named(self, name: str) -> ZoneInfo:
        """Return the zone that ``name`` means here; raises `UnknownZone`."""
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> ZoneInfo:
        found = known_zone(name)
        definition = self._definitions.get(name)
        if found is None and definition is not None:
            found = known_zone(definition.text("X-LIC-LOCATION"))
            found = found or _like(definition, self._preferred)
        if found is None:
            raise UnknownZone("the object names a time zone that is neither known nor defined")
        return found


@lru_cache(maxsize=512)
def known_zone(name: str) -> ZoneInfo | None:
    """Return the zone of an IANA or Windows name, also behind a prefix (RFC 5545 3.2.19)."""
    clean = name.strip().strip('"').strip("/")
    parts = clean.split("/")
    tries = ["/".join(parts[at:]) for at in range(len(parts))] if name.startswith("/") else [clean]
    for each in tries:
        iana = _OTHER_NAMES.get(each.upper()) or WINDOWS_TO_OLSON.get(each, each)
        try:
            return zone_named(iana)
        except UnknownZone:
            continue
    return None


def _like(definition: Component, preferred: str) -> ZoneInfo | None:
    """Return a zone whose offsets are those of ``definition`` throughout `SAMPLED_YEAR`."""
    observances = [*definition.inner("STANDARD"), *definition.inner("DAYLIGHT")]
    if not observances or len(observances) > MOST_OBSERVANCES:
        return None
    try:
        told = _offsets(observances)
    except (BadObject, BadRule, ValueError):
        return None
    for name in (preferred, *_fixed(told), *_candidates()):
        zone = known_zone(name)
        if zone is not None and _sampled(zone) == told:
            return zone
    return None


def _fixed(told: tuple[timedelta, ...]) -> Iterable[str]:
    if len(set(told)) == 1:
        hours, rest = divmod(told[0], timedelta(hours=1))
        if not rest:
            yield "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"


@lru_cache(maxsize=1)
def _candidates() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_COMMON, *WINDOWS_TO_OLSON.values())))


def _samples() -> list[datetime]:
    first = datetime(SAMPLED_YEAR, 1, 1, 12, tzinfo=UTC)
    return [first + timedelta(days=day) for day in range(0, 365, 5)]


@lru_cache(maxsize=512)
def _sampled(zone: ZoneInfo) -> tuple[timedelta, ...]:
    return tuple(moment.astimezone(zone).utcoffset() or timedelta() for moment in _samples())


def _offsets(observances: list[Component]) -> tuple[timedelta, ...]:
    onsets = sorted(onset for observance in observances for onset in _onsets(observance))
    if not onsets:
        raise BadObject("a time zone without beginning")
    offsets, at, current = [], 0, onsets[0][1]
    for moment in _samples():
        while at < len(onsets) and onsets[at][0] <= moment:
            current = onsets[at][2]
            at += 1
        offsets.append(current)
    return tuple(offsets)


def _onsets(observance: Component) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """Yield when the observance begins, with the offsets before and after.

    Near the sampled year.
    """
    before, after = _offset(observance, "TZOFFSETFROM"), _offset(observance, "TZOFFSETTO")
    begin = _begin(observance)
    for day in (begin.date(), *_repeated(observance, begin), *_listed(observance)):
        local = begin.replace(year=day.year, month=day.month, day=day.day)
        yield local - before, before, after


def _offset(observance: Component, name: str) -> timedelta:
    offset: timedelta = vUTCOffset.from_ical(observance.text(name))
    return offset


def _begin(observance: Component) -> datetime:
    return datetime.fromisoformat(observance.text("DTSTART")[:15]).replace(tzinfo=UTC)


def _repeated(observance: Component, begin: datetime) -> Iterator[date]:
    rule = observance.first("RRULE")
    if rule is None:
        return
    parsed, end = parse_rule(rule.value, begin)
    last = date(SAMPLED_YEAR, 12, 31)
    if end.until is not None:
        last = min(last, end.until.date() if isinstance(end.until, datetime) else end.until)
    near = date(max(begin.year, SAMPLED_YEAR - 2), 1, 1)
    yield from takewhile(lambda day: day <= last, rule_days(parsed, begin.date(), near))


def _listed(observance: Component) -> Iterator[date]:
    for line in observance.all("RDATE"):
        for text in line.value.split(","):
            yield date.fromisoformat(text[:8])
