"""Which pool takes a volume: filters say why one cannot, weighers which is best."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import Pool, StorageService, Volume

BINARY = "cinder-volume"
ZONES_KEY = "RESKEY:availability_zones"
NAMED_AT_MOST = 5  # pools whose refusals a sentence tells
ABOUT_OTHERS = frozenset({"provisioning:type", "multiattach", ZONES_KEY})


class NoPool(Permanent):
    """No pool can take the volume; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a volume needs of a pool.

    host: a pool or backend that it must be; other_than: a pool that it must not be. beside, away_from: pools
    that hold what hints named.
    """

    size: int
    zone: str | None
    specs: Mapping[str, str] = field(default_factory=dict)
    multiattach: bool = False
    host: str | None = None
    other_than: str | None = None
    beside: frozenset[str] = frozenset()
    away_from: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Offer:
    """A pool that may take the volume. promised: GiB of the volumes that are in it by our own books."""

    pool: Pool
    service: StorageService | None
    promised: float
    settings: BlockStorageSettings

    @property
    def usable(self) -> float:
        """GiB free beyond what is reserved."""
        return self.pool.free_gib - self.pool.total_gib * self.pool.reserved_percentage / 100


Filter = Callable[[Wanted, Offer], str | None]


def is_the_one(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse any pool but the one asked for."""
    name = offer.pool.name
    if wanted.other_than == name:
        return "is where it is now"
    if wanted.host is None or wanted.host in (name, offer.pool.service, offer.pool.host):
        return None
    return f"is not {wanted.host}"


