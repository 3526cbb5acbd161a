"""837P files are checked against the store and corrected in a copy, and nothing else changes."""

import gzip
import io
import os
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import date, timedelta

import pytest
import pyx12.params
import pyx12.x12n_document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calwarden.domain.drift import DriftKind
from calwarden.practice import booking, corrections
from calwarden.practice.edi import spool
from calwarden.practice.edi.checking import check
from calwarden.practice.edi.copying import same_file, write_copy
from calwarden.practice.edi.finding import Change
from calwarden.practice.edi.segments import Broken, Kind, read
from calwarden.practice.rescheduling import wall_start
from calwarden.store import claims as claim_rows
from fixtures.professional import Filed, Interchange, Separators, Service
from fixtures.remittance import Answered, Remittance

DAY = date(2026, 12, 1)
ON_THE_DAY = (Service.on(DAY),)

SEPARATORS = [
    Separators(),
    Separators(line=""),
    Separators(line="\r\n"),
    Separators(element="|", part=">", repetition="!", segment="'", line="\r\n"),
    Separators(segment="\n", line=""),
    Separators(segment="\r", line="\n"),
    Separators(element="\x1d", part="\x1f", repetition="\x1e", segment="\x1c", line=""),
]


def good(count=1, first=1, **named):
    """Return claims ``cl-1``, ``cl-2``, … as they should stand in a file."""
    numbers = range(first, first + count)
    return [Filed(ref=f"cl-{number}", services=ON_THE_DAY, **named) for number in numbers]


