"""What can go wrong with segments of networks, and with the ranges of their VLANs."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class SegmentNotFound(NotFound):
    """Segment {id} could not be found."""


class SegmentInUse(Conflict):
    """Segment {id} is in use: {reason}."""


class VlanIdInUse(Conflict):
    """VLAN {vlan} of physical network {physical} is in use by network {id}."""


class FlatNetworkInUse(Conflict):
    """Physical network {physical} is in use, without a tag, by network {id}."""


class NoNetworkAvailable(Conflict):
    """No range has a free VLAN of {physical} for project {project_id}."""


class SegmentsContainDuplicateEntry(Invalid):
    """Duplicate segment entry in request."""


class SegmentsSetInConjunctionWithProviders(Invalid):
    """Segments and provider values cannot both be set."""


class NetworkIdsDontMatch(Invalid):
    """The subnet's network {network_id} is not that of segment {id}."""


class SubnetsNotAllAssociatedWithSegments(Invalid):
    """Either all subnets of network {id} are on segments, or none is."""


class HostConnectedToNoSegment(Conflict):
    """Host '{host}' is not connected to any segment with subnets of network {network_id}."""


class NetworkSegmentRangeNotFound(NotFound):
    """Network segment range {id} could not be found."""


class NetworkSegmentRangeOverlaps(Conflict):
    """Network segment range overlaps with range {id}."""


class NetworkSegmentRangeReferencedByProject(Conflict):
    """VLANs {used} of network segment range {id} are in use."""
