"""Messages to the people of the practice, queued in the transaction that makes them true.

Every function takes the open write transaction first and queues what its name says; the same news
is queued once however often it is told. What a message says is put into words at delivery.
"""

from calwarden.practice.messages.ask_notices import (
    AskNotice,
    ask_expired,
    ask_reminder,
    ask_withdrawn,
    asked,
)
from calwarden.practice.messages.calendar_notices import Drifted, proposal, relink_needed
from calwarden.practice.messages.notices import Change, booked, cancelled, moved
from calwarden.practice.messages.portal import read_thread, write

__all__ = [
    "AskNotice",
    "Change",
    "Drifted",
    "ask_expired",
    "ask_reminder",
    "ask_withdrawn",
    "asked",
    "booked",
    "cancelled",
    "moved",
    "proposal",
    "read_thread",
    "relink_needed",
    "write",
]
