"""What the pages work with, put together by the composition root."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from calwarden.clock import Clock
from calwarden.domain.rules import Rules
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.store.unit_of_work import Database
from calwarden.web.forms import Forms


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """One installation, as its pages see it.

    ``house`` holds the practice's words and addresses; ``forms`` signs the forms of the pages.
    ``stale_after``: how long a form may lie on somebody's screen before it is shown afresh.
    """

    database: Database
    clock: Clock
    rules: Rules
    links: Links
    house: House
    forms: Forms
    stale_after: timedelta = timedelta(hours=12)

    @property
    def public_url(self) -> str:
        """Where people reach the pages, without a slash at its end."""
        return self.house.public_url


def services_of(request: Request) -> WebServices:
    """Return the services of the app that a request came to."""
    services = request.app.state.services
    if not isinstance(services, WebServices):
        raise TypeError("the app was made without its services")
    return services


Web = Annotated[WebServices, Depends(services_of)]
"""A parameter of a route: the services of its app."""
