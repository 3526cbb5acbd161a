"""The address that the pages are served on, and why it may not be had."""

import errno
import socket

BACKLOG = 128


class CannotListen(Exception):
    """The address of the pages cannot be listened on; says why, and what to do."""


class AddressTaken(CannotListen):
    """Another program listens there."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises `CannotListen`."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressTaken(
                f"the web pages cannot listen on {where}: another program does already; stop it, "
                "set another web.port, or serve no pages with web.enabled = false"
            ) from error
        raise CannotListen(
            f"the web pages cannot listen on {where} ({error.strerror or error}); set web.host to "
            "an address of this machine and web.port to a port that may be used"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Return where a listening socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
