"""Protected properties: the operator says which roles may create, read, change and delete which ones.

The first rule whose pattern fits a name decides; a name that none fits is free. Administrators are held to
the rules as everybody is, as Glance's are.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from cumulo.core.http import Ctx
from cumulo.services.image.config import ImageSettings, PropertyRule
from cumulo.services.image.errors import PropertyProtected

EVERYBODY = "@"


def allowed(ctx: Ctx, name: str, verb: str) -> bool:
    """Say whether the caller may `create`, `read`, `update` or `delete` a property."""
    rules = ctx.use(ImageSettings).protected_properties
    found = next((rule for rule in rules if _pattern(rule.pattern).fullmatch(name)), None)
    return found is None or _passes(ctx, found, verb)


def check(ctx: Ctx, name: str, verb: str) -> None:
    """Refuse what the caller may not do with a property. PropertyProtected."""
    if not allowed(ctx, name, verb):
        raise PropertyProtected(name=name)


def readable(ctx: Ctx) -> Callable[[str], bool] | None:
    """Return what says whether the caller may see a property; None when all may be seen."""
    if not ctx.use(ImageSettings).protected_properties:
        return None
    return lambda name: allowed(ctx, name, "read")


def _passes(ctx: Ctx, rule: PropertyRule, verb: str) -> bool:
    roles: tuple[str, ...] = getattr(rule, verb)
    return EVERYBODY in roles or not {role.lower() for role in ctx.identity.roles}.isdisjoint(
        role.lower() for role in roles
    )


@lru_cache(256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
