"""Names and links: whatever a checkpoint calls its files, nothing outside of its folder is read, written or sent."""

from __future__ import annotations

import json
import os

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel
from config_core import (
    CheckpointFileNotFoundError,
    ConfigFileError,
    FolderCheckpoint,
    SaveError,
    UnsafeNameError,
    open_checkpoint,
    staged_save,
)
from hostile import SECRET, make_socket, reads_of
from hub_io import RemoteCodeRefusedError
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json

SUBFOLDERS = [
    "..", "../outside", "sub/../../outside", "/", "/etc", "~", "~/x", ".", "./sub", "sub/", "sub//x", "..\\outside",
    "C:", "C:\\", "con", "sub/nul", "a\0b", "sub\n", " sub", "sub.", "a" * 300, "\u202esub",
]  # fmt: skip


@pytest.mark.parametrize("source", ["folder", "hub"])
@pytest.mark.parametrize("subfolder", SUBFOLDERS)
def test_subfolder_stays_inside(request, witness, subfolder, source):
    """A folder's and a repository's: only plain relative names are followed, and nothing is asked of the Hub."""
    for name, content in witness.files().items():
        (witness.outside / name).write_text(content, encoding="utf-8")
    folder = witness.write({f"sub/{name}": content for name, content in witness.files().items()})
    if source == "hub":
        hub = request.getfixturevalue("hub")
        hub.create_repo("stranger/tiny", witness.files())
        folder = "stranger/tiny"
    with reads_of(witness.outside) as opened, pytest.raises(UnsafeNameError, match="subfolder names"):
        AutoModel.from_pretrained(folder, subfolder=subfolder, trust_remote_code=True)
    assert opened == []
    assert source == "folder" or hub.requests == []


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "..\\secret.txt", "~/secret.txt", "a/../../secret.txt"]
)
def test_code_cannot_read_outside_through_its_checkpoint(lenient_witness, name):
    """A checkpoint handed to a model's code opens its own files only."""
    folder = lenient_witness.write(harmless=True)
    with reads_of(lenient_witness.outside) as opened:
        for read in (
            FolderCheckpoint(folder).local_path,
            lambda one: FolderCheckpoint(folder).read_bytes(one, limit=9),
        ):
            with pytest.raises(UnsafeNameError):
                read(name)
        assert not FolderCheckpoint(folder).has(name)
    assert opened == []


@pytest.mark.parametrize("name", ["config.json", "modeling_tiny.py", "configuration_tiny.py"])
def test_file_that_is_a_link_to_the_outside_is_refused(witness, name):
    """Neither config nor code comes from elsewhere; the error names the link."""
    target = witness.outside / name
    target.write_text(witness.files()[name], encoding="utf-8")
    folder = witness.write({name: None})
    (folder / name).symlink_to(target)
    witness.note()
    with reads_of(witness.outside) as opened, pytest.raises(ValueError, match=name.replace(".", r"\.")):
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert opened == []


