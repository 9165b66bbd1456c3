"""Every look that is taken, in its order."""

from collections.abc import Callable, Iterator

from cumulo.core.config import BadSetting
from cumulo.runtime.doctor import cloud, folder, machine, remains
from cumulo.runtime.doctor.findings import Finding, bad
from cumulo.runtime.state import StateFolder

Look = Callable[[StateFolder], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (
    machine.user,
    machine.system,
    machine.programs,
    machine.kernel,
    machine.room,
    machine.clock,
    folder.access,
    folder.settings,
    folder.keys,
    folder.authority,
    folder.unfinished,
    folder.database,
    cloud.endpoint,
    cloud.supervision,
    cloud.parts,
    cloud.engines,
    cloud.switches,
    remains.others_network,
    remains.leftovers,
    remains.forwarding,
    machine.acceleration,
)


def examine(state: StateFolder) -> Iterator[Finding]:
    """Look at everything, cheapest first. What keeps one look from being taken is a finding too."""
    for look in LOOKS:
        about = look.__name__.replace("_", " ")
        try:
            yield from look(state)
        except BadSetting:
            continue  # `folder.settings` says it
        except Exception as error:  # noqa: BLE001  a doctor who faints helps nobody
            mend = "mend what it says, or report it: a look should not fail"
            yield bad(about, f"cannot be looked at: {type(error).__name__}: {error}", mend)
