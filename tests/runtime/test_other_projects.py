"""What is another project's is to everybody else like what does not exist: the same answer, word for word."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.runtime.foreign.asking import Question, alike, questions
from tests.runtime.foreign.bodies import Reference, filled, references, searches
from tests.runtime.foreign.estate import PERSONAS, Estate, an_estate, lines, nothing_like
from tests.runtime.world import User, World, running

from cumulo.core.http import Service
from cumulo.runtime.composition import Composition
from cumulo.runtime.services import all_services
from cumulo.runtime.state import StateFolder

BAD, BROKEN, NOT_BUILT = 400, 500, 501
REFUSED = (400, 401, 403, 404)
TOLD = (
    # Whoever has a transfer's id and key may accept it; one with a wrong key is told so, as Cinder does.
    "POST /volume/v3/os-volume-transfer/{transfer_id}/accept",
    "POST /volume/v3/volume-transfers/{transfer_id}/accept",
)
NEWEST = "compute latest, volume latest, placement latest"
OLDEST = "compute 2.1, volume 3.0, placement 1.0"  # which has what later versions gave up
ASKING = [(role, NEWEST) for role in PERSONAS] + [("manager", OLDEST)]


def told(wrong: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {what}" for name, what in sorted(wrong.items()))


class Two:
    """A cloud with two projects that have one of everything each."""

    def __init__(self, cloud: Composition, mine: Estate, theirs: Estate) -> None:
        self.cloud, self.mine, self.theirs = cloud, mine, theirs


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with running(StateFolder(tmp_path), "") as cloud:
        world = await World.of(cloud)
        yield Two(cloud, await an_estate(world, "alice"), await an_estate(world, "bob"))


async def ask(user: User, method: str, path: str, body: object, version: str) -> tuple[int, str]:
    how = {} if body is None else {"json": body}
    headers = {"OpenStack-API-Version": version}
    answer = await user.http.request(method, path, headers=headers, **how)
    return answer.status_code, answer.text


async def betrayal(user: User, question: Question, version: str = NEWEST) -> str:
    """Say how another's thing differs from what does not exist; nothing when it does not."""
    status, text = await ask(user, question.method, question.path, question.body, version)
    twin, twins = await ask(user, question.method, question.twin, question.body, version)
    shown, twins = alike(text, question.stranger), alike(twins, question.nothing)
    if (status, shown) != (twin, twins):
        return f"{status} {shown[:300]!r}, but for what does not exist {twin} {twins[:300]!r}"
    if status >= BROKEN and status != NOT_BUILT:
        return f"{status} {text[:200]}"
    return ""


@pytest.mark.parametrize("service", all_services(), ids=lambda service: service.name)
async def test_in_no_path_is_another_projects_id_other_than_one_of_nothing(two: Two, service: Service):
    before = await lines(two.cloud, two.theirs)
    wrong: dict[str, str] = {}
    for role, version in ASKING:
        for question in questions(service, two.mine, two.theirs):
            found = await betrayal(two.mine.people[role], question, version)
            if found:
                wrong.setdefault(question.operation, f"{role}: {question.path[:150]}: {found}")
    assert not {name: what for name, what in wrong.items() if not name.startswith(TOLD)}, told(wrong)
    assert await lines(two.cloud, two.theirs) == before


def named(reference: Reference, two: Two) -> list[Question]:
    """Return a call as questions: the name of another's thing in it, and of nothing."""
    theirs, mine = two.theirs.ids, two.mine.ids
    nothing = {table: nothing_like(value) for table, value in theirs.items()}
    paths = [filled(reference.path, mine, ids) for ids in (theirs, nothing)]
    bodies = [filled(reference.body, mine, ids) for ids in (theirs, nothing)]
    return [
        Question(str(reference), reference.method, path, path, body, ids, ids)
        for path, body, ids in zip(paths, bodies, (theirs, nothing), strict=True)
    ]


async def test_in_no_body_is_another_projects_id_other_than_one_of_nothing(two: Two):
    """Each call succeeds with one's own thing, or is at least understood: else it would prove nothing."""
    before, wrong = await lines(two.cloud, two.theirs), {}
    user = two.mine.people["manager"]
    for reference in references():
        real, twin = named(reference, two)
        answers = []
        for each in (real, twin):
            status, text = await ask(user, each.method, each.path, each.body, NEWEST)
            answers.append((status, alike(text, each.stranger)))
        if answers[0] != answers[1] or answers[0][0] not in REFUSED:
            wrong[str(reference)] = f"{answers[0]}, but for what does not exist {answers[1]}"
        path, body = (filled(each, two.mine.ids, two.mine.ids) for each in (reference.path, reference.body))
        status, text = await ask(user, reference.method, path, body, NEWEST)
        await two.cloud.tasks.settle()
        if (status >= BAD and status != reference.own) or (status, alike(text, two.mine.ids)) == answers[0]:
            wrong[f"{reference} with one's own"] = f"{status} {text}"
    assert not wrong, told(wrong)
    assert await lines(two.cloud, two.theirs) == before


async def test_no_search_finds_what_is_another_projects(two: Two):
    wrong = {}
    user = two.mine.people["manager"]
    for service in all_services():
        for path, name, value in searches(service, two.mine, two.theirs):
            found = []
            for each in (value, nothing_like(value)):
                status, text = await ask(user, "GET", f"{path}?{name}={each}", None, NEWEST)
                found.append((status, alike(text, {"id": each})))
            if found[0] != found[1]:
                wrong[f"{path}?{name}={value}"] = f"{found[0]}, but for what does not exist {found[1]}"
    assert not wrong, told(wrong)
