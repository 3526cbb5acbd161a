"""``calwarden web``: the web pages alone, until told to stop."""

from calwarden.cli.options import single
from calwarden.cli.session import Session, command
from calwarden.cli.until_stopped import stay, stop_on_signal
from calwarden.web.serving import Serving

app = single()


@command(app, "web")
def web(session: Session) -> None:
    """Serve the web pages alone, until stopped: for a fleet, where workers watch the calendars.

    `calwarden run` serves them too. SIGTERM and Ctrl-C let the requests under way end first.
    """
    application = session.application
    with application.database.read():
        pass  # a database that cannot be used is told now, not to the first visitor
    stopped = stop_on_signal()
    where = application.settings.web
    serving = Serving.start(application.web_app(), where.host, where.port)
    if session.out.errors.is_terminal:
        session.out.note(f"calwarden serves its pages at {serving.address}; Ctrl-C stops it")
    try:
        stay(stopped, lambda: serving.alive)
    finally:
        serving.stop()
    session.out.document({"stopped": True})
