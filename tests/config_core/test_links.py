"""Links in a folder: they stay inside of it, or lead into the cache that the folder is a snapshot of."""

from __future__ import annotations

import os

import pytest

from config_core import FolderCheckpoint, PretrainedConfig, UnsafeNameError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = b'{"model_type": "tiny"}'

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


def cached(cache, name="config.json", repo="models--me--tiny", commit=COMMIT):
    """Write a file as the client of a hub does: the content in `blobs`, a relative link in the snapshot."""
    snapshot = cache / repo / "snapshots" / commit
    blob = cache / repo / "blobs" / "b10b"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(CONFIG)
    path = snapshot / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(blob, path.parent))
    return snapshot


@pytest.fixture
def folder(tmp_path):
    """Return a folder beside which a secret lies."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.json").write_bytes(CONFIG)
    (tmp_path / "saved" / "sub").mkdir(parents=True)
    (tmp_path / "saved" / "config.json").write_bytes(CONFIG)
    return tmp_path / "saved"


@pytest.mark.parametrize("target", ["config.json", "./config.json", "sub/../config.json", "../saved/config.json"])
def test_link_inside_a_folder_is_followed(folder, target):
    """Wherever it goes on the way, it ends inside."""
    (folder / "link.json").symlink_to(target)
    assert FolderCheckpoint(folder).read_bytes("link.json", limit=99) == CONFIG


def test_absolute_link_inside_a_folder_is_followed(folder):
    """It is as good as a relative one, until the folder moves."""
    (folder / "link.json").symlink_to(folder / "config.json")
    assert FolderCheckpoint(folder).read_bytes("link.json", limit=99) == CONFIG


def test_folder_that_is_a_link_itself_is_opened(folder, tmp_path):
    """Its user has named the link: `latest` to the newest of several."""
    (tmp_path / "latest").symlink_to(folder.name)
    assert FolderCheckpoint(tmp_path / "latest").read_bytes("config.json", limit=99) == CONFIG


@pytest.mark.parametrize("target", ["../outside/secret.json", "sub/../../outside/secret.json", "{outside}/secret.json"])
def test_link_out_of_a_folder_is_refused_with_its_target(folder, tmp_path, target):
    """The error names the link, and where it leads to."""
    (folder / "link.json").symlink_to(target.format(outside=tmp_path / "outside"))
    with pytest.raises(UnsafeNameError, match=r"'link\.json', which is a link to '.*/outside/secret\.json'"):
        FolderCheckpoint(folder).local_path("link.json")


def test_link_to_a_link_out_of_a_folder_is_refused(folder):
    """A detour inside hides nothing."""
    (folder / "sub" / "second.json").symlink_to("../../outside/secret.json")
    (folder / "first.json").symlink_to("sub/second.json")
    with pytest.raises(UnsafeNameError, match=r"'first\.json', which is a link to"):
        FolderCheckpoint(folder).local_path("first.json")


def test_file_behind_a_linked_folder_is_refused(folder):
    """The link may be any part of the name."""
    (folder / "data").symlink_to("../outside")
    with pytest.raises(UnsafeNameError, match=r"'data/secret\.json', which is a link to"):
        FolderCheckpoint(folder).read_bytes("data/secret.json", limit=99)
    assert "data/secret.json" not in FolderCheckpoint(folder).filenames()


def test_subfolder_that_is_a_link_out_of_the_folder_is_refused(folder):
    """Not even the journal of a save is looked for there."""
    (folder / "data").symlink_to("../outside")
    (folder.parent / "outside" / ".pretrained-save.json").write_text("no journal", encoding="utf-8")
    with pytest.raises(UnsafeNameError, match="'data', which is a link to"):
        FolderCheckpoint(folder, subfolder="data")


def test_subfolder_that_is_a_link_inside_the_folder_is_opened(folder):
    """`best` may be `epoch-3`."""
    (folder / "sub" / "config.json").write_bytes(CONFIG)
    (folder / "best").symlink_to("sub")
    assert FolderCheckpoint(folder, subfolder="best").read_bytes("config.json", limit=99) == CONFIG


@pytest.mark.parametrize("commit", [COMMIT, COMMIT + "0" * 24])
def test_snapshot_in_the_cache_of_a_client_is_read(tmp_path, commit):
    """Its files are links into the blobs of the same repository."""
    snapshot = cached(tmp_path, commit=commit)
    assert FolderCheckpoint(snapshot).read_bytes("config.json", limit=99) == CONFIG
    assert PretrainedConfig.from_pretrained(snapshot).model_type == "tiny"


@pytest.mark.parametrize("repo", ["models--tiny", "models--me--tiny", "models--me--t.i-n_y"])
def test_files_of_a_snapshot_in_subfolders_are_read(tmp_path, repo):
    """By their name, as a subfolder, and as a folder of their own."""
    snapshot = cached(tmp_path, name="a/b/config.json", repo=repo)
    assert FolderCheckpoint(snapshot).read_bytes("a/b/config.json", limit=99) == CONFIG
    assert FolderCheckpoint(snapshot, subfolder="a/b").read_bytes("config.json", limit=99) == CONFIG
    assert FolderCheckpoint(snapshot / "a").read_bytes("b/config.json", limit=99) == CONFIG


def test_file_of_a_snapshot_is_a_config_by_its_path(tmp_path):
    """It is what the client returns for one downloaded file."""
    assert PretrainedConfig.from_pretrained(cached(tmp_path) / "config.json").model_type == "tiny"


@pytest.mark.parametrize("target", ["../../refs/main", "../../../models--me--other/blobs/b10b", "../../../token"])
def test_link_of_a_snapshot_elsewhere_into_the_cache_is_refused(tmp_path, target):
    """Only the blobs of its own repository are its files."""
    snapshot = cached(tmp_path)
    cached(tmp_path, repo="models--me--other")
    (snapshot / "link.json").symlink_to(target)
    path = snapshot.joinpath(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONFIG)
    with pytest.raises(UnsafeNameError, match=r"'link\.json', which is a link to"):
        FolderCheckpoint(snapshot).local_path("link.json")


def test_blob_that_is_a_link_out_of_the_cache_is_refused(tmp_path):
    """Where it ends is what counts."""
    snapshot = cached(tmp_path)
    blob = snapshot.parents[1] / "blobs" / "b10b"
    blob.unlink()
    (tmp_path / "secret.json").write_bytes(CONFIG)
    blob.symlink_to(tmp_path / "secret.json")
    with pytest.raises(UnsafeNameError, match=r"secret\.json', outside of it"):
        FolderCheckpoint(snapshot).local_path("config.json")


HASH = "ab" + "0123456789" * 6 + "cd"


def shared(cache, blob="b10b", xet_hash=HASH, *, marker="1\n"):
    """Move a blob of a snapshot into the store that all repositories of a cache share, as the client does for xet."""
    snapshot = cached(cache)
    store = cache / "blobs"
    place = store / xet_hash[:2] / xet_hash
    place.parent.mkdir(parents=True)
    if marker is not None:
        (store / ".huggingface-shared-blobs").write_text(marker, encoding="utf-8")
    own = snapshot.parents[1] / "blobs" / blob
    own.rename(place)
    own.symlink_to(os.path.relpath(place, own.parent))
    return snapshot


def test_blob_in_the_store_that_repositories_share_is_read(tmp_path):
    """The client keeps there what came by xet, and links the repository's blob to it."""
    assert FolderCheckpoint(shared(tmp_path)).read_bytes("config.json", limit=99) == CONFIG


