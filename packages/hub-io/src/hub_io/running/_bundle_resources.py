"""Data files of a bundle, for `importlib.resources`: from the hashed bytes, like the code."""

from __future__ import annotations

import io
from importlib.resources.abc import Traversable, TraversableResources
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BundlePath", "BundleResources"]


class BundlePath(Traversable):
    """A file or folder of a bundle, in memory. `importlib.resources.as_file` writes it to disk."""

    def __init__(self, files: Mapping[str, bytes], path: str, *, package: str) -> None:
        """Create a path.

        Args:
            files: The files of the bundle.
            path: Name relative to the bundle, `""` for its top.
            package: Name of the package, which the top folder has.
        """
        self._files = files
        self._path = path
        self._package = package

    @property
    def name(self) -> str:
        """The last part of the name."""
        return (self._path or self._package).rpartition("/")[2]

    def iterdir(self) -> Iterator[BundlePath]:
        """Yield the contents of the folder."""
        if not self.is_dir():
            raise NotADirectoryError(str(self))
        start = f"{self._path}/" if self._path else ""
        names = {name.removeprefix(start).partition("/")[0] for name in self._files if name.startswith(start)}
        return iter([self._at(start + name) for name in sorted(names)])

    def is_dir(self) -> bool:
        """Return whether it is a folder with contents."""
        return not self._path or any(name.startswith(f"{self._path}/") for name in self._files)

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return self._path in self._files

    def joinpath(self, *descendants: str | PathLike[str]) -> BundlePath:
        """Return a path below this one. A path that leaves the bundle does not exist."""
        return self._at(
            "/".join(filter(None, [self._path, *(fspath(name).replace("\\", "/") for name in descendants)]))
        )

    def __truediv__(self, child: str | PathLike[str]) -> BundlePath:
        return self.joinpath(child)

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Open the file for reading.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: `mode` is neither `r` nor `rb`.
        """
        if mode not in {"r", "rb"}:
            raise ValueError(f"{self} can only be read, with mode 'r' or 'rb', got {mode!r}.")
        if not self.is_file():
            raise IsADirectoryError(str(self)) if self.is_dir() else FileNotFoundError(str(self))
        stream = io.BytesIO(self._files[self._path])
        return stream if mode == "rb" else io.TextIOWrapper(stream, *args, **kwargs)

    def read_bytes(self) -> bytes:
        """Return the content."""
        with self.open("rb") as file:
            content: bytes = file.read()
        return content

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the content as text, by default UTF-8."""
        with self.open("r", encoding=encoding or "utf-8", errors=errors) as file:
            text: str = file.read()
        return text

    def __str__(self) -> str:
        return f"<{self._package}>/{self._path}"

    def __repr__(self) -> str:
        return f"<BundlePath {self._path!r} of {self._package}>"

    def _at(self, path: str) -> BundlePath:
        return BundlePath(self._files, path, package=self._package)


class BundleResources(TraversableResources):
    """The resources of a package, for `importlib.resources`."""

    def __init__(self, top: BundlePath) -> None:
        self._top = top

    def files(self) -> BundlePath:
        """Return the folder of the package."""
        return self._top
