"""Checking that all that a bundle imports is there, before any of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub_io.code._requirements import check_requirements, reached_files
from hub_io.code._transformers_uses import transformers_names
from hub_io.errors import UnservedNamesError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config_core.code import CodeBundle
    from hub_io.code._transformers_uses import TransformersName

__all__ = ["LOAD_THERE", "check_imports", "served_names"]

LOAD_THERE = (
    "Where transformers is installed, hub_io.load_into_transformers() loads this code with the real transformers."
)
_SHOWN = 20


def check_imports(bundle: CodeBundle, modules: Iterable[str], *, source: str, served: bool = True) -> None:
    """Raise unless everything that importing modules of a bundle certainly imports is there. Nothing is imported.

    Args:
        bundle: The code.
        modules: Modules of it that will be imported, without `.py`, relative to the bundle.
        source: Where the code came from, for errors.
        served: Whether names of transformers are served to the code; otherwise it needs the real ones.

    Raises:
        UnservedNamesError: It uses names of transformers that are not served.
        MissingRequirementsError: A module is not installed.
        SourceCodeError: A file cannot be parsed.
    """
    modules = tuple(modules)
    if served:
        _check_served(bundle, modules, source=source)
    check_requirements(bundle, modules, source=source, served=served)


def _check_served(bundle: CodeBundle, modules: Iterable[str], *, source: str) -> None:
    reached = reached_files(bundle, modules)
    unserved = [use for use in transformers_names(bundle, reached) if use.is_certain and not use.served]
    if not unserved:
        return
    shown = "; ".join(map(str, unserved[:_SHOWN]))
    more = f"; and {len(unserved) - _SHOWN} more" if len(unserved) > _SHOWN else ""
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


def served_names(bundle: CodeBundle) -> tuple[str, ...]:
    """Return the names of transformers that the files of a bundle use and that are served, sorted."""
    return tuple(sorted({use.name for use in transformers_names(bundle, bundle.files) if use.served}))
