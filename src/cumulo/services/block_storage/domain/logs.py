"""How much the services log (3.32). They are one process here, so they have one level."""

from typing import Any

from cumulo.core import observe
from cumulo.core.http import Ctx
from cumulo.services.block_storage.errors import InvalidInput
from cumulo.services.block_storage.model import StorageService
from cumulo.services.block_storage.schema.operators import LogBody

BINARIES = ("cinder-api", "cinder-scheduler", "cinder-volume", "cinder-backup")
EVERY = ("", "*")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGER = "cumulo"


def _binaries(body: LogBody) -> tuple[str, ...]:
    """Return the services that a request means. InvalidInput names what is none."""
    if body.prefix not in (None, "", LOGGER):
        raise InvalidInput(reason=f"There is one logger, '{LOGGER}', not '{body.prefix}'.")
    if body.binary is None or body.binary in EVERY:
        return BINARIES
    if body.binary not in BINARIES:
        raise InvalidInput(reason=f"Invalid binary '{body.binary}'; there are {', '.join(BINARIES)}.")
    return (body.binary,)


def set_level(body: LogBody) -> None:
    """Log from another level on."""
    _binaries(body)
    level = (body.level or "").upper()
    if level not in LEVELS:
        raise InvalidInput(reason=f"Invalid level '{body.level}'; there are {', '.join(LEVELS)}.")
    observe.set_level(level)


async def levels(ctx: Ctx, body: LogBody) -> list[dict[str, Any]]:
    """Return from which level on the services log."""
    wanted = _binaries(body)
    rows = await ctx.db.all(StorageService, StorageService.c.binary.in_(wanted))
    now = {LOGGER: observe.level()}
    shown = [(row.binary, row.host) for row in rows]
    if "cinder-api" in wanted:
        shown.insert(0, ("cinder-api", ""))
    return [
        {"binary": binary, "host": host, "levels": now}
        for binary, host in shown
        if not body.server or host in (body.server, "")
    ]
