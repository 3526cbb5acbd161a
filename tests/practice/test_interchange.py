"""What comes in from files: added, updated, refused with a reason, or kept as a conflict."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calwarden.domain.wall_time import local_text
from calwarden.practice import appointments as documents
from calwarden.practice import out_of_office
from calwarden.practice.interchange.merging import merge
from calwarden.practice.interchange.reading import Unreadable, read
from calwarden.store import appointments, people

PRACTICE_FILE = {
    "practice": {
        "name": "Harbor Practice",
        "timezone": "America/New_York",
        "telehealth_date_of_service": "provider",
    },
    "payers": [{"ref": "BCBS", "name": "Blue", "filing_limit_days": 90, "correction": "replace"}],
    "providers": [
        {
            "ref": "dr-new",
            "name": "Dana Lee",
            "email": "dana@harbor.example",
            "timezone": "America/New_York",
            "place_of_service_timezone": "America/New_York",
            "late_cancellation_fee": "75.00",
            "buffer_minutes": 10,
            "notice_hours": 12,
            "working_hours": {"mon": ["09:00-12:00", "13:00-18:00"], "tue": ["09:00-18:00"]},
        }
    ],
    "clients": [
        {
            "ref": "c-1",
            "name": "Sam Rivera",
            "email": "sam@client.example",
            "timezone": "America/Chicago",
        }
    ],
    "appointments": [
        {
            "ref": "a-1",
            "provider": "dr-new",
            "client": "c-1",
            "type": "intake",
            "place": "office",
            "start": "2026-12-01T10:00",
            "timezone": "America/New_York",
            "minutes": 50,
        },
        {
            "ref": "s-1",
            "provider": "dr-new",
            "client": "c-1",
            "type": "follow_up",
            "start": "2026-12-08T10:00",
            "timezone": "America/New_York",
            "minutes": 50,
            "repeat": {"every_weeks": 1, "count": 12},
        },
    ],
    "out_of_office": [
        {
            "ref": "o-1",
            "provider": "dr-new",
            "start": "2026-12-24T00:00",
            "end": "2026-12-27T00:00",
        }
    ],
    "claims": [
        {
            "ref": "cl-1",
            "appointment": "a-1",
            "payer": "BCBS",
            "status": "ready",
            "control_number": None,
            "procedure_code": "90834",
            "documented_minutes": 50,
        },
        {"ref": "cl-2", "appointment": "s-1#3", "payer": "BCBS", "status": "submitted"},
    ],
}


def appointment(ref="a-1", start="2026-12-01T10:00", **named):
    return {"ref": ref, "provider": "dr-lee", "client": "c-100", "start": start, **named}


def one(desk, **named):
    return desk.take_in({"appointments": [appointment(**named)]})


def refusal(report):
    assert len(report["refused"]) == 1, report
    assert (report["added"], report["updated"]) == (0, 0)
    return report["refused"][0]


def test_a_whole_practice_file_is_taken_in_and_taking_it_in_again_changes_nothing(any_desk):
    """Everything is known by its ref."""
    first = any_desk.take_in(PRACTICE_FILE)
    assert first["refused"] == first["conflicts"] == []
    assert first["added"] == 8
    assert any_desk.read(people.get_provider, "dr-new").late_cancellation_fee == "75.00"
    assert len(any_desk.read(appointments.search, series="s-1")) == 12
    assert any_desk.claim_document("cl-2")["date_of_service"] == "2026-12-22"
    before = any_desk.revision("dr-new")
    again = any_desk.take_in(PRACTICE_FILE)
    assert again == {**first, "added": 0, "updated": 0, "resolved": []}
    assert any_desk.revision("dr-new") == before
    assert any_desk.audit_holds()


def late_at_the_client(desk, payer):
    """A telehealth meeting that is on another day for the client, claimed at a payer."""
    payers = [
        {"ref": "BY-CLIENT", "name": "C", "telehealth_date_of_service": "client"},
        {"ref": "BY-HOUSE", "name": "H"},
    ]
    clients = [{"ref": "c-late", "name": "Late", "timezone": "Europe/London"}]
    row = appointment(ref="t-1", start="2026-12-01T20:00", client="c-late", place="telehealth")
    claims = [{"ref": "cl-t", "appointment": "t-1", "payer": payer}]
    return desk.take_in(
        {"payers": payers, "clients": clients, "appointments": [row], "claims": claims}
    )


def test_a_payer_may_have_a_rule_of_its_own_for_telehealth(desk):
    """Its claims are dated by the client's zone, though the practice counts the provider's."""
    assert late_at_the_client(desk, "BY-CLIENT")["refused"] == []
    assert desk.claim_document("cl-t")["date_of_service"] == "2026-12-02"
    desk.take_in({"claims": [{"ref": "cl-t", "payer": "BY-HOUSE"}]})
    assert desk.claim_document("cl-t")["date_of_service"] == "2026-12-01"


def test_a_payers_new_rule_redates_nothing_and_lists_the_claims_it_might(desk):
    """The zone that decides was copied onto the claim."""
    late_at_the_client(desk, "BY-HOUSE")
    rule = {"ref": "BY-HOUSE", "telehealth_date_of_service": "client"}
    assert desk.take_in({"payers": [rule]})["claims_touched"] == ["cl-t"]
    assert desk.claim_document("cl-t")["date_of_service"] == "2026-12-01"
    assert desk.take_in({"payers": [rule | {"name": "H2"}]})["claims_touched"] == []


def test_only_refs_names_and_times_have_to_be_given(desk):
    """The rest has defaults: the practice's zone, 50 minutes, the office, a follow-up."""
    report = desk.take_in(
        {
            "payers": [{"ref": "P", "name": "P"}],
            "providers": [{"ref": "p-1", "name": "Ann"}],
            "clients": [{"ref": "c-1", "name": "Bo"}],
            "appointments": [
                {"ref": "a-1", "provider": "p-1", "client": "c-1", "start": "2026-12-01T10:00"}
            ],
            "claims": [{"ref": "cl-1", "appointment": "a-1", "payer": "P"}],
        }
    )
    assert (report["added"], report["refused"]) == (5, [])
    shown = documents.document(desk.find("a-1"))
    assert (shown["type"], shown["place"]) == ("follow_up", "office")
    assert shown["end"] == "2026-12-01T10:50:00-05:00"
    assert desk.claim_document("cl-1")["status"] == "draft"


