"""No password, token, secret or key comes up in a log, an error, a metric or a column in the clear."""

import asyncio
import base64
import secrets
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from tests.runtime.planted import Gardener, Plants, form, in_rows, in_sqlite, oauth_header

from cumulo.runtime.cli import main
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.state import StateFolder
from cumulo.services.identity.domain import totp
from cumulo.testing.database import Cluster

pytestmark = pytest.mark.e2e
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n[log]\nlevel = "DEBUG"\nstyle = "json"\n'
I = "/identity/v3"  # noqa: E741  the prefix of most paths here
DEFAULT = {"id": "default"}
#: Guests read it as it is: it is what its owner chose to give them, and nova keeps it likewise.
FOR_GUESTS = "user data"


class Garden(Gardener):
    """What is planted, service by service."""

    def url(self, path: str) -> str:
        return str(self.http.base_url).rstrip("/") + path

    def begin(self, password: str) -> None:
        self.plants.known("the first password", password)
        scope = {"project": {"name": "admin", "domain": DEFAULT}}
        answer = self.login({"name": "admin", "domain": DEFAULT, "password": password}, scope)
        self.token = answer.headers["X-Subject-Token"]
        self.me = answer.json()["token"]["user"]["id"]
        self.project = answer.json()["token"]["project"]["id"]

    def passwords(self) -> None:
        first, second, third, wrong = (self.plants.new("password") for _ in range(4))
        user = {"name": "ann", "password": first}
        self.user = self.done("POST", f"{I}/users", {"user": user})["user"]["id"]
        self.done("PATCH", f"{I}/users/{self.user}", {"user": {"password": second}})
        change = {"user": {"original_password": second, "password": third}}
        self.done("POST", f"{I}/users/{self.user}/password", change)
        assert self.call("POST", f"{I}/users/{self.user}/password", change).status_code == 401
        assert self.login({"id": self.user, "password": third}).status_code == 201
        assert self.login({"id": self.user, "password": wrong}).status_code == 401
        assert self.login({"name": wrong, "domain": DEFAULT, "password": wrong}).status_code == 401
        # Bodies that are refused must not come back with what is in them.
        for bad in ({"name": 1, "password": wrong}, {"name": "x", "password": [wrong]}):
            assert self.call("POST", f"{I}/users", {"user": bad}).status_code == 400
        assert self.login({"id": self.user, "password": {"x": wrong}}).status_code == 400
        self.password = third

    def proofs(self) -> None:
        seed = base64.b32encode(secrets.token_bytes(20)).decode()
        self.plants.known("TOTP seed", seed)
        self.done("POST", f"{I}/credentials", says=[seed], body={
            "credential": {"type": "totp", "blob": seed, "user_id": self.user}})  # fmt: skip
        rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
        self.done("PATCH", f"{I}/users/{self.user}", {"user": {"options": rules}})
        assert "Openstack-Auth-Receipt" in self.login({"id": self.user, "password": self.password}).headers
        user = {"id": self.user, "passcode": "000000"}
        totp_proof = {"totp": {"user": user}}
        assert (
            self.login({"id": self.user, "password": self.password}, None, "totp", **totp_proof).status_code
            == 401
        )
        assert len(totp.code(seed, 1)) == 6

    def credentials(self) -> None:
        blob = self.plants.new("certificate")
        self.done(
            "POST", f"{I}/credentials", says=[blob], body={"credential": {"type": "cert", "blob": blob}}
        )
        answer = self.call("POST", f"{I}/users/{self.me}/credentials/OS-EC2", {"tenant_id": self.project})
        self.ec2 = answer.json()["credential"]
        self.plants.known("EC2 secret", self.ec2["secret"])
        signed = {"access": self.ec2["access"], "signature": self.plants.new("signature"), "host": "x",
                  "verb": "GET", "path": "/", "params": {"SignatureVersion": "2"}}  # fmt: skip
        for path in ("ec2tokens", "s3tokens"):
            assert self.call("POST", f"{I}/{path}", {"credentials": signed}).status_code in (400, 401, 403)
        chosen = self.plants.new("application credential")
        path = f"{I}/users/{self.me}/application_credentials"
        wanted = {"application_credential": {"name": "app", "secret": chosen}}
        made = self.done("POST", path, wanted, says=[chosen])["application_credential"]
        for secret, status in ((chosen, 201), (self.plants.new("application credential"), 401)):
            proof = {"methods": ["application_credential"],
                     "application_credential": {"id": made["id"], "secret": secret}}  # fmt: skip
            answer = self.call("POST", f"{I}/auth/tokens", {"auth": {"identity": proof}}, X_Auth_Token="")
            assert answer.status_code == status

    def oauth(self) -> None:
        made = self.call("POST", f"{I}/OS-OAUTH1/consumers", {"consumer": {}}).json()["consumer"]
        keys = (made["id"], self.plants.known("consumer secret", made["secret"]))
        path = f"{I}/OS-OAUTH1/request_token"
        header = oauth_header(self.url(path), keys, oauth_callback="oob")
        answer = self.call("POST", path, Authorization=header, Requested_Project_Id=self.project)
        request = form(answer)
        self.plants.known("request secret", request["oauth_token_secret"])
        roles = {"roles": [{"id": self.done("GET", f"{I}/roles?name=admin")["roles"][0]["id"]}]}
        grant = self.call("PUT", f"{I}/OS-OAUTH1/authorize/{request['oauth_token']}", roles).json()
        verifier = self.plants.known("verifier", grant["token"]["oauth_verifier"])
        path = f"{I}/OS-OAUTH1/access_token"
        pair = (request["oauth_token"], request["oauth_token_secret"])
        url = self.url(path)
        answer = self.call("POST", path, Authorization=oauth_header(url, keys, pair, oauth_verifier=verifier))
        self.plants.known("access secret", form(answer)["oauth_token_secret"])

    def tokens_in_odd_places(self) -> None:
        for path in ("/identity/v2.0/tokens/{}", f"{I}/auth/tokens/{{}}", f"{I}/OS-OAUTH1/consumers/{{}}",
                     "/compute/v2.1/servers/{}", "/network/v2.0/ports?token={}", "/nothing/{}"):  # fmt: skip
            for method in ("GET", "DELETE"):
                answer = self.call(method, path.format(self.token), says=[self.token])
                assert answer.status_code >= 400 or "?" in path
        for subject in (self.token, self.plants.new("token that is none")):
            self.call("GET", f"{I}/auth/tokens", X_Subject_Token=subject)
            self.call("GET", f"{I}/auth/projects", X_Auth_Token=subject)

    def servers(self) -> None:
        key = self.call("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": "k"}}).json()["keypair"]
        for line in key["private_key"].split("\n")[2:-3]:
            self.plants.known("private key", line.strip())
        network = self.done("POST", "/network/v2.0/networks", {"network": {"name": "n"}})["network"]["id"]
        subnet = {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}
        self.done("POST", "/network/v2.0/subnets", {"subnet": subnet})
        flavor = self.done("GET", "/compute/v2.1/flavors")["flavors"][0]["id"]
        image = self.image()
        admin_pass = self.plants.new("adminPass")
        data = base64.b64encode(self.plants.new(FOR_GUESTS).encode()).decode()
        body = {"name": "s", "flavorRef": flavor, "imageRef": image, "networks": [{"uuid": network}],
                "adminPass": admin_pass, "user_data": data, "key_name": "k"}  # fmt: skip
        made = self.done("POST", "/compute/v2.1/servers", {"server": body}, says=[admin_pass])["server"]
        path = f"/compute/v2.1/servers/{made['id']}"
        self.done("GET", path)
        console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        answer = self.call("POST", f"{path}/remote-consoles", console, OpenStack_API_Version="compute 2.6")
        if answer.status_code == 200:
            token = answer.json()["remote_console"]["url"].partition("token")[2].strip("=%3D")
            self.plants.known("console token", token)
        bad = self.plants.new("adminPass of a bad body")
        self.call("POST", "/compute/v2.1/servers", {"server": body | {"name": [], "adminPass": bad}})
        self.call("POST", f"{path}/action", {"changePassword": {"adminPass": bad}})

    def image(self) -> str:
        described = {"name": "i", "disk_format": "raw", "container_format": "bare"}
        made = str(self.done("POST", "/image/v2/images", described)["id"])
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/octet-stream"}
        sent = self.http.put(f"/image/v2/images/{made}/file", content=b"x" * 4096, headers=headers)
        assert sent.status_code == 204
        return made

    def harvest(self) -> None:
        """Look at what the cloud tells of itself."""
        self.done("POST", f"{I}/OS-CUMULO/keys/rotate", {})
        for path in ("/metrics", "/operations", f"{I}/OS-CUMULO/audit/events?limit=1000", f"{I}/users",
                     "/compute/v2.1/servers/detail", "/compute/v2.1/os-keypairs",
                     "/readyz", f"{I}/OS-OAUTH1/consumers"):  # fmt: skip
            self.plants.look(path, self.http.get(path, headers={"X-Auth-Token": self.token}).content)


