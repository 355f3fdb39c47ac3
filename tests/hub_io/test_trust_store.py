"""The files of trusted code: read strictly, written as one step, and nothing lost between writers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from config_core.code import CodeBundle
from hub_io import TrustEntry, TrustFile, TrustStore, TrustStoreError
from hub_io.file_changes import compare_files
from hub_io.trust import MAX_STORE_BYTES

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def entry(source="me/tiny", text="VALUE = 1\n", **changed):
    """Return an entry for a bundle of one file."""
    bundle = CodeBundle({"modeling_tiny.py": text.encode()})
    values = {
        "source": source,
        "commit": COMMIT,
        "digest": bundle.digest,
        "files": bundle.file_digests(),
        "trusted_at": "2026-01-31T12:00:00Z",
        "note": "read it",
    }
    return TrustEntry(**values | changed)


@pytest.fixture
def file(tmp_path):
    return TrustFile(tmp_path / "trust.json")


def test_entry_comes_back_as_it_was(file):
    """Source, commit, digests, time and note."""
    file.add(entry(note="schön\nzwei"))
    assert file.entries() == (entry(note="schön\nzwei"),)
    assert hash(file.entries()[0]) == hash(entry(note="schön\nzwei"))


def test_file_is_made_for_people(file):
    """One key a line, sorted by source, so that a change of it can be reviewed."""
    file.add(entry("you/other"))
    file.add(entry("me/tiny"))
    lines = file.path.read_text(encoding="utf-8").splitlines()
    assert lines[1] == '  "version": 1,'
    assert lines.index('      "source": "me/tiny",') < lines.index('      "source": "you/other",')


def test_order_of_adding_does_not_matter(tmp_path):
    """The same entries make the same file."""
    entries = [entry(f"me/{name}", text) for name in "ab" for text in ("1\n", "2\n")]
    one, two = TrustFile(tmp_path / "one.json"), TrustFile(tmp_path / "two.json")
    for item in entries:
        one.add(item)
    for item in reversed(entries):
        two.add(item)
    assert one.path.read_bytes() == two.path.read_bytes()


def test_file_that_is_not_there_has_no_entries(file):
    """And reading makes none."""
    assert file.entries() == ()
    assert not file.path.exists()


def test_file_is_made_with_its_folder(tmp_path):
    """The first entry of a user."""
    file = TrustFile(tmp_path / "config" / "hub-io" / "trust.json")
    file.add(entry())
    assert {path.name for path in file.path.parent.iterdir()} <= {"trust.json", ".trust.json.guard"}


def test_same_code_trusted_again_is_one_entry(file):
    """With the newer commit and note."""
    file.add(entry())
    file.add(entry(commit="f" * 40, note="again"))
    assert [(item.commit, item.note) for item in file.entries()] == [("f" * 40, "again")]


def test_other_code_of_a_source_is_another_entry(file):
    """The newest comes first."""
    file.add(entry(text="1\n"))
    file.add(entry(text="2\n", trusted_at="2026-02-01T00:00:00Z"))
    file.add(entry(text="3\n", trusted_at="2025-02-01T00:00:00Z"))
    assert [item.trusted_at[:7] for item in file.entries()] == ["2026-02", "2026-01", "2025-02"]


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ({"source": "a/x"}, {("b/x", "1")}),
        ({"digest": "1"}, {("a/x", "2")}),
        ({"source": "a/x", "digest": "1"}, {("a/x", "2"), ("b/x", "1")}),
        ({"source": "c/x"}, {("a/x", "1"), ("a/x", "2"), ("b/x", "1")}),
    ],
)
def test_entries_are_removed_by_source_and_digest(file, which, left):
    """What was removed is returned."""
    names = {entry(text="1\n").digest: "1", entry(text="2\n").digest: "2"}
    for source, text in [("a/x", "1\n"), ("a/x", "2\n"), ("b/x", "1\n")]:
        file.add(entry(source, text))
    if "digest" in which:
        which = which | {"digest": next(digest for digest, name in names.items() if name == which["digest"])}
    removed = file.remove(**which)
    assert {(item.source, names[item.digest]) for item in file.entries()} == left
    assert len(removed) == 3 - len(left)
    with pytest.raises(ValueError, match="source=, digest= or both"):
        file.remove()


def broken(change):
    """Return the text of a store with one entry that was changed."""
    values = {"version": 1, "trusted": [entry("a/first").to_dict(), entry().to_dict()]}
    change(values)
    return json.dumps(values, indent=2)


def with_value(key, value):
    return broken(lambda values: values["trusted"][1].update({key: value}))


def without(key):
    return broken(lambda values: values["trusted"][1].pop(key))


TEXT = broken(lambda values: None)  # noqa: ARG005 - nothing is changed
OTHER = hashlib.sha256(b"other").hexdigest()

MALFORMED = {
    "no json": (TEXT.replace('"version"', "version"), 2),
    "cut": (TEXT[:-4], TEXT.count("\n")),
    "empty": ("", 1),
    "list": ("[]", 1),
    "other keys": ('{"version": 1, "trusted": [], "trust_remote_code": true}', 1),
    "no version": ('{"trusted": []}', 1),
    "newer version": (broken(lambda values: values.update(version=2)), 2),
    "version true": (broken(lambda values: values.update(version=True)), 2),
    "no list": ('{"version": 1,\n "trusted": {}}', 2),
    "no object": ('{"version": 1,\n "trusted": [\n"me/tiny"]}', 3),
    "unknown key": (with_value("always", True), 23),
    "missing key": (without("note"), 14),
    "version twice": ('{"version": 1,\n "version": 1, "trusted": []}', 2),
    "key twice": (TEXT.replace('"commit"', '"source": "me/tiny",\n      "commit"'), 6),
    "entry twice": (broken(lambda values: values["trusted"].append(values["trusted"][0])), 25),
    "empty source": (with_value("source", ""), 15),
    "control character": (with_value("source", "me\x1b[31m"), 15),
    "short commit": (with_value("commit", COMMIT[:12]), 16),
    "branch": (with_value("commit", "main"), 16),
    "short digest": (with_value("digest", "ab"), 17),
    "other digest": (with_value("digest", OTHER), 17),
    "no files": (with_value("files", {}), 18),
    "files list": (with_value("files", ["a.py"]), 18),
    "escaping file": (with_value("files", {"../a.py": OTHER}), 18),
    "other file digest": (with_value("files", {"modeling_tiny.py": OTHER}), 17),
    "upper case": (with_value("files", {"modeling_tiny.py": OTHER.upper()}), 18),
    "no time": (with_value("trusted_at", "yesterday"), 21),
    "local time": (with_value("trusted_at", "2026-01-31T12:00:00"), 21),
    "impossible time": (with_value("trusted_at", "2026-02-31T12:00:00Z"), 21),
    "note": (with_value("note", None), 22),
    "history": (with_value("history", {}), 23),
    "history of strings": (with_value("history", ["Ada"]), 23),
    "history without a note": (with_value("history", [{"trusted_at": "2026-01-31T12:00:00Z"}]), 23),
    "history of no time": (
        with_value("history", [{"trusted_at": "", "by": "Ada", "commit": None, "note": ""}]),
        23,
    ),
    "by": (with_value("by", 3), 23),
    "note that is half a character": (with_value("note", "\ud800"), 22),
    "source that is half a character": (with_value("source", "me/\ud800"), 15),
    "file that is half a character": (with_value("files", {"\ud800.py": OTHER}), 18),
}


@pytest.mark.parametrize(("text", "line"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_file_is_an_error_with_its_line(file, text, line):
    """Nothing of such a file is believed, and nothing is added to it."""
    file.path.write_text(text, encoding="utf-8")
    before = file.path.read_bytes()
    for use in (file.entries, lambda: file.add(entry()), lambda: file.remove(source="me/tiny")):
        with pytest.raises(TrustStoreError) as caught:
            use()
        assert (caught.value.path, caught.value.line) == (file.path, line), str(caught.value)
        assert str(caught.value).startswith(f"{file.path}, line {line}: ")
        assert isinstance(caught.value, ValueError)
    assert file.path.read_bytes() == before
    assert {path.name for path in file.path.parent.iterdir()} <= {"trust.json", ".trust.json.guard"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"version": 1,\n"trusted": "\xff"}', "line 2: this is not UTF-8"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"version": ' + b"1" * 5000 + b', "trusted": []}', "Exceeds the limit"),
        (b" " * (MAX_STORE_BYTES + 1), "larger than"),
    ],
    ids=["not UTF-8", "deep", "number", "large"],
)
def test_file_beyond_measure_is_an_error(file, content, sentence):
    """No store of anybody's looks like that."""
    file.path.write_bytes(content)
    with pytest.raises(TrustStoreError, match=sentence):
        file.entries()


