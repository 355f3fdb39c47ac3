"""Weights that the Hub keeps on xet, as the client's default settings download and cache them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from config_core import FolderCheckpoint, open_checkpoint
from hub_io import HUB_SERVICE
from loopback_hub import WITHOUT_XET
from other_processes import environment, run_program

CONFIG = '{"model_type": "tiny"}'
WEIGHTS = bytes(range(256)) * 1000
OTHER = WEIGHTS[::-1]
SHARDS = {f"model-0000{number}-of-00003.safetensors": WEIGHTS + bytes([number]) for number in (1, 2, 3)}

shared_store = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub.utils._shared_blobs") is None, reason="needs a client with a shared store"
)

READ = """
import sys
from config_core import open_checkpoint
options = {"local_files_only": True} if sys.argv[2] == "offline" else {}
path = open_checkpoint(sys.argv[1], **options).local_path("model.safetensors")
print(path.read_bytes() == bytes(range(256)) * 1000, "blobs" in str(path.resolve()))
"""


def content(checkpoint, name="model.safetensors"):
    return checkpoint.local_path(name).read_bytes()


def came_over_xet(hub):
    return any("/xet-read-token/" in request.path for request in hub.requests)


@pytest.fixture
def repo(hub):
    hub.create_repo("me/tiny", {"config.json": CONFIG, "model.safetensors": WEIGHTS})
    return "me/tiny"


def test_cold_load_comes_over_xet(hub, repo):
    """Nothing is set: this is what every user's client does."""
    assert content(HUB_SERVICE.open(repo)) == WEIGHTS
    assert came_over_xet(hub)


@shared_store
def test_cached_file_is_where_the_client_shares_it(repo):
    """What the tests are about is there: the cache's shared store, behind two links."""
    path = HUB_SERVICE.open(repo).local_path("model.safetensors")
    cache = path.parents[3]
    assert path.resolve().relative_to(cache.resolve()).parts[0] == "blobs"
    assert (cache / "blobs" / ".huggingface-shared-blobs").is_file()


def test_warm_load_reads_the_cache(hub, repo):
    """Nothing is downloaded twice."""
    content(HUB_SERVICE.open(repo))
    hub.clear_requests()
    assert content(HUB_SERVICE.open(repo)) == WEIGHTS
    assert not came_over_xet(hub)


def test_load_without_network_reads_the_cache(hub, repo):
    """No request is made."""
    content(HUB_SERVICE.open(repo))
    hub.clear_requests()
    assert content(HUB_SERVICE.open(repo, local_files_only=True)) == WEIGHTS
    assert hub.requests == []


def test_shards_come_side_by_side(hub):
    """All of them in one call, and from the cache after that."""
    hub.create_repo("me/tiny", {"config.json": CONFIG, **SHARDS})
    for _ in range(2):
        paths = HUB_SERVICE.open("me/tiny").local_paths(SHARDS)
        assert {name: path.read_bytes() for name, path in paths.items()} == SHARDS


def test_subfolder_has_weights(hub):
    """The link leads up from one folder more."""
    hub.create_repo("me/tiny", {"large/config.json": CONFIG, "large/model.safetensors": WEIGHTS})
    assert content(HUB_SERVICE.open("me/tiny", subfolder="large")) == WEIGHTS


def test_force_download_replaces_a_damaged_file(repo):
    """The shared file is replaced too."""
    damaged = HUB_SERVICE.open(repo).local_path("model.safetensors").resolve()
    damaged.chmod(0o644)
    damaged.write_bytes(OTHER)
    assert content(HUB_SERVICE.open(repo)) == OTHER  # what lies there is not read again, so nobody notices
    assert content(HUB_SERVICE.open(repo, force_download=True)) == WEIGHTS


def test_folder_of_the_clients_own_download_is_a_checkpoint(repo):
    """`from_pretrained(snapshot_download(…))` is how many programs load."""
    folder = snapshot_download(repo)
    assert content(open_checkpoint(folder)) == WEIGHTS
    assert content(FolderCheckpoint(Path(folder))) == WEIGHTS


def test_cache_that_the_client_filled_serves(hub, repo):
    """Another library has downloaded the repository before."""
    snapshot_download(repo)
    hub.clear_requests()
    assert content(HUB_SERVICE.open(repo)) == WEIGHTS
    assert not came_over_xet(hub)


@shared_store
def test_two_repositories_share_one_file(hub, repo):
    """The second one links to what the first one has downloaded."""
    hub.create_repo("me/copy", {"config.json": CONFIG, "model.safetensors": WEIGHTS})
    first = HUB_SERVICE.open(repo).local_path("model.safetensors").resolve()
    assert HUB_SERVICE.open("me/copy").local_path("model.safetensors").resolve() == first


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("network", ["online", "offline"])
def test_client_without_xet_reads_what_came_over_xet(tmp_path, network):
    """Somebody has switched it off after the cache was filled."""
    content(HUB_SERVICE.open("me/tiny"))
    environ = environment(tmp_path / "cache", **WITHOUT_XET)
    printed = run_program(tmp_path / "p.py", READ, "me/tiny", network, environ=environ)
    assert printed.split() == ["True", "True"]


@pytest.mark.usefixtures("repo")
def test_client_without_xet_downloads_over_http(hub, tmp_path):
    """The one extra case: HF_HUB_DISABLE_XET=1 from the start."""
    environ = environment(tmp_path / "cache", **WITHOUT_XET)
    printed = run_program(tmp_path / "p.py", READ, "me/tiny", "online", environ=environ)
    assert printed.split() == ["True", "True"]
    assert not came_over_xet(hub)
    assert any(request.path.startswith("/objects/") for request in hub.requests)


@pytest.mark.usefixtures("repo")
def test_client_without_the_shared_store_keeps_files_in_the_repository(tmp_path):
    """HF_HUB_DISABLE_SHARED_BLOBS=1 leaves the old layout."""
    environ = environment(tmp_path / "cache", HF_HUB_DISABLE_SHARED_BLOBS="1")
    printed = run_program(tmp_path / "p.py", READ, "me/tiny", "online", environ=environ)
    assert printed.split() == ["True", "True"]


def test_pushed_weights_go_over_xet(hub, tmp_path):
    """And come back the same."""
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    commit = HUB_SERVICE.publish(tmp_path, "me/new", token=hub.token("me"))
    assert any("/xet-write-token/" in request.path for request in hub.requests)
    assert not any("/lfs/objects/batch" in request.path for request in hub.requests)
    assert content(HUB_SERVICE.open("me/new", revision=commit.oid)) == WEIGHTS


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_link_into_the_shared_store_that_no_client_made_is_refused(repo, tmp_path):
    """A repository's blob leads to a hash; a link of a folder elsewhere does not."""
    kept = HUB_SERVICE.open(repo).local_path("model.safetensors").resolve()
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "model.safetensors").symlink_to(kept)
    with pytest.raises(ValueError, match="outside of it"):
        FolderCheckpoint(tmp_path).local_path("model.safetensors")
