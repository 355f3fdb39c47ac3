"""Weights that no renaming makes match: transposed, or with queries, keys and values in one tensor on one side only."""

from __future__ import annotations

import re

import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import PreTrainedModel, WeightsMismatchError
from tiny_models import NormModel, TinyConfig, fill_randomly, same_state


class ConvModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv2d(3, 8, 5)
        self.fc = nn.Linear(8, config.num_labels)


def error_for(model_class, state, folder):
    """Return the message of the error for a state dict in a folder."""
    TinyConfig().save_pretrained(folder)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(WeightsMismatchError) as caught:
        model_class.from_pretrained(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("orders", "named"),
    [
        ({"fc.weight": (1, 0)}, r"has fc.weight ([8, 2] for [2, 8]) transposed"),
        ({"conv.weight": (2, 3, 1, 0)}, r"has conv.weight ([5, 5, 3, 8] for [8, 3, 5, 5]) transposed"),
        ({"conv.weight": (2, 3, 1, 0), "fc.weight": (1, 0)}, "for [2, 8]) transposed"),
    ],
)
def test_transposed_weights_are_called_so(tmp_path, orders, named):
    """Before the option that throws them away."""
    state = fill_randomly(ConvModel(TinyConfig())).state_dict()
    state |= {name: state[name].permute(order).contiguous() for name, order in orders.items()}
    message = error_for(ConvModel, state, tmp_path)
    assert named in message
    assert message.index("transposed") < message.index("ignore_mismatched_sizes")


@pytest.mark.parametrize(("name", "shape"), [("fc.weight", (2, 8, 1, 1)), ("fc.bias", (1, 2))])
def test_values_in_another_shape_are_to_be_reshaped(tmp_path, name, shape):
    """As those of a convolution of size 1, in place of a linear layer."""
    state = fill_randomly(ConvModel(TinyConfig())).state_dict()
    message = error_for(ConvModel, state | {name: state[name].reshape(shape)}, tmp_path)
    assert f"has {name} ({[*shape]} for {[*state[name].shape]}) in another shape" in message
    assert message.index("reshape them") < message.index("ignore_mismatched_sizes")


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("form", ["safetensors", "pickle", "memory"])
def test_counts_that_became_floats_are_converted_by_the_code_of_the_error(tmp_path, form, prefix):
    """Casting or averaging a whole state dict also changes the counts of batches."""
    model = fill_randomly(NormModel(TinyConfig()))
    model.norm.num_batches_tracked.fill_(7)
    model.config.save_pretrained(tmp_path)
    state = {f"{prefix}{name}": tensor.float() for name, tensor in model.state_dict().items()}
    given = {}
    if form == "safetensors":
        save_file(state, tmp_path / "model.safetensors")
    elif form == "pickle":
        torch.save(state, tmp_path / "pytorch_model.bin")
    else:
        given = {"state_dict": state}
    with pytest.raises(WeightsMismatchError) as caught:
        NormModel.from_pretrained(tmp_path, **given)
    message = str(caught.value)
    assert "another shape" not in message
    code = re.search(
        r"has norm\.num_batches_tracked \(float32 for int64\) in another dtype: .* as state_dict=(.*)", message
    )
    mapping = re.search(r"key_mapping=(\{.*\})", message)
    arguments = {"key_mapping": eval(mapping[1])} if mapping else {}
    names = {"torch": torch, "safetensors": safetensors, "state_dict": state}
    loaded = NormModel.from_pretrained(tmp_path, state_dict=eval(code[1], names), **arguments)
    assert same_state(loaded, model)


def test_tensors_of_several_other_dtypes_are_named(tmp_path):
    """Without code, which would be long."""
    state = NormModel(TinyConfig()).state_dict()
    state |= {name: state[name].to(torch.complex64) for name in ("table", "conv.weight")}
    assert "another" not in error_for(NormModel, state, tmp_path)
    state = NormModel(TinyConfig()).state_dict()
    state["norm.num_batches_tracked"] = torch.tensor(True)

    class Masked(NormModel):
        def __init__(self, config):
            super().__init__(config)
            self.register_buffer("mask", torch.ones(3, dtype=torch.bool))

    message = error_for(Masked, state | {"mask": torch.ones(3)}, tmp_path)
    assert "mask (float32 for bool), norm.num_batches_tracked (bool for int64) in another dtype: convert" in message
    assert "value.to(" not in message


def test_weights_of_another_size_are_not_called_transposed(tmp_path):
    """A classifier of other classes has its bias of another size, too."""
    state = fill_randomly(ConvModel(TinyConfig(num_labels=8))).state_dict()
    message = error_for(ConvModel, state, tmp_path)
    assert "transposed" not in message
    assert "num_labels=8" in message


NAMES = {
    "short": ("qkv", ("q", "k", "v")),
    "llama": ("qkv_proj", ("q_proj", "k_proj", "v_proj")),
    "bert": ("query_key_value", ("query", "key", "value")),
    "gpt2": ("c_attn", ("to_q", "to_k", "to_v")),
    "meta": ("Wqkv", ("wq", "wk", "wv")),
}
SIZES = {"equal": (8, 8, 8), "grouped": (8, 4, 4)}


