"""Config files for several versions of transformers: which of the files that `config.json` lists is read.

A `config.json` may list files for later versions: `"configuration_files": ["config.json", "config.4.30.0.json"]`.
transformers reads the newest one that is not newer than itself. The versions are those of transformers, so our own
version has no place in the comparison, and an installed transformers must not change what a file means: the version
compared is the one whose files this package reads and writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from config_core.errors import ConfigFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LISTED_FILES_KEY", "TRANSFORMERS_VERSION", "versioned_file_name"]

LISTED_FILES_KEY = "configuration_files"
TRANSFORMERS_VERSION = "5.24.0"

_FILE_NAME = re.compile(r"config\.(?P<version>.+)\.json")
_VERSION = re.compile(r"v?(?P<release>\d{1,9}(\.\d{1,9})*)(?P<rest>.*)", re.DOTALL)
_PRE_RELEASE = re.compile(r"[._-]?(a|alpha|b|beta|c|rc|pre|preview|dev)\d*\b", re.IGNORECASE)
_LATER = re.compile(r"([._-]?(post|rev|r)\d*|\+.*)", re.IGNORECASE)


def versioned_file_name(listed: Any, *, path: Path) -> str | None:
    """Return the name of the file to read in place of `config.json`, or None if there is none.

    Args:
        listed: The value of `configuration_files`.
        path: The file that has it, for errors.

    Raises:
        ConfigFileError: The value is not a list of names, or the name of a file has no version in it.
    """
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ConfigFileError(f"{LISTED_FILES_KEY} must be a list of file names, got {listed!r:.200}.", path=path)
    names = (match for match in map(_FILE_NAME.fullmatch, listed) if match)
    versions = {_version_key(match["version"], path=path): match[0] for match in names}
    ours = _version_key(TRANSFORMERS_VERSION, path=path)
    return max(((key, name) for key, name in versions.items() if key <= ours), default=(None, None))[1]


def _version_key(version: str, *, path: Path) -> tuple[tuple[int, ...], int, str]:
    """Return what versions are compared by: `5.0rc1` comes before `5.0`, and `5.0` is `5.0.0`.

    Raises:
        ConfigFileError: It is not a version.
    """
    match = _VERSION.fullmatch(version)
    rest = match["rest"] if match else ""
    is_pre_release, is_later = _PRE_RELEASE.match(rest), _LATER.fullmatch(rest)
    if match is None or (rest and not is_pre_release and not is_later):
        raise ConfigFileError(
            f"{LISTED_FILES_KEY} lists 'config.{version}.json', but {version!r} is not a version of transformers "
            "such as '4.30.0'.",
            path=path,
        )
    release = [int(part) for part in match["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), -1 if is_pre_release else 1 if is_later else 0, rest