def test_folder_that_is_a_link_to_the_outside_is_refused(witness):
    """Code in a linked folder lies elsewhere, too."""
    for name, content in witness.files().items():
        (witness.outside / name).write_text(content, encoding="utf-8")
    folder = witness.write(
        {"config.json": config_json({"AutoConfig": "sub/configuration_tiny.TinyConfig"}), "configuration_tiny.py": None}
    )
    (folder / "sub").symlink_to(witness.outside)
    witness.note()
    with reads_of(witness.outside) as opened, pytest.raises(ValueError, match="sub"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert opened == []


def test_link_that_stays_inside_is_followed(lenient_witness):
    """A link is no sin by itself."""
    folder = lenient_witness.write({"modeling_tiny.py": None, "real.py": MODELING}, harmless=True)
    (folder / "modeling_tiny.py").symlink_to("real.py")
    lenient_witness.note()
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
def test_code_that_is_no_file_does_not_make_anyone_wait(witness, kind):
    """A pipe in the place of a module is a missing file."""
    folder = witness.write({"modeling_tiny.py": None, "configuration_tiny.py": None})
    path = folder / "configuration_tiny.py"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        make_socket(path)
    witness.note()
    with pytest.raises(ValueError, match=r"configuration_tiny\.py: there is no such file"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    with pytest.raises(RemoteCodeRefusedError, match=r"configuration_tiny\.py: there is no such file"):
        AutoConfig.from_pretrained(folder)


def test_hundred_thousand_files_are_only_files(witness):
    """They are neither read nor listed in the refusal."""
    folder = witness.write()
    for number in range(100_000):
        (folder / f"file_{number}.py").touch()
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    assert len(str(caught.value)) < 2000
    assert len(FolderCheckpoint(folder).filenames()) > 100_000
    witness.note()


def test_folders_nested_beyond_all_measure_are_only_folders(witness, monkeypatch):
    """Listing them neither fails nor ends in a recursion."""
    folder = witness.write()
    monkeypatch.chdir(folder)
    for _ in range(1500):
        os.mkdir("d")  # noqa: PTH102 - paths end sooner
        os.chdir("d")
    assert FolderCheckpoint(folder).filenames() >= {"config.json"}
    os.chdir(folder)
    # pytest itself cannot remove it
    for _ in range(1500):
        os.chdir("d")
    for _ in range(1500):
        os.chdir("..")
        os.rmdir("d")  # noqa: PTH106 - paths end sooner


def test_link_in_a_circle_ends(witness):
    """A folder that holds itself is listed once."""
    folder = witness.write()
    (folder / "again").symlink_to(folder)
    witness.note()
    assert not any(name.startswith("again/") for name in FolderCheckpoint(folder).filenames())


@pytest.mark.parametrize("name", ["a\nb.py", "\x1b[31mred.py", "\udcff.py", "a\u202eb.py"])
def test_odd_file_names_reach_no_terminal(witness, name):
    """A file's name is not printed as it stands where it is not among the code."""
    folder = witness.write()
    (folder / name).write_text("x = 1", encoding="utf-8")
    witness.note()
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    assert name not in str(caught.value)


def test_names_that_differ_only_in_case_are_refused(witness):
    """On many systems the one file would be the other."""
    folder = witness.write(
        {"modeling_tiny.py": "from . import Helper, helper\n" + MODELING, "helper.py": "", "Helper.py": witness.trace}
    )
    if len(list(folder.glob("[hH]elper.py"))) < 2:
        pytest.skip("this file system knows no case")
    with pytest.raises(UnsafeNameError, match="is the same file as"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "sub/../../evil.py", "..\\evil.py", "con.py"])
def test_hostile_names_in_a_repository_are_not_downloaded(witness, hub, name):
    """A server may list what it likes."""
    files = witness.files({"config.json": config_json(AUTO_MAP | {"AutoConfig": "configuration_tiny.TinyConfig"})})
    hub.create_repo("stranger/tiny", files | {name: witness.trace})
    checkpoint = open_checkpoint("stranger/tiny")
    with pytest.raises(UnsafeNameError):
        checkpoint.local_path(name)
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained("stranger/tiny")


STAGING = ".pretrained-save-00000000-1-00000000"


def journal(folder, **values):
    """Write what an interrupted save would have left."""
    text = json.dumps({"staging": STAGING, "files": [], "remove": []} | values)
    (folder / ".pretrained-save.json").write_text(text, encoding="utf-8")


JOURNALS = {
    "staging outside": {"staging": "../outside", "files": ["secret.txt"]},
    "staging absolute": {"staging": "/etc", "files": ["passwd"]},
    "file outside": {"files": ["../outside/secret.txt"]},
    "removes outside": {"remove": ["../outside/secret.txt"]},
    "removes through a link": {"remove": ["link/secret.txt"]},
    "writes through a link": {"files": ["link/secret.txt"]},
    "text for a list": {"files": "secret.txt"},
    "unknown key": {"run": "evil.py"},
    "no list": {"remove": None},
    "numbers": {"files": [1]},
    "deep": {"files": "DEEP"},
}


@pytest.mark.parametrize("name", JOURNALS)
def test_journal_of_a_save_that_never_was_reads_and_removes_nothing(witness, name):
    """A downloaded folder may hold one. Neither loading from it nor saving into it follows it anywhere."""
    folder = witness.write()
    (folder / "link").symlink_to(witness.outside)
    (folder / STAGING).mkdir()
    journal(folder, **JOURNALS[name])
    if name == "deep":
        (folder / ".pretrained-save.json").write_text("[" * 200_000, encoding="utf-8")
    witness.note()
    with reads_of(witness.outside) as opened:
        with pytest.raises(ConfigFileError, match=r"not the journal of an interrupted save\. Remove it"):
            AutoConfig.from_pretrained(folder, trust_remote_code=True)
        with (
            pytest.raises(ConfigFileError, match=r"not the journal of an interrupted save\. Remove it"),
            staged_save(folder),
        ):
            pass
    assert opened == []


@pytest.mark.parametrize("what", ["staging", "file", "folder of a file"])
def test_journal_whose_files_are_links_is_refused(witness, what):
    """Files that a save has staged are files, in a folder of this folder."""
    folder = witness.write()
    names = {"staging": "secret.txt", "file": "secret.txt", "folder of a file": "sub/secret.txt"}
    if what == "staging":
        (folder / STAGING).symlink_to(witness.outside)
    else:
        (folder / STAGING).mkdir()
        target = witness.outside / "secret.txt" if what == "file" else witness.outside
        (folder / STAGING / names[what].split("/", 1)[0]).symlink_to(target)
    journal(folder, files=[names[what]])
    witness.note()
    with reads_of(witness.outside) as opened, pytest.raises(ConfigFileError, match="Remove it"):
        FolderCheckpoint(folder).read_bytes(names[what], limit=100)
    with pytest.raises(ConfigFileError, match="Remove it"), staged_save(folder):
        pass
    assert opened == []
    assert (witness.outside / "secret.txt").read_text(encoding="utf-8") == SECRET


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device", "large"])
def test_journal_that_is_no_file_does_not_make_anyone_wait(witness, kind):
    """Opening a folder ends at once, whatever lies in the place of a journal."""
    folder = witness.write()
    path = folder / ".pretrained-save.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.touch()
        os.truncate(path, 1 << 32)
    else:
        path.symlink_to(witness.outside / "secret.txt" if kind == "link" else "/dev/zero")
    with reads_of(witness.outside) as opened, pytest.raises(ConfigFileError, match="Remove it"):
        FolderCheckpoint(folder)
    assert opened == []
    if path.is_file() and not path.is_symlink():
        path.unlink()
    witness.note()


def test_saving_does_not_write_through_a_link(witness):
    """A hostile folder into which somebody saves code in folders of its own."""
    folder = witness.write()
    (folder / "sub").symlink_to(witness.outside)
    witness.note()
    with pytest.raises(SaveError, match="written through sub, which is a link"), staged_save(folder) as staging:
        tiny_checkpoints.write(staging, {"sub/secret.txt": "overwritten", "config.json": "{}"})


def test_saving_replaces_a_link_and_not_what_it_points_to(witness):
    """The config of another checkpoint is not overwritten by way of a link."""
    folder = witness.write({"config.json": None, "configuration_tiny.py": CONFIGURATION})
    (folder / "config.json").symlink_to(witness.outside / "secret.txt")
    with staged_save(folder) as staging:
        (staging / "config.json").write_text("{}", encoding="utf-8")
    assert not (folder / "config.json").is_symlink()
    assert (witness.outside / "secret.txt").read_text(encoding="utf-8") == SECRET
    witness.note()


@pytest.mark.parametrize("auto_class", [AutoConfig, AutoModel])
def test_folder_without_a_checkpoint_is_not_searched_to_its_end(tmp_path, auto_class):
    """It may be somebody's home: an error looks at its first files only, outer folders first."""
    for number in range(10_000):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "further").mkdir()
    (tmp_path / "further" / "config.json").touch()
    with pytest.raises(CheckpointFileNotFoundError, match=r"It contains: 0\.txt") as caught:
        auto_class.from_pretrained(tmp_path)
    assert "further" not in str(caught.value)
