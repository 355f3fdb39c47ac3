"""Weights and model fit together, or the load is an error that lists what does not and names what allows it."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import ArgumentError, LoadReport, Mismatch, PreTrainedModel, WeightsMismatchError
from tiny_models import NormModel, TinyConfig, TinyModel, fill_randomly, same_state


def change_weights(folder, change):
    """Rewrite the weights of a folder."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.fixture
def saved(tmp_path):
    """A saved TinyModel of random values."""
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(tmp_path)
    return tmp_path


def test_missing_tensor_is_an_error_that_names_it_and_its_shape(saved):
    """A model that keeps random weights without a word is the worst outcome."""
    change_weights(saved, lambda tensors: tensors.pop("layers.1.weight"))
    with pytest.raises(
        WeightsMismatchError, match=r"allow_missing(.|\n)*missing +layers\.1\.weight \[4, 4\]"
    ) as caught:
        TinyModel.from_pretrained(saved)
    assert caught.value.report.missing == {"layers.1.weight": (4, 4)}
    assert isinstance(caught.value, RuntimeError)


def test_unexpected_tensor_is_an_error_that_names_it_and_its_shape(saved):
    """A tensor without a place means that the checkpoint is for another model."""
    change_weights(saved, lambda tensors: tensors.update(extra=torch.zeros(2, 3)))
    with pytest.raises(WeightsMismatchError, match=r"allow_unexpected(.|\n)*unexpected +extra \[2, 3\]") as caught:
        TinyModel.from_pretrained(saved)
    assert caught.value.report.unexpected == {"extra": (2, 3)}


def test_list_in_an_error_holds_what_was_listed_before(saved):
    """A list that replaces the one of the call allows all that is needed."""
    change_weights(saved, lambda tensors: (tensors.pop("layers.0.weight"), tensors.pop("layers.1.weight")))
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(saved, allow_missing=["layers.0"])
    (listed,) = re.findall(r"allow_missing=\[(.*?)\]", str(caught.value))
    assert TinyModel.from_pretrained(saved, allow_missing=[name.strip("'") for name in listed.split(", ")])


def test_mismatched_tensor_is_an_error_with_both_shapes(saved):
    """The error itself has the shapes, and not a log."""
    change_weights(saved, lambda tensors: tensors.update({"layers.0.bias": torch.zeros(5)}))
    with pytest.raises(
        WeightsMismatchError, match=r"ignore_mismatched_sizes(.|\n)*\[5\] in the checkpoint, \[4\]"
    ) as caught:
        TinyModel.from_pretrained(saved)
    assert caught.value.report.mismatched == (Mismatch("layers.0.bias", (5,), (4,), torch.float32, torch.float32),)


def test_numbers_of_another_kind_are_a_mismatch(saved):
    """Integers in the place of weights are no conversion that anybody asked for."""
    change_weights(saved, lambda tensors: tensors.update({"layers.0.bias": torch.zeros(4, dtype=torch.int64)}))
    with pytest.raises(WeightsMismatchError, match="int64 in the checkpoint, float32 in the model"):
        TinyModel.from_pretrained(saved)


def test_one_error_lists_everything(saved):
    """Whoever repairs a checkpoint sees all at once."""

    def change(tensors):
        del tensors["layers.1.weight"]
        tensors.update({"extra": torch.zeros(1), "layers.0.bias": torch.zeros(5)})

    change_weights(saved, change)
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(saved)
    report = caught.value.report
    assert (len(report.missing), len(report.unexpected), len(report.mismatched)) == (1, 1, 1)
    for argument in ("allow_missing", "allow_unexpected", "ignore_mismatched_sizes"):
        assert argument in str(caught.value)


@pytest.mark.parametrize(
    "allowed",
    [True, ["layers.1.weight"], "layers.1.*", ["layers.1"], [re.compile("weight$")], ["other", "layers.?.weight"]],
)
def test_what_is_allowed_to_be_missing_holds_the_constructors_values(saved, allowed):
    """Names, patterns, names of modules and regular expressions allow; the rest is still loaded."""
    change_weights(saved, lambda tensors: tensors.pop("layers.1.weight"))
    model = TinyModel.from_pretrained(saved, allow_missing=allowed)
    bound = 1 / 4**0.5  # of nn.Linear's own initialisation
    assert 0 < model.layers[1].weight.abs().max() <= bound
    assert torch.equal(model.layers[0].weight, load_file(saved / "model.safetensors")["layers.0.weight"])


@pytest.mark.parametrize("allowed", [False, (), ["layers.0"], "weight", ["layer"], re.compile("bias")])
def test_what_is_not_named_is_not_allowed(saved, allowed):
    """A pattern allows what it matches as a whole, and no more."""
    change_weights(saved, lambda tensors: tensors.pop("layers.1.weight"))
    with pytest.raises(WeightsMismatchError):
        TinyModel.from_pretrained(saved, allow_missing=allowed)


