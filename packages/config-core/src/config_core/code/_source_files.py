"""The files that a module needs: relative imports, followed from file to file, and data files that the code names.

Nothing is executed. This is used to save a class (files of a package on disk) and to load remote code (files of a
checkpoint).
"""

from __future__ import annotations

import ast
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from config_core.code._code_bundle import content_digests
from config_core.code._source_facts import SourceImport, source_facts
from config_core.errors import SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_CODE_BYTES",
    "MAX_DATA_BYTES",
    "MAX_SOURCE_BYTES",
    "MAX_SOURCE_FILES",
    "data_files",
    "needed_files",
    "resolve_sibling_imports",
    "source_imports",
]

# Parsing Python source takes up to 500 times its size in memory.
MAX_SOURCE_BYTES = 1024 * 1024  # of one file
MAX_CODE_BYTES = 4 * 1024 * 1024  # of all source files together
MAX_SOURCE_FILES = 1000  # and as many data files: even empty files cost a request each
MAX_DATA_BYTES = 16 * 1024 * 1024  # of all data files together

_PACKAGE_FILE = "__init__.py"
# Absolute imports of these never mean a file beside the code.
_NEVER_SIBLINGS = sys.stdlib_module_names | {
    "auto_registry", "config_core", "hub_io", "huggingface_hub", "model_core", "numpy", "safetensors", "torch",
    "transformers",
}  # fmt: skip
# Files of the checkpoint that are not data of its code: they change with every save, or other libraries load them.
_NOT_DATA = r"""(?xi)
    (.*/)?(
        (adapter_|generation_|preprocessor_|processor_|tokenizer_|video_preprocessor_)?config\.json
        | special_tokens_map\.json | added_tokens\.json | tokenizer\.json | vocab\.(json|txt) | merges\.txt
        | model_index\.json | modules\.json | README\.md | hub-code\.lock | requirements\.txt | __init__\.py
        | [^/]*\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|onnx|gguf)(\.index(\.[^/.]+)?\.json)?
        | [^/]*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|env) | (credentials|secrets)(\.[^/]*)?  # secrets
    )
"""


def needed_files(
    modules: Iterable[str], read: Callable[[str], bytes | None], *, where: str, only_certain: bool = False
) -> dict[str, bytes]:
    """Return the source files that modules need, themselves included.

    A relative import needs the module, the `__init__.py` of every sub-package on the way, and what those import in
    turn. The `__init__.py` of the top folder is needed only if a name that is not a module is imported from it. Imports
    in functions and under `if TYPE_CHECKING` or `try` count, because they may run. A file may be missing only if its
    import is in a `try` with `except ImportError`.

    Args:
        modules: Modules without `.py`, relative to the top folder, with slashes: `modeling_x`, `sub/modeling_x`.
        read: Returns the content of a file relative to the top folder, or None if it does not exist.
        where: The top folder, for errors.
        only_certain: Follow only imports that always run and must succeed.

    Returns:
        Name relative to the top folder to content, sorted by name.

    Raises:
        SourceCodeError: A file is missing, not UTF-8 or not Python, or a relative import leaves the top folder. It is
            the first such error, and its `digests` are those of the files that could be read.
    """
    files: dict[str, bytes] = {}
    first_error: SourceCodeError | None = None
    queue = deque(_Wanted(_first_file(module, read), "") for module in modules)
    while queue:
        wanted = queue.popleft()
        if wanted.name in files:
            continue
        try:
            content = read(wanted.name)
            if content is not None:
                files[wanted.name] = content
                queue.extend(_imported_files(wanted.name, content, read, where, only_certain=only_certain))
            elif not wanted.is_optional:
                problem = f"there is no such file{wanted.by}."
                raise SourceCodeError(problem, path=f"{where}/{wanted.name}")  # noqa: TRY301 - one of several
        except SourceCodeError as error:
            first_error = first_error or error
    files = dict(sorted(files.items()))
    if first_error is not None:
        first_error.digests = content_digests(files)
        raise first_error
    return files


