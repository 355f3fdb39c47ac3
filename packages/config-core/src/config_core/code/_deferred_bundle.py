"""`CodeBundle`, imported on first use: annotations alone need it before code is saved."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    from config_core.code import _code_bundle

    return getattr(_code_bundle, name)
