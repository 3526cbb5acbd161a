"""``calwarden db``: the tables of the database."""

from calwarden.cli.options import group
from calwarden.cli.session import NEEDS_A_PERSON, Session, command
from calwarden.store.schema import SchemaState

app = group("The database's tables: bring them up to this version, or look at theirs.")


@command(app, "upgrade")
def upgrade(session: Session) -> None:
    """Make the tables of this version and keep every row. A newer version's database is refused."""
    database = session.application.database
    before = database.path is not None and not database.path.exists()
    found = None if before else database.check().found
    if found is None and database.anchor is not None:
        former = database.anchor.set_aside()
        if former is not None:
            session.out.note(f"a new audit log begins; the former one ended as {former} says")
    database.upgrade()
    state = database.check()
    session.out.document(_document(state) | {"upgraded_from": found})
    if found == state.found:
        session.out.say(f"The database {database.place} has the tables of this version already.")
    else:
        session.out.say(f"The database {database.place} now has the tables of this version.")


@command(app, "check")
def check(session: Session) -> int:
    """Tell whether the database has the tables of this version; exit status 1 if it lacks any."""
    database = session.application.database
    state = database.check()
    state.demand_known(database.place)
    session.out.document(_document(state))
    if state.current:
        session.out.say(f"The database {database.place} has the tables of this version.")
        return 0
    session.out.say(
        f"The database {database.place} has tables at {state.found or 'nothing yet'}, "
        f"this version needs {state.expected}. Run: calwarden db upgrade"
    )
    return NEEDS_A_PERSON


def _document(state: SchemaState) -> dict[str, object]:
    return {"current": state.current, "found": state.found, "expected": state.expected}
