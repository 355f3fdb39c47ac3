"""Which files of an upload the Hub tells the client to leave out: those that a `.gitignore` names, as git reads it.

Only the `.gitignore` at the top counts, and only names: a file that the repository holds already is ignored too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopback_hub.contents import Blob

__all__ = ["IGNORES", "Ignores", "ignores_for"]

IGNORES = ".gitignore"


class Ignores:
    """The rules of one `.gitignore`."""

    def __init__(self, text: str) -> None:
        self._rules = GitIgnoreSpec.from_lines(text.splitlines())

    def match(self, path: str) -> bool:
        """Return whether a file is ignored. As in git, nothing brings a file back whose folder is."""
        parts = path.split("/")
        folders = ("/".join(parts[:depth]) + "/" for depth in range(1, len(parts)))
        return any(self._rules.match_file(folder) for folder in folders) or self._rules.match_file(path)


def ignores_for(sent: str | None, files: Mapping[str, Blob]) -> Ignores:
    """Return the rules for an upload: what the client sent with it, else what the repository holds."""
    if sent is None:
        sent = files[IGNORES].content.decode() if IGNORES in files else ""
    return Ignores(sent)
