"""The listener from outside: status codes, headers, limits, streams and sockets of a small service."""

import asyncio
from collections import Counter
from typing import Annotated

import pytest
from msgspec import Meta

from cumulo.core.auth import ANYONE, Rule
from cumulo.core.errors import Conflict, Unavailable
from cumulo.core.http import Body, Cors, Ctx, Dialect, Fault, Request, Response, RouteSet, Service
from cumulo.core.microversions import Microversions
from cumulo.testing.cloud import Cloud

TRIES: Counter[str] = Counter()
MET = asyncio.Barrier(2)
RULE = Rule("echo:use", ANYONE, "Use the echo.")
routes = RouteSet()


class Said(Body):
    """What is said."""

    text: Annotated[str, Meta(max_length=5)]


@routes.route("GET", "", policy=None, at_root=True)
async def versions(ctx: Ctx) -> Response:
    """Say which versions there are."""
    return Response(300, {"versions": [ctx.root_url]})


@routes.route("GET", "/echo/{text}", policy=RULE)
async def echo(ctx: Ctx, text: str) -> dict[str, str]:
    """Say it back."""
    del ctx
    return {"echo": text}


@routes.route("POST", "/echo", policy=RULE, status=201, envelope="echo")
async def say(ctx: Ctx, body: Said) -> dict[str, str]:
    """Say it."""
    del ctx
    return {"echo": body.text}


@routes.route("POST", "/fail/{how}", policy=RULE)
async def fail(ctx: Ctx, how: str) -> None:
    """Fail in some way."""
    del ctx
    raise {"conflict": Conflict, "away": Unavailable}.get(how, ZeroDivisionError)


@routes.route("PUT", "/count", policy=RULE, stream=True)
async def count(ctx: Ctx) -> dict[str, int]:
    """Count the bytes of a stream."""
    return {"bytes": sum([len(part) async for part in ctx.request.stream()])}


@routes.route("GET", "/stream", policy=RULE, stream=True)
async def stream(ctx: Ctx) -> Response:
    """Stream a little."""
    del ctx

    async def parts():
        for part in (b"a", b"b", b"c"):
            yield part

    return Response(200, parts(), {"Content-Type": "application/octet-stream"})


@routes.route("POST", "/things/{id}/action", policy=RULE, action="start", status=202)
async def start(ctx: Ctx) -> None:
    """Start a thing."""
    del ctx


@routes.route("POST", "/things/{id}/action", policy=RULE, action="paint", status=202, since="1.2")
async def paint(ctx: Ctx, body: Said) -> dict[str, str]:
    """Paint a thing."""
    return {"painted": ctx.params["id"] + body.text}


@routes.route("POST", "/hold/{first}/{second}", policy=RULE, status=200)
async def hold(ctx: Ctx, first: str, second: str) -> dict[str, int]:
    """Lock one thing and then another, the first time when somebody else has locked one, too."""
    await ctx.db.lock(first)
    TRIES[first] += 1
    if TRIES[first] == 1:
        await MET.wait()
    await ctx.db.lock(second)
    return {"tries": TRIES[first]}


@routes.websocket("/socket")
async def opened(socket) -> None:
    """Send back what comes."""
    await socket.accept("binary")
    while (data := await socket.receive()) is not None:
        await socket.send(data.upper())


def echo_error(fault: Fault):
    return {"oops": {"code": fault.status, "message": fault.message}}


SERVICE = Service(
    name="echo",
    types=("echo",),
    dialect=Dialect(
        path="/echo",
        version_path="/v1",
        project_in_path=True,
        error=echo_error,
        statuses={Conflict: 418},
        request_id_headers=("x-openstack-request-id", "x-echo-request-id"),
        microversions=Microversions("echo", "1.1", "1.5"),
        body_limit=1000,
    ),
    parts=(routes,),
    rules=(RULE,),
)


@pytest.fixture
async def cloud(database):
    await database.create_all()
    async with Cloud([SERVICE], database) as running:
        running.engine.cors = Cors(frozenset({"http://console"}))
        yield running


@pytest.fixture
def member(cloud):
    return cloud.member("p1")


async def test_discovery_needs_no_token(cloud):
    answer = await cloud.anonymous().get("/echo/")
    assert answer.status_code == 300
    assert answer.json() == {"versions": ["http://cloud"]}


