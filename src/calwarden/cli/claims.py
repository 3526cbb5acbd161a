"""``calwarden claims``: dates that are never wrong, and what to do where one no longer holds."""

from calwarden.cli import claim_books, claim_files, claim_work
from calwarden.cli.claim_group import app

COMMANDS = (claim_books, claim_files, claim_work)
"""The modules whose commands the group has, in the order of its help."""

__all__ = ["COMMANDS", "app"]