def test_a_field_changes_where_it_still_holds_what_was_imported_last(any_desk):
    """The claims that move along are named."""
    one(any_desk)
    any_desk.claim("cl-1", "a-1", "ready")
    report = one(any_desk, start="2026-12-03T11:00", minutes=30)
    assert (report["updated"], report["conflicts"]) == (1, [])
    assert report["claims_touched"] == ["cl-1"]
    changed = any_desk.find("a-1")
    assert (local_text(changed.start), changed.minutes) == ("2026-12-03T11:00:00", 30)


def test_a_field_that_was_changed_here_is_kept_and_reported(any_desk):
    """Also where the file has not changed; its other fields are imported all the same."""
    one(any_desk)
    any_desk.move("a-1", "2026-12-02T15:00")
    report = one(any_desk)
    assert report["conflicts"] == [
        {
            "kind": "appointment",
            "ref": "a-1",
            "field": "start",
            "kept": "2026-12-02T15:00:00",
            "imported": "2026-12-01T10:00:00",
        }
    ]
    assert report["updated"] == 0
    report = one(any_desk, start="2026-12-04T10:00", minutes=30)
    assert [each["field"] for each in report["conflicts"]] == ["start"]
    assert report["updated"] == 1
    kept = any_desk.find("a-1")
    assert (local_text(kept.start), kept.minutes) == ("2026-12-02T15:00:00", 30)
    assert one(any_desk, start="2026-12-02T15:00")["conflicts"] == []


