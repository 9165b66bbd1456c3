"""What was not made does not count as made fast."""

import threading
from typing import Any, cast

import pytest

from cumulo.runtime.bench.client import Client, Refused
from cumulo.runtime.bench.memory import Memory
from cumulo.runtime.bench.workload import BATCH, Workload


class Cloud:
    """A client of a cloud that makes servers, but for some, and deletes none."""

    token = ""

    def __init__(self, refused: int = 0, stays: bool = False) -> None:
        self._left = refused
        self._lock = threading.Lock()
        self._stays = stays

    def twin(self) -> "Cloud":
        return self

    def issue(self) -> None: ...

    def call(self, *_: Any) -> bytes:
        return b""

    def json(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            return {"servers": [{"id": "s"}] if self._stays else []}
        with self._lock:
            self._left -= 1
            if "servers" in path and self._left >= 0:
                raise Refused("409")
        return {"id": "i", "network": {"id": "n"}, "server": {"id": f"s{self._left}"}}


def workload(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Workload:
    monkeypatch.setattr("cumulo.runtime.bench.workload.cpu_seconds", lambda _: 0.0)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    return Workload(cast(Client, cloud), 1)


def test_servers_that_were_refused_are_no_fast_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workload(Cloud(), monkeypatch).many_servers().count == BATCH
    with pytest.raises(RuntimeError, match=f"only {BATCH - 3} of {BATCH}"):
        workload(Cloud(refused=3 + 2), monkeypatch).many_servers()  # image and network are asked for, too


def test_a_server_that_cannot_be_deleted_does_not_hold_the_bench_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cumulo.runtime.bench.memory.PATIENCE", 0.01)
    with pytest.raises(RuntimeError, match="1 servers cannot be deleted"):
        Memory(workload(Cloud(stays=True), monkeypatch))._remove_servers()
