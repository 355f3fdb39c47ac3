"""What else lies on the disk: byte code, files that others run by their names, and a store of code that was changed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import pickle
import py_compile
import sys
import zipfile

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel
from config_core import CheckpointNotFoundError, SourceCodeError
from config_core.code import CodeBundle
from hub_io import HUB_SERVICE, CodeStoreError, HubError, RemoteCodeImportError, RemoteCodeRefusedError
from hub_io.code import CodeStore
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json


def compiled(path, source):
    """Write the byte code of other source where Python would look for that of a file, and would not compare them."""
    honest = path.read_bytes()
    path.write_text(source, encoding="utf-8")
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, doraise=True)
    path.write_bytes(honest)


def test_byte_code_beside_the_source_is_not_read(lenient_witness):
    """Python itself would run it unread: its header says that nobody need compare it with the source."""
    folder = lenient_witness.write({"modeling_tiny.py": None}, harmless=True)
    compiled(folder / "configuration_tiny.py", lenient_witness.trace)
    assert list((folder / "__pycache__").iterdir())
    lenient_witness.note()
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


@pytest.mark.parametrize("name", ["configuration_tiny.pyc", "__pycache__/configuration_tiny.{tag}.pyc"])
def test_byte_code_without_source_is_no_code(witness, name):
    """What nobody can read is not run, and the error names the source that is missing."""
    folder = witness.write({"configuration_tiny.py": witness.trace})
    path = folder / name.format(tag=sys.implementation.cache_tag)
    path.parent.mkdir(exist_ok=True)
    py_compile.compile(str(folder / "configuration_tiny.py"), cfile=str(path), doraise=True)
    (folder / "configuration_tiny.py").unlink()
    witness.note()
    with pytest.raises(SourceCodeError, match=r"configuration_tiny\.py: there is no such file"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("suffix", [".so", ".pyd", ".abi3.so", ".pyw", ".PY", ".py~", ".pyi", ".ipynb", ".pyx", ".zip"])
def test_other_kinds_of_modules_are_no_code(witness, suffix):
    """A machine's code least of all."""
    folder = witness.write({"configuration_tiny.py": None, f"configuration_tiny{suffix}": witness.trace})
    with pytest.raises(SourceCodeError, match=r"configuration_tiny\.py: there is no such file"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


RUN_BY_NAME = [
    "__init__.py", "__main__.py", "conftest.py", "setup.py", "sitecustomize.py", "usercustomize.py", "evil.pth",
    "hub_io.py", "config_core/__init__.py", "pyproject.toml", "setup.cfg", "noxfile.py", "Makefile", ".env",
    ".git/hooks/post-checkout", "pip.conf", "_distutils_hack/__init__.py", "entry_points.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", RUN_BY_NAME)
def test_file_that_others_run_by_its_name_is_only_a_file(lenient_witness, monkeypatch, name):
    """Python, pip, pytest and git each have such names; even from inside the folder, trusting its model runs none."""
    folder = lenient_witness.write({name: lenient_witness.trace}, harmless=True)
    monkeypatch.chdir(folder)
    before = list(sys.path)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]
    assert sys.path == before


@pytest.mark.parametrize("how", ["file", "sub"])
def test_archive_is_no_folder(witness, how):
    """Python imports from archives; a checkpoint is not opened from one."""
    archive = witness.folder / "model.zip"
    witness.folder.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in witness.files().items():
            file.writestr(name, content)
    witness.note()
    source = archive if how == "file" else archive / "sub"
    with pytest.raises((CheckpointNotFoundError, NotADirectoryError, ValueError), match=r"model\.zip"):
        AutoModel.from_pretrained(source, trust_remote_code=True)


def kept(files, source="me/tiny"):
    """Put code into this user's store of code, as a process that trusted it would have, and return it."""
    code = CodeBundle({name: text.encode() for name, text in files.items() if name.endswith(".py")}, AUTO_MAP)
    return code, CodeStore.default().keep(code, source=source)


