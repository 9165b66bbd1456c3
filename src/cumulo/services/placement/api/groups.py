"""What a request for candidates asks for: the query's groups, read and checked.

`resources`, `required`, `member_of` and `in_tree` are the unnamed group's; with a suffix (a number, or since
1.33 any of 64 letters, digits, `_` and `-`) they are a named group's.
"""

import re
from collections.abc import Sequence

from cumulo.core.http import Ctx
from cumulo.core.microversions import parse
from cumulo.core.resource import as_int
from cumulo.services.placement import domain, errors
from cumulo.services.placement.api.dialect import reached
from cumulo.services.placement.api.query import UUID, Wish, amounts_of, members_of, wanted_traits
from cumulo.services.placement.trees import Group, Request

GROUPED, SUFFIXED, TREES, SAME, FORBIDDEN_MEMBERS = map(parse, ("1.25", "1.33", "1.31", "1.36", "1.32"))
PARAMETER = re.compile(r"(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{0,64})")
SINCE = {  # other parameters, and what of a group came later
    "limit": "1.16",
    "group_policy": "1.25",
    "root_required": "1.35",
    "same_subtree": "1.36",
    "required": "1.17",
    "member_of": "1.21",
    "in_tree": "1.31",
    "resources": "1.10",
}
POLICIES = ("none", "isolate")
_MOST = 2**31 - 1  # as no cloud has more ways


async def read(ctx: Ctx) -> Request:
    """Return what the query asks for. BadQuery."""
    query = ctx.request.query
    groups = [_group(ctx, suffix) for suffix in _suffixes(ctx)]
    if not any(group.resources for group in groups):
        raise errors.BadQuery(name="resources", reason="it is required")
    subtrees = _subtrees(query.get("same_subtree", []), {group.suffix for group in groups})
    for group in groups:
        if not group.resources and not any(group.suffix in suffixes for suffixes in subtrees):
            reason = "each group asks for resources, or is named in same_subtree"
            raise errors.BadQuery(name=f"resources{group.suffix}", reason=reason)
    named = [group for group in groups if group.suffix and group.resources]
    chosen = ctx.request.first("group_policy")
    if chosen not in (None, *POLICIES):
        raise errors.BadQuery(name="group_policy", reason=f"{chosen!r} is neither none nor isolate")
    if chosen is None and len(named) > 1:
        reason = "it is required with more than one named group"
        raise errors.BadQuery(name="group_policy", reason=reason)
    limit = ctx.request.first("limit")
    roots = wanted_traits("root_required", query.get("root_required", []), alternatives=False)
    await _check_names(ctx, groups, roots)
    return Request(
        groups=groups,
        isolate=chosen == "isolate",
        root_required=frozenset(name for names in roots.required for name in names),
        root_forbidden=roots.forbidden,
        subtrees=subtrees,
        limit=None if limit is None else min(as_int("limit", limit, least=1), _MOST),
    )


def _suffixes(ctx: Ctx) -> list[str]:
    """Return the groups' suffixes in order. BadQuery for what is no parameter, or none of this version."""
    found: dict[str, None] = {}
    for name in ctx.request.query:
        match = None if name in SINCE and name not in _OF_GROUPS else PARAMETER.fullmatch(name)
        known = name if match is None else match[1]
        if known not in SINCE or not reached(ctx, parse(SINCE[known])):
            raise errors.BadQuery(name=name, reason="there is no such parameter")
        if match is None:
            continue
        suffix = match[2]
        allowed = not suffix or reached(ctx, SUFFIXED) or (reached(ctx, GROUPED) and suffix.isdecimal())
        if not allowed:
            raise errors.BadQuery(name=name, reason="there is no such parameter")
        found[suffix] = None
    return sorted(found)


_OF_GROUPS = frozenset({"resources", "required", "member_of", "in_tree"})


def _group(ctx: Ctx, suffix: str) -> Group:
    def values(name: str) -> list[str]:
        return ctx.request.query.get(f"{name}{suffix}", [])

    resources = values("resources")
    if not resources and not reached(ctx, SAME):
        raise errors.BadQuery(name=f"resources{suffix}", reason="each group asks for resources")
    traits: Wish = wanted_traits(
        f"required{suffix}",
        values("required"),
        alternatives=reached(ctx, ANY_OF),
        negative=reached(ctx, FORBIDDEN_TRAITS),
    )
    members: Wish = members_of(
        f"member_of{suffix}", values("member_of"), forbidden=reached(ctx, FORBIDDEN_MEMBERS)
    )
    within = next(iter(values("in_tree")), None)
    if within is not None and not UUID.fullmatch(within):
        raise errors.BadQuery(name=f"in_tree{suffix}", reason=f"{within!r} is no UUID")
    return Group(
        suffix=suffix,
        resources=amounts_of(f"resources{suffix}", resources[0]) if resources else {},
        required=traits.required,
        forbidden=traits.forbidden,
        member_of=members.required,
        not_member_of=members.forbidden,
        in_tree=within,
    )


ANY_OF, FORBIDDEN_TRAITS = parse("1.39"), parse("1.22")


async def _check_names(ctx: Ctx, groups: Sequence[Group], roots: Wish) -> None:
    classes = {name for group in groups for name in group.resources}
    traits = {name for group in groups for names in (*group.required, group.forbidden) for name in names}
    traits |= {name for names in (*roots.required, roots.forbidden) for name in names}
    await domain.check_asked(ctx.db, classes, traits)


def _subtrees(given: Sequence[str], suffixes: set[str]) -> list[frozenset[str]]:
    found = []
    for value in given:
        names = frozenset(value.split(","))
        if "" in names:
            raise errors.BadQuery(name="same_subtree", reason="the unnamed group cannot be in it")
        unknown = sorted(names - suffixes)
        if unknown:
            reason = f"no group has the suffix {', '.join(unknown)}"
            raise errors.BadQuery(name="same_subtree", reason=reason)
        found.append(names)
    return found
