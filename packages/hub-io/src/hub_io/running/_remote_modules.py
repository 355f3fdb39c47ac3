"""Bundles of trusted code as packages: `hub_io.remote.<name>_<digest>`.

Python's own import system finds their modules through `_BundleFinder`: relative imports, sub-packages and cycles work
as in any package, and stay inside the bundle. Everything comes out of the bytes that were hashed; nothing is written
beside the code, and no byte code is read.

Modules are imported in two ways. `hub_io.code_import` imports classes that somebody loads. And an object of such a
class that comes out of another process names its module, which `pickle` imports like any other: then the digest in the
name is looked up, and the policy of this process is asked (`hub_io.inherited_code`).

No lock of ours is held while code runs. Python's module locks suffice, and they notice a dead-lock; ours would not,
when the code of one checkpoint loads that of another.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import linecache
import os
import posixpath
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_registry.code_load import CodeLoad, current_load
from config_core.code import CodeBundle, parse_source, resolve_sibling_imports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import CodeType, ModuleType

    from hub_io.running._bundle_resources import BundleResources
    from hub_io.trust import Trusted

__all__ = ["DIGEST_LENGTH", "PARENT", "RemotePackage", "folders_of", "import_module", "importing", "install_finder"]

PARENT = "hub_io.remote"
DIGEST_LENGTH = 12

_PACKAGE_FILE = "__init__.py"
_SHORT_SLUG = 40


class RemotePackage:
    """A bundle and what is imported of it. Guarded by `_lock`, except for the files, which never change.

    Attributes:
        name: Its name in `sys.modules`.
        bundle: The code. Its `auto_map` grows when another checkpoint has the same files and names further classes.
        aliases: Other names of it, under which other processes had imported the same code.
        folders: Folders of checkpoints that it was loaded from.
        active: How many imports are going on in it now.
        settled: Places of modules that an import which succeeded has brought, or could have used.
    """

    def __init__(self, name: str, bundle: CodeBundle) -> None:
        self.name = name
        self.bundle = bundle
        self.aliases: set[str] = set()
        self.folders: frozenset[Path] = frozenset()
        self.active = 0
        self.settled: set[str] = set()

    def find(self, module: str) -> tuple[str | None, bool] | None:
        """Return a module's file, None for a package without one, and whether it is a package. None: no such module."""
        path = self.place(module)
        package_file = f"{path}/{_PACKAGE_FILE}" if path else _PACKAGE_FILE
        if package_file in self.bundle.files:
            return package_file, True
        if f"{path}.py" in self.bundle.files:
            return f"{path}.py", False
        if not path or any(name.startswith(f"{path}/") for name in self.bundle.files):
            return None, True
        return None

    def has_imported(self, path: str) -> bool:
        """Tell whether a module, named by its place in the bundle, was imported before and stays."""
        return path in self.settled

    def resources(self, module: str) -> BundleResources:
        """Return the files that lie beside a package's modules."""
        from hub_io.running._bundle_resources import BundlePath, BundleResources

        return BundleResources(BundlePath(self.bundle.files, self.place(module), package=self.name))

    def loaded(self) -> dict[str, ModuleType]:
        """Return its modules in `sys.modules`, under all its names."""
        names = (self.name, *self.aliases)
        modules = sys.modules.copy()  # other threads import meanwhile
        return {key: module for key, module in modules.items() if ".".join(key.split(".", 3)[:3]) in names}

    def begin(self) -> None:
        """Count an import that begins."""
        if not self.active:
            self.settle()  # what import statements in functions have brought meanwhile
        self.active += 1

    def settle(self) -> None:
        """Note that what is imported by now stays. Folders stay with what lies in them."""
        for name, module in self.loaded().items():
            found = self.find(name)
            if found and found[0] and not _is_initializing(module):
                self.settled.add(self.place(name))

    def stays(self, module: str) -> bool:
        """Tell whether a module is settled, or a package with something settled in it."""
        path = self.place(module)
        return path in self.settled or any(not path or name.startswith(f"{path}/") for name in self.settled)

    def place(self, module: str) -> str:
        """Return where a module lies in the bundle, without `.py`; `""` for the package itself."""
        return "".join(module.split(".", 3)[3:]).replace(".", "/")


