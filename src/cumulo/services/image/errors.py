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
