"""How much of a server one client may take: bytes, seconds, connections."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a connection is held to; all times in seconds.

    head_bytes: of a request's line and headers, and of what stands between the pieces of a body.
    head_seconds: from a request's first byte to the end of its head. idle_seconds: before a first request.
    body_seconds, body_rate, most_seconds: see `Pace`. rest_seconds: that the rest of a body is received, and
    forgotten, once the request is answered. taking_seconds: that a client may take nothing of an answer.
    leaving_seconds: that one which is sent away has to read why. queued: requests of a connection that wait
    for the first one's answer. connections: at a time; for one more an idle one ends. every: how often all
    that is looked at.
    """

    head_bytes: int = 64 << 10
    head_seconds: float = 30.0
    idle_seconds: float = 75.0
    body_seconds: float = 60.0
    body_rate: int = 500
    most_seconds: float = 900.0
    rest_seconds: float = 60.0
    taking_seconds: float = 300.0
    leaving_seconds: float = 5.0
    queued: int = 8
    connections: int = 4096
    every: float = 2.0


class Pace:
    """How long bytes are still waited for: `seconds`, and one more for each `body_rate` that come or go.

    seconds: `body_seconds` when it is not said. At most `most_seconds`: who has sent a lot may be silent for
    a while, and nobody for ever.
    """

    def __init__(self, bounds: Bounds, seconds: float | None = None) -> None:
        self._bounds = bounds
        self.left = bounds.body_seconds if seconds is None else seconds

    def came(self, count: int) -> None:
        """Note that bytes came."""
        self.left = min(self.left + count / self._bounds.body_rate, self._bounds.most_seconds)

    def waited(self, seconds: float) -> None:
        """Note that they were waited for."""
        self.left -= seconds
