"""What holds for every page: headers, bounds, errors that tell nothing of the inside."""

import pytest
from fastapi import APIRouter, Request

from web.conftest import services, site

CANARY = "Sam Canary sam@client.example"
further = APIRouter()


@further.post("/notices")
async def take(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@further.get("/broken")
def broken() -> None:
    raise RuntimeError(CANARY)


def chunks(size: int):
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("path", ["/", "/no-such-page", "/static/pages.css", "/static/none"])
def test_every_answer_carries_the_headers(pages, path):
    """Neither script nor foreign content, no referrer, no guessing, no frames."""
    headers = pages.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["strict-transport-security"].startswith("max-age=")
    assert "server" not in headers
    assert "set-cookie" not in headers


def test_pages_are_stored_nowhere_but_the_style_sheet_may_be(pages):
    """A page may tell when somebody is treated."""
    assert pages.get("/").headers["cache-control"] == "no-store"
    assert "no-store" not in pages.get("/static/pages.css").headers.get("cache-control", "")


def test_a_page_bears_the_practices_name_as_text(pages):
    """Whatever is in it, it is no markup."""
    answer = pages.get("/")
    assert answer.status_code == 200
    assert "Harbor &lt;Practice&gt;" in answer.text
    assert '<html lang="en">' in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text


def test_head_is_get_without_a_body(pages):
    """Link checkers ask so."""
    answer = pages.client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/../app.py"])
def test_the_app_describes_itself_to_nobody(pages, path):
    """What can be reached is told by links only."""
    answer = pages.get(path)
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text


def test_a_fault_is_told_without_its_inside(sqlite_database, clock, capsys):
    """Neither the page nor the log quotes what was being worked on; the headers hold here too."""
    pages = site(services(sqlite_database, clock), more=[further])
    answer = pages.get("/broken")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert "content-security-policy" in answer.headers
    told = answer.text + "".join(capsys.readouterr())
    assert "Canary" not in told
    assert "RuntimeError" not in answer.text


def test_a_large_request_is_refused_before_it_is_kept(sqlite_database, clock):
    """Announced or not; what is within bounds arrives whole."""
    pages = site(services(sqlite_database, clock), more=[further])
    assert pages.client.post("/notices", content=b"x" * 200_000).json() == {"bytes": 200_000}
    assert pages.client.post("/notices", content=b"x" * 300_000).status_code == 413
    assert pages.client.post("/notices", content=chunks(200 * 1024)).json() == {"bytes": 204_800}
    refused = pages.client.post("/notices", content=chunks(300 * 1024))
    assert refused.status_code == 413
    assert "content-security-policy" in refused.headers
