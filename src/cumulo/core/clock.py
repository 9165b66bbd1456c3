"""The one source of time, so that tests can set it.

Every instant inside Cumulo is an aware UTC `datetime`; only a service's dialect turns one into text.
"""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back."""
    return time.monotonic()
