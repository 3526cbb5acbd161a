"""Pages from templates: the practice's name on each, no script and no style within."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from calwarden.store import people
from calwarden.store.errors import DatabaseError
from calwarden.web.services import WebServices

NAMELESS = "Your practice"


def page(
    web: WebServices,
    template: str,
    *,
    status: int = 200,
    practice: str | None = None,
    **values: Any,
) -> HTMLResponse:
    """Render a template; ``practice`` is looked up where it is not given."""
    shown: Mapping[str, Any] = {
        "practice": practice_name(web) if practice is None else practice,
        "contact": web.house.contact,
        "style": _style(),
        **values,
    }
    return HTMLResponse(_environment().get_template(template).render(shown), status_code=status)


def practice_name(web: WebServices) -> str:
    """Return the practice's name, or words in its place where it cannot be had."""
    try:
        with web.database.read() as connection:
            found = people.practice(connection)
    except DatabaseError:
        return NAMELESS
    return NAMELESS if found is None else found.name


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("calwarden.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    """Return the address of the style sheet; it changes with what is in it."""
    content = files("calwarden.web").joinpath("static/pages.css").read_bytes()
    return f"/static/pages.css?{hashlib.sha256(content).hexdigest()[:12]}"
