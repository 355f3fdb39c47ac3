"""The files of a checkpoint that its own classes need, collected without executing anything.

Whoever wrote the checkpoint may be hostile. References are parsed by a strict grammar, files are read through the
checkpoint, which refuses names that leave it, and what is parsed is only parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from auto_registry.remote_code import loadable_names
from config_core.code import MAX_DATA_BYTES, ClassReference, CodeBundle, declared_files, needed_files
from config_core.errors import ClassReferenceError, SourceCodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config_core.checkpoint import Checkpoint

__all__ = [
    "MAX_CODE_BYTES",
    "MAX_SOURCE_BYTES",
    "MAX_SOURCE_FILES",
    "collect_bundle",
    "references_beside",
]

# To parse Python takes up to five hundred times its size in memory.
MAX_SOURCE_BYTES = 1024 * 1024  # of one file
MAX_CODE_BYTES = 4 * 1024 * 1024  # of all source files together
MAX_SOURCE_FILES = 1000  # each is asked for on its own, and may be empty


def collect_bundle(
    checkpoint: Checkpoint, references: Mapping[str, ClassReference], *, wanted: ClassReference
) -> CodeBundle:
    """Return the files that the classes of a checkpoint need together.

    Classes of one checkpoint belong to one bundle, whichever of them is asked for first. The files lie in the
    checkpoint's subfolder or, if it has none of them, at its top. A manifest beside them, and the data that it
    declares, belong to the bundle. Each file is read once for an opened checkpoint: what is decided on later in the
    same load is what was decided on before, even if the files change meanwhile.

    Args:
        checkpoint: The folder or repository that holds the files.
        references: Name of an auto class to a class in these files.
        wanted: The one that is asked for. Of the others, those whose file is missing are left out.

    Raises:
        SourceCodeError: A file is missing, too large, or no Python.
    """
    opened = checkpoint
    if not any(_has_module(checkpoint, reference) for reference in references.values()):
        checkpoint = checkpoint.at_root()
    used = {
        name: reference
        for name, reference in references.items()
        if reference == wanted or _has_module(checkpoint, reference)
    }
    present = {reference.filename for reference in used.values() if checkpoint.has(reference.filename)}
    checkpoint.local_paths(sorted(present))  # side by side, before they are read one by one
    modules = {reference.module for reference in used.values()}
    read = _Reader(checkpoint, _contents_of(opened, checkpoint.subfolder))
    files = needed_files(sorted(modules), read, where=str(checkpoint))
    files = {**declared_files(read, checkpoint.filenames, where=str(checkpoint)), **files}
    return CodeBundle(files, {name: str(reference) for name, reference in used.items()})


def references_beside(auto_map: Mapping[str, Any], auto_class: str, *, own: str | None) -> dict[str, ClassReference]:
    """Return the classes that lie in the same place as the one an `auto_map` names for an auto class, itself included.

    Args:
        auto_map: Name of an auto class to a reference. References other than the one asked for may be malformed, or
            for libraries with a grammar of their own; those are left out.
        auto_class: The name that is asked for.
        own: Name of the repository that holds the config, or None for a folder: a reference may name its own home.

    Returns:
        Name of an auto class to a reference whose `repo` is None for the config's own home.

    Raises:
        ClassReferenceError: The reference that is asked for is malformed.
    """
    wanted = _parse(auto_map[auto_class], own)
    found = {auto_class: wanted}
    for name in sorted(loadable_names(auto_map) - {auto_class}):
        try:
            reference = _parse(auto_map[name], own)
        except ClassReferenceError:
            continue
        if reference.repo == wanted.repo:
            found[name] = reference
    return found


# What was read of a checkpoint, by subfolder and name. It holds no reader and no error: they would hold the checkpoint.
_read_before: WeakKeyDictionary[Checkpoint, dict[str, dict[str, bytes | None]]] = WeakKeyDictionary()


def _contents_of(checkpoint: Checkpoint, subfolder: str) -> dict[str, bytes | None]:
    return _read_before.setdefault(checkpoint, {}).setdefault(subfolder, {})


class _Reader:
    """Reads each file of a checkpoint once, so that what was parsed is what is hashed and run."""

    def __init__(self, checkpoint: Checkpoint, contents: dict[str, bytes | None]) -> None:
        self._checkpoint = checkpoint
        self._contents = contents
        self._errors: dict[str, SourceCodeError] = {}
        sources = [content for name, content in contents.items() if content is not None and name.endswith(".py")]
        self._code_files, self._code_bytes = len(sources), sum(map(len, sources))

    def __call__(self, name: str) -> bytes | None:
        if name in self._errors:
            raise self._errors[name]
        if name not in self._contents:
            try:
                content = self._read(name) if self._checkpoint.has(name) else None
            except SourceCodeError as error:
                self._errors[name] = error
                raise
            return self._contents.setdefault(name, content)
        return self._contents[name]

    def _read(self, name: str) -> bytes:
        is_source = name.endswith(".py")
        path = f"{self._checkpoint}/{name}"
        if is_source:
            self._check_code_size(path)  # a listing goes on after an error, and is not to read on and on
        try:
            content = self._checkpoint.read_bytes(name, limit=MAX_SOURCE_BYTES if is_source else MAX_DATA_BYTES)
        except ValueError as error:
            raise SourceCodeError(str(error), path=path) from error
        if is_source:
            self._code_bytes += len(content)
            self._code_files += 1
            self._check_code_size(path)
        return content

    def _check_code_size(self, path: str) -> None:
        if self._code_files > MAX_SOURCE_FILES:
            raise SourceCodeError(f"with it there are more than {MAX_SOURCE_FILES:,} source files.", path=path)
        if self._code_bytes > MAX_CODE_BYTES:
            raise SourceCodeError(
                f"with it the source files are larger than {MAX_CODE_BYTES:,} bytes together.", path=path
            )


def _parse(text: Any, own: str | None) -> ClassReference:
    reference = ClassReference.parse(text)
    if reference.repo is None or reference.repo != own:
        return reference
    return ClassReference(module=reference.module, class_name=reference.class_name)


def _has_module(checkpoint: Checkpoint, reference: ClassReference) -> bool:
    return checkpoint.has(reference.filename) or checkpoint.has(f"{reference.module}/__init__.py")
