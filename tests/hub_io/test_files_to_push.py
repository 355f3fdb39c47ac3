"""What stays at home when a folder is pushed, and what an interrupted download leaves behind."""

from __future__ import annotations

import errno
import os

import pytest

from hub_io import HUB_SERVICE, StorageError
from hub_io.hub._client_errors import HubRequest, translate

PRIVATE = [
    ".env", ".netrc", ".git-credentials", ".huggingface/token", ".ssh/id_rsa", "id_rsa", "id_ed25519", "server.pem",
    "server.key", "login.p12", "credentials.json", "secrets.yaml", "prod.env", "sub/.env", "sub/id_rsa",
    "keys/server.key", "_netrc", "__pycache__/modeling.cpython-311.pyc", ".DS_Store", ".ipynb_checkpoints/a.ipynb",
]  # fmt: skip
PUBLIC = ["config.json", "model.safetensors", "modeling_tiny.py", "layers/block.py", "labels.json", "tokenizer.json"]


def test_files_of_people_and_tools_stay_at_home(hub, tmp_path, caplog):
    """Hidden files, byte code and keys, at any depth; the log names those that were not hidden."""
    for name in (*PRIVATE, *PUBLIC):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    with caplog.at_level("WARNING", logger="hub_io"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"))
    assert set(hub.files("me/tiny")) == {*PUBLIC, "README.md", ".gitattributes"}
    (said,) = (record.getMessage() for record in caplog.records if record.name == "hub_io")
    assert "'id_rsa'" in said
    assert "'keys/server.key'" in said


def test_full_disk_says_what_interrupted_downloads_hold(hub):
    """They are the client's to remove, and it has a command for that."""
    hub.create_repo("me/tiny", {"config.json": "{}"})
    path = HUB_SERVICE.open("me/tiny").local_path("config.json")
    blobs = path.parents[2] / "blobs"
    (blobs / "0123.abcdef01.incomplete").write_bytes(b"x" * 1234)
    error = translate(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), HubRequest("me/tiny"))
    assert isinstance(error, StorageError)
    assert error.errno == errno.ENOSPC
    assert "hold 1,234 bytes" in str(error)
    assert "`hf cache prune` removes them" in str(error)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")  # noqa: PTH110
def test_download_onto_a_full_disk_is_a_storage_error(hub, tmp_path):
    """Every write to this device fails as on a full disk."""
    hub.create_repo("me/tiny", {"config.json": "{}"})
    cache = tmp_path / "cache"
    refs = cache / "models--me--tiny"
    refs.mkdir(parents=True)
    (refs / "blobs").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="cache_dir="):
        HUB_SERVICE.open("me/tiny", cache_dir=cache)
