"""A load tells what it did, in a table that is part of its errors too."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from model_core import WeightsMismatchError
from tiny_models import NormModel, TinyConfig, TinyModel, fill_randomly, same_state


@pytest.fixture
def wrong(tmp_path):
    """A checkpoint that lacks a tensor, has one too many, and one of another shape."""
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["layers.1.weight"]
    save_file({**tensors, "extra": torch.zeros(2, 3), "layers.0.bias": torch.zeros(5)}, path)
    return tmp_path


def table(folder):
    """Return how the report of that checkpoint prints when loaded as bfloat16."""
    return [
        f"{folder}: 2 tensors loaded, 2 of them converted",
        "  converted   2 from float32 to bfloat16",
        "  missing     layers.1.weight [4, 4]",
        "  unexpected  extra [2, 3]",
        "  mismatched  layers.0.bias: [5] in the checkpoint, [4] in the model",
        "  in file     model.safetensors",
    ]


def test_report_is_a_table(wrong):
    """Where from, how many, and a line for each tensor that was not as it should be."""
    options = {"allow_missing": True, "allow_unexpected": True, "ignore_mismatched_sizes": True}
    _, report = TinyModel.from_pretrained(wrong, dtype="bfloat16", output_loading_info=True, **options)
    assert str(report).splitlines() == table(wrong)
    assert report.loaded == ("layers.0.weight", "layers.1.bias")
    assert report.converted["layers.0.weight"] == (torch.float32, torch.bfloat16)


def test_error_holds_the_same_table(wrong):
    """With what could be allowed above it, and without what was not loaded."""
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(wrong, dtype="bfloat16")
    assert str(caught.value).splitlines()[-4:] == table(wrong)[2:]


def test_report_of_a_load_in_which_everything_fits_is_one_line(tmp_path):
    """Nothing to see."""
    NormModel(TinyConfig()).save_pretrained(tmp_path)
    _, report = NormModel.from_pretrained(tmp_path, output_loading_info=True)
    assert str(report) == f"{tmp_path}: 8 tensors loaded, 0 of them converted"


def test_options_work_together(tmp_path):
    """A variant in a subfolder, renamed, converted, onto a device."""
    model = fill_randomly(TinyModel(TinyConfig()))
    renamed = {name.replace("layers", "blocks"): tensor for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path / "inner", variant="half")
    save_file(renamed, tmp_path / "inner" / "model.half.safetensors")
    loaded = TinyModel.from_pretrained(
        tmp_path,
        subfolder="inner",
        variant="half",
        key_mapping={"^blocks": "layers"},
        dtype=torch.float64,
        device="cpu",
    )
    assert same_state(model.double(), loaded)
