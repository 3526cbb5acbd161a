"""``calwarden appointments``: the practice's books, and every way to change what stands there."""

from calwarden.cli import appointment_books, appointment_changes
from calwarden.cli.appointment_group import app

COMMANDS = (appointment_books, appointment_changes)
"""The modules whose commands the group has, in the order of its help."""

__all__ = ["COMMANDS", "app"]
