"""Data files of a bundle, for `importlib.resources`: from the hashed bytes, like the code."""

from __future__ import annotations

import io
import zipfile
from importlib.resources.abc import Traversable, TraversableResources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub_io.running._remote_packages import RemotePackage

__all__ = ["BundleResources"]


class BundleResources(TraversableResources):
    """The files of a bundle as an archive in memory, whose paths Python provides. None of them leaves the bundle."""

    def __init__(self, package: RemotePackage, module: str) -> None:
        self._package = package
        self._place = package.place(module)

    def files(self) -> Traversable:
        """Return the folder of the module."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in self._package.bundle.files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return zipfile.Path(zipfile.ZipFile(buffer), f"{self._place}/" if self._place else "")
