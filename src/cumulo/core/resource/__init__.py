"""Resources: views, bodies, lists and operations that follow from declarations."""

from cumulo.core.flags import (
    Computed,
    Filterable,
    Guarded,
    Since,
    Sortable,
    Source,
    Spread,
    Until,
    VisibleTo,
    Wire,
)
from cumulo.core.http.body import Body, OpenBody
from cumulo.core.http.openapi import document
from cumulo.core.resource.query import BadParameter, as_bool, as_int, as_time
from cumulo.core.resource.resource import GLOBAL, PROJECT, Resource, Scope, save_changes
from cumulo.core.resource.view import PageContext, Shape, View

__all__ = [
    "GLOBAL",
    "PROJECT",
    "BadParameter",
    "Body",
    "Computed",
    "Filterable",
    "Guarded",
    "OpenBody",
    "PageContext",
    "Resource",
    "Scope",
    "Shape",
    "Since",
    "Sortable",
    "Source",
    "Spread",
    "Until",
    "View",
    "VisibleTo",
    "Wire",
    "as_bool",
    "as_int",
    "as_time",
    "document",
    "save_changes",
]
