"""Measuring a process from outside."""

import os

from cumulo.runtime.bench.meter import Figure, cpu_seconds, measure, memory_mb


def test_processor_time_grows_with_work():
    before = cpu_seconds(os.getpid())
    sum(number * number for number in range(300_000))
    assert cpu_seconds(os.getpid()) > before


def test_memory_is_that_of_a_python_process():
    assert 1 < memory_mb(os.getpid()) < 10_000


def test_each_call_is_counted_after_a_warm_up():
    calls: list[int] = []
    figure = measure("nothing", os.getpid(), lambda: calls.append(1), 10, reach_cpu_ms=1000)
    assert len(calls) == 13
    assert figure.count == 10
    assert figure.is_met


def test_a_figure_without_a_promise_is_neither_met_nor_missed():
    assert Figure(name="x", value=3).is_met is None
    assert Figure(name="x", value=3, reach=2).is_met is False
