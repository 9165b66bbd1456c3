"""Names of sagas and their parts are stored with tasks under way: changing one must be meant."""

from collections.abc import Callable

import pytest

from cumulo.core.http import Service


def test_names_of_sagas_and_parts_change_only_on_purpose(
    services: list[Service], matches_golden: Callable[[str, str], None]
):
    names = [
        f"{service.name} {saga.__name__} {part}"
        for service in services
        for saga in service.sagas
        for part in saga.parts
    ]
    matches_golden("sagas", "".join(f"{name}\n" for name in names))


def test_no_two_sagas_share_a_name(services: list[Service]):
    names = [saga.__name__ for service in services for saga in service.sagas]
    assert len(names) == len(set(names))


def test_every_saga_and_part_says_what_it_does(services: list[Service]):
    mute = [
        f"{saga.__name__}.{name}"
        for service in services
        for saga in service.sagas
        for name, part in saga.parts.items()
        if " " not in part.summary or saga.summary() == saga.__name__
    ]
    if mute:
        pytest.fail("\n".join(mute), pytrace=False)
