"""``calwarden run``: the daemon in one process, until it is told to stop."""

import structlog

from calwarden.cli.options import single
from calwarden.cli.session import Session, command
from calwarden.cli.until_stopped import stay, stop_on_signal
from calwarden.web.listening import AddressTaken
from calwarden.web.serving import Serving

app = single()

log = structlog.get_logger("calwarden.run")


@command(app, "run")
def run(session: Session) -> None:
    """Watch the calendars until stopped: publish, notice, put back, hold; serve the web pages.

    Logs to standard error. SIGTERM and Ctrl-C let the steps under way settle first. Under systemd
    it says when it is ready and, while it is well, keeps the watchdog quiet. Where another program
    holds the address of the pages it says so, watches the calendars all the same, and tries again.
    """
    application = session.application
    stopped = stop_on_signal()
    pages = Pages(session)
    pages.look()
    daemon = application.daemon()
    daemon.start()
    if session.out.errors.is_terminal:
        session.out.note(f"calwarden watches with {application.config}; Ctrl-C stops it")

    def beat() -> bool:
        pages.look()
        return daemon.healthy

    try:
        stay(stopped, beat)
    finally:
        pages.stop()
        daemon.stop()
    session.out.document({"stopped": True})


class Pages:
    """The web pages beside the daemon, unless they are turned off."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._serving: Serving | None = None
        self._told = False

    def look(self) -> None:
        """Serve if nothing is served yet, or not any more; raises `CannotListen`.

        An address that is taken is told once: the calendars cannot wait for it.
        """
        application = self._session.application
        web = application.settings.web
        if not web.enabled or (self._serving is not None and self._serving.alive):
            return
        try:
            self._serving = Serving.start(application.web_app(), web.host, web.port)
        except AddressTaken as error:
            log.error("pages_not_served", host=web.host, port=web.port)  # noqa: TRY400 - the sentence follows
            if not self._told:
                self._session.out.note(f"calwarden: {error}; until then no pages are served")
            self._told = True

    def stop(self) -> None:
        """End after the requests under way."""
        if self._serving is not None:
            self._serving.stop()
