"""calendarView and its delta: frozen windows, rounds of pages, tokens that die (M1-M6, M32)."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from calwarden.testing.emulators.graph_errors import ApiError, mistake
from calwarden.testing.emulators.graph_shape import Preferred, Shape
from calwarden.testing.emulators.graph_state import Calendar, Item, State, event_id
from calwarden.testing.emulators.graph_times import instant, moment

DEFAULT_PAGE = 10
LARGEST_PAGE = 1000
LONGEST_VIEW = timedelta(days=1825)
TOKEN = re.compile(r"[\w-]{30,}")


@dataclass(frozen=True)
class Row:
    """One row of a round: an event, an occurrence, or the id of what is no longer there."""

    key: int
    item: Item | None
    day: date | None = None


@dataclass
class Line:
    """The rounds of one initial request: a frozen window, and how many delta tokens were made."""

    calendar: str
    path: str
    begin: datetime
    end: datetime
    made: int = 0


@dataclass
class Token:
    """What a delta or skip token stands for."""

    line: Line
    number: int
    seq: int
    rows: list[list[Row]] = field(default_factory=list)
    empty: bool = False
    first: bool = True


class Delta:
    """Answers about spans of time."""

    def __init__(self, state: State, shape: Shape) -> None:
        self.state = state
        self.shape = shape
        self.tokens: dict[str, Token] = {}
        self.dead: set[str] = set()

    def view(
        self, calendar: Calendar, options: Mapping[str, str]
    ) -> list[tuple[Item, date | None, datetime]]:
        """Return what calendarView shows: single events and occurrences, no masters, in order."""
        begin, end = span(options)
        found = []
        for item in self.state.view(calendar.id, self.state.now()).values():
            days: list[date | None] = [None] if item.recurrence is None else [*item.days()]
            found += [
                (item, day, instant(item.times(day)[0], item.zone))
                for day in days
                if item.overlaps(day, begin, end)
            ]
        return sorted(found, key=lambda row: row[2])

    def answer(
        self, calendar: Calendar, path: str, options: Mapping[str, str], preferred: Preferred
    ) -> dict[str, Any]:
        """Answer one request of a round."""
        if "$skiptoken" in options or "$deltatoken" in options:
            token = self._token(calendar, options)
        else:
            begin, end = span(options)
            line = Line(calendar=calendar.id, path=path, begin=begin, end=end)
            token = self._begun(line, None)
        if "$deltatoken" in options:
            token = self._begun(token.line, token.seq)
        return self._page(token, preferred)

    def kill(self, calendar: str | None = None) -> None:
        """Let every token of a calendar (None: of all) be refused as gone from now on."""
        for key, token in list(self.tokens.items()):
            if calendar in {None, token.line.calendar}:
                del self.tokens[key]
                self.dead.add(key)

    def _token(self, calendar: Calendar, options: Mapping[str, str]) -> Token:
        if len(options) != 1:
            raise mistake("A delta link is to be used as it was given.")
        text = next(iter(options.values()))
        token = self.tokens.get(text)
        if token is None and text not in self.dead:
            # a token that was never issued is malformed (M6)
            raise ApiError(400, "ErrorInvalidSyncStateData", mistake=not TOKEN.fullmatch(text))
        if token is None:
            raise self._gone(calendar)
        if token.line.calendar != calendar.id:
            raise mistake("A delta link is to be used as it was given.")
        return token

    def _gone(self, calendar: Calendar) -> ApiError:
        match self.state.rules.cursor_death:
            case "location":
                where = f"{self.shape.root}/me/calendars('{calendar.id}')/calendarView/delta"
                headers = {"Location": f"{where}?$deltatoken="}
                return ApiError(410, "syncStateNotFound", headers=headers)
            case "syncStateNotFound":
                return ApiError(404, "ErrorSyncStateNotFound", inner="syncStateNotFound")
            case _:
                return ApiError(409, "resyncRequired")

    def _begun(self, line: Line, since: int | None) -> Token:
        until = self.state.now()
        groups = self._initial(line, until) if since is None else self._later(line, since, until)
        if self.state.rules.shuffled:
            groups = groups[::-1]
        return Token(line=line, number=line.made, seq=max(until, since or 0), rows=groups)

    def _initial(self, line: Line, until: int) -> list[list[Row]]:
        items = self.state.view(line.calendar, until).values()
        return [rows for item in items if (rows := self._group(line, item))]

    def _group(self, line: Line, item: Item, before: Item | None = None) -> list[Row]:
        if item.recurrence is None:
            inside = item.overlaps(None, line.begin, line.end)
            return [Row(key=item.key, item=item)] if inside else []
        days = [day for day in item.days() if item.overlaps(day, line.begin, line.end)]
        if not days:
            return []
        rows = [Row(key=item.key, item=item, day=day) for day in days]
        if before is not None and self.state.rules.series_rows == "changed":
            rows = [row for row in rows if self._differs(item, before, row.day)]
        return [Row(key=item.key, item=item), *rows]

    @staticmethod
    def _differs(item: Item, before: Item, day: date | None) -> bool:
        if day is None or day not in before.days():
            return True
        return item.times(day) != before.times(day) or (
            item.changes.get(day) != before.changes.get(day)
        )

    def _later(self, line: Line, since: int, until: int) -> list[list[Row]]:
        groups = []
        for key in self.state.changed(since, until):
            item, before = self.state.version(key, until), self.state.version(key, since)
            here = item is not None and item.calendar == line.calendar
            was = before is not None and before.calendar == line.calendar
            group = self._group(line, item, before if was else None) if here and item else []
            if was and before is not None:
                group += self._removed_occurrences(line, before, item if here else None)
            if not group and (was or here):
                # outside the window, deleted or moved elsewhere: all the same row (M4)
                seen = was and before is not None and bool(self._group(line, before))
                if seen or self.state.rules.outside:
                    group = [Row(key=key, item=None)]
            if group:
                groups.append(group)
        return groups

    def _removed_occurrences(self, line: Line, before: Item, item: Item | None) -> list[Row]:
        rules = self.state.rules
        if before.recurrence is None:
            return []
        told = rules.deleted_occurrence if item is not None else rules.deleted_series
        if told not in {"removed", "all"}:
            return []
        left = set(item.days()) if item is not None else set()
        rows = [
            Row(key=before.key, item=None, day=day)
            for day in before.days()
            if day not in left and before.overlaps(day, line.begin, line.end)
        ]
        return rows if item is not None else [Row(key=before.key, item=None), *rows]

    def _page(self, token: Token, preferred: Preferred) -> dict[str, Any]:
        rules = self.state.rules
        size = min(preferred.page or DEFAULT_PAGE, LARGEST_PAGE, rules.page_limit or LARGEST_PAGE)
        rows: list[Row] = []
        left = [list(group) for group in token.rows]
        if rules.empty_pages and not token.empty:
            return self._reply([], self._more(token, left, empty=True), preferred)
        while left and len(rows) < size:
            if rules.split_series:
                taken, left[0] = left[0][: size - len(rows)], left[0][size - len(rows) :]
                rows += taken
                left = left if left[0] else left[1:]
            else:
                # a series is not split over two pages, so a page may exceed what was asked (M32)
                rows += left.pop(0)
        return self._reply(rows, self._more(token, left), preferred)

    def _more(
        self, token: Token, left: list[list[Row]], *, empty: bool = False
    ) -> tuple[str, Token]:
        following = Token(
            line=token.line, number=token.number, seq=token.seq, rows=left, empty=empty, first=False
        )
        if left or empty:
            return "$skiptoken", following
        token.line.made += 1
        following.number = token.line.made
        self._forget(token.line)
        return "$deltatoken", following

    def _forget(self, line: Line) -> None:
        oldest = line.made - self.state.rules.generations
        for key, token in list(self.tokens.items()):
            if token.line is line and token.number <= oldest:
                del self.tokens[key]
                self.dead.add(key)

    def _reply(
        self, rows: list[Row], following: tuple[str, Token], preferred: Preferred
    ) -> dict[str, Any]:
        option, token = following
        key = secrets.token_urlsafe(48)
        self.tokens[key] = token
        name = "@odata.nextLink" if option == "$skiptoken" else "@odata.deltaLink"
        return {
            "@odata.context": f"{self.shape.root}/$metadata#Collection(event)",
            "value": [self._shown(row, preferred) for row in rows],
            name: f"{self.shape.root}/{token.line.path}?{option}={quote(key)}",
        }

    def _shown(self, row: Row, preferred: Preferred) -> dict[str, Any]:
        if row.item is None:
            key = event_id(self._last(row.key), row.day, immutable=preferred.immutable)
            return {
                "@odata.type": "#microsoft.graph.event",
                "id": key,
                "@removed": {"reason": "deleted"},
            }
        if row.day is not None and row.day not in row.item.changes:
            return self.shape.skinny(row.item, row.day, preferred)
        shown = {
            "@odata.type": "#microsoft.graph.event",
            **self.shape.row(row.item, row.day, preferred),
        }
        if self.state.rules.original_start == "get":
            shown.pop("originalStart", None)
        return shown

    def _last(self, key: int) -> Item:
        return next(seen.item for seen in reversed(self.state.history[key]) if seen.item)


def span(options: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Read the required window of a request."""
    for name in ("startDateTime", "endDateTime"):
        if not options.get(name):
            raise mistake(
                "This request requires a time window specified by the query string parameters "
                "StartDateTime and EndDateTime.",
                "ErrorInvalidParameter",
            )
    begin, end = moment(options["startDateTime"]), moment(options["endDateTime"])
    if end < begin:
        raise mistake("EndDateTime is before StartDateTime.", "ErrorInvalidParameter")
    if end - begin > LONGEST_VIEW:
        raise mistake("The view spans more than 1825 days.", "ErrorCalendarViewRangeTooBig")
    return begin, end
