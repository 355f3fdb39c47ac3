"""Journals of saves that came with a download, or with a copy: data, and never followed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time

import pytest

from auto_registry import AutoConfig
from config_core import ConfigFileError, FolderCheckpoint, open_checkpoint, staged_save
from config_core.checkpoint import pending_files
from deep_folders import deep_folders
from interrupted_saves import interrupt_save
from other_processes import environment, run_program

JOURNAL = ".pretrained-save.json"
STAGING = ".pretrained-save-0123456789abcdef"
REFUSED = r"not the journal of an interrupted save\. Remove it"


def write_journal(folder, **values):
    """Write a journal, with its staging folder and seal, of which only the kernel's own numbers are guessed."""
    (folder / STAGING).mkdir(exist_ok=True)
    seal = folder / STAGING / ".seal"
    seal.touch()
    os.utime(seal, (1, 1))
    status = seal.stat()
    text = {"staging": STAGING, "files": [], "remove": [], "seal": [status.st_ino, status.st_ctime_ns - 1]}
    (folder / JOURNAL).write_text(json.dumps(text | values), encoding="utf-8")


SEALS = {
    "none": [],
    "zeros": [0, 0],
    "text": ["", ""],
    "times": [True, 1.5],
    "deep": [[[]]],
    "long": [10**4000, 10**4000],
}


@pytest.mark.parametrize("seal", [*SEALS, "almost"])
def test_journal_of_a_download_hides_no_code(witness, seal):
    """A reader of the folder, the command and a trusted load would see three different files."""
    folder = witness.write({f"{STAGING}/configuration_tiny.py": witness.trace})
    write_journal(
        folder,
        files=["configuration_tiny.py"],
        remove=["modeling_tiny.py"],
        **({} if seal == "almost" else {"seal": SEALS[seal]}),
    )
    witness.note()
    with pytest.raises(ConfigFileError, match=REFUSED):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    with pytest.raises(ConfigFileError, match=REFUSED), staged_save(folder) as staging:
        (staging / "config.json").write_text("{}", encoding="utf-8")


def test_journal_in_a_repository_is_data(lenient_witness, hub):
    """A load from the Hub neither follows nor downloads it."""
    files = lenient_witness.files({})
    hidden = {f"{STAGING}/configuration_tiny.py": lenient_witness.trace}
    journal = json.dumps({"staging": STAGING, "files": ["configuration_tiny.py"], "remove": [], "seal": [1, 1]})
    hub.create_repo("stranger/tiny", files | hidden | {JOURNAL: journal})
    checkpoint = open_checkpoint("stranger/tiny")
    assert {name for name in checkpoint.filenames() if name.startswith(".pretrained")} == set()
    assert not checkpoint.has(JOURNAL)
    assert b"model_type" in checkpoint.read_bytes("config.json", limit=10_000)


def copied(folder, way, target):
    """Copy a folder, or move it in a way that copies."""
    if way == "copy":
        shutil.copytree(folder, target, symlinks=True)
    elif way == "cp -a":
        subprocess.run(["cp", "-a", folder, target], check=True)
    elif way == "hard links":
        subprocess.run(["cp", "-al", folder, target], check=True)
    else:
        archive = target.with_suffix(".tar")
        with tarfile.open(archive, "w") as file:
            file.add(folder, arcname=".")
        with tarfile.open(archive) as file:
            file.extractall(target, filter="fully_trusted")
    return target


@pytest.mark.parametrize("way", ["copy", "cp -a", "hard links", "tar"])
def test_copy_of_an_interrupted_save_is_not_followed(tmp_path, way):
    """Nobody knows whether it is one, or a download that poses as one; the error says what to do in either case."""
    (tmp_path / "run").mkdir()
    interrupt_save(tmp_path / "run", {"config.json": "new", "part.bin": "new"}, moved=1)
    copy = copied(tmp_path / "run", way, tmp_path / "copy")
    with pytest.raises(ConfigFileError, match=rf"{REFUSED}.* save into the original again, or move the files"):
        FolderCheckpoint(copy)
    with pytest.raises(ConfigFileError, match=REFUSED), staged_save(copy):
        pass


def test_folder_that_was_renamed_after_an_interrupted_save_is_recovered(tmp_path):
    """Its files are the same ones."""
    (tmp_path / "run").mkdir()
    interrupt_save(tmp_path / "run", {"config.json": "new", "part.bin": "new"}, moved=1)
    (tmp_path / "run").rename(tmp_path / "best")
    assert FolderCheckpoint(tmp_path / "best").read_bytes("part.bin", limit=9) == b"new"
    with staged_save(tmp_path / "best"):
        pass
    assert {path.name for path in (tmp_path / "best").iterdir()} == {"config.json", "part.bin"}


