"""Billing's mornings, through the console script on a real calendar server: no date is ever wrong.

Edits that cross midnight in one zone only, calendars that disagree, claims on file, what has been
held already, and the files that go to payers and come from them.
"""

import io
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import pyx12.params
import pyx12.x12n_document
from openpyxl import load_workbook

from calwarden.demo.person import Person
from fixtures.professional import Filed, Interchange, Service
from fixtures.remittance import Answered, Remittance

pytestmark = pytest.mark.e2e

NEW_YORK = "America/New_York"
THEN = date(2026, 11, 20)


def at(text):
    """Read wall time in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


def meeting(ref, start, provider="dr-lee"):
    return {"ref": ref, "provider": provider, "client": "c-1", "start": start, "minutes": 50}


def claim(ref, appointment, status="ready", **more):
    return {"ref": ref, "appointment": appointment, "payer": "ACME", "status": status, **more}


BILLING = {
    "providers": [
        {
            "ref": "dr-ray",
            "name": "Ray Moss",
            "timezone": NEW_YORK,
            "place_of_service_timezone": "America/Chicago",
        }
    ],
    "appointments": [
        meeting("late", "2026-12-02T22:30"),
        meeting("west", "2026-12-02T22:30", provider="dr-ray"),
        meeting("past", "2026-11-30T16:00"),
    ],
    "claims": [
        claim("cl-late", "late"),
        claim("cl-west", "west"),
        claim("cl-past", "past"),
        claim("cl-filed", "near", "submitted"),
    ],
}


@pytest.fixture
def office(stocked):
    """The practice with a provider whose sessions are given an hour further west."""
    assert stocked.ask("import", stocked.write("billing.json", BILLING))["refused"] == []
    return stocked


@pytest.fixture
def published(office, person):
    """Its appointments stand in Dana's calendar."""
    office.link(person.url)
    office.run("sync")
    return office


def drifts_of(installation, *more):
    found = installation.ask("drift", "list", "--status", "open", *more, expect=None)["drifts"]
    return {one["appointment"]: one for one in found}


def work(installation):
    return installation.ask("claims", "work", expect=None)["work"]


def test_past_midnight_in_one_zone_and_not_in_the_other(published, person, server):
    """The same drag changes the date of service in New York and keeps it in Chicago."""
    ray = Person(server.url, name="eve", password="another pass")
    ray.make_calendar("West")
    secret = published.write("secret", "another pass\n")
    published.run(
        *("link", "caldav", "--provider", "dr-ray", "--url", ray.url, "--username", "eve"),
        *("--password-file", secret),
    )
    published.run("sync")
    published.configure('policy.moved.ahead = "flag"')
    for one in (person, ray):
        one.drag(at("2026-12-02T22:30"), at("2026-12-03T00:30"))
    published.run("sync", expect=1)
    drifts = drifts_of(published)
    assert {ref: one["severity"] for ref, one in drifts.items()} == {
        "late": "claim",
        "west": "schedule",
    }
    claims = {one["ref"]: one for one in published.ask("claims", "list")["claims"]}
    assert (claims["cl-late"]["held"], claims["cl-west"]["held"]) == (True, False)
    assert {claims[ref]["date_of_service"] for ref in ("cl-late", "cl-west")} == {"2026-12-02"}
    # two hours before the start any question about the time holds the claim
    published.now = "2026-12-02T20:30:00-05:00"
    assert published.ask("claims", "show", "cl-west")["held"]
    rows = published.ask("report", "zones")["rows"]
    assert [(one["claim"], one["utc_date"]) for one in rows] == [
        ("cl-late", "2026-12-03"),
        ("cl-west", "2026-12-03"),
    ]
    ray.close()


def test_dragged_back_before_the_pass_nothing_has_happened(published, person, server):
    """Nothing is recorded, nothing is held, nothing is written."""
    there, back = at("2026-12-01T10:00"), at("2026-12-02T10:00")
    person.drag(there, back)
    person.drag(back, there)
    writes = server.writes
    published.run("sync")
    assert server.writes == writes
    assert published.ask("drift", "list")["drifts"] == []
    assert not any(one["held"] for one in published.ask("claims", "list")["claims"])


