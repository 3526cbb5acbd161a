"""The emulator as a program: ``python -m calwarden.testing.emulators.google_main``.

Prints one line of JSON, the ``[google]`` section that speaks to it, and answers until its standard
input ends. People act and things go wrong through ``/_control``
(`calwarden.testing.emulators.google_control`).
"""

import json
import sys

from calwarden.testing.emulators.google import GoogleServer


def main() -> None:
    """Serve until nobody holds the other end of standard input."""
    with GoogleServer() as server:
        sys.stdout.write(json.dumps(server.settings) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
