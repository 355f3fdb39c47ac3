"""The names that a save writes: those of the model, whatever has been wrapped around it or around its parts."""

from __future__ import annotations

import copy
import importlib
import json
import re
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper, offload_wrapper
from torch.optim.swa_utils import AveragedModel

from model_core import ArgumentError, PreTrainedModel, StateDictError
from tiny_models import HeadModel, NormModel, TinyConfig, TinyModel, fill_randomly, same_state


class ModuleModel(PreTrainedModel):
    """A model with a layer that has the name that data-parallel wrappers use."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.weight = nn.Parameter(torch.ones(2, 2))
        self.module = nn.Linear(2, 2)


class CompilingModel(TinyModel):
    """A model whose constructor compiles a layer."""

    def __init__(self, config):
        super().__init__(config)
        self.layers[0] = torch.compile(self.layers[0])


@pytest.fixture
def model():
    """A tiny model with random values."""
    return fill_randomly(TinyModel(TinyConfig()))


def with_layer(model, wrap):
    """Return a copy of a model whose first layer is wrapped."""
    wrapped = copy.deepcopy(model)
    wrapped.layers[0] = wrap(wrapped.layers[0])
    return wrapped


def prefixed(state_dict, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state_dict.items()}


# State dicts of wrappers

WRAPPED = {
    "data parallel": lambda model: nn.DataParallel(model).state_dict(),
    "compiled": lambda model: torch.compile(model).state_dict(),
    "compiled layer": lambda model: with_layer(model, torch.compile).state_dict(),
    "averaged": lambda model: AveragedModel(model).state_dict(),
    "checkpointed layer": lambda model: dict(with_layer(model, checkpoint_wrapper).named_parameters()),
    "several": lambda model: prefixed(model.state_dict(), "module._orig_mod._fsdp_wrapped_module."),
    "inside": lambda model: with_layer(model, nn.DataParallel).state_dict(),
}


@pytest.mark.parametrize("make", WRAPPED.values(), ids=WRAPPED)
def test_what_a_wrapper_adds_to_names_is_not_written(tmp_path, model, make):
    """The saved model loads with the names of its class."""
    model.save_pretrained(tmp_path, state_dict=make(model))
    assert same_state(TinyModel.from_pretrained(tmp_path), model)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: prefixed(state, "module.")])
def test_layer_called_module_keeps_its_name(tmp_path, wrap):
    """What is removed is decided for the state dict as a whole."""
    model = fill_randomly(ModuleModel(TinyConfig()))
    model.save_pretrained(tmp_path, state_dict=wrap(model.state_dict()))
    assert same_state(ModuleModel.from_pretrained(tmp_path), model)


# Wrappers inside the model


def checkpoint_compiled(layer):
    """Return a compiled layer whose activations are not kept."""
    return checkpoint_wrapper(torch.compile(layer))


def compile_checkpointed(layer):
    """Return a layer whose activations are not kept, compiled."""
    return torch.compile(checkpoint_wrapper(layer))


WRAPPERS = [
    torch.compile,
    nn.DataParallel,
    checkpoint_wrapper,
    offload_wrapper,
    checkpoint_compiled,
    compile_checkpointed,
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_layer_that_was_wrapped_after_construction_is_saved_under_its_own_name(tmp_path, model, wrap, caplog):
    """The class does not wrap it, so a load could not find it under another name; nothing is logged about that."""
    with_layer(model, wrap).save_pretrained(tmp_path)
    assert not caplog.records
    assert set(load_file(tmp_path / "model.safetensors")) == set(model.state_dict())
    assert same_state(TinyModel.from_pretrained(tmp_path), model)


def test_constructor_may_compile_a_layer(tmp_path):
    """Its files have the same names as those of a model that is not compiled."""
    model = fill_randomly(CompilingModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(CompilingModel.from_pretrained(tmp_path), model)
    assert set(TinyModel.from_pretrained(tmp_path).state_dict()) == set(load_file(tmp_path / "model.safetensors"))


def test_file_with_the_names_of_wrappers_loads_into_the_class_that_wraps(tmp_path):
    """Other programs write the state dict as it is."""
    model = fill_randomly(CompilingModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert "layers.0._orig_mod.weight" in load_file(tmp_path / "model.safetensors")
    assert same_state(CompilingModel.from_pretrained(tmp_path), model)


def test_ties_hold_across_a_compiled_layer(tmp_path):
    """A tie is declared in the names of the class, and made whether a part is compiled or not."""

    class Tied(HeadModel):
        _tied_weights_keys: ClassVar = {"head.weight": "tiny.layers.0.weight"}

    model = Tied(TinyConfig(width=2, num_labels=2))
    model.tie_weights()
    model.tiny = torch.compile(model.tiny)
    model.save_pretrained(tmp_path)
    loaded = Tied.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.tiny.layers[0].weight
    model.tie_weights()
    assert model.head.weight is model.tiny.layers[0].weight


# What does not match


def wrong_state_dicts(state):
    return {
        "renamed": ({name.replace("layers", "blocks"): t for name, t in state.items()}, r"blocks\.0\.weight \(near la"),
        "prefixed": (prefixed(state, "model."), r"model\.layers\.0\.weight"),
        "one too many": ({**state, "step": torch.zeros(1)}, "not in the model: step"),
        "one too few": ({n: t for n, t in state.items() if n != "layers.1.bias"}, r"missing: layers\.1\.bias"),
        "nothing": ({}, r"missing: layers\.0\.weight"),
        "a part of each": (
            {n: t[:1] for n, t in state.items()},
            r"layers\.0\.bias \(\(1,\) float32 for \(4,\) float32",
        ),
        "quantised": ({n: t.to(torch.int8) for n, t in state.items()}, r"int8 for \(4, 4\) float32 in the model"),
        "two for one": ({**state, **prefixed(state, "module.")}, r"not in the model: module\.layers\.0\.weight"),
    }


@pytest.mark.parametrize("case", wrong_state_dicts({}))
def test_state_dict_that_could_not_be_loaded_is_refused_and_nothing_is_written(tmp_path, model, case):
    """The error comes with the save, where the tensors still exist, and names what is near."""
    state_dict, message = wrong_state_dicts(model.state_dict())[case]
    with pytest.raises(StateDictError, match=message) as caught:
        model.save_pretrained(tmp_path / "new", state_dict=state_dict)
    assert isinstance(caught.value, ValueError)
    assert not (tmp_path / "new").exists()


def test_parameters_without_buffers_are_told_from_a_state_dict(tmp_path):
    """As by a load of them."""
    model = NormModel(TinyConfig())
    with pytest.raises(
        StateDictError, match=r"Only buffers are missing, which named_parameters\(\) .*: pass model\.state_dict\(\)\."
    ):
        model.save_pretrained(tmp_path, state_dict=dict(model.named_parameters()))


def test_error_carries_the_names(model, tmp_path):
    """A program can act on them."""
    state = model.state_dict()
    state["extra"] = state.pop("layers.0.bias")
    state["layers.1.bias"] = state["layers.1.bias"][:2]
    with pytest.raises(StateDictError) as caught:
        model.save_pretrained(tmp_path, state_dict=state)
    error = caught.value
    assert (error.unexpected, error.missing, error.mismatched) == (("extra",), ("layers.0.bias",), ("layers.1.bias",))


def test_state_dict_in_another_precision_is_fine(tmp_path, model):
    """Floating-point dtypes are converted by a load as well."""
    model.save_pretrained(tmp_path, state_dict={name: tensor.half() for name, tensor in model.state_dict().items()})
    assert TinyModel.from_pretrained(tmp_path).dtype is torch.float16


def test_name_that_a_class_does_without_may_be_missing(tmp_path):
    """A class says so for saves, for loads, or by a tie."""

    class Lenient(TinyModel):
        _keys_to_ignore_on_save: ClassVar = ["layers.0.bias"]
        _keys_to_ignore_on_load_missing: ClassVar = [r"layers\.1\.bias"]
        _tied_weights_keys: ClassVar = {"layers.1.weight": "layers.0.weight"}

    model = Lenient(TinyConfig())
    model.save_pretrained(tmp_path, state_dict={"layers.0.weight": model.layers[0].weight})
    assert set(load_file(tmp_path / "model.safetensors")) == {"layers.0.weight"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([("a", torch.zeros(1))], "an object of type list"),
        ("weights.pt", "an object of type str"),
        ({0: torch.zeros(1)}, "it has the key 0 where"),
        ({"epoch": 1, "net": {"a": torch.zeros(1)}}, r"state_dict=state_dict\['net'\]"),
    ],
    ids=["pairs", "path", "number", "wrapped"],
)
@pytest.mark.parametrize("is_main_process", [True, False])
def test_what_is_no_state_dict_is_refused_in_every_process(tmp_path, model, given, problem, is_main_process):
    """With what it is instead, and where the state dict is."""
    with pytest.raises(ArgumentError, match=f"^state_dict must be a mapping from names to tensors, got .*{problem}"):
        model.save_pretrained(tmp_path / "new", state_dict=given, is_main_process=is_main_process)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("value", [None, "no", 2])
@pytest.mark.parametrize("option", ["is_main_process", "portable"])
def test_option_is_true_or_false(tmp_path, model, option, value):
    """Anything else would leave the save, or what transformers needs, out without a word."""
    with pytest.raises(ArgumentError, match=f"{option} must be True or False"):
        model.save_pretrained(tmp_path / "new", **{option: value})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: prefixed(state, "ema.model."),
        lambda state: {n.removeprefix("layers."): t for n, t in state.items()},
    ],
    ids=["too much", "too little"],
)
def test_prefix_is_corrected_by_code_that_works_as_it_is_written(tmp_path, model, change):
    """The error has the expression for the state dict with the names of the model."""
    state_dict = change(model.state_dict())
    with pytest.raises(StateDictError) as caught:
        model.save_pretrained(tmp_path, state_dict=state_dict)
    code = re.search(r"Pass state_dict=(\{.*\})\.$", str(caught.value))[1]
    model.save_pretrained(tmp_path, state_dict=eval(code, {"state_dict": state_dict}))
    assert same_state(TinyModel.from_pretrained(tmp_path), model)


# The class that is recorded


def test_class_that_a_library_puts_in_place_is_not_recorded(tmp_path, model):
    """FSDP2 and others assign to `model.__class__`; `architectures` names the author's class."""
    model.__class__ = type("FSDPTinyModel", (TinyModel,), {"__module__": "torch.distributed.fsdp", "unshard": None})
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["TinyModel"]