def seal_of(staging):
    """Return what a program on this machine, though no download, can find out."""
    status = (staging / ".seal").stat()
    return [status.st_ino, status.st_ctime_ns]


@pytest.mark.parametrize(
    "names",
    [
        {"files": [".git/hooks/pre-commit"]},
        {"remove": [".git/config"]},
        {"files": [".pretrained-save.json"]},
        {"files": ["../x"]},
        {"remove": ["/etc/passwd"]},
        {"files": [3]},
        {"remove": ["link/secret.txt"]},
    ],
)
def test_journal_lists_only_what_a_save_may_write(witness, names):
    """Even one with the seal of a real save."""
    folder = witness.write({"README.md": ""})
    staging = interrupt_save(folder, {"config.json": "{}", "part.bin": "new"})
    (folder / "link").symlink_to(witness.outside)
    values = {"staging": staging.name, "files": [], "remove": [], "seal": seal_of(staging)} | names
    (folder / JOURNAL).write_text(json.dumps(values), encoding="utf-8")
    witness.note()
    with pytest.raises(ConfigFileError, match=REFUSED):
        pending_files(folder)
    with pytest.raises(ConfigFileError, match=REFUSED), staged_save(folder):
        pass


@pytest.mark.parametrize("what", ["staging", "seal", "file", "folder of a file"])
def test_links_in_a_staging_folder_are_not_followed(witness, what):
    """They would take files out of another folder."""
    folder = witness.write({"README.md": ""})
    staging = interrupt_save(folder, {"config.json": "{}", "sub/secret.txt": "new"})
    at = {"staging": staging, "seal": staging / ".seal", "file": staging / "config.json"}.get(what, staging / "sub")
    at.rename(at.with_name("moved"))
    at.symlink_to(at.with_name("moved"))
    with pytest.raises(ConfigFileError, match=REFUSED):
        pending_files(folder)
    witness.note()


@pytest.mark.parametrize("size", [20_000, 150_000])
def test_journal_of_many_names_is_refused_at_once(tmp_path, size):
    """Each name would be looked for on the disk, and so would each folder above it."""
    write_journal(tmp_path, files=["/".join("abcdefgh") + str(number) for number in range(size)])
    start = time.process_time()
    with pytest.raises(ConfigFileError, match=REFUSED):
        FolderCheckpoint(tmp_path)
    assert time.process_time() - start < 2


def test_deep_folders_stop_neither_load_nor_save(tmp_path):
    """1,200 folders, one in the other, are more than Python may call functions."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    for name in ["a", STAGING]:
        (tmp_path / name).mkdir()
    with deep_folders(tmp_path / "a"), deep_folders(tmp_path / STAGING):
        assert FolderCheckpoint(tmp_path).filenames() == {"config.json"}
        with staged_save(tmp_path) as staging:
            (staging / "config.json").write_text("new", encoding="utf-8")
        assert FolderCheckpoint(tmp_path).read_bytes("config.json", limit=9) == b"new"


def test_names_of_the_state_of_a_save_are_no_files_of_a_checkpoint(tmp_path):
    """Nor could a config name one, such as the module of a class."""
    (tmp_path / STAGING).mkdir()
    (tmp_path / STAGING / "x.py").touch()
    (tmp_path / ".pretrained-save-x").touch()
    checkpoint = FolderCheckpoint(tmp_path)
    assert checkpoint.filenames() == frozenset()
    assert not checkpoint.has(f"{STAGING}/x.py")
    assert not checkpoint.has(".pretrained-save-x")


SHARED = """
import os, sys
from config_core import FolderCheckpoint
print(FolderCheckpoint(sys.argv[1]).read_bytes("part.bin", limit=9).decode(), end="")
"""


def test_other_processes_and_users_recover_the_same_save(tmp_path):
    """Nothing outside of the folder says which journals are ours, so another machine that mounts it can tell too."""
    (tmp_path / "run").mkdir()
    interrupt_save(tmp_path / "run", {"config.json": "new", "part.bin": "new"}, moved=1)
    environ = environment(tmp_path / "cache", HOME=str(tmp_path / "nobody"), HOSTNAME="other")
    assert run_program(tmp_path / "p.py", SHARED, tmp_path / "run", environ=environ) == "new"
