"""What type checkers and `typing.get_type_hints` see of the packages."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
import tomllib
import typing
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("model_author.py")
ROOT = Path(__file__).parents[2]
EXPECTED = {
    number for number, line in enumerate(PROGRAM.read_text(encoding="utf-8").splitlines(), 1) if "# error" in line
} - {1}
FACES = [
    "config_core",
    "config_core.checkpoint",
    "config_core.code",
    "config_core.config",
    "config_core.errors",
    "config_core.services",
    "model_core",
    "auto_registry",
    "hub_io",
    "resnet",
]


def run(*command):
    """Return what a type checker prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=280, check=False
    )
    return done.stdout


def test_pyright_checks_every_member_of_the_workspace():
    """It says nothing of a path that matches no file, as none with `*` in its middle does."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]
    sources = [path for members in ("packages", "tools") for path in ROOT.joinpath(members).glob("*/src")]
    assert sorted(settings["include"]) == sorted(path.relative_to(ROOT).as_posix() for path in sources)


@pytest.mark.skipif(find_spec("pyright") is None, reason="the group `typing` is not installed")
def test_pyright_sees_what_a_model_author_writes():
    """Right uses pass, wrong ones are flagged."""
    report = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, str(PROGRAM)))
    found = {problem["range"]["start"]["line"] + 1: problem["message"] for problem in report["generalDiagnostics"]}
    assert found.keys() == EXPECTED, found


@pytest.mark.skipif(find_spec("mypy") is None, reason="the group `typing` is not installed")
def test_mypy_sees_what_a_model_author_writes(tmp_path):
    """Right uses pass, wrong ones are flagged, in strict mode."""
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\nexplicit_package_bases = True\n", encoding="utf-8")
    report = run("mypy", f"--config-file={config}", f"--cache-dir={tmp_path / 'cache'}", str(PROGRAM))
    found = {int(number): line for line in report.splitlines() for number in re.findall(r"\.py:(\d+): error", line)}
    assert found.keys() == EXPECTED, report


def public_objects(face):
    """Return the classes and functions of a face, and the methods of the classes."""
    module = importlib.import_module(face)
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isfunction(found):
            yield name, found
        elif inspect.isclass(found) and found.__module__.partition(".")[0] == face.partition(".")[0]:
            yield name, found
            for method, member in vars(found).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if inspect.isfunction(function) and function.__module__ == found.__module__:
                    yield f"{name}.{method}", function


@pytest.mark.parametrize("face", FACES)
def test_type_hints_of_every_public_name_resolve(face):
    """Tools that read annotations when the program runs find all names."""
    problems = {}
    for name, found in public_objects(face):
        try:
            typing.get_type_hints(found)
        except Exception as error:  # noqa: BLE001 - all are reported together
            problems[name] = repr(error)
    assert problems == {}
