"""What a flavor's extra specs and an image's properties make of a guest's machine.

Where both speak of the same thing they must agree, or the flavor decides what an image may choose. What they
ask for and this cloud cannot build is refused with the name of the key (`Unshapeable`), never left out.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from cumulo.contracts.hardware import Cell, Hardware, Tpm
from cumulo.contracts.network import CardLimit
from cumulo.services.compute.errors import Unshapeable
from cumulo.services.compute.model import EmbeddedFlavor

VIDEOS = ("vga", "virtio", "cirrus", "bochs", "none")
CARDS = ("virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci", "vmxnet3")
BUSES = ("virtio", "scsi", "sata", "ide", "usb")
SCSI_MODELS = ("virtio-scsi", "lsilogic")
POINTERS = {"usbtablet": "usb", "virtio": "virtio"}
WATCHDOGS = ("none", "pause", "poweroff", "reset", "disabled")
LARGE = 2048  # KiB; the huge pages that every x86-64 has
MOST_SERIAL_PORTS = 4  # an ISA machine has no more
MOST_PROCESSORS = 4096  # no machine that QEMU builds has more: a longer list is not made in memory
UNITS = {"k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}
_YES = frozenset({"1", "t", "true", "on", "y", "yes"})
_CPU_LIMITS = ("shares", "period", "quota")
_DIRECTIONS = {"inbound": "ingress", "outbound": "egress"}
_CARD_KEYS = frozenset(f"quota:vif_{word}_{what}" for word in _DIRECTIONS for what in ("average", "burst"))
_UNBUILT = {  # what no host of this cloud offers: by a flavor's key, or the image's of the same name
    "hw:cpu_realtime": "hosts here have no processors that keep real time",
    "hw:viommu_model": "guests here have no virtual IOMMU",
    "hw:ephemeral_encryption": "ephemeral disks are not encrypted here; an encrypted volume is",
    "hw:sound_model": "guests here have no sound",
    "hw:maxphysaddr_mode": "the width of guests' addresses cannot be chosen here",
    "hw:vif_multiqueue_enabled": "network cards here have one queue",
    "hw:tpm_secret_security": "what a TPM keeps is on its host's disk, as the guest's own disk is",
}
_REFUSED = {
    **_UNBUILT,
    **{key.replace(":", "_"): reason for key, reason in _UNBUILT.items()},
    "accel:device_profile": "there is no accelerator service in this cloud",
    "pci_passthrough:alias": "no PCI device of a host is offered under a name",
    "hw_firmware_stateless": "the firmware of guests here keeps its variables",
    "os_command_line": "guests here boot by their own firmware, not from a kernel beside the disk",
}


def hypervisor_of(properties: Mapping[str, Any]) -> str:
    """Return the kind of hypervisor that an image says it is for; "" when it says nothing."""
    return str(properties.get("img_hv_type") or properties.get("hypervisor_type") or "").lower()


def is_container(properties: Mapping[str, Any]) -> bool:
    """Say whether an image is the root of a container."""
    return hypervisor_of(properties) == "lxc"


def is_yes(value: Any) -> bool:
    """Read one of the ways in which flavors and images say yes."""
    return str(value).strip().lower() in _YES


class Wish:
    """What a flavor and an image ask for, by their keys."""

    def __init__(self, specs: Mapping[str, str], properties: Mapping[str, Any]) -> None:
        self.specs = specs
        self.properties = {name: str(value) for name, value in properties.items() if value is not None}

    def either(self, key: str, name: str = "") -> tuple[str, str | None]:
        """Return the key that speaks of something, and its value. They must agree. Unshapeable."""
        name = name or key.replace(":", "_")
        mine, images = self.specs.get(key), self.properties.get(name)
        if mine is not None and images is not None and mine.lower() != images.lower():
            raise Unshapeable(key=name, reason=f"its flavor says {key}={mine}")
        return (key, mine) if mine is not None else (name, images)

    def image_first(self, key: str, name: str) -> tuple[str, str | None]:
        """Return the image's word before the flavor's."""
        if name in self.properties:
            return name, self.properties[name]
        return key, self.specs.get(key)

    def flag(self, key: str) -> bool:
        """Say whether something is asked for."""
        value = self.either(key)[1]
        return value is not None and is_yes(value)

    def number(self, key: str, least: int = 0) -> int:
        """Return a number of the flavor's, 0 when it has none. Unshapeable."""
        return _number(key, self.specs.get(key, "0"), least if key in self.specs else 0)


