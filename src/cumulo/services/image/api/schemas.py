"""JSON schemas of what the API shows, for clients that read them."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.model import ImageStatus, MemberStatus, TaskStatus, Visibility
from cumulo.services.image.schema.images import CONTAINER_FORMATS, DISK_FORMATS

routes = RouteSet()
# Two that Glance has and this service never shows: data that nobody may retry, and images that are gone.
STATUSES = [*(status.value for status in ImageStatus), "killed", "deleted"]
TASK_TYPES = ("import", "api_image_import", "location_import", "appliance_import")
UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"


def _text(description: str, *, null: bool = True, fixed: bool = False, **more: Any) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": ["null", "string"] if null else "string"}
    return {**kind, "description": description, **({"readOnly": True} if fixed else {}), **more}


def _number(description: str, *, fixed: bool = False) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": ["null", "integer"] if fixed else "integer"}
    return {**kind, "description": description, **({"readOnly": True} if fixed else {})}


IMAGE: dict[str, Any] = {
    "id": _text("An identifier for the image", null=False, pattern=UUID),
    "name": _text("Descriptive name for the image", maxLength=255),
    "status": _text("Status of the image", null=False, fixed=True, enum=STATUSES),
    "visibility": _text("Scope of image accessibility", null=False, enum=[v.value for v in Visibility]),
    "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
    "os_hidden": {"type": "boolean", "description": "If true, image will not appear in default lists."},
    "checksum": _text("MD5 hash of image contents.", fixed=True, maxLength=32),
    "os_hash_algo": _text("Algorithm to calculate the os_hash_value", fixed=True, maxLength=64),
    "os_hash_value": _text("Hexdigest of the image contents", fixed=True, maxLength=128),
    "owner": _text("Owner of the image", maxLength=255),
    "size": _number("Size of image file in bytes", fixed=True),
    "virtual_size": _number("Virtual size of image in bytes", fixed=True),
    "container_format": _text("Format of the container", enum=[None, *CONTAINER_FORMATS]),
    "disk_format": _text("Format of the disk", enum=[None, *DISK_FORMATS]),
    "created_at": _text("Date and time of image registration", null=False, fixed=True),
    "updated_at": _text("Date and time of the last image modification", null=False, fixed=True),
    "tags": {
        "type": "array",
        "description": "List of strings related to the image",
        "items": {"type": "string", "maxLength": 255},
    },
    "min_ram": _number("Amount of ram (in MB) required to boot image."),
    "min_disk": _number("Amount of disk space (in GB) required to boot image."),
    "self": _text("An image self url", null=False, fixed=True),
    "file": _text("An image file url", null=False, fixed=True),
    "schema": _text("An image schema url", null=False, fixed=True),
    "stores": _text("Stores that have the image's data", null=False, fixed=True),
}
TASK: dict[str, Any] = {
    "id": _text("An identifier for the task", null=False, pattern=UUID),
    "type": {"type": "string", "description": "The type of task", "enum": list(TASK_TYPES)},
    "status": _text("The current status of the task", null=False, enum=[s.value for s in TaskStatus]),
    "input": {"type": ["null", "object"], "description": "The parameters that the task needs"},
    "result": {"type": ["null", "object"], "description": "What the task has made"},
    "owner": _text("The project that the task is for", null=False),
    "message": _text("What is to be said of the task", null=False),
    "image_id": _text("The image that the task works on"),
    "request_id": _text("The request that caused the task"),
    "user_id": _text("The user who caused the task"),
    "expires_at": _text("When the task will be forgotten"),
    "created_at": _text("Date and time of task creation", null=False),
    "updated_at": _text("Date and time of the task's last change", null=False),
    "self": _text("A task self url", null=False, fixed=True),
    "schema": _text("A task schema url", null=False, fixed=True),
}
MEMBER: dict[str, Any] = {
    "member_id": _text("An identifier for the image member (tenantId)", null=False),
    "image_id": _text("An identifier for the image", null=False, pattern=UUID),
    "created_at": _text("Date and time of image member creation", null=False),
    "updated_at": _text("Date and time of last modification of image member", null=False),
    "status": _text("The status of this image member", null=False, enum=[s.value for s in MemberStatus]),
    "schema": _text("An image member schema url", null=False, fixed=True),
}


def _one(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": name, "properties": properties}
    if name == "image":
        shown |= {
            "additionalProperties": {"type": "string"},
            "links": [
                {"rel": "self", "href": "{self}"},
                {"rel": "enclosure", "href": "{file}"},
                {"rel": "describedby", "href": "{schema}"},
            ],
        }
    return shown


def _many(name: str, of: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        name: {"type": "array", "items": of},
        "schema": {"type": "string"},
    }
    links: list[dict[str, str]] = [{"rel": "describedby", "href": "{schema}"}]
    if name != "members":
        properties |= {"first": {"type": "string"}, "next": {"type": "string"}}
        links = [{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}, *links]
    return {"name": name, "properties": properties, "links": links}


@routes.route("GET", "/schemas/image", policy=policy.DISCOVER)
async def image_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of an image."""
    del ctx
    return _one("image", IMAGE)


@routes.route("GET", "/schemas/images", policy=policy.DISCOVER)
async def images_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of a list of images."""
    del ctx
    return _many("images", _one("image", IMAGE))


@routes.route("GET", "/schemas/member", policy=policy.DISCOVER)
async def member_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of a member of an image."""
    del ctx
    return _one("member", MEMBER)


@routes.route("GET", "/schemas/members", policy=policy.DISCOVER)
async def members_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of a list of members."""
    del ctx
    return _many("members", _one("member", MEMBER))


@routes.route("GET", "/schemas/task", policy=policy.DISCOVER)
async def task_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of a task."""
    del ctx
    return _one("task", TASK)


@routes.route("GET", "/schemas/tasks", policy=policy.DISCOVER)
async def tasks_schema(ctx: Ctx) -> dict[str, Any]:
    """Show the schema of a list of tasks."""
    del ctx
    return _many("tasks", _one("task", TASK))
