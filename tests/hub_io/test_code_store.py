"""The store of trusted code: whole entries or none, and never other bytes than those of the digest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from auto_registry import AutoModel
from config_core.code import CodeBundle, bundle_of
from hub_io import CodeStoreError
from hub_io.code import CodeStore
from other_processes import environment, run_program
from tiny_checkpoints import files, write

BUNDLE = CodeBundle(
    {"modeling.py": b"class Model: pass\n", "tables/a.bin": bytes(range(256)), "requirements.txt": b"numpy\n"},
    {"AutoModel": "modeling.Model"},
)


@pytest.fixture
def store(tmp_path):
    return CodeStore(tmp_path / "code")


@pytest.fixture
def entry(store):
    return store.keep(BUNDLE, source="me/tiny")


def listed(folder):
    return [path.name for path in folder.iterdir()]


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_read_again(store, entry):
    """Files byte for byte, with the classes that they are for and where they came from."""
    kept = store.read(BUNDLE.digest)
    assert (kept.bundle, kept.source) == (BUNDLE, "me/tiny")
    assert names(entry) == ["code.json", "files/modeling.py", "files/requirements.txt", "files/tables/a.bin"]
    assert store.digests() == store.digests(BUNDLE.digest[:12]) == [BUNDLE.digest]


def test_nothing_is_left_beside_the_entry(store, entry):
    """The folder that it was written in is gone."""
    assert listed(store.folder) == [entry.name]


def test_keeping_again_changes_nothing(store, entry):
    """The first entry stays, to the very file."""
    before = {path: path.stat().st_mtime_ns for path in entry.rglob("*")}
    assert store.keep(BUNDLE, source="you/other") == entry
    assert {path: path.stat().st_mtime_ns for path in entry.rglob("*")} == before


def test_classes_that_another_checkpoint_names_are_added(store, entry):
    """The same files serve several checkpoints; where two name one class differently, the latest counts."""
    files = {path: path.stat().st_mtime_ns for path in (entry / "files").rglob("*")}
    store.keep(CodeBundle(BUNDLE.files, {"AutoConfig": "modeling.Config"}), source="you/other")
    store.keep(CodeBundle(BUNDLE.files, {"AutoConfig": "modeling.Other"}), source="you/other")
    kept = store.read(BUNDLE.digest)
    assert kept.bundle.auto_map == {"AutoModel": "modeling.Model", "AutoConfig": "modeling.Other"}
    assert kept.source == "me/tiny"
    assert sorted(listed(entry)) == ["code.json", "files"]
    assert {path: path.stat().st_mtime_ns for path in (entry / "files").rglob("*")} == files


def test_source_with_a_strange_name_is_kept(store):
    """A folder may be called anything; what would move a cursor is left out."""
    store.keep(BUNDLE, source="/data/my\u00a0models\n\udcff")
    assert store.read(BUNDLE.digest).source == "/data/my?models??"


def test_store_that_is_not_there_is_empty(store):
    """Looking into it makes no folder."""
    assert store.digests() == []
    with pytest.raises(CodeStoreError, match="no such entry"):
        store.read(BUNDLE.digest)
    assert not store.folder.exists()


@pytest.mark.parametrize("digest", ["", "..", "../x", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_is_not_looked_up(store, digest):
    """The store's names are digests and nothing else."""
    store.keep(BUNDLE, source="me/tiny")
    with pytest.raises(CodeStoreError, match="no such entry"):
        store.read(digest)


def change(entry, name, content):
    (entry / name).parent.mkdir(parents=True, exist_ok=True)
    (entry / name).write_bytes(content)


HEADER = {"version": 1, "source": "me/tiny", "auto_map": {"AutoModel": "modeling.Model"}}


def header(**changed):
    return json.dumps({**HEADER, **changed}).encode()