@pytest.fixture
def office(desk):
    """The practice with one appointment of 1 December; the clock stands on the 20th."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.at("2026-12-20T10:00-05:00")
    return desk


def filing(office, count=1):
    """Import ready claims ``cl-1``, ``cl-2``, … for the appointment."""
    rows = [
        {"ref": f"cl-{number}", "appointment": "a-1", "payer": "ACME", "status": "ready"}
        for number in range(1, count + 1)
    ]
    assert office.take_in({"claims": rows})["refused"] == []


def checked(office, claims, **named):
    content = claims if isinstance(claims, bytes) else Interchange(claims=claims, **named).content()
    with office.database.read() as connection:
        return check(connection, io.BytesIO(content), now=office.now)


def found(office, claims, **named):
    return [(one.kind.value, one.claim) for one in checked(office, claims, **named).findings]


def the_finding(office, *claims):
    findings = checked(office, list(claims)).findings
    assert len(findings) == 1, findings
    return findings[0]


def fixed(office, claims, tmp_path, name="out.837", **named):
    content = claims if isinstance(claims, bytes) else Interchange(claims=claims, **named).content()
    target = tmp_path / name
    with office.database.read() as connection:
        stream = io.BytesIO(content)
        done = check(connection, stream, now=office.now)
        write_copy(stream, target, done.changes)
    return done, target.read_bytes()


def validates(content, tmp_path):
    path = tmp_path / "validated.837"
    path.write_bytes(content)
    answer = io.StringIO()
    parameters = pyx12.params.params()
    return pyx12.x12n_document.x12n_document(parameters, str(path), answer, None, None)


def test_the_good_files_of_these_tests_pass_the_implementation_guide(tmp_path):
    """With several lines, replacements, other payers and several sets."""
    claims = [
        *good(3),
        Filed(
            ref="cl-4",
            services=[Service.on(DAY), Service(when="20261201-20261201", form="RD8")],
            frequency="7",
            reference="ICN-1",
            other_payer=True,
        ),
    ]
    assert validates(Interchange(claims=claims, per_set=2).content(), tmp_path)


@pytest.mark.parametrize("separators", SEPARATORS, ids=lambda one: repr(one.segment + one.line))
def test_a_good_file_may_go_whatever_its_separators(office, separators):
    """The header names them; line breaks between segments mean nothing."""
    filing(office, 3)
    done = checked(office, good(3), separators=separators, per_set=2)
    assert (done.claims, done.may_send, done.findings) == (3, True, [])


@pytest.mark.parametrize("separators", SEPARATORS, ids=lambda one: repr(one.segment + one.line))
def test_a_wrong_date_is_found_by_its_segment_and_put_right_in_the_copy(
    office, tmp_path, separators
):
    """One element of one segment changes, whatever stands around it."""
    filing(office, 2)
    wrong = Filed(ref="cl-2", services=[Service.on(DAY), Service(when="20261202")])
    file = Interchange(claims=[*good(1), wrong], separators=separators)
    done, copy = fixed(office, file.content(), tmp_path)
    number = [line.split(separators.element)[0] for line in file.lines()].index("SE")
    assert [(one.kind, one.segment, one.found, one.expected) for one in done.findings] == [
        ("wrong_date", number, "2026-12-02", "2026-12-01")
    ]
    assert [(one.before, one.after) for one in done.changes] == [("20261202", "20261201")]
    right = Interchange(claims=[*good(1), replace(wrong, services=ON_THE_DAY * 2)])
    assert copy == replace(right, separators=separators).content()
    assert checked(office, copy).may_send


@pytest.mark.parametrize(
    ("form", "when", "told", "fixed_as"),
    [
        ("D8", "20261130", "2026-11-30", "20261201"),
        ("D8", "20990101", "2099-01-01", "20261201"),
        ("D8", "20260230", "20260230", "20261201"),
        ("RD8", "20261130-20261130", "2026-11-30", "20261201-20261201"),
        ("RD8", "20261201-20261202", "2026-12-01/2026-12-02", "20261201-20261201"),
        ("RD8", "20261201", "20261201", "20261201-20261201"),
        ("DT", "202612011000", "202612011000", None),
    ],
)
def test_dates_and_ranges_that_are_not_the_date_of_service_are_wrong(
    office, tmp_path, form, when, told, fixed_as
):
    """D8 and RD8 are corrected in their own form; any other is left to the person."""
    filing(office)
    wrong = Filed(ref="cl-1", services=[Service(when=when, form=form)])
    done, copy = fixed(office, [wrong], tmp_path)
    dates = [one for one in done.findings if one.kind == "wrong_date"]
    assert [(one.found, one.expected) for one in dates] == [(told, "2026-12-01")]
    assert [one.after for one in done.changes] == ([fixed_as] if fixed_as else [])
    if fixed_as:
        assert checked(office, copy).may_send


def test_a_line_without_a_date_is_found(office):
    """There is nothing in it to put right."""
    filing(office)
    file = Interchange(claims=good(1))
    lines = [line for line in file.lines() if not line.startswith("DTP")]
    count = next(line for line in lines if line.startswith("SE"))
    lines[lines.index(count)] = f"SE*{len(lines) - 4}*0001"
    done = checked(office, "".join(f"{line}~" for line in lines).encode())
    assert [(one.kind, one.found) for one in done.findings] == [("wrong_date", None)]
    assert done.changes == []


def test_a_claim_that_the_practice_does_not_know_is_named(office):
    """By the segment of its CLM."""
    one = the_finding(office, Filed(ref="nobody's", services=ON_THE_DAY))
    assert (one.kind, one.claim, one.found) == ("unknown_claim", "nobody's", "nobody's")


def test_a_held_claim_is_not_sent_and_its_date_is_not_touched(office, ledger_times):
    """The message says by which drift."""
    filing(office)
    one = office.get("a-1")
    number = office.drift(
        DriftKind.MOVED,
        "a-1",
        before=ledger_times(one),
        after=ledger_times(one, by=timedelta(days=1)),
    )
    done = checked(office, [Filed(ref="cl-1", services=[Service(when="20261202")])])
    assert [each.kind for each in done.findings] == ["held", "wrong_date"]
    assert f"drift {number}" in done.findings[0].message
    assert done.changes == []


def test_a_draft_may_not_go(office):
    """It has to be set ready first."""
    office.claim("cl-1", "a-1")
    one = the_finding(office, *good(1))
    assert one.kind == "held"
    assert "draft" in one.message


def test_a_claim_of_an_appointment_that_did_not_take_place_may_not_go(office):
    """A no-show has no claim."""
    filing(office)
    office.do(booking.no_show, "a-1")
    one = the_finding(office, *good(1))
    assert (one.kind, one.found) == ("cancelled", "no_show")


def test_a_date_to_come_may_not_go(office):
    """Though it is the date of the appointment."""
    office.book("2027-01-05T10:00", ref="a-2")
    office.claim("cl-1", "a-2", "ready")
    early = Filed(ref="cl-1", services=[Service(when="20270105")])
    assert the_finding(office, early).kind == "future_date"
    office.at("2027-01-05T12:00-05:00")
    assert checked(office, [early]).may_send


def test_a_replacement_needs_the_code_7_and_the_payers_number(office):
    """Every other code is wrong, and no other number will do."""
    office.claim("cl-1", "a-1", "paid", control_number="ICN-1")
    office.do(booking.complete, "a-1")
    assert found(office, good(1)) == [("wrong_frequency_code", "cl-1")]
    start = wall_start(office.get("a-1"), "2026-12-02T10:00")
    office.do(corrections.correct, "a-1", corrections.TrueTime(start=start, reason="the notes"))
    right = Filed(ref="cl-1", services=[Service(when="20261202")], frequency="7", reference="ICN-1")
    assert found(office, [right]) == []
    without = replace(right, reference=None)
    assert the_finding(office, without).kind == "missing_original_reference"
    assert the_finding(office, replace(without, other_payer=True)).expected == "ICN-1"
    other = the_finding(office, replace(right, reference="ICN-2"))
    assert (other.kind, other.found, other.expected) == (
        "missing_original_reference",
        "ICN-2",
        "ICN-1",
    )
    again = the_finding(office, replace(right, frequency="1", reference=None))
    assert (again.kind, again.found, again.expected) == ("wrong_frequency_code", "1", "7")
    void = found(office, [replace(right, frequency="8")])
    assert void == [("wrong_frequency_code", "cl-1")]
    old = checked(office, [replace(right, services=ON_THE_DAY)])
    assert [one.kind for one in old.findings] == ["wrong_date"]
    assert old.changes == []


def test_a_claim_never_on_file_is_no_replacement(office):
    """It goes as an original."""
    filing(office)
    kinds = found(office, good(1, frequency="7"))
    assert kinds == [("wrong_frequency_code", "cl-1"), ("missing_original_reference", "cl-1")]


def test_what_is_on_file_unprocessed_waits(office):
    """A correct code 7 is too early."""
    office.book("2026-12-21T10:00", ref="a-2")
    office.claim("cl-1", "a-2", "submitted", control_number="ICN-1")
    office.move("a-2", "2026-12-22T10:00")
    office.at("2026-12-23T10:00-05:00")
    early = Filed(ref="cl-1", services=[Service(when="20261222")], frequency="7", reference="ICN-1")
    assert the_finding(office, early).kind == "held"


def test_a_claim_that_stands_twice_is_found_at_its_second_place(office):
    """Also in another transaction set."""
    filing(office)
    done = checked(office, good(1) * 2, per_set=1)
    assert [one.kind for one in done.findings] == ["duplicate"]
    assert done.findings[0].segment > 30


def test_a_code_at_odds_with_the_documented_time_is_found(office):
    """At its SV1; 50 minutes are 90834."""
    office.claim("cl-1", "a-1", "ready", documented_minutes=50)
    one = the_finding(office, Filed(ref="cl-1", services=[Service.on(DAY, "90837")]))
    assert (one.kind, one.found, one.expected) == ("code_time_mismatch", "90837", "90834")
    assert checked(office, [Filed(ref="cl-1", services=[Service.on(DAY, "90791")])]).may_send


def test_every_fault_among_500_good_claims_is_found_fixed_and_gone(office, tmp_path):
    """Nothing but the faults is found; the copy differs in the correctable dates alone."""
    filing(office, 510)
    office.claim("cl-held", "a-1")
    faults = [
        Filed(ref="cl-501", services=[Service(when="20261202")]),
        Filed(ref="cl-502", services=[Service(when="20261130-20261201", form="RD8")]),
        Filed(ref="unknown", services=ON_THE_DAY),
        Filed(ref="cl-held", services=ON_THE_DAY),
        Filed(ref="cl-503", services=ON_THE_DAY, frequency="7"),
        Filed(ref="cl-504", services=[Service(when="20990101")]),
        *good(1),
    ]
    claims = [*good(500), *faults]
    done, copy = fixed(office, claims, tmp_path, per_set=100)
    assert {one.claim for one in done.findings} == {one.ref for one in faults}
    assert [change.claim for change in done.changes] == ["cl-501", "cl-502", "cl-504"]
    assert validates(copy, tmp_path)
    left = {one.ref for one in faults} - {"cl-501", "cl-502", "cl-504"}
    assert {one.claim for one in checked(office, copy).findings} == left
    assert checked(office, claims[:500], per_set=100).may_send


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.dates(date(2026, 11, 1), date(2027, 2, 28)), min_size=1, max_size=8),
    separators=st.sampled_from(SEPARATORS),
)
def test_a_copy_differs_in_dates_only_and_is_clean(office, tmp_path, days, separators):
    """Same length, same bytes outside DTP03."""
    if not office.read(claim_rows.search):
        filing(office, 8)
    claims = [
        Filed(ref=f"cl-{number}", services=[Service.on(day)])
        for number, day in enumerate(days, start=1)
    ]
    file = Interchange(claims=claims, separators=separators)
    done, copy = fixed(office, file.content(), tmp_path)
    assert len(done.changes) == sum(day != DAY for day in days)
    assert copy == replace(file, claims=good(len(days))).content()
    assert checked(office, copy).may_send


def changed(old, new):
    """Return a good file in which one text was replaced by another."""
    content = Interchange(claims=good(2), per_set=1).content()
    assert old in content
    return content.replace(old, new, 1)


BROKEN = {
    "empty": b"",
    "text": b"Dear payer, please find enclosed our claims of December.",
    "short header": b"ISA*00*",
    "binary": bytes(range(256)) * 4,
    "gzip": gzip.compress(Interchange(claims=good(1)).content()),
    "utf-16": Interchange(claims=good(1)).content().decode().encode("utf-16"),
    "segments counted wrongly": changed(b"SE*23*", b"SE*22*"),
    "sets counted wrongly": changed(b"GE*2*7", b"GE*1*7"),
    "groups counted wrongly": changed(b"IEA*1*", b"IEA*2*"),
    "set closed by another number": changed(b"SE*23*0001", b"SE*23*0009"),
    "group closed by another number": changed(b"GE*2*7", b"GE*2*8"),
    "interchange closed by another number": changed(b"IEA*1*000000101", b"IEA*1*000000102"),
    "two sets of one number": changed(b"ST*837*0002", b"ST*837*0001"),
    "a set without an end": changed(b"SE*23*0001~\n", b""),
    "a group without an end": changed(b"GE*2*7~\n", b""),
    "no end": changed(b"IEA*1*000000101~\n", b""),
    "an empty segment": changed(b"~\nBHT", b"~\n~\nBHT"),
    "a claim outside a set": changed(b"GE*2*7~\n", b"CLM*cl-1*100***11:B:1~\nGE*2*7~\n"),
    "more behind the end": Interchange(claims=good(1)).content() + b"CLM*cl-9",
    "a second end": Interchange(claims=good(1)).content() + b"IEA*1*000000101~",
    "a remittance": Remittance(answers=[Answered(ref="cl-1")]).content(),
    "institutional claims": Interchange(claims=good(1), guide="005010X223A2").content(),
    "an older guide": Interchange(claims=good(1), guide="004010X098A1").content(),
    "no claims": Interchange(claims=[]).content(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_not_a_whole_file_is_refused_with_its_place(office, content):
    """Nothing is half checked."""
    filing(office, 2)
    with pytest.raises(Broken) as refusal:
        checked(office, content)
    assert any(word in str(refusal.value) for word in ("segment", "compressed", "no claim"))


def test_an_archive_is_refused_unread(office):
    """Whatever it would unpack to."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("claims.837", b"0" * 1_000_000)
    with pytest.raises(Broken, match="compressed"):
        checked(office, packed.getvalue())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_off_anywhere_is_refused(office, data):
    """However little is missing, but for what stands behind the last segment."""
    whole = Interchange(claims=good(2), per_set=1).content()
    end = data.draw(st.integers(0, len(whole) - 2))
    with pytest.raises(Broken):
        checked(office, whole[:end])


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), at=st.integers(0, 1200))
def test_rubbish_is_refused_and_never_a_fault_of_ours(content, at):
    """Put anywhere into a file."""
    whole = Interchange(claims=good(1)).content()
    damaged = whole[:at] + content + whole[at:]
    try:
        numbers = [one.number for one in read(io.BytesIO(damaged), Kind.PROFESSIONAL)]
    except Broken:
        return
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_copy_is_never_written_over_the_file(tmp_path):
    """By its own name, another spelling, a symbolic or a hard link."""
    file = tmp_path / "in.837"
    file.write_bytes(b"x")
    (tmp_path / "symbolic").symlink_to(file)
    os.link(file, tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    for name in ("in.837", "folder/../in.837", "symbolic", "hard"):
        assert same_file(file, tmp_path / name)
    assert not same_file(file, tmp_path / "out.837")


def test_a_copy_that_cannot_be_finished_is_not_there(office, tmp_path):
    """Here because the file changed under the check."""
    filing(office)
    wrong = Interchange(claims=[Filed(ref="cl-1", services=[Service(when="20261202")])]).content()
    done = checked(office, wrong)
    other = io.BytesIO(wrong.replace(b"20261202", b"20261203"))
    with pytest.raises(Broken, match="changed while"):
        write_copy(other, tmp_path / "out.837", done.changes)
    with pytest.raises(Broken, match="changed while"):
        write_copy(io.BytesIO(wrong[:400]), tmp_path / "out.837", done.changes)
    assert list(tmp_path.glob("*out*")) == []


def test_a_long_file_is_read_in_little_memory(tmp_path):
    """Only the segment at hand is kept, however many there are."""
    path = tmp_path / "long.837"
    path.write_bytes(Interchange(claims=good(4000)).content())
    with path.open("rb") as stream:
        tracemalloc.start()
        count = sum(1 for _ in read(stream, Kind.PROFESSIONAL))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count > 40_000
    assert peak < 1_000_000


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 9), at=st.integers(0, 9))
def test_a_long_list_is_the_same_list_wherever_it_lies(monkeypatch, count, at):
    """Read twice at once, by number, by slice, and added to in between."""
    monkeypatch.setattr(spool, "MOST_KEPT", 3)
    values = [Change(claim=f"cl-{n}", segment=n, before="a", after="b") for n in range(count)]
    found = spool.Spool(Change)
    for value in values:
        found.append(value)
        assert found[0] == values[0]
    assert len(found) == count
    assert list(zip(found, found, strict=True)) == list(zip(values, values, strict=True))
    assert found[at : at + 4] == values[at : at + 4]
    assert found == values
    if at < count:
        assert found[at] == values[at]
        assert found[-1] == values[-1]
