"""A real SMTP server on loopback that takes mail, or refuses, breaks off and hangs when told to."""

import asyncio
import email
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Letter:
    """One message as the server was handed it."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=SMTP_POLICY)

    @property
    def text(self) -> str:
        return self.mail.get_body(("plain",)).get_content()

    @property
    def html(self) -> str:
        return self.mail.get_body(("html",)).get_content()

    @property
    def calendar(self) -> bytes | None:
        files = list(self.mail.iter_attachments())
        return files[0].get_payload(decode=True) if files else None


@dataclass
class Mailbox:
    """What the server took, and what it is to do with the next commands.

    ``recipients`` and ``data`` hold answers for the next RCPT and DATA; ``drop`` in ``data`` takes
    the message and then breaks off without an answer.
    """

    letters: list[Letter] = field(default_factory=list)
    recipients: deque[str] = field(default_factory=deque)
    data: deque[str] = field(default_factory=deque)
    connections: int = 0
    users: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        answer = self.recipients.popleft() if self.recipients else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        answer = self.data.popleft() if self.data else "250 OK"
        if answer.startswith("250") or answer == "drop":
            letter = Letter(
                sender=envelope.mail_from,
                recipients=list(envelope.rcpt_tos),
                content=envelope.content,
            )
            self.letters.append(letter)
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        if answer == "drop":
            server.transport.abort()
            await asyncio.sleep(0)
        return answer

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        good = (data.login, data.password) == (b"mailer", b"s3cret")
        if good:
            self.users.append(data.login.decode())
        return AuthResult(success=good, handled=False)

    def to(self, address: str) -> list[Letter]:
        return [one for one in self.letters if one.recipients == [address]]

    @property
    def ids(self) -> list[str]:
        return [one.mail["Message-ID"] for one in self.letters]


@contextmanager
def mail_server(mailbox: Mailbox | None = None, **options) -> Iterator[Mailbox]:
    """Run a server; ``options`` are those of aiosmtpd."""
    box = Mailbox() if mailbox is None else mailbox
    if options.pop("login", False):
        options |= {"authenticator": box.authenticate, "auth_required": True}
    # aiosmtpd connects to itself when it starts: it must know its port before
    box.port = box.port or free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def silent_server() -> Iterator[int]:
    """Listen, and never say a word; yields the port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that takes everything, and what it took."""
    with mail_server() as box:
        yield box


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file that also vouches for it."""
    return _certified(tmp_path_factory.mktemp("certificate") / "server.pem")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory) -> Path:
    """Another such certificate, which vouches for nobody else."""
    return _certified(tmp_path_factory.mktemp("certificate") / "stranger.pem")


def _certified(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
