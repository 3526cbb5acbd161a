"""Laws of delivery: at least once, under one Message-ID, to one recipient, whatever the server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calwarden.domain.linked_calendar import LinkedCalendar
from calwarden.domain.message import FIRST_RETRY, LAST_RETRY, MOST_ATTEMPTS, MessageStatus
from calwarden.engine.outbox import deliver
from calwarden.engine.smtp import MailServer
from calwarden.engine.timers import tick
from calwarden.practice import messages
from calwarden.store import people
from calwarden.testing.clock import START
from servers.mail import free_port, mail_server, server_context, silent_server

HOURS_2 = timedelta(hours=2)
SAM, DANA = "sam@client.example", "dana@harbor.example"
ELSEWHERE = "127.1"
"""A spelling of this machine that looks like another one's name."""


class Killed(BaseException):
    """The process is gone, at once."""


def _calendar() -> LinkedCalendar:
    return LinkedCalendar(
        id=1,
        provider="dr-lee",
        connector="caldav",
        remote_id="https://dav.example/work",
        name="Work",
        created_at=START,
    )


def _new_address(bureau, address: str) -> None:
    with bureau.database.write() as tx:
        client = people.get_client(tx, "c-100")
        people.save_client(tx, replace(client, email=address))


def test_each_person_gets_one_mail_and_never_a_second(bureau, mailbox):
    """What was sent is not sent again, and nobody sees another's address."""
    bureau.do(messages.booked, [bureau.book()])
    done = bureau.deliver(mailbox.port)
    assert (done.sent, done.failed, done.dead) == (2, 0, 0)
    assert sorted(one.recipients for one in mailbox.letters) == [[DANA], [SAM]]
    bureau.clock.advance(HOURS_2)
    assert bureau.deliver(mailbox.port).sent == 0
    assert bureau.statuses() == ["sent", "sent"]
    assert SAM.encode() not in mailbox.to(DANA)[0].content


def test_the_same_news_is_queued_once(bureau):
    """A use case that tells twice tells once."""
    one = bureau.book()
    bureau.do(messages.booked, [one])
    bureau.do(messages.booked, [one])
    assert len(bureau.outbox()) == 2


def test_news_that_is_rolled_back_is_not_told(bureau):
    """The message lives and dies with the transaction that makes it true."""

    def tell_and_fail(tx, one, now):
        messages.booked(tx, [one], now=now)
        people.get_client(tx, "nobody")

    one = bureau.book()
    with pytest.raises(LookupError):
        bureau.do(tell_and_fail, one)
    assert bureau.outbox() == []


def test_a_server_that_is_away_stops_nothing_and_loses_nothing(bureau):
    """Messages wait, are due two hours later at the latest, and then go out once."""
    bureau.do(messages.booked, [bureau.book()])
    port = free_port()
    for _ in range(5):
        done = bureau.deliver(port)
        assert done.sent == 0
        assert done.failed == 1, "one message tries whether the server is there"
        bureau.clock.advance(HOURS_2)
    assert all(one.next_attempt_at <= bureau.now for one in bureau.outbox())
    with mail_server() as box:
        assert bureau.deliver(box.port).sent == 2
        assert len(set(box.ids)) == 2


def test_a_server_that_hangs_is_left_after_its_time(bureau):
    """A silent server costs one timeout, not one for each message."""
    bureau.do(messages.booked, [bureau.book()])
    with silent_server() as port:
        done = bureau.deliver(port, timeout=timedelta(seconds=0.3))
    assert (done.sent, done.failed) == (0, 1)
    assert "does not answer" in next(one.problem for one in bureau.outbox() if one.problem)


def test_a_connection_dropped_after_the_message_is_tried_under_the_same_name(bureau, mailbox):
    """The recipient's server tells the two apart by nothing: both copies are one message."""
    bureau.do(messages.relink_needed, _calendar())
    mailbox.data.append("drop")
    assert bureau.deliver(mailbox.port).failed == 1
    bureau.clock.advance(FIRST_RETRY)
    assert bureau.deliver(mailbox.port).sent == 1
    first, second = mailbox.letters
    assert first.mail["Message-ID"] == second.mail["Message-ID"]
    assert (first.text, first.html) == (second.text, second.html)
    assert first.mail["Date"] == second.mail["Date"]


def test_a_dropped_connection_costs_only_its_own_message(bureau, mailbox):
    """The next one goes over a new connection, in the same round."""
    bureau.do(messages.booked, [bureau.book()])
    mailbox.data.append("drop")
    done = bureau.deliver(mailbox.port)
    assert (done.sent, done.failed) == (1, 1)
    assert mailbox.connections == 2


def test_a_refusal_for_now_is_tried_again(bureau, mailbox):
    """Greylisting delays a message; the others go meanwhile."""
    bureau.do(messages.booked, [bureau.book()])
    mailbox.recipients.append("450 4.2.0 Greylisted, try again")
    done = bureau.deliver(mailbox.port)
    assert (done.sent, done.failed) == (1, 1)
    bureau.clock.advance(FIRST_RETRY)
    assert bureau.deliver(mailbox.port).sent == 1
    assert len(mailbox.letters) == 2


