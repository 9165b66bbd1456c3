"""Logs: one event a line, JSON for machines or aligned text for people. Never a secret."""

import logging
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import msgspec
import structlog

SECRET_NAMES = frozenset(
    {"password", "adminpass", "secret", "token", "x-auth-token", "x-subject-token", "private_key"}
)


def configure(
    *, style: str = "human", level: str = "INFO", stream: TextIO | None = None, also: Iterable[Any] = ()
) -> None:
    """Set up logging for the process. style: `json` or `human`; also: processors of the caller's own."""
    # Plain tracebacks: the richer kinds print local variables, and those hold secrets.
    plain = structlog.dev.plain_traceback
    ending: list[Any] = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    if style == "json":
        as_json = structlog.processors.JSONRenderer(serializer=_encode)
        ending = [structlog.processors.format_exc_info, as_json]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *also,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def level() -> str:
    """Return the level from which on this process logs."""
    bound = structlog.get_config()["wrapper_class"]
    numbers = logging.getLevelNamesMapping()
    return next((n for n in LEVELS if structlog.make_filtering_bound_logger(numbers[n]) is bound), "DEBUG")


def set_level(name: str) -> None:
    """Log from another level on."""
    number = logging.getLevelNamesMapping()[name]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(number))


def hide_secrets(logger: Any, method: str, event: Any) -> Any:
    """Blank the values of names that hold secrets, should one ever be passed."""
    del logger, method
    for name in event:
        if name.lower() in SECRET_NAMES:
            event[name] = "***"
    return event


def _encode(event: Any, **options: Any) -> str:
    del options
    return msgspec.json.encode(event, enc_hook=str).decode()