def attention_class(layers):
    """Return a model class of two blocks with linear layers of these output sizes."""

    class Attention(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            block = {name: nn.Linear(8, size) for name, size in {**layers, "out": 8}.items()}
            self.blocks = nn.ModuleList([nn.ModuleDict({"attn": nn.ModuleDict(block)}), nn.Linear(8, 8)])

    return Attention


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("fused", "split"), NAMES.values(), ids=NAMES)
def test_queries_keys_and_values_in_one_tensor_are_said_to_be_so(tmp_path, fused, split, sizes):
    """In the checkpoint, or in the model."""
    in_one, in_three = attention_class({fused: sum(sizes)}), attention_class(dict(zip(split, sizes, strict=True)))
    message = error_for(in_three, in_one(TinyConfig()).state_dict(), tmp_path)
    assert f"the checkpoint has queries, keys and values in one tensor, blocks.0.attn.{fused}." in message
    assert f"and the model in blocks.0.attn.{split[0]}." in message
    message = error_for(in_one, in_three(TinyConfig()).state_dict(), tmp_path)
    assert f"the model has queries, keys and values in one tensor, blocks.0.attn.{fused}." in message
    assert "join them with torch.cat" in message


STACKS = {
    **NAMES,
    "keys and values": ("kv_proj", ("k_proj", "v_proj")),
    "to_kv": ("to_kv", ("to_k", "to_v")),
    "written out": ("kv", ("key", "value")),
    "gate and up": ("gate_up_proj", ("gate_proj", "up_proj")),
    "numbers": ("w12", ("w1", "w2")),
}


@pytest.mark.parametrize("is_split", [True, False], ids=["split", "join"])
@pytest.mark.parametrize("form", ["file", "shards", "prefix"])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("names", STACKS.values(), ids=STACKS)
def test_code_that_splits_or_joins_layers_runs_as_it_is_written(tmp_path, names, sizes, form, is_split):
    """With whatever else the error says, such as a renaming."""
    stack, parts = names
    sizes = sizes[-len(parts) :]
    in_one, in_parts = attention_class({stack: sum(sizes)}), attention_class(dict(zip(parts, sizes, strict=True)))
    stored_class, model_class = (in_one, in_parts) if is_split else (in_parts, in_one)
    model = fill_randomly(stored_class(TinyConfig()))
    model.save_pretrained(tmp_path, max_shard_size=200 if form == "shards" else "1GB")
    if form == "prefix":
        state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(WeightsMismatchError) as caught:
        model_class.from_pretrained(tmp_path)
    message = str(caught.value)
    code = {}
    exec("\n".join(re.search(r"state_dict=state_dict:\n +(import .*)\n +(for .*)\n", message).groups()), code)
    mapping = re.search(r"key_mapping=(\{.*\})", message)
    arguments = {"key_mapping": eval(mapping[1])} if mapping else {}
    loaded = model_class.from_pretrained(tmp_path, state_dict=code["state_dict"], **arguments)
    whole, split = (model, loaded) if is_split else (loaded, model)
    layers = split.blocks[0]["attn"]
    assert torch.equal(whole.blocks[0]["attn"][stack].weight, torch.cat([layers[name].weight for name in parts]))


def test_layers_of_the_name_that_match_are_left_alone(tmp_path):
    """No code is offered that would take them apart."""

    class Mixed(attention_class({"k": 8, "v": 8})):
        def __init__(self, config):
            super().__init__(config)
            self.other = nn.ModuleDict({"kv": nn.Linear(8, 16)})

    state = fill_randomly(Mixed(TinyConfig())).state_dict()
    for kind in ("weight", "bias"):
        parts = [state.pop(f"blocks.0.attn.{name}.{kind}") for name in ("k", "v")]
        state[f"blocks.0.attn.kv.{kind}"] = torch.cat(parts)
    message = error_for(Mixed, state, tmp_path)
    assert "has keys and values in one tensor, blocks.0.attn.kv." in message
    assert "for name in" not in message


def test_scalars_with_the_names_of_projections_are_no_projections(tmp_path):
    """A file may hold anything."""
    state = {f"blocks.0.attn.{name}.weight": torch.zeros(()) for name in ("q", "k", "v")}
    assert "in one tensor" not in error_for(attention_class({"qkv": 24}), state, tmp_path)


def test_doing_what_the_advice_says_gives_the_model(tmp_path):
    """Split in order, and passed as a state dict."""
    in_three = attention_class({"q": 8, "k": 8, "v": 8})
    model = fill_randomly(attention_class({"qkv": 24})(TinyConfig()))
    error_for(in_three, model.state_dict(), tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    for kind in ("weight", "bias"):
        parts = state.pop(f"blocks.0.attn.qkv.{kind}").chunk(3)
        state |= {f"blocks.0.attn.{name}.{kind}": part for name, part in zip("qkv", parts, strict=True)}
    loaded = in_three.from_pretrained(tmp_path, state_dict=state)
    assert torch.equal(loaded.blocks[0]["attn"]["k"].weight, model.blocks[0]["attn"]["qkv"].weight[8:16])
