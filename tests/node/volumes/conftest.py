"""What tests of pools share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.testing.block_device import attached
from cumulo.testing.volumes import Attach


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return a folder whose path leaves room for the name of a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="vols-") as folder:
        yield Path(folder)


@pytest.fixture
def attach() -> Attach:
    """Return how tests reach what a pool exports."""
    return attached
