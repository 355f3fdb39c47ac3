"""Saving a folder as one step: real processes that are killed, that fail and that save at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config_core import (
    CheckpointChangedError,
    CheckpointFileNotFoundError,
    ConfigFileError,
    FolderCheckpoint,
    PretrainedConfig,
    SaveError,
    UnsafeNameError,
    staged_save,
)
from config_core.checkpoint import pending_files
from interrupted_saves import interrupt_save

# Two checkpoints that lie in one folder one after the other: whole weights and code, and weights in parts.
SAVES = """
import json, os, re, signal, sys
from pathlib import Path
from config_core import FolderCheckpoint, staged_save

def is_weights(name):
    return re.fullmatch(r"weights.*\\.bin", name) is not None

CHECKPOINTS = {
    "whole": ["config.json", "weights.bin", "code/blocks.py"],
    "parts": ["config.json", "weights-1.bin", "weights-2.bin", "index.json"],
}

def save(folder, kind, version):
    with staged_save(folder, stale=is_weights) as staging:
        for name in CHECKPOINTS[kind]:
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_text(f"{kind} {version}")

def version_of(folder):
    # Which save the folder holds, or what is mixed up in it.
    checkpoint = FolderCheckpoint(folder)
    weights = sorted(name for name in checkpoint.filenames() if is_weights(name))
    kind = "whole" if weights == ["weights.bin"] else "parts"
    if weights != sorted(filter(is_weights, CHECKPOINTS[kind])):
        return f"mixed: {weights}"
    contents = {checkpoint.read_bytes(name, limit=99).decode() for name in CHECKPOINTS[kind]}
    return contents.pop() if len(contents) == 1 else f"mixed: {sorted(contents)}"
"""


def start(program, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", SAVES + program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **options,
    )


def run(program, *arguments, **options):
    with start(program, *arguments, **options) as process:
        shown, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return shown


# Ends the process, without a word, before its n-th step on the file system.
KILLED = """
os.fsync = lambda descriptor: None  # what a killed process wrote is there all the same

def killed_at(step, work):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    steps = 0
    def count(event, arguments):
        nonlocal steps
        if event == "open" or event.startswith("os."):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    work()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("old", "new"), [("whole", "parts"), ("parts", "whole"), ("whole", "whole")])
def test_a_save_that_is_killed_anywhere_leaves_the_old_or_the_new(tmp_path, old, new):
    """Before every single step on the file system; and the next save leaves nothing behind of the killed one."""
    shown = run(
        KILLED
        + """
root, old, new = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
results = []
for step in range(1, 10_000):
    folder = root / str(step)
    save(folder, old, 1)
    (folder / "README.md").write_text("mine")
    was_killed = killed_at(step, lambda: save(folder, new, 2))
    found = version_of(folder)
    again = version_of(folder)
    save(folder, old, 3)
    left = sorted(path.name for path in folder.rglob(".*"))
    results.append([was_killed, found, again, version_of(folder), left, (folder / "README.md").read_text()])
    if not was_killed:
        break
print(json.dumps(results))
""",
        tmp_path,
        old,
        new,
    )
    results = json.loads(shown)
    killed = [found for was_killed, found, *_ in results if was_killed]
    assert set(killed) == {f"{old} 1", f"{new} 2"}
    assert killed == sorted(killed, key=lambda found: found.endswith("2")), "once new, always new"
    assert len(killed) > 20
    assert results[-1][:2] == [False, f"{new} 2"]
    for _, found, again, after, left, readme in results:
        assert again == found
        assert (after, left, readme) == (f"{old} 3", [], "mine")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_finishing_a_killed_save_may_be_killed_too(tmp_path):
    """A save that was decided stays decided, however often its end is cut short."""
    shown = run(
        KILLED
        + """
root = Path(sys.argv[1])
results = set()
for first in range(20, 60):
    folder = root / str(first)
    save(folder, "whole", 1)
    killed_at(first, lambda: save(folder, "parts", 2))
    found = [version_of(folder)]
    for step in range(4, 30, 5):
        killed_at(step, lambda: save(folder, "whole", 3))
        found.append(version_of(folder))
    results.add(" > ".join(dict.fromkeys(found)))
print(json.dumps(sorted(results)))
""",
        tmp_path,
    )
    assert set(json.loads(shown)) <= {
        "whole 1",
        "parts 2",
        "whole 3",
        "whole 1 > whole 3",
        "parts 2 > whole 3",
    }
    assert "parts 2" in shown


