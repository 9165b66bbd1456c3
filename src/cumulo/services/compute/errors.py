"""What can go wrong in compute. A docstring is the message that the client reads."""

from cumulo.core.errors import Conflict, Forbidden, Invalid, NotFound


class ServerNotFound(NotFound):
    """Instance {id} could not be found."""


class FlavorNotFound(NotFound):
    """Flavor {id} could not be found."""


class FlavorRefUnknown(Invalid):
    """Flavor {id} could not be found."""


class FlavorExists(Conflict):
    """Flavor with name {name} already exists."""


class FlavorIdExists(Conflict):
    """Flavor with ID {id} already exists."""


class FlavorAccessExists(Conflict):
    """Flavor access already exists for flavor {id} and project {project_id} combination."""


class FlavorAccessNotFound(NotFound):
    """Flavor access not found for {id} / {project_id} combination."""


class FlavorIsPublic(Conflict):
    """Can not add access to a public flavor."""


class ExtraSpecNotFound(NotFound):
    """Flavor {id} has no extra specs with key {key}."""


class KeypairNotFound(NotFound):
    """Keypair {name} not found for user {user_id}."""


class KeypairExists(Conflict):
    """Key pair '{name}' already exists."""


class KeypairInvalid(Invalid):
    """Keypair data is invalid: {reason}"""


class KeypairUnknown(Invalid):
    """Invalid key_name provided."""


class ImageRefUnknown(Invalid):
    """Invalid imageRef provided: image {id} could not be found."""


class ImageNotActive(Invalid):
    """Image {id} is not active: it is {status}."""


class ImageUnacceptable(Invalid):
    """Image {id} is unacceptable: {reason}"""


class FlavorMemoryTooSmall(Invalid):
    """Flavor's memory is too small for requested image: {have} of {need} MiB."""


class FlavorDiskTooSmall(Invalid):
    """Flavor's disk is too small for requested image: {have} of {need} bytes."""


class BadBlockDevice(Invalid):
    """Block Device Mapping is Invalid: {reason}"""


class BadBootSequence(Invalid):
    """Block Device Mapping is Invalid: Boot sequence for the instance and its mapping is not valid."""


class BlockDeviceUnknown(Invalid):
    """Block Device Mapping is Invalid: failed to get {kind} {id}."""


class ImageNeedsSize(Invalid):
    """Block Device Mapping is Invalid: Images with destination_type 'volume' need a volume_size above 0."""


class BlankNeedsSize(Invalid):
    """Block Device Mapping is Invalid: Blank volumes need a volume_size above 0."""


class NotBootable(Invalid):
    """Block Device {id} is not bootable."""


class VolumeForMany(Invalid):
    """Block Device Mapping is Invalid: a volume without multiattach can't be given to several servers."""


class VolumeSmallerThanImage(Invalid):
    """Volume is smaller than the image needs: {size} of {need} GiB."""


class VolumeUnknown(NotFound):
    """Volume {id} could not be found."""


class VolumeNotAttached(NotFound):
    """Volume {volume_id} is not attached to server {id}."""


class VolumeNotFree(Invalid):
    """Invalid volume: {reason}"""


class VolumeOfMany(Conflict):
    """Volume {id} is attached to several servers: it cannot be exchanged for another one."""


class RootStays(Forbidden):
    """Cannot detach a root device volume"""


class DetachingAlready(Conflict):
    """Volume {volume_id} is being detached from server {id} already."""


class BadUserData(Invalid):
    """User data needs to be valid base 64."""


class UserDataTooLarge(Invalid):
    """user_data: is {length} characters long, more than the {limit} allowed."""


class BadNetworks(Invalid):
    """Invalid input for field networks: {reason}"""


class BadServerCounts(Invalid):
    """min_count must be <= max_count"""


class PortForMany(Invalid):
    """Unable to launch multiple instances with a single configured port ID."""


class ZoneUnknown(Invalid):
    """The requested availability zone is not available"""


class HostUnknown(Invalid):
    """Compute host {host} could not be found."""


class InvalidParameter(Invalid):
    """Invalid input for field/attribute {name}. Value: {value}. {reason}"""


class InvalidExtraSpec(Invalid):
    """Validation failed; extra spec '{key}': {reason}."""


class Unshapeable(Invalid):
    """The server cannot be built as '{key}' of its flavor or image says: {reason}."""


class NotPossible(Conflict):
    """Cannot '{action}' instance {id}: {reason}."""


class LocalDisksTooLarge(Invalid):
    """{kind} requested is larger than the instance type allows: {wanted}, not {have}."""


class MarkerNotFound(Invalid):
    """marker [{marker}] not found"""


class CannotWhile(Conflict):
    """Cannot '{action}' instance {id} while it is in {attribute} {state}"""


class NotLaunched(Conflict):
    """Cannot '{action}' instance {id} while it has never been active"""


