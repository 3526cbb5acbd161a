"""What a transaction promises, on both databases."""

from calwarden.domain.practice import Practice
from calwarden.store import people


def test_what_is_written_is_read(database):
    """A committed write is seen by the next read."""
    with database.write() as tx:
        people.save_practice(tx, Practice(name="Harbor", timezone="America/New_York"))
    with database.read() as tx:
        assert people.practice(tx).name == "Harbor"
