"""``calwarden tick``: once what the daemon does between two looks at the calendars."""

from calwarden.cli.options import single
from calwarden.cli.session import Session, command
from calwarden.engine.timers import tick as run_timers

app = single()


@command(app, "tick")
def tick(session: Session) -> None:
    """Do once what the daemon does between looks at the calendars; touches none of them."""
    done = run_timers(session.application.services()).document()
    session.out.document(done)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in done.items() if count)
    session.out.say(told or "Nothing was due.")
