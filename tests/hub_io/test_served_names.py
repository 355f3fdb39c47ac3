"""Code that says `from transformers import …` gets the names that these packages serve, and nothing else."""

from __future__ import annotations

import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from config_core.config import PretrainedConfig
from hub_io import UnservedNamesError
from tiny_checkpoints import CONFIGURATION, MODELING, files, write

THEIR_CONFIGURATION = CONFIGURATION.replace("from config_core import", "from transformers import")


def load(tmp_path, head="", *, model_head="", auto=AutoConfig):
    """Write a checkpoint whose config was written for transformers, and load it with trust."""
    changed = {
        "configuration_tiny.py": f"{head}\n{THEIR_CONFIGURATION}",
        "modeling_tiny.py": f"{model_head}\n{MODELING}",
    }
    return auto.from_pretrained(write(tmp_path / "saved", files(changed)), trust_remote_code=True)


def test_config_of_transformers_is_a_config(tmp_path):
    """The base class is served, so that the Auto classes take the config for what it is."""
    config = load(tmp_path)
    assert isinstance(config, PretrainedConfig)
    assert config.size == 2


def test_transformers_is_not_put_into_the_process(tmp_path):
    """Only the code of the checkpoint sees the served names."""
    before = sys.modules.get("transformers")
    load(tmp_path, "import transformers\nfrom transformers.utils import logging")
    assert sys.modules.get("transformers") is before


HARD = """
from transformers import GenerationMixin, PretrainedConfig
from transformers.models.bert.modeling_bert import BertModel
"""


def test_all_names_that_are_not_served_are_listed_before_anything_runs(tmp_path):
    """One error has file, line and name of each, and the function that serves them elsewhere."""
    with pytest.raises(UnservedNamesError) as caught:
        load(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w').close()", model_head=HARD, auto=AutoModel)
    message = str(caught.value)
    assert "modeling_tiny.py line 2: transformers.GenerationMixin;" in message
    assert "modeling_tiny.py line 3: transformers.models.bert.modeling_bert.BertModel" in message
    assert "hub_io.load_into_transformers()" in message
    assert caught.value.names["modeling_tiny.py:2"] == ("transformers.GenerationMixin",)
    assert not (tmp_path / "ran").exists()
