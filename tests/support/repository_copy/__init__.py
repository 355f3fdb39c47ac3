"""A copy of this repository, as it lies here, for tests that change, commit and tag what the packages are."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from release_tools.api import write_records
from release_tools.workspace import Workspace, WorkspacePackage
from workspace_packages import ROOT

__all__ = ["CHANGELOG", "RepositoryCopy"]

CHANGELOG = "# Changelog\n\n<!-- towncrier release notes start -->\n\n## 0.1.0\n\n- First release.\n"
"""The changelog of every package in a copy."""


@dataclass(frozen=True)
class RepositoryCopy:
    """A clone without tags. Paths are relative to its top folder, and packages are named by their folders.

    Attributes:
        root: Its top folder.
    """

    root: Path

    @classmethod
    def create(cls, folder: Path) -> RepositoryCopy:
        """Clone this repository into a folder that does not exist, and commit there what is not committed here.

        Nothing is released there: change fragments, and what changelogs and records say of releases, are left out.
        """
        _git(ROOT, "clone", "--quiet", "--shared", "--no-tags", ROOT, folder)
        copy = cls(folder)
        for key, value in {"user.name": "A Maintainer", "user.email": "maintainer@example.org"}.items():
            copy.git("config", key, value)
        copy.git("config", "--unset", "remote.origin.tagOpt")
        for option in ("commit.gpgSign", "tag.gpgSign"):
            copy.git("config", option, "false")
        for name in _git(ROOT, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0"):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            elif name:
                target.unlink(missing_ok=True)
        for fragment in folder.glob("packages/*/changes/*.md"):
            fragment.unlink()
        for package in copy.workspace.packages.values():
            copy.write(f"packages/{package.name}/CHANGELOG.md", CHANGELOG)
        write_records(copy.workspace)
        copy.commit("What is not committed yet")
        return copy

    @property
    def workspace(self) -> Workspace:
        """The workspace as its files are now."""
        return Workspace(self.root)

    def package(self, name: str) -> WorkspacePackage:
        """Return a package as its files are now."""
        return WorkspacePackage(self.root / "packages" / name)

    def git(self, *arguments: str) -> str:
        """Run git in the copy and return what it printed."""
        return _git(self.root, *arguments)

    def write(self, path: str, text: str) -> None:
        """Write a file, with its folders."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """Add text to the end of a file."""
        self.write(path, (self.root / path).read_text(encoding="utf-8") + text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that occurs in a file once."""
        before = (self.root / path).read_text(encoding="utf-8")
        assert before.count(old) == 1, f"{path} has {before.count(old)} times {old!r}"
        self.write(path, before.replace(old, new))

    def set_version(self, package: str, version: str) -> None:
        """Give a package a version."""
        self.replace(
            f"packages/{package}/pyproject.toml",
            f'version = "{self.package(package).version}"',
            f'version = "{version}"',
        )

    def set_bounds(self, package: str, sibling: str, bounds: str) -> None:
        """Say which versions of a sibling a package needs, wherever it says so: `>=0.1,<0.2`."""
        path = f"packages/{package}/pyproject.toml"
        before = (self.root / path).read_text(encoding="utf-8")
        distribution = re.escape(canonicalize_name(self.package(sibling).distribution))
        after, count = re.subn(rf'(?<="{distribution})[<>=!~][^"]*', bounds, before)
        assert count, f"{package} does not need {sibling}"
        self.write(path, after)

    def commit(self, message: str = "Change") -> None:
        """Commit every change, if there is one."""
        self.git("add", "--all")
        if self.git("status", "--porcelain"):
            self.git("commit", "--quiet", "--message", message)

    def release_all(self, version: str = "0.1.0", bounds: str = ">=0.1,<0.2") -> None:
        """Tag every package with one version, whatever versions they have in this repository."""
        for package in self.workspace.packages.values():
            self.set_version(package.name, version)
            for _, sibling in self.workspace.siblings_of(package):
                self.set_bounds(package.name, sibling.name, bounds)
        write_records(self.workspace)
        self.tag(*(package.name for package in self.workspace.packages.values()))

    def tag(self, *packages: str) -> None:
        """Commit, then tag the packages as they are released: `config-core-v0.1.0`."""
        self.commit()
        for name in packages:
            self.git("tag", f"{name}-v{self.package(name).version}")


def _git(folder: Path, *arguments: str | Path) -> str:
    command = ["git", *map(str, arguments)]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"
    return result.stdout.strip()
