"""Warnings and log lines, which no name that a stranger chose can turn into commands to a terminal.

Every warning and every log line of these packages goes through here. Errors see to it themselves (`error_base`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from config_core.error_base import message_text

if TYPE_CHECKING:
    import logging

__all__ = ["escaping_logger", "warn"]


def warn(message: str, category: type[Warning] = UserWarning, *, stacklevel: int = 1) -> None:
    """Warn, as `warnings.warn` does, with what a terminal obeys as escapes.

    Args:
        message: The message.
        category: Class of the warning.
        stacklevel: 1 blames the line that calls this, 2 its caller.
    """
    warnings.warn(message_text(message), category, stacklevel=stacklevel + 1)


def escaping_logger(name: str) -> logging.Logger:
    """Return the logger of a name, whose lines show what a terminal obeys as escapes."""
    import logging

    logger = logging.getLogger(name)
    logger.addFilter(_escape)  # a second time changes nothing
    return logger


def _escape(record: logging.LogRecord) -> bool:
    record.msg, record.args = message_text(record.getMessage()), None
    return True