def _number(key: str, text: str, least: int = 0) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise Unshapeable(key=key, reason=f"{text!r} is not a whole number of at least {least}")
    return number


def _chosen(key: str, value: str | None, choices: Sequence[str]) -> str | None:
    if value is not None and value not in choices:
        raise Unshapeable(key=key, reason=f"there is no {value!r} here, but {', '.join(choices)}")
    return value


def of(flavor: EmbeddedFlavor, properties: Mapping[str, Any]) -> Hardware:
    """Return the machine of a guest. Unshapeable when it cannot be built as they ask."""
    wish = Wish(flavor.extra_specs, properties)
    _refuse(wish)
    card_limits(flavor)
    pinned = pinned_of(wish, flavor.vcpus)
    shares, period, quota = (_cpu_limit(wish, name) for name in _CPU_LIMITS)
    watchdog = _chosen(*wish.image_first("hw:watchdog_action", "hw_watchdog_action"), WATCHDOGS)
    video = _chosen("hw_video_model", wish.properties.get("hw_video_model"), VIDEOS)
    return Hardware(
        topology=topology_of(wish, flavor.vcpus),
        pinned=pinned,
        cpu_shares=shares,
        cpu_period=period,
        cpu_quota=quota,
        cells=cells_of(wish, flavor.vcpus, flavor.ram),
        page_kib=pages_of(wish),
        locked_memory=wish.flag("hw:locked_memory"),
        disk_limits=disk_limits(wish),
        watchdog="" if watchdog in (None, "disabled") else str(watchdog),
        rng=is_yes(wish.specs.get("hw_rng:allowed", "true")),
        rng_bytes=wish.number("hw_rng:rate_bytes"),
        rng_period_ms=wish.number("hw_rng:rate_period"),
        tpm=tpm_of(wish),
        secure_boot=secure_boot_of(wish),
        video=video or "vga",
        video_mib=_video_memory(wish),
        pointer=_pointer(wish),
        hides_hypervisor=_hides(wish),
        performance_unit=None if wish.either("hw:pmu")[1] is None else wish.flag("hw:pmu"),
        boot_menu=wish.flag("hw:boot_menu"),
        serial_ports=_serial_ports(wish),
        packed_ring=wish.flag("hw:virtio_packed_ring"),
        windows=wish.properties.get("os_type") == "windows",
        scsi_model=_chosen("hw_scsi_model", wish.properties.get("hw_scsi_model"), SCSI_MODELS)
        or "virtio-scsi",
    )


def _refuse(wish: Wish) -> None:
    """Refuse what no host here offers, and buses and cards that are none."""
    for key, reason in _REFUSED.items():
        value = wish.specs.get(key, wish.properties.get(key))
        if value is not None and value.lower() not in ("", "0", "false", "no", "off"):
            raise Unshapeable(key=key, reason=reason)
    for key in wish.specs:
        if key.startswith("quota:vif_") and key not in _CARD_KEYS and wish.number(key):
            reason = "network cards are limited by an average and a burst alone"
            raise Unshapeable(key=key, reason=reason)
    for name, choices in (("hw_disk_bus", BUSES), ("hw_vif_model", CARDS), ("hw_rng_model", ("virtio",))):
        _chosen(name, wish.properties.get(name), choices)
    _chosen("hw_firmware_type", wish.properties.get("hw_firmware_type"), ("bios", "uefi"))
    if wish.specs.get("hw:emulator_threads_policy") == "isolate":
        raise Unshapeable(key="hw:emulator_threads_policy", reason="emulators share the host's processors")


