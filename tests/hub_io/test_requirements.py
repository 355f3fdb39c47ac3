"""What code needs is looked for before any of it runs, and without importing anything; `requirements.txt` words it."""

from __future__ import annotations

import shlex
import sys

import pytest

from auto_registry import AutoModel
from hub_io import MissingRequirementsError, RemoteCodeImportError
from tiny_checkpoints import CONFIGURATION, MODELING, files, write


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def load(tmp_path, marker):
    """Write a checkpoint whose code leaves a marker, with some files changed, and load it with trust."""

    def load(changed=(), *, head="", requirements=None):
        trace = f"with open({str(marker)!r}, 'a') as file:\n    print(__name__, file=file)\n"
        content = {"modeling_tiny.py": f"{trace}{head}\n{MODELING}", "requirements.txt": requirements, **dict(changed)}
        return AutoModel.from_pretrained(write(tmp_path / "saved", files(content)), trust_remote_code=True)

    return load


NAMED = "(it provides 'absent_module') and try again."
UNNAMED = "Install the distribution that provides 'absent_module' and try again."
MANY = "\n".join(f"part{number}" for number in range(15))


@pytest.mark.parametrize(
    ("requirements", "remedy"),
    [
        (None, UNNAMED),
        ("absent-module>=2,<3\nnumpy", f"Install 'absent-module<3,>=2' {NAMED}"),
        ("Absent_Module ~= 1.0  # a comment", f"Install 'Absent_Module~=1.0' {NAMED}"),
        ("absent-module==1 --hash=sha256:00", f"Install 'absent-module==1' {NAMED}"),
        ("absent-module; python_version < '3'", UNNAMED),
        ("absent-parts>=1", f"{UNNAMED} requirements.txt of the code lists 'absent-parts>=1'."),
        (MANY, "lists 'part0', 'part1', 'part2', 'part3', 'part4', 'part5', 'part6', 'part7', 'part8', "),
        (MANY, "'part9' and 5 more."),
    ],
)
def test_requirements_file_words_the_remedy(load, marker, requirements, remedy):
    """With its versions, where it lists a distribution of the module's name; otherwise it is quoted."""
    with pytest.raises(MissingRequirementsError) as caught:
        load(head="import absent_module", requirements=requirements)
    assert remedy in str(caught.value)
    assert caught.value.modules == ("absent_module",)
    assert not marker.exists()


def test_requirements_file_knows_a_distribution_by_another_name(load):
    """The modules of well-known distributions are known."""
    with pytest.raises(MissingRequirementsError, match=r"Install 'flash-attn==2\.5' \(it provides 'flash_attn'\)"):
        load(head="import flash_attn", requirements="flash-attn==2.5\n")


@pytest.mark.parametrize(
    "requirements", ["absent-distribution", "packaging>=9999", "-r other.txt", "x @ file:///x", "!", "\x00"]
)
def test_requirements_file_keeps_no_code_from_running(load, requirements):
    """What the code certainly imports is there, so it runs: a list says what its author had."""
    assert load(requirements=requirements).weights == [1.0, 2.0]


METADATA = "Metadata-Version: 2.3\nName: made\nVersion: 2.0rc1\n"
BARE = "Metadata-Version: 2.3\nName: bare\n"


def test_versions_that_the_file_lists_are_named_if_the_code_fails(load, tmp_path, monkeypatch):
    """A name that is missing in an installed package may be there in the version that the author had."""
    site = {"made-2.0rc1.dist-info/METADATA": METADATA, "bare-1.dist-info/METADATA": BARE}
    monkeypatch.syspath_prepend(write(tmp_path / "site", site))
    requirements = "made==1.9\nmade>=1\nbare\nabsent-distribution\npackaging>=20\nelse>1; os_name == 'none'\n"
    with pytest.raises(RemoteCodeImportError) as caught:
        load(head="from json import absent_name", requirements=requirements)
    told = (
        ". requirements.txt of the code lists 'made==1.9', and made 2.0rc1 is installed; 'bare', and the installed "
        "bare has no valid version; 'absent-distribution', and absent-distribution is not installed."
    )
    assert str(caught.value).endswith(told)


