import pytest

from cumulo.core.drivers import DriverError, Gone, Permanent, Registry, Temporary, Unsupported


def test_a_driver_is_found_by_its_name() -> None:
    registry: Registry[type] = Registry("test")

    @registry.register("plain")
    class Plain:
        pass

    assert registry.get("plain") is Plain
    with pytest.raises(Unsupported, match="no test driver 'odd'; known: plain"):
        registry.get("odd")


def test_errors_tell_users_only_what_is_meant_for_them() -> None:
    assert Permanent("disk sda1 is full").public == "disk sda1 is full"
    assert Permanent("disk sda1 is full", public="No space.").public == "No space."
    assert Temporary("busy", retry_in=2).retry_in == 2
    assert issubclass(Gone, Permanent)
    assert not issubclass(Temporary, Permanent)
    assert issubclass(Unsupported, DriverError)
