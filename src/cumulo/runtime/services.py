"""The services of this package: every package of `cumulo.services` that has a `SERVICE`, and Cumulo's own."""

import importlib
import pkgutil
from collections.abc import Iterable

import cumulo.services
from cumulo.core.http import Service
from cumulo.runtime import console, operations
from cumulo.services.identity.domain import CatalogEntry


def all_services() -> tuple[Service, ...]:
    """Return the services by name, Cumulo's own extensions last."""
    found = []
    for package in pkgutil.iter_modules(cumulo.services.__path__):
        module = importlib.import_module(f"cumulo.services.{package.name}")
        service = getattr(module, "SERVICE", None)
        if service is not None:
            found.append(service)
    return (*found, console.SERVICE, operations.SERVICE)


def catalog(services: Iterable[Service], url: str) -> list[CatalogEntry]:
    """Return the entries of the catalog: a service is listed under each of its types."""
    return [
        CatalogEntry(
            type=kind,
            name=service.known_as or service.name,
            url=f"{url}{service.dialect.path}{service.endpoint}",
            description=service.description,
        )
        for service in services
        for kind in service.types
    ]
