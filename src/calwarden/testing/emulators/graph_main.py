"""The emulator as a program: ``python -m calwarden.testing.emulators.graph_main``.

Prints one line of JSON, the ``[outlook]`` section that speaks to it, and answers until its standard
input ends. People act and things go wrong through ``/_control``
(`calwarden.testing.emulators.graph_control`).
"""

import argparse
import json
import sys

from calwarden.testing.emulators.graph import GraphServer


def main() -> None:
    """Serve until nobody holds the other end of standard input."""
    parser = argparse.ArgumentParser(description="A stand-in for Microsoft Graph on this machine.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any)")
    parser.add_argument("--account", action="append", default=[], help="e-mail of a mailbox to add")
    arguments = parser.parse_args()
    with GraphServer(arguments.port) as server:
        for email in arguments.account:
            server.add_account(email)
        sys.stdout.write(json.dumps(server.settings) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
