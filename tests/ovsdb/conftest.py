import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.testing import ovn


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 bytes only."""
    path = Path(tempfile.mkdtemp(prefix="net-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def northbound(folder: Path) -> Iterator[str]:
    """The address of an empty OVN northbound database of our own."""
    if not ovn.available():
        pytest.skip("Open vSwitch and OVN are not installed")
    with ovn.ovsdb(folder, "nb") as address:
        yield address
