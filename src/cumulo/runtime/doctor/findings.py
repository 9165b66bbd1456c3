"""What a look at something finds."""

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. level: `ok`, `note` (works, but know it) or `bad`; mend: what to do."""

    level: str
    about: str
    text: str
    mend: str = ""


def well(about: str, text: str) -> Finding:
    """Return a finding that needs no mend."""
    return Finding("ok", about, text)


def note(about: str, text: str, mend: str) -> Finding:
    """Return what works, and should be known."""
    return Finding("note", about, text, mend)


def bad(about: str, text: str, mend: str) -> Finding:
    """Return what must be mended."""
    return Finding("bad", about, text, mend)
