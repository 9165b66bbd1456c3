"""What can go wrong in block storage. A docstring is the message that the client reads."""

from cumulo.core.errors import Conflict, Invalid, NotFound, OverQuota, TooLarge


class VolumeNotFound(NotFound):
    """Volume {id} could not be found."""


class SnapshotNotFound(NotFound):
    """Snapshot {id} could not be found."""


class AttachmentNotFound(NotFound):
    """Volume attachment could not be found with filter: attachment_id = {id}."""


class TypeNotFound(NotFound):
    """Volume type {id} could not be found."""


class TypeUnknown(NotFound):
    """Volume type with name {id} could not be found."""


class TypeExists(Conflict):
    """Volume Type {name} already exists."""


class TypeInUse(Invalid):
    """Volume Type {id} deletion is not allowed with volumes present with the type."""


class TypeEncryptionInUse(Invalid):
    """Volume type encryption cannot change while there are volumes of type {id}."""


class TypeEncryptionExists(Invalid):
    """Volume type encryption for type {id} already exists."""


class TypeEncryptionNotFound(NotFound):
    """Volume type encryption for type {id} does not exist."""


class TypeAccessExists(Conflict):
    """Volume type access for {id} / {project_id} combination already exists."""


class TypeAccessNotFound(NotFound):
    """Volume type access not found for {id} / {project_id} combination."""


class TypeIsPublic(Invalid):
    """Type access modification is not applicable to public volume type."""


class TypeAccessOfPublic(NotFound):
    """Access list not available for public volume types."""


class ExtraSpecNotFound(NotFound):
    """Volume Type {id} has no extra specs with key {key}."""


class NoDefaultType(NotFound):
    """Default type for project {id} not found."""


class QosNotFound(NotFound):
    """No such qos spec {id}."""


class QosExists(Conflict):
    """Qos specs {name} already exists."""


class QosInUse(Invalid):
    """Qos specs {id} is still associated with entities."""


class MetadataItemNotFound(NotFound):
    """Metadata item was not found"""


class MessageNotFound(NotFound):
    """Message {id} could not be found."""


class ServiceNotFound(NotFound):
    """Service {host} could not be found."""


class PoolNotFound(NotFound):
    """Backend {host} could not be found."""


class InvalidVolume(Invalid):
    """Invalid volume: {reason}"""


class InvalidSnapshot(Invalid):
    """Invalid snapshot: {reason}"""


class InvalidInput(Invalid):
    """Invalid input received: {reason}"""


class BadRequest(Invalid):
    """{reason}"""


class AttachmentConflict(Conflict):
    """{reason}"""


class UnknownFilters(Invalid):
    """Invalid filters {names} are found in query options."""


class VolumesExceeded(OverQuota):
    """Maximum number of volumes allowed ({limit}) exceeded for quota '{name}'."""


class SnapshotsExceeded(OverQuota):
    """Maximum number of snapshots allowed ({limit}) exceeded for quota '{name}'."""


class GigabytesExceeded(OverQuota):
    """Requested volume or snapshot exceeds allowed {name} quota.

    Requested {requested}G, quota is {limit}G and {used}G has been consumed.
    """


class VolumeTooLarge(TooLarge):
    """Requested volume size {size}G is larger than maximum allowed limit {limit}G."""


class QuotaExceeded(OverQuota):
    """Quota exceeded for resources: {name}."""


class BackupNotFound(NotFound):
    """Backup {id} could not be found."""


class InvalidBackup(Invalid):
    """Invalid backup: {reason}"""


class TransferNotFound(NotFound):
    """Transfer {id} could not be found."""


class InvalidAuthKey(Invalid):
    """Invalid auth key: Attempt to transfer {id} with invalid auth key."""


class GroupTypeNotFound(NotFound):
    """Group type {id} could not be found."""


class GroupTypeExists(Conflict):
    """Group Type {name} already exists."""


class GroupTypeInUse(Invalid):
    """Target group type is still in use. Group Type {id} deletion is not allowed with groups of the type."""


class GroupSpecNotFound(NotFound):
    """Group Type {id} has no specs with key {key}."""


class GroupNotFound(NotFound):
    """Group {id} could not be found."""


class InvalidGroup(Invalid):
    """Invalid Group: {reason}"""


class GroupSnapshotNotFound(NotFound):
    """GroupSnapshot {id} could not be found."""


class InvalidGroupSnapshot(Invalid):
    """Invalid GroupSnapshot: {reason}"""


class ClusterNotFound(NotFound):
    """Cluster {name} could not be found."""