def test_folder_in_the_place_of_a_file_is_an_error(file):
    """What cannot be read is not taken for empty."""
    file.path.mkdir()
    with pytest.raises(TrustStoreError, match="cannot be read"):
        file.entries()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_in_the_place_of_a_file_is_an_error(file):
    """Nobody waits for what somebody might write into it."""
    os.mkfifo(file.path)
    with pytest.raises(TrustStoreError, match="it is not a file"):
        file.entries()


@pytest.mark.parametrize(
    ("key", "value"), [("source", None), ("commit", "main"), ("digest", OTHER), ("files", {}), ("trusted_at", "")]
)
def test_entry_checks_itself(key, value):
    """What could not be read again cannot be made either."""
    with pytest.raises(ValueError, match=key):
        entry(**{key: value})


def test_writer_that_dies_leaves_the_old_file(file):
    """The new content lies beside it until it is whole, and the next writer is not kept out."""
    file.add(entry())
    before = file.path.read_bytes()
    program = """
import os, sys
from pathlib import Path
from hub_io import TrustFile
os.fsync = lambda descriptor: os._exit(9)
file = TrustFile(Path(sys.argv[1]))
file.remove(source="me/tiny")
"""
    done = subprocess.run([sys.executable, "-c", program, str(file.path)], check=False, timeout=60)
    assert done.returncode == 9
    assert file.path.read_bytes() == before
    file.add(entry("me/other"))
    assert [item.source for item in file.entries()] == ["me/other", "me/tiny"]


