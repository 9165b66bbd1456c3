"""Each operation over HTTP, in every version that has it; in the others it is not there."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from tests.services.placement.test_api import C1, C2, P1

from cumulo.services.placement import SERVICE

AGGREGATE = "a1111111-1111-4111-8111-111111111111"
GENERATION = "resource_provider_generation"  # as it is when the call is made
VERSIONS = range(40)
Call = tuple[int, str, str, Any, int]  # since which minor version, method, path, body, status


def allocations(minor: int, generation: int | None = None, **resources: int) -> dict[str, Any]:
    """Return a consumer's allocations in the words of a version."""
    held: Any = {P1: {"resources": resources}}
    if minor < 12:
        held = [{"resource_provider": {"uuid": P1}, "resources": resources}]
    body: dict[str, Any] = {"allocations": held}
    if minor >= 8:
        body |= {"project_id": "p1", "user_id": "u1"}
    if minor >= 28:
        body["consumer_generation"] = generation
    if minor >= 38:
        body["consumer_type"] = "INSTANCE"
    return body


def of_providers(minor: int) -> Iterable[Call]:
    """Yield the calls that make a provider and what it has."""
    has = {"VCPU": {"total": 8}, "MEMORY_MB": {"total": 1024}}
    grouped = {"aggregates": [AGGREGATE], GENERATION: 0}
    url = f"/resource_providers/{P1}"
    yield 0, "POST", "/resource_providers", {"name": "host", "uuid": P1}, 200 if minor >= 20 else 201
    yield 0, "GET", "/resource_providers", None, 200
    yield 0, "GET", url, None, 200
    yield 0, "PUT", url, {"name": "host-1"}, 200
    yield 0, "PUT", f"{url}/inventories", {GENERATION: 0, "inventories": has}, 200
    disk = {"resource_class": "DISK_GB", "total": 10, GENERATION: 0}
    yield 0, "POST", f"{url}/inventories", disk, 201
    yield 0, "GET", f"{url}/inventories", None, 200
    yield 0, "GET", f"{url}/inventories/VCPU", None, 200
    yield 0, "PUT", f"{url}/inventories/VCPU", {"total": 16, GENERATION: 0}, 200
    yield 1, "PUT", f"{url}/aggregates", grouped if minor >= 19 else [AGGREGATE], 200
    yield 1, "GET", f"{url}/aggregates", None, 200
    yield 0, "GET", f"{url}/usages", None, 200


def of_names(minor: int) -> Iterable[Call]:
    """Yield the calls about resource classes and traits."""
    traits = {"traits": ["CUSTOM_FAST"], GENERATION: 0}
    url = f"/resource_providers/{P1}/traits"
    yield 2, "POST", "/resource_classes", {"name": "CUSTOM_GOLD"}, 201
    yield 2, "GET", "/resource_classes", None, 200
    yield 2, "GET", "/resource_classes/CUSTOM_GOLD", None, 200
    if minor < 7:
        yield 2, "PUT", "/resource_classes/CUSTOM_GOLD", {"name": "CUSTOM_SILVER"}, 200
        yield 2, "DELETE", "/resource_classes/CUSTOM_SILVER", None, 204
    else:
        yield 7, "PUT", "/resource_classes/CUSTOM_GOLD", None, 204
        yield 7, "PUT", "/resource_classes/CUSTOM_TIN", None, 201
        yield 2, "DELETE", "/resource_classes/CUSTOM_GOLD", None, 204
    yield 6, "PUT", "/traits/CUSTOM_FAST", None, 201
    yield 6, "GET", "/traits", None, 200
    yield 6, "GET", "/traits/CUSTOM_FAST", None, 204
    yield 6, "PUT", url, traits, 200
    yield 6, "GET", url, None, 200


def of_consumers(minor: int) -> Iterable[Call]:
    """Yield the calls that take from the provider, and give back."""
    several = {C2: allocations(minor, VCPU=1)}
    yield 0, "PUT", f"/allocations/{C1}", allocations(minor, VCPU=2), 204
    yield 0, "GET", f"/allocations/{C1}", None, 200
    yield 0, "GET", f"/resource_providers/{P1}/allocations", None, 200
    yield 13, "POST", "/allocations", several, 204
    yield 9, "GET", "/usages?project_id=p1", None, 200
    yield 10, "GET", "/allocation_candidates?resources=VCPU:1", None, 200
    yield 30, "POST", "/reshaper", {"inventories": {}, "allocations": {}}, 204
    yield 0, "DELETE", f"/allocations/{C1}", None, 204
    yield 13, "DELETE", f"/allocations/{C2}", None, 204


def of_ends(minor: int) -> Iterable[Call]:
    """Yield the calls that take away what a provider has, and itself."""
    url = f"/resource_providers/{P1}"
    yield 6, "DELETE", f"{url}/traits", None, 204
    yield 6, "DELETE", "/traits/CUSTOM_FAST", None, 204
    yield 0, "DELETE", f"{url}/inventories/MEMORY_MB", None, 204
    if minor < 5:
        yield 0, "PUT", f"{url}/inventories", {GENERATION: 0, "inventories": {}}, 200
    yield 5, "DELETE", f"{url}/inventories", None, 204
    yield 0, "DELETE", url, None, 204


@pytest.mark.parametrize("minor", VERSIONS)
async def test_every_operation_is_there_in_the_versions_that_have_it(api: httpx.AsyncClient, minor: int):
    headers = {"OpenStack-API-Version": f"placement 1.{minor}"}
    wrong = []
    for part in (of_providers, of_names, of_consumers, of_ends):
        for since, method, path, body, status in part(minor):
            if isinstance(body, dict) and GENERATION in body:
                body[GENERATION] = (await api.get(f"/resource_providers/{P1}")).json()["generation"]
            sent = {} if body is None else {"json": body}
            answer = await api.request(method, path, headers=headers, **sent)
            wanted = {status} if minor >= since else {404, 405}
            if answer.status_code not in wanted:
                wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
    assert wrong == []
    assert (await api.get("/resource_providers")).json()["resource_providers"] == []


def test_every_operation_has_its_call(service_operations: set[tuple[str, str]]):
    made = {
        (method, path.partition("?")[0])
        for part in (of_providers, of_names, of_consumers, of_ends)
        for minor in (1, 39)
        for _, method, path, _, _ in part(minor)
    }
    assert {call for call in service_operations if not any(_fits(call, other) for other in made)} == set()


def _fits(call: tuple[str, str], made: tuple[str, str]) -> bool:
    """Say whether a call is one of an operation, whose path has names in braces."""
    mine, theirs = call[1].split("/"), made[1].split("/")
    same = len(mine) == len(theirs) and all(
        a == b or a.startswith("{") for a, b in zip(mine, theirs, strict=True)
    )
    return call[0] == made[0] and same


@pytest.fixture
def service_operations() -> set[tuple[str, str]]:
    """What placement declares, but the list of its versions."""
    return {(each.method, each.path) for each in SERVICE.operations() if each.path}
