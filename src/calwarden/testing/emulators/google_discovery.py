"""Every request is checked against the discovery document that google-api-python-client ships.

What the document does not know is a mistake of the sender, so it is refused and remembered: the
real service would ignore some of it silently, and a test would never learn that a field did
nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

TYPES = {"string": str, "boolean": bool, "object": dict, "array": list}


@dataclass(frozen=True)
class Method:
    """One method of the document."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Any]
    scopes: frozenset[str]
    body: str | None


@dataclass
class Checked:
    """A request as the document reads it: typed parameters, and what is wrong with it."""

    method: Method
    path: dict[str, str]
    parameters: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the discovery document of calendar v3."""
    packaged = files("googleapiclient.discovery_cache") / "documents" / "calendar.v3.json"
    found: dict[str, Any] = json.loads(packaged.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def methods() -> tuple[Method, ...]:
    """Return every method of the document."""
    return tuple(_methods(document()))


def check(verb: str, path: str, query: Mapping[str, list[str]], body: Any) -> Checked | None:
    """Find the method that ``verb`` and ``path`` (below the service path) name.

    And check the request.
    """
    for method in methods():
        match = method.pattern.fullmatch(path)
        if match is not None and method.verb == verb:
            checked = Checked(
                method=method, path={k: unquote(v) for k, v in match.groupdict().items()}
            )
            _check_query(checked, query)
            _check_body(checked, body)
            return checked
    return None


def _methods(resource: Mapping[str, Any]) -> Iterator[Method]:
    for described in resource.get("methods", {}).values():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(described["path"]))
        yield Method(
            id=described["id"].removeprefix("calendar."),
            verb=described["httpMethod"],
            pattern=re.compile(pattern),
            parameters=described.get("parameters", {}),
            scopes=frozenset(described.get("scopes", ())),
            body=described.get("request", {}).get("$ref"),
        )
    for nested in resource.get("resources", {}).values():
        yield from _methods(nested)


def _check_query(checked: Checked, query: Mapping[str, list[str]]) -> None:
    known = {
        name: spec
        for name, spec in checked.method.parameters.items()
        if spec["location"] == "query"
    }
    for name, values in query.items():
        spec = known.get(name) or document()["parameters"].get(name)
        if spec is None:
            checked.problems.append(f"{checked.method.id}: unknown parameter {name}")
            continue
        if len(values) > 1 and not spec.get("repeated"):
            checked.problems.append(f"{checked.method.id}: parameter {name} given twice")
        read = [_read(checked, name, spec, value) for value in values]
        checked.parameters[name] = read if spec.get("repeated") else read[0]
    for name, spec in known.items():
        if spec.get("required") and name not in query:
            checked.problems.append(f"{checked.method.id}: parameter {name} is missing")


def _read(checked: Checked, name: str, spec: Mapping[str, Any], text: str) -> Any:
    where = f"{checked.method.id}: parameter {name}"
    if spec["type"] == "boolean":
        if text not in {"true", "false"}:
            checked.problems.append(f"{where} is no boolean")
        return text == "true"
    if spec["type"] == "integer":
        if not re.fullmatch(r"-?\d+", text):
            checked.problems.append(f"{where} is no integer")
            return 0
        number = int(text)
        if number < int(spec.get("minimum", number)) or number > int(spec.get("maximum", number)):
            checked.problems.append(f"{where} is out of range")
        return number
    if "enum" in spec and text not in spec["enum"]:
        checked.problems.append(f"{where} is none of its values")
    if spec.get("format") == "date-time" and not _is_moment(text):
        checked.problems.append(f"{where} is no RFC 3339 time with an offset")
    return text


def _check_body(checked: Checked, body: Any) -> None:
    name = checked.method.id
    if checked.method.body is None:
        if body is not None:
            checked.problems.append(f"{name}: takes no body")
        return
    if not isinstance(body, dict):
        checked.problems.append(f"{name}: body is no object")
        return
    _check_value(checked, name, {"$ref": checked.method.body}, body)


def _check_value(checked: Checked, where: str, spec: Mapping[str, Any], value: Any) -> None:
    if value is None:
        return
    if "$ref" in spec:
        spec = {**document()["schemas"][spec["$ref"]], "type": "object"}
    kind = spec.get("type", "object")
    if not _is_kind(kind, value):
        checked.problems.append(f"{where}: not of type {kind}")
        return
    if kind == "object":
        _check_members(checked, where, spec, value)
    elif kind == "array":
        for item in value:
            _check_value(checked, f"{where}[]", spec["items"], item)
    elif not FORMATS.get(spec.get("format", ""), lambda _text: True)(value):
        checked.problems.append(f"{where}: no {spec['format']}")


def _check_members(
    checked: Checked, where: str, spec: Mapping[str, Any], value: Mapping[str, Any]
) -> None:
    properties, others = spec.get("properties", {}), spec.get("additionalProperties")
    for name, member in value.items():
        inner = properties.get(name, others)
        if inner is None:
            checked.problems.append(f"{where}: unknown field {name}")
        else:
            _check_value(checked, f"{where}.{name}", inner, member)


def _is_kind(kind: str, value: Any) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES.get(kind, object))


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_local(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2027-01-04")


FORMATS = {"date-time": _is_local, "date": _is_date}