def test_a_refusal_for_good_ends_as_a_dead_letter(bureau, mailbox):
    """After its third refusal a message waits for a person, and the cause names no address."""
    bureau.do(messages.relink_needed, _calendar())
    for _ in range(3):
        mailbox.recipients.append(f"550 5.1.1 <{DANA}> unknown")
        bureau.deliver(mailbox.port)
        bureau.clock.advance(HOURS_2)
    bureau.deliver(mailbox.port)
    (dead,) = bureau.outbox(MessageStatus.DEAD)
    assert dead.problem == "the mail server refused the recipient (550)"
    assert (dead.attempts, mailbox.letters) == (3, [])


def test_a_refused_message_text_is_that_messages_fault(bureau, mailbox):
    """554 after DATA concerns this message; the next one is sent over the same connection."""
    bureau.do(messages.booked, [bureau.book()])
    mailbox.data.append("554 5.7.1 Looks like spam")
    done = bureau.deliver(mailbox.port)
    assert (done.sent, done.failed, mailbox.connections) == (1, 1, 1)


def test_trying_ends_after_days(bureau):
    """A server that never comes back leaves a dead letter, not an endless queue."""
    bureau.do(messages.relink_needed, _calendar())
    port, began = free_port(), bureau.now
    while bureau.outbox()[0].status is MessageStatus.WAITING:
        bureau.deliver(port)
        bureau.clock.advance(LAST_RETRY)
    assert bureau.outbox()[0].attempts == MOST_ATTEMPTS
    assert bureau.now - began > timedelta(days=2)


def test_someone_without_an_address_is_a_dead_letter_at_once(bureau, mailbox):
    """Nobody is told nothing silently."""
    _new_address(bureau, "")
    bureau.do(messages.booked, [bureau.book()])
    done = bureau.deliver(mailbox.port)
    assert (done.sent, done.dead) == (1, 1)
    assert bureau.outbox(MessageStatus.DEAD)[0].problem == "client c-100 has no e-mail address"


@pytest.mark.parametrize(
    "address", ["sam", "@", "sam@", "a@b\r\nBcc: x@y.example", "Sam <sam@client.example>"]
)
def test_an_address_that_is_none_never_reaches_the_server(bureau, mailbox, address):
    """A broken address is a dead letter, and no header of its own."""
    _new_address(bureau, address)
    bureau.do(messages.booked, [bureau.book()])
    assert bureau.deliver(mailbox.port).dead == 1
    assert [one.recipients for one in mailbox.letters] == [[DANA]]


def test_the_address_is_the_one_that_holds_at_delivery(bureau, mailbox):
    """An address corrected in between is used."""
    bureau.do(messages.booked, [bureau.book()])
    _new_address(bureau, "new@client.example")
    bureau.deliver(mailbox.port)
    assert len(mailbox.to("new@client.example")) == 1


def test_what_one_person_is_told_of_one_appointment_keeps_its_order(bureau, mailbox):
    """A second move never overtakes the first: the last word is the true one."""
    first = bureau.book()
    second = bureau.change(first, start="2026-12-09T10:00")
    bureau.do(messages.moved, [messages.Change(before=first, after=second)])
    mailbox.recipients.extend(["450 later", "450 later"])
    bureau.deliver(mailbox.port)
    third = bureau.change(second, start="2026-12-10T10:00")
    bureau.do(messages.moved, [messages.Change(before=second, after=third)])
    assert bureau.deliver(mailbox.port).sent == 0
    bureau.clock.advance(HOURS_2)
    assert bureau.deliver(mailbox.port).sent == 4
    told = [letter.mail["Subject"][-10:] for letter in mailbox.to(SAM)]
    assert told == ["Wed, Dec 9"[-10:], "Thu, Dec 10"[-10:]]


def test_two_senders_never_send_the_same_message(any_bureau, mailbox):
    """Claims are rows: each message leaves through one of them."""
    for number in range(6):
        one = any_bureau.book(f"a-{number}", f"2026-12-0{number + 1}T10:00")
        any_bureau.do(messages.booked, [one])
    acts = [
        lambda owner=owner: any_bureau.deliver(mailbox.port, owner=owner)
        for owner in ("host/1", "host/2", "host/3")
    ]
    done = any_bureau.at_once(*acts)
    assert sum(one.sent for one in done) == 12
    assert len(mailbox.ids) == len(set(mailbox.ids)) == 12


def test_what_a_killed_sender_had_claimed_is_sent_again(bureau, mailbox):
    """The copy carries the same Message-ID; a living sender's claim is left alone."""

    def die(point):
        if point == "after_mail":
            raise Killed

    bureau.do(messages.relink_needed, _calendar())
    with pytest.raises(Killed):
        deliver(replace(bureau.services(mailbox.port, owner="host/1"), failpoint=die))
    assert bureau.statuses() == ["sending"]
    assert bureau.deliver(mailbox.port, owner="host/2").sent == 0
    assert bureau.deliver(mailbox.port, owner="host/2", alive=lambda _owner: False).sent == 1
    assert len(mailbox.ids) == 2
    assert len(set(mailbox.ids)) == 1