def card_limits(flavor: EmbeddedFlavor) -> dict[str, CardLimit]:
    """Return what each network card may do, by direction; kilobytes become kilobits. Unshapeable."""
    wish, found = Wish(flavor.extra_specs, {}), {}
    for word, direction in _DIRECTIONS.items():
        key = f"quota:vif_{word}_burst"
        rate, burst = wish.number(f"quota:vif_{word}_average"), wish.number(key)
        if burst and not rate:
            raise Unshapeable(key=key, reason="a burst is of an average, and there is none")
        if rate:
            found[direction] = CardLimit(rate=rate * 8, burst=burst * 8 or None)
    return found


def pinned_of(wish: Wish, vcpus: int) -> tuple[int, ...]:
    """Return the processors of the guest that are pinned to dedicated ones of the host."""
    key, policy = wish.either("hw:cpu_policy")
    _chosen(key, policy, ("shared", "dedicated", "mixed"))
    mask = wish.specs.get("hw:cpu_dedicated_mask")
    if policy in ("dedicated", "mixed"):
        _listable(key, vcpus)
    if policy == "dedicated":
        return tuple(range(vcpus))
    if policy != "mixed":
        return ()
    if mask is None:
        raise Unshapeable(key="hw:cpu_policy", reason="mixed processors need hw:cpu_dedicated_mask")
    left_out = mask.startswith("^")
    named = numbers_of("hw:cpu_dedicated_mask", mask[1:] if left_out else mask)
    pinned = set(range(vcpus)) - named if left_out else named
    if not pinned or not pinned < set(range(vcpus)):
        reason = f"it must leave some, but not all, of {vcpus} processors"
        raise Unshapeable(key="hw:cpu_dedicated_mask", reason=reason)
    return tuple(sorted(pinned))


def _listable(key: str, vcpus: int) -> None:
    """Refuse to name each of more processors than a machine can have. Unshapeable."""
    if vcpus > MOST_PROCESSORS:
        raise Unshapeable(key=key, reason=f"its flavor has {vcpus} processors, more than {MOST_PROCESSORS}")


def numbers_of(key: str, text: str) -> set[int]:
    """Read a list of numbers such as `0-3,^2,7`. Unshapeable."""
    given: set[int] = set()
    taken: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.removeprefix("^").partition("-")
        try:
            begin, end = int(first), int(last if dash else first)
        except ValueError:
            begin = end = -1
        if not 0 <= begin <= end < MOST_PROCESSORS:
            reason = f"{text!r} is no list of processors, of which there are at most {MOST_PROCESSORS}"
            raise Unshapeable(key=key, reason=reason)
        (taken if part.startswith("^") else given).update(range(begin, end + 1))
    return given - taken


