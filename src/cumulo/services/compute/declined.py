"""What is asked of compute that nothing in this cloud can do. A docstring is what the client reads."""

from cumulo.core.errors import Invalid, NotFound, Unsupported


class ShareUnknown(NotFound):
    """Share {id} could not be found: this cloud has no service of file shares."""


class ShareNotAttached(NotFound):
    """Share {share_id} is not attached to server {id}."""


class SnapshotsOfOwn(Invalid):
    """Volume {id} makes its snapshots by itself: no host takes any for it."""


class NoBareMetal(Unsupported):
    """This cloud has no bare metal service."""


class NodesElsewhere(Invalid):
    """Nodes are not managed by the compute service: ask the bare metal service."""


class HostPowerless(Unsupported):
    """Hosts are neither turned on nor off from here: host {host} is left as it is."""
