from datetime import timedelta

import pytest

from cumulo.contracts.placement import Candidate, Refusal
from cumulo.core import clock
from cumulo.services.compute import scheduler
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import ComputeHost
from cumulo.services.compute.scheduler import Offer, Wanted


def offer(host: str = "h1", free: int = 100, **facts: object) -> Offer:
    row = ComputeHost(host=host, zone="nova", hypervisor_type="fake", vcpus=1, memory_mib=1, disk_gib=1)
    for name, value in facts.items():
        setattr(row, name, value)
    amounts = {"MEMORY_MB": free, "VCPU": free, "DISK_GB": free}
    whole = dict.fromkeys(amounts, 100)
    return Offer(
        Candidate(provider_id=row.id, name=host, free=amounts, capacity=whole), row, ComputeSettings()
    )


@pytest.mark.parametrize(
    ("facts", "wanted", "reason"),
    [
        ({"disabled": True}, {}, "is disabled"),
        ({"disabled": True, "disabled_reason": "repairs"}, {}, "is disabled (repairs)"),
        ({"forced_down": True}, {}, "is down"),
        ({"seen_at": clock.now() - timedelta(hours=1)}, {}, "is down"),
        ({"zone": "east"}, {"zone": "west"}, "is in zone east, not west"),
        ({}, {"host": "h2"}, "is not h2"),
    ],
)
def test_a_host_that_does_not_fit_is_refused_with_a_reason(
    facts: dict[str, object], wanted: dict[str, str], reason: str
):
    fit, refused = scheduler.sift(Wanted(resources={}, **wanted), [offer(**facts)])
    assert fit == []
    assert [one.refusal for one in refused] == [Refusal(name="h1", reason=reason)]


def test_the_emptiest_host_is_best():
    offers = [offer("full", 10), offer("empty", 90), offer("half", 50)]
    ranked = sorted(offers, key=scheduler.weigh, reverse=True)
    assert [one.host.host for one in ranked] == ["empty", "half", "full"]


def test_many_refusals_are_told_shortly():
    refusals = [Refusal(name=f"h{n}", reason="is down") for n in range(7)]
    told = scheduler.sentence(Wanted(resources={}), refusals)
    assert told.endswith("h4 is down; 2 more hosts cannot either.")


def test_no_hosts_at_all_is_told():
    told = scheduler.sentence(Wanted(resources={}), [])
    assert told == "No valid host was found: no compute host has reported yet."
    gone = scheduler.sentence(Wanted(resources={}, host="x"), [Refusal(name="h1", reason="is not x")])
    assert gone == "No valid host was found: there is no host x."