def test_two_calendars_that_disagree_are_settled_by_one_decision(published, person):
    """Each has its drift, each holds the claim; accepting one overtakes the other."""
    other = Person(person.url.split("/dana/")[0], name="dana", password="harbor: pass ü")
    other.make_calendar("Second")
    published.link(other.url)
    published.run("sync")
    near = at("2026-12-01T10:00")
    person.drag(near, at("2026-12-02T11:00"))
    other.drag(near, at("2026-12-04T09:00"))
    published.run("sync", expect=1)
    standing = published.ask("drift", "list", "--status", "open", expect=1)["drifts"]
    assert {one["after"]["start"][:10] for one in standing} == {"2026-12-02", "2026-12-04"}
    [held] = [one for one in published.ask("claims", "list")["claims"] if one["ref"] == "cl-near"]
    assert sorted(f"drift {one['id']}" in "; ".join(held["reasons"]) for one in standing) == [
        *(True, True),
    ]
    second = next(one for one in standing if one["after"]["start"].startswith("2026-12-04"))
    published.run("drift", "resolve", str(second["id"]), "accept", "--reason", "agreed by phone")
    published.run("sync")
    found = published.ask("drift", "list")["drifts"]
    assert sorted(one["status"] for one in found) == ["accepted", "superseded"]
    freed = published.ask("claims", "show", "cl-near")
    assert (freed["date_of_service"], freed["held"]) == ("2026-12-04", False)
    assert person.sees(at("2026-12-04T09:00"))
    other.close()


def test_accepted_after_the_claim_was_filed_then_paid(published, person):
    """Wait, then a replacement with the payer's number; the filing limit follows the true date."""
    person.drag(at("2026-12-01T10:00"), at("2026-12-02T10:00"))
    published.run("sync", expect=1)
    [noticed] = work(published)
    assert (noticed["kind"], noticed["claim"]) == ("drift_after_submission", "cl-filed")
    drift = str(drifts_of(published)["near"]["id"])
    published.run("drift", "resolve", drift, "accept", "--reason", "agreed by phone")
    [item] = work(published)
    assert (item["kind"], item["days_left"]) == ("wait_for_processing", 91)
    shown = published.ask("claims", "show", "cl-filed")
    assert (shown["date_of_service"], shown["status"]) == ("2026-12-01", "submitted")
    published.run("appointments", "reschedule", "near", "--start", "2026-12-04T10:00")
    [moved] = work(published)
    assert (moved["id"], moved["days_left"]) == (item["id"], 93)
    paid = Remittance(answers=[Answered(ref="cl-filed", number="ICN-77")])
    (published.folder / "paid.835").write_bytes(paid.content())
    assert published.ask("claims", "remit", "paid.835")["applied"] == 1
    [due] = work(published)
    assert (due["kind"], due["frequency_code"], due["original_reference"]) == (
        "replace",
        "7",
        "ICN-77",
    )
    early = published.ask("claims", "clearance", "cl-filed", expect=1)
    assert "still to come" in early["reasons"][0]
    published.now = "2026-12-05T09:00:00-05:00"
    assert published.ask("claims", "clearance", "cl-filed") == {
        "may_send": True,
        "date_of_service": "2026-12-04",
        "frequency_code": "7",
        "original_reference": "ICN-77",
        "reasons": [],
    }
    number = str(due["id"])
    published.run("claims", "work", "assign", number, "rosa")
    published.run("claims", "work", "note", number, "asked the payer for the form")
    [aged] = work(published)
    assert (aged["assignee"], aged["age_days"], aged["days_left"]) == ("rosa", 4, 89)
    published.run("claims", "set-status", "cl-filed", "submitted")
    assert work(published) == []
    closed = published.ask("claims", "work", "show", number)
    assert (closed["status"], len(closed["notes"])) == ("closed", 1)


def test_a_past_appointment_whose_event_was_moved_is_corrected(published, person):
    """It is evidence, not put back; once the books tell the truth, the claim may go with it."""
    person.drag(at("2026-11-30T16:00"), at("2026-11-29T16:00"))
    published.run("sync", expect=1)
    drift = drifts_of(published)["past"]
    assert (drift["verdict"], drift["claim_held"]) == ("flag", True)
    published.run(
        *("appointments", "correct", "past", "--start", "2026-11-29T16:00"),
        *("--reason", "the notes say Sunday"),
    )
    published.run("sync", expect=None)
    assert published.ask("drift", "show", str(drift["id"]))["status"] == "withdrawn"
    answer = published.ask("claims", "clearance", "cl-past")
    assert (answer["may_send"], answer["date_of_service"]) == (True, "2026-11-29")


def good(number):
    """Return a claim as it should stand in a file."""
    return Filed(ref=f"cl-{number:03}", services=[Service.on(THEN)])


WRONG = [
    replace(good(501), services=[Service.on(date(2026, 11, 21))]),
    replace(good(502), services=[Service.on(THEN), Service(when="20261119-20261120", form="RD8")]),
]
FAULTS = {
    "unknown_claim": Filed(ref="nobody", services=[Service.on(THEN)]),
    "held": Filed(ref="cl-held", services=[Service.on(THEN)]),
    "cancelled": Filed(ref="cl-off", services=[Service.on(THEN)]),
    "future_date": Filed(ref="cl-far", services=[Service.on(date(2026, 12, 3))]),
    "missing_original_reference": Filed(
        ref="cl-paid", services=[Service.on(date(2026, 11, 19))], frequency="7"
    ),
    "wrong_frequency_code": replace(good(503), frequency="8", reference="ICN-1"),
    "duplicate": good(1),
    "code_time_mismatch": Filed(ref="cl-long", services=[Service.on(THEN, "90837")]),
}


