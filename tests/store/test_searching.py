"""Selections with conditions that may be left out."""

import pytest
from sqlalchemy import select

from calwarden.store.searching import Search, among, value, values
from calwarden.store.tables import providers

FOUND = Search(
    select(providers).order_by(providers.c.ref),
    ref=providers.c.ref == value("ref"),
    refs=providers.c.ref.in_(values("refs")),
    zone=providers.c.timezone == value("zone"),
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ["dr-lee", "dr-may"]),
        ({"ref": None}, ["dr-lee", "dr-may"]),
        ({"ref": "dr-may"}, ["dr-may"]),
        ({"refs": ["dr-may", "dr-who"]}, ["dr-may"]),
        ({"refs": []}, []),
        ({"ref": "dr-lee", "zone": "America/New_York"}, ["dr-lee"]),
        ({"ref": "dr-lee", "zone": "Europe/Berlin"}, []),
    ],
)
def test_every_condition_that_is_given_holds(peopled, given, found):
    """One that is left out or None holds for every row; nothing is among no values."""
    with peopled.read() as connection:
        assert [row["ref"] for row in FOUND.rows(connection, **given)] == found


def test_the_first_row_for_no_value_is_none_at_all(peopled):
    """Who asks for one thing without naming it is given nothing, not the first of everything."""
    with peopled.read() as connection:
        assert FOUND.first(connection, ref=None) is None
        assert FOUND.first(connection, ref="dr-may") is not None


def test_constants_are_alternatives(peopled):
    """A column is among constants where it has one of them."""
    query = select(providers.c.ref).where(among(providers.c.ref, ["dr-may", "dr-who"]))
    with peopled.read() as connection:
        assert connection.execute(query).scalars().all() == ["dr-may"]
