"""Torch's own means for modules with a history: load hooks and extra state."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import PreTrainedModel, WeightsMismatchError
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state


def rename(folder, old, new):
    """Rename tensors in the weights of a folder."""
    tensors = load_file(folder / "model.safetensors")
    save_file({name.replace(old, new): tensor for name, tensor in tensors.items()}, folder / "model.safetensors")


class Renamed(TinyModel):
    """A model whose layers were called blocks in an earlier version."""

    def __init__(self, config):
        super().__init__(config)
        self.register_load_state_dict_pre_hook(self.translate)

    @staticmethod
    def translate(_module, state_dict, prefix, *_):
        for name in [name for name in state_dict if name.startswith(f"{prefix}blocks.")]:
            state_dict[name.replace("blocks.", "layers.", 1)] = state_dict.pop(name)


def test_load_hook_translates_older_names(tmp_path):
    """As it does in `load_state_dict`."""
    model = fill_randomly(Renamed(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, Renamed.from_pretrained(tmp_path))
    rename(tmp_path, "layers.", "blocks.")
    assert same_state(model, Renamed.from_pretrained(tmp_path))


def test_load_hook_sees_names_of_the_model(tmp_path):
    """`key_mapping` comes first."""
    model = fill_randomly(Renamed(TinyConfig()))
    model.save_pretrained(tmp_path)
    rename(tmp_path, "layers.", "old.")
    assert same_state(model, Renamed.from_pretrained(tmp_path, key_mapping={"^old": "layers"}))


def test_what_a_hook_leaves_is_matched_strictly(tmp_path):
    """A hook is no way around the check."""
    Renamed(TinyConfig()).save_pretrained(tmp_path)
    rename(tmp_path, "layers.1", "surplus.1")
    with pytest.raises(WeightsMismatchError, match="surplus"):
        Renamed.from_pretrained(tmp_path)


def test_older_names_of_weight_norm_are_translated(tmp_path):
    """Torch's parametrization has a hook for `weight_g` and `weight_v`."""

    class Normed(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.layer = nn.utils.parametrizations.weight_norm(nn.Linear(config.width, config.width))

    model = fill_randomly(Normed(TinyConfig()))
    model.save_pretrained(tmp_path)
    rename(tmp_path, "parametrizations.weight.original0", "weight_g")
    rename(tmp_path, "parametrizations.weight.original1", "weight_v")
    assert same_state(model, Normed.from_pretrained(tmp_path))


class Counter(nn.Module):
    """A module that keeps a number outside of its tensors."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def get_extra_state(self):
        return torch.tensor(self.count)

    def set_extra_state(self, state):
        self.count = int(state)


class Counting(TinyModel):
    """A model with such a module."""

    def __init__(self, config):
        super().__init__(config)
        self.counter = Counter()


def test_extra_state_comes_back(tmp_path):
    """Where it is a tensor, safetensors can hold it."""
    model = Counting(TinyConfig())
    model.counter.count = 7
    model.save_pretrained(tmp_path)
    assert Counting.from_pretrained(tmp_path).counter.count == 7


def test_missing_extra_state_is_missing(tmp_path):
    """Strictness holds for it too."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(WeightsMismatchError, match="_extra_state"):
        Counting.from_pretrained(tmp_path)
    assert Counting.from_pretrained(tmp_path, allow_missing=["counter"]).counter.count == 0
