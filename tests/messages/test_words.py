"""Laws of wording: who reads what, in which zone, and what never leaves the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from calwarden.domain.appointment import Place, Status
from calwarden.domain.drift import DriftKind
from calwarden.domain.message import MessageKind, Reader
from calwarden.domain.refusal import Refused
from calwarden.engine.letter import letter
from calwarden.practice import messages
from calwarden.practice.messages import drift_wording
from calwarden.practice.messages.calendar_file import Entry, calendar_file
from calwarden.practice.messages.correspondence import correspondence
from calwarden.practice.messages.rendering import TEMPLATES, Renderer
from calwarden.practice.messages.samples import sample
from calwarden.practice.messages.wording import ToldTime, told_moment, told_span
from calwarden.store import people, threads

URL = "https://cal.harbor.example"
NAME, ADDRESS = "Sam Rivera", "sam@client.example"
REASON, NOTE = "family emergency", "call me <b>Tuesday</b> & bring the form"


@pytest.fixture
def words(bureau):
    """Renders the last message queued for a reader, as its delivery would."""

    def render(reader: Reader, kind: MessageKind, folder=None):
        found = [one for one in bureau.outbox() if one.recipient.reader is reader]
        message = [one for one in found if one.kind is kind][-1]
        with bureau.database.read() as connection:
            who = correspondence(connection, message)
        return Renderer(bureau.house(), folder).render(message, who)

    return render


def events(data: bytes):
    return Calendar.from_ical(data).walk("VEVENT")


def test_a_new_time_is_told_to_both_each_in_their_own_zone(bureau, words):
    """10:00 in New York is 9:00 in Chicago, and the zone is named."""
    before = bureau.book()
    after = bureau.change(before, start="2026-12-10T10:00")
    bureau.do(messages.moved, [messages.Change(before=before, after=after)])
    client = words(Reader.CLIENT, MessageKind.MOVED)
    provider = words(Reader.PROVIDER, MessageKind.MOVED)
    for text in (client.text, client.html):
        assert "9:00 to 9:50 AM CST (America/Chicago)" in text
        assert "Thursday, December 10, 2026" in text
        assert "Tuesday, December 8, 2026" in text
    assert "10:00 to 10:50 AM EST (America/New_York)" in provider.text
    (event,) = events(client.calendar)
    assert event.start == after.start
    assert str(event["DTSTART"].params["TZID"]) == "America/Chicago"


def test_every_mail_to_a_client_carries_its_link_on_a_line_of_its_own(bureau, words):
    """Nothing stands around it that a mail program could take for a part of it."""
    one = bureau.book()
    bureau.do(messages.booked, [one])
    told = words(Reader.CLIENT, MessageKind.BOOKED)
    (line,) = [line for line in told.text.splitlines() if "/c/" in line]
    assert line == bureau.house().link(one)
    assert f'href="{line}"' in told.html


def test_a_provider_reads_the_clients_ref_never_the_name(bureau, words):
    """Provider mail leaves the practice too: subject, text, HTML and .ics know the ref only."""
    before = bureau.book()
    after = bureau.change(before, start="2026-12-10T10:00")
    bureau.do(messages.booked, [before])
    bureau.do(messages.moved, [messages.Change(before=before, after=after)])
    bureau.do(messages.cancelled, after, by=Reader.CLIENT, reason=REASON)
    bureau.do(messages.ask_expired, _ask(after))
    kinds = (
        MessageKind.BOOKED,
        MessageKind.MOVED,
        MessageKind.CANCELLED,
        MessageKind.ASK_EXPIRED,
    )
    for kind in kinds:
        told = words(Reader.PROVIDER, kind)
        everything = told.subject + told.text + told.html + told.calendar.decode()
        assert "c-100" in told.text
        assert NAME not in everything
        assert ADDRESS not in everything


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_subjects_and_files_name_nobody_and_nothing_medical(bureau, name):
    """A subject shows on a locked phone, a file in a calendar that others may see."""
    message, who = sample(*TEMPLATES[name], url=URL)
    told = Renderer(bureau.house()).render(message, who)
    file = "" if told.calendar is None else told.calendar.decode().replace("\r\n ", "")
    for secret in (NAME, ADDRESS, "c-100", "intake", "therap", "away on that day", "Mornings"):
        assert secret.lower() not in told.subject.lower()
        assert secret.lower() not in file.lower()
    assert told.subject == " ".join(told.subject.split())
    assert 0 < len(told.subject) < 80


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_makes_text_and_html_that_say_the_same(bureau, name):
    """One source for both: every address in the text is in the HTML, and nothing is left over."""
    message, who = sample(*TEMPLATES[name], url=URL)
    told = Renderer(bureau.house(contact="555-0102")).render(message, who)
    for line in told.text.splitlines():
        if line.startswith("http"):
            assert line.replace("&", "&amp;") in told.html
    assert who.name in told.text
    assert who.name in told.html
    for text in (told.text, told.html):
        assert "{{" not in text
        assert "None" not in text
        assert "  \n" not in text
    assert "<script" not in told.html
    assert "src=" not in told.html
    assert told.text.isascii()


def test_what_people_wrote_is_text_never_markup(bureau, words):
    """Names, reasons and notes are escaped in HTML and stay as written in text."""
    with bureau.database.write() as tx:
        provider = people.get_provider(tx, "dr-lee")
        people.save_provider(tx, replace(provider, name="<img src=x> Dana"))
    bureau.do(messages.asked, _ask(bureau.book()))
    told = words(Reader.CLIENT, MessageKind.ASKED)
    assert "<b>Tuesday" not in told.html
    assert "&lt;b&gt;Tuesday&lt;/b&gt; &amp; bring" in told.html
    assert "<img" not in told.html
    assert NOTE in told.text


def test_an_ask_says_why_until_when_and_what_follows(bureau, words):
    """Domain 3.4: reason, note, deadline in the client's zone, and the end without a fee."""
    bureau.do(messages.asked, _ask(bureau.book()))
    told = words(Reader.CLIENT, MessageKind.ASKED)
    assert REASON in told.text
    assert "Wednesday, December 2, 2026, 9:00 AM CST" in " ".join(told.text.split())
    assert "cancelled, without a fee" in " ".join(told.text.split())
    assert told.calendar is None


