"""Environments outside the workspace that hold what is installed into them and nothing else, and the commands in them.

Everything goes through uv and its cache: a torch of several gigabytes is linked into a new environment in seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

__all__ = [
    "CommandError",
    "FreshEnvironment",
    "clean_environ",
    "locked_versions",
    "run_command",
    "uv",
    "uv_program",
]

# What an environment of the caller, or an account on the Hub, would bring along.
_NOT_INHERITED = (
    *("VIRTUAL_ENV", "PYTHON", "PYTEST_", "COVERAGE_", "COV_CORE_"),
    *("HF_", "HUGGING", "HUB_IO_", "TRANSFORMERS_", "TORCH_HOME", "XDG_"),
)


class CommandError(RuntimeError):
    """A command ended with an error; the message has the command and what it printed."""


@dataclass(frozen=True)
class FreshEnvironment:
    """A virtual environment in a folder of its own, which is also the working directory and the home of what it runs.

    Attributes:
        folder: Holds the environment, and nothing of the workspace.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path, python: str | Path) -> FreshEnvironment:
        """Make an empty environment in a folder that does not exist, of an interpreter or a version that uv knows."""
        folder.mkdir(parents=True)
        uv("venv", "--quiet", "--no-project", "--python", python, folder / "venv", cwd=folder)
        return cls(folder)

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def install(
        self,
        requirements: Iterable[str],
        *,
        wheels: Path | None = None,
        constraints: Iterable[str] = (),
        lowest: bool = False,
        only_wheels: bool = False,
    ) -> None:
        """Install requirements and what they declare.

        Args:
            requirements: What is asked for.
            wheels: A folder of wheels. A requirement whose distribution has a wheel there comes from there, never from
                an index.
            constraints: Which versions are allowed of what is asked for and of what that needs.
            lowest: Take the oldest versions of the requirements, not the newest.
            only_wheels: Build no source distribution: versions without a wheel for this Python do not count.
        """
        project = {"name": "trial", "version": "0", "dependencies": list(requirements)}
        tables = [_table("project", project), _table("tool.uv", {"constraint-dependencies": list(constraints)})]
        if wheels is not None:
            index = {"name": "wheels", "url": str(wheels), "format": "flat", "explicit": True}
            tables.append(_table("[tool.uv.index]", index))
            names = sorted({parse_wheel_filename(wheel.name)[0] for wheel in wheels.glob("*.whl")})
            tables += [_table(f"tool.uv.sources.{name}", {"index": "wheels"}) for name in names]
        file = self.folder / "pyproject.toml"
        file.write_text("\n".join(tables), encoding="utf-8")
        options = [*(["--resolution", "lowest-direct"] if lowest else []), *(["--no-build"] if only_wheels else [])]
        self._uv_pip("install", "--quiet", *options, "-r", file)

    def check(self) -> None:
        """Raise a CommandError if something is missing, or out of the bounds that a distribution declares."""
        self._uv_pip("check", "--quiet")

    def distributions(self) -> dict[str, str]:
        """Return the installed distributions and their versions."""
        listed = json.loads(self._uv_pip("list", "--format", "json"))
        return {canonicalize_name(each["name"]): each["version"] for each in listed}

    def _uv_pip(self, verb: str, *arguments: str | Path) -> str:
        return uv("pip", verb, "--python", self.python, *arguments, cwd=self.folder)

    def run(self, *arguments: str | Path, environ: Mapping[str, str] | None = None, timeout: float = 300) -> str:
        """Run the interpreter, isolated from the user's packages and the working directory; return what it printed.

        Raises:
            CommandError: It failed.
        """
        # Both spellings: urllib lets the lower one win.
        proxies = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        environ = {"HOME": str(self.folder), **proxies, **(environ or {})}
        return run_command([self.python, "-I", *arguments], cwd=self.folder, environ=environ, timeout=timeout)


@cache
def locked_versions(root: Path) -> tuple[str, ...]:
    """Return what uv.lock holds, members of the workspace left out, as `name==version; marker` lines."""
    options = ("--frozen", "--all-groups", "--all-extras", "--no-emit-workspace")
    lines = uv("export", "--quiet", *options, "--no-hashes", "--no-annotate", "--no-header", cwd=root)
    return tuple(lines.splitlines())


def uv(*arguments: str | Path, cwd: Path) -> str:
    """Run uv, and return what it printed.

    Raises:
        FileNotFoundError: There is no uv.
        CommandError: It failed.
    """
    return run_command([uv_program(), *arguments], cwd=cwd)


def uv_program() -> str:
    """Return the path of uv.

    Raises:
        FileNotFoundError: There is no uv.
    """
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        raise FileNotFoundError("There is no uv on PATH, and environments are made with it: python3 -m pip install uv")
    return program


def clean_environ() -> dict[str, str]:
    """Return this process's environment, without what it says of Python and of the Hub."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def run_command(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    timeout: float = 900,
    environ: Mapping[str, str] | None = None,
    accepted: Collection[int] = (0,),
) -> str:
    """Run a command, without what the caller's environment says of Python and of the Hub; return what it printed.

    Raises:
        CommandError: It ended with another status than those accepted, or took too long.
    """
    shown = " ".join(map(str, command))
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=cwd,
            env=clean_environ() | dict(environ or {}),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        # These are bytes whatever was asked for, and None where nothing was printed.
        printed = b"".join(filter(None, (error.stdout, error.stderr))).decode(errors="replace")
        raise CommandError(f"{shown}\nwas still running after {timeout:.0f} s:\n{printed}") from error
    if done.returncode not in accepted:
        raise CommandError(f"{shown}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _table(name: str, values: Mapping[str, object]) -> str:
    """Return a table of TOML: JSON writes strings, lists and booleans as TOML does."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])
