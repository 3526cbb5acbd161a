"""The web pages, put together from what an installation has."""

from functools import partial

from starlette.types import ASGIApp

from calwarden.bootstrap.connectors import Connectors, UnknownConnector
from calwarden.clock import Clock
from calwarden.domain.rules import Rules
from calwarden.practice.links import Links
from calwarden.practice.messages.house import House
from calwarden.sdk.push import PostingReader
from calwarden.store.unit_of_work import Database
from calwarden.web import webhooks
from calwarden.web.app import create_app
from calwarden.web.forms import Forms
from calwarden.web.services import WebServices


def app(
    *,
    database: Database,
    clock: Clock,
    rules: Rules,
    links: Links,
    house: House,
    connectors: Connectors,
) -> ASGIApp:
    """Return the app of the pages, and of what calendar services post to."""
    services = WebServices(
        database=database,
        clock=clock,
        rules=rules,
        links=links,
        house=house,
        forms=Forms(key=links.key),
    )
    hooks = webhooks.routes(partial(_posting_reader, connectors), database, clock)
    return create_app(services, more=[hooks])


def _posting_reader(connectors: Connectors, name: str) -> PostingReader | None:
    try:
        kind: object = connectors[name]
    except UnknownConnector:
        return None
    return kind if isinstance(kind, PostingReader) else None
