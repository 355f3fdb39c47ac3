"""Repositories written for transformers load where it is not installed, and compute the same bits.

The oracle is the model in memory before it was saved, never transformers' own loading.
"""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from auto_registry import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification
from model_core import ArgumentError
from transformers_stock import STOCK, make_inputs, run, tensors_in

pytest.importorskip("transformers", reason="makes the checkpoints; needs the dependency group `peers`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The checkpoints, made by transformers."""
    folder = tmp_path_factory.mktemp("stock")
    run("make", folder)
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Nobody has trusted anything, and the code store is new."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def results(folder):
    """How the loaded models compare, from a process in which transformers cannot be imported."""
    return json.loads(run("load", folder, HUB_IO_CACHE=str(folder / "cache")).splitlines()[-1])


@pytest.mark.parametrize("name", STOCK)
def test_loaded_model_computes_the_same_bits(results, name):
    """Read into memory, the outputs are those of the model that was saved.

    transformers does not align the tensors in its files, and kernels of torch choose by alignment: mapped from such a
    file, the last bits may differ on some processors.
    """
    result = results[name]
    assert "error" not in result, result["error"]
    assert result["copy"], result
    assert result["difference, mmap"] <= (1e-2 if "float16" in STOCK[name].dtype else 1e-5)


def test_transformers_stays_out_of_the_process(results):
    """Nothing is put under its name, so the rest of the program sees what is installed."""
    assert results["transformers in sys.modules"] is False


def test_code_in_another_repository_is_served_too(folder, hub, places):  # noqa: ARG001 - for its places
    """The weights are in one repository and the code in another, as with many published variants of a model."""
    saved = folder / "vision transformer"
    sources = {path.name: path.read_text(encoding="utf-8") for path in saved.glob("*.py")}
    code = hub.create_repo("other/code", sources)
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {name: f"other/code--{reference}" for name, reference in config["auto_map"].items()}
    weights = (saved / "model.safetensors").read_bytes()
    commit = hub.create_repo("me/weights", {"config.json": json.dumps(config), "model.safetensors": weights})
    model, report = AutoModel.from_pretrained(
        "me/weights", revision=commit, code_revision=code, trust_remote_code=True, output_loading_info=True
    )
    expected = torch.load(saved.with_suffix(".outputs"), weights_only=True)
    with torch.no_grad():
        outputs = list(tensors_in(model(**make_inputs(STOCK["vision transformer"]))))
    assert all(map(torch.equal, outputs, expected))
    assert "transformers.modeling_outputs.BaseModelOutput" in report.served_names
    assert "served      transformers.activations.ACT2FN" in str(report)


def test_tied_weights_are_one_tensor(folder, places):  # noqa: ARG001 - for its places
    """Declared as a list, without `post_init`, and whether the checkpoint has one name or both."""
    for name in STOCK:
        if "tied" in name:
            model = AutoModelForMaskedLM.from_pretrained(folder / name, trust_remote_code=True)
            assert model.lm_head.weight is model.model.embed_tokens.weight


def test_ties_that_the_config_switches_off_are_not_made(folder, places):  # noqa: ARG001 - for its places
    """Then a checkpoint with both tensors gives both."""
    name = folder / "masked language model, tied, both names in a pickle"
    model = AutoModelForMaskedLM.from_pretrained(name, trust_remote_code=True, tie_word_embeddings=False)
    assert model.lm_head.weight is not model.model.embed_tokens.weight


def test_initialisation_of_the_author_leaves_loaded_values(folder, places):  # noqa: ARG001 - for its places
    """`_init_weights` of every model of the stock draws values, which only tensors keep that the file lacks."""
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder / "sequence classifier", trust_remote_code=True, num_labels=5, ignore_mismatched_sizes=True,
        output_loading_info=True,
    )  # fmt: skip
    assert {entry.name for entry in report.mismatched} == {"classifier.weight", "classifier.bias"}
    assert float(model.classifier.weight.detach().std()) > 0.3  # the author's, not torch's
    assert not model.classifier.bias.detach().any()


def test_saved_again_the_model_loads_again(folder, tmp_path, places):  # noqa: ARG001 - for its places
    """Weights, config and the code as it was written."""
    saved = folder / "protein"
    model = AutoModel.from_pretrained(saved, trust_remote_code=True)
    model.save_pretrained(tmp_path / "again")
    again = AutoModel.from_pretrained(tmp_path / "again", trust_remote_code=True)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))
    assert again.config.to_dict() == {**model.config.to_dict(), "dtype": "float32"}
    assert again.config.fold_config == model.config.fold_config
    source = (saved / "modeling_protein.py").read_bytes()
    assert (tmp_path / "again" / "modeling_protein.py").read_bytes() == source


