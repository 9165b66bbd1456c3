"""A pool of files for a test."""

import contextlib
from collections.abc import AsyncIterator

from cumulo.node.volumes.files.pool import FilePool


@contextlib.asynccontextmanager
async def serving(pool: FilePool) -> AsyncIterator[FilePool]:
    """Have a pool started; afterwards nothing of it runs."""
    await pool.start()
    try:
        yield pool
    finally:
        for export, volume in (await pool.exports()).items():
            await pool.close(volume, export)
        await pool.stop()
