"""Who does what, and what is killed when: made of a seed alone, so that a run can be had again."""

import random
from collections.abc import Iterator, Mapping

import msgspec

KILLS: Mapping[str, Mapping[str, int]] = {
    "fake": {"server": 7, "cumulo": 2, "supervisor": 1},
    "libvirt": {
        "server": 5,
        "cumulo": 3,
        "supervisor": 1,
        "libvirtd": 3,
        "storage daemon": 3,
        "ovn-controller": 2,
        "ovn-northd": 2,
        "ovsdb-nb": 2,
        "ovsdb-sb": 1,
        "ovsdb-vswitch": 1,
        "ovs-vswitchd": 2,
    },
}
"""What is killed with which driver, and how often beside the others.

Parts as the supervisor names them; `server` is a further host's node, too; `supervisor` is itself; `cumulo`
both of Cumulo's own processes at once; `storage daemon` one that exports a volume. Kills are dealt as cards:
first one of each kind, then decks of as many of each as stands here.
"""

ACTS: Mapping[str, int] = {
    "create_server": 10,
    "create_server_with_volume": 4,
    "delete_server": 6,
    "resize": 6,
    "confirm": 5,
    "revert": 3,
    "migrate": 3,
    "live_migrate": 4,
    "reboot": 3,
    "stop": 3,
    "start": 4,
    "shelve": 2,
    "unshelve": 3,
    "rebuild": 2,
    "snapshot_server": 3,
    "delete_image": 2,
    "create_volume": 7,
    "delete_volume": 4,
    "extend_volume": 3,
    "attach_volume": 7,
    "detach_volume": 5,
    "create_snapshot": 4,
    "create_volume_of_snapshot": 3,
    "delete_snapshot": 3,
    "create_backup": 2,
    "delete_backup": 1,
    "create_port": 5,
    "delete_port": 3,
    "attach_port": 4,
    "detach_port": 3,
    "create_floating_ip": 4,
    "associate": 4,
    "disassociate": 2,
    "delete_floating_ip": 2,
}
"""What clients do, and how often beside the rest."""

FIRST = ("create_server", "create_volume", "create_port", "create_floating_ip")


class Pace(msgspec.Struct, frozen=True):
    """Seconds: the shortest and the longest pause between two acts of a client, and between two kills.

    One kill of five comes hastily after the one before: into what is just starting.
    """

    acts: tuple[float, float]
    kills: tuple[float, float]
    hasty: tuple[float, float]


PACES = {
    "fake": Pace(acts=(0.02, 0.4), kills=(4.0, 14.0), hasty=(0.2, 2.5)),
    "libvirt": Pace(acts=(0.5, 6.0), kills=(8.0, 30.0), hasty=(0.5, 5.0)),
}
_HASTE = 0.2


class Act(msgspec.Struct, frozen=True):
    """A client's act, after a pause; `dice` (0 to 1) choose on what and how."""

    verb: str
    pause: float
    dice: tuple[float, float]


class Kill(msgspec.Struct, frozen=True):
    """That something is killed, so many seconds after the cloud answers again; in haste: after the last."""

    pause: float
    hasty: bool
    target: str
    dice: float


class Plan(msgspec.Struct, frozen=True):
    """A whole run: what each client does in turn, and what is killed."""

    acts: list[list[Act]]
    kills: list[Kill]


def make(seed: int, seconds: float, clients: int, driver: str) -> Plan:
    """Return the plan of a seed: the same for the same arguments, on every machine."""
    pace = PACES[driver]
    own = [random.Random(f"{seed} client {number}") for number in range(clients)]  # noqa: S311  no secrets
    killer = random.Random(f"{seed} killer")  # noqa: S311  as above
    return Plan([_acts(each, seconds, pace) for each in own], _kills(killer, seconds, pace, KILLS[driver]))


def _acts(dice: random.Random, seconds: float, pace: Pace) -> list[Act]:
    """Return as many acts as can be done in the time."""
    names, weights = list(ACTS), list(ACTS.values())
    acts: list[Act] = []
    lasts = 0.0
    while lasts < seconds:
        first = len(acts) < len(FIRST)
        verb = FIRST[len(acts)] if first else dice.choices(names, weights)[0]
        pause = dice.uniform(*pace.acts)
        acts.append(Act(verb, pause, (dice.random(), dice.random())))
        lasts += pause
    return acts


def _kills(dice: random.Random, seconds: float, pace: Pace, weights: Mapping[str, int]) -> list[Kill]:
    kills: list[Kill] = []
    targets = _dealt(dice, weights)
    lasts = 0.0
    while lasts < seconds:
        hasty = bool(kills) and dice.random() < _HASTE
        pause = dice.uniform(*(pace.hasty if hasty else pace.kills))
        kills.append(Kill(pause, hasty, next(targets), dice.random()))
        lasts += pause
    return kills


def _dealt(dice: random.Random, weights: Mapping[str, int]) -> Iterator[str]:
    """Yield targets without end: each once, then each as often as its weight, and again, always shuffled."""
    deck = list(weights)
    while True:
        dice.shuffle(deck)
        yield from deck
        deck = [target for target, times in weights.items() for _ in range(times)]
