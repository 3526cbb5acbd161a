"""The requests that the emulator answers, each behind the permission that it needs (M28)."""

from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any

from calwarden.testing.emulators import graph_query
from calwarden.testing.emulators.graph_asked import Asked, Reply
from calwarden.testing.emulators.graph_delta import Delta, span
from calwarden.testing.emulators.graph_errors import ApiError, gone, mistake
from calwarden.testing.emulators.graph_events import Events, Target, standing
from calwarden.testing.emulators.graph_fields import check, property_id
from calwarden.testing.emulators.graph_grants import Caller
from calwarden.testing.emulators.graph_push import Push
from calwarden.testing.emulators.graph_routes import Found
from calwarden.testing.emulators.graph_schedule import Schedules
from calwarden.testing.emulators.graph_shape import Shape, occurrence_name
from calwarden.testing.emulators.graph_state import Account, Calendar, Item, State, read_id
from calwarden.testing.emulators.graph_subscriptions import Subscriptions

PAGE = 10


class Api:
    """Answers requests."""

    def __init__(self, state: State, root: str) -> None:
        self.state = state
        self.shape = Shape(state.rules, root)
        self.events = Events(state)
        self.delta = Delta(state, self.shape)
        self.push = Push(state, self.shape)
        subscriptions = Subscriptions(self.push)
        schedules = Schedules(state, self.shape)
        self.answers: dict[str, Callable[[Asked], Reply]] = {
            "users.get": lambda asked: (200, self.shape.user(asked.mailbox)),
            "calendars.list": self._calendars,
            "calendars.create": self._calendar_create,
            "calendars.get": lambda asked: (200, self.shape.calendar(self.calendar(asked))),
            "calendars.update": self._calendar_update,
            "calendars.delete": self._calendar_delete,
            "events.list": self._list,
            "events.create": self._create,
            "events.get": self._get,
            "events.update": self._update,
            "events.delete": self._delete,
            "events.instances": self._instances,
            "events.calendar": self._home,
            "view.list": self._view,
            "view.delta": self._delta,
            **schedules.answers,
            **subscriptions.answers,
        }

    def answer(self, asked: Asked) -> Reply:
        """Answer a request; raises `ApiError`."""
        if asked.found.route.body is not None:
            check(asked.found.route.body, asked.body)
        if asked.found.route.name == "subscriptions.create":
            return self.answers["subscriptions.create"](asked)  # takes the lock where it needs it
        with self.state.lock:
            return self.answers[asked.found.route.name](asked)

    def mailbox(self, caller: Caller, found: Found) -> Account | None:
        """Return the mailbox that a path names, if its caller may open it; None: no mailbox."""
        if not found.route.pattern.pattern.startswith("(?:me|"):
            return None
        user = found.path.get("user")
        if user is None and not caller.email:
            raise mistake("/me request is only valid with delegated authentication flow.")
        wanted = (user or caller.email).casefold()
        account = next(
            (one for one in self.state.accounts.values() if wanted in {one.email, one.id}), None
        )
        if account is None:
            raise ApiError(404, "ErrorInvalidUser", f"The requested user '{wanted}' is invalid.")
        if caller.email and caller.email != account.email:
            raise ApiError(403, "ErrorAccessDenied")
        if caller.mailboxes is not None and account.email not in caller.mailboxes:
            raise ApiError(403, "ErrorAccessDenied")
        return account

    def calendar(self, asked: Asked) -> Calendar:
        """Return the calendar that a path names, else the default one."""
        key = asked.found.path.get("calendar")
        if key is None:
            return self.state.default(asked.mailbox.email)
        calendar = self.state.calendars.get(key)
        if calendar is None or calendar.owner != asked.mailbox.email:
            raise gone()
        return calendar

    def target(self, asked: Asked) -> Target:
        """Return the event or occurrence that a path names."""
        named = read_id(asked.found.path["event"])
        if named is None:
            raise ApiError(400, "ErrorInvalidIdMalformed", "Id is malformed.", mistake=True)
        key, day, moves = named
        target = standing(self.state, key, day)
        owner = self.state.calendars[target.item.calendar].owner
        if owner != asked.mailbox.email or moves not in {None, target.item.moves}:
            raise gone()
        within = {"calendar", "default"} & asked.found.path.keys()
        checked = within and self.state.rules.container == "checked"
        if checked and target.item.calendar != self.calendar(asked).id:
            raise gone()
        return target

    def _calendars(self, asked: Asked) -> Reply:
        owned = [c for c in self.state.calendars.values() if c.owner == asked.mailbox.email]
        return self._paged(asked, [self.shape.calendar(calendar) for calendar in owned])

    def _calendar_create(self, asked: Asked) -> Reply:
        name = asked.body.get("name")
        if not name:
            raise mistake("A calendar has a name.", "ErrorInvalidRequest")
        owned = [c for c in self.state.calendars.values() if c.owner == asked.mailbox.email]
        if name in {calendar.name for calendar in owned}:
            raise ApiError(409, "ErrorFolderExists", "A folder with that name exists already.")
        made = self.state.add_calendar(
            asked.mailbox.email, name, color=asked.body.get("color", "auto")
        )
        return 201, self.shape.calendar(made)

    def _calendar_update(self, asked: Asked) -> Reply:
        calendar = self.calendar(asked)
        calendar.name = asked.body.get("name", calendar.name)
        calendar.color = asked.body.get("color", calendar.color)
        for given in asked.body.get("singleValueExtendedProperties", ()):
            calendar.properties[property_id(given["id"])] = given["value"]
        calendar.change = self.state.tick()
        return 200, self.shape.calendar(calendar)

    def _calendar_delete(self, asked: Asked) -> Reply:
        calendar = self.calendar(asked)
        if calendar.default:
            raise ApiError(400, "ErrorInvalidRequest", "The default calendar cannot be deleted.")
        self.drop_calendar(calendar)
        return 204, None

    def drop_calendar(self, calendar: Calendar) -> None:
        """Delete a calendar with all that is in it."""
        for item in [one for one in self.state.items.values() if one.calendar == calendar.id]:
            self.state.bury(item)
        del self.state.calendars[calendar.id]
        self.delta.kill(calendar.id)

    def _list(self, asked: Asked) -> Reply:
        within = {"calendar", "default"} & asked.found.path.keys()
        calendars = (
            {self.calendar(asked).id}
            if within
            else {c.id for c in self.state.calendars.values() if c.owner == asked.mailbox.email}
        )
        seen = [
            item
            for calendar in sorted(calendars)
            for item in self.state.view(calendar, self.state.now()).values()
        ]
        for test in (
            graph_query.tests(asked.options["$filter"], self.shape)
            if ("$filter" in asked.options)
            else ()
        ):
            seen = [item for item in seen if test(item)]
        seen.sort(key=lambda item: (item.start, item.key))
        return self._paged(asked, [self.shown(asked, item, None) for item in seen])

    def _create(self, asked: Asked) -> Reply:
        calendar = self.calendar(asked)
        if not calendar.can_edit:
            raise ApiError(403, "ErrorAccessDenied")
        item = self.events.create(calendar, asked.body, asked.mailbox.email)
        # extended properties are not echoed (M9)
        return 201, self._with_context(asked, self.shape.row(item, None, asked.preferred))

    def _get(self, asked: Asked) -> Reply:
        target = self.target(asked)
        return 200, self._with_context(asked, self.shown(asked, target.item, target.day))

    def _update(self, asked: Asked) -> Reply:
        target = self.target(asked)
        self._guard(asked, target, "PATCH")
        self.events.update(target, asked.body)
        return 200, self._with_context(
            asked, self.shape.row(target.item, target.day, asked.preferred)
        )

    def _delete(self, asked: Asked) -> Reply:
        try:
            target = self.target(asked)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND and self.state.rules.redelete == "400":
                raise ApiError(400, "ErrorInvalidRequest") from error
            raise
        self._guard(asked, target, "DELETE")
        self.events.remove(target)
        return 204, None

    def _guard(self, asked: Asked, target: Target, verb: str) -> None:
        if asked.match is None:
            return
        if not asked.match.startswith('W/"') and asked.match != "*":
            raise mistake("The etag in If-Match is malformed.", "ErrorInvalidChangeKey")
        current = self.shape.etag(target.item, target.day)
        if verb in self.state.rules.if_match and asked.match not in {current, "*"}:
            raise ApiError(412, "ErrorIrresolvableConflict")

    def _home(self, asked: Asked) -> Reply:
        return 200, self.shape.calendar(self.state.calendars[self.target(asked).item.calendar])

    def _instances(self, asked: Asked) -> Reply:
        item = self.target(asked).item
        begin, end = span(asked.options)
        if item.recurrence is None:
            raise ApiError(400, "ErrorInvalidRequest", "The event is no series.")
        inside = [day for day in item.days() if item.overlaps(day, begin, end)]
        return self._paged(asked, [self.shown(asked, item, day) for day in inside])

    def _view(self, asked: Asked) -> Reply:
        found = self.delta.view(self.calendar(asked), asked.options)
        if asked.options.get("$orderby", "start/dateTime") not in {
            "start/dateTime",
            "start/dateTime asc",
        }:
            raise mistake("$orderby on calendarView is start/dateTime.")
        return self._paged(asked, [self.shown(asked, item, day) for item, day, _at in found])

    def _delta(self, asked: Asked) -> Reply:
        calendar = self.calendar(asked)
        path = f"me/calendars('{calendar.id}')/calendarView/delta"
        if not asked.caller.email:
            path = f"users('{asked.mailbox.id}'){path.removeprefix('me')}"
        return 200, self.delta.answer(calendar, path, asked.options, asked.preferred)

    def shown(self, asked: Asked, item: Item, day: date | None) -> dict[str, Any]:
        """Return an event with what was selected and expanded."""
        query, immutable = asked.query, asked.preferred.immutable
        row = self.shape.row(item, day, asked.preferred)
        if day is None and item.recurrence is not None and "cancelledOccurrences" in query.select:
            row["cancelledOccurrences"] = [
                occurrence_name(item, one, immutable=immutable) for one in sorted(item.cancelled)
            ]
        if query.expand.exceptions and "exceptionOccurrences" in query.select:
            row["exceptionOccurrences"] = [
                # what was selected of the series is what is told of them
                query.selected(self.shape.row(item, one, asked.preferred))
                for one in sorted(item.changes)
            ]
        row = query.selected(row)
        if query.expand.properties:
            kept = item.properties
            if day is not None:
                kept = item.changes[day].properties if day in item.changes else {}
            found = [
                {"id": name, "value": value}
                for name, value in kept.items()
                if name.casefold() in query.expand.properties
            ]
            if found:
                row["singleValueExtendedProperties"] = found
        return row

    def _with_context(self, asked: Asked, row: dict[str, Any]) -> dict[str, Any]:
        whose = f"users('{asked.mailbox.id}')/events/$entity"
        return {"@odata.context": f"{self.shape.root}/$metadata#{whose}", **row}

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        size = asked.query.top or asked.preferred.page or PAGE
        begin = asked.query.skip
        reply: dict[str, Any] = {
            "@odata.context": f"{self.shape.root}/$metadata#{asked.found.route.name}",
            "value": rows[begin : begin + size],
        }
        if begin + size < len(rows):
            reply["@odata.nextLink"] = graph_query.following(
                f"{self.shape.root}/{asked.target}", asked.options, begin + size
            )
        return 200, reply
