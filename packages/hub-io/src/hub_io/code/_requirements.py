"""What a bundle requires: the modules that it imports, and the distributions that its `requirements.txt` lists.

Required are the modules that its files import with certainty: by statements that run whenever the file is imported.
Imports in functions, under conditions, and in a `try` that handles import errors may never run, or may fail without
harm. Whether the modules are there is checked before any code of the bundle runs, and without importing anything.

The author of `requirements.txt` may be hostile. It is only used in error messages: no line of it is followed,
downloaded or installed, and lines other than a distribution with versions are ignored.
"""

from __future__ import annotations

import ast
import posixpath
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config_core.code import BASE_FILE, BASE_NAMES, is_base_file, needed_files, parse_source, source_imports
from hub_io.code._served_names import is_transformers
from hub_io.code._transformers_uses import transformers_names
from hub_io.distributions import KNOWN_DISTRIBUTIONS, find_module
from hub_io.errors import MissingRequirementsError, UnservedNamesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from config_core.code import CodeBundle, SourceImport
    from hub_io.code._transformers_uses import TransformersName

__all__ = [
    "LOAD_THERE",
    "MAX_REQUIREMENTS_BYTES",
    "REQUIREMENTS_FILE",
    "ListedRequirement",
    "check_imports",
    "imported_modules",
    "listed_requirements",
    "remedy_for",
    "served_names",
]

REQUIREMENTS_FILE = "requirements.txt"
MAX_REQUIREMENTS_BYTES = 64 * 1024

LOAD_THERE = (
    "Where transformers is installed, hub_io.load_into_transformers() loads this code with the real transformers."
)

_MAX_LINES = 500
_MAX_LENGTH = 200
_SHOWN = 10
_SHOWN_USES = 20
_PACKAGE = "__init__"


def check_imports(bundle: CodeBundle, modules: Iterable[str], *, source: str, for_transformers: bool = False) -> None:
    """Raise unless everything that importing modules of a bundle certainly imports is there. Nothing is imported.

    Args:
        bundle: The code.
        modules: Modules of it that will be imported, without `.py`, relative to the bundle.
        source: Where the code came from, for errors.
        for_transformers: Whether the code imports the real transformers. Otherwise its names are served.

    Raises:
        UnservedNamesError: It uses names of transformers that are not served.
        MissingRequirementsError: A module is not installed.
        SourceCodeError: A file cannot be parsed.
    """
    modules = tuple(modules)
    if not for_transformers:
        _check_served(bundle, modules, source=source)
    imported = imported_modules(bundle, modules, for_transformers=for_transformers)
    absent = [name for name in imported if sys.modules.get(name) is None and find_module(name) is None]
    missing = {name: imported[name] for name in absent}
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


def served_names(bundle: CodeBundle) -> tuple[str, ...]:
    """Return the names of transformers that the files of a bundle use and that are served, sorted."""
    return tuple(sorted({use.name for use in transformers_names(bundle, bundle.files) if use.served}))


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


def imported_modules(bundle: CodeBundle, modules: Iterable[str], *, for_transformers: bool = False) -> dict[str, str]:
    """Return the top-level modules outside a bundle that importing modules of it certainly imports.

    Args:
        bundle: The code.
        modules: Modules without `.py`, relative to the bundle.
        for_transformers: Whether the code imports the real transformers. Otherwise the packages that serve its names
            are imported.

    Returns:
        Name of a top-level module to the first file that imports it. The standard library is omitted.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    files, served = bundle.files, not for_transformers
    found: dict[str, str] = {}
    reached = _reached_files(bundle, modules)
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


def _reached_files(bundle: CodeBundle, modules: Iterable[str]) -> list[str]:
    """Return the files of a bundle that importing modules of it certainly runs, sorted."""
    top = [_PACKAGE] if f"{_PACKAGE}.py" in bundle.files else []
    return [*needed_files([*top, *filter(None, modules)], bundle.files.get, where="the code", only_certain=True)]


def _base_modules(found: SourceImport, file: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the modules that the names come from which portable code imports from its `pretrained_base.py`."""
    base = files.get(posixpath.join(posixpath.dirname(file), BASE_FILE))
    if (found.level, f"{found.module}.py") == (1, BASE_FILE) and base is not None and is_base_file(base):
        names = set(found.names)
        if "module" in names:  # it stands for one of these packages, and its attributes for what is imported
            nodes = ast.walk(parse_source(files[file], path=file))
            names.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
        yield from (package for name, package in BASE_NAMES.items() if name in names)


