"""Resources as JSON documents: how they are stored, compared by digest and shown in a plan."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from calwarden.domain.event import EventBody, EventResource, Recurrence
from calwarden.domain.wall_time import Slot, local_text, parse_local, zone_name

_FLAGS = tuple(item.name for item in fields(EventBody) if item.name not in {"start", "end"})
_DEFAULTS = {item.name: item.default for item in fields(EventBody)}


def moment_document(moment: datetime) -> str:
    """Return a moment as ``2026-12-08T10:00:00[America/New_York]``.

    A ``~`` stands behind the second of two equal wall times.
    """
    return f"{local_text(moment)}[{zone_name(moment)}]{'~' if moment.fold else ''}"


def moment_from(text: str) -> datetime:
    """Read what `moment_document` wrote."""
    local, _, rest = text.partition("[")
    zone, _, fold = rest.partition("]")
    return parse_local(local, zone).replace(fold=1 if fold else 0)


def body_document(body: EventBody) -> dict[str, Any]:
    """Return a body as JSON; fields that hold their default are left out."""
    document: dict[str, Any] = {
        "start": moment_document(body.start),
        "end": moment_document(body.end),
    }
    for name in _FLAGS:
        value = getattr(body, name)
        if value != _DEFAULTS[name]:
            document[name] = list(value) if isinstance(value, tuple) else value
    return document


def body_from(document: Mapping[str, Any]) -> EventBody:
    """Read what `body_document` wrote."""
    values = dict(document)
    if "attendees" in values:
        values["attendees"] = tuple(values["attendees"])
    values["start"] = moment_from(values["start"])
    values["end"] = moment_from(values["end"])
    return EventBody(**values)


def resource_document(resource: EventResource) -> dict[str, Any]:
    """Return a resource as JSON, its slots in order."""
    document: dict[str, Any] = {"uid": resource.uid, "body": body_document(resource.body)}
    rule = resource.recurrence
    if rule is not None:
        document["recurrence"] = {
            "rule": rule.rule,
            "count": rule.count,
            "extra": sorted(rule.extra),
            "supported": rule.supported,
        }
    if resource.overrides:
        document["overrides"] = {
            slot: body_document(resource.overrides[slot]) for slot in sorted(resource.overrides)
        }
    if resource.excluded:
        document["excluded"] = sorted(resource.excluded)
    return document


def resource_from(document: Mapping[str, Any]) -> EventResource:
    """Read what `resource_document` wrote."""
    rule = document.get("recurrence")
    return EventResource(
        uid=document["uid"],
        body=body_from(document["body"]),
        recurrence=None
        if rule is None
        else Recurrence(
            rule=rule["rule"],
            count=rule["count"],
            extra=tuple(Slot(slot) for slot in rule["extra"]),
            supported=rule["supported"],
        ),
        overrides={
            Slot(slot): body_from(body) for slot, body in document.get("overrides", {}).items()
        },
        excluded=frozenset(Slot(slot) for slot in document.get("excluded", ())),
    )


def canonical(document: Any) -> str:
    """Return the one spelling of a JSON document that digests are made of."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(document: Any) -> str:
    """Return the SHA-256 of a JSON document's canonical spelling, hexadecimal."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()
