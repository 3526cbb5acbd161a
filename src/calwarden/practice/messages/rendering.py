"""Messages put into words at delivery: subject, text, HTML and the .ics attachment.

Templates lie under ``templates/mail``; a practice may keep its own of the same names in a folder.
One template makes both text and HTML, out of the parts in ``parts.txt`` and ``parts.html``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateRuntimeError,
)

from calwarden.domain.appointment import Appointment, Place
from calwarden.domain.message import MessageKind, Reader
from calwarden.practice.messages.calendar_file import Entry, calendar_file
from calwarden.practice.messages.correspondence import Correspondence
from calwarden.practice.messages.house import House, Rendered
from calwarden.practice.messages.views import View
from calwarden.store.outbox import OutboxMessage

GAP = re.compile(r"\n{3,}")

FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)
"""What a template that is at fault may raise."""

PARTS = ("p", "card", "quote", "button", "rule")

CLIENTS = (
    MessageKind.BOOKED,
    MessageKind.MOVED,
    MessageKind.CANCELLED,
    MessageKind.ASKED,
    MessageKind.ASK_REMINDER,
    MessageKind.ASK_WITHDRAWN,
    MessageKind.ASK_EXPIRED,
    MessageKind.PORTAL_MESSAGE,
)
PROVIDERS = (
    MessageKind.BOOKED,
    MessageKind.MOVED,
    MessageKind.CANCELLED,
    MessageKind.ASK_EXPIRED,
    MessageKind.PROPOSAL,
    MessageKind.RELINK_NEEDED,
    MessageKind.PORTAL_MESSAGE,
)
BILLING = (MessageKind.DIGEST,)

TEMPLATES: Mapping[str, tuple[Reader, MessageKind]] = {
    f"{reader}/{kind}": (reader, kind)
    for reader, kinds in (
        (Reader.CLIENT, CLIENTS),
        (Reader.PROVIDER, PROVIDERS),
        (Reader.BILLING, BILLING),
    )
    for kind in kinds
}
"""Every template by its name, with the reader and the kind that it is for."""

log = structlog.get_logger("calwarden.messages")


class Renderer:
    """Puts messages into words. A template of the practice that fails gives way to the shipped one.

    ``folder`` holds the practice's own templates.
    """

    def __init__(self, house: House, folder: Path | None = None) -> None:
        self.house = house
        self._folder = folder

    def render(self, message: OutboxMessage, people: Correspondence) -> Rendered:
        """Put a message into words for its recipient."""
        values = self.values(message, people)
        name = f"{message.recipient.reader}/{message.kind}.jinja"
        try:
            subject, text, html = self._own.render(name, values)
        except FAULTS as error:
            if self._folder is None:
                raise
            log.warning("template_failed", template=name, kind=type(error).__name__)
            subject, text, html = self._shipped.render(name, values)
        return Rendered(
            subject=subject, text=text, html=html, calendar=self._calendar(message, people)
        )

    def check(self, name: str, message: OutboxMessage, people: Correspondence) -> str | None:
        """Say why the practice's own template cannot be used; None where it can."""
        try:
            self._own.render(f"{name}.jinja", self.values(message, people))
        except FAULTS as error:
            line = getattr(error, "lineno", None)
            place = "" if line is None else f", line {line}"
            return f"{type(error).__name__}: {error}{place}"
        return None

    def values(self, message: OutboxMessage, people: Correspondence) -> dict[str, Any]:
        """Return what the template of a message can use."""
        house, reader = self.house, message.recipient.reader
        return {
            "reader": {
                "name": people.name,
                "zone": people.zone,
                "is_client": reader is Reader.CLIENT,
            },
            "practice": {"name": people.practice, "contact": house.contact},
            "provider": people.provider,
            "linked": people.linked,
            "notice_hours": house.notice_hours,
            "online": self._online(message),
            "link": self._address(
                message, people.following or people.appointment, people.to.reader
            ),
            **View(people=people, places=house.places).of(message.kind, message.facts),
        }

    def _online(self, message: OutboxMessage) -> bool:
        """Tell whether a client can still change every appointment of the message online."""
        last = message.created_at + timedelta(hours=self.house.notice_hours)
        told = [*_told(message), *filter(None, [message.facts.get("appointment")])]
        return all(datetime.fromisoformat(one["start"]) >= last for one in told)

    def _address(self, message: OutboxMessage, one: Appointment | None, reader: Reader) -> str:
        portal = f"{self.house.public_url}/portal"
        if message.kind is MessageKind.RELINK_NEEDED:
            return f"{portal}/calendars/{message.facts['calendar']}/link"
        if one is None:
            return f"{portal}/drifts"
        if reader is Reader.CLIENT:
            return self.house.link(one)
        return f"{portal}/appointments/{quote(one.ref, safe='')}"

    def _calendar(self, message: OutboxMessage, people: Correspondence) -> bytes | None:
        entries = list(self._entries(message, people))
        if not entries:
            return None
        return calendar_file(
            entries,
            zone=people.zone,
            organizer=(people.practice, self.house.sender),
            home=self.house.home,
            at=message.created_at,
        )

    def _entries(self, message: OutboxMessage, people: Correspondence) -> Iterator[Entry]:
        client = people.to.reader is Reader.CLIENT
        verb = "See, change or cancel it" if client else "Open it in the portal"
        address = self._address(message, people.appointment, people.to.reader)
        for facts in _told(message):
            yield Entry(
                facts=facts,
                title=f"Appointment with {people.provider}" if client else "Appointment",
                place=self.house.places[Place(facts["place"])],
                description=f"{verb}: {address}",
                # beside the event that calwarden keeps there it would look like an overlap
                busy=client or not people.linked,
            )

    @cached_property
    def _shipped(self) -> "_Templates":
        return _Templates(PackageLoader("calwarden.practice", "templates/mail"))

    @cached_property
    def _own(self) -> "_Templates":
        if self._folder is None:
            return self._shipped
        shipped = PackageLoader("calwarden.practice", "templates/mail")
        return _Templates(ChoiceLoader([FileSystemLoader(self._folder), shipped]))