def test_who_a_client_is_stands_in_no_report(desk):
    """A conflict on a client's name tells that there is one, not what it says."""
    desk.take_in({"clients": [{"ref": "c-100", "name": "Somebody Else"}]})
    report = desk.take_in({"clients": [{"ref": "c-100", "name": "Somebody Else"}]})
    assert report["conflicts"][0]["field"] == "name"
    assert "Somebody" not in json.dumps(report)
    assert "Rivera" not in json.dumps(report)


def test_an_unknown_key_in_a_row_refuses_the_row_and_names_the_nearest(desk):
    """With path and line."""
    content = b'{\n "appointments": [\n  {"ref": "a-1", "minuts": 50}\n ]\n}'
    found = refusal(desk.take_in(content))
    assert (found["ref"], found["path"], found["line"]) == ("a-1", "appointments[0].minuts", 3)
    assert "did you mean minutes" in found["reason"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"start": "2026-02-30T10:00"}, "does not exist"),
        ({"start": "2026-12-01T25:00"}, "does not exist"),
        ({"start": "2026-12-01"}, "date and time"),
        ({"start": "2026-12-01T10:00Z"}, "date and time"),
        ({"start": "2026-12-01T10:00-05:00"}, "date and time"),
        ({"start": "0001-01-01T00:00"}, "year"),
        ({"start": 20261201}, "not a text"),
        ({"timezone": "America/Gotham"}, "not a time zone"),
        ({"timezone": "../../etc/passwd"}, "not a time zone"),
        ({"provider": "dr-no"}, "there is no provider dr-no"),
        ({"client": "c-no"}, "there is no client c-no"),
        ({"minutes": "50"}, "not a whole number"),
        ({"minutes": 50.5}, "not a whole number"),
        ({"minutes": True}, "not a whole number"),
        ({"minutes": 0}, "not between"),
        ({"type": "followup"}, "did you mean follow_up"),
        ({"place": None}, "null is not a text"),
        ({"ref": "a#1"}, "occurrence"),
        ({"ref": ""}, "ref has"),
        ({"ref": 7}, "not a text"),
        ({"repeat": {"every_weeks": 0}}, "not between"),
        ({"repeat": {"weekly": 1}}, "unknown key"),
        ({"repeat": {"count": 3, "until": "2027-01-01"}}, "not by both"),
        ({"repeat": {"until": "2026-11-01"}}, "before its first meeting"),
        ({"repeat": {"until": "2126-11-01"}}, "more than 1000"),
        ({"repeat": 3}, "not an object"),
        ({"ref": "a\u0000b"}, "control characters"),
    ],
)
def test_an_impossible_row_is_refused_with_its_reason(desk, change, reason):
    """And nothing of it is stored."""
    found = refusal(one(desk, **change))
    assert reason in found["reason"]
    assert found["path"].startswith("appointments[0]")
    assert desk.read(appointments.search) == []


def test_every_wrong_field_of_a_row_is_named(desk):
    """Not only the first."""
    found = refusal(one(desk, start="x", minutes="y", place="z"))
    for field in ("start", "minutes", "place"):
        assert f"{field}:" in found["reason"]


def test_one_bad_row_refuses_that_row_and_what_builds_on_it(desk):
    """The rest is taken in."""
    report = desk.take_in(
        {
            "providers": [{"ref": "p-1", "name": "Ann", "timezone": "Nowhere"}],
            "appointments": [
                appointment("a-1", provider="p-1"),
                appointment("a-2"),
                "not an object",
            ],
            "claims": [
                {"ref": "cl-1", "appointment": "a-1", "payer": "ACME"},
                {"ref": "cl-2", "appointment": "a-2", "payer": "ACME"},
            ],
        }
    )
    assert report["added"] == 2
    reasons = {each["path"]: each["reason"] for each in report["refused"]}
    assert set(reasons) == {
        "providers[0].timezone",
        "appointments[0].provider",
        "appointments[2]",
        "claims[0].appointment",
    }
    assert "refused itself" in reasons["appointments[0].provider"]
    assert "refused itself" in reasons["claims[0].appointment"]


