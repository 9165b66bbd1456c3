"""A plan follows from its seed alone, and names only what can be done and killed."""

from collections import Counter

import pytest

from cumulo.runtime.chaos.acts import MOST, VERBS
from cumulo.runtime.chaos.plan import ACTS, FIRST, KILLS, make


@pytest.mark.parametrize("driver", KILLS)
def test_the_same_seed_gives_the_same_plan(driver):
    plan = make(7, 120, 3, driver)
    assert plan == make(7, 120, 3, driver)
    assert plan != make(8, 120, 3, driver)
    assert len(plan.acts) == 3
    assert plan.acts[0] != plan.acts[1]
    assert {kill.target for kill in plan.kills} <= KILLS[driver].keys()


def test_a_longer_run_begins_as_the_shorter_one():
    short, long = make(7, 30, 2, "fake"), make(7, 60, 2, "fake")
    assert long.acts[1][: len(short.acts[1])] == short.acts[1]
    assert long.kills[: len(short.kills)] == short.kills


def test_each_client_begins_with_something_to_work_on():
    for acts in make(1, 60, 4, "fake").acts:
        assert tuple(act.verb for act in acts[: len(FIRST)]) == FIRST


@pytest.mark.parametrize("driver", KILLS)
def test_every_kind_is_killed_once_before_any_is_killed_again(driver):
    kinds = len(KILLS[driver])
    for seed in range(5):
        targets = [kill.target for kill in make(seed, 1200, 1, driver).kills]
        assert sorted(targets[:kinds]) == sorted(KILLS[driver])
        deck = targets[kinds : kinds + sum(KILLS[driver].values())]
        assert Counter(deck) == KILLS[driver]


def test_each_verb_is_an_act():
    assert VERBS.keys() == ACTS.keys()
    assert MOST.keys() == KILLS.keys()