def test_reason_and_note_of_an_ask_stay_between_client_and_provider(bureau, words):
    """They are in the client's mail and the portal's thread, not in later mail."""
    one = bureau.book()
    bureau.do(messages.asked, _ask(one))
    bureau.do(messages.ask_reminder, _ask(one))
    bureau.do(messages.ask_withdrawn, _ask(one))
    for kind in (MessageKind.ASK_REMINDER, MessageKind.ASK_WITHDRAWN):
        told = words(Reader.CLIENT, kind)
        assert REASON not in told.text + told.html
    thread = bureau.do(messages.read_thread, "dr-lee", "c-100", Reader.CLIENT)
    assert [REASON in one.body and NOTE in one.body for one in thread] == [True]


def test_a_portal_message_is_never_in_the_mail_about_it(bureau, words):
    """The mail says that there is one."""
    bureau.book()
    bureau.do(messages.write, "a-1", Reader.PROVIDER, "Bring the blue folder.")
    bureau.do(messages.write, "a-1", Reader.CLIENT, "Will do.")
    told = words(Reader.CLIENT, MessageKind.PORTAL_MESSAGE)
    back = words(Reader.PROVIDER, MessageKind.PORTAL_MESSAGE)
    assert "blue folder" not in told.text + told.html
    assert "Will do" not in back.text + back.html


def test_a_thread_keeps_its_order_and_knows_what_was_read(bureau):
    """One thread for two people, whatever the appointment."""
    bureau.book()
    bureau.book("a-2", "2026-12-09T10:00")
    bureau.do(messages.write, "a-1", Reader.PROVIDER, "One")
    bureau.do(messages.write, "a-2", Reader.CLIENT, "Two")
    bureau.do(messages.read_thread, "dr-lee", "c-100", Reader.CLIENT)
    with bureau.database.read() as connection:
        (thread,) = threads.search(connection, client="c-100")
        first, second = threads.messages(connection, thread.id)
    assert (first.body, second.body) == ("One", "Two")
    assert first.read_at == bureau.now
    assert second.read_at is None


@pytest.mark.parametrize("body", ["", "  \n ", "x" * 5001])
def test_an_empty_or_endless_message_is_refused(bureau, body):
    """And nothing is stored."""
    bureau.book()
    with pytest.raises(Refused):
        bureau.do(messages.write, "a-1", Reader.CLIENT, body)
    assert bureau.outbox() == []


