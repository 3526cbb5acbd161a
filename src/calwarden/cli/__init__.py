"""The command line: one module per noun, each loaded only when its command is used."""

from calwarden.cli.program import main

__all__ = ["main"]
