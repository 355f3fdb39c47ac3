"""What leaves this machine: a folder that came from a stranger is published again, and with it only what lies in it."""

from __future__ import annotations

import json
import os

import pytest

from auto_registry import AutoConfig, AutoModel
from config_core import PretrainedConfig, UnsafeNameError, open_checkpoint
from hostile import SECRET, make_socket, reads_of
from hub_io import HUB_SERVICE, PushRefusedError
from tiny_checkpoints import AUTO_MAP, config_json


@pytest.fixture
def token(hub):
    """Return a token that may write."""
    return hub.token("me")


@pytest.mark.parametrize("name", ["notes.txt", "README.md", "config.json", "sub/notes.txt"])
def test_link_to_a_secret_is_not_published(witness, hub, token, name):
    """The download had a link to a file of its user's; the error names link and target, and nothing is uploaded."""
    folder = witness.write({name: None})
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(witness.outside / "secret.txt")
    witness.note()
    with reads_of(witness.outside) as opened, pytest.raises(UnsafeNameError, match=r"which is a link to .*secret\.txt"):
        HUB_SERVICE.publish(folder, "me/copy", token=token, tags=["mine"])
    assert opened == []
    assert hub.requests == []


def test_folder_behind_a_link_is_not_published(witness, hub, token):
    """Neither what it holds nor its names."""
    folder = witness.write()
    (folder / "data").symlink_to(witness.outside)
    witness.note()
    with reads_of(witness.outside) as opened:
        HUB_SERVICE.publish(folder, "me/copy", token=token)
    assert opened == []
    assert not any("secret" in name for name in hub.files("me/copy"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
def test_odd_file_is_not_published_and_makes_nobody_wait(witness, hub, token, kind):
    """Only files are files."""
    folder = witness.write()
    path = folder / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        make_socket(path)
    witness.note()
    HUB_SERVICE.publish(folder, "me/copy", token=token)
    assert "odd" not in hub.files("me/copy")


def test_snapshot_of_a_download_can_be_published(witness, hub, token):
    """Its links lead into the cache that it is a snapshot of."""
    hub.create_repo("stranger/tiny", witness.files())
    checkpoint = open_checkpoint("stranger/tiny")
    paths = checkpoint.local_paths(sorted(checkpoint.filenames()))
    HUB_SERVICE.publish(paths["config.json"].parent, "me/copy", token=token)
    assert hub.files("me/copy")["modeling_tiny.py"] == hub.files("stranger/tiny")["modeling_tiny.py"]


CARDS = {
    "object of python": "---\nx: !!python/object/apply:os.mkdir ['{marker}']\n---\n",
    "list": "---\n- a\n---\n",
    "no yaml": "---\n: : :\n\t-\n---\n",
    "deep": "---\nx: " + "[" * 20_000 + "\n---\n",
    "number for tags": "---\ntags: 3\n---\n",
}


@pytest.mark.parametrize("name", CARDS)
def test_card_whose_metadata_is_odd_is_not_changed(witness, hub, token, name):
    """Adding a tag parses what is there; nothing in it is built or run, and nothing is created."""
    folder = witness.write({"README.md": CARDS[name].replace("{marker}", str(witness.marker))})
    with pytest.raises(PushRefusedError, match=r"README\.md"):
        HUB_SERVICE.publish(folder, "me/copy", token=token, tags=["mine"])
    assert not any("/repos/create" in request.path for request in hub.requests)


def test_card_that_grows_when_it_is_read_does_not(witness, hub, token):
    """References to references of lists: a few lines that stand for thousands of millions."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    folder = witness.write({"README.md": "---\n" + "\n".join(lines) + "\n---\nMine.\n"})
    HUB_SERVICE.publish(folder, "me/copy", token=token, tags=["mine"])
    assert len(hub.files("me/copy")["README.md"]) < 10_000


@pytest.mark.parametrize(
    "content", ["---\nx: !!python/object/apply:os.mkdir ['{marker}']\n---\n", "<script>alert(1)</script>"]
)
def test_card_is_not_read_by_any_load(witness, content):
    """It is a text for people."""
    folder = witness.write({"README.md": content.replace("{marker}", str(witness.marker))})
    with reads_of(folder) as opened:
        for load in (AutoConfig.from_pretrained, AutoModel.from_pretrained):
            with pytest.raises(PermissionError):
                load(folder)
    assert not any(path.endswith("README.md") for path in opened)


HOSTILE_VALUES = {
    "auto class": {"auto_map": AUTO_MAP | {"AutoModel\nimport os; os.system('x')": "modeling_tiny.TinyModel"}},
    "architecture": {"architectures": ["X`\n```python\nimport os; os.system('x')\n```"]},
    "type": {"model_type": 'x"]\nlicense: mit\n---\nimport os; os.system("x")'},
    "architectures of another kind": {"architectures": {"import os; os.system('x')": 1}},
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_card_that_is_written_repeats_no_text_of_a_stranger_as_code(witness, hub, token, name):
    """People copy what stands in a card: names come out of config.json as plain names or not at all."""
    values = {"model_type": "tiny", "auto_map": AUTO_MAP} | HOSTILE_VALUES[name]
    folder = witness.write({"config.json": json.dumps(values)})
    HUB_SERVICE.publish(folder, "me/copy", token=token)
    lines = hub.files("me/copy")["README.md"].decode().splitlines()
    assert not any(line.startswith("import os") for line in lines)
    assert lines.count("---") == 2


def test_config_of_a_stranger_is_pushed_without_what_it_had_beside_itself(lenient_witness, hub, token):
    """What is saved again is what the class declares, and no file of the folder that it came from."""
    folder = lenient_witness.write({"config.json": config_json({}, model_type=""), "id_rsa": SECRET}, harmless=True)
    PretrainedConfig.from_pretrained(folder).push_to_hub("me/copy", token=token)
    assert "id_rsa" not in hub.files("me/copy")
    assert not any(name.endswith(".py") for name in hub.files("me/copy"))


@pytest.mark.parametrize("repo_id", ["../evil", "me/a/b", "https://evil/x", "me/..", "", "-x", "me/a b", "me/\u0430"])
def test_place_to_push_to_is_a_plain_name(witness, hub, token, repo_id):
    """A token is not carried elsewhere."""
    folder = witness.write()
    with pytest.raises((ValueError, OSError)):
        HUB_SERVICE.publish(folder, repo_id, token=token)
    assert [request.path for request in hub.requests if "commit" in request.path] == []


def test_token_is_not_sent_for_a_folder(lenient_witness, hub, token, monkeypatch):
    """Loading from a folder asks nobody anything, whoever is logged in, and whatever its files name."""
    monkeypatch.setenv("HF_TOKEN", token)
    text = config_json(_name_or_path="evil/tiny", base_model="evil/tiny", tokenizer="evil/tiny")
    folder = lenient_witness.write({"config.json": text}, harmless=True)
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert hub.requests == []
