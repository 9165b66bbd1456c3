"""What a check finds."""

import msgspec


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is not as it should be: of what kind it is, its id, and in words what is wrong."""

    kind: str
    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}: {self.what}"
