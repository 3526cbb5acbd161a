"""A client's own pages, by the link in a mail: see the appointment, move it, cancel it."""

from calwarden.web.client.routes import router

__all__ = ["router"]
