"""Making code portable: the same files load with these packages and with transformers.

Beside the code comes one file with the base classes, `pretrained_base.py`, and the imports of `config_core` and
`model_core` point to it. Everything else stays byte for byte. Nothing is executed.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from config_core.code._source_facts import parse_source, source_facts, walk_statements

__all__ = ["BASE_FILE", "BASE_NAMES", "PACKAGES", "NotPortableError", "base_source", "is_base_file", "portable_files"]

BASE_FILE: Final = "pretrained_base.py"
# What the file offers, and the packages that have it.
BASE_NAMES: Final = {
    "ConfigError": "config_core",
    "PreTrainedConfig": "config_core",
    "PretrainedConfig": "config_core",
    "PreTrainedModel": "model_core",
}
# Each version of the file that was ever written: SHA-256 (hexadecimal) to its format.
_WRITTEN: Final = {"0acaac1dcd77061e2bf17a2b068aa6868afa775ed43a761aa0ebe6139f5f9bba": 1}
_MODULES: Final = frozenset({"config_core", "config_core.config", "model_core", "model_core.pretrained_model"})
PACKAGES: Final = frozenset({"auto_registry", "config_core", "hub_io", "model_core", "resnet"})
_LINE: Final = rb"[^\r\n]*(?:\r\n|\r|\n|\Z)"
_FROM: Final = rb"(from[\s\\]+)[\w.\s\\]+?([\s\\]+import\b)"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class NotPortableError(Exception):
    """Code needs more than the file of base classes offers. The message says what, and where."""


@functools.cache
def base_source() -> bytes:
    """Return the content of `pretrained_base.py`."""
    return Path(__file__).with_name("pretrained_base.txt").read_bytes()


def is_base_file(content: bytes) -> bool:
    """Return whether these are the bytes of a `pretrained_base.py` that these packages have written."""
    import hashlib

    return hashlib.sha256(content).hexdigest() in _WRITTEN


def portable_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files of code as portable ones, with `pretrained_base.py` among them if they import these packages.

    Args:
        files: Name relative to the checkpoint to content.

    Raises:
        NotPortableError: The code needs more than that file offers.
        SourceCodeError: A file cannot be parsed.
    """
    changed = {
        name: new
        for name, content in files.items()
        if name.endswith(".py") and name != BASE_FILE and (new := _portable(name, content)) != content
    }
    if not changed:
        return dict(files)
    if nested := next((name for name in files if "/" in name and name.endswith(".py")), None):
        raise NotPortableError(f"{nested} is in a sub-folder, and transformers loads code from a single folder")
    _check_siblings(files)
    if BASE_FILE in files and not is_base_file(files[BASE_FILE]):
        raise NotPortableError(f"it has a file {BASE_FILE} of its own")
    return {BASE_FILE: base_source(), **files, **changed}


def _check_siblings(files: Mapping[str, bytes]) -> None:
    """Check that files import each other relatively. In a file with relative imports, others mean installed modules."""
    for name, content in files.items():
        for found in source_facts(content, path=name).imports if name.endswith(".py") else ():
            if not found.level and (beside := f"{found.module.partition('.')[0]}.py") in files and beside != name:
                raise NotPortableError(
                    f"{name} line {found.line} imports {found.module}, which is beside it, without a dot. Write a "
                    f"relative import: .{found.module}"
                )


def _portable(name: str, content: bytes) -> bytes:
    """Return a source file whose imports of these packages point to the file of base classes."""
    if not any(package.encode() in content for package in PACKAGES):
        return content
    tree = parse_source(content, path=name)
    mark = _BYTE_ORDER_MARK if content.startswith(_BYTE_ORDER_MARK) else b""
    text = content.removeprefix(mark)
    starts = [0, *(line.end() for line in re.finditer(_LINE, text))]
    _check_attributes(name, tree)
    replaced = []
    for statement, _, _ in walk_statements(tree):
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and _is_ours(statement):
            start = starts[statement.lineno - 1] + statement.col_offset
            end = starts[(statement.end_lineno or statement.lineno) - 1] + (statement.end_col_offset or 0)
            replaced.append((start, end, _replacement(name, statement, text[start:end])))
    for start, end, new in reversed(replaced):
        text = text[:start] + new + text[end:]
    return mark + text


def _is_ours(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return not statement.level and (statement.module or "").partition(".")[0] in PACKAGES
    return any(alias.name.partition(".")[0] in PACKAGES for alias in statement.names)


def _replacement(file: str, statement: ast.Import | ast.ImportFrom, text: bytes) -> bytes:
    """Return what stands for an import statement in portable code."""
    base = BASE_FILE.removesuffix(".py")
    place = f"{file} line {statement.lineno}"
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            if statement.module not in _MODULES or alias.name not in BASE_NAMES:
                raise NotPortableError(f"{place} imports {alias.name} from {statement.module}")
        return re.sub(_FROM, rb"\1." + base.encode() + rb"\2", text, count=1)
    parts = []
    for alias in statement.names:
        if alias.name.partition(".")[0] not in PACKAGES:
            parts.append(f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
        elif "." in alias.name or alias.name not in _MODULES:
            raise NotPortableError(f"{place} imports {alias.name}")
        else:
            parts.append(f"from .{base} import module as {alias.asname or alias.name}")
    return "; ".join(parts).encode()


def _check_attributes(file: str, tree: ast.Module) -> None:
    """Check that modules which `import model_core` binds are used for what the file of base classes offers."""
    bound = {
        alias.asname or alias.name: alias.name
        for statement, _, _ in walk_statements(tree)
        if isinstance(statement, ast.Import)
        for alias in statement.names
        if alias.name in _MODULES
    }
    if not bound:
        return
    owners = {id(node.value): node for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in bound:
            attribute = owners.get(id(node))
            if attribute is None or attribute.attr not in BASE_NAMES:
                used = bound[node.id] + (f".{attribute.attr}" if attribute else "")
                raise NotPortableError(f"{file} line {node.lineno} uses {used}")
