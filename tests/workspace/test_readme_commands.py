"""Every block of code of every README is run, and every example in a docstring. What is not run says here why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from packaging.utils import canonicalize_name

from fresh_environment import FreshEnvironment, build_wheels
from readme_blocks import fenced_blocks
from release_tools.environments import locked_versions
from repository_copy import RepositoryCopy
from tiny_checkpoints import files
from workspace_packages import ROOT, WORKSPACE_PACKAGES

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "packages/*/README.md", "tests/**/README.md", "tests/**/LOADING.md", "tools/*/README.md")
    for path in ROOT.glob(pattern)
)

# What runs the blocks that are no Python. A file of tests, and a test in it:
ON_WHEELS = "tests/workspace/test_readme_commands.py::test_commands_of_a_package_work_on_its_wheel"
IN_A_CLONE = "tests/workspace/test_readme_commands.py::test_commands_of_a_clone_work"
OUTSIDERS = "tests/outsiders/test_pages.py::test_commands_of_a_page_work_on_the_projects"
SHOWN_FILE = "tests/outsiders/test_pages.py::test_files_of_a_page_are_those_of_the_projects"
MANUAL = "tests/hub_io/test_command_manual.py"
SESSION = f"{MANUAL}::test_session_of_the_readme_goes_as_it_stands"
RELEASING = "tests/release/test_releasing.py::test_tags_are_pushed"
PROOF = "tests/release/test_proof.py"
# Or why nothing does:
DRAWING = "a drawing"
MEASURES = "measures for many minutes; no test is decided by what comes out"
OTHER_INDEX = "needs PyTorch's own index"
NEEDS_WEIGHTS = "downloads timm's weights"
REASONS = {DRAWING, MEASURES, OTHER_INDEX, NEEDS_WEIGHTS}

# The page, the first words of the block, and one of these.
COVERED = [
    ("README.md", "python3 -m pip install uv && uv run resnet quickstart", IN_A_CLONE),
    ("README.md", "uv run --group test --group peers pytest", IN_A_CLONE),
    ("README.md", "custom-resnet50d", DRAWING),
    ("README.md", "uv run python tests/benchmarks/package_costs.py", MEASURES),
    ("CONTRIBUTING.md", "python3 -m pip install uv", IN_A_CLONE),
    ("CONTRIBUTING.md", "config_core    config", DRAWING),
    ("CONTRIBUTING.md", "uv run --no-sync pytest -n 0 tests/config_core", IN_A_CLONE),
    ("CONTRIBUTING.md", "uv run --no-sync pytest tests/fuzz", IN_A_CLONE),
    ("CONTRIBUTING.md", "uv run --only-group release prove", PROOF),
    (
        "CONTRIBUTING.md",
        "uv run --only-group release release check",
        "tests/release/test_check.py::test_nothing_released_yet_passes",
    ),
    ("RELEASING.md", "", RELEASING),
    ("packages/auto-registry/README.md", "pip install pretrained-auto-registry\n", ON_WHEELS),
    ("packages/auto-registry/README.md", "# acme-trend/pyproject.toml", SHOWN_FILE),
    ("packages/auto-registry/README.md", "pip install pretrained-auto-registry ./acme-config", OUTSIDERS),
    ("packages/config-core/README.md", "pip install pretrained-config-core", ON_WHEELS),
    ("packages/config-core/README.md", "# acme-config/pyproject.toml", SHOWN_FILE),
    ("packages/config-core/README.md", "pip install ./acme-config", OUTSIDERS),
    ("packages/hub-io/README.md", "pip install pretrained-hub-io", ON_WHEELS),
    ("packages/hub-io/README.md", "$ hub-io ", SESSION),
    ("packages/hub-io/README.md", "export HUB_IO_REMOTE_CODE=locked", f"{MANUAL}::test_recipe_of_the_readme_passes"),
    ("packages/hub-io/README.md", '{\n  "version": 1', f"{MANUAL}::test_trust_file_of_the_readme_is_read"),
    ("packages/hub-io/README.md", "# folder-hub/pyproject.toml", SHOWN_FILE),
    ("packages/hub-io/README.md", "pip install ./folder-hub", OUTSIDERS),
    ("packages/model-core/README.md", "pip install pretrained-model-core", ON_WHEELS),
    ("packages/model-core/README.md", "uv pip install pretrained-model-core --torch-backend cpu", OTHER_INDEX),
    ("packages/resnet/README.md", "pip install pretrained-resnet\n", ON_WHEELS),
    ("packages/resnet/README.md", "pip install 'pretrained-resnet[quickstart]'", ON_WHEELS),
    ("tests/benchmarks/LOADING.md", "uv run --group peers python tests/benchmarks/weight_costs.py", MEASURES),
]
# What a comment in the page excludes from its program.
NOT_RUN = [
    ("RELEASING.md", ".ci/release prove", PROOF),
    ("README.md", "import timm", NEEDS_WEIGHTS),
    (
        "packages/hub-io/README.md",
        "import hub_io\nimport transformers",
        "tests/interchange/test_load_into_transformers.py",
    ),
    ("packages/resnet/README.md", 'model = from_timm("resnet50d"', NEEDS_WEIGHTS),
]
EXAMPLES = [
    pytest.param(module, id=module)
    for package in WORKSPACE_PACKAGES.values()
    for module, path in package.modules()
    if ">>> " in path.read_text(encoding="utf-8")
]
RUN_EXAMPLES = """
import doctest, importlib, sys
tests = doctest.DocTestFinder().find(importlib.import_module(sys.argv[1]))
examples = [example for test in tests for example in test.examples]
for example in examples:
    example.source = example.source.replace("<commit>", sys.argv[2])
