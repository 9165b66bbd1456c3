"""Every model there is, for those who compare them with the revisions."""

import importlib
import pkgutil

import sqlalchemy

import cumulo.core
import cumulo.services
from cumulo.core.db import METADATA
from cumulo.core.db.model import HOMES


def shipped() -> sqlalchemy.MetaData:
    """Return the tables of all of Cumulo's own models, and of no test's."""
    for package in (cumulo.core, cumulo.services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    own = sqlalchemy.MetaData(naming_convention=METADATA.naming_convention)
    for table in METADATA.sorted_tables:
        if HOMES[table.name].startswith("cumulo."):
            table.to_metadata(own)
    return own
