"""Transfers of volumes: since 3.55 as `volume-transfers`, and the older calls for the same."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import View
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import search
from cumulo.services.block_storage.domain import transfers as domain
from cumulo.services.block_storage.errors import TransferNotFound
from cumulo.services.block_storage.model import Transfer
from cumulo.services.block_storage.schema.transfers import (
    AcceptBody,
    TransferBody,
    TransferBrief,
    TransferClassic,
    TransferView,
)

FILTERS = {
    "name": search.text(Transfer, "name"),
    "volume_id": search.text(Transfer, "volume_id"),
    "id": search.text(Transfer, "id"),
    "project_id": search.others_project(Transfer),
}
SINCE = "3.55"

routes = RouteSet()


def _declare(path: str, view: type[View], since: str | None) -> CountedResource:
    transfers = CountedResource(
        "transfer",
        path,
        model=Transfer,
        view=view,
        scope=search.owned(tuple(FILTERS)),
        order=("created_at:desc", "id:desc"),
        missing=TransferNotFound,
    )
    rule = policy.TRANSFER_LIST
    transfers.list(policy=rule, detail=rule, brief=TransferBrief, since=since)
    transfers.show(policy=policy.TRANSFER_SHOW, since=since)
    for name, keep in FILTERS.items():
        transfers.filter(name)(keep)

    @transfers.create(policy=policy.TRANSFER_CREATE, status=202, since=since)
    async def create(ctx: Ctx, body: TransferBody) -> Any:
        """Offer a volume to another project."""
        row, key = await domain.create(ctx, body)
        return {"transfer": {**(await view.render(ctx, [row]))[0], "auth_key": key}}

    @transfers.delete(policy=policy.TRANSFER_DELETE, status=202, since=since)
    async def delete(ctx: Ctx, transfer: Transfer) -> None:
        """Offer a volume no more."""
        await domain.delete(ctx, transfer)

    @routes.route(
        "POST",
        f"{path}/{{transfer_id}}/accept",
        policy=policy.TRANSFER_ACCEPT,
        status=202,
        envelope="accept",
        since=since,
    )
    async def accept(ctx: Ctx, transfer_id: str, body: AcceptBody) -> Any:
        """Take a volume that is offered."""
        row = await domain.accept(ctx, transfer_id, body.auth_key)
        return {"transfer": (await TransferBrief.render(ctx, [row]))[0]}

    return transfers


transfers = _declare("/volume-transfers", TransferView, SINCE)
classic = _declare("/os-volume-transfer", TransferClassic, None)
