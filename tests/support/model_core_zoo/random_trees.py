"""Models whose modules, names, dtypes, shapes and ties are drawn at random, for property tests."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import nn

from config_core import PretrainedConfig
from model_core import PreTrainedModel

__all__ = ["TreeConfig", "TreeModel", "filled", "shard_sizes", "tied", "trees"]

PARAMETER_DTYPES = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64"]
DTYPES = [*PARAMETER_DTYPES, "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]


class TreeConfig(PretrainedConfig):
    """The tree: what parameters, buffers and children each module has, as lists, since JSON does not keep an order."""

    model_type = "tree"

    def __init__(self, tree=None, **kwargs):
        self.tree = tree or {"parameters": [], "buffers": [], "children": []}
        super().__init__(**kwargs)


def _build(module, node):
    for name, dtype, shape, requires_grad in node["parameters"]:
        values = torch.zeros(shape, dtype=getattr(torch, dtype))
        module.register_parameter(name, nn.Parameter(values, requires_grad=requires_grad))
    for name, dtype, shape, persistent in node["buffers"]:
        module.register_buffer(name, torch.ones(shape, dtype=torch.uint8).to(getattr(torch, dtype)), persistent)
    for name, child in node["children"]:
        module.add_module(name, _build(nn.Module(), child))
    return module


class TreeModel(PreTrainedModel):
    """A model that is what its config says."""

    config_class = TreeConfig

    def __init__(self, config):
        super().__init__(config)
        _build(self, config.tree)


def filled(model, seed):
    """Give every value that is saved random bits, NaNs of every kind among them; return the model."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in model.state_dict().values():
        bits = torch.randint(0, 2 if tensor.dtype is torch.bool else 256, (tensor.nbytes,), generator=generator)
        tensor.copy_(bits.to(torch.uint8).view(tensor.dtype).view(tensor.shape))
    return model


def tied(model, choose):
    """Tie parameters that nothing but their equal form connects, as an author may do after construction."""
    owners = [
        (owner, name, parameter)
        for owner in model.modules()
        for name, parameter in owner._parameters.items()
        if parameter is not None
    ]
    kinds = {}
    for owner, name, parameter in owners:
        first = kinds.setdefault((parameter.dtype, parameter.shape, parameter.requires_grad), parameter)
        if first is not parameter and choose():
            setattr(owner, name, first)
    return model


_TAKEN = frozenset({*dir(TreeModel(TreeConfig())), *dir(nn.Module())})
_letters = st.characters(exclude_characters=".", exclude_categories=["Cs"])
_names = (
    st.text(_letters, min_size=1, max_size=8) | st.text(_letters, min_size=1, max_size=3).map(lambda t: t * 700)
).filter(lambda name: name not in _TAKEN)
_shapes = st.lists(st.integers(0, 3), max_size=4)
_parameters = st.tuples(st.sampled_from(PARAMETER_DTYPES), _shapes, st.booleans())
_buffers = st.tuples(st.sampled_from(DTYPES), _shapes, st.booleans())


@st.composite
def trees(draw, depth=2):
    """Draw a tree."""
    names = draw(st.lists(_names, unique=True, max_size=7))
    node = {"parameters": [], "buffers": [], "children": []}
    for name in names:
        kind = draw(
            st.sampled_from(["parameters", "parameters", "buffers", "children"] if depth else ["parameters", "buffers"])
        )
        if kind == "children":
            node[kind].append([name, draw(trees(depth=depth - 1))])
        else:
            node[kind].append([name, *draw(_parameters if kind == "parameters" else _buffers)])
    return node


shard_sizes = st.integers(1, 200) | st.just("50GB")
