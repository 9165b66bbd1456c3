"""Where a server goes: placement's candidates, then filters, then weighers, each a table.

A host that cannot take the server is refused by one clause; the clauses of all hosts make the sentence that
the user reads when none is left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cumulo.contracts.placement import Candidate, Placement, Refusal
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import ComputeHost

NAMED_AT_MOST = 5  # hosts whose refusal the sentence spells out


class NoHost(Permanent):
    """No host can take the server; the message says why, host by host."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a server needs of a host. `host`: the only one that will do."""

    resources: Mapping[str, int]
    zone: str | None = None
    host: str | None = None
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Offer:
    """A host with room."""

    candidate: Candidate
    host: ComputeHost
    settings: ComputeSettings = field(repr=False)

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


FILTERS: tuple[Filter, ...] = (is_the_one, is_alive, is_enabled, is_in_zone)
WEIGHERS: tuple[tuple[float, Callable[[Offer], float]], ...] = (
    (1.0, lambda offer: offer.free("MEMORY_MB")),
    (1.0, lambda offer: offer.free("VCPU")),
    (1.0, lambda offer: offer.free("DISK_GB")),
)
"""Each weigher's multiplier and its measure from 0 to 1: the more is free, the better."""


async def rank(db: Reader, placement: Placement, settings: ComputeSettings, wanted: Wanted) -> list[Offer]:
    """Return the hosts that can take the server, best first. NoHost says why none can."""
    candidates, refusals = await placement.candidates(
        db, wanted.resources, required=wanted.required, forbidden=wanted.forbidden
    )
    hosts = {host.id: host for host in await db.all(ComputeHost)}
    known = {candidate.provider_id: candidate for candidate in candidates}
    offers = [Offer(known[key], host, settings) for key, host in hosts.items() if key in known]
    fit, refused = sift(wanted, offers)
    if not fit:
        names = {host.host for host in hosts.values()}
        raise NoHost(sentence(wanted, [r for r in refusals if r.name in names] + refused))
    return sorted(fit, key=weigh, reverse=True)


def sift(wanted: Wanted, offers: Sequence[Offer]) -> tuple[list[Offer], list[Refusal]]:
    """Divide offers into those that every filter lets pass and refusals of the others."""
    fit, refused = [], []
    for offer in offers:
        reasons = (check(wanted, offer) for check in FILTERS)
        reason = next((reason for reason in reasons if reason is not None), None)
        if reason is None:
            fit.append(offer)
        else:
            refused.append(Refusal(name=offer.host.host, reason=reason))
    return fit, refused


def weigh(offer: Offer) -> float:
    """Return how good an offer is; the higher the better."""
    return sum(weight * measure(offer) for weight, measure in WEIGHERS)


def sentence(wanted: Wanted, refusals: Sequence[Refusal]) -> str:
    """Say in one sentence why no host can take the server."""
    if wanted.host is not None:
        refusals = [refusal for refusal in refusals if refusal.name == wanted.host]
        if not refusals:
            return f"No host can take this server: there is no host {wanted.host}."
    if not refusals:
        return "No host can take this server: no compute host has reported yet."
    clauses = [f"{refusal.name} {refusal.reason}" for refusal in refusals[:NAMED_AT_MOST]]
    if len(refusals) > NAMED_AT_MOST:
        clauses.append(f"{len(refusals) - NAMED_AT_MOST} more hosts cannot either")
    return f"No host can take this server: {'; '.join(clauses)}."


def traits_of(extra_specs: Mapping[str, str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits that a flavor's `trait:NAME` specs require, and those they forbid."""
    specs = [(k.removeprefix("trait:"), v) for k, v in extra_specs.items() if k.startswith("trait:")]
    required = frozenset(name for name, value in specs if value == "required")
    return required, frozenset(name for name, value in specs if value == "forbidden")
