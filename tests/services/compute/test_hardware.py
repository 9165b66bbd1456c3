from typing import Any

import pytest
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, image, show

from cumulo.contracts.hardware import Cell, Hardware, Tpm
from cumulo.services.compute import demands, hardware
from cumulo.services.compute.errors import Unshapeable
from cumulo.services.compute.model import EmbeddedFlavor

SIZE = {"VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 1}


def flavor(specs: dict[str, str], vcpus: int = 4) -> EmbeddedFlavor:
    sizes = {"vcpus": vcpus, "ram": 1024, "disk": 1, "ephemeral": 0, "swap": 0}
    return EmbeddedFlavor(**sizes, original_name="f", extra_specs=specs)


def machine(specs: dict[str, str] | None = None, vcpus: int = 4, **properties: Any) -> Hardware:
    return hardware.of(flavor(specs or {}, vcpus), properties)


def test_a_plain_flavor_makes_a_plain_machine():
    assert machine() == Hardware()


@pytest.mark.parametrize(
    ("specs", "properties", "expected"),
    [
        ({"hw:cpu_sockets": "1"}, {}, (1, 4, 1)),
        ({"hw:cpu_threads": "2"}, {}, (2, 1, 2)),
        ({"hw:cpu_max_sockets": "2"}, {}, (2, 2, 1)),
        ({"hw:cpu_sockets": "3"}, {}, (4, 1, 1)),
        ({}, {"hw_cpu_cores": "4"}, (1, 4, 1)),
        ({"hw:cpu_cores": "2"}, {"hw_cpu_cores": "4"}, (1, 4, 1)),
        ({"hw:cpu_threads": "2"}, {"hw_cpu_sockets": "1"}, (1, 4, 1)),
        ({"hw:cpu_sockets": "1", "hw:cpu_threads": "2"}, {"hw_cpu_max_threads": "1"}, (4, 1, 1)),
    ],
)
def test_processors_are_arranged_as_near_to_the_wishes_as_can_be(specs, properties, expected):
    assert machine(specs, **properties).topology == expected


def test_nodes_are_even_or_as_the_flavor_divides_them():
    even = machine({"hw:numa_nodes": "2"}).cells
    assert even == (Cell((0, 1), 512), Cell((2, 3), 512))
    own = {"hw:numa_cpus.0": "0", "hw:numa_mem.0": "256", "hw:numa_cpus.1": "1-3", "hw:numa_mem.1": "768"}
    assert machine({"hw:numa_nodes": "2", **own}).cells == (Cell((0,), 256), Cell((1, 2, 3), 768))


@pytest.mark.parametrize(
    ("text", "size"),
    [("small", 0), ("large", 2048), ("any", 0), ("2MB", 2048), ("1048576", 1048576), ("4", 0)],
)
def test_pages_have_the_size_asked_for(text: str, size: int):
    assert machine({"hw:mem_page_size": text}).page_kib == size


def test_dedicated_processors_are_counted_as_such():
    assert machine({"hw:cpu_policy": "dedicated"}).pinned == (0, 1, 2, 3)
    mixed = {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0-1"}
    assert machine(mixed).pinned == (2, 3)
    wanted = demands.resources(flavor(mixed), {}, machine(mixed), SIZE)
    assert wanted == {"VCPU": 2, "PCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 1}


@pytest.mark.parametrize(
    ("flavors", "images", "pinned"),
    [("dedicated", "shared", 4), ("mixed", "shared", 2), (None, "dedicated", 4), ("shared", "shared", 0)],
)
def test_an_image_may_want_fewer_processors_of_its_own_than_its_flavor_gives(flavors, images, pinned):
    specs = {"hw:cpu_policy": flavors, "hw:cpu_dedicated_mask": "0-1"} if flavors else {}
    assert len(machine(specs, hw_cpu_policy=images).pinned) == pinned


def test_an_image_chooses_pages_where_its_flavor_lets_it():
    assert machine({"hw:mem_page_size": "any"}, hw_mem_page_size="1GB").page_kib == 1 << 20
    assert machine({"hw:mem_page_size": "large"}, hw_mem_page_size="small").page_kib == 0


def test_yes_is_said_in_many_ways():
    assert machine({"hw:locked_memory": "True"}, hw_locked_memory="1").locked_memory
    assert machine({"hw:pmu": "off"}, hw_pmu="false").performance_unit is False


def test_what_an_image_asks_for_is_in_its_machine():
    found = machine(
        hw_tpm_version="2.0",
        hw_tpm_model="tpm-crb",
        hw_video_model="virtio",
        hw_watchdog_action="reset",
        hw_pointer_model="usbtablet",
        img_hide_hypervisor_id="true",
        os_type="windows",
        hw_firmware_type="uefi",
        os_secure_boot="required",
    )
    assert (found.tpm, found.video, found.watchdog) == (Tpm("2.0", "tpm-crb"), "virtio", "reset")
    assert (found.pointer, found.hides_hypervisor, found.windows, found.secure_boot) == (
        "usb",
        True,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("specs", "properties", "key"),
    [
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, "hw_cpu_policy"),
        ({"hw:cpu_policy": "mixed"}, {}, "hw:cpu_policy"),
        (
            {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1"},
            {"hw_cpu_policy": "dedicated"},
            "hw_cpu_policy",
        ),
        ({}, {"hw_cpu_policy": "selfish"}, "hw_cpu_policy"),
        ({"hw:cpu_thread_policy": "require"}, {}, "hw:cpu_thread_policy"),
        (
            {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"},
            {"hw_cpu_thread_policy": "isolate"},
            "hw_cpu_thread_policy",
        ),
        ({"hw:cpu_policy": "dedicated"}, {"hw_cpu_thread_policy": "share"}, "hw_cpu_thread_policy"),
        ({"hw:pmu": "true"}, {"hw_pmu": "no"}, "hw_pmu"),
        ({}, {"hw_mem_page_size": "large"}, "hw_mem_page_size"),
        ({"hw:cpu_max_sockets": "1"}, {"hw_cpu_sockets": "2"}, "hw_cpu_sockets"),
        ({"quota:disk_read_bytes_sec": "9" * 30}, {}, "quota:disk_read_bytes_sec"),
        ({"quota:cpu_shares": "262145"}, {}, "quota:cpu_shares"),
        ({"quota:cpu_period": "1000001"}, {}, "quota:cpu_period"),
        ({"quota:cpu_quota": "9" * 17}, {}, "quota:cpu_quota"),
        ({"quota:vif_inbound_average": str(1 << 30)}, {}, "quota:vif_inbound_average"),
        ({"hw_rng:rate_bytes": str(1 << 32)}, {}, "hw_rng:rate_bytes"),
        ({"hw:cpu_sockets": "1_0"}, {}, "hw:cpu_sockets"),
        ({}, {"hw_serial_port_count": "9"}, "hw_serial_port_count"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-3"}, {}, "hw:cpu_dedicated_mask"),
        ({"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "1", "hw:cpu_max_threads": "1"}, {}, "hw:cpu_max"),
        ({"hw:cpu_max_cores": "1"}, {"hw_cpu_max_cores": "2"}, "hw_cpu_max_cores"),
        ({"hw:numa_nodes": "3"}, {}, "hw:numa_nodes"),
        ({}, {"hw_numa_nodes": "9" * 18}, "hw_numa_nodes"),
        (
            {},
            {"hw_numa_nodes": "1", "hw_numa_cpus.0": f"0-{'9' * 18}", "hw_numa_mem.0": "1024"},
            "hw_numa_cpus.0",
        ),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": f"1-{'9' * 18}"}, {}, "hw:cpu_dedicated_mask"),
        ({"hw:numa_nodes": "2", "hw:numa_cpus.0": "0"}, {}, "hw:numa_nodes"),
        ({"hw:mem_page_size": "small"}, {"hw_mem_page_size": "large"}, "hw_mem_page_size"),
        ({"hw:tpm_model": "tpm-crb"}, {}, "hw:tpm_model"),
        ({"os:secure_boot": "required"}, {}, "os:secure_boot"),
        ({"quota:disk_total_iops_sec": "1", "quota:disk_read_iops_sec": "1"}, {}, "quota:disk_total"),
        ({"quota:cpu_quota": "5"}, {}, "quota:cpu_quota"),
        ({"pci_passthrough:alias": "gpu:1"}, {}, "pci_passthrough:alias"),
        ({"accel:device_profile": "x"}, {}, "accel:device_profile"),
        ({"quota:vif_inbound_peak": "10"}, {}, "quota:vif_inbound_peak"),
        ({"quota:vif_outbound_burst": "10"}, {}, "quota:vif_outbound_burst"),
        ({}, {"hw_machine_type": "pc\x01"}, "hw_machine_type"),
        ({}, {"hw_vif_model": "carrier-pigeon"}, "hw_vif_model"),
        ({}, {"hw_video_ram": "8"}, "hw_video_ram"),
        ({}, {"hw_disk_bus": "fdc9"}, "hw_disk_bus"),
        ({"hw:serial_port_count": "1"}, {"hw_serial_port_count": "2"}, "hw_serial_port_count"),
    ],
)
def test_what_cannot_be_built_is_refused_by_its_key(specs, properties, key):
    with pytest.raises(Unshapeable, match=key):
        machine(specs, **properties)


@pytest.mark.parametrize("wish", [{"hw_rescue_device": "tape"}, {"hw_rescue_bus": "yellow"}])
def test_a_rescue_image_asks_for_a_device_that_there_is(wish: dict[str, str]):
    hardware.check_rescue({"hw_rescue_device": "cdrom", "hw_rescue_bus": "sata"})
    with pytest.raises(Unshapeable, match=next(iter(wish))):
        hardware.check_rescue(wish)


def test_a_host_must_have_what_the_machine_needs():
    specs = {
        "hw:tpm_version": "2.0",
        "hw:mem_page_size": "2MB",
        "hw:mem_encryption": "true",
        "hw:pmem": "6GB,small",
        "trait:CUSTOM_GOLD": "required",
        "trait1:CUSTOM_LEAD": "forbidden",
        "resources:VCPU": "0",
        "resources:CUSTOM_LICENCE": "1",
        "resources1:CUSTOM_LICENCE": "2",
    }
    properties = {"hw_disk_bus": "scsi", "trait:CUSTOM_SILVER": "required"}
    found = hardware.of(flavor(specs), properties)
    assert demands.resources(flavor(specs), properties, found, SIZE) == {
        "MEMORY_MB": 1024,
        "DISK_GB": 1,
        "CUSTOM_HUGE_PAGES_2048KIB": 512,
        "MEM_ENCRYPTION_CONTEXT": 1,
        "CUSTOM_PMEM_NAMESPACE_6GB": 1,
        "CUSTOM_PMEM_NAMESPACE_SMALL": 1,
        "CUSTOM_LICENCE": 1,
    }
    (group,) = demands.groups(flavor(specs), properties)
    assert (group.id, group.resources, group.apart) == ("1", {"CUSTOM_LICENCE": 2}, False)
    assert (group.required, group.forbidden) == (frozenset(), {"CUSTOM_LEAD"})
    required, forbidden = demands.traits(flavor(specs), properties, found)
    wanted = {"COMPUTE_SECURITY_TPM_2_0", "COMPUTE_STORAGE_BUS_SCSI", "CUSTOM_GOLD", "CUSTOM_SILVER"}
    assert (required, forbidden) == (wanted, frozenset())
    lonely = {name: value for name, value in specs.items() if not name.startswith("resources1")}
    assert demands.groups(flavor(lonely), properties) == []
    assert demands.traits(flavor(lonely), properties, found)[1] == {"CUSTOM_LEAD"}


async def specs_of(cloud: ComputeCloud, **specs: str) -> None:
    """Give the flavor that servers are made from extra specs, as an older client may."""
    body = {"extra_specs": {name.replace("__", ":"): value for name, value in specs.items()}}
    assert (await cloud.admin().post("/compute/v2.1/flavors/c1/os-extra_specs", json=body)).status_code == 200


async def test_a_server_that_cannot_be_built_is_refused_at_once(cloud: ComputeCloud):
    await specs_of(cloud, hw__numa_nodes="3")
    client = cloud.member("p1")
    body = {"server": {"name": "s", "flavorRef": "c1", "imageRef": IMAGE, "networks": "auto"}}
    refused = await client.post("/compute/v2.1/servers", json=body, headers=NEWEST)
    assert refused.status_code == 400
    assert "hw:numa_nodes" in refused.json()["badRequest"]["message"]
    assert (await client.get("/compute/v2.1/servers")).json()["servers"] == []


async def test_a_host_without_huge_pages_says_so(cloud: ComputeCloud):
    await specs_of(cloud, hw__mem_page_size="large")
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    server = await show(cloud.member("p1"), server_id)
    assert server["status"] == "ERROR"
    assert "CUSTOM_HUGE_PAGES_2048KIB" in server["fault"]["message"]


async def test_the_guest_gets_the_machine_and_the_limits(cloud: ComputeCloud):
    await specs_of(
        cloud, quota__disk_total_iops_sec="50", quota__cpu_shares="10", hw__watchdog_action="pause"
    )
    cloud.images.images[IMAGE] = image(IMAGE, properties={"hw_video_model": "virtio"})
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    spec = cloud.hosts["h1"].guests_by_id[server_id].spec
    assert spec.hardware == Hardware(
        disk_limits={"total_iops_sec": 50}, cpu_shares=10, watchdog="pause", video="virtio"
    )
    assert set(spec.told) == {"name", "flavor"}
    flavors = (await cloud.admin().get("/compute/v2.1/flavors")).json()["flavors"]
    assert spec.told["flavor"] in {flavor["name"] for flavor in flavors}
