"""What to do about a value that JSON does not give back, as text that can be pasted into a program.

It is imported only where an error is raised.
"""

from __future__ import annotations

import builtins
import collections
import sys
import types
from pathlib import Path
from typing import Any

from config_core.config._value_types import builtin_value

__all__ = ["annotation_of", "registration_of"]


def registration_of(value: Any) -> str:
    """Return what to use in place of a value that cannot be written, or the call that lets it be written."""
    if hasattr(value, "tolist"):
        return "Use its .tolist()." if type(value.tolist()) is not type(value) else "Use a float, or text."
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "Use text, such as base64."
    if callable(value) or isinstance(value, types.ModuleType):
        return "Use its name, and look it up where it is needed."
    modules = {"config_core"}
    name = _reference(type(value), modules, home="")
    return (
        "Use None, bool, int, float, str, list, tuple, set, dict, a dataclass or a config; or call "
        f"config_core.register_value_type({name}, encode=lambda value: ..., decode=lambda written: ...)"
        f"{_after(modules)}."
    )


def annotation_of(value: Any, home: str) -> tuple[str, str]:
    """Return the annotation that restores a value, as source text, and what has to be imported before it, in words.

    Args:
        value: The value.
        home: The module in which the annotation is to stand.
    """
    modules: set[str] = set()
    return _annotation(value, modules, home), _after(modules)


def _after(modules: set[str]) -> str:
    return f" after `import {', '.join(sorted(modules))}`" if modules else ""


def _annotation(value: Any, modules: set[str], home: str) -> str:
    def kinds_of(values: Any) -> list[str]:
        return sorted({_annotation(item, modules, home) for item in values})

    def shared(values: Any) -> str:
        kinds = kinds_of(values)
        return kinds[0] if len(kinds) == 1 else _reference(Any, modules, home)

    value = builtin_value(value)
    cls: Any = type(value)
    if value is None:
        return "None"
    if isinstance(value, tuple) and not hasattr(cls, "_fields"):
        kinds = [_annotation(item, modules, home) for item in value]
        items = kinds if len({*kinds}) > 1 else [shared(value), "..."]
        return f"tuple[{', '.join(items)}]"
    name = _reference(Path if isinstance(value, Path) else cls, modules, home)  # not that of the system
    if isinstance(value, collections.Counter):
        return f"{name}[{shared(value)}]"
    if isinstance(value, dict):
        return f"{name}[{' | '.join(kinds_of(value)) or 'str'}, {shared(value.values())}]"
    return f"{name}[{shared(value)}]" if isinstance(value, (list, set, frozenset, collections.deque)) else name


def _reference(cls: Any, modules: set[str], home: str) -> str:
    """Return how the code of a module refers to a class, and add what it has to import for that."""
    module, name = cls.__module__, cls.__qualname__
    if module in {"__main__", home} or "<locals>" in name or hasattr(builtins, name):
        return str(name.rpartition("<locals>.")[2])
    packages = (module[:end] for end in range(len(module)) if module[end] == ".")
    # The outermost package that offers it is where it is imported from.
    module = next((each for each in packages if getattr(sys.modules.get(each), name, None) is cls), module)
    modules.add(module)
    return f"{module}.{name}"
