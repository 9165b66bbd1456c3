"""A table of records in a Ceph cluster, here of made-up bindings: they give few records at a time."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Self

import pytest

from cumulo.node.volumes.rbd import cluster
from cumulo.node.volumes.rbd.cluster import Account, Cluster

AT_A_TIME = 1024  # Ceph's default


class ObjectNotFound(Exception):
    """Rados' word for it."""


class Context:
    """A request of several parts; what is asked is answered when it is sent."""

    def __init__(self) -> None:
        self.ask: Any = None
        self.answer: list[tuple[str, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Pool:
    """A pool with tables in memory."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, bytes]] = {}

    def get_omap_vals(
        self, reading: Context, after: str, prefix: str, most: int
    ) -> tuple[Iterator[tuple[str, bytes]], int]:
        assert prefix == ""

        def ask(table: dict[str, bytes]) -> list[tuple[str, bytes]]:
            names = sorted(name for name in table if name > after)
            return [(name, table[name]) for name in names[: min(most, AT_A_TIME)]]

        reading.ask = ask
        return self._later(reading), 0

    def get_omap_vals_by_keys(
        self, reading: Context, names: tuple[str, ...]
    ) -> tuple[Iterator[tuple[str, bytes]], int]:
        reading.ask = lambda table: [(name, table[name]) for name in names if name in table]
        return self._later(reading), 0

    def operate_read_op(self, reading: Context, table: str) -> None:
        if table not in self.tables:
            raise ObjectNotFound
        reading.answer = reading.ask(self.tables[table])

    def _later(self, reading: Context) -> Iterator[tuple[str, bytes]]:
        yield from reading.answer


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    bindings = SimpleNamespace(ReadOpCtx=Context, ObjectNotFound=ObjectNotFound)
    monkeypatch.setattr(cluster, "bindings", lambda _: bindings)
    return Pool()


@pytest.fixture
def ceph(pool: Pool) -> Cluster:
    made = Cluster("volumes", Account(user="cinder", conf="", keyring=""))
    made._io = pool
    return made


def test_a_table_is_read_to_its_end(ceph: Cluster, pool: Pool) -> None:
    pool.tables["t"] = {f"{number:05}": b"x" for number in range(2 * AT_A_TIME + 7)}
    assert ceph.records("t") == pool.tables["t"]
    assert ceph.one_record("t", "02050") == b"x"
    assert ceph.one_record("t", "none") is None


def test_a_table_that_nobody_wrote_to_is_empty(ceph: Cluster) -> None:
    assert ceph.records("t") == {}
    assert ceph.one_record("t", "a") is None
