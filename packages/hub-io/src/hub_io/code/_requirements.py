"""Checking that the modules that a bundle needs are installed, before any of it runs and without importing anything.

Required are the modules that its files import with certainty: by statements that run whenever the file is imported.
Imports in functions, under conditions, and in a `try` that handles import errors may never run, or may fail without
harm.
"""

from __future__ import annotations

import ast
import importlib.util
import shlex
import sys
from typing import TYPE_CHECKING

from config_core.code import BASE_NAMES, is_base_file, parse_source, source_imports
from hub_io.code._requirements_file import REQUIREMENTS_FILE, listed_requirements
from hub_io.code._served_names import is_transformers
from hub_io.code._transformers_uses import transformers_names
from hub_io.distributions import KNOWN_DISTRIBUTIONS
from hub_io.errors import MissingRequirementsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from config_core.code import CodeBundle, SourceImport

__all__ = ["check_requirements", "imported_modules", "reached_files", "remedy_for"]

_SHOWN = 10
_PACKAGE_FILE = "__init__.py"


def check_requirements(bundle: CodeBundle, modules: Iterable[str], *, source: str, served: bool = True) -> None:
    """Raise unless all modules that a bundle needs are installed. Nothing is imported.

    Args:
        bundle: The code.
        modules: Modules of it that will be imported, without `.py`, relative to the bundle.
        source: Where the code came from, for errors.
        served: Whether names of transformers are served to the code.

    Raises:
        MissingRequirementsError: A module is not installed.
        SourceCodeError: A file cannot be parsed.
    """
    imported = imported_modules(bundle, modules, served=served)
    missing = {name: file for name, file in imported.items() if not _is_installed(name)}
    if not missing:
        return
    problems = [f"{file} imports {name!r}, which is not installed" for name, file in missing.items()]
    raise MissingRequirementsError(
        f"The code of {source} is trusted, but cannot run here: {'; '.join(problems)}. None of it was run. "
        f"{remedy_for(missing, bundle)}",
        source=source,
        file=next(iter(missing.values())),
        modules=tuple(missing),
    )


def remedy_for(missing: Iterable[str], bundle: CodeBundle) -> str:
    """Return sentences that say what to install, and the command for what is known.

    Args:
        missing: Names of missing top-level modules.
        bundle: The code that imports them. If its `requirements.txt` lists the distribution of a module, the sentence
            has the versions from there.
    """
    listed = {requirement.name: requirement.text for requirement in listed_requirements(bundle)}
    known: dict[str, str] = {}
    unknown: list[str] = []
    for module in missing:
        distribution = KNOWN_DISTRIBUTIONS.get(module, "")
        names = {distribution.lower(), module.lower().replace("_", "-")}
        text = next((listed[name] for name in sorted(names) if name in listed), distribution)
        if text:
            known[module] = text
        else:
            unknown.append(f"the distribution that provides {module!r}")
    named = [f"{text!r} (it provides {module!r})" for module, text in known.items()]
    sentence = f"Install {', '.join([*named, *unknown])} and try again."
    if unknown and listed:
        shown = [repr(text) for text in listed.values()]
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        sentence += f" {REQUIREMENTS_FILE} of the code lists {', '.join(shown[:_SHOWN])}{more}."
    if known:  # quoted, because the versions may be from a hostile author
        sentence += f" Run: pip install {' '.join(map(shlex.quote, dict.fromkeys(known.values())))}"
    return sentence


def imported_modules(bundle: CodeBundle, modules: Iterable[str], *, served: bool = True) -> dict[str, str]:
    """Return the top-level modules outside a bundle that importing modules of it certainly imports.

    Args:
        bundle: The code.
        modules: Modules without `.py`, relative to the bundle.
        served: Whether names of transformers come from the packages that serve them.

    Returns:
        Name of a top-level module to the first file that imports it. The standard library is omitted.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    files = bundle.files
    found: dict[str, str] = {}
    reached = reached_files(bundle, modules)
    for file in reached:
        for each in source_imports(file, files[file], files.get, path=file):
            if each.is_certain and not each.level and not (served and is_transformers(each.module)):
                found.setdefault(each.module.partition(".")[0], file)
            for name in _base_modules(each, file, files) if each.is_certain and each.level and served else ():
                found.setdefault(name, file)
    for use in transformers_names(bundle, reached) if served else ():
        if use.is_certain and use.provider is not None:
            found.setdefault(use.provider.module, use.file)
    return {name: found[name] for name in sorted(found) if name not in sys.stdlib_module_names}


def reached_files(bundle: CodeBundle, modules: Iterable[str]) -> list[str]:
    """Return the files of a bundle that importing modules of it certainly runs, in the order in which they are found.

    Args:
        bundle: The code.
        modules: Modules without `.py`, relative to the bundle.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    files = bundle.files
    reached = list(dict.fromkeys(file for module in modules for file in _files_on_the_way(module, files)))
    for file in reached:  # it grows meanwhile
        for each in source_imports(file, files[file], files.get, path=file):
            if each.is_certain:
                reached += [needed for needed in _relative_files(each, file, files) if needed not in reached]
    return reached


def _base_modules(found: SourceImport, file: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the modules that the names come from which portable code imports from its `pretrained_base.py`."""
    if any(is_base_file(files[needed]) for needed in _relative_files(found, file, files)):
        names = set(found.names)
        if "module" in names:  # it stands for one of these packages, and its attributes for what is imported
            nodes = ast.walk(parse_source(files[file], path=file))
            names.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
        yield from (package for name, package in BASE_NAMES.items() if name in names)


def _relative_files(found: SourceImport, file: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the files of the bundle that a relative import runs."""
    if not found.level:
        return
    folder = file.split("/")[:-1]
    above = folder[: len(folder) - (found.level - 1)]
    module = "/".join([*above, *filter(None, found.module.split("."))])
    yield from _files_on_the_way(module, files)
    for name in found.names:
        yield from _files_on_the_way(f"{module}/{name}" if module else name, files)


def _files_on_the_way(module: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the files that importing a module runs: its parent packages' and its own."""
    parts = module.split("/") if module else []
    for depth in range(len(parts) + 1):
        package = "/".join([*parts[:depth], _PACKAGE_FILE])
        if package in files:
            yield package
    if f"{module}/{_PACKAGE_FILE}" not in files and f"{module}.py" in files:
        yield f"{module}.py"


def _is_installed(name: str) -> bool:
    if sys.modules.get(name) is not None:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
