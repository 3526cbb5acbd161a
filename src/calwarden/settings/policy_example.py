"""The example policy, made from the defaults: every cell that can be set, none of them changed."""

from collections.abc import Iterator

from calwarden.domain.drift import DriftKind
from calwarden.domain.policy import DEFAULTS, FIXED, NEAR_HOURS, When
from calwarden.practice.report_wording import HAPPENED

_HEAD = f"""\
# A policy: what becomes of a change that somebody makes in a calendar. Every cell is here with
# its default; to change one, remove the "#" before it. Name this file as policy.file in the
# configuration, or try it first on what is on record:
#
#     calwarden policy try policy.toml --since 2026-11-01
#
# "revert": put back.  "flag": left as it is until a person decides; while it is open it may hold
# the claim.  "ignore": left as it is, and not recorded.
#
# ahead: more than near_hours before the start.  near: from then until the end.  after: after the
# end.  One verdict for all three may be written alone: moved = "flag".

# Hours before the start in which somebody may already be acting on what the calendar shows.
#near_hours = {NEAR_HOURS}
"""

_FOOT = """\
# For one provider other cells hold; what is not named there is as above.
#[providers.dr-lee]
#moved = { ahead = "flag" }
"""


def policy_example() -> str:
    """Return a policy file that explains every cell and changes none."""
    return "\n".join([_HEAD, *_cells(), _FOOT])


def _cells() -> Iterator[str]:
    for kind in DriftKind:
        if kind in FIXED:
            continue
        row = DEFAULTS[kind]
        verdicts = {row[when] for when in When}
        each = ", ".join(f'{when} = "{row[when]}"' for when in When)
        value = f'"{verdicts.pop()}"' if len(verdicts) == 1 else f"{{ {each} }}"
        yield f"# {HAPPENED[kind]}.\n#{kind} = {value}\n"