def test_unexpected_tensors_can_be_allowed(saved):
    """They are left out."""
    change_weights(saved, lambda tensors: tensors.update(extra=torch.zeros(2, 3)))
    model, report = TinyModel.from_pretrained(saved, allow_unexpected=["extra"], output_loading_info=True)
    assert "extra" not in model.state_dict()
    assert report.unexpected == {"extra": (2, 3)}


def test_mismatched_tensors_can_be_ignored(saved):
    """A head for another number of classes keeps its fresh values."""
    change_weights(saved, lambda tensors: tensors.update({"layers.0.weight": torch.full((5, 4), 9.0)}))
    model = TinyModel.from_pretrained(saved, ignore_mismatched_sizes=True)
    assert model.layers[0].weight.shape == (4, 4)
    assert 0 < model.layers[0].weight.abs().max() <= 1 / 4**0.5


def test_not_strict_allows_names_but_not_shapes(saved):
    """As in torch's own load_state_dict."""
    change_weights(saved, lambda tensors: tensors.update({"extra": torch.zeros(1), "layers.0.bias": torch.zeros(5)}))
    with pytest.raises(WeightsMismatchError, match=r"\[5\]"):
        TinyModel.from_pretrained(saved, strict=False)
    change_weights(saved, lambda tensors: tensors.pop("layers.0.bias"))
    assert isinstance(TinyModel.from_pretrained(saved, strict=False), TinyModel)


def test_not_strict_says_what_it_left_out(saved, caplog):
    """A log line, for whoever wonders later why a model predicts nonsense."""
    change_weights(saved, lambda tensors: tensors.pop("layers.0.bias"))
    TinyModel.from_pretrained(saved, strict=False)
    assert "layers.0.bias [4]" in caplog.text


def test_report_reads_like_the_dict_of_transformers(saved):
    """Programs that read `output_loading_info` find the keys they know."""
    change_weights(saved, lambda tensors: tensors.update({"extra": torch.zeros(1), "layers.0.bias": torch.zeros(5)}))
    _, report = TinyModel.from_pretrained(
        saved, allow_unexpected=True, ignore_mismatched_sizes=True, output_loading_info=True
    )
    assert dict(report) == {
        "missing_keys": set(),
        "unexpected_keys": {"extra"},
        "mismatched_keys": {("layers.0.bias", (5,), (4,))},
        "error_msgs": [],
    }
    assert report.loaded == ("layers.0.weight", "layers.1.weight", "layers.1.bias")


def test_report_prints_as_a_short_table(saved):
    """Even for thousands of tensors."""
    tensors = {f"x{number}": torch.zeros(1) for number in range(3000)}
    change_weights(saved, lambda stored: stored.update(tensors))
    _, report = TinyModel.from_pretrained(saved, allow_unexpected=True, output_loading_info=True)
    assert isinstance(report, LoadReport)
    assert str(report).startswith(f"{saved}: 4 tensors loaded")
    assert "and 2900 more" in str(report)


def test_error_says_what_the_checkpoint_was_saved_from(tmp_path):
    """A namesake class is the usual reason for weights that do not fit."""
    NormModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(WeightsMismatchError, match="saved from NormModel, not TinyModel"):
        TinyModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("tiny_models.TinyModel", "ships its own tiny_models.TinyModel, which may differ from tiny_models.TinyModel."),
        ("tiny_models.Other", "ships its own code, and tiny_models.TinyModel is not part of it."),
        ("modeling_tiny.TinyModel", "ships its own code, and tiny_models.TinyModel is not part of it."),
    ],
)
def test_error_says_whether_the_code_of_the_checkpoint_has_the_class(saved, reference, hint):
    """A class is part of the code by its name, and may be another version of it."""
    config = json.loads((saved / "config.json").read_text("utf-8"))
    (saved / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": reference}}), "utf-8")
    with pytest.raises(WeightsMismatchError, match="use that code, load with an Auto class") as caught:
        TinyModel.from_pretrained(saved, depth=3)
    assert hint in str(caught.value)


def test_names_that_the_class_ignores_are_not_reported(saved):
    """`_keys_to_ignore_on_load_…` are the author's own regular expressions."""

    class Model(TinyModel):
        _keys_to_ignore_on_load_missing = (r"layers\.1\.weight",)
        _keys_to_ignore_on_load_unexpected = (r"^extra",)

    def change(tensors):
        del tensors["layers.1.weight"]
        tensors["extra.weight"] = torch.zeros(1)

    change_weights(saved, change)
    _, report = Model.from_pretrained(saved, output_loading_info=True)
    assert not report.missing
    assert not report.unexpected


def test_key_mapping_renames_what_the_checkpoint_calls_otherwise(saved):
    """The first regular expression that is found in a name renames it."""

    def change(tensors):
        for name in list(tensors):
            tensors[name.replace("layers.", "blocks.").replace("weight", "kernel")] = tensors.pop(name)

    expected = TinyModel.from_pretrained(saved)
    expected_state = {name: tensor.clone() for name, tensor in expected.state_dict().items()}
    change_weights(saved, change)
    mapping = {r"^blocks\.(\d+)\.kernel$": r"layers.\1.weight", r"^blocks\.": "layers."}
    loaded = TinyModel.from_pretrained(saved, key_mapping=mapping).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected_state.items())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("allow_missing", 5),
        ("allow_missing", None),
        ("allow_unexpected", [1]),
        ("key_mapping", "x"),
        ("key_mapping", [("a", "b")]),
        ("key_mapping", {1: 2}),
        ("key_mapping", {"never": 2}),
        ("key_mapping", {"never": r"\1"}),
        ("strict", "no"),
        ("strict", None),
        ("ignore_mismatched_sizes", "yes"),
        ("variant", 5),
    ],
)
def test_argument_of_another_kind_is_refused(saved, argument, value):
    """The error names it, also where nothing depends on it."""
    with pytest.raises(ArgumentError, match=f"^{argument} must "):
        TinyModel.from_pretrained(saved, **{argument: value})