runner = doctest.DocTestRunner()
for test in tests:
    runner.run(test)
sys.exit(runner.failures or not examples)
"""


def blocks_of(page):
    """Return the fenced blocks of a page."""
    return fenced_blocks((ROOT / page).read_text(encoding="utf-8"))


def commands(page, runner):
    """Return the blocks of a page that one of the runners above runs."""
    starts = [start for covered, start, how in COVERED if (covered, how) == (page, runner)]
    return [block.source for block in blocks_of(page) if f"{block.source}\n".startswith(tuple(starts))]


def uncovered(page, blocks, table):
    """Return the blocks of a page that the table lacks, and the rows of the table that the page lacks."""
    starts = [start for covered, start, _ in table if covered == page]
    sources = [f"{block.source}\n" for block in blocks]
    return (
        [source for source in sources if not source.startswith(tuple(starts))],
        [start for start in starts if not any(source.startswith(start) for source in sources)],
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_run_or_excused(page):
    """A new block needs a row above. Python of the pages that test_readme.py runs needs none."""
    blocks = blocks_of(page)
    is_program = page in {"README.md", "CONTRIBUTING.md"} or page.startswith("packages/")
    others = [block for block in blocks if not (is_program and block.language == "python")]
    assert uncovered(page, others, COVERED) == ([], [])
    assert uncovered(page, [block for block in blocks if block.not_run], NOT_RUN) == ([], [])


@pytest.mark.parametrize("how", sorted({row[2] for row in [*COVERED, *NOT_RUN]} - REASONS))
def test_what_runs_a_block_exists(how):
    """The tests that the tables name are there."""
    path, _, test = how.partition("::")
    assert f"def {test or 'test_'}" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", EXAMPLES)
def test_example_of_a_docstring_runs(module, hub, tmp_path):
    """It does as it stands, with the commit of a repository `owner/name` in place of `<commit>`."""
    commit = hub.create_repo("owner/name", files())
    done = subprocess.run(
        [sys.executable, "-c", RUN_EXAMPLES, module, commit],
        cwd=tmp_path,
        env={**os.environ, "HF_ENDPOINT": hub.url},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Name of each distribution to its wheel."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.mark.slow
@pytest.mark.parametrize("package", WORKSPACE_PACKAGES.values(), ids=lambda package: package.name)
def test_commands_of_a_package_work_on_its_wheel(package, tmp_path, wheels):
    """With plain pip, in an environment of its own; then the package imports."""
    environment = FreshEnvironment.with_pip(tmp_path / "work")
    strangers = [str(each) for each in package.all_requirements() if canonicalize_name(each.name) not in wheels]
    if any(each.startswith("torch") for each in strangers):
        environment.install(strangers, constraints=locked_versions(ROOT))  # linked in a second; pip copies gigabytes
    blocks = commands(f"packages/{package.name}/README.md", ON_WHEELS)
    assert blocks
    for block in blocks:
        environment.shell(block, wheels=wheels)
    environment.run("-c", f"import {package.import_name}")
    environment.shell("pip check", wheels=wheels)
    shutil.rmtree(environment.folder)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_commands_of_a_clone_work(tmp_path):
    """In a copy of this repository, the pages' commands work; those that run tests only collect them."""
    environment = FreshEnvironment.with_pip(tmp_path / "work")
    copy = RepositoryCopy.create(tmp_path / "clone")
    for page in ("README.md", "CONTRIBUTING.md"):
        for block in commands(page, IN_A_CLONE):
            told = environment.shell(
                f"cd {copy.root}\n{block}", wheels={}, environ={"PYTEST_ADDOPTS": "--collect-only -q"}, timeout=600
            )
            assert re.search(r"% correct|tests? collected", told), told
    shutil.rmtree(copy.root)
    shutil.rmtree(environment.folder)
