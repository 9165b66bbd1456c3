"""What is asked of the agent in a guest around the moment of a copy."""

import libvirt
import pytest

from cumulo.node.hypervisor.libvirt.inside import quiet

CHANNEL = "<channel><target name='org.qemu.guest_agent.0' state='{state}'/></channel>"


class Domain:
    """A domain that notes what it is asked for. `broken`: a verb that its agent refuses."""

    def __init__(self, state: str, broken: str = "") -> None:
        self.state, self.broken = state, broken
        self.asked: list[str] = []

    def name(self) -> str:
        return "guest"

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        return f"<domain><devices>{CHANNEL.format(state=self.state)}</devices></domain>"

    def fsFreeze(self) -> int:  # noqa: N802  libvirt's name
        return self._ask("freeze")

    def fsThaw(self) -> int:  # noqa: N802  libvirt's name
        return self._ask("thaw")

    def _ask(self, verb: str) -> int:
        self.asked.append(verb)
        if verb == self.broken:
            raise libvirt.libvirtError("the agent does not answer")
        return 1


@pytest.mark.parametrize(
    ("state", "broken", "asked"),
    [
        ("connected", "", ["freeze", "copy", "thaw"]),
        ("connected", "freeze", ["freeze", "copy", "thaw"]),
        ("connected", "thaw", ["freeze", "copy", "thaw"]),
        ("disconnected", "", ["copy"]),
    ],
)
def test_a_guest_is_held_for_the_moment_of_a_copy(state: str, broken: str, asked: list[str]):
    domain = Domain(state, broken)
    with quiet(domain):
        domain.asked.append("copy")
    assert domain.asked == asked


def test_a_guest_is_let_go_when_the_copy_fails():
    domain = Domain("connected")
    with pytest.raises(RuntimeError), quiet(domain):
        raise RuntimeError
    assert domain.asked == ["freeze", "thaw"]
