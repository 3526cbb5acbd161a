"""Zone definitions that we write say what the zone database says."""

from datetime import timedelta
from zoneinfo import available_timezones

import pytest
from icalendar import Timezone

from calwarden.domain.wall_time import parse_local, zone_named
from calwarden.ical.zone_definitions import zone_definition
from calwarden.ical.zones import Zones, known_zone

ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",
    "Asia/Kolkata",
    "UTC",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Pacific/Apia",
    "America/Sao_Paulo",
]


@pytest.mark.parametrize("name", ZONES)
def test_a_definition_has_the_offsets_of_its_zone(name):
    """Another reader of the definition finds the same offset on every day of five years."""
    definition = zone_definition(name, 2026)
    told = Timezone.from_ical(definition.bytes()).to_tz(lookup_tzid=False)
    moment = parse_local("2026-01-01T12:00", "UTC")
    for day in range(5 * 365):
        wall = (moment + timedelta(days=day)).replace(tzinfo=None)
        expected = wall.replace(tzinfo=zone_named(name)).utcoffset()
        assert wall.replace(tzinfo=told).utcoffset() == expected, wall


@pytest.mark.parametrize("name", ZONES)
def test_a_definition_under_another_name_is_recognised(name):
    """A zone that is only defined is taken for one with the same offsets, the preferred first."""
    definition = zone_definition(name, 2026).copied()
    definition.put("TZID", ["TZID:Whatever"])
    assert Zones([definition], name).named("Whatever") == zone_named(name)


def test_every_zone_has_a_small_definition():
    """No zone of the database is refused, and none takes more than a few kilobytes."""
    for name in sorted(available_timezones())[::23]:
        assert len(zone_definition(name, 2026).bytes()) < 4_000, name


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", "/", "x" * 5_000, "\x00"])
def test_a_name_is_no_path(name):
    """Names that are no zones are unknown, whatever they look like."""
    assert known_zone(name) is None
