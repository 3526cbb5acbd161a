"""Messages through the console script: queued by a command, sent by a tick, looked after by ops."""

import re

import pytest

from servers.mail import free_port, mail_server

pytestmark = pytest.mark.e2e

SAM, DANA = "sam@client.example", "dana@harbor.example"
PRACTICE = {
    "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
    "providers": [
        {"ref": "dr-lee", "name": "Dana Lee", "email": DANA, "timezone": "America/New_York"}
    ],
    "clients": [{"ref": "c-1", "name": "Sam Canary", "email": SAM, "timezone": "America/Chicago"}],
    "appointments": [
        {
            "ref": "a-1",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-08T10:00",
            "minutes": 50,
        }
    ],
}
MOVE = ("appointments", "reschedule", "a-1", "--start", "2026-12-10T14:00")
LATER = "2026-12-01T11:00:00-05:00"
EVENING = "2026-12-01T13:00:00-05:00"
NIGHT = "2026-12-01T15:00:00-05:00"


@pytest.fixture
def mailing(fresh):
    """An installation whose people have addresses; no mail server is set."""
    fresh.run("import", fresh.write("practice.json", PRACTICE))
    return fresh


def smtp(port: int, **more: str) -> dict[str, str]:
    return {"CALWARDEN__SMTP__HOST": "127.0.0.1", "CALWARDEN__SMTP__PORT": str(port), **more}


def test_an_import_sends_no_mail_and_a_change_one_to_each(mailing):
    """The link in the client's mail opens the appointment at its new time."""
    with mail_server() as box:
        mailing.run("tick", **smtp(box.port))
        assert box.letters == []
        mailing.run(*MOVE)
        mailing.run("tick", **smtp(box.port))
        mailing.run("tick", **smtp(box.port))
        assert sorted(one.recipients for one in box.letters) == [[DANA], [SAM]]
        (token,) = re.findall(r"/c/(\S+)", box.to(SAM)[0].text)
    shown = mailing.ask("client", "show", token)
    assert shown["appointment"]["ref"] == "a-1"
    assert "2026-12-10" in shown["appointment"]["start"]


def test_no_command_fails_because_the_mail_server_is_away(mailing):
    """Messages wait, doctor says so, and two hours later they go out once."""
    away = smtp(free_port())
    mailing.run(*MOVE, **away)
    mailing.run("tick", **away)
    told = mailing.run("doctor", "--json", expect=1, **away).document
    checks = {one["name"]: one["message"] for one in told["checks"]}
    assert "does not answer" in checks["mail"]
    assert "1 message failed" in checks["outbox"]
    mailing.now = LATER
    with mail_server() as box:
        mailing.run("tick", **smtp(box.port))
        assert len(set(box.ids)) == len(box.letters) == 2


def test_a_dead_letter_is_seen_and_can_be_sent_again(mailing):
    """Who cannot be reached is named by ref, never by address."""
    mailing.run(*MOVE)
    with mail_server() as box:
        for moment in (mailing.now, LATER, EVENING):
            mailing.now = moment
            box.recipients.extend([f"550 5.1.1 <{SAM}> unknown", f"550 5.1.1 <{DANA}> unknown"])
            mailing.run("tick", **smtp(box.port))
        told = mailing.run("doctor", expect=1, **smtp(box.port))
        assert "2 dead letters" in told.out
        listed = mailing.run("messages", "list", "--status", "dead")
        assert "(550)" in listed.out
        assert "client.example" not in listed.out + listed.err + told.out + told.err
        mailing.run("messages", "retry", "1")
        mailing.run("messages", "retry", "1", expect=4)
        mailing.now = NIGHT
        mailing.run("tick", **smtp(box.port))
        assert len(box.letters) == 1


def test_messages_that_nobody_will_send_are_a_warning(mailing):
    """Without a mail server a client would wait for ever."""
    mailing.run(*MOVE)
    told = mailing.ask("doctor", expect=1)
    assert any("set a mail server" in one["message"] for one in told["checks"])


def test_previews_show_every_template_as_the_practice_will_send_it(mailing):
    """Text, HTML, the file; to the screen or to a file; a template of one's own among them."""
    names = [one["name"] for one in mailing.ask("messages", "templates")["templates"]]
    assert {"client/moved", "provider/proposal"} <= set(names)
    assert mailing.run("messages", "preview", "moved").out.startswith("Subject: New time")
    assert mailing.run("messages", "preview", "client/asked", "--format", "html").out.startswith(
        "<!doctype html>"
    )
    mailing.run("messages", "preview", "booked", "--out", "booked.ics")
    file = (mailing.folder / "booked.ics").read_bytes()
    assert file.startswith(b"BEGIN:VCALENDAR\r\n")
    shown = mailing.ask("messages", "preview", "provider/cancelled")
    assert {"subject", "text", "html", "calendar", "template"} == set(shown)
    refused = mailing.run("messages", "preview", "nothing", expect=2)
    assert "client/moved" in refused.err


def test_a_template_of_ones_own_that_fails_is_told_by_preview_and_doctor(mailing):
    """And mail goes out in our words meanwhile."""
    (mailing.folder / "words" / "client").mkdir(parents=True)
    own = mailing.folder / "words" / "client" / "moved.jinja"
    own.write_text("{% extends layout %}{% block subject %}Hi{% endblock %}{{ oops")
    mailing.configure('practice.templates = "words"')
    assert "client/moved" in mailing.run("messages", "preview", "moved", expect=2).err
    told = mailing.ask("doctor", expect=1)
    assert any("client/moved fails" in one["message"] for one in told["checks"])
    mailing.run(*MOVE)
    with mail_server() as box:
        mailing.run("tick", **smtp(box.port))
        assert "has a new time" in box.to(SAM)[0].text


def test_what_is_logged_names_nobody(mailing):
    """A refusal quotes the address; the log and the errors do not."""
    mailing.run(*MOVE)
    with mail_server() as box:
        box.recipients.extend([f"550 5.1.1 <{SAM}> unknown"] * 2)
        ran = mailing.run("tick", "--json", **smtp(box.port))
    assert ran.document["failed"] == 2
    assert "mail_not_sent" in ran.err
    for secret in (SAM, DANA, "Sam", "Canary"):
        assert secret not in ran.err + ran.out


BILLED = {
    "payers": [{"ref": "ACME", "name": "Acme Health"}],
    "appointments": [
        {
            "ref": "a-0",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-11-30T10:00",
            "minutes": 50,
        }
    ],
    "claims": [{"ref": "cl-0", "appointment": "a-0", "payer": "ACME", "status": "submitted"}],
}
ROSA = "rosa@harbor.example"


def test_billing_gets_one_digest_a_day_by_tick(mailing):
    """From its hour on, once, with refs and without names."""
    mailing.run("import", mailing.write("billed.json", BILLED))
    mailing.run("appointments", "no-show", "a-0")
    mailing.configure(f'digest.recipients = ["{ROSA}"]', "digest.hour = 9")
    with mail_server() as box:
        for hour in ("08:59", "09:00", "09:01", "18:00"):
            mailing.now = f"2026-12-01T{hour}:00-05:00"
            mailing.run("tick", **smtp(box.port))
        (letter,) = box.letters
        assert letter.recipients == [ROSA]
        assert "cl-0" in letter.text
        assert "Canary" not in letter.text + letter.html
        assert letter.mail["Subject"] == "1 work item"
        mailing.now = "2026-12-02T09:00:00-05:00"
        mailing.run("tick", **smtp(box.port))
        assert len(box.letters) == 2
