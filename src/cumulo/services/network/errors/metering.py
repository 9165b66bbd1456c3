"""What can go wrong with metering labels and their rules."""

from cumulo.core.errors import Conflict, NotFound


class MeteringLabelNotFound(NotFound):
    """Metering label {id} does not exist."""


class MeteringLabelRuleNotFound(NotFound):
    """Metering label rule {id} does not exist."""


class MeteringLabelRuleOverlaps(Conflict):
    """Metering label rule with remote_ip_prefix '{prefix}' overlaps another: {id}."""
