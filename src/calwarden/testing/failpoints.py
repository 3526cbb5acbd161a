"""Failpoints inside a test: which points were passed, and an error at one of them."""

from dataclasses import dataclass, field


class Died(BaseException):
    """The process died here, as far as a test within one process can tell.

    No ``Exception``: what it passes through cannot handle it, as a killed process could not.
    """


@dataclass(slots=True)
class Failpoints:
    """A failpoint that remembers every point, and dies at the ``count``-th pass of ``at``."""

    at: str | None = None
    count: int = 1
    passed: list[str] = field(default_factory=list)

    def __call__(self, point: str) -> None:
        self.passed.append(point)
        if point == self.at and self.passed.count(point) == self.count:
            raise Died(point)
