"""HTTP: a trie router, dialects as data, one pipeline for every operation of every service."""

from cumulo.core.http.app import App, Engine, origin
from cumulo.core.http.body import Body, BodyForm, KeepingBody, OpenBody
from cumulo.core.http.context import Ctx
from cumulo.core.http.cors import Cors
from cumulo.core.http.dialect import (
    Dialect,
    Fault,
    Page,
    bare_microseconds,
    field_and_value,
    identity_links,
    microseconds,
    no_links,
    plain_fault,
    relation_links,
    seconds,
)
from cumulo.core.http.messages import Disconnected, FileBody, Headers, Request, Response
from cumulo.core.http.operation import Operation
from cumulo.core.http.service import RouteSet, Service
from cumulo.core.http.websockets import WebSocket

__all__ = [
    "App",
    "Body",
    "BodyForm",
    "Cors",
    "Ctx",
    "Dialect",
    "Disconnected",
    "Engine",
    "Fault",
    "FileBody",
    "Headers",
    "KeepingBody",
    "OpenBody",
    "Operation",
    "Page",
    "Request",
    "Response",
    "RouteSet",
    "Service",
    "WebSocket",
    "bare_microseconds",
    "field_and_value",
    "identity_links",
    "microseconds",
    "no_links",
    "origin",
    "plain_fault",
    "relation_links",
    "seconds",
]
