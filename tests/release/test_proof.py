"""`prove` finds what users would: one run on a copy of the repository into which each kind of fault was made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repository_copy import RepositoryCopy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROVE = Path(sys.executable).parent / "prove"
CURRENT = f"3.{sys.version_info.minor}"
OWN_TEST = """
import sys
from pathlib import Path

import {name}


def test_package_is_the_installed_one():
    assert Path({name}.__file__).is_relative_to(sys.prefix)
    assert not any(Path(entry).name == "src" for entry in sys.path)


def test_second():
    assert {second}
"""


def prove(copy, *arguments, python=CURRENT):
    """Run `prove` on a copy with one Python."""
    command = [PROVE, *arguments, "--python", python]
    return subprocess.run(command, cwd=copy.root, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Return a copy in which config-core 0.1.0 is released; packages have few tests, and faults."""
    copy = RepositoryCopy.create(tmp_path_factory.mktemp("faulty") / "copy")
    copy.tag("config-core")
    for name in ("config_core", "auto_registry", "hub_io"):
        shutil.rmtree(copy.root / "tests" / name)
        copy.write(f"tests/{name}/test_it.py", OWN_TEST.format(name=name, second=name != "config_core"))
    # Skew: what config-core 0.1.1 has is used with a bound that admits 0.1.0.
    copy.set_version("config-core", "0.1.1")
    copy.append("packages/config-core/src/config_core/services.py", "\n\ndef newer(): ...\n")
    copy.append("packages/auto-registry/src/auto_registry/registry.py", "\n\nfrom config_core.services import newer\n")
    # A promise that nobody has tried: there is no such release.
    copy.replace("packages/hub-io/pyproject.toml", '"pathspec>=0.12.1"', '"pathspec>=0.12.0.1"')
    # An import that is not declared.
    copy.append("packages/hub-io/src/hub_io/__init__.py", "\n\nimport numpy\n")
    copy.commit()
    copy.write("packages/config-core/src/config_core/notes.txt", "call the bank")
    return copy


@pytest.fixture(scope="module")
def proof(faulty, tmp_path_factory):
    """Return what `prove` said of the faulty copy, and the folder with its logs."""
    folder = tmp_path_factory.mktemp("proof")
    return prove(faulty, "config-core", "auto-registry", "hub-io", "--logs", folder), folder


def rows(done):
    """Return the rows of the table: package, siblings, third parties, and the result with the number of tests."""
    columns = [
        re.split(r" {2,}", line) for line in done.stdout.splitlines() if line.startswith(("conf", "auto", "hub"))
    ]
    return {(cells[0].split()[0], cells[2], cells[3]): cells[4:6] for cells in columns if len(cells) == 7}


def test_bound_that_is_too_low_fails_with_the_oldest_sibling_only(proof):
    """auto-registry works with today's config-core; with the released one that its bound admits, it does not import."""
    done, folder = proof
    found = rows(done)
    assert found["auto-registry", "newest", "none"] == ["ok", "2"]
    assert found["auto-registry", "oldest", "none"] == ["FAILED", "-"]
    log = (folder / f"auto-registry-{CURRENT}-oldest-none.log").read_text(encoding="utf-8")
    assert "ImportError: cannot import name 'newer' from 'config_core.services'" in log


def test_failure_is_printed_with_its_log(proof):
    """Whoever reads the output sees what failed, and where all of it is."""
    done, folder = proof
    name = f"auto-registry-{CURRENT}-oldest-none"
    assert f"=== {name} failed; all of it: {folder / name}.log\n" in done.stdout
    assert "ImportError: cannot import name 'newer'" in done.stdout
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 8 failed"  # six combinations, and two files


def test_own_tests_run_against_the_wheel_and_can_fail(proof):
    """A package's test that fails fails the proof; the one that looks where the package lies has passed."""
    done, folder = proof
    assert rows(done)["config-core", "none", "none"] == ["FAILED", "-"]
    log = (folder / f"config-core-{CURRENT}-none-none.log").read_text(encoding="utf-8")
    assert "1 failed, 1 passed" in log
    assert "test_it.py::test_second" in log


def test_lower_bound_that_no_release_has_is_a_promise_nobody_tried(proof):
    """The lowest version that an installer finds is newer than the bound says."""
    _, folder = proof
    log = (folder / f"hub-io-{CURRENT}-newest-lowest.log").read_text(encoding="utf-8")
    assert "pathspec>=0.12.0.1 admits no version older than 0.12.1: raise the bound to it" in log


def test_undeclared_import_fails(proof):
    """It works wherever something else has brought the module, and not for a user who has the package alone."""
    _, folder = proof
    log = (folder / f"hub-io-{CURRENT}-newest-locked.log").read_text(encoding="utf-8")
    assert "No module named 'numpy'" in log


def test_stray_file_fails_the_proof_though_all_tests_may_pass(proof):
    """Faults of distributions are named where they are built, and again at the end."""
    done, _ = proof
    fault = "config-core: pretrained_config_core-0.1.1-py3-none-any.whl has config_core/notes.txt"
    assert fault in done.stdout.splitlines()[-2]


def test_tests_that_bring_a_package_along_are_refused(faulty):
    """Otherwise they would pass, whatever the wheel has."""
    faulty.write("tests/support/config_core/__init__.py", "")
    done = prove(faulty, "config-core")
    assert "the tests would import config_core from" in done.stdout
    shutil.rmtree(faulty.root / "tests/support/config_core")


def test_unknown_package_is_refused_with_those_that_there_are(faulty):
    """A slip of the pen must not prove nothing and pass."""
    done = prove(faulty, "config-cor")
    assert done.returncode == 2
    assert "No such package: config-cor. There are auto-registry, config-core, hub-io" in done.stderr


def test_python_that_was_asked_for_and_is_not_here_fails(faulty):
    """Nothing was tried, so nothing is proven."""
    done = prove(faulty, "auto-registry", python="3.99")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        "Python 3.99 is not here, and nothing was tried with it",
        "0 passed, 1 failed",
    ]


def test_package_that_cannot_be_built_fails_with_those_that_need_it(faulty, tmp_path):
    """The table has their rows, and the log has the words of the builder."""
    source = "packages/auto-registry/pyproject.toml"
    before = (faulty.root / source).read_text(encoding="utf-8")
    faulty.replace(source, 'build-backend = "hatchling.build"', 'build-backend = "hatchling.bild"')
    done = prove(faulty, "auto-registry", "hub-io", "--logs", tmp_path)
    faulty.write(source, before)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert {tuple(cells) for cells in rows(done).values()} == {("FAILED", "-")}
    assert {name for name, _, _ in rows(done)} == {"auto-registry", "hub-io"}
    assert "hatchling.bild" in (tmp_path / f"hub-io-{CURRENT}-newest-locked.log").read_text(encoding="utf-8")
