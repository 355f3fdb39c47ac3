"""The trust store: who can write into it, who pretends to be it, and code that edits it while it is loaded."""

from __future__ import annotations

import json
import os
import shutil

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel
from config_core.code import CodeBundle
from hub_io import (
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    TrustEntry,
    TrustFile,
    TrustPolicy,
    TrustPolicyError,
    TrustStore,
    TrustStoreError,
    load_into_registry,
)
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json


def write_store(path, code_files, /, **changed):
    """Write a store that trusts the code of a checkpoint, and return its text; entries get the values in `changed`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = CodeBundle({name: text.encode() for name, text in code_files.items() if name.endswith(".py")})
    entry = TrustEntry.of(code, source="me/tiny", commit=None).to_dict() | changed
    path.write_text(json.dumps({"version": 1, "trusted": [entry]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("place", ["", "sub"])
def test_store_inside_the_checkpoint_is_data(witness, monkeypatch, place):
    """A download that brings its own `hub-code.lock`, and a user who works inside of it: the file says so, and why."""
    folder = witness.write({f"{place}/x" if place else "x": ""})
    write_store(folder / place / "hub-code.lock", witness.files())
    witness.note()
    monkeypatch.chdir(folder / place)
    with pytest.raises(RemoteCodeRefusedError, match="a checkpoint cannot declare itself trusted"):
        AutoModel.from_pretrained(folder)


@pytest.mark.parametrize("name", [".", "full"])
def test_store_inside_the_checkpoint_is_data_for_a_config_out_of_it_too(tmp_path, monkeypatch, name):
    """The class of the config knows its checkpoint no more; where its code came from is still known."""
    folder = tiny_checkpoints.write(tmp_path / "ckpt", tiny_checkpoints.files())
    write_store(folder / "hub-code.lock", tiny_checkpoints.files())
    monkeypatch.chdir(folder)
    config = AutoConfig.from_pretrained(folder if name == "full" else name, trust_remote_code=True)
    with pytest.raises(RemoteCodeRefusedError, match="a checkpoint cannot declare itself trusted"):
        AutoModel.from_config(config)


@pytest.mark.parametrize("place", ["", "sub"])
def test_store_inside_a_checkpoint_is_data_for_objects_out_of_other_processes(tmp_path, monkeypatch, place):
    """Nobody knows which folder their code came from, so a file beside a config that ships code is not used."""
    folder = tmp_path / "ckpt"
    named = {(f"{place}/{name}" if place else name): text for name, text in tiny_checkpoints.files().items()}
    tiny_checkpoints.write(folder, named)
    write_store(folder / "hub-code.lock", tiny_checkpoints.files())
    digest = CodeBundle(
        {name: text.encode() for name, text in tiny_checkpoints.files().items() if name.endswith(".py")}
    ).digest
    environ = environment(tmp_path / "cache")
    run_program(tmp_path / "first.py", FIRST, folder, place, environ=environ)
    monkeypatch.chdir(folder / place)
    told = run_program(tmp_path / "second.py", SECOND, digest, environ=environ)
    assert "a checkpoint cannot declare itself trusted" in told


FIRST = """
import sys
from auto_registry import AutoModel
AutoModel.from_pretrained(sys.argv[1], subfolder=sys.argv[2], trust_remote_code=True)
"""
SECOND = """
import importlib, sys
try:
    importlib.import_module(f"hub_io.remote.x_{sys.argv[1]}.modeling_tiny")
except PermissionError as error:
    print(error)
"""


def test_store_inside_the_checkpoint_is_data_by_a_link_to_it_too(witness, monkeypatch, tmp_path):
    """Where the file lies is what counts, not how it was found."""
    folder = witness.write()
    write_store(folder / "hub-code.lock", witness.files())
    witness.note()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "hub-code.lock").symlink_to(folder / "hub-code.lock")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(RemoteCodeRefusedError, match="a checkpoint cannot declare itself trusted"):
        AutoModel.from_pretrained(folder)


def test_store_that_comes_with_a_repository_is_data(witness, hub, monkeypatch):
    """The cache of the Hub's client is no project."""
    from config_core import open_checkpoint

    files = witness.files()
    lock = write_store(witness.outside / "lock", files).read_text(encoding="utf-8")
    sha = hub.create_repo("stranger/tiny", files | {"hub-code.lock": lock})
    snapshot = open_checkpoint("stranger/tiny", revision=sha).local_path("hub-code.lock").parent
    monkeypatch.chdir(snapshot)
    for source in ("stranger/tiny", snapshot):
        with pytest.raises(RemoteCodeRefusedError, match="None of it was run"):
            AutoModel.from_pretrained(source)


