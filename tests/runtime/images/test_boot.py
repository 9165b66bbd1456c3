"""The mini image in a raw QEMU, with a config drive and no metadata service: what a guest does by itself."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.runtime.images.mini import build_mini

pytestmark = pytest.mark.engines
PATIENCE = 180  # seconds, for a machine that is busy; a quiet one needs five
GIB = 1 << 30


class Guest:
    """A guest of the image on an emulated machine."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self.disk = folder / "disk.qcow2"
        overlay = ["-f", "qcow2", "-b", str(image), "-F", "qcow2", str(self.disk), "1G"]
        subprocess.run(["qemu-img", "create", "-q", *overlay], check=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        with (folder / "data.raw").open("wb") as data:
            data.truncate(16 << 20)
        self.process: subprocess.Popen[bytes] | None = None

    def drive(self, instance: str, name: str, user_data: str) -> None:
        """Write the config drive."""
        tree = self.folder / "drive/openstack/latest"
        tree.mkdir(parents=True, exist_ok=True)
        key = (self.folder / "key.pub").read_text()
        metadata = {"uuid": instance, "hostname": f"{name}.example", "public_keys": {"mine": key}}
        metadata["files"] = [{"path": "/etc/asked/note", "content_path": "/content/0000"}]
        (tree.parent / "content").mkdir(exist_ok=True)
        (tree.parent / "content/0000").write_text(f"a note for {name}")
        (tree / "meta_data.json").write_text(json.dumps(metadata))
        (tree / "user_data").write_text(user_data)
        made = ["-quiet", "-V", "config-2", "-J", "-r", "-o", "drive.iso", "drive"]
        subprocess.run(["genisoimage", *made], cwd=self.folder, check=True)

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        network = f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22"
        machine = "-accel tcg,tb-size=64 -machine pc -cpu qemu64 -m 128 -nodefaults -display none -vga std"
        devices = "-device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci -serial file:serial.log"
        drives = (
            f"file={self.disk},if=virtio,format=qcow2,cache=unsafe",
            "file=drive.iso,if=ide,media=cdrom,format=raw",
            "file=data.raw,if=virtio,format=raw,cache=unsafe",
        )
        words = [*machine.split(), "-netdev", network, *devices.split()]
        words += ["-monitor", "unix:monitor,server=on,wait=off"]
        words += [word for drive in drives for word in ("-drive", drive)]
        self.process = subprocess.Popen(["qemu-system-x86_64", *words], cwd=self.folder)

    def run(self, command: str) -> str:
        """Return what a command in the guest says, once SSH answers."""
        options = ["BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=no", "LogLevel=ERROR"]
        options.append("UserKnownHostsFile=/dev/null")
        told = [word for option in options for word in ("-o", option)]
        words = ["ssh", "-i", "key", *told, "-p", str(self.port), "root@127.0.0.1", command]
        give_up = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
            if done.returncode != 255:
                return done.stdout.strip()
            assert time.monotonic() < give_up, f"{done.stderr}\n{self.serial()}"
            time.sleep(0.2)

    def until(self, command: str, expected: str) -> None:
        """Wait until a command in the guest says what is expected."""
        give_up = time.monotonic() + PATIENCE
        while (said := self.run(command)) != expected:
            assert time.monotonic() < give_up, said
            time.sleep(0.2)

    def serial(self) -> str:
        return (self.folder / "serial.log").read_text(errors="replace")

    def press_power(self) -> None:
        """Press the power button and wait until the machine is off."""
        assert self.process is not None
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.folder / "monitor"))
            monitor.recv(4096)
            monitor.send(b"system_powerdown\n")
            self.process.wait(PATIENCE)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    return build_mini(folder / "mini.qcow2", cache=folder / "cache").path


@pytest.fixture
def guest(image: Path, tmp_path: Path) -> Iterator[Guest]:
    made = Guest(tmp_path, image)
    yield made
    made.stop()


def test_a_guest_s_first_boot_and_what_stays_of_it(guest: Guest):
    guest.drive("instance-1", "first", "#!/bin/sh\nhostname >> /root/ran\n")
    guest.start()
    assert guest.run("hostname") == "first"
    guest.until("cat /root/ran", "first")
    assert guest.run("cat /etc/asked/note") == "a note for first"
    assert guest.run("blkid -L config-2 -o device") == "/dev/sr0"
    guest.run("mkfs -t vfat /dev/vdb")
    guest.until("modprobe -r vfat; lsmod | grep -c fat", "0")  # as before the late modules are loaded
    assert guest.run("mount /dev/vdb /mnt && awk '$2 == \"/mnt\" { print $3 }' /proc/mounts") == "vfat"
    assert guest.run("blkid -L config-3 -o device; echo $?") == "2"
    clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    assert guest.run(f"cat {clock}") == "acpi_pm"
    guest.until("test -s /var/lib/mini/root-length && echo grown", "grown")
    assert int(guest.run("df -m / | awk 'END { print $2 }'")) > 900
    first_key = guest.run("md5sum /etc/dropbear/dropbear_ed25519_host_key")
    guest.until("ls /dev/input/event0", "/dev/input/event0")
    guest.press_power()
    assert "first login:" in guest.serial()

    guest.start()
    assert guest.run("cat /root/ran") == "first"  # user data runs once
    assert guest.run("md5sum /etc/dropbear/dropbear_ed25519_host_key") == first_key
    guest.stop()

    guest.drive("instance-2", "copy", "#!/bin/sh\nhostname >> /root/ran\n")
    guest.start()  # the disk of one server in another
    assert guest.run("hostname") == "copy"
    guest.until("cat /root/ran", "first\ncopy")
    assert guest.run("md5sum /etc/dropbear/dropbear_ed25519_host_key") != first_key
