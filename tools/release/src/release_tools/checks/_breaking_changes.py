"""Whether what a package offers was broken since its last release.

griffe compares signatures and members. Compared here as well: names that a face no longer lists, bases that are lost,
what Protocols, abstract classes and named tuples newly ask of others, and extras, commands and entry points that are
gone. Types, values and behaviour are not compared; a Python that is no longer supported breaks nothing, because
installers take an older release there.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import griffe

from release_tools.changes import next_breaking_version
from release_tools.checks._api_record import public_names
from release_tools.checks._failures import Failure, place
from release_tools.releases import last_release, released_package, tag_of
from release_tools.workspace import Workspace, WorkspacePackage

__all__ = ["Break", "breaking_changes", "unannounced_breaks"]


class Break(NamedTuple):
    """One public thing that is no longer what it was.

    Attributes:
        name: Its public name, with that of a member: `config_core.PretrainedConfig.update`.
        what: What happened to it.
        path: File where it is, or was.
        line: Line there.
    """

    name: str
    what: str
    path: Path
    line: int


def unannounced_breaks(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find what was broken since the last release under a version that may not break it."""
    last = last_release(workspace, package)
    if last is None or package.version >= next_breaking_version(last):
        return
    released = released_package(workspace, package, last)
    for found in breaking_changes(released, package):
        is_gone = found.path.is_relative_to(released.folder)
        path = package.folder / found.path.relative_to(released.folder) if is_gone else found.path
        yield Failure(
            package.name,
            "api-break",
            place(workspace, path, found.line) + (f" in {tag_of(package, last)}" if is_gone else ""),
            f"{found.name}: {found.what}, and {package.version} may not break {last}.",
            f"Keep what {last} offers, or make this {next_breaking_version(last)}.",
        )


def breaking_changes(old: WorkspacePackage, new: WorkspacePackage) -> list[Break]:
    """Return what programs could do with an old version of a package and cannot do with a new one."""
    found: list[Break] = []
    old_objects, new_objects = _public_objects(old), _public_objects(new)
    for name, thing in old_objects.items():
        if name not in new_objects:
            found.append(_break(name, "no longer offered", thing))
        elif not (thing.is_module or new_objects[name].is_module):
            found.extend(_changes(name, thing, new_objects[name]))
    # What changed once may be offered by several faces: the shortest name will do.
    found.sort(key=lambda broken: len(broken.name), reverse=True)
    pyproject = new.folder / "pyproject.toml"
    gone = [Break(name, "no longer offered", pyproject, 1) for name in _metadata(old) - _metadata(new)]
    return sorted([*{broken[1:]: broken for broken in found}.values(), *gone])


def _metadata(package: WorkspacePackage) -> set[str]:
    """Return what programs and other packages find in the metadata."""
    commands = {f"command {name}" for name in package.project.get("scripts", {})}
    groups = package.project.get("entry-points", {})
    entry_points = {f"entry point {group}: {name}" for group, names in groups.items() for name in names}
    return commands | entry_points | {f"extra {name}" for name in package.extras}


def _public_objects(package: WorkspacePackage) -> dict[str, griffe.Object]:
    """Return what the faces list. The face itself stands for what another package or a `__getattr__` provides."""
    sources, listed = [package.folder / "src"], public_names(package)
    tree = griffe.load(package.import_name, search_paths=sources, allow_inspection=False, resolve_aliases=True)
    found: dict[str, griffe.Object] = {}
    for module, names in listed.items():
        face = tree.modules_collection[module]
        for name in names:
            try:
                member = face.members.get(name, face)
                found[f"{module}.{name}"] = member.final_target if isinstance(member, griffe.Alias) else member
            except griffe.AliasResolutionError:
                found[f"{module}.{name}"] = face
    return found


def _changes(name: str, old: griffe.Object, new: griffe.Object) -> Iterator[Break]:
    """Find how a public object was broken, its members included."""
    for breakage in griffe.find_breaking_changes(_alone(old), _alone(new)):
        if not isinstance(breakage, griffe.ClassRemovedBaseBreakage):
            is_member = breakage.obj.parent is not None and breakage.obj.parent.is_class
            path = f"{name}.{breakage.obj.name}" if is_member else name
            yield _break(path, _words(breakage), breakage.obj)
    if isinstance(old, griffe.Class) and isinstance(new, griffe.Class):
        for base in sorted(_bases(old) - _bases(new)):
            yield _break(name, f"lost the base {base}", new)
        for member in sorted(_new_duties(old, new)):
            yield _break(f"{name}.{member}", "now asked of everybody who implements or makes one", new)


def _alone(thing: griffe.Object) -> griffe.Module:
    """Return a module that offers one object and nothing else, because griffe compares what modules offer."""
    module = griffe.Module("alone")
    module.exports = ["thing"]
    module.set_member("thing", griffe.Alias("thing", thing))
    return module


def _break(name: str, what: str, thing: griffe.Object | griffe.Alias) -> Break:
    path = cast("Path", thing.filepath)  # a list of them for namespace packages, which none of ours is
    return Break(name, what, path.resolve(), thing.lineno or 1)


def _words(breakage: griffe.Breakage) -> str:
    """Return what happened: `parameter default was changed: exact: None -> True`."""
    old, new = breakage.old_value, breakage.new_value
    words = breakage.kind.value.lower()
    parameter = next((value for value in (old, new) if isinstance(value, griffe.Parameter)), None)
    if parameter:
        words += f": {parameter.name}"
    if isinstance(breakage, griffe.ParameterChangedDefaultBreakage):
        words += f": {old.default} -> {new.default}"
    return words


def _bases(thing: griffe.Class) -> set[str]:
    """Return the classes that `except` and `isinstance` know a class by, private ones of its own package left out."""
    found: set[str] = set()
    for expression in thing.bases:
        path = expression if isinstance(expression, str) else expression.canonical_path
        try:
            base = thing.modules_collection.get_member(path)
            base = base.final_target if base.is_alias else base
        except (KeyError, griffe.AliasResolutionError):
            known = getattr(builtins, path, None)
            found.update((base.__name__ for base in known.__mro__) if isinstance(known, type) else (path,))
        else:
            found |= _bases(base) | (set() if base.name.startswith("_") else {base.name})
    return found


def _new_duties(old: griffe.Class, new: griffe.Class) -> set[str]:
    """Return the members that implementations or constructor calls of an old version lack."""
    bases = _bases(new)
    found = (
        {breakage.obj.name for breakage in griffe.find_breaking_changes(new, old)}
        if "typing.Protocol" in bases
        else set()
    )
    for name, member in new.all_members.items():
        before = old.all_members.get(name)
        if "abstractmethod" in member.labels and "abstractmethod" not in (before.labels if before else ()):
            found.add(name)
        if "typing.NamedTuple" in bases and _is_required_field(member) and not (before and _is_required_field(before)):
            found.add(name)
    return found


def _is_required_field(member: griffe.Object | griffe.Alias) -> bool:
    return member.is_attribute and "property" not in member.labels and getattr(member, "value", None) is None
