"""Private Open vSwitch and OVN processes in a temporary folder, for tests.

Everything listens on Unix sockets below the folder, so that any number of tests run side by side.
The processes stay in the foreground, as our children: leaving the context ends exactly them.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

_OVN_SCHEMAS = Path("/usr/share/ovn")
_OVS_SCHEMAS = Path("/usr/share/openvswitch")

SCHEMAS = {
    "nb": _OVN_SCHEMAS / "ovn-nb.ovsschema",
    "sb": _OVN_SCHEMAS / "ovn-sb.ovsschema",
    "vswitch": _OVS_SCHEMAS / "vswitch.ovsschema",
}


def available() -> bool:
    """Say whether the programs and schemas that these helpers start are on this machine."""
    programs = ("ovsdb-server", "ovsdb-tool", "ovn-northd", "ovn-nbctl")
    return all(map(which, programs)) and all(path.exists() for path in SCHEMAS.values())


@contextmanager
def process(
    folder: Path, arguments: Sequence[str], *, name: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a daemon in the foreground until the context ends; its output goes to NAME.out."""
    surroundings = dict.fromkeys(
        ("OVS_RUNDIR", "OVN_RUNDIR", "OVS_LOGDIR", "OVN_LOGDIR"), str(folder)
    )
    with (folder / f"{name}.out").open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  our own arguments
            [*arguments, f"--unixctl={folder / name}.ctl"],
            env=os.environ | surroundings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def ovsdb(folder: Path, name: str) -> Iterator[str]:
    """Serve an empty database (`nb`, `sb` or `vswitch`); yield its address (`unix:...`)."""
    file, socket = folder / f"{name}.db", folder / f"{name}.sock"
    if not file.exists():
        create = ["ovsdb-tool", "create", str(file), str(SCHEMAS[name])]
        subprocess.run(create, check=True)  # noqa: S603  our own arguments
    ready = folder / f"{name}.pid"
    ready.unlink(missing_ok=True)
    arguments = ["ovsdb-server", "--no-chdir", f"--remote=punix:{socket}", f"--pidfile={ready}"]
    with process(folder, [*arguments, str(file)], name=name) as child:
        while not socket.exists() or not ready.exists():
            if child.poll() is not None:
                raise RuntimeError((folder / f"{name}.out").read_text())
            time.sleep(0.01)
        yield f"unix:{socket}"


@contextmanager
def central(folder: Path) -> Iterator[tuple[str, str]]:
    """Run both OVN databases and ovn-northd; yield the northbound and southbound addresses."""
    with ovsdb(folder, "nb") as north, ovsdb(folder, "sb") as south:
        databases = [f"--ovnnb-db={north}", f"--ovnsb-db={south}"]
        with process(folder, ["ovn-northd", *databases], name="northd"):
            yield north, south
