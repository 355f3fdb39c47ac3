"""What counts as installed: never what lies in the working directory or in a checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import auto_registry
import config_core

SOURCES = [str(Path(package.__path__[0]).parent) for package in (config_core, auto_registry)]
EVIL = """
from pathlib import Path
from config_core import PretrainedConfig
Path({marker!r}).touch()
class Config(PretrainedConfig): model_type = "parrot"
class Hub:
    def open(self, repo_id, options):
        from config_core import FolderCheckpoint
        return FolderCheckpoint(".")
HUB = Hub()
"""
LOAD = """
from auto_registry import AutoConfig
from config_core import PretrainedConfig
for load in (lambda: AutoConfig.from_pretrained({folder!r}), lambda: PretrainedConfig.from_pretrained("me/parrot")):
    try:
        print(type(load()).__name__)
    except (ImportError, ValueError, FileNotFoundError) as error:
        print(type(error).__name__, error)
"""
REFUSED = ["UnknownModelTypeError", "MissingServiceError"]


def offer(folder, marker, *, name="pretrained-hub-io", module="evil"):
    """Put a distribution into a folder that offers a config class and a hub."""
    folder.mkdir(exist_ok=True, parents=True)
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        f"[auto_registry.configs]\nparrot = {module}:Config\n[config_core.hub]\nhub = {module}:HUB\n", encoding="utf-8"
    )
    (folder / f"{module}.py").write_text(EVIL.format(marker=str(marker)), encoding="utf-8")
    return folder


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def checkpoint(tmp_path):
    """Return a folder with the config of a parrot."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "parrot"}', encoding="utf-8")
    return folder


def run(*arguments, cwd, **environ):
    """Run Python with our packages installed, and return the first word of each line that it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PWD"))}
    done = subprocess.run(
        [sys._base_executable, "-S", *map(str, arguments)],
        cwd=cwd, env=kept | environ, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.partition(" ")[0] for line in done.stdout.splitlines()]


def program(folder="."):
    return f"import sys; sys.path += {SOURCES!r}\n" + LOAD.format(folder=str(folder))


@pytest.mark.parametrize("name", ["evil", "pretrained-hub-io"])
def test_distribution_in_the_working_directory_offers_nothing(checkpoint, marker, name):
    """`cd checkpoint; python -c ...`: the first entry of `sys.path` is the checkpoint."""
    offer(checkpoint, marker, name=name)
    assert run("-c", program(), cwd=checkpoint) == REFUSED
    assert not marker.exists()


@pytest.mark.parametrize("entry", ["", ".", "sub/..", "{cwd}", "{cwd}/", "{link}", "sub"])
def test_other_spellings_of_the_working_directory_offer_nothing(checkpoint, marker, tmp_path, entry):
    """Relative entries follow the working directory wherever it goes."""
    offer(checkpoint, marker)
    offer(checkpoint / "sub", marker, name="other")
    (tmp_path / "link").symlink_to(checkpoint)
    entry = entry.format(cwd=checkpoint, link=tmp_path / "link")
    source = f"import sys; sys.path[0] = {entry!r}\n" + program()
    assert run("-c", source, cwd=checkpoint) == REFUSED
    assert not marker.exists()


def test_program_that_runs_as_a_module_trusts_no_more(checkpoint, marker):
    """`python -m` puts the working directory first as an absolute path, and a program may leave it."""
    offer(checkpoint, marker)
    (checkpoint / "tool.py").write_text("import os; os.chdir('/')\n" + program(checkpoint), encoding="utf-8")
    assert run("-m", "tool", cwd=checkpoint, PWD=str(checkpoint)) == REFUSED
    assert not marker.exists()


@pytest.mark.parametrize("entry", [".", ""])
def test_relative_folder_in_the_environment_is_the_working_directory(checkpoint, marker, entry):
    """`PYTHONPATH=$PYTHONPATH:/opt/tools`, where the first part is empty."""
    offer(checkpoint, marker)
    assert run("-c", program(), cwd=checkpoint, PYTHONPATH=f"{entry}{os.pathsep}/nowhere") == REFUSED
    assert not marker.exists()


def test_checkpoint_that_a_program_puts_into_the_path_offers_nothing(checkpoint, marker, tmp_path):
    """Programs do so to import its modules, and so do scripts that lie beside a checkpoint."""
    offer(checkpoint, marker)
    source = f"import sys; sys.path.insert(0, {str(checkpoint)!r})\n" + program(checkpoint)
    assert run("-c", source, cwd=tmp_path) == REFUSED
    (checkpoint / "load.py").write_text(program(checkpoint), encoding="utf-8")
    assert run(checkpoint / "load.py", cwd=tmp_path) == REFUSED
    assert not marker.exists()


def test_error_says_where_the_distribution_is_that_is_not_used(checkpoint, marker):
    """Who has put it there on purpose learns what to do."""
    offer(checkpoint, marker)
    source = (
        f"import sys; sys.path += {SOURCES!r}\n"
        """
from config_core import MissingServiceError, PretrainedConfig
try:
    PretrainedConfig.from_pretrained("me/parrot")
