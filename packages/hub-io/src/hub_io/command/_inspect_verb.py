"""`hub-io inspect`: the code that would run, and whether it is trusted. It is parsed and never executed or imported."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

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
from hub_io.command._reports import Report, reporting, wants_json
from hub_io.command._screen import bad, counted, dim, good, heading, printable, split_lines
from hub_io.command._sources import Asked, find_shipped_code, of_source
from hub_io.distributions import describe_provider
from hub_io.trust import Trusted, decide

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from config_core.code import CodeBundle
    from hub_io.code import RemoteCode
    from hub_io.command._sources import ShippedCode

__all__ = ["inspect", "remark_lines", "remarks_on_files", "shipped_code_lines", "shipped_code_values"]

_NO_VERDICT = (
    "This list helps you to read the code and is not a verdict: code can do harm without any line listed here. Nothing "
    "was run. Once trusted, the code runs with your rights."
)


@dataclass(frozen=True, slots=True)
class _InspectedFile:
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
class _ImportedModule:
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
class _Inspection:
    """What the files of a bundle contain.

    Attributes:
        files: The files, by name.
        imports: Modules that the files import, including the standard library, by name.
        transformers: Uses of names of transformers, served and others, by file and line.
        requirements: PEP 508 requirement in `requirements.txt` to why this environment does not meet it; None if it
            does.
        remarks: Lines that deserve a look, by file and line.
    """

    files: tuple[_InspectedFile, ...]
    imports: tuple[_ImportedModule, ...]
    transformers: tuple[TransformersName, ...]
    requirements: Mapping[str, str | None]
    remarks: tuple[Remark, ...]


@click.command()
@of_source
@click.option("--source-code", is_flag=True, help="Print the files too, with unprintable characters escaped.")
@reporting
def inspect(*, source_code: bool, **asked: Any) -> Report:
    """Show the code that SOURCE ships and that a load would run.

    SOURCE is a folder or a repository `owner/name`. This lists the files with their digests, the classes, the imports,
    the contents of requirements.txt, and lines that deserve a look, such as subprocess, sockets, eval, ctypes or
    pickle. The list helps you to read the code and is not a verdict. Nothing is executed or imported.

    \b
    Examples:
      hub-io inspect owner/name
      hub-io inspect owner/name --revision v1.2 --source-code | less
      hub-io inspect ./checkpoint --json
    """  # noqa: D301 - `\b` tells click not to wrap a paragraph
    shipped = find_shipped_code(Asked(**asked))
    values = shipped_code_values(shipped, with_source=source_code) if wants_json() else {}
    return Report(values, [] if values else shipped_code_lines(shipped, with_source=source_code))


def shipped_code_values(shipped: ShippedCode, *, with_source: bool) -> dict[str, Any]:
    """Return all code of a checkpoint as JSON values."""
    return {
        "source": shipped.checkpoint.name,
        "commit": shipped.checkpoint.commit,
        "subfolder": shipped.checkpoint.subfolder,
        "code": [_code_values(code, with_source=with_source) for code in shipped.codes],
        "loaded_by_other_libraries": dict(shipped.others),
        "remark": _NO_VERDICT,
    }


def shipped_code_lines(shipped: ShippedCode, *, with_source: bool) -> list[str]:
    """Return all code of a checkpoint as text."""
    lines: list[str] = []
    for code in shipped.codes:
        lines += [*_code_lines(code), ""]
        if with_source:
            lines += _source_lines(code.bundle)
    if not shipped.codes:
        lines += [f"{printable(str(shipped.checkpoint))} ships no code that these packages would run.", ""]
    if shipped.others:
        lines.append(heading("Not loaded by these packages, but perhaps by other libraries"))
        lines += [f"  {printable(str(name))}  {printable(str(value))}" for name, value in shipped.others.items()]
        lines.append("")
    return [*lines, dim(_NO_VERDICT)] if shipped.codes else lines[:-1]


def _inspect_bundle(bundle: CodeBundle) -> _Inspection:
    """Inspect a bundle.

    Raises:
        SourceCodeError: A source file is not Python.
    """
    texts, trees = _parse(bundle.files)
    digests = bundle.file_digests()
    return _Inspection(
        files=tuple(
            _InspectedFile(
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


def _imports(bundle: CodeBundle, sources: Iterable[str]) -> Iterator[_ImportedModule]:
    files_by_module: dict[str, set[str]] = {}
    for file in sources:
        for found in source_imports(file, bundle.files[file], bundle.files.get, path=file):
            if not found.level:
                files_by_module.setdefault(found.module.partition(".")[0], set()).add(file)
    modules = sorted({ClassReference.parse(reference).module for reference in bundle.auto_map.values()})
    certain = imported_modules(bundle, modules)
    for name, files in sorted(files_by_module.items()):
        yield _ImportedModule(name, tuple(sorted(files)), certain=name in certain)


def _code_values(code: RemoteCode, *, with_source: bool) -> dict[str, Any]:
    inspection, decision = _inspect_bundle(code.bundle), decide(code)
    trusted = isinstance(decision, Trusted)
    files = [asdict(file) for file in inspection.files]
    if with_source:
        for file in files:
            content = code.bundle.files[file["name"]]
            file["text"] = None if file["num_lines"] is None else content.decode("utf-8")
    return {
        "source": code.source,
        "commit": code.commit,
        "digest": code.bundle.digest,
        "trusted": trusted,
        "because": decision.by if isinstance(decision, Trusted) else decision.reason,
        "files": files,
        "classes": dict(code.bundle.auto_map),
        "imports": [{**asdict(module), "from": describe_provider(module.name)} for module in inspection.imports],
        "transformers": [use._asdict() for use in inspection.transformers],
        "requirements": dict(inspection.requirements),
        "remarks": [asdict(remark) for remark in inspection.remarks],
    }


def _code_lines(code: RemoteCode) -> Iterator[str]:
    inspection, decision = _inspect_bundle(code.bundle), decide(code)
    yield heading(code.source)
    if code.commit:
        yield f"  commit  {code.commit}"
    yield f"  digest  {code.bundle.digest}"
    if isinstance(decision, Trusted):
        yield f"  {good('trusted')} by {printable(decision.by)}"
    else:
        yield f"  {bad('not trusted')}: {printable(decision.reason)}"
        for path, why in decision.ignored.items():
            yield f"  {printable(str(path))} is not used: it {printable(why)}"
    yield ""
    yield heading("Files that would be used")
    yield from _file_lines(inspection)
    yield from ("", heading("Classes that auto classes would load"))
    width = max(map(len, code.bundle.auto_map), default=0)
    for name, reference in code.bundle.auto_map.items():
        yield f"  {printable(name):{width}}  {printable(reference)}"
    yield from _import_lines(inspection.imports)
    yield from _transformers_lines(inspection.transformers)
    if inspection.requirements:
        yield from ("", heading("Requirements that requirements.txt lists"))
        for requirement, problem in inspection.requirements.items():
            yield f"  {printable(requirement)}{f'  {bad(problem)}' if problem else ''}"
    yield from remark_lines("Worth a look", inspection.remarks)


def _file_lines(inspection: _Inspection) -> Iterator[str]:
    for file in inspection.files:
        lines = "binary" if file.num_lines is None else counted(file.num_lines, "line")
        known = ", the base classes of portable code, unchanged" if file.is_base_file else ""
        kind = known if file.runs else ", data"
        about = dim(f"({counted(file.num_bytes, 'byte')}, {lines}{kind})")
        yield f"  sha256:{file.sha256}  {printable(file.name)}  {about}"


def _import_lines(imports: tuple[_ImportedModule, ...]) -> Iterator[str]:
    yield from ("", heading("Imports"))
    standard = [module.name for module in imports if module.name in sys.stdlib_module_names]
    for module in imports:
        if module.name not in standard:
            provider = describe_provider(module.name)
            where = printable(provider) if provider else bad("not installed")
            yield f"  {printable(module.name)}  {where}{'' if module.certain else dim(', not in every case')}"
    if standard:
        yield f"  {dim('standard library:')} {printable(', '.join(standard))}"
    if not imports:
        yield "  none"


def _transformers_lines(uses: tuple[TransformersName, ...]) -> Iterator[str]:
    if not uses:
        return
    yield from ("", heading("Names of transformers"))
    served = sorted({use.name for use in uses if use.served})
    if served:
        yield f"  served, whether it is installed or not: {printable(', '.join(served))}"
    for use in uses:
        if not use.served:
            effect = "the code does not run here" if use.is_certain else "fails if it is reached"
            yield f"  {printable(use.file)}:{use.line}  {bad('not served')}: {printable(use.name)} {dim(f'({effect})')}"


def remark_lines(title: str, remarks: Sequence[Remark]) -> Iterator[str]:
    """Yield a section with lines of source code that deserve a look."""
    yield from ("", heading(title))
    for remark in remarks:
        when = "on import" if remark.at_import else "when called"
        place = f"{printable(remark.file)}:{remark.line}"
        yield f"  {place}  {bad(remark.kind)}: {printable(remark.what)} {dim(f'({when})')}"
    if not remarks:
        yield "  none found: no processes, sockets, eval, ctypes, pickle, written files or similar"


def _source_lines(bundle: CodeBundle) -> Iterator[str]:
    for name, content in bundle.files.items():
        yield heading(f"── {name}")
        try:
            lines = split_lines(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            yield f"  {len(content):,} bytes of binary data"
            continue
        width = len(str(len(lines)))
        yield from (f"{dim(f'{number:{width}} │')} {printable(line)}" for number, line in enumerate(lines, start=1))
        yield ""
