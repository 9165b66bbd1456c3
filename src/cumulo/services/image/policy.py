"""Who may do what with images. Names and defaults are Glance's, so that its policy files keep working."""

from cumulo.core.auth import ANYONE, Rule

_SCOPES = ("project",)
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
# Upstream asks for nothing but a token here.
DISCOVER = Rule("discover_images", ANYONE, "Read schemas and what the service can do.")

RULES = (
    ADD,
    DELETE,
    GET,
    LIST,
    MODIFY,
    PUBLICIZE,
    COMMUNITIZE,
    DOWNLOAD,
    UPLOAD,
    ADD_MEMBER,
    DELETE_MEMBER,
    GET_MEMBER,
    GET_MEMBERS,
    MODIFY_MEMBER,
    DEACTIVATE,
    REACTIVATE,
    DISCOVER,
)
