"""The content of a guest's root disk at one moment, as a whole qcow2 file.

A running guest goes on: libvirt copies what the disk held when the job began, and keeps the old content of
what the guest overwrites meanwhile (libvirt.org/kbase/live_full_disk_backup). A job that a killed process
left behind is ended and begun anew.
"""

import asyncio
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import libvirt

from cumulo.core.drivers import Gone, Permanent
from cumulo.node.commands import Limits, run
from cumulo.node.hypervisor.libvirt.connection import Connection
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.inside import quiet

LONGEST = 3600.0  # seconds that copying a disk may take
PAUSE = 0.2  # seconds between two looks at a job
SUFFIX = ".snapshot.qcow2"


def file_of(folder: Path, name: str) -> Path:
    """Return where a snapshot lies in a server's folder. Permanent when `name` is no plain word."""
    if not name.replace("-", "").isalnum():
        raise Permanent(f"{name!r} is no snapshot's name")
    return folder / f"{name}{SUFFIX}"


async def copy_off(disk: Path, target: Path, *, written: str = "qcow2", wanted: str = "qcow2") -> None:
    """Copy the disk of a guest that is off, with what lies below it, into one file; both of a format."""
    words = ("qemu-img", "convert", "-q", "-U", "-f", written, "-O", wanted, str(disk), str(target))
    await run(*words, seconds=LONGEST, limits=Limits())


async def copy_live(connection: Connection, domain_name: str, disk: Path, target: Path) -> None:
    """Copy the disk of a running guest as it is now."""

    def begin(libvirtd: Any) -> None:
        domain = libvirtd.lookupByName(domain_name)
        _end_job(domain)
        target.unlink(missing_ok=True)
        with quiet(domain):  # the moment of the copy is the job's beginning
            domain.backupBegin(_backup(_device(domain, disk), target), None)

    def is_done(libvirtd: Any) -> bool:
        return _is_done(libvirtd.lookupByName(domain_name))

    await connection.run_apart(begin)  # the guest's agent is asked, who may take its time
    try:
        async with asyncio.timeout(LONGEST):
            while not await connection.run(is_done):  # noqa: ASYNC110  libvirt tells of no backup's end
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        await connection.run(lambda libvirtd: _end_job(libvirtd.lookupByName(domain_name)))
        raise Permanent(f"the disk was not copied within {LONGEST:.0f} s") from None
    if not await connection.run(lambda libvirtd: _succeeded(libvirtd.lookupByName(domain_name))):
        raise Permanent("the disk could not be copied: is the host's disk full, or did the guest end?")


def read(file: Path, offset: int, length: int) -> bytes:
    """Return a piece of a snapshot. Gone when there is none. Blocks; for a thread."""
    try:
        with file.open("rb") as opened:
            return os.pread(opened.fileno(), length, offset)
    except FileNotFoundError:
        raise Gone(f"there is no snapshot {file.name}") from None


def _device(domain: Any, disk: Path) -> str:
    for found in parse(domain.XMLDesc()).iterfind("devices/disk"):
        source, target = found.find("source"), found.find("target")
        if source is not None and target is not None and source.get("file") == str(disk):
            return target.get("dev", "")
    raise Permanent("the guest does not have its own disk")


def _backup(device: str, target: Path) -> str:
    backup = ET.Element("domainbackup", mode="push")
    disk = ET.SubElement(ET.SubElement(backup, "disks"), "disk", name=device, type="file", backup="yes")
    ET.SubElement(disk, "target", file=str(target))
    ET.SubElement(disk, "driver", type="qcow2")
    return ET.tostring(backup, encoding="unicode")


def _end_job(domain: Any) -> None:
    if domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        domain.abortJob()


def _is_done(domain: Any) -> bool:
    """Say whether the job is over. A guest that went off took its job with it."""
    try:
        return bool(domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
            return True
        raise


def _succeeded(domain: Any) -> bool:
    """Say whether the job that ended last copied all."""
    try:
        stats = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    except libvirt.libvirtError:
        return False
    return bool(stats.get("type") == libvirt.VIR_DOMAIN_JOB_COMPLETED and stats.get("success", True))
