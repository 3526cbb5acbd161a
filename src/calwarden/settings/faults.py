"""What is wrong with a configuration, in words, all of it at once."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

SECRET_SUFFIXES = ("secret", "password")

_WORDS = {
    "bool_parsing": "takes true or false",
    "bool_type": "takes true or false",
    "int_parsing": "takes a whole number",
    "int_type": "takes a whole number",
    "int_from_float": "takes a whole number",
    "float_parsing": "takes a number",
    "float_type": "takes a number",
    "string_type": "takes a text in quotes",
    "path_type": "takes the path of a file in quotes",
    "model_type": "is a section with settings of its own",
    "model_attributes_type": "is a section with settings of its own",
    "dict_type": "is a table",
    "list_type": "takes a list",
    "literal_error": "takes {expected}",
    "enum": "takes {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}


class SettingsFault(Exception):
    """The configuration cannot be used; ``problems`` says everything that is wrong with it."""

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the configuration ({source}) cannot be used:{lines}")


def unknown_keys(
    document: Mapping[str, Any], model: type[BaseModel], at: tuple[str, ...] = ()
) -> Iterator[str]:
    """Say of every key that is no setting which one may be meant."""
    for key, value in document.items():
        here = (*at, key)
        field = model.model_fields.get(key)
        if field is None:
            if model.model_config.get("extra") != "allow":
                yield f"{'.'.join(here)} is no setting{_nearest(key, model, at)}"
            continue
        section = section_of(field.annotation)
        if section is not None and isinstance(value, Mapping):
            yield from unknown_keys(value, section, here)


def in_words(error: ValidationError) -> Iterator[str]:
    """Say what is wrong with each value; unknown keys are told by `unknown_keys`."""
    for fault in error.errors(include_url=False):
        if fault["type"] == "extra_forbidden":
            continue
        name = ".".join(str(part) for part in fault["loc"] if not _is_branch(part))
        if fault["type"] == "value_error":
            yield f"{name} {fault['ctx']['error']}" if name else str(fault["ctx"]["error"])
            continue
        words = _WORDS.get(fault["type"])
        said = words.format(**fault.get("ctx", {})) if words else fault["msg"]
        yield f"{name}{_shown(name, fault['input'])} {said}"


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model behind an annotation; None for a plain value."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _nearest(key: str, model: type[BaseModel], at: tuple[str, ...]) -> str:
    paths = {name: ".".join((*at, name)) for name in model.model_fields}
    near = difflib.get_close_matches(key, paths, n=1)
    if near:
        return f"; did you mean {paths[near[0]]}?"
    elsewhere = [
        f"{name}.{key}"
        for name, field in model.model_fields.items()
        if (section := section_of(field.annotation)) is not None and key in section.model_fields
    ]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f"; {'.'.join(at) or 'the file'} has {', '.join(sorted(paths))}"


def _shown(name: str, value: Any) -> str:
    if name.endswith(SECRET_SUFFIXES) or isinstance(value, SecretStr | Mapping | list):
        return ""
    return f" = {value!r}"


def _is_branch(part: Any) -> bool:
    """Tell pydantic's own names of a union's branches from keys."""
    return isinstance(part, str) and ("[" in part or part in {"str", "literal", "int", "bool"})
