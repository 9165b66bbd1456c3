"""Reading JSON bodies into typed structs, and saying exactly what is wrong with a bad one."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from cumulo.core.errors import Invalid, MalformedBody
from cumulo.core.flags import Since, Until, flags_of
from cumulo.core.http.dialect import Dialect
from cumulo.core.microversions import Version

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what is no JSON, is not UTF-8, or is nested without end."""
_NAMED = re.compile(r"(?:missing required|contains unknown) field `(?P<name>[^`]*)`")


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request body. Unknown fields are refused; absent optional ones are `UNSET` by declaration."""

    def given(self) -> dict[str, Any]:
        """Return the attributes that the client did send."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not msgspec.UNSET}


class OpenBody(Body, kw_only=True, forbid_unknown_fields=False):
    """A request body of a service that ignores fields which it does not know."""


class KeepingBody(OpenBody, kw_only=True):
    """A request body of a service that keeps fields which it does not know: they are in `extra`."""

    # Filled in after decoding, over whatever a client sends under so odd a name.
    extra: dict[str, Any] = msgspec.field(name=" extra", default_factory=dict)


@dataclass(frozen=True)
class BodyForm:
    """How a body is read: its type; the key around it; the plural key of a bulk request."""

    type: Any
    envelope: str | None = None
    plural: str | None = None

    @cached_property
    def decoder(self) -> "msgspec.json.Decoder[Any]":
        """The decoder of the value itself."""
        return msgspec.json.Decoder(self.type)

    @cached_property
    def lenient(self) -> "msgspec.json.Decoder[Any]":
        """The decoder of a value whose numbers and truths may be written as text."""
        return msgspec.json.Decoder(self.type, strict=False)

    @cached_property
    def many(self) -> "msgspec.json.Decoder[Any]":
        """The decoder of a bulk request's list."""
        return msgspec.json.Decoder(list[msgspec.Raw])

    @cached_property
    def versioned(self) -> dict[str, tuple[str, Since | None, Until | None]]:
        """Attributes that only some microversions have: attribute → wire name and flags."""
        if not (isinstance(self.type, type) and issubclass(self.type, msgspec.Struct)):
            return {}
        found = {}
        for name, kinds in flags_of(self.type).items():
            since = next((flag for flag in kinds if isinstance(flag, Since)), None)
            until = next((flag for flag in kinds if isinstance(flag, Until)), None)
            if since or until:
                found[name] = (wire_name(self.type, name), since, until)
        return found

    def read(self, raw: bytes, dialect: Dialect, version: Version | None) -> Any:
        """Decode a whole request body. Raises MalformedBody or Invalid naming the field."""
        if self.envelope is None:
            return self.value(raw, dialect, version, "")
        outer = members(raw)
        if self.plural and self.plural in outer and self.envelope not in outer:
            return self._list(outer[self.plural], dialect, version)
        if self.envelope not in outer:
            reason = f"'{self.envelope}' is a required property"
            raise Invalid(dialect.invalid(self.envelope, None, reason), field=self.envelope)
        return self.value(outer[self.envelope], dialect, version, self.envelope)

    def _list(self, raw: msgspec.Raw, dialect: Dialect, version: Version | None) -> list[Any]:
        try:
            parts = self.many.decode(raw)
        except msgspec.ValidationError as error:
            raise explained(error, dialect, bytes(raw)) from error
        return [self.value(self._bare(part), dialect, version, self.envelope or "") for part in parts]

    def _bare(self, part: msgspec.Raw) -> msgspec.Raw:
        """Return one of a list without the envelope that some put around each."""
        around = members(part)
        return around.get(self.envelope or "", part) if len(around) == 1 else part

    def value(self, raw: bytes | msgspec.Raw, dialect: Dialect, version: Version | None, within: str) -> Any:
        """Decode the body proper, and hold it against the microversion."""
        try:
            value = (self.lenient if dialect.lenient else self.decoder).decode(raw)
        except msgspec.ValidationError as error:
            raise explained(error, dialect, bytes(raw), within) from error
        except BROKEN as error:
            raise MalformedBody from error
        if isinstance(value, KeepingBody):
            known = value.__struct_encode_fields__
            sent = msgspec.json.decode(raw)
            value.extra = {name: each for name, each in sent.items() if name not in known}
        self._check_version(value, dialect, version)
        return value

    def _check_version(self, value: Any, dialect: Dialect, version: Version | None) -> None:
        if version is None or not self.versioned:
            return
        for name, (wire, since, until) in self.versioned.items():
            if getattr(value, name) in (msgspec.UNSET, None):
                continue
            if (since and version < since.version) or (until and version > until.version):
                reason = f"Additional properties are not allowed ('{wire}' was unexpected)"
                raise Invalid(dialect.invalid(wire, None, reason), field=wire)


def members(raw: bytes) -> dict[str, msgspec.Raw]:
    """Split a JSON object into its members, each still encoded. MalformedBody when it is none."""
    try:
        return _MEMBERS.decode(raw)
    except BROKEN as error:
        raise MalformedBody from error


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def wire_name(kind: type[msgspec.Struct], attribute: str) -> str:
    """Return the JSON name of a struct's attribute."""
    position = kind.__struct_fields__.index(attribute)
    return kind.__struct_encode_fields__[position]


def explained(error: msgspec.ValidationError, dialect: Dialect, raw: bytes, within: str = "") -> Invalid:
    """Turn msgspec's finding into an Invalid that names the field as the client wrote it."""
    match = _WHERE.match(str(error))
    what = match["what"] if match else str(error)
    path = (match["path"] or "") if match else ""
    name = path.removeprefix("$").removeprefix(".").replace("[...]", ".0") or within
    named = _NAMED.search(what)
    if named:
        name, what = named["name"], _sentence(named["name"], what)
    value = None if named else _value_at(raw, path)
    return Invalid(dialect.invalid(name, value, what), field=name)


def _sentence(name: str, what: str) -> str:
    if "unknown" in what:
        return f"Additional properties are not allowed ('{name}' was unexpected)"
    return f"'{name}' is a required property"


def _value_at(raw: bytes, path: str) -> Any:
    """Return what the client sent at msgspec's `$.a.b`, for the message; None where it is unclear."""
    try:
        value: Any = msgspec.json.decode(raw)
        for part in path.removeprefix("$").split("."):
            if part:
                value = value[part]
    except (*BROKEN, KeyError, TypeError, IndexError):
        return None
    return value
