"""A provider's pages, by the link in a mail: do properly what was done in a calendar."""

from calwarden.web.portal.routes import router

__all__ = ["router"]