@pytest.fixture(params=["sqlite", "postgresql"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server process with a log at its most talkative; the plants; the URL of its database."""
    plants, url = Plants(), ""
    settings = SETTINGS
    if request.param == "postgresql":
        cluster: Cluster | None = request.getfixturevalue("postgresql")
        if cluster is None:
            pytest.skip("no PostgreSQL server on this machine")
        url = cluster.url(asyncio.run(cluster.new()))
        secret = plants.new("the database's password")
        settings += f'[database]\nurl = "{url.replace("postgres@", f"postgres:{secret}@")}"\n'
    with scratch_cloud("planted", settings) as state:
        yield state, plants, url


async def columns(plants: Plants, url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        rows = await connection.fetch(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608  our own
        in_rows(plants, table, [row for (row,) in rows])
    await connection.close()


def test_no_planted_secret_comes_up_again(
    cloud: tuple[StateFolder, Plants, str], capsys: pytest.CaptureFixture[str]
) -> None:
    state, plants, url = cloud
    garden = Garden(f"http://127.0.0.1:{_port(state)}", plants)
    with garden.http:
        _plant(garden, state)
    assert main(["--state", str(state.path), "audit", "-n", "1000"]) == 0
    told = capsys.readouterr().out
    plants.look("what `cumulo audit` prints", told.encode())
    # Changes of all services are there, uploads and logins among them.
    for kind in ("image/images/file", "compute/servers", "network/subnets", "identity/auth/tokens"):
        assert kind in told
    assert "failure  authenticate  identity/auth/tokens" in told
    assert "(the password is wrong)" in told
    for log in state.logs.glob("*.log"):
        plants.look(f"{log.name}", log.read_bytes())
    if url:
        asyncio.run(columns(plants, url))
    else:
        in_sqlite(plants, next(state.path.glob("*.db")))
    kept = [f"{what} in compute_servers.user_data" for what in plants.markers if what.startswith(FOR_GUESTS)]
    assert sorted(set(plants.found) - set(kept)) == []
    assert kept, "nothing was planted in a server"
    assert set(kept) <= set(plants.found), "the look at the columns sees nothing"
    assert (state.logs / "server.log").read_text().count('"event":"request"') > len(plants.markers) > 20


def _plant(garden: Garden, state: StateFolder) -> None:
    garden.begin(state.admin_password.read_text().strip())
    for plant in (garden.passwords, garden.proofs, garden.credentials, garden.oauth,
                  garden.tokens_in_odd_places, garden.servers, garden.harvest):  # fmt: skip
        plant()


def test_a_marker_is_found_in_whatever_form() -> None:
    plants = Plants()
    marker = plants.new("x")
    for before in range(4):
        text = b"y" * before + marker.encode() + b"zz"
        for made in (text, base64.b64encode(text), text.hex().encode()):
            plants.found.clear()
            plants.look("here", made)
            assert plants.found == ["x #0 in here"]
    plants.found.clear()
    plants.look("there", b"nothing")
    assert plants.found == []


def _port(state: StateFolder) -> int:
    line = next(line for line in state.config.read_text().splitlines() if line.startswith("port"))
    return int(line.partition("=")[2])
