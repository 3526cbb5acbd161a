"""What a large 837P file costs to check, and how soon a large report stands in a browser.

The program runs in a process of its own, and the kernel tells its peak of resident memory.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from calwarden.store import tables
from calwarden.store.unit_of_work import Database
from fixtures.professional import Filed, Interchange, Service

pytestmark = pytest.mark.bench

PROGRAM = """
import sys
from pathlib import Path
from calwarden.cli import main
status = main(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
sys.exit(print(next(line for line in lines if line.startswith("VmHWM")), file=sys.stderr) or status)
"""
CLAIMS, DRIFTS = 100_000, 10_000
MOST_MB = 200
THEN = date(2026, 11, 20)
NOW = datetime(2026, 12, 7, 13, tzinfo=UTC)
PRACTICE = {
    "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
    "payers": [{"ref": "ACME", "name": "Acme Health"}],
    "providers": [{"ref": "dr-lee", "name": "Dana Lee", "timezone": "America/New_York"}],
    "clients": [{"ref": "c-1", "name": "Sam", "timezone": "America/New_York"}],
    "appointments": [
        {
            "ref": "a-1",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-11-20T10:00",
            "minutes": 50,
        }
    ],
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """An installation with one past appointment on its books."""
    run(tmp_path, "init")
    with (tmp_path / "calwarden.toml").open("a") as file:
        file.write('testing.clock = "manual"\n')
    (tmp_path / "practice.json").write_text(json.dumps(PRACTICE))
    run(tmp_path, "import", "practice.json")
    return tmp_path


def run(folder: Path, *arguments: str, expect: int = 0) -> tuple[float, float]:
    """Run a command; return its seconds and its peak of resident memory in MB."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "CALWARDEN_NOW": NOW.isoformat()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    return time.perf_counter() - began, int(done.stderr.split()[-2]) / 1024


def fill(folder: Path, table, rows) -> None:
    database = Database.open(f"sqlite:///{folder}/calwarden.db")
    with database.write() as tx:
        tx.execute(insert(table), rows)
    database.close()


def test_a_file_of_100_000_claims(folder, capsys):
    """All of them right; and every one wrong, with a corrected copy: below 200 MB."""
    row = {
        "appointment": "a-1",
        "payer": "ACME",
        "status": "ready",
        "date_of_service": THEN.isoformat(),
        "dos_timezone": "America/New_York",
        "details": {},
        "created_at": NOW,
        "updated_at": NOW,
    }
    fill(folder, tables.claims, [{**row, "ref": f"cl-{number}"} for number in range(CLAIMS)])
    for name, day, status in (("right", THEN, 0), ("wrong", THEN + timedelta(days=1), 1)):
        claims = [Filed(ref=f"cl-{number}", services=[Service.on(day)]) for number in range(CLAIMS)]
        file = folder / f"{name}.837"
        file.write_bytes(Interchange(claims=claims).content())
        del claims
        more = ("--json", "--fix", "fixed.837") if status else ("--json",)
        seconds, peak = run(folder, "claims", "check", file.name, *more, expect=status)
        with capsys.disabled():
            size = file.stat().st_size / 1e6
            print(  # noqa: T201 - what a benchmark is for
                f"\n{CLAIMS} claims, every date {name} ({size:.0f} MB): "
                f"{seconds:.0f} s, {peak:.0f} MB at most"
            )
        assert peak < MOST_MB
    seconds, peak = run(folder, "claims", "check", "fixed.837")
    assert peak < MOST_MB


def test_a_report_of_10_000_drifts(folder, capsys):
    """How long it takes to write, how large it is, and when a browser has painted and loaded it."""
    link = {
        "provider": "dr-lee",
        "connector": "caldav",
        "remote_id": "https://dav.example/",
        "capabilities": {},
        "probe": {},
        "limitations": {},
        "created_at": NOW,
    }
    fill(folder, tables.calendars, [link])
    fill(folder, tables.drifts, [drift(number) for number in range(DRIFTS)])
    seconds, peak = run(folder, "report", "drift", "--out", "drift.html")
    size = (folder / "drift.html").stat().st_size / 1e6
    told = [f"{DRIFTS} drifts: written in {seconds:.1f} s, {peak:.0f} MB at most, {size:.1f} MB"]
    told += [
        f"in Chromium, {width} wide: painted after {paint:.2f} s, loaded after {load:.2f} s"
        for width, paint, load in opened(folder / "drift.html")
    ]
    with capsys.disabled():
        print("", *told, sep="\n")  # noqa: T201 - as above


def drift(number: int) -> dict:
    at = NOW - timedelta(minutes=53 * number)
    start = (at + timedelta(days=2)).replace(minute=0)
    waits = number % 10 == 0
    span = {
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=50)).isoformat(),
        "timezone": "America/New_York",
        "all_day": False,
    }
    later = {
        **span,
        "start": (start + timedelta(hours=number % 30)).isoformat(),
        "end": (start + timedelta(hours=number % 30, minutes=50)).isoformat(),
    }
    return {
        "calendar_id": 1,
        "provider": "dr-lee",
        "uid": f"uid-{number}",
        "kind": "moved",
        "changes": {"time": "moved"},
        "severity": "schedule",
        "status": "open" if waits else "reverted",
        "verdict": "flag" if waits else "revert",
        "subject_kind": "appointment",
        "subject_ref": "a-1",
        "appointment": "a-1",
        "appointments": ["a-1"],
        "redated": [],
        "before": span,
        "after": later,
        "seen": "seen",
        "detected_at": at,
        "updated_at": at,
    }


def opened(file: Path):
    """Yield width, seconds to the first contentful paint, and to the end of loading."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for width in (390, 1280):
            page = chromium.new_page(viewport={"width": width, "height": 900})
            page.goto(file.as_uri())
            paint, load = page.evaluate(
                "() => [performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " performance.getEntriesByType('navigation')[0].loadEventEnd]"
            )
            yield width, paint / 1000, load / 1000
        chromium.close()
