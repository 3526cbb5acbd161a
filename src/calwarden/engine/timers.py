"""What is done between polls: the clock's own work on the store, touching no calendar."""

from dataclasses import asdict, dataclass

from calwarden.engine.services import Services
from calwarden.practice import series


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What one tick did. ``extended``: appointments that came to be in endless series."""

    extended: int = 0

    def document(self) -> dict[str, int]:
        """Return the counts as JSON."""
        return asdict(self)


def tick(services: Services) -> Ticked:
    """Do once what the daemon does between polls."""
    with services.database.write() as tx:
        extended = series.extend(tx, now=services.clock.now())
    return Ticked(extended=extended)
