"""The drift report: which drifts it has, how it tells them, and what it may never hold."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from calwarden.domain.claim import ClaimStatus
from calwarden.domain.drift import DriftKind, DriftStatus, Severity, Verdict
from calwarden.domain.wall_time import BadLocalTime
from calwarden.practice import report_wording
from calwarden.practice.report import (
    ClaimLine,
    Days,
    DriftReport,
    ReportRow,
    WorkLine,
    read_day,
)
from calwarden.practice.report_files import COLUMNS, document, spreadsheet
from calwarden.practice.report_page import page
from calwarden.practice.report_tables import cell

ZONE = "America/New_York"
MADE_AT = datetime(2026, 12, 1, 16, tzinfo=UTC)
MORNING = {
    "start": "2026-12-08T10:00:00-05:00",
    "end": "2026-12-08T10:50:00-05:00",
    "timezone": ZONE,
    "all_day": False,
}
NOON = {**MORNING, "start": "2026-12-08T12:00:00-05:00", "end": "2026-12-08T12:50:00-05:00"}


def row(number=1, **changes):
    """Return a drift that was moved from morning to noon and put back."""
    values = {
        "id": number,
        "revision": 1,
        "kind": DriftKind.MOVED,
        "severity": Severity.CLAIM,
        "status": DriftStatus.REVERTED,
        "verdict": Verdict.REVERT,
        "provider": "dr-lee",
        "provider_name": "Dana Lee",
        "calendar": 1,
        "appointment": "a-1",
        "detected_at": datetime(2026, 12, 1, 15, tzinfo=UTC),
        "before": MORNING,
        "after": NOON,
        "timezone": ZONE,
    }
    return ReportRow(**{**values, **changes})


def report(*rows, work=(), **days):
    """Return a report with these rows, and what they hold."""
    return DriftReport(
        practice="Harbor Practice",
        days=Days(zone=ZONE, **days),
        made_at=MADE_AT,
        rows=rows,
        held=tuple(line for one in rows for line in one.claims if line.held),
        work=work,
    )


HELD = ClaimLine(
    ref="cl-2",
    appointment="a-2",
    payer="ACME",
    status=ClaimStatus.READY,
    date_of_service=date(2026, 12, 8),
    timezone=ZONE,
    reasons=("drift 2 (moved) is open within 2 h of the start",),
    holding=frozenset({2}),
)

WAITING = row(
    2,
    status=DriftStatus.OPEN,
    verdict=Verdict.FLAG,
    appointment="a-2",
    claim="cl-2",
    claim_held=True,
    claims=(HELD,),
)


class TestDays:
    """A span of days is told in the practice's zone, both ends included."""

    @pytest.mark.parametrize(
        ("moment", "held"),
        [
            ("2026-03-08T04:59:59+00:00", False),
            ("2026-03-08T05:00:00+00:00", True),
            ("2026-03-09T03:59:59+00:00", True),
            ("2026-03-09T04:00:00+00:00", False),
        ],
    )
    def test_a_day_is_local_across_a_change_of_the_clocks(self, moment, held):
        """The day on which New York springs forward has 23 hours, and is held whole."""
        days = Days(zone=ZONE, since=date(2026, 3, 8), until=date(2026, 3, 8))
        when = datetime.fromisoformat(moment)
        assert days.holds(when) is held
        assert (days.start() <= when < days.end()) is held

    def test_an_open_end_holds_everything(self):
        """Without since and until there is no bound."""
        days = Days(zone=ZONE)
        assert days.holds(MADE_AT)
        assert days.start() is days.end() is None

    def test_what_is_no_day_is_refused(self):
        """A day is written as in ISO 8601."""
        assert read_day("2026-12-01") == date(2026, 12, 1)
        for text in ("yesterday", "01.12.2026", "2026-13-01", ""):
            with pytest.raises(BadLocalTime):
                read_day(text)


