"""Output for people: escaped text, colour, and progress on a terminal.

File names, source code and the Hub's answers are untrusted. A terminal obeys escape sequences, and control characters
can reorder text, so only printable characters are written; all others are escaped.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from config_core.error_base import printable as escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "bad",
    "busy",
    "counted",
    "dim",
    "good",
    "heading",
    "printable",
    "show",
    "show_error",
    "split_lines",
    "wants_colour",
]

_CLEAR_LINE = "\r\x1b[K"
# Line ends as Python's parser sees them; str.splitlines splits at many more characters.
_LINE_END = re.compile(r"\r\n|\r|\n")


def printable(text: str) -> str:
    """Return the text with every unprintable character except tabs escaped.

    Backslashes are not escaped, so the result is for reading and cannot be decoded.
    """
    return escaped(text, keep="\t")


def split_lines(text: str) -> list[str]:
    """Return the lines of source code as Python counts them, without line ends."""
    lines = _LINE_END.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def heading(text: str) -> str:
    """Return text styled as a heading."""
    return click.style(printable(text), bold=True)


def good(text: str) -> str:
    """Return text styled as success, or as added."""
    return click.style(printable(text), fg="green")


def bad(text: str) -> str:
    """Return text styled as failure, or as removed."""
    return click.style(printable(text), fg="red")


def dim(text: str) -> str:
    """Return text styled as less important."""
    return click.style(printable(text), dim=True)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def show(line: str = "", *, err: bool = False) -> None:
    """Print an escaped and styled line. Colour is omitted if the output is not a terminal."""
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
    """Return False if the environment disables colour, or None if it depends on the output."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show on a terminal what is in progress, and clear it when done."""
    if not sys.stderr.isatty() or wants_colour() is False:
        yield
        return
    click.echo(f"{_CLEAR_LINE}{dim(doing)}", nl=False, err=True)
    try:
        yield
    finally:
        click.echo(_CLEAR_LINE, nl=False, err=True)
