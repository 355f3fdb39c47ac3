"""The round trip through config_core: a config saved with its code, pushed, loaded elsewhere, and shared on."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from auto_registry import AutoConfig
from config_core import UnknownOptionError, open_checkpoint
from hub_io import AccessDeniedError, RemoteCodeRefusedError
from tiny_checkpoints import CONFIGURATION


@pytest.fixture
def tiny_config_class(tmp_path, monkeypatch):
    """Return TinyConfig out of an ordinary module, registered to be saved with its code."""
    path = tmp_path / "configuration_tiny.py"
    path.write_text(CONFIGURATION, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("configuration_tiny", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "configuration_tiny", module)
    spec.loader.exec_module(module)
    module.TinyConfig.register_for_auto_class()
    return module.TinyConfig


def test_config_is_pushed_with_its_code_and_loads_with_trust(hub, tiny_config_class):
    """Code, config and card in one commit; refused without trust, equal with it."""
    info = tiny_config_class(size=7).push_to_hub("tiny", token=hub.token("me"), private=True)
    code = {"configuration_tiny.py", "pretrained_base.py"}
    assert set(hub.files("me/tiny")) == {".gitattributes", "README.md", "config.json", *code}
    assert len([request for request in hub.requests if "/commit/" in request.path]) == 1
    card = hub.files("me/tiny")["README.md"].decode()
    assert "from auto_registry import AutoConfig" in card
    assert "from transformers import AutoConfig" in card
    options = {"revision": info.oid, "token": hub.token("me")}
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained("me/tiny", **options)
    config = AutoConfig.from_pretrained("me/tiny", trust_remote_code=True, **options)
    assert (config.size, type(config).__name__) == (7, "TinyConfig")


def test_remote_config_is_shared_on_with_the_code_it_came_with(hub, tiny_config_class, tmp_path):
    """Saving and pushing vendors the code, byte for byte, with no pointer to where it was."""
    token = hub.token("me")
    info = tiny_config_class(size=7).push_to_hub("me/tiny", token=token)
    config = AutoConfig.from_pretrained("me/tiny", revision=info.oid, trust_remote_code=True)
    config.save_pretrained(tmp_path / "saved")
    config.push_to_hub("me/copy", token=token)
    original = hub.files("me/tiny")["configuration_tiny.py"]
    assert (tmp_path / "saved/configuration_tiny.py").read_bytes() == original
    assert hub.files("me/copy")["configuration_tiny.py"] == original
    saved = json.loads(hub.files("me/copy")["config.json"])
    assert saved["auto_map"] == {"AutoConfig": "configuration_tiny.TinyConfig"}
    again = AutoConfig.from_pretrained(tmp_path / "saved", trust_remote_code=True)
    assert (type(again), again) == (type(config), config)


def test_class_itself_loads_from_the_hub_without_trust(hub, tiny_config_class):
    """Who has the class needs nobody's code."""
    hub.create_repo("me/tiny", {"sub/config.json": '{"model_type": "tiny", "size": 4}'})
    assert tiny_config_class.from_pretrained("me/tiny", subfolder="sub").size == 4
    opened = open_checkpoint("me/tiny", subfolder="sub")
    assert tiny_config_class.from_pretrained(opened).size == 4


def test_checkpoint_that_is_open_stays_at_its_revision(hub, tiny_config_class):
    """Asking for another is an error and not ignored; asking for its own is not."""
    hub.create_repo("me/tiny", {"config.json": '{"model_type": "tiny", "size": 4}'})
    opened = open_checkpoint("me/tiny")  # at "main"
    for revision in (None, "main", opened.commit):
        assert tiny_config_class.from_pretrained(opened, revision=revision).commit_hash == opened.commit
    with pytest.raises(ValueError, match=r"revision='v1' does not apply to me/tiny@.*, which is open already"):
        tiny_config_class.from_pretrained(opened, revision="v1")


def test_push_without_rights_is_refused(hub, tiny_config_class):
    """The token's lack of rights arrives as a PermissionError."""
    with pytest.raises(AccessDeniedError):
        tiny_config_class().push_to_hub("me/tiny", token=hub.token("you"))


def test_unknown_option_of_a_push_is_refused_before_the_save(hub, tiny_config_class, tmp_path):
    """Nothing is written here and nothing asked of the Hub."""
    config = tiny_config_class(size=7)
    for push in (
        lambda: config.save_pretrained(tmp_path / "saved", push_to_hub=True, comit_message="x"),
        lambda: config.push_to_hub("me/tiny", comit_message="x"),
    ):
        with pytest.raises(UnknownOptionError, match=r"no option 'comit_message'. Options are commit_message"):
            push()
    assert not (tmp_path / "saved").exists()
    assert not hub.requests


def test_save_pretrained_pushes_under_the_folders_name(hub, tiny_config_class, tmp_path):
    """`push_to_hub=True` saves and uploads the same, under the token's account unless `repo_id` says where."""
    config, token = tiny_config_class(size=7), hub.token("me")
    config.save_pretrained(tmp_path / "tiny-config", push_to_hub=True, token=token)
    config.save_pretrained(tmp_path / "tiny-config", push_to_hub=True, repo_id="me/named", token=token)
    saved = (tmp_path / "tiny-config" / "config.json").read_bytes()
    assert hub.files("me/tiny-config")["config.json"] == hub.files("me/named")["config.json"] == saved
