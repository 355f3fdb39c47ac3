"""What transformers gets wrong and we do not: each test shows both, with the same model on either side.

The numbers W… are those of the list that this project was begun with. When a release of transformers mends one, its
test fails here: then it has no more to show, and goes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tiny_models import same_state
from twin_models import OURS, THEIRS, fill_differently

pytest.importorskip("transformers", reason="needs the dependency group `peers`: uv sync --group peers")

SHARDS = {"max_shard_size": 600}


def only_we_are_right(right, folder):
    """Return whether `right(models, folder)` holds for us, and not for transformers."""
    return (right(OURS, folder / "ours"), right(THEIRS, folder / "theirs")) == (True, False)


def made(models, name="Inner", **fields):
    """Return a model with values of its own."""
    return fill_differently(getattr(models, name)(models.Config(**fields)))


def contents(folder):
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def raises(call):
    """Return whether a call raises an error."""
    try:
        call()
    except Exception:  # noqa: BLE001 - which one is not the point
        return True
    return False


def test_shards_over_a_single_file_are_what_loads(tmp_path):
    """W1: the single file of the save before stays there, and transformers loads it."""

    def right(models, folder):
        made(models).save_pretrained(folder)
        last = made(models)
        last.save_pretrained(folder, **SHARDS)
        return same_state(models.Inner.from_pretrained(folder), last)

    assert only_we_are_right(right, tmp_path)


def test_single_file_over_shards_leaves_no_index(tmp_path):
    """W1: the index of the save before stays there, and names files that are gone."""

    def right(models, folder):
        made(models).save_pretrained(folder, **SHARDS)
        made(models).save_pretrained(folder)
        return not (folder / "model.safetensors.index.json").exists()

    assert only_we_are_right(right, tmp_path)


def test_shards_of_another_variant_stay(tmp_path):
    """W1b: saving one variant removes the shards of the other."""

    def right(models, folder):
        half = made(models)
        half.save_pretrained(folder, variant="fp16", **SHARDS)
        made(models).save_pretrained(folder, **SHARDS)
        return not raises(lambda: models.Inner.from_pretrained(folder, variant="fp16"))

    assert only_we_are_right(right, tmp_path)


def test_empty_prefix_takes_nothing_off_a_name(tmp_path):
    """W2: without a prefix, transformers takes the first letter off names: `fc` gets what `afc` had."""

    def right(models, folder):
        class Letters(models.Twin):
            def __init__(self, config):
                super().__init__(config)
                self.afc = nn.Linear(4, 4)
                self.fc = nn.Linear(4, 4)
                self.post_init()

        model = fill_differently(Letters(models.Config()))
        model.save_pretrained(folder)
        return same_state(Letters.from_pretrained(folder), model)

    assert only_we_are_right(right, tmp_path)


def loaded_value(models, folder, build, read):
    """Return what `read` finds in a model that `build` added something to, made afresh and after saving and loading."""

    class Computed(models.Inner):
        def __init__(self, config):
            super().__init__(config)
            build(self)

    model = Computed(models.Config())
    model.save_pretrained(folder)
    return read(model), read(Computed.from_pretrained(folder))


def keeps(build, read):
    """Return a `right` that asks whether loading leaves what `read` finds as `build` has made it."""

    def right(models, folder):
        before, after = loaded_value(models, folder, build, read)
        return before == after

    return right


def test_buffer_that_is_not_saved_keeps_its_values(tmp_path):
    """W3: a non-persistent buffer becomes what happened to lie in memory."""
    right = keeps(
        lambda model: model.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]), persistent=False),
        lambda model: model.mean.tolist(),
    )
    assert only_we_are_right(right, tmp_path)


def test_plain_tensor_keeps_its_values(tmp_path):
    """W3: a tensor that is neither parameter nor buffer stays without any."""
    right = keeps(
        lambda model: setattr(model, "offset", torch.full((2,), 3.0)),
        lambda model: model.offset.device.type,
    )
    assert only_we_are_right(right, tmp_path)


def test_frozen_parameter_stays_frozen(tmp_path):
    """W3: `requires_grad=False` of the constructor is lost."""
    right = keeps(
        lambda model: setattr(model, "frozen", nn.Parameter(torch.ones(2), requires_grad=False)),
        lambda model: model.frozen.requires_grad,
    )
    assert only_we_are_right(right, tmp_path)


def test_constructor_may_read_its_parameters(tmp_path):
    """W3: `.item()` raises where the constructor runs on a device without values."""

    def right(models, folder):
        return not raises(
            lambda: loaded_value(
                models,
                folder,
                lambda model: setattr(model, "largest", model.layers[0].bias.abs().max().item()),
                lambda model: model.largest,
            )
        )

    assert only_we_are_right(right, tmp_path)


def test_allowed_missing_tensor_has_the_constructor_s_values(tmp_path):
    """W3: what is not in the file and set in the constructor becomes what happened to lie in memory."""

    def right(models, folder):
        class Larger(models.Inner):
            def __init__(self, config):
                super().__init__(config)
                self.added = nn.Parameter(torch.full((3,), 7.0))

        made(models).save_pretrained(folder)
        allowed = {"allow_missing": ["added"]} if models is OURS else {}
        return Larger.from_pretrained(folder, **allowed).added.tolist() == [7.0, 7.0, 7.0]

    assert only_we_are_right(right, tmp_path)


def test_config_that_cannot_be_written_leaves_the_old_one(tmp_path):
    """W13: config.json is emptied before it turns out that a value has no form in JSON."""

    def right(models, folder):
        model = made(models)
        model.save_pretrained(folder)
        before = contents(folder)
        model.config.width = object()
        return raises(lambda: model.save_pretrained(folder)) and contents(folder) == before

    assert only_we_are_right(right, tmp_path)


def test_failed_save_leaves_config_and_weights_of_one_save(tmp_path):
    """W14: config.json is the new one and the weights are the old ones when the weights cannot be saved."""

    def right(models, folder):
        made(models).save_pretrained(folder)
        before = contents(folder)
        other = made(models, width=6)
        other.register_buffer("sparse", torch.eye(3).to_sparse())
        return raises(lambda: other.save_pretrained(folder)) and contents(folder) == before

    assert only_we_are_right(right, tmp_path)


def test_shared_weights_that_nobody_declared_are_saved(tmp_path):
    """W14: transformers refuses them, after config.json has been replaced."""

    def right(models, folder):
        model = made(models)
        model.layers[1].weight = model.layers[0].weight
        return not raises(lambda: model.save_pretrained(folder))

    assert only_we_are_right(right, tmp_path)


def test_state_dict_of_the_caller_is_not_emptied(tmp_path):
    """W21: transformers takes the tensors out of the dict that it is given."""

    def right(models, folder):
        model = made(models)
        state_dict = dict(model.state_dict())
        model.save_pretrained(folder, state_dict=state_dict)
        return state_dict.keys() == model.state_dict().keys()

    assert only_we_are_right(right, tmp_path)


def test_config_of_the_caller_is_not_changed_by_a_save(tmp_path):
    """W21: transformers writes dtype and architectures into the live config."""

    def right(models, folder):
        model = models.Inner(models.Config())
        before = json.dumps(model.config.to_dict(), default=str)
        model.save_pretrained(folder)
        return json.dumps(model.config.to_dict(), default=str) == before

    assert only_we_are_right(right, tmp_path)


@pytest.mark.slow
def test_overlapping_loads_leave_the_process_as_it_was(tmp_path):
    """W23: two loads that overlap leave transformers with another default dtype, and new models that are not tied."""
    made(OURS, "Tied").save_pretrained(tmp_path)
    program = Path(__file__).with_name("overlapping_loads.py")
    support = next(path for path in sys.path if path.endswith("support"))
    left = {}
    for side in ("model_core", "transformers"):
        done = subprocess.run(
            [sys.executable, program, side, tmp_path],
            env={"PYTHONPATH": support, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=250,
            check=True,
        )
        left[side] = json.loads(done.stdout)
    assert left["model_core"] == {"dtype": "torch.float32", "ties": True, "tied": True}
    assert left["transformers"] == {"dtype": "torch.bfloat16", "ties": False, "tied": False}
