"""The network namespace of a container that may end at any moment."""

import os
import subprocess
from pathlib import Path

import pytest

from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.lxc.driver import network_of


class Container:
    """A container that this process is said to control; its first process is our first child."""

    def __init__(self, controller: int) -> None:
        self._controller = controller

    def ID(self) -> int:  # noqa: N802  libvirt's name
        return self._controller


def controlling(*first: str) -> "subprocess.Popen[bytes]":
    """Begin a controller whose child is a container's first process."""
    words = ["sh", "-c", '"$@" & echo; wait', "controller", *first]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("controller", [-1, 2**22 + 1])
def test_one_that_has_ended_is_said_to_have(controller: int) -> None:
    with pytest.raises(Permanent, match="ended at once"):
        network_of(Container(controller))


def test_a_process_of_the_hosts_is_no_container() -> None:
    with controlling("sleep", "60") as controller:
        try:
            with pytest.raises(Permanent, match="ended at once"):
                network_of(Container(controller.pid))
        finally:
            subprocess.run(["pkill", "-P", str(controller.pid)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_container_has_one_of_its_own() -> None:
    with controlling("unshare", "--net", "sleep", "60") as controller:
        try:
            namespace = _found(controller.pid)
            assert os.fstat(namespace).st_ino != Path("/proc/self/ns/net").stat().st_ino
            os.close(namespace)
        finally:
            subprocess.run(["pkill", "-P", str(controller.pid)], check=True)


def _found(controller: int) -> int:
    """Return the namespace once the child has entered it."""
    while True:
        try:
            return network_of(Container(controller))
        except Permanent:
            continue