def test_savers_that_are_killed_from_outside_leave_a_whole_checkpoint(tmp_path):
    """At whatever moment the signal comes."""
    for count in range(1, 9):
        with start(
            """
for version in range(int(sys.argv[2]), 10**9):
    save(sys.argv[1], "whole" if version % 2 else "parts", version)
    print(version, flush=True)
""",
            tmp_path,
            count * 1_000_000,
        ) as process:
            for _ in range(count):
                saved = int(process.stdout.readline())
            process.kill()
        found = run("print(version_of(sys.argv[1]), end='')", tmp_path)
        assert not found.startswith("mixed"), found
        assert int(found.split()[1]) >= saved


def test_savers_at_the_same_time_leave_one_of_their_checkpoints(tmp_path):
    """Whole weights and weights in parts, over and over: the last one wins as a whole."""
    program = """
for version in range(12):
    save(sys.argv[1], "whole" if version % 2 else "parts", f"{sys.argv[2]}-{version}")
"""
    processes = [start(program, tmp_path, number) for number in range(4)]
    for process in processes:
        with process:
            _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert run("print(version_of(sys.argv[1]), end='')", tmp_path).startswith("whole ")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code", "config.json", "index.json", "weights.bin"]


def test_threads_of_one_process_may_save_at_the_same_time(tmp_path):
    """The lock holds between threads too."""
    shown = run(
        """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda n: save(sys.argv[1], "whole" if n % 2 else "parts", n), range(60)))
print(version_of(sys.argv[1]), end="")
""",
        tmp_path,
    )
    assert shown.split()[0] in {"whole", "parts"}


def interrupted(folder):
    """Leave a folder as a process does that was killed right after its save was decided."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("old", encoding="utf-8")
    (folder / "weights.bin").write_text("old", encoding="utf-8")
    interrupt_save(folder, {"config.json": "new", "part.bin": "new"})
    return folder


def test_a_reader_sees_the_new_files_of_a_decided_save(tmp_path):
    """It changes nothing: a reader may have no right to write."""
    folder = interrupted(tmp_path / "saved")
    before = sorted(folder.rglob("*"))
    checkpoint = FolderCheckpoint(folder)
    assert checkpoint.read_bytes("config.json", limit=9) == b"new"
    assert checkpoint.has("part.bin")
    assert not checkpoint.has("weights.bin")
    assert {"config.json", "part.bin"} <= checkpoint.filenames()
    assert "weights.bin" not in checkpoint.filenames()
    assert sorted(folder.rglob("*")) == before


def test_the_next_save_finishes_a_decided_one_first(tmp_path):
    """Even one that fails itself."""
    folder = interrupted(tmp_path / "saved")
    with pytest.raises(ZeroDivisionError), staged_save(folder):
        raise ZeroDivisionError
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "config.json": "new",
        "part.bin": "new",
    }
    assert pending_files(folder) == {}


@pytest.mark.parametrize(
    "journal",
    [
        "",
        "[]",
        "{}",
        '{"staging": "x", "files": [], "remove": []}',
        '{"staging": "../other", "files": [], "remove": []}',
        '{"staging": ".pretrained-save-00000000-1-00000000", "files": ["../x"], "remove": []}',
        '{"staging": ".pretrained-save-00000000-1-00000000", "files": [], "remove": ["/etc/passwd"]}',
        '{"staging": ".pretrained-save-00000000-1-00000000", "files": [3], "remove": []}',
        '{"staging": ".pretrained-save-00000000-1-00000000", "files": 3, "remove": []}',
        '{"staging": 3, "files": [], "remove": []}',
        "[" * 100_000,
    ],
)
def test_a_journal_that_is_not_ours_is_refused(tmp_path, journal):
    """Whoever wrote the folder cannot make us move or remove files elsewhere."""
    (tmp_path / ".pretrained-save.json").write_text(journal, encoding="utf-8")
    with pytest.raises(ConfigFileError, match="not the journal of an interrupted save"):
        FolderCheckpoint(tmp_path)
    with pytest.raises(ConfigFileError, match=r"\.pretrained-save\.json"), staged_save(tmp_path):
        pass


def test_a_journal_cannot_lead_out_by_a_link(tmp_path):
    """A staging folder that is a link to another folder would take files out of that one."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret", encoding="utf-8")
    folder = tmp_path / "saved"
    folder.mkdir()
    name = ".pretrained-save-00000000-1-00000000"
    (folder / name).symlink_to(tmp_path / "private")
    journal = {"staging": name, "files": ["key"], "remove": []}
    (folder / ".pretrained-save.json").write_text(json.dumps(journal), encoding="utf-8")
    with pytest.raises(ConfigFileError), staged_save(folder):
        pass
    assert (tmp_path / "private" / "key").exists()