@pytest.fixture
def reviewed(tmp_path, monkeypatch):
    """Return files of a checkpoint whose code somebody has put into the trust store, and that no test has run."""
    files = tiny_checkpoints.files({"configuration_tiny.py": f"{CONFIGURATION}# {tmp_path.name}\n"})
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    tiny_checkpoints.trust(tmp_path / "store.json", files)
    return files


def pickled(digest, name="Wanted", module="modeling_tiny"):
    """Return a pickle that wants a class of some code."""
    return f"chub_io.remote.me_tiny_{digest}.{module}\n{name}\n.".encode()


def test_pickle_of_code_that_nobody_trusts_is_refused(witness):
    """It lies in the store of code, which is a cache and no reason: the policy of this process is asked."""
    code, _ = kept(witness.files())
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry in the trust store"):
        pickle.loads(pickled(code.digest[:12]))


@pytest.mark.parametrize("trust", ["deny", "locked"])
def test_pickle_of_code_is_held_to_the_cap(witness, monkeypatch, trust):
    """As every other way to code."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", trust)
    code, _ = kept(witness.files())
    with pytest.raises(RemoteCodeRefusedError, match=f"HUB_IO_REMOTE_CODE={trust}"):
        pickle.loads(pickled(code.digest))


def test_import_statement_of_code_that_nobody_trusts_is_refused(witness):
    """An installed module that imports `hub_io.remote…` by name gets no further."""
    code, _ = kept(witness.files())
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry in the trust store"):
        importlib.import_module(f"hub_io.remote.me_tiny_{code.digest[:12]}.modeling_tiny")


def test_looking_for_code_that_nobody_trusts_runs_nothing(witness):
    """`find_spec` imports the parents of what it looks for."""
    code, _ = kept(witness.files())
    with pytest.raises(RemoteCodeRefusedError):
        importlib.util.find_spec(f"hub_io.remote.me_tiny_{code.digest[:12]}.modeling_tiny")


NAMES = [
    "../../evil", "..", "/etc", "x_" + "0" * 11, "x_" + "g" * 12, "x_" + "0" * 13, "x_" + "0" * 12 + "/../evil", "",
    "x_" + "*" * 12, "x_" + "0" * 12 + "\0", "\u0445_" + "0" * 12,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pickle_cannot_name_another_place(witness, name):
    """What stands where the digest should is no path and no pattern."""
    kept(witness.files())
    text = f"chub_io.remote.{name}.modeling_tiny\nWanted\n.".encode()
    with pytest.raises((ImportError, ValueError, pickle.UnpicklingError)):
        pickle.loads(text)


TAMPERED = {
    "changed byte": lambda entry, trace: (entry / "files" / "modeling_tiny.py").write_text(trace, encoding="utf-8"),
    "added file": lambda entry, trace: (entry / "files" / "extra.py").write_text(trace, encoding="utf-8"),
    "missing file": lambda entry, trace: (entry / "files" / "modeling_tiny.py").unlink() or trace,
    "moved file": lambda entry, trace: (entry / "files" / "modeling_tiny.py").rename(entry / "files" / "x.py") or trace,
    "no header": lambda entry, trace: (entry / "code.json").unlink() or trace,
    "header is no JSON": lambda entry, trace: (entry / "code.json").write_text(trace, encoding="utf-8"),
    "header of another class": lambda entry, _: change_header(entry, auto_map={"AutoModel": "os.system"}),
    "header of another repository": lambda entry, _: change_header(entry, auto_map={"AutoModel": "a/b--evil.Evil"}),
    "header of a source with control characters": lambda entry, _: change_header(entry, source="\x1b[2J me/tiny"),
    "header that grants": lambda entry, _: change_header(entry, trust_remote_code=True),
    "header without end": lambda entry, _: (entry / "code.json").write_text("[" * 100_000, encoding="utf-8"),
}


def change_header(entry, **values):
    """Change what stands beside the files of an entry."""
    header = json.loads((entry / "code.json").read_text(encoding="utf-8"))
    (entry / "code.json").write_text(json.dumps(header | values), encoding="utf-8")


@pytest.mark.parametrize("name", TAMPERED)
def test_store_of_code_that_was_changed_gives_nothing(witness, reviewed, name):
    """Even to those who trust the code by its digest: bytes that do not have it are an error, which names the entry."""
    code, entry = kept(reviewed)
    TAMPERED[name](entry, witness.trace)
    with pytest.raises(CodeStoreError, match=str(entry)):
        pickle.loads(pickled(code.digest[:12]))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "link to a device", "link outside", "folder"])
@pytest.mark.parametrize("name", ["code.json", "files/modeling_tiny.py"])
def test_odd_file_in_the_store_of_code_makes_nobody_wait(witness, reviewed, name, kind):
    """Its reader meets pipes and devices as everybody else."""
    code, entry = kept(reviewed)
    path = entry / name
    path.unlink()
    make = {
        "pipe": lambda: os.mkfifo(path),
        "link to a device": lambda: path.symlink_to("/dev/zero"),
        "link outside": lambda: path.symlink_to(witness.outside / "secret.txt"),
        "folder": path.mkdir,
    }
    make[kind]()
    with pytest.raises(CodeStoreError, match=str(entry)):
        pickle.loads(pickled(code.digest[:12]))


def test_poisoned_entry_is_replaced_by_the_next_load(lenient_witness):
    """A load reads its checkpoint and not the store; what it then keeps is what it has run."""
    code, entry = kept(tiny_checkpoints.files())
    (entry / "files" / "configuration_tiny.py").write_text(lenient_witness.trace, encoding="utf-8")
    folder = lenient_witness.write(harmless=True)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]
    assert CodeStore.default().read(code.digest).bundle == code


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a link to nothing", "a link to itself"])
@pytest.mark.parametrize("offline", [False, True])
def test_odd_file_in_the_cache_of_downloads_makes_nobody_wait(hub, tmp_path, kind, offline):
    """A cache on a shared volume may hold anything: the load downloads again, or ends with an error of ours."""
    commit = hub.create_repo("me/tiny", tiny_checkpoints.files())
    options = {"revision": commit, "cache_dir": tmp_path / "downloads"}
    path = HUB_SERVICE.open("me/tiny", **options).local_path("config.json")
    path.unlink()
    make = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a link to nothing": lambda: path.symlink_to("nothing"),
        "a link to itself": lambda: path.symlink_to(path),
    }
    make[kind]()
    with contextlib.suppress(HubError):
        content = HUB_SERVICE.open("me/tiny", local_files_only=offline, **options).read_bytes("config.json", limit=1000)
        assert content == hub.files("me/tiny")["config.json"]


def test_store_of_code_that_is_a_file_fails_nobody(lenient_witness, tmp_path, monkeypatch):
    """Only other processes need it."""
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    folder = lenient_witness.write({"configuration_tiny.py": f"{CONFIGURATION}# of its own\n"}, harmless=True)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


GRANTS = """
import os, pickle, sys
from auto_registry import AutoConfig

config = AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)
print(os.environ["HUB_IO_GRANTS"].count(sys.argv[2]))
try:
    pickle.loads(sys.argv[3].encode())
except PermissionError as error:
    print(type(error).__name__)
try:
    AutoConfig.from_pretrained(sys.argv[4])
except PermissionError as error:
    print(type(error).__name__)
"""


def test_code_that_grants_itself_more_gets_it_not(witness, tmp_path):
    """It writes evil code into the store of code, and its digest into the variable of grants: neither counts here."""
    evil, _ = kept(witness.files())
    line = f"import os; os.environ['HUB_IO_GRANTS'] = {evil.digest!r}\n"
    tiny_checkpoints.write(tmp_path / "outer", tiny_checkpoints.files({"configuration_tiny.py": line + CONFIGURATION}))
    tiny_checkpoints.write(tmp_path / "inner", witness.files())
    arguments = (tmp_path / "outer", evil.digest, pickled(evil.digest).decode(), tmp_path / "inner")
    printed = run_program(tmp_path / "main.py", GRANTS, *arguments, environ=environment(tmp_path / "cache"))
    assert printed == "1\nRemoteCodeRefusedError\nRemoteCodeRefusedError\n"


@pytest.mark.parametrize(
    "grant", ["*", "all", "1", "True", ",", "../evil", "0" * 64, "{digest}0", "{start}", "{upper}"]
)
def test_grant_is_a_whole_digest_and_nothing_else(witness, tmp_path, grant):
    """No pattern, no beginning, and no truth value."""
    evil, _ = kept(witness.files())
    value = grant.format(digest=evil.digest, start=evil.digest[:63], upper=evil.digest.upper())
    program = (
        "import pickle, sys\ntry:\n    pickle.loads(sys.argv[1].encode())\nexcept PermissionError as e:\n    print(e)"
    )
    environ = environment(tmp_path / "cache", HUB_IO_GRANTS=value)
    printed = run_program(tmp_path / "main.py", program, pickled(evil.digest).decode(), environ=environ)
    assert "it has no entry in the trust store" in printed


def test_two_folders_of_one_name_share_nothing(lenient_witness, tmp_path):
    """Code is found by its content: a folder called like another, with other files, is other code."""
    one = tiny_checkpoints.write(tmp_path / "a" / "tiny", tiny_checkpoints.files())
    other_files = tiny_checkpoints.files({"configuration_tiny.py": f"{CONFIGURATION}    other = 1\n"})
    two = tiny_checkpoints.write(tmp_path / "b" / "tiny", other_files)
    first = type(AutoConfig.from_pretrained(one, trust_remote_code=True))
    second = type(AutoConfig.from_pretrained(two, trust_remote_code=True))
    assert first is not second
    assert (hasattr(first, "other"), hasattr(second, "other")) == (False, True)
    assert lenient_witness.marker.exists() is False


def test_code_in_memory_is_not_what_a_later_folder_says(lenient_witness, tmp_path):
    """A class that was loaded before is taken again only for the same bytes, whatever file they claim to be."""
    folder = lenient_witness.write(harmless=True)
    first = type(AutoModel.from_pretrained(folder, trust_remote_code=True))
    again = tiny_checkpoints.write(
        tmp_path / "again", tiny_checkpoints.files({"modeling_tiny.py": MODELING + "X = 1\n"})
    )
    second = type(AutoModel.from_pretrained(again, trust_remote_code=True))
    assert (first.__name__, second.__name__) == ("TinyModel", "TinyModel")
    assert first is not second


def test_trust_does_not_stay_for_the_next_load_of_the_same_bytes(lenient_witness):
    """The classes are in memory; who does not trust them now gets a refusal all the same."""
    folder = lenient_witness.write(harmless=True)
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    for trust in (None, False):
        with pytest.raises(RemoteCodeRefusedError):
            AutoModel.from_pretrained(folder, trust_remote_code=trust)


def test_module_that_somebody_put_into_sys_modules_is_not_taken(lenient_witness, monkeypatch):
    """A name that looks like that of the code does not make a module the code."""
    from types import ModuleType

    folder = lenient_witness.write(
        {"config.json": config_json({"AutoConfig": "only.TinyConfig"}), "only.py": f"{CONFIGURATION}# planted\n"},
        harmless=True,
    )
    code = CodeBundle({"only.py": (folder / "only.py").read_bytes()})
    name = f"hub_io.remote.x_{code.digest[:12]}"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{name}.only", ModuleType(f"{name}.only"))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert type(config).__module__ != f"{name}.only"
    assert config.size == 2


def test_failed_code_is_not_kept_for_other_processes(lenient_witness):
    """The store has what has run here."""
    folder = lenient_witness.write({"configuration_tiny.py": "raise LookupError\n"}, harmless=True)
    before = CodeStore.default().digests()
    with pytest.raises(RemoteCodeImportError):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert CodeStore.default().digests() == before
