"""A package index on loopback, as a release sees the real one: pypiserver, which takes uploads and serves them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LocalIndex", "local_index"]


@dataclass(frozen=True)
class LocalIndex:
    """An index that runs.

    Attributes:
        url: Its address, which uploads go to.
        folder: Where it keeps what was uploaded.
    """

    url: str
    folder: Path

    @property
    def simple_url(self) -> str:
        """The address that installers ask."""
        return f"{self.url}simple/"

    @property
    def files(self) -> set[str]:
        """Names of the files that were uploaded."""
        return {path.name for path in self.folder.iterdir()}

    @property
    def environment(self) -> dict[str, str]:
        """What makes `uv publish`, `release wait` and pip use it; what it lacks pip gets from the usual place."""
        usual = subprocess.run(
            [sys.executable, "-I", "-m", "pip", "config", "get", "global.extra-index-url"],
            capture_output=True,
            encoding="utf-8",
            check=False,
        ).stdout.strip()
        return os.environ | {
            "UV_PUBLISH_URL": self.url,
            "UV_PUBLISH_USERNAME": "any",
            "UV_PUBLISH_PASSWORD": "any",
            "RELEASE_INDEX": self.simple_url,
            "PIP_EXTRA_INDEX_URL": f"{usual} {self.simple_url}".strip(),
        }


@contextmanager
def local_index(folder: Path) -> Iterator[LocalIndex]:
    """Run an index that keeps its files in a folder, and takes uploads from anybody."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("serve.py")), str(folder)]
    with (
        (folder.parent / "index.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, encoding="utf-8") as server,
    ):
        try:
            assert server.stdout is not None
            yield LocalIndex(server.stdout.readline().strip(), folder)
        finally:
            server.terminate()
