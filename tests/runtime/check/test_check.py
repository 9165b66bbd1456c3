"""What a check finds: each kind of unsoundness is planted, and a sound cloud has none."""

from datetime import UTC, datetime

import msgspec
import pytest

from cumulo.runtime.check import books, comparison
from cumulo.runtime.check.books import Books
from cumulo.runtime.check.engines import Guest, Standing, Stored, Trace
from cumulo.services.block_storage.model import Volume, VolumeAttachment, VolumeStatus
from cumulo.services.compute.model import Aside, BlockDeviceMapping, Migration, Server, TaskState, VmState
from cumulo.services.network.model import Port, Realisation
from cumulo.services.placement.model import Allocation, Serving

HOST = "here"
WHO = {"project_id": "p", "user_id": "u"}


def server(id_="s", **facts):
    facts = {"vm_state": VmState.ACTIVE, "task_state": None, "host": HOST, **facts}
    flavor = {"flavor_id": "f", "flavor": msgspec.Raw(b"{}"), "vcpus": 1, "memory_mib": 64}
    return Server(id=id_, name=id_, **WHO, **flavor, **facts)


@pytest.fixture
def sound():
    """A server with a volume and a port on its host: books and what stands."""
    mapping = BlockDeviceMapping(id="m", server_id="s", volume_id="v", attachment_id="a", attached=True)
    attachment = VolumeAttachment(id="a", volume_id="v", project_id="p", origin="compute", server_id="s")
    port = Port(
        id="n",
        project_id="p",
        network_id="12345678-1",
        mac_address="1",
        device_id="s",
        device_owner="compute:nova",
    )
    held = Books(
        servers={"s": server()},
        asides={"s": Aside()},
        migrations=[],
        mappings=[mapping],
        volumes={"v": Volume(id="v", size=1, status=VolumeStatus.IN_USE, host=HOST, **WHO)},
        snapshots={},
        backups=[],
        attachments={"a": attachment},
        ports={"n": port},
        images=[],
        tasks=[],
        unrealised=[],
        allocations=[
            Allocation(consumer_id="s", provider_id="h", resource=name, used=used)
            for name, used in (("VCPU", 1), ("MEMORY_MB", 64))
        ],
        servings=[],
    )
    guest = Guest(True, frozenset("v"), frozenset("n"))
    traces = [Trace("tap", "t", "s"), Trace("namespace", "cu0-12345678-1", "12345678-1")]
    return held, Standing({HOST: {"s": guest}}, traces, Stored({"v"}, set(), {"a": "v"}))


def found(held, standing):
    return {(one.kind, one.id) for one in (*books.findings(held), *comparison.findings(held, standing))}


def test_a_sound_cloud_has_no_findings(sound):
    assert found(*sound) == set()


@pytest.mark.parametrize("facts", [{"task_state": TaskState.SPAWNING}, {"operation": "o"}])
def test_a_server_under_way_is_found(sound, facts):
    held, standing = sound
    held.servers["s"] = server(**facts)
    assert ("server", "s") in found(held, standing)


@pytest.mark.parametrize("status", [VolumeStatus.CREATING, VolumeStatus.DETACHING, VolumeStatus.DELETING])
def test_a_volume_under_way_is_found(sound, status):
    held, standing = sound
    held.volumes["v"].status = status
    assert ("volume", "v") in found(held, standing)


def test_an_allocation_of_nobody_is_found_but_not_that_of_a_move_that_waits(sound):
    held, standing = sound
    held.allocations.append(Allocation(consumer_id="x", provider_id="h", resource="VCPU", used=1))
    assert found(held, standing) == {("allocation", "x")}
    held.migrations.append(Migration(id="x", server_id="s", kind="resize", status="finished", **WHO))
    assert found(held, standing) == set()


def test_a_server_that_holds_too_little_is_found(sound):
    held, standing = sound
    del held.allocations[0]
    assert found(held, standing) == {("server", "s")}


def test_a_port_of_a_server_that_is_gone_is_found(sound):
    held, standing = sound
    held.ports["n"].made_for = "other"
    assert found(held, standing) == {("port", "n")}


def test_a_promise_that_a_port_and_placement_disagree_on_is_found(sound):
    held, standing = sound
    held.ports["n"].profile = {"allocation": {"d": "bridge"}}
    assert found(held, standing) == {("port", "n")}
    held.servings.append(Serving(consumer_id="s", demand_id="d", provider_id="bridge"))
    assert found(held, standing) == set()
    held.servings.append(Serving(consumer_id="s", demand_id="more", provider_id="bridge"))
    assert found(held, standing) == {("server", "s")}


def test_what_is_not_realised_is_found(sound):
    held, standing = sound
    held.unrealised.append(Realisation(kind="port", id="n", retry_at=datetime.now(UTC)))
    assert found(held, standing) == {("port", "n")}


def test_a_guest_of_no_server_and_one_elsewhere_are_found(sound):
    held, standing = sound
    standing.guests["there"] = {"s": Guest(True), "x": Guest(True)}
    assert found(held, standing) == {("guest", "s"), ("guest", "x")}
    held.asides["s"] = Aside(host="there")
    assert found(held, standing) == {("guest", "x")}


def test_a_guest_that_does_not_run_and_one_that_is_missing_are_found(sound):
    held, standing = sound
    standing.guests[HOST]["s"] = Guest(False)
    assert found(held, standing) == {("server", "s")}
    standing.guests[HOST] = {}
    assert found(held, standing) == {("server", "s")}


@pytest.mark.parametrize(
    "guest", [Guest(True, frozenset(), frozenset("n")), Guest(True, frozenset("v"), frozenset("nx"))]
)
def test_a_guest_with_other_disks_or_cards_is_found(sound, guest):
    held, standing = sound
    standing.guests[HOST]["s"] = guest
    assert found(held, standing) == {("server", "s")}


def test_traces_of_what_is_gone_are_found(sound):
    held, standing = sound
    standing.traces += [Trace("tap", "t2", "x"), Trace("namespace", "cu0-87654321", "87654321")]
    assert found(held, standing) == {("tap", "t2"), ("namespace", "cu0-87654321")}


def test_what_pools_have_too_much_and_too_little_is_found(sound):
    held, standing = sound
    standing.stored = Stored({"x"}, {"y"}, {"e": "x"})
    standing.idle = {"d"}
    expected = {("stored volume", "x"), ("volume", "v"), ("stored snapshot", "y"), ("export", "e")}
    assert found(held, standing) == {*expected, ("attachment", "a"), ("storage daemon", "d")}


def test_an_attachment_that_compute_does_not_know_is_found(sound):
    held, standing = sound
    held.mappings.clear()
    assert ("attachment", "a") in found(held, standing)
