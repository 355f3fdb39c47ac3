"""Errors that a worker process sends home."""

from __future__ import annotations

import json
import pickle

import pytest

from auto_registry import AutoConfig, AutoModel, AutoRegistryError
from config_core import PretrainedConfig


class BirdConfig(PretrainedConfig):
    """A config that no model is registered for."""

    model_type = "bird-of-this-test"


def call_an_auto_class(_folder):
    AutoModel()


def load_an_unknown_type(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "brid-of-this-test"}), encoding="utf-8")
    AutoConfig.from_pretrained(folder)


def load_without_a_type(folder):
    (folder / "config.json").write_text("{}", encoding="utf-8")
    AutoConfig.from_pretrained(folder)


def make_without_a_model(_folder):
    AutoModel.from_config(BirdConfig())


def register_under_another_name(_folder):
    AutoConfig.register("cat", BirdConfig)


@pytest.mark.parametrize(
    "call",
    [call_an_auto_class, load_an_unknown_type, load_without_a_type, make_without_a_model, register_under_another_name],
)
def test_error_survives_a_pickle(tmp_path, call):
    """With its message and what it carries."""
    with pytest.raises(AutoRegistryError) as caught:
        call(tmp_path)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (type(twin), str(twin), vars(twin)) == (type(caught.value), str(caught.value), vars(caught.value))
