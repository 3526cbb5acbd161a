"""Processes by name, as leases know them."""

import os
import socket
import sys
from pathlib import Path


def process_name() -> str:
    """Return this process's name in leases: host, process id, and when the process began."""
    return f"{socket.gethostname()}/{os.getpid()}/{_began(os.getpid())}"


def process_runs(name: str) -> bool:
    """Tell whether the process so named still runs; True where that cannot be known from here."""
    host, _, rest = name.partition("/")
    pid, _, began = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    if sys.platform != "linux":
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    return _began(int(pid)) == began


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did (proc(5), field 22 of stat)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