def topology_of(wish: Wish, vcpus: int) -> tuple[int, int, int] | None:
    """Return sockets, cores and threads: within the limits, and as near to the wishes as can be."""
    kinds = ("sockets", "cores", "threads")
    most = [_limit(wish, kind) for kind in kinds]
    wanted = [_preferred(wish, kind, limit) for kind, limit in zip(kinds, most, strict=True)]
    if not any(most) and not any(wanted):
        return None
    _listable("hw:cpu_sockets", vcpus)
    divisors = [number for number in range(1, vcpus + 1) if vcpus % number == 0]
    shapes = [(a, b, vcpus // (a * b)) for a, b in product(divisors, repeat=2) if vcpus % (a * b) == 0]
    fit = [s for s in shapes if all(not limit or n <= limit for n, limit in zip(s, most, strict=True))]
    if not fit:
        raise Unshapeable(key="hw:cpu_max_sockets", reason=f"{vcpus} processors fit in no allowed topology")

    def met(shape: tuple[int, ...]) -> tuple[int, int, int]:
        matches = sum(part == wish_ for part, wish_ in zip(shape, wanted, strict=True))
        return matches, shape[0], shape[1]

    sockets, cores, threads = max(fit, key=met)
    return sockets, cores, threads


def _limit(wish: Wish, kind: str) -> int:
    mine = wish.number(f"hw:cpu_max_{kind}", 1)
    name = f"hw_cpu_max_{kind}"
    if name not in wish.properties:
        return mine
    images = _number(name, wish.properties[name], 1)
    if mine and images > mine:
        raise Unshapeable(key=name, reason=f"its flavor allows {mine}")
    return images


def _preferred(wish: Wish, kind: str, limit: int) -> int:
    key = f"hw:cpu_{kind}"
    if key in wish.specs:
        return wish.number(key, 1)
    name = f"hw_cpu_{kind}"
    if name not in wish.properties:
        return 0
    number = _number(name, wish.properties[name], 1)
    if limit and number > limit:
        raise Unshapeable(key=name, reason=f"its flavor or image allows {limit}")
    return number


def cells_of(wish: Wish, vcpus: int, memory_mib: int) -> tuple[Cell, ...]:
    """Return the guest's NUMA nodes: even ones, or as the extra specs divide it."""
    key, text = wish.either("hw:numa_nodes")
    if text is None:
        return ()
    count = _number(key, text, 1)
    _listable(key, vcpus)
    if count > vcpus:
        raise Unshapeable(key=key, reason=f"{vcpus} processors cannot be divided by {count}")
    lists = [wish.either(f"hw:numa_cpus.{index}") for index in range(count)]
    sizes = [wish.either(f"hw:numa_mem.{index}") for index in range(count)]
    given = [value is not None for _, value in (*lists, *sizes)]
    if not any(given):
        if vcpus % count or memory_mib % count:
            reason = f"{vcpus} processors and {memory_mib} MiB cannot be divided evenly by {count}"
            raise Unshapeable(key=key, reason=reason)
        share, memory = vcpus // count, memory_mib // count
        return tuple(Cell(tuple(range(at, at + share)), memory) for at in range(0, vcpus, share))
    if not all(given):
        raise Unshapeable(key=key, reason="each node needs its numa_cpus and its numa_mem, or none has")
    cells = tuple(
        Cell(tuple(sorted(numbers_of(cpus_key, cpus or ""))), _number(size_key, size or "", 1))
        for (cpus_key, cpus), (size_key, size) in zip(lists, sizes, strict=True)
    )
    if sorted(cpu for cell in cells for cpu in cell.cpus) != list(range(vcpus)):
        raise Unshapeable(key=key, reason=f"its nodes do not hold each of {vcpus} processors once")
    if sum(cell.memory_mib for cell in cells) != memory_mib:
        raise Unshapeable(key=key, reason=f"its nodes' memory does not add up to {memory_mib} MiB")
    return cells


def pages_of(wish: Wish) -> int:
    """Return the size in KiB of the pages that back the guest's memory, as `Hardware.page_kib` has it."""
    mine, images = wish.specs.get("hw:mem_page_size"), wish.properties.get("hw_mem_page_size")
    if images is not None and mine not in (None, "large", "any", images):
        raise Unshapeable(key="hw_mem_page_size", reason=f"its flavor says hw:mem_page_size={mine}")
    key, text = ("hw_mem_page_size", images) if images is not None else ("hw:mem_page_size", mine)
    if text is None or text == "small":
        return 0
    if text in ("large", "any"):
        return LARGE if text == "large" else 0
    digits = text.rstrip("kKMGTibBt")
    unit = text[len(digits) :][:1].lower()
    number = _number(key, digits, 1) * UNITS.get(unit, 1)
    return 0 if number <= UNITS["k"] * 4 else number


def disk_limits(wish: Wish) -> dict[str, int]:
    """Return the limits of each of the guest's own disks; a total goes with no other of its kind."""
    found = {
        name: number
        for way, what in product(("read", "write", "total"), ("bytes", "iops"))
        if (number := wish.number(f"quota:disk_{(name := f'{way}_{what}_sec')}"))
    }
    for what in ("bytes", "iops"):
        total = f"total_{what}_sec"
        if total in found and {f"read_{what}_sec", f"write_{what}_sec"} & set(found):
            reason = "a limit of the total cannot stand beside one of reading or writing"
            raise Unshapeable(key=f"quota:disk_{total}", reason=reason)
    return found


def _cpu_limit(wish: Wish, name: str) -> int:
    number = wish.number(f"quota:cpu_{name}", -1 if name == "quota" else 0)
    least = {"period": 1000, "quota": 1000, "shares": 2}[name]
    if 0 < number < least:
        raise Unshapeable(key=f"quota:cpu_{name}", reason=f"the least that a kernel takes is {least}")
    return max(number, 0)


def tpm_of(wish: Wish) -> Tpm | None:
    """Return the guest's TPM; a model alone has no meaning."""
    version = _chosen(*wish.either("hw:tpm_version"), ("1.2", "2.0"))
    key, model = wish.either("hw:tpm_model")
    _chosen(key, model, ("tpm-tis", "tpm-crb"))
    if version is None:
        if model is not None:
            raise Unshapeable(key=key, reason="a TPM needs hw:tpm_version, too")
        return None
    if version == "1.2" and model == "tpm-crb":
        raise Unshapeable(key=key, reason="a TPM 1.2 has the model tpm-tis")
    return Tpm(version, model or "tpm-tis")


def secure_boot_of(wish: Wish) -> bool:
    """Say whether the guest's firmware checks signatures."""
    key, wanted = wish.either("os:secure_boot")
    _chosen(key, wanted, ("required", "optional", "disabled"))
    if wanted != "required":
        return False
    if wish.properties.get("hw_firmware_type") != "uefi":
        raise Unshapeable(key=key, reason="it needs an image with hw_firmware_type=uefi")
    if "q35" not in wish.properties.get("hw_machine_type", "q35"):
        raise Unshapeable(key=key, reason="it needs the machine type q35")
    return True


def _video_memory(wish: Wish) -> int:
    most = wish.number("hw_video:ram_max_mb")
    wanted = _number("hw_video_ram", wish.properties.get("hw_video_ram", "0"))
    if wanted > most:
        raise Unshapeable(key="hw_video_ram", reason=f"its flavor allows {most} MiB")
    return wanted


def _pointer(wish: Wish) -> str:
    model = wish.properties.get("hw_pointer_model")
    return POINTERS[_chosen("hw_pointer_model", model, tuple(POINTERS)) or ""] if model else ""


def _hides(wish: Wish) -> bool:
    flavors = wish.specs.get("hw:hide_hypervisor_id", wish.specs.get("hide_hypervisor_id"))
    images = wish.properties.get("img_hide_hypervisor_id")
    if flavors is not None and images is not None and is_yes(flavors) != is_yes(images):
        raise Unshapeable(key="img_hide_hypervisor_id", reason="its flavor says the contrary")
    return is_yes(flavors) or is_yes(images)


def _serial_ports(wish: Wish) -> int:
    most = wish.number("hw:serial_port_count") if "hw:serial_port_count" in wish.specs else None
    text = wish.properties.get("hw_serial_port_count")
    count = _number("hw_serial_port_count", text) if text is not None else most
    if most is not None and count is not None and count > most:
        raise Unshapeable(key="hw_serial_port_count", reason=f"its flavor allows {most}")
    if count is not None and count > MOST_SERIAL_PORTS:
        reason = f"a machine has at most {MOST_SERIAL_PORTS}"
        raise Unshapeable(key="hw:serial_port_count", reason=reason)
    return 1 if count is None else max(count, 1)
