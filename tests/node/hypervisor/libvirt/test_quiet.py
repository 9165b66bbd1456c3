"""What is asked of the agent in a guest around the moment of a copy."""

import libvirt
import pytest

from cumulo.core.drivers import Unsupported
from cumulo.node.hypervisor.libvirt.inside import PATIENCE, quiet, set_password

CHANNEL = "<channel><target name='org.qemu.guest_agent.0' state='{state}'/></channel>"


class Domain:
    """A domain that notes what it is asked for. `broken`: a verb that its agent refuses."""

    def __init__(self, state: str, broken: str = "") -> None:
        self.state, self.broken = state, broken
        self.asked: list[str] = []
        self.patience: int | None = None  # libvirt's: for ever

    def agentSetResponseTimeout(self, timeout: int) -> int:  # noqa: N802  libvirt's name
        self.patience = timeout
        return 0

    def name(self) -> str:
        return "guest"

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        return f"<domain><devices>{CHANNEL.format(state=self.state)}</devices></domain>"

    def fsFreeze(self) -> int:  # noqa: N802  libvirt's name
        return self._ask("freeze")

    def fsThaw(self) -> int:  # noqa: N802  libvirt's name
        return self._ask("thaw")

    def setUserPassword(self, user: str, password: str, flags: int) -> int:  # noqa: N802  libvirt's name
        del user, password, flags
        return self._ask("password")

    def _ask(self, verb: str) -> int:
        assert self.patience == PATIENCE  # a hostile agent begins to talk, and then never answers
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


def test_a_password_is_not_waited_for_forever():
    domain = Domain("connected")
    set_password(domain, "admin", "secret")
    assert domain.asked == ["password"]
    broken = Domain("connected", "password")
    error = libvirt.libvirtError("")
    error.err = (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, 0, "", 0, "", None, None, 0, 0)
    broken.setUserPassword = lambda *_: (_ for _ in ()).throw(error)  # type: ignore[method-assign]
    with pytest.raises(Unsupported):
        set_password(broken, "admin", "secret")
