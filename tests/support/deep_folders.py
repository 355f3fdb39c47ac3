"""Trees of folders that are deeper than Python may call functions."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["deep_folders"]


@contextmanager
def deep_folders(top: Path, *, depth: int = 1200) -> Iterator[None]:
    """Create folders in a folder, one in the other, and remove them at the end; pytest could not.

    Args:
        top: Where they are created.
        depth: Their number.
    """
    descriptors = [os.open(top, os.O_RDONLY)]
    _allow_open_files(depth + 200)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=descriptors[-1])
            descriptors.append(os.open("d", os.O_RDONLY, dir_fd=descriptors[-1]))
        yield
    finally:
        for descriptor in reversed(descriptors):
            try:
                os.rmdir("d", dir_fd=descriptor)
            except FileNotFoundError:
                pass  # the deepest one has none, or the program has removed it
            finally:
                os.close(descriptor)


def _allow_open_files(number: int) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))
