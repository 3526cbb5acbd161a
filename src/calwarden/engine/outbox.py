"""Delivery of what waits in the outbox: at least once, each message under one Message-ID.

A message is claimed in a transaction of its own, sent with none open, and settled in another. Two
senders never claim the same one; what a killed sender had claimed is sent again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Self

import structlog

from calwarden.domain.message import MessageStatus, redelivery
from calwarden.engine.letter import Unaddressable, letter, usable_address
from calwarden.engine.services import Post, Services
from calwarden.engine.smtp import ConnectionLost, MailError, MailSession, MessageRefused, ServerAway
from calwarden.practice.messages.correspondence import correspondence
from calwarden.store import outbox
from calwarden.store.outbox import OutboxMessage

CLAIM = timedelta(minutes=10)
"""Longer than a conversation with a slow mail server can take."""

MOST_AT_ONCE = 500
MOST_LOST = 3
"""Connections lost one after the other, after which the rest waits for the next round."""

log = structlog.get_logger("calwarden.outbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one round did. ``failed`` wait for another try, ``dead`` for a person."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


def deliver(services: Services) -> Delivered:
    """Send what is due; a mail server that is away is no error, the messages wait."""
    post = services.post
    if post is None:
        return Delivered()
    with services.database.read() as connection:
        if not outbox.any_due(connection, now=services.clock.now()):
            return Delivered()
    with services.database.write() as tx:
        outbox.release_abandoned(tx, alive=services.alive, real=services.lease_clock.now())
    with Round(services, post) as one:
        return one.run()


class Unwritable(MailError):
    """The message cannot be put into words: a template or what it tells is at fault."""


class Round:
    """One round of delivery: one message after the other over one connection while it holds."""

    def __init__(self, services: Services, post: Post) -> None:
        self._services = services
        self._post = post
        self._session: MailSession | None = None
        self._lost = 0
        self._done = Delivered()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._hang_up()

    def run(self) -> Delivered:
        """Send until nothing is due or the mail server cannot be used."""
        for _ in range(MOST_AT_ONCE):
            message = self._claim()
            if message is None:
                break
            try:
                self._send(message)
            except ServerAway as error:
                self._failed(message, error)
                break
            except ConnectionLost as error:
                self._failed(message, error)
                self._hang_up()
                self._lost += 1
                if self._lost >= MOST_LOST:
                    break
            except (MailError, Unaddressable) as error:
                self._failed(message, error)
                self._lost = 0
            else:
                self._sent(message)
                self._lost = 0
        return self._done

    def _claim(self) -> OutboxMessage | None:
        services = self._services
        with services.database.write() as tx:
            return outbox.claim(
                tx,
                owner=services.owner,
                now=services.clock.now(),
                until=services.lease_clock.now() + CLAIM,
            )

    def _send(self, message: OutboxMessage) -> None:
        made, address = self._letter(message)
        self._services.failpoint("before_mail")
        if self._session is None:
            self._session = self._post.server.connect()
        self._session.send(made, address)
        self._services.failpoint("after_mail")

    def _letter(self, message: OutboxMessage) -> tuple[EmailMessage, str]:
        with self._services.database.read() as connection:
            people = correspondence(connection, message)
        address = usable_address(people)
        # one message that cannot be written stops no other
        try:
            rendered = self._post.words.render(message, people)
            return letter(message, rendered, people, self._post.server.sender), address
        except Exception as error:
            raise Unwritable(f"cannot be put into words ({type(error).__name__})") from error

    def _sent(self, message: OutboxMessage) -> None:
        with self._services.database.write() as tx:
            outbox.settle_sent(tx, message.id, now=self._services.clock.now())
        self._done = replace(self._done, sent=self._done.sent + 1)

    def _failed(self, message: OutboxMessage, error: MailError | Unaddressable) -> None:
        now = self._services.clock.now()
        for_good = isinstance(error, MessageRefused) and error.for_good
        again = redelivery(message.attempts, now, for_good=for_good).at
        if isinstance(error, Unaddressable):
            again = None
        with self._services.database.write() as tx:
            outbox.settle_failed(tx, message, problem=str(error), at=again)
        status = MessageStatus.DEAD if again is None else MessageStatus.WAITING
        kind = type(error).__name__
        log.warning("mail_not_sent", message_id=message.id, status=status.value, error=kind)
        done = self._done
        self._done = (
            replace(done, dead=done.dead + 1)
            if again is None
            else replace(done, failed=done.failed + 1)
        )

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
