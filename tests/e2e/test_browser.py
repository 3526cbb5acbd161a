"""A client with a browser: without scripts, by keyboard, on a phone; on pages that are served."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from calwarden.bootstrap import Application
from calwarden.store import appointments
from e2e.conftest import Installation, copied
from e2e.test_pages import fetch, free_port, serving

NAMES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
CHROMIUM = next((name for name in NAMES if Path(name).exists()), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, see .ci/run"),
    pytest.mark.xdist_group("browser"),
]

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1200, "height": 900}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
SMALLEST = 44
CONTRAST = """() => {
  const channel = value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const read = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = node => {
    for (let one = node; one; one = one.parentElement) {
      const colour = read(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter(node => [...node.childNodes].some(
      child => child.nodeType === 3 && child.textContent.trim()))
    .map(node => {
      const [dark, bright] = [light(read(getComputedStyle(node).color)), light(ground(node))]
        .sort((one, other) => one - other);
      return [(bright + 0.05) / (dark + 0.05), node.textContent.trim().slice(0, 30)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""
DAYS = {"soon": "2026-12-01T15:00", "far": "2026-12-10T10:00", "asked": "2026-12-15T10:00"}
HOUSE = {
    "practice": {"name": "Harbor Practice", "timezone": "America/New_York"},
    "providers": [
        {
            "ref": "dr-lee",
            "name": "Dana Lee",
            "email": "dana@harbor.example",
            "timezone": "America/New_York",
            "late_cancellation_fee": "75.00",
            "working_hours": {day: ["09:00-12:00", "13:00-17:00"] for day in WEEKDAYS},
        }
    ],
    "clients": [{"ref": "c-1", "name": "Sam Rivera", "timezone": "America/Chicago"}],
    "appointments": [
        {"ref": ref, "provider": "dr-lee", "client": "c-1", "start": start, "minutes": 50}
        for ref, start in DAYS.items()
    ],
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory, environment, initialised) -> Iterator[Installation]:
    """A practice whose pages are served."""
    made = copied(initialised, tmp_path_factory.mktemp("house"), environment)
    port = free_port()
    made.configure(f"web.port = {port}", f'web.public_url = "http://127.0.0.1:{port}"')
    made.configure('practice.contact = "Front desk, 555 0100"')
    made.run("import", made.write("house.json", HOUSE))
    made.run("appointments", "ask", "asked", "--reason", "conflict", "--note", "Mornings suit me.")
    with serving(made, "web") as process:
        fetch(port, "/", process)
        yield made


@pytest.fixture(scope="module")
def links(house) -> dict[str, str]:
    """The address of each appointment's page, as the mails have it."""
    application = Application.open(house.folder / "calwarden.toml", environment=house.environment)
    with application.database.read() as connection:
        found = appointments.search(connection)
    links = {one.ref: application.links.link_for(one) for one in found}
    application.close()
    return links


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request, chromium) -> Iterator[Page]:
    """A tab in which no script runs; a complaint of the browser about anything fails the test."""
    context = chromium.new_context(viewport=request.param, java_script_enabled=False)
    context.set_default_timeout(20_000)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    yield tab
    # a page that is refused is no complaint about what is in it
    assert [one for one in complaints if "server responded with a status" not in one] == []
    assert context.cookies() == []
    context.close()


def fits(page: Page) -> None:
    """Nothing reaches beyond the window, and what is pressed is large enough for a thumb."""
    widths = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    for found in page.locator("a.slot:visible, button:visible, select:visible").all():
        box = found.bounding_box()
        assert box is not None
        assert box["height"] >= SMALLEST, found.inner_text()


def test_a_client_moves_an_appointment_with_four_clicks(page, links):
    """From the mail's link to the page that says what happens next; going back does no harm."""
    page.goto(links["far"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Your appointment")
    fits(page)
    before = page.locator(".card .when").first.inner_text()
    page.get_by_role("link", name="Later").first.click()
    page.get_by_role("link", name="1:00 PM on Wednesday, December 9, 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this time right for you?")
    fits(page)
    page.get_by_role("button", name="Confirm the new time").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your appointment has a new time")
    expect(page.locator(".card .when").first).to_contain_text("1:00 to 1:50 PM CST")
    fits(page)
    done = page.url
    page.go_back()
    expect(page.get_by_role("alert")).to_have_text("Your appointment is at that time already.")
    page.goto(done)
    page.get_by_text("Choose yet another time").click()
    page.get_by_role("link", name="Later").first.click()
    page.get_by_role("link", name="9:00 AM on Thursday, December 10, 2026").click()
    page.get_by_role("button", name="Confirm the new time").click()
    assert page.locator(".card .when").first.inner_text() == before


def test_times_are_shown_in_the_zone_that_is_chosen(page, links):
    """A list and a button, no script."""
    page.goto(links["far"])
    page.get_by_label("Times are shown in").select_option("Europe/Berlin")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".card .when").first).to_contain_text("4:00 to 4:50 PM CET")
    expect(page.get_by_label("Times are shown in")).to_have_value("Europe/Berlin")
    page.locator("a.slot").first.click()
    expect(page.locator(".card .when").first).to_contain_text("CET (Europe/Berlin)")


def test_the_whole_way_can_be_gone_by_keyboard(page, links):
    """Tab reaches everything in the order that it is read, and shows where it is."""
    page.goto(links["far"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Times are shown in")).to_be_focused()
    page.get_by_role("link", name="cancel the appointment").focus()
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Move it, or cancel it?")
    fits(page)
    page.get_by_role("button", name="Cancel this appointment").focus()
    page.get_by_role("link", name="Keep it as it is").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your appointment")


def test_too_late_asked_and_wrong_links_have_pages_that_fit(page, links):
    """Each says what to do."""
    page.goto(links["soon"])
    expect(page.locator("main")).to_contain_text("It is too late to change it online")
    expect(page.locator("main")).to_contain_text("Front desk, 555 0100")
    expect(page.locator("main")).to_contain_text("75.00")
    fits(page)
    page.goto(links["asked"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Please choose a new time")
    expect(page.locator("main")).to_contain_text("A conflict in my calendar")
    fits(page)
    page.goto(links["far"][:-3])
    expect(page.get_by_role("heading", level=1)).to_have_text("This link is not valid")
    fits(page)


def test_what_is_read_stands_out_from_its_ground(page, links):
    """WCAG 2.2, 1.4.3: 4.5 to 1 for every piece of text."""
    for path in ("", "/cancel"):
        page.goto(links["asked"] + path)
        weak = page.evaluate(CONTRAST)
        assert weak == []


def test_every_page_can_be_read_by_a_program(page, links):
    """One language, one first heading, one main part, and a label on all that can be filled in."""
    for address in (links["far"], links["far"] + "/cancel", links["soon"], links["far"][:-3]):
        page.goto(address)
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("h1").count() == page.locator("main").count() == 1
        for field in page.locator("select, input:not([type=hidden])").all():
            assert page.locator(f"label[for={field.get_attribute('id')}]").count() == 1
        names = [link.inner_text().strip() for link in page.locator("a, button").all()]
        assert all(names)
