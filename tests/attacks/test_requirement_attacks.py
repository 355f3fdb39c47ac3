"""`hub-code.toml`: requirements and data that are more than names, and imports that are run to see if they work."""

from __future__ import annotations

import os
import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from config_core import SourceCodeError
from hostile import reads_of
from hub_io import MissingRequirementsError, RemoteCodeImportError, RemoteCodeRefusedError
from tiny_checkpoints import CONFIGURATION


def manifest(**values):
    """Return the text of a manifest; TOML reads JSON's lists of texts."""
    import json

    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


ADDRESSES = [
    "evil @ file:///tmp/evil.whl", "evil @ https://host/evil.whl", "evil @ git+https://host/evil",
    "numpy @ file:///tmp/evil", "evil[x] @ http://host/x ; python_version > '3'",
]  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_requirement_that_names_an_address_is_refused(witness, hub, text):
    """Who follows the error's advice would install from there."""
    folder = witness.write({"hub-code.toml": manifest(requires=[text])})
    with pytest.raises(RemoteCodeImportError, match="which names an address"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert hub.requests == []


NO_REQUIREMENTS = {
    "option": "--index-url=http://evil",
    "file of requirements": "-r /etc/passwd",
    "editable": "-e .",
    "path": "./evil",
    "absolute path": "/tmp/evil.whl",
    "shell": "numpy; rm -rf ~",
    "substitution": "$(touch marker)",
    "second line": "numpy\n--extra-index-url http://evil",
    "marker that is code": "numpy; __import__('os').system('x')",
    "marker that calls": "numpy; open('x')",
    "marker of nothing": "numpy; 'a' ~= 'b'",
    "marker of an unknown name": "numpy; home == '/root'",
    "marker that cannot be compared": "numpy; python_full_version ~= 'zz'",
    "deep marker": "numpy; " + "(" * 5000 + "os_name == 'x'" + ")" * 5000,
    "empty": "",
    "control characters": "numpy\x1b[2J",
    "look-alike": "num\u0440y",
    "huge": "numpy" + ",>=1" * 50_000 + "!",
}


@pytest.mark.parametrize("name", NO_REQUIREMENTS)
def test_text_that_is_no_requirement_is_refused(witness, name):
    """Nothing in it is evaluated, and the error is short enough to be read."""
    folder = witness.write({"hub-code.toml": manifest(requires=[NO_REQUIREMENTS[name]])})
    with pytest.raises(RemoteCodeImportError, match="which is no requirement") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 2000
    assert "\x1b" not in str(caught.value)


def test_requirement_that_is_not_met_runs_nothing(witness):
    """Neither the code nor an installer; the error names the distribution, and nothing is fetched."""
    folder = witness.write({"hub-code.toml": manifest(requires=["no-such-distribution>=3"])})
    with pytest.raises(MissingRequirementsError, match=r"no-such-distribution is not installed.*None of it was run"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("text", ["packaging<0.1", "pretrained-config-core>=99", "packaging===0", "PACKAGING>99"])
def test_requirement_on_another_version_runs_nothing(witness, text):
    """Of our own packages, too."""
    folder = witness.write({"hub-code.toml": manifest(requires=[text])})
    with pytest.raises(MissingRequirementsError, match="is installed"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_missing_requirement_is_not_looked_for_by_importing(witness, monkeypatch, tmp_path):
    """A package that runs something when it is imported is only looked for, even where the code needs a part of it."""
    (tmp_path / "site" / "loud_package").mkdir(parents=True)
    (tmp_path / "site" / "loud_package" / "__init__.py").write_text(witness.trace, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    source = f"import no_such_package\nimport loud_package.part\n{CONFIGURATION}"
    folder = witness.write({"configuration_tiny.py": source})
    with pytest.raises(MissingRequirementsError, match="'no_such_package', which is not installed"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert "loud_package" not in sys.modules


@pytest.mark.parametrize("name", ["no_such_package", "no_such_package.part", "hub_io_extras", "\u0440andas"])
def test_missing_import_runs_nothing_of_the_rest(witness, name):
    """It is found before the lines above it run."""
    folder = witness.write({"configuration_tiny.py": f"{witness.trace}\nimport {name}\n{CONFIGURATION}"})
    with pytest.raises(MissingRequirementsError, match="None of it was run"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


OUTSIDE = [
    "../outside/secret.txt", "../*", "../outside/*", "/etc/passwd", "/etc/*", "~/*", "sub/../../outside/*", "..\\*",
    "C:\\*", "//host/*", "./*", "sub//*", "x/.", "a\0b", "\u202e*", " *", "con", "data/nul",
]  # fmt: skip


@pytest.mark.parametrize("trust", [None, True])
@pytest.mark.parametrize("pattern", OUTSIDE)
def test_data_outside_the_folder_is_refused(witness, pattern, trust):
    """A pattern is a plain relative name; nothing outside is read or listed, with trust or without."""
    folder = witness.write({"hub-code.toml": manifest(data=[pattern])})
    with (
        reads_of(witness.outside) as opened,
        pytest.raises((SourceCodeError, RemoteCodeRefusedError), match="plain relative names inside the folder"),
    ):
        AutoConfig.from_pretrained(folder, trust_remote_code=trust)
    assert opened == []


@pytest.mark.parametrize("pattern", [".env", ".git/config", "**/.ssh", ".*", "sub/.hidden"])
def test_hidden_files_are_no_data(witness, pattern):
    """Not by name, and not by a pattern."""
    folder = witness.write({"hub-code.toml": manifest(data=[pattern]), ".env": "x", "sub/.hidden": "x"})
    with pytest.raises(SourceCodeError, match="hidden files are not part of code"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "pattern", ["*", "**", "**/*", "*.json", "*.safetensors", "config.json", "?onfig.json", "*.bin"]
)
def test_data_that_takes_weights_or_config_along_is_refused(witness, pattern):
    """What was reviewed would be another with every save."""
    folder = witness.write({"hub-code.toml": manifest(data=[pattern])})
    with pytest.raises(SourceCodeError, match="that changes with every save"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["link outside", "linked folder", "pipe", "device"])
def test_data_that_is_no_file_of_the_folder_is_refused(witness, kind):
    """Links that leave, pipes and devices are not read as data either; nobody waits for them."""
    folder = witness.write({"hub-code.toml": manifest(data=["tables/secret.txt"])})
    (folder / "tables").mkdir()
    path = folder / "tables" / "secret.txt"
    if kind == "linked folder":
        path.parent.rmdir()
        path.parent.symlink_to(witness.outside)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else witness.outside / "secret.txt")
    witness.note()
    with (
        reads_of(witness.outside) as opened,
        pytest.raises(SourceCodeError, match=r"is a link to|there is no such file|cannot be read"),
    ):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert opened == []


NO_MANIFESTS = {
    "unknown key": "run = 'evil.py'\n",
    "trust": "trust_remote_code = true\n",
    "build system": "[build-system]\nrequires = ['evil']\n",
    "scripts": "[project.scripts]\nx = 'evil:main'\n",
    "requires is a text": "requires = 'numpy'\n",
    "requires is an object": "requires = {numpy = '*'}\n",
    "numbers": "requires = [1]\n",
    "deep": "requires = " + "[" * 100_000,
    "deep closed": "requires = " + "[" * 100_000 + "]" * 100_000,
    "dotted": ".".join(["a"] * 20_000) + " = 1\n",
    "not toml": "requires: [numpy]\n",
    "not utf-8": b"requires = ['\xff']\n",
    "zero byte": "requires = ['a']\0\n",
    "key twice": "requires = []\nrequires = ['evil']\n",
    "large": "#" * 300_000,
    "many": "requires = [" + "'a'," * 1001 + "]\n",
}


@pytest.mark.parametrize("name", NO_MANIFESTS)
def test_manifest_that_says_anything_else_is_refused(witness, name):
    """It has two keys, lists of texts; the error names the file and is short."""
    folder = witness.write({"hub-code.toml": NO_MANIFESTS[name]})
    with pytest.raises(SourceCodeError, match=r"hub-code\.toml") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 2000


def test_patterns_that_multiply_with_files_are_refused(witness):
    """A thousand patterns for thousands of files are no declaration but a way to keep a processor busy."""
    folder = witness.write({"hub-code.toml": manifest(data=["tables/" + "*a" * 100] * 1000)})
    (folder / "tables").mkdir()
    for number in range(2001):
        (folder / "tables" / f"{'a' * 200}{number}").touch()
    witness.note()
    with pytest.raises(SourceCodeError, match="too much to compare"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_data_is_bounded_as_a_whole(witness):
    """It is read into memory."""
    folder = witness.write({"hub-code.toml": manifest(data=["tables/*.txt"])})
    (folder / "tables").mkdir()
    for number in range(3):
        (folder / "tables" / f"{number}.txt").write_bytes(bytes(8 * 1024 * 1024))
    witness.note()
    with pytest.raises(SourceCodeError, match="is larger than 16,777,216 bytes"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "name", ["../../outside/secret.txt", "/etc/passwd", "tables/../../secret.txt", "config.json", ""]
)
def test_code_reads_only_data_that_it_declared_from_its_package(lenient_witness, name):
    """Resources of the package are those of the bundle: no path leads out of it, or to what was not reviewed."""
    source = (
        "import importlib.resources, pkgutil\n"
        f"def by_resources(): return importlib.resources.files(__package__).joinpath({name!r}).read_bytes()\n"
        f"def by_loader(): return pkgutil.get_data(__package__, {name!r})\n"
    )
    files = {
        "configuration_tiny.py": source + CONFIGURATION,
        "hub-code.toml": manifest(data=["tables/x.txt"]),
        "tables/x.txt": "x",
    }
    folder = lenient_witness.write(files, harmless=True)
    module = sys.modules[type(AutoConfig.from_pretrained(folder, trust_remote_code=True)).__module__]
    with reads_of(lenient_witness.outside) as opened:
        for read in (module.by_resources, module.by_loader):
            with pytest.raises((OSError, ValueError)):
                read()
    assert opened == []


def test_file_that_python_is_named_after_shadows_nothing(lenient_witness):
    """Data may be named like modules, and modules like data; neither is imported for the other."""
    files = {"hub-code.toml": manifest(data=["json/__init__.txt", "os.txt"]), "json/__init__.txt": "x", "os.txt": "x"}
    folder = lenient_witness.write(files, harmless=True)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


def test_python_file_among_data_is_part_of_what_was_reviewed(witness):
    """Code can run its data; whoever reviews it sees all of it."""
    files = witness.files({"hub-code.toml": manifest(data=["plugins/*.py"]), "plugins/evil.py": witness.trace})
    folder = witness.write(files)
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  plugins/evil\.py"):
        AutoConfig.from_pretrained(folder)


def test_manifest_of_a_refused_load_installs_and_imports_nothing(witness):
    """Without trust, requirements are not even looked for."""
    folder = witness.write({"hub-code.toml": manifest(requires=["no-such-distribution @ file:///x"])})
    with pytest.raises(RemoteCodeRefusedError, match=r"hub-code\.toml"):
        AutoConfig.from_pretrained(folder)
