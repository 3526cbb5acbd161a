"""Files that come in: a practice file (JSON), or appointments as CSV.

Everything is known by its ref, so importing a file again changes nothing. One bad row refuses that
row and what builds on it, with the reason, its path and its line; the rest is imported. What was
changed here since the last import is kept and reported as a conflict.
"""

from calwarden.practice.interchange.importing import import_file
from calwarden.practice.interchange.reading import Unreadable

__all__ = ["Unreadable", "import_file"]
