"""The end of what a guest wrote to its serial port, across the files that virtlogd rotates."""

from pathlib import Path

LONGEST = 102_400  # bytes that are returned at most, as Nova does


def tail(log: Path, lines: int | None) -> str:
    """Return the last `lines` lines (None: all) of at most 100 KiB."""
    content = b""
    for file in (log, log.with_name(f"{log.name}.0")):
        content = _end(file, LONGEST - len(content)) + content
        if len(content) >= LONGEST:
            break
    text = content.decode("utf-8", errors="replace")
    if lines is None:
        return text
    return "".join(text.splitlines(keepends=True)[-lines:]) if lines > 0 else ""


def _end(file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - size, 0))
            return stream.read(size)
    except FileNotFoundError:
        return b""