except MissingServiceError as error:
    assert "is not used: a working directory or a checkpoint is not searched" in str(error), error
    assert "PYTHONPATH" in str(error)
    print("said")
"""
    )
    assert run("-c", source, cwd=checkpoint) == ["said"]


def test_module_in_the_working_directory_does_not_stand_in_for_an_installed_one(checkpoint, marker, tmp_path):
    """The distribution is installed, but Python would find a namesake of its module first."""
    site = offer(tmp_path / "site", tmp_path / "fine", module="birds")
    (checkpoint / "birds.py").write_text(EVIL.format(marker=str(marker)), encoding="utf-8")
    source = f"import sys; sys.path += [{str(site)!r}]\n" + program()
    assert run("-c", source, cwd=checkpoint) == ["InstalledClassError", "MissingServiceError"]
    assert not marker.exists()


# What is installed on purpose


def test_folder_in_the_environment_is_searched(checkpoint, marker):
    """As an absolute path it was put there on purpose, even if it is the working directory."""
    offer(checkpoint, marker)
    assert run("-c", program(), cwd=checkpoint, PYTHONPATH=str(checkpoint)) == ["Config", "PretrainedConfig"]


def test_folder_that_pip_has_installed_into_is_searched(checkpoint, marker, tmp_path):
    """`pip install --target`, and a program that adds the folder."""
    offer(tmp_path / "target", marker)
    source = f"import sys; sys.path.insert(0, {str(tmp_path / 'target')!r})\n" + program()
    assert run("-c", source, cwd=checkpoint) == ["Config", "PretrainedConfig"]


@pytest.mark.parametrize("given", ["app.pyz", "./app.pyz", "{cwd}/app.pyz"])
def test_archive_that_runs_as_the_program_is_searched(checkpoint, marker, tmp_path, given):
    """What a zipapp brings is the program."""
    offer(tmp_path / "app", marker)
    (tmp_path / "app" / "__main__.py").write_text(program(checkpoint), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        for path in sorted((tmp_path / "app").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "app"))
    assert run(given.format(cwd=tmp_path), cwd=tmp_path)[0] == "Config"


def test_editable_install_is_searched_in_its_own_folder(checkpoint, marker, tmp_path):
    """The `.pth` file of an installation names the folder of the project, in which its author works."""
    project = offer(tmp_path / "project", marker)
    shown = subprocess.run(
        [sys._base_executable, "-c", "import site; print(site.getusersitepackages())"],
        env=os.environ | {"PYTHONUSERBASE": str(tmp_path / "user")}, capture_output=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip
    site = Path(shown.strip())
    site.mkdir(parents=True)
    (site / "project.pth").write_text(f"# a comment\nimport sys\n{project}\n", encoding="utf-8")
    source = f"import sys; sys.path.insert(0, {str(project)!r})\n" + program(checkpoint)
    assert run("-c", source, cwd=project, PYTHONUSERBASE=str(tmp_path / "user"))[0] == "Config"


def test_editable_install_may_be_imported_in_its_own_folder(checkpoint, marker, tmp_path):
    """Some are found by a hook, and their module comes from the working directory first."""
    site = offer(tmp_path / "site", tmp_path / "other", module="birds")
    (site / "birds.py").unlink()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "birds.py").write_text(EVIL.format(marker=str(marker)), encoding="utf-8")
    (info,) = site.glob("*.dist-info")
    origin = {"dir_info": {"editable": True}, "url": (tmp_path / "project").as_uri()}
    (info / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    source = f"import sys; sys.path += [{str(site)!r}]\n" + program(checkpoint)
    assert run("-c", source, cwd=tmp_path / "project")[0] == "Config"


def test_two_hubs_are_an_error_that_names_both(checkpoint, marker, tmp_path):
    """Which of them was meant is not guessed from their names."""
    first, second = offer(tmp_path / "a", marker), offer(tmp_path / "b", marker, name="aa-first", module="other")
    source = (
        f"import sys; sys.path += {[str(first), str(second), *SOURCES]!r}\n"
        """
from config_core import MissingServiceError, PretrainedConfig
try:
    PretrainedConfig.from_pretrained("me/parrot")
except MissingServiceError as error:
    assert "'pretrained-hub-io' and 'aa-first'" in str(error), error
    print("said")
"""
    )
    assert run("-c", source, cwd=checkpoint) == ["said"]
    assert not marker.exists()


def test_hub_that_cannot_be_imported_is_named(checkpoint, marker, tmp_path):
    """Whatever its import raises."""
    site = offer(tmp_path / "a", marker)
    (site / "evil.py").write_text("1 / 0", encoding="utf-8")
    source = (
        f"import sys; sys.path += {[str(site), *SOURCES]!r}\n"
        """
from config_core import MissingServiceError, PretrainedConfig
try:
    PretrainedConfig.from_pretrained("me/parrot")
except MissingServiceError as error:
    assert "'pretrained-hub-io' offers it, but cannot be imported: ZeroDivisionError" in str(error), error
    print("said")
"""
    )
    assert run("-c", source, cwd=checkpoint) == ["said"]
