"""Pairs take turns, and only their best count."""

from collections import Counter
from itertools import pairwise

from cumulo.runtime.bench import throughput


def test_each_pair_is_as_often_first_and_after_each_other_as_any(monkeypatch):
    sent = []

    def noted(pair):
        sent.append(pair)
        return 1.0

    monkeypatch.setattr(throughput, "_sent", noted)
    monkeypatch.setattr(throughput, "ROUNDS", 8)
    pairs = dict.fromkeys("abcd")
    throughput._in_turns({name: name for name in pairs})
    assert set(Counter(sent).values()) == {8}
    rounds = [sent[start : start + 4] for start in range(0, len(sent), 4)]
    assert set(Counter(each[0] for each in rounds).values()) == {2}
    follows = Counter(two for each in rounds for two in pairwise(each))
    assert all(follows[one, other] == follows[other, one] for one, other in follows)


def test_what_else_the_machine_did_in_some_turns_does_not_count(monkeypatch):
    speeds = iter([9.0, 1.0, 8.0, 2.0, 7.0])
    monkeypatch.setattr(throughput, "_sent", lambda _: next(speeds))
    monkeypatch.setattr(throughput, "ROUNDS", 5)
    monkeypatch.setattr(throughput, "BEST", 3)
    assert throughput._in_turns({"alone": None}) == {"alone": 8.0}


def test_each_kind_has_the_same_places_at_the_switch(monkeypatch):
    plugged = []
    between = object.__new__(throughput.Throughput)
    monkeypatch.setattr(between, "_ours", lambda ports: plugged.append(("ours", tuple(ports))))
    monkeypatch.setattr(
        between, "_by_hand", lambda mark, number, flows: plugged.append((f"{mark}{number}", tuple(flows)))
    )
    places = between._among("plain", "abcd", ["flow"])
    assert plugged == [("ours", ("a", "b")), ("p1", ("flow",)), ("p2", ("flow",)), ("ours", ("c", "d"))]
    speeds = dict(zip(places, (1.0, 2.0, 4.0, 5.0), strict=True))
    assert throughput._of_kinds(speeds) == {"plain": 3.0, "plain by hand": 3.0}


def test_a_pair_is_held_against_the_one_by_hand():
    kept = throughput._beside("x", 0.98e9, 1e9, promised=True)
    assert kept.is_met
    assert kept.name == "x: 0.98 of 1.00 Gbit/s"
    assert throughput._beside("x", 0.96e9, 1e9, promised=True).is_met is False
    assert throughput._beside("x", 0.5e9, 1e9, promised=False).is_met is None


def test_flows_by_hand_note_what_is_new_in_both_zones_and_let_pass_only_what_is_known():
    tracked = [flow for flow in throughput.FILTERED if "ct_state" in flow]
    assert all(("+new" in flow) == ("ct(commit" in flow) for flow in tracked)
    assert all("+new+trk" in flow or "+est+trk" in flow for flow in tracked)
    assert sum("output:" in flow for flow in throughput.FILTERED) == 4
