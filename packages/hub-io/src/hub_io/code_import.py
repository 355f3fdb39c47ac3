"""Importing trusted code, from the bytes that were hashed.

A bundle becomes a package `hub_io.remote.<name>_<digest>` whose modules Python's own import system finds through
`_BundleFinder`: relative imports, sub-packages and cycles work as in any package, and stay inside the bundle. Nothing
is written to disk and nothing is read from it.

No lock of ours is held while code runs. Python's module locks suffice, and they notice a dead-lock; ours would not,
when the code of one checkpoint loads that of another.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import linecache
import re
import sys
import threading
from typing import TYPE_CHECKING, Any

from config_core.class_reference import ClassReference
from config_core.code_bundle import CodeBundle
from config_core.source_files import parse_source, resolve_sibling_imports
from hub_io.errors import RemoteClassError, RemoteCodeImportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType, ModuleType

    from hub_io.trust import Trusted

__all__ = ["import_classes"]

_PARENT = "hub_io.remote"
_PACKAGE_FILE = "__init__.py"
_SHORT_DIGEST = 12
_SHORT_SLUG = 40


def import_classes(trusted: Trusted, references: Iterable[str | ClassReference]) -> list[type[Any]]:
    """Import classes of a trusted bundle. This runs its code.

    The same content gives the same classes, however often and from wherever it is loaded; other content lives beside
    it.

    Args:
        trusted: The decision, with the bundle.
        references: Classes in it, such as `modeling_x.XModel`.

    Returns:
        The classes, in the order of the references.

    Raises:
        RemoteCodeImportError: The code failed. Nothing that this call imported stays imported.
        RemoteClassError: It has no such class.
    """
    package = _enter(trusted)
    succeeded = False
    try:
        parsed = [ClassReference.parse(str(reference)) for reference in references]
        classes = [_import_class(package, reference, trusted.source) for reference in parsed]
        succeeded = True
    finally:
        _leave(package, succeeded=succeeded)
    return classes


class _Package:
    """A bundle and what is imported of it. Guarded by `_lock`, except for the files, which never change.

    Attributes:
        name: Its name in `sys.modules`.
        bundle: The code. Its `auto_map` grows when another checkpoint has the same files and names further classes.
        active: How many calls are importing from it now.
        settled: Names of modules that a call which succeeded has imported, or could have used.
    """

    def __init__(self, name: str, bundle: CodeBundle) -> None:
        self.name = name
        self.bundle = bundle
        self.active = 0
        self.settled: set[str] = set()

    def find(self, module: str) -> tuple[str | None, bool] | None:
        """Return a module's file, None for a package without one, and whether it is a package. None: no such module."""
        path = module.removeprefix(self.name).lstrip(".").replace(".", "/")
        package_file = f"{path}/{_PACKAGE_FILE}" if path else _PACKAGE_FILE
        if package_file in self.bundle.files:
            return package_file, True
        if f"{path}.py" in self.bundle.files:
            return f"{path}.py", False
        if not path or any(name.startswith(f"{path}/") for name in self.bundle.files):
            return None, True
        return None

    def loaded(self) -> dict[str, ModuleType]:
        """Return its modules in `sys.modules`."""
        prefix = f"{self.name}."
        modules = sys.modules.copy()  # other threads import meanwhile
        return {name: module for name, module in modules.items() if name == self.name or name.startswith(prefix)}


_packages: dict[str, _Package] = {}
_lock = threading.Lock()


class _BundleFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of bundles, and no others."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - Python's
        target: ModuleType | None = None,  # noqa: ARG002 - Python's
    ) -> importlib.machinery.ModuleSpec | None:
        parent, _, rest = fullname.partition(f"{_PARENT}.")
        if parent or not rest:
            return None
        package = _packages.get(f"{_PARENT}.{rest.partition('.')[0]}")
        found = package.find(fullname) if package else None
        if package is None or found is None:
            return None
        file, is_package = found
        loader = _BundleLoader(package, file, is_package=is_package)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=loader.path, is_package=is_package)


