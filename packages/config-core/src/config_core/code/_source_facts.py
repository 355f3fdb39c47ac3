"""Facts about a source file that depend only on its content: its imports, and file names in its string literals.

The same content is parsed only once: facts are cached by SHA-256, with a size limit. They say nothing about trust, and
nothing is executed.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import CodeType
from typing import NamedTuple

from config_core.checkpoint import check_relative_name
from config_core.error_base import printable
from config_core.errors import SourceCodeError, UnsafeNameError

__all__ = [
    "SourceFacts",
    "SourceImport",
    "called_name",
    "compile_source",
    "parse_source",
    "source_facts",
    "walk_expressions",
    "walk_statements",
]

_PARSED_NAME = "<source that is only read>"
_QUIET = ("ignore", None, Warning, re.compile(re.escape(_PARSED_NAME)), 0)
# Quick checks of the bytes of a file: whether it may look for files beside itself, may have file names as string
# literals, and may import by a call.
_LOOKS_BESIDE = rb"__file__|\bresources\b|\bget_data\b"
_MAY_NAME_FILES = rb"""\.\w{1,16}['"]"""
_MAY_IMPORT = b"import_module"
# Functions whose arguments are files of a checkpoint or of a repository.
_OF_CHECKPOINTS = frozenset({
    "cached_file", "has", "has_file", "hf_hub_download", "local_path", "local_paths", "read_bytes", "size_of",
    "try_to_load_from_cache",
})  # fmt: skip
_MOST_PARTS = 16  # of a file name that is joined from literals; without a limit, long chains take quadratic time
# A logical line with an import. For each part of a dotted name, Python's parser copies those before it.
_IMPORT_STATEMENT = rb"(?s)\b(?:import|from)\b(?:[^\r\n;\\]|\\\r\n|\\.)*"
_MOST_DOTS = 1000
_MORE_TRIES = 10
# Each of them is looked for beside the file and, if it may be run, among the installed packages.
_MOST_IMPORTS = 2000
_FILE_NAME = r"[^\s/]([^\n]*[^\s/])?\.\w{1,16}"

_MAX_ENTRIES = 1000
_MAX_BYTES = 8 * 1024 * 1024  # of source; the facts are usually much smaller


class SourceImport(NamedTuple):
    """An import of one module, or of names from it.

    Attributes:
        level: Number of dots of a relative import; 0 for an absolute import.
        module: The module after the dots, or `""`.
        names: The imported names; empty for `import module`.
        line: Line, counted from 1.
        is_certain: Whether it always runs when the file is imported and must succeed: it is not in a function, under a
            condition, or in a `try` that may handle import errors.
        is_optional: Whether it may fail: it is in a `try` that handles import errors.
        is_statement: Whether it is an import statement, not a call of `import_module`.
    """

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    is_certain: bool
    is_optional: bool
    is_statement: bool = True


class SourceFacts(NamedTuple):
    """Facts about a source file.

    Attributes:
        imports: Its imports, in order.
        file_names: If it uses `__file__`, `importlib.resources` or `pkgutil.get_data`: plain relative file names with
            an extension among its string literals, such as `a.json` or `tables/a.json`. These are single literals, and
            literals that are joined by `/` or adjacent arguments of a call. Arguments of functions that read a
            checkpoint, such as `read_bytes` or `hf_hub_download`, are excluded.
    """

    imports: tuple[SourceImport, ...]
    file_names: tuple[str, ...]


# SHA-256 of the content to its length and facts, the last used last. Each step is atomic: if threads meet, a file is
# parsed twice at worst.
_kept: dict[bytes, tuple[int, SourceFacts]] = {}


def source_facts(content: bytes, *, path: str) -> SourceFacts:
    """Return the facts about a source file. It is parsed unless they are cached.

    Args:
        content: Content of the file.
        path: Its name, for errors.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python.
    """
    import hashlib

    digest = hashlib.sha256(content).digest()
    kept = _kept.pop(digest, None) or (len(content), _read(content, path))
    _kept[digest] = kept
    while len(_kept) > _MAX_ENTRIES or sum(size for size, _ in list(_kept.values())) > _MAX_BYTES:
        _kept.pop(next(iter(list(_kept)), b""), None)
    return kept[1]


def parse_source(content: bytes, *, path: str) -> ast.Module:
    """Parse Python source, without warnings.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python; `line` is the line of the error.
    """
    for statement in re.finditer(_IMPORT_STATEMENT, content):
        if statement[0].count(b".") > _MOST_DOTS:
            line = content.count(b"\n", 0, statement.start()) + 1
            raise SourceCodeError(f"an import has more than {_MOST_DOTS:,} dots.", path=path, line=line)
    _ignore_warnings()
    with _errors_of(path):
        text = content.decode("utf-8-sig")
        # Threads that parse at the same time may disturb each other before 3.11.8 and 3.12.2 (CPython issue 106905):
        # one of them gets a SystemError, whatever it parses. A lock of ours would not stop other code that parses.
        for _ in range(_MORE_TRIES):
            with suppress(SystemError):
                return ast.parse(text, filename=_PARSED_NAME)
        return ast.parse(text, filename=_PARSED_NAME)


def compile_source(source: bytes | ast.Module, *, path: str) -> CodeType:
    """Compile Python source, without warnings.

    Args:
        source: Content of the file, or the tree that `parse_source` returned for it. Bytes are decoded as UTF-8, even
            if a comment names another encoding.
        path: Its name in tracebacks and errors.

    Raises:
        SyntaxError: It is not Python.
        UnicodeDecodeError: It is not UTF-8.
    """
    _ignore_warnings()
    try:
        parsed = source.decode("utf-8-sig") if isinstance(source, bytes) else source
        return _renamed(compile(parsed, _PARSED_NAME, "exec", dont_inherit=True), path)
    except SyntaxError as error:
        error.filename = path
        raise


def _renamed(code: CodeType, path: str) -> CodeType:
    inner = tuple(_renamed(value, path) if isinstance(value, CodeType) else value for value in code.co_consts)
    return code.replace(co_filename=path, co_consts=inner)


def _ignore_warnings() -> None:
    """Ignore warnings about `_PARSED_NAME` from now on."""
    # The filter is permanent, for a file name that is not used elsewhere. `catch_warnings` would remove filters that
    # other threads set meanwhile. If another filter precedes it, it is added again.
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", module=re.escape(_PARSED_NAME))


@contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Turn Python's errors about a source file in the block into SourceCodeError with its path."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=path) from error
    except SyntaxError as error:
        error.text = error.text and printable(error.text, keep="\n")  # which a traceback shows
        raise SourceCodeError(f"it is not valid Python: {error.msg}.", path=path, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceCodeError(f"it cannot be parsed: {str(error) or 'it is nested too deep'}.", path=path) from error


def _read(content: bytes, path: str) -> SourceFacts:
    tree = parse_source(content, path=path)
    names_files = re.search(_LOOKS_BESIDE, content) is not None and re.search(_MAY_NAME_FILES, content) is not None
    imports_by_call = _MAY_IMPORT in content
    imports: list[SourceImport] = []
    file_names: dict[str, None] = {}
    for statement, is_certain, is_optional in walk_statements(tree):
        imports += _statement_imports(statement, is_certain=is_certain, is_optional=is_optional)
        if names_files or imports_by_call:
            for expression in walk_expressions(statement):
                if imports_by_call and (target := _import_module_target(expression)):
                    module = target.lstrip(".")
                    level = len(target) - len(module)
                    line = getattr(expression, "lineno", 1)
                    imports.append(SourceImport(level, module, (), line, False, is_optional, is_statement=False))
                if names_files:
                    file_names.update(dict.fromkeys(filter(None, map(_file_name, _texts(expression)))))
    if sum(max(1, len(found.names)) for found in imports) > _MOST_IMPORTS:
        raise SourceCodeError(f"it imports more than {_MOST_IMPORTS:,} names.", path=path)
    return SourceFacts(tuple(imports), tuple(file_names))


def walk_statements(tree: ast.Module) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Yield each statement, in order, with whether its imports are certain and optional.

    Expressions are not visited: they contain no import statements, and may be nested too deep for a recursive visitor.
    """
    waiting: list[tuple[ast.AST, bool, bool]] = [(statement, True, False) for statement in reversed(tree.body)]
    while waiting:
        node, is_certain, is_optional = waiting.pop()
        yield node, is_certain, is_optional
        inner: list[tuple[ast.AST, bool, bool]] = []
        for field, value in ast.iter_fields(node):
            if not isinstance(value, list) or not value or isinstance(value[0], ast.expr):
                continue
            certain, optional = _inside(node, field, is_certain=is_certain, is_optional=is_optional)
            inner += [(child, certain, optional) for child in value if isinstance(child, _HOLDERS)]
        waiting.extend(reversed(inner))


_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _inside(node: ast.AST, field: str, *, is_certain: bool, is_optional: bool) -> tuple[bool, bool]:
    """Return whether imports in a field of a statement are certain and optional."""
    if isinstance(node, ast.Try):
        if field == "body":
            catching = [_catches_import_errors(handler) for handler in node.handlers]
            return is_certain and all(catch is False for catch in catching), is_optional or True in catching
        return is_certain and field == "finalbody", is_optional
    return is_certain and isinstance(node, ast.ClassDef), is_optional


def _catches_import_errors(handler: ast.ExceptHandler) -> bool | None:
    """Return whether a handler is for import errors; None if it names other exceptions than Python's own."""
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    kinds = [getattr(builtins, kind.id, None) if isinstance(kind, ast.Name) else None for kind in caught]
    known = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseException)]
    if any(issubclass(ImportError, kind) or issubclass(kind, ImportError) for kind in known):
        return True
    return False if len(known) == len(kinds) else None