def test_overlapping_appointments_of_one_provider_are_refused_by_both_refs(desk):
    """A whole series is refused where one of its meetings overlaps."""
    report = desk.take_in(
        {
            "appointments": [
                appointment("a-1", "2026-12-15T10:00"),
                appointment("a-2", "2026-12-15T10:30"),
                appointment("a-3", "2026-12-15T10:30", provider="dr-ray"),
                appointment("s-1", "2026-12-08T10:30", repeat={"count": 3}),
            ]
        }
    )
    assert report["added"] == 2
    first, second = report["refused"]
    assert "a-2" in first["reason"]
    assert "a-1" in first["reason"]
    assert "s-1#2" in second["reason"]
    assert "a-1" in second["reason"]


def test_a_start_in_a_gap_or_fold_is_taken_in_and_reported(desk):
    """Wall time is what was meant."""
    report = desk.take_in(
        {
            "appointments": [
                appointment("a-1", "2027-03-14T02:30"),
                appointment("a-2", "2027-11-07T01:30"),
            ]
        }
    )
    assert report["added"] == 2
    assert [(each["ref"], each["resolved"]) for each in report["resolved"]] == [
        ("a-1", "gap"),
        ("a-2", "fold"),
    ]


def test_past_appointments_are_taken_in_and_never_rescheduled_by_a_file(desk):
    """What has started is corrected by a person."""
    assert one(desk, start="2026-11-02T10:00")["added"] == 1
    found = refusal(one(desk, start="2026-11-03T10:00"))
    assert "correct" in found["reason"]


def test_nothing_moves_onto_another_client_or_provider_or_into_the_past(desk):
    """A file cannot do what no person may."""
    one(desk)
    for change in ({"client": "c-200"}, {"provider": "dr-ray"}, {"start": "2026-11-01T10:00"}):
        refusal(one(desk, **change))


def test_the_same_ref_twice_in_one_file_is_refused_and_the_first_stands(desk):
    """No row silently wins over another."""
    report = desk.take_in({"appointments": [appointment(), appointment(minutes=30)]})
    assert (report["added"], len(report["refused"])) == (1, 1)
    assert "twice" in report["refused"][0]["reason"]
    assert desk.find("a-1").minutes == 50


def test_a_series_that_has_not_begun_follows_its_file(any_desk):
    """Start, length and end; refs stay."""
    any_desk.weekly("s-1", "2026-12-08T10:00", count=4)
    any_desk.claim("cl-2", "s-1#2")
    row = appointment("s-1", "2026-12-09T11:00", minutes=30, repeat={"count": 3})
    report = any_desk.take_in({"appointments": [row]})
    assert (report["updated"], report["refused"]) == (1, [])
    assert report["claims_touched"] == ["cl-2"]
    found = any_desk.read(appointments.search, series="s-1")
    assert [(each.ref, local_text(each.start)) for each in found if each.status.stands] == [
        ("s-1#1", "2026-12-09T11:00:00"),
        ("s-1#2", "2026-12-16T11:00:00"),
        ("s-1#3", "2026-12-23T11:00:00"),
    ]
    assert any_desk.take_in({"appointments": [row]})["updated"] == 0


def test_a_series_under_way_changes_from_a_meeting_on_only(desk):
    """The refusal names the command."""
    desk.weekly("s-1", "2026-12-08T10:00", count=4)
    desk.at("2026-12-10T10:00-05:00")
    row = appointment("s-1", "2026-12-09T10:00", repeat={"count": 4})
    assert "--scope following" in refusal(desk.take_in({"appointments": [row]}))["reason"]


def test_a_block_that_was_removed_here_is_not_brought_back_by_the_old_file(desk):
    """It is a change made here, and so a conflict."""
    row = {
        "ref": "o-1",
        "provider": "dr-lee",
        "start": "2026-12-24T00:00",
        "end": "2026-12-27T00:00",
    }
    assert desk.take_in({"out_of_office": [row]})["added"] == 1
    desk.do(out_of_office.remove, "o-1")
    report = desk.take_in({"out_of_office": [row]})
    assert (report["added"], report["conflicts"][0]["field"]) == (0, "removed")
    assert desk.read(out_of_office.listing) == []