def is_alive(_wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a pool that has not reported for too long."""
    service = offer.service
    up = service is not None and service.is_up(offer.settings.pool_silence)
    return None if up else "is down"


def is_enabled(_wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a backend that an operator took out of service or froze."""
    service = offer.service
    if service is None or not (service.disabled or service.frozen):
        return None
    state = "disabled" if service.disabled else "frozen"
    return f"is {state} ({service.disabled_reason})" if service.disabled_reason else f"is {state}"


def is_in_zone(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a pool of another availability zone."""
    zone = offer.service.zone if offer.service is not None else None
    allowed = [part.strip() for part in wanted.specs.get(ZONES_KEY, "").split(",") if part.strip()]
    if allowed and zone not in allowed:
        return f"is in zone {zone}, not in {', '.join(allowed)}"
    return None if wanted.zone in (None, zone) else f"is in zone {zone}, not {wanted.zone}"


def is_where_hinted(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a pool that the request's hints exclude."""
    if wanted.beside and offer.pool.name not in wanted.beside:
        return "does not hold the volumes to be beside"
    return "holds a volume to be apart from" if offer.pool.name in wanted.away_from else None


def can_do_it(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a pool that lacks what the type's extra specs ask for."""
    known = capabilities(offer.pool)
    if wanted.multiattach and not offer.pool.multiattach:
        return "cannot give a volume to several servers"
    for key, asked in wanted.specs.items():
        if key in ABOUT_OTHERS:
            continue
        scope, colon, name = key.partition(":")
        if colon and scope != "capabilities":
            continue  # a driver's own
        name = name if colon else key
        if not matches(known.get(name), asked):
            return f"has {name} {known.get(name, 'not set')}, not {asked}"
    kind = wanted.specs.get("provisioning:type", "").lower()
    if (kind == "thin" and not offer.pool.thin) or (kind == "thick" and not offer.pool.thick):
        return f"has no {kind} volumes"
    return None


def has_room(wanted: Wanted, offer: Offer) -> str | None:
    """Refuse a pool without room: of thin volumes it may promise more than it has, up to its ratio."""
    pool = offer.pool
    thin = pool.thin and wanted.specs.get("provisioning:type", "thin").lower() == "thin"
    if not thin:
        if offer.usable >= wanted.size:
            return None
        return f"has {max(offer.usable, 0):.0f} GiB free, {wanted.size} are needed"
    limit = pool.total_gib * pool.max_over_subscription_ratio
    promised = max(offer.promised, pool.allocated_gib)
    if promised + wanted.size > limit:
        return f"has promised {promised:.0f} of at most {limit:.0f} GiB, {wanted.size} more are needed"
    if offer.usable * pool.max_over_subscription_ratio < wanted.size:
        return f"has {max(offer.usable, 0):.0f} GiB free for a thin volume of {wanted.size}"
    return None


FILTERS: tuple[Filter, ...] = (
    is_the_one,
    is_alive,
    is_enabled,
    is_in_zone,
    is_where_hinted,
    can_do_it,
    has_room,
)


def weigh(offer: Offer) -> float:
    """Return how good an offer is: the larger its free part, counting what is promised, the better."""
    pool = offer.pool
    if pool.total_gib <= 0:
        return 0.0
    capacity = pool.total_gib * (pool.max_over_subscription_ratio if pool.thin else 1.0)
    return min(offer.usable / pool.total_gib, 1.0) + 1.0 - max(offer.promised, pool.allocated_gib) / capacity


def capabilities(pool: Pool) -> dict[str, object]:
    """Return what a pool says of itself, in the names that extra specs use."""
    return {
        "volume_backend_name": pool.backend,
        "storage_protocol": pool.protocol,
        "driver": pool.driver,
        "pool_name": pool.name.partition("#")[2],
        "thin_provisioning_support": pool.thin,
        "thick_provisioning_support": pool.thick,
        "multiattach": pool.multiattach,
        "online_extend_support": pool.online_extend,
        "total_capacity_gb": pool.total_gib,
        "free_capacity_gb": pool.free_gib,
        "max_over_subscription_ratio": pool.max_over_subscription_ratio,
        "reserved_percentage": pool.reserved_percentage,
        "vendor_name": "Cumulo",
        "QoS_support": True,
    }


def matches(has: object, asked: str) -> bool:
    """Say whether a capability satisfies an extra spec: `<is> True`, `<in> part`, `<or> a <or> b`, `>= 1`."""
    if has is None:
        return False
    operator, _, text = asked.strip().partition(" ")
    text = text.strip()
    if operator in _WORDS:
        return _WORDS[operator](str(has), text)
    if operator in _NUMERIC and text:
        return _compared(operator, str(has), text)
    return str(has).lower() == asked.lower() if isinstance(has, bool) else str(has) == asked


_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": lambda has, asked: has >= asked,
    ">=": lambda has, asked: has >= asked,
    "<=": lambda has, asked: has <= asked,
    "==": lambda has, asked: has == asked,
    "!=": lambda has, asked: has != asked,
}
_WORDS: dict[str, Callable[[str, str], bool]] = {
    "<is>": lambda has, asked: _is_true(has) == _is_true(asked),
    "<in>": lambda has, asked: asked in has,
    "<or>": lambda has, asked: has in [part.strip() for part in asked.split("<or>")],
    "s==": lambda has, asked: has == asked,
    "s!=": lambda has, asked: has != asked,
    "s>=": lambda has, asked: has >= asked,
    "s<=": lambda has, asked: has <= asked,
    "s>": lambda has, asked: has > asked,
    "s<": lambda has, asked: has < asked,
}


def _compared(operator: str, has: str, asked: str) -> bool:
    try:
        return _NUMERIC[operator](float(has), float(asked))
    except ValueError:
        return False


def _is_true(text: str) -> bool:
    return text.strip().lower() in {"true", "1", "yes", "on", "t", "y"}


async def offers(db: Reader, settings: BlockStorageSettings) -> list[Offer]:
    """Return every pool with its service and what is promised of it."""
    promised: dict[str, float] = {}
    size = func.sum(func.coalesce(Volume.c.extending_to, Volume.c.size))
    for place in (Volume.c.host, Volume.c.moving_to):
        for name, total in await db.rows(select(place, size).where(place.is_not(None)).group_by(place)):
            promised[name] = promised.get(name, 0.0) + float(total)
    services = {row.host: row for row in await db.all(StorageService, StorageService.c.binary == BINARY)}
    pools = await db.all(Pool, order_by=(Pool.c.name.asc(),))
    return [Offer(pool, services.get(pool.service), promised.get(pool.name, 0.0), settings) for pool in pools]


async def may_stay(db: Reader, settings: BlockStorageSettings, wanted: Wanted) -> bool:
    """Say whether a volume can stay in its pool (`other_than`) with what is wanted now."""
    staying = dataclasses.replace(wanted, size=0, host=wanted.other_than, other_than=None)
    here = [one for one in await offers(db, settings) if one.pool.name == wanted.other_than]
    return bool(here) and can_do_it(staying, here[0]) is None and is_in_zone(staying, here[0]) is None


async def choose(db: Reader, settings: BlockStorageSettings, wanted: Wanted) -> Pool:
    """Return the best pool for a volume. NoPool says why there is none."""
    found = await offers(db, settings)
    fit, refusals = [], []
    for offer in found:
        reason = refusal(wanted, offer)
        if reason is None:
            fit.append(offer)
        else:
            refusals.append((offer.pool.name, reason))
    if not fit:
        raise NoPool(sentence(wanted, refusals))
    return max(fit, key=weigh).pool


def refusal(wanted: Wanted, offer: Offer) -> str | None:
    """Return why a pool cannot take the volume; None when it can."""
    reasons = (check(wanted, offer) for check in FILTERS)
    return next((reason for reason in reasons if reason is not None), None)


def sentence(wanted: Wanted, refusals: Sequence[tuple[str, str]]) -> str:
    """Say in one sentence why no pool can take the volume."""
    if wanted.host is not None:
        named = [one for one in refusals if one[1] != f"is not {wanted.host}"]
        if not named:
            return f"No pool can take this volume: there is no backend {wanted.host}."
        refusals = named
    if not refusals:
        return "No pool can take this volume: no backend has reported yet."
    clauses = [f"{name} {reason}" for name, reason in refusals[:NAMED_AT_MOST]]
    if len(refusals) > NAMED_AT_MOST:
        clauses.append(f"{len(refusals) - NAMED_AT_MOST} more pools cannot either")
    return f"No pool can take this volume: {'; '.join(clauses)}."