# Loads at the same time


def test_file_that_a_save_has_removed_is_not_called_missing(tmp_path):
    """The checkpoint is fine; what was opened is no longer there."""
    save_files(tmp_path, "config.json", "part-1.bin", "part-2.bin")
    checkpoint = FolderCheckpoint(tmp_path)
    with staged_save(tmp_path, stale=lambda name: name.endswith(".bin")) as staging:
        for name in ("config.json", "model.bin"):
            (staging / name).write_text("newer", encoding="utf-8")
    for look in (lambda: checkpoint.local_path("part-1.bin"), lambda: checkpoint.read_bytes("part-2.bin", limit=9)):
        with pytest.raises(CheckpointChangedError, match=r"was saved to while it was being loaded\. Load it again"):
            look()
    with pytest.raises(FileNotFoundError):
        FolderCheckpoint(tmp_path).local_path("part-1.bin")


def test_paths_into_a_staging_folder_may_be_overtaken(tmp_path):
    """A save was interrupted, a load has opened it, and the next save finishes it."""
    checkpoint = FolderCheckpoint(interrupted(tmp_path / "saved"))
    with pytest.raises(CheckpointChangedError), checkpoint.reading():  # noqa: PT012 - the order matters
        path = checkpoint.local_path("part.bin")
        with staged_save(tmp_path / "saved"):
            pass
        path.read_bytes()


def test_errors_of_a_load_that_nothing_has_overtaken_are_its_own(tmp_path):
    """A file that is missing stays missing."""
    save_files(tmp_path, "config.json", "part-1.bin")
    checkpoint = FolderCheckpoint(tmp_path)
    with pytest.raises(CheckpointFileNotFoundError):
        checkpoint.local_path("part-3.bin")
    with pytest.raises(ZeroDivisionError), checkpoint.reading():
        raise ZeroDivisionError


