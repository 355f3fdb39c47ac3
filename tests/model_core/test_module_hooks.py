"""Torch's own means for modules with a history: load hooks and extra state."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import PreTrainedModel, WeightsFileError, WeightsMismatchError
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


class SavedAsBlocks(TinyModel):
    """A model that writes its layers under another name."""

    def __init__(self, config):
        super().__init__(config)
        self.register_state_dict_post_hook(self.translate_back)

    @staticmethod
    def translate_back(_module, state_dict, prefix, _metadata):
        for name in [name for name in state_dict if name.startswith(f"{prefix}layers.")]:
            state_dict[name.replace("layers.", "blocks.", 1)] = state_dict.pop(name)


class BothWays(SavedAsBlocks, Renamed):
    """One that undoes this in a load."""


def test_save_says_that_nothing_undoes_what_a_hook_does_to_names(tmp_path, caplog):
    """Otherwise the load would be the first to say so."""
    model = fill_randomly(BothWays(TinyConfig()))
    model.save_pretrained(tmp_path / "both")
    assert same_state(model, BothWays.from_pretrained(tmp_path / "both"))
    assert not caplog.text
    SavedAsBlocks(TinyConfig()).save_pretrained(tmp_path / "one")
    assert "cannot load what is saved, because state_dict hooks of the model write blocks.0.weight" in caplog.text
    with pytest.raises(WeightsMismatchError, match="layers"):
        SavedAsBlocks.from_pretrained(tmp_path / "one")


class WithoutFirst(TinyModel):
    """A model that leaves its first layer out of its state dict, as those with a frozen network inside do."""

    def state_dict(self, *args, **kwargs):
        tensors = super().state_dict(*args, **kwargs)
        return {name: tensor for name, tensor in tensors.items() if not name.startswith("layers.0.")}


class Unsaved(TinyModel):
    """A model that declares the same."""

    _keys_to_ignore_on_save = ("layers.0.weight", "layers.0.bias")


class Frozen(WithoutFirst):
    """One whose loads do without it."""

    _keys_to_ignore_on_load_missing = (r"^layers\.0\.",)


@pytest.mark.parametrize("model_class", [WithoutFirst, Unsaved])
def test_save_says_that_it_leaves_out_what_a_load_asks_for(tmp_path, caplog, model_class):
    """Otherwise the load would be the first to say so."""
    model_class(TinyConfig()).save_pretrained(tmp_path)
    assert "cannot load what is saved, because it asks for tensors that are not written: layers.0.weight" in caplog.text
    assert "_keys_to_ignore_on_load_missing" in caplog.text
    with pytest.raises(WeightsMismatchError, match=r"missing +layers\.0"):
        model_class.from_pretrained(tmp_path)


class OneWeight(TinyModel):
    """A model whose layers share a weight, which is written under one of its names."""

    _keys_to_ignore_on_save = ("layers.1.weight",)

    def __init__(self, config):
        super().__init__(config)
        self.layers[1].weight = self.layers[0].weight


@pytest.mark.parametrize("model_class", [Frozen, OneWeight])
def test_save_says_nothing_of_what_no_load_asks_for(tmp_path, caplog, model_class):
    """The class says that loads do without it, or the same tensor is there under another name."""
    model_class(TinyConfig()).save_pretrained(tmp_path)
    assert not caplog.text
    model_class.from_pretrained(tmp_path)


class Versioned(nn.Module):
    """A layer whose first version kept the negative of its weight."""

    _version = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.sum = 0.0
        self.register_load_state_dict_pre_hook(self.upgrade)
        self.register_load_state_dict_post_hook(self.add_up)

    @staticmethod
    def upgrade(_module, state_dict, prefix, metadata, *_):
        if (metadata.get("version") or 1) < 2:
            state_dict[f"{prefix}weight"] = -state_dict[f"{prefix}weight"]

    @staticmethod
    def add_up(module, _keys):
        module.sum = float(module.weight.detach().sum())


class WithVersioned(PreTrainedModel):
    """A model with such a layer."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = Versioned()


class AroundVersioned(PreTrainedModel):
    """A model around that."""

    config_class = TinyConfig
    base_model_prefix = "inner"

    def __init__(self, config):
        super().__init__(config)
        self.inner = WithVersioned(config)


@pytest.mark.parametrize("shard_size", ["5GB", 1])
def test_load_hook_knows_the_version_that_was_saved(tmp_path, shard_size):
    """What this version saved needs no upgrade, whatever has been put around the layer since."""
    model = fill_randomly(WithVersioned(TinyConfig()))
    model.save_pretrained(tmp_path, max_shard_size=shard_size)
    assert same_state(model, WithVersioned.from_pretrained(tmp_path))
    assert same_state(model, AroundVersioned.from_pretrained(tmp_path).inner)


def test_load_hook_knows_the_version_in_a_legacy_file(tmp_path):
    """torch.save keeps what the state dict notes of versions; a plain dictionary says nothing, and is of the first."""
    model = fill_randomly(WithVersioned(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    assert same_state(model, WithVersioned.from_pretrained(tmp_path))
    torch.save(dict(model.state_dict()), tmp_path / "pytorch_model.bin")
    assert torch.equal(WithVersioned.from_pretrained(tmp_path).layer.weight, -model.layer.weight)


def test_load_hook_may_refuse(tmp_path):
    """`load_state_dict` raises what a hook adds to its list of errors."""

    class Refusing(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            self.register_load_state_dict_pre_hook(self.refuse)

        @staticmethod
        def refuse(*arguments):
            arguments[-1].append("it is of before the war")

    Refusing(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(WeightsFileError, match="it is of before the war"):
        Refusing.from_pretrained(tmp_path)


def test_post_hook_sees_the_loaded_values(tmp_path):
    """Modules derive there what they keep besides."""
    model = fill_randomly(WithVersioned(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert WithVersioned.from_pretrained(tmp_path).layer.sum == float(model.layer.weight.detach().sum())


def test_damaged_versions_are_refused(tmp_path):
    """Another number could be a version as well."""
    WithVersioned(TinyConfig()).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    assert content.count(rb"\"layer\": 2") == 1
    path.write_bytes(content.replace(rb"\"layer\": 2", rb"\"layer\": 1"))
    with pytest.raises(WeightsFileError, match="module_versions"):
        WithVersioned.from_pretrained(tmp_path)


def test_extra_state_is_set_when_every_tensor_has_its_values(tmp_path):
    """Also those that the checkpoint may lack."""

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.full((64,), 99.0))
            nn.init.uniform_(self.weight, 1.0, 1.0)

        def get_extra_state(self):
            return torch.zeros(1)

        def set_extra_state(self, _state):
            self.seen = self.weight.tolist()

    class Model(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.part = Watching()

    Model(TinyConfig()).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["part.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    assert Model.from_pretrained(tmp_path, allow_missing=True).part.seen == [1.0] * 64


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
