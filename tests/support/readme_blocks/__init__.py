"""The code of a README, and its Python as files that can be run, each line where it stands in the README."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Block", "fenced_blocks", "headings", "python_blocks", "relative_links", "write_program"]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+) *(?P<language>[\w-]*)")
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>\S.*) -->")
# A block that begins with `# folder/name.py` is the file of that name; other Python is part of one program.
_FILE_NAME = re.compile(r"^# (?P<name>[\w/-]+\.(?:py|toml))$")
_LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
_PROGRAM = "README.py"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: Its first line in the README, from 1.
        source: What stands between the fences.
        not_run: Why it is not run, as a comment above it says; empty if it is.
        language: What it is marked as.
    """

    line: int
    source: str
    not_run: str = ""
    language: str = "python"

    @property
    def file(self) -> str | None:
        """Name of the file that it is, as its first line says; that of the program for other Python, or else None."""
        first = _FILE_NAME.match(self.source.partition("\n")[0])
        return first["name"] if first else _PROGRAM if self.language == "python" else None


def python_blocks(text: str) -> list[Block]:
    """Return the blocks marked `python`, in order."""
    return [block for block in fenced_blocks(text) if block.language == "python"]


def fenced_blocks(text: str) -> list[Block]:
    """Return all fenced blocks of a page, in order."""
    blocks: list[Block] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if not opening:
            continue
        start = number
        while number < len(lines) and not lines[number].strip().startswith(opening["fence"]):
            number += 1
        source = "\n".join(line.removeprefix(opening["indent"]) for line in lines[start:number])
        blocks.append(Block(start + 1, source, _reason_above(lines[: start - 1]), opening["language"]))
        number += 1
    return blocks


def write_program(blocks: list[Block], folder: Path) -> Path:
    """Write the files that the blocks make up into a folder, and return the program among them.

    Blocks of one file are pasted together in order, with empty lines between them, so that a traceback names the line
    of the README.
    """
    lines: dict[str, list[str]] = {_PROGRAM: []}
    for block in blocks:
        if block.not_run:
            continue
        written = lines.setdefault(block.file, [])
        written += [""] * (block.line - 1 - len(written)) + block.source.splitlines()
    for name, content in lines.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*content, ""]), encoding="utf-8")
    return folder / _PROGRAM


def relative_links(text: str) -> list[str]:
    """Return the targets of links that point to no other site, blocks of code left out."""
    targets = [found["target"] for found in _LINK.finditer(_without_fences(text))]
    return [target for target in targets if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def headings(text: str) -> set[str]:
    """Return the anchors that the headings of a page can be linked by."""
    titles = re.findall(r"^#+ +(.*?) *#*$", _without_fences(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _reason_above(lines: list[str]) -> str:
    """Return the reason in a `not run` comment that ends the lines, empty lines aside."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    comment = _NOT_RUN.fullmatch(last.strip())
    return comment["reason"] if comment else ""


def _without_fences(text: str) -> str:
    return re.sub(r"^( *)(```+|~~~+).*?^\1\2 *$", "", text, flags=re.MULTILINE | re.DOTALL)