BESIDE = """
folder = sys.argv[1]
save(folder, "whole", 0)
child = os.fork()
if not child:
    for version in range(200):
        save(folder, "parts" if version % 2 else "whole", version)
    os._exit(0)
from config_core import CheckpointChangedError
found = {"whole": 0, "changed": 0}
while os.waitpid(child, os.WNOHANG) == (0, 0):
    try:
        checkpoint = FolderCheckpoint(folder)
        names = ["weights.bin"] if checkpoint.has("weights.bin") else ["weights-1.bin", "weights-2.bin", "index.json"]
        with checkpoint.reading():
            contents = {checkpoint.local_path(name).read_text() for name in ["config.json", *names]}
            if checkpoint.was_replaced():
                raise RuntimeError
    except CheckpointChangedError:
        found["changed"] += 1
    else:
        assert len(contents) == 1, contents
        found["whole"] += 1
print(json.dumps(found))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_loads_beside_saves_find_one_save_or_say_that_they_were_overtaken(tmp_path):
    """Nothing else, in particular no file that is missing."""
    found = json.loads(run("os.fsync = lambda descriptor: None" + BESIDE, tmp_path))
    assert found["whole"] > 0


# What a save does


def save_files(folder, *names, interrupt=False):
    with staged_save(folder, stale=lambda _: interrupt) as staging:
        for name in names:
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_text("new", encoding="utf-8")
        if interrupt:
            raise KeyboardInterrupt


def test_files_are_staged_inside_the_target_and_then_in_place(tmp_path):
    """Nothing is seen of them before the block ends."""
    with staged_save(tmp_path / "a" / "b") as staging:
        (staging / "sub").mkdir()
        (staging / "sub" / "x.py").write_text("x", encoding="utf-8")
        (staging / "y").write_text("y", encoding="utf-8")
        assert [path for path in (tmp_path / "a" / "b").iterdir() if path != staging] == []
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "a",
        "a/b",
        "a/b/sub",
        "a/b/sub/x.py",
        "a/b/y",
    ]


def test_only_stale_files_go(tmp_path):
    """Files of the same kind that were not written again; nothing else, and nothing in sub-folders."""
    for name in ("old.bin", "kept.bin", "README.md", "sub/old.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before", encoding="utf-8")
    with staged_save(tmp_path, stale=lambda name: name.endswith(".bin")) as staging:
        (staging / "kept.bin").write_text("after", encoding="utf-8")
    assert {
        path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8")
        for path in tmp_path.rglob("*")
        if path.is_file()
    } == {"kept.bin": "after", "README.md": "before", "sub/old.bin": "before"}


def test_an_exception_leaves_everything_as_it_was(tmp_path):
    """The folders that the save made are gone too."""
    (tmp_path / "kept").write_text("kept", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "new" / "folder"):
        with pytest.raises(KeyboardInterrupt):
            save_files(folder, "x", interrupt=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]


def test_a_save_of_nothing_changes_nothing(tmp_path):
    """An empty block makes the folder and no more."""
    with staged_save(tmp_path / "new"):
        pass
    assert list((tmp_path / "new").iterdir()) == []


def test_files_keep_the_mode_that_they_had(tmp_path):
    """Who made the weights private, or the config writable for a group, has done so for the next save too."""
    modes = {"config.json": 0o664, "model.bin": 0o600}
    for _ in range(2):
        save_files(tmp_path, *modes)
        for name, mode in modes.items():
            (tmp_path / name).chmod(mode)
    save_files(tmp_path, *modes)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == modes


def test_weights_in_another_layout_are_as_private_as_those_they_replace(tmp_path):
    """The parts of a file that nobody else may read are not for everybody."""
    save_files(tmp_path, "config.json", "model.bin")
    (tmp_path / "model.bin").chmod(0o600)
    with staged_save(tmp_path, stale=lambda name: name.endswith(".bin")) as staging:
        for name in ("config.json", "part-1.bin", "part-2.bin"):
            (staging / name).touch()
    assert (tmp_path / "part-1.bin").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "part-2.bin").stat().st_mode & 0o777 == 0o600


def test_files_get_the_mode_that_new_files_have(tmp_path):
    """Some writers of weights make files that nobody else may read."""
    with staged_save(tmp_path) as staging:
        (staging / "weights").touch(mode=0o600)
    (tmp_path / "mine").touch()
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "mine").stat().st_mode


@pytest.mark.parametrize("target", ["file", "file/below", "broken link"])
def test_a_target_that_is_no_folder_is_refused(tmp_path, target):
    """The error is an OSError, has the path, and the file is untouched."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "broken link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SaveError, match=r"Cannot save to .*(is a file|Not a directory)") as caught:
        save_files(tmp_path / target, "x")
    assert caught.value.path == tmp_path / target
    assert isinstance(caught.value, OSError)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("target", "problem"),
    [("", "the name is empty"), ("x" * 300, "name too long"), ("a\0b", "null"), ("~nobody-has-this-name/x", "home")],
)
def test_a_name_that_no_folder_can_have_is_refused(tmp_path, monkeypatch, target, problem):
    """An empty one most of all: it would be the current folder, in which nobody meant to save."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SaveError, match=rf"(?i)Cannot save to .*{problem}"):
        save_files(target, "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", [None, b"folder", 3])
def test_what_is_no_path_is_refused(target):
    """As Python does."""
    with pytest.raises(TypeError):
        save_files(target, "x")


def test_the_home_folder_is_the_same_for_a_save_and_a_load(tmp_path, monkeypatch):
    """`~` is never the name of a folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for folder in ("~/saved", Path("~/saved")):
        PretrainedConfig(name_or_path="x").save_pretrained(folder)
        assert PretrainedConfig.from_pretrained(folder) == PretrainedConfig()
    PretrainedConfig().to_json_file("~/other.json")
    assert PretrainedConfig.from_json_file("~/other.json") == PretrainedConfig()
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["other.json", "saved"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(("there", "staged"), [("x/y", "x"), ("x", "x/y")])
def test_a_file_does_not_replace_a_folder_nor_the_reverse(tmp_path, there, staged):
    """It is seen before anything is moved, and the next save works."""
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine", encoding="utf-8")
    with pytest.raises(SaveError, match=r"x is a (file|folder) there"):
        save_files(tmp_path, staged, "other")
    assert not (tmp_path / "other").exists()
    save_files(tmp_path, "other")
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["aux.py", "a:b", "a\nb"])
def test_a_name_that_no_load_would_take_is_not_saved(tmp_path, name):
    """A journal with such a name could never be followed."""
    with pytest.raises(UnsafeNameError, match="the save names"):
        save_files(tmp_path, name, "y")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX rights")
def test_a_folder_without_the_right_to_write_is_refused():
    """The error names the folder, and nothing is left in it."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "saved")
        folder.mkdir()
        Path(parent).chmod(0o755)
        folder.chmod(0o555)
        shown = run(
            """
from config_core import SaveError
import fcntl, hashlib, shutil  # what a save imports: another user might not find them
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    save(sys.argv[1], "whole", 1)
except SaveError as error:
    print(error, end="")
