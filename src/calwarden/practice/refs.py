"""Refs: the practice's own names of appointments, and those made where none was given."""

from itertools import count

from sqlalchemy import Connection, Table, func, select

from calwarden.domain.refusal import Refused
from calwarden.store.tables import appointments

LONGEST = 100


def ref_problem(ref: str) -> str | None:
    """Return why a text cannot be a ref; None where it can.

    Refs stand on command lines, in addresses and in reports; ``#`` names occurrences of a series.
    """
    if not ref or len(ref) > LONGEST:
        return f"a ref has 1 to {LONGEST} characters"
    if not ref.isprintable() or any(sign.isspace() for sign in ref):
        return f"the ref {ref!r} has spaces or control characters"
    if "#" in ref:
        return f"the ref {ref!r} has a '#', which names an occurrence of a series"
    if ref.startswith("-"):
        return f"the ref {ref!r} begins with '-', which a command line takes for an option"
    return None


def demand_ref(ref: str) -> str:
    """Return a ref for something new; raises `Refused` where it cannot be one."""
    problem = ref_problem(ref)
    if problem is not None:
        raise Refused(problem, next_step="choose another ref, such as a-1")
    return ref


def unused_ref(tx: Connection, table: Table = appointments, prefix: str = "a") -> str:
    """Return a ref that nothing in ``table`` has."""

    def free(ref: str) -> bool:
        return tx.execute(select(table.c.ref).where(table.c.ref == ref)).first() is None

    start = tx.execute(select(func.count()).select_from(table)).scalar_one() + 1
    return next(ref for ref in (f"{prefix}-{number}" for number in count(start)) if free(ref))
