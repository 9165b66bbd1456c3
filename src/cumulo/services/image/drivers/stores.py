"""All the places where images' bytes are kept, and two that only this service knows: staging and cache."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cumulo.services.image.config import FIRST_STORE, RBD, ImageSettings, StoreSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.rbd import RbdStore


class Kept(msgspec.Struct, frozen=True):
    """A store and what is told of it. Of several stores, the one of the highest weight comes first."""

    store: Store
    description: str
    weight: int
    kind: str
    properties: dict[str, str]


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
    def distant(self) -> list[str]:
        """The stores whose images lie on no machine: to start from one takes the cache's copy."""
        return [name for name, kept in self.kept.items() if kept.kind != FIRST_STORE]

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
    kept = {
        default.name: Kept(
            default, settings.store_description, settings.store_weight, FIRST_STORE, {"data_dir": str(home)}
        )
    }
    for name, chosen in settings.stores.items():
        store, properties = _open(name, chosen, home.parent)
        kept[name] = Kept(store, chosen.description, chosen.weight, chosen.driver, properties)
    staging = FileStore(home / "staging", name="staging")
    cache = FileStore(home / "cache", name="cache")
    return Stores(kept, settings.default_store or default.name, staging, cache)


def _open(name: str, chosen: StoreSettings, beside: Path) -> tuple[Store, dict[str, str]]:
    """Return a store of the settings, and what its details tell of it."""
    if chosen.driver == RBD:
        return RbdStore(chosen, name=name), {"pool": chosen.ceph_pool, "user": chosen.user}
    folder = beside / Path(chosen.path or f"images-{name}")
    return FileStore(folder, name=name), {"data_dir": str(folder)}
