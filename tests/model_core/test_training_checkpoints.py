"""Files that training programs write: one error tells the whole way to the model, as code that works when pasted."""

from __future__ import annotations

import argparse
import datetime as dt
import fractions
import os
import pathlib
import re
import sys
import types

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from config_core import CheckpointNotFoundError
from model_core import ArgumentError, PreTrainedModel, WeightsFileError, WeightsMismatchError, WeightsNotFoundError
from tiny_models import HeadModel, TinyConfig, TinyModel, fill_randomly, same_state


class Own:
    """A class of the training program."""


def prefixed(prefix, state):
    """Return a state dict whose names begin with a prefix."""
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def lightning(state, **hyper_parameters):
    """Return what Lightning keeps in a file."""
    return {
        "epoch": 3,
        "global_step": 100,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 0.1}]}],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": hyper_parameters,
    }


WRITERS = {
    "Lightning": lambda state: lightning(prefixed("model.", state), lr=0.1),
    "Lightning with a loss": lambda state: lightning(prefixed("net.", state) | {"criterion.weight": torch.ones(3)}),
    "Lightning compiled": lambda state: lightning(prefixed("model._orig_mod.", state)),
    "Lightning with a path": lambda state: lightning(prefixed("model.", state), folder=pathlib.Path("data")),
    "DataParallel": lambda state: {"model": prefixed("module.", state), "optimizer": {}, "epoch": 3},
    "usual": lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}, "loss": 0.5},
    "net": lambda state: {"net": prefixed("module.", state), "acc": torch.tensor(0.9), "epoch": torch.tensor(7)},
    "DeepSpeed": lambda state: {"module": prefixed("model.", state), "dp_world_size": 1},
    "timm": lambda state: {
        "epoch": 3,
        "arch": "resnet50",
        "state_dict": state,
        "state_dict_ema": {name: tensor + 1 for name, tensor in state.items()},
        "optimizer": {"state": {}, "param_groups": []},
        "args": argparse.Namespace(lr=0.1),
        "metric": 0.5,
    },
}


def refused(model_class, source):
    """Return the error of a load, after running the code that it says to run first."""
    with pytest.raises((WeightsNotFoundError, WeightsFileError)) as caught:
        model_class.from_pretrained(source)
    if found := re.search(r"Run (import .*) first\. ", str(caught.value)):
        exec(found[1], {})
    return str(caught.value)


def pasted(model_class, message):
    """Run the code in a message as a user would who pastes it."""
    code = re.search(r"from_pretrained\(.*?\)(?=\. It contains|$| or with)", message)[0]
    return eval(f"model_class.{code}", {"model_class": model_class, "torch": torch})


@pytest.fixture(autouse=True)
def _no_allowed_classes():
    """Forget the classes that a pasted line has allowed."""
    yield
    torch.serialization.clear_safe_globals()


@pytest.mark.parametrize("filename", ["last.ckpt", "pytorch_model.bin"])
@pytest.mark.parametrize("writer", WRITERS)
def test_file_of_a_trainer_is_loaded_by_the_code_of_one_error(tmp_path, writer, filename):
    """With the key that holds the state dict, the renaming, and what is not the model's."""
    model = fill_randomly(TinyModel(TinyConfig(depth=3)))
    model.config.save_pretrained(tmp_path)
    torch.save(WRITERS[writer](model.state_dict()), tmp_path / filename)
    assert same_state(pasted(TinyModel, refused(TinyModel, tmp_path)), model)


@pytest.mark.parametrize("value", [dt.timedelta(3), types.SimpleNamespace(lr=0.1)], ids=["time", "namespace"])
def test_line_that_allows_a_harmless_class_works(tmp_path, value):
    """Torch reads objects of these classes once it may."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save({"state_dict": model.state_dict(), "value": value}, tmp_path / "last.ckpt")
    assert same_state(pasted(TinyModel, refused(TinyModel, tmp_path)), model)


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
@pytest.mark.parametrize("name", ["PosixPath", "WindowsPath"])
def test_line_that_allows_a_path_works_on_any_system_and_version(tmp_path, module, name):
    """Neither system makes the other's paths, and Python 3.13 pickles both under names of its own."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    content = {"state_dict": model.state_dict(), "folder": pathlib.PurePosixPath("data")}
    torch.save(content, tmp_path / "last.ckpt", pickle_protocol=2, _use_new_zipfile_serialization=False)
    pickled = (tmp_path / "last.ckpt").read_bytes()
    renamed = re.sub(rb"cpathlib[\w.]*\nPurePosixPath\n", f"c{module}\n{name}\n".encode(), pickled)
    assert renamed != pickled
    (tmp_path / "last.ckpt").write_bytes(renamed)
    assert same_state(pasted(TinyModel, refused(TinyModel, tmp_path)), model)


