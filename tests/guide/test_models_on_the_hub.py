"""What models say of the repository that they came from."""

from __future__ import annotations

import os
import re
from pathlib import Path

import huggingface_hub
import pytest
import torch
import yaml

from auto_registry import AutoConfig, AutoModel, Registry
from tiny_checkpoints import config_json, files
from tiny_models import TinyConfig, TinyModel

SOURCE = f"""
import torch
from model_core import PreTrainedModel
from .configuration_tiny import TinyConfig

class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(config.size, 1)

# {os.getpid()}
"""


def test_model_and_config_say_which_commit_they_came_from(hub, tmp_path):
    """By our name and by that of transformers, and it is not written to files."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    commit = hub.create_repo("me/tiny", {path.name: path.read_bytes() for path in tmp_path.iterdir()})
    for loaded in (
        TinyModel.from_pretrained("me/tiny"),
        TinyModel.from_pretrained("me/tiny", config=TinyConfig()),
    ):
        assert (loaded.commit_hash, loaded.config.commit_hash, loaded.config._commit_hash) == (commit,) * 3
        assert "commit" not in loaded.config.to_json_string()
    assert TinyConfig.from_pretrained("me/tiny").commit_hash == commit


class ModelWithWords(TinyModel):
    """A model that is loaded with a file of its own, as authors write it for transformers."""

    @classmethod
    def from_pretrained(cls, name, *args, **kwargs):
        """Load the model and its words."""
        model = super().from_pretrained(name, *args, **kwargs)
        path = huggingface_hub.hf_hub_download(name, "words.txt", revision=kwargs["revision"])
        model.words = Path(path).read_text(encoding="utf-8")
        return model


def test_overridden_from_pretrained_reads_further_files_of_the_same_commit(hub, tmp_path):
    """It gets the name of the repository, and the commit that the config came from."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    content = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    commit = hub.create_repo("me/words", {**content, "words.txt": b"one two"})
    registry = Registry()
    AutoConfig.register(TinyConfig.model_type, TinyConfig, registry=registry)
    AutoModel.register(TinyConfig, ModelWithWords, registry=registry)
    model = AutoModel.from_pretrained("me/words", registry=registry)
    assert (model.words, model.commit_hash) == ("one two", commit)


def test_a_push_gives_the_card_its_metadata_and_later_pushes_keep_it(hub, tmp_path):
    """Of a model, of a config, and of a save that pushes too."""
    model, token = TinyModel(TinyConfig()), hub.token("me")
    model.push_to_hub("me/tiny", token=token, license="mit", language=["en", "de"])
    model.config.push_to_hub("me/tiny", token=token, base_model="me/base")
    model.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="me/tiny", token=token, pipeline_tag="other")
    metadata = yaml.safe_load(hub.files("me/tiny")["README.md"].split(b"---\n")[1])
    del metadata["tags"]
    assert metadata == {
        "library_name": "pretrained",
        "license": "mit",
        "language": ["en", "de"],
        "base_model": "me/base",
        "pipeline_tag": "other",
    }


@pytest.mark.parametrize("options", [{"tags": "digits"}, {"tags": [3]}, {"license": 3}, {"language": [None]}])
def test_metadata_of_another_type_is_refused_before_anything_is_written(hub, tmp_path, options):
    """Nothing is saved, and nothing is sent to the Hub."""
    model, name = TinyModel(TinyConfig()), next(iter(options))
    for push in (
        lambda: model.push_to_hub("me/tiny", **options),
        lambda: model.config.push_to_hub("me/tiny", **options),
        lambda: model.save_pretrained(tmp_path / "saved", push_to_hub=True, **options),
        lambda: model.config.save_pretrained(tmp_path / "saved", push_to_hub=True, **options),
    ):
        with pytest.raises(TypeError, match=name):
            push()
    assert not (tmp_path / "saved").exists()
    assert not hub.requests


def test_missing_file_is_named_without_the_network(hub, tmp_path):
    """The config was downloaded before, the weights were not."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    hub.create_repo("me/half", {path.name: path.read_bytes() for path in tmp_path.iterdir()})
    TinyConfig.from_pretrained("me/half")
    with pytest.raises(FileNotFoundError, match=r"^model\.safetensors of 'me/half' .* was not downloaded before"):
        TinyModel.from_pretrained("me/half", local_files_only=True)


def test_config_and_model_say_where_their_code_came_from(hub):
    """Both have the same origin: the repository, the commit, and what trusted it."""
    auto_map = {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    commit = hub.create_repo("me/code", files({"config.json": config_json(auto_map), "modeling_tiny.py": SOURCE}))
    config = AutoConfig.from_pretrained("me/code", revision=commit, trust_remote_code=True)
    model = AutoModel.from_config(config, trust_remote_code=True)
    assert config.code_origin == model.code_origin
    assert model.code_origin[:2] == ("me/code", commit)
    assert model.code_origin.trusted_by == "trust_remote_code=True"


def test_call_that_an_error_suggests_opens_the_same_commit_and_lets_its_code_run(hub, tmp_path):
    """With the options of the Hub and the overrides that the caller gave to the Auto class."""
    auto_map = {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    weights = {"layer.weight": torch.full((1, 3), 2.0), "layer.bias": torch.zeros(1)}
    torch.save(weights, tmp_path / "last.ckpt")
    content = files({"config.json": config_json(auto_map), "modeling_tiny.py": SOURCE})
    commit = hub.create_repo("me/trained", content | {"last.ckpt": (tmp_path / "last.ckpt").read_bytes()})
    options = {"revision": commit, "cache_dir": tmp_path / "cache", "trust_remote_code": True, "token": False}
    with pytest.raises(FileNotFoundError, match=r"If last\.ckpt holds the weights: ") as caught:
        AutoModel.from_pretrained("me/trained", size=3, dtype="bfloat16", **options)
    code = re.search(r"from_pretrained\(.*\)(?=\. It contains)", str(caught.value))[0]
    (tmp_path / "cache").rename(tmp_path / "moved")
    names = {"AutoModel": AutoModel, "huggingface_hub": huggingface_hub, "torch": torch}
    model = eval(f"AutoModel.{code}", names)
    assert (tmp_path / "cache").exists()
    assert torch.equal(model.layer.weight, weights["layer.weight"].bfloat16())
    assert model.commit_hash == commit
