"""Errors of models about classes from checkpoints."""

from __future__ import annotations

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig
from model_core import ConfigClassError
from tiny_models import TinyModel

CODE = f"{tiny_checkpoints.CONFIGURATION}# loaded from nowhere else\n"


def test_error_calls_the_class_of_a_config_by_its_checkpoint(tmp_path):
    """Not by the module that its code was imported as, which nobody knows."""
    folder = tiny_checkpoints.write(tmp_path / "tiny", tiny_checkpoints.files({"configuration_tiny.py": CODE}))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    with pytest.raises(ConfigClassError) as caught:
        TinyModel(config)
    assert f"got an instance of TinyConfig of {folder} (digest " in str(caught.value)
    assert "hub_io.remote" not in str(caught.value)
