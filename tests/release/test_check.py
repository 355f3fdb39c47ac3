"""`release check`: what each package declares and records, compared with what it is and what was released."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

FACE = "packages/config-core/src/config_core/offer.py"
USER = "packages/auto-registry/src/auto_registry/user.py"


def add_public_function(copy):
    """Give `config_core.offer` a public function."""
    copy.replace(FACE, '"area"]', '"area", "fresh_function"]')
    copy.append(FACE, '\n\ndef fresh_function(text: str) -> str:\n    """Return the text."""\n    return text\n')


def test_nothing_released_yet_passes(copy, run_release):
    """Before the first tag there is nothing to compare with."""
    run_release(copy, "record")
    assert run_release(copy, "check") == (0, "Nothing stands in the way of a release.\n")


def test_what_was_just_released_passes(released, run_release):
    """The tree of a release is its own last release."""
    assert run_release(released, "check", "--package", "auto-registry")[0] == 0


def test_new_name_needs_a_new_version(released, run_release):
    """A name that no release has is not part of the version that is out."""
    add_public_function(released)
    run_release(released, "record")
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "config_core.offer.fresh_function is new, and pretrained-config-core 0.1.0 is released" in output


def test_new_name_under_a_new_version_is_recorded_with_it(released, run_release):
    """Names that were released keep their version."""
    add_public_function(released)
    released.set_version("config-core", "0.1.1")
    run_release(released, "record")
    record = json.loads((released.root / "packages/config-core/api.json").read_text(encoding="utf-8"))
    assert record["config_core.offer"]["fresh_function"] == "0.1.1"
    assert record["config_core.offer"]["area"] == "0.1.0"
    assert run_release(released, "check", "--package", "config-core")[0] == 0


def test_new_name_needs_a_minor_version_after_1_0(released, run_release):
    """From 1.0 on, a fix has no features."""
    released.set_version("config-core", "1.0.0")
    run_release(released, "record")
    released.tag("config-core")
    add_public_function(released)
    released.set_version("config-core", "1.0.1")
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "config_core.offer.fresh_function is new" in output
    assert "uv version --package pretrained-config-core 1.1.0" in output


def test_record_that_was_not_written_anew_fails(released, run_release):
    """The difference is named, and so is the command that writes it."""
    add_public_function(released)
    released.set_version("config-core", "0.1.1")
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "packages/config-core/api.json: config-core: the record is not what the sources say" in output
    assert "config_core.offer.fresh_function" in output
    assert "release record" in output


def test_clone_without_tags_is_told_so(released, run_release):
    """Without its tags a clone would pass every comparison."""
    released.set_version("config-core", "0.2.0")
    for tag in released.git("tag").splitlines():
        released.git("tag", "--delete", tag)
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "git fetch --tags" in output


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (">=0.3,<0.3", "no version of pretrained-config-core meets"),
        (">=0.2,<0.3", "no version of pretrained-config-core meets"),
        (">=0.0.9,<0.1.1", "begins at 0.0.9, which was never released"),
        (">=0.1,<0.1.0.post1,!=0.1.0", "no version of pretrained-config-core meets"),
    ],
)
def test_bounds_that_cannot_be_met_fail(released, run_release, bounds, message):
    """A workspace would install today's sibling whatever the bounds say."""
    released.set_bounds("auto-registry", "config-core", bounds)
    code, output = run_release(released, "check", "--package", "auto-registry")
    assert code == 1
    assert message in output
    assert "packages/auto-registry/pyproject.toml:" in output


def test_exclusion_of_a_broken_release_needs_its_successor(released, run_release):
    """Otherwise nobody could install both as they are here; the message says what comes first."""
    released.set_bounds("auto-registry", "config-core", ">=0.1,!=0.1.0,<0.2")
    code, output = run_release(released, "check", "--package", "auto-registry")
    assert code == 1
    assert "release plan --write config-core" in output
    released.set_version("config-core", "0.1.1")
    run_release(released, "record")
    assert "[bounds]" not in run_release(released, "check", "--package", "auto-registry")[1]


def test_bounds_that_leave_out_todays_sibling_fail(released, run_release):
    """What is released next would not be used."""
    released.set_version("config-core", "0.2.0")
    run_release(released, "record")
    code, output = run_release(released, "check", "--package", "auto-registry")
    assert code == 1
    assert "pretrained-config-core<0.2,>=0.1 excludes 0.2.0" in output


