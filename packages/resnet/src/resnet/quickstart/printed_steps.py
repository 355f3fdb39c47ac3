"""Printing a step of the quickstart with the code that it runs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["code_lines", "print_step"]


def print_step(title: str, *functions: Callable[..., Any]) -> None:
    """Print a title and the bodies of the functions that do the step."""
    print(f"\n{title}\n", flush=True)
    for function in functions:
        print(textwrap.indent(code_lines(function), "    "), flush=True)
    print(flush=True)


def code_lines(function: Callable[..., Any]) -> str:
    """Return the body of a function as it is in its file, without docstring and `return`."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"Expected a function, got {function!r}.")
    statements = [statement for statement in definition.body if not isinstance(statement, ast.Return)]
    if ast.get_docstring(definition) is not None:
        del statements[0]
    last = statements[-1].end_lineno
    lines = source.splitlines()[statements[0].lineno - 1 : last]
    return textwrap.dedent("\n".join(lines))
