"""A cloud with the image service alone, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.contracts.identity import UnifiedLimits
from cumulo.contracts.image import Images
from cumulo.core.db import Database, Reader
from cumulo.services.image import SERVICE
from cumulo.services.image.adapter import ImagesAdapter
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.stores import Stores, open_stores
from cumulo.services.image.drivers.web import Web, open_web
from cumulo.testing.cloud import Cloud


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(size_limit=1 << 24, tag_limit=3, property_limit=5, upload_silence=5)


class FixedLimits(dict[str, int]):
    """Unified limits that a test writes."""

    async def of(self, db: Reader, service: str, project_id: str) -> dict[str, int]:
        assert service == "image"
        return self


@pytest.fixture
def unified() -> FixedLimits:
    return FixedLimits()


@pytest.fixture
async def cloud(
    database: Database, folder: Path, settings: ImageSettings, unified: FixedLimits
) -> AsyncIterator[Cloud]:
    bindings: dict[type, Any] = {Store: FileStore(folder), ImageSettings: settings, UnifiedLimits: unified}
    bindings |= {Stores: open_stores(bindings.__getitem__), Web: open_web(bindings.__getitem__)}
    async with Cloud([SERVICE], database, bindings) as cloud:
        cloud.bindings[Images] = ImagesAdapter(cloud.bindings.__getitem__)
        yield cloud
