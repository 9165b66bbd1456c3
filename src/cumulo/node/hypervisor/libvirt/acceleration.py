"""Find out whether KVM truly executes guests here, and remember the answer until the next boot.

`/dev/kvm` proves nothing: under some hypervisors it opens, creates a machine, and then never runs
an instruction. So a machine of one ROM is started whose reset vector ends QEMU with a known exit
status; only that status counts. The hardware modules are asked for first, because a guest that
hangs in the kernel is an unfriendly way to learn it.
"""

import asyncio
import tempfile
from pathlib import Path

import msgspec
import structlog

from cumulo.core.drivers import DriverError
from cumulo.node.files import write_atomically

log = structlog.get_logger(__name__)

MODULES = (Path("/sys/module/kvm_intel"), Path("/sys/module/kvm_amd"))
DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
EMULATOR = "qemu-system-x86_64"

ROM_SIZE = 65536  # bytes; the least that QEMU maps as a BIOS
RESET_VECTOR = ROM_SIZE - 16
PROBE = bytes([0xB0, 0x01, 0xE6, 0xF4, 0xF4])  # mov al, 1; out 0xf4, al; hlt
SUCCESS = 3  # isa-debug-exit ends QEMU with (value << 1) | 1
PATIENCE = 2.0  # seconds; a real KVM needs some 0.1


class Finding(msgspec.Struct, frozen=True):
    """The cached answer."""

    boot_id: str
    usable: bool
    reason: str


async def kvm(cache: Path) -> Finding:
    """Say whether KVM executes guests on this host; `cache` keeps the answer for this boot."""
    boot_id, known = await asyncio.to_thread(_remembered, cache)
    if known is not None and known.boot_id == boot_id:
        return known
    usable, reason = await _examine()
    finding = Finding(boot_id, usable, reason)
    write_atomically(cache, msgspec.json.encode(finding), 0o644)
    log.info("hypervisor.kvm", usable=usable, reason=reason)
    return finding


def _remembered(cache: Path) -> tuple[str, Finding | None]:
    """Return this boot's id and the last finding, of whichever boot."""
    boot_id = BOOT_ID.read_text().strip()
    try:
        return boot_id, msgspec.json.decode(cache.read_bytes(), type=Finding)
    except (OSError, msgspec.DecodeError):
        return boot_id, None


def _lacking() -> str:
    """Return what speaks against KVM before anything is tried, empty when nothing does."""
    if not any(module.exists() for module in MODULES):
        return "neither kvm_intel nor kvm_amd is loaded"
    return "" if DEVICE.exists() else f"{DEVICE} does not exist"


async def _examine() -> tuple[bool, str]:
    if lacking := _lacking():
        return False, lacking
    if not await executes("kvm"):
        return False, f"a test guest executed nothing within {PATIENCE} s"
    return True, "a test guest ran"


async def executes(accelerator: str, seconds: float = PATIENCE) -> bool:
    """Say whether a machine with QEMU's `accelerator` executes its reset vector within `seconds`."""
    with tempfile.TemporaryDirectory(prefix="cumulo-probe-") as folder:
        rom = Path(folder) / "rom"
        rom.write_bytes(bytes(RESET_VECTOR) + PROBE + bytes(ROM_SIZE - RESET_VECTOR - len(PROBE)))
        try:
            return await _exit_status(accelerator, rom, seconds) == SUCCESS
        except (OSError, TimeoutError, DriverError):
            return False


async def _exit_status(accelerator: str, rom: Path, seconds: float) -> int | None:
    process = await asyncio.create_subprocess_exec(
        EMULATOR,
        *("-accel", accelerator, "-machine", "pc", "-m", "1", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-bios", str(rom)),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            # A process stuck in the kernel dies late or never: do not wait for it for ever.
            await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=1)
