"""$batch: at most 20 parts, each with a status of its own, in any order (M27)."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from calwarden.testing.emulators.graph_errors import ApiError, mistake
from calwarden.testing.emulators.graph_fields import check

MOST = 20
Part = tuple[int, dict[str, str], Any]


def answer(
    body: Any, one: Callable[[str, str, list[tuple[str, str]], Any], Part]
) -> dict[str, Any]:
    """Answer every part by ``one``; a part whose dependency failed is answered 424."""
    check("batch", body)
    parts = body.get("requests") or []
    if len(parts) > MOST:
        raise mistake("Number of batch request steps exceeds the maximum value 20.")
    names = [part.get("id") for part in parts]
    if None in names or len(set(names)) != len(names):
        raise mistake("Each batch request has an id of its own.")
    done: dict[str, Part] = {}
    for part in parts:
        done[part["id"]] = _part(part, done, one)
    responses = [
        {
            "id": name,
            "status": status,
            "headers": more,
            **({} if told is None else {"body": told}),
        }
        for name, (status, more, told) in done.items()
    ]
    return {"responses": responses[::-1]}


def _part(
    part: Mapping[str, Any],
    done: Mapping[str, Part],
    one: Callable[[str, str, list[tuple[str, str]], Any], Part],
) -> Part:
    needed = part.get("dependsOn") or []
    if any(name not in done for name in needed):
        raise mistake("dependsOn names no earlier request.")
    if any(done[name][0] >= HTTPStatus.BAD_REQUEST for name in needed):
        failed = ApiError(424, "FailedDependency", "A dependency failed.")
        return 424, {}, failed.body()
    headers = {str(name): str(value) for name, value in (part.get("headers") or {}).items()}
    if part.get("body") is not None and "content-type" not in {name.lower() for name in headers}:
        raise mistake("A batch request with a body has a Content-Type header.")
    url = part.get("url", "")
    if not url.startswith("/") or url.startswith("/v1.0"):
        raise mistake("The URL of a batch request is relative to the version.")
    return one(part.get("method", ""), url.lstrip("/"), list(headers.items()), part.get("body"))
