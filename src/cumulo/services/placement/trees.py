"""Candidates: every way in which the providers of one tree, and those that share with it, serve a request.

A request has groups of resources. What the unnamed group asks for may come from several providers, class by
class; what a named group asks for comes from one. Providers with the trait MISC_SHARES_VIA_AGGREGATE serve
every tree that has an aggregate in common with them.
"""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from cumulo.services.placement import domain
from cumulo.services.placement.model import Provider

SHARING = "MISC_SHARES_VIA_AGGREGATE"
MOST_OF_A_TREE = 1000  # ways in which one tree serves a request
MOST_LOOKS = 5000  # providers that are tried for groups before the rest of a tree's ways is given up


@dataclass(frozen=True, kw_only=True)
class Group:
    """Resources that go together. In `required` and `member_of` each set is of alternatives."""

    suffix: str = ""
    resources: Mapping[str, int] = field(default_factory=dict)
    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    not_member_of: frozenset[str] = frozenset()
    in_tree: str | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is looked for. isolate: the named groups come from different providers.

    root_required, root_forbidden: traits of the tree's root. subtrees: sets of groups whose providers are
    all below one of them.
    """

    groups: Sequence[Group]
    isolate: bool = False
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    subtrees: Sequence[frozenset[str]] = ()
    limit: int | None = None


class Way(NamedTuple):
    """One way to serve a request: provider → class → amount, and which providers serve each group."""

    amounts: dict[str, dict[str, int]]
    mappings: dict[str, list[str]]


@dataclass(frozen=True)
class Landscape:
    """All providers with what they have and are."""

    providers: Mapping[str, Provider]
    rooms: domain.Rooms
    traits: Mapping[str, set[str]]
    aggregates: Mapping[str, set[str]]
    shown: dict[Any, dict[str, Any]] = field(default_factory=dict)  # by kind of answer: providers as shown

    @cached_property
    def trees(self) -> Mapping[str, list[Provider]]:
        """The providers of each tree, by its root's id."""
        found: dict[str, list[Provider]] = defaultdict(list)
        for provider in self.providers.values():
            found[provider.root_id].append(provider)
        return found

    @cached_property
    def sharers(self) -> list[str]:
        """The providers that share what they have with whom they have an aggregate in common."""
        shares = (id_ for id_, names in self.traits.items() if SHARING in names)
        return [id_ for id_ in shares if id_ in self.providers]  # one may have come while they were read

    def sharing(self, tree: Iterable[Provider]) -> list[Provider]:
        """Return the providers outside of a tree that share what they have with it."""
        if not self.sharers:
            return []
        mine = set[str]().union(*(self.aggregates.get(p.id, ()) for p in tree))
        roots = {p.root_id for p in tree}
        return [
            self.providers[id_]
            for id_ in self.sharers
            if self.providers[id_].root_id not in roots and mine & self.aggregates.get(id_, set())
        ]

    def ancestors(self, provider_id: str) -> Iterator[str]:
        """Yield a provider and all above it."""
        at: str | None = provider_id
        while at is not None and at in self.providers:  # one may have come below another while they were read
            yield at
            at = self.providers[at].parent_id


def ways(land: Landscape, request: Request) -> list[Way]:
    """Return the ways to serve a request, up to its limit."""
    if _is_plain(land, request):
        return list(itertools.islice(_single(land, request.groups[0]), request.limit))
    found: list[Way] = []
    seen: set[str] = set()
    for root_id, tree in land.trees.items():
        has = land.traits.get(root_id, set())
        if not request.root_required <= has or request.root_forbidden & has:
            continue
        for way in _of_tree(land, request, tree):
            key = repr((sorted((p, sorted(a.items())) for p, a in way.amounts.items()), way.mappings))
            if key not in seen:
                seen.add(key)
                found.append(way)
            if request.limit is not None and len(found) >= request.limit:
                return found
    return found


async def ways_beside(land: Landscape, request: Request) -> list[Way]:
    """Return the same: in a thread where trees are to be combined, which may take seconds."""
    if _is_plain(land, request):
        return ways(land, request)
    return await asyncio.to_thread(ways, land, request)


def _is_plain(land: Landscape, request: Request) -> bool:
    """Say whether each provider can be looked at by itself: all are their own tree, and nobody shares."""
    alone = not request.root_required and not request.root_forbidden and not request.subtrees
    whole = len(request.groups) == 1 and not request.groups[0].suffix
    return alone and whole and not land.sharers and len(land.trees) == len(land.providers)


def _single(land: Landscape, group: Group) -> Iterator[Way]:
    """Yield the providers that serve a group, each by itself."""
    wanted = dict(group.resources)
    amounts = list(wanted.items())
    rooms, traits = land.rooms, land.traits
    chosen = bool(group.required or group.forbidden or group.member_of or group.not_member_of)
    named = chosen or group.in_tree is not None
    for id_, provider in land.providers.items():
        has = rooms.get(id_)
        if has is None:
            continue
        for resource, amount in amounts:
            room = has.get(resource)
            if room is None or not room.gives(amount):
                break
        else:
            if not named or (_fits(land, group, provider) and _is(traits.get(id_, set()), group)):
                yield Way({id_: wanted}, {"": [id_]})


