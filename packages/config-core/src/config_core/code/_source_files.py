"""Which source files a module needs: its relative imports, followed file by file with `ast`. Nothing is executed.

Two callers share this: saving a class (files of a package on disk) and loading remote code (files of a checkpoint).
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config_core.code._code_bundle import content_digests
from config_core.errors import ImportLeavesFolderError, SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["needed_files", "parse_source", "resolve_sibling_imports"]

_PACKAGE_FILE = "__init__.py"
# Absolute imports of these mean what every reader takes them to mean, whatever files lie beside the code.
_NEVER_SIBLINGS = sys.stdlib_module_names | {
    "auto_registry", "config_core", "hub_io", "huggingface_hub", "model_core", "numpy", "safetensors", "torch",
    "transformers",
}  # fmt: skip
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_PARSED_NAME = "<source that is only read>"
_QUIET = ("ignore", None, Warning, re.compile(re.escape(_PARSED_NAME)), 0)


def needed_files(modules: Iterable[str], read: Callable[[str], bytes | None], *, where: str) -> dict[str, bytes]:
    """Return the source files that modules need, themselves included.

    A relative import brings the module it names, the `__init__.py` of every sub-package on the way, and what those
    import in turn. The `__init__.py` of the top folder is needed only if a name is imported from it that is no module.
    Imports in strings and docstrings do not count; those in functions and under `if TYPE_CHECKING` or `try` do, because
    whether they run is not known here. Only a missing file may stay missing where `except ImportError` expects that.

    Args:
        modules: Modules without `.py`, relative to the top folder, with slashes: `modeling_x`, `sub/modeling_x`.
        read: Returns the content of a file relative to the top folder, or None if there is none.
        where: The top folder in words, for errors.

    Returns:
        Name relative to the top folder to content, sorted by name.

    Raises:
        SourceCodeError: A file is missing, is not UTF-8 or is not Python. It is the first of all such errors, and
            `digests` tells of what could be read.
        ImportLeavesFolderError: A relative import climbs above the top folder.
    """
    files: dict[str, bytes] = {}
    first_error: SourceCodeError | None = None
    queue = deque(_Wanted(_first_file(module, read), "") for module in modules)
    while queue:
        wanted = queue.popleft()
        if wanted.name in files:
            continue
        try:
            content = _read_wanted(wanted, read, where)
            if content is not None:
                files[wanted.name] = content
                queue.extend(_imported_files(wanted.name, content, read, where))
        except SourceCodeError as error:
            first_error = first_error or error
    files = dict(sorted(files.items()))
    if first_error is not None:
        first_error.digests = content_digests(files)
        raise first_error
    return files


def parse_source(content: bytes, *, path: str) -> ast.Module:
    """Parse Python source, in silence: what Python finds odd in it is no warning of the program that reads it.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python; `line` says where.
    """
    # One filter for good, on a name that nothing else has: to take it back, as `catch_warnings` does, would take those
    # of other threads along. Whoever has put another before it meanwhile gets it again.
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", module=re.escape(_PARSED_NAME))
    try:
        return ast.parse(content.decode("utf-8-sig"), filename=_PARSED_NAME)
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=path) from error
    except SyntaxError as error:
        raise SourceCodeError(f"it is not valid Python: {error.msg}.", path=path, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceCodeError(f"it cannot be parsed: {error}.", path=path) from error


def resolve_sibling_imports(tree: ast.Module, name: str, read: Callable[[str], bytes | None]) -> ast.Module:
    """Turn absolute imports of the files beside a file into relative ones, in place.

    Scripts and flat folders import their neighbours as `from blocks import Block`, which only works while their folder
    is on the path. A file that has relative imports belongs to a package, where such an import means something else.
    Which of a file beside it and an installed package is meant does not depend on what is installed: it is the file,
    which is part of what was reviewed. Only the standard library, torch, numpy and the packages that every checkpoint's
    code builds on are never taken for a file beside it.

    Args:
        tree: The parsed file.
        name: The file, relative to the top folder.
        read: Returns the content of a file relative to the top folder, or None.

    Returns:
        The same tree.
    """
    if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)):
        return tree
    folder, _, file = name.rpartition("/")
    siblings = _SiblingImports(folder, file.removesuffix(".py"), read)
    # Imports are statements, so only lists of statements are looked at, and one by one: expressions may be nested so
    # deep that a visitor, which calls itself, would not come back from them.
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and any(isinstance(item, (ast.Import, ast.ImportFrom)) for item in value):
                setattr(node, field, [part for item in value for part in siblings.replace(item)])
    return tree


class _SiblingImports:
    """Replaces `import x` and `from x import y` where `x` is a file or package in the same folder."""

    def __init__(self, folder: str, own_name: str, read: Callable[[str], bytes | None]) -> None:
        self._prefix = f"{folder}/" if folder else ""
        self._own_name = own_name
        self._read = read

    def replace(self, statement: ast.stmt) -> list[ast.stmt]:
        """Return what stands in place of a statement: mostly itself."""
        if isinstance(statement, ast.ImportFrom) and statement.module and self._is_sibling(statement.module):
            statement.level = 1
        if not isinstance(statement, ast.Import):
            return [statement]
        kept = [alias for alias in statement.names if not self._is_sibling(alias.name)]
        if len(kept) == len(statement.names):
            return [statement]
        found: list[ast.stmt] = [ast.Import(names=kept)] if kept else []
        found += [relative for alias in statement.names if alias not in kept for relative in _as_relative(alias)]
        return [ast.fix_missing_locations(ast.copy_location(part, statement)) for part in found]

    def _is_sibling(self, module: str) -> bool:
        first = module.partition(".")[0]
        # No file imports itself: `import tokenizers` in tokenizers.py means the installed package.
        if first == self._own_name or first in _NEVER_SIBLINGS:
            return False
        return _module_file(f"{self._prefix}{first}", self._read) is not None


def _as_relative(alias: ast.alias) -> list[ast.ImportFrom]:
    """Return the relative imports that bind what `import <alias>` binds."""
    parent, _, last = alias.name.rpartition(".")
    if not parent:
        return [ast.ImportFrom(module=None, names=[ast.alias(last, alias.asname)], level=1)]
    if alias.asname:
        return [ast.ImportFrom(module=parent, names=[ast.alias(last, alias.asname)], level=1)]
    # `import x.y` binds x, and makes x.y exist.
    loads = ast.ImportFrom(module=parent, names=[ast.alias(last, f"_{alias.name.replace('.', '_')}")], level=1)
    return [ast.ImportFrom(module=None, names=[ast.alias(alias.name.partition(".")[0], None)], level=1), loads]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to read, and who wants it, for the error if it is missing."""

    name: str
    by: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class _RelativeImport:
    """`from <dots><module> import <names>` in the source, or `import_module("<dots><module>", __package__)`."""

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    is_optional: bool


