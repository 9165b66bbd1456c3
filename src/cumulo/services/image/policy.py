"""Who may do what with images. Names and defaults are Glance's, so that its policy files keep working."""

from cumulo.core.auth import ANYONE, SERVICE, Rule

_SCOPES = ("project",)
_OR_SERVICE = f"rule:context_is_admin or {SERVICE}"
_MEMBER = "rule:context_is_admin or (role:member and project_id:%(project_id)s)"
_READER = "rule:context_is_admin or (role:reader and project_id:%(project_id)s)"
_EITHER = "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))"
_VISIBLE = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s "
    "or 'public':%(visibility)s or 'shared':%(visibility)s)"
)


def _rule(name: str, default: str, description: str) -> Rule:
    return Rule(name, default, description, scope_types=_SCOPES)


ADD = _rule(
    "add_image",
    "rule:context_is_admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)",
    "Create an image.",
)
DELETE = _rule("delete_image", _MEMBER, "Delete an image.")
GET = _rule("get_image", f"rule:context_is_admin or (role:reader and {_VISIBLE})", "Show an image.")
LIST = _rule("get_images", _READER, "List images.")
MODIFY = _rule("modify_image", _MEMBER, "Change an image's attributes and tags.")
PUBLICIZE = _rule("publicize_image", "rule:context_is_admin", "Make an image public.")
COMMUNITIZE = _rule("communitize_image", _MEMBER, "Make an image a community image.")
DOWNLOAD = _rule(
    "download_image",
    f"rule:context_is_admin or (role:member and {_VISIBLE})",
    "Download an image's data.",
)
UPLOAD = _rule("upload_image", _MEMBER, "Upload an image's data.")
ADD_MEMBER = _rule("add_member", _MEMBER, "Share an image with a project.")
DELETE_MEMBER = _rule("delete_member", _MEMBER, "Stop sharing an image with a project.")
GET_MEMBER = _rule("get_member", _EITHER, "Show a project that an image is shared with.")
GET_MEMBERS = _rule("get_members", _EITHER, "List the projects that an image is shared with.")
MODIFY_MEMBER = _rule(
    "modify_member",
    "rule:context_is_admin or (role:member and project_id:%(member_id)s)",
    "Accept or reject a shared image.",
)
DEACTIVATE = _rule("deactivate", _MEMBER, "Forbid downloads of an image.")
REACTIVATE = _rule("reactivate", _MEMBER, "Allow downloads of an image again.")
COPY = _rule("copy_image", "rule:context_is_admin", "Copy an image of any project to more stores.")
DELETE_LOCATION = _rule(
    "delete_image_location",
    "rule:context_is_admin",
    "Remove an image's data from one of several stores.",
)
ADD_LOCATION = _rule(
    "add_image_location", f"{_MEMBER} or {SERVICE}", "Add a location to an image that has no data yet."
)
FETCH_LOCATION = _rule("fetch_image_location", _OR_SERVICE, "Show where an image's data is.")
STORES_DETAIL = _rule("stores_info_detail", _OR_SERVICE, "Show stores with what is behind them.")
GET_TASK = _rule("get_task", _READER, "Show a task.")
GET_TASKS = _rule(
    "get_tasks",
    "rule:context_is_admin or (role:reader and project_id:%(project_id)s)",
    "List the tasks of an image.",
)
ADD_TASK = _rule("add_task", _READER, "Create a task.")
TASKS_API = _rule("tasks_api_access", "rule:context_is_admin", "Use the tasks API.")
CACHE_LIST = _rule("cache_list", "rule:context_is_admin", "Show what the cache holds.")
CACHE_IMAGE = _rule("cache_image", "rule:context_is_admin", "Queue an image for the cache.")
CACHE_DELETE = _rule("cache_delete", "rule:context_is_admin", "Remove images from the cache.")
CACHE_MANAGE = _rule("manage_image_cache", "rule:context_is_admin", "Clean and prune the cache.")
_NAMESPACE = (
    "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
)
_DEFINE = "rule:context_is_admin"


def _readable(name: str, what: str) -> Rule:
    return _rule(name, _NAMESPACE, what)


GET_NAMESPACE = _readable("get_metadef_namespace", "Show a namespace of metadata definitions.")
GET_NAMESPACES = _rule("get_metadef_namespaces", "role:reader", "List namespaces of metadata definitions.")
ADD_NAMESPACE = _rule("add_metadef_namespace", _DEFINE, "Create a namespace.")
MODIFY_NAMESPACE = _rule("modify_metadef_namespace", _DEFINE, "Change a namespace.")
DELETE_NAMESPACE = _rule("delete_metadef_namespace", _DEFINE, "Delete a namespace.")
GET_OBJECT = _readable("get_metadef_object", "Show a defined object.")
GET_OBJECTS = _readable("get_metadef_objects", "List defined objects.")
ADD_OBJECT = _rule("add_metadef_object", _DEFINE, "Define an object.")
MODIFY_OBJECT = _rule("modify_metadef_object", _DEFINE, "Change a defined object.")
DELETE_OBJECT = _rule("delete_metadef_object", _DEFINE, "Delete defined objects.")
GET_TYPES = _rule("list_metadef_resource_types", "role:reader", "List types of resources.")
GET_ASSOCIATIONS = _readable("get_metadef_resource_type", "List the resource types of a namespace.")
ADD_ASSOCIATION = _rule(
    "add_metadef_resource_type_association", _DEFINE, "Tie a namespace to a type of resources."
)
REMOVE_ASSOCIATION = _rule(
    "remove_metadef_resource_type_association", _DEFINE, "Untie a namespace from a type of resources."
)
GET_PROPERTY = _readable("get_metadef_property", "Show a defined property.")
GET_PROPERTIES = _readable("get_metadef_properties", "List defined properties.")
ADD_PROPERTY = _rule("add_metadef_property", _DEFINE, "Define a property.")
MODIFY_PROPERTY = _rule("modify_metadef_property", _DEFINE, "Change a defined property.")
REMOVE_PROPERTY = _rule("remove_metadef_property", _DEFINE, "Delete defined properties.")
GET_TAG = _readable("get_metadef_tag", "Show a defined tag.")
GET_TAGS = _readable("get_metadef_tags", "List defined tags.")
ADD_TAG = _rule("add_metadef_tag", _DEFINE, "Define a tag.")
ADD_TAGS = _rule("add_metadef_tags", _DEFINE, "Define a namespace's tags.")
MODIFY_TAG = _rule("modify_metadef_tag", _DEFINE, "Change a defined tag.")
DELETE_TAG = _rule("delete_metadef_tag", _DEFINE, "Delete a defined tag.")
DELETE_TAGS = _rule("delete_metadef_tags", _DEFINE, "Delete a namespace's tags.")
# Upstream asks for nothing but a token here.
DISCOVER = Rule("discover_images", ANYONE, "Read schemas and what the service can do.")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
