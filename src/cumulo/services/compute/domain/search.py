"""Which servers a list shows: whose, and by which parameters."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, and_, cast, false, or_

from cumulo.core.errors import Forbidden
from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, as_bool, as_time
from cumulo.services.compute import policy
from cumulo.services.compute.errors import InvalidStatus
from cumulo.services.compute.model import STATUSES, Server, TaskState, VmState
from cumulo.services.compute.schema.instants import until_second

USERS, USERS_LATER, OPERATORS = "users", "users since 2.83", "operators"  # who may filter by something
ALL_PROJECTS = ("all_tenants", "all_projects")
TAME = 2  # repetitions in a pattern for names of 255 characters at most
_REPETITIONS = re.compile(r"(?<!\\)[*+?{]")
_AMBIGUOUS = re.compile(r"(?<!\\)\{(?!\d{1,2}(,\d{0,2})?\})|\[\[|--|&&|\|\||~~")
"""What one database calls a mistake and the other reads as text: braces that do not count, sets in sets."""
_TASKS = (None, *TaskState)


def scope(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Return what the caller may touch; a list shows the caller's project's only, unless asked."""
    if not ctx.operation.lists:
        return (*PROJECT(ctx, model), Server.c.deleted_at.is_(None))
    conditions = [] if wants_all(ctx) else [Server.c.project_id == ctx.identity.project_id]
    deleted = deletion(ctx)
    return conditions if deleted is None else [*conditions, deleted]


def wants_all(ctx: Ctx) -> bool:
    """Say whether the list is of all projects; Forbidden where the caller may not."""
    first = ctx.request.first
    asked = next((value for name in ALL_PROJECTS if (value := first(name)) is not None), None)
    detail = ctx.operation.path.endswith("/detail")
    rule = policy.DETAIL_ALL if detail else policy.LIST_ALL
    if asked is None:
        return False
    if asked != "" and not as_bool("all_tenants", asked):
        return False
    ctx.authorise(rule)
    return True


def deletion(ctx: Ctx) -> Any:
    """Return the condition on deleted servers: none shown, unless changes or they are asked for."""
    first = ctx.request.first
    asked = first("deleted")
    gone = (first("status") or "").upper() == "DELETED"
    if gone or (asked is not None and as_bool("deleted", asked) and ctx.identity.is_admin):
        if not ctx.may(policy.ALL_FILTERS):
            raise Forbidden("Only administrators may list deleted instances")
        return Server.c.deleted_at.is_not(None)
    if first("changes-since") is not None and asked is None:
        return None
    return Server.c.deleted_at.is_(None)


def by_status(ctx: Ctx, value: str) -> Any:
    """Keep servers whose states make one of the statuses asked for. Since 2.38 InvalidStatus for another."""
    wanted = {word.upper() for word in ctx.request.query.get("status", [value])}
    pairs = [pair for pair, status in STATUSES.items() if status in wanted]
    if not pairs:
        if ctx.version is not None and ctx.version >= (2, 38):
            raise InvalidStatus(status=value)
        return false()
    return or_(*(_of_state(vm, [t for v, t in pairs if v is vm]) for vm in {v for v, _ in pairs}))


def _of_state(vm: VmState, tasks: list[TaskState | None]) -> Any:
    state = Server.c.vm_state == vm
    if len(tasks) == len(_TASKS):
        return state
    if None not in tasks:
        return and_(state, Server.c.task_state.in_([t for t in tasks if t is not None]))
    others = [t for t in TaskState if t not in tasks]
    none = Server.c.task_state.is_(None)
    return and_(state, or_(none, Server.c.task_state.not_in(others)))


def by_name(ctx: Ctx, value: str) -> Any:
    """Keep servers whose name matches a regular expression.

    One that could take long (see `is_tame`) is taken as plain text, `^` and `$` aside.
    """
    del ctx
    if is_tame(value):
        return Server.c.name.regexp_match(value)
    start, end = value.startswith("^"), value.endswith("$")
    text = value.removeprefix("^").removesuffix("$").replace("\\", "")
    if start and end:
        return Server.c.name == text
    if start:
        return Server.c.name.startswith(text, autoescape=True)
    if end:
        return Server.c.name.endswith(text, autoescape=True)
    return Server.c.name.contains(text, autoescape=True)


def is_tame(pattern: str) -> bool:
    """Say whether a regular expression is sound and cannot take long: two repetitions, no groups."""
    if len(_REPETITIONS.findall(pattern)) > TAME or "(" in pattern or _AMBIGUOUS.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def by_address(ctx: Ctx, value: str) -> Any:
    """Keep servers with an address that begins so."""
    del ctx
    text = value.removeprefix("^").removesuffix("$").replace("\\", "")
    column = cast(Server.c.addresses, Text)
    if value.endswith("$"):
        return column.contains(f'"{text}"', autoescape=True)
    return column.contains(f'"{text}', autoescape=True)


def since(ctx: Ctx, value: str) -> Any:
    """Keep servers that changed at or after an instant."""
    del ctx
    return Server.c.updated_at >= as_time("changes-since", value)


def before(ctx: Ctx, value: str) -> Any:
    """Keep servers that changed at or before an instant (2.66)."""
    if ctx.version is not None and ctx.version < (2, 66):
        return None
    return Server.c.updated_at <= until_second("changes-before", value)


