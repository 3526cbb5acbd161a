"""The app: its routers behind one wall of headers and bounds."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from calwarden.web import client, errors, portal
from calwarden.web.pages import page
from calwarden.web.security import Hardened
from calwarden.web.services import Web, WebServices

home = APIRouter()


@home.api_route("/", methods=["GET", "HEAD"])
def front(web: Web) -> Response:
    """Say whose pages these are; what they hold is reached by links."""
    return page(web, "front.html", title="Appointments")


ROUTERS: tuple[APIRouter, ...] = (home, client.router, portal.router)


def create_app(services: WebServices, *, more: Iterable[APIRouter] = ()) -> ASGIApp:
    """Return the app of one installation, with further routers where some are given.

    It offers no description of itself to anybody.
    """
    app = FastAPI(title="calwarden", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    for router in (*ROUTERS, *more):
        app.include_router(router)
    app.mount("/static", StaticFiles(packages=[("calwarden.web", "static")]), name="static")
    errors.register(app)
    # outside of everything: what answers a fault stands outside of any middleware
    return Hardened(app, public_url=services.public_url)
