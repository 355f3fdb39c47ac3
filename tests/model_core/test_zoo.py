"""Awkward models, each with a hazard of its own: what is loaded is what was saved, in every tensor and flag."""

from __future__ import annotations

import gc
import random
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from model_core_zoo.awkward_constructors import CONSTRUCTORS, Compiled
from model_core_zoo.awkward_layers import LAYERS
from model_core_zoo.differences import differences, train_a_little
from tiny_models import TinyConfig

ZOO = [*LAYERS, *CONSTRUCTORS]
FAST = [model_class for model_class in ZOO if model_class is not Compiled]  # torch.compile is imported for seconds


@pytest.mark.parametrize(
    "model_class",
    [
        pytest.param(model_class, id=model_class.__name__, marks=[] if model_class in FAST else pytest.mark.slow)
        for model_class in ZOO
    ],
)
def test_model_comes_back_as_it_was(tmp_path, model_class):
    """Parameters, buffers, plain tensors, flags and ties."""
    model = train_a_little(model_class(TinyConfig())).eval()
    model.save_pretrained(tmp_path)
    assert differences(model, model_class.from_pretrained(tmp_path)) == []


@pytest.mark.parametrize("model_class", FAST, ids=lambda model_class: model_class.__name__)
def test_model_comes_back_in_another_dtype(tmp_path, model_class):
    """As if the saved one had been converted; what is no parameter or buffer, and no floating number, is not."""
    model = train_a_little(model_class(TinyConfig())).eval()
    model.save_pretrained(tmp_path)
    model._apply(lambda tensor: tensor.to(torch.float16) if tensor.is_floating_point() else tensor)
    assert differences(model, model_class.from_pretrained(tmp_path, dtype=torch.float16)) == []


@pytest.mark.parametrize("model_class", FAST, ids=lambda model_class: model_class.__name__)
def test_loaded_model_goes_when_nobody_holds_it(tmp_path, model_class):
    """Its memory, or its mapping of a file that was removed, must not stay until a collector comes by."""
    model = model_class(TinyConfig())
    model.save_pretrained(tmp_path)
    gc.disable()
    try:
        made, loaded = weakref.ref(model), weakref.ref(model_class.from_pretrained(tmp_path))
        del model
        assert loaded() is None or made() is not None
    finally:
        gc.enable()


def _global_state():
    """Return what a load could have changed for others."""
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "function modes": len(torch.overrides._get_current_function_mode_stack()),
        "random numbers": torch.get_rng_state().tolist(),
        "initialisation": [getattr(nn.init, name) for name in sorted(vars(nn.init))],
        "methods": [vars(nn.Module)[name] for name in sorted(vars(nn.Module))],
    }


# Their constructors draw no random numbers but those that the checkpoint replaces.
QUIET_NAMES = (
    "Tied DeclaredTie SharedModule Expanded EveryDtype Conjugated Recurrent Rotary PlainTensors Frozen BuildsTwice "
    "Mapped Inference OwnAttributes"
)
QUIET = [model_class for model_class in FAST if model_class.__name__ in QUIET_NAMES.split()]


@pytest.mark.parametrize("model_class", QUIET, ids=lambda model_class: model_class.__name__)
def test_load_draws_no_random_number_that_nobody_keeps(tmp_path, model_class):
    """Neither for what the checkpoint replaces nor for what the constructor itself threw away."""
    model_class(TinyConfig()).save_pretrained(tmp_path)
    before = torch.get_rng_state()
    model_class.from_pretrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_many_threads_leave_global_state_alone(tmp_path):
    """Eight load different models at once, in different dtypes; neither they nor anybody else sees a change."""
    dtypes = [None, torch.float16, torch.bfloat16, torch.float32, torch.float64]
    for model_class in QUIET:
        model_class(TinyConfig()).save_pretrained(tmp_path / model_class.__name__)
    before = _global_state()

    def load(number):
        for model_class in random.Random(number).sample(QUIET, len(QUIET)):
            dtype = dtypes[(number + len(model_class.__name__)) % len(dtypes)]
            loaded = model_class.from_pretrained(tmp_path / model_class.__name__, dtype=dtype)
            wanted = model_class.from_pretrained(tmp_path / model_class.__name__, dtype=dtype)
            assert differences(loaded, wanted) == []
            assert _global_state() == before
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(load, range(8)))
    assert _global_state() == before
