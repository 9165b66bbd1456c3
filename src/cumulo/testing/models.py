"""Every model there is, for those who compare them with the revisions."""

import importlib
import pkgutil

import cumulo.core
import cumulo.services
from cumulo.core.db import METADATA


def import_models() -> None:
    """Import all that declares tables, so that METADATA is whole."""
    for package in (cumulo.core, cumulo.services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


__all__ = ["METADATA", "import_models"]
