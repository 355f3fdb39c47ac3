"""Showing text to people: escaped, in colour where that is wanted, with progress on a terminal.

File names, source code and the Hub's answers are other people's. A terminal obeys escape sequences and reorders text
for control characters, so only what is printable reaches it; everything else appears as its escape.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bad", "busy", "dim", "good", "heading", "printable", "show", "show_error", "split_lines", "wants_colour"]

_CLEAR_LINE = "\r\x1b[K"
# What Python takes for the end of a line, and nothing else: str.splitlines knows many more.
_LINE_END = re.compile(r"\r\n|\r|\n")


def printable(text: str) -> str:
    """Return text in which every character that is not printable stands as its escape. Tabs stay.

    Backslashes stay too, so this is for reading and not for decoding.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\t" else _escape(character) for character in text
    )


def split_lines(text: str) -> list[str]:
    """Return the lines of a source as Python counts them, without their ends."""
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def heading(text: str) -> str:
    """Return text styled as a heading."""
    return click.style(printable(text), bold=True)


def good(text: str) -> str:
    """Return text styled as good news, or as added."""
    return click.style(printable(text), fg="green")


def bad(text: str) -> str:
    """Return text styled as bad news, or as removed."""
    return click.style(printable(text), fg="red")


def dim(text: str) -> str:
    """Return text styled as a remark on the side."""
    return click.style(printable(text), dim=True)


def show(line: str = "", *, err: bool = False) -> None:
    """Print a line that was escaped and styled. Colour is left out where the output is no terminal."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding), err=err)


def show_error(message: str) -> None:
    """Print an error to stderr, escaped line by line."""
    first, *rest = message.split("\n")
    show(f"{click.style('Error:', fg='red', bold=True)} {printable(first)}", err=True)
    for line in rest:
        show(printable(line), err=True)


def wants_colour() -> bool | None:
    """Return False if the environment forbids colour; None where it depends on the output."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Say on a terminal what takes a while, and take it back when it is done."""
    if not sys.stderr.isatty() or wants_colour() is False:
        yield
        return
    click.echo(f"{_CLEAR_LINE}{dim(doing)}", nl=False, err=True)
    try:
        yield
    finally:
        click.echo(_CLEAR_LINE, nl=False, err=True)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
