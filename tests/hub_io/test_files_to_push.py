"""What stays at home when a folder is pushed, and what an interrupted download leaves behind."""

from __future__ import annotations

import os

import pytest

from deep_folders import deep_folders
from hub_io import HUB_SERVICE
from interrupted_saves import interrupt_save, stopped_saves
from loopback_hub import WITHOUT_XET
from other_processes import environment, run_program

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


LEFTOVERS = [
    "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin", "trainer_state.json", "train.log",
    "runs/today/events.out.tfevents.1.host", "wandb/run/config.yaml", "checkpoint-500/model.safetensors",
    "model.safetensors.tmp", "modeling_tiny.py~", "sub/optimizer.pt",
]  # fmt: skip


def test_what_training_leaves_stays_at_home_unless_it_is_named(hub, tmp_path, caplog):
    """States of optimizers are large, and logs may tell what is nobody's business."""
    for name in (*LEFTOVERS, *PUBLIC, ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    named = ["trainer_state.json", ".hidden", "wandb/run/config.yaml"]
    with caplog.at_level("WARNING", logger="hub_io"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), include=named)
    assert set(hub.files("me/tiny")) == {*PUBLIC, *named, "README.md", ".gitattributes"}
    (said,) = (record.getMessage() for record in caplog.records if record.name == "hub_io")
    assert "'optimizer.pt'" in said
    assert "include=" in said


def test_name_to_include_that_is_missing_is_an_error(hub, tmp_path):
    """Before anything is sent."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"traner_state\.json"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), include=["traner_state.json"])
    with pytest.raises(TypeError, match="include must be a list"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), include="config.json")
    assert hub.requests == []


def test_folder_whose_save_was_interrupted_is_pushed_as_a_load_reads_it(hub, tmp_path):
    """Some of the new files are in their places, and some are not; old weights are to be removed."""
    folder = tmp_path / "saved"
    folder.mkdir()
    for name in ("config.json", "model.bin"):
        (folder / name).write_text("{}", encoding="utf-8")
    interrupt_save(folder, {"config.json": '{"model_type": "new"}', "z/part.bin": "new"}, moved=1)
    HUB_SERVICE.publish(folder, "me/tiny", token=hub.token("me"))
    files = hub.files("me/tiny")
    assert set(files) == {"config.json", "z/part.bin", "README.md", ".gitattributes"}
    assert files["z/part.bin"] == b"new"
    assert b"- new" in files["README.md"] or b'"new"' in files["README.md"]


OLD = {"config.json": '{"model_type": "old"}', "code/blocks.py": "old = 1", "whole.bin": "old"}
NEW = {"config.json": '{"model_type": "new"}', "code/blocks.py": "new = 1", "part-1.bin": "new", "part-2.bin": "new"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("killed", [True, False])
def test_push_at_any_step_of_a_save_publishes_the_old_or_the_new(hub, tmp_path, killed):
    """Whether the save was killed there or still runs: never a mixture, and never what the save keeps for itself."""
    token, published = hub.token("me"), []
    for folder in stopped_saves(tmp_path, OLD, NEW, killed=killed):
        repo_id = f"me/step-{folder.name}"
        HUB_SERVICE.publish(folder, repo_id, token=token)
        pushed = {name: content.decode() for name, content in hub.files(repo_id).items()}
        published.append({name: pushed[name] for name in pushed.keys() - {"README.md", ".gitattributes"}})
    assert all(files in (OLD, NEW) for files in published)
    assert published == sorted(published, key=lambda files: files == NEW), "once new, always new"
    assert OLD in published
    assert NEW in published


def test_folder_that_is_deeper_than_python_can_follow_is_pushed(hub, tmp_path):
    """1,200 folders, one in the other, from a stranger; names that are too long are not looked for."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with deep_folders(tmp_path):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"))
    assert set(hub.files("me/tiny")) == {"config.json", "README.md", ".gitattributes"}


FILL = """
import resource, signal, sys
from hub_io import HUB_SERVICE, HubError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
opened = HUB_SERVICE.open("me/tiny", cache_dir=sys.argv[1])
blobs = opened.snapshot.parents[1] / "blobs"
(blobs / "0123.abcdef01.incomplete").write_bytes(b"x" * 1234)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    opened.local_path("model.safetensors")
except HubError as error:
    print(type(error).__name__, error.errno is not None, error)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs limits of processes")
@pytest.mark.parametrize("settings", [{}, WITHOUT_XET], ids=["xet", "http"])
def test_download_that_finds_no_room_says_how_to_make_some(hub, tmp_path, settings):
    """In the part of the client that is written in Rust too. Interrupted downloads are the client's to remove."""
    hub.create_repo("me/tiny", {"config.json": "{}", "model.safetensors": bytes(range(256)) * 1000})
    environ = environment(tmp_path / "state", **settings)
    printed = run_program(tmp_path / "p.py", FILL, tmp_path / "cache", environ=environ)
    assert printed.startswith("HubError True")
    assert f"Interrupted downloads hold 1,234 bytes of {tmp_path / 'cache'}" in printed
    assert "`hf cache prune` removes them" in printed
