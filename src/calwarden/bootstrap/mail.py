"""What mail takes, put together from the settings."""

from collections.abc import Callable
from datetime import timedelta

from calwarden.domain.appointment import Appointment, Place
from calwarden.engine.services import Post, Words
from calwarden.engine.smtp import MailServer
from calwarden.practice.messages.house import House
from calwarden.practice.messages.rendering import Renderer
from calwarden.settings import Settings


def house(settings: Settings, *, link: Callable[[Appointment], str], home: str) -> House:
    """Return what every message and page says alike; ``home`` names the installation."""
    words = settings.practice
    return House(
        home=home,
        sender=settings.smtp.sender,
        public_url=settings.web.public_url,
        link=link,
        contact=words.contact,
        notice_hours=words.client_notice_hours,
        places={Place.OFFICE: words.office, Place.TELEHEALTH: words.telehealth},
    )


def renderer(settings: Settings, said: House) -> Renderer:
    """Return what puts messages into words."""
    return Renderer(said, settings.practice.templates)


def post(settings: Settings, *, words: Words) -> Post | None:
    """Return what delivers mail; None where no mail server is set."""
    smtp = settings.smtp
    if not smtp.host:
        return None
    server = MailServer(
        host=smtp.host,
        port=smtp.port,
        sender=smtp.sender,
        username=smtp.username,
        password=lambda: smtp.secret("password"),
        tls=smtp.tls,
        starttls=smtp.starttls,
        ca_file=smtp.ca_file,
        timeout=timedelta(seconds=smtp.timeout_seconds),
        allow_plain=settings.network.allow_private,
    )
    return Post(server=server, words=words)
