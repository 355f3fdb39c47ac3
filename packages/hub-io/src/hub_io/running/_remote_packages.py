"""Bundles of trusted code as packages of this process: `hub_io.remote.<name>_<digest>`.

A package is a value: the files of one digest under one name. Checkpoints with the same files share it. Loads of one
digest import one after another, and a failed import removes every module that it added.

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
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from config_core.code import ClassReference, CodeBundle, CodeOrigin
from hub_io.code import REQUIREMENTS_FILE, CodeStore, check_imports, served_names
from hub_io.running._turns import forget_other_threads, turn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from hub_io.trust import Trusted

__all__ = [
    "PARENT",
    "PARENT_FOR_TRANSFORMERS",
    "RemotePackage",
    "all_or_nothing",
    "find_package",
    "folders_of",
    "importing",
    "is_importing",
    "is_of_code",
    "mark_module",
    "package_of",
    "stays",
]

PARENT = "hub_io.remote"
PARENT_FOR_TRANSFORMERS = "hub_io.remote_for_transformers"

_DIGEST_LENGTH = 12
_SHORT_SLUG = 40
_PACKAGE_FILE = "__init__.py"


@dataclass(frozen=True, slots=True)
class RemotePackage:
    """The files of one digest under the name of a package.

    Attributes:
        name: Name in `sys.modules`.
        origin: Where the code came from first, and what let it run.
        bundle: The code.
        directory: Folder with the files of a bundle with data, for code that reads files beside its `__file__`; None
            without data.
        served_names: Names of transformers that are served to the code.
    """

    name: str
    origin: CodeOrigin
    bundle: CodeBundle
    directory: Path | None
    served_names: tuple[str, ...]

    @property
    def is_for_transformers(self) -> bool:
        """Whether the code imports the real transformers, and not the names that are served in its place."""
        return self.name.startswith(f"{PARENT_FOR_TRANSFORMERS}.")

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


_lock = threading.RLock()  # of the tables below; it is never held while code of a checkpoint runs
_packages: dict[str, RemotePackage] = {}  # by name
_folders: dict[str, frozenset[Path]] = {}  # name of a package to the checkpoint folders that it was loaded from
_abandoned: set[str] = set()  # names of packages that threads were importing which a fork has left behind
_importing: dict[str, set[int]] = {}  # name of a package to the threads that are importing modules of it
_kept: set[str] = set()  # modules that a successful import added or used; they stay


def _start_child() -> None:
    """Leave behind, in the child of a fork, what other threads were importing: it stays half imported for ever.

    The code gets another name if it is loaded again, since Python's lock of a module would never be free.
    """
    global _lock  # noqa: PLW0603 - the one thing that this is for
    _lock = threading.RLock()
    for threads in _importing.values():
        threads.intersection_update({threading.get_ident()})
    digests = forget_other_threads()
    for package in list(_packages.values()):
        if package.bundle.digest in digests and not is_importing(package):
            _abandoned.add(package.name)
            for name in _modules(package):
                sys.modules.pop(name, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_child)


def find_package(name: str) -> RemotePackage | None:
    """Return the package of a name in this process, or None."""
    return _packages.get(name)


def package_of(trusted: Trusted, *, name: str = "", parent: str = PARENT) -> RemotePackage:
    """Return the package of trusted code; if there is none yet, create it, by default with a name of its own."""
    parent = name.rpartition(".")[0] or parent
    with _lock:
        if (package := _find(trusted, parent)) is not None:
            return package
    # Without the lock: the one writes files, the other may read some.
    directory = _directory(trusted, is_needed=parent == PARENT_FOR_TRANSFORMERS)
    served = served_names(trusted.bundle) if parent == PARENT else ()
    with _lock:
        package = _find(trusted, parent)
        if package is None:
            name = name or _free_name(trusted, parent)
            package = RemotePackage(name, trusted.origin, trusted.bundle, directory, served)
            _packages[name] = package
        return package


def folders_of(cls: type[Any]) -> tuple[Path, ...]:
    """Return the checkpoint folders that the code of a class was loaded from in this process."""
    return tuple(sorted(_folders.get(".".join(cls.__module__.split(".", 3)[:3]), ())))


def is_of_code(cls: type[Any], digests: Collection[str]) -> bool:
    """Return whether a class is from code for transformers with one of these digests, even if its import has failed."""
    parent, _, name = ".".join(f"{cls.__module__}".split(".", 3)[:3]).rpartition(".")
    return parent == PARENT_FOR_TRANSFORMERS and any(f"_{digest[:_DIGEST_LENGTH]}" in name for digest in digests)


@contextlib.contextmanager
def importing(trusted: Trusted, modules: Sequence[str], *, parent: str = PARENT) -> Iterator[RemotePackage]:
    """Import modules of trusted code in the block, when no other thread does; if it fails, they are removed.

    Args:
        trusted: The code.
        modules: The modules, as paths without `.py`. If they are imported already, nothing waits for other threads.
        parent: The parent of the package, which says whether names of transformers are served to it.

    Raises:
        MissingRequirementsError: A module that the code imports is not installed.
        RemoteCodeImportError: Another thread is importing the code and waits for this one.
    """
    with contextlib.ExitStack() as stack:
        package = _find_imported(trusted, modules, parent)
        if package is None:
            needed = [*modules, *_modules_to_come(trusted)]
            check_imports(trusted.bundle, needed, source=trusted.source, served=parent == PARENT)
            stack.enter_context(turn(trusted.bundle.digest, source=trusted.source))
            package = package_of(trusted, parent=parent)
            stack.enter_context(all_or_nothing(package))
        _add_folders(package, trusted.code.folders)
        yield package
    _add_names(package, trusted.bundle)


def _modules_to_come(trusted: Trusted) -> list[str]:
    """Return the module of the model class whose config class is imported first, as a path without `.py`."""
    reference = trusted.bundle.auto_map.get(trusted.code.load.auto_class)
    return [] if reference is None else [ClassReference.parse(reference).module]


@contextlib.contextmanager
def all_or_nothing(package: RemotePackage) -> Iterator[None]:
    """Import modules of a package in the block; if it fails, remove those that no other import needs.

    An import statement in a function, and `pickle`, take no turn: their thread holds Python's lock of the module, for
    which the thread whose turn it is may wait. While several threads import, the last one decides.
    """
    if is_importing(package):  # part of an import that decides for all
        yield
        return
    with _lock:
        threads = _importing.setdefault(package.name, set())
        threads.add(threading.get_ident())
    has_succeeded = False
    try:
        yield
        has_succeeded = True
    finally:
        with _lock:
            threads.remove(threading.get_ident())
            if has_succeeded:
                _packages.setdefault(package.name, package)
                _kept.update(_modules(package))
            elif not threads:
                _forget_unfinished(package)


def is_importing(package: RemotePackage) -> bool:
    """Return whether this thread is importing modules of a package."""
    return threading.get_ident() in _importing.get(package.name, ())


def stays(name: str) -> bool:
    """Return whether a module, or one below it, stays when an import fails."""
    return any(f"{kept}.".startswith(f"{name}.") for kept in _kept.copy())


def mark_module(module: ModuleType, package: RemotePackage) -> None:
    """Set what `bundle_of`, `code_origin_of` and `served_names_of` return for the classes of a module."""
    with _lock:
        vars(module)["__code_bundle__"] = _packages.get(package.name, package).bundle
        vars(module)["__code_origin__"] = package.origin
        vars(module)["__served_names__"] = package.served_names


def _add_names(package: RemotePackage, bundle: CodeBundle) -> None:
    """Add the names that another checkpoint with the same files has for its classes: those are saved, too."""
    with _lock:
        known = _packages.get(package.name, package)
        if not bundle.auto_map.keys() <= known.bundle.auto_map.keys():
            both = CodeBundle(bundle.files, {**bundle.auto_map, **known.bundle.auto_map})
            _packages[package.name] = replace(known, bundle=both)
            for module in _modules(package).values():
                if isinstance(module, ModuleType):  # code may put anything into `sys.modules`
                    mark_module(module, package)


def _find(trusted: Trusted, parent: str) -> RemotePackage | None:
    """Return the package with the same files, unless the two `auto_map`s contradict each other."""
    for package in _packages.values():
        if package.name in _abandoned or package.name.rpartition(".")[0] != parent:
            continue
        one, other = package.bundle.auto_map, trusted.bundle.auto_map
        if package.bundle.digest == trusted.bundle.digest and all(one[key] == other[key] for key in one.keys() & other):
            return package
    return None


def _find_imported(trusted: Trusted, modules: Iterable[str], parent: str) -> RemotePackage | None:
    """Return the package if these modules of it are imported already."""
    with _lock:
        package = _find(trusted, parent)
        return package if package and all(package.module_at(path) in _kept for path in modules) else None


def _add_folders(package: RemotePackage, folders: Iterable[Path]) -> None:
    with _lock:
        real = {Path(os.path.realpath(folder)) for folder in folders}
        _folders[package.name] = _folders.get(package.name, frozenset()) | real


def _free_name(trusted: Trusted, parent: str) -> str:
    digest = trusted.bundle.digest
    # `owner/name`, or the end of a folder's path.
    tail = "_".join(re.split(r"[/\\]+", trusted.source.rstrip("/\\"))[-2:])
    slug = re.sub(r"\W", "_", tail, flags=re.ASCII)[-_SHORT_SLUG:].strip("_") or "code"
    # Twelve digits can be made to collide; then all digits are used.
    names = [f"{parent}.{slug}_{digest[:_DIGEST_LENGTH]}", f"{parent}.{slug}_{digest}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(_packages) + 3)]
    return next(name for name in names if name not in _packages)


def _directory(trusted: Trusted, *, is_needed: bool) -> Path | None:
    """Write a bundle with data into the code store, or into a temporary folder if the store cannot be written.

    A bundle without data is written only if its files are needed on disk: transformers copies them from there.
    """
    bundle, source = trusted.bundle, trusted.source
    if not is_needed and all(name.endswith(".py") or name == REQUIREMENTS_FILE for name in bundle.files):
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


def _modules(package: RemotePackage) -> dict[str, Any]:
    """Return the modules of a package in `sys.modules`."""
    modules = sys.modules.copy()  # other threads may import meanwhile
    return {name: module for name, module in modules.items() if f"{name}.".startswith(f"{package.name}.")}


def _forget_unfinished(package: RemotePackage) -> None:
    """Remove the modules that do not stay and, if none does, the package."""
    for name in {*_modules(package), package.name}:  # itself also if the code has removed it from `sys.modules`
        if not stays(name):
            _forget_module(package, name)
    if not stays(package.name):
        for table in (_packages, _folders, _importing):
            table.pop(package.name, None)


def _forget_module(package: RemotePackage, name: str) -> None:
    """Remove a module from `sys.modules`, its parent and `linecache`, which holds its globals."""
    sys.modules.pop(name, None)
    parent, _, last = name.rpartition(".")
    if hasattr(sys.modules.get(parent), "__dict__"):
        vars(sys.modules[parent]).pop(last, None)
    if found := package.find(name):
        linecache.cache.pop(package.shown_path(found[0]), None)
