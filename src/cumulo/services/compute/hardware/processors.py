"""The guest's processors: whose they are, how arranged, and what share of the host's time they get."""

from collections.abc import Sequence
from itertools import product

from cumulo.contracts.hardware import Cell
from cumulo.services.compute.errors import Unshapeable
from cumulo.services.compute.hardware.wish import Wish, chosen, whole

POLICIES = ("shared", "mixed", "dedicated")  # the later, the more of the host is the guest's own
THREADS = ("prefer", "isolate", "require")
KINDS = ("sockets", "cores", "threads")
MOST_PROCESSORS = 4096  # no machine that QEMU builds has more: a longer list is not made in memory
SHARES = {"shares": (2, 262_144), "period": (1000, 1_000_000), "quota": (1000, 17_592_186_044_415)}
"""What libvirt takes, from the least to the most; 0 is no limit."""


def policy_of(wish: Wish) -> str:
    """Return how processors are had: as the flavor says, of which an image may want less. Unshapeable."""
    key, name = "hw:cpu_policy", "hw_cpu_policy"
    mine = chosen(key, wish.specs.get(key), POLICIES)
    images = chosen(name, wish.properties.get(name), POLICIES)
    if mine is not None and images is not None and POLICIES.index(images) > POLICIES.index(mine):
        raise Unshapeable(key=name, reason=f"its flavor says {key}={mine}")
    return mine or images or POLICIES[0]


def check_threads(wish: Wish, policy: str) -> None:
    """Refuse wishes for the host's threads that differ, or where all processors are shared. Unshapeable."""
    key, name = "hw:cpu_thread_policy", "hw_cpu_thread_policy"
    mine = chosen(key, wish.specs.get(key), THREADS)
    images = chosen(name, wish.properties.get(name), THREADS)
    if mine not in (None, "prefer") and images not in (None, mine):
        raise Unshapeable(key=name, reason=f"its flavor says {key}={mine}")
    if (mine or images) and policy == "shared":
        raise Unshapeable(
            key=key if mine else name, reason="it is of dedicated processors, and all are shared"
        )


def pinned_of(wish: Wish, policy: str, vcpus: int) -> tuple[int, ...]:
    """Return the processors of the guest that are pinned to dedicated ones of the host."""
    mask = wish.specs.get("hw:cpu_dedicated_mask")
    if policy in ("dedicated", "mixed"):
        _listable("hw:cpu_policy", vcpus)
    if policy == "dedicated":
        return tuple(range(vcpus))
    if policy != "mixed":
        return ()
    if mask is None:
        raise Unshapeable(key="hw:cpu_policy", reason="mixed processors need hw:cpu_dedicated_mask")
    left_out = mask.startswith("^")
    named = numbers_of("hw:cpu_dedicated_mask", mask[1:] if left_out else mask)
    pinned = set(range(vcpus)) - named if left_out else named
    if not pinned or not pinned < set(range(vcpus)):
        reason = f"it must leave some, but not all, of {vcpus} processors"
        raise Unshapeable(key="hw:cpu_dedicated_mask", reason=reason)
    return tuple(sorted(pinned))


def _listable(key: str, vcpus: int) -> None:
    """Refuse to name each of more processors than a machine can have. Unshapeable."""
    if vcpus > MOST_PROCESSORS:
        raise Unshapeable(key=key, reason=f"its flavor has {vcpus} processors, more than {MOST_PROCESSORS}")


def numbers_of(key: str, text: str) -> set[int]:
    """Read a list of numbers such as `0-3,^2,7`. Unshapeable."""
    given: set[int] = set()
    taken: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.removeprefix("^").partition("-")
        try:
            begin, end = int(first), int(last if dash else first)
        except ValueError:
            begin = end = -1
        if not 0 <= begin <= end < MOST_PROCESSORS:
            reason = f"{text!r} is no list of processors, of which there are at most {MOST_PROCESSORS}"
            raise Unshapeable(key=key, reason=reason)
        (taken if part.startswith("^") else given).update(range(begin, end + 1))
    return given - taken