class ServerLocked(Conflict):
    """Instance {id} is locked"""


class ServerNotReady(Conflict):
    """Instance {id} is not ready"""


class MetadataKeyNotFound(NotFound):
    """Metadata item was not found"""


class TooManyMetadata(Forbidden):
    """Maximum number of metadata items exceeds {limit}"""


class TagNotFound(NotFound):
    """Instance {id} has no tag '{tag}'"""


class TooManyTags(Invalid):
    """The number of tags exceeded the per-server limit {limit}"""


class ActionNotFound(NotFound):
    """Action for request_id {request_id} on instance {id} not found"""


class InterfaceNotFound(NotFound):
    """Port {port_id} is not attached to instance {id}."""


class NetworkLabelNotFound(NotFound):
    """Instance has no network named {label}"""


class HostNotFound(NotFound):
    """Compute host {host} could not be found."""


class ConsoleTypeUnavailable(Invalid):
    """Unavailable console type {kind}."""


class BadPeriod(Invalid):
    """Invalid start time. The start time cannot occur after the end time."""


class ZeroDisk(Forbidden):
    """Only volume-backed servers are allowed for flavors with zero disk."""


class WrongZone(Invalid):
    """A server can be pinned to its own availability zone only: it is in {current}, not in {zone}."""


class SameFlavor(Invalid):
    """When resizing, instances must change flavor!"""


class DiskShrinks(Invalid):
    """A server's disk cannot become smaller: it has {have} GiB, the flavor gives {wanted}."""


class SameHost(Invalid):
    """The server is on host {host} already."""


class NoMoveWaits(Invalid):
    """Instance {id} has not been resized."""


class MigrationNotFound(NotFound):
    """Migration {id} could not be found."""


class BadBlockMigration(Invalid):
    """Invalid input for field/attribute {name}: 'auto' is since 2.25, disk_over_commit required before."""


class LocalDiskStays(Invalid):
    """Instance {id} has a disk of its own, which hosts do not share: block_migration must be true or auto."""


class HostIsUp(Invalid):
    """Compute service of {host} is still in use."""


class ServerOnNoHost(Conflict):
    """Instance {id} is on no host."""


class MigrationNotRunning(Invalid):
    """Migration {id} state of instance {server} is {state}: this needs one that runs."""


class BackupFromVolume(Invalid):
    """Backup is not supported for volume-backed instance {id}."""


class OnShelfOnHost(Conflict):
    """Instance {id} still is on its host: only one that is shelved and offloaded can be put elsewhere."""


class BadInterface(Invalid):
    """Failed to attach network adapter device: {reason}"""


class PortBusy(Conflict):
    """Port {port_id} is being attached or detached already."""


class RescueUnstable(Invalid):
    """Instance {id} boots from a volume: it needs a rescue image with hw_rescue_device, and API 2.87."""


class NoAgent(Conflict):
    """Failed to set the admin password of instance {id}: no agent in it answers."""


class CannotDiagnose(Conflict):
    """The diagnostics of instance {id} are not to be had: {reason}"""


class AggregateNotFound(NotFound):
    """Aggregate {id} could not be found."""


class AggregateExists(Conflict):
    """Aggregate {name} already exists."""


class AggregateHasHosts(Invalid):
    """Cannot remove aggregate {id}: it has hosts."""


class AggregateHostExists(Conflict):
    """Host {host} is in aggregate {id} already."""


class AggregateHostNotFound(NotFound):
    """Aggregate {id} has no host {host}."""


class HostInZone(Conflict):
    """Host {host} already is in availability zone {zone}: it cannot be in two."""


class ZoneInUse(Invalid):
    """The availability zone of aggregate {id} cannot change: host {host} has servers."""


class GroupNotFound(NotFound):
    """Instance group {id} could not be found."""


class GroupUnknown(Invalid):
    """Instance group {id} could not be found."""


class BadPolicies(Invalid):
    """Invalid input for field/attribute {field}: {reason}"""


class BadHint(Invalid):
    """Invalid input for scheduler hint {name}: {reason}"""


class HostSilent(Conflict):
    """Compute host {host} does not answer."""


class ConsoleTokenUnknown(NotFound):
    """Token not found"""


class CannotBeQuiet(Conflict):
    """Quiescing is not supported in instance {id}: its image says of no agent in it (hw_qemu_guest_agent)."""


class InvalidStatus(Invalid):
    """Invalid status value: {status}."""


class TrustedNowhere(Invalid):
    """Invalid input for field/attribute trusted_image_certificates: this cloud validates no certificates."""


class NoFloatingIp(Invalid):
    """Unable to associate floating IP {address} to instance {id}: {reason}"""


class BadPersonality(Invalid):
    """Invalid input for field/attribute personality: the contents of {path} are no base 64."""


class BadTimestamp(Invalid):
    """Invalid timestamp for date {value}"""