def data_files(sources: Mapping[str, bytes], read: Callable[[str], bytes | None], *, where: str) -> dict[str, bytes]:
    """Return the data files of source files: files beside them that they name by a string literal.

    `Path(__file__).parent / "labels.json"`, `files(__package__).joinpath("tables", "a.csv")` and
    `os.path.join(os.path.dirname(__file__), "tables/a.csv")` name such files. A source file that uses none of
    `__file__`, `importlib.resources` and `pkgutil.get_data` has no data files. Weights, configs, tokenizers and other
    files of the checkpoint are never data files.

    Args:
        sources: The source files, by name relative to the top folder.
        read: Returns the content of a file relative to the top folder, or None if it does not exist or is not used.
        where: The top folder, for errors.

    Returns:
        Name relative to the top folder to content.

    Raises:
        SourceCodeError: There are too many data files, they are too large in total, or a name is not ASCII.
    """
    found: dict[str, bytes] = {}
    total = 0
    for source, content in sources.items():
        folder = source.rpartition("/")[0]
        for text in source_facts(content, path=f"{where}/{source}").file_names:
            name = f"{folder}/{text}" if folder else text
            if name in found or name in sources or re.fullmatch(_NOT_DATA, name) or (data := read(name)) is None:
                continue
            if not name.isascii():
                raise SourceCodeError(
                    f"it names the data file {name!a}, but names of data files must be ASCII.", path=source
                )
            if len(found) == MAX_SOURCE_FILES:
                raise SourceCodeError(
                    f"the code has more than {MAX_SOURCE_FILES:,} data files.", path=f"{where}/{source}"
                )
            total += len(data)
            if total > MAX_DATA_BYTES:
                raise SourceCodeError(
                    f"with {name!r} the data files of the code exceed {MAX_DATA_BYTES:,} bytes. They are for tables "
                    "and vocabularies; keep weights in the checkpoint.",
                    path=f"{where}/{source}",
                )
            found[name] = data
    return found


def source_imports(
    name: str, content: bytes, read: Callable[[str], bytes | None], *, path: str
) -> tuple[SourceImport, ...]:
    """Return the imports of a file, in which imports of files beside it are relative (see `resolve_sibling_imports`).

    Args:
        name: Name of the file, relative to the top folder.
        content: Its content.
        read: Returns the content of a file relative to the top folder, or None.
        path: Its name for errors.

    Raises:
        SourceCodeError: It is not UTF-8 or not Python.
    """
    imports = source_facts(content, path=path).imports
    if any(found.level and found.is_statement for found in imports):  # the file belongs to a package
        return imports
    siblings = _Siblings(name, read)
    return tuple(siblings.resolved(found) for found in imports)


def resolve_sibling_imports(tree: ast.Module, name: str, read: Callable[[str], bytes | None]) -> ast.Module:
    """Turn absolute imports of files beside a file into relative imports, in place.

    Scripts and flat folders import their neighbours as `from blocks import Block`, which only works while their folder
    is on the path. In a file with relative imports, which belongs to a package, such an import means another module.
    Installed packages do not matter: if there is a file beside it, which was reviewed with it, the file is meant. The
    exceptions are the standard library, torch, numpy and other packages that most code uses.

    Args:
        tree: The parsed file.
        name: Name of the file, relative to the top folder.
        read: Returns the content of a file relative to the top folder, or None.

    Returns:
        The same tree.
    """
    if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)):
        return tree
    siblings = _Siblings(name, read)
    # Imports are statements, so only lists of statements are visited: expressions may be nested too deep for a
    # recursive visitor.
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and any(isinstance(item, (ast.Import, ast.ImportFrom)) for item in value):
                setattr(node, field, [part for item in value for part in siblings.replace(item)])
    return tree


