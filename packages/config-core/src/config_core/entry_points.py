"""Entry points of installed distributions.

Python finds a distribution in every folder of `sys.path`, and the first of them is often the working directory: under
`python -c`, `python -m`, in a shell or a notebook. A checkpoint that somebody has downloaded and changed into is not
installed, whatever lies in it. So distributions are not looked for in relative entries of `sys.path`, in the working
directory, and in folders that are a checkpoint; unless somebody has named that folder for this very purpose: in
`PYTHONPATH`, as an absolute path, or in a `.pth` file of an installation, as editable installs do.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["InstalledOffer", "editable_project", "ignored_folders", "installed_offers"]

# Where the client of a hub keeps a repository at one commit.
_SNAPSHOT = re.compile(r"--[^/]*/snapshots/[0-9a-f]{40}([0-9a-f]{24})?(/|$)")


class InstalledOffer(NamedTuple):
    """What an installed distribution offers under an entry-point group. It is not imported yet.

    Attributes:
        entry_point: The entry point.
        distribution: Name of the distribution.
    """

    entry_point: EntryPoint
    distribution: str

    def load(self) -> Any:
        """Import what is offered.

        Raises:
            ImportError: It would be imported from the working directory or from a checkpoint instead.
            Exception: Whatever the import raises.
        """
        top, *rest = self.entry_point.module.split(".")
        if top not in sys.modules and (folder := _folder_before(top, self.entry_point.dist)) is not None:
            raise ImportError(
                f"Python would import {top!r} from {folder!r}, which comes first in sys.path, and not from the "
                f"distribution {self.distribution}. Start the program in another directory, or rename {top!r} there.",
                name=top,
            )
        # Python locks a module and then imports its package. If another thread imports the package, which imports the
        # module, each would wait for the other.
        for depth in range(len(rest)):
            import_module(".".join([top, *rest[:depth]]))
        return self.entry_point.load()


def installed_offers(group: str) -> list[InstalledOffer]:
    """Return what installed distributions offer under an entry-point group. Nothing is imported.

    Of two copies of a distribution, the one whose modules come first in `sys.path` counts.
    """
    return _offers_in(group, _searched_folders())


def ignored_folders(group: str) -> list[str]:
    """Return the folders in `sys.path` that have an offer for a group, but are not searched for distributions."""
    searched = set(_searched_folders())
    return [entry for entry in _folders() if entry not in searched and _offers_in(group, [entry])]


def _offers_in(group: str, folders: list[str]) -> list[InstalledOffer]:
    # importlib.metadata imports some forty modules.
    from importlib.metadata import distributions

    offers: dict[str, list[InstalledOffer]] = {}
    for distribution in distributions(path=folders):
        if not _mentions(group, distribution):
            continue
        name = _name_of(distribution)
        found = [
            InstalledOffer(entry_point, name) for entry_point in distribution.entry_points if entry_point.group == group
        ]
        offers.setdefault(name.lower().replace("_", "-").replace(".", "-"), found)
    return [offer for found in offers.values() for offer in found]


def _mentions(group: str, distribution: Distribution) -> bool:
    """Return whether a distribution has a section for a group; parsing all of them would take ten times as long."""
    try:
        text = distribution.read_text("entry_points.txt")
    except (OSError, UnicodeError):
        return False
    return text is not None and f"[{group}]" in text


def _name_of(distribution: Distribution) -> str:
    try:
        name: str | None = distribution.metadata["Name"]
    except (OSError, LookupError, TypeError, UnicodeError):  # its metadata is missing or malformed
        name = None
    return name or "(unnamed)"


def _folders() -> list[str]:
    return list(dict.fromkeys(sys.path))


def _searched_folders() -> list[str]:
    working = _working_folders()
    return [entry for entry in _folders() if not _is_accidental(entry, working) or _is_named_on_purpose(entry)]


def _working_folders() -> set[str]:
    """Return the working directory, now and when the program was started."""
    start = Path(os.environ.get("PWD", ""))
    folders = {os.path.realpath(start)} if start.is_absolute() else set()
    with contextlib.suppress(FileNotFoundError):  # somebody has removed it
        folders.add(os.path.realpath(Path.cwd()))
    return folders


def _is_accidental(entry: str, working: Iterable[str]) -> bool:
    """Return whether an entry of `sys.path` may be there only because a program was started in that folder."""
    real = os.path.realpath(entry)
    if real in working or os.path.lexists(f"{real}/config.json") or _SNAPSHOT.search(Path(real).as_posix()):
        return True
    # A relative one follows the working directory, unless it is the archive or the folder that runs as the program.
    program = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    return not Path(entry).is_absolute() and os.path.dirname(os.path.realpath(program)) != real  # noqa: PTH120


def _is_named_on_purpose(entry: str) -> bool:
    """Return whether an entry of `sys.path` comes from the environment or from an installation."""
    real = os.path.realpath(entry)
    return Path(entry).is_absolute() and any(real == os.path.realpath(folder) for folder in _named_folders())


def _named_folders() -> Iterator[str]:
    import site

    if not sys.flags.ignore_environment:
        named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        yield from (folder for folder in named if Path(folder).is_absolute())
    installations = [*site.getsitepackages(), site.getusersitepackages()]
    yield from installations
    for folder in installations:
        yield from _folders_in_pth_files(folder)


def _folders_in_pth_files(folder: str) -> Iterator[str]:
    """Return the folders that the `.pth` files of an installation add to `sys.path`."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))  # noqa: PTH208 - names only
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                lines = file.read(1_000_000).splitlines()
        except (OSError, UnicodeError):
            continue
        yield from (
            os.path.join(folder, line.strip())  # noqa: PTH118
            for line in lines
            if line.strip() and not line.startswith(("#", "import ", "import\t"))
        )


def _folder_before(top: str, distribution: Distribution | None) -> str | None:
    """Return the folder from which a module would be imported, if it lies there by accident; None if it does not."""
    import importlib.util

    spec = importlib.util.find_spec(top)
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return None
    working = _working_folders()
    for place in spec.submodule_search_locations or [str(spec.origin)]:
        folder = os.path.dirname(os.path.realpath(place))  # noqa: PTH120
        project = editable_project(distribution)
        is_edited = project is not None and Path(folder).is_relative_to(project)
        if _is_accidental(folder, working) and not (_is_named_on_purpose(folder) or is_edited):
            return folder
    return None


def editable_project(distribution: Distribution | None) -> Path | None:
    """Return the folder of the project that a distribution is an editable install of, or None."""
    import json
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        origin = json.loads((distribution.read_text("direct_url.json") if distribution else None) or "{}")
        is_editable = origin["dir_info"]["editable"]
        return Path(os.path.realpath(url2pathname(urlsplit(origin["url"]).path))) if is_editable else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # not as the standard describes it
        return None
