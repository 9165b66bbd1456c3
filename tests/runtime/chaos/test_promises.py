"""What clients were told is held against what there is afterwards."""

from types import SimpleNamespace

import pytest

from cumulo.runtime.chaos import aftermath
from cumulo.runtime.chaos.acts import MOST, Acts
from cumulo.runtime.chaos.caller import Answer, Unanswered
from cumulo.runtime.chaos.plan import Act
from cumulo.runtime.chaos.promises import Fate, Promises, Thing, Violation

GONE, ACCEPTED = Answer(404, None, "r"), Answer(202, {}, "r")


def shown(status="ACTIVE"):
    return Answer(200, {"server": {"status": status}}, "r")


class Cloud:
    """Answers every request alike, and remembers it."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, method, path, body=None):
        self.asked.append((method, path))
        if self.answer is None:
            raise Unanswered
        return self.answer


def acts(answer, promises):
    return Acts(SimpleNamespace(caller=Cloud(answer), number=0), promises, MOST["fake"])


def delete(answer, promises):
    acts(answer, promises).do(Act("delete_server", 0, (0, 0)))


@pytest.fixture
def promises():
    made = Promises()
    made.made(Thing("server", "s", "/servers/s", 0))
    return made


@pytest.fixture
def verified(promises, monkeypatch):
    """Verify with a cloud that gives this answer; return the violations."""
    monkeypatch.setattr(aftermath, "_accounts", lambda _home: [])

    def verify(answer, *, faultless=True):
        stage = SimpleNamespace(homes=[SimpleNamespace(caller=Cloud(answer), project="p")])
        aftermath.verify(stage, promises, faultless=faultless)
        return list(promises.violations)

    return verify


@pytest.mark.parametrize(
    ("answer", "fate"), [(ACCEPTED, Fate.LEAVING), (None, Fate.UNSURE), (Answer(409, {}, "r"), Fate.THERE)]
)
def test_a_deletion_is_promised_by_its_answer(promises, answer, fate):
    delete(answer, promises)
    assert promises.things["s"].fate is fate


def test_what_was_made_and_is_gone_is_a_violation(verified):
    assert [violation.id for violation in verified(GONE)] == ["s"]


@pytest.mark.parametrize("fate", [Fate.LEAVING, Fate.UNSURE, Fate.MAY_GO])
def test_what_may_go_may_be_gone(promises, verified, fate):
    promises.things["s"].fate = fate
    assert verified(GONE) == []


def test_what_was_to_go_and_is_there_is_a_violation(promises, verified):
    promises.things["s"].fate = Fate.LEAVING
    assert [violation.id for violation in verified(shown())] == ["s"]


def test_an_error_is_a_violation_only_where_no_engine_failed(verified):
    assert verified(shown("ERROR"), faultless=False) == []
    assert [violation.id for violation in verified(shown("ERROR"))] == ["s"]


def test_a_thing_that_is_not_found_before_it_was_deleted_is_a_violation(promises):
    delete(GONE, promises)
    assert [violation.id for violation in promises.violations] == ["s"]


def test_an_internal_error_is_a_violation_with_its_requests_id(promises):
    delete(Answer(500, {}, "req-1"), promises)
    assert [violation.id for violation in promises.violations] == ["req-1"]
    assert promises.things["s"].fate is Fate.THERE


def test_a_violation_counts_once(promises):
    promises.violated("s", "is odd")
    promises.violated("s", "is odd")
    assert list(promises.violations) == [Violation("s", "is odd")]