@pytest.fixture
def filing(office):
    """Five hundred claims that may go, and some that may not."""
    then = meeting("then", "2026-11-20T10:00")
    off, paid = meeting("off", "2026-11-20T12:00"), meeting("paid", "2026-11-20T14:00")
    held = meeting("asked", "2026-12-08T10:00")
    rows = [claim(f"cl-{number:03}", "then") for number in range(1, 504)]
    rows += [
        claim("cl-long", "then", documented_minutes=45),
        claim("cl-held", "asked"),
        claim("cl-off", "off"),
        claim("cl-paid", "paid", "paid", control_number="ICN-9"),
    ]
    document = {"appointments": [then, off, paid, held], "claims": rows}
    assert office.ask("import", office.write("filing.json", document))["refused"] == []
    office.run("appointments", "no-show", "off")
    office.run("appointments", "ask", "asked", "--reason", "away")
    start = ("--start", "2026-11-19T14:00", "--reason", "the notes")
    office.run("appointments", "correct", "paid", *start)
    return office


def written(installation, name, claims, **named):
    file = Interchange(claims=claims, per_set=100, **named)
    (installation.folder / name).write_bytes(file.content())
    return file


def test_a_file_is_checked_fixed_and_checked_again(filing):
    """Every fault is told, dates that may follow are put right, and nothing else."""
    fine = [good(number) for number in range(1, 501)]
    written(filing, "all.837", [*fine, *WRONG, *FAULTS.values()])
    found = filing.ask("claims", "check", "all.837", "--fix", "fixed.837", expect=1)
    told = {(one["kind"], one["claim"]) for one in found["findings"]}
    assert {(kind, one.ref) for kind, one in FAULTS.items()} <= told
    assert {("wrong_date", one.ref) for one in WRONG} <= told
    named = {one.ref for one in (*WRONG, *FAULTS.values())}
    assert {claim for _, claim in told} == named
    assert found["claims"] == 500 + len(WRONG) + len(FAULTS)
    assert [(one["claim"], one["after"]) for one in found["changes"]] == [
        ("cl-501", "20261120"),
        ("cl-502", "20261120-20261120"),
    ]
    again = filing.ask("claims", "check", "fixed.837", expect=1)
    assert {one["claim"] for one in again["findings"]} == {one.ref for one in FAULTS.values()}
    # without what a person has to settle first
    kept = written(filing, "kept.837", [*fine, *WRONG])
    filing.run("claims", "check", "kept.837", "--fix", "clean.837", expect=1)
    assert filing.ask("claims", "check", "clean.837")["may_send"]
    copy = (filing.folder / "clean.837").read_bytes()
    assert len(copy) == len(kept.content())
    assert copy[: copy.index(b"cl-501")] == kept.content()[: copy.index(b"cl-501")]
    answer = io.StringIO()
    assert pyx12.x12n_document.x12n_document(
        pyx12.params.params(), str(filing.folder / "clean.837"), answer, None, None
    )
    torn = copy[: len(copy) // 2]
    (filing.folder / "torn.837").write_bytes(torn)
    refused = filing.run("claims", "check", "torn.837", "--fix", "never.837", expect=2)
    assert "segment" in refused.err
    assert not (filing.folder / "never.837").exists()


def test_reports_are_written_as_their_files_end(published, person):
    """A workbook has real dates in the appointment's zone; a terminal never gets one."""
    person.drag(at("2026-12-03T10:00"), at("2026-12-03T15:00"))
    published.run("sync")
    published.run("report", "drift", "--out", "drift.xlsx", "--provider", "dr-lee")
    page = load_workbook(published.folder / "drift.xlsx").active
    heads, row = ([cell.value for cell in cells] for cells in page.iter_rows())
    told = dict(zip(heads, row, strict=True))
    assert told["before_start"] == datetime(2026, 12, 3, 10)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert told["after_start"] == datetime(2026, 12, 3, 15)  # noqa: DTZ001 - as above
    assert (told["appointment"], told["claim"]) == ("far", "cl-far")
    assert published.ask("report", "silence")["rows"] == []
    published.now = "2026-12-20T09:00:00-05:00"
    assert [one["reason"] for one in published.ask("report", "silence")["rows"]] == ["not_answered"]
    published.run("report", "zones", "--format", "csv", "--out", "zones.csv")
    assert "no provider" in published.run("report", "drift", "--provider", "x", expect=2).err
    published.write("policy.toml", 'moved = "flag"\n')
    tried = published.ask("policy", "try", "policy.toml")
    assert (tried["was"]["reverted"], tried["tried"]["flagged"]) == (1, 1)
    assert published.run("policy", "try", "nowhere.toml", expect=2).err