def test_store_that_comes_with_a_repository_is_data_for_other_code_too(witness, hub, monkeypatch):
    """It trusts the code of yet another repository, which a config somewhere names."""
    from config_core import open_checkpoint

    files = witness.files()
    lock = write_store(witness.outside / "lock", files, source="evil/code").read_text(encoding="utf-8")
    sha = hub.create_repo("evil/code", files | {"hub-code.lock": lock})
    auto_map = {name: f"evil/code--{reference}" for name, reference in AUTO_MAP.items()}
    folder = witness.write({"config.json": config_json(auto_map)})
    monkeypatch.chdir(open_checkpoint("evil/code", revision=sha).local_path("hub-code.lock").parent)
    with pytest.raises(RemoteCodeRefusedError, match="is part of a downloaded repository"):
        AutoModel.from_pretrained(folder)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX modes")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_store_that_everybody_can_write_is_not_used(witness, monkeypatch, tmp_path, what):
    """In a shared folder, anybody could have put it there; the refusal says that it was found."""
    folder = witness.write()
    path = write_store(tmp_path / "shared" / "hub-code.lock", witness.files())
    (path if what == "file" else path.parent).chmod(0o777)
    monkeypatch.chdir(path.parent)
    with pytest.raises(RemoteCodeRefusedError, match="can be written or replaced by anybody"):
        AutoModel.from_pretrained(folder)


MALFORMED = {
    "not json": "trusted = ['me/tiny']",
    "yes to all": "true",
    "python": "__import__('os').system('x')",
    "list": "[]",
    "no version": '{"trusted": []}',
    "later version": '{"version": 2, "trusted": []}',
    "true for a version": '{"version": true, "trusted": []}',
    "unknown key": '{"version": 1, "trusted": [], "allow": ["*"]}',
    "pattern": '{"version": 1, "trusted": ["*"]}',
    "entry is a name": '{"version": 1, "trusted": ["me/tiny"]}',
    "key twice": '{"version": 1, "trusted": [], "trusted": []}',
    "deep": '{"version": 1, "trusted": ' + "[" * 200_000,
    "empty": "",
    "zero bytes": '{"version": 1, "trusted": []}\0',
}


@pytest.mark.parametrize("trust", [None, True])
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_store_trusts_nothing(witness, monkeypatch, tmp_path, name, trust):
    """Nothing runs until somebody has mended it, not even by the caller's word; the error names the file."""
    (tmp_path / "store.json").write_text(MALFORMED[name], encoding="utf-8")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    folder = witness.write()
    with pytest.raises(TrustStoreError, match=r"store\.json"):
        AutoModel.from_pretrained(folder, trust_remote_code=trust)