def test_advice_allows_no_class_meanwhile(tmp_path):
    """What torch allows to be unpickled is the same in all threads, and another may be reading a file."""
    TinyConfig().save_pretrained(tmp_path)
    torch.save(lightning({}, value=Own(), args=argparse.Namespace()), tmp_path / "last.ckpt")
    allowed = []
    sys.setprofile(lambda *_: allowed.extend(torch.serialization.get_safe_globals()))
    try:
        with pytest.raises(WeightsNotFoundError):
            TinyModel.from_pretrained(tmp_path)
    finally:
        sys.setprofile(None)
    assert allowed == []


@pytest.mark.parametrize("writer", WRITERS)
def test_what_torch_loads_from_a_trainer_is_loaded_by_the_code_of_one_error(writer):
    """As the argument of a load."""
    config = TinyConfig(depth=3)
    model = fill_randomly(TinyModel(config))
    state_dict = WRITERS[writer](model.state_dict())
    with pytest.raises(ArgumentError) as caught:
        TinyModel.from_pretrained(None, config=config, state_dict=state_dict)
    code = re.search(r"from_pretrained\(None, config=\.\.\., (.*?)\)$", str(caught.value))[1]
    loaded = eval(
        f"TinyModel.from_pretrained(None, config=config, {code})",
        {"TinyModel": TinyModel, "config": config, "state_dict": state_dict},
    )
    assert same_state(loaded, model)


def test_safetensors_under_another_name_are_loaded_by_the_code_of_one_error(tmp_path):
    """Their names may have a prefix as well."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    save_file(prefixed("module.", model.state_dict()), tmp_path / "weights.safetensors")
    with pytest.raises(WeightsNotFoundError, match=r'key_mapping=\{r"\^module\\\.": ""\}\)\. It contains'):
        TinyModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("value", [Own(), fractions.Fraction(1, 2)], ids=["own class", "library"])
def test_file_with_other_classes_is_only_to_be_unpickled_by_those_who_trust_it(tmp_path, value):
    """No line allows their classes."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save(lightning(prefixed("model.", model.state_dict()), value=value), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError, match=r"If you trust the file, which can run any code: ") as caught:
        TinyModel.from_pretrained(tmp_path)
    assert "weights_only=False)['state_dict'], " in str(caught.value)
    assert "add_safe_globals" not in str(caught.value)
    assert same_state(pasted(TinyModel, str(caught.value)), model)


def test_file_of_a_model_with_more_classes_is_loaded_by_the_code_of_one_error(tmp_path):
    """With the config field as well as the renaming."""
    model = fill_randomly(HeadModel(TinyConfig(num_labels=7)))
    TinyConfig(num_labels=10).save_pretrained(tmp_path)
    torch.save(lightning(prefixed("net.", model.state_dict())), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError, match="num_labels=7") as caught:
        HeadModel.from_pretrained(tmp_path)
    assert same_state(pasted(HeadModel, str(caught.value)), model)


@pytest.mark.parametrize("filename", ["last.ckpt", "best.pt", "model_best.pth.tar"])
def test_file_that_is_named_itself_is_loaded_by_the_code_of_one_error(tmp_path, filename):
    """With the config beside it."""
    model = fill_randomly(TinyModel(TinyConfig(depth=3)))
    model.config.save_pretrained(tmp_path)
    torch.save(lightning(prefixed("model.", model.state_dict())), tmp_path / filename)
    with pytest.raises(
        CheckpointNotFoundError, match=rf"{filename} is a file, and a checkpoint is a folder\."
    ) as caught:
        TinyModel.from_pretrained(tmp_path / filename)
    assert same_state(pasted(TinyModel, str(caught.value).rstrip(".")), model)


