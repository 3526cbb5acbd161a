"""The web pages, put together from what an installation has."""

from starlette.types import ASGIApp

from calwarden.clock import Clock
from calwarden.domain.rules import Rules
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.store.unit_of_work import Database
from calwarden.web.app import create_app
from calwarden.web.forms import Forms
from calwarden.web.services import WebServices


def app(*, database: Database, clock: Clock, rules: Rules, links: Links, house: House) -> ASGIApp:
    """Return the app of the pages."""
    services = WebServices(
        database=database,
        clock=clock,
        rules=rules,
        links=links,
        house=house,
        forms=Forms(key=links.key),
    )
    return create_app(services)