def test_names_may_come_from_a_generator():
    """They are listed once."""
    state = {"layers.0.weight": torch.zeros(4, 4)}
    allowed = (name for name in ["layers.0.bias", "layers.1.*"])
    assert TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state, allow_missing=allowed)


def test_key_mapping_that_is_no_regular_expression_is_refused(saved):
    """The error shows the pattern."""
    with pytest.raises(ArgumentError, match=r"key_mapping must .*got \{'\(': 'x'\}"):
        TinyModel.from_pretrained(saved, key_mapping={"(": "x"})


def test_prefix_ends_at_a_dot(tmp_path):
    """A module called `tinyer` is not `tiny` and two letters; an empty prefix strips nothing."""

    class Two(PreTrainedModel):
        config_class = TinyConfig
        base_model_prefix = "tiny"

        def __init__(self, config):
            super().__init__(config)
            self.tiny = nn.Linear(2, 2)
            self.tinyer = nn.Linear(2, 2)

    class Single(PreTrainedModel):
        config_class = TinyConfig
        base_model_prefix = "tiny"

        def __init__(self, config):
            super().__init__(config)
            self.er = nn.Linear(2, 2)

    model = fill_randomly(Two(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, Two.from_pretrained(tmp_path))
    with pytest.raises(WeightsMismatchError) as caught:
        Single.from_pretrained(tmp_path)
    assert set(caught.value.report.missing) == {"er.weight", "er.bias"}


def test_state_dict_in_memory_is_loaded_and_not_shared():
    """The weights are copied: training the model does not change the caller's tensors."""
    model = fill_randomly(TinyModel(TinyConfig()))
    given = model.state_dict()
    loaded = TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=given)
    assert same_state(model, loaded)
    fill_randomly(loaded)
    assert torch.equal(given["layers.0.weight"], model.layers[0].weight)
    assert not torch.equal(given["layers.0.weight"], loaded.layers[0].weight)


def test_state_dict_is_loaded_with_the_config_of_a_checkpoint(tmp_path):
    """In place of its weights, of which there may be none, as in transformers."""
    config = TinyConfig(depth=3)
    config.save_pretrained(tmp_path)
    model, other = (fill_randomly(TinyModel(config)) for _ in range(2))
    assert same_state(TinyModel.from_pretrained(tmp_path, state_dict=model.state_dict()), model)
    other.save_pretrained(tmp_path)
    assert same_state(TinyModel.from_pretrained(tmp_path, state_dict=model.state_dict()), model)


def test_load_of_nothing_is_refused(saved):
    """Weights must come from somewhere, and an empty state dict has none."""
    with pytest.raises(ArgumentError, match=r"^pretrained_model_name_or_path must be .* state_dict="):
        TinyModel.from_pretrained(None, config=TinyConfig())
    with pytest.raises(WeightsMismatchError, match="holds no tensors"):
        TinyModel.from_pretrained(saved, state_dict={})


@pytest.mark.parametrize(
    "state_dict", [[("x", torch.zeros(1))], "weights.pt", {"x": 1}], ids=["pairs", "path", "number"]
)
def test_state_dict_of_something_else_is_refused(state_dict):
    """A path or a list is no state dict, and neither is a dict of other values."""
    with pytest.raises(ArgumentError, match=r"^state_dict must be a mapping from names to tensors"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state_dict)


@pytest.mark.parametrize("kind", ["method", "generator", "numbers for names"])
def test_what_leads_to_a_state_dict_is_told_how(kind):
    """A method that was not called, parameters without buffers, and a list of values."""
    model = TinyModel(TinyConfig())
    numbered = dict(enumerate(model.state_dict().values()))
    given = {"method": model.state_dict, "generator": model.named_parameters(), "numbers for names": numbered}[kind]
    with pytest.raises(ArgumentError, match=r"Pass what model\.state_dict\(\) returns\.$"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=given)