@pytest.mark.parametrize("has_config", [True, False])
def test_file_that_is_named_beside_a_state_dict_is_not_ignored(tmp_path, has_config):
    """One of the two would be; the error has the call without the file."""
    model = fill_randomly(TinyModel(TinyConfig()))
    if has_config:
        model.config.save_pretrained(tmp_path)
    torch.save({}, tmp_path / "last.ckpt")
    state_dict = prefixed("net.", model.state_dict())
    with pytest.raises(FileNotFoundError, match="state_dict= takes the place of the file") as caught:
        TinyModel.from_pretrained(tmp_path / "last.ckpt", state_dict=state_dict)
    code = re.search(r"of the file: (.*)\.$", str(caught.value))[1]
    names = {"TinyModel": TinyModel, "TinyConfig": TinyConfig, "state_dict": state_dict}
    assert same_state(eval(f"TinyModel.{code}", names), model)


@pytest.mark.parametrize("filename", ["last.ckpt", "pytorch_model.bin"])
def test_no_pickle_is_advised_where_pickles_are_excluded(tmp_path, filename):
    """The file may be a safetensors file, and is not looked into to find out."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / filename)
    with pytest.raises(WeightsNotFoundError, match=r"rename the file to model\.safetensors") as caught:
        TinyModel.from_pretrained(tmp_path, use_safetensors=True)
    assert "torch.load" not in str(caught.value)
    (tmp_path / filename).rename(tmp_path / "model.safetensors")
    assert same_state(TinyModel.from_pretrained(tmp_path, use_safetensors=True), model)


def test_pickle_called_safetensors_is_not_to_be_renamed_alone_where_pickles_are_excluded(tmp_path):
    """Under its new name it would be refused."""
    TinyConfig().save_pretrained(tmp_path)
    torch.save(TinyModel(TinyConfig()).state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(WeightsFileError, match=r"pytorch_model\.bin, and leave out use_safetensors=True"):
        TinyModel.from_pretrained(tmp_path, use_safetensors=True)


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_broken_link_is_none_of_the_files_that_may_hold_weights(tmp_path):
    """The error is about the weights that are absent."""
    TinyConfig().save_pretrained(tmp_path)
    (tmp_path / "last.ckpt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(WeightsNotFoundError, match=r"It contains: config\.json, last\.ckpt"):
        TinyModel.from_pretrained(tmp_path)


def test_file_without_a_config_asks_for_one(tmp_path):
    """And with that, the error has the code."""
    torch.save(lightning(prefixed("model.", TinyModel(TinyConfig()).state_dict())), tmp_path / "last.ckpt")
    with pytest.raises(
        FileNotFoundError, match=r"Pass the config: TinyModel\.from_pretrained\(\.\.\., config=TinyConfig"
    ):
        TinyModel.from_pretrained(tmp_path)
    for given in (tmp_path, tmp_path / "last.ckpt"):
        with pytest.raises(FileNotFoundError, match=r"from_pretrained\('.*', config=\.\.\., state_dict=torch\.load\("):
            TinyModel.from_pretrained(given, config=TinyConfig())


def test_file_that_is_named_itself_without_a_config_is_told_one_call(tmp_path):
    """With nothing else to read before it, and it works."""
    model = fill_randomly(TinyModel(TinyConfig()))
    torch.save(lightning(prefixed("model.", model.state_dict())), tmp_path / "last.ckpt")
    with pytest.raises(
        FileNotFoundError, match=r"last\.ckpt is a file, and .* no file 'config\.json'\. In this"
    ) as caught:
        TinyModel.from_pretrained(tmp_path / "last.ckpt")
    assert str(caught.value).count("from_pretrained(") == 1
    code = re.search(r"from_pretrained\(.*\)", str(caught.value))[0]
    names = {"TinyModel": TinyModel, "TinyConfig": TinyConfig, "torch": torch}
    assert same_state(eval(f"TinyModel.{code}", names), model)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>"], ids=["empty", "cut", "page"])
@pytest.mark.parametrize("named", [True, False], ids=["file", "folder"])
@pytest.mark.parametrize("has_config", [True, False], ids=["config", "no config"])
def test_no_call_is_advised_that_reads_a_damaged_file(tmp_path, content, named, has_config):
    """It would raise the same error."""
    if has_config:
        TinyConfig().save_pretrained(tmp_path)
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(FileNotFoundError, match="Download or copy it again") as caught:
        TinyModel.from_pretrained(tmp_path / "weights.pt" if named else tmp_path)
    assert "torch.load" not in str(caught.value)


def test_exported_program_is_passed_by_the_code_of_the_error(tmp_path):
    """It holds the state dict of the module that was exported."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.export.save(torch.export.export(model, (torch.ones(1, 4),)), tmp_path / "model.pt2")
    with pytest.raises(WeightsNotFoundError, match=r"model\.pt2\. If you trust it, pass state_dict=.*\. It") as caught:
        TinyModel.from_pretrained(tmp_path)
    code = re.search(r"pass state_dict=(.*?\.state_dict)\.", str(caught.value))[1]
    assert same_state(TinyModel.from_pretrained(tmp_path, state_dict=eval(code, {"torch": torch})), model)


