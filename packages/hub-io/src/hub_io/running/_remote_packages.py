"""Bundles of trusted code as packages of this process: `hub_io.remote.<name>_<digest>`.

Code with the same content is one package, from wherever it is loaded. One thread at a time imports classes of a
package, and a failed import removes every module that it added.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config_core.code import CodeBundle
from hub_io.code import REQUIREMENTS_FILE, CodeStore
from hub_io.errors import RemoteCodeImportError
from hub_io.running._turns import CircularWaitError, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from hub_io.trust import Trusted

__all__ = [
    "PARENT",
    "RemotePackage",
    "find_package",
    "folders_of",
    "importing",
    "importing_module",
    "using",
    "using_alias",
]

PARENT = "hub_io.remote"

_DIGEST_LENGTH = 12
_SHORT_SLUG = 40
_PACKAGE_FILE = "__init__.py"


class RemotePackage:
    """A bundle and its imported modules.

    Attributes:
        name: Name in `sys.modules`.
        source: Where it came from, for messages.
        bundle: The code. If another checkpoint with the same files names further classes, it is replaced by a bundle
            with both maps.
        aliases: Other names, under which other processes have imported the same code.
        folders: Folders of checkpoints that it was loaded from.
        imported: Names of the modules that stay, because a successful import added or used them.
        num_users: Number of imports of it that are in progress or waiting.
    """

    def __init__(self, name: str, bundle: CodeBundle, *, source: str) -> None:
        self.name = name
        self.source = source
        self.bundle = bundle
        self.aliases: set[str] = set()
        self.folders: frozenset[Path] = frozenset()
        self.imported: set[str] = set()
        self.num_users = 0
        self._on_disk: Path | None = None

    def find(self, module: str) -> tuple[str | None, bool] | None:
        """Return a module's file (None for a namespace package) and whether it is a package; None if not found."""
        path = self.place(module)
        package_file = f"{path}/{_PACKAGE_FILE}" if path else _PACKAGE_FILE
        if package_file in self.bundle.files:
            return package_file, True
        if f"{path}.py" in self.bundle.files:
            return f"{path}.py", False
        if not path or any(name.startswith(f"{path}/") for name in self.bundle.files):
            return None, True
        return None

    def place(self, module: str) -> str:
        """Return the path of a module in the bundle, without `.py`; `""` for the package itself."""
        return "".join(module.split(".", 3)[3:]).replace(".", "/")

    def shown_path(self, file: str | None) -> str:
        """Return the name of a file in tracebacks. It is not a path: debuggers must show the code that runs."""
        return f"<{self.name}>/{file or ''}"

    @property
    def directory(self) -> Path | None:
        """Folder of a bundle with data, for code that reads files beside its `__file__`; None without data.

        It is the entry in the code store, or a temporary folder if the code store cannot be written.
        """
        if all(name.endswith(".py") or name == REQUIREMENTS_FILE for name in self.bundle.files):
            return None
        with _lock:
            if self._on_disk is None or not self._on_disk.is_dir():
                self._on_disk = self._write()
            return self._on_disk

    def _write(self) -> Path:
        try:
            return CodeStore.default().keep(self.bundle, source=self.source) / "files"
        except OSError:
            import atexit
            import shutil
            import tempfile

            folder = tempfile.mkdtemp(prefix="hub-io-code-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return CodeStore(folder).keep(self.bundle, source=self.source) / "files"

    def keep_finished(self) -> None:
        """Keep the modules that were imported completely: a successful import may have used any of them."""
        self.imported |= {name for name, module in self.modules().items() if not _is_initializing(module)}

    def forget_unfinished(self) -> None:
        """Remove the modules that only a failed import added. Those that other threads are importing stay."""
        for name, module in self.modules().items():
            if name not in self.imported and not _is_initializing(module):
                self.forget(name)

    def forget(self, name: str) -> None:
        """Remove a module from `sys.modules`, its parent and `linecache`, which holds its globals."""
        sys.modules.pop(name, None)
        parent, _, last = name.rpartition(".")
        if hasattr(sys.modules.get(parent), "__dict__"):
            vars(sys.modules[parent]).pop(last, None)
        if found := self.find(name):
            linecache.cache.pop(self.shown_path(found[0]), None)

    def modules(self) -> dict[str, ModuleType]:
        """Return its modules in `sys.modules`, under all its names."""
        starts = tuple(f"{name}." for name in (self.name, *self.aliases))
        modules = sys.modules.copy()  # other threads may import meanwhile
        return {name: module for name, module in modules.items() if f"{name}.".startswith(starts)}


_lock = threading.RLock()
_packages: dict[str, RemotePackage] = {}  # by name, aliases included


def find_package(name: str) -> RemotePackage | None:
    """Return the package of a name in this process, or None."""
    return _packages.get(name)


def folders_of(cls: type[Any]) -> tuple[Path, ...]:
    """Return the checkpoint folders that the code of a class was loaded from in this process."""
    package = _packages.get(".".join(cls.__module__.split(".", 3)[:3]))
    return tuple(sorted(package.folders)) if package else ()


@contextlib.contextmanager
def using(trusted: Trusted) -> Iterator[RemotePackage]:
    """Yield the package of a trusted bundle. It is removed afterwards if none of its modules stayed imported."""
    with contextlib.ExitStack() as stack:
        with _lock:
            package = _package_for(trusted)
            package.folders |= {Path(os.path.realpath(folder)) for folder in trusted.code.folders}
            stack.enter_context(_in_use(package))
        yield package


@contextlib.contextmanager
def _in_use(package: RemotePackage) -> Iterator[None]:
    with _lock:
        package.num_users += 1
    try:
        yield
    finally:
        with _lock:
            package.num_users -= 1
            if not package.num_users and not package.imported:
                _forget_package(package)


def using_alias(name: str, trusted: Trusted) -> RemotePackage:
    """Return the package of a trusted bundle under the name that another process uses for it."""
    with _lock:
        package = _packages.get(name) or _package_for(trusted, name=name)
        if package.name != name:
            package.aliases.add(name)
            _packages[name] = package
        return package


@contextlib.contextmanager
def importing(package: RemotePackage) -> Iterator[None]:
    """Import modules of a package in the block, one thread at a time; if it fails, all its modules are removed.

    Raises:
        RemoteCodeImportError: Another thread is importing the package and waits for this one.
    """
    with contextlib.ExitStack() as stack:
        try:
            is_outermost = stack.enter_context(_TURNS.of(package))
        except CircularWaitError as error:
            raise RemoteCodeImportError(
                f"The code of {package.source} is being imported by a thread that waits for this one: two checkpoints "
                "load each other's code. Load one of them first.",
                source=package.source,
                file="",
            ) from error
        try:
            yield
        except BaseException:
            if is_outermost:
                with _lock:
                    package.forget_unfinished()
            raise
        with _lock:
            package.keep_finished()


@contextlib.contextmanager
def importing_module(package: RemotePackage, module: str) -> Iterator[bool]:
    """Execute a module of a package in the block. Yield whether this thread imports it outside of `importing`.

    That is an import statement in a function, or `pickle`. It does not wait for other threads: it holds Python's lock
    of the module, for which they may wait.
    """
    late: set[RemotePackage] = _this_thread.__dict__.setdefault("late", set())
    if _TURNS.is_ours(package) or package in late:
        yield False
        return
    with _in_use(package):
        late.add(package)
        try:
            yield True
        finally:
            late.remove(package)
        with _lock:
            package.keep_finished()
            package.imported.add(module)


_TURNS = Turns()
_this_thread = threading.local()


def _package_for(trusted: Trusted, *, name: str | None = None) -> RemotePackage:
    """Return the package with the same files, unless the two `auto_map`s contradict each other."""
    bundle = trusted.bundle
    for package in _packages.values():
        if package.bundle.digest == bundle.digest and _agree(package.bundle.auto_map, bundle.auto_map):
            if not bundle.auto_map.keys() <= package.bundle.auto_map.keys():
                package.bundle = CodeBundle(bundle.files, {**package.bundle.auto_map, **bundle.auto_map})
                for module in package.modules().values():
                    module.__dict__["__code_bundle__"] = package.bundle
            return package
    name = name or _free_name(trusted)
    package = _packages[name] = RemotePackage(name, bundle, source=trusted.source)
    return package


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def _free_name(trusted: Trusted) -> str:
    digest = trusted.bundle.digest
    # `owner/name`, or the end of a folder's path.
    tail = "_".join(re.split(r"[/\\]+", trusted.source.rstrip("/\\"))[-2:])
    slug = re.sub(r"\W", "_", tail, flags=re.ASCII)[-_SHORT_SLUG:].strip("_") or "code"
    # Twelve digits can be made to collide; then all digits are used.
    names = [f"{PARENT}.{slug}_{digest[:_DIGEST_LENGTH]}", f"{PARENT}.{slug}_{digest}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(_packages) + 3)]
    return next(name for name in names if name not in _packages)


def _forget_package(package: RemotePackage) -> None:
    """Remove a package without imported modules, and everything that its code put into `sys.modules`."""
    for name in package.modules():
        package.forget(name)
    for name in (package.name, *package.aliases):
        _packages.pop(name, None)
        package.forget(name)  # the code may have replaced it


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