def _first_file(module: str, read: Callable[[str], bytes | None]) -> str:
    try:
        return _module_file(module, read) or f"{module}.py"
    except SourceCodeError:
        return f"{module}.py"  # reading it tells the same again, to be remembered with the others


def _read_wanted(wanted: _Wanted, read: Callable[[str], bytes | None], where: str) -> bytes | None:
    """Return the content of a file, or None if it may be missing and is."""
    content = read(wanted.name)
    if content is None and not wanted.is_optional:
        raise SourceCodeError(f"there is no such file{wanted.by}.", path=f"{where}/{wanted.name}")
    return content


def _imported_files(name: str, content: bytes, read: Callable[[str], bytes | None], where: str) -> Iterator[_Wanted]:
    """Yield the files that one file needs: the sub-packages that it lies in, and what it imports relatively."""
    folder = tuple(name.split("/")[:-1])
    for depth in range(1, len(folder) + 1):
        package_file = "/".join((*folder[:depth], _PACKAGE_FILE))
        if read(package_file) is not None:
            yield _Wanted(package_file, "")
    tree = resolve_sibling_imports(parse_source(content, path=f"{where}/{name}"), name, read)
    for found in _relative_imports(tree):
        climbed = found.level - 1
        if climbed > len(folder):
            text = f"{'.' * found.level}{found.module}"
            raise ImportLeavesFolderError(
                f"the import from {text!r} climbs out of the folder.", path=f"{where}/{name}", line=found.line
            )
        parts = (*folder[: len(folder) - climbed], *filter(None, found.module.split(".")))
        by = f", and {name} line {found.line} imports it"
        yield from (_Wanted(file, by, found.is_optional) for file in _files_of_import("/".join(parts), found, read))


def _relative_imports(tree: ast.Module) -> Iterator[_RelativeImport]:
    optional = _optional_nodes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = tuple(alias.name for alias in node.names)
            yield _RelativeImport(node.level, node.module or "", names, node.lineno, node in optional)
        elif isinstance(node, ast.Call) and (target := _import_module_target(node)):
            module = target.lstrip(".")
            yield _RelativeImport(len(target) - len(module), module, (), node.lineno, node in optional)


def _optional_nodes(tree: ast.Module) -> set[ast.AST]:
    """Return what stands in the `try` of a statement that goes on without an import: `except ImportError`."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(_catches_import_errors(handler) for handler in node.handlers)
        for statement in node.body
        for inner in ast.walk(statement)
    }


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS) for kind in caught)


def _import_module_target(call: ast.Call) -> str | None:
    """Return `.module` of a call `import_module(".module", …)`."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = call.args[0] if call.args else None
    if called == "import_module" and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if first.value.startswith(".") else None
    return None


def _files_of_import(module: str, found: _RelativeImport, read: Callable[[str], bytes | None]) -> Iterator[str]:
    """Yield the files of an import from `module`, which is `""` for the top folder."""
    own = _module_file(module, read) if module else None
    if own == f"{module}.py" or (module and not found.names):
        yield own or f"{module}.py"
        return
    if own:
        yield own
    prefix = f"{module}/" if module else ""
    for name in found.names:
        submodule = _module_file(f"{prefix}{name}", read)
        if submodule:
            yield submodule
        elif own is None:
            # Neither a module nor a name of a package that is there: name the file that would have to hold it.
            yield f"{module}.py" if found.module else f"{prefix}{_PACKAGE_FILE}"


def _module_file(module: str, read: Callable[[str], bytes | None]) -> str | None:
    """Return the file of a module, a package's `__init__.py` before a plain file as in Python, or None."""
    for file in (f"{module}/{_PACKAGE_FILE}", f"{module}.py"):
        if read(file) is not None:
            return file
    return None
