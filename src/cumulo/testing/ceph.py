"""A Ceph cluster of the tests' own on loopback: one monitor, one manager, one OSD on a sparse file."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

PROGRAMS = ("ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph-authtool", "monmaptool")
MARKS = [
    pytest.mark.engines,
    pytest.mark.xdist_group("ceph"),
    pytest.mark.skipif(not all(shutil.which(name) for name in PROGRAMS), reason="needs Ceph"),
]
"""Of tests that use a cluster: all share one."""

POOL = "volumes"
USER = "cinder"
_HOST = "127.0.0.1"
_CONF = """
[global]
fsid = {fsid}
mon_host = [v2:{host}:{v2},v1:{host}:{v1}]
public_addr = {host}
run_dir = {folder}
admin_socket = {folder}/$name.asok
pid_file = {folder}/$name.pid
log_file = {folder}/$name.log
keyring = {folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_data_avail_warn = 1
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
auth_allow_insecure_global_id_reclaim = false
rbd_default_features = 61
[mon]
mon_data = {folder}/mon
mon_cluster_log_file = {folder}/cluster.log
[mgr]
mgr_data = {folder}/mgr
mgr_disabled_modules = dashboard,diskprediction_local,cephadm,rook,restful,prometheus,influx,telegraf,zabbix,\
k8sevents,localpool,test_orchestrator,selftest,snap_schedule,mirroring,nfs,mds_autoscaler,insights,hello,\
osd_perf_query,osd_support,iostat,alerts
[osd]
osd_data = {folder}/osd
osd_objectstore = bluestore
bluestore_block_size = 21474836480
bluestore_block_create = true
bluestore_fsck_on_mount = false
osd_class_dir = /usr/lib/x86_64-linux-gnu/rados-classes
bluestore_cache_size = 67108864
osd_memory_target = 939524096
"""
_CLEAN = re.compile(r"(?:[89]|1\d) pgs: \d+ active\+clean;")  # and in no other state


class PrivateCeph(msgspec.Struct):
    """A running cluster, all of whose files are in `folder`; its pool for volumes and their user."""

    folder: Path

    @property
    def conf(self) -> Path:
        """What clients need to know."""
        return self.folder / "ceph.conf"

    @property
    def keyring(self) -> Path:
        """The volumes' user's key."""
        return self.folder / "client.keyring"

    def start(self) -> None:
        """Make and start it; return when the pool can be written to."""
        v1, v2 = _free_port(), _free_port()
        fsid = str(uuid.uuid4())
        self.conf.write_text(_CONF.format(folder=self.folder, host=_HOST, fsid=fsid, v1=v1, v2=v2))
        for name in ("mon", "mgr", "osd"):
            (self.folder / name).mkdir()
        self._make_keys()
        monmap, keyring = str(self.folder / "monmap"), str(self.folder / "keyring")
        address = f"[v2:{_HOST}:{v2},v1:{_HOST}:{v1}]"
        _run("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, monmap)
        self._tool("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keyring)
        self._tool("ceph-mon", "-i", "a")
        self._tool("ceph-mgr", "-i", "x")
        identity = str(uuid.uuid4())
        self._tool("ceph", "osd", "new", identity, "0")
        self._tool("ceph", "auth", "import", "-i", keyring)
        self._tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._tool("ceph-osd", "-i", "0")
        self._tool("ceph", "osd", "pool", "create", POOL, "8")
        self._tool("ceph", "osd", "pool", "application", "enable", POOL, "rbd")
        caps = ("mon", "profile rbd", "osd", f"profile rbd pool={POOL}", "mgr", "profile rbd")
        self._tool("ceph", "auth", "get-or-create", f"client.{USER}", *caps, "-o", str(self.keyring))
        self._wait_until_writable()

    def remove(self) -> None:
        """End it and delete its files."""
        for file in self.folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_keys(self) -> None:
        every = {
            "mon.": ("mon", "allow *"),
            "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *", "mds", "allow *"),
            "mgr.x": ("mon", "allow profile mgr", "osd", "allow *", "mds", "allow *"),
            "osd.0": ("mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"),
        }
        create = ["--create-keyring"]
        for name, caps in every.items():
            pairs = [word for at in range(0, len(caps), 2) for word in ("--cap", *caps[at : at + 2])]
            _run("ceph-authtool", *create, str(self.folder / "keyring"), "--gen-key", "-n", name, *pairs)
            create = []

    def _wait_until_writable(self) -> None:
        deadline = time.monotonic() + 60
        while not _CLEAN.match(said := self._tool("ceph", "pg", "stat")):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)

    def _tool(self, program: str, *words: str) -> str:
        return _run(program, "-c", str(self.conf), *words)


@contextlib.contextmanager
def private_ceph() -> Iterator[PrivateCeph]:
    """Have a cluster for a while."""
    ceph = PrivateCeph(Path(tempfile.mkdtemp(prefix="ceph-")))
    try:
        ceph.start()
        yield ceph
    finally:
        ceph.remove()


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603  programs and paths of our own
        command, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return int(listener.getsockname()[1])
