"""Bundles of trusted code as packages of this process: `hub_io.remote.<name>_<digest>`.

A package is the files of one digest under one name, and how far this process has imported them. Checkpoints with the
same files share it. Loads that need modules of it take turns, and a failed import removes every module that it added.

Code that runs with the real transformers is a package of its own, `hub_io.remote_for_transformers.<name>_<digest>`: the
same files mean other classes there.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import re
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from config_core.code import ClassReference, CodeBundle, CodeOrigin
from hub_io.code import REQUIREMENTS_FILE, CodeStore, check_imports, served_names
from hub_io.computed_once import computed_once
from hub_io.errors import RemoteCodeImportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from hub_io.trust import Trusted

__all__ = [
    "PARENT",
    "PARENT_FOR_TRANSFORMERS",
    "RemotePackage",
    "all_or_nothing",
    "find_package",
    "folders_of",
    "importing",
    "is_of_code",
    "package_name",
    "package_of",
]

PARENT = "hub_io.remote"
PARENT_FOR_TRANSFORMERS = "hub_io.remote_for_transformers"

_DIGEST_LENGTH = 12
_SHORT_SLUG = 40
_PACKAGE_FILE = "__init__.py"


@dataclass(eq=False)
class RemotePackage:
    """The files of one digest under the name of a package, and how far this process has imported them.

    Attributes:
        name: Name in `sys.modules`.
        origin: Where the code came from first, and what let it run.
        bundle: The code. Checkpoints with the same files add the names that they have for its classes.
        folders: Checkpoint folders that it was loaded from.
        kept: Names of the modules that a successful import added or used; they stay.
        importing: Threads that are importing modules of it.
        holder: The thread whose turn it is.
        waiting: Threads that wait for their turn.
        is_abandoned: Whether a fork has left the thread behind that was importing it.
    """

    name: str
    origin: CodeOrigin
    bundle: CodeBundle
    folders: frozenset[Path] = frozenset()
    kept: set[str] = field(default_factory=set)
    importing: set[int] = field(default_factory=set)
    holder: int | None = None
    waiting: set[int] = field(default_factory=set)
    is_abandoned: bool = False

    @computed_once
    def directory(self) -> Path | None:
        """Folder with the files of a bundle with data, for code that reads files beside its `__file__`, or None."""
        return _write_data(self)

    @computed_once
    def served_names(self) -> tuple[str, ...]:
        """Names of transformers that are served to the code."""
        return () if self.is_for_transformers else served_names(self.bundle)

    @property
    def is_for_transformers(self) -> bool:
        """Whether the code imports the real transformers, and not the names that are served in its place."""
        return self.name.startswith(f"{PARENT_FOR_TRANSFORMERS}.")

    @property
    def is_importing_here(self) -> bool:
        """Whether this thread is importing modules of it."""
        return threading.get_ident() in self.importing

    def modules(self) -> dict[str, Any]:
        """Return its modules in `sys.modules`. Code may have put anything in their place."""
        modules = sys.modules.copy()  # other threads may import meanwhile
        return {name: module for name, module in modules.items() if f"{name}.".startswith(f"{self.name}.")}

    def mark(self, module: ModuleType) -> None:
        """Set what `bundle_of`, `code_origin_of` and `served_names_of` return for the classes of a module."""
        served = self.served_names
        with _lock:
            marks = {"__code_bundle__": self.bundle, "__code_origin__": self.origin, "__served_names__": served}
            vars(module).update(marks)

    def find(self, module: str) -> tuple[str | None, bool] | None:
        """Return a module's file (None for a namespace package) and whether it is a package; None if not found."""
        path = self.place(module)
        for file, is_package in ((f"{path}/{_PACKAGE_FILE}".lstrip("/"), True), (f"{path}.py", False)):
            if file in self.bundle.files:
                return file, is_package
        is_folder = not path or any(name.startswith(f"{path}/") for name in self.bundle.files)
        return (None, True) if is_folder else None

    def place(self, module: str) -> str:
        """Return the path of a module in the bundle, without `.py`; `""` for the package itself."""
        return "".join(module.split(".", 3)[3:]).replace(".", "/")

    def module_at(self, path: str) -> str:
        """Return the name of the module at a path in the bundle, without `.py`."""
        return f"{self.name}.{path.replace('/', '.')}"

    def shown_path(self, file: str | None) -> str:
        """Return the name of a file in tracebacks. It is not a path: debuggers must show the code that runs."""
        return f"<{self.name}>/{file or ''}"