def _check_served(bundle: CodeBundle, modules: Iterable[str], *, source: str) -> None:
    reached = _reached_files(bundle, modules)
    unserved = [use for use in transformers_names(bundle, reached) if use.is_certain and not use.served]
    if not unserved:
        return
    shown = "; ".join(map(str, unserved[:_SHOWN_USES]))
    more = f"; and {len(unserved) - _SHOWN_USES} more" if len(unserved) > _SHOWN_USES else ""
    raise UnservedNamesError(
        f"The code of {source} is trusted, but uses names of transformers that are not served here: {shown}{more}. "
        f"None of it was run. {LOAD_THERE}",
        source=source,
        file=unserved[0].file,
        names=_by_place(unserved),
    )


def _by_place(uses: Iterable[TransformersName]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for use in uses:
        place = f"{use.file}:{use.line}"
        names[place] = (*names.get(place, ()), use.name)
    return names


@dataclass(frozen=True, slots=True)
class ListedRequirement:
    """A distribution and its versions, from a line of `requirements.txt`.

    Attributes:
        name: Normalized name of the distribution: lower case, with dashes.
        text: The PEP 508 requirement, such as `numpy>=1.26`.
    """

    name: str
    text: str

    def problem(self) -> str | None:
        """Return why this environment does not meet it, or None. Extras are ignored."""
        from importlib.metadata import PackageNotFoundError, distribution

        from packaging.requirements import Requirement
        from packaging.version import InvalidVersion, Version

        requirement = Requirement(self.text)
        try:
            found = distribution(requirement.name)
            version = Version((found.metadata.get_all("Version") or [""])[0])
        except PackageNotFoundError:
            return f"{self.name} is not installed"
        except InvalidVersion:
            return f"the installed {self.name} has no valid version"
        if requirement.specifier.contains(version, prereleases=True):
            return None
        return f"{self.name} {version} is installed"


def listed_requirements(bundle: CodeBundle) -> list[ListedRequirement]:
    """Return the requirements in `requirements.txt` of a bundle that apply to this environment."""
    from packaging.utils import canonicalize_name

    found = map(_requirement, _requirement_lines(bundle.files.get(REQUIREMENTS_FILE, b"")))
    return [ListedRequirement(canonicalize_name(each.name), str(each)) for each in found if each is not None]


def _requirement_lines(content: bytes) -> Iterator[str]:
    """Yield the lines that may be requirements, without comments and options such as `--hash`."""
    if len(content) > MAX_REQUIREMENTS_BYTES:
        return
    text = content.decode("utf-8-sig", "replace").replace("\\\n", " ")
    for line in text.split("\n")[:_MAX_LINES]:
        plain = f" {line}".partition(" #")[0].partition(" -")[0].strip()
        if plain and len(plain) <= _MAX_LENGTH and plain.isascii() and plain.isprintable():
            yield plain


def _requirement(text: str) -> Requirement | None:
    """Return a requirement of released versions that applies to this environment, or None."""
    from packaging.requirements import Requirement

    try:
        requirement = Requirement(text)
        applies = requirement.marker is None or requirement.marker.evaluate()  # not all that parse can be evaluated
    except (ValueError, LookupError, RecursionError):
        return None
    return requirement if applies and requirement.url is None else None