""",
            folder,
        )
        assert shown == f"Cannot save to {folder}: Permission denied. What was there before is unchanged."
        assert list(folder.iterdir()) == []


def test_what_dead_processes_had_staged_is_swept_away(tmp_path):
    """What a living one stages, or somebody else's folder, is left alone."""
    run(
        """
context = staged_save(sys.argv[1])
staging = context.__enter__()
(staging / "x").write_text("x")
os._exit(0)
""",
        tmp_path,
    )
    (dead,) = tmp_path.iterdir()
    (tmp_path / ".pretrained-save-mine").mkdir()
    with staged_save(tmp_path) as alive, staged_save(tmp_path) as other:
        assert not dead.exists()
        assert alive.exists()
        assert other.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".pretrained-save-mine"]


def test_what_runs_on_another_machine_of_the_same_name_is_not_swept_away(tmp_path):
    """Two containers share a volume and a host name, and neither knows the processes of the other."""
    program = """
with staged_save(sys.argv[1]) as staging:
    (staging / "config.json").write_text("other")
    print(staging, flush=True)
    sys.stdin.readline()
"""
    with start(program, tmp_path, stdin=subprocess.PIPE) as process:
        staging = Path(process.stdout.readline().strip())
        run("os.getpid = lambda: 1; os.kill = None; save(sys.argv[1], 'whole', 1)", tmp_path)
        assert staging.exists()
        _, errors = process.communicate("go\n", timeout=60)
    assert process.returncode == 0, errors
    assert (tmp_path / "config.json").read_text(encoding="utf-8") == "other"
    assert not staging.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_that_was_forked_during_a_save_holds_up_nobody(tmp_path):
    """It lives on, and has inherited the descriptors of the locks."""
    run(
        """
with staged_save(sys.argv[1]) as staging:
    (staging / "config.json").write_text("1")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(write)
        os.read(read, 1)  # until the parent has ended
        os._exit(0)
    os.close(read)
save(sys.argv[1], "whole", 2)
context = staged_save(sys.argv[1])
context.__enter__()
os._exit(0)  # leaves a staging folder that nobody holds
""",
        tmp_path,
    )
    run("save(sys.argv[1], 'whole', 3)", tmp_path)
    assert list(tmp_path.glob(".*")) == []


# File systems that cannot do everything

UNSUPPORTED = """
import errno
from unittest.mock import patch
code = getattr(errno, sys.argv[2])

def unsupported(*arguments, **options):
    raise OSError(code, os.strerror(code))

with patch("os.fsync", unsupported), patch("os.chmod", unsupported), patch("os.utime", unsupported):
    save(sys.argv[1], "whole", 1)
    save(sys.argv[1], "parts", 2)
print(version_of(sys.argv[1]), end="")
"""


@pytest.mark.parametrize("code", ["EINVAL", "ENOTSUP", "EBADF", "EPERM", "ENOSYS"])
def test_file_system_that_cannot_flush_or_set_modes_is_saved_to(tmp_path, code):
    """Network and FUSE mounts: that a save outlives a power cut is an aid."""
    assert run(UNSUPPORTED, tmp_path, code) == "parts 2"
    assert list(tmp_path.glob(".*")) == []


FAILING = """
import errno
from config_core import SaveError

flush, said, failing_call = os.fsync, [], 0
while failing_call == len(said):
    failing_call += 1
    folder, calls = Path(sys.argv[1], str(failing_call)), []
    save(folder, "whole", 1)

    def failing(descriptor):
        calls.append(descriptor)
        if len(calls) == failing_call:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    os.fsync = failing
    try:
        save(folder, "parts", 2)
    except SaveError as error:
        said.append([str(error).partition(": ")[2], version_of(folder)])
    os.fsync = flush
    save(folder, "whole", 3)
    assert list(folder.glob(".*")) == [] and version_of(folder) == "whole 3"
print(json.dumps(said))
"""


def test_error_after_the_decision_says_that_the_new_checkpoint_is_in_place(tmp_path):
    """At whichever flush the disk fails, the error says what a load finds, and the next save works."""
    said = [tuple(each) for each in json.loads(run(FAILING, tmp_path))]
    before = "Input/output error. What was there before is unchanged."
    after = "Input/output error. The new checkpoint is complete and in place: loads read it"
    after += ", and the next save tidies up."
    assert set(said) == {(before, "whole 1"), (after, "parts 2")}
    assert said == sorted(said, reverse=True), "once new, always new"
