"""Files of the node's, and trees that guests made."""

import os
import sys
from pathlib import Path

import pytest

from cumulo.node.files import remove_tree, write_atomically


async def test_a_tree_that_a_guest_made_goes_however_deep_it_is(tmp_path: Path) -> None:
    root = tmp_path / "rootfs"
    root.mkdir()
    at = os.open(root, os.O_RDONLY)
    for _ in range(3 * sys.getrecursionlimit()):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.symlink(tmp_path / "kept", "link", dir_fd=at)
    os.close(at)
    (tmp_path / "kept").mkdir()
    await remove_tree(root)
    assert not root.exists()
    assert (tmp_path / "kept").exists()
    await remove_tree(root)


def test_a_file_that_is_written_is_found_after_the_power_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, too: that is the folder's, which is on disk last."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    write_atomically(tmp_path / "record", b"content")
    assert synced == [(tmp_path / "record").stat().st_ino, tmp_path.stat().st_ino]
