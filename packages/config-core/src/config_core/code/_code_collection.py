"""Collecting the source files of classes, from the module, package, script or notebook that defines them.

A script or notebook cannot be saved as it stands, because loading it would run it. `_program_selection` says what is
cut out.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from config_core.code._code_bundle import ClassReference, CodeBundle
from config_core.code._portable_code import PACKAGES, NotPortableError, portable_files
from config_core.code._program_selection import needed_statements
from config_core.code._source_facts import parse_source, source_facts
from config_core.code._source_files import (
    MAX_CODE_BYTES,
    MAX_DATA_BYTES,
    MAX_SOURCE_BYTES,
    MAX_SOURCE_FILES,
    data_files,
    needed_files,
)
from config_core.errors import SourceCodeError
from config_core.messages import escaping_logger, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["bundle_for"]

_logger = escaping_logger(__name__)
_PROGRAM = "__main__"
_MAIN_MODULES = frozenset({_PROGRAM, "__mp_main__"})
_NO_SOURCE = (
    "Python keeps no source of it. Define it in a module, in a script that is run as a file, or in a notebook cell."
)
_PYTHON_MAGIC = re.compile(r"%%(time|capture|prun)\b")


def bundle_for(
    cls: type[Any], config_class: type[Any], registered: Mapping[type[Any], str], *, portable: bool
) -> CodeBundle:
    """Return the source files of a registered class and of its registered siblings.

    Siblings have the same config class and are defined in the same module, package, script or notebook.

    Args:
        cls: The class, or a class whose config class is registered.
        config_class: Class of its config.
        registered: Class to the name of its Auto class, the latest last.
        portable: Whether transformers is to load the code too. Code that needs more of these packages than that allows
            is returned as it is, with a warning.

    Raises:
        SourceCodeError: A class has no source file, or a needed file is missing, too large or would not work elsewhere.
        ClassReferenceError: The name of a class or its file is not allowed in `auto_map`.
    """
    place = _place_of(cls if cls in registered else config_class)
    classes = {
        name: other
        for other, name in registered.items()
        if getattr(other, "config_class", other) is config_class and _is_from(other, place)
    }
    if cls in registered:
        classes[registered[cls]] = cls
    if _is_from(config_class, place):
        # Loading the model requires its config class.
        classes["AutoConfig"] = config_class
    bundle = _program_bundle(classes, config_class) if place == _PROGRAM else _module_bundle(classes)
    for reference in bundle.auto_map.values():
        ClassReference.parse(reference)  # do not save what no load accepts
    if portable:
        bundle = _portable_bundle(bundle, cls, {*classes.values(), config_class}, place)
    _check_size(bundle)
    return bundle


def _check_size(bundle: CodeBundle) -> None:
    """Raise if a load would refuse the source files for their size."""
    sizes = {name: len(content) for name, content in bundle.files.items() if name.endswith(".py")}
    largest = max(sizes, key=sizes.__getitem__)
    remedy = "No load would accept it. Move tables into data files, which the code opens."
    if sizes[largest] > MAX_SOURCE_BYTES:
        raise SourceCodeError(f"it is larger than {MAX_SOURCE_BYTES:,} bytes. {remedy}", path=largest)
    if sum(sizes.values()) > MAX_CODE_BYTES:
        raise SourceCodeError(f"the source files exceed {MAX_CODE_BYTES:,} bytes in total. {remedy}", path=largest)
    if len(sizes) > MAX_SOURCE_FILES:
        raise SourceCodeError(f"the code has more than {MAX_SOURCE_FILES:,} source files.", path=largest)


def _check_bases(classes: Iterable[type[Any]], place: str, bundle: CodeBundle) -> None:
    """Check that classes derive from these packages directly, or by way of classes that are saved with them.

    Raises:
        NotPortableError: One is derived from a class elsewhere, such as a base library, that stays one of these
            packages when transformers loads the code.
    """
    for cls in classes:
        for base in cls.__mro__:
            is_between = not _is_ours(base) and any(map(_is_ours, base.__mro__))
            if is_between and not _is_saved(base, place, bundle):
                name = f"{base.__module__}.{base.__qualname__}"
                needed = f"{cls.__qualname__} derives from {name}" if base is not cls else f"its config class is {name}"
                raise NotPortableError(f"{needed}, which is not saved with it")


def _is_ours(cls: type[Any]) -> bool:
    return cls.__module__.partition(".")[0] in PACKAGES


def _is_saved(cls: type[Any], place: str, bundle: CodeBundle) -> bool:
    try:
        return _place_of(cls) == place or _source_path(cls).read_bytes() in bundle.files.values()
    except SourceCodeError:
        return False


def _portable_bundle(bundle: CodeBundle, cls: type[Any], needed: Iterable[type[Any]], place: str) -> CodeBundle:
    """Return a bundle that transformers can load too, or the same one with a warning."""
    try:
        _check_bases(needed, place, bundle)
        return CodeBundle(portable_files(bundle.files), bundle.auto_map)
    except NotPortableError as error:
        _logger.warning(
            "The code of %s is saved as it is, so that these packages load it and transformers does not: %s. "
            "Pass portable=False to save it like this without this message.",
            cls.__qualname__,
            error,
        )
        return bundle


def _place_of(cls: type[Any]) -> str:
    """Return where a class is defined: in the program, a top-level package, or the folder of a single module."""
    name = cls.__module__
    if name in _MAIN_MODULES:
        return _PROGRAM
    if "." in name or hasattr(sys.modules.get(name), "__path__"):
        return name.partition(".")[0]
    return str(_source_path(cls).parent)


def _is_from(cls: type[Any], place: str) -> bool:
    try:
        return _place_of(cls) == place
    except SourceCodeError:
        return False


def _program_bundle(classes: dict[str, type[Any]], config_class: type[Any]) -> CodeBundle:
    """Collect the classes from the script or notebook that defines them."""
    for cls in classes.values():
        _check_top_level(cls)
    model_type = re.sub(r"\W", "_", getattr(config_class, "model_type", "")) or "custom"
    program, own = _program_definitions(classes.values(), notebook_module=f"modeling_{model_type}")
    # A program that runs as `python -m package.module` can import relatively within the package.
    package = getattr(sys.modules.get(next(iter(classes.values())).__module__), "__package__", None) or ""
    folders = program.parents
    top, files = _files_below(
        {program}, folders[0], folders[package.count(".")], package=package, written={program: own}
    )
    paths = dict.fromkeys(classes, program)
    if config_class not in classes.values():  # a module that the program imports may define it
        path = _source_path(config_class)
        if top in path.parents and path.relative_to(top).as_posix() in files:
            classes, paths = {**classes, "AutoConfig": config_class}, {**paths, "AutoConfig": path}
    return CodeBundle(files, _auto_map(classes, paths, top))


def _program_definitions(classes: Iterable[type[Any]], *, notebook_module: str) -> tuple[Path, bytes]:
    """Return the source of what classes of the running program need, and the file under whose name it is saved.

    The file is in the folder with the modules that the program imports. There is no such file for a notebook.

    Args:
        classes: Classes of `__main__`.
        notebook_module: What to name the module if the program is a notebook, or a file whose name cannot be imported.

    Raises:
        SourceCodeError: Python keeps no source of the program, or it is not Python, defines no such class at its top
            level, or has a statement that can neither be saved nor left out.
    """
    classes = list(classes)
    path, sources = _running_program(classes[0], notebook_module)
    statements = {
        node: (where, text)
        for where, text in sources
        for node in parse_source(text.encode(), path=where).body
        if not _is_main_guard(node)
    }
    places = {node: where for node, (where, _) in statements.items()}
    needed = needed_statements(places, [cls.__name__ for cls in classes], where=sources[-1][0])
    return path, "\n\n".join(_text(node, statements[node][1]) for node in needed).encode() + b"\n"


def _running_program(cls: type[Any], notebook_module: str) -> tuple[Path, list[tuple[str, str]]]:
    """Return the file to save the program as, and name for errors and text of each part, in the order they ran."""
    cells = _notebook_cells()
    if cells:
        return Path.cwd() / f"{notebook_module}.py", cells
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not Path(file).is_file() or Path(file).suffix != ".py":
        raise SourceCodeError(_NO_SOURCE, path=f"{cls.__module__}.{cls.__qualname__}")
    path = Path(file).resolve()
    # `__main__.py` of a folder, and other names that no checkpoint may have for its code.
    is_plain = path.stem.isidentifier() and path.stem.isascii() and not path.stem.startswith("__")
    saved_as = path if is_plain else path.with_name(f"{notebook_module}.py")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceCodeError("it is not UTF-8 text.", path=str(path)) from error
    return saved_as, [(str(path), text)]


def _notebook_cells() -> list[tuple[str, str]]:
    """Return the cells that ran in IPython, with its magics turned into Python; nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return []
    cells = []
    # As they were typed: `In` has them with their magics already taken apart.
    for number, text in enumerate(shell.history_manager.input_hist_raw):
        if _PYTHON_MAGIC.match(text):
            text = text.partition("\n")[2]  # noqa: PLW2901 - these run the rest of the cell as it stands
        python = shell.transform_cell(text)
        try:
            parse_source(python.encode(), path=f"cell {number}")
        except SourceCodeError:
            continue  # a cell that could not have run
        cells.append((f"cell {number}", python))
    return cells


