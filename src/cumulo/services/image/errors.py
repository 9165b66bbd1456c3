"""What can go wrong with images; docstrings are the messages."""

from cumulo.core import errors


class ImageNotFound(errors.NotFound):
    """No image found with ID {id}"""


class MemberNotFound(errors.NotFound):
    """Image {image_id} is not shared with {id}"""


class TagNotFound(errors.NotFound):
    """Image {image_id} has no tag {tag}"""


class AttributeInvalid(errors.Invalid):
    """Provided object does not match schema 'image': {reason}"""


class PatchInvalid(errors.Invalid):
    """Invalid JSON patch: {reason}"""


class AttributeReadOnly(errors.Forbidden):
    """Attribute '{name}' is read-only."""


class AttributeReserved(errors.Forbidden):
    """Attribute '{name}' is reserved."""


class OwnerFixed(errors.Forbidden):
    """You are not permitted to set the owner of an image to another project."""


class PropertyPermanent(errors.Forbidden):
    """Property {name} may not be removed."""


class PropertyMissing(errors.Conflict):
    """Property {name} does not exist."""


class FormatFixed(errors.Forbidden):
    """Attribute {name} can be only replaced for a queued image."""


class ImageExists(errors.Conflict):
    """Image ID {id} already exists!"""


class ImageProtected(errors.Forbidden):
    """Image {id} is protected and cannot be deleted."""


class FormatsMissing(errors.Invalid):
    """Properties disk_format and container_format must be set prior to saving data."""


class UploadRefused(errors.Conflict):
    """Image {id} is {status}: data can be uploaded only while it is queued."""


class UploadOvertaken(errors.Gone):
    """Image {id} was deleted, or its upload given up, while the data arrived."""


class WrongLength(errors.Invalid):
    """The data has {size} bytes, but {announced} were announced."""


class DataTooLarge(errors.TooLarge):
    """The image data is larger than {limit} bytes."""


class StoreFull(errors.TooLarge):
    """The image store is full."""


class DataUnreachable(errors.Unavailable):
    """The data of image {id} is in no store that this cloud still has."""


class ImageDeactivated(errors.Forbidden):
    """The requested image has been deactivated. Image data download is forbidden."""


class NoData(errors.Forbidden):
    """Image {id} is {status}: it has no data whose download could be forbidden or allowed."""


class NotShared(errors.Forbidden):
    """Only shared images have members."""


class MemberExists(errors.Conflict):
    """Image {image_id} is shared with {id} already."""


class TooManyMembers(errors.TooLarge):
    """An image can be shared with {limit} projects at most."""


class TooManyTags(errors.TooLarge):
    """An image can have {limit} tags at most."""


class TooManyProperties(errors.TooLarge):
    """An image can have {limit} properties at most."""


class StoreUnknown(errors.Invalid):
    """There is no store {name}; known: {known}."""


class LocationNotFound(errors.NotFound):
    """Image {id} has no data in the store {store}."""


class LastLocation(errors.Forbidden):
    """The data of image {id} is in the store {store} only; delete the image instead."""


class LocationExists(errors.Conflict):
    """Image {id} is in the store {store} already."""


class MethodUnknown(errors.Invalid):
    """There is no import method {name}; known: {known}."""


class ImportInvalid(errors.Invalid):
    """The import request is not valid: {reason}."""


class ImportRefused(errors.Conflict):
    """Image {id} is {status}: {method} needs one that is {needed}."""


class ImportUnderWay(errors.Conflict):
    """Image {id} is being imported already."""


class UriRefused(errors.Invalid):
    """URI for web-download does not pass filtering: {uri} ({reason})"""


class TaskNotFound(errors.NotFound):
    """No task found with ID {id}"""


class TaskInvalid(errors.Invalid):
    """The task is not valid: {reason}."""


class TasksStay(errors.MethodNotAllowed):
    """Tasks cannot be deleted; they go by themselves some time after they end."""


class NotCached(errors.NotFound):
    """Image {id} is neither in the cache nor queued for it."""


class NotCacheable(errors.Invalid):
    """Image {id} is {status}: only active images can be cached."""


class CacheTargetUnknown(errors.Invalid):
    """'{target}' is not a valid value for x-image-cache-clear-target; only cache or queue."""


class PropertyProtected(errors.Forbidden):
    """Property '{name}' is protected"""


class NamespaceNotFound(errors.NotFound):
    """Metadata definition namespace={id} was not found."""


class NamespaceExists(errors.Conflict):
    """The metadata definition namespace={id} already exists."""


class NamespaceProtected(errors.Forbidden):
    """The metadata definition namespace={id} is protected and cannot be deleted."""


class DefinitionNotFound(errors.NotFound):
    """The metadata definition {kind} with name={name} was not found in namespace={namespace}."""


class DefinitionExists(errors.Conflict):
    """A metadata definition {kind} with name={name} already exists in namespace={namespace}."""


class NotAnAppliance(errors.Conflict):
    """Image {id} is no active appliance: it needs the container format ova, and data."""
