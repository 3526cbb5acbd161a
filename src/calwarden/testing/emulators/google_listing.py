"""Listing events: windows, filters, pages and sync tokens (G1 to G6)."""

import base64
import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_state import (
    Calendar,
    Row,
    State,
    occurrences,
    overlaps,
    regular,
)
from calwarden.testing.emulators.google_times import instant, rendered, slots

NOT_WITH_TOKEN = {
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
}
FREE = {
    "pageToken",
    "syncToken",
    "maxResults",
    "alt",
    "prettyPrint",
    "quotaUser",
    "timeMin",
    "timeMax",
}
DEFAULT_PAGE = 250
LARGEST_PAGE = 2500


@dataclass
class Round:
    """One listing that is handed out page by page."""

    calendar: str
    question: str
    rows: list[Row]
    token: str | None
    empty_next: bool = False


class Listing:
    """Answers events.list and events.instances."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rounds: dict[str, tuple[Round, int]] = {}

    def events(
        self, calendar: Calendar, asked: Mapping[str, Any], *, details: bool
    ) -> dict[str, Any]:
        """Answer events.list."""
        self.state.settle_etags(calendar)
        question = json.dumps({name: asked[name] for name in sorted(asked) if name not in FREE})
        if "pageToken" in asked:
            return self._page(calendar, asked, question, details=details)
        if "syncToken" in asked:
            found = self._since(calendar, asked, question)
        else:
            found = self._all(calendar, asked, question)
        if self.state.rules.shuffled:
            found.rows.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
        found.empty_next = self.state.rules.empty_pages
        return self._hand_out(calendar, found, 0, asked, details=details)

    def instances(
        self, calendar: Calendar, master: Row, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Answer events.instances."""
        if "recurrence" not in master:
            return self._envelope(calendar, [], asked, details=True)
        rows = [
            row
            for row in occurrences(calendar, master, calendar.rows)
            if (asked.get("showDeleted") or row.get("status") != "cancelled")
            and _original_is(row, asked.get("originalStart"))
            and (row.get("status") == "cancelled" or _within(row, calendar, asked))
        ]
        limit = min(asked.get("maxResults", DEFAULT_PAGE), LARGEST_PAGE)
        return self._envelope(calendar, rows[:limit], asked, details=True)

    def _all(self, calendar: Calendar, asked: Mapping[str, Any], question: str) -> Round:
        if asked.get("orderBy") == "startTime" and not asked.get("singleEvents"):
            raise ApiError(
                400,
                "badRequest",
                "The requested ordering is not available for the particular query.",
            )
        at = self.state.rules.lag
        rows = calendar.view(at)
        chosen = [
            row
            for row in self._candidates(calendar, rows, asked)
            if self._wanted(row, calendar, asked)
        ]
        if asked.get("orderBy") == "startTime":
            chosen.sort(key=lambda row: instant(row["start"], calendar.zone))
        token = None
        if not NOT_WITH_TOKEN & asked.keys() - {"timeMin", "timeMax"}:
            token = self._token(calendar, question, asked, calendar.seq if at is None else at)
        return Round(calendar=calendar.id, question=question, rows=chosen, token=token)

    def _candidates(
        self, calendar: Calendar, rows: dict[str, Row], asked: Mapping[str, Any]
    ) -> list[Row]:
        if not asked.get("singleEvents"):
            shown = [row for row in rows.values() if self._stands(row, rows, asked)]
            return sorted(shown, key=lambda row: row["id"])
        found: list[Row] = []
        for row in rows.values():
            if "recurringEventId" in row or row.get("status") == "cancelled":
                continue
            found += occurrences(calendar, row, rows) if "recurrence" in row else [row]
        return [
            row for row in found if asked.get("showDeleted") or row.get("status") != "cancelled"
        ]

    @staticmethod
    def _stands(row: Row, rows: dict[str, Row], asked: Mapping[str, Any]) -> bool:
        if asked.get("showDeleted") or row.get("status") != "cancelled":
            return True
        master = rows.get(row.get("recurringEventId", ""))
        return master is not None and master.get("status") != "cancelled"

    def _wanted(self, row: Row, calendar: Calendar, asked: Mapping[str, Any]) -> bool:
        if "iCalUID" in asked and row.get("iCalUID") != asked["iCalUID"]:
            return False
        hidden = self.state.rules.uid_hides_cancelled and row.get("status") == "cancelled"
        if "iCalUID" in asked and hidden:
            return False
        if "eventTypes" in asked and row.get("eventType", "default") not in asked["eventTypes"]:
            return False
        private = row.get("extendedProperties", {}).get("private", {})
        wanted = [part.partition("=") for part in asked.get("privateExtendedProperty", ())]
        if any(private.get(name) != value for name, _, value in wanted):
            return False
        return row.get("status") == "cancelled" or _within(row, calendar, asked)

    def _since(self, calendar: Calendar, asked: Mapping[str, Any], question: str) -> Round:
        clash = NOT_WITH_TOKEN & asked.keys()
        if clash or asked.get("showDeleted") is False:
            raise ApiError(
                400,
                "invalid",
                f"Sync token cannot be used with {sorted(clash) or 'showDeleted=false'}.",
            )
        token = _opened(asked["syncToken"])
        if token["calendar"] != calendar.id:
            raise ApiError(400, "invalid", "Invalid sync token value.")
        if token["generation"] != calendar.generation:
            raise ApiError(410, "fullSyncRequired")
        if token["question"] != question:
            raise ApiError(400, "invalid", "The sync token was made for other parameters.")
        at = self.state.rules.lag
        until = calendar.seq if at is None else at
        rows = calendar.view(at)
        changed = sorted(
            (seq, key) for key, seq in _changes(calendar, at).items() if token["seq"] < seq
        )
        chosen = [rows[key] for _, key in changed if key in rows]
        if self.state.rules.window_sticks:
            window = {name: token[name] for name in ("timeMin", "timeMax") if token.get(name)}
            chosen = [
                row
                for row in chosen
                if row.get("status") == "cancelled" or _within(row, calendar, window)
            ]
        if asked.get("singleEvents"):
            chosen = self._expanded(calendar, chosen)
        following = self._token(calendar, question, token, until)
        return Round(calendar=calendar.id, question=question, rows=chosen, token=following)

    @staticmethod
    def _expanded(calendar: Calendar, rows: list[Row]) -> list[Row]:
        found = []
        for row in rows:
            if "recurrence" in row:
                found += [
                    regular(row, local, calendar.zone)
                    for local in slots(row["recurrence"], row["start"])
                ]
            else:
                found.append(row)
        return found

    def _page(
        self, calendar: Calendar, asked: Mapping[str, Any], question: str, *, details: bool
    ) -> dict[str, Any]:
        found, offset = self.rounds.get(asked["pageToken"], (None, 0))
        if found is None or found.calendar != calendar.id:
            raise ApiError(400, "invalid", "Invalid page token value.")
        if found.question != question:
            raise ApiError(400, "invalid", "The page token was made for other parameters.")
        return self._hand_out(calendar, found, offset, asked, details=details)

    def _hand_out(
        self,
        calendar: Calendar,
        found: Round,
        offset: int,
        asked: Mapping[str, Any],
        *,
        details: bool,
    ) -> dict[str, Any]:
        limit = min(asked.get("maxResults", DEFAULT_PAGE), LARGEST_PAGE)
        limit = min(limit, self.state.rules.page_limit or limit)
        if found.empty_next:
            limit, found.empty_next = 0, False
        else:
            found.empty_next = self.state.rules.empty_pages
        page = found.rows[offset : offset + limit]
        reply = self._envelope(calendar, page, asked, details=details)
        offset += limit
        if offset < len(found.rows):
            token = f"page{self.state.tick()}"
            self.rounds[token] = (found, offset)
            reply["nextPageToken"] = token
        elif found.token is not None:
            reply["nextSyncToken"] = found.token
        return reply

    def _envelope(
        self, calendar: Calendar, rows: list[Row], asked: Mapping[str, Any], *, details: bool
    ) -> dict[str, Any]:
        zone = asked.get("timeZone", calendar.zone)
        return {
            "kind": "calendar#events",
            "etag": f'"p{calendar.seq}"',
            "summary": calendar.summary,
            "description": "",
            "updated": datetime.now(UTC).isoformat(timespec="milliseconds"),  # noqa: TID251 - a server's own clock
            "timeZone": zone,
            "accessRole": "owner" if details else "freeBusyReader",
            "defaultReminders": [{"method": "popup", "minutes": 30}],
            "items": [shown(row, calendar, zone, details=details) for row in rows],
        }

    @staticmethod
    def _token(calendar: Calendar, question: str, asked: Mapping[str, Any], seq: int) -> str:
        content = {
            "calendar": calendar.id,
            "generation": calendar.generation,
            "question": question,
            "seq": seq,
            "timeMin": asked.get("timeMin"),
            "timeMax": asked.get("timeMax"),
        }
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def shown(row: Row, calendar: Calendar, zone: str, *, details: bool = True) -> Row:
    """Return a row as replies show it; of a deleted one no more than is promised (G6)."""
    if row.get("status") == "cancelled":
        kept = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
        reply = {name: row[name] for name in kept if name in row}
    else:
        reply = copy.deepcopy(row)
        reply.setdefault("status", "confirmed")
        reply["htmlLink"] = f"https://calendar.example/event?eid={row['id']}"
        reply["organizer"] = {"email": calendar.owner, "self": True, **row.get("organizer", {})}
        reply["creator"] = {"email": calendar.owner, "self": True}
    for name in ("start", "end", "originalStartTime"):
        if name in reply:
            reply[name] = rendered(reply[name], zone)
    if not details and row.get("status") != "cancelled":
        hidden = {
            "summary",
            "description",
            "location",
            "attendees",
            "extendedProperties",
            "creator",
        }
        reply = {name: value for name, value in reply.items() if name not in hidden}
        reply["visibility"] = "private"
    return reply


def _changes(calendar: Calendar, at: int | None) -> dict[str, int]:
    if at is None:
        return calendar.changed
    seen = {}
    for key, versions in calendar.history.items():
        last = max((seq for seq, _ in versions if seq <= at), default=None)
        if last is not None:
            seen[key] = last
    return seen


def _opened(token: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ApiError(400, "invalid", "Invalid sync token value.") from error
    return found


def _original_is(row: Row, asked: str | None) -> bool:
    if asked is None:
        return True
    start = row["originalStartTime"]
    if "date" in start:
        return bool(start["date"] == asked[: len("2027-01-04")])
    return instant(start, "UTC") == datetime.fromisoformat(asked).astimezone(UTC)


def _within(row: Row, calendar: Calendar, asked: Mapping[str, Any]) -> bool:
    begin, end = asked.get("timeMin"), asked.get("timeMax")
    return overlaps(
        row,
        calendar,
        datetime.fromisoformat(begin) if begin else None,
        datetime.fromisoformat(end) if end else None,
    )
