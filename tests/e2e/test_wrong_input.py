"""What is wrong is named, with its own exit status and the next step, and changes nothing."""

import json
import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from calwarden.demo.person import Person

pytestmark = pytest.mark.e2e

WRONG, DEPENDENCY, REFUSED = 2, 3, 4


@pytest.fixture
def elsewhere(person):
    """A server that sends everybody on to Dana's, at another host."""

    class Redirecting(BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(301)
            self.send_header("Location", person.url.replace("127.0.0.1", "localhost"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    thread = Thread(target=running.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()
    thread.join()


def said(ran, *words):
    """Tell that a command failed with one message for people that has these words."""
    assert ran.out == ""
    for word in words:
        assert word in ran.err, ran
    return True


def counted(installation, table):
    """Count the rows of a table."""
    with closing(sqlite3.connect(installation.folder / "calwarden.db")) as connection:
        [[count]] = connection.execute(f"SELECT count(*) FROM {table}")
    return count


class TestLinking:
    """A link is stored only once everything about it was tried."""

    @pytest.fixture(autouse=True)
    def unchanged(self, stocked):
        """No case links anything, or leaves anything in the audit log."""
        before = counted(stocked, "audit")
        yield
        assert counted(stocked, "calendars") == counted(stocked, "credentials") == 0
        assert counted(stocked, "audit") == before

    def test_a_wrong_password_is_named(self, stocked, server):
        """The server says no: the account and the password are to be looked at."""
        stocked.write("password", "not it")
        ran = stocked.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", server.url),
            *("--username", "dana", "--password-file", "password"),
            expect=DEPENDENCY,
        )
        assert said(ran, "password")

    def test_an_address_without_a_calendar_server_is_named(self, stocked, server):
        """A path that is no calendar home is told from a server that is down."""
        ran = stocked.link(f"{server.url}nothing/here/", account="ida", expect=DEPENDENCY)
        assert said(ran, "127.0.0.1", "shows no calendar")

    def test_a_server_that_is_down_is_named(self, stocked):
        """Nothing listens there: a dependency failed."""
        assert said(stocked.link("http://127.0.0.1:9/", expect=DEPENDENCY), "127.0.0.1:9")

    def test_a_redirect_to_another_host_is_not_followed(self, stocked, elsewhere):
        """A password goes only to the host that was named."""
        assert said(stocked.link(elsewhere, expect=DEPENDENCY), "host")

    def test_a_calendar_that_is_not_there_is_named_with_those_that_are(
        self, stocked, server, person
    ):
        """The account's own calendars are listed."""
        assert person.url
        ran = stocked.link(server.url, "--calendar", "Nowhere", expect=WRONG)
        assert said(ran, "'Nowhere'", "'Work'")

    def test_several_calendars_need_a_name(self, stocked, server, person):
        """Where several calendars could be meant none is picked."""
        person.make_calendar("Home")
        assert said(stocked.link(server.url, expect=WRONG), "--calendar", "'Home'")

    def test_calendars_of_one_name_are_told_apart_by_their_addresses(self, stocked, server, person):
        """A name that several calendars share does not say which one is meant."""
        first = person.url
        person.make_calendar("Work")
        assert said(stocked.link(server.url, "--calendar", "Work", expect=WRONG), first, person.url)

    def test_a_calendar_that_can_only_be_read_is_not_managed(self, stocked, person, server):
        """Eve may look at Dana's calendar: busy time can be read, nothing is published or tried."""
        before = server.writes
        ran = stocked.link(person.url, account="eve", expect=REFUSED)
        assert said(ran, "only be read", "--role busy")
        assert server.writes == before

    def test_an_unknown_provider_is_named(self, stocked, person):
        """The provider comes from the practice file."""
        stocked.write("password", "x")
        ran = stocked.run(
            *("link", "caldav", "--provider", "dr-who", "--url", person.url),
            *("--username", "dana", "--password-file", "password"),
            expect=WRONG,
        )
        assert said(ran, "provider dr-who")

    def test_a_missing_password_file_is_named(self, stocked, person):
        """Nothing is sent."""
        ran = stocked.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", person.url),
            *("--username", "dana", "--password-file", "nowhere"),
            expect=WRONG,
        )
        assert said(ran, "password file nowhere")

    def test_plain_http_needs_leave(self, stocked, person):
        """Without network.allow_private no password goes over plain http or to this machine."""
        stocked.write("password", "x")
        ran = stocked.run(
            *("link", "caldav", "--provider", "dr-lee", "--url", person.url),
            *("--username", "dana", "--password-file", "password"),
            expect=None,
            CALWARDEN__NETWORK__ALLOW_PRIVATE="false",
        )
        assert ran.status in {WRONG, DEPENDENCY, REFUSED}
        assert said(ran, "allow_private")


def test_a_calendar_of_another_provider_is_refused(published, person):
    """One remote calendar belongs to one provider; linking it again for the same renews it."""
    again = published.link(person.url)
    assert again.document["id"] == 1
    ran = published.run(
        *("link", "caldav", "--provider", "dr-fox", "--url", person.url),
        *("--username", "dana", "--password-file", "password"),
        expect=REFUSED,
    )
    assert said(ran, "another provider")
    assert len(published.ask("calendars", "list")["calendars"]) == 1


def test_a_server_that_went_away_leaves_the_calendar_for_later(stocked, tmp_path):
    """A pass over an unreachable calendar says so and is tried again."""
    from calwarden.demo.server import CalendarServer  # noqa: PLC0415 - a server of its own

    server = CalendarServer(tmp_path / "server", {"dana": "harbor: pass ü"})
    server.start()
    dana = Person(server.url, name="dana", password="harbor: pass ü")
    stocked.link(dana.make_calendar("Work"))
    dana.close()
    server.stop()
    ran = stocked.run("sync", "--json", expect=DEPENDENCY)
    [calendar] = ran.document["calendars"]
    assert calendar["outcome"] == "unreachable"
    assert stocked.ask("calendars", "list")["calendars"][0]["status"] == "active"


BAD_ROWS = (
    ({"provider": "dr-who"}, "there is no provider dr-who"),
    ({"client": "c-9"}, "there is no client c-9"),
    ({"start": "2026-13-01T10:00"}, "2026-13-01T10:00"),
    ({"start": "2026-02-30T10:00"}, "2026-02-30T10:00"),
    ({"start": "2026-12-01T25:00"}, "2026-12-01T25:00"),
    ({"timezone": "America/Nowhere"}, "America/Nowhere"),
    ({"minutes": 0}, "minutes"),
    ({"start": "2026-12-03T10:30"}, "would overlap"),
    ({"lenght": 50}, "lenght"),
)


class TestPracticeFiles:
    """A bad row is refused with its line and its reason; nothing of it is kept."""

    def test_each_bad_appointment_is_refused_with_its_line_and_reason(self, stocked):
        """Unknown refs, impossible times, overlaps and typing errors each have their reason."""
        before = stocked.ask("appointments", "list")
        good = {
            "ref": "new",
            "provider": "dr-lee",
            "client": "c-1",
            "start": "2026-12-07T10:00",
            "minutes": 50,
        }
        rows = [
            good | change | {"ref": f"new-{number}"} for number, (change, _) in enumerate(BAD_ROWS)
        ]
        lines = ",\n".join(json.dumps(row) for row in rows)
        file = stocked.write("more.json", f'{{"appointments": [\n{lines}\n]}}')
        ran = stocked.run("import", file, "--json", expect=REFUSED)
        refused = ran.document["refused"]
        assert [row["line"] for row in refused] == list(range(2, 2 + len(BAD_ROWS)))
        for row, (_, reason) in zip(refused, BAD_ROWS, strict=True):
            assert reason in row["reason"], row
        assert "nothing changed" in ran.err
        assert stocked.ask("appointments", "list") == before

    def test_a_bad_row_does_not_stop_the_others(self, stocked):
        """What could be taken in was: the import is done, and says what it refused."""
        rows = [
            {
                "ref": ref,
                "provider": provider,
                "client": "c-1",
                "start": "2026-12-07T10:00",
                "minutes": 50,
            }
            for ref, provider in (("good", "dr-lee"), ("bad", "dr-who"))
        ]
        done = stocked.ask("import", stocked.write("more.json", {"appointments": rows}))
        assert done["added"] == 1
        assert [row["ref"] for row in done["refused"]] == ["bad"]

    def test_a_file_that_is_no_practice_file_is_refused_whole(self, stocked):
        """Text that is not JSON, and JSON that is no practice, leave everything as it is."""
        before = stocked.ask("appointments", "list")
        for content in ("{not json", "[]", ""):
            file = stocked.write("broken.json", content)
            assert said(stocked.run("import", file, expect=WRONG), "broken.json")
        assert said(stocked.run("import", "nowhere.json", expect=WRONG), "nowhere.json")
        assert stocked.ask("appointments", "list") == before

    def test_a_clock_change_is_told_not_refused(self, stocked):
        """A start that a spring gap skips, and one that comes twice, are taken and shown."""
        rows = [
            {
                "ref": ref,
                "provider": "dr-lee",
                "client": "c-1",
                "start": start,
                "timezone": "America/New_York",
                "minutes": 30,
            }
            for ref, start in (("gap", "2027-03-14T02:30"), ("fold", "2027-11-07T01:30"))
        ]
        done = stocked.ask("import", stocked.write("dst.json", {"appointments": rows}))
        assert done["added"] == 2
        assert stocked.ask("appointments", "show", "gap")["resolved"] == "gap"
        shown = stocked.ask("appointments", "show", "fold")
        assert (shown["resolved"], shown["start"]) == ("fold", "2027-11-07T01:30:00-04:00")

    def test_importing_the_same_file_again_changes_nothing(self, stocked):
        """Everything is known by its ref."""
        done = stocked.ask("import", "practice.json")
        assert (done["added"], done["updated"], done["refused"]) == (0, 0, [])


class TestConfiguration:
    """A configuration is read once, and everything wrong with it is told together."""

    def test_an_unknown_key_is_named_with_the_nearest(self, fresh):
        """So is every other fault, in one go."""
        fresh.configure("smtp.prot = 25", "web.port = 0")
        assert said(fresh.run("doctor", "--json", expect=WRONG), "smtp.prot", "port", "web.port")

    def test_a_missing_file_is_named(self, fresh):
        """Whether given or looked for, and how to make one is said."""
        assert said(fresh.run("sync", "--config", "nowhere.toml", expect=WRONG), "nowhere.toml")
        (fresh.folder / "calwarden.toml").unlink()
        assert said(fresh.run("sync", expect=WRONG), "calwarden init")

    def test_a_database_of_a_newer_version_is_left_alone(self, fresh):
        """It is neither read nor migrated; the message says what to do."""
        database = fresh.folder / "calwarden.db"
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        for command in (("sync",), ("db", "upgrade"), ("db", "check"), ("import", "x.json")):
            if command[0] == "import":
                fresh.write("x.json", {"providers": []})
            assert said(fresh.run(*command, expect=WRONG), "newer")
        with closing(sqlite3.connect(database)) as connection:
            [[version]] = connection.execute("SELECT version_num FROM alembic_version")
        assert version == "9999"

    def test_another_database_begins_another_audit_log(self, fresh):
        """Where the former log ended is kept beside; the new one is not called broken."""
        former = (fresh.folder / "calwarden.anchor").read_bytes()
        fresh.configure('database.url = "sqlite:///other.db"')
        assert "calwarden.anchor.1" in fresh.run("db", "upgrade").err
        assert (fresh.folder / "calwarden.anchor.1").read_bytes() == former
        fresh.write("practice.json", {"practice": {"name": "H", "timezone": "Europe/London"}})
        fresh.run("import", "practice.json")
        assert fresh.ask("audit", "verify")["ok"]

    def test_a_key_that_others_can_read_is_not_used(self, stocked, person):
        """Credentials are not sealed with a key that anybody on the machine has."""
        (stocked.folder / "calwarden.key").chmod(0o644)
        assert said(stocked.link(person.url, expect=WRONG), "calwarden.key")

    def test_init_never_overwrites(self, fresh):
        """Neither configuration nor key nor database: each alone stops it."""
        files = {path: path.read_bytes() for path in fresh.folder.iterdir() if path.is_file()}
        assert said(fresh.run("init", expect=REFUSED), "calwarden.toml", "already")
        assert {path: path.read_bytes() for path in files} == files
        (fresh.folder / "calwarden.toml").unlink()
        assert said(fresh.run("init", expect=REFUSED), "calwarden.key", "already")


def test_things_that_are_not_there_are_named(stocked):
    """Whatever the command, a name that nothing has is a wrong command line."""
    for command, name in (
        (("appointments", "show", "a-99"), "appointment a-99"),
        (("calendars", "show", "7"), "calendar 7"),
        (("sync", "--calendar", "7"), "calendar 7"),
        (("drift", "show", "7"), "drift 7"),
        (("claims", "clearance", "cl-99"), "claim cl-99"),
        (("out-of-office", "remove", "o-99"), "o-99"),
    ):
        assert said(stocked.run(*command, "--json", expect=WRONG), name)


def test_rules_of_the_practice_refuse_with_a_next_step(stocked):
    """What has not started is not completed; a claim does not go backwards; time is not shared."""
    ran = stocked.run("appointments", "complete", "near", expect=REFUSED)
    assert said(ran, "has not started")
    stocked.run("claims", "set-status", "cl-near", "submitted")
    ran = stocked.run("claims", "set-status", "cl-near", "draft", expect=REFUSED)
    assert said(ran, "does not go from submitted to draft")
    ran = stocked.run(
        *("appointments", "book", "--provider", "dr-lee", "--client", "c-1"),
        *("--start", "2026-12-03T10:30", "--minutes", "30"),
        expect=REFUSED,
    )
    assert said(ran, "overlap")
