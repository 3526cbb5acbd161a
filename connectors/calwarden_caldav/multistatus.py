"""WebDAV bodies that we send, and the rows of a multistatus answer (RFC 4918, 4791, 6578)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from calwarden.sdk.errors import Transient
from calwarden_caldav.errors import MISSING
from calwarden_caldav.session import Reply, canonical, quoted

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
SERVER = "{http://calendarserver.org/ns/}"
INSUFFICIENT_STORAGE = 507

_PREFIXES = {DAV: "d", CALDAV: "c", SERVER: "s"}
_NAMESPACES = " ".join(f'xmlns:{prefix}="{name[1:-1]}"' for name, prefix in _PREFIXES.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One resource in an answer.

    ``properties`` holds the elements of properties that were found.
    """

    path: str
    status: int | None
    properties: dict[str, Any]

    @property
    def missing(self) -> bool:
        """Whether the server says that nothing stands there (any more)."""
        return self.status in MISSING

    @property
    def etag(self) -> str | None:
        """The entity tag, quoted."""
        return quoted(self.text(f"{DAV}getetag"))

    def text(self, name: str) -> str | None:
        """Return the text of a property; None where it is absent or empty."""
        element = self.properties.get(name)
        text = None if element is None else (element.text or "").strip()
        return text or None

    def hrefs(self, name: str) -> list[str]:
        """Return the hrefs inside a property, as spelled."""
        element = self.properties.get(name)
        found = [] if element is None else element.iter(f"{DAV}href")
        return [each.text.strip() for each in found if each.text and each.text.strip()]

    def names(self, name: str) -> set[str]:
        """Return the names of all elements inside a property."""
        element = self.properties.get(name)
        if element is None:
            return set()
        return {str(each.tag) for each in element.iter() if isinstance(each.tag, str)} - {name}


def rows(reply: Reply) -> list[Row]:
    """Return the rows of a multistatus; raises `Transient` where the answer is torn."""
    return list(_rows(_multistatus(reply)))


def sync_token(reply: Reply) -> str | None:
    """Return the new sync token of a sync-collection answer."""
    element = _multistatus(reply).find(f"{DAV}sync-token")
    return None if element is None or not element.text else str(element.text).strip()


def _multistatus(reply: Reply) -> Any:
    if reply.tree is None or reply.tree.tag != f"{DAV}multistatus":
        raise Transient("the server's answer is torn or no WebDAV; it is asked again later")
    return reply.tree


def _rows(tree: Any) -> Iterator[Row]:
    for response in tree.iterfind(f"{DAV}response"):
        href = response.find(f"{DAV}href")
        if href is None or not href.text:
            continue
        yield Row(
            path=canonical(href.text.strip()),
            status=_status(response),
            properties=dict(_properties(response)),
        )


def _properties(response: Any) -> Iterator[tuple[str, Any]]:
    for propstat in response.iterfind(f"{DAV}propstat"):
        if _status(propstat) not in {None, 200}:
            continue
        for prop in propstat.iterfind(f"{DAV}prop"):
            yield from ((child.tag, child) for child in prop if isinstance(child.tag, str))


def _status(element: Any) -> int | None:
    found = element.find(f"{DAV}status")
    words = [] if found is None or not found.text else found.text.split()
    return next((int(word) for word in words if word.isdecimal()), None)


def propfind(*names: str) -> str:
    """Return the body that asks for properties."""
    return _document("d:propfind", f"<d:prop>{_elements(names)}</d:prop>")


def sync_collection(token: str) -> str:
    """Return the body of a sync-collection report; the empty token asks for everything."""
    return _document(
        "d:sync-collection",
        f"<d:sync-token>{escape(token)}</d:sync-token><d:sync-level>1</d:sync-level>"
        "<d:prop><d:getetag/></d:prop>",
    )


def multiget(paths: Iterable[str]) -> str:
    """Return the body that asks for objects by their paths."""
    hrefs = "".join(f"<d:href>{escape(path)}</d:href>" for path in paths)
    return _document(
        "c:calendar-multiget", f"<d:prop><d:getetag/><c:calendar-data/></d:prop>{hrefs}"
    )


def uid_query(uid: str) -> str:
    """Return the body that asks for the events of a UID."""
    return _document(
        "c:calendar-query",
        '<d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name="VCALENDAR">'
        '<c:comp-filter name="VEVENT"><c:prop-filter name="UID">'
        f'<c:text-match collation="i;octet">{escape(uid)}</c:text-match>'
        "</c:prop-filter></c:comp-filter></c:comp-filter></c:filter>",
    )


def _document(root: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><{root} {_NAMESPACES}>{inner}</{root}>'


def _elements(names: Iterable[str]) -> str:
    spelled = []
    for name in names:
        namespace, _, local = name.partition("}")
        spelled.append(f"<{_PREFIXES[namespace + '}']}:{local}/>")
    return "".join(spelled)
