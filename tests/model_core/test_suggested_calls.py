"""The call that an error suggests is the caller's own with the mend: pasted, it gives what was asked for."""

from __future__ import annotations

import re

import pytest
import safetensors.torch
import torch
from torch import nn

from config_core import PretrainedConfig
from model_core import PreTrainedModel, WeightsNotFoundError
from model_core.load_report import LoadReport
from tiny_models import HeadModel, TinyConfig, TinyModel, fill_randomly, same_state


class NotedConfig(TinyConfig):
    """A config with fields that no tensor depends on."""

    model_type = "suggested-noted"

    def __init__(self, smoothing=0.0, tags=(), **kwargs):
        self.smoothing = smoothing
        self.tags = tags
        super().__init__(**kwargs)


class Scaled(HeadModel):
    """A model whose constructor takes more than a config."""

    config_class = NotedConfig

    def __init__(self, config, scale=1, *, shift=0):
        super().__init__(config)
        self.scaling = (scale, shift)


def wrapped(state):
    """Return a state dict as a trainer keeps it, with names of its own."""
    return {"epoch": 3, "state_dict": {f"net.{name}": tensor for name, tensor in state.items()}}


def suggested_by(error):
    """Return the whole calls that an error suggests."""
    return re.findall(r"from_pretrained\((?!\.\.\.).*?\)(?=\. It contains|\.$|$| or with)", str(error))


def pasted(code, model_class):
    """Run a suggested call as a user would who pastes it."""
    names = {"torch": torch, "re": re, "safetensors": safetensors, "model_class": model_class}
    configs = {"TinyConfig": TinyConfig, "NotedConfig": NotedConfig}
    return eval(f"model_class.{code}", names | configs)


@pytest.fixture
def model(tmp_path):
    """A model, and its weights in a file that a trainer wrote beside the config."""
    model = fill_randomly(Scaled(NotedConfig(num_labels=7)))
    NotedConfig(num_labels=10).save_pretrained(tmp_path)
    torch.save(wrapped(model.state_dict()), tmp_path / "last.ckpt")
    return model


OPTIONS = {
    "dtype": {"dtype": torch.float64},
    "name of a dtype": {"dtype": "bfloat16"},
    "torch_dtype": {"torch_dtype": torch.float16},
    "device": {"device": "cpu"},
    "device object": {"device": torch.device("cpu")},
    "report": {"output_loading_info": True},
    "lenient": {"strict": False},
    "allowed": {"allow_missing": ["other.*", re.compile("^x", re.IGNORECASE)], "ignore_mismatched_sizes": True},
    "field": {"width": 4, "smoothing": 0.5, "tags": ("a",)},
    "argument of the constructor": {"shift": 3},
    "several": {"dtype": "float16", "shift": 2, "depth": 2, "strict": False, "output_loading_info": True},
    "copies": {"read": "copy", "use_safetensors": None},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("positional", [(), (2,)], ids=["by name", "by position"])
def test_suggested_call_keeps_all_that_the_caller_passed(tmp_path, model, options, positional):
    """It loads with the same dtype, fields, permissions and arguments."""
    with pytest.raises(WeightsNotFoundError) as caught:
        Scaled.from_pretrained(tmp_path, *positional, **options)
    (code,) = suggested_by(caught.value)
    loaded = pasted(code, Scaled)
    if options.get("output_loading_info"):
        loaded, report = loaded
        assert isinstance(report, LoadReport)
    dtypes = {"float16": torch.float16, "bfloat16": torch.bfloat16, None: torch.float32}
    asked = options.get("dtype") or options.get("torch_dtype")
    assert same_state(loaded, model.to(dtypes.get(asked, asked)))
    assert loaded.scaling == (positional[0] if positional else 1, options.get("shift", 0))
    assert (loaded.config.smoothing, loaded.config.tags) == (options.get("smoothing", 0.0), options.get("tags", ()))


def test_suggested_call_keeps_a_subfolder_and_a_config(tmp_path, model):
    """A path is given as it is; where the caller has an object, dots stand for it."""
    NotedConfig(num_labels=10).save_pretrained(tmp_path / "config")
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "last.ckpt").rename(tmp_path / "run" / "best" / "last.ckpt")
    options = {"subfolder": "best", "dtype": "float64"}
    with pytest.raises(WeightsNotFoundError) as caught:
        Scaled.from_pretrained(tmp_path / "run", config=tmp_path / "config", **options)
    (code,) = suggested_by(caught.value)
    assert "subfolder='best'" in code
    assert same_state(pasted(code, Scaled), model.double())
    with pytest.raises(WeightsNotFoundError, match=r"config=\.\.\.") as caught:
        Scaled.from_pretrained(tmp_path / "run", config=NotedConfig(), **options)
    (code,) = suggested_by(caught.value)
    assert same_state(pasted(code.replace("config=...", "config=NotedConfig(num_labels=7)"), Scaled), model.double())


def test_suggested_call_names_the_fields_in_which_a_config_of_the_checkpoint_was_changed(tmp_path, model):
    """As by the Auto classes, which pass the config of the checkpoint with the fields that the caller gave."""
    with pytest.raises(WeightsNotFoundError) as caught:
        Scaled.from_pretrained(tmp_path, config=NotedConfig.from_pretrained(tmp_path, smoothing=0.5))
    (code,) = suggested_by(caught.value)
    assert "config=" not in code
    loaded = pasted(code, Scaled)
    assert loaded.config.smoothing == 0.5
    assert same_state(loaded, model)


