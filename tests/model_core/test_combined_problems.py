"""Checkpoints with several problems at once: who follows the error to the letter has the model that was trained."""

from __future__ import annotations

import argparse
import itertools
import re

import pytest
import safetensors.torch
import torch

from tiny_models import HeadModel, TinyConfig, fill_randomly, same_state

# Each is one thing that is wrong with a checkpoint; `write` makes them, in this order.
PROBLEMS = (
    "layers of another name",
    "compiled",
    "prefix",
    "loss beside the model",
    "more classes",
    "more layers",
    "wrapped state dict",
    "namespace beside it",
    "legacy file",
    "variant",
    "file of another name",
    "suffix of the other type",
    "no config",
)
NEVER_TOGETHER = ({"variant", "file of another name"},)


def state_with(problems, state):
    """Return a state dict with other names."""
    if "layers of another name" in problems:
        state = {name.replace("layers", "blocks"): tensor for name, tensor in state.items()}
    for problem, prefix in (("compiled", "_orig_mod."), ("prefix", "net.")):
        if problem in problems:
            state = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    if "loss beside the model" in problems:
        state["criterion.weight"] = torch.ones(3)
    return state


def write(problems, folder):
    """Write a checkpoint with these problems, and return the model that was trained."""
    config = TinyConfig(depth=3 if "more layers" in problems else 2, num_labels=7 if "more classes" in problems else 2)
    model = fill_randomly(HeadModel(config))
    state = state_with(problems, model.state_dict())
    if "no config" not in problems:
        TinyConfig().save_pretrained(folder)
    is_torch = not problems.isdisjoint({"wrapped state dict", "namespace beside it", "legacy file"})
    stem = "best" if "file of another name" in problems else "pytorch_model" if is_torch else "model"
    suffix = ".safetensors" if not is_torch else ".ckpt" if stem == "best" else ".bin"
    if "suffix of the other type" in problems:
        stem = stem if stem == "best" else "model" if is_torch else "pytorch_model"
        suffix = ".safetensors" if is_torch else ".ckpt" if stem == "best" else ".bin"
    path = folder / f"{stem}{'.fp16' if 'variant' in problems else ''}{suffix}"
    if not is_torch:
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        return model
    content = {"state_dict": state} if "wrapped state dict" in problems else state
    if "namespace beside it" in problems:
        content = {"state_dict": state, "args": argparse.Namespace(lr=0.1)}
    torch.save(content, path)
    return model


def call_after(message, folder, given):
    """Return the call that somebody makes who does what an error says, and the arguments given by then."""
    if allowing := re.search(r"Run (import .*?) first\. ", message):
        exec(allowing[1], {})
    if renaming := re.search(r"(\S+): not .*? Rename it to ([\w.]+\w)\. ", message):
        folder.joinpath(renaming[1]).rename(folder / renaming[2])
    if whole := re.search(r"from_pretrained\((?!\.\.\.).*?\)(?=\. It contains|\.?$| or with)", message, re.MULTILINE):
        names = {"HeadModel": HeadModel, "TinyConfig": TinyConfig, "torch": torch, "safetensors": safetensors}
        return (lambda: eval(f"HeadModel.{whole[0]}", names)), given
    ends = r"(?= \(or| renames| \(in| builds| keeps| skips| discards)"
    found = re.findall(rf"^    (\w+)=(.*?){ends}", message, re.MULTILINE)
    assert found, message
    given = given | {name: eval(code, {}) for name, code in found}
    return (lambda: HeadModel.from_pretrained(folder, **given)), given


def errors_until_loaded(folder):
    """Return the model that comes of following errors, and how many there were."""
    given = {}
    call = lambda: HeadModel.from_pretrained(folder)  # noqa: E731
    for number in range(6):
        try:
            return call(), number
        except (OSError, ValueError, RuntimeError) as error:
            call, given = call_after(str(error), folder, given)
    pytest.fail(f"still not loaded after {number} errors")


@pytest.fixture(autouse=True)
def _no_allowed_classes():
    """Forget the classes that a pasted line has allowed."""
    yield
    torch.serialization.clear_safe_globals()


def combinations(*sizes):
    """Return the problems that one checkpoint may have at once."""
    found = (chosen for size in sizes for chosen in itertools.combinations(PROBLEMS, size))
    return [chosen for chosen in found if not any(both <= {*chosen} for both in NEVER_TOGETHER)]


def check(problems, folder):
    """Check that one error is enough for the model that was trained."""
    model = write(problems, folder)
    loaded, number = errors_until_loaded(folder)
    assert same_state(loaded, model)
    assert number <= 1


@pytest.mark.parametrize("problems", combinations(1, 2), ids=" and ".join)
def test_one_error_is_enough(tmp_path, problems):
    """It says everything that is to be done, and the model is never another one."""
    check({*problems}, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("problems", combinations(3), ids=" and ".join)
def test_more_problems_take_no_more_errors(tmp_path, problems):
    """Nor do they lead to another model."""
    check({*problems}, tmp_path)