def test_module_that_is_missed_while_the_code_runs_is_worded_too(load):
    """It was imported under a condition, so nobody has looked for it before."""
    with pytest.raises(RemoteCodeImportError, match=r"Install 'absent-module>=2' \(it provides 'absent_module'\)"):
        load(head="if True:\n    import absent_module", requirements="absent-module>=2")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import absent_module", "absent_module"),
        ("import absent_module.sub as x", "absent_module"),
        ("from absent_module import y", "absent_module"),
        ("class A:\n    import absent_module", "absent_module"),
        ("try:\n    import absent_module\nfinally:\n    pass", "absent_module"),
        ("import flash_attn", r"'flash-attn' \(it provides 'flash_attn'\)"),
        ("import mamba_ssm", r"'mamba-ssm' \(it provides 'mamba_ssm'\)"),
        ("import absent_module", "the distribution that provides 'absent_module'"),
    ],
)
def test_import_of_what_is_not_there_is_found_before_anything_runs(load, marker, line, named):
    """Distributions are named where their name is known."""
    with pytest.raises(MissingRequirementsError, match=named):
        load(head=line)
    assert not marker.exists()


@pytest.mark.parametrize(
    "lines",
    [
        "try:\n    import absent_module\nexcept ImportError:\n    absent_module = None",
        "try:\n    import absent_module\nexcept (ImportError, OSError):\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import absent_module",
        "import typing\nif typing.TYPE_CHECKING:\n    import absent_module",
        "def later():\n    import absent_module",
        "class A:\n    def later(self):\n        import absent_module",
        "text = '''\nimport absent_module\n'''",
        "import sys\nif sys.version_info < (3,):\n    import absent_module",
    ],
)
def test_import_that_may_never_run_is_not_required(load, lines):
    """Optional imports are optional."""
    assert load(head=lines).weights == [1.0, 2.0]


def test_imports_of_files_beside_it_count(load, marker):
    """What a helper module needs, the class needs."""
    with pytest.raises(MissingRequirementsError, match=r"helper\.py imports 'absent_module'"):
        load({"helper.py": "import absent_module\n"}, head="from . import helper")
    assert not marker.exists()


def test_all_that_is_missing_is_named_at_once(load):
    """Nobody wants to install one thing after the other."""
    with pytest.raises(MissingRequirementsError) as caught:
        load({"configuration_tiny.py": f"import absent_two\nimport absent_one\n{CONFIGURATION}"})
    assert caught.value.modules == ("absent_one", "absent_two")


def test_looking_imports_nothing(load, tmp_path, monkeypatch):
    """A package that is needed is found by its place, and runs only when the code imports it."""
    trace = tmp_path / "imported"
    package = write(tmp_path / "site", {"needed_package/__init__.py": f"open({str(trace)!r}, 'w').close()\n"})
    monkeypatch.syspath_prepend(package)
    with pytest.raises(MissingRequirementsError):
        load(head="import needed_package\nimport absent_module")
    assert not trace.exists()
    assert "needed_package" not in sys.modules


def test_error_ends_with_the_command_that_installs_what_is_known(load):
    """With the versions of the code's own list, in quotes: its author may be hostile."""
    with pytest.raises(MissingRequirementsError) as caught:
        load(
            head="import absent_module, flash_attn, mamba_ssm",
            requirements="flash-attn<3,>=2; sys_platform == '$(touch x)'\nmamba-ssm; sys_platform != '$(touch x)'",
        )
    assert caught.value.modules == ("absent_module", "flash_attn", "mamba_ssm")
    assert "the distribution that provides 'absent_module' and try again" in str(caught.value)
    command = str(caught.value).partition("Run: ")[2]
    assert shlex.split(command)[:3] == ["pip", "install", "flash-attn"]
    assert len(shlex.split(command)) == 4


@pytest.mark.parametrize(
    "lines",
    [
        "try:\n    import absent_one\nexcept ImportError:\n    import absent_two as absent_one",
        "try:\n    from absent_one import x\nexcept ModuleNotFoundError as error:\n    x = error",
        "try:\n    if True:\n        import absent_one\nexcept Exception:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import absent_one",
    ],
)
def test_import_whose_absence_the_code_handles_is_not_required(load, lines):
    """Then nobody is asked to install it; what the handler does is the code's own affair."""
    try:
        load(head=lines)
    except MissingRequirementsError:
        pytest.fail("required")
    except RemoteCodeImportError as error:
        assert "absent_two" in str(error)  # noqa: PT017 - the handler has run and failed
