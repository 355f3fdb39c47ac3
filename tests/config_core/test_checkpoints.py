"""Opening checkpoints: folders, what is inside them, and what cannot be opened."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from config_core import (
    Checkpoint,
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigCoreError,
    FolderCheckpoint,
    UnsafeNameError,
    open_checkpoint,
)
from config_core.checkpoint import HubOptions


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a few files and what is not part of a checkpoint."""
    for name in ("config.json", "model.safetensors", "code/blocks.py", ".git/config", "sub/config.json"):
        path = tmp_path / "saved" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path / "saved"


def test_a_folder_is_opened_by_path_or_text(folder):
    """Both are the same checkpoint, named as its user named it."""
    for source in (folder, str(folder)):
        checkpoint = open_checkpoint(source)
        assert isinstance(checkpoint, FolderCheckpoint)
        assert (checkpoint.name, checkpoint.commit, checkpoint.subfolder) == (str(folder), None, "")
        assert str(checkpoint) == str(folder)
        assert repr(checkpoint) == f"<FolderCheckpoint {folder}>"


def test_an_open_checkpoint_is_returned_as_it_is(folder):
    """All the files of a load come from one opening."""
    checkpoint = FolderCheckpoint(folder, subfolder="sub")
    assert open_checkpoint(checkpoint) is checkpoint


def test_files_are_listed_without_hidden_folders(folder):
    """A .git beside the files is no part of the checkpoint."""
    assert FolderCheckpoint(folder).filenames() == {
        "config.json",
        "model.safetensors",
        "code/blocks.py",
        "sub/config.json",
    }


def test_files_have_a_path_and_content(folder):
    """One by one, several at once, and as bytes."""
    checkpoint = FolderCheckpoint(folder)
    assert checkpoint.local_path("code/blocks.py") == folder / "code" / "blocks.py"
    assert checkpoint.local_paths(["config.json"]) == {"config.json": folder / "config.json"}
    assert checkpoint.read_bytes("config.json", limit=11) == b"config.json"
    assert checkpoint.has("config.json")
    assert not checkpoint.has("code")


def test_a_folder_may_be_joined_with_names_of_files(folder):
    """Code of authors looks for further files beside the config."""
    checkpoint = open_checkpoint(folder)
    assert Path(checkpoint) == Path(folder)
    assert Path(open_checkpoint(folder, subfolder="sub")) == Path(folder) / "sub"


def test_a_file_over_the_limit_is_not_read(folder):
    """A hostile file does not fill the memory."""
    with pytest.raises(ValueError, match=r"config.json of .* is larger than 10 bytes"):
        FolderCheckpoint(folder).read_bytes("config.json", limit=10)


def test_a_missing_file_is_named_with_its_folder(folder):
    """The error is a FileNotFoundError and has both as attributes."""
    with pytest.raises(CheckpointFileNotFoundError, match=r"has no file 'absent.bin'") as caught:
        FolderCheckpoint(folder).local_path("absent.bin")
    assert caught.value.filename == "absent.bin"
    assert str(folder) in caught.value.checkpoint
    assert isinstance(caught.value, FileNotFoundError)


def test_a_subfolder_is_a_checkpoint_of_its_own(folder):
    """Names are relative to it; the root is a step away."""
    checkpoint = open_checkpoint(folder, subfolder="sub")
    assert checkpoint.filenames() == {"config.json"}
    assert checkpoint.local_path("config.json") == folder / "sub" / "config.json"
    assert str(checkpoint) == f"{folder}/sub"
    assert checkpoint.at_root().local_path("config.json") == folder / "config.json"


HOSTILE = [
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "~/secret",
    "a\\..\\..\\secret",
    "C:secret",
    "a//b",
    "./a",
    "a\0b",
    "a\nb",
    "aux.json",
    "a" * 300,
    "",
    " a",
    "a.",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_leave_no_folder(folder, name):
    """Neither as a file nor as a subfolder, and asking whether they exist is no error."""
    (folder.parent / "secret").write_text("secret", encoding="utf-8")
    checkpoint = FolderCheckpoint(folder)
    with pytest.raises(UnsafeNameError):
        checkpoint.local_path(name)
    assert not checkpoint.has(name)
    if name:
        for opening in (
            lambda: FolderCheckpoint(folder, subfolder=name),
            lambda: open_checkpoint(folder, subfolder=name),
        ):
            with pytest.raises(UnsafeNameError):
                opening()


@pytest.mark.parametrize(
    "source",
    [
        "./absent",
        "/absent/folder",
        "absent/folder/deep",
        "../absent",
        "absent folder",
        "",
        "~nobody-has-this-name/x",
        "a\0b",
        "x" * 10_000,
        "{}",
        Path("absent"),
    ],
)
def test_what_is_neither_folder_nor_repository_is_refused(source, tmp_path, monkeypatch):
    """The error is a FileNotFoundError, keeps what was given and stays readable."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointNotFoundError, match="does not exist, and is not a repository") as caught:
        open_checkpoint(source)
    assert caught.value.source == str(source)
    assert len(str(caught.value)) < 500


def test_a_file_is_no_checkpoint(folder):
    """A checkpoint is the folder that the file lies in."""
    with pytest.raises(CheckpointNotFoundError, match="is a file, not a folder"):
        open_checkpoint(folder / "config.json")


@pytest.mark.parametrize("source", ["config", "owner/config.json"])
def test_a_file_is_never_taken_for_a_repository_of_its_name(source, tmp_path, monkeypatch):
    """Whoever names a file that is there means it, though a repository might have such a name; so does a dead link."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner").mkdir()
    (tmp_path / source).write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointNotFoundError, match="is a file, not a folder"):
        open_checkpoint(source)
    (tmp_path / source).unlink()
    (tmp_path / source).symlink_to("nowhere")
    with pytest.raises(CheckpointNotFoundError, match="is a broken link"):
        open_checkpoint(source)


