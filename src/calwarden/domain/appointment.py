"""Appointments, series and out-of-office blocks as the practice keeps them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calwarden.domain.cadence import Cadence
from calwarden.domain.wall_time import Slot, after, zone_name


class Status(StrEnum):
    """Life of an appointment."""

    SCHEDULED = "scheduled"
    RESCHEDULE_REQUESTED = "reschedule_requested"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    LATE_CANCELLED = "late_cancelled"
    NO_SHOW = "no_show"

    @property
    def stands(self) -> bool:
        """Whether an appointment in this status has an event in the linked calendars."""
        return self not in {Status.CANCELLED, Status.LATE_CANCELLED}


class AppointmentType(StrEnum):
    """What kind of meeting it is."""

    INTAKE = "intake"
    FOLLOW_UP = "follow_up"


class Place(StrEnum):
    """Where it takes place."""

    OFFICE = "office"
    TELEHEALTH = "telehealth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One meeting. ``start`` is the true start, wall time in the appointment's zone.

    ``slot`` is its identity within ``series``; ``number`` its place in the order of slots, as in
    ``s-1#3``. ``scheduled_start`` and ``scheduled_minutes`` are kept beside the true time after a
    correction.
    ``dos_zone`` is the zone that decides the date of service, copied at booking.
    """

    ref: str
    provider: str
    client: str
    start: datetime
    minutes: int
    type: AppointmentType = AppointmentType.FOLLOW_UP
    place: Place = Place.OFFICE
    status: Status = Status.SCHEDULED
    series: str | None = None
    slot: Slot | None = None
    number: int | None = None
    scheduled_start: datetime | None = None
    scheduled_minutes: int | None = None
    late_fee: str | None = None
    dos_zone: str = ""

    @property
    def end(self) -> datetime:
        """When it ends: ``minutes`` of elapsed time after the start, in the same zone."""
        return after(self.start, timedelta(minutes=self.minutes))

    @property
    def zone(self) -> str:
        """IANA name of the appointment's zone."""
        return zone_name(self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A recurring set of appointments.

    ``start`` is its first slot and ``first_number`` that slot's number. A split leaves the old
    series shorter and starts a new one whose ``first_number`` carries on.
    """

    ref: str
    provider: str
    client: str
    start: datetime
    minutes: int
    cadence: Cadence
    type: AppointmentType = AppointmentType.FOLLOW_UP
    place: Place = Place.OFFICE
    first_number: int = 1

    @property
    def zone(self) -> str:
        """IANA name of the zone in which the slots are told."""
        return zone_name(self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfOffice:
    """A span in which a provider takes no appointments."""

    ref: str
    provider: str
    start: datetime
    end: datetime
