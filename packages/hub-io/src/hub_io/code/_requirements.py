"""Whether what a bundle of code needs is installed, found out before any of it runs, and without importing anything.

First what the code declares in `hub-code.toml`, then what its files import for certain: statements that run whenever
the file is imported. Imports in functions, under any condition, and in a `try` that handles exceptions may never run,
or may fail without harm; they are not required.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config_core.code import MANIFEST_NAME, CodeManifest, parse_source, resolve_sibling_imports
from hub_io.errors import MissingRequirementsError, RemoteCodeImportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.markers import Marker
    from packaging.requirements import Requirement

    from config_core.code import CodeBundle

__all__ = ["UnmetRequirement", "check_requirements", "declared_requirements", "imported_modules", "unmet_requirements"]

_PACKAGE_FILE = "__init__.py"
# Distributions that provide modules: no metadata tells it of what is not installed. A name is never guessed, since
# anybody may own the distribution that has it.
_DISTRIBUTIONS: Final = {
    **{
        name: name
        for name in ("einops", "numpy", "safetensors", "scipy", "timm", "torch", "torchvision", "transformers")
    },
    "PIL": "pillow",
    "auto_registry": "pretrained-auto-registry",
    "bs4": "beautifulsoup4",
    "causal_conv1d": "causal-conv1d",
    "config_core": "pretrained-config-core",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "flash_attn": "flash-attn",
    "hub_io": "pretrained-hub-io",
    "huggingface_hub": "huggingface-hub",
    "mamba_ssm": "mamba-ssm",
    "model_core": "pretrained-model-core",
    "resnet": "pretrained-resnet",
    "sentence_transformers": "sentence-transformers",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


@dataclass(frozen=True, slots=True)
class UnmetRequirement:
    """A declared requirement that the environment does not meet.

    Attributes:
        requirement: The requirement, PEP 508.
        problem: Why it is not met, such as `1.2 is installed`.
    """

    requirement: str
    problem: str


def check_requirements(bundle: CodeBundle, modules: Iterable[str], *, source: str) -> None:
    """Raise unless everything is installed that certain modules of a bundle need. Nothing is imported.

    Args:
        bundle: The code.
        modules: Modules that are going to be imported, without `.py`, relative to the bundle.
        source: Where the code came from, for errors.

    Raises:
        MissingRequirementsError: Something is not installed, or in another version.
        RemoteCodeImportError: The manifest declares what is no requirement.
        SourceCodeError: The manifest, or a file, cannot be parsed.
    """
    unmet = unmet_requirements(bundle, source=source)
    missing = {name: file for name, file in imported_modules(bundle, modules).items() if not _is_installed(name)}
    if not unmet and not missing:
        return
    problems = [f"{MANIFEST_NAME} requires {found.requirement!r}, and {found.problem}" for found in unmet]
    problems += [f"{file} imports {name!r}, which is not installed" for name, file in missing.items()]
    remedies = [repr(found.requirement) for found in unmet]
    remedies += [
        f"{_DISTRIBUTIONS[name]} (it provides {name!r})"
        if name in _DISTRIBUTIONS
        else f"the distribution that provides {name!r}"
        for name in missing
    ]
    raise MissingRequirementsError(
        f"The code of {source} is trusted, but cannot run here: {'; '.join(problems)}. None of it was run. Install "
        f"{', '.join(remedies)} and try again.",
        source=source,
        file=next(iter(missing.values()), MANIFEST_NAME),
        requirements=tuple(found.requirement for found in unmet),
        modules=tuple(missing),
    )


def declared_requirements(bundle: CodeBundle) -> tuple[str, ...]:
    """Return what the manifest of a bundle requires, as it stands there; nothing if it has none.

    Raises:
        SourceCodeError: The manifest is malformed.
    """
    content = bundle.files.get(MANIFEST_NAME)
    return CodeManifest.parse(content, path=MANIFEST_NAME).requires if content is not None else ()


def unmet_requirements(bundle: CodeBundle, *, source: str) -> list[UnmetRequirement]:
    """Return the declared requirements that this environment does not meet.

    Args:
        bundle: The code.
        source: Where it came from, for errors.

    Raises:
        RemoteCodeImportError: The manifest declares what is no requirement, or an address to install from.
        SourceCodeError: The manifest is malformed.
    """
    unmet = []
    for text in declared_requirements(bundle):
        requirement = _parse(text, source)
        problem = _problem(requirement, seen=set())
        if problem is not None:
            unmet.append(UnmetRequirement(text.strip(), problem))
    return unmet


def imported_modules(bundle: CodeBundle, modules: Iterable[str]) -> dict[str, str]:
    """Return the top-level modules from outside that are imported for certain when modules of a bundle are.

    Args:
        bundle: The code.
        modules: Modules without `.py`, relative to the bundle.

    Returns:
        Name of a top-level module, not of the standard library, to the file that imports it first.

    Raises:
        SourceCodeError: A file cannot be parsed.
    """
    files = bundle.files
    found: dict[str, str] = {}
    queue = deque(file for module in modules for file in _files_on_the_way(module, files))
    seen = set(queue)
    while queue:
        file = queue.popleft()
        for statement in _certain_imports(_parsed(file, files)):
            for name in _absolute_names(statement):
                found.setdefault(name, file)
            for needed in _relative_files(statement, file, files):
                if needed not in seen:
                    seen.add(needed)
                    queue.append(needed)
    return {name: found[name] for name in sorted(found) if name not in sys.stdlib_module_names}


def _parsed(file: str, files: Mapping[str, bytes]) -> ast.Module:
    return resolve_sibling_imports(parse_source(files[file], path=file), file, files.get)


def _certain_imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give the import statements that run whenever the file does."""
    statements = deque(tree.body)
    while statements:
        statement = statements.popleft()
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            statements.extend(statement.body)
        elif isinstance(statement, ast.Try):
            statements.extend([] if statement.handlers else statement.body)
            statements.extend(statement.finalbody)


