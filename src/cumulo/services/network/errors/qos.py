"""What can go wrong with QoS policies."""

from cumulo.core.errors import Conflict, Forbidden, Invalid, NotFound


class QosPolicyNotFound(NotFound):
    """QoS policy {id} could not be found."""


class PolicyRemoveAuthorizationError(Forbidden):
    """QoS policy {id} is an administrator's to take away: it is not shared."""


class QosRuleNotFound(NotFound):
    """QoS rule {id} could not be found."""


class QosRuleTypeNotFound(NotFound):
    """QoS rule type {id} could not be found."""


class QosPolicyInUse(Conflict):
    """QoS policy {id} is used by {kind} {user}."""


class QoSPolicyDefaultAlreadyExists(Conflict):
    """A default QoS policy exists for project {project_id}: {id}."""


class QoSRulesConflict(Conflict):
    """The rule conflicts with {rule_type} rule {rule_id} of QoS policy {policy_id}: {reason}."""


class QosPlacementAllocationConflict(Conflict):
    """What port {id} would be promised cannot be had on its host: {reason}"""


class NetworkPromises(Invalid):
    """The QoS policy of network {id} promises something: a server on it must be given a port."""
