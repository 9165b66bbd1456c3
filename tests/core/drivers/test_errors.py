from cumulo.core.drivers import DriverError, Gone, Permanent, Temporary, Unsupported


def test_errors_tell_users_only_what_is_meant_for_them() -> None:
    assert Permanent("disk sda1 is full").public == "disk sda1 is full"
    assert Permanent("disk sda1 is full", public="No space.").public == "No space."
    assert Temporary("busy", retry_in=2).retry_in == 2
    assert issubclass(Gone, Permanent)
    assert not issubclass(Temporary, Permanent)
    assert issubclass(Unsupported, DriverError)
