"""Where a server goes: placement's candidates, then filters, then weighers, each a table.

A host that cannot take the server is refused by one clause; the clauses of all hosts make the sentence that
the user reads when none is left.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cumulo.contracts.placement import Candidate, Demand, Placement, Refusal
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.services.compute import requirements
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import Aggregate, ComputeHost

ISOLATION = "filter_tenant_id"
AGGREGATES = "aggregate_instance_extra_specs"
NAMED_AT_MOST = 5  # hosts whose refusal the sentence spells out
_ASIDE = re.compile(r" \(.*\)")  # of a reason: what is for operators alone


class NoHost(Permanent):
    """No host can take the server; the message says why, host by host. What is public names none of them."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a server needs of a host. `host`: the only one that will do.

    only: the hosts that its group or hints leave, None when all; avoided: host → why not there. near: hosts
    where servers of its group are, with how many, and nearness +1 to seek them and -1 to shun them. query:
    a hint's condition. demands: its flavor's groups, and what its ports ask for. specs: the flavor's own.
    """

    resources: Mapping[str, int]
    zone: str | None = None
    host: str | None = None
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    project_id: str = ""
    only: frozenset[str] | None = None
    avoided: Mapping[str, str] = field(default_factory=dict)
    near: Mapping[str, int] = field(default_factory=dict)
    nearness: float = 0.0
    query: Sequence[Any] | None = None
    demands: Sequence[Demand] = ()
    specs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A host with room."""

    candidate: Candidate
    host: ComputeHost
    settings: ComputeSettings = field(repr=False)
    metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of the host's aggregates

    def free(self, resource: str) -> float:
        """Return the share of a resource class that is left, 0 to 1."""
        capacity = self.candidate.capacity.get(resource, 0)
        return self.candidate.free.get(resource, 0) / capacity if capacity else 0.0


Filter = Callable[[Wanted, Offer], str | None]


