"""Reports about dates in UTC and about silent calendars: what is in them, and what is not."""

from datetime import date, timedelta

import pytest

from calwarden.domain.drift import DriftKind, Severity
from calwarden.domain.practice import Payer
from calwarden.practice import report_silence, report_zones
from calwarden.practice.report import Days, Scope
from calwarden.practice.report_page import page
from calwarden.practice.report_rows import drift_report
from calwarden.practice.report_silence import silence_sheet
from calwarden.practice.report_tables import records, spreadsheet, table_page, workbook
from calwarden.practice.report_zones import zones_sheet
from calwarden.store import calendars, people

NEW_YORK = "America/New_York"
ALL = Days(zone=NEW_YORK)
DAY = timedelta(days=1)


class TestZones:
    """Claims whose date in UTC is another."""

    @pytest.fixture
    def evenings(self, desk):
        """One meeting at noon, two in the evening, one of them without a claim."""
        for ref, start in (
            ("noon", "2026-12-01T12:00"),
            ("late", "2026-12-01T20:00"),
            ("free", "2026-12-02T20:00"),
        ):
            desk.book(start, ref=ref)
        desk.claim("cl-noon", "noon", "ready")
        desk.claim("cl-late", "late", "ready")
        return desk

    def rows(self, desk, days=ALL, **named):
        with desk.database.read() as connection:
            return zones_sheet(connection, days, now=desk.now, **named)

    def test_only_those_that_differ_are_told(self, evenings):
        """Eight in the evening in New York is the next day in UTC."""
        assert report_zones.document(self.rows(evenings)) == {
            "rows": [
                {
                    "claim": "cl-late",
                    "appointment": "late",
                    "date_of_service": "2026-12-01",
                    "utc_date": "2026-12-02",
                }
            ]
        }

    def test_all_names_those_without_a_claim_too(self, evenings):
        """By the date that a claim would have."""
        found = self.rows(evenings, unclaimed=True).rows
        assert [(one["claim"], one["appointment"]) for one in found] == [
            ("cl-late", "late"),
            (None, "free"),
        ]

    def test_days_are_dates_of_service_and_providers_can_be_chosen(self, evenings):
        """Both ends included."""
        day = Days(zone=NEW_YORK, since=date(2026, 12, 1), until=date(2026, 12, 1))
        assert len(self.rows(evenings, day).rows) == 1
        assert self.rows(evenings, Days(zone=NEW_YORK, since=date(2026, 12, 2))).rows == []
        assert self.rows(evenings, scope=Scope(provider="dr-ray")).rows == []

    def test_it_is_written_in_every_form(self, evenings):
        """The page needs nothing from outside; an empty one says so."""
        told = report_zones.told("Harbor", evenings.now)
        sheet = self.rows(evenings)
        text = table_page(sheet, told)
        assert "cl-late" in text
        assert "Wed 02 Dec 2026" in text
        assert "//" not in text
        assert spreadsheet(sheet).startswith("claim,appointment,date_of_service,utc_date,")
        assert workbook([sheet]).startswith(b"PK")
        none = self.rows(evenings, scope=Scope(provider="dr-ray"))
        assert "No claim has another date" in table_page(none, told)


class TestSilence:
    """Linked calendars that give no answer, lost their access, or show nothing new."""

    def silent(self, desk, **named):
        with desk.database.read() as connection:
            sheet = silence_sheet(connection, now=desk.now, **named)
        assert records(sheet) is not None
        return [(one["calendar"], one["reason"], one["days"]) for one in sheet.rows]

    def put(self, desk, number, **values):
        with desk.database.write() as tx:
            calendars.save(tx, number, **values)

    def test_a_new_link_is_not_silent(self, desk):
        """Linking it was an answer."""
        number = desk.calendar()
        assert self.silent(desk) == []
        desk.clock.advance(7 * DAY)
        assert self.silent(desk) == [(number, "not_answered", 7)]

    def test_what_answers_without_news_is_told_apart(self, desk):
        """A look that found nothing is an answer, though it is no change."""
        number = desk.calendar()
        desk.clock.advance(10 * DAY)
        self.put(desk, number, checked_at=desk.now)
        assert self.silent(desk) == [(number, "unchanged", 10)]
        assert self.silent(desk, days=11) == []

    def test_failures_count_from_the_first_of_them(self, desk):
        """A look that failed is no answer."""
        number = desk.calendar()
        desk.clock.advance(DAY)
        self.put(desk, number, answered_at=desk.now - DAY, failing_since=desk.now, failures=1)
        desk.clock.advance(8 * DAY)
        self.put(desk, number, checked_at=desk.now)
        assert self.silent(desk) == [(number, "not_answered", 8)]

    @pytest.mark.parametrize(
        ("status", "reason"),
        [("gone", "gone"), ("needs_relink", "expired"), ("paused", "paused")],
    )
    def test_lost_access_is_told_at_once(self, desk, status, reason):
        """It needs a person, however short the silence is."""
        number = desk.calendar()
        self.put(desk, number, status=status)
        assert self.silent(desk) == [(number, reason, 0)]

    def test_an_ended_link_is_nobodys_concern(self, desk):
        """It is history."""
        self.put(desk, desk.calendar(), status="unlinked")
        desk.clock.advance(30 * DAY)
        assert self.silent(desk) == []

    def test_the_page_says_what_is_known(self, desk):
        """And what to do about it."""
        self.put(desk, desk.calendar(), status="needs_relink")
        with desk.database.read() as connection:
            sheet = silence_sheet(connection, now=desk.now)
        text = table_page(sheet, report_silence.told("Harbor", desk.now))
        assert "has to link it again" in text


class TestScope:
    """A report about one provider, payer or severity, with what belongs to it."""

    @pytest.fixture
    def office(self, desk, ledger_times):
        """Two providers, two payers, a drift for each claim."""
        with desk.database.write() as tx:
            people.save_payer(tx, Payer(ref="OTHER", name="Other", filing_limit_days=30))
        for ref, provider, payer in (("a-1", "dr-lee", "ACME"), ("a-2", "dr-ray", "OTHER")):
            desk.book("2026-12-01T10:00", ref=ref, provider=provider)
            row = {"ref": f"cl-{ref}", "appointment": ref, "payer": payer, "status": "ready"}
            assert desk.take_in({"claims": [row]})["refused"] == []
            one = desk.get(ref)
            desk.drift(
                DriftKind.MOVED,
                ref,
                provider=provider,
                severity=(Severity.CLAIM if ref == "a-1" else Severity.SCHEDULE).value,
                before=ledger_times(one),
                after=ledger_times(one, by=DAY),
            )
        return desk

    @pytest.mark.parametrize(
        "scope",
        [
            Scope(provider="dr-lee"),
            Scope(payer="ACME"),
            Scope(provider="dr-lee", payer="ACME", severity=Severity.CLAIM),
        ],
    )
    def test_only_what_belongs_to_it_is_told(self, office, scope):
        """Drifts, held claims and the page."""
        with office.database.read() as connection:
            report = drift_report(connection, now=office.now, scope=scope)
        assert [row.appointment for row in report.rows] == ["a-1"]
        assert report.held_claims == ["cl-a-1"]
        text = page(report)
        assert "cl-a-2" not in text
        assert "Only" in text

    def test_a_severity_alone_keeps_every_held_claim(self, office):
        """A hold has no severity."""
        with office.database.read() as connection:
            report = drift_report(
                connection, now=office.now, scope=Scope(severity=Severity.SCHEDULE)
            )
        assert [row.appointment for row in report.rows] == ["a-2"]
        assert report.held_claims == ["cl-a-1", "cl-a-2"]
