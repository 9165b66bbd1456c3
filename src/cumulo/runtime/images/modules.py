"""A kernel's modules, with what each needs loaded before it."""

from collections.abc import Collection, Iterable
from pathlib import Path

from cumulo.core.errors import Unavailable
from cumulo.runtime.images.tools import run


class NoSuchModule(Unavailable):
    """The kernel package has no module of this name."""


class Modules:
    """The modules of a kernel package unpacked under `root`."""

    def __init__(self, root: Path) -> None:
        self.folder = next((root / "lib/modules").iterdir())
        self.release = self.folder.name
        run(["depmod", "-b", root, self.release])
        self._needs: dict[str, list[str]] = {}
        self._paths: dict[str, str] = {}
        for line in (self.folder / "modules.dep").read_text().splitlines():
            path, _, needs = line.partition(":")
            self._paths[_name(path)] = path
            self._needs[path] = needs.split()

    def closure(self, names: Iterable[str]) -> list[str]:
        """Return paths (below `folder`) of these modules and all they need, in the order to load them."""
        ordered: list[str] = []
        for name in names:
            path = self._paths.get(_name(name))
            if path is None:
                raise NoSuchModule(f"kernel {self.release} has no module {name}")
            # modules.dep lists what is needed from near to far: load it backwards
            for needed in [*reversed(self._needs[path]), path]:
                if needed not in ordered:
                    ordered.append(needed)
        return ordered

    def indexes(self, paths: Collection[str]) -> dict[str, str]:
        """Return depmod's files of no more than these modules, by which `modprobe` finds them."""
        needs = [f"{path}: {' '.join(self._needs[path])}".rstrip() for path in paths]
        names = {_name(path) for path in paths}
        aliases = (self.folder / "modules.alias").read_text().splitlines()
        known = [line for line in aliases if line.startswith("alias ") and line.rsplit(" ", 1)[-1] in names]
        return {"modules.dep": _lines(needs), "modules.alias": _lines(known)}


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".ko").replace("-", "_")
