"""Saves on FAT, as on USB sticks and in boot partitions: no links, no permission bits, no change times."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from config_core import ConfigFileError, open_checkpoint, staged_save
from interrupted_saves import stopped_saves

OLD = {"a.json": "1", "b.bin": "1"}
NEW = {"a.json": "2", "c.json": "2", "sub/d.txt": "2"}


@pytest.fixture
def fat(tmp_path):
    """Return a folder on a file system of its own, FAT."""
    image, folder = tmp_path / "image", tmp_path / "fat"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    try:
        subprocess.run(["mkfs.vfat", image], check=True, capture_output=True)
        subprocess.run(["fusefat", "-o", "rw+", image, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs dosfstools, fusefat and the right to mount")
    if not os.path.ismount(folder):
        pytest.skip("users may not mount here")
    try:
        yield folder
    finally:
        subprocess.run(["fusermount", "-u", "-z", folder], check=True, capture_output=True)


def contents(folder):
    """Return what a load reads."""
    checkpoint = open_checkpoint(folder)
    return {name: checkpoint.read_bytes(name, limit=9).decode() for name in checkpoint.filenames()}


def save(folder, files):
    """Save the files, in place of others."""
    with staged_save(folder, stale=lambda name: name.endswith(".bin")) as staging:
        for name, text in files.items():
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_text(text, encoding="utf-8")


def test_checkpoint_is_saved_and_replaced(fat):
    """What the file system cannot do is an aid."""
    save(fat / "saved", OLD)
    assert contents(fat / "saved") == OLD
    save(fat / "saved", NEW)
    assert contents(fat / "saved") == NEW
    assert sorted(os.listdir(fat / "saved")) == ["a.json", "c.json", "sub"]  # noqa: PTH208 - the names


def test_load_beside_a_save_reads_the_old_checkpoint_or_the_new_one(fat):
    """The save holds its seal locked, which no download does: its journal is followed."""
    read = [contents(folder) for folder in stopped_saves(fat, OLD, NEW, killed=False)]
    assert [each for number, each in enumerate(read) if number == 0 or read[number - 1] != each] == [OLD, NEW]


def test_folder_in_which_a_save_was_killed_is_read_saved_to_or_refused_with_the_reason(fat):
    """Nothing proves there that a journal came with no download. What the error says to do works."""
    refused = 0
    for folder in stopped_saves(fat, OLD, NEW, killed=True):
        if (folder / ".pretrained-save.json").exists():
            refused += 1
            (staging,) = folder.glob(".pretrained-save-*")
            told = (
                f"may have come with a download: .* keeps no change times, .* Remove it and the folder {staging.name}"
            )
            for use in (contents, lambda folder: save(folder, OLD)):
                with pytest.raises(ConfigFileError, match=told):
                    use(folder)
            (folder / ".pretrained-save.json").unlink()
            shutil.rmtree(staging)
        else:
            assert contents(folder) in (OLD, NEW)
        save(folder, NEW)
        assert contents(folder) == NEW
    assert refused


AS_ON_FAT = """
import os, sys
from pathlib import Path
from config_core import ConfigFileError, FolderCheckpoint, staged_save

class Status:
    def __init__(self, real): self.real = real
    def __getattr__(self, name): return getattr(self.real, name.replace("ctime", "mtime"))

def unsupported(*arguments, **options): raise PermissionError(1, "not permitted")
stat = os.stat
os.stat, os.link = lambda *arguments, **options: Status(stat(*arguments, **options)), unsupported
folder = Path(sys.argv[1])

def read():
    try:
        return FolderCheckpoint(folder).read_bytes("a.json", limit=9).decode()
    except ConfigFileError as error:
        return "refused" if "keeps no change times" in str(error) else str(error)

def watch(event, arguments):
    if event == "os.rename" and (folder / ".pretrained-save.json").exists() and not seen:
        seen.append(read())
        if not os.fork():
            os._exit(0)  # what a child closes stays locked
        os.wait()
        seen.append(read())
        os.execv(sys.executable, [sys.executable, __file__, sys.argv[1], *seen])

seen = sys.argv[2:]
if not seen:
    for text in "12":
        with staged_save(folder) as staging:
            for name in ("a.json", "b.json"):
                (staging / name).write_text(text)
            if text == "2":
                sys.addaudithook(watch)
print(*seen, read())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_journal_is_believed_as_long_as_its_save_runs(tmp_path):
    """Where nothing else proves it. The process gives place to another one in the middle of the save."""
    (tmp_path / "program.py").write_text(AS_ON_FAT, encoding="utf-8")
    command = [sys.executable, tmp_path / "program.py", tmp_path / "saved"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout == "2 2 refused\n", done.stderr
