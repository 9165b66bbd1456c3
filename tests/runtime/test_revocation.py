"""What withdraws a token withdraws it at once, in every service; and access rules bind in every service."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cumulo.runtime.scratch import scratch_cloud

pytestmark = pytest.mark.e2e
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'
I = "/identity/v3"  # noqa: E741  the prefix of most paths here
#: One call to each service that any token may make, by which nothing changes.
PROBES = {
    "identity": f"{I}/auth/projects",
    "compute": "/compute/v2.1/servers",
    "network": "/network/v2.0/networks",
    "image": "/image/v2/images",
    "placement": "/placement/resource_providers",
}


class Cloud:
    """A server with all services, and its administrator."""

    def __init__(self, http: httpx.Client, password: str) -> None:
        self.http = http
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        self.admin = self.token({"password": {"user": user}}, scope)
        roles = self.call("GET", "/roles")["roles"]
        self.roles = {role["name"]: role["id"] for role in roles}
        self.made = 0

    def token(self, method: dict[str, Any], scope: Any = None) -> str:
        auth = {"identity": {"methods": list(method), **method}, **({"scope": scope} if scope else {})}
        answer = self.http.post(f"{I}/auth/tokens", json={"auth": auth})
        assert answer.status_code == 201, answer.text
        return str(answer.headers["X-Subject-Token"])

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"X-Auth-Token": token or self.admin}
        answer = self.http.request(method, f"{I}{path}", json=body, headers=headers)
        assert answer.status_code < 400, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def statuses(self, token: str) -> dict[str, int]:
        """Return what each service answers this token."""
        headers = {"X-Auth-Token": token}
        return {name: self.http.get(path, headers=headers).status_code for name, path in PROBES.items()}


class Somebody:
    """A user with a project in a domain of its own, whose role comes as the case wants it."""

    def __init__(self, cloud: Cloud, *, by_group: bool = False) -> None:
        cloud.made += 1
        self.cloud, name = cloud, f"case-{cloud.made}"
        self.domain = cloud.call("POST", "/domains", {"domain": {"name": name}})["domain"]["id"]
        inside = {"name": name, "domain_id": self.domain}
        self.project = cloud.call("POST", "/projects", {"project": inside})["project"]["id"]
        user = {"user": inside | {"password": "x"}}
        self.user = cloud.call("POST", "/users", user)["user"]["id"]
        self.group = cloud.call("POST", "/groups", {"group": inside})["group"]["id"]
        self.member = f"/groups/{self.group}/users/{self.user}"
        cloud.call("PUT", self.member)
        actor = f"groups/{self.group}" if by_group else f"users/{self.user}"
        self.grant = f"/projects/{self.project}/{actor}/roles/{cloud.roles['member']}"
        cloud.call("PUT", self.grant)
        self.token = cloud.token({"password": {"user": {"id": self.user, "password": "x"}}}, self.scope)
        self.extra = ""  # the path of what the token was got by

    @property
    def scope(self) -> dict[str, Any]:
        return {"project": {"id": self.project}}

    def by_application_credential(self, **wanted: Any) -> "Somebody":
        path = f"/users/{self.user}/application_credentials"
        body = {"application_credential": {"name": "app", "secret": "s", **wanted}}
        made = self.cloud.call("POST", path, body, self.token)["application_credential"]["id"]
        self.token = self.cloud.token({"application_credential": {"id": made, "secret": "s"}})
        self.extra = f"{path}/{made}"
        return self

    def by_trust(self) -> "Somebody":
        other = Somebody(self.cloud)
        trust = {
            "trustor_user_id": self.user,
            "trustee_user_id": other.user,
            "project_id": self.project,
            "impersonation": False,
            "roles": [{"name": "member"}],
        }
        made = self.cloud.call("POST", "/OS-TRUST/trusts", {"trust": trust}, self.token)["trust"]["id"]
        proof = {"password": {"user": {"id": other.user, "password": "x"}}}
        self.token = self.cloud.token(proof, {"OS-TRUST:trust": {"id": made}})
        self.extra = f"/OS-TRUST/trusts/{made}"
        return self

    def change(self, method: str, path: str, body: Any = None) -> None:
        self.cloud.call(method, path, body)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with scratch_cloud("revoked", SETTINGS) as state:
        line = next(line for line in state.config.read_text().splitlines() if line.startswith("port"))
        url = f"http://127.0.0.1:{line.partition('=')[2].strip()}"
        with httpx.Client(base_url=url, timeout=60) as http:
            yield Cloud(http, state.admin_password.read_text().strip())


Make = Callable[[Cloud], Somebody]
Change = Callable[[Somebody], None]
OFF = {"enabled": False}


@pytest.mark.parametrize(
    ("make", "change"),
    [
        pytest.param(
            Somebody, lambda who: who.change("PATCH", f"/users/{who.user}", {"user": OFF}), id="user disabled"
        ),
        pytest.param(Somebody, lambda who: who.change("DELETE", f"/users/{who.user}"), id="user deleted"),
        pytest.param(
            Somebody,
            lambda who: who.change("PATCH", f"/users/{who.user}", {"user": {"password": "y"}}),
            id="password changed",
        ),
        pytest.param(Somebody, lambda who: who.change("DELETE", who.grant), id="role removed"),
        pytest.param(
            Somebody,
            lambda who: who.change("PATCH", f"/projects/{who.project}", {"project": OFF}),
            id="project disabled",
        ),
        pytest.param(
            Somebody,
            lambda who: who.change("PATCH", f"/domains/{who.domain}", {"domain": OFF}),
            id="domain disabled",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud, by_group=True),
            lambda who: who.change("DELETE", who.member),
            id="group membership removed",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud, by_group=True),
            lambda who: who.change("DELETE", f"/groups/{who.group}"),
            id="group deleted",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud).by_application_credential(),
            lambda who: who.change("DELETE", who.extra),
            id="application credential deleted",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud).by_application_credential(),
            lambda who: who.change("DELETE", who.grant),
            id="role of an application credential removed",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud).by_trust(),
            lambda who: who.change("DELETE", who.extra),
            id="trust deleted",
        ),
        pytest.param(
            lambda cloud: Somebody(cloud).by_trust(),
            lambda who: who.change("PATCH", f"/users/{who.user}", {"user": OFF}),
            id="trustor disabled",
        ),
    ],
)
def test_a_token_that_was_withdrawn_is_refused_by_every_service_at_once(
    cloud: Cloud, make: Make, change: Change
) -> None:
    who = make(cloud)
    assert 401 not in cloud.statuses(who.token).values()
    change(who)
    assert cloud.statuses(who.token) == dict.fromkeys(PROBES, 401)


def test_a_revoked_token_is_refused_by_every_service_at_once(cloud: Cloud) -> None:
    who = Somebody(cloud)
    cloud.statuses(who.token)
    headers = {"X-Auth-Token": who.token, "X-Subject-Token": who.token}
    assert cloud.http.delete(f"{I}/auth/tokens", headers=headers).status_code == 204
    assert cloud.statuses(who.token) == dict.fromkeys(PROBES, 401)


@pytest.mark.parametrize("service", [name for name in PROBES if name != "placement"])
def test_access_rules_open_one_call_of_one_service_and_no_other(cloud: Cloud, service: str) -> None:
    path = PROBES[service].removeprefix(f"/{service}")
    rule = {"service": service, "method": "GET", "path": path}
    who = Somebody(cloud).by_application_credential(access_rules=[rule])
    allowed = {name: 200 if name == service else 403 for name in PROBES}
    assert cloud.statuses(who.token) == allowed
    headers = {"X-Auth-Token": who.token, "OpenStack-API-Version": "compute 2.90"}
    where = PROBES[service]
    assert cloud.http.get(where, headers=headers).status_code == 200  # by whichever microversion
    assert cloud.http.get(f"{where}?limit=1", headers=headers).status_code == 200
    for other in (f"{where}/x", f"/{service}//{path.lstrip('/')}", f"{where}%2Fx"):
        assert cloud.http.get(other, headers=headers).status_code == 403, other
    assert cloud.http.delete(where, headers=headers).status_code in (403, 405)
    assert cloud.http.get("/image/v2/schemas/image", headers=headers).status_code == 403


def test_access_rules_know_a_service_by_each_of_its_types_and_by_no_others(cloud: Cloud) -> None:
    found = {}
    for kind in ("block-storage", "volumev3", "compute"):
        rule = {"service": kind, "method": "GET", "path": "/v3/types"}
        who = Somebody(cloud).by_application_credential(access_rules=[rule])
        answer = cloud.http.get("/volume/v3/types", headers={"X-Auth-Token": who.token})
        found[kind] = answer.status_code
    assert found == {"block-storage": 200, "volumev3": 200, "compute": 403}
