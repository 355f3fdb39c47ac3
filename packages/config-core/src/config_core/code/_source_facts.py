"""What the text of a source file says by itself: its imports, and the file names among its string literals.

Source is parsed once for its content: facts are kept by the SHA-256 of the text, within bounds. They say nothing about
trust, and nothing is executed.
"""

from __future__ import annotations

import ast
import hashlib
import re
import threading
import warnings
from collections import OrderedDict
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

from config_core.checkpoint import check_relative_name
from config_core.errors import SourceCodeError, UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SourceFacts", "SourceImport", "compile_source", "parse_source", "source_facts"]

_PARSED_NAME = "<source that is only read>"
_QUIET = ("ignore", None, Warning, re.compile(re.escape(_PARSED_NAME)), 0)
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
# In the bytes of a file: whether it looks for files beside itself, ends a string literal like the name of a file, and
# may import by a call.
_LOOKS_BESIDE = re.compile(rb"__file__|\bresources\b|\bget_data\b")
_MAY_NAME_FILES = re.compile(rb"""\.\w{1,16}['"]""")
_MAY_IMPORT = b"import_module"
# Functions whose arguments are files of a checkpoint, or of a repository on a hub.
_OF_CHECKPOINTS = frozenset({
    "cached_file", "has", "has_file", "hf_hub_download", "local_path", "local_paths", "read_bytes", "size_of",
    "try_to_load_from_cache",
})  # fmt: skip
_FILE_NAME = re.compile(r"[^\s/]([^\n]*[^\s/])?\.\w{1,16}")

_MAX_ENTRIES = 1000
_MAX_BYTES = 8 * 1024 * 1024  # of the source that was read; its facts are mostly far smaller


class SourceImport(NamedTuple):
    """An import of one module, or of names from it.

    Attributes:
        level: How many dots a relative import has; 0 for an absolute one.
        module: The module after the dots, `""` if there is none.
        names: What is imported from it; none for `import module`.
        line: The line, counted from 1.
        is_certain: Whether it runs whenever the file is imported: not in a function, under a condition, or in a `try`
            that handles exceptions.
        is_optional: Whether the file expects that it may fail: it is in a `try` that handles import errors.
        is_statement: Whether it is an import statement, and not a call of `import_module`.
    """

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    is_certain: bool
    is_optional: bool
    is_statement: bool = True


class SourceFacts(NamedTuple):
    """What is known of a source file by its content alone.

    Attributes:
        imports: Its imports, in order.
        file_names: If it looks for files beside itself (with `__file__`, `importlib.resources` or `pkgutil.get_data`):
            plain relative names with an extension among its string literals, such as `a.json` or `tables/a.json`. They
            are single literals, and those joined by `/` or side by side in a call; not what functions that read a
            checkpoint are given, such as `read_bytes` or `hf_hub_download`.
    """

    imports: tuple[SourceImport, ...]
    file_names: tuple[str, ...]


_kept: OrderedDict[bytes, tuple[int, SourceFacts]] = OrderedDict()
_lock = threading.Lock()


def source_facts(content: bytes, *, path: str) -> SourceFacts:
    """Return the facts about a source file. It is parsed if its content is new, or was forgotten.

    Args:
        content: The file.
        path: Its name, for errors.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python.
    """
    digest = hashlib.sha256(content).digest()
    with _lock:
        if digest in _kept:
            _kept.move_to_end(digest)
            return _kept[digest][1]
    facts = _read(content, path)
    with _lock:
        _kept[digest] = len(content), facts
        while len(_kept) > _MAX_ENTRIES or sum(size for size, _ in _kept.values()) > _MAX_BYTES:
            _kept.popitem(last=False)
    return facts


def parse_source(content: bytes, *, path: str) -> ast.Module:
    """Parse Python source, without the warnings that Python has about it.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python; `line` says where.
    """
    with _errors_of(path), _quietly():
        return ast.parse(content.decode("utf-8-sig"), filename=_PARSED_NAME)


def compile_source(content: bytes, *, path: str) -> CodeType:
    """Compile Python source, without the warnings that Python has about it.

    Args:
        content: The file. It is UTF-8, whatever a comment in it says about its encoding.
        path: Its name in tracebacks and errors.

    Raises:
        SyntaxError: It is not Python.
        UnicodeDecodeError: It is not UTF-8.
    """
    try:
        with _quietly():
            return _renamed(compile(content.decode("utf-8-sig"), _PARSED_NAME, "exec", dont_inherit=True), path)
    except SyntaxError as error:
        error.filename = path
        raise