def test_arrays_of_numpy_are_passed_by_the_code_of_the_error(tmp_path):
    """Of all other formats, this one is read in a line."""
    numpy = pytest.importorskip("numpy")
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    numpy.savez(tmp_path / "weights.npz", **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    with pytest.raises(WeightsNotFoundError, match=r"weights\.npz\. Pass state_dict=.*\.items\(\)\}\. It") as caught:
        TinyModel.from_pretrained(tmp_path)
    code = re.search(r"Pass state_dict=(\{.*\})", str(caught.value))[1]
    assert same_state(
        TinyModel.from_pretrained(tmp_path, state_dict=eval(code, {"torch": torch, "numpy": numpy})), model
    )


def test_parts_of_a_model_are_passed_together(tmp_path):
    """As programs save them that keep a state dict for each part."""
    config = TinyConfig()
    model = fill_randomly(HeadModel(config))
    parts = {"tiny": model.tiny.state_dict(), "head": model.head.state_dict(), "epoch": 3}
    config.save_pretrained(tmp_path)
    torch.save(parts, tmp_path / "parts.pt")
    with pytest.raises(WeightsNotFoundError, match="If they are parts of the model, pass them together: ") as caught:
        HeadModel.from_pretrained(tmp_path)
    code = re.search(r"together: from_pretrained(\(.*?\))\. Otherwise, pass one: ", str(caught.value))[1]
    assert same_state(eval(f"HeadModel.from_pretrained{code}", {"HeadModel": HeadModel, "torch": torch}), model)


UNUSUAL = {
    "list": lambda state: [state],
    "tuple": lambda state: (prefixed("net.", state), {"lr": 0.1}, 3),
    "state of the optimizer": lambda state: (state, {"state": {0: {"exp_avg": torch.zeros(4)}}}),
    "pairs": lambda state: list(prefixed("module.", state).items()),
    "tuple of pairs": lambda state: tuple([name, tensor] for name, tensor in state.items()),
    "number beside the tensors": lambda state: {**state, "epoch": 3},
    "settings beside the tensors": lambda state: {**prefixed("net.", state), "arch": "x", "args": {"lr": 0.1}},
    "nothing beside the tensors": lambda state: {"rng": None, **state},
    "number as a key": lambda state: {**state, 3: "x"},
    "nothing under the usual key": lambda state: {"state_dict": None, "model": state},
}


@pytest.mark.parametrize("filename", ["last.ckpt", "pytorch_model.bin"])
@pytest.mark.parametrize("name", UNUSUAL)
def test_file_of_another_form_is_loaded_by_the_code_of_one_error(tmp_path, name, filename):
    """A list, pairs, or a state dict with other entries between its own."""
    model = fill_randomly(TinyModel(TinyConfig(depth=3)))
    TinyConfig().save_pretrained(tmp_path)
    torch.save(UNUSUAL[name](model.state_dict()), tmp_path / filename)
    assert same_state(pasted(TinyModel, refused(TinyModel, tmp_path)), model)


@pytest.mark.parametrize("value", [[], [3], {"epoch": 3}, {"x": 1, "y": 2, "z": torch.zeros(2)}, [("x", 3)]])
def test_file_without_a_state_dict_is_not_said_to_hold_one(tmp_path, value):
    """A single tensor among other things is none."""
    TinyConfig().save_pretrained(tmp_path)
    torch.save(value, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsFileError, match="not a state dict but") as caught:
        TinyModel.from_pretrained(tmp_path)
    assert "from_pretrained(" not in str(caught.value)


def test_file_of_a_whole_module_is_only_to_be_unpickled_by_those_who_trust_it(tmp_path):
    """Its state dict is what a load takes, and what should have been saved."""
    TinyConfig().save_pretrained(tmp_path)
    model = fill_randomly(TinyModel(TinyConfig()))
    torch.save(model, tmp_path / "model.pt")
    advice = r"torch\.save\(model\.state_dict\(\), 'model\.pt'\)\. If you trust the file.*=False\)\.state_dict"
    with pytest.raises(WeightsNotFoundError, match=advice) as caught:
        TinyModel.from_pretrained(tmp_path)
    assert same_state(pasted(TinyModel, str(caught.value)), model)


@pytest.mark.parametrize("key", ["model", "ema"])
def test_file_of_a_whole_module_among_others_names_its_key(tmp_path, key):
    """As detectors are often saved."""
    TinyConfig().save_pretrained(tmp_path)
    model = fill_randomly(TinyModel(TinyConfig()))
    torch.save({"epoch": 3, key: model, "opt": {"args": argparse.Namespace()}}, tmp_path / "best.pt")
    with pytest.raises(WeightsNotFoundError, match=rf"=False\)\['{key}'\]\.state_dict\(\)") as caught:
        TinyModel.from_pretrained(tmp_path)
    assert same_state(pasted(TinyModel, str(caught.value)), model)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (TinyModel(TinyConfig()), r"Pass its \.state_dict\(\)"),
        ("weights.pt", r"Pass what torch\.load\("),
        (pathlib.Path("weights.pt"), r"Pass what torch\.load\("),
        ({"x": torch.zeros(2).numpy()}, r"Pass \{name: torch\.as_tensor\(value\)"),
    ],
    ids=["module", "text", "path", "arrays"],
)
def test_what_is_passed_for_a_state_dict_is_told_how_to_become_one(tmp_path, given, remedy):
    """In loads and in saves."""
    with pytest.raises(ArgumentError, match=remedy):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=given)
    if not isinstance(given, dict):
        with pytest.raises(ArgumentError, match=remedy):
            TinyModel(TinyConfig()).save_pretrained(tmp_path, state_dict=given)


