"""What can go wrong in a driver, whatever it drives."""


class DriverError(Exception):
    """The driver failed. `public` is what a user may read of it."""

    def __init__(self, message: str = "", *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = message if public is None else public


class Temporary(DriverError):
    """It failed now but may succeed later; `retry_in` seconds from now is a good time."""

    def __init__(
        self, message: str = "", *, retry_in: float | None = None, public: str | None = None
    ) -> None:
        super().__init__(message, public=public)
        self.retry_in = retry_in


class Permanent(DriverError):
    """It will fail however often it is tried."""


class Gone(Permanent):
    """What was to be worked on does not exist any more."""


class Unsupported(Permanent):
    """This driver cannot do it."""