def _statement_imports(statement: ast.AST, *, is_certain: bool, is_optional: bool) -> list[SourceImport]:
    if isinstance(statement, ast.Import):
        found: list[tuple[int, str, tuple[str, ...]]] = [(0, alias.name, ()) for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        found = [(statement.level, statement.module or "", tuple(alias.name for alias in statement.names))]
    else:
        return []
    return [SourceImport(*each, statement.lineno, is_certain, is_optional) for each in found]


def walk_expressions(statement: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of a statement and their parts, without those of nested statements.

    Arguments of functions that read a checkpoint are omitted: they are not files beside the code.
    """
    waiting = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, _HOLDERS)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and called_name(node) in _OF_CHECKPOINTS:
            waiting.append(node.func)
            continue
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting.extend(item for item in value if isinstance(item, ast.AST))


def _import_module_target(node: ast.AST) -> str | None:
    """Return `.module` of a call `import_module(".module", …)`."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    target = _text(node.args[0]) if called_name(node) == "import_module" else None
    return target if target and target.startswith(".") else None


def called_name(call: ast.Call) -> str:
    """Return the last name of what is called: `c` of `a.b.c(…)`, or an empty string."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the strings that may be file names: a literal, `x / "a" / "b"`, and `join(x, "a", "b")`."""
    if (text := _text(node)) is not None:
        yield text
    elif isinstance(node, ast.BinOp):
        parts: list[str] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (text := _text(node.right)) is not None:
            parts.append(text)
            if len(parts) > _MOST_PARTS:
                return
            node = node.left
        yield "/".join(reversed(parts))
    elif isinstance(node, ast.Call):
        parts = []
        for argument in node.args[-_MOST_PARTS:]:
            parts = [*parts, text] if (text := _text(argument)) is not None else []
        yield "/".join(parts)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _file_name(text: str) -> str | None:
    """Return the plain relative name in a string, or None. A leading `./` or `/` is removed."""
    name = text.removeprefix(".").removeprefix("/") if text[:2] == "./" else text.removeprefix("/")
    if not re.fullmatch(_FILE_NAME, name) or any(part.startswith(".") for part in name.split("/")):
        return None
    try:
        return check_relative_name(name, where="code")
    except UnsafeNameError:
        return None
