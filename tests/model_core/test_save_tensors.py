"""Which tensors and names can be saved, and what becomes of those that cannot."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from model_core import ArgumentError, PreTrainedModel, UnsavableTensorError
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state
from valueless_tensors import HoldingTensor, released


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "make",
    [lambda: HoldingTensor(torch.ones(3)), lambda: released(torch.ones(3)), lambda: torch.empty(0, device="meta")],
    ids=["wrapper", "released", "meta"],
)
def test_tensor_without_values_is_refused_and_nothing_is_written(tmp_path, make):
    """Reading memory that is not there would end the process."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UnsavableTensorError, match=r"weight is a .* without values"):
        model.save_pretrained(tmp_path, state_dict={"weight": make()})
    assert contents(tmp_path) == before


# Older versions of torch have not all of them.
FOREIGN = [getattr(torch, name) for name in ("complex128", "uint4", "float4_e2m1fn_x2") if hasattr(torch, name)]


@pytest.mark.parametrize("dtype", FOREIGN)
def test_dtype_that_the_format_lacks_is_named(tmp_path, dtype):
    """Nothing is converted behind the back of whoever saves."""
    with pytest.raises(UnsavableTensorError, match=f"weight is of dtype {dtype}"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "new", state_dict={"weight": torch.empty(2, dtype=dtype)})
    assert not (tmp_path / "new").exists()


class WithState(nn.Module):
    """A module with extra state that is no tensor."""

    def get_extra_state(self):
        return {"step": 1}

    def set_extra_state(self, state):
        raise NotImplementedError


UNSAVABLE = {
    "nested": (lambda: with_buffer(torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])), "nested", "Convert"),
    "sparse": (lambda: with_buffer(torch.eye(2).to_sparse()), "layout torch.sparse_coo", "Convert"),
    "meta": (lambda: with_buffer(torch.empty(2, device="meta")), "without values", "Give it values"),
    "lazy": (lambda: nn.LazyLinear(3), "a lazy parameter", "Run a forward pass first"),
    "state": (WithState, "of type dict, not a tensor", "Let get_extra_state return a tensor"),
}


def with_buffer(values):
    module = nn.Module()
    module.register_buffer("values", values)
    return module


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", UNSAVABLE)
def test_what_cannot_be_saved_is_refused_with_what_to_do(tmp_path, kind):
    """Leaving it out is always the other way."""
    make, reason, remedy = UNSAVABLE[kind]
    model = TinyModel(TinyConfig())
    model.part = make()
    with pytest.raises(UnsavableTensorError, match=rf"part\..* is .*{reason}.*\. {remedy}.*_keys_to_ignore_on_save"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_name_that_is_longer_than_any_header_is_refused(tmp_path):
    """Its beginning is enough to find it."""
    with pytest.raises(UnsavableTensorError, match=r"'xxx.*more than 1,000,000 characters") as caught:
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "new", state_dict={"x" * 1_000_001: torch.ones(1)})
    assert len(str(caught.value)) < 1000


class EmptyModel(PreTrainedModel):
    """A model that gets its tensors from a test."""

    config_class = TinyConfig


def of_these_names(state_dict):
    """Return a model whose tensors have the names and shapes of a state dict."""
    model = EmptyModel(TinyConfig())
    for name, tensor in state_dict.items():
        model.register_buffer(name, torch.zeros_like(tensor, memory_format=torch.contiguous_format))
    return model


@pytest.mark.slow
def test_names_that_fill_a_header_are_shared_out(tmp_path):
    """Readers refuse headers of more than 100 MB, however small the tensors are."""
    state_dict = {f"{number:03}{'x' * 999_000}": torch.tensor([number]) for number in range(105)}
    of_these_names(state_dict).save_pretrained(tmp_path, state_dict=state_dict)
    shards = sorted(tmp_path.glob("*.safetensors"))
    found = {}
    for shard in shards:
        found |= load_file(shard)
    assert len(shards) == 2
    assert found == state_dict


@pytest.mark.parametrize("variant", ["x" * 101, "fp16-00001-of-00002"])
def test_variant_that_gives_no_name_of_its_own_is_refused(tmp_path, variant):
    """Too long for a file, or such that its single file would be taken for a shard of another variant."""
    with pytest.raises(ArgumentError, match="variant"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "model", variant=variant)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("max_shard_size", [1, 100, "50GB"])
def test_mapped_model_is_saved_over_its_own_files_in_another_layout(tmp_path, max_shard_size):
    """The files go while it is mapped from them; its values stay."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path, max_shard_size=90)
    loaded = TinyModel.from_pretrained(tmp_path)
    loaded.save_pretrained(tmp_path, max_shard_size=max_shard_size)
    assert same_state(model, loaded)
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


def test_mapped_model_is_saved_when_its_files_are_gone(tmp_path):
    """A mapping outlives the names of its files."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path / "one")
    loaded = TinyModel.from_pretrained(tmp_path / "one")
    shutil.rmtree(tmp_path / "one")
    loaded.save_pretrained(tmp_path / "two")
    assert same_state(model, TinyModel.from_pretrained(tmp_path / "two"))


def test_views_that_are_transposed_or_sliced_are_saved_in_order(tmp_path):
    """The file holds values in the order of their indices, whatever memory looks like."""
    whole = torch.arange(60.0).reshape(6, 10)
    state_dict = {
        "transposed": whole.t(),
        "sliced": whole[1:5:2, ::3],
        "expanded": whole[:1].expand(4, 10),
        "flipped": whole.flip(0).conj(),
        "negated": torch.view_as_complex(whole.reshape(6, 5, 2)).conj().imag,
    }
    before = dict(state_dict)
    of_these_names(state_dict).save_pretrained(tmp_path, state_dict=state_dict)
    found = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in state_dict.items())
    assert list(state_dict) == list(before)
    assert all(state_dict[name] is before[name] for name in before)


def test_config_names_the_dtype_of_the_state_dict_that_is_saved(tmp_path):
    """And not that of the model, which was not saved."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path, state_dict={name: value.half() for name, value in model.state_dict().items()})
    assert TinyConfig.from_pretrained(tmp_path).dtype == "float16"
    assert TinyModel.from_pretrained(tmp_path).dtype is torch.float16
