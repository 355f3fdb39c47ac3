"""The options that say whose code may run: they belong to the Auto classes, and never to data."""

from __future__ import annotations

from typing import Any

__all__ = ["TRUST_OPTIONS", "drop_trust_options"]

TRUST_OPTIONS = frozenset({"trust_remote_code", "code_revision"})


def drop_trust_options(cls: type[Any], keywords: dict[str, Any]) -> None:
    """Remove the options of trust, which mean nothing to a class that runs no code, and warn of those that are set.

    Args:
        cls: The class whose `from_pretrained` is called.
        keywords: The keywords of the call.
    """
    for name in sorted(TRUST_OPTIONS & keywords.keys()):
        if keywords.pop(name):
            from config_core.messages import warn

            warn(
                f"{name} has no effect on {cls.__name__}.from_pretrained, which does not run a checkpoint's code. "
                "It is an option of the Auto classes.",
                stacklevel=3,
            )
