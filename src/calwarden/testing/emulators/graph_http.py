"""Replies of Graph as bytes."""

import json
from typing import Any

from calwarden.testing.emulators.listener import Answer

JSON = "application/json; odata.metadata=minimal; charset=utf-8"


def as_json(status: int, reply: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer; with ``x-truncate``, half of one."""
    headers = dict(headers or {})
    if reply is None:
        return status, headers, b""
    content = json.dumps(reply).encode()
    if headers.pop("x-truncate", None):
        content = content[: len(content) // 2]
    return status, {"Content-Type": JSON, **headers}, content
