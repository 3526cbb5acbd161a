"""A rule of the practice said no."""


class Refused(Exception):
    """Nothing was changed: ``rule`` says why, ``next_step`` what the person can do instead.

    Both are clauses without a full stop, for people; neither tells who a client is. The command
    line exits with 4.
    """

    def __init__(self, rule: str, *, next_step: str) -> None:
        super().__init__(f"{rule}; {next_step}")
        self.rule = rule
        self.next_step = next_step