def test_no_transaction_is_open_while_mail_is_sent(bureau, mailbox):
    """A slow mail server blocks nobody's write."""
    written = []

    def write(point):
        if point in {"before_mail", "after_mail"}:
            with bureau.database.write() as tx:
                people.touch(tx, "dr-lee")
            written.append(point)

    bureau.do(messages.relink_needed, _calendar())
    deliver(replace(bureau.services(mailbox.port), failpoint=write))
    assert written == ["before_mail", "after_mail"]


def test_the_tick_sends_what_is_due(bureau, mailbox):
    """What the daemon does between polls, ``calwarden tick`` does too."""
    bureau.do(messages.booked, [bureau.book()])
    assert tick(bureau.services(mailbox.port)).sent == 2


def test_without_a_mail_server_messages_wait(bureau):
    """No host is no failure: nothing is tried, nothing is counted."""
    bureau.do(messages.booked, [bureau.book()])
    done = tick(replace(bureau.services(1), post=None))
    assert (done.sent, done.failed) == (0, 0)
    assert {one.attempts for one in bureau.outbox()} == {0}


class TestEncryption:
    """What travels in the clear, and what is trusted."""

    def test_a_server_here_needs_no_encryption(self, bureau, mailbox):
        """Nothing leaves the machine."""
        bureau.do(messages.relink_needed, _calendar())
        assert bureau.deliver(mailbox.port).sent == 1
        assert mailbox.encrypted == [False]

    def test_starttls_and_login_are_used_where_they_are_offered(self, bureau, certificate):
        """The password travels encrypted, and a known authority vouches for the server."""
        options = {"tls_context": server_context(certificate), "require_starttls": True}
        bureau.do(messages.relink_needed, _calendar())
        with mail_server(login=True, **options) as box:
            done = bureau.deliver(
                box.port,
                ca_file=certificate,
                username="mailer",
                password=lambda: "s3cret",
            )
            assert done.sent == 1
            assert (box.encrypted, box.users) == ([True], ["mailer"])

    def test_tls_from_the_first_byte(self, bureau, certificate):
        """As on port 465."""
        bureau.do(messages.relink_needed, _calendar())
        with mail_server(ssl_context=server_context(certificate)) as box:
            assert bureau.deliver(box.port, tls=True, ca_file=certificate).sent == 1
            assert box.encrypted == [True]

    def test_a_certificate_of_somebody_else_is_not_trusted(self, bureau, certificate, stranger):
        """A named authority is the only one that counts; the message waits."""
        options = {"tls_context": server_context(certificate), "require_starttls": True}
        bureau.do(messages.relink_needed, _calendar())
        with mail_server(**options) as box:
            assert bureau.deliver(box.port, ca_file=stranger).failed == 1
            assert box.letters == []
        assert "cannot be trusted" in bureau.outbox()[0].problem

    def test_a_wrong_password_keeps_messages_waiting(self, bureau, certificate):
        """It is the settings' fault, never the message's: nothing dies of it soon."""
        bureau.do(messages.relink_needed, _calendar())
        options = {"tls_context": server_context(certificate), "require_starttls": True}
        with mail_server(login=True, **options) as box:
            done = bureau.deliver(box.port, username="mailer", password=lambda: "wrong")
        assert done.failed == 1
        assert "refused user name and password" in bureau.outbox()[0].problem

    def test_another_machine_gets_nothing_in_the_clear(self, bureau, mailbox):
        """Without STARTTLS, or with it switched off, the message waits and says what to set."""
        bureau.do(messages.relink_needed, _calendar())
        for starttls in (True, False):
            done = bureau.deliver(mailbox.port, host=ELSEWHERE, starttls=starttls)
            assert done.failed == 1
            assert "see smtp.tls and smtp.starttls" in bureau.outbox()[0].problem
            bureau.clock.advance(HOURS_2)
        assert mailbox.letters == []

    def test_a_practice_may_trust_its_own_network(self, bureau, mailbox):
        """network.allow_private is the leave for it."""
        bureau.do(messages.relink_needed, _calendar())
        assert bureau.deliver(mailbox.port, host=ELSEWHERE, allow_plain=True).sent == 1

    @pytest.mark.parametrize(
        ("host", "here"),
        [
            ("localhost", True),
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("::1", True),
            ("[::1]", True),
            ("mail.localhost", True),
            ("localhost.example", False),
            ("10.0.0.1", False),
            ("127.0.0.1.example", False),
        ],
    )
    def test_only_this_machine_is_here(self, host, here):
        """A name that begins like this machine's is not this machine."""
        assert MailServer(host=host, port=25, sender="a@b.example").here is here
