"""Importing out-of-office blocks."""

from typing import Any

from calwarden.domain.appointment import OutOfOffice
from calwarden.domain.wall_time import instant, local_text, parse_local, zone_name
from calwarden.practice.interchange.reading import Kind
from calwarden.practice.interchange.session import RowRefused, Session, Values
from calwarden.practice.out_of_office import store
from calwarden.store import out_of_office, people


def put_block(session: Session, ref: str, values: Values) -> None:
    """Add or change a block; one that was removed here stays removed."""
    if "provider" in values:
        provider = people.find_provider(session.tx, values["provider"])
        session.demand(Kind.PROVIDER, values["provider"], provider, field="provider")
    known = out_of_office.find(session.tx, ref)
    if known is not None:
        _change(session, known, values)
    elif session.last_imported(Kind.OUT_OF_OFFICE, ref) is not None:
        session.conflicts.append(
            {
                "kind": Kind.OUT_OF_OFFICE.value,
                "ref": ref,
                "field": "removed",
                "kept": True,
                "imported": False,
            }
        )
    else:
        _add(session, ref, values)


def _add(session: Session, ref: str, values: Values) -> None:
    for field in ("provider", "start", "end"):
        if field not in values:
            raise RowRefused(f"the {field} is missing", field=field)
    zone = people.get_provider(session.tx, values["provider"]).timezone
    new = _block(ref, {"timezone": zone, **values})
    store(session.tx, new, now=session.now, actor=session.actor)
    session.add(Kind.OUT_OF_OFFICE, ref, _fields(new))


def _change(session: Session, known: OutOfOffice, values: Values) -> None:
    def apply(changes: Values) -> None:
        if "provider" in changes:
            raise RowRefused(f"{known.ref} does not move to another provider", field="provider")
        after = _block(known.ref, {**_fields(known), **changes})
        store(session.tx, after, now=session.now, actor=session.actor)

    session.change(Kind.OUT_OF_OFFICE, known.ref, _fields(known), values, apply)


def _block(ref: str, values: Values) -> OutOfOffice:
    zone = values["timezone"]
    start, end = parse_local(values["start"], zone), parse_local(values["end"], zone)
    if instant(end) <= instant(start):
        raise RowRefused("the block ends before it begins", field="end")
    return OutOfOffice(ref=ref, provider=values["provider"], start=start, end=end)


def _fields(block: OutOfOffice) -> dict[str, Any]:
    return {
        "provider": block.provider,
        "start": local_text(block.start),
        "end": local_text(block.end),
        "timezone": zone_name(block.start),
    }
