"""People that rows refer to."""

import pytest

from calwarden.domain.practice import Client, Payer, Practice, Provider, parse_working_hours
from calwarden.store import people

NEW_YORK = "America/New_York"


@pytest.fixture
def peopled(database):
    """A database with a practice, two providers, a client and a payer."""
    hours = parse_working_hours({"mon": ["09:00-12:00", "13:00-24:00"], "sun": ["00:00-24:00"]})
    with database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor", timezone=NEW_YORK))
        for ref in ("dr-lee", "dr-may"):
            people.save_provider(
                tx,
                Provider(
                    ref=ref,
                    name="Dana Lee",
                    timezone=NEW_YORK,
                    place_of_service_timezone="America/Chicago",
                    late_cancellation_fee="75.00",
                    buffer_minutes=10,
                    working_hours=hours,
                    details={"npi": "1234567893"},
                ),
            )
        people.save_client(tx, Client(ref="c-1", name="Sam Rivera", timezone="Europe/Berlin"))
        people.save_payer(tx, Payer(ref="ACME", name="Acme", filing_limit_days=90))
    return database
