"""The control door of an emulator, as another process opens it."""

from typing import Any

import requests


class Door:
    """Calls through ``POST /_control/NAME`` at the address of an emulator."""

    def __init__(self, url: str, ca_file: str | None = None) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file or True

    def __call__(self, name: str, **arguments: Any) -> Any:
        """Call and return the result."""
        answer = self.knock(name, **arguments)
        assert answer.ok, answer.text
        return answer.json()["result"]

    def knock(self, name: str, **arguments: Any) -> requests.Response:
        """Call and return the whole answer."""
        return self._session.post(f"{self._url}/_control/{name}", json=arguments, timeout=10)

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()
