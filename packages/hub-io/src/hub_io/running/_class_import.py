"""Importing classes of trusted code."""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import TYPE_CHECKING, Any

from config_core.code import ClassReference
from config_core.error_base import escape_args
from hub_io.code import (
    LOAD_THERE,
    REQUIREMENTS_FILE,
    CodeStore,
    is_transformers,
    listed_requirements,
    remedy_for,
)
from hub_io.errors import RemoteCodeImportError
from hub_io.running._announcement import announce
from hub_io.running._bundle_finder import BUNDLE_FINDER, import_module
from hub_io.running._remote_packages import PARENT, PARENT_FOR_TRANSFORMERS, importing
from hub_io.trust import pass_on

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from config_core.code import CodeBundle
    from hub_io.running._remote_packages import RemotePackage
    from hub_io.trust import Trusted

__all__ = ["import_classes"]

_SHOWN = 5


def import_classes(
    trusted: Trusted, references: Iterable[str | ClassReference], *, for_transformers: bool = False
) -> list[type[Any]]:
    """Import classes of a trusted bundle. This runs its code.

    Code with the same content is imported once, from wherever it is loaded; code with other content is imported beside
    it. Processes that this one starts later may run the code too: they find it by its digest.

    Args:
        trusted: The decision, with the bundle.
        references: References to classes in it, such as `modeling_x.XModel`.
        for_transformers: Whether the code imports the real transformers. Otherwise its names are served.

    Returns:
        The classes, in the order of the references.

    Raises:
        UnservedNamesError: The code uses names of transformers that are not served. Nothing was run.
        MissingRequirementsError: The code imports a module that is not installed. Nothing was run.
        RemoteCodeImportError: The code failed, or has no such class. The modules that this call imported are removed.
    """
    parsed = [ClassReference.parse(str(reference)) for reference in references]
    BUNDLE_FINDER.install()
    modules = [reference.module for reference in parsed]
    with importing(trusted, modules, for_transformers=for_transformers) as package:
        announce(trusted, package.origin)
        with trusted.code.load.running():
            classes = [_import_class(package, reference, trusted.source) for reference in parsed]
    pass_on(trusted.bundle.digest)
    with contextlib.suppress(OSError):  # only other processes need it, and their error names the folder
        CodeStore.default().keep(trusted.bundle, source=trusted.source)
    return classes


def _import_class(package: RemotePackage, reference: ClassReference, source: str) -> type[Any]:
    try:
        module = import_module(package.module_at(reference.module))
        # Not `getattr`, which calls the module's own `__getattr__`.
        found = vars(module).get(reference.class_name)
        if isinstance(found, type) and issubclass(type(found), type) and _is_of(package, found):
            return found
        problem = _no_class(module, reference, source)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise RemoteCodeImportError(
            f"The code of {source} is trusted, but importing {reference.filename} failed{_place(package)}: "
            f"{_describe(error)}{_advice(error, package.bundle)}",
            source=source,
            file=reference.filename,
        ) from error
    raise problem


def _is_of(package: RemotePackage, cls: type[Any]) -> bool:
    return f"{cls.__module__}.".startswith(f"{package.name}.")


def _place(package: RemotePackage) -> str:
    """Return where the code of a package was when the exception that is being handled was raised, or `""`."""
    start = package.shown_path(None)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(sys.exc_info()[2])]
    inner = [(file.removeprefix(start), line) for file, line in frames if file.startswith(start)]
    return f" in {inner[-1][0]} line {inner[-1][1]}" if inner else ""


def _describe(error: BaseException) -> str:
    try:
        escape_args(error)  # it may quote the checkpoint's data, and a traceback shows it, too
        return f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - str() of an untrusted error may raise
        return type(error).__name__


def _advice(error: BaseException, bundle: CodeBundle) -> str:
    """Return a sentence with a remedy, or `""`: a module to install, or versions that the code requires."""
    # Python's own attribute: the code may have given the error another one, or a value of any type.
    name = vars(ImportError)["name"].__get__(error) if isinstance(error, ModuleNotFoundError) else None
    if type(name) is str and name and not name.startswith((PARENT, PARENT_FOR_TRANSFORMERS)):
        return f". {LOAD_THERE if is_transformers(name) else remedy_for([name.partition('.')[0]], bundle)}"
    problems = [
        f"{listed.text!r}, and {problem}" for listed in listed_requirements(bundle) if (problem := listed.problem())
    ]
    if not problems:
        return ""
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return f". {REQUIREMENTS_FILE} of the code lists {'; '.join(problems[:_SHOWN])}{more}."


def _no_class(module: ModuleType, reference: ClassReference, source: str) -> RemoteCodeImportError:
    found = vars(module).get(reference.class_name)
    if found is None:
        problem = "it has no such name"
    elif issubclass(type(found), type):
        problem = f"that class is from {found.__module__}, and only the checkpoint's own classes are loaded"
    else:
        problem = f"that is of type {type(found).__name__} and not a class"
    classes = sorted(
        name
        for name, value in vars(module).items()
        if issubclass(type(value), type) and value.__module__ == module.__name__
    )
    return RemoteCodeImportError(
        f"auto_map of {source} names {reference.class_name!r} in {reference.filename}, but {problem}. "
        f"The file has {', '.join(classes) or 'no classes'}.",
        source=source,
        file=reference.filename,
        class_name=reference.class_name,
    )
