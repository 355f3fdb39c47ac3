"""Warnings and log lines with unprintable characters escaped, so that untrusted names cannot control a terminal.

Every warning and every log line of these packages goes through here. Errors escape their own messages (`error_base`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from config_core.error_base import message_text

if TYPE_CHECKING:
    import logging

__all__ = ["escaping_logger", "warn"]


def warn(message: str, category: type[Warning] = UserWarning, *, stacklevel: int = 1) -> None:
    """Warn as `warnings.warn` does, with unprintable characters escaped.

    Args:
        message: The message.
        category: Class of the warning.
        stacklevel: 1 blames the line that calls this, 2 its caller.
    """
    warnings.warn(message_text(message), category, stacklevel=stacklevel + 1)


def escaping_logger(name: str) -> logging.Logger:
    """Return the logger of a name. It escapes unprintable characters in its lines."""
    import logging

    logger = logging.getLogger(name)
    logger.addFilter(_escape)  # a second time changes nothing
    return logger


def _escape(record: logging.LogRecord) -> bool:
    record.msg, record.args = message_text(record.getMessage()), None
    return True
