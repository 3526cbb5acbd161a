"""Errors of the database, by what the caller can do next."""


class DatabaseError(Exception):
    """The database did not do what was asked; nothing of the transaction was kept."""


class DatabaseBusy(DatabaseError):
    """Another writer holds the database for too long; the same transaction may be tried again."""


class DatabaseDown(DatabaseError):
    """The database cannot be reached, read or written to."""


class DatabaseNewer(DatabaseError):
    """The database was made by a newer version; this one does not touch it."""


class DatabaseBehind(DatabaseError):
    """The database lacks tables or columns of this version; ``calwarden db upgrade`` makes them."""


class NotFound(LookupError):
    """The store holds nothing of that kind under that name."""

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(f"there is no {kind} {name!s}")
        self.kind = kind
        self.name = str(name)
