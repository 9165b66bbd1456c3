"""Microversions: a client names one, the server answers in it (api-wg's microversion guideline)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cumulo.core.errors import Invalid, NotAcceptable

Version = tuple[int, int]
HEADER = "OpenStack-API-Version"
_FORM = re.compile(r"([1-9]\d{0,8})\.([1-9]\d{0,8}|0)", re.ASCII)


class BadVersion(Invalid):
    """API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."""


class VersionOutOfRange(NotAcceptable):
    """Version {text} is not supported by the API. Minimum is {minimum} and maximum is {maximum}."""


def parse(text: str) -> Version:
    """Turn `2.53` into (2, 53). BadVersion when it is no version."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise BadVersion(text=text)
    return int(match[1]), int(match[2])


def text(version: Version) -> str:
    """Turn (2, 53) into `2.53`."""
    return f"{version[0]}.{version[1]}"


class Headers(Protocol):
    """A request's headers."""

    def get(self, name: str) -> str | None:
        """Return a header's value."""


@dataclass(frozen=True)
class Microversions:
    """The range that a service speaks. `name` is its word in the header; `legacy` its old header.

    also: further words that clients say for it, such as the type of the catalog's entry they went by.
    """

    name: str
    minimum: str
    maximum: str
    legacy: str | None = None
    also: tuple[str, ...] = ()

    @property
    def low(self) -> Version:
        """The oldest version."""
        return parse(self.minimum)

    @property
    def high(self) -> Version:
        """The newest version."""
        return parse(self.maximum)

    def negotiate(self, headers: Headers) -> Version:
        """Return the version a request asks for, the oldest when it is silent.

        Raises BadVersion (400) or VersionOutOfRange (406).
        """
        asked = self._asked(headers)
        if asked is None:
            return self.low
        if asked == "latest":
            return self.high
        version = parse(asked)
        if not self.low <= version <= self.high:
            raise VersionOutOfRange(text=asked, minimum=self.minimum, maximum=self.maximum)
        return version

    def _asked(self, headers: Headers) -> str | None:
        modern = headers.get(HEADER)
        if modern:
            for part in modern.split(","):
                name, _, asked = part.strip().partition(" ")
                if asked and name.lower() in (self.name, *self.also):
                    return asked.strip()
        return headers.get(self.legacy) if self.legacy else None

    def headers(self, version: Version | None) -> Mapping[str, str]:
        """Return what every answer says of the version it was made in."""
        shown = text(version or self.low)
        answer = {HEADER: f"{self.name} {shown}", "Vary": HEADER}
        if self.legacy:
            answer[self.legacy] = shown
            answer["Vary"] = f"{HEADER}, {self.legacy}"
        return answer
