"""A cloud with the image service alone, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.contracts.image import Images
from cumulo.core.db import Database
from cumulo.services.image import SERVICE
from cumulo.services.image.adapter import ImagesAdapter
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.testing.cloud import Cloud


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(size_limit=1 << 24, tag_limit=3, property_limit=5, upload_silence=5)


@pytest.fixture
async def cloud(database: Database, folder: Path, settings: ImageSettings) -> AsyncIterator[Cloud]:
    bindings: dict[type, Any] = {Store: FileStore(folder), ImageSettings: settings}
    bindings[Images] = ImagesAdapter(bindings.__getitem__)
    async with Cloud([SERVICE], database, bindings) as cloud:
        yield cloud