def test_cache_behind_a_link_reads_its_shared_store(tmp_path):
    """A cache is often a link to a larger disk."""
    snapshot = shared(tmp_path / "disk")
    (tmp_path / "hub").symlink_to("disk")
    behind = tmp_path / "hub" / snapshot.relative_to(tmp_path / "disk")
    assert FolderCheckpoint(behind).read_bytes("config.json", limit=99) == CONFIG


@pytest.mark.parametrize("marker", [None, "", "1", "2\n", "\0"])
def test_store_without_the_clients_marker_is_not_followed(tmp_path, marker):
    """A folder `blobs` in the cache may be anybody's."""
    with pytest.raises(UnsafeNameError, match=r"'config\.json', which is a link to"):
        FolderCheckpoint(shared(tmp_path, marker=marker)).local_path("config.json")


@pytest.mark.parametrize("xet_hash", [HASH[:-1], HASH + "0", HASH.upper(), "secret", HASH[:-1] + "g"])
def test_only_a_hash_is_a_name_in_the_shared_store(tmp_path, xet_hash):
    """The manifests and locks that lie beside the files are none of a checkpoint's."""
    with pytest.raises(UnsafeNameError, match=r"'config\.json', which is a link to"):
        FolderCheckpoint(shared(tmp_path, xet_hash=xet_hash)).local_path("config.json")


