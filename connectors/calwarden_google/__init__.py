"""Google Calendar (wire rules G*), spoken through google-api-python-client."""
