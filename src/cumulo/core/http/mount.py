"""Where a service stands in the URL space: its operations in a trie of their own."""

from dataclasses import dataclass

from cumulo.core.http.operation import Operation
from cumulo.core.http.router import Router
from cumulo.core.http.service import Opened, Service

PATH_PROJECT = "(project)"  # the name of `/{project_id}` where a dialect allows one before every path


@dataclass(frozen=True)
class Route:
    """An operation at one of its paths, with the names of that path's parameters."""

    operation: Operation
    names: tuple[str, ...]


class Mount:
    """One service's paths."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.router: Router[Route] = Router()
        self.websockets: dict[str, Opened] = service.websockets()
        self._public: set[tuple[str, ...]] = set()
        for operation in service.operations():
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        dialect = self.service.dialect
        prefix = "" if operation.at_root else dialect.version_path
        names = operation.parameters
        path = prefix + operation.path
        self.router.add(operation.method, path, Route(operation, names), alike=dialect.dashes_alike)
        if operation.policy is None:
            self._public.add(tuple(path.strip("/").split("/")))
        if dialect.project_in_path and not operation.at_root and operation.path:
            path = f"{prefix}/{{project_id}}{operation.path}"
            self.router.add(operation.method, path, Route(operation, (PATH_PROJECT, *names)))

    def open_to_all(self, segments: list[str]) -> bool:
        """Say whether a path that leads nowhere lies where no token is asked for."""
        return len(segments) == 0 or tuple(segments) in self._public
