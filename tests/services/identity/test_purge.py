"""Purging projects: what goes in which order, what is refused, what is left when something does not go."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from tests.services.identity.conftest import Api

from cumulo.contracts.ownership import Owned, Owners, Stage
from cumulo.core.db import Database, Reader
from cumulo.core.errors import Conflict
from cumulo.core.tasks import Tasks, show_operation
from cumulo.core.work import Work
from cumulo.services.identity.model import Project
from cumulo.services.identity.ownership import GrantsOwned
from cumulo.services.identity.purge import PurgeProject, clearing
from cumulo.testing.saga import check_saga

_LOOKS = 3  # at something slow until it is gone


class Shop:
    """A service that forgets what projects own at once, later or not at all."""

    def __init__(self) -> None:
        self.things: dict[str, list[Owned]] = {}
        self.gone: list[str] = []
        self.refusing: dict[str, str] = {}
        self.slow: dict[str, int] = {}
        self.failing: dict[str, str] = {}

    def give(self, project_id: str, *things: Owned) -> None:
        self.things.setdefault(project_id, []).extend(things)

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        del db
        kept = []
        for thing in self.things.get(project_id, ()):
            if thing.leaving:
                self.slow[thing.id] -= 1
            if thing.leaving and self.slow[thing.id] <= 0:
                self.gone.append(thing.id)
                continue
            kept.append(thing)
        self.things[project_id] = kept
        return list(kept)

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        del work
        held = self.things.get(project_id, [])
        if thing.id in self.refusing:
            raise Conflict(self.refusing[thing.id])
        for place, each in enumerate(held):
            if each.id != thing.id or each.leaving:
                continue
            if thing.id in self.slow:
                held[place] = msgspec.structs.replace(each, leaving=True)
            elif thing.id in self.failing:
                held[place] = msgspec.structs.replace(each, problem=self.failing[thing.id])
            else:
                del held[place]
                self.gone.append(thing.id)
            return


def owned(stage: Stage, *ids: str) -> list[Owned]:
    return [Owned(stage=stage, kind="thing", id=id_, name=id_.upper()) for id_ in ids]


EVERYTHING = [
    *owned(Stage.SETTINGS, "access"),
    *owned(Stage.NETWORKS, "net"),
    *owned(Stage.STORAGE, "disk"),
    *owned(Stage.SERVERS, "vm"),
    *owned(Stage.COMPOSITIONS, "stack"),
]


@pytest.fixture
def shop(identity: Any) -> Shop:
    made = Shop()
    identity.cloud.bindings[Owners] = Owners({"shop": made, "identity": GrantsOwned()})
    return made


class Purger:
    """Purges as a user and looks at what became of it."""

    def __init__(self, identity: Any, api: Any) -> None:
        self.identity, self.api = identity, api

    async def __call__(self, project: str, status: int = 202, **how: bool) -> Any:
        answer = await self.api.post(f"/OS-CUMULO/projects/{project}/purge", how, status)
        return answer["purge"] if status in (200, 202) else answer["error"]["message"]

    async def whole(self, project: str, **how: bool) -> Any:
        """Purge to the end; return the operation."""
        promised = await self(project, **how)
        await self.identity.cloud.settle()
        return await self.operation(promised["operation_id"])

    async def operation(self, id_: str) -> Any:
        async with self.identity.database.read() as db:
            return await show_operation(db, id_)


@pytest.fixture
def purge(identity: Any, admin: Any) -> Purger:
    return Purger(identity, admin)


@pytest.fixture
async def project(admin: Any) -> str:
    return await a_project(admin, "doomed")


async def a_project(admin: Any, name: str, **values: Any) -> str:
    made = await admin.post("/projects", {"project": {"name": name, **values}})
    return str(made["project"]["id"])


async def test_a_dry_run_says_what_would_go_in_which_order(shop: Shop, purge: Purger, project: str) -> None:
    shop.give(project, *EVERYTHING)
    found = await purge(project, 200, dry_run=True)
    assert found["projects"] == [{"id": project, "name": "doomed"}]
    assert [thing["id"] for thing in found["owned"]] == ["stack", "vm", "disk", "net", "access"]
    assert found["owned"][1] == {
        "service": "shop",
        "project_id": project,
        "stage": "servers",
        "kind": "thing",
        "id": "vm",
        "name": "VM",
        "leaving": False,
    }
    kept = await purge(project, 200, dry_run=True, keep_project=True)
    assert [thing["id"] for thing in kept["owned"]] == ["stack", "vm", "disk", "net"]
    await purge.identity.cloud.settle()
    assert shop.gone == []
    assert (await purge.api.get(f"/projects/{project}"))["project"]["enabled"]


async def test_everything_goes_stage_by_stage_and_then_the_project(
    shop: Shop, purge: Purger, project: str
) -> None:
    shop.give(project, *EVERYTHING)
    shop.give("other", *owned(Stage.SERVERS, "others"))
    shop.slow = {"vm": _LOOKS}
    done = await purge.whole(project)
    assert done["state"] == "done", done
    assert shop.gone == ["stack", "vm", "disk", "net", "access"]
    assert [thing.id for thing in shop.things["other"]] == ["others"]
    await purge.api.get(f"/projects/{project}", 404)
    (servers,) = [step for step in done["steps"] if step["name"] == "remove_servers"]
    assert servers["progress"] == "1 of 1 gone"


async def test_a_project_that_is_kept_keeps_its_settings_and_is_enabled_again(
    identity: Any, shop: Shop, purge: Purger
) -> None:
    project = (await identity.user("ann", "member"))["default_project_id"]
    shop.give(project, *EVERYTHING)
    assert (await purge.whole(project, keep_project=True))["state"] == "done"
    assert shop.gone == ["stack", "vm", "disk", "net"]
    assert (await purge.api.get(f"/projects/{project}"))["project"]["enabled"]
    await identity.client("ann", "ann")
    await purge.api.patch(f"/projects/{project}", {"project": {"enabled": False}})
    assert (await purge.whole(project, keep_project=True))["state"] == "done"
    assert not (await purge.api.get(f"/projects/{project}"))["project"]["enabled"]


async def test_tokens_for_the_project_end_before_anything_goes(identity: Any, shop: Shop, purge: Purger):
    user = await identity.user("ann", "member")
    own = await identity.client("ann", "ann")
    project = user["default_project_id"]
    shop.give(project, *owned(Stage.SERVERS, "vm"))
    shop.refusing["vm"] = "the host is on fire"
    await purge.whole(project)
    await own.get("/auth/projects", 401)


async def test_what_does_not_go_is_told_with_the_reason_and_the_rest_goes(
    shop: Shop, purge: Purger, project: str
) -> None:
    shop.give(project, *EVERYTHING)
    shop.refusing = {"disk": "Disk disk is used by project p2."}
    failed = await purge.whole(project)
    assert failed["state"] == "failed"
    assert failed["public_error"] == (
        "1 thing could not be removed, and the project stays disabled: "
        "thing DISK (disk): Disk disk is used by project p2"
    )
    assert shop.gone == ["stack", "vm", "net"]
    assert not (await purge.api.get(f"/projects/{project}"))["project"]["enabled"]
    shop.refusing.clear()
    assert (await purge.whole(project))["state"] == "done"
    assert shop.gone == ["stack", "vm", "net", "disk", "access"]
    await purge.api.get(f"/projects/{project}", 404)


async def test_nothing_is_taken_from_a_server_that_stays(shop: Shop, purge: Purger, project: str) -> None:
    shop.give(project, *EVERYTHING)
    shop.failing = {"vm": "its host does not answer"}
    failed = await purge.whole(project)
    assert failed["public_error"].endswith("thing VM (vm): its host does not answer")
    assert shop.gone == ["stack"]


async def test_what_is_in_the_way_at_first_goes_in_the_end(shop: Shop, purge: Purger, project: str) -> None:
    shop.give(project, *owned(Stage.STORAGE, "disk"), *owned(Stage.NETWORKS, "net"))
    shop.refusing["disk"] = "in use by net"
    take = shop.remove

    async def remove(work: Work, project_id: str, thing: Owned) -> None:
        await take(work, project_id, thing)
        shop.refusing.clear()

    shop.remove = remove  # type: ignore[method-assign]
    assert (await purge.whole(project))["state"] == "done"
    assert shop.gone == ["net", "disk"]


async def test_a_purge_gives_its_place_to_others_while_it_waits(
    shop: Shop, purge: Purger, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "TURN", 0.0)
    shop.give(project, *EVERYTHING)
    shop.slow = {"vm": 2 * _LOOKS}
    done = await purge.whole(project)
    assert done["state"] == "done"
    (servers,) = [step for step in done["steps"] if step["name"] == "remove_servers"]
    assert servers["retries"] >= _LOOKS


async def test_what_never_ends_is_given_up_in_the_end(
    shop: Shop, purge: Purger, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "TURN", 0.0)
    monkeypatch.setattr(PurgeProject.parts["remove_servers"], "retries", _LOOKS)
    shop.give(project, *EVERYTHING)
    shop.slow = {"vm": 1_000_000}
    failed = await purge.whole(project)
    assert failed["public_error"] == "not everything is gone yet: thing VM (vm): its removal is under way"
    assert shop.gone == ["stack"]


async def test_a_long_list_of_what_is_left_is_cut(shop: Shop, purge: Purger, project: str) -> None:
    many = [f"n{number}" for number in range(25)]
    shop.give(project, *owned(Stage.NETWORKS, *many))
    shop.refusing = dict.fromkeys(many, "no")
    failed = await purge.whole(project)
    assert failed["public_error"].startswith("25 things could not be removed")
    assert failed["public_error"].endswith("; and 5 more")


async def test_projects_below_are_purged_only_when_that_is_asked_for(
    shop: Shop, purge: Purger, project: str
) -> None:
    child = await a_project(purge.api, "child", parent_id=project)
    leaf = await a_project(purge.api, "leaf", parent_id=child)
    shop.give(leaf, *owned(Stage.SERVERS, "vm"))
    assert "child, leaf" in await purge(project, 403)
    found = await purge(project, 200, dry_run=True, recursive=True)
    assert [each["id"] for each in found["projects"]] == [project, child, leaf]
    assert (await purge.whole(project, recursive=True, keep_project=True))["state"] == "done"
    for each in (project, child, leaf):
        assert (await purge.api.get(f"/projects/{each}"))["project"]["enabled"]
    assert (await purge.whole(project, recursive=True))["state"] == "done"
    for each in (project, child, leaf):
        await purge.api.get(f"/projects/{each}", 404)
    assert shop.gone == ["vm"]


async def test_what_must_not_be_purged_is_refused(shop: Shop, purge: Purger, admin: Any) -> None:
    own = (await admin.get("/projects?name=admin"))["projects"][0]["id"]
    shop.give(own, *EVERYTHING)
    assert "token" in await purge(own, 403)
    await purge(own, 200, dry_run=True)
    assert "is a domain" in await purge("default", 403)
    await purge("nowhere", 404)
    fixed = await a_project(admin, "fixed", options={"immutable": True})
    await purge(fixed, 403, keep_project=True)
    assert shop.gone == []


async def test_a_second_purge_of_a_project_waits_for_the_first(
    shop: Shop, purge: Purger, project: str
) -> None:
    shop.give(project, *owned(Stage.SERVERS, "vm"))
    shop.slow = {"vm": 1_000_000}
    await purge(project)
    assert "under way" in await purge(project, 409)
    shop.slow = {"vm": 1}
    await purge.identity.cloud.settle()
    await purge.api.get(f"/projects/{project}", 404)


async def test_only_those_purge_who_may_delete_the_project(
    identity: Any, shop: Shop, admin: Any, project: str
) -> None:
    shop.give(project, *EVERYTHING)
    user = await identity.user("ann", "member")
    await Purger(identity, await identity.client("ann", "ann"))(project, 403)
    domain = (await admin.post("/domains", {"domain": {"name": "d"}}))["domain"]["id"]
    manager = await identity.role("manager")
    await admin.put(f"/domains/{domain}/users/{user['id']}/roles/{manager}")
    theirs = await a_project(admin, "theirs", domain_id=domain)
    of_domain = Purger(identity, await of_a_domain(identity, "ann", domain))
    await of_domain(project, 403)
    await of_domain(theirs, 200, dry_run=True)
    assert (await of_domain.whole(theirs))["state"] == "done"


async def of_a_domain(identity: Any, name: str, domain: str) -> Api:
    user = {"name": name, "domain": {"id": "default"}, "password": name}
    methods = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": methods, "scope": {"domain": {"id": domain}}}}
    answer = await identity.http.post("/identity/v3/auth/tokens", json=body)
    return Api(identity.cloud.client(answer.headers["X-Subject-Token"]))


async def test_what_comes_up_at_the_very_end_is_told(shop: Shop, purge: Purger, project: str) -> None:
    look, looks = shop.owned, 0

    async def owned_late(db: Reader, project_id: str) -> list[Owned]:
        nonlocal looks
        looks += 1
        if (
            looks == len(Stage) + 5
        ):  # each stage looked, the sweep looked at four again: this is the last step
            shop.give(project_id, *owned(Stage.SERVERS, "late"))
        return await look(db, project_id)

    shop.owned = owned_late  # type: ignore[method-assign]
    failed = await purge.whole(project)
    assert failed["public_error"].endswith("thing LATE (late): it came up meanwhile")


async def test_a_purge_survives_anything(identity: Any, shop: Shop, database: Database) -> None:
    bindings = identity.cloud.bindings
    await identity.cloud.tasks.stop()

    def make_tasks() -> Tasks:
        tasks = bindings[Tasks] = Tasks(database, sagas=[PurgeProject], bindings=bindings)
        return tasks

    async def prepare() -> None:
        shop.things, shop.gone = {"p": list(EVERYTHING)}, []
        shop.slow = {"vm": _LOOKS}
        async with database.begin() as db:
            await db.delete(Project, Project.c.id == "p")
            project = Project(id="p", name="p", domain_id="default", parent_id="default")
            await db.insert(project)

    async def clean(succeeded: bool) -> None:
        async with database.read() as db:
            row = await db.get(Project, "p")
        assert (row is None) == succeeded
        assert row is None or not row.enabled or not shop.gone
        assert not succeeded or in_order(shop.gone)

    await check_saga(make_tasks, lambda: PurgeProject("p"), prepare, clean)


def in_order(gone: Iterable[str]) -> bool:
    return list(gone) == ["stack", "vm", "disk", "net", "access"]