ENTRIES = {
    "digest is a pattern": {"digest": "*"},
    "digest is short": {"digest": "0" * 12},
    "digest of something else": {"digest": "0" * 64},
    "digest in capitals": {"digest": "A" * 64},
    "no digest": {"digest": None},
    "commit is a branch": {"commit": "main"},
    "short commit": {"commit": "abc1234"},
    "commit and a line": {"commit": "0" * 40 + "\n"},
    "no files": {"files": {}},
    "files outside": {"files": {"../evil.py": "0" * 64}},
    "any file": {"files": {"*": "0" * 64}},
    "files is a list": {"files": ["evil.py"]},
    "source with control characters": {"source": "me/tiny\x1b[2J"},
    "source is a list": {"source": ["me/tiny", "evil/tiny"]},
    "time is none": {"trusted_at": "always"},
    "key of its own": {"trust_all": True},
}


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_that_means_more_than_one_code_is_refused(witness, monkeypatch, tmp_path, name):
    """An entry is one source, one commit, one digest: no pattern, no branch, and no key beside; the line is named."""
    write_store(tmp_path / "store.json", witness.files(), **ENTRIES[name])
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    folder = witness.write()
    with pytest.raises(TrustStoreError, match=r"store\.json, line 1: entry 1"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_entry_for_a_source_does_not_trust_other_code_of_it(witness, monkeypatch, tmp_path):
    """A name is no reason."""
    folder = witness.write()
    harmless = tiny_checkpoints.files()
    write_store(tmp_path / "store.json", harmless, source=os.path.realpath(folder))
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    with pytest.raises(RemoteCodeRefusedError, match="it differs from the code that was trusted on"):
        AutoModel.from_pretrained(folder)


def test_reviewed_code_is_refused_where_the_caller_says_no(witness, monkeypatch, tmp_path):
    """False is the last word."""
    folder = witness.write()
    write_store(tmp_path / "store.json", witness.files())
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    with pytest.raises(RemoteCodeRefusedError, match="trust_remote_code=False was passed"):
        AutoModel.from_pretrained(folder, trust_remote_code=False)


@pytest.mark.parametrize("said", ["Deny", "DENY", "deny ", "locked,deny", "0", "false", "allow", "no", "off"])
def test_cap_that_nobody_knows_lets_nothing_run(witness, monkeypatch, said):
    """A typing error of an administrator must not be a yes."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", said)
    folder = witness.write()
    with pytest.raises(TrustPolicyError, match="must be 'deny', 'locked' or unset"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    ("cap", "sentence"), [("deny", "switched off here"), ("locked", "only code in the trust store runs here")]
)
def test_cap_holds_against_the_caller(witness, monkeypatch, cap, sentence):
    """Whatever a program or a library says."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    folder = witness.write()
    for load in (AutoConfig.from_pretrained, AutoModel.from_pretrained, load_into_registry):
        with pytest.raises(RemoteCodeRefusedError, match=sentence):
            load(folder, trust_remote_code=True)


def test_policy_of_one_load_is_not_laxer_than_the_environment(witness, monkeypatch):
    """A policy that is passed can only be stricter."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    folder = witness.write()
    with pytest.raises(RemoteCodeRefusedError, match="switched off here"):
        load_into_registry(folder, trust_remote_code=True, policy=TrustPolicy(TrustStore(), cap=None))


EDITS = {
    "adds an entry": (
        "from hub_io import TrustEntry, TrustFile\nfrom config_core.code import CodeBundle\n"
        "from pathlib import Path\n"
        "code = CodeBundle({{path.name: path.read_bytes() for path in Path({inner!r}).glob('*.py')}})\n"
        "TrustFile(Path({store!r})).add(TrustEntry.of(code, source={inner!r}, commit=None))\n"
    ),
    "writes the file": "import shutil\nshutil.copy({ready!r}, {store!r})\n",
    "writes a project's file": "import shutil\nshutil.copy({ready!r}, 'hub-code.lock')\n",
    "names another file": "import os\nos.environ['HUB_IO_TRUST_STORE'] = {ready!r}\n",
    "changes the folder": "import os\nos.chdir({project!r})\n",
    "unsets the cap": "import os\nos.environ.pop('HUB_IO_REMOTE_CODE', None)\n",
    "moves the home": "import os\nos.environ['XDG_CONFIG_HOME'] = {home!r}\nos.environ.pop('HUB_IO_TRUST_STORE')\n",
}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", EDITS)
def test_code_that_edits_the_store_during_its_load_gains_nothing(witness, monkeypatch, tmp_path, name, named):
    """It was let in by a store as it stood then, and what it loads is decided on by that: its entries come too late."""
    inner = tiny_checkpoints.write(tmp_path / "inner", witness.files())
    ready = write_store(tmp_path / "ready.json", witness.files())
    store = tmp_path / ("store.json" if named else "settings/hub-io/trust.json")
    for path in (tmp_path / "project" / "hub-code.lock", tmp_path / "home" / "hub-io" / "trust.json"):
        path.parent.mkdir(parents=True)
        shutil.copy(ready, path)
    edit = EDITS[name].format(
        inner=str(inner),
        store=str(store),
        ready=str(ready),
        project=str(tmp_path / "project"),
        home=str(tmp_path / "home"),
    )
    load = f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(inner)!r})\n"
    files = tiny_checkpoints.files({"configuration_tiny.py": edit + load + CONFIGURATION})
    folder = witness.write({"configuration_tiny.py": files["configuration_tiny.py"], "modeling_tiny.py": MODELING})
    tiny_checkpoints.trust(store, files, source=str(folder))
    if named:
        monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    for variable in ("HUB_IO_TRUST_STORE", "XDG_CONFIG_HOME"):  # what the code changes is put back
        monkeypatch.setenv(variable, os.environ.get(variable, ""))
    with pytest.raises(RemoteCodeImportError, match=r"the code of .* asks for it") as caught:
        AutoConfig.from_pretrained(folder)
    assert isinstance(caught.value.__cause__, RemoteCodeRefusedError)
    assert not witness.marker.exists()


def test_code_that_removes_the_store_during_its_load_gains_nothing(witness, monkeypatch, tmp_path):
    """An empty store trusts nobody, and the caller's word is not that of the code."""
    store = tmp_path / "store.json"
    inner = tiny_checkpoints.write(tmp_path / "inner", witness.files())
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    source = (
        f"import os\nos.remove({str(store)!r})\nfrom auto_registry import AutoModel\n"
        f"AutoModel.from_pretrained({str(inner)!r}, trust_remote_code=True)\n"
    )
    folder = witness.write({"configuration_tiny.py": source + CONFIGURATION})
    write_store(store, tiny_checkpoints.files())
    with pytest.raises(RemoteCodeImportError, match="which only the program may pass"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_library_between_two_checkpoints_cannot_say_yes(witness, monkeypatch, tmp_path):
    """An installed library that hard-codes `trust_remote_code=True` for a part, called by a checkpoint's code."""
    inner = tiny_checkpoints.write(tmp_path / "inner", witness.files())
    library = (
        f"from auto_registry import AutoModel\n\n\ndef part():\n    return AutoModel.from_pretrained({str(inner)!r}, "
    )
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "lenient_library.py").write_text(library + "trust_remote_code=True)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    folder = witness.write(
        {"configuration_tiny.py": f"import lenient_library\nlenient_library.part()\n{CONFIGURATION}"}
    )
    with pytest.raises(RemoteCodeImportError, match="which only the program may pass"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["folder", "link to nothing", "link to itself", "device"])
def test_odd_file_in_the_place_of_the_store_trusts_nothing(witness, monkeypatch, tmp_path, kind):
    """An administrator's mistake ends in an error or in an empty store, and not in a yes."""
    path = tmp_path / "store.json"
    make = {
        "folder": path.mkdir,
        "link to nothing": lambda: path.symlink_to(tmp_path / "nothing"),
        "link to itself": lambda: path.symlink_to(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[kind]()
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(path))
    folder = witness.write()
    with pytest.raises((TrustStoreError, RemoteCodeRefusedError)):
        AutoModel.from_pretrained(folder)


def test_nobody_is_asked(witness, monkeypatch):
    """A library has two answers. It neither prompts, nor sets an alarm, nor reads what stands in the terminal."""
    import builtins
    import io
    import signal
    import sys

    asked = io.StringIO("y\nyes\n")
    monkeypatch.setattr(sys, "stdin", asked)
    prompts = []
    monkeypatch.setattr(builtins, "input", lambda *text: prompts.append(text) or "y")
    before = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    folder = witness.write()
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry in the trust store"):
        AutoModel.from_pretrained(folder)
    assert (prompts, asked.tell()) == ([], 0)
    assert before is None or signal.getsignal(signal.SIGALRM) is before


def test_store_lists_no_file_twice(tmp_path):
    """Of two entries for one source and digest, one would hide the other from a reviewer."""
    path = write_store(tmp_path / "store.json", tiny_checkpoints.files())
    text = json.loads(path.read_text(encoding="utf-8"))
    text["trusted"] *= 2
    path.write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(TrustStoreError, match=r"duplicate entry of .* with this digest"):
        TrustFile(path).entries()


def test_store_that_is_named_inside_the_checkpoint_is_data(witness, monkeypatch):
    """Even the environment cannot make a file of the checkpoint the one that says it is trusted."""
    folder = witness.write()
    write_store(folder / "store.json", witness.files())
    witness.note()
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(folder / "store.json"))
    with pytest.raises(RemoteCodeRefusedError, match="a checkpoint cannot declare itself trusted"):
        AutoModel.from_pretrained(folder)