class TestWhatComesNext:
    """Every message says what happens next (domain 3.6)."""

    def test_a_cancellation_names_the_next_appointment_and_links_to_it(self, bureau, words):
        """The link is the one of the appointment that can still be changed."""
        one, following = bureau.book(), bureau.book("a-2", "2026-12-15T10:00")
        gone = bureau.change(one, status=Status.CANCELLED)
        bureau.do(messages.cancelled, gone, by=Reader.PROVIDER)
        told = words(Reader.CLIENT, MessageKind.CANCELLED)
        assert "Tuesday, December 15, 2026" in told.text
        assert bureau.house().link(following) in told.text
        assert bureau.house().link(one) not in told.text

    def test_a_cancellation_without_a_next_one_says_how_to_get_one(self, bureau, words):
        """And still carries a link."""
        gone = bureau.change(bureau.book(), status=Status.CANCELLED)
        bureau.do(messages.cancelled, gone, by=Reader.CLIENT, fee="75.00")
        told = words(Reader.CLIENT, MessageKind.CANCELLED)
        assert "no other appointment with Dana Lee" in told.text
        assert "fee of 75.00" in told.text
        assert "/c/" in told.text

    def test_a_cancelled_or_past_appointment_is_nobodys_next_one(self, bureau, words):
        """Only what stands and has not started is ahead."""
        bureau.change(bureau.book("a-0", "2026-12-05T10:00"), status=Status.LATE_CANCELLED)
        bureau.book("a-9", "2026-11-30T09:30")
        gone = bureau.change(bureau.book(), status=Status.CANCELLED)
        bureau.do(messages.cancelled, gone, by=Reader.PROVIDER)
        assert "no other appointment" in words(Reader.CLIENT, MessageKind.CANCELLED).text

    def test_a_time_that_can_no_longer_be_changed_online_says_whom_to_call(self, bureau, words):
        """23:59:59 ahead is too late, 24:00:00 is not."""
        bureau.do(messages.booked, [bureau.book("a-1", "2026-12-01T10:00:00")])
        assert "until 24 hours before" in words(Reader.CLIENT, MessageKind.BOOKED).text
        bureau.do(messages.booked, [bureau.book("a-2", "2026-12-01T09:59:59")])
        assert "contact Dana Lee directly" in words(Reader.CLIENT, MessageKind.BOOKED).text

    def test_many_moves_are_one_mail_that_lists_and_counts_them(self, bureau, words):
        """A series of 30 is no reason for 30 mails."""
        changes = []
        for number in range(30):
            day = datetime(2026, 12, 8, 10, tzinfo=UTC) + timedelta(days=number)
            before = bureau.book(f"s-1#{number}", f"{day:%Y-%m-%dT%H:%M}")
            after = bureau.change(before, start=f"{day:%Y-%m-%dT}14:00")
            changes.append(messages.Change(before=before, after=after))
        bureau.do(messages.moved, changes)
        assert len(bureau.outbox()) == 2
        told = words(Reader.CLIENT, MessageKind.MOVED)
        assert told.text.count("Instead of") == 12
        assert "And 18 more" in told.text
        assert len(events(told.calendar)) == 30


