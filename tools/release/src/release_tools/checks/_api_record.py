"""The record of what each package offers, `packages/<name>/api.json`: every public name, and the version it came with.

A face is a module without an underscore in its dotted name; its names are those in its `__all__`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from packaging.version import Version

from release_tools.checks._failures import Failure, place
from release_tools.releases import last_release, released_package
from release_tools.workspace import Workspace, WorkspacePackage, public_names_of

__all__ = [
    "ApiRecord",
    "api_of",
    "public_names",
    "recorded_api",
    "released_api",
    "write_records",
    "wrong_record",
]

# Face to name to the version that first had it.
ApiRecord = dict[str, dict[str, str]]


def api_of(workspace: Workspace, package: WorkspacePackage) -> ApiRecord:
    """Return what a package offers now.

    What its last release had keeps its version. The rest comes with the version that the sources have.
    """
    released = released_api(workspace, package)
    return {
        face: {name: released.get(face, {}).get(name, str(package.version)) for name in sorted(names)}
        for face, names in public_names(package).items()
    }


def public_names(package: WorkspacePackage) -> dict[str, set[str]]:
    """Return the names that each face of a package lists."""
    modules = (found for found in package.modules() if not any(part.startswith("_") for part in found[0].split(".")))
    names = {module: public_names_of(path) for module, path in modules}
    return {module: found for module, found in names.items() if found}


def released_api(workspace: Workspace, package: WorkspacePackage) -> ApiRecord:
    """Return what the last release offers, nothing before the first. It may be older than the record."""
    last = last_release(workspace, package)
    if last is None:
        return {}
    released = released_package(workspace, package, last)
    recorded = recorded_api(released)
    return {
        face: {name: recorded.get(face, {}).get(name, str(last)) for name in names}
        for face, names in public_names(released).items()
    }


def recorded_api(package: WorkspacePackage) -> ApiRecord:
    """Return the record as the file has it, empty if there is none that can be read."""
    try:
        faces = json.loads((package.folder / "api.json").read_text(encoding="utf-8"))
        return {face: {name: str(Version(since)) for name, since in names.items()} for face, names in faces.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def wrong_record(workspace: Workspace, package: WorkspacePackage) -> Iterator[Failure]:
    """Find a record that is not what the sources say, and new names under a version that is released."""
    current, recorded = api_of(workspace, package), recorded_api(package)
    if current != recorded:
        changed = sorted(f"{face}.{name}" for face, name in _pairs(current) ^ _pairs(recorded))
        if more := changed[10:]:
            changed[10:] = [f"and {len(more)} more"]
        yield Failure(
            package.name,
            "api-record",
            place(workspace, package.folder / "api.json"),
            f"the record is not what the sources say; look at {', '.join(changed) or 'the versions'}.",
            "Run `release record`.",
        )
    last = last_release(workspace, package)
    if last == package.version:
        for face, name in sorted(_pairs(current) - _pairs(released_api(workspace, package))):
            yield Failure(
                package.name,
                "new-name",
                place(workspace, dict(package.modules())[face]),
                f"{face}.{name} is new, and {package.distribution} {last} is released without it.",
                f"Run `uv version --package {package.distribution} --bump patch`, then `release record`.",
            )


def _pairs(api: ApiRecord) -> set[tuple[str, str]]:
    return {(face, name) for face, names in api.items() for name in names}


def write_records(workspace: Workspace) -> None:
    """Write the record of every package."""
    for package in workspace.packages.values():
        text = json.dumps(api_of(workspace, package), indent=2) + "\n"
        (package.folder / "api.json").write_text(text, encoding="utf-8")
