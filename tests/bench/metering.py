"""What a tool costs: a counting proxy between it and a server, and the accounts of its process."""

import os
import re
import resource
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PIECE = 1 << 16
METHODS = rb"GET|HEAD|PUT|POST|DELETE|OPTIONS|PROPFIND|PROPPATCH|REPORT|MKCALENDAR|MKCOL"
# on a kept connection a request, or an answer, follows the body before it without a line's end
REQUEST = re.compile(rb"(" + METHODS + rb") \S+ HTTP/1\.[01]\r\n")
ANSWER_HEAD = re.compile(rb"HTTP/1\.[01] \d{3}[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went over the wire: requests by method, bytes both ways, bytes of answers' bodies."""

    requests: int
    puts: int
    connections: int
    sent: int
    received: int
    body: int

    @property
    def bytes(self) -> int:
        """Bytes both ways."""
        return self.sent + self.received


@dataclass(slots=True)
class _Link:
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)
    new: bool = True
    closed: bool = False


class Meter:
    """A proxy on loopback that passes every byte on and keeps it until it is counted."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        """Where a tool finds the server."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def take(self) -> Traffic:
        """Return what was counted since the last time; a kept connection counts when it is made."""
        links = list(self._links)
        ended = [link for link in links if link.closed]
        gone = [(_all(link.up), _all(link.down)) for link in links]
        made = sum(link.new for link in links)
        for link in links:
            link.new = False
        for link in ended:
            self._links.remove(link)
        methods = Counter(match[1].decode() for up, _ in gone for match in REQUEST.finditer(up))
        received = sum(len(down) for _, down in gone)
        heads = sum(len(match[0]) for _, down in gone for match in ANSWER_HEAD.finditer(down))
        return Traffic(
            requests=sum(methods.values()),
            puts=methods["PUT"],
            connections=made,
            sent=sum(len(up) for up, _ in gone),
            received=received,
            body=received - heads,
        )

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link()
            self._links.append(link)
            threading.Thread(target=_serve, args=(near, far, link), daemon=True).start()


def _serve(near: socket.socket, far: socket.socket, link: _Link) -> None:
    up = threading.Thread(target=_pass_on, args=(near, far, link.up), daemon=True)
    up.start()
    _pass_on(far, near, link.down)
    up.join()
    link.closed = True
    near.close()
    far.close()


def _all(kept: bytearray) -> bytes:
    """Take what has gone by so far; whoever writes to it goes on."""
    taken = bytes(kept)
    del kept[: len(taken)]
    return taken


def _pass_on(source: socket.socket, goal: socket.socket, kept: bytearray) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            kept += piece
            goal.sendall(piece)
    with suppress(OSError):
        goal.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process took: wall and CPU seconds, and the peak of its memory in MB."""

    wall: float
    cpu: float
    memory: float


def run(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, told: Sequence[int] = (0,)
) -> Usage:
    """Run a program to its end and return what it took; raises ``RuntimeError`` if it failed."""
    log = cwd / "bench.log"
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in told:
        raise RuntimeError(
            f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}"
        )
    return Usage(wall=wall, cpu=used.ru_utime + used.ru_stime, memory=used.ru_maxrss / 1024)


def own_cpu() -> float:
    """Return the CPU seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
