import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud

from cumulo.services.compute.domain.extra_specs import problem

SPECS = "/compute/v2.1/flavors/1/os-extra_specs"
GOOD = {
    "hw:cpu_policy": "dedicated",
    "hw:cpu_dedicated_mask": "^0-3,^1,7",
    "hw:numa_cpus.1": "0-1,3",
    "hw:mem_page_size": "2MB",
    "hw:tpm_version": "2.0",
    "hw_rng:rate_bytes": "1024",
    "os:secure_boot": "required",
    "quota:disk_total_iops_sec": "100",
    "quota:vif_inbound_peak": "10",
    "quota:cpu_quota": "-1",
    "resources:VCPU": "0",
    "resources_net1:CUSTOM_BANDWIDTH": "7",
    "trait:HW_CPU_X86_AVX": "forbidden",
    "trait1:CUSTOM_GOLD": "required",
    "group_policy": "isolate",
    "aggregate_instance_extra_specs:ssd": "<or> a <or> b",
    "capabilities:cpu_info:features": "<in> aes",
    "pci_passthrough:alias": "gpu:1, disk:2",
    "hide_hypervisor_id": "yes",
    "ours:anything": "at all",
    "plain": "",
}
BAD = {
    "hw:cpu_policy": "selfish",
    "hw:cpu_polcy": "dedicated",
    "hw:numa_nodes": "0",
    "hw:numa_cpus.0": "1-1," * 60,
    "hw:cpu_dedicated_mask": "1-1," * 60,
    "hw:numa_mem.x": "1",
    "hw:mem_page_size": "huge",
    "hw:watchdog_action": "bark",
    "hw:mem_encryption": "maybe",
    "hw_rng:allowed": "",
    "os:secure_boot": "true",
    "quota:cpu_shares": "many",
    "quota:disk_erase_bytes_sec": "1",
    "resources:vcpu": "1",
    "resources:VCPU": "-1",
    "trait:HW_CPU_X86_AVX": "preferred",
    "pci_passthrough:alias": "gpu",
    "hide_hypervisor_id": "perhaps",
}


@pytest.mark.parametrize(("key", "value"), GOOD.items())
def test_what_upstream_documents_is_taken(key: str, value: str):
    assert problem(key, value) is None


@pytest.mark.parametrize(("key", "value"), BAD.items())
def test_what_no_guest_could_be_made_from_is_refused(key: str, value: str):
    assert problem(key, value)


async def test_a_bad_extra_spec_is_named_and_changes_nothing(cloud: ComputeCloud):
    admin = cloud.admin()
    body = {"extra_specs": {"ours:x": "1", "hw:cpu_policy": "selfish"}}
    refused = await admin.post(SPECS, json=body, headers=NEWEST)
    assert refused.status_code == 400
    assert "'hw:cpu_policy'" in refused.json()["badRequest"]["message"]
    assert (await admin.get(SPECS)).json()["extra_specs"] == {}
    changed = await admin.put(f"{SPECS}/hw:numa_nodes", json={"hw:numa_nodes": "none"}, headers=NEWEST)
    assert changed.status_code == 400


async def test_older_clients_write_what_they_like(cloud: ComputeCloud):
    old = {"OpenStack-API-Version": "compute 2.85"}
    body = {"extra_specs": {"hw:cpu_policy": "selfish"}}
    assert (await cloud.admin().post(SPECS, json=body, headers=old)).status_code == 200
