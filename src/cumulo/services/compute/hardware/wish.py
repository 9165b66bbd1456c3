"""What a flavor's extra specs and an image's properties say, by their keys, and how each is read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.services.compute.errors import Unshapeable

MOST = 10**15  # of anything that is counted: what QEMU takes as a limit of a disk, in bytes a second
_YES = frozenset({"1", "t", "true", "on", "y", "yes"})
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")


def is_yes(value: Any) -> bool:
    """Read one of the ways in which flavors and images say yes."""
    return str(value).strip().lower() in _YES


class Wish:
    """What a flavor and an image ask for, by their keys."""

    def __init__(self, specs: Mapping[str, str], properties: Mapping[str, Any]) -> None:
        self.specs = specs
        self.properties = {name: str(value) for name, value in properties.items() if value is not None}

    def either(self, key: str) -> tuple[str, str | None]:
        """Return the key that speaks of something, and its value. They must agree. Unshapeable."""
        name = key.replace(":", "_")
        mine, images = self.specs.get(key), self.properties.get(name)
        if mine is not None and images is not None and mine.lower() != images.lower():
            raise Unshapeable(key=name, reason=f"its flavor says {key}={mine}")
        return (key, mine) if mine is not None else (name, images)

    def image_first(self, key: str, name: str) -> tuple[str, str | None]:
        """Return the image's word before the flavor's."""
        if name in self.properties:
            return name, self.properties[name]
        return key, self.specs.get(key)

    def flag(self, key: str) -> bool | None:
        """Say whether something is asked for; None: nobody speaks of it. They must agree. Unshapeable."""
        name = key.replace(":", "_")
        mine, images = self.specs.get(key), self.properties.get(name)
        if mine is not None and images is not None and is_yes(mine) != is_yes(images):
            raise Unshapeable(key=name, reason=f"its flavor says {key}={mine}")
        said = images if mine is None else mine
        return None if said is None else is_yes(said)

    def number(self, key: str, least: int = 0, most: int = MOST) -> int:
        """Return a number of the flavor's, 0 when it has none. Unshapeable."""
        return whole(key, self.specs[key], least, most) if key in self.specs else 0


def whole(key: str, text: str, least: int = 0, most: int = MOST) -> int:
    """Read a whole number. Unshapeable names the key."""
    if _WHOLE.fullmatch(text) is None or not least <= int(text) <= most:
        reason = f"{text!r} is not a whole number of at least {least} and at most {most}"
        raise Unshapeable(key=key, reason=reason)
    return int(text)


def chosen(key: str, value: str | None, choices: Sequence[str]) -> str | None:
    """Return a value that is one of some words, or None. Unshapeable names the key."""
    if value is not None and value not in choices:
        raise Unshapeable(key=key, reason=f"there is no {value!r} here, but {', '.join(choices)}")
    return value