POISON = {
    "a byte more": lambda entry: change(entry, "files/modeling.py", b"class Model: pass\n\n"),
    "a byte changed": lambda entry: change(entry, "files/tables/a.bin", bytes(reversed(range(256)))),
    "a file more": lambda entry: change(entry, "files/other.py", b""),
    "a file less": lambda entry: (entry / "files/modeling.py").unlink(),
    "an empty file": lambda entry: change(entry, "files/modeling.py", b""),
    "a file renamed": lambda entry: (entry / "files/modeling.py").rename(entry / "files/model.py"),
    "no files": lambda entry: shutil.rmtree(entry / "files"),
    "nothing": lambda entry: [shutil.rmtree(entry), entry.mkdir()],
    "a file in its place": lambda entry: [shutil.rmtree(entry), entry.write_bytes(b"")],
    "no header": lambda entry: (entry / "code.json").unlink(),
    "a header of another version": lambda entry: change(entry, "code.json", header(version=2)),
    "a header with more": lambda entry: change(entry, "code.json", header(trusted=True)),
    "a header that is no JSON": lambda entry: change(entry, "code.json", b"{"),
    "a header without end": lambda entry: change(entry, "code.json", b"[" * 100_000),
    "a header that is not UTF-8": lambda entry: change(entry, "code.json", b"\xff"),
    "classes elsewhere": lambda entry: change(entry, "code.json", header(auto_map={"AutoModel": "other.Model"})),
    "classes of others": lambda entry: change(
        entry, "code.json", header(auto_map={"AutoModel": "a/b--modeling.Model"})
    ),
    "classes that are none": lambda entry: change(entry, "code.json", header(auto_map={"AutoModel": 3})),
    "classes in a list": lambda entry: change(entry, "code.json", header(auto_map=[])),
    "no classes at all": lambda entry: change(entry, "code.json", header(auto_map=None)),
    "a source that is none": lambda entry: change(entry, "code.json", header(source=["me"])),
    "a source that moves the cursor": lambda entry: change(entry, "code.json", header(source="me\x1b[2K")),
}
if hasattr(os, "mkfifo"):
    POISON["a pipe"] = lambda entry: os.mkfifo(entry / "files" / "pipe.py")
    POISON["a link to nothing"] = lambda entry: (entry / "files" / "link.py").symlink_to("gone.py")


@pytest.mark.parametrize("name", POISON)
def test_poisoned_entry_is_refused_and_replaced(store, entry, name):
    """Reading notices it and says which; keeping the code again makes it whole."""
    POISON[name](entry)
    with pytest.raises(CodeStoreError, match=r"None of it was run\. Remove this folder") as caught:
        store.read(BUNDLE.digest)
    assert caught.value.path == entry
    store.keep(BUNDLE, source="me/tiny")
    assert store.read(BUNDLE.digest).bundle == BUNDLE
    assert listed(store.folder) == [entry.name]


def test_file_beyond_all_measure_is_not_read(store, entry):
    """A sparse file of a terabyte would not fit into memory."""
    with (entry / "files" / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CodeStoreError, match="larger than"):
        store.read(BUNDLE.digest)


def test_leftovers_of_killed_processes_are_removed_in_the_end(store):
    """A day later; what is being written now by others stays."""
    store.folder.mkdir()
    old, new = store.folder / ".new-old", store.folder / ".new-new"
    for folder in (old, new):
        (folder / "entry").mkdir(parents=True)
    os.utime(old, (0, 0))
    store.keep(BUNDLE, source="me/tiny")
    assert not old.exists()
    assert new.exists()
    assert store.digests() == [BUNDLE.digest]


@pytest.mark.parametrize("place", ["{}/cache", "~no-such-user/cache"])
def test_store_that_cannot_be_written_does_not_keep_code_from_loading(tmp_path, monkeypatch, place):
    """Only other processes need it; a home that is read-only, or is not there, is no reason to fail."""
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")
    monkeypatch.setenv("HUB_IO_CACHE", place.format(tmp_path))
    folder = write(tmp_path / "saved", files())
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


def test_code_is_kept_where_the_variable_says(tmp_path, monkeypatch):
    """`HUB_IO_CACHE`, or the system's place for caches."""
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    model = AutoModel.from_pretrained(write(tmp_path / "saved", files()), trust_remote_code=True)
    assert CodeStore.default().folder == tmp_path / "cache" / "code"
    assert CodeStore.default().read(bundle_of(type(model)).digest).bundle == bundle_of(type(model))
    monkeypatch.delenv("HUB_IO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME" if os.name == "posix" else "LOCALAPPDATA", str(tmp_path / "other"))
    assert CodeStore.default().folder == tmp_path / "other" / "hub-io" / "code"


