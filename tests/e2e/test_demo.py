"""`cumulo demo`, and what the commands do to a cloud with a running guest."""

import re
from pathlib import Path

import pytest

from cumulo.runtime import reset
from cumulo.runtime.demo import guest
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.testing.launched import LaunchedCloud, until


@pytest.fixture(scope="module")
def demo_cloud(make_cloud) -> LaunchedCloud:
    return make_cloud()


def address_in(said: str) -> str:
    return re.search(r"root@([0-9.]+)", said)[1]


@pytest.fixture(scope="module")
def first_run(demo_cloud) -> str:
    return demo_cloud.command("demo")


def uptime(cloud: LaunchedCloud, address: str) -> float:
    key = cloud.state.path / "demo" / "id_ed25519"
    return float(guest.run(key, address, "cut -d' ' -f1 /proc/uptime", 60))


def test_it_ends_in_a_shell_of_the_guest(first_run):
    assert "the guest says: demo · Linux" in first_run
    assert "log in:" in first_run


def test_a_second_run_finds_everything_in_place(demo_cloud, first_run):
    before = uptime(demo_cloud, address_in(first_run))
    again = demo_cloud.command("demo")
    assert address_in(again) == address_in(first_run)
    assert uptime(demo_cloud, address_in(again)) > before


def test_guests_run_on_through_down_and_up(demo_cloud, first_run):
    address = address_in(first_run)
    before = uptime(demo_cloud, address)
    assert "1 guest(s) keep running" in demo_cloud.command("down")
    between = uptime(demo_cloud, address)
    demo_cloud.up()
    assert before < between < uptime(demo_cloud, address)
    servers = demo_cloud.admin.json("server", "list", "--all-projects")
    assert [server["Status"] for server in servers] == ["ACTIVE"]


def test_down_with_guests_stops_all_and_demo_starts_the_guest_again(demo_cloud, first_run):
    (tap,) = (name for name in reset.devices(demo_cloud.state) if name.startswith("tap"))
    assert demo_cloud.command("down", "--guests").strip() == "stopped"
    assert guests_running(demo_cloud.state) == 0
    assert reset.devices(demo_cloud.state) == [tap]  # it is the guest's, running or not
    assert "the guest says: demo" in demo_cloud.command("demo")


def test_reset_leaves_nothing(demo_cloud, first_run):
    state = demo_cloud.state
    pids = [int(file.read_text().split()[0]) for file in state.run.glob("*.process")]
    devices = reset.devices(state)
    assert len(devices) > 3
    demo_cloud.reset()
    assert not state.path.exists()
    assert not any((Path("/sys/class/net") / name).exists() for name in devices)
    assert not list(Path("/run/netns").glob(f"cu{state.instance}-*"))
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="all processes are gone")
