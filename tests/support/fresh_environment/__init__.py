"""Wheels of the workspace, and environments outside it that hold nothing but what is installed into them.

Everything goes through uv and its cache: a torch of several gigabytes is linked into a new environment in a second.
Commands that users type are run in one that `python -m venv` made, with plain pip: `FreshEnvironment.with_pip`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name, parse_wheel_filename

from workspace_packages import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FreshEnvironment", "build_wheels"]

_LIST_DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps({found.metadata["Name"]: found.version for found in importlib.metadata.distributions()}))
"""


def build_wheels(folder: Path) -> dict[str, Path]:
    """Build the source distribution of every package, and from that its wheel.

    Args:
        folder: Where both are put.

    Returns:
        Name of the distribution to its wheel.
    """
    _uv("build", "--quiet", "--all-packages", "--out-dir", folder, cwd=ROOT)
    return {parse_wheel_filename(wheel.name)[0]: wheel for wheel in sorted(folder.glob("*.whl"))}


@dataclass(frozen=True)
class FreshEnvironment:
    """A virtual environment in a folder of its own; programs run there with that folder as working directory.

    Attributes:
        folder: Holds the environment, and nothing of the workspace.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> FreshEnvironment:
        """Make an empty environment for the Python that runs now."""
        folder.mkdir(parents=True)
        _uv("venv", "--quiet", "--no-project", "--python", sys.executable, folder / "venv", cwd=folder)
        return cls(folder)

    @classmethod
    def with_pip(cls, folder: Path) -> FreshEnvironment:
        """Make an environment as users do, with the standard library's `venv` and its pip."""
        folder.mkdir(parents=True)
        _run([sys.executable, "-m", "venv", folder / "venv"], cwd=folder, timeout=120)
        return cls(folder)

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def install(
        self,
        *what: str,
        wheels: Mapping[str, Path] | None = None,
        locked: str = "==",
        resolution: str = "highest",
    ) -> None:
        """Install requirements and what they declare, in versions of uv.lock: what is tried can be tried again.

        Args:
            *what: Requirements.
            wheels: Where the workspace's distributions come from, by name; never from an index.
            locked: How versions compare with those of uv.lock: `==`, or `<=` for older ones too.
            resolution: Which versions uv prefers: `highest`, `lowest-direct` or `lowest`.
        """
        constraints = [line.replace("==", locked, 1) for line in _locked_versions()]
        constraints += [f"{name} @ {wheel.as_uri()}" for name, wheel in (wheels or {}).items()]
        file = self.folder / "constraints.txt"
        file.write_text("\n".join(constraints), encoding="utf-8")
        options = ("--python", self.python, "--constraints", file, "--resolution", resolution)
        _uv("pip", "install", "--quiet", *options, *what, cwd=self.folder)

    def shell(
        self,
        script: str,
        *,
        wheels: Mapping[str, Path],
        environ: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> str:
        """Run shell lines as they stand, in an activated environment; return what they print.

        Args:
            script: The lines. The first that fails ends it.
            wheels: What pip takes for the workspace's distributions. It asks no index for their names.
            environ: More variables.
            timeout: How many seconds it may take.

        Raises:
            RuntimeError: A line failed; holds what it printed.
        """
        constraints = self.folder / "wheels.txt"
        constraints.write_text("".join(f"{name} @ {wheel.as_uri()}\n" for name, wheel in wheels.items()), "utf-8")
        activated = {
            "PATH": os.pathsep.join([str(self.python.parent), os.environ["PATH"]]),
            "PIP_CONSTRAINT": str(constraints),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return _run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            environ=activated | dict(environ or {}),
            timeout=timeout,
        )

    def check(self) -> None:
        """Let uv compare what is installed with what each distribution asks for."""
        _uv("pip", "check", "--quiet", "--python", self.python, cwd=self.folder)

    def distributions(self) -> dict[str, str]:
        """Return the installed distributions and their versions."""
        listed = json.loads(self.run("-c", _LIST_DISTRIBUTIONS))
        return {canonicalize_name(name): version for name, version in listed.items()}

    def run(self, *arguments: str | Path, environ: Mapping[str, str] | None = None, timeout: float = 300) -> str:
        """Run the interpreter, isolated from the user's packages and the working directory; return what it prints.

        Raises:
            RuntimeError: It failed; holds what it printed.
        """
        return _run([self.python, "-I", *arguments], cwd=self.folder, environ=environ, timeout=timeout)


@cache
def _locked_versions() -> tuple[str, ...]:
    """Return what uv.lock holds, members of the workspace left out, as `name==version; marker` lines."""
    options = ("--frozen", "--all-groups", "--all-extras", "--no-emit-workspace")
    return tuple(
        _uv("export", "--quiet", *options, "--no-hashes", "--no-annotate", "--no-header", cwd=ROOT).splitlines()
    )


def _uv(*arguments: str | Path, cwd: Path) -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise FileNotFoundError("There is no uv on PATH, and environments are made with it: python3 -m pip install uv")
    return _run([uv, *arguments], cwd=cwd, timeout=900)


def _run(command: list[str | Path], *, cwd: Path, timeout: float, environ: Mapping[str, str] | None = None) -> str:
    # The environment that the tests run in must not shine through.
    inherited = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=inherited | dict(environ or {}),
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        shown = " ".join(map(str, command))
        raise RuntimeError(f"{shown}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
