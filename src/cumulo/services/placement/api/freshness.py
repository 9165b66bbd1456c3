"""What answers say of their age since version 1.15: when they were true, and that none may be kept."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from functools import wraps
from typing import Any

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.core.microversions import parse
from cumulo.services.placement.api.dialect import reached

SINCE = parse("1.15")


def stamp(ctx: Ctx, moment: datetime | None = None) -> None:
    """Say that the answer is as of `moment` (now: None) and must be asked for anew each time."""
    if reached(ctx, SINCE):
        ctx.headers["Last-Modified"] = format_datetime(moment or clock.now(), usegmt=True)
        ctx.headers["Cache-Control"] = "no-cache"


def dated(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Have a handler's answer say its age."""

    @wraps(handler)
    async def stamped(ctx: Ctx, *arguments: Any) -> Any:
        stamp(ctx)
        return await handler(ctx, *arguments)

    return stamped
