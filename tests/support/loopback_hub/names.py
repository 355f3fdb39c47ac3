"""Names that the Hub refuses: repositories by its own rule, branches and tags by git's, files by what git keeps.

Which file names the real Hub refuses is not public; refused here is what git itself could not check out everywhere.
"""

from __future__ import annotations

import re

from loopback_hub import refusals

__all__ = ["check_file_name", "check_ref_name", "check_repository_name"]

_REPOSITORY = re.compile(r"(?![-.])(?!.*(--|\.\.))[\w.-]{1,96}(?<![-.])(?<!\.git)", re.ASCII)
_REPOSITORY_RULE = (
    "Only regular characters and '-', '_', '.' are accepted. '--' and '..' are forbidden. '-' and '.' cannot start or "
    'end the name. The name cannot end with ".git". Max length is 96.'
)
_NOT_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f\\]")


def check_repository_name(name: str) -> None:
    """Refuse the name of a repository, without its namespace."""
    if not _REPOSITORY.fullmatch(name):
        raise refusals.bad_request(_REPOSITORY_RULE)


def check_ref_name(name: str, kind: str) -> None:
    """Refuse the name of a new `branch` or `tag`."""
    parts = name.split("/")
    wrong_part = any(part.startswith(".") or part.endswith(".lock") or not part for part in parts)
    wrong_end = name.startswith("-") or name.endswith(".")
    if wrong_part or wrong_end or _NOT_IN_REFS.search(name) or name in {"@", "HEAD"} or parts[0] == "refs":
        raise refusals.bad_request(f"Invalid reference for a {kind}: {name}")


def check_file_name(path: str) -> None:
    """Refuse the path of a file in a commit."""
    parts = path.split("/")
    if _NOT_IN_PATHS.search(path) or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise refusals.bad_request(f"Invalid file path: {path}")