_packages: dict[str, RemotePackage] = {}
_lock = threading.Lock()
_this_thread = threading.local()


@contextlib.contextmanager
def importing(trusted: Trusted) -> Iterator[RemotePackage]:
    """Give the package of a bundle, for imports out of it in the block. If the block fails, nothing of it stays."""
    with _lock:
        install_finder()
        package = _find_package(trusted.bundle) or _make_package(_free_name(trusted), trusted.bundle)
        package.folders |= {Path(os.path.realpath(folder)) for folder in trusted.code.folders}
        package.begin()
    with _accounting(package):
        yield package


def folders_of(cls: type[Any]) -> tuple[Path, ...]:
    """Return the folders of the checkpoints in this process that the code of a class was loaded from."""
    package = _packages.get(".".join(cls.__module__.split(".", 3)[:3]))
    return tuple(sorted(package.folders)) if package else ()


def import_module(name: str) -> ModuleType:
    """Import a module as the `import` statement does.

    Unlike `importlib.import_module`, which reports a dead-lock, that gives a module which another thread is importing
    while it waits for one of ours.
    """
    __import__(name)
    module = sys.modules.get(name)
    if module is None:
        raise ImportError("another thread was importing it, waited for this one, and has failed")
    return module


def install_finder() -> None:
    """Let Python find the modules of bundles."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _BundleFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of bundles, and no others."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - Python's
        target: ModuleType | None = None,  # noqa: ARG002 - Python's
    ) -> importlib.machinery.ModuleSpec | None:
        parent, _, rest = fullname.partition(f"{PARENT}.")
        if parent or not rest:
            return None
        name = f"{PARENT}.{rest.partition('.')[0]}"
        package = _packages.get(name) or _resume(name)
        own_name = package.name + fullname.removeprefix(name) if package else ""
        found = package.find(own_name) if package else None
        if package is None:
            return None
        if found is None:  # nor does Python look where the code may have put other folders into its `__path__`
            raise ModuleNotFoundError(f"No module named {fullname!r} in the code that was trusted", name=fullname)
        if own_name != fullname:
            return importlib.machinery.ModuleSpec(fullname, _AliasLoader(own_name), is_package=found[1])
        file, is_package = found
        loader = _BundleLoader(package, file, is_package=is_package)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=loader.path, is_package=is_package)


class _BundleLoader(importlib.abc.InspectLoader):
    """Runs one file of a bundle, and shows its source to tracebacks and `inspect`, and the bundle's data to it."""

    def __init__(self, package: RemotePackage, file: str | None, *, is_package: bool) -> None:
        self._package = package
        self._file = file
        self._is_package = is_package
        # No path on this disk: a debugger must show what runs, and not what lies in some file by now.
        self.path = f"<{package.name}>/{file or ''}"

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 - a loader has one module
        return self._is_package

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - a loader has one module
        return self._package.bundle.files[self._file].decode("utf-8-sig") if self._file else ""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - a loader has one module
        files = self._package.bundle.files
        tree = parse_source(files[self._file] if self._file else b"", path=self.path)
        tree = resolve_sibling_imports(tree, self._file or _PACKAGE_FILE, files.get)
        code: CodeType = compile(tree, self.path, "exec", dont_inherit=True)
        return code

    def get_data(self, path: str) -> bytes:
        """Return a file of the bundle, for `pkgutil.get_data`.

        Args:
            path: A name that begins as the `__file__` of the bundle's modules does.

        Raises:
            FileNotFoundError: The bundle has no such file.
        """
        name = posixpath.normpath(path.replace("\\", "/")).removeprefix(f"<{self._package.name}>/")
        if name not in self._package.bundle.files:
            raise FileNotFoundError(f"The code that was trusted has no file {path!r}. Declare it in hub-code.toml.")
        return self._package.bundle.files[name]

    def get_resource_reader(self, fullname: str) -> BundleResources | None:
        return self._package.resources(fullname) if self._is_package else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        module.__dict__["__code_bundle__"] = self._package.bundle
        linecache.lazycache(self.path, module.__dict__)  # for those who ask by path alone, such as warnings
        if self._package.name in _names_in_this_thread() or self._file is None:
            super().exec_module(module)
            return
        # An import statement, or `pickle`, wants this module: it is to fail as a whole, too.
        wanted = self._package.place(module.__name__)
        with _lock:
            self._package.begin()
        with _accounting(self._package, wanted=wanted):
            if not self._package.settled:  # the first of it in this process
                from hub_io.code import check_requirements

                check_requirements(self._package.bundle, [wanted], source=self._package.name)
            # Inside of a load this import is a part of it; otherwise it is a load of its own, which nobody has told
            # to trust anything.
            load = current_load() or CodeLoad()
            load.granted.add(self._package.bundle.digest)
            with load.running():
                super().exec_module(module)


