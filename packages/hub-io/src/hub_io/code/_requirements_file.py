"""`requirements.txt` beside the code of a checkpoint: the distributions that its author lists.

It is only used in error messages. No line of it is followed, downloaded or installed, and lines other than a
distribution with versions are ignored. Its author may be hostile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from config_core.code import CodeBundle

__all__ = ["MAX_REQUIREMENTS_BYTES", "REQUIREMENTS_FILE", "ListedRequirement", "listed_requirements"]

REQUIREMENTS_FILE = "requirements.txt"
MAX_REQUIREMENTS_BYTES = 64 * 1024
_MAX_LINES = 500
_MAX_LENGTH = 200


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

    found = map(_parse, _lines(bundle.files.get(REQUIREMENTS_FILE, b"")))
    return [ListedRequirement(canonicalize_name(each.name), str(each)) for each in found if each is not None]


def _lines(content: bytes) -> Iterator[str]:
    """Yield the lines that may be requirements, without comments and options such as `--hash`."""
    if len(content) > MAX_REQUIREMENTS_BYTES:
        return
    text = content.decode("utf-8-sig", "replace").replace("\\\n", " ")
    for line in text.split("\n")[:_MAX_LINES]:
        plain = f" {line}".partition(" #")[0].partition(" -")[0].strip()
        if plain and len(plain) <= _MAX_LENGTH and plain.isascii() and plain.isprintable():
            yield plain


def _parse(text: str) -> Requirement | None:
    """Return a requirement of released versions that applies to this environment, or None."""
    from packaging.requirements import Requirement

    try:
        requirement = Requirement(text)
        applies = requirement.marker is None or requirement.marker.evaluate()  # not all that parse can be evaluated
    except (ValueError, LookupError, RecursionError):
        return None
    return requirement if applies and requirement.url is None else None