def with_tags(ctx: Ctx, value: str) -> Any:
    """Keep servers that have all these tags."""
    del ctx
    return and_(*(_has_tag(tag) for tag in value.split(",")))


def with_any_tag(ctx: Ctx, value: str) -> Any:
    """Keep servers that have one of these tags."""
    del ctx
    return or_(*(_has_tag(tag) for tag in value.split(",")))


def without_tags(ctx: Ctx, value: str) -> Any:
    """Keep servers that lack one of these tags."""
    return ~with_tags(ctx, value)


def without_any_tag(ctx: Ctx, value: str) -> Any:
    """Keep servers that have none of these tags."""
    return ~with_any_tag(ctx, value)


def _has_tag(tag: str) -> Any:
    return cast(Server.c.tags, Text).contains(f'"{tag}"', autoescape=True)


def by_project(ctx: Ctx, value: str) -> Any:
    """Keep a project's servers, in a list of all projects; another list is of the caller's own anyway."""
    return Server.c.project_id == value if wants_all(ctx) else None


def may(ctx: Ctx, who: str) -> bool:
    """Say whether the caller may filter so: operators by anything, users by more since 2.83."""
    if who == USERS or (who == USERS_LATER and ctx.version is not None and ctx.version >= (2, 83)):
        return True
    return ctx.may(policy.ALL_FILTERS)


def exactly(column: str, who: str = USERS) -> Any:
    """Return a filter for equality with a column; one that is not for the caller is passed over."""

    def keep(ctx: Ctx, value: str) -> Any:
        if not may(ctx, who):
            return None
        attribute = Server.c[column]
        return attribute.is_(None) if value.lower() == "none" else attribute == value

    return keep


def at(column: str, who: str = USERS_LATER) -> Any:
    """Return a filter for an instant."""

    def keep(ctx: Ctx, value: str) -> Any:
        return Server.c[column] == as_time(column, value) if may(ctx, who) else None

    return keep


def flag(column: str, who: str = USERS) -> Any:
    """Return a filter for a boolean column."""

    def keep(ctx: Ctx, value: str) -> Any:
        if not may(ctx, who):
            return None
        return Server.c[column] == as_bool(column, value)

    return keep


def whole(column: str, who: str = OPERATORS) -> Any:
    """Return a filter for a column of whole numbers; what is none matches nothing."""

    def keep(ctx: Ctx, value: str) -> Any:
        if not may(ctx, who):
            return None
        known = value.removeprefix("-").isdecimal() and len(value) < 10  # noqa: PLR2004  digits of 32 bits
        return Server.c[column] == int(value) if known else false()

    return keep


def by_progress(ctx: Ctx, value: str) -> Any:
    """Keep servers that have come so far, in percent: none tells of more than its beginning."""
    return None if value == "0" or not may(ctx, USERS_LATER) else false()


def by_disk_config(ctx: Ctx, value: str) -> Any:
    """Keep servers whose disk is fitted to the flavor at once, or is not: AUTO or MANUAL, for operators."""
    if not may(ctx, OPERATORS):
        return None
    return Server.c.disk_config == ("AUTO" if as_bool("auto_disk_config", value) else "MANUAL")


def state_filter(column: str, kind: type[VmState] | type[TaskState]) -> Any:
    """Return a filter for a state; a word that is none matches nothing."""

    def keep(ctx: Ctx, value: str) -> Any:
        if not may(ctx, USERS_LATER):
            return None
        known = {member.value: member for member in kind}
        return Server.c[column] == known[value] if value in known else false()

    return keep


FILTERS = {
    "status": by_status,
    "name": by_name,
    "display_name": by_name,
    "image": exactly("image_id"),
    "image_ref": exactly("image_id"),
    "flavor": exactly("flavor_id"),
    "ip": by_address,
    "ip6": by_address,
    "changes-since": since,
    "changes-before": before,
    "reservation_id": exactly("reservation_id"),
    "tags": with_tags,
    "tags-any": with_any_tag,
    "not-tags": without_tags,
    "not-tags-any": without_any_tag,
    "locked": flag("locked"),
    "access_ip_v4": exactly("access_ipv4"),
    "access_ip_v6": exactly("access_ipv6"),
    "auto_disk_config": by_disk_config,
    "created_at": at("created_at"),
    "launched_at": at("launched_at"),
    "terminated_at": at("deleted_at"),
    "key_name": exactly("key_name", USERS_LATER),
    "config_drive": flag("config_drive", USERS_LATER),
    "host": exactly("host", OPERATORS),
    "hostname": exactly("hostname", OPERATORS),
    "node": exactly("host", OPERATORS),
    "project_id": by_project,
    "tenant_id": by_project,
    "user_id": exactly("user_id", USERS_LATER),
    "uuid": exactly("id", OPERATORS),
    "availability_zone": exactly("zone", USERS_LATER),
    "description": exactly("description", OPERATORS),
    "vm_state": state_filter("vm_state", VmState),
    "task_state": state_filter("task_state", TaskState),
    "progress": by_progress,
    "power_state": whole("power_state", USERS_LATER),
    "launch_index": whole("launch_index"),
}
