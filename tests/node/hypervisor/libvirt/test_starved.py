"""Guests that wait for room on their disk go on when there is some, and no others."""

from pathlib import Path

import libvirt
import pytest

from cumulo.node.hypervisor.libvirt import starved

PAUSED = libvirt.VIR_DOMAIN_PAUSED
IOERROR, USER = libvirt.VIR_DOMAIN_PAUSED_IOERROR, libvirt.VIR_DOMAIN_PAUSED_USER
FULL, BROKEN = libvirt.VIR_DOMAIN_DISK_ERROR_NO_SPACE, libvirt.VIR_DOMAIN_DISK_ERROR_UNSPEC


class Domain:
    def __init__(self, name: str, reason: int, errors: dict[str, int] | None) -> None:
        self._name, self._reason, self._errors = name, reason, errors
        self.goes_on = False

    def name(self) -> str:
        return self._name

    def state(self) -> list[int]:
        return [PAUSED, self._reason]

    def diskErrors(self) -> dict[str, int]:  # noqa: N802  libvirt's name
        if self._errors is None:
            raise libvirt.libvirtError("it has gone")
        return self._errors

    def resume(self) -> None:
        self.goes_on = True


class Connection:
    def __init__(self, *domains: Domain) -> None:
        self._domains = domains

    def listAllDomains(self, flags: int) -> list[Domain]:  # noqa: N802  libvirt's name
        assert flags == libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED
        return list(self._domains)


def test_only_own_guests_that_lacked_room_go_on(tmp_path: Path):
    domains = [
        Domain("cu0-gone", IOERROR, None),
        Domain("cu0-full", IOERROR, {"vdb": FULL}),
        Domain("cu0-broken", IOERROR, {"vdb": BROKEN}),
        Domain("cu0-paused", USER, {"vdb": FULL}),
        Domain("cu1-full", IOERROR, {"vdb": FULL}),
    ]
    starved.feed(Connection(*domains), "cu0-", tmp_path)
    assert [domain.name() for domain in domains if domain.goes_on] == ["cu0-full"]


def test_without_room_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starved, "ROOM", 1 << 62)
    domain = Domain("cu0-full", IOERROR, {"vdb": FULL})
    starved.feed(Connection(domain), "cu0-", tmp_path)
    assert not domain.goes_on