def test_old_pickle_with_a_namespace_is_loaded_by_the_code_of_one_error(tmp_path):
    """It is no archive."""
    model = fill_randomly(TinyModel(TinyConfig(depth=3)))
    model.config.save_pretrained(tmp_path)
    content = WRITERS["timm"](model.state_dict())
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"lr": 0.1}, tmp_path / "optimizer.pt")
    assert same_state(pasted(TinyModel, refused(TinyModel, tmp_path)), model)


def test_code_keeps_what_the_caller_passed(tmp_path):
    """A config that is given stays given, and so does a renaming."""
    model = fill_randomly(TinyModel(TinyConfig()))
    state = {name.replace("layers", "blocks"): tensor for name, tensor in model.state_dict().items()}
    torch.save(lightning(prefixed("model.", state)), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError, match=r"config=\.\.\., .*\^model.*\^blocks") as caught:
        TinyModel.from_pretrained(tmp_path, config=TinyConfig(), key_mapping={r"^blocks\.": "layers."})
    assert "config='" not in str(caught.value)


@pytest.mark.parametrize("number", [7, 5], ids=["right", "wrong"])
def test_code_keeps_the_fields_that_the_caller_passed(tmp_path, number):
    """With the value that the file has, if that is another."""
    model = fill_randomly(HeadModel(TinyConfig(num_labels=7)))
    TinyConfig(num_labels=10).save_pretrained(tmp_path)
    torch.save(lightning(prefixed("net.", model.state_dict())), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError) as caught:
        HeadModel.from_pretrained(tmp_path, num_labels=number)
    assert same_state(pasted(HeadModel, str(caught.value)), model)


