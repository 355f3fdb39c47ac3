"""Which names of transformers the files of a bundle use, before any of it runs: served ones, and others."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from config_core.code import is_base_file, parse_source, source_imports, walk_expressions, walk_statements
from hub_io.code._requirements import check_requirements, reached_files
from hub_io.code._served_names import TRANSFORMERS, is_served, is_served_module, is_transformers, provider_of
from hub_io.errors import UnservedNamesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config_core.code import CodeBundle

__all__ = ["LOAD_THERE", "TransformersName", "check_imports", "served_names", "transformers_names"]

LOAD_THERE = (
    "Where transformers is installed, hub_io.load_into_transformers() loads this code with the real transformers."
)
_SHOWN = 20


class TransformersName(NamedTuple):
    """A use of a name of transformers in a file.

    Attributes:
        name: The name with its module: `transformers.utils.logging`.
        file: The file.
        line: Line, counted from 1.
        served: Whether hub_io serves it.
        is_certain: Whether it is always used when the file is imported, outside of a `try` that may handle its absence.
    """

    name: str
    file: str
    line: int
    served: bool
    is_certain: bool

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.name}"


def check_imports(bundle: CodeBundle, modules: Iterable[str], *, source: str, served: bool = True) -> None:
    """Raise unless everything that importing modules of a bundle certainly imports is there. Nothing is imported.

    Args:
        bundle: The code.
        modules: Modules of it that will be imported, without `.py`, relative to the bundle.
        source: Where the code came from, for errors.
        served: Whether names of transformers are served to the code; otherwise it needs the real ones.

    Raises:
        UnservedNamesError: It uses names of transformers that are not served.
        MissingRequirementsError: A module is not installed.
        SourceCodeError: A file cannot be parsed.
    """
    modules = tuple(modules)
    if served:
        _check_served(bundle, modules, source=source)
    check_requirements(bundle, modules, source=source, served=served)


def _check_served(bundle: CodeBundle, modules: Iterable[str], *, source: str) -> None:
    reached = reached_files(bundle, modules)
    unserved = [use for use in transformers_names(bundle, reached) if use.is_certain and not use.served]
    if not unserved:
        return
    shown = "; ".join(map(str, unserved[:_SHOWN]))
    more = f"; and {len(unserved) - _SHOWN} more" if len(unserved) > _SHOWN else ""
    raise UnservedNamesError(
        f"The code of {source} is trusted, but uses names of transformers that are not served here: {shown}{more}. "
        f"None of it was run. {LOAD_THERE}",
        source=source,
        file=unserved[0].file,
        names=_by_place(unserved),
    )


def _by_place(uses: Iterable[TransformersName]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for use in uses:
        place = f"{use.file}:{use.line}"
        names[place] = (*names.get(place, ()), use.name)
    return names


def served_names(bundle: CodeBundle) -> tuple[str, ...]:
    """Return the names of transformers that the files of a bundle use and that are served, sorted."""
    return tuple(sorted({use.name for use in transformers_names(bundle, bundle.files) if use.served}))


def transformers_names(bundle: CodeBundle, files: Iterable[str]) -> list[TransformersName]:
    """Return the uses of names of transformers in files of a bundle, in order.

    Data files are skipped, and `pretrained_base.py` of portable code, which uses transformers only if that loads it.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    found: list[TransformersName] = []
    for file in files:
        content = bundle.files[file]
        if file.endswith(".py") and TRANSFORMERS.encode() in content and not is_base_file(content):
            found += sorted(_uses_in(file, content, bundle), key=lambda use: use.line)
    return found


def _uses_in(file: str, content: bytes, bundle: CodeBundle) -> Iterator[TransformersName]:
    for each in source_imports(file, content, bundle.files.get, path=file):
        if each.level or not is_transformers(each.module):
            continue
        if not each.names:
            yield TransformersName(each.module, file, each.line, is_served_module(each.module), each.is_certain)
        for name in each.names:
            yield TransformersName(
                f"{each.module}.{name}", file, each.line, is_served(each.module, name), each.is_certain
            )
    yield from _attribute_uses(file, parse_source(content, path=file))


def _attribute_uses(file: str, tree: ast.Module) -> Iterator[TransformersName]:
    """Yield the names that are read as attributes of a module, such as `transformers.utils.ModelOutput`."""
    modules = dict(_bound_modules(tree))
    if not modules:
        return
    unread = set(_postponed_annotations(tree))
    later = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Lambda) for part in ast.walk(node.body)}
    for statement, is_certain, _ in walk_statements(tree):
        parts = [part for part in walk_expressions(statement) if id(part) not in unread]
        attributes = [part for part in parts if isinstance(part, ast.Attribute)]
        inner = {id(part.value) for part in attributes}
        for part in attributes:
            if id(part) in inner or (dotted := _dotted(part)) is None or dotted[0] not in modules:
                continue
            module, name = _resolve(modules[dotted[0]], dotted[1:])
            if name is not None:
                served = provider_of(module, name) is not None or name.startswith("__")
                yield TransformersName(
                    f"{module}.{name}", file, part.lineno, served, is_certain and id(part) not in later
                )


def _postponed_annotations(tree: ast.Module) -> Iterator[int]:
    """Yield the ids of the expressions in annotations that Python does not evaluate."""
    is_postponed = any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for statement in tree.body
    )
    for node in ast.walk(tree) if is_postponed else ():
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                yield from map(id, ast.walk(annotation))


def _bound_modules(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the variables that import statements bind to modules of transformers, and the modules."""
    for statement, _, _ in walk_statements(tree):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if is_transformers(alias.name):
                    yield (alias.asname, alias.name) if alias.asname else (TRANSFORMERS, TRANSFORMERS)
        elif isinstance(statement, ast.ImportFrom) and not statement.level and is_transformers(statement.module or ""):
            for alias in statement.names:
                if is_served_module(module := f"{statement.module}.{alias.name}"):
                    yield alias.asname or alias.name, module


def _dotted(node: ast.expr) -> list[str] | None:
    """Return the parts of `a.b.c`, or None for other expressions."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else None


def _resolve(module: str, parts: list[str]) -> tuple[str, str | None]:
    """Return the module that attributes lead to, and the first name that is not a module."""
    for part in parts:
        if not is_served_module(f"{module}.{part}"):
            return module, part
        module = f"{module}.{part}"
    return module, None