def test_suggested_call_leaves_out_a_renaming_that_makes_matters_worse(tmp_path):
    """The rest of the call stays."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError) as caught:
        TinyModel.from_pretrained(tmp_path, key_mapping={"layers": "blocks"}, dtype="float64")
    (code,) = suggested_by(caught.value)
    assert same_state(pasted(code, TinyModel), model.double())


class PairConfig(PretrainedConfig):
    """A config with a part."""

    model_type = "suggested-pair"
    sub_configs = {"image": TinyConfig}  # noqa: RUF012 - as authors write it

    def __init__(self, image=None, **kwargs):
        self.image = image or TinyConfig()
        super().__init__(**kwargs)


class PairModel(PreTrainedModel):
    """A model with a part."""

    config_class = PairConfig

    def __init__(self, config):
        super().__init__(config)
        self.image = TinyModel(config.image)
        self.head = nn.Linear(config.image.width, 2)


def test_suggested_call_adds_a_field_to_a_part_that_the_caller_gave_other_fields_of(tmp_path):
    """Both stay."""
    model = fill_randomly(PairModel(PairConfig(image={"width": 6, "depth": 5})))
    PairConfig().save_pretrained(tmp_path)
    torch.save(wrapped(model.state_dict()), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError) as caught:
        PairModel.from_pretrained(tmp_path, image={"width": 6})
    (code,) = suggested_by(caught.value)
    assert same_state(pasted(code, PairModel), model)


def test_suggested_call_sets_all_fields_of_a_part(tmp_path):
    """A size and a number of layers, beside what the caller gave: a dtype."""
    model = fill_randomly(PairModel(PairConfig(image={"width": 6, "depth": 5})))
    PairConfig().save_pretrained(tmp_path)
    torch.save(wrapped(model.state_dict()), tmp_path / "last.ckpt")
    with pytest.raises(WeightsNotFoundError) as caught:
        PairModel.from_pretrained(tmp_path, image={"dtype": torch.float16})
    (code,) = suggested_by(caught.value)
    loaded = pasted(code, PairModel)
    assert same_state(loaded, model)
    assert loaded.config.image.dtype == "float16"


@pytest.mark.usefixtures("model")
def test_suggested_call_stays_short(tmp_path):
    """Dots stand for what has too much to be read."""
    with pytest.raises(WeightsNotFoundError) as caught:
        Scaled.from_pretrained(tmp_path, tags=tuple(range(1000)))
    (code,) = suggested_by(caught.value)
    assert "tags=..." in code


@pytest.mark.usefixtures("model")
def test_suggested_call_names_numbers_that_have_no_literal(tmp_path):
    """Infinity is a call in Python."""
    with pytest.raises(WeightsNotFoundError) as caught:
        Scaled.from_pretrained(tmp_path, smoothing=float("inf"))
    (code,) = suggested_by(caught.value)
    assert pasted(code, Scaled).config.smoothing == float("inf")


@pytest.mark.usefixtures("model")
def test_config_that_cannot_be_compared_does_not_hide_the_error(tmp_path):
    """Dots stand for it in the suggested call."""

    class Unwritable(NotedConfig):
        def to_dict(self):
            if self.smoothing:
                raise RuntimeError("unwritable")
            return super().to_dict()

    class Other(Scaled):
        config_class = Unwritable

    config = Unwritable.from_pretrained(tmp_path)
    config.smoothing = 1.0
    with pytest.raises(WeightsNotFoundError, match=r"config=\.\.\."):
        Other.from_pretrained(tmp_path, config=config)


# Without a config


@pytest.mark.parametrize("filename", ["last.ckpt", "pytorch_model.bin", "best.safetensors", "model.safetensors"])
@pytest.mark.parametrize("named", [False, True], ids=["folder", "file"])
def test_folder_without_a_config_is_loaded_by_the_code_of_one_error(tmp_path, filename, named):
    """With the key, the renaming, the number of classes and of layers, and all that the caller passed."""
    model = fill_randomly(Scaled(NotedConfig(num_labels=7, depth=3)))
    content = wrapped(model.state_dict())
    if filename.endswith(".safetensors"):
        safetensors.torch.save_file(content["state_dict"], tmp_path / filename)
    else:
        torch.save(content, tmp_path / filename)
    is_named = named and filename in {"last.ckpt", "best.safetensors"}
    source = tmp_path / filename if is_named else tmp_path
    with pytest.raises(FileNotFoundError, match=r"has no file 'config\.json'.* [Pp]ass ") as caught:
        Scaled.from_pretrained(source, dtype="float64", shift=4)
    (code,) = suggested_by(caught.value)
    assert "config=NotedConfig()" in code
    loaded = pasted(code, Scaled)
    assert same_state(loaded, model.double())
    assert loaded.scaling == (1, 4)


def test_folder_without_a_config_keeps_the_fields_that_the_caller_passed(tmp_path):
    """They are fields of the config that is suggested."""
    model = fill_randomly(TinyModel(TinyConfig(width=6)))
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(FileNotFoundError) as caught:
        TinyModel.from_pretrained(tmp_path, width=6)
    (code,) = suggested_by(caught.value)
    assert same_state(pasted(code, TinyModel), model)