def _renamed(code: CodeType, path: str) -> CodeType:
    inner = tuple(_renamed(value, path) if isinstance(value, CodeType) else value for value in code.co_consts)
    return code.replace(co_filename=path, co_consts=inner)


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore warnings about `_PARSED_NAME` in the block, and afterwards."""
    # One filter that stays, on a name that nothing else has. To remove it again, as `catch_warnings` does, would remove
    # filters that other threads have set meanwhile. If one of them comes before it by now, it is added again.
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", module=re.escape(_PARSED_NAME))
    yield


@contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Turn what Python raises about a source file in the block into errors with its path."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=path) from error
    except SyntaxError as error:
        raise SourceCodeError(f"it is not valid Python: {error.msg}.", path=path, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceCodeError(f"it cannot be parsed: {error}.", path=path) from error


def _read(content: bytes, path: str) -> SourceFacts:
    tree = parse_source(content, path=path)
    names_files = _LOOKS_BESIDE.search(content) is not None and _MAY_NAME_FILES.search(content) is not None
    imports_by_call = _MAY_IMPORT in content
    imports: list[SourceImport] = []
    file_names: dict[str, None] = {}
    for statement, is_certain, is_optional in _statements(tree):
        imports += _statement_imports(statement, is_certain=is_certain, is_optional=is_optional)
        if names_files or imports_by_call:
            for expression in _expressions(statement):
                if imports_by_call and (target := _import_module_target(expression)):
                    module = target.lstrip(".")
                    level = len(target) - len(module)
                    line = getattr(expression, "lineno", 1)
                    imports.append(SourceImport(level, module, (), line, False, is_optional, is_statement=False))
                if names_files:
                    file_names.update(dict.fromkeys(filter(None, map(_file_name, _texts(expression)))))
    return SourceFacts(tuple(imports), tuple(file_names))


def _statements(tree: ast.Module) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Give each statement, in order, with whether it certainly runs and whether it may fail to import.

    Imports are statements. Expressions, which may be nested so deep that a recursive visitor would fail, are not
    entered.
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
    """Return both for the statements in a field of a statement."""
    if isinstance(node, ast.Try):
        if field == "body":
            handled = any(map(_catches_import_errors, node.handlers))
            return is_certain and not node.handlers, is_optional or handled
        return is_certain and field == "finalbody", is_optional
    return is_certain and isinstance(node, ast.ClassDef), is_optional


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS) for kind in caught)


def _statement_imports(statement: ast.AST, *, is_certain: bool, is_optional: bool) -> list[SourceImport]:
    if isinstance(statement, ast.Import):
        found: list[tuple[int, str, tuple[str, ...]]] = [(0, alias.name, ()) for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        found = [(statement.level, statement.module or "", tuple(alias.name for alias in statement.names))]
    else:
        return []
    return [SourceImport(*each, statement.lineno, is_certain, is_optional) for each in found]


def _expressions(statement: ast.AST) -> Iterator[ast.AST]:
    """Give the expressions of a statement and their parts, but not those of the statements in it.

    What a function that reads a checkpoint is given is left out: it names no file beside the code.
    """
    waiting = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, _HOLDERS)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and _called(node) in _OF_CHECKPOINTS:
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
    target = _text(node.args[0]) if _called(node) == "import_module" else None
    return target if target and target.startswith(".") else None


def _called(call: ast.Call) -> str:
    """Return the last name of what is called: `b` of `a.b(…)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else str(getattr(call.func, "id", ""))


def _texts(node: ast.AST) -> Iterator[str]:
    """Give the texts that may be a file name: a literal, `x / "a" / "b"`, and `join(x, "a", "b")`."""
    if (text := _text(node)) is not None:
        yield text
    elif isinstance(node, ast.BinOp):
        parts: list[str] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (text := _text(node.right)) is not None:
            parts.insert(0, text)
            node = node.left
        yield "/".join(parts)
    elif isinstance(node, ast.Call):
        parts = []
        for argument in node.args:
            parts = [*parts, text] if (text := _text(argument)) is not None else []
        yield "/".join(parts)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _file_name(text: str) -> str | None:
    """Return the plain relative name that a literal is, or None. `./a.json` and `/a.json` are names after a folder."""
    name = text.removeprefix(".").removeprefix("/") if text[:2] == "./" else text.removeprefix("/")
    if not _FILE_NAME.fullmatch(name) or any(part.startswith(".") for part in name.split("/")):
        return None
    try:
        return check_relative_name(name, where="code")
    except UnsafeNameError:
        return None
