"""What code needs is looked for before any of it runs, and without importing anything."""

from __future__ import annotations

import sys

import pytest

from auto_registry import AutoModel
from config_core import SourceCodeError
from hub_io import MissingRequirementsError, RemoteCodeImportError
from tiny_checkpoints import CONFIGURATION, MODELING, files, write


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def load(tmp_path, marker):
    """Write a checkpoint whose code leaves a marker, with some files changed, and load it with trust."""

    def load(changed=(), *, head="", requires=None):
        trace = f"with open({str(marker)!r}, 'a') as file:\n    print(__name__, file=file)\n"
        content = {"modeling_tiny.py": f"{trace}{head}\n{MODELING}", **dict(changed)}
        if requires is not None:
            content["hub-code.toml"] = f"requires = {requires!r}"
        return AutoModel.from_pretrained(write(tmp_path / "saved", files(content)), trust_remote_code=True)

    return load


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("absent-distribution", "absent-distribution is not installed"),
        ("packaging>=9999", r"packaging [\d.]+ is installed"),
        ("packaging<1", r"packaging [\d.]+ is installed"),
        ("pretrained-hub-io>=9", r"pretrained-hub-io [\d.]+ is installed"),
        ("pretrained-config-core==0.0.1", r"pretrained-config-core [\d.]+ is installed"),
        ("packaging[nonsense]", "the installed packaging has no extra 'nonsense'"),
    ],
)
def test_declared_requirement_that_is_not_met_is_named(load, marker, requirement, problem):
    """With what is installed instead; nothing has run."""
    with pytest.raises(MissingRequirementsError, match=problem) as caught:
        load(requires=[requirement])
    assert caught.value.requirements == (requirement,)
    assert f"Install '{requirement}'" in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    "requirement",
    [
        "packaging",
        "packaging>=20",
        "pretrained-config-core>=0.1,<0.2",
        "absent-distribution; python_version < '3'",
        "Pretrained_Hub.IO",
    ],
)
def test_declared_requirement_that_is_met_is_silent(load, requirement):
    """Markers of other systems do not count, and names are compared as PyPI does."""
    assert load(requires=[requirement]).weights == [1.0, 2.0]


@pytest.mark.parametrize(
    ("requirement", "sentence"),
    [
        ("not a requirement", "which is no requirement"),
        ("evil @ https://example.com/evil.whl", "which names an address"),
        ("evil @ file:///tmp/evil", "which names an address"),
        ("-r other.txt", "which is no requirement"),
        ("--index-url=https://example.com", "which is no requirement"),
        ("a; __import__('os').system('true')", "which is no requirement"),
        ("a; os_name ~= 'posix'", "which is no requirement"),
        ("a; 'x' in extras", "which is no requirement"),
        ("a" * 100_000 + "!", "which is no requirement"),
    ],
)
def test_declared_requirement_that_is_none_is_refused(load, marker, requirement, sentence):
    """Only released versions can be required: nothing that an installer would fetch or evaluate."""
    with pytest.raises(RemoteCodeImportError, match=sentence):
        load(requires=[requirement])
    assert not marker.exists()


METADATA = """\
Metadata-Version: 2.3
Name: made
Version: 2.0rc1
Provides-Extra: lacking
Provides-Extra: met
Provides-Extra: elsewhere
Provides-Extra: around
Provides-Extra: broken
Requires-Dist: absent-always
Requires-Dist: absent-lib>=2; extra == "lacking"
Requires-Dist: packaging>=20; extra == "met"
Requires-Dist: absent-lib; extra == "elsewhere" and python_version < "3"
Requires-Dist: made[around,lacking]; extra == "around"
Requires-Dist: absent-lib; extra ~= "broken"
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution that consists of nothing but metadata, called `made`."""

    def install(metadata=METADATA):
        monkeypatch.syspath_prepend(write(tmp_path / "site", {"made-2.0rc1.dist-info/METADATA": metadata}))

    return install


@pytest.mark.parametrize("requirement", ["made", "made>=1", "MADE[Met]", "made[elsewhere]"])
def test_requirement_on_an_extra_that_is_met_is_silent(load, installed, requirement):
    """What an extra needs under a marker that does not hold is not needed; early versions count."""
    installed("".join(line for line in METADATA.splitlines(keepends=True) if "~=" not in line))
    assert load(requires=[requirement]).weights == [1.0, 2.0]


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("made[lacking]", "its extra 'lacking' needs 'absent-lib>=2', and absent-lib is not installed"),
        ("made[around]", "needs 'absent-lib>=2', and absent-lib is not installed"),
        ("made[broken]", "the installed made needs .* which is no requirement"),
        ("made>=2", "made 2.0rc1 is installed"),
    ],
)
def test_requirement_on_an_extra_that_is_not_met_is_named(load, installed, marker, requirement, problem):
    """With what is missing for it, over any number of distributions and in circles."""
    installed()
    with pytest.raises(MissingRequirementsError, match=problem):
        load(requires=[requirement])
    assert not marker.exists()


def test_distribution_without_a_version_meets_nothing(load, installed):
    """Half an installation is none."""
    installed("Metadata-Version: 2.3\nName: made\n")
    with pytest.raises(MissingRequirementsError, match="the installed made does not say its version"):
        load(requires=["made"])


