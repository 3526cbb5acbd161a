"""Requests and replies read and written again by the models of msgraph-sdk, Microsoft's client.

What its models do not carry over is of a type, or has a value, that the service does not know;
what they do not name is a field that it does not have.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter

MODELS = "msgraph.generated.models"
USER = "msgraph.generated.users.item"
ERROR = (f"{MODELS}.o_data_errors.o_data_error", "ODataError")
EVENT = (f"{MODELS}.event", "Event")
EVENTS = (f"{MODELS}.event_collection_response", "EventCollectionResponse")
CALENDAR = (f"{MODELS}.calendar", "Calendar")
CALENDARS = (f"{MODELS}.calendar_collection_response", "CalendarCollectionResponse")
SUBSCRIPTION = (f"{MODELS}.subscription", "Subscription")
SUBSCRIPTIONS = (f"{MODELS}.subscription_collection_response", "SubscriptionCollectionResponse")
SETTINGS = (f"{MODELS}.mailbox_settings", "MailboxSettings")
DELTA = (f"{USER}.calendar_view.delta.delta_get_response", "DeltaGetResponse")
ASK = (
    f"{USER}.calendar.get_schedule.get_schedule_post_request_body",
    "GetSchedulePostRequestBody",
)
TOLD = (
    f"{USER}.calendar.get_schedule.get_schedule_post_response",
    "GetSchedulePostResponse",
)
SENT = {
    "events.create": EVENT,
    "events.update": EVENT,
    "calendars.create": CALENDAR,
    "calendars.update": CALENDAR,
    "subscriptions.create": SUBSCRIPTION,
    "subscriptions.update": SUBSCRIPTION,
    "calendar.getSchedule": ASK,
    "settings.update": SETTINGS,
}
ANSWERED = {
    "users.get": (f"{MODELS}.user", "User"),
    "calendars.list": CALENDARS,
    "calendars.create": CALENDAR,
    "calendars.get": CALENDAR,
    "calendars.update": CALENDAR,
    "events.list": EVENTS,
    "events.create": EVENT,
    "events.get": EVENT,
    "events.update": EVENT,
    "events.instances": EVENTS,
    "events.calendar": CALENDAR,
    "view.list": EVENTS,
    "view.delta": DELTA,
    "subscriptions.list": SUBSCRIPTIONS,
    "subscriptions.create": SUBSCRIPTION,
    "subscriptions.get": SUBSCRIPTION,
    "subscriptions.update": SUBSCRIPTION,
    "calendar.getSchedule": TOLD,
    "settings.get": SETTINGS,
    "settings.update": SETTINGS,
}
# replies of the service have these, Microsoft's metadata of v1.0 has not
UNNAMED = {"uid", "occurrenceId", "groupClassId"}
# an inner error is an open type
OPEN = "inner_error"


def check(method: str, status: int, sent: Any, answered: Any) -> list[str]:
    """Return what Microsoft's models do not understand of a request or of its reply."""
    found = []
    if method == "calendar.getSchedule" and sent is not None:
        # the pages spell an action's parameters small, the metadata large; both are understood
        sent = {f"{name[0].upper()}{name[1:]}": value for name, value in sent.items()}
    if sent is not None and status < 400 and method in SENT:
        found += [f"{method}: sent {why}" for why in problems(SENT[method], sent)]
    model = ERROR if status >= 400 else ANSWERED.get(method)
    if answered is not None and model is not None:
        found += [f"{method}: answered {why}" for why in problems(model, answered)]
    return found


def problems(model: tuple[str, str], given: Mapping[str, Any]) -> list[str]:
    """Return where a model does not carry JSON over, or does not name a field."""
    content = json.dumps(given).encode()
    node = JsonParseNodeFactory().get_root_parse_node("application/json", content)
    read = node.get_object_value(_loaded(*model))
    writer = JsonSerializationWriter()
    writer.write_object_value(None, read)
    written = json.loads(writer.get_serialized_content())
    lost = [f"{where} is lost" for where in _lost(given, written, model[1])]
    return [*lost, *(f"{name} is unknown" for name in _unnamed(read, model[1]))]


@cache
def _loaded(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _lost(given: Any, written: Any, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(written, dict):
        for name, value in given.items():
            if not name.startswith("@") and value is not None:
                yield from _lost(value, written.get(name), f"{where}.{name}")
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for one, other in zip(given, written, strict=True):
            yield from _lost(one, other, f"{where}[]")
    elif given != written and not _same_moment(given, written) and given not in ({}, []):
        yield where


def _same_moment(one: Any, other: Any) -> bool:
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


def _unnamed(read: Any, where: str) -> Iterator[str]:
    if isinstance(read, list):
        for item in read:
            yield from _unnamed(item, where)
    if not is_dataclass(read):
        return
    for name in getattr(read, "additional_data", {}) or {}:
        if "@" not in name and name not in UNNAMED and not where.endswith(OPEN):
            yield f"{where}.{name}"
    for member in fields(read):
        if member.name != "additional_data":
            yield from _unnamed(getattr(read, member.name), f"{where}.{member.name}")