class _Templates:
    """The templates of one place, once for text and once for HTML."""

    def __init__(self, loader: BaseLoader) -> None:
        self._text = _environment(loader, "txt")
        self._html = _environment(loader, "html")

    def render(self, name: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return subject, text and HTML."""
        template = self._text.get_template(name)
        if "subject" not in template.blocks:
            raise TemplateRuntimeError("the template has no block called subject")
        block = template.blocks["subject"](template.new_context({**values, "layout": "layout.txt"}))
        subject = " ".join("".join(block).split())
        text = template.render(layout="layout.txt", **values)
        html = self._html.get_template(name).render(layout="layout.html", subject=subject, **values)
        return subject, GAP.sub("\n\n", text).strip() + "\n", html


def _environment(loader: BaseLoader, kind: str) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=kind == "html",  # noqa: S701 - text is no markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["squeeze"] = lambda text: " ".join(str(text).split())
    environment.filters["plain"] = plain
    parts = environment.get_template(f"parts.{kind}").module
    environment.globals.update({name: getattr(parts, name) for name in PARTS})
    return environment


def plain(text: str) -> str:
    """Return a text of people without control characters, its line breaks kept."""
    lines = str(text).splitlines()
    return "\n".join("".join(sign for sign in line if sign.isprintable()) for line in lines)


def _told(message: OutboxMessage) -> list[Mapping[str, Any]]:
    facts = message.facts
    match message.kind:
        case MessageKind.BOOKED:
            return list(facts["appointments"])
        case MessageKind.MOVED:
            return [change["after"] for change in facts["changes"]]
        case MessageKind.CANCELLED | MessageKind.ASK_EXPIRED:
            return [facts["appointment"]]
        case _:
            return []
