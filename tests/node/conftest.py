"""An Open vSwitch of the tests' own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulo.testing.vswitch import PrivateSwitch


@pytest.fixture(scope="session")
def private_switch() -> Iterator[PrivateSwitch]:
    if os.geteuid() != 0 or shutil.which("ovs-vswitchd") is None:
        pytest.skip("needs root and Open vSwitch")
    folder = Path(tempfile.mkdtemp(prefix="node-"))
    switch = PrivateSwitch(folder, f"cu{folder.name[-4:]}-int")
    try:
        switch.start()
        yield switch
    finally:
        switch.remove()
