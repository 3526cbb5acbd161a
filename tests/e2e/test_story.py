"""From an empty folder to settled drifts, through the console script and a real calendar server."""

import sqlite3
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.e2e


def new_york(text):
    """Read wall time in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))


NEAR, FAR = new_york("2026-12-01T10:00"), new_york("2026-12-03T10:00")
LATER = new_york("2026-12-01T13:00")
NEXT_DAY = new_york("2026-12-02T10:00")


def open_drift(installation):
    """Return the one drift that is open."""
    [drift] = installation.ask("drift", "list", "--status", "open", expect=1)["drifts"]
    return drift


def test_a_published_appointment_stands_in_the_calendar(published, person):
    """Linking and one pass put every appointment there; a second pass has nothing to write."""
    assert person.sees(NEAR)
    assert person.sees(FAR)
    assert person.sees(new_york("2026-12-04T14:00"))
    [calendar] = published.ask("sync")["calendars"]
    assert (calendar["outcome"], calendar["published"], calendar["steps"]) == ("done", 0, [])
    assert calendar["requests"] == 1


def test_an_edit_long_before_the_start_is_put_back_in_one_pass(published, person, server):
    """The pass that sees it reverts it, records it, and holds nothing afterwards."""
    person.drag(FAR, NEXT_DAY)
    [calendar] = published.ask("sync")["calendars"]
    assert calendar["reverted"] == 1
    assert person.sees(FAR)
    assert not person.sees(NEXT_DAY)
    [drift] = published.ask("drift", "list")["drifts"]
    assert (drift["kind"], drift["status"], drift["appointment"]) == ("moved", "reverted", "far")
    assert drift["severity"] == "claim"
    assert drift["claim"] == "cl-far"
    assert drift["before"]["start"] == "2026-12-03T10:00:00-05:00"
    assert drift["after"]["start"] == "2026-12-02T10:00:00-05:00"
    before = server.writes
    [calendar] = published.ask("sync")["calendars"]
    assert (calendar["requests"], server.writes) == (1, before)


def test_an_edit_close_to_the_start_waits_for_a_person_and_holds_the_claim(published, person):
    """Within two hours somebody may be acting on it: it is flagged, and the claim is held."""
    person.drag(NEAR, LATER)
    published.run("sync", expect=1)
    assert person.sees(LATER)
    drift = open_drift(published)
    assert (drift["verdict"], drift["claim_held"]) == ("flag", True)
    answer = published.ask("claims", "clearance", "cl-near", expect=1)
    assert not answer["may_send"]
    assert any(f"drift {drift['id']}" in reason for reason in answer["reasons"])


def test_accepting_moves_the_appointment_and_its_claim(published, person):
    """Accepted, the books follow the calendar, by the ordinary rules, and the claim is free."""
    person.drag(NEAR, NEXT_DAY)
    published.run("sync", expect=1)
    number = str(open_drift(published)["id"])
    published.run("drift", "resolve", number, "accept", "--reason", "agreed by phone")
    assert published.ask("appointments", "show", "near")["start"] == "2026-12-02T10:00:00-05:00"
    claim = published.ask("claims", "show", "cl-near")
    assert (claim["date_of_service"], claim["held"]) == ("2026-12-02", False)
    published.run("sync")
    assert person.sees(NEXT_DAY)
    assert published.ask("drift", "show", number)["status"] == "accepted"


def test_reverting_puts_the_event_back_at_the_next_pass(published, person):
    """The command records the decision; only the next pass writes to the calendar."""
    person.drag(NEAR, LATER)
    published.run("sync", expect=1)
    number = str(open_drift(published)["id"])
    published.run("drift", "resolve", number, "revert", "--reason", "it was a slip")
    assert person.sees(LATER)
    published.run("sync")
    assert person.sees(NEAR)
    assert not person.sees(LATER)
    assert published.ask("drift", "show", number)["status"] == "reverted"


def test_a_dismissed_drift_stays_and_is_not_flagged_again(published, person):
    """Dismissed, the event stays where it is, the claim is released, and no pass asks again."""
    person.drag(NEAR, LATER)
    published.run("sync", expect=1)
    number = str(open_drift(published)["id"])
    published.run("drift", "resolve", number, "dismiss", "--reason", "the provider's own note")
    published.run("sync")
    assert person.sees(LATER)
    assert published.ask("drift", "list", "--status", "open")["drifts"] == []
    assert not published.ask("claims", "show", "cl-near")["held"]


def test_a_verdict_on_an_older_revision_is_refused(published, person):
    """A drift that moved on since it was looked at is not decided by what was seen before."""
    person.drag(NEAR, LATER)
    published.run("sync", expect=1)
    seen = open_drift(published)
    person.drag(LATER, NEXT_DAY)
    published.run("sync", expect=1)
    ran = published.run(
        *("drift", "resolve", str(seen["id"]), "accept", "--reason", "agreed"),
        *("--revision", str(seen["revision"])),
        expect=4,
    )
    assert "moved on" in ran.err
    assert published.ask("appointments", "show", "near")["start"] == "2026-12-01T10:00:00-05:00"
    assert open_drift(published)["revision"] == seen["revision"] + 1


def test_a_reviewed_plan_is_what_is_written(stocked, person, server):
    """A dry run writes nothing anywhere; its digest, and no other, lets the plan through."""
    stocked.link(person.url)
    before = server.writes
    [planned] = stocked.ask("sync", "--dry-run", expect=None)["calendars"]
    assert len(planned["steps"]) == 3
    assert server.writes == before
    assert not person.sees(NEAR)
    refused = stocked.run("sync", "--approve", "0" * 64, expect=4)
    assert refused.err
    assert server.writes == before
    [done] = stocked.ask("sync", "--approve", planned["digest"])["calendars"]
    assert done["published"] == 3
    # two for each event, the listing, and the look at the end: what that tells is not read again
    assert done["requests"] <= 2 * 3 + 4
    assert person.sees(NEAR)


def test_a_dry_run_tells_what_it_found_and_its_digest_may_be_shortened(published, person, server):
    """What would be a drift is told in the words of the ledger; twelve characters name a plan."""
    person.drag(FAR, NEXT_DAY)
    before = server.writes
    [planned] = published.ask("sync", "--dry-run")["calendars"]
    [finding] = planned["findings"]
    assert (finding["kind"], finding["verdict"]) == ("moved", "revert")
    assert finding["before"]["start"] != finding["after"]["start"]
    assert server.writes == before
    published.run("sync", "--approve", planned["digest"][:11], expect=4)
    [done] = published.ask("sync", "--approve", planned["digest"][:12])["calendars"]
    assert done["reverted"] == 1


def test_unlinking_takes_unfinished_events_out(published, person):
    """The next pass after unlinking removes what has not ended, and the link is no more."""
    published.run("calendars", "unlink", "1")
    published.run("sync", expect=None)
    assert not person.sees(FAR)
    assert published.ask("calendars", "list")["calendars"] == []


def test_a_paused_calendar_is_left_alone(published, person):
    """Neither read nor written until it is resumed; then the edit made meanwhile is put back."""
    published.run("calendars", "pause", "1")
    person.drag(FAR, NEXT_DAY)
    [calendar] = published.ask("sync")["calendars"]
    assert (calendar["outcome"], calendar["requests"]) == ("paused", 0)
    assert person.sees(NEXT_DAY)
    published.run("calendars", "resume", "1")
    published.run("sync")
    assert person.sees(FAR)


def test_an_out_of_office_block_reaches_the_calendar_and_leaves_it(published, person):
    """A block is set over appointments, published as an event, and removed again."""
    start, end = "2026-12-03T09:00", "2026-12-03T12:00"
    block = published.ask(
        *("out-of-office", "add", "--provider", "dr-lee", "--start", start, "--end", end)
    )
    assert block["appointments"] == ["far"]
    published.run("sync")
    assert person.sees(new_york(start))
    published.run("out-of-office", "remove", block["id"])
    published.run("sync")
    assert not person.sees(new_york(start))


def test_no_client_is_named_outside_the_store(published, person):
    """Neither the events nor what commands say about drifts name the client."""
    person.drag(FAR, NEXT_DAY)
    said = published.run("sync", "--json").out + published.run("report", "drift").out
    remote = "".join(str(event.data) for event in person.events())
    assert "Canary" not in said + remote
    assert "SUMMARY:Session" in remote


def test_the_audit_log_verifies_until_somebody_changes_it(published):
    """Every step leaves an entry; one that is changed behind our back is found."""
    verdict = published.ask("audit", "verify")
    assert verdict["ok"]
    assert verdict["entries"] > 5
    with closing(sqlite3.connect(published.folder / "calwarden.db")) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    broken = published.ask("audit", "verify", expect=1)
    assert (broken["ok"], broken["first_bad"]) == (False, 3)


def test_the_report_tells_every_drift_in_three_forms(published, person):
    """HTML, CSV and JSON agree; the page needs nothing from outside."""
    person.drag(FAR, NEXT_DAY)
    person.drag(NEAR, LATER)
    published.run("sync", expect=1)
    rows = published.ask("report", "drift", "--format", "json")["rows"]
    assert sorted(row["appointment"] for row in rows) == ["far", "near"]
    table = published.run("report", "drift", "--format", "csv").out.splitlines()
    assert table[0].startswith("id,kind,status")
    assert len(table) == 3
    published.run("report", "drift", "--out", "report.html")
    page = (published.folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "cl-near is held" in page
    assert published.ask("report", "drift", "--until", "2026-11-30")["rows"] == []
    assert len(published.ask("report", "drift", "--since", "2026-12-01")["rows"]) == 2
