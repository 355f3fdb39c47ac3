"""Publishing a folder: one commit, a model card, the token's rights, and no stale weights."""

from __future__ import annotations

import json

import pytest

from hub_io.errors import AccessDeniedError, HubUnavailableError
from hub_io.hub_service import HUB_SERVICE

CONFIG = {
    "architectures": ["TinyForImageClassification"],
    "auto_map": {
        "AutoConfig": "configuration_tiny.TinyConfig",
        "AutoModel": "modeling_tiny.TinyModel",
        "AutoModelForImageClassification": "modeling_tiny.TinyForImageClassification",
    },
    "model_type": "tiny",
}


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    write(folder, {"config.json": json.dumps(CONFIG), "model.safetensors": "weights", "modeling_tiny.py": "code"})
    return folder


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def commits_sent(hub):
    return [request for request in hub.requests if request.method == "POST" and "/commit/" in request.path]


def test_folder_is_pushed_in_one_commit(hub, saved):
    """Config, weights, code and card arrive together, and the answer names the commit."""
    write(saved, {"layers/deep/block.py": "nested", ".cache/junk": "junk"})
    info = HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert len(commits_sent(hub)) == 1
    files = hub.files("me/tiny", info.oid)
    assert files == hub.files("me/tiny")
    assert set(files) == {
        ".gitattributes", "README.md", "config.json", "layers/deep/block.py", "model.safetensors", "modeling_tiny.py",
    }  # fmt: skip
    assert files["layers/deep/block.py"] == b"nested"


def test_name_without_owner_goes_to_the_tokens_account(hub, saved):
    """The guide pushes to a bare name."""
    HUB_SERVICE.publish(saved, "tiny", token=hub.token("me"))
    assert "config.json" in hub.files("me/tiny")


def test_card_says_what_it_is_and_how_to_load_it(hub, saved):
    """Metadata for the Hub, and a snippet with the class of the architecture that was saved."""
    HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"), tags=["digits"])
    card = hub.files("me/tiny")["README.md"].decode()
    assert 'tags: ["custom_code", "digits", "tiny"]' in card
    assert "library_name:" in card
    assert (
        'AutoModelForImageClassification.from_pretrained("me/tiny", revision="<commit>", trust_remote_code=True)'
        in card
    )


def test_card_of_a_config_without_code_asks_for_no_trust(hub, tmp_path):
    """Nobody is taught to trust code that is not there."""
    write(tmp_path, {"config.json": '{"model_type": "tiny"}'})
    HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"))
    card = hub.files("me/tiny")["README.md"].decode()
    assert 'AutoConfig.from_pretrained("me/tiny")' in card
    assert "trust" not in card
    assert "custom_code" not in card


def test_card_on_the_hub_stays(hub, saved):
    """What people wrote is theirs; tags are added only on request."""
    hub.create_repo("me/tiny", {"README.md": "---\nlicense: mit\ntags:\n- old\n---\n\nMine.\n"})
    token = hub.token("me")
    HUB_SERVICE.publish(saved, "me/tiny", token=token)
    assert hub.files("me/tiny")["README.md"].decode() == "---\nlicense: mit\ntags:\n- old\n---\n\nMine.\n"
    HUB_SERVICE.publish(saved, "me/tiny", token=token, tags=["new"])
    card = hub.files("me/tiny")["README.md"].decode()
    assert all(part in card for part in ["license: mit", "- old", "- new", "Mine."])


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata")
def test_card_in_the_folder_is_pushed(hub, saved):
    """A README.md beside the weights is the card."""
    write(saved, {"README.md": "Mine."})
    HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert hub.files("me/tiny")["README.md"] == b"Mine."


def test_private_makes_a_private_repository(hub, saved):
    """Only its owner sees it."""
    token = hub.token("me")
    HUB_SERVICE.publish(saved, "me/tiny", token=token, private=True)
    assert HUB_SERVICE.open("me/tiny", token=token).has("config.json")
    with pytest.raises(FileNotFoundError, match="private"):
        HUB_SERVICE.open("me/tiny", token=hub.token("you"))


