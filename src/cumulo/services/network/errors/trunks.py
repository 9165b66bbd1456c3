"""What can go wrong with trunks."""

from cumulo.core.errors import Conflict, NotFound


class TrunkNotFound(NotFound):
    """Trunk {id} could not be found."""


class SubPortNotFound(NotFound):
    """Trunk {trunk_id} has no subport {port_id}."""


class PortInUseAsTrunkParent(Conflict):
    """Port {port_id} is in use as the parent of trunk {trunk_id}."""


class PortInUseAsSubPort(Conflict):
    """Port {port_id} is in use as a subport of trunk {trunk_id}."""


class ParentPortInUse(Conflict):
    """Port {port_id} is in use and cannot become a {part} of a trunk."""


class DuplicateSubPort(Conflict):
    """Trunk {trunk_id} already has a subport with {segmentation_type} tag {segmentation_id}."""


class TrunkDisabled(Conflict):
    """Trunk {trunk_id} is administratively down."""


class TrunkInUse(Conflict):
    """Trunk {id} is in use: a server has its port."""