UNDECLARED = """
from typing import TYPE_CHECKING

import numpy  # undeclared
import numpy.typing as npt  # undeclared
from hub_io import trust  # undeclared

if TYPE_CHECKING:
    from torch import Tensor  # undeclared

try:
    import safetensors  # undeclared
except ValueError:
    pass


def load():
    import requests  # undeclared
"""
DECLARED_OR_OPTIONAL = """
import json

import config_core.errors
from auto_registry import errors

try:
    import numpy
except ImportError:
    numpy = None
try:
    import torch
except (KeyError, ModuleNotFoundError):
    torch = None
"""


def test_undeclared_import_fails(released, run_release):
    """Of a third party or a sibling, in functions and for type checkers as well."""
    released.write(USER, UNDECLARED)
    code, output = run_release(released, "check", "--package", "auto-registry", "--json")
    assert code == 1
    assert [failure["where"] for failure in json.loads(output) if failure["check"] == "undeclared-import"] == [
        f"{USER}:{number}" for number, line in enumerate(UNDECLARED.splitlines(), 1) if line.endswith("# undeclared")
    ]


def test_declared_and_optional_imports_pass(released, run_release):
    """A program that catches the ImportError runs without."""
    released.write(USER, DECLARED_OR_OPTIONAL)
    assert run_release(released, "check", "--package", "auto-registry")[0] == 0


def test_imports_of_tests_do_not_count(released, run_release):
    """Tests are not shipped."""
    released.append("tests/auto_registry/conftest.py", "\nimport numpy\n")
    assert run_release(released, "check", "--package", "auto-registry")[0] == 0


def test_failures_are_given_as_json(released, run_release):
    """For programs, each with the check that found it."""
    released.set_bounds("auto-registry", "config-core", ">=0.3,<0.3")
    code, output = run_release(released, "check", "--json", "--package", "auto-registry")
    (failure,) = json.loads(output)
    assert code == 1
    assert failure.keys() == {"package", "check", "where", "what", "todo"}
    assert (failure["package"], failure["check"]) == ("auto-registry", "bounds")


def test_folder_without_a_history_is_refused(copy, run_release):
    """As it comes out of an archive: nothing says there what was released."""
    shutil.rmtree(copy.root / ".git")
    code, output = run_release(copy, "status")
    assert code == 1
    assert "is not inside a git checkout of the workspace" in output


def test_unknown_package_is_refused(copy, run_release):
    """The packages that exist are named."""
    code, output = run_release(copy, "check", "--package", "config_core")
    assert code == 2
    assert "auto-registry, config-core" in output


def test_reader_that_has_read_enough_ends_it_in_silence(copy):
    """As in `release status | head -1`."""
    program = [sys.executable, "-c", "from release_tools.command import release; release()", "status"]
    with subprocess.Popen(program, cwd=copy.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_tag_on_a_commit_of_another_version_is_refused(released, run_release):
    """Its sources are not those of the version that it names, so nothing can be compared with them."""
    released.git("tag", "config-core-v0.1.1")
    released.set_version("config-core", "0.1.1")
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "config-core-v0.1.1 is on a commit in which pretrained-config-core is 0.1.0." in output
    assert "git tag --delete config-core-v0.1.1" in output


def test_missing_files_are_named(released, run_release):
    """What is not there is said in one line, with its path."""
    (released.root / "packages/resnet/CHANGELOG.md").unlink()
    code, output = run_release(released, "status")
    assert code == 1
    assert "packages/resnet/CHANGELOG.md" in output
    (released.root / "packages/resnet/src/resnet/__init__.py").unlink()
    code, output = run_release(released, "check")
    assert code == 1
    assert "packages/resnet/src must have one folder with an __init__.py; it has none." in output


def test_record_that_is_no_json_is_to_be_written_anew(released, run_release):
    """A conflict that was left in it is as good as no record; the first few names will do."""
    released.append("packages/config-core/api.json", "<<<<<<<")
    code, output = run_release(released, "check", "--package", "config-core")
    assert code == 1
    assert "more. [api-record]\n    Run `release record`." in output