class _Siblings:
    """The files and packages in the folder of a file, and the relative imports for absolute imports of them."""

    def __init__(self, name: str, read: Callable[[str], bytes | None]) -> None:
        folder, _, file = name.rpartition("/")
        self._prefix = f"{folder}/" if folder else ""
        self._own_name = file.removesuffix(".py")
        self._read = read

    def has(self, module: str) -> bool:
        """Return whether an absolute import means one of them."""
        first = module.partition(".")[0]
        # A file does not import itself: `import tokenizers` in tokenizers.py means the installed package.
        if first == self._own_name or first in _NEVER_SIBLINGS:
            return False
        return _module_file(f"{self._prefix}{first}", self._read) is not None

    def resolved(self, found: SourceImport) -> SourceImport:
        """Return the relative import for an absolute one, or the import itself."""
        if found.level or not found.module or not self.has(found.module):
            return found
        if found.names:
            return found._replace(level=1)
        parent, _, last = found.module.rpartition(".")
        return found._replace(level=1, module=parent, names=(last,))

    def replace(self, statement: ast.stmt) -> list[ast.stmt]:
        """Return the statements that replace a statement, usually itself."""
        if isinstance(statement, ast.ImportFrom) and statement.module and self.has(statement.module):
            statement.level = 1
        if not isinstance(statement, ast.Import):
            return [statement]
        kept = [alias for alias in statement.names if not self.has(alias.name)]
        if len(kept) == len(statement.names):
            return [statement]
        found: list[ast.stmt] = [ast.Import(names=kept)] if kept else []
        found += [relative for alias in statement.names if alias not in kept for relative in _as_relative(alias)]
        return [ast.fix_missing_locations(ast.copy_location(part, statement)) for part in found]


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


class _Wanted(NamedTuple):
    """A file to read, and the file that needs it, for the error if it is missing."""

    name: str
    by: str
    is_optional: bool = False


def _first_file(module: str, read: Callable[[str], bytes | None]) -> str:
    try:
        return _module_file(module, read) or f"{module}.py"
    except SourceCodeError:
        return f"{module}.py"  # reading it raises the same error again


def _imported_files(
    name: str, content: bytes, read: Callable[[str], bytes | None], where: str, *, only_certain: bool
) -> Iterator[_Wanted]:
    """Yield the files that a file needs: its parent packages' `__init__.py`, and its relative imports."""
    folder = tuple(name.split("/")[:-1])
    for depth in range(1, len(folder) + 1):
        package_file = "/".join((*folder[:depth], _PACKAGE_FILE))
        if read(package_file) is not None:
            yield _Wanted(package_file, "")
    for found in source_imports(name, content, read, path=f"{where}/{name}"):
        if not found.level or (only_certain and not found.is_certain):
            continue
        climbed = found.level - 1
        if climbed > len(folder):
            text = f"{'.' * found.level}{found.module}"
            raise SourceCodeError(
                f"the import from {text!r} leaves the folder.",
                path=f"{where}/{name}",
                line=found.line,
                leaves_folder=True,
            )
        parts = (*folder[: len(folder) - climbed], *filter(None, found.module.split(".")))
        by = f", and {name} line {found.line} imports it"
        yield from (_Wanted(file, by, found.is_optional) for file in _files_of_import("/".join(parts), found, read))


def _files_of_import(module: str, found: SourceImport, read: Callable[[str], bytes | None]) -> Iterator[str]:
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
            # Neither a module nor a name in an existing package: report the file that would define it.
            yield f"{module}.py" if found.module else f"{prefix}{_PACKAGE_FILE}"


def _module_file(module: str, read: Callable[[str], bytes | None]) -> str | None:
    """Return the file of a module, a package's `__init__.py` before a plain file as in Python, or None."""
    for file in (f"{module}/{_PACKAGE_FILE}", f"{module}.py"):
        if read(file) is not None:
            return file
    return None
