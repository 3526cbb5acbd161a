"""Named points at which a test installation's process dies, to prove that it recovers."""

import os
import signal
from collections.abc import Callable

Failpoint = Callable[[str], None]
"""Called with the name of each point that is passed."""


class BadFailpoint(ValueError):
    """The setting names no point."""


def unarmed(_point: str) -> None:
    """Pass every point."""


def armed(setting: str) -> Failpoint:
    """Return a failpoint that kills the process, uncatchably, at ``POINT`` or the nth ``POINT:N``.

    Raises `BadFailpoint`.
    """
    name, colon, count = setting.partition(":")
    if not name or (colon and not (count.isascii() and count.isdigit() and int(count))):
        raise BadFailpoint(
            f"testing.failpoint is {setting!r}; write POINT, or POINT:3 for the third"
        )
    left = int(count or 1)

    def pass_or_die(point: str) -> None:
        nonlocal left
        if point != name:
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_or_die
