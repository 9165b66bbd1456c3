"""The extra specs that flavors may have: a table of names and of what their values must be.

Names and values are OpenStack's (docs.openstack.org/nova, `configuration/extra-specs`). Since microversion
2.86 a name in one of these namespaces that the table does not know is refused, and so is a value of the
wrong kind. Names without a namespace, or in another, are an operator's own: anything goes there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from cumulo.services.compute.errors import InvalidExtraSpec

T = TypeVar("T")
Check = Callable[[str], str | None]  # says what a value is not, None when it is well

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})


def _anything(value: str) -> str | None:
    return None if value else "it is empty"


def _flag(value: str) -> str | None:
    return None if value.strip().lower() in _TRUE | _FALSE else "it is neither true nor false"


def _whole(least: int = 0, most: int | None = None) -> Check:
    """Return the check for a whole number from `least` to `most`."""
    wanted = f"a whole number of at least {least}" + ("" if most is None else f" and at most {most}")

    def check(value: str) -> str | None:
        good = re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value) is not None and least <= int(value)
        return None if good and (most is None or int(value) <= most) else f"it is not {wanted}"

    return check


def _one_of(*choices: str) -> Check:
    """Return the check for one of some words."""
    return lambda value: None if value in choices else f"it is none of {', '.join(choices)}"


def _like(pattern: str, wanted: str) -> Check:
    """Return the check for a text of a form, which `wanted` describes."""
    form = re.compile(pattern)
    return lambda value: None if form.fullmatch(value) else f"it is not {wanted}"


POSITIVE, NATURAL = _whole(1), _whole()
_CPUS = r"\d+(-\d+)?(,\^?\d+(-\d+)?)*"  # each text in one way only, or a wrong one takes for ever
CPU_LIST = _like(rf"\^?{_CPUS}", "a list of processors such as 0-3,^1")
PAGES = r"(large|small|any)|\d+([kKMGT]i?)?(b|bit|B)?"
SHARES = _one_of("low", "normal", "high", "custom")
_FIRMWARE_SECRETS = _one_of("user", "host", "deployment")
_NUMA_AFFINITY = _one_of("required", "preferred", "legacy", "socket")

_HW: Mapping[str, Check] = {
    **dict.fromkeys(("cpu_sockets", "cpu_cores", "cpu_threads"), POSITIVE),
    **dict.fromkeys(("cpu_max_sockets", "cpu_max_cores", "cpu_max_threads"), POSITIVE),
    "cpu_policy": _one_of("dedicated", "shared", "mixed"),
    "cpu_thread_policy": _one_of("prefer", "isolate", "require"),
    "cpu_dedicated_mask": CPU_LIST,
    "cpu_realtime": _flag,
    "cpu_realtime_mask": CPU_LIST,
    "emulator_threads_policy": _one_of("isolate", "share"),
    "numa_nodes": POSITIVE,
    r"numa_cpus\.\d+": _like(_CPUS, "a list of processors such as 0-1,3"),
    r"numa_mem\.\d+": POSITIVE,
    "pci_numa_affinity_policy": _NUMA_AFFINITY,
    "mem_page_size": _like(PAGES, "small, large, any or a size such as 2MB"),
    "mem_encryption": _flag,
    "mem_encryption_model": _one_of("amd-sev", "amd-sev-es"),
    "locked_memory": _flag,
    "pmem": _anything,
    "pmu": _flag,
    "hide_hypervisor_id": _flag,
    "boot_menu": _flag,
    "serial_port_count": NATURAL,
    "vif_multiqueue_enabled": _flag,
    "virtio_packed_ring": _flag,
    "watchdog_action": _one_of("none", "pause", "poweroff", "reset", "disabled"),
    "tpm_model": _one_of("tpm-tis", "tpm-crb"),
    "tpm_version": _one_of("1.2", "2.0"),
    "tpm_secret_security": _FIRMWARE_SECRETS,
    "maxphysaddr_mode": _one_of("passthrough", "emulate"),
    "maxphysaddr_bits": _whole(32, 64),
    "viommu_model": _one_of("intel", "smmuv3", "virtio", "auto"),
    "ephemeral_encryption": _flag,
    "ephemeral_encryption_format": _one_of("plain", "luks", "luksv2"),
    "sound_model": _anything,
    "usb_model": _anything,
    "redirected_usb_ports": _whole(0, 15),
}
_QUOTA: Mapping[str, Check] = {
    "cpu_shares": NATURAL,
    "cpu_period": _whole(0, 1_000_000),
    "cpu_quota": _whole(-1),
    r"disk_(read|write|total)_(bytes|iops)_sec": NATURAL,
    r"vif_(inbound|outbound)_(average|peak|burst)": NATURAL,
    r"(cpu|memory|disk_io|vif)_(limit|reservation)": NATURAL,
    r"(cpu|memory|disk_io|vif)_shares_level": SHARES,
    r"(cpu|memory|disk_io|vif)_shares_share": NATURAL,
}
_TRAIT = "[A-Z0-9_]{1,255}"
_GROUP = "[a-zA-Z0-9_-]{0,64}"

NAMESPACES: Mapping[str, Mapping[str, Check]] = {
    "accel": {"device_profile": _anything},
    "aggregate_instance_extra_specs": {".+": lambda _value: None},
    "capabilities": {".+": lambda _value: None},
    "hw": _HW,
    "hw_rng": {"allowed": _flag, "rate_bytes": NATURAL, "rate_period": POSITIVE},
    "hw_video": {"ram_max_mb": NATURAL},
    "os": {"secure_boot": _one_of("disabled", "optional", "required")},
    "pci_passthrough": {
        "alias": _like(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*", "a list of devices such as gpu:1,disk:2")
    },
    "quota": _QUOTA,
    f"resources{_GROUP}": {_TRAIT: NATURAL},
    f"trait{_GROUP}": {_TRAIT: _one_of("required", "forbidden")},
}
"""Namespace → name in it → check; each is a pattern of the whole."""

PLAIN: Mapping[str, Check] = {"hide_hypervisor_id": _flag, "group_policy": _one_of("none", "isolate")}
"""Names that have no namespace."""


def check(specs: Mapping[str, str]) -> None:
    """Refuse the first extra spec that is unknown or has a value that it cannot have. InvalidExtraSpec."""
    for key, value in specs.items():
        reason = problem(key, value)
        if reason is not None:
            raise InvalidExtraSpec(key=key, reason=reason)


def problem(key: str, value: str) -> str | None:
    """Say what is wrong with an extra spec; None when nothing is."""
    namespace, separator, name = key.partition(":")
    if not separator:
        return PLAIN[key](value) if key in PLAIN else None
    known = _matching(namespace, NAMESPACES.items())
    if known is None:
        return None  # an operator's own
    found = _matching(name, known.items())
    if found is None:
        return f"{namespace}: has no extra spec of that name"
    return found(value)


def _matching(word: str, table: Iterable[tuple[str, T]]) -> T | None:
    return next((entry for pattern, entry in table if re.fullmatch(pattern, word)), None)
