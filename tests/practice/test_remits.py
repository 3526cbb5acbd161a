"""Payers' 835 files become the status of the claims, once, and only when they are whole."""

import io

import pytest

from calwarden.domain.claim import ClaimStatus
from calwarden.practice import claims, remits, work_items
from calwarden.practice.edi.segments import Broken
from fixtures.professional import Filed, Interchange, Service
from fixtures.remittance import Answered, Remittance


@pytest.fixture
def office(desk):
    """The practice with an appointment whose claim ``cl-1`` was submitted."""
    desk.book("2026-12-01T10:00", ref="a-1")
    desk.claim("cl-1", "a-1", "submitted")
    return desk


def take_in(office, *answers, **named):
    content = Remittance(answers=answers, **named).content()
    return office.do(remits.take_in, io.BytesIO(content))


def standing(office, ref="cl-1"):
    found = office.claim_document(ref)
    return found["status"], found["control_number"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1", "paid"),
        ("2", "paid"),
        ("3", "paid"),
        ("19", "paid"),
        ("20", "paid"),
        ("21", "paid"),
        ("4", "denied"),
    ],
)
def test_an_answer_sets_the_status_and_the_payers_number(office, code, status):
    """Processed is paid, however little; only 4 is denied."""
    done = take_in(office, Answered(ref="cl-1", status=code, number="ICN-7"))
    assert done == {"applied": 1, "unknown": [], "left": []}
    assert standing(office) == (status, "ICN-7")
    assert office.audit_holds()


@pytest.mark.parametrize("code", ["23", "25"])
def test_a_code_that_decides_nothing_leaves_the_claim(office, code):
    """Not our claim, a predetermination: noted, and told."""
    done = take_in(office, Answered(ref="cl-1", status=code))
    assert (done["applied"], done["left"][0]["claim"]) == (0, "cl-1")
    assert standing(office) == ("submitted", None)


def test_a_reversal_alone_leaves_a_paid_claim_without_payment(office):
    """And says nothing about one that is still on its way."""
    take_in(office, Answered(ref="cl-1", status="22", number="ICN-0"))
    assert standing(office) == ("submitted", None)
    take_in(office, Answered(ref="cl-1"))
    take_in(office, Answered(ref="cl-1", status="22"), trace="EFT-2")
    assert standing(office) == ("denied", "ICN-1")


def test_a_reversal_with_its_correction_ends_with_the_correction(office):
    """In the order of the file; the number is the new one."""
    take_in(office, Answered(ref="cl-1"))
    reversal = Answered(ref="cl-1", status="22")
    correction = Answered(ref="cl-1", status="4", number="ICN-2")
    take_in(office, reversal, correction, trace="EFT-2")
    assert standing(office) == ("denied", "ICN-2")


def test_taking_a_file_in_again_changes_nothing(office):
    """Also when a replacement is on its way meanwhile: the old answer is not its answer."""
    take_in(office, Answered(ref="cl-1"))
    assert take_in(office, Answered(ref="cl-1"))["applied"] == 0
    office.move("a-1", "2026-12-03T10:00")
    office.do(claims.set_status, "cl-1", ClaimStatus.SUBMITTED)
    assert take_in(office, Answered(ref="cl-1"))["applied"] == 0
    assert standing(office) == ("submitted", "ICN-1")
    assert take_in(office, Answered(ref="cl-1", number="ICN-2"), trace="EFT-9")["applied"] == 1
    assert standing(office) == ("paid", "ICN-2")


def test_refs_that_the_practice_does_not_know_are_listed(office):
    """The others are taken in."""
    done = take_in(office, Answered(ref="who"), Answered(ref="cl-1"), Answered(ref="else"))
    assert (done["applied"], done["unknown"]) == (1, ["else", "who"])


@pytest.mark.parametrize("status", ["draft", "ready", "rejected"])
def test_a_claim_that_nobody_marked_as_submitted_is_on_file_all_the_same(office, status):
    """The payer has it; sending it once more would be a duplicate."""
    office.claim("cl-2", "a-1", status)
    take_in(office, Answered(ref="cl-2"))
    assert standing(office, "cl-2") == ("paid", "ICN-1")
    assert office.claim_document("cl-2")["date_of_service"] == "2026-12-01"


def test_an_answer_about_a_void_claim_is_noted_and_told(office):
    """It does not come to life again."""
    office.claim("cl-2", "a-1", "void")
    done = take_in(office, Answered(ref="cl-2"))
    assert (done["applied"], done["left"][0]["claim"]) == (0, "cl-2")
    assert standing(office, "cl-2")[0] == "void"


def test_the_answer_turns_waiting_into_the_correction(office):
    """In the same transaction, with the number that the correction needs."""
    office.move("a-1", "2026-12-03T10:00")
    take_in(office, Answered(ref="cl-1", number="ICN-3"))
    [item] = office.read(work_items.listing, now=office.now)
    assert (item["kind"], item["original_reference"]) == ("replace", "ICN-3")


def test_a_file_that_is_not_whole_changes_nothing(office):
    """Cut off, counted wrongly, a claim file, an answer without a claim."""
    whole = Remittance(answers=[Answered(ref="cl-1")]).content()
    claim_file = Interchange(claims=[Filed(ref="cl-1", services=[Service(when="20261201")])])
    for content in (
        b"",
        whole[:-20],
        whole.replace(b"GE*1*8", b"GE*2*8"),
        whole.replace(b"CLP*cl-1*1", b"CLP**1"),
        whole.replace(b"ST*835", b"ST*820"),
        claim_file.content(),
    ):
        with pytest.raises(Broken):
            office.do(remits.take_in, io.BytesIO(content))
    assert standing(office) == ("submitted", None)