class TestSummary:
    """What waits for a person comes first and is counted."""

    def test_an_open_flag_waits_and_a_revert_under_way_does_not(self):
        """What policy puts back by itself needs nobody."""
        under_way = row(3, status=DriftStatus.OPEN)
        found = report(row(), WAITING, under_way)
        assert found.waiting == [WAITING]
        assert found.settled == [row(), under_way]
        assert (found.reverted, found.held_claims) == (1, ["cl-2"])

    def test_the_most_severe_comes_first(self):
        """A claim's date matters more than a copy."""
        cosmetic = row(3, status=DriftStatus.OPEN, verdict=Verdict.FLAG, severity=Severity.COSMETIC)
        assert report(cosmetic, WAITING).waiting == [WAITING, cosmetic]


class TestSpreadsheet:
    """CSV that a spreadsheet opens as it stands."""

    def test_every_row_has_every_column(self):
        """Times are RFC 3339 in the appointment's zone; what is not there is empty."""
        text = spreadsheet(report(row(after=None)))
        [read] = csv.DictReader(io.StringIO(text))
        assert tuple(read) == COLUMNS
        assert read["before_start"] == "2026-12-08T10:00:00-05:00"
        assert read["detected_at"] == "2026-12-01T10:00:00-05:00"
        assert (read["after_start"], read["claim"]) == ("", "")

    @pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_cell_is_a_formula(self, sign):
        """A reason that somebody typed is shown, not calculated."""
        reason = f"{sign}HYPERLINK(1)"
        [read] = csv.DictReader(io.StringIO(spreadsheet(report(row(reason=reason))), newline=""))
        assert read["reason"] == f"'{reason}"

    def test_plain_values_stay_as_they_are(self):
        """Only what a spreadsheet would calculate is changed."""
        shown = {"": None, "yes": True, "no": False, "7": 7, "a-1": "a-1"}
        assert {text: cell(value) for text, value in shown.items()} == {
            text: text for text in shown
        }


class TestDocument:
    """JSON for scripts."""

    def test_it_has_the_rows_and_what_they_come_to(self):
        """Rows under their own name, with a summary."""
        found = document(report(row(), WAITING, since=date(2026, 12, 1)))
        assert [one["id"] for one in found["rows"]] == [1, 2]
        assert found["since"] == "2026-12-01"
        assert found["summary"] == {
            "drifts": 2,
            "open": 1,
            "waiting": 1,
            "reverted": 1,
            "reverted_automatically": 1,
            "contested": 0,
            "oldest": 2,
            "oldest_days": 0,
            "held_claims": ["cl-2"],
            "work_items": 0,
        }
        assert [one["claim"] for one in found["held"]] == ["cl-2"]
        json.dumps(found)