def test_refused_and_failed_code_is_not_kept(tmp_path, monkeypatch):
    """The store holds what has run here and nothing else."""
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": "raise LookupError('boom')\n"}))
    for trust in (None, False, True):
        with pytest.raises((PermissionError, ImportError)):
            AutoModel.from_pretrained(folder, trust_remote_code=trust)
    assert not (tmp_path / "cache").exists()


def test_grants_do_not_grow_beyond_what_a_variable_may_hold(tmp_path):
    """A server that has loaded thousands of models can still start a process; the latest code is what it passes on."""
    program = """
import os, subprocess, sys
from auto_registry.code_load import CodeLoad
from config_core.code import CodeBundle
from hub_io.code import RemoteCode
from hub_io.running import import_classes
from hub_io.trust import Trusted

for number in range(400):
    bundle = CodeBundle({"m.py": f"class C: number = {number}".encode()})
    import_classes(Trusted("a test", RemoteCode.of_bundle(bundle, source="x", load=CodeLoad())), ["m.C"])
granted = os.environ["HUB_IO_GRANTS"].split(",")
assert granted[-1] == bundle.digest
assert len(granted) == len(set(granted)) == 256
subprocess.run([sys.executable, "-c", ""], check=True)
"""
    run_program(tmp_path / "main.py", program, environ=environment(tmp_path / "cache"))


KEEP_AND_DIE = """
import os, signal, sys
from pathlib import Path
from config_core.code import CodeBundle
from hub_io.code import CodeStore

store, event, count = CodeStore(sys.argv[1]), sys.argv[2], int(sys.argv[3])
seen = 0

def die_at(name, arguments):
    global seen
    if name == event and any(str(sys.argv[1]) in str(argument) for argument in arguments):
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_at)
store.keep(CodeBundle({f"module_{number}.py": b"VALUE = 1\\n" * 1000 for number in range(5)}), source="me/tiny")
"""
MANY = CodeBundle({f"module_{number}.py": b"VALUE = 1\n" * 1000 for number in range(5)})


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("event", "count"),
    [("os.mkdir", 1), ("os.mkdir", 2), ("os.mkdir", 3), *(("open", count) for count in range(1, 8)), ("os.rename", 1)],
)
def test_process_killed_while_it_keeps_code_leaves_a_whole_entry_or_none(tmp_path, store, event, count):
    """Killed at any step on the way, it leaves nothing in between that anybody sees; the next one makes it whole."""
    (tmp_path / "main.py").write_text(KEEP_AND_DIE, encoding="utf-8")
    killed = subprocess.run(
        [sys.executable, str(tmp_path / "main.py"), str(store.folder), event, str(count)],
        env=environment(tmp_path / "cache"),
        check=False,
        timeout=120,
    )
    assert killed.returncode == -9
    # Its header and five files; what it opens after that, it opens to clean up.
    finished = event == "open" and count > len(MANY.files) + 1
    assert store.digests() == ([MANY.digest] if finished else [])
    assert [store.read(digest).bundle for digest in store.digests()] == [MANY] * len(store.digests())
    store.keep(MANY, source="me/tiny")
    assert store.read(MANY.digest).bundle == MANY


def test_threads_that_keep_and_poison_and_read_never_see_half_an_entry(store):
    """Readers get the code or a clean refusal while writers, and one who destroys, are at it."""
    store.keep(MANY, source="me/tiny")
    done = threading.Event()

    def destroy():
        for _ in range(50):
            change(store.folder / MANY.digest, "files/module_0.py", b"EVIL = 1\n")
            store.keep(MANY, source="me/tiny")

    def keep():
        for _ in range(50):
            store.keep(MANY, source="me/tiny")

    def read():
        found = []
        while not done.is_set():
            try:
                found.append(store.read(MANY.digest).bundle == MANY)
            except CodeStoreError:
                continue
        return found

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        writers = [pool.submit(keep), pool.submit(keep), pool.submit(destroy)]
        try:
            for writer in writers:
                writer.exception(timeout=120)
        finally:
            done.set()
        assert all(all(reader.result(timeout=60)) for reader in readers)
    store.keep(MANY, source="me/tiny")
    assert store.read(MANY.digest).bundle == MANY
    assert [name for name in listed(store.folder) if not name.startswith(".")] == [MANY.digest]