def _absolute_names(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name.partition(".")[0] for alias in statement.names]
    return [] if statement.level else [(statement.module or "").partition(".")[0]]


def _relative_files(statement: ast.Import | ast.ImportFrom, file: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Give the files of the bundle that a relative import runs."""
    if isinstance(statement, ast.Import) or not statement.level:
        return
    folder = file.split("/")[:-1]
    above = folder[: len(folder) - (statement.level - 1)]
    module = "/".join([*above, *filter(None, (statement.module or "").split("."))])
    yield from _files_on_the_way(module, files)
    for alias in statement.names:
        yield from _files_on_the_way(f"{module}/{alias.name}" if module else alias.name, files)


def _files_on_the_way(module: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Give the files that importing a module runs: the packages that it lies in, and its own."""
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


def _parse(text: str, source: str) -> Requirement:
    from packaging.requirements import Requirement

    try:
        requirement = Requirement(text)
        if requirement.marker is not None:
            _holds(requirement.marker)  # some markers are well formed and mean nothing
    except (ValueError, LookupError, RecursionError) as error:
        raise RemoteCodeImportError(
            f"{MANIFEST_NAME} of {source} requires {text!r:.200}, which is no requirement: expected a distribution and "
            "its versions, such as 'numpy>=1.26'. None of the code was run.",
            source=source,
            file=MANIFEST_NAME,
        ) from error
    if requirement.url is not None:
        raise RemoteCodeImportError(
            f"{MANIFEST_NAME} of {source} requires {text!r:.200}, which names an address. Only released versions can "
            "be required, such as 'numpy>=1.26'. None of the code was run.",
            source=source,
            file=MANIFEST_NAME,
        )
    return requirement


def _problem(requirement: Requirement, *, seen: set[tuple[str, str]]) -> str | None:
    """Return why a requirement is not met, or None."""
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.version import InvalidVersion, Version

    if requirement.marker is not None and not _holds(requirement.marker):
        return None
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    try:
        version = Version((found.metadata.get_all("Version") or [""])[0])
    except InvalidVersion:
        return f"the installed {requirement.name} does not say its version"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version} is installed"
    return _extras_problem(requirement, seen)


def _extras_problem(requirement: Requirement, seen: set[tuple[str, str]]) -> str | None:
    """Return what an installed distribution lacks for its extras that are asked for, or None."""
    from importlib.metadata import distribution

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = distribution(requirement.name)
    provided = {canonicalize_name(name) for name in found.metadata.get_all("Provides-Extra") or ()}
    for extra in sorted(map(canonicalize_name, requirement.extras)):
        if extra not in provided:
            return f"the installed {requirement.name} has no extra {extra!r}"
        if (requirement.name, extra) in seen:
            continue
        seen.add((requirement.name, extra))
        for text in found.requires or ():
            try:
                needed = Requirement(text)
                if needed.marker is None or _holds(needed.marker) or not _holds(needed.marker, extra):
                    continue
            except (ValueError, LookupError):
                return f"the installed {requirement.name} needs {text!r:.200}, which is no requirement"
            needed.marker = None
            if problem := _problem(needed, seen=seen):
                return f"its extra {extra!r} needs {str(needed)!r}, and {problem}"
    return None


def _holds(marker: Marker, extra: str = "") -> bool:
    return marker.evaluate({"extra": extra})
