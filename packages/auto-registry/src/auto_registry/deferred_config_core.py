"""`config_core`, imported on first use of one of its names: only annotations need it before a config is loaded."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    import config_core

    return getattr(config_core, name)