def _of_tree(land: Landscape, request: Request, tree: Sequence[Provider]) -> Iterator[Way]:
    """Yield the ways in which one tree serves a request; its own providers give a part at least."""
    shared = land.sharing(tree)
    choices = []
    for group in request.groups:
        fit = [p for p in (*tree, *shared) if _fits(land, group, p)]
        options = _spread(land, group, fit) if not group.suffix else _whole(land, group, fit)
        if not options:
            return
        choices.append(options)
    own = {provider.id for provider in tree}
    merged = (_merged(request.groups, chosen) for chosen in _together(land, request, choices))
    found = (
        way
        for way in merged
        if own & way.amounts.keys() and all(_is_subtree(land, way, names) for names in request.subtrees)
    )
    yield from itertools.islice(found, MOST_OF_A_TREE)


def _together(
    land: Landscape, request: Request, choices: Sequence[Sequence["Choice"]]
) -> Iterator[Sequence["Choice"]]:
    """Yield a choice for each group, of those that go together.

    What does not go with the groups before is not combined with those after: of ten groups that are to be
    apart, nobody would live to see all combinations.
    """
    picked: list[Choice] = []
    waiting = [iter(choices[0])]
    for _ in range(MOST_LOOKS):
        while (choice := next(waiting[-1], None)) is None:
            waiting.pop()
            if not waiting:
                return
            picked.pop()
        if not _goes_with(land, request, picked, choice):
            continue
        if len(waiting) == len(choices):
            yield (*picked, choice)
        else:
            picked.append(choice)
            waiting.append(iter(choices[len(picked)]))


def _goes_with(land: Landscape, request: Request, picked: Sequence["Choice"], choice: "Choice") -> bool:
    """Say whether a choice can be made beside those for the groups before it."""
    before = zip(request.groups, picked, strict=False)
    apart = request.isolate and request.groups[len(picked)].suffix
    if apart and any(group.suffix and other.keys() & choice.keys() for group, other in before):
        return False
    for id_, wanted in choice.items():
        others = [other[id_] for other in picked if id_ in other]
        if others:
            total = sum(map(Counter, others), Counter(wanted))
            if domain.objections(land.rooms.get(id_, {}), total) is not None:
                return False
    return True


def _fits(land: Landscape, group: Group, provider: Provider) -> bool:
    """Say whether a provider may serve a group at all: by its tree, its aggregates, what it must not be."""
    if group.in_tree is not None:
        named = land.providers.get(group.in_tree)
        if named is None or provider.root_id != named.root_id:
            return False
    member = land.aggregates.get(provider.id, set()) | land.aggregates.get(provider.root_id, set())
    if any(not wanted & member for wanted in group.member_of) or group.not_member_of & member:
        return False
    return not group.forbidden & land.traits.get(provider.id, set())


Choice = dict[str, dict[str, int]]  # provider → class → amount


def _whole(land: Landscape, group: Group, providers: Sequence[Provider]) -> list[Choice]:
    """Return the providers that serve a whole group by themselves."""
    return [
        {provider.id: dict(group.resources)}
        for provider in providers
        if _is(land.traits.get(provider.id, set()), group)
        and domain.objections(land.rooms.get(provider.id, {}), group.resources) is None
    ]


def _spread(land: Landscape, group: Group, providers: Sequence[Provider]) -> list[Choice]:
    """Return the ways in which providers serve a group together; its traits may be on any of them."""
    by_class = [
        [
            provider.id
            for provider in providers
            if domain.objections(land.rooms.get(provider.id, {}), {resource: amount}) is None
        ]
        for resource, amount in group.resources.items()
    ]
    found = []
    for chosen in itertools.islice(itertools.product(*by_class), MOST_OF_A_TREE):
        if _is(set[str]().union(*(land.traits.get(id_, ()) for id_ in chosen)), group):
            choice: Choice = defaultdict(dict)
            for id_, (resource, amount) in zip(chosen, group.resources.items(), strict=True):
                choice[id_][resource] = amount
            found.append(dict(choice))
    return found


def _is(traits: Collection[str], group: Group) -> bool:
    return all(any(name in traits for name in alternatives) for alternatives in group.required)


def _merged(groups: Sequence[Group], chosen: Sequence[Choice]) -> Way:
    amounts: dict[str, dict[str, int]] = {}
    mappings = {}
    for group, choice in zip(groups, chosen, strict=True):
        mappings[group.suffix] = list(choice)
        for id_, wanted in choice.items():
            if not wanted:
                continue  # it is only to be there
            has = amounts.setdefault(id_, {})
            for resource, amount in wanted.items():
                has[resource] = has.get(resource, 0) + amount
    return Way(amounts, mappings)


def _is_subtree(land: Landscape, way: Way, suffixes: Collection[str]) -> bool:
    """Say whether one of the providers of these groups is above all the others."""
    ids = {id_ for suffix in suffixes for id_ in way.mappings.get(suffix, ())}
    if not ids:
        return True
    common = set.intersection(*(set(land.ancestors(id_)) for id_ in ids))
    return bool(common & ids)
