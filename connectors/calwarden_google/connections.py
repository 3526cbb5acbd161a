"""Connections kept between polls: a sign-on to TLS costs more than a quiet look.

httplib2.Http is not thread-safe, so each is lent to one connector at a time. It holds no account's
secret: those go into each request.
"""

from datetime import timedelta
from typing import Any

import httplib2

from calwarden.sdk.pool import Pool


def opened(timeout: timedelta) -> Any:
    """Return a new connection that waits so long for an answer."""
    http = httplib2.Http(timeout=timeout.total_seconds())
    http.follow_redirects = False  # the API never redirects; nothing may lead us elsewhere
    return http


KEPT: Pool[timedelta, Any] = Pool(opened)
"""The process's own, by their timeout."""
