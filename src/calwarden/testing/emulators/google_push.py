"""Push channels: opened by watch, posted to on every change, closed by stop (G25, G26)."""

import re
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from calwarden.testing.emulators.deliveries import Deliveries
from calwarden.testing.emulators.google_errors import ApiError
from calwarden.testing.emulators.google_state import Calendar, State

DEFAULT_LIFE = 604_800
ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
LONGEST_TOKEN = 256


@dataclass
class Channel:
    """One open channel."""

    id: str
    calendar: str
    address: str
    token: str | None
    resource: str
    expires: float
    number: int = 0


class Push(Deliveries):
    """Keeps channels and posts to them.

    ``muted``: changes are announced to nobody. ``unverified``: the domain of every address is
    unknown to the project.
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        self.channels: dict[str, Channel] = {}
        self.plain_http = False
        self.unverified = False
        self.now = time.time
        self.deliver = self._deliver
        self.muted = False
        self.sent: list[tuple[str, str, int]] = []
        state.on_change = self.announce

    def watch(self, calendar: Calendar, body: Mapping[str, Any]) -> dict[str, Any]:
        """Open a channel on a calendar."""
        address = body.get("address", "")
        if not address.startswith("https://") and not self.plain_http:
            raise ApiError(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
        if self.unverified:
            raise ApiError(
                401, "push.webhookUrlUnauthorized", "Unauthorized WebHook callback channel"
            )
        if body.get("type") not in {"web_hook", "webhook"} or not ID.fullmatch(body.get("id", "")):
            raise ApiError(400, "invalid", "Invalid channel.")
        if body["id"] in self.channels:
            raise ApiError(400, "channelIdNotUnique", "Channel id not unique")
        if len(body.get("token", "")) > LONGEST_TOKEN:
            raise ApiError(400, "invalid", "Invalid channel token.")
        life = int(body.get("params", {}).get("ttl", DEFAULT_LIFE))
        expires = min(self.now() + life, int(body.get("expiration", "99999999999999")) / 1000)
        channel = Channel(
            id=body["id"],
            calendar=calendar.id,
            address=address,
            token=body.get("token"),
            resource=f"r{abs(hash(calendar.id)):x}",
            expires=expires,
        )
        self.channels[channel.id] = channel
        self.later(partial(self._post, channel, "sync"))
        reply = {
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": channel.resource,
            "resourceUri": f"https://www.googleapis.com/calendar/v3/calendars/{calendar.id}/events",
            "expiration": str(int(expires * 1000)),
        }
        return {**reply, "token": channel.token} if channel.token else reply

    def stop(self, body: Mapping[str, Any]) -> None:
        """Close a channel."""
        channel = self.channels.get(body.get("id", ""))
        if channel is None or channel.resource != body.get("resourceId"):
            raise ApiError(404, "notFound", "Channel not found")
        del self.channels[channel.id]

    def announce(self, calendar: Calendar) -> None:
        """Tell the open channels of a calendar that something changed."""
        if self.muted:
            return
        for channel in list(self.channels.values()):
            if channel.calendar == calendar.id and channel.expires > self.now():
                self.later(partial(self._post, channel, "exists"))

    def _post(self, channel: Channel, kind: str) -> None:
        channel.number = 1 if kind == "sync" else channel.number + 7
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Resource-ID": channel.resource,
            "X-Goog-Resource-URI": f"https://www.googleapis.com/calendar/v3/calendars/{channel.calendar}/events",
            "X-Goog-Resource-State": kind,
            "X-Goog-Message-Number": str(channel.number),
            "X-Goog-Channel-Expiration": time.strftime(
                "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(channel.expires)
            ),
        }
        if channel.token:
            headers["X-Goog-Channel-Token"] = channel.token
        self.sent.append((channel.id, kind, channel.number))
        self.deliver(channel.address, headers)

    def _deliver(self, address: str, headers: Mapping[str, str]) -> None:
        request = urllib.request.Request(  # noqa: S310 - watch refused what is no http address
            self.where(address), data=b"", headers=dict(headers), method="POST"
        )
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - see above
            pass
