"""Portal messages: what provider and client write to each other, kept in the store.

The e-mail about one says only that it is there.
"""

from datetime import datetime

from sqlalchemy import Connection

from calwarden.domain.message import MessageKind, Reader, Recipient
from calwarden.domain.refusal import Refused
from calwarden.practice.messages.facts import appointment_facts
from calwarden.store import appointments, outbox, people, threads
from calwarden.store.outbox import NewMessage
from calwarden.store.threads import ThreadMessage

LONGEST = 5000


def write(
    tx: Connection, appointment: str, author: Reader, body: str, *, now: datetime
) -> ThreadMessage:
    """Write to the other person of an appointment, who is told by e-mail that there is a message.

    Raises `Refused` for an empty or endless text, `NotFound`.
    """
    text = body.strip()
    if not text or len(text) > LONGEST:
        raise Refused(
            f"a message has 1 to {LONGEST} characters", next_step="write a text of that length"
        )
    one = appointments.get(tx, appointment)
    posted = post(
        tx,
        provider=one.provider,
        client=one.client,
        author=author,
        body=text,
        appointment=one.ref,
        now=now,
    )
    to = Recipient.client(one.client)
    if author is Reader.CLIENT:
        to = Recipient.provider(one.provider)
    facts = {"appointment": appointment_facts(tx, one), "thread": posted.thread_id}
    new = NewMessage(
        kind=MessageKind.PORTAL_MESSAGE,
        to=to,
        key=str(posted.id),
        facts=facts,
        appointment=one.ref,
    )
    outbox.add(tx, new, now=now)
    return posted


def post(
    tx: Connection,
    *,
    provider: str,
    client: str,
    author: Reader,
    body: str,
    appointment: str | None,
    now: datetime,
) -> ThreadMessage:
    """Add a message to the thread of two people, which begins with the first; sends no mail."""
    people.get_provider(tx, provider)
    people.get_client(tx, client)
    known = threads.between(tx, provider, client)
    thread = threads.insert_one(tx, provider, client, now=now) if known is None else known.id
    threads.append(tx, thread, author=author, body=body, appointment=appointment, now=now)
    return threads.messages(tx, thread)[-1]


def read_thread(
    tx: Connection, provider: str, client: str, reader: Reader, *, now: datetime
) -> list[ThreadMessage]:
    """Return what two people wrote, oldest first, and note that ``reader`` has read it."""
    thread = threads.between(tx, provider, client)
    if thread is None:
        return []
    threads.mark_read(tx, thread.id, reader, now=now)
    return threads.messages(tx, thread.id)
