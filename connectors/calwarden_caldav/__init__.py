"""Connects calendars on CalDAV servers (RFC 4791)."""