class _BundleLoader(importlib.abc.InspectLoader):
    """Runs one file of a bundle, and shows its source to tracebacks and `inspect`."""

    def __init__(self, package: _Package, file: str | None, *, is_package: bool) -> None:
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

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        module.__dict__["__code_bundle__"] = self._package.bundle
        linecache.lazycache(self.path, module.__dict__)  # for those who ask by path alone, such as warnings
        super().exec_module(module)


_FINDER = _BundleFinder()


def _enter(trusted: Trusted) -> _Package:
    """Return the package of a bundle, made if need be, and note that a call is importing from it."""
    with _lock:
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
        package = _find_package(trusted.bundle) or _make_package(trusted)
        package.active += 1
        return package


def _leave(package: _Package, *, succeeded: bool) -> None:
    """Note that a call is done; when the last one is, forget what only failed calls have imported."""
    with _lock:
        package.active -= 1
        loaded = package.loaded()
        if succeeded:
            package.settled.update(name for name, module in loaded.items() if not _is_initializing(module))
        if package.active:
            return
        for name in loaded.keys() - package.settled:
            _forget(name)
        if not package.settled:
            del _packages[package.name]


def _find_package(bundle: CodeBundle) -> _Package | None:
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


def _make_package(trusted: Trusted) -> _Package:
    digest = trusted.bundle.digest
    # `owner/name`, or the end of a folder's path.
    tail = "_".join(re.split(r"[/\\]+", trusted.source.rstrip("/\\"))[-2:])
    slug = re.sub(r"\W", "_", tail, flags=re.ASCII)[-_SHORT_SLUG:].strip("_") or "code"
    # Letters that somebody could make collide are not enough to name code; then all of them are.
    names = [f"{_PARENT}.{slug}_{digest[:_SHORT_DIGEST]}", f"{_PARENT}.{slug}_{digest}"]
    names += [f"{names[1]}_{number}" for number in range(2, len(_packages) + 3)]
    name = next(name for name in names if name not in _packages)
    package = _packages[name] = _Package(name, trusted.bundle)
    return package


def _import_class(package: _Package, reference: ClassReference, source: str) -> type[Any]:
    name = f"{package.name}.{reference.module.replace('/', '.')}"
    try:
        module = _import_module(name)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise RemoteCodeImportError(
            f"The code of {source} is trusted, but importing {reference.filename} failed: {problem}{_advice(error)}",
            source=source,
            file=reference.filename,
        ) from error
    cls = getattr(module, reference.class_name, None)
    own = isinstance(cls, type) and f"{cls.__module__}.".startswith(f"{package.name}.")
    if not isinstance(cls, type) or not own:
        raise _no_class(module, reference, source)
    return cls


def _import_module(name: str) -> ModuleType:
    """Import a module as the `import` statement does.

    Unlike `importlib.import_module`, which reports a dead-lock, that gives a module which another thread is importing
    while it waits for one of ours.
    """
    __import__(name)
    module = sys.modules.get(name)
    if module is None:
        raise ImportError("another thread was importing it, waited for this one, and has failed")
    return module


def _advice(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(_PARENT):
        return f". Install the distribution that provides {error.name.partition('.')[0]!r} and try again."
    return ""


def _no_class(module: ModuleType, reference: ClassReference, source: str) -> RemoteClassError:
    found = getattr(module, reference.class_name, None)
    if found is None:
        problem = "it has no such name"
    elif isinstance(found, type):
        problem = f"that class comes from {found.__module__}, and only the checkpoint's own classes are loaded"
    else:
        problem = f"that is {type(found).__name__} and no class"
    classes = sorted(
        name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__
    )
    return RemoteClassError(
        f"auto_map of {source} names {reference.class_name!r} in {reference.filename}, but {problem}. "
        f"The file has {', '.join(classes) or 'no classes'}.",
        source=source,
        file=reference.filename,
        class_name=reference.class_name,
    )


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        vars(sys.modules[parent]).pop(last, None)
