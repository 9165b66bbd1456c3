"""What the network service asks of a host: how much of the traffic that it marks has passed there."""

from typing import Protocol

import msgspec


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch of a host has counted of one mark, since it has the rule that marks the packets."""

    mark: int
    packets: int
    bytes: int


class Traffic(Protocol):
    """A host's switch, as a meter."""

    async def counts(self) -> list[Count]:
        """Return a count for each mark that the switch gives."""
