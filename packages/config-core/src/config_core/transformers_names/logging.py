"""`transformers.utils.logging` for the code of checkpoints: Python's own logging, with `warning_once`.

Loggers have the name that the code gives them, usually `__name__`, and the levels and handlers of the program. Setting
a verbosity has no effect: the code of one checkpoint does not decide what the program shows.
"""

from __future__ import annotations

import logging
from typing import Any, Final

__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "NOTSET",
    "WARN",
    "WARNING",
    "Logger",
    "get_logger",
    "get_verbosity",
    "set_verbosity",
    "set_verbosity_debug",
    "set_verbosity_error",
    "set_verbosity_info",
    "set_verbosity_warning",
]

NOTSET: Final = logging.NOTSET
DEBUG: Final = logging.DEBUG
INFO: Final = logging.INFO
WARN: Final = logging.WARNING
WARNING: Final = logging.WARNING
ERROR: Final = logging.ERROR
FATAL: Final = logging.CRITICAL
CRITICAL: Final = logging.CRITICAL

_MOST_ONCE = 1000  # messages that a logger remembers


class Logger(logging.LoggerAdapter[logging.Logger]):
    """A logger that can log a message once."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger, {})
        self._logged: set[tuple[Any, ...]] = set()

    def warning_once(self, message: object, *args: object, **kwargs: Any) -> None:
        """Log a warning, unless this logger has logged it this way before."""
        if self._is_new("warning", message, args):
            self.warning(message, *args, **kwargs)

    def info_once(self, message: object, *args: object, **kwargs: Any) -> None:
        """Log information, unless this logger has logged it this way before."""
        if self._is_new("info", message, args):
            self.info(message, *args, **kwargs)

    def warning_advice(self, message: object, *args: object, **kwargs: Any) -> None:
        """Log a warning."""
        self.warning(message, *args, **kwargs)

    def _is_new(self, level: str, message: object, args: tuple[object, ...]) -> bool:
        key = (level, str(message), *map(str, args))
        if key in self._logged:
            return False
        if len(self._logged) < _MOST_ONCE:
            self._logged.add(key)
        return True


def get_logger(name: str | None = None) -> Logger:
    """Return a logger.

    Args:
        name: Its name; that of this module if None.
    """
    return Logger(logging.getLogger(name or __name__))


def get_verbosity() -> int:
    """Return the level from which messages are shown unless the program sets another one."""
    return WARNING


def set_verbosity(verbosity: int) -> None:
    """Do nothing: the program sets the levels."""


def set_verbosity_info() -> None:
    """Do nothing: the program sets the levels."""


set_verbosity_debug = set_verbosity_warning = set_verbosity_error = set_verbosity_info
