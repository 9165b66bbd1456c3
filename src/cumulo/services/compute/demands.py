"""What a server takes of its host, in placement's words: amounts by resource class, and traits.

Its own size comes first, then what its machine needs; its flavor's `resources:CLASS=N` sets an amount (0:
none). `resources1:` and `trait1:` name groups: each is served by one provider, the host's own or one below
it, and with `group_policy=isolate` no two by the same one.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.hardware import Hardware
from cumulo.contracts.placement import Demand
from cumulo.services.compute.hardware import hypervisor_of
from cumulo.services.compute.hardware.wish import is_yes
from cumulo.services.compute.model import EmbeddedFlavor

_RESOURCES = re.compile(r"resources([a-zA-Z0-9_-]{0,64}):([A-Z0-9_]+)")
_TRAITS = re.compile(r"trait([a-zA-Z0-9_-]{0,64}):([A-Z0-9_]+)")
KIB = 1024
# A property of the image → the trait of a host that can do what it says, by the property's value.
_OF_IMAGES = {
    "hw_disk_bus": "COMPUTE_STORAGE_BUS_",
    "hw_vif_model": "COMPUTE_NET_VIF_MODEL_",
    "hw_video_model": "COMPUTE_GRAPHICS_MODEL_",
    "hw_firmware_type": "COMPUTE_FIRMWARE_",
}
_TPMS = {"1.2": "COMPUTE_SECURITY_TPM_1_2", "2.0": "COMPUTE_SECURITY_TPM_2_0"}
_THREADS = "HW_CPU_HYPERTHREADING"


def huge_pages(size_kib: int) -> str:
    """Return the resource class of a host's huge pages of a size."""
    return f"CUSTOM_HUGE_PAGES_{size_kib}KIB"


def resources(
    flavor: EmbeddedFlavor, properties: Mapping[str, Any], hardware: Hardware, size: Mapping[str, int]
) -> dict[str, int]:
    """Return the amounts; `size` is what the server takes as itself. Amounts of 0 are left out."""
    wanted = Counter(dict(size))
    if hardware.pinned:
        wanted["PCPU"] = len(hardware.pinned)
        wanted["VCPU"] -= len(hardware.pinned)
    if hardware.page_kib:
        wanted[huge_pages(hardware.page_kib)] = -(-flavor.ram * KIB // hardware.page_kib)
    specs = flavor.extra_specs
    if is_yes(specs.get("hw:mem_encryption")) or is_yes(properties.get("hw_mem_encryption")):
        wanted["MEM_ENCRYPTION_CONTEXT"] = 1
    for label in filter(None, specs.get("hw:pmem", "").split(",")):
        name = re.sub(r"[^A-Z0-9_]", "_", label.strip().upper())
        wanted[f"CUSTOM_PMEM_NAMESPACE_{name}"] += 1
    whole = {**wanted, **_amounts(specs).get("", {})}
    return {name: amount for name, amount in whole.items() if amount > 0}


def _amounts(specs: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return what a flavor asks for in so many words: group ("": none) → resource class → amount."""
    groups: dict[str, dict[str, int]] = {}
    for key, value in specs.items():
        found = _RESOURCES.fullmatch(key)
        if found is not None and value.strip().isdecimal():
            groups.setdefault(found[1], {})[found[2]] = int(value)
    return groups


def groups(flavor: EmbeddedFlavor, properties: Mapping[str, Any]) -> list[Demand]:
    """Return the flavor's groups of resources, each with the traits of who serves it."""
    apart = flavor.extra_specs.get("group_policy") == "isolate"
    found = []
    for name, amounts in _named(flavor).items():
        required, forbidden = _wished(flavor, properties, frozenset({name}))
        demand = Demand(id=name, resources=amounts, required=required, forbidden=forbidden)
        found.append(msgspec.structs.replace(demand, apart=apart, fixed=True))
    return found


def _named(flavor: EmbeddedFlavor) -> dict[str, dict[str, int]]:
    """Return a flavor's groups that ask for anything, by their names."""
    wanted = {
        name: {resource: amount for resource, amount in amounts.items() if amount}
        for name, amounts in sorted(_amounts(flavor.extra_specs).items())
    }
    return {name: amounts for name, amounts in wanted.items() if name and amounts}


def traits(
    flavor: EmbeddedFlavor, properties: Mapping[str, Any], hardware: Hardware
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits that the host must have, and those it must not; also of groups of no resources."""
    required = {
        prefix + str(properties[name]).upper() for name, prefix in _OF_IMAGES.items() if properties.get(name)
    }
    forbidden = set()
    kind = hypervisor_of(properties)
    if kind not in ("", "qemu", "kvm"):  # those are what every host of machines is
        required.add(f"CUSTOM_HYPERVISOR_{re.sub(r'[^A-Z0-9_]', '_', kind.upper())}")
    if hardware.tpm is not None:
        required.add(_TPMS[hardware.tpm.version])
    if hardware.secure_boot:
        required.add("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    threads = flavor.extra_specs.get("hw:cpu_thread_policy", properties.get("hw_cpu_thread_policy"))
    if hardware.pinned and threads == "isolate":
        forbidden.add(_THREADS)
    if hardware.pinned and threads == "require":
        required.add(_THREADS)
    wished, unwished = _wished(flavor, properties, None)
    return wished | required, unwished | forbidden


def _wished(
    flavor: EmbeddedFlavor, properties: Mapping[str, Any], only: frozenset[str] | None
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits that a flavor and an image name, those to have and those not to have.

    only: of these groups; None: of no group that asks for resources.
    """
    served = _named(flavor).keys()
    named: dict[str, set[str]] = {"required": set(), "forbidden": set()}
    for key, value in {**properties, **flavor.extra_specs}.items():
        found = _TRAITS.fullmatch(key)
        if found is None or value not in named:
            continue
        if found[1] in only if only is not None else found[1] not in served:
            named[value].add(found[2])
    return frozenset(named["required"]), frozenset(named["forbidden"])
