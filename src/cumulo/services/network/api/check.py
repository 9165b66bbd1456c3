"""Cumulo's own: whether the data plane is as the rows say, for administrators."""

from typing import Any

from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.network import policy
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import Driver
from cumulo.services.network.tasks import Checker

routes = RouteSet()


class NetworkEngineSilent(Unavailable):
    """The network's engine does not answer: {reason}."""


@routes.route("GET", "/OS-CUMULO/check", policy=policy.CHECK, transaction=False)
async def check(ctx: Ctx) -> dict[str, Any]:
    """Say where the data plane differs from what it should be."""
    return await _checked(ctx, mend=False)


@routes.route("POST", "/OS-CUMULO/check", policy=policy.MEND, transaction=False)
async def mend(ctx: Ctx) -> dict[str, Any]:
    """Mend the data plane where it differs, and say where that was."""
    return await _checked(ctx, mend=True)


async def _checked(ctx: Ctx, *, mend: bool) -> dict[str, Any]:
    try:
        checker = Checker(ctx.read, ctx.use(Driver), ctx.use(NetworkSettings), mend=mend)
        return {"check": await checker.run()}
    except DriverError as error:
        raise NetworkEngineSilent(reason=str(error)) from error
