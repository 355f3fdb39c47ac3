"""Models whose weights accelerate has offloaded."""

from __future__ import annotations

import pytest
import torch

from model_core import UnsavableTensorError
from tiny_models import TinyConfig, TinyModel

accelerate = pytest.importorskip("accelerate", reason="needs the dependency group `peers`")


def test_save_says_how_to_gather_the_weights(tmp_path):
    """They are on the meta device; the call in the error gets them back."""
    model = TinyModel(TinyConfig())
    values = {name: value.clone() for name, value in model.state_dict().items()}
    accelerate.cpu_offload(model, execution_device="cpu")
    with pytest.raises(UnsavableTensorError, match=r"state_dict=get_state_dict_offloaded_model\(model\)"):
        model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path, state_dict=accelerate.utils.modeling.get_state_dict_offloaded_model(model))
    loaded = TinyModel.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in values.items())
