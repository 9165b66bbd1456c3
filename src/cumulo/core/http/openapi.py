"""An OpenAPI 3.1 document of a service, from its operations: nothing in it is written by hand."""

from typing import Any

import msgspec

from cumulo.core.http.body import BodyForm
from cumulo.core.http.operation import Operation
from cumulo.core.http.service import Service
from cumulo.core.microversions import text

_REF = "#/components/schemas/{name}"


def document(service: Service) -> dict[str, Any]:
    """Return the document. Actions that share a path become one operation with alternatives."""
    operations = service.operations()
    bodies = [o.body.type for o in operations if o.body is not None]
    shapes, components = msgspec.json.schema_components(bodies, ref_template=_REF)
    remaining = iter(shapes)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        shape = next(remaining) if operation.body is not None else None
        path = _path(service, operation)
        methods = paths.setdefault(path, {})
        described = _describe(service, operation, shape)
        method = operation.method.lower()
        methods[method] = _joined(methods[method], described) if method in methods else described
    return {
        "openapi": "3.1.0",
        "info": {"title": service.description or service.name, "version": _version(service)},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


_SECURITY = {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}}


def _version(service: Service) -> str:
    microversions = service.dialect.microversions
    return microversions.maximum if microversions else service.dialect.version_path.strip("/") or "1"


def _path(service: Service, operation: Operation) -> str:
    prefix = "" if operation.at_root else service.dialect.version_path
    return (service.dialect.path + prefix + operation.path).replace("+}", "}") or "/"


def _describe(service: Service, operation: Operation, shape: dict[str, Any] | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{service.name}.{operation.name}",
        "summary": operation.summary,
        "responses": {str(operation.status): {"description": "Done."}},
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in operation.parameters
        ],
    }
    if operation.policy is not None:
        described["security"] = [{"token": []}]
        described["x-policy"] = operation.policy.name
    if operation.since or operation.until:
        described["x-microversions"] = [
            text(operation.since) if operation.since else None,
            text(operation.until) if operation.until else None,
        ]
    if operation.lists and operation.view is not None:
        described["parameters"] += [
            {"name": field.wire, "in": "query", "schema": {"type": "string"}}
            for field in operation.view.fields
            if field.filterable
        ]
    if shape is not None and operation.body is not None:
        described["requestBody"] = _request(operation, operation.body, shape)
    return described


def _request(operation: Operation, form: BodyForm, shape: dict[str, Any]) -> dict[str, Any]:
    key = operation.action or form.envelope
    if key:
        shape = {"type": "object", "required": [key], "properties": {key: shape}}
    return {"content": {operation.media[0]: {"schema": shape}}}


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Fold another action into an operation: one more alternative for the body."""
    schemas = []
    for described in (first, second):
        content = described.get("requestBody", {}).get("content", {})
        for media in content.values():
            schema = media["schema"]
            schemas += schema.get("oneOf", [schema])
    joined = dict(first)
    if schemas:
        joined["requestBody"] = {"content": {"application/json": {"schema": {"oneOf": schemas}}}}
    return joined