class TestTheFile:
    """The .ics attachment: RFC 5545 and RFC 5546, as Apple, Google and Outlook take it."""

    def test_a_later_file_takes_the_place_of_an_earlier_one(self, bureau, words):
        """One UID for ever, a SEQUENCE that rises, the last one CANCELLED."""
        one = bureau.book()
        bureau.do(messages.booked, [one])
        files = [words(Reader.CLIENT, MessageKind.BOOKED).calendar]
        moved = bureau.change(one, start="2026-12-09T10:00")
        bureau.do(messages.moved, [messages.Change(before=one, after=moved)])
        files.append(words(Reader.CLIENT, MessageKind.MOVED).calendar)
        gone = bureau.change(moved, status=Status.CANCELLED)
        bureau.do(messages.cancelled, gone, by=Reader.CLIENT)
        files.append(words(Reader.CLIENT, MessageKind.CANCELLED).calendar)
        told = [events(file)[0] for file in files]
        assert len({str(one["UID"]) for one in told}) == 1
        sequences = [int(one["SEQUENCE"]) for one in told]
        assert sequences == sorted(set(sequences))
        assert [str(one["STATUS"]) for one in told] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]

    def test_it_is_published_whole(self, bureau, words):
        """METHOD, ORGANIZER, DTSTAMP and the zone are there; no line is longer than 75 bytes."""
        bureau.do(messages.booked, [bureau.book(place=Place.TELEHEALTH)])
        file = words(Reader.CLIENT, MessageKind.BOOKED).calendar
        calendar = Calendar.from_ical(file)
        assert str(calendar["METHOD"]) == "PUBLISH"
        (zone,) = calendar.walk("VTIMEZONE")
        (event,) = calendar.walk("VEVENT")
        assert str(zone["TZID"]) == event["DTSTART"].params["TZID"]
        assert str(event["ORGANIZER"]) == "mailto:office@harbor.example"
        assert {"DTSTAMP", "DTEND", "SEQUENCE", "UID"} <= set(event)
        assert "ATTENDEE" not in event
        assert str(event["SUMMARY"]) == "Appointment with Dana Lee"
        assert str(event["LOCATION"]) == "Telehealth"
        assert str(event["CLASS"]) == "PRIVATE"
        assert file.count(b"\n") == file.count(b"\r\n")
        assert all(len(line) <= 75 for line in file.split(b"\r\n"))

    def test_each_readers_file_is_their_own(self, bureau, words):
        """The client's leads to the client's page, the provider's to the portal."""
        bureau.do(messages.booked, [bureau.book()])
        (client,) = events(words(Reader.CLIENT, MessageKind.BOOKED).calendar)
        (provider,) = events(words(Reader.PROVIDER, MessageKind.BOOKED).calendar)
        assert "/c/" in client["DESCRIPTION"]
        assert "/c/" not in provider["DESCRIPTION"]
        assert f"{URL}/portal/appointments/a-1" in provider["DESCRIPTION"]

    def test_a_local_time_that_comes_twice_is_told_in_utc_the_second_time(self):
        """RFC 5545 section 3.3.5 takes such a local time for the first of the two."""
        facts = {
            "ref": "a-1",
            "start": "2026-11-01T06:30:00+00:00",
            "end": "2026-11-01T07:20:00+00:00",
            "sequence": 1,
            "cancelled": False,
        }
        file = _file(facts)
        (event,) = events(file)
        assert event.start == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
        assert b"DTSTART:20261101T063000Z" in file

    @pytest.mark.parametrize("start", ["2026-03-08T02:30", "2026-11-01T01:30", "2026-07-01T10:00"])
    def test_the_instant_survives_the_file(self, bureau, words, start):
        """Across both clock changes the file names the moment that the store means."""
        bureau.clock.jump(datetime(2026, 1, 5, tzinfo=UTC))
        one = bureau.book(start=start)
        bureau.do(messages.booked, [one])
        for reader in (Reader.CLIENT, Reader.PROVIDER):
            (event,) = events(words(reader, MessageKind.BOOKED).calendar)
            assert event.start.astimezone(UTC) == one.start.astimezone(UTC)
            assert event.end.astimezone(UTC) == one.end.astimezone(UTC)


def _file(facts):
    entry = Entry(facts=facts, title="Appointment", place="Office", description="See it")
    return calendar_file(
        [entry],
        zone="America/New_York",
        organizer=("Harbor", "a@b.example"),
        home="x",
        at=datetime(2026, 10, 1, tzinfo=UTC),
    )


class TestTimes:
    """How times are told."""

    @pytest.mark.parametrize(
        ("moment", "zone", "told"),
        [
            ("2026-12-08T15:00:00+00:00", "America/Chicago", "9:00 AM CST (America/Chicago)"),
            ("2026-07-08T15:00:00+00:00", "America/Chicago", "10:00 AM CDT (America/Chicago)"),
            ("2026-11-01T05:30:00+00:00", "America/New_York", "1:30 AM EDT (America/New_York)"),
            ("2026-11-01T06:30:00+00:00", "America/New_York", "1:30 AM EST (America/New_York)"),
            ("2026-12-08T12:00:00+00:00", "UTC", "12:00 PM UTC"),
            (
                "2026-12-08T03:00:00+00:00",
                "America/Sao_Paulo",
                "12:00 AM UTC-03 (America/Sao_Paulo)",
            ),
        ],
    )
    def test_the_zone_is_always_named(self, moment, zone, told):
        """By its letters where it has some, by its offset where it has none."""
        time = told_moment(moment, zone)
        assert f"{time.hours} {time.zone}" == told

    def test_a_span_over_noon_and_one_over_midnight(self):
        """Both halves of the day, and both days, are said."""
        noon = {"start": "2026-12-08T11:30:00+00:00", "end": "2026-12-08T12:20:00+00:00"}
        night = {"start": "2026-12-08T23:30:00+00:00", "end": "2026-12-09T00:20:00+00:00"}
        assert told_span(noon, "UTC").hours == "11:30 AM to 12:20 PM"
        assert told_span(night, "UTC").hours == "11:30 PM to Wed, Dec 9, 12:20 AM"

    def test_a_whole_day_has_no_hours(self):
        """What was made an all-day event is told by its day."""
        facts = {
            "start": "2026-12-08T00:00:00-05:00",
            "end": "2026-12-09T00:00:00-05:00",
            "all_day": True,
        }
        told = told_span(facts, "America/Chicago")
        assert (told.short, told.hours) == ("Tue, Dec 8", "all day")

    def test_a_moment_needs_a_zone(self):
        """A naive time is refused where it enters."""
        with pytest.raises(ValueError, match="zone"):
            told_moment("2026-12-08T10:00:00", "UTC")
        assert ToldTime(start=datetime(2026, 1, 1, tzinfo=UTC)).short == "Thu, Jan 1"