def test_malformed_manifest_lets_nothing_run(load, marker):
    """Its reader is told the file."""
    with pytest.raises(SourceCodeError, match=r"hub-code\.toml"):
        load({"hub-code.toml": "requires = 'numpy'"})
    assert not marker.exists()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import absent_module", "absent_module"),
        ("import absent_module.sub as x", "absent_module"),
        ("from absent_module import y", "absent_module"),
        ("class A:\n    import absent_module", "absent_module"),
        ("try:\n    import absent_module\nfinally:\n    pass", "absent_module"),
        ("import flash_attn", r"flash-attn \(it provides 'flash_attn'\)"),
        ("import mamba_ssm", r"mamba-ssm \(it provides 'mamba_ssm'\)"),
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
        load(
            {"configuration_tiny.py": f"import absent_two\nimport absent_one\n{CONFIGURATION}"},
            requires=["absent-four", "absent-three>=1"],
        )
    assert caught.value.modules == ("absent_one", "absent_two")
    assert caught.value.requirements == ("absent-four", "absent-three>=1")


def test_looking_imports_nothing(load, tmp_path, monkeypatch):
    """A package that is needed is found by its place, and runs only when the code imports it."""
    trace = tmp_path / "imported"
    package = write(tmp_path / "site", {"needed_package/__init__.py": f"open({str(trace)!r}, 'w').close()\n"})
    monkeypatch.syspath_prepend(package)
    with pytest.raises(MissingRequirementsError):
        load(head="import needed_package\nimport absent_module")
    assert not trace.exists()
    assert "needed_package" not in sys.modules


def test_data_is_read_through_the_package_of_the_code(load):
    """`importlib.resources` and `pkgutil` find the declared files, and no other."""
    head = (
        "import importlib.resources, pkgutil\n"
        "TABLE = importlib.resources.files(__package__).joinpath('tables/a.txt').read_text()\n"
        "SAME = pkgutil.get_data(__package__, 'tables/a.txt').decode()\n"
        "OTHERS = importlib.resources.files(__package__).joinpath('weights.json').is_file()\n"
    )
    model = load({"tables/a.txt": "content", "hub-code.toml": 'data = ["tables/*.txt"]'}, head=head)
    module = sys.modules[type(model).__module__]
    assert (module.TABLE, module.SAME, module.OTHERS) == ("content", "content", False)


def test_data_behaves_like_files_of_a_package(load):
    """It is listed, opened, and put on the disk for those who need a path; names that leave the bundle are nothing."""
    head = (
        "import importlib.resources\n"
        "from .sub import block\n"
        "HERE = importlib.resources.files(__package__)\n"
        "NAMES = sorted(path.name for path in HERE.iterdir())\n"
        "INNER = importlib.resources.files(block.__package__).joinpath('b.bin').read_bytes()\n"
        "with importlib.resources.as_file(HERE / 'tables' / 'a.txt') as path:\n"
        "    ON_DISK = path.read_text(encoding='utf-8')\n"
        "LEAVING = ['../weights.json', '/etc/passwd', 'tables/../weights.json', 'tables/../../config.json']\n"
        "FOUND = [name for name in LEAVING if HERE.joinpath(name).is_file() or HERE.joinpath(name).is_dir()]\n"
    )
    data = {"tables/a.txt": "content", "sub/b.bin": "\x00", "sub/__init__.py": "", "sub/block.py": ""}
    model = load({**data, "hub-code.toml": 'data = ["tables/*.txt", "sub/*.bin"]'}, head=head)
    module = sys.modules[type(model).__module__]
    assert module.NAMES == ["configuration_tiny.py", "hub-code.toml", "modeling_tiny.py", "sub", "tables"]
    assert (module.ON_DISK, module.INNER, module.FOUND) == ("content", b"\x00", [])


def test_file_that_is_not_declared_cannot_be_read(load):
    """The error of a missing file, from both ways to ask; what the digest does not cover is not there."""
    head = (
        "import importlib.resources, pkgutil\n"
        "ERRORS = []\n"
        "for read in (importlib.resources.files(__package__).joinpath('weights.json').read_bytes,\n"
        "             lambda: pkgutil.get_data(__package__, 'weights.json')):\n"
        "    try:\n"
        "        read()\n"
        "    except FileNotFoundError as error:\n"
        "        ERRORS.append(error)\n"
    )
    assert len(sys.modules[type(load(head=head)).__module__].ERRORS) == 2


def test_saved_code_takes_its_manifest_and_data_along(load, tmp_path):
    """A config that is saved again has the same code, to the byte."""
    from config_core.code import bundle_of

    model = load({"tables/a.txt": "content", "hub-code.toml": 'data = ["tables/*.txt"]'})
    model.config.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "tables" / "a.txt").read_text(encoding="utf-8") == "content"
    again = AutoModel.from_pretrained(write(tmp_path / "again", {"weights.json": "[1.0, 2.0]"}), trust_remote_code=True)
    assert bundle_of(type(again)).digest == bundle_of(type(model)).digest
