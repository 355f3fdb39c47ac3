"""The interpreters that packages can be tried with: those that the machine has, and those that uv can download."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from release_tools.environments import CommandError, uv

__all__ = ["Python", "find_pythons", "known_pythons"]


@dataclass(frozen=True)
class Python:
    """An interpreter.

    Attributes:
        minor: Its version without the patch: `3.12`.
        interpreter: Its path.
    """

    minor: str
    interpreter: Path


def known_pythons(root: Path, *specifiers: SpecifierSet) -> list[str]:
    """Return the released Pythons that uv knows and one of some specifiers allows, oldest first: `3.11`, `3.12`."""
    listed = json.loads(uv("python", "list", "--output-format", "json", cwd=root))
    versions = {python["version"] for python in listed if python["implementation"] == "cpython"}
    stable = {version for version in versions if re.fullmatch(r"3[0-9.]+", version)}
    allowed = {version for specifier in specifiers for version in specifier.filter(stable)}
    return [f"3.{minor}" for minor in sorted({int(version.split(".")[1]) for version in allowed})]


def find_pythons(root: Path, wanted: Iterable[str]) -> tuple[list[Python], dict[str, str]]:
    """Find or download interpreters.

    Args:
        root: A folder to run uv in.
        wanted: Versions such as `3.12`.

    Returns:
        Those that the machine has now, and the reasons why it has not the others.
    """
    found, missing = [], {}
    for minor in wanted:
        try:
            found.append(Python(minor, _find(root, minor)))
        except CommandError as error:
            missing[minor] = str(error).strip().splitlines()[-1].strip()
    return found, missing


def _find(root: Path, minor: str) -> Path:
    """Return the path of an interpreter.

    Raises:
        CommandError: The machine has none, and uv cannot download one.
    """
    try:
        return Path(uv("python", "find", "--system", minor, cwd=root).strip())
    except CommandError:
        # uv asks pyenv's shims, which know only the version that is chosen in this folder.
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        if versions := sorted(pyenv.glob(f"versions/{minor}.*/bin/python{minor}")):
            return versions[-1]
        uv("python", "install", minor, cwd=root)
        return Path(uv("python", "find", "--system", minor, cwd=root).strip())
