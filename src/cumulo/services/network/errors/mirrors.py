"""What can go wrong with mirrors."""

from cumulo.core.errors import Conflict, NotFound


class TapMirrorNotFound(NotFound):
    """Tap mirror {id} could not be found."""


class TapMirrorTunnelConflict(Conflict):
    """The {kind} tunnel {number} to {address} is another mirror's."""
