"""List the installed Tempest's tests as JSON lines: id, service, kind, whether it is a smoke test.

Run by the Python of Tempest's environment, with TEMPEST_CONFIG_DIR set. The kind says what a test needs
of a cloud: `api` answers only, `server` a server that gets ACTIVE, `guest` a booted guest to log in to. It
is read off the names that the test, its set-up and the methods they call mention: a good guess, not a proof.
"""

import ast
import functools
import inspect
import json
import os
import re
import sys
import textwrap
import unittest
from collections.abc import Callable, Iterator
from typing import Any

SET_UP = ("setUp", "setup_clients", "resource_setup")
GUEST = frozenset(
    [
        "RemoteClient",
        "check_network_internal_connectivity",
        "check_public_network_connectivity",
        "check_remote_connectivity",
        "check_servers_hostnames",
        "check_tenant_network_connectivity",
        "check_vm_connectivity",
        "create_remote_client",
        "create_timestamp",
        "create_webserver",
        "exec_command",
        "get_file_md5",
        "get_remote_client",
        "get_server_port_id_and_ip4",
        "get_timestamp",
        "nc_client",
        "nc_listen",
        "ping_ip_address",
        "ssh_client",
        "wait_for_guest_os_ready",
        "SSHABLE",
    ]
)
SERVER = frozenset(
    [
        "_boot_instance",
        "_create_server",
        "boot_instance",
        "boot_instance_from_resource",
        "create_multinic_server",
        "create_server",
        "create_servers",
        "create_test_server",
        "create_test_server_group",
    ]
)
SERVICES = (
    (r"tempest\.api\.compute|tempest\.serial_tests", "compute"),
    (r"tempest\.api\.identity", "identity"),
    (r"tempest\.api\.image", "image"),
    (r"tempest\.api\.network", "network"),
    (r"tempest\.api\.object_storage", "object-store"),
    (r"tempest\.api\.volume", "volume"),
    (r"tempest\.scenario", "scenario"),
    (r"neutron_tempest_plugin\.", "network"),
)
FOREIGN = ("builtins", "fixtures", "testtools", "unittest")


@functools.cache
def mentions(function: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return all names and texts in a function's source, and those it calls on `self`, `cls` or `super()`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return frozenset(), frozenset()
    names: set[str] = set()
    called: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
            owner = node.value.func if isinstance(node.value, ast.Call) else node.value
            if isinstance(owner, ast.Name) and owner.id in {"self", "cls", "super"}:
                called.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return frozenset(names), frozenset(called)


def definitions(case: type, name: str) -> Iterator[Callable[..., Any]]:
    """Yield each function of this name along the class's ancestry, the frameworks' apart."""
    for ancestor in case.__mro__:
        found = ancestor.__dict__.get(name)
        if found is None or ancestor.__module__.startswith(FOREIGN):
            continue
        plain = getattr(found, "__func__", getattr(found, "fget", found))
        if inspect.isfunction(plain):
            yield inspect.unwrap(plain)


@functools.cache
def reached(case: type, start: str) -> frozenset[str]:
    """Return all that the method `start`, and every method it leads to, mention."""
    seen: set[str] = set()
    waiting = [start]
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for function in definitions(case, name):
            mentioned, called = mentions(function)
            names |= mentioned
            waiting.extend(called)
    return frozenset(names)


def kind_of(case: type, method: str) -> str:
    """Say what a test needs of a cloud."""
    names = frozenset().union(*(reached(case, name) for name in (*SET_UP, method)))
    if names & GUEST:
        return "guest"
    return "server" if names & SERVER else "api"


def flatten(suite: Any) -> Iterator[unittest.TestCase]:
    """Yield the tests of a suite of suites."""
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from flatten(entry)
        else:
            yield entry


def main() -> None:
    """Write the list to standard output."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the suite logs to standard output while it loads
    from tempest.test_discover import test_discover  # noqa: PLC0415  it logs as it is imported

    for test in flatten(test_discover.load_tests(unittest.TestLoader(), None, None)):
        identifier = test.id()
        if "FailedTest" in type(test).__name__:
            sys.stderr.write(f"does not load: {identifier}\n")
            continue
        service = next((name for pattern, name in SERVICES if re.match(pattern, identifier)), "other")
        tags = re.search(r"\[(.*?)\]", identifier)
        row = {
            "id": identifier,
            "service": service,
            "kind": kind_of(type(test), test._testMethodName),  # noqa: SLF001  unittest's only name for it
            "smoke": "smoke" in (tags[1].split(",") if tags else ()),
        }
        out.write(json.dumps(row) + "\n")
    out.close()


if __name__ == "__main__":
    main()