class TestOwnTemplates:
    """Templates that a practice keeps in a folder of its own."""

    def test_a_template_of_the_practice_takes_the_place_of_ours(self, bureau, words, tmp_path):
        """The others stay as they are."""
        (tmp_path / "client").mkdir()
        (tmp_path / "client" / "booked.jinja").write_text(
            "{% extends layout %}{% block subject %}See you{% endblock %}"
            "{% block body %}{% call p() %}On {{ meetings[0].time.full }}."
            "{% endcall %}{% endblock %}"
        )
        bureau.do(messages.booked, [bureau.book()])
        own = words(Reader.CLIENT, MessageKind.BOOKED, tmp_path)
        assert own.subject == "See you"
        assert "On Tuesday, December 8, 2026" in own.text
        assert "<p" in own.html
        assert words(Reader.PROVIDER, MessageKind.BOOKED, tmp_path).subject.startswith("Booked")

    @pytest.mark.parametrize("broken", ["{% block", "{{ nothing_such }}", "{% extends 'x' %}"])
    def test_a_broken_template_gives_way_to_ours(self, bureau, words, tmp_path, broken):
        """A slip in a template keeps no client waiting; the check says what is wrong."""
        (tmp_path / "client").mkdir()
        (tmp_path / "client" / "booked.jinja").write_text(broken)
        bureau.do(messages.booked, [bureau.book()])
        assert "is booked for you" in words(Reader.CLIENT, MessageKind.BOOKED, tmp_path).text
        message, who = sample(Reader.CLIENT, MessageKind.BOOKED, url=URL)
        assert Renderer(bureau.house(), tmp_path).check("client/booked", message, who)
        assert Renderer(bureau.house()).check("client/booked", message, who) is None


@pytest.mark.parametrize("kind", DriftKind)
@pytest.mark.parametrize("put_back", [True, False])
def test_every_kind_of_drift_can_be_told(kind, put_back):
    """One sentence about what was done, one about what happens next."""
    facts = {"kind": kind.value, "put_back": put_back, "count": 1, "before": None, "after": None}
    assert drift_wording.sentence(facts).endswith(".")
    assert drift_wording.following(facts)[-1] in ".:"
    assert drift_wording.button(facts)
    assert "form" in drift_wording.summary({**facts, "address": "https://form"}, "UTC")


@pytest.mark.parametrize("name", ["Harbor\r\nBcc: x@y.example", 'Praxis Müller, "Nord" <b>'])
def test_a_name_is_never_a_header_of_its_own(bureau, name):
    """Line breaks, quotes and brackets in the practice's name stay in its name."""
    message, who = sample(Reader.CLIENT, MessageKind.BOOKED, practice=name, url=URL)
    rendered = Renderer(bureau.house()).render(message, who)
    made = letter(message, rendered, who, "office@harbor.example").as_bytes()
    head = made.split(b"\r\n\r\n")[0].decode()
    assert "\nBcc" not in head
    assert head.count("From:") == 1
    assert "office@harbor.example" in head


def _ask(one):
    return messages.AskNotice(
        id=1,
        appointment=one,
        deadline=datetime(2026, 12, 2, 15, tzinfo=UTC),
        reason=REASON,
        note=NOTE,
    )
