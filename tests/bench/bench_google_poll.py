"""What a whole quiet poll costs: the store's reads, the vault, the connector, its one request."""

import json
import statistics

import pytest
from sqlalchemy import event

from bench.bench_google import _cpu, served  # noqa: F401 - a fixture
from calwarden.bootstrap import Application, initialise
from calwarden.clock import SystemClock
from calwarden.demo.practice import seed
from calwarden.engine.cycle import poll
from calwarden.engine.passes import sync
from calwarden.practice import linking
from calwarden.practice.interchange import import_file
from calwarden.sdk.connector import RemoteCalendar
from calwarden.store.calendars import NewCalendar
from emulators.emulated import OWNER

ROUNDS = 20

pytestmark = pytest.mark.bench


def test_a_quiet_poll_is_one_request_and_no_write(served, tmp_path, capsys):  # noqa: F811
    """CPU of `poll` on a linked calendar in which nothing happens."""
    settings, grant = served
    clock = SystemClock()
    config = initialise(tmp_path / "calwarden.toml", now=clock.now()).config
    with config.open("a") as file:
        file.write("network.allow_private = true\n")
        file.writelines(f"google.{name} = {json.dumps(text)}\n" for name, text in settings.items())
    application = Application.open(config, clock=clock)
    now, practice = clock.now(), json.dumps(seed(clock.now()).document).encode()
    kind = application.connectors["google"]
    context = application.link_context("google", "America/New_York")
    link = kind.probe(RemoteCalendar(remote_id=OWNER, name="", primary=True), grant, context)
    new = NewCalendar(provider="dr-okafor", connector="google", link=link)
    with application.database.write() as tx:
        import_file(tx, practice, now=now, actor="bench")
        linking.link(tx, new, grant, vault=application.vault, now=now, actor="bench")
    services = application.services()
    sync(services)
    sync(services)
    statements = []
    event.listen(
        application.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement.split()[0]),
    )
    report = poll(services, 1)
    counted = {verb: statements.count(verb) for verb in sorted(set(statements))}
    cost = statistics.median(_cpu(lambda: poll(services, 1)) for _ in range(ROUNDS))
    application.close()
    with capsys.disabled():
        print(f"\nquiet poll: {cost * 1e6:.0f} µs of CPU; statements {counted}")  # noqa: T201 - a benchmark tells
    assert (report.quiet, report.requests) == (True, 1)
    assert not {"INSERT", "UPDATE", "DELETE"} & counted.keys()
