"""One spelling for what servers spell in several ways: hrefs, entity tags, addresses."""

from urllib.parse import quote, unquote_to_bytes, urlsplit

DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical(href: str) -> str:
    """Return the path of an href in one spelling: servers mix escaped and plain characters.

    Bytes that are no UTF-8 stay what they are.
    """
    segments = urlsplit(href).path.split("/")
    return "/".join(
        quote(unquote_to_bytes(segment), safe="@:!$&'()*+,;=~-._") for segment in segments
    )


def same_server(url: str, other: str) -> bool:
    """Tell whether two addresses name one server: scheme, host and port."""
    one, two = ((each.scheme, each.hostname, each.port) for each in map(urlsplit, (url, other)))
    return _with_port(*one) == _with_port(*two)


def quoted(etag: str | None) -> str | None:
    """Return an entity tag with the quotes that some servers forget."""
    if not etag:
        return None
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def strong(etag: str | None) -> bool:
    """Tell whether an entity tag may guard a write (RFC 9110 section 13.1.1).

    A weak one may not; ``~`` begins our own digest where a server gives none.
    """
    return etag is not None and etag.startswith('"')


def _with_port(
    scheme: str, host: str | None, port: int | None
) -> tuple[str, str | None, int | None]:
    return scheme, host, port or DEFAULT_PORTS.get(scheme)
