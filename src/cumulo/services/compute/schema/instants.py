"""Instants as servers' documents write them, encoded: msgspec writes one in a quarter of Python's time.

They show seconds: who asks for what changed until one of them means all of that second.
"""

from datetime import MAXYEAR, datetime
from typing import Any

import msgspec

from cumulo.core.resource import as_time

_encode = msgspec.json.Encoder().encode
_WHOLE = len(b'"2026-01-02T03:04:05Z"')  # as long as an instant without a fraction gets
_SECONDS = len(b'"2026-01-02T03:04:05')
_MICROSECONDS = len(b'"2026-01-02T03:04:05.000000')


def to_the_second(moment: datetime) -> Any:
    """Return `2026-01-02T03:04:05Z`."""
    return msgspec.Raw(_encode(moment)[:_SECONDS] + b'Z"')


def without_zone(moment: datetime) -> Any:
    """Return `2026-01-02T03:04:05.000000`, as the usage fields have it."""
    text = _encode(moment)
    if len(text) == _WHOLE:
        return msgspec.Raw(text[:_SECONDS] + b'.000000"')
    return msgspec.Raw(text[:_MICROSECONDS] + b'"')


def until_second(name: str, value: str) -> datetime:
    """Read an instant as the end of its second. BadParameter."""
    moment = as_time(name, value)
    return moment if moment.year == MAXYEAR else moment.replace(microsecond=999_999)