def test_a_claims_status_moves_along_its_life_only(desk):
    """As from the command line."""
    one(desk)
    desk.claim("cl-1", "a-1", "paid")
    row = {"ref": "cl-1", "appointment": "a-1", "payer": "ACME", "status": "draft"}
    assert "does not go" in refusal(desk.take_in({"claims": [row]}))["reason"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"{", "not JSON: line 1"),
        (b'{"appointments": [{"ref": }]}', "not JSON"),
        (b'{"appointments": [NaN]}', "not a JSON number"),
        (b'{"appointments": []} x', "behind the end"),
        (b"[]", "not a practice file"),
        (b'{"apointments": []}', "did you mean appointments"),
        (b'{"appointments": {}}', "not a list"),
        (b'{"practice": []}', "not an object"),
        (b'{"payers": [], "payers": []}', "twice"),
        (b'{"payers": ' + b"[" * 100_000, "not JSON"),
        (b"ref,provider,client,start,minuts\n", "did you mean minutes"),
        (b"ref,provider,client\n", "no column start"),
        (b'ref,provider,client,start\na-1,"x', "not CSV"),
    ],
)
def test_a_file_that_is_not_one_is_refused_whole(desk, content, words):
    """Nothing is written, and the message says where and what."""
    name = "practice.json" if content[:1] in b"{[" else "x.csv"
    with pytest.raises(Unreadable, match=words):
        desk.take_in(content, name)
    assert desk.read(appointments.search) == []


def test_a_key_that_stands_twice_in_a_row_refuses_the_row(desk):
    """One of its values would be lost unseen."""
    content = b'{"appointments": [{"ref": "a-1", "ref": "a-2"}]}'
    assert "twice" in refusal(desk.take_in(content))["reason"]


def test_appointments_come_in_as_csv_too(any_desk):
    """With a byte-order mark, quoted cells and empty lines; a row is named by its line."""
    content = (
        "\ufeffref,provider,client,start,timezone,minutes,every_weeks,count\r\n"
        'a-1,dr-lee,c-100,2026-12-01 10:00,"America/New_York",50,,\r\n'
        "\r\n"
        "s-1,dr-lee,c-100,2026-12-08T10:00,,25,2,3\r\n"
        "a-2,dr-lee,c-100,2026-02-30T10:00,,50,,\r\n"
        "a-3,dr-lee,c-100,2026-12-02T10:00,,fifty,,\r\n"
        "a-4,dr-lee,c-100\r\n"
    ).encode()
    report = any_desk.take_in(content, "appointments.csv")
    assert report["added"] == 2
    assert [(each["ref"], each["line"]) for each in report["refused"]] == [
        ("a-2", 5),
        ("a-3", 6),
        ("a-4", 7),
    ]
    assert len(any_desk.read(appointments.search, series="s-1")) == 3
    again = any_desk.take_in(content, "appointments.csv")
    assert (again["added"], again["updated"], again["conflicts"]) == (0, 0, [])


rows = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    max_size=6,
)


@given(rows=rows, indent=st.sampled_from([None, 0, 2]))
def test_every_row_of_a_file_is_read_as_json_reads_it_and_stands_on_its_line(rows, indent):
    """Whatever the layout of the file."""
    text = json.dumps({"payers": rows, "clients": rows}, indent=indent)
    found = read(text.encode())
    assert [row.values for row in found] == [*rows, *rows]
    lines = text.split("\n")
    assert all(lines[row.line - 1].lstrip(" ,[").find("{") >= 0 for row in found)


fields = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))


@given(held=st.fixed_dictionaries({k: st.integers(0, 2) for k in "abc"}), new=fields, last=fields)
def test_a_merge_never_overwrites_what_was_changed_here_and_settles(held, new, last):
    """Merging the outcome once more changes nothing, and repeats the same conflicts."""
    merged = merge(held, new, last)
    after = {**held, **merged.changes}
    assert all(held[field] == last[field] for field in merged.changes)
    again = merge(after, new, merged.baseline)
    assert again.changes == {}
    assert again.conflicts == merged.conflicts
    assert again.baseline == merged.baseline
