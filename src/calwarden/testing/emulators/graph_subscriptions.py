"""The requests about subscriptions (M23-M25)."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from calwarden.testing.emulators.graph_asked import Asked
from calwarden.testing.emulators.graph_errors import ApiError, mistake
from calwarden.testing.emulators.graph_push import Push

RESOURCE = re.compile(r"/?(?:me|users/(?P<user>[^/]+))/events")


class Subscriptions:
    """Answers requests about subscriptions."""

    def __init__(self, push: Push) -> None:
        self.push = push
        self.answers: dict[str, Callable[[Asked], tuple[int, dict[str, Any] | None]]] = {
            "subscriptions.list": self._list,
            "subscriptions.create": self._create,
            "subscriptions.get": lambda asked: (200, push.told(self._one(asked))),
            "subscriptions.update": self._update,
            "subscriptions.delete": self._delete,
            "subscriptions.reauthorize": self._reauthorize,
        }

    def _one(self, asked: Asked) -> Any:
        return self.push.find(asked.found.path["subscription"], asked.caller.app)

    def _list(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        kept = [
            self.push.told(one)
            for one in self.push.subscriptions.values()
            if one.app == asked.caller.app and asked.caller.email in {"", one.mailbox}
        ]
        return 200, {"@odata.context": "$metadata#subscriptions", "value": kept}

    def _create(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        with self.push.state.lock:
            mailbox = self._mailbox(asked)
            made = self.push.prepare(
                asked.body, mailbox, asked.caller.app, immutable=asked.preferred.immutable
            )
        self.push.handshake(made)
        with self.push.state.lock:
            return 201, self.push.open(made)

    def _mailbox(self, asked: Asked) -> str:
        match = RESOURCE.fullmatch(asked.body.get("resource") or "")
        if match is None:
            raise mistake("resource: /me/events or /users/{id}/events.", "InvalidRequest")
        wanted = (match["user"] or asked.caller.email).casefold()
        accounts = self.push.state.accounts.values()
        account = next((one for one in accounts if wanted in {one.email, one.id}), None)
        if account is None or asked.caller.email not in {"", account.email}:
            raise ApiError(403, "ErrorAccessDenied")
        return account.email

    def _update(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        one = self._one(asked)
        one.expires = self.push.until(datetime.fromisoformat(asked.body["expirationDateTime"]))
        one.authorized = True
        return 200, self.push.told(one)

    def _delete(self, asked: Asked) -> tuple[int, None]:
        del self.push.subscriptions[self._one(asked).id]
        return 204, None

    def _reauthorize(self, asked: Asked) -> tuple[int, None]:
        self._one(asked).authorized = True
        return 204, None
