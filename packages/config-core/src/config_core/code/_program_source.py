"""The program that is running, a script or the cells of a notebook, and what its classes need of it.

A program cannot be saved as it stands, because loading it would run it. `_program_selection` says what is cut out.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config_core.code._program_selection import needed_statements
from config_core.code._source_facts import parse_source
from config_core.errors import SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["program_definitions"]

_NO_SOURCE = (
    "Python keeps no source of it. Define it in a module, in a script that is run as a file, or in a notebook cell."
)
_PYTHON_MAGIC = re.compile(r"%%(time|capture|prun)\b")


def program_definitions(classes: Iterable[type[Any]], *, notebook_module: str) -> tuple[Path, bytes]:
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