# Of the table and of what packages hold; turns end on it. It is not held while code of a checkpoint runs, nor over I/O.
_lock = threading.Condition()
_packages: dict[str, RemotePackage] = {}  # by name


def _start_child() -> None:
    """Leave behind, in the child of a fork, what other threads were importing: it stays half imported for ever.

    The code gets another name if it is loaded again, since Python's lock of a module would never be free.
    """
    global _lock  # noqa: PLW0603 - the one thing that this is for
    _lock = threading.Condition()
    thread = threading.get_ident()
    for package in _packages.values():
        package.importing &= {thread}
        package.waiting.clear()
        if package.holder not in {None, thread}:
            package.holder = None
            if not package.importing:
                package.is_abandoned = True
                for name in package.modules():
                    sys.modules.pop(name, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_child)


def package_name(module: str) -> str:
    """Return the name of the package that a module of a bundle is in: the first three parts of its own name."""
    return ".".join(module.split(".", 3)[:3])


def find_package(name: str) -> RemotePackage | None:
    """Return the package of a name in this process, or None."""
    return _packages.get(name)


def package_of(trusted: Trusted, *, name: str = "", parent: str = PARENT) -> RemotePackage:
    """Return the package of trusted code; if there is none yet, create it, by default with a name of its own."""
    parent = name.rpartition(".")[0] or parent
    with _lock:
        package = _find(trusted, parent)
        if package is None:
            package = RemotePackage(name or _free_name(trusted, parent), trusted.origin, trusted.bundle)
            _packages[package.name] = package
        return package


def folders_of(cls: type[Any]) -> tuple[Path, ...]:
    """Return the checkpoint folders that the code of a class was loaded from in this process."""
    package = find_package(package_name(cls.__module__))
    return () if package is None else tuple(sorted(package.folders))


def is_of_code(cls: type[Any], digests: Collection[str]) -> bool:
    """Return whether a class is from code for transformers with one of these digests, even if its import has failed."""
    parent, _, name = package_name(f"{cls.__module__}").rpartition(".")
    return parent == PARENT_FOR_TRANSFORMERS and any(f"_{digest[:_DIGEST_LENGTH]}" in name for digest in digests)


@contextlib.contextmanager
def importing(trusted: Trusted, modules: Sequence[str], *, for_transformers: bool = False) -> Iterator[RemotePackage]:
    """Import modules of trusted code in the block, when no other thread does; if it fails, they are removed.

    Args:
        trusted: The code.
        modules: The modules, as paths without `.py`. If they are imported already, nothing waits for other threads.
        for_transformers: Whether the code imports the real transformers. Otherwise its names are served.

    Raises:
        MissingRequirementsError: A module that the code imports is not installed.
        RemoteCodeImportError: Another thread is importing the code and waits for this one.
    """
    parent = PARENT_FOR_TRANSFORMERS if for_transformers else PARENT
    folders = {Path(os.path.realpath(folder)) for folder in trusted.code.folders}
    with contextlib.ExitStack() as stack:
        with _lock:
            package = _find(trusted, parent)
            is_done = package is not None and all(package.module_at(path) in package.kept for path in modules)
        if package is None or not is_done:
            needed = [*modules, *_modules_to_come(trusted)]
            check_imports(trusted.bundle, needed, source=trusted.source, for_transformers=for_transformers)
            package = stack.enter_context(_turn(trusted, parent))
            stack.enter_context(all_or_nothing(package))
        with _lock:
            package.folders |= folders
        yield package
    _add_names(package, trusted.bundle)


def _modules_to_come(trusted: Trusted) -> list[str]:
    """Return the module of the model class whose config class is imported first, as a path without `.py`."""
    reference = trusted.bundle.auto_map.get(trusted.code.load.auto_class)
    return [] if reference is None else [ClassReference.parse(reference).module]


@contextlib.contextmanager
def _turn(trusted: Trusted, parent: str) -> Iterator[RemotePackage]:
    """Hold the turn of the package of trusted code in the block. The code that is imported in it may take it again.

    Raises:
        RemoteCodeImportError: The wait would never end: the code of two checkpoints loads each other.
    """
    thread = threading.get_ident()
    with _lock:
        package = package_of(trusted, parent=parent)
        is_new = package.holder != thread
        if is_new:
            _wait(package, thread, trusted.source)
            package.holder = thread
    try:
        yield package
    finally:
        if is_new:
            with _lock:
                package.holder = None
                _lock.notify_all()


