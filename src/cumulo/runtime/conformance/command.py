"""What `./cumulo test --conformance` does around a run: use the running cloud, or start one just for it."""

import contextlib
from pathlib import Path
from urllib.parse import urlsplit

from cumulo.runtime.conformance.run import HOSTS, Conformance, run
from cumulo.runtime.conformance.web import web_server
from cumulo.runtime.database import kind_of
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of
from cumulo.testing.database import postgresql_cluster

# What the tests of password rules expect; Cumulo's own defaults are off.
SETTINGS = "[identity]\nlockout_failures = 2\nlockout_seconds = 5\nunique_last_passwords = 2\n"
# Tests end servers that have not booted yet, which hear no power button.
SERVERS = "[compute]\nshutdown_timeout = 20\n"
# What the hosts' networks may promise: some ports ask for a little of it, others for too much.
NETWORKS = "[engines]\nbandwidth_egress = 1000000\nbandwidth_ingress = 1000000\npacket_rate = 10000\n"
# Some classes of tests make a router each test and remove them all at the end.
LIMITS = "[quota.limits.network]\nrouter = 100\n"
# Two stores of different weight, and imports from the web server of the run.
IMAGES = """[image]
download_networks = ["127.0.0.0/8"]
download_ports = [{port}]
store_weight = 200
[image.stores.second]
description = "A second folder"
weight = 100
"""
# Two pools: volumes of types that name one go there, and move between them.
VOLUMES = """[volumes.backends.local]
driver = "local"
[volumes.backends.second]
driver = "local"
path = "volumes-second"
"""
DATABASES = ("sqlite", "postgresql")
ROOT = Path(__file__).resolve().parents[4]


def run_conformance(
    suite: str, path: Path, database: str | None = None, json: Path | None = None, hosts: int | None = None
) -> int:
    """Run a suite against the cloud of a state folder when it is up, else against one of its own.

    One on a `database` of DATABASES, or on several `hosts`, is always started just for the run. `hosts`:
    as many as the suite wants when nothing else is said.
    """
    hosts = hosts or HOSTS.get(suite, 1)
    with contextlib.ExitStack() as stack:
        state, web = StateFolder(path), ""
        if database or hosts > 1 or not (state.exists and supervisor_of(state)):
            web = stack.enter_context(web_server())
            settings = (
                SETTINGS + SERVERS + NETWORKS + LIMITS + VOLUMES + IMAGES.format(port=urlsplit(web).port)
            )
            if database == "postgresql":
                cluster = stack.enter_context(postgresql_cluster())
                if cluster is None:
                    raise FileNotFoundError("this machine has no PostgreSQL server")
                settings += f'[database]\nurl = "{cluster.url()}"\n'
            state = stack.enter_context(scratch_cloud("conformance", settings, hosts=hosts))
        wanted = Conformance(
            root=ROOT,
            suite=suite,
            clouds=state.path / "clouds.yaml",
            database=kind_of(runtime_settings(state).database),
            hosts=hosts,
            web=web,
            json=json,
        )
        return run(wanted)
