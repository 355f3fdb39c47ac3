"""`requirements.txt`, data that code names, and imports that are run to see if they work."""

from __future__ import annotations

import os
import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from config_core import SourceCodeError
from config_core.code import bundle_of
from hostile import reads_of
from hub_io import MissingRequirementsError, RemoteCodeRefusedError
from tiny_checkpoints import CONFIGURATION

MISSING = f"import no_such_package\n{CONFIGURATION}"
ADDRESSES = [
    "no-such-package @ file:///tmp/evil.whl", "no-such-package @ https://host/evil.whl",
    "no-such-package @ git+https://host/evil", "no-such-package[x] @ http://host/x ; python_version > '3'",
]  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_requirement_that_names_an_address_is_not_repeated(witness, hub, text):
    """Who follows the error's advice would install from there."""
    folder = witness.write({"requirements.txt": text, "configuration_tiny.py": MISSING})
    with pytest.raises(MissingRequirementsError) as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert "evil" not in str(caught.value)
    assert "host" not in str(caught.value)
    assert hub.requests == []


NO_REQUIREMENTS = {
    "option": "--index-url=http://evil",
    "option after a name": "no-such-package --index-url=http://evil",
    "file of requirements": "-r /etc/passwd",
    "editable": "-e .",
    "path": "./evil",
    "absolute path": "/tmp/evil.whl",
    "shell": "no-such-package; rm -rf ~",
    "substitution": "$(touch evil)",
    "second line": "no-such-package\n--extra-index-url http://evil",
    "continued line": "no-such-package \\\n --extra-index-url http://evil",
    "carriage return": "no-such-package\r--extra-index-url http://evil",
    "marker that is code": "no-such-package; __import__('os').system('evil')",
    "marker that calls": "no-such-package; open('evil')",
    "marker of nothing": "no-such-package; 'evil' ~= 'b'",
    "marker of an unknown name": "no-such-package; evil == '/root'",
    "marker that cannot be compared": "no-such-package; python_full_version ~= 'evil'",
    "deep marker": "no-such-package; " + "(" * 5000 + "os_name == 'evil'" + ")" * 5000,
    "control characters": "no-such-package\x1b[2Jevil",
    "control characters in a version": "no-such-package===\x1b[2Jevil",
    "direction of text": "no-such-package===\u202eevil",
    "look-alike": "no-such-packag\u0435===evil",
    "huge": "no-such-package" + ",>=1" * 50_000 + "!evil",
    "many": "evil\n" * 1000 + "no-such-package===evil",
    "not UTF-8": b"no-such-package===\xffevil",
    "zero byte": "no-such-package===\0evil",
}


@pytest.mark.parametrize("name", NO_REQUIREMENTS)
def test_text_that_is_no_requirement_is_not_repeated(witness, name):
    """Nothing in it is evaluated or followed, and the error is short enough to be read."""
    folder = witness.write({"requirements.txt": NO_REQUIREMENTS[name], "configuration_tiny.py": MISSING})
    with pytest.raises(MissingRequirementsError, match="'no_such_package'") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 2000
    assert "\x1b" not in str(caught.value)
    assert name == "many" or "evil" not in str(caught.value).replace(str(folder), "")


def test_requirements_of_a_refused_load_install_and_import_nothing(witness):
    """Without trust, the file is listed and that is all."""
    folder = witness.write({"requirements.txt": "no-such-distribution @ file:///x"})
    with pytest.raises(RemoteCodeRefusedError, match=r"[0-9a-f]{64}  requirements\.txt"):
        AutoConfig.from_pretrained(folder)


@pytest.mark.parametrize(
    "text", ["no-such-distribution>=3", "packaging<0.1", "pretrained-config-core>=99", "PACKAGING>99"]
)
def test_requirements_decide_nothing(lenient_witness, text):
    """A stranger's list neither keeps code from running nor makes anything run that would not."""
    folder = lenient_witness.write({"requirements.txt": text}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link outside", "larger than a list"])
def test_requirements_that_are_no_list_are_not_read(lenient_witness, kind):
    """Nobody waits for a pipe, and what is outside the checkpoint stays unread."""
    folder = lenient_witness.write(harmless=True)
    path = folder / "requirements.txt"
    make = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "link outside": lambda: path.symlink_to(lenient_witness.outside / "secret.txt"),
        "larger than a list": lambda: path.write_text("#" * 70_000, encoding="utf-8"),
    }
    make[kind]()
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened:
        if kind == "link outside":
            with pytest.raises(SourceCodeError, match="is a link to"):
                AutoConfig.from_pretrained(folder, trust_remote_code=True)
        else:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
            assert "requirements.txt" not in bundle_of(type(config)).files
    assert opened == []


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


def naming(*names):
    """Return the source of a config class that looks for files beside itself."""
    return f"HERE = __file__\nNAMES = {names!r}\n{CONFIGURATION}"


OUTSIDE = [
    "../outside/secret.txt", "/etc/passwd", "~/secret.txt", "sub/../../outside/secret.txt", "..\\outside\\secret.txt",
    "C:\\secret.txt", "//host/secret.txt", "sub//secret.txt", "sub/./secret.txt", "a\0b.txt", "\u202esecret.txt",
    " secret.txt", "con.txt", "data/nul.txt", "secret.txt/../../outside/secret.txt", "secret*.txt", "file:///secret.txt",
]  # fmt: skip


