"""Private libvirt: virtlogd and libvirtd in mount namespaces where libvirt's folders are the cloud's own.

libvirt 9.0 has its folders compiled in. A namespace per daemon, with the state folder's own bound over them,
keeps a libvirt of the machine untouched and lets several clouds run side by side. The domains' files are on
disk in the state folder, so a new libvirtd finds the guests that an ended one left running.
"""

import asyncio
import uuid
from pathlib import Path

from cumulo.runtime.engines import certificates
from cumulo.runtime.engines.engine import Engine, listens
from cumulo.runtime.state import StateFolder

# Binds pairs of paths up to the first "--", the next ones read-only, then becomes the command after the
# second. Paths are arguments, never part of the script's text. Where the kernel has groups of both versions,
# those of the second are hidden: with both, libvirt 9.0 starts no container.
_IN_PLACE = """\
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift
[ ! -d /sys/fs/cgroup/unified ] || umount /sys/fs/cgroup/unified 2> /dev/null || true
while [ "$1" != -- ]; do mount --bind -o ro "$1" "$2" || exit 1; shift 2; done; shift
exec "$@"
"""
_FOLDERS = {
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "run": "/run/libvirt",
    "tpm-authority": "/var/lib/swtpm-localca",
    "tpm-log": "/var/log/swtpm",
}
# Debian's libvirt will not start without its user and group, though nothing of ours runs as them; a private
# copy of these files has them, so that the machine's own need no change.
_ACCOUNTS = {
    "passwd": ("/etc/passwd", "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin"),
    "group": ("/etc/group", "libvirt-qemu:x:64055:"),
}
# libvirtd asks each emulator that it finds what it can do, some 2 s each at the first start. This one can
# nothing that qemu-system-x86_64 cannot.
_NEEDLESS = Path("/usr/bin/qemu-system-i386")
_KVM = Path("/dev/kvm")
_KVM_MODULES = (Path("/sys/module/kvm_intel"), Path("/sys/module/kvm_amd"))
_PROGRAMS = {"qemu": "qemu", "lxc": "libvirt_lxc"}
"""How the program that is a guest's begins, by the folder in which libvirt notes its pid."""
_DAEMON = """\
# Written by Cumulo at each start.
host_uuid = "{host_uuid}"
listen_tls = 0
listen_tcp = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
max_clients = 100
# The node is one client, of which many requests may last long (migrations, memory written to disk). Beyond
# its limit, 5 by default, libvirtd would not even hear that the node is still there, and hang up.
max_client_requests = 100
max_workers = 120
log_outputs = "3:stderr"
"""
_QEMU = """\
# Written by Cumulo at each start.
user = "root"
group = "root"
security_driver = "none"
namespaces = []
dynamic_ownership = 0
remember_owner = 0
swtpm_user = "root"
swtpm_group = "root"
migrate_tls_x509_cert_dir = "{certificates}"
migrate_tls_x509_verify = 1
"""
_LOG_DAEMON = """\
# Written by Cumulo at each start. A console log turns over at 2 MiB.
log_outputs = "3:stderr"
max_clients = 100
max_size = 2097152
max_backups = 2
"""


def uri(state: StateFolder) -> str:
    """Return the URI by which this cloud's libvirt is reached."""
    return f"qemu:///system?socket={state.socket('libvirt')}"


def peer_uri(state: StateFolder) -> str:
    """Return the URI by which another libvirt of this machine reaches this one."""
    return f"qemu+unix:///system?socket={state.socket('libvirt')}"


def qemu_logs(state: StateFolder) -> Path:
    """Return the folder where libvirt keeps its log of each QEMU."""
    return state.path / "libvirt" / "log" / "qemu"


def containers_uri(state: StateFolder) -> str:
    """Return the URI by which this cloud's libvirt is reached for its containers."""
    return f"lxc:///system?socket={state.socket('libvirt')}"


def daemons(state: StateFolder, cloud: StateFolder | None = None) -> list[Engine]:
    """Return virtlogd (guests' console logs) and libvirtd, of a cloud's further host with its cloud."""
    root = state.path / "libvirt"

    async def prepare() -> None:
        certified = await asyncio.to_thread(certificates.ensure, state, cloud or state)
        write_settings(state, certified)

    return [
        Engine(
            name="virtlogd",
            program="virtlogd",
            command=_in_place(root, "virtlogd", "--pid-file", "/run/libvirt/virtlogd.pid"),
            before_start=prepare,
            ready=lambda: listens(state.socket("virtlogd")),
        ),
        Engine(
            name="libvirtd",
            program="libvirtd",
            command=_in_place(root, "libvirtd", "--pid-file", "/run/libvirt/libvirtd.pid"),
            after=("virtlogd",),
            ready=lambda: listens(state.socket("libvirt")),
        ),
    ]


