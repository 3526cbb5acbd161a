"""Appointments and the calendars that show them, kept in agreement."""

from importlib.metadata import version

__version__ = version("calwarden")