def test_stale_weights_of_another_layout_go_in_the_same_commit(hub, saved):
    """Shards do not outlive the single file that replaces them; other variants and foreign files do."""
    hub.create_repo(
        "me/tiny",
        {
            "model-00001-of-00002.safetensors": "old",
            "model-00002-of-00002.safetensors": "old",
            "model.safetensors.index.json": "old",
            "model.fp16.safetensors": "kept",
            "adapter_model.safetensors": "kept",
            "notes/model-00001-of-00002.safetensors": "kept",
        },
    )
    HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert len(commits_sent(hub)) == 1
    assert {name for name in hub.files("me/tiny") if name.endswith((".safetensors", "index.json"))} == {
        "model.safetensors", "model.fp16.safetensors", "adapter_model.safetensors",
        "notes/model-00001-of-00002.safetensors",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pushed", "stale"),
    [
        ("model.safetensors", ["model-000001-of-100000.safetensors", "model-100000-of-100000.safetensors"]),
        (
            "model.fp16.v2.safetensors",
            ["model.fp16.v2-00001-of-00002.safetensors", "model.safetensors.index.fp16.v2.json"],
        ),
        ("model-00001-of-00001.safetensors", ["model.safetensors", "model-00001-of-00002.safetensors"]),
    ],
)
def test_stale_weights_have_every_name_that_a_save_gives(hub, tmp_path, pushed, stale):
    """Dots in a variant, and more than five digits of a shard."""
    hub.create_repo("me/tiny", dict.fromkeys([*stale, "model.fp16.safetensors", "pytorch_model.bin"], "old"))
    write(tmp_path, {"config.json": '{"model_type": "tiny"}', pushed: "new"})
    HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"))
    names = hub.files("me/tiny").keys()
    assert not names & set(stale)
    assert {pushed, "model.fp16.safetensors", "pytorch_model.bin"} <= names


def test_config_alone_leaves_the_weights(hub, tmp_path):
    """Pushing a config over a model takes nothing away."""
    hub.create_repo("me/tiny", {"model.safetensors": "weights", "config.json": "{}"})
    write(tmp_path, {"config.json": '{"model_type": "tiny"}'})
    HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"))
    assert hub.files("me/tiny")["model.safetensors"] == b"weights"


def test_revision_is_a_branch_that_is_made(hub, saved):
    """The default branch stays as it was."""
    token = hub.token("me")
    HUB_SERVICE.publish(saved, "me/tiny", token=token, revision="experiment")
    assert "config.json" in hub.files("me/tiny", "experiment")
    assert "config.json" not in hub.files("me/tiny")


def test_create_pr_leaves_the_branch(hub, saved):
    """The commit waits in a pull request."""
    info = HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"), create_pr=True)
    assert "config.json" not in hub.files("me/tiny")
    assert "config.json" in hub.files("me/tiny", "refs/pr/1")
    assert info.pr_revision == "refs/pr/1"


def test_commit_message_is_the_callers(hub, saved):
    """Title and description come through."""
    from huggingface_hub import HfApi

    token = hub.token("me")
    HUB_SERVICE.publish(saved, "me/tiny", token=token, commit_message="Better", commit_description="By far.")
    newest = HfApi(token=token).list_repo_commits("me/tiny")[0]
    assert (newest.title, newest.message) == ("Better", "By far.")


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (False, "asks for a token to push .*none was sent"),
        ("hf_never_given_out", "wrong or expired"),
        ("read", "may not push"),
        ("stranger", "may not push"),
    ],
)
def test_token_that_may_not_write_is_refused(hub, saved, token, sentence):
    """No token, a wrong one, one for reading, and one of somebody else; the message shows none of them."""
    tokens = {"read": hub.token("me", write=False), "stranger": hub.token("you")}
    given = tokens.get(token, token)
    with pytest.raises(AccessDeniedError, match=sentence) as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=given)
    assert isinstance(caught.value, PermissionError)
    assert "token= with the write role" in str(caught.value)
    assert str(given) not in str(caught.value) or given is False


def test_hub_that_fails_is_named_and_nothing_is_committed(hub, saved):
    """The Hub's own trouble is a ConnectionError with its status."""
    token = hub.token("me")
    sha = hub.create_repo("me/tiny", {"config.json": "old"})
    hub.fail_next("/commit/", status=500)
    with pytest.raises(HubUnavailableError, match="answered 500") as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=token)
    assert caught.value.status == 500
    assert isinstance(caught.value, ConnectionError)
    assert hub.files("me/tiny") == hub.files("me/tiny", sha)


def test_unknown_option_is_refused(hub, saved):
    """A typo is no option."""
    with pytest.raises(TypeError, match="comit_message"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"), comit_message="x")
