"""This cloud's containers in libvirt: as domains, but for what libvirt's LXC driver lacks."""

import asyncio

import libvirt

from cumulo.node.hypervisor.libvirt.connection import Domain
from cumulo.node.hypervisor.libvirt.domains import ALIVE, GONE, Domains

POLL = 0.2  # seconds between two looks at a container that is ending


class Containers(Domains):
    """The containers whose names are `prefix` and a server's id."""

    async def stop(self, server_id: str) -> None:
        """Have the container inactive, at once."""

        def end(domain: Domain | None) -> None:
            try:
                if domain is not None and domain.isActive():
                    domain.destroy()
            except libvirt.libvirtError:
                if domain is not None and domain.isActive():
                    raise

        await self._on(server_id, end)

    async def forget(self, server_id: str) -> None:
        """Have no definition; the container must be inactive."""

        def undefine(domain: Domain | None) -> None:
            try:
                if domain is not None:
                    domain.undefine()
            except libvirt.libvirtError as error:
                if error.get_error_code() not in GONE:
                    raise

        await self._on(server_id, undefine)

    async def shut_down(self, server_id: str, seconds: float) -> bool:
        """Send the container's first process SIGTERM; say whether it ended within `seconds`."""
        await self._press(server_id, lambda domain: domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_SIGNAL))
        for _ in range(max(int(seconds / POLL), 1)):
            if (await self.state(server_id)).power not in ALIVE:
                return True
            await asyncio.sleep(POLL)
        return False
