"""What a package offers: its record, and what has changed in it since the last release.

A face is a module without an underscore in its dotted name; its names are those in its `__all__`. The record,
`packages/<name>/api.json`, has every public name and the version that it came with.

griffe compares signatures and members. Compared here as well: names that a face no longer lists, bases that are lost,
what Protocols, abstract classes and named tuples newly ask of others, and extras, commands and entry points that are
gone. Types, values and behaviour are not compared; a Python that is no longer supported breaks nothing, because
installers take an older release there.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import griffe
from packaging.version import Version

from release_tools.changes import next_version
from release_tools.failures import Failure, place
from release_tools.releases import last_release, released_package, tag_of
from release_tools.workspace import Workspace, WorkspacePackage, public_names_of

__all__ = [
    "ApiChange",
    "ApiRecord",
    "api_changes",
    "recorded_api",
    "unannounced_changes",
    "write_records",
    "wrong_record",
]

ApiRecord = dict[str, dict[str, str]]
"""Face to name to the version that first had it."""


class ApiChange(NamedTuple):
    """One public thing that is not what it was.

    Attributes:
        kind: `breaking`, or `feature` for what is new.
        name: Its public name, with that of a member: `config_core.PretrainedConfig.update`.
        what: What happened to it.
        path: File where it is, or was.
        line: Line there.
    """

    kind: str
    name: str
    what: str
    path: Path
    line: int

    def __str__(self) -> str:
        """Return the change in words."""
        return f"{self.name}: {self.what}" if self.kind == "breaking" else f"{self.name} is {self.what}"


def recorded_api(package: WorkspacePackage) -> ApiRecord:
    """Return the record as the file has it; an empty one if it cannot be read."""
    try:
        faces = json.loads((package.folder / "api.json").read_text(encoding="utf-8"))
        return {face: {name: str(Version(since)) for name, since in names.items()} for face, names in faces.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def write_records(workspace: Workspace) -> None:
    """Write the record of every package."""
    for package in workspace.packages.values():
        text = json.dumps(_right_record(workspace, package), indent=2) + "\n"
        (package.folder / "api.json").write_text(text, encoding="utf-8")


def wrong_record(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find a record that is not what the sources say."""
    right, recorded = _right_record(workspace, package), recorded_api(package)
    if right != recorded:
        changed = sorted(_dotted(right) ^ _dotted(recorded))
        if more := changed[10:]:
            changed[10:] = [f"and {len(more)} more"]
        yield Failure(
            package.name,
            "api-record",
            place(workspace, package.folder / "api.json"),
            f"the record is not what the sources say; look at {', '.join(changed) or 'the versions'}.",
            "Run `release record`.",
        )


def _right_record(workspace: Workspace, package: WorkspacePackage) -> ApiRecord:
    """Return the record of the sources: what is new since the last release comes with the version that they have."""
    last = last_release(workspace, package)
    if last is None:
        return _record(package, {}, package.version)
    released = released_package(workspace, package, last)
    # It may have more names than its own record.
    return _record(package, _record(released, recorded_api(released), last), package.version)


def _record(package: WorkspacePackage, known: ApiRecord, since: Version) -> ApiRecord:
    return {
        face: {name: known.get(face, {}).get(name, str(since)) for name in sorted(names)}
        for face, names in _public_names(package).items()
    }


def _public_names(package: WorkspacePackage) -> dict[str, set[str]]:
    """Return the names that each face of a package lists."""
    modules = (found for found in package.modules() if not any(part.startswith("_") for part in found[0].split(".")))
    names = {module: public_names_of(path) for module, path in modules}
    return {module: found for module, found in names.items() if found}


def _dotted(api: ApiRecord) -> set[str]:
    return {f"{face}.{name}" for face, names in api.items() for name in names}


def unannounced_changes(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find what was broken or is new since the last release, under a version that does not say so."""
    last = last_release(workspace, package)
    if last is None or package.version >= next_version(last, "breaking"):
        return
    released = released_package(workspace, package, last)
    for change in api_changes(released, package):
        needed = next_version(last, change.kind)
        if package.version >= needed:
            continue
        is_gone = change.path.is_relative_to(released.folder)
        path = package.folder / change.path.relative_to(released.folder) if is_gone else change.path
        where = place(workspace, path, change.line) + (f" in {tag_of(package, last)}" if is_gone else "")
        if change.kind == "breaking":
            what = f"{change}, and {package.version} may not break {last}."
            todo = f"Keep what {last} offers, or make this {needed}."
            yield Failure(package.name, "api-break", where, what, todo)
        else:
            what = f"{change}, and {package.distribution} {last} is released without it."
            todo = f"Run `uv version --package {package.distribution} {needed}`, then `release record`."
            yield Failure(package.name, "new-name", where, what, todo)


def api_changes(old: WorkspacePackage, new: WorkspacePackage) -> list[ApiChange]:
    """Return what programs could do with an old version of a package and cannot do with a new one, and new names."""
    found: list[ApiChange] = []
    old_objects, new_objects = _public_objects(old), _public_objects(new)
    for name, thing in old_objects.items():
        if name not in new_objects:
            found.append(_break(name, "no longer offered", thing))
        elif not (thing.is_module or new_objects[name].is_module):
            found.extend(_breaks(name, thing, new_objects[name]))
    # What changed once may be offered by several faces: the shortest name will do.
    found.sort(key=lambda broken: len(broken.name), reverse=True)
    breaks = {broken[2:]: broken for broken in found}.values()
    pyproject, faces = new.folder / "pyproject.toml", dict(new.modules())
    gone = [ApiChange("breaking", name, "no longer offered", pyproject, 1) for name in _metadata(old) - _metadata(new)]
    fresh = [
        ApiChange("feature", name, "new", faces[name.rpartition(".")[0]], 0)
        for name in new_objects.keys() - old_objects.keys()
    ]
    return sorted([*breaks, *gone, *fresh])


def _metadata(package: WorkspacePackage) -> set[str]:
    """Return what programs and other packages find in the metadata."""
    commands = {f"command {name}" for name in package.project.get("scripts", {})}
    groups = package.project.get("entry-points", {})
    entry_points = {f"entry point {group}: {name}" for group, names in groups.items() for name in names}
    return commands | entry_points | {f"extra {name}" for name in package.extras}


def _public_objects(package: WorkspacePackage) -> dict[str, griffe.Object]:
    """Return what the faces list. The face itself stands for what another package or a `__getattr__` provides."""
    sources, listed = [package.folder / "src"], _public_names(package)
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


def _breaks(name: str, old: griffe.Object, new: griffe.Object) -> Iterator[ApiChange]:
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


def _break(name: str, what: str, thing: griffe.Object | griffe.Alias) -> ApiChange:
    path = cast("Path", thing.filepath)  # a list of them for namespace packages, which none of ours is
    return ApiChange("breaking", name, what, path.resolve(), thing.lineno or 1)


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
