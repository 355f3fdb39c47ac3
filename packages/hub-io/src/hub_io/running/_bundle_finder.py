"""The finder and the loaders that Python imports `hub_io.remote.…` with.

Relative imports, sub-packages and cycles work as in any package, and stay inside the bundle. Code is compiled from the
hashed bytes; no byte code is written or read.

Modules are imported in two ways. `import_classes` imports the classes of a load. And `pickle` imports the module of an
object from another process by name: then the digest in the name is looked up, and this process's policy decides
(`_inherited_code`).
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import linecache
import os
import posixpath
import sys
from typing import TYPE_CHECKING, Final

from auto_registry.code_load import CodeLoad, current_load
from config_core.code import compile_source, parse_source, resolve_sibling_imports, source_facts, source_imports
from hub_io.code import TRANSFORMERS, check_imports
from hub_io.running._announcement import announce
from hub_io.running._remote_packages import (
    PARENT,
    PARENT_FOR_TRANSFORMERS,
    all_or_nothing,
    find_package,
    package_name,
    package_of,
)
from hub_io.running._served_modules import NameFinder, serve_imports

if TYPE_CHECKING:
    from importlib.resources.abc import TraversableResources
    from types import CodeType, ModuleType

    from hub_io.running._remote_packages import RemotePackage

__all__ = ["BUNDLE_FINDER", "import_module"]

_PACKAGE_FILE = "__init__.py"


def import_module(name: str) -> ModuleType:
    """Import a module as the `import` statement does.

    `importlib.import_module` raises if threads import modules in a circle; the statement returns a module that another
    thread is still importing.
    """
    __import__(name)
    module = sys.modules.get(name)
    if module is None:
        raise ImportError("its code, or another thread that was importing it and failed, removed it from sys.modules")
    return module


class _BundleFinder(NameFinder):
    """Finds the modules of bundles, and no others."""

    def spec_of(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith((f"{PARENT}.", f"{PARENT_FOR_TRANSFORMERS}.")):
            return None
        name = package_name(fullname)
        package = find_package(name) or _from_another_process(name)
        if package is None:
            return None
        own_name = package.name + fullname.removeprefix(name)
        found = package.find(own_name)
        if found is None:  # raise, so that Python does not search folders that the code put into its `__path__`
            raise ModuleNotFoundError(f"No module named {fullname!r} in the trusted code", name=fullname)
        file, is_package = found
        if own_name != fullname:
            return importlib.machinery.ModuleSpec(fullname, _OtherNameLoader(own_name), is_package=is_package)
        loader = _BundleLoader(package, file, is_package=is_package)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=loader.path, is_package=is_package)


BUNDLE_FINDER: Final = _BundleFinder()


class _BundleLoader(importlib.abc.InspectLoader):
    """Runs one file of a bundle. It provides the source for tracebacks and `inspect`, and the bundle's data files."""

    def __init__(self, package: RemotePackage, file: str | None, *, is_package: bool) -> None:
        self._package = package
        self._file = file
        self._is_package = is_package
        self.path = package.shown_path(file)

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 - a loader has one module
        return self._is_package

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - a loader has one module
        return self._content().decode("utf-8-sig")

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - a loader has one module
        content, name, read = self._content(), self._file or _PACKAGE_FILE, self._package.bundle.files.get
        imports = source_imports(name, content, read, path=self.path)
        is_same = imports == source_facts(content, path=self.path).imports
        is_served = TRANSFORMERS.encode() in content and not self._package.is_for_transformers
        if is_same and not is_served:
            return compile_source(content, path=self.path)
        tree = resolve_sibling_imports(parse_source(content, path=self.path), name, read)
        return compile_source(serve_imports(tree) if is_served else tree, path=self.path)

    def get_data(self, path: str) -> bytes:
        """Return a file of the bundle, for `pkgutil.get_data`.

        Args:
            path: A path that starts like the `__file__` of the bundle's modules.

        Raises:
            FileNotFoundError: The bundle has no such file.
        """
        directory = self._package.directory
        name = posixpath.normpath(path.replace("\\", "/")).removeprefix(self._package.shown_path(None))
        name = name.removeprefix(f"{directory.as_posix()}/" if directory else "")
        if name not in self._package.bundle.files:
            raise FileNotFoundError(f"The trusted code has no file {path!r}.")
        return self._package.bundle.files[name]

    def get_resource_reader(self, fullname: str) -> TraversableResources | None:
        from hub_io.running._bundle_resources import BundleResources

        return BundleResources(self._package, fullname) if self._is_package else None

    def exec_module(self, module: ModuleType) -> None:
        directory = self._package.directory
        module.__file__ = os.path.join(directory, self._file or "") if directory else self.path  # noqa: PTH118 - "x/"
        self._package.mark(module)
        linecache.lazycache(self.path, module.__dict__)  # for lookups by path alone, such as by warnings
        try:
            if self._file is None or self._package.is_importing_here:  # a namespace folder runs no code
                super().exec_module(module)
            else:
                self._exec_late(module)
        except BaseException:
            linecache.cache.pop(self.path, None)  # it holds the module's globals
            raise

    def _exec_late(self, module: ModuleType) -> None:
        """Execute a module for an import statement in a function, or for `pickle`."""
        package = self._package
        is_first = not package.kept
        with all_or_nothing(package):
            if is_first:
                needed = [package.place(module.__name__)]
                check_imports(package.bundle, needed, source=package.name, for_transformers=package.is_for_transformers)
            # Inside a load this import is part of it. Otherwise it is its own load, which grants nothing else.
            load = current_load() or CodeLoad()
            load.granted.add(package.bundle.digest)
            with load.running():
                super().exec_module(module)

    def _content(self) -> bytes:
        return self._package.bundle.files[self._file] if self._file else b""


class _OtherNameLoader(importlib.abc.Loader):
    """Returns a module of a bundle under the name that another process used for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def exec_module(self, module: ModuleType) -> None:
        # Python returns what is in `sys.modules` afterwards.
        sys.modules[module.__name__] = import_module(self._name)


def _from_another_process(name: str) -> RemotePackage | None:
    """Return the package of a name from another process, if its code may run here."""
    from hub_io.running._inherited_code import find_inherited

    trusted = find_inherited(name)
    if trusted is None:
        return None
    announce(trusted, trusted.origin)
    return package_of(trusted, name=name)
