"""Giving network cards to servers that exist, and taking them away."""

from typing import ClassVar

import msgspec

from cumulo.contracts.hypervisor import NicSpec
from cumulo.contracts.network import Ports
from cumulo.core.errors import NotFound
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import addresses, cards, guests, history
from cumulo.services.compute.model import Server
from cumulo.services.compute.tasks.deletion import LONGEST, TRIES, explain, reaching


class Card(msgspec.Struct):
    """What a host must know of a port to plug it in."""

    port_id: str
    mac: str
    mtu: int

    def spec(self, server: Server) -> NicSpec:
        """Return it with the model that the server's image wants."""
        model = guests.properties_of(server).get("hw_vif_model", "virtio")
        return NicSpec(port_id=self.port_id, mac=self.mac, mtu=self.mtu, model=model)


class AttachInterface(Saga):
    """Plug a port that was made for a server, or given to it, into its guest."""

    server_id: str
    action_id: str
    card: Card
    port_id: str
    lock: ClassVar[str] = cards.LOCK

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def plug(self, run: EffectRun) -> None:
        """Have the guest's host do it."""
        await _on_host(run, self.server_id, self.card, present=True)

    @plug.undo
    async def unplug(self, run: EffectRun) -> None:
        """Have it undone."""
        await _on_host(run, self.server_id, self.card, present=False)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server has it."""
        await history.note(run.db, self.action_id, "compute_attach_interface", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Let go of the port, and say why in the server's history."""
        await let_go_of(run, self.server_id, self.port_id)
        name, text = "compute_attach_interface", explain(error)
        await history.note(run.db, self.action_id, name, error=text, last=True)


class DetachInterface(Saga):
    """Unplug a port from a server's guest and let go of it."""

    server_id: str
    action_id: str
    card: Card
    port_id: str
    lock: ClassVar[str] = cards.LOCK

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def unplug(self, run: EffectRun) -> None:
        """Have the guest's host do it."""
        await _on_host(run, self.server_id, self.card, present=False)

    @step
    async def publish(self, run: StepRun) -> None:
        """Let go of the port; one that was made for the server goes."""
        await let_go_of(run, self.server_id, self.port_id)
        await history.note(run.db, self.action_id, "compute_detach_interface", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the port with the guest, and say why in the server's history."""
        name, text = "compute_detach_interface", explain(error)
        await history.note(run.db, self.action_id, name, error=text, last=True)


async def let_go_of(run: StepRun, server_id: str, port_id: str) -> None:
    """Take a port from a server; one that is gone is no error."""
    ports = run.use(Ports)
    async with run.db.savepoint():
        try:
            await ports.detach(run, server_id, port_id)
        except NotFound:
            return
    await addresses.refresh(run.db, ports, [server_id])


async def _on_host(run: EffectRun, server_id: str, card: Card, *, present: bool) -> None:
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    if server is None or server.host is None or server.deleted_at is not None:
        return
    async with reaching(run, server.host) as host:
        verb = host.attach_nic if present else host.detach_nic
        await verb(server.id, card.spec(server), fence=run.fence)
