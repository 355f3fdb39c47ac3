"""The content of a code bundle, as a value. The code is parsed, and never executed or imported."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config_core.code import (
    ClassReference,
    is_base_file,
    parse_source,
    resolve_sibling_imports,
    source_imports,
)
from config_core.errors import SourceCodeError
from hub_io.code import TransformersName, imported_modules, listed_requirements, transformers_names
from hub_io.command._remarks import Remark, remarks_on
from hub_io.command._screen import split_lines

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping

    from config_core.code import CodeBundle

__all__ = ["ImportedModule", "InspectedFile", "Inspection", "inspect_bundle", "remarks_on_files"]


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """A file of a bundle.

    Attributes:
        name: Name relative to the bundle.
        sha256: SHA-256 of the content (hexadecimal).
        num_bytes: Size.
        num_lines: Number of lines as Python counts them, or None for a file that is not UTF-8 text.
        runs: Whether it is Python source that may be executed, and not data.
        is_base_file: Whether it is, byte for byte, the file of base classes that these packages write into portable
            code.
    """

    name: str
    sha256: str
    num_bytes: int
    num_lines: int | None
    runs: bool
    is_base_file: bool


@dataclass(frozen=True, slots=True)
class ImportedModule:
    """A top-level module outside the bundle that the code imports.

    Attributes:
        name: Name of the module.
        files: The files that import it, sorted.
        certain: Whether importing the classes always imports it: not only in a function, under a condition or in a
            `try`.
    """

    name: str
    files: tuple[str, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the files of a bundle contain.

    Attributes:
        files: The files, by name.
        imports: Modules that the files import, including the standard library, by name.
        transformers: Uses of names of transformers, served and others, by file and line.
        requirements: PEP 508 requirement in `requirements.txt` to why this environment does not meet it; None if it
            does.
        remarks: Lines that deserve a look, by file and line.
    """

    files: tuple[InspectedFile, ...]
    imports: tuple[ImportedModule, ...]
    transformers: tuple[TransformersName, ...]
    requirements: Mapping[str, str | None]
    remarks: tuple[Remark, ...]


def inspect_bundle(bundle: CodeBundle) -> Inspection:
    """Inspect a bundle.

    Raises:
        SourceCodeError: A source file is not Python.
    """
    texts, trees = _parse(bundle.files)
    digests = bundle.file_digests()
    return Inspection(
        files=tuple(
            InspectedFile(
                name=name,
                sha256=digests[name],
                num_bytes=len(content),
                num_lines=None if (text := texts[name]) is None else len(split_lines(text)),
                runs=name in trees,
                is_base_file=is_base_file(content),
            )
            for name, content in bundle.files.items()
        ),
        imports=tuple(_imports(bundle, trees)),
        transformers=tuple(transformers_names(bundle, trees)),
        requirements={listed.text: listed.problem() for listed in listed_requirements(bundle)},
        remarks=remarks_on_files(bundle.files),
    )


def remarks_on_files(files: Mapping[str, bytes]) -> tuple[Remark, ...]:
    """Return the lines that deserve a look, by file and line. The known file of base classes has none.

    Args:
        files: Name to content.
    """
    texts, trees = _parse(files)
    new = {name: tree for name, tree in trees.items() if not is_base_file(files[name])}
    return tuple(remark for name, tree in new.items() for remark in remarks_on(name, texts[name] or "", tree))


def _parse(files: Mapping[str, bytes]) -> tuple[dict[str, str | None], dict[str, ast.Module]]:
    """Return each file as text, or None, and the parsed Python files. A `.py` file that is not Python is data."""
    texts: dict[str, str | None] = dict.fromkeys(files)
    trees: dict[str, ast.Module] = {}
    for name, content in files.items():
        with suppress(UnicodeDecodeError):
            texts[name] = content.decode("utf-8-sig")
        with suppress(SourceCodeError):
            if name.endswith(".py"):
                trees[name] = resolve_sibling_imports(parse_source(content, path=name), name, files.get)
    return texts, trees


def _imports(bundle: CodeBundle, sources: Iterable[str]) -> Iterator[ImportedModule]:
    files_by_module: dict[str, set[str]] = {}
    for file in sources:
        for found in source_imports(file, bundle.files[file], bundle.files.get, path=file):
            if not found.level:
                files_by_module.setdefault(found.module.partition(".")[0], set()).add(file)
    modules = sorted({ClassReference.parse(reference).module for reference in bundle.auto_map.values()})
    certain = imported_modules(bundle, modules)
    for name, files in sorted(files_by_module.items()):
        yield ImportedModule(name, tuple(sorted(files)), certain=name in certain)
