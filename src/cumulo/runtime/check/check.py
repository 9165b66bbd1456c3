"""One look at a whole cloud."""

from contextlib import closing

import libvirt
import msgspec

from cumulo.runtime.check import books, comparison, engines
from cumulo.runtime.check.engines import Standing
from cumulo.runtime.check.finding import Finding
from cumulo.runtime.client import Refused, Session
from cumulo.runtime.database import open_database
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

_NETWORK = "/network/v2.0/OS-CUMULO/check"


async def check(state: StateFolder) -> list[Finding]:
    """Return all that is not as it should be, of a cloud that runs. What is under way is found, too."""
    settings = runtime_settings(state)
    database = await open_database(state, settings.database)
    try:
        async with database.read() as db:
            held = await books.read(db)
    finally:
        await database.close()
    found = [*books.findings(held), *_network(state)]
    if settings.engines.start:
        found += _compared(state, held)
    elif settings.engines.keep_fakes:
        found += comparison.findings(held, engines.of_fakes(state))
    return sorted(set(found))


def _compared(state: StateFolder, held: books.Books) -> list[Finding]:
    try:
        standing: Standing = engines.of_engines(state)
    except (libvirt.libvirtError, OSError, msgspec.DecodeError) as error:
        return [Finding("host", state.host, f"its engines do not answer: {error}")]
    return list(comparison.findings(held, standing))


def _network(state: StateFolder) -> list[Finding]:
    """Return what the network service finds different in the data plane."""
    try:
        with closing(Session.of(state, "cumulo-admin")) as api:
            report = api.get(_NETWORK)["check"]
    except (Refused, OSError) as error:
        return [Finding("cloud", state.instance, f"does not answer: {error}")]
    found = [
        Finding(each["kind"], each["id"], "; ".join(each["differences"])) for each in report["differences"]
    ]
    return found + [Finding("port", id_, "is ACTIVE, and no host has it") for id_ in report["unwired"]]