SHARED_MODULE = """
from config_core import PretrainedConfig
from model_core import PreTrainedModel
from torch import nn

class SwappedConfig(PretrainedConfig):
    model_type = "swapped"

class SwappedModel(PreTrainedModel):
    config_class = SwappedConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(2, 2)
"""


def test_code_is_that_of_the_class_that_a_library_has_replaced(tmp_path, monkeypatch):
    """`auto_map` and the files are those of the author's class, which is registered."""
    (tmp_path / "swapped_models.py").write_text(SHARED_MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("swapped_models")
    module.SwappedModel.register_for_auto_class("AutoModel")
    model = module.SwappedModel(module.SwappedConfig())
    model.__class__ = type("FSDPSwappedModel", (module.SwappedModel,), {"__module__": "torch.distributed.fsdp"})
    model.save_pretrained(tmp_path / "saved", portable=False)
    auto_map = json.loads((tmp_path / "saved" / "config.json").read_text())["auto_map"]
    assert auto_map == {"AutoConfig": "swapped_models.SwappedConfig", "AutoModel": "swapped_models.SwappedModel"}
    assert (tmp_path / "saved" / "swapped_models.py").read_text() == SHARED_MODULE


def test_parametrized_model_is_recorded_under_its_own_class(tmp_path):
    """A parametrization of one of its own parameters swaps the class of the model."""
    model = ModuleModel(TinyConfig())
    torch.nn.utils.parametrize.register_parametrization(model, "weight", nn.Identity())
    assert type(model).__name__ == "ParametrizedModuleModel"
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["ModuleModel"]


def test_class_that_an_author_makes_in_a_function_is_recorded(tmp_path):
    """It was written in source code, although no module has it."""

    class Local(TinyModel):
        pass

    Local(TinyConfig()).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["Local"]
