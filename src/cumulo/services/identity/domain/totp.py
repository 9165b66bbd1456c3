"""Codes by time (RFC 6238): HMAC-SHA1 over the number of 30-second steps, six digits."""

import base64
import binascii
import hmac
from collections.abc import Iterable

from cumulo.core import clock

STEP = 30  # seconds
DIGITS = 6
PREVIOUS = 1  # how many steps a code may be late


def code(seed: str, step: int) -> str:
    """Return the code of a step; the seed is in base32. Raises ValueError for a seed that is none."""
    try:
        key = base64.b32decode(seed.strip().upper() + "=" * (-len(seed.strip()) % 8))
    except binascii.Error as error:
        raise ValueError(seed) from error
    digest = hmac.digest(key, step.to_bytes(8), "sha1")
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(seeds: Iterable[str], given: str) -> int | None:
    """Return the step whose code was given, of this one and those just before; None when it was of none."""
    now = int(clock.now().timestamp()) // STEP
    found = None
    for seed in seeds:
        for step in range(now - PREVIOUS, now + 1):
            try:
                right = hmac.compare_digest(code(seed, step).encode(), given.encode())
            except ValueError:
                continue
            found = step if right else found
    return found
