"""All the places where images' bytes are kept, and two that only this service knows: staging and cache."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore


class Kept(msgspec.Struct, frozen=True):
    """A store and what is told of it. Of several stores, the one of the highest weight comes first."""

    store: Store
    description: str
    weight: int
    folder: str


class Stores:
    """The stores by name. staging: data before its import; cache: copies of what stores keep."""

    def __init__(self, kept: Mapping[str, Kept], default: str, staging: Store, cache: Store) -> None:
        self.kept = kept
        self.default = default
        self.staging = staging
        self.cache = cache

    @property
    def names(self) -> list[str]:
        """All names, in the order that they are told in."""
        return self.ordered(self.kept)

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Sort stores' names: the heaviest first, then by name; one no longer configured weighs nothing."""
        return sorted(names, key=lambda name: (-self.kept[name].weight if name in self.kept else 0, name))

    def get(self, name: str) -> Store:
        """Return a store. Raises KeyError."""
        return self.kept[name].store

    @property
    def all(self) -> list[Store]:
        """Every store, staging and cache included."""
        return [*(kept.store for kept in self.kept.values()), self.staging, self.cache]


def open_stores(use: Callable[[type[Any]], Any]) -> Stores:
    """Return the stores of the settings, beside the one that the cloud always has."""
    default: Store = use(Store)
    settings: ImageSettings = use(ImageSettings)
    home = default.path("-")
    if home is None:
        raise ValueError("the first store must keep files, for others stage and cache beside it")
    home = home.parent
    kept = {default.name: Kept(default, settings.store_description, settings.store_weight, str(home))}
    for name, chosen in settings.stores.items():
        folder = home.parent / Path(chosen.path or f"images-{name}")
        kept[name] = Kept(FileStore(folder, name=name), chosen.description, chosen.weight, str(folder))
    staging = FileStore(home / "staging", name="staging")
    cache = FileStore(home / "cache", name="cache")
    return Stores(kept, settings.default_store or default.name, staging, cache)