def _is_main_guard(node: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`, or another `if` that asks for that name."""
    return isinstance(node, ast.If) and any(
        isinstance(inner, ast.Name) and inner.id == "__name__" for inner in ast.walk(node.test)
    )


def _text(node: ast.stmt, source: str) -> str:
    """Return a statement as it was written, with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    # Only these end a line in Python; `splitlines` knows more.
    text = "\n".join(source.split("\n")[first - 1 : node.end_lineno])
    try:
        is_alone = node.col_offset == 0 and len(parse_source(text.encode(), path="").body) == 1
    except SourceCodeError:  # it begins on the line on which another one ends
        is_alone = False
    return text if is_alone else ast.unparse(node)


def _module_bundle(classes: dict[str, type[Any]]) -> CodeBundle:
    """Collect the modules that define the classes, and what they import relatively."""
    paths = {name: _source_path(cls) for name, cls in classes.items()}
    folders = [path.parent.parent if path.name == "__init__.py" else path.parent for path in paths.values()]
    # Relative imports can reach up to the folder of the top-level package.
    highest = min(
        (_package_folder(cls, paths[name]) for name, cls in classes.items()), key=lambda folder: len(folder.parts)
    )
    package = next(iter(classes.values())).__module__
    top, files = _files_below(set(paths.values()), Path(os.path.commonpath(folders)), highest, package=package)
    return CodeBundle(files, _auto_map(classes, paths, top))


def _files_below(
    paths: set[Path],
    top: Path,
    highest: Path,
    *,
    package: str,
    written: Mapping[Path, bytes] = MappingProxyType({}),
) -> tuple[Path, dict[str, bytes]]:
    """Return the files that modules need, and the folder that their names are relative to.

    Args:
        paths: The modules.
        top: The folder that holds them all. If relative imports leave it, it is one above.
        highest: The highest such folder.
        package: Name of a module in their package.
        written: Files with another content than on disk.
    """

    def read(name: str) -> bytes | None:
        path = top / name
        return written[path] if path in written else path.read_bytes() if path.is_file() else None

    while True:
        try:
            files = needed_files(sorted(_module_name(path, top) for path in paths), read, where=str(top))
            break
        except SourceCodeError as error:
            if not error.leaves_folder or highest not in top.parents:
                raise
            top = top.parent
    _refuse_self_imports(files, package.partition(".")[0], top)
    return top, files | _data_beside(top, files)


def _auto_map(classes: Mapping[str, type[Any]], paths: Mapping[str, Path], top: Path) -> dict[str, str]:
    return {name: f"{_module_name(paths[name], top)}.{cls.__name__}" for name, cls in classes.items()}


def _source_path(cls: type[Any]) -> Path:
    """Return the file that defines a class at its top level."""
    _check_top_level(cls)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not file.endswith(".py") or not Path(file).is_file():
        raise SourceCodeError(
            f"the module {cls.__module__!r} has no source file, so its code cannot be saved. Define the class in a "
            ".py file and import it.",
            path=f"{cls.__module__}.{cls.__qualname__}",
        )
    path = Path(file).resolve()
    nodes = ast.walk(parse_source(path.read_bytes(), path=str(path)))
    if not any(isinstance(node, ast.ClassDef) and node.name == cls.__name__ for node in nodes):
        raise SourceCodeError(f"it defines no class {cls.__name__!r} at its top level.", path=str(path))
    return path


def _check_top_level(cls: type[Any]) -> None:
    if "." in cls.__qualname__:
        raise SourceCodeError(
            f"it is defined inside {cls.__qualname__.rpartition('.')[0]!r}. Only classes at the top level of a "
            "module can be saved and loaded: move it there.",
            path=f"{cls.__module__}.{cls.__qualname__}",
        )


def _package_folder(cls: type[Any], path: Path) -> Path:
    """Return the folder of the top-level package of a module, or the module's own folder if it is in no package."""
    depth = cls.__module__.count(".")
    if path.name == "__init__.py":
        return path.parents[depth + 1]
    return path.parents[max(depth - 1, 0)]


def _module_name(path: Path, top: Path) -> str:
    inside = path.relative_to(top)
    return (inside.parent if path.name == "__init__.py" else inside.with_suffix("")).as_posix()


def _data_beside(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the data files in a folder that source files name."""

    def read(name: str) -> bytes | None:
        path = folder / name
        if not path.is_file():
            return None
        if path.stat().st_size > MAX_DATA_BYTES:
            warn(
                f"{path} is not saved with the code that names it, because it is larger than {MAX_DATA_BYTES:,} bytes. "
                "Keep such data in the checkpoint.",
                stacklevel=2,
            )
            return None
        return path.read_bytes()

    return data_files(files, read, where=str(folder))


def _refuse_self_imports(files: dict[str, bytes], package: str, top: Path) -> None:
    """Raise if a package imports itself by its absolute name, which does not exist in a checkpoint."""
    # Packages beside a script or a single module are packages of their own.
    is_flat = not package or f"{package}.py" in files
    for name, content in files.items():
        folder = name.partition("/")[0]
        own = folder if is_flat and f"{folder}/__init__.py" in files else package
        for found in source_facts(content, path=name).imports:
            if not found.level and found.module.partition(".")[0] == own and f"{own}.py" not in files:
                raise SourceCodeError(
                    f"it imports {found.module!r} by its absolute name, which does not exist when the checkpoint is "
                    "loaded. Use a relative import: from .module import name.",
                    path=str(top / name),
                    line=found.line,
                )
