"""What a flavor's extra specs and an image's properties make of a guest's machine.

Where both speak of the same thing they must agree, or the flavor decides what an image may choose (0390).
What they ask for and cannot be built is refused with the name of the key (`Unshapeable`), never left out.
"""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

from cumulo.contracts.hardware import Hardware, Tpm
from cumulo.contracts.network import CardLimit
from cumulo.services.compute.errors import Unshapeable
from cumulo.services.compute.hardware import processors
from cumulo.services.compute.hardware.wish import Wish, chosen, is_yes, whole
from cumulo.services.compute.model import EmbeddedFlavor

VIDEOS = ("vga", "virtio", "cirrus", "bochs", "none")
CARDS = ("virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci", "vmxnet3")
BUSES = ("virtio", "scsi", "sata", "ide", "usb")
RESCUERS = ("disk", "cdrom")
SCSI_MODELS = ("virtio-scsi", "lsilogic")
POINTERS = {"usbtablet": "usb", "virtio": "virtio"}
WATCHDOGS = ("none", "pause", "poweroff", "reset", "disabled")
LARGE = 2048  # KiB; the huge pages that every x86-64 has
MOST_SERIAL_PORTS = 4  # an ISA machine has no more
UNITS = {"k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}
_MACHINE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONG = (1 << 32) - 1  # what libvirt and OVN hold in 32 bits
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


def of(flavor: EmbeddedFlavor, properties: Mapping[str, Any]) -> Hardware:
    """Return the machine of a guest. Unshapeable when it cannot be built as they ask."""
    wish = Wish(flavor.extra_specs, properties)
    _refuse(wish)
    card_limits(flavor)
    policy = processors.policy_of(wish)
    processors.check_threads(wish, policy)
    shares, period, quota = (processors.share_of(wish, name) for name in processors.SHARES)
    watchdog = chosen(*wish.image_first("hw:watchdog_action", "hw_watchdog_action"), WATCHDOGS)
    video = chosen("hw_video_model", wish.properties.get("hw_video_model"), VIDEOS)
    return Hardware(
        topology=processors.topology_of(wish, flavor.vcpus),
        pinned=processors.pinned_of(wish, policy, flavor.vcpus),
        cpu_shares=shares,
        cpu_period=period,
        cpu_quota=quota,
        cells=processors.cells_of(wish, flavor.vcpus, flavor.ram),
        page_kib=pages_of(wish),
        locked_memory=bool(wish.flag("hw:locked_memory")),
        disk_limits=disk_limits(wish),
        watchdog="" if watchdog in (None, "disabled") else str(watchdog),
        rng=is_yes(wish.specs.get("hw_rng:allowed", "true")),
        rng_bytes=wish.number("hw_rng:rate_bytes", most=_LONG),
        rng_period_ms=wish.number("hw_rng:rate_period", most=_LONG),
        tpm=tpm_of(wish),
        secure_boot=secure_boot_of(wish),
        video=video or "vga",
        video_mib=_video_memory(wish),
        pointer=_pointer(wish),
        hides_hypervisor=_hides(wish),
        performance_unit=wish.flag("hw:pmu"),
        boot_menu=bool(wish.flag("hw:boot_menu")),
        serial_ports=_serial_ports(wish),
        packed_ring=bool(wish.flag("hw:virtio_packed_ring")),
        windows=wish.properties.get("os_type") == "windows",
        scsi_model=chosen("hw_scsi_model", wish.properties.get("hw_scsi_model"), SCSI_MODELS)
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
        chosen(name, wish.properties.get(name), choices)
    chosen("hw_firmware_type", wish.properties.get("hw_firmware_type"), ("bios", "uefi"))
    machine = wish.properties.get("hw_machine_type")
    if machine and _MACHINE.fullmatch(machine) is None:
        raise Unshapeable(key="hw_machine_type", reason=f"{machine[:64]!r} is the name of no machine")
    if wish.specs.get("hw:emulator_threads_policy") == "isolate":
        raise Unshapeable(key="hw:emulator_threads_policy", reason="emulators share the host's processors")


def check_rescue(properties: Mapping[str, Any]) -> None:
    """Refuse a rescue image that asks for a device or a bus that there is not. Unshapeable."""
    for name, choices in (("hw_rescue_device", RESCUERS), ("hw_rescue_bus", BUSES)):
        chosen(name, properties.get(name), choices)


def card_limits(flavor: EmbeddedFlavor) -> dict[str, CardLimit]:
    """Return what each network card may do, by direction; kilobytes become kilobits. Unshapeable."""
    wish, found = Wish(flavor.extra_specs, {}), {}
    for word, direction in _DIRECTIONS.items():
        key = f"quota:vif_{word}_burst"
        rate, burst = (
            wish.number(f"quota:vif_{word}_{what}", most=_LONG // 8) for what in ("average", "burst")
        )
        if burst and not rate:
            raise Unshapeable(key=key, reason="a burst is of an average, and there is none")
        if rate:
            found[direction] = CardLimit(rate=rate * 8, burst=burst * 8 or None)
    return found


def pages_of(wish: Wish) -> int:
    """Return the size in KiB of the pages that back the guest's memory, as `Hardware.page_kib` has it."""
    mine, images = wish.specs.get("hw:mem_page_size"), wish.properties.get("hw_mem_page_size")
    if images is not None and mine not in ("large", "any", images):
        said = "nothing of it" if mine is None else f"hw:mem_page_size={mine}"
        raise Unshapeable(key="hw_mem_page_size", reason=f"its flavor says {said}")
    key, text = ("hw_mem_page_size", images) if images is not None else ("hw:mem_page_size", mine)
    if text is None or text == "small":
        return 0
    if text in ("large", "any"):
        return LARGE if text == "large" else 0
    digits = text.rstrip("kKMGTibBt")
    unit = text[len(digits) :][:1].lower()
    number = whole(key, digits, 1) * UNITS.get(unit, 1)
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


def tpm_of(wish: Wish) -> Tpm | None:
    """Return the guest's TPM; a model alone has no meaning."""
    version = chosen(*wish.either("hw:tpm_version"), ("1.2", "2.0"))
    key, model = wish.either("hw:tpm_model")
    chosen(key, model, ("tpm-tis", "tpm-crb"))
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
    chosen(key, wanted, ("required", "optional", "disabled"))
    if wanted != "required":
        return False
    if wish.properties.get("hw_firmware_type") != "uefi":
        raise Unshapeable(key=key, reason="it needs an image with hw_firmware_type=uefi")
    if "q35" not in wish.properties.get("hw_machine_type", "q35"):
        raise Unshapeable(key=key, reason="it needs the machine type q35")
    return True


def _video_memory(wish: Wish) -> int:
    most = wish.number("hw_video:ram_max_mb", most=_LONG >> 10)
    wanted = whole("hw_video_ram", wish.properties.get("hw_video_ram", "0"))
    if wanted > most:
        raise Unshapeable(key="hw_video_ram", reason=f"its flavor allows {most} MiB")
    return wanted


def _pointer(wish: Wish) -> str:
    model = wish.properties.get("hw_pointer_model")
    return POINTERS[chosen("hw_pointer_model", model, tuple(POINTERS)) or ""] if model else ""


def _hides(wish: Wish) -> bool:
    flavors = wish.specs.get("hw:hide_hypervisor_id", wish.specs.get("hide_hypervisor_id"))
    images = wish.properties.get("img_hide_hypervisor_id")
    if flavors is not None and images is not None and is_yes(flavors) != is_yes(images):
        raise Unshapeable(key="img_hide_hypervisor_id", reason="its flavor says the contrary")
    return is_yes(flavors) or is_yes(images)


def _serial_ports(wish: Wish) -> int:
    most = wish.number("hw:serial_port_count") if "hw:serial_port_count" in wish.specs else None
    text = wish.properties.get("hw_serial_port_count")
    count = whole("hw_serial_port_count", text) if text is not None else most
    if most is not None and count is not None and count > most:
        raise Unshapeable(key="hw_serial_port_count", reason=f"its flavor allows {most}")
    if count is not None and count > MOST_SERIAL_PORTS:
        reason = f"a machine has at most {MOST_SERIAL_PORTS}"
        key = "hw:serial_port_count" if text is None else "hw_serial_port_count"
        raise Unshapeable(key=key, reason=reason)
    return 1 if count is None else max(count, 1)