# Several sets of the same tensors


class Statistics(PreTrainedModel):
    """A model with buffers, which an average of parameters lacks."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv1d(1, config.width, 3)
        self.norm = nn.BatchNorm1d(config.width)


PAIRS = [
    ("model.", "ema."),
    ("model.", "model_ema."),
    ("net.", "net_ema."),
    ("student.", "teacher."),
    ("student.backbone.", "teacher.backbone."),
    ("module.", "momentum_encoder."),
    ("module.encoder_q.", "module.encoder_k."),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_checkpoint_with_several_sets_of_the_tensors_lets_one_choose(pair):
    """Each with the arguments that take it alone."""
    config = TinyConfig(depth=3)
    models = [fill_randomly(TinyModel(config)) for _ in pair]
    state = {"step": torch.ones(1)}
    for prefix, model in zip(pair, models, strict=True):
        state |= prefixed(prefix, model.state_dict())
    with pytest.raises(WeightsMismatchError, match="choose one of 2 sets of tensors") as caught:
        TinyModel.from_pretrained(None, config=config, state_dict=state)
    ways = re.findall(r"^    (key_mapping=.*) takes 6 tensors$", str(caught.value), re.MULTILINE)
    assert "To load" not in str(caught.value)
    loaded = [
        TinyModel.from_pretrained(None, config=config, state_dict=state, **eval(f"dict({way})", {})) for way in ways
    ]
    assert [same_state(one, other) for one, other in zip(loaded, models, strict=True)] == [True, True]


def test_sets_that_need_more_than_a_prefix_are_named_both():
    """The model calls its layers otherwise than the checkpoint."""
    config = TinyConfig(depth=3)
    models = [fill_randomly(TinyModel(config)) for _ in range(2)]
    state = {}
    for prefix, model in zip(("model.", "ema."), models, strict=True):
        state |= {f"{prefix}{name.replace('layers', 'blocks')}": tensor for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsMismatchError, match="choose one of 2 sets of tensors") as caught:
        TinyModel.from_pretrained(None, config=config, state_dict=state)
    ways = re.findall(r"^    (key_mapping=.*) takes 6 tensors$", str(caught.value), re.MULTILINE)
    loaded = [
        TinyModel.from_pretrained(None, config=config, state_dict=state, **eval(f"dict({way})", {})) for way in ways
    ]
    assert [same_state(one, other) for one, other in zip(loaded, models, strict=True)] == [True, True]


def test_average_without_statistics_is_no_whole_model():
    """It comes last, and what it lacks is not waved through."""
    model = fill_randomly(Statistics(TinyConfig()))
    average = prefixed("ema.", dict(model.named_parameters()))
    state = average | prefixed("model.", model.state_dict())
    with pytest.raises(WeightsMismatchError, match="choose one of 2 sets") as caught:
        Statistics.from_pretrained(None, config=TinyConfig(), state_dict=state)
    first, second = re.findall(r"^    (key_mapping=.*) takes \d tensors$", str(caught.value), re.MULTILINE)
    loaded = Statistics.from_pretrained(None, config=TinyConfig(), state_dict=state, **eval(f"dict({first})", {}))
    assert same_state(loaded, model)
    assert "ema" in second
    assert "allow_" not in second


def test_trainer_s_file_with_several_sets_names_them_all(tmp_path):
    """In the one error."""
    model, average = (fill_randomly(TinyModel(TinyConfig())) for _ in range(2))
    model.config.save_pretrained(tmp_path)
    state = prefixed("model.", model.state_dict()) | prefixed("ema.", average.state_dict())
    torch.save(lightning(state), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError) as caught:
        TinyModel.from_pretrained(tmp_path)
    assert same_state(pasted(TinyModel, str(caught.value)), model)
    assert re.search(r"or with key_mapping=\{r\"\^ema\\\.\": \"\"\}, allow_unexpected=\['model'\]", str(caught.value))
