"""Identifiers as OpenStack's services write them."""

import uuid


def dashed() -> str:
    """Return a new id in the dashed form of compute, image, network and block storage."""
    return str(uuid.uuid4())


def plain() -> str:
    """Return a new id in identity's form: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def request() -> str:
    """Return a new request id (`req-` and a UUID, as oslo.middleware forms it)."""
    return f"req-{uuid.uuid4()}"
