"""Having an image ready on a host before the first server there needs it."""

from typing import ClassVar

from cumulo.contracts.hypervisor import DiskSpec
from cumulo.core.tasks import EffectRun, Saga, effect
from cumulo.services.compute.tasks.deletion import TRIES, reaching


class CacheImage(Saga):
    """Have the base of an image on a host; it may be there already."""

    host: str
    disk: DiskSpec
    lock: ClassVar[str] = ""

    @effect(timeout=3600.0, retries=TRIES)
    async def cache(self, run: EffectRun) -> None:
        """Have the host do it."""
        async with reaching(run, self.host) as host:
            await host.cache_image(self.disk)