def test_writer_that_was_stopped_keeps_nobody_waiting_for_ever(file, monkeypatch):
    """The error names the lock, for whoever looks for the process that holds it; reading needs none."""
    monkeypatch.setattr("hub_io.trust._store._LOCK_SECONDS", 0.0)
    file.add(entry())
    with FileLock(file.path.with_name(".trust.json.guard")):
        for change in (lambda: file.add(entry("me/other")), lambda: file.remove(source="me/tiny")):
            with pytest.raises(TrustStoreError, match=r"locked by '\.trust\.json\.guard'.*another process holds it"):
                change()
        assert file.entries() == (entry(),)
    assert file.remove(source="me/tiny")


def test_threads_that_add_at_once_lose_nothing(file):
    """Each adds one entry."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: file.add(entry(f"me/m{number}")), range(40)))
    assert {item.source for item in file.entries()} == {f"me/m{number}" for number in range(40)}
    assert {path.name for path in file.path.parent.iterdir()} <= {"trust.json", ".trust.json.guard"}


def test_processes_that_add_at_once_lose_nothing(file):
    """Each adds ten entries, and readers meanwhile see whole files."""
    program = """
import json, sys
from pathlib import Path
from hub_io import TrustEntry, TrustFile
file, values = TrustFile(Path(sys.argv[1])), json.loads(sys.argv[2])
for number in range(10):
    file.add(TrustEntry(**values | {"source": f"me/{sys.argv[3]}-{number}"}))
    file.entries()
"""
    values = json.dumps(entry().to_dict())
    writers = [subprocess.Popen([sys.executable, "-c", program, str(file.path), values, str(n)]) for n in range(4)]
    while any(writer.poll() is None for writer in writers):
        file.entries()
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    assert len(file.entries()) == 40


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_owner_may_write(file):
    """Whoever may write the file may make code run; a file that was too open is closed."""
    file.add(entry())
    assert file.path.stat().st_mode & 0o777 == 0o644
    file.path.chmod(0o666)
    file.add(entry("me/other"))
    assert file.path.stat().st_mode & 0o777 == 0o644
    file.path.chmod(0o600)
    file.add(entry("me/third"))
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_file_behind_a_link_is_written_where_it_lies(tmp_path):
    """The link stays, as people who keep their settings elsewhere expect."""
    (tmp_path / "kept").mkdir()
    link = TrustFile(tmp_path / "trust.json")
    link.path.symlink_to(tmp_path / "kept" / "trust.json")
    link.add(entry())
    assert link.path.is_symlink()
    assert TrustFile(tmp_path / "kept" / "trust.json").entries() == (entry(),)


def test_first_file_of_a_store_counts_most(tmp_path):
    """A project's entry pins before the user's, and either trusts."""
    project, user = TrustFile(tmp_path / "hub-code.lock"), TrustFile(tmp_path / "trust.json")
    project.add(entry(commit="1" * 40))
    user.add(entry(commit="2" * 40, text="2\n", trusted_at="2026-12-01T00:00:00Z"))
    user.add(entry("me/other", commit=None))
    store = TrustStore((project, user))
    assert [item.commit for item in store.for_source("me/tiny")] == ["1" * 40, "2" * 40]
    assert (store.pin("me/tiny"), store.pin("me/other"), store.pin("me/none")) == ("1" * 40, None, None)
    found = store.find(entry(text="2\n").digest)
    assert (found.commit, store.file_of(found)) == ("2" * 40, user)
    assert store.find(OTHER) is None


def test_store_is_read_once(file):
    """Whoever holds one decides by what stood there, whatever is written meanwhile."""
    store = TrustStore((file,))
    assert store.find(entry().digest) is None
    file.add(entry())
    assert store.find(entry().digest) is None
    assert TrustStore((file,)).find(entry().digest) == entry()


def test_file_inside_a_checkpoint_does_not_count_for_it(tmp_path):
    """Not through a link either; the store says why it is not used."""
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    store = TrustStore((TrustFile(folder / "hub-code.lock"), TrustFile(tmp_path / "trust.json")))
    for name in ("model", "link"):
        rest = store.without(tmp_path / name)
        assert rest.files == (TrustFile(tmp_path / "trust.json"),)
        assert "a checkpoint cannot declare itself trusted" in rest.ignored[folder / "hub-code.lock"]
    assert store.without(tmp_path / "other") is store


def test_changes_between_two_bundles_are_named():
    """By file: what changed, what is new, what is gone."""
    changes = compare_files({"a.py": "1", "b.py": "1", "c.py": "1"}, {"a.py": "1", "b.py": "2", "d.py": "1"})
    assert (changes.changed, changes.added, changes.removed) == (("b.py",), ("d.py",), ("c.py",))