def _wait(package: RemotePackage, thread: int, source: str) -> None:
    package.waiting.add(thread)
    try:
        while package.holder is not None:
            if _waits_for(package.holder, thread):
                raise RemoteCodeImportError(
                    f"The code of {source} is being imported by a thread that waits for this one: two checkpoints "
                    "load each other's code. Load one of them first.",
                    source=source,
                    file="",
                )
            _lock.wait()
    finally:
        package.waiting.remove(thread)


def _waits_for(holder: int | None, thread: int) -> bool:
    """Return whether the holder of a turn waits for a thread, perhaps through other threads."""
    while holder not in {None, thread}:
        holder = next((package.holder for package in _packages.values() if holder in package.waiting), None)
    return holder == thread


@contextlib.contextmanager
def all_or_nothing(package: RemotePackage) -> Iterator[None]:
    """Import modules of a package in the block; if it fails, remove those that no other import needs.

    An import statement in a function, and `pickle`, take no turn: their thread holds Python's lock of the module, for
    which the thread whose turn it is may wait. While several threads import, the last one decides.
    """
    if package.is_importing_here:  # part of an import that decides for all
        yield
        return
    thread = threading.get_ident()
    with _lock:
        if _packages.setdefault(package.name, package) is not package:  # it was given up meanwhile, and made again
            raise ImportError("another thread that was importing it failed")
        package.importing.add(thread)
    has_succeeded = False
    try:
        yield
        has_succeeded = True
    finally:
        with _lock:
            package.importing.remove(thread)
            if has_succeeded:
                package.kept.update(package.modules())
            elif not package.importing:
                _forget_unfinished(package)


def _add_names(package: RemotePackage, bundle: CodeBundle) -> None:
    """Add the names that another checkpoint with the same files has for its classes: those are saved, too."""
    with _lock:
        if not bundle.auto_map.keys() <= package.bundle.auto_map.keys():
            package.bundle = CodeBundle(bundle.files, {**bundle.auto_map, **package.bundle.auto_map})
            for module in package.modules().values():
                if isinstance(module, ModuleType):  # code may put anything into `sys.modules`
                    package.mark(module)


def _find(trusted: Trusted, parent: str) -> RemotePackage | None:
    """Return the package with the same files, unless the two `auto_map`s contradict each other."""
    for package in _packages.values():
        if package.is_abandoned or package.name.rpartition(".")[0] != parent:
            continue
        one, other = package.bundle.auto_map, trusted.bundle.auto_map
        if package.bundle.digest == trusted.bundle.digest and all(one[key] == other[key] for key in one.keys() & other):
            return package
    return None


def _free_name(trusted: Trusted, parent: str) -> str:
    digest = trusted.bundle.digest
    # `owner/name`, or the end of a folder's path.
    tail = "_".join(re.split(r"[/\\]+", trusted.source.rstrip("/\\"))[-2:])
    slug = re.sub(r"\W", "_", tail, flags=re.ASCII)[-_SHORT_SLUG:].strip("_") or "code"
    # Twelve digits can be made to collide; then all digits are used.
    names = [f"{parent}.{slug}_{digest[:_DIGEST_LENGTH]}", f"{parent}.{slug}_{digest}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(_packages) + 3)]
    return next(name for name in names if name not in _packages)


def _write_data(package: RemotePackage) -> Path | None:
    """Write a bundle with data into the code store, or into a temporary folder if the store cannot be written.

    A bundle without data is written only if its files are needed on disk: transformers copies them from there.
    """
    bundle, source = package.bundle, package.origin.source
    is_code = all(name.endswith(".py") or name == REQUIREMENTS_FILE for name in bundle.files)
    if is_code and not package.is_for_transformers:
        return None
    try:
        return CodeStore.default().keep(bundle, source=source) / "files"
    except OSError:
        import atexit
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="hub-io-code-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return CodeStore(folder).keep(bundle, source=source) / "files"


def _forget_unfinished(package: RemotePackage) -> None:
    """Remove the modules that do not stay and, if none does and no thread waits for it, the package."""
    for name in {*package.modules(), package.name}:  # itself also if the code has removed it from `sys.modules`
        if not any(f"{kept}.".startswith(f"{name}.") for kept in package.kept):
            _forget_module(package, name)
    if not package.kept and not package.waiting:
        _packages.pop(package.name, None)


def _forget_module(package: RemotePackage, name: str) -> None:
    """Remove a module from `sys.modules`, its parent and `linecache`, which holds its globals."""
    sys.modules.pop(name, None)
    parent, _, last = name.rpartition(".")
    if hasattr(sys.modules.get(parent), "__dict__"):
        vars(sys.modules[parent]).pop(last, None)
    if found := package.find(name):
        linecache.cache.pop(package.shown_path(found[0]), None)
