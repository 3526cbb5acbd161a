"""iCalendar (RFC 5545): a bounded codec of our values, and expansion of recurrences."""