def topology_of(wish: Wish, vcpus: int) -> tuple[int, int, int] | None:
    """Return sockets, cores and threads: within the limits, and as near to the wishes as can be."""
    most = [_limit(wish, kind) for kind in KINDS]
    wanted = _preferred(wish, most)
    if not any(most) and not any(wanted):
        return None
    _listable("hw:cpu_sockets", vcpus)
    divisors = [number for number in range(1, vcpus + 1) if vcpus % number == 0]
    shapes = [(a, b, vcpus // (a * b)) for a, b in product(divisors, repeat=2) if vcpus % (a * b) == 0]
    fit = [s for s in shapes if all(not limit or n <= limit for n, limit in zip(s, most, strict=True))]
    if not fit:
        raise Unshapeable(key="hw:cpu_max_sockets", reason=f"{vcpus} processors fit in no allowed topology")

    def met(shape: tuple[int, ...]) -> tuple[int, int, int]:
        matches = sum(part == wish_ for part, wish_ in zip(shape, wanted, strict=True))
        return matches, shape[0] * shape[1], shape[0]  # rather sockets and cores than threads

    sockets, cores, threads = max(fit, key=met)
    return sockets, cores, threads


def _limit(wish: Wish, kind: str) -> int:
    mine = wish.number(f"hw:cpu_max_{kind}", 1)
    name = f"hw_cpu_max_{kind}"
    if name not in wish.properties:
        return mine
    images = whole(name, wish.properties[name], 1)
    if mine and images > mine:
        raise Unshapeable(key=name, reason=f"its flavor allows {mine}")
    return images


def _preferred(wish: Wish, most: Sequence[int]) -> list[int]:
    """Return what is wished for of each kind, 0: nothing. An image's wishes replace all its flavor's."""
    flavors = [wish.number(f"hw:cpu_{kind}", 1) for kind in KINDS]
    images = []
    for kind, limit in zip(KINDS, most, strict=True):
        name = f"hw_cpu_{kind}"
        images.append(whole(name, wish.properties[name], 1) if name in wish.properties else 0)
        if limit and images[-1] > limit:
            raise Unshapeable(key=name, reason=f"its flavor or image allows {limit}")
    if any(images):
        return images
    beyond = any(limit and number > limit for number, limit in zip(flavors, most, strict=True))
    return [0] * len(KINDS) if beyond else flavors


def cells_of(wish: Wish, vcpus: int, memory_mib: int) -> tuple[Cell, ...]:
    """Return the guest's NUMA nodes: even ones, or as the extra specs divide it."""
    key, text = wish.either("hw:numa_nodes")
    if text is None:
        return ()
    count = whole(key, text, 1)
    _listable(key, vcpus)
    if count > vcpus:
        raise Unshapeable(key=key, reason=f"{vcpus} processors cannot be divided by {count}")
    lists = [wish.either(f"hw:numa_cpus.{index}") for index in range(count)]
    sizes = [wish.either(f"hw:numa_mem.{index}") for index in range(count)]
    given = [value is not None for _, value in (*lists, *sizes)]
    if not any(given):
        if vcpus % count or memory_mib % count:
            reason = f"{vcpus} processors and {memory_mib} MiB cannot be divided evenly by {count}"
            raise Unshapeable(key=key, reason=reason)
        share, memory = vcpus // count, memory_mib // count
        return tuple(Cell(tuple(range(at, at + share)), memory) for at in range(0, vcpus, share))
    if not all(given):
        raise Unshapeable(key=key, reason="each node needs its numa_cpus and its numa_mem, or none has")
    cells = tuple(
        Cell(tuple(sorted(numbers_of(cpus_key, cpus or ""))), whole(size_key, size or "", 1))
        for (cpus_key, cpus), (size_key, size) in zip(lists, sizes, strict=True)
    )
    if sorted(cpu for cell in cells for cpu in cell.cpus) != list(range(vcpus)):
        raise Unshapeable(key=key, reason=f"its nodes do not hold each of {vcpus} processors once")
    if sum(cell.memory_mib for cell in cells) != memory_mib:
        raise Unshapeable(key=key, reason=f"its nodes' memory does not add up to {memory_mib} MiB")
    return cells


def share_of(wish: Wish, name: str) -> int:
    """Return a limit of the processors' time, 0: none; `name`: of SHARES. Unshapeable."""
    key, (least, most) = f"quota:cpu_{name}", SHARES[name]
    number = wish.number(key, -1 if name == "quota" else 0, most)
    if 0 < number < least:
        raise Unshapeable(key=key, reason=f"the least that a kernel takes is {least}")
    return max(number, 0)