def write_settings(state: StateFolder, certified: Path) -> None:
    """Make libvirt's folders with its settings, and the links by which its sockets are found.

    certified: the folder with what the host shows and believes when a guest comes or leaves.
    """
    root = state.path / "libvirt"
    for name, place in _FOLDERS.items():
        (root / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        Path(place).mkdir(mode=0o755, parents=True, exist_ok=True)
    (root / "nothing").touch()
    for name, (file, line) in _ACCOUNTS.items():
        (root / name).write_text(with_account(Path(file).read_text(encoding="utf-8"), line))
    host_uuid = uuid.uuid5(uuid.NAMESPACE_URL, f"cumulo:{machine_id()}:{state.path}")
    (root / "etc" / "libvirtd.conf").write_text(_DAEMON.format(host_uuid=host_uuid))
    (root / "etc" / "qemu.conf").write_text(_QEMU.format(certificates=certified))
    (root / "etc" / "virtlogd.conf").write_text(_LOG_DAEMON)

    for name, target in (("libvirt", "libvirt-sock"), ("virtlogd", "virtlogd-sock")):
        link = state.run / f"{name}.sock"
        if not link.is_symlink():
            link.symlink_to(f"../libvirt/run/{target}")


def guests_running(state: StateFolder) -> int:
    """Return how many guests of this cloud run, from libvirt's own pid files."""
    return len(guest_processes(state))


def running_guests(state: StateFolder) -> list[str]:
    """Return the ids of the servers whose guests run, from libvirt's own pid files."""
    return sorted(guest_processes(state))


def guest_processes(state: StateFolder) -> dict[str, int]:
    """Return the pids of the guests that run, by their servers' ids, from libvirt's own pid files."""
    run = state.path / "libvirt" / "run"
    found = {
        file.stem.partition("-")[2]: _guest_of(file, program)
        for kind, program in _PROGRAMS.items()
        for file in (run / kind).glob("*.pid")
    }
    return {server: pid for server, pid in found.items() if pid is not None}


def containers_running(state: StateFolder) -> bool:
    """Say whether any of the cloud's guests that run is a container."""
    files = (state.path / "libvirt" / "run" / "lxc").glob("*.pid")
    return any(_guest_of(file, _PROGRAMS["lxc"]) is not None for file in files)


def with_account(content: str, line: str) -> str:
    """Return the content of a passwd or group file with this account in it, unless it has it."""
    name = line.partition(":")[0] + ":"
    if any(known.startswith(name) for known in content.splitlines()):
        return content
    return f"{content.rstrip()}\n{line}\n"


def hidden() -> list[Path]:
    """Return what libvirt need not see: a needless emulator, and /dev/kvm where no guest can run in it.

    An empty file hides them, read-only, for libvirt takes any writable /dev/kvm for a usable one.
    """
    useless_kvm = not any(module.exists() for module in _KVM_MODULES)
    return [path for path, needless in ((_NEEDLESS, True), (_KVM, useless_kvm)) if needless and path.exists()]


def machine_id() -> str:
    """Return the machine's id; libvirt refuses to migrate between hosts of one UUID, so it goes in."""
    file = Path("/etc/machine-id")
    return file.read_text(encoding="ascii").strip() if file.exists() else "none"


def _guest_of(file: Path, program: str) -> int | None:
    """Return the pid in a file if it still is that guest's: pids are used again, files outlive a boot."""
    try:
        pid = int(file.read_text(encoding="ascii"))
        process = Path(f"/proc/{pid}")
        is_program = (process / "exe").readlink().name.startswith(program)
        is_guest = file.stem.encode() in (process / "cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if is_program and is_guest else None


def _in_place(root: Path, *command: str) -> list[str]:
    """Return the command that runs `command` with libvirt's folders being those under `root`.

    Mounts made later on the machine still reach the namespace (`slave`), none of ours leave it.
    """
    places = _FOLDERS | {name: file for name, (file, _) in _ACCOUNTS.items()}
    pairs = [text for name, place in places.items() for text in (str(root / name), place)]
    nothing = [text for path in hidden() for text in (str(root / "nothing"), str(path))]
    unshare = ["unshare", "--mount", "--propagation", "slave"]
    return [*unshare, "sh", "-c", _IN_PLACE, "sh", *pairs, "--", *nothing, "--", *command]
