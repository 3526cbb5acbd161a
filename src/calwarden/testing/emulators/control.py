"""The control door: a person's acts, faults and switches for whoever runs in another process."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from calwarden.testing.emulators.faults import Faults


class Named(Protocol):
    """A calendar."""

    @property
    def id(self) -> str:
        """What the service calls it."""
        ...


class Request(Protocol):
    """A request that was received."""

    @property
    def method(self) -> str:
        """What was asked for."""
        ...


class SignIn(Protocol):
    """Who may do what."""

    def revoke(self, email: str) -> None:
        """Take back what a person granted."""
        ...

    def expire(self) -> None:
        """Let every access token run out."""
        ...

    @property
    def token_requests(self) -> int:
        """How often a token was asked for."""
        ...


class State(Protocol):
    """What the service knows."""

    @property
    def mails(self) -> Sequence[Any]:
        """The mails that it sent."""
        ...


class Server(Protocol):
    """What the door of every emulator opens."""

    violations: list[str]

    @property
    def state(self) -> State:
        """What the service knows."""
        ...

    @property
    def sign_in(self) -> SignIn:
        """Who may do what."""
        ...

    @property
    def faults(self) -> Faults[Any]:
        """What is yet to go wrong."""
        ...

    @property
    def requests(self) -> Sequence[Request]:
        """The requests that were received."""
        ...

    @property
    def rules(self) -> Any:
        """The switches of the service."""
        ...

    @property
    def writes(self) -> int:
        """How many requests were sent that change something."""
        ...

    def add_account(self, email: str, **about: Any) -> Named:
        """Add a person with a calendar."""
        ...

    def person(self, calendar: str) -> Any:
        """Return the owner of a calendar."""
        ...


S = TypeVar("S", bound=Server)


class Control(Generic[S]):
    """What can be called through ``POST /_control/NAME`` with the arguments as a JSON object."""

    def __init__(self, server: S) -> None:
        self.server = server

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a method by name; unknown ones raise, and so close the connection."""
        if name.startswith("_") or name == "call":
            raise AttributeError(name)
        return {"result": getattr(self, name)(**arguments)}

    def act(self, calendar: str, act: str, **arguments: Any) -> Any:
        """Do what a person can do at ``calendar``: any method of the emulator's `Person`."""
        return getattr(self.server.person(calendar), act)(**arguments)

    def account(self, email: str, **about: Any) -> str:
        """Add a person; return the id of their calendar."""
        return self.server.add_account(email, **about).id

    def rule(self, **switches: Any) -> None:
        """Set switches of `Rules`."""
        for name, value in switches.items():
            if not hasattr(self.server.rules, name):
                raise AttributeError(name)
            setattr(self.server.rules, name, value)

    def fault(
        self, kind: str, method: str = "", act: Mapping[str, Any] | None = None, **about: Any
    ) -> None:
        """Let something go wrong; ``act`` holds the arguments of `act` for a fault of that kind."""
        if act is not None:
            about["act"] = lambda: self.act(**act)
        self.server.faults.add(kind, method, **about)

    def revoke(self, email: str) -> None:
        """Take back what a person granted."""
        self.server.sign_in.revoke(email)

    def expire(self) -> None:
        """Let every access token run out."""
        self.server.sign_in.expire()

    def report(self) -> dict[str, Any]:
        """Return what was wrong with requests, how many there were, and which mails were sent."""
        return {
            "violations": self.server.violations,
            "requests": [request.method for request in self.server.requests],
            "writes": self.server.writes,
            "tokens": self.server.sign_in.token_requests,
            "mails": self.server.state.mails,
        }