def is_enabled(_wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host that an operator took out of service."""
    if not offer.host.disabled:
        return None
    reason = offer.host.disabled_reason
    return f"is disabled ({reason})" if reason else "is disabled"


def is_alive(_wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host that has not reported for too long."""
    return None if offer.host.is_up(offer.settings.host_silence) else "is down"


def is_in_zone(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host of another availability zone."""
    if wanted.zone in (None, offer.host.zone):
        return None
    return f"is in zone {offer.host.zone}, not {wanted.zone}"


def is_the_one(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse any host but the one asked for."""
    return None if wanted.host in (None, offer.host.host) else f"is not {wanted.host}"


def is_among(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host that the server's group or hints leave out."""
    if wanted.only is None or offer.host.host in wanted.only:
        return None
    return "has none of the servers that this one must be with"


def is_not_avoided(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host that the server must not be on."""
    return wanted.avoided.get(offer.host.host)


def takes_project(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host that an aggregate keeps for other projects (`filter_tenant_id`)."""
    keys = [key for key in offer.metadata if key.startswith(ISOLATION)]
    kept_for = {project for key in keys for value in offer.metadata[key] for project in value.split(",")}
    if not kept_for or wanted.project_id in kept_for:
        return None
    return "is kept for other projects"


def has_specs(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host whose aggregates lack what the flavor says of them."""
    for key, requirement in wanted.specs.items():
        scope, _, name = key.rpartition(":")
        if scope != AGGREGATES:
            continue
        if not any(requirements.matches(value, requirement) for value in offer.metadata.get(name, ())):
            return f"is in no aggregate whose {name} is {requirement}"
    return None


def answers_query(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a host for which the hint's condition does not hold."""
    if wanted.query is None or requirements.holds(wanted.query, facts(offer)):
        return None
    return "does not answer the hint's query"


def facts(offer: Offer) -> dict[str, Any]:
    """Return what a hint's query may ask of a host, by upstream's names."""
    capacity, free = offer.candidate.capacity, offer.candidate.free
    return {
        "host": offer.host.host,
        "hypervisor_hostname": offer.host.host,
        "hypervisor_type": offer.host.hypervisor_type,
        "free_ram_mb": free.get("MEMORY_MB", 0),
        "free_disk_mb": free.get("DISK_GB", 0) * 1024,
        "total_usable_ram_mb": capacity.get("MEMORY_MB", 0),
        "total_usable_disk_gb": capacity.get("DISK_GB", 0),
        "vcpus_total": capacity.get("VCPU", 0),
        "vcpus_used": capacity.get("VCPU", 0) - free.get("VCPU", 0),
    }


FILTERS: tuple[Filter, ...] = (
    is_the_one,
    is_alive,
    is_enabled,
    is_in_zone,
    is_among,
    is_not_avoided,
    takes_project,
    has_specs,
    answers_query,
)
WEIGHERS: tuple[tuple[float, str], ...] = ((1.0, "MEMORY_MB"), (1.0, "VCPU"), (1.0, "DISK_GB"))
"""Each weigher's multiplier and the resource class of which it measures the free share, from 0 to 1."""
ROOM = "has room"  # what placement sees to, before any filter


@dataclass(frozen=True)
class Refused:
    """A host that cannot take the server, and what refuses it: `ROOM`, or a filter's name."""

    filter: str
    refusal: Refusal


@dataclass(frozen=True)
class Survey:
    """All hosts: those that can take the server, best first, and the others."""

    fit: Sequence[Offer]
    refused: Sequence[Refused]


def name_of(check: Filter) -> str:
    """Return a filter's name for people."""
    return getattr(check, "__name__", "").replace("_", " ")


async def rank(
    db: Reader, placement: Placement, settings: ComputeSettings, wanted: Wanted
) -> Sequence[Offer]:
    """Return the hosts that can take the server, best first. NoHost says why none can."""
    found = await survey(db, placement, settings, wanted)
    if not found.fit:
        refusals = [one.refusal for one in found.refused]
        raise NoHost(sentence(wanted, refusals), public=tally(wanted, refusals))
    return found.fit


async def survey(db: Reader, placement: Placement, settings: ComputeSettings, wanted: Wanted) -> Survey:
    """Look at every host."""
    candidates, refusals = await placement.candidates(
        db, wanted.resources, wanted.required, wanted.forbidden, demands=wanted.demands
    )
    hosts = {host.id: host for host in await db.all(ComputeHost, order_by=(ComputeHost.c.host,))}
    known = {candidate.provider_id: candidate for candidate in candidates}
    shared = metadata_by_host(await db.all(Aggregate))
    offers = [
        Offer(known[key], host, settings, shared.get(host.host, {}))
        for key, host in hosts.items()
        if key in known
    ]
    fit, refused = sift(wanted, offers)
    names = {host.host for host in hosts.values()}
    full = [Refused(ROOM, refusal) for refusal in refusals if refusal.name in names]
    best = sorted(fit, key=lambda offer: (affinity(wanted, offer), weigh(offer)), reverse=True)
    return Survey(best, full + refused)


def sift(wanted: Wanted, offers: Sequence[Offer]) -> tuple[list[Offer], list[Refused]]:
    """Divide offers into those that every filter lets pass and refusals of the others."""
    fit, refused = [], []
    for offer in offers:
        reasons = ((name_of(check), check(wanted, offer)) for check in FILTERS)
        name, reason = next(((name, text) for name, text in reasons if text is not None), ("", None))
        if reason is None:
            fit.append(offer)
        else:
            refused.append(Refused(name, Refusal(name=offer.host.host, reason=reason)))
    return fit, refused


def affinity(wanted: Wanted, offer: Offer) -> float:
    """Return how well a host suits the server's group; this goes before how much is free."""
    return wanted.nearness * wanted.near.get(offer.host.host, 0)


def metadata_by_host(aggregates: Sequence[Aggregate]) -> dict[str, dict[str, frozenset[str]]]:
    """Return what the aggregates of each host say: host → key → values."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for aggregate in aggregates:
        for host in aggregate.hosts:
            of = found.setdefault(host, {})
            for key, value in aggregate.metadata.items():
                of[key] = of.get(key, frozenset()) | {value}
    return found


def weigh(offer: Offer) -> float:
    """Return how good an offer is; the higher the better."""
    return sum(weight * offer.free(resource) for weight, resource in WEIGHERS)


def sentence(wanted: Wanted, refusals: Sequence[Refusal]) -> str:
    """Say in one sentence why no host can take the server."""
    if wanted.host is not None:
        refusals = [refusal for refusal in refusals if refusal.name == wanted.host]
        if not refusals:
            return f"No valid host was found: there is no host {wanted.host}."
    if not refusals:
        return "No valid host was found: no compute host has reported yet."
    clauses = [f"{refusal.name} {refusal.reason}" for refusal in refusals[:NAMED_AT_MOST]]
    if len(refusals) > NAMED_AT_MOST:
        clauses.append(f"{len(refusals) - NAMED_AT_MOST} more hosts cannot either")
    return f"No valid host was found: {'; '.join(clauses)}."


def tally(wanted: Wanted, refusals: Sequence[Refusal]) -> str:
    """Say it to those who know no host by its name, nor how large it is: how many refuse it for what."""
    if wanted.host is not None or not refusals:
        return sentence(wanted, refusals)
    counts = Counter(_ASIDE.sub("", refusal.reason) for refusal in refusals)
    common = counts.most_common(NAMED_AT_MOST)
    clauses = [f"one {why}" if number == 1 else f"each of {number} {why}" for why, number in common]
    return f"No valid host was found: {'; '.join(clauses)}."
