"""How a resource stands once a write has landed: what `Call.expected` of its last call says."""

from dataclasses import replace

from calwarden.domain.event import EventBody, EventResource
from calwarden.sdk.connector import Write


def landed(write: Write) -> EventResource | None:
    """Return the content that ``write`` brings about; None for a removal.

    Descriptions and the like are people's own and survive, so they stand as the look saw them.
    """
    if write.event is None:
        return None
    wanted, base = write.event.resource, write.base
    if base is None:
        return wanted
    return replace(
        wanted,
        body=_with_details(wanted.body, base.body),
        overrides={
            slot: _with_details(body, base.overrides.get(slot, base.body))
            for slot, body in wanted.overrides.items()
        },
    )


def _with_details(body: EventBody, stood: EventBody) -> EventBody:
    return replace(body, details=stood.details)