class _AliasLoader(importlib.abc.Loader):
    """Gives a module of a bundle under a name that another process had for the bundle."""

    def __init__(self, name: str) -> None:
        self._name = name

    def exec_module(self, module: ModuleType) -> None:
        # Python takes what stands here afterwards for the module that was imported.
        sys.modules[module.__name__] = import_module(self._name)


_FINDER = _BundleFinder()


@contextlib.contextmanager
def _accounting(package: RemotePackage, *, wanted: str | None = None) -> Iterator[None]:
    """Watch over an import that was counted in `active`: if it succeeds, its modules stay.

    When the last import of several that go on together is done, what only failed ones have brought is forgotten.
    """
    names = _names_in_this_thread()
    names.append(package.name)
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        names.remove(package.name)
        with _lock:
            package.active -= 1
            if succeeded:
                package.settle()
                if wanted is not None:  # Python will say only later that it is complete
                    package.settled.add(wanted)
            if not package.active:
                _forget_unsettled(package)


def _forget_unsettled(package: RemotePackage) -> None:
    for name in (name for name in package.loaded() if not package.stays(name)):
        _forget(name)
    if not package.settled:
        for name in (package.name, *package.aliases):
            _packages.pop(name, None)
            _forget(name)  # code may have removed its modules from `sys.modules` itself


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        vars(sys.modules[parent]).pop(last, None)


def _names_in_this_thread() -> list[str]:
    """Return the names of the packages that this thread is importing, as often as it does."""
    names: list[str] = _this_thread.__dict__.setdefault("names", [])
    return names


def _resume(name: str) -> RemotePackage | None:
    """Return the package that another process has under a name, if its code may run here."""
    from hub_io.running._inherited_code import find_inherited

    trusted = find_inherited(name)
    if trusted is None:
        return None
    with _lock:
        package = _packages.get(name) or _find_package(trusted.bundle)
        if package is None:
            return _make_package(name, trusted.bundle)
        if package.name != name:
            package.aliases.add(name)
            _packages[name] = package
        return package


def _find_package(bundle: CodeBundle) -> RemotePackage | None:
    """Return the package that was made for the same files, unless the `auto_map` of the two contradict each other."""
    for package in _packages.values():
        if package.bundle.digest == bundle.digest and _agree(package.bundle.auto_map, bundle.auto_map):
            if not bundle.auto_map.keys() <= package.bundle.auto_map.keys():
                package.bundle = CodeBundle(bundle.files, {**package.bundle.auto_map, **bundle.auto_map})
                for module in package.loaded().values():
                    module.__dict__["__code_bundle__"] = package.bundle
            return package
    return None


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def _make_package(name: str, bundle: CodeBundle) -> RemotePackage:
    package = _packages[name] = RemotePackage(name, bundle)
    return package


def _free_name(trusted: Trusted) -> str:
    digest = trusted.bundle.digest
    # `owner/name`, or the end of a folder's path.
    tail = "_".join(re.split(r"[/\\]+", trusted.source.rstrip("/\\"))[-2:])
    slug = re.sub(r"\W", "_", tail, flags=re.ASCII)[-_SHORT_SLUG:].strip("_") or "code"
    # Letters that somebody could make collide are not enough to name code; then all of them are.
    names = [f"{PARENT}.{slug}_{digest[:DIGEST_LENGTH]}", f"{PARENT}.{slug}_{digest}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(_packages) + 3)]
    return next(name for name in names if name not in _packages)


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
