"""A trie of path segments: the cost of a look-up grows with the path, not with the routes.

A literal segment wins over a `{name}`; when the literal's branch leads nowhere the `{name}` is tried, so
`/v2.1/servers/x` and `/v2.1/{project_id}/servers` live side by side.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class Node(Generic[T]):
    """One segment: what follows it, and what is served at it (method → entries)."""

    __slots__ = ("literal", "methods", "parameter", "rest")

    def __init__(self) -> None:
        self.literal: dict[str, Node[T]] = {}
        self.parameter: Node[T] | None = None
        self.rest = False
        self.methods: dict[str, list[T]] = {}


class Router(Generic[T]):
    """Entries by method and path. `{name}` takes one segment, `{name+}` at the end takes the rest."""

    def __init__(self) -> None:
        self.root: Node[T] = Node()

    def add(self, method: str, path: str, entry: T, *, alike: bool = False) -> None:
        """Add an entry; several may share method and path (actions, versions).

        alike: `-` in a literal segment may be written `_`, and the other way.
        """
        node = self.root
        for segment in path.strip("/").split("/"):
            if not segment:
                continue
            above, node = node, self._child(node, segment)
            if alike and not segment.startswith("{"):
                for spelt in (segment.replace("-", "_"), segment.replace("_", "-")):
                    above.literal.setdefault(spelt, node)
        node.methods.setdefault(method, []).append(entry)

    @staticmethod
    def _child(node: Node[T], segment: str) -> Node[T]:
        if not segment.startswith("{"):
            return node.literal.setdefault(segment, Node())
        if node.parameter is None:
            node.parameter = Node()
            node.parameter.rest = segment.endswith("+}")
        return node.parameter

    def find(self, segments: list[str]) -> tuple[Node[T], list[str]] | None:
        """Return the node for a path and the values of its parameters, in path order."""
        return _find(self.root, segments, 0)


def _find(node: Node[T], segments: list[str], at: int) -> tuple[Node[T], list[str]] | None:
    if at == len(segments):
        return (node, []) if node.methods else None
    literal = node.literal.get(segments[at])
    if literal is not None:
        found = _find(literal, segments, at + 1)
        if found is not None:
            return found
    parameter = node.parameter
    if parameter is None:
        return None
    if parameter.rest:
        return (parameter, ["/".join(segments[at:])]) if parameter.methods else None
    found = _find(parameter, segments, at + 1)
    if found is None:
        return None
    return found[0], [segments[at], *found[1]]