class TestPage:
    """One HTML file that needs nothing else."""

    def test_it_refers_to_nothing_outside_and_runs_nothing(self):
        """No script, no address, no image: it may be mailed, kept and printed."""
        text = page(report(row(), WAITING))
        assert "default-src 'none'" in text
        assert "<svg" in text
        body = text.split("</style>")[1]
        assert not re.search(r"<[^>]*( src=|<script|<link|<style| on\w+=)", body)
        for forbidden in ("//", "@import", "url(", "javascript:"):
            assert forbidden not in text
        targets = set(re.findall(r'href="#([^"]+)"', text))
        assert targets
        assert all(re.search(rf'id="?{target}[">]', text) for target in targets)
        assert len(re.findall("href=", text)) == len(re.findall('href="#', text))

    def test_text_is_never_markup(self):
        """A name or reason that looks like HTML is shown as it is."""
        text = page(report(row(reason="<b>x</b>", provider_name="<script>alert(1)</script>")))
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
        assert "&lt;b&gt;" in text

    def test_every_figure_of_the_summary_links_to_its_rows(self):
        """Nought has no rows, and no link."""
        item = WorkLine(
            id=4, claim="cl-9", appointment="a-9", message="see drift 2", days_left=3, age_days=1
        )
        contested = row(5, status=DriftStatus.OPEN, verdict=Verdict.FLAG, contested=True)
        text = page(report(row(), WAITING, contested, work=(item,)))
        figures = text.split('<ul class="figures">')[1].split("</ul>")[0]
        assert re.findall(r'href="#(\w+)"', figures) == [
            *("decide", "held", "work", "d2", "reverted", "contested"),
        ]
        assert '<a href="#d2">drift 2</a>' in text.split('id="work"')[1]
        nothing = page(report()).split("</style>")[1]
        assert "href" not in nothing

    def test_a_drift_of_other_days_is_named_and_not_linked(self):
        """A link leads somewhere, or it is none."""
        item = WorkLine(
            id=4, claim="cl-9", appointment="a-9", message="see drift 99", days_left=3, age_days=1
        )
        text = page(report(row(), work=(item,)))
        assert "see drift 99" in text

    def test_the_other_date_of_service_is_told_where_the_days_differ(self):
        """By the zone that dates the claim, which need not be the appointment's."""
        late = {**MORNING, "start": "2026-12-08T23:30:00-05:00", "end": "2026-12-09T00:20:00-05:00"}
        chicago = replace(HELD, timezone="America/Chicago")
        over = {**late, "start": "2026-12-09T00:30:00-05:00"}
        for claim, other in ((HELD, "Wed 09 Dec 2026"), (chicago, None)):
            one = replace(WAITING, before=late, after=over, claims=(claim,))
            told = report_wording.redating(one, claim)
            assert (None if told is None else report_wording.day(told)) == other
            said = "by the calendar it would be" in page(report(one))
            assert said is (other is not None)

    def test_it_says_what_waits_and_what_is_held(self):
        """The call to a person names the drift, both times, the claim and the command."""
        text = page(report(WAITING))
        for said in (
            "Moved to another time",
            "Tue 08 Dec 2026 10:00\N{EN DASH}10:50",
            "Tue 08 Dec 2026 12:00\N{EN DASH}12:50",
            "Claim cl-2 is held",
            "calwarden drift resolve 2 accept",
            "reschedules it to Tue 08 Dec 2026 12:00",
        ):
            assert said in text

    def test_an_empty_report_says_so(self):
        """No table without rows, but a sentence."""
        text = page(report())
        assert "Nothing was changed outside" in text
        assert "<table" not in text


class TestWording:
    """Every kind and every state has words."""

    @pytest.mark.parametrize("kind", DriftKind)
    def test_every_kind_can_be_told(self, kind):
        """On the page, in words, whatever of before and after is there."""
        for before, after in ((MORNING, NOON), (MORNING, None), (None, None)):
            one = row(kind=kind, before=before, after=after, status=DriftStatus.OPEN)
            assert report_wording.happened(one)
            assert report_wording.after(one)
            assert "resolve 1" in report_wording.choices(one)
            assert page(report(one))

    @pytest.mark.parametrize("status", DriftStatus)
    def test_every_state_can_be_told(self, status):
        """An open drift that policy reverts is told apart from one that waits."""
        flagged = row(status=status, verdict=Verdict.FLAG)
        assert report_wording.state(flagged)
        if status is DriftStatus.OPEN:
            assert report_wording.state(row(status=status)) == "will be put back"
            assert "twice" in report_wording.state(
                row(2, status=status, contested=True, verdict=Verdict.FLAG)
            )

    def test_a_span_over_midnight_and_a_whole_day_are_told(self):
        """The end has its own date where that differs; a whole day has no hours."""
        late = {**MORNING, "start": "2026-12-08T23:30:00-05:00", "end": "2026-12-09T00:20:00-05:00"}
        assert report_wording.before(row(before=late)).endswith("Wed 09 Dec 2026 00:20")
        whole = {**MORNING, "all_day": True}
        assert report_wording.after(row(after=whole)) == "Tue 08 Dec 2026, all day"

    def test_only_what_can_be_done_is_offered(self):
        """A personal event is not ours to revert; a deleted one is not accepted by one click."""
        assert "revert" not in report_wording.choices(row(kind=DriftKind.OVERLAP))
        assert "accept" not in report_wording.choices(row(kind=DriftKind.DELETED))
