"""WebDAV bodies that we send, and the rows of a multistatus answer (RFC 4918, 4791, 6578)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from calwarden.sdk.errors import Transient
from calwarden_caldav.errors import MISSING
from calwarden_caldav.guard import TooLarge
from calwarden_caldav.spelling import canonical, quoted

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
SERVER = "{http://calendarserver.org/ns/}"
INSUFFICIENT_STORAGE = 507
RESPONSE, TOKEN = f"{DAV}response", f"{DAV}sync-token"

MOST_TAGS = 40_000
"""Tags between the ends of two rows beyond which an answer is refused."""

MOST_BYTES = 4_000_000
"""Bytes between the ends of two rows: an object that we read, escaped in any way."""

MOST_ROWS = 100_000

_PREFIXES = {DAV: "d", CALDAV: "c", SERVER: "s"}
_NAMESPACES = " ".join(f'xmlns:{prefix}="{name[1:-1]}"' for name, prefix in _PREFIXES.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A property: its text, the hrefs inside it, and the names of its elements and components."""

    text: str | None
    hrefs: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    components: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One resource in an answer: where it stands, in one spelling and as the server spells it.

    ``properties`` holds those that were found.
    """

    path: str
    spelled: str
    status: int | None
    properties: Mapping[str, Value]

    @property
    def missing(self) -> bool:
        """Whether the server says that nothing stands there (any more)."""
        return self.status in MISSING

    @property
    def etag(self) -> str | None:
        """The entity tag, quoted."""
        return quoted(self.text(f"{DAV}getetag"))

    @property
    def size(self) -> int:
        """Bytes of the object, 0 where the server does not tell."""
        text = self.text(f"{DAV}getcontentlength") or ""
        return int(text[:18]) if text.isdecimal() else 0

    def text(self, name: str) -> str | None:
        """Return the text of a property; None where it is absent or empty."""
        value = self.properties.get(name)
        return None if value is None else value.text

    def hrefs(self, name: str) -> tuple[str, ...]:
        """Return the hrefs inside a property, as spelled."""
        value = self.properties.get(name)
        return () if value is None else value.hrefs

    def names(self, name: str) -> frozenset[str]:
        """Return the names of all elements inside a property."""
        value = self.properties.get(name)
        return frozenset() if value is None else value.names

    def components(self, name: str) -> frozenset[str]:
        """Return the names of iCalendar components that a property tells."""
        value = self.properties.get(name)
        return frozenset() if value is None else value.components


class Torn(Transient):
    """An answer that is no whole multistatus."""


class Multistatus:
    """Reads an answer row by row as its pieces come in, so that none is ever held whole.

    Depth, entities and the elements of one row are bounded. ``token`` is the new sync token.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.token: str | None = None
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=(RESPONSE, TOKEN),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._tags = 0
        self._bytes = 0
        self._torn = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises `TooLarge` for what no calendar server sends."""
        if self._torn:
            return
        # no answer needs one, and nothing but one declares entities
        if b"<!DOCTYPE" in piece and not self.rows:
            self._torn = True
            return
        self._tags += piece.count(b"<")
        self._bytes += len(piece)
        try:
            self._parser.feed(piece)
            for _, element in self._parser.read_events():
                self._take(element)
        except etree.XMLSyntaxError:
            self._torn = True
        if self._bytes > MOST_BYTES:
            raise TooLarge(f"a row of the answer is larger than {MOST_BYTES // 1_000_000} MB")
        if self._tags > MOST_TAGS:
            raise TooLarge(f"a row of the answer has more than {MOST_TAGS} elements")
        if len(self.rows) > MOST_ROWS:
            raise TooLarge(f"the answer tells more than {MOST_ROWS} objects")

    def finish(self) -> None:
        """Demand that the answer was whole; raises `Torn`."""
        try:
            root = None if self._torn else self._parser.close()
        except etree.XMLSyntaxError:
            root = None
        if root is None or root.tag != f"{DAV}multistatus":
            raise Torn("the server's answer is torn or no WebDAV; it is asked again later")

    def _take(self, element: Any) -> None:
        parent = element.getparent()
        if element.tag == TOKEN:
            if parent is not None and parent.tag == f"{DAV}multistatus":
                self.token = (element.text or "").strip() or None
            return
        row = _row(element)
        if row is not None:
            self.rows.append(row)
        self._tags = self._bytes = 0
        element.clear(keep_tail=False)
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def _row(response: Any) -> Row | None:
    href = response.find(f"{DAV}href")
    if href is None or not href.text:
        return None
    try:
        spelled = urlsplit(href.text.strip()).path
    except ValueError:
        return None
    return Row(
        path=canonical(spelled),
        spelled=spelled,
        status=_status(response),
        properties={name: _value(element) for name, element in _properties(response)},
    )


def _properties(response: Any) -> Iterator[tuple[str, Any]]:
    for propstat in response.iterfind(f"{DAV}propstat"):
        if _status(propstat) not in {None, 200}:
            continue
        for prop in propstat.iterfind(f"{DAV}prop"):
            yield from ((child.tag, child) for child in prop if isinstance(child.tag, str))


def _value(element: Any) -> Value:
    text = (element.text or "").strip() or None
    if not len(element):
        return Value(text=text)
    inner = [each for each in element.iter() if isinstance(each.tag, str)]
    return Value(
        text=text,
        hrefs=tuple(each.text.strip() for each in inner if each.tag == f"{DAV}href" and each.text),
        names=frozenset(each.tag for each in inner) - {element.tag},
        components=frozenset(each.get("name", "") for each in inner if each.tag == f"{CALDAV}comp"),
    )


def _status(element: Any) -> int | None:
    found = element.find(f"{DAV}status")
    words = [] if found is None or not found.text else found.text.split()
    return next((int(word[:4]) for word in words if word.isdecimal()), None)


def propfind(*names: str) -> str:
    """Return the body that asks for properties."""
    return _document("d:propfind", f"<d:prop>{_elements(names)}</d:prop>")


def sync_collection(token: str) -> str:
    """Return the body of a sync-collection report; the empty token asks for everything."""
    return _document(
        "d:sync-collection",
        f"<d:sync-token>{escape(token)}</d:sync-token><d:sync-level>1</d:sync-level>"
        "<d:prop><d:getetag/><d:getcontentlength/></d:prop>",
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
