"""Collecting the code bundle of a checkpoint, without executing anything.

The author of the checkpoint may be hostile. References are parsed by a strict grammar, files are read through the
checkpoint, which refuses names that leave it, and source is only parsed.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from config_core.code import (
    MAX_CODE_BYTES,
    MAX_DATA_BYTES,
    MAX_SOURCE_BYTES,
    MAX_SOURCE_FILES,
    ClassReference,
    CodeBundle,
    data_files,
    needed_files,
)
from config_core.errors import CheckpointChangedError, ClassReferenceError, SourceCodeError
from hub_io.code._processing_code import names_beside
from hub_io.code._requirements import MAX_REQUIREMENTS_BYTES, REQUIREMENTS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config_core.checkpoint import Checkpoint

__all__ = [
    "Contents",
    "collect_bundle",
    "references_beside",
]

# The files that a load has read: the place of the code, then file name, to content; None for a missing file.
Contents = MutableMapping[tuple[Any, ...], dict[str, bytes | None]]

_MAX_LOOKUPS = 100_000  # for files of one place, whether they exist or not


def collect_bundle(
    checkpoint: Checkpoint, references: Mapping[str, ClassReference], *, wanted: ClassReference, contents: Contents
) -> CodeBundle:
    """Return the files that the classes of a checkpoint need together.

    All classes of a checkpoint form one bundle, whichever of them is loaded first. The files are in the checkpoint's
    subfolder or, if none of them is there, at its top. Data files that they name belong to the bundle, and so does a
    `requirements.txt` beside them.

    Args:
        checkpoint: The folder or repository that holds the files.
        references: Name of an Auto class to a class in these files.
        wanted: The requested class. Other classes are omitted if their file is missing.
        contents: The files that the load has read. Each file is read once in a load, so that all its decisions are
            about the same bytes, even if the files change meanwhile.

    Raises:
        SourceCodeError: A file is missing, too large, or not Python.
        CheckpointChangedError: A save replaced the files meanwhile.
    """
    if not any(_has_module(checkpoint, reference) for reference in references.values()):
        checkpoint = checkpoint.at_root()
    used = {
        name: reference
        for name, reference in references.items()
        if reference == wanted or _has_module(checkpoint, reference)
    }
    present = {reference.filename for reference in used.values() if checkpoint.has(reference.filename)}
    checkpoint.local_paths(sorted(present))  # downloaded in parallel
    modules = {reference.module for reference in used.values()}
    place = (checkpoint.name, checkpoint.commit, checkpoint.subfolder)
    read = _Reader(checkpoint, contents.setdefault(place, {}))
    files = needed_files(sorted(modules), read, where=str(checkpoint))
    files |= data_files(files, read.data, where=str(checkpoint))
    if (requirements := read.data(REQUIREMENTS_FILE, limit=MAX_REQUIREMENTS_BYTES)) is not None:
        files[REQUIREMENTS_FILE] = requirements
    if checkpoint.was_replaced():  # what was read may be files of two saves
        raise CheckpointChangedError(str(checkpoint))
    return CodeBundle(files, {name: str(reference) for name, reference in used.items()})


def references_beside(
    auto_map: Mapping[str, Any], auto_class: str, *, own: str | None
) -> tuple[str | None, dict[str, ClassReference]]:
    """Return where the class is that an `auto_map` names for an Auto class, it, and the other classes in that place.

    Args:
        auto_map: Name of an Auto class to a reference. Other references that are malformed, or for libraries with
            another grammar, are omitted.
        auto_class: The requested name.
        own: Name of the repository that holds the config, or None for a folder: a reference may name this repository.

    Returns:
        The other repository that has the code, or None if it is beside the config; and name of an Auto class to a
        reference in that place.

    Raises:
        ClassReferenceError: The requested reference is malformed.
    """
    place, wanted = _parse(auto_map[auto_class], own)
    found = {auto_class: wanted}
    for name in sorted(names_beside(auto_map, auto_class) - {auto_class}):
        try:
            other, reference = _parse(auto_map[name], own)
        except ClassReferenceError:
            continue
        if other == place:
            found[name] = reference
    return place, found


class _Reader:
    """Reads each file of a checkpoint once, so that the same bytes are parsed, hashed and run."""

    def __init__(self, checkpoint: Checkpoint, contents: dict[str, bytes | None]) -> None:
        self._checkpoint = checkpoint
        self._contents = contents
        self._errors: dict[str, SourceCodeError] = {}
        sources = [content for name, content in contents.items() if content is not None and name.endswith(".py")]
        self._code_files, self._code_bytes = len(sources), sum(map(len, sources))

    def __call__(self, name: str) -> bytes | None:
        """Return the content of a source file, or None if it does not exist."""
        if name in self._errors:
            raise self._errors[name]
        if name not in self._contents:
            try:
                self._contents[name] = self._read(name) if self._has(name) else None
            except SourceCodeError as error:
                self._errors[name] = error
                raise
        return self._contents[name]

    def data(self, name: str, *, limit: int = MAX_DATA_BYTES) -> bytes | None:
        """Return the content of a data file, or None if it does not exist or is larger than the limit."""
        if name not in self._contents:
            is_there = self._has(name)
            try:
                is_used = is_there and self._checkpoint.size_of(name) <= limit
                self._contents[name] = self._checkpoint.read_bytes(name, limit=limit) if is_used else None
            except ValueError as error:  # a link that leaves the checkpoint
                raise SourceCodeError(str(error), path=f"{self._checkpoint}/{name}") from error
        return self._contents[name]

    def _has(self, name: str) -> bool:
        if len(self._contents) >= _MAX_LOOKUPS:
            path = str(self._checkpoint)
            raise SourceCodeError(f"the code names more than {_MAX_LOOKUPS:,} modules and data files.", path=path)
        return self._checkpoint.has(name)

    def _read(self, name: str) -> bytes:
        path = f"{self._checkpoint}/{name}"
        self._check_code_size(path)  # collecting goes on after an error; it must not read without limit
        try:
            content = self._checkpoint.read_bytes(name, limit=MAX_SOURCE_BYTES)
        except ValueError as error:
            raise SourceCodeError(str(error), path=path) from error
        self._code_bytes += len(content)
        self._code_files += 1
        self._check_code_size(path)
        return content

    def _check_code_size(self, path: str) -> None:
        if self._code_files > MAX_SOURCE_FILES:
            raise SourceCodeError(f"the code has more than {MAX_SOURCE_FILES:,} source files.", path=path)
        if self._code_bytes > MAX_CODE_BYTES:
            raise SourceCodeError(f"the source files exceed {MAX_CODE_BYTES:,} bytes in total.", path=path)


def _parse(text: Any, own: str | None) -> tuple[str | None, ClassReference]:
    reference = ClassReference.parse(text)
    return None if reference.repo == own else reference.repo, replace(reference, repo=None)


def _has_module(checkpoint: Checkpoint, reference: ClassReference) -> bool:
    return checkpoint.has(reference.filename) or checkpoint.has(f"{reference.module}/__init__.py")