async def test_an_unknown_path_is_401_to_a_stranger_and_404_to_a_user(cloud, member):
    assert (await cloud.anonymous().get("/echo/v1/nothing")).status_code == 401
    answer = await member.get("/echo/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["oops"]["code"] == 404


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_who_collides_with_others_in_the_database_is_served_again(member):
    one, other = await asyncio.gather(member.post("/echo/v1/hold/a/b"), member.post("/echo/v1/hold/b/a"))
    assert {one.status_code, other.status_code} == {200}
    assert sorted((one.json()["tries"], other.json()["tries"])) == [1, 2]


async def test_the_wrong_method_says_which_are_right(member):
    answer = await member.delete("/echo/v1/echo")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_head_is_answered_for_every_get_without_a_body(member):
    answer = await member.head("/echo/v1/echo/hello")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(b'{"echo":"hello"}')


async def test_an_encoded_slash_stays_inside_its_segment(member):
    assert (await member.get("/echo/v1/echo/a%2Fb")).json() == {"echo": "a/b"}


async def test_every_answer_carries_its_request_ids(member):
    answer = await member.get("/echo/v1/echo/x")
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.headers["x-echo-request-id"] == answer.headers["x-openstack-request-id"]


async def test_a_bad_body_names_the_field(member):
    long = await member.post("/echo/v1/echo", json={"echo": {"text": "too long"}})
    assert long.status_code == 400
    assert "text" in long.json()["oops"]["message"]
    absent = await member.post("/echo/v1/echo", json={"echo": {}})
    assert "'text' is a required property" in absent.json()["oops"]["message"]
    unwrapped = await member.post("/echo/v1/echo", json={"text": "x"})
    assert "'echo' is a required property" in unwrapped.json()["oops"]["message"]
    assert (await member.post("/echo/v1/echo", content=b"{", headers=JSON)).status_code == 400


JSON = {"Content-Type": "application/json"}


async def test_a_large_body_is_413_and_a_foreign_type_415(member):
    large = await member.post("/echo/v1/echo", content=b"x" * 2000, headers=JSON)
    assert large.status_code == 413
    foreign = await member.post("/echo/v1/echo", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert foreign.status_code == 415


async def test_errors_take_the_dialects_status_and_envelope(member):
    conflict = await member.post("/echo/v1/fail/conflict")
    assert conflict.status_code == 418
    assert (await member.post("/echo/v1/fail/away")).status_code == 503
    bug = await member.post("/echo/v1/fail/bug")
    assert bug.status_code == 500
    assert "Zero" not in bug.text


async def test_streams_pass_both_ways(member):
    async def parts():
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"x" * 5000

    assert (await member.put("/echo/v1/count", content=parts())).json() == {"bytes": 15000}
    assert (await member.get("/echo/v1/stream")).content == b"abc"


async def test_actions_share_a_path_and_are_told_apart_by_their_key(member):
    path = "/echo/v1/things/7/action"
    assert (await member.post(path, json={"start": None})).status_code == 202
    newer = {"OpenStack-API-Version": "echo 1.2"}
    painted = await member.post(path, json={"paint": {"text": "red"}}, headers=newer)
    assert painted.json() == {"painted": "7red"}
    assert (await member.post(path, json={"paint": {"text": "red"}})).status_code == 404
    unknown = await member.post(path, json={"eat": None})
    assert unknown.status_code == 400
    assert "eat" in unknown.json()["oops"]["message"]
    assert (await member.post(path, json={"start": None, "stop": None})).status_code == 400


async def test_a_project_may_stand_in_the_path_if_it_is_the_tokens(member):
    assert (await member.get("/echo/v1/p1/echo/x")).json() == {"echo": "x"}
    assert (await member.get("/echo/v1/p2/echo/x")).status_code == 400


async def test_the_version_is_negotiated_and_said(member):
    answer = await member.get("/echo/v1/echo/x", headers={"OpenStack-API-Version": "echo latest"})
    assert answer.headers["openstack-api-version"] == "echo 1.5"
    refused = await member.get("/echo/v1/echo/x", headers={"OpenStack-API-Version": "echo 1.6"})
    assert refused.status_code == 406


async def test_a_known_origin_may_call_and_a_foreign_one_is_told_nothing(cloud, member):
    asked = {"Origin": "http://console", "Access-Control-Request-Method": "POST"}
    preflight = await cloud.anonymous().options("/echo/v1/echo", headers=asked)
    assert preflight.headers["access-control-allow-origin"] == "http://console"
    answer = await member.get("/echo/v1/echo/x", headers={"Origin": "http://console"})
    assert answer.headers["access-control-allow-origin"] == "http://console"
    foreign = await member.get("/echo/v1/echo/x", headers={"Origin": "http://elsewhere"})
    assert "access-control-allow-origin" not in foreign.headers


async def test_a_websocket_is_opened_by_path(cloud):
    sent, incoming = [], asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    incoming.put_nowait({"type": "websocket.receive", "bytes": b"hello"})
    incoming.put_nowait({"type": "websocket.disconnect"})

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/echo/socket", "headers": [], "query_string": b""}
    await cloud.app(scope, incoming.get, send)
    assert sent == [
        {"type": "websocket.accept", "subprotocol": "binary"},
        {"type": "websocket.send", "bytes": b"HELLO"},
    ]


async def test_the_process_says_that_it_is_well_and_what_it_counts(cloud, member):
    await member.get("/echo/v1/echo/x")
    assert (await cloud.anonymous().get("/healthz")).json() == {"status": "ok"}
    metrics = (await cloud.anonymous().get("/metrics")).text
    assert 'cumulo_http_requests_total{operation="echo",service="echo",status="200"} 1.0' in metrics


async def test_every_service_describes_itself_to_all(cloud):
    answer = await cloud.anonymous().get("/echo/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    described = answer.json()
    assert described["paths"]["/echo/v1/echo"]["post"]["x-policy"] == "echo:use"


async def test_a_body_is_read_no_faster_than_the_handler_takes_it():
    taken = 0

    async def receive():
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x", "more_body": taken < 100}

    request = Request({"path": "/", "headers": []}, receive)
    parts = request.stream()
    await anext(parts)
    assert taken == 1
    await parts.aclose()
