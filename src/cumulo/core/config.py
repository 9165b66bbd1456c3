"""Settings: one TOML file, one frozen struct per section, a working default for every value."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from cumulo.core.errors import Invalid


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[section]` of the file. Subclasses name it and give every field a default."""

    section: ClassVar[str]


class BadSetting(Invalid):
    """{path}: [{section}] {reason}"""


def load(
    path: Path | None, sections: Iterable[type[Section]], *, whole: bool = True
) -> dict[type[Section], Section]:
    """Read the file (all defaults when there is none) into one struct per section.

    Raises BadSetting for an unknown section (unless these are not the `whole` file's) or key and for a
    value of the wrong type, naming it.
    """
    text: Mapping[str, Any] = {}
    if path is not None and path.exists():
        text = _parse(path)
    known = {section.section: section for section in sections}
    for name in text:
        if whole and name not in known:
            raise BadSetting(path=path, section=name, reason="is no section that Cumulo knows")
    return {kind: _convert(path, kind, text.get(name, {})) for name, kind in known.items()}


def _parse(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(path=path, section="", reason=str(error)) from error


def _convert(path: Path | None, kind: type[Section], values: Any) -> Section:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise BadSetting(path=path, section=kind.section, reason=str(error)) from error
