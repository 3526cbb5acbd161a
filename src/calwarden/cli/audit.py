"""``calwarden audit``: the chained log of every change."""

from calwarden.cli.options import group
from calwarden.cli.output import plural
from calwarden.cli.session import NEEDS_A_PERSON, Session, command

app = group("The chained log of every change.")


@command(app, "verify")
def verify(session: Session) -> int:
    """Recompute the chain: exit status 1 where an entry was changed, removed or put elsewhere."""
    verdict = session.application.audit_verdict()
    session.out.document(
        {
            "ok": verdict.ok,
            "entries": verdict.entries,
            "first_bad": verdict.first_bad,
            "reason": verdict.reason,
            "head": {"seq": verdict.head.seq, "hash": verdict.head.hash},
        }
    )
    if verdict.ok:
        session.out.say(f"The audit log holds: {plural(verdict.entries, 'entry', 'entries')}.")
        return 0
    session.out.say(
        f"The audit log is broken at entry {verdict.first_bad}: {verdict.reason}. "
        "Keep the database as it is, and compare it with a backup."
    )
    return NEEDS_A_PERSON
