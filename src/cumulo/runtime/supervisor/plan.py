"""What runs for a cloud, as its settings say."""

from cumulo.runtime.engines import Engine, engines_of
from cumulo.runtime.engines.server import server
from cumulo.runtime.hosts import engines as hosts
from cumulo.runtime.hosts.folder import membership
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

_NEEDED_BY_SERVER = ("ovsdb-vswitch", "ovsdb-nb", "ovsdb-sb", "libvirtd")


async def parts_of(state: StateFolder) -> list[Engine]:
    """Return everything that runs for this cloud, as its settings say; or for this further host of one."""
    member = membership(state)
    if member is not None:
        return hosts.engines_of(state, member)
    settings = runtime_settings(state)
    engines: list[Engine] = []
    if settings.engines.start:
        engines = await engines_of(state, external_cidr=settings.engines.external_cidr)
    after = _NEEDED_BY_SERVER if engines else ()
    http = settings.http
    return [*engines, server(state, listen=http.listen, port=http.port, after=after)]