@pytest.mark.parametrize("source", [None, 3, b"folder", {"a": 1}])
def test_other_types_are_refused(source):
    """The error says what is allowed."""
    with pytest.raises(TypeError, match="Expected a folder, a repository 'owner/name' or a Checkpoint"):
        open_checkpoint(source)


def test_a_value_of_another_type_is_named_in_one_line():
    """A state dict, say, has many lines."""
    with pytest.raises(TypeError, match=r"Checkpoint, got an object of type dict\.$"):
        open_checkpoint({str(number): "line\n" for number in range(999)})


@pytest.mark.parametrize("source", ["https://huggingface.co/owner/name", "hf://owner/name"])
def test_a_url_is_no_repository(source):
    """The error says what is."""
    with pytest.raises(CheckpointNotFoundError, match="is a URL: pass the repository alone, as 'owner/name'"):
        open_checkpoint(source)


def test_a_checkpoint_that_is_open_stays_in_its_subfolder(folder):
    """Asking for another is an error; asking for its own is not."""
    checkpoint = open_checkpoint(folder.parent, subfolder=folder.name)
    assert open_checkpoint(checkpoint, subfolder=folder.name) is checkpoint
    assert open_checkpoint(checkpoint, revision="v1") is checkpoint  # as for any folder
    with pytest.raises(ValueError, match=r"subfolder='other' does not apply to .*, which is open already"):
        open_checkpoint(checkpoint, subfolder="other")


def test_a_missing_subfolder_is_named(folder):
    """With the whole path."""
    with pytest.raises(CheckpointNotFoundError, match=r"no folder '.*saved/absent'"):
        open_checkpoint(folder, subfolder="absent")


def test_a_folder_is_preferred_to_a_repository(tmp_path, monkeypatch):
    """`owner/name` that exists here is the folder."""
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert open_checkpoint("owner/name").name == "owner/name"


def test_links_are_followed(folder, tmp_path):
    """A cache is made of them."""
    (tmp_path / "link").symlink_to(folder)
    assert FolderCheckpoint(tmp_path / "link").read_bytes("config.json", limit=99) == b"config.json"


def test_another_place_may_be_a_checkpoint(folder):
    """A subclass needs three methods; the rest follows."""

    class InMemory(Checkpoint):
        name, commit, subfolder = "memory", "0123456789abcdef", "s"

        def filenames(self):
            return frozenset({"config.json"})

        def local_path(self, filename):
            return folder / filename

        def at_root(self):
            return self

    checkpoint = InMemory()
    assert checkpoint.has("config.json")
    assert checkpoint.read_bytes("config.json", limit=99) == b"config.json"
    assert str(checkpoint) == "memory@0123456789ab/s"


def test_errors_survive_a_pickle(folder):
    """A worker process can send them home."""
    import pickle

    for raise_it in (
        lambda: FolderCheckpoint(folder).local_path("absent"),
        lambda: FolderCheckpoint(folder).local_path("../x"),
        lambda: open_checkpoint("./absent"),
    ):
        with pytest.raises(ConfigCoreError) as caught:
            raise_it()
        twin = pickle.loads(pickle.dumps(caught.value))
        assert type(twin) is type(caught.value)
        assert str(twin) == str(caught.value)
        assert vars(twin) == vars(caught.value)
        assert getattr(twin, "filename", None) == getattr(caught.value, "filename", None)


def test_hub_options_are_given_as_one_value_or_by_name(tmp_path):
    """Both ways lead to the same folder, and a name replaces what the value says."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    options = HubOptions(subfolder="one")
    assert str(open_checkpoint(tmp_path, options)) == str(open_checkpoint(tmp_path, subfolder="one"))
    assert open_checkpoint(tmp_path, options, subfolder="two").subfolder == "two"
    with pytest.raises(TypeError, match="sub_folder"):
        open_checkpoint(tmp_path, sub_folder="one")


def test_hub_options_do_not_show_a_token():
    """Their text gets into logs and tracebacks."""
    options = HubOptions(revision="v1", token="hf_secret", cache_dir="downloads")
    assert repr(options) == "HubOptions(revision='v1', token='***', cache_dir='downloads')"
    assert "hf_secret" not in f"{options} {options!r} {[options]}"
    assert repr(HubOptions(token=True)) == "HubOptions(token=True)"


@pytest.mark.parametrize("token", ["hf_secret", b"hf_secret", ["hf_secret"]])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_options_have_no_token(token, protocol):
    """Whoever reads the pickle has a token of his own, or none; the other options are there, also in a copy."""
    options = HubOptions(revision="v1", token=token, cache_dir="downloads")
    data = pickle.dumps({"options": [options]}, protocol)
    assert b"secret" not in data
    assert pickle.loads(data) == {"options": [options._replace(token=None)]}
    assert copy.copy(options) == copy.deepcopy(options) == options


@pytest.mark.parametrize("token", [True, False, None])
def test_pickled_options_say_whether_a_token_is_used(token):
    """That the stored one is used, or none, is no secret."""
    assert pickle.loads(pickle.dumps(HubOptions(token=token))) == HubOptions(token=token)