@pytest.mark.parametrize("trust", [None, True])
@pytest.mark.parametrize("name", OUTSIDE)
def test_data_outside_the_folder_is_not_data(lenient_witness, name, trust):
    """A name is a plain relative one; nothing outside is read, with trust or without."""
    folder = lenient_witness.write({"configuration_tiny.py": naming(name)}, harmless=True)
    with reads_of(lenient_witness.outside) as opened:
        if trust:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
            assert set(bundle_of(type(config)).files) == {"configuration_tiny.py", "modeling_tiny.py"}
        else:
            with pytest.raises(RemoteCodeRefusedError) as caught:
                AutoConfig.from_pretrained(folder)
            assert set(caught.value.bundle.files) == {"configuration_tiny.py", "modeling_tiny.py"}
    assert opened == []


@pytest.mark.parametrize("name", [".env.txt", ".git/config.txt", "sub/.hidden.txt", "sub/.ssh/id.txt", "server.pem"])
def test_hidden_files_and_keys_are_no_data(witness, name):
    """Code that names them does not get them into what is reviewed, saved and published."""
    folder = witness.write({"configuration_tiny.py": naming(name) + witness.trace, name: "x"})
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {"configuration_tiny.py", "modeling_tiny.py"}


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "__init__.py"]
)
def test_code_cannot_take_weights_or_config_along(witness, name):
    """What was reviewed would be another with every save."""
    content = {} if name == "config.json" else {name: "x"}
    folder = witness.write({"configuration_tiny.py": naming(name) + witness.trace, **content})
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {"configuration_tiny.py", "modeling_tiny.py"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["link outside", "linked folder", "pipe", "device"])
def test_data_that_is_no_file_of_the_folder_is_not_read(lenient_witness, kind):
    """Links that leave, pipes and devices are not read as data either; nobody waits for them."""
    folder = lenient_witness.write({"configuration_tiny.py": naming("tables/secret.txt")}, harmless=True)
    (folder / "tables").mkdir()
    path = folder / "tables" / "secret.txt"
    if kind == "linked folder":
        path.parent.rmdir()
        path.parent.symlink_to(lenient_witness.outside)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else lenient_witness.outside / "secret.txt")
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened:
        if kind in {"pipe", "device"}:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
            assert set(bundle_of(type(config)).files) == {"configuration_tiny.py", "modeling_tiny.py"}
        else:
            with pytest.raises(SourceCodeError, match="is a link to"):
                AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert opened == []


def test_data_is_bounded_as_a_whole(witness):
    """It is read into memory."""
    names = [f"tables/{number}.txt" for number in range(3)]
    folder = witness.write({"configuration_tiny.py": naming(*names) + witness.trace})
    (folder / "tables").mkdir()
    for name in names:
        (folder / name).write_bytes(bytes(8 * 1024 * 1024))
    witness.note()
    with pytest.raises(SourceCodeError, match="exceed 16,777,216 bytes"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_code_that_names_a_hundred_thousand_files_is_only_code(lenient_witness):
    """Names that nothing has cost a look each, and no memory."""
    names = [f"{number:x}.t" for number in range(60_000)]
    folder = lenient_witness.write({"configuration_tiny.py": naming(*names)}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


@pytest.mark.parametrize(
    "name", ["../../outside/secret.txt", "/etc/passwd", "tables/../../secret.txt", "config.json", ""]
)
def test_code_reads_only_data_that_it_names_from_its_package(lenient_witness, name):
    """Resources of the package are those of the bundle: no path leads out of it, or to what was not reviewed."""
    source = (
        "import importlib.resources, pkgutil\n"
        f"def by_resources(): return importlib.resources.files(__package__).joinpath({name!r}).read_bytes()\n"
        f"def by_loader(): return pkgutil.get_data(__package__, {name!r})\n"
        "NAMED = 'tables/x.txt'\n"
    )
    files = {"configuration_tiny.py": source + CONFIGURATION, "tables/x.txt": "x"}
    folder = lenient_witness.write(files, harmless=True)
    module = sys.modules[type(AutoConfig.from_pretrained(folder, trust_remote_code=True)).__module__]
    with reads_of(lenient_witness.outside) as opened:
        for read in (module.by_resources, module.by_loader):
            with pytest.raises((OSError, ValueError)):
                read()
    assert opened == []


def test_file_that_python_is_named_after_shadows_nothing(lenient_witness):
    """Data may be named like modules, and modules like data; neither is imported for the other."""
    source = naming("json/__init__.txt", "os.txt", "json.txt")
    files = {"configuration_tiny.py": source, "json/__init__.txt": "x", "os.txt": "x", "json.txt": "x"}
    folder = lenient_witness.write(files, harmless=True)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


def test_python_file_among_data_is_part_of_what_was_reviewed(witness):
    """Code can run its data; whoever reviews it sees all of it."""
    files = {"configuration_tiny.py": naming("plugins/evil.py") + witness.trace, "plugins/evil.py": witness.trace}
    folder = witness.write(files)
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  plugins/evil\.py"):
        AutoConfig.from_pretrained(folder)


def test_data_in_the_code_store_is_no_way_to_other_files(lenient_witness):
    """The folder that `__file__` is in has the files of the bundle and nothing of the checkpoint beside them."""
    folder = lenient_witness.write(
        {"configuration_tiny.py": naming("a.txt"), "a.txt": "x", "b.txt": "x"}, harmless=True
    )
    module = sys.modules[type(AutoConfig.from_pretrained(folder, trust_remote_code=True)).__module__]
    beside = os.listdir(os.path.dirname(module.__file__))  # noqa: PTH120, PTH208
    assert sorted(beside) == ["a.txt", "configuration_tiny.py", "modeling_tiny.py"]
