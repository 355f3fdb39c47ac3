"""Hostile checkpoints, and a witness who sees what they did: run, written, read, imported, registered.

A checkpoint's code leaves the file `marker` when it runs. `Witness` holds the folders of one test and what the process
was like before; `check` says what has changed since.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from typing import TYPE_CHECKING

import tiny_checkpoints
from auto_registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["SECRET", "Witness", "make_socket", "reads_of"]

SECRET = "what stands outside of the checkpoint"


class Witness:
    """One test's places, and what must not change.

    Attributes:
        folder: The hostile checkpoint.
        outside: A folder beside it, whose files are nobody's business.
        marker: The file that code leaves when it runs.
    """

    def __init__(self, place: Path) -> None:
        self.folder = place / "checkpoint"
        self.outside = place / "outside"
        self.marker = place / "marker"
        self.outside.mkdir()
        (self.outside / "secret.txt").write_text(SECRET, encoding="utf-8")
        self._place = place
        self._modules = frozenset(sys.modules)
        self._std = {name: sys.modules.get(name) for name in ("os", "sys", "json", "torch", "hub_io", "config_core")}
        self._registered = _registered()
        self._files: dict[str, str] | None = None

    @property
    def trace(self) -> str:
        """Source that leaves the marker."""
        return f"with open({str(self.marker)!r}, 'a', encoding='utf-8') as _file:\n    print(__name__, file=_file)\n"

    def files(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the files of a checkpoint whose modules leave the marker, with others in place of some."""
        return tiny_checkpoints.files(changed, marker=self.marker)

    def write(self, changed: Mapping[str, str | bytes | None] | None = None, *, harmless: bool = False) -> Path:
        """Write the checkpoint and note what lies where.

        Args:
            changed: Content of further or changed files; None leaves a file out.
            harmless: The modules leave no marker, since they are to run: the attack is in `changed`.
        """
        texts = {name: text for name, text in (changed or {}).items() if not isinstance(text, bytes)}
        base = tiny_checkpoints.files(texts) if harmless else self.files(texts)
        tiny_checkpoints.write(self.folder, base)
        for name, content in (changed or {}).items():
            if isinstance(content, bytes):
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self.note()
        return self.folder

    def note(self) -> None:
        """Take all files as they are now for what must stay."""
        self._files = self._listing()

    def check(self, *, imported: bool = False) -> None:
        """Assert that nothing ran, nothing changed, nothing is imported and nothing registered.

        Args:
            imported: Harmless code of the checkpoint was trusted, so that its modules may stay.
        """
        assert not self.marker.exists(), f"ran: {self.marker.read_text(encoding='utf-8')}"
        if self._files is not None:
            assert self._listing() == self._files
        remote = {name for name in sys.modules.keys() - self._modules if name.startswith("hub_io.remote.")}
        assert imported or not remote
        assert {name: sys.modules[name] for name, module in self._std.items() if module} == {
            name: module for name, module in self._std.items() if module
        }
        assert _registered() == self._registered

    def _listing(self) -> dict[str, str]:
        found = {}
        for base in (self.folder, self.outside):
            for folder, folders, names in os.walk(base):
                for name in (*folders, *names):
                    path = os.path.join(folder, name)  # noqa: PTH118 - names need not be text
                    found[path] = _state(path)
        return found


def make_socket(path: Path) -> None:
    """Make a socket that nobody listens to."""
    import socket

    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(path.parent):  # paths of sockets are short
        listener.bind(path.name)


@contextlib.contextmanager
def reads_of(folder: Path) -> Iterator[list[str]]:
    """Give a list that Python's own audit fills with the files below a folder that are opened in the block."""
    opened: list[str] = []
    watch = (os.path.realpath(folder), opened)
    if not _watches:
        _install_once()
    _watches.append(watch)
    try:
        yield opened
    finally:
        _watches.remove(watch)


_watches: list[tuple[str, list[str]]] = []
_installed: list[bool] = []


def _install_once() -> None:
    """Hooks cannot be taken back, so there is one, which does nothing while nobody watches."""
    if _installed:
        return
    _installed.append(True)
    busy: list[bool] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not _watches or busy or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        busy.append(True)
        try:
            real = os.path.realpath(os.fsdecode(arguments[0]))
            for folder, opened in _watches:
                if real.startswith(folder + os.sep):
                    opened.append(real)
        finally:
            busy.clear()

    sys.addaudithook(hook)


def _registered() -> tuple[object, ...]:
    return tuple((name, REGISTRY.config_class(name)) for name in REGISTRY.model_types())


def _state(path: str) -> str:
    """Return what a path is, and of a file its content; nothing is opened that might wait."""
    if os.path.islink(path):  # noqa: PTH114 - names need not be text
        return f"link to {os.readlink(path)}"  # noqa: PTH115
    if not os.path.isfile(path):  # noqa: PTH113
        return "no file"
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()