def test_model_trains_with_gradient_checkpointing(folder, places):  # noqa: ARG001 - for its places
    """Layers of the old style, which call `_gradient_checkpointing_func`, and of the new one."""
    for name in ("legacy", "layers with gradient checkpointing", "modern encoder"):
        auto_class = AutoModelForMaskedLM if name == "legacy" else AutoModel
        model = auto_class.from_pretrained(folder / name, trust_remote_code=True)
        inputs = make_inputs(STOCK[name])
        expected = next(tensors_in(model(**inputs)))
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.gradient_checkpointing_enable()
        outputs = model(**inputs)
        output = next(tensors_in(outputs))
        output.sum().backward()
        assert torch.equal(output, expected)
        assert name != "modern encoder" or len(outputs.hidden_states) == 5
        assert any(parameter.grad is not None for parameter in model.parameters())


def test_the_caller_chooses_the_implementation_of_attention(folder, places):  # noqa: ARG001 - for its places
    """By default, what the model supports, as in transformers. "eager" has attentions to return, "sdpa" has none."""
    inputs = make_inputs(STOCK["modern encoder"])
    outputs = {}
    for name in (None, "sdpa", "eager"):
        model = AutoModel.from_pretrained(folder / "modern encoder", trust_remote_code=True, attn_implementation=name)
        with torch.no_grad():
            outputs[name] = model(**inputs, output_attentions=True)
    assert torch.equal(outputs[None].last_hidden_state, outputs["sdpa"].last_hidden_state)
    assert torch.allclose(outputs[None].last_hidden_state, outputs["eager"].last_hidden_state, atol=1e-5)
    assert [len(output.attentions) for output in outputs.values()] == [0, 0, 4]
    pair = AutoModel.from_pretrained(folder / "modern pair", trust_remote_code=True, attn_implementation="eager")
    parts = (pair, pair.text_model, pair.vision_model)
    assert {part.config._attn_implementation for part in parts} == {"eager"}
    created = AutoModel.from_config(model.config, trust_remote_code=True, attn_implementation="sdpa")
    assert created.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(("name", "given"), [("modern encoder", "flash_attention_2"), ("protein", "sdpa")])
def test_implementation_of_attention_that_is_not_there_is_refused(folder, places, name, given):  # noqa: ARG001
    """Those of other packages, and one that the model does not support."""
    with pytest.raises(ArgumentError, match=r"attn_implementation must be .*'eager'"):
        AutoModel.from_pretrained(folder / name, trust_remote_code=True, attn_implementation=given)


def test_outputs_of_layers_are_recorded_for_one_call_alone(folder, places):  # noqa: ARG001 - for its places
    """In the call or in the config they are asked for; copies and pickles of the model work after it as before."""
    model = AutoModel.from_pretrained(
        folder / "modern encoder", trust_remote_code=True, output_hidden_states=False, attn_implementation="eager"
    )
    inputs = make_inputs(STOCK["modern encoder"])
    plain = model(**inputs)
    assert (plain.hidden_states, plain.attentions) == (None, None)
    recorded = model(**inputs, output_hidden_states=True, output_attentions=True)
    assert [tuple(state.shape) for state in recorded.hidden_states] == [(2, 10, 16)] * 5
    assert recorded.hidden_states[-1] is recorded.last_hidden_state
    assert [tuple(weights.shape) for weights in recorded.attentions] == [(2, 2, 10, 10)] * 4
    last, *rest = reversed(model(**inputs, output_hidden_states=[-1, 1]).hidden_states)
    assert last is not None
    assert [state is None for state in rest] == [True, True, False, True]
    as_tuple = model(**inputs, output_hidden_states=True, return_dict=False)
    assert torch.equal(as_tuple[1][2], recorded.hidden_states[2])
    assert model(**inputs).hidden_states is None
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(copied(**inputs).last_hidden_state, plain.last_hidden_state)


def test_threads_record_their_own_outputs(folder, places):  # noqa: ARG001 - for its places
    """One model may be called in several threads at once."""
    model = AutoModel.from_pretrained(folder / "modern encoder", trust_remote_code=True)
    inputs = make_inputs(STOCK["modern encoder"])["input_ids"].split(1)
    expected = [model(row, output_hidden_states=True).hidden_states for row in inputs]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            found = pool.map(lambda row: model(row, output_hidden_states=True).hidden_states, inputs)
            for one, other in zip(found, expected, strict=True):
                assert len(one) == len(other)
                assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("name", ["generate", "resize_token_embeddings"])
def test_methods_that_are_not_served_say_where_they_are(folder, name, places):  # noqa: ARG001 - for its places
    """What belongs to transformers alone is an AttributeError that names the way to it."""
    model = AutoModel.from_pretrained(folder / "protein", trust_remote_code=True)
    with pytest.raises(AttributeError, match=r"load_into_transformers\(\)"):
        getattr(model, name)
    assert not hasattr(model, name)
    assert not model.can_generate()