def test_file_in_another_folder_of_the_shared_store_is_not_followed(tmp_path):
    """Its folder is the first two digits of its name."""
    snapshot = shared(tmp_path)
    (tmp_path / "blobs" / "cd").mkdir()
    (tmp_path / "blobs" / "ab" / HASH).rename(tmp_path / "blobs" / "cd" / HASH)
    own = snapshot.parents[1] / "blobs" / "b10b"
    own.unlink()
    own.symlink_to(f"../../blobs/cd/{HASH}")
    with pytest.raises(UnsafeNameError, match=r"'config\.json', which is a link to"):
        FolderCheckpoint(snapshot).local_path("config.json")


def test_link_past_the_repositorys_own_blobs_is_refused(tmp_path):
    """The client never links a snapshot into the shared store: what it serves goes through the repository's blobs."""
    snapshot = shared(tmp_path)
    (snapshot / "link.json").symlink_to(f"../../../blobs/ab/{HASH}")
    with pytest.raises(UnsafeNameError, match=r"'link\.json', which is a link to"):
        FolderCheckpoint(snapshot).local_path("link.json")


def test_file_of_the_shared_store_that_is_a_link_itself_is_refused(tmp_path):
    """The store holds plain files."""
    snapshot = shared(tmp_path)
    (tmp_path / "secret.json").write_bytes(CONFIG)
    kept = tmp_path / "blobs" / "ab" / HASH
    kept.unlink()
    kept.symlink_to(tmp_path / "secret.json")
    with pytest.raises(UnsafeNameError, match=r"secret\.json', outside of it"):
        FolderCheckpoint(snapshot).local_path("config.json")


def test_shared_store_that_is_a_link_is_not_followed(tmp_path):
    """The client makes a folder; a link may lead anywhere."""
    snapshot = shared(tmp_path / "hub")
    (tmp_path / "hub" / "blobs").rename(tmp_path / "elsewhere")
    (tmp_path / "hub" / "blobs").symlink_to("../elsewhere")
    with pytest.raises(UnsafeNameError, match=r"'config\.json', which is a link to"):
        FolderCheckpoint(snapshot).local_path("config.json")


def test_link_into_a_cache_from_elsewhere_is_refused(folder, tmp_path):
    """A folder that is no snapshot has no business in what others have downloaded."""
    snapshot = cached(tmp_path / "hub")
    (folder / "link.json").symlink_to(snapshot / "config.json")
    with pytest.raises(UnsafeNameError, match="/hub/models--me--tiny/blobs/b10b"):
        FolderCheckpoint(folder).local_path("link.json")


@pytest.mark.parametrize(
    ("repo", "commit"), [("me", COMMIT), ("models--me--tiny", "main"), ("models", COMMIT), ("x--me--tiny", COMMIT)]
)
def test_folders_that_are_only_named_like_a_cache_are_none(tmp_path, repo, commit):
    """`snapshots` and `blobs` are words: a user's own folders may have these names."""
    snapshot = cached(tmp_path, repo=repo, commit=commit)
    with pytest.raises(UnsafeNameError, match=r"'config\.json', which is a link to"):
        FolderCheckpoint(snapshot).local_path("config.json")


def test_folder_above_the_snapshot_reads_no_links(tmp_path):
    """Who opens `snapshots` itself has opened no snapshot."""
    snapshot = cached(tmp_path)
    with pytest.raises(UnsafeNameError, match="which is a link to"):
        FolderCheckpoint(snapshot.parent).local_path(f"{COMMIT}/config.json")
