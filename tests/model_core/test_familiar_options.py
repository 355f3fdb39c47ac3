"""Options that users know from transformers and that are none here: explained, or ignored if they ask for nothing."""

from __future__ import annotations

import inspect

import pytest
import torch

from config_core import UnknownOptionError
from model_core import ArgumentError
from model_core.familiar_options import SAVE_OPTIONS
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state


class Lenient(TinyModel):
    """A model whose constructor takes anything."""

    def __init__(self, config, **kwargs):
        super().__init__(config)
        self.kwargs = kwargs


@pytest.fixture
def saved(tmp_path):
    """A folder with a tiny model."""
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(tmp_path)
    return tmp_path


# Loads: each with what asks for something, and with what does not.
LOADS = {
    "use_auth_token": ("hf_secret", [None, False], "Pass token="),
    "proxies": ({"https": "x"}, [None, {}], "HTTPS_PROXY"),
    "mirror": ("tuna", [None], "HF_ENDPOINT"),
    "resume_download": (None, [None, True, False], ""),
    "_commit_hash": ("abc", [None], "revision="),
    "_from_auto": (None, [True, False], ""),
    "_from_pipeline": (None, ["text-generation"], ""),
    "_fast_init": (None, [True, False], ""),
    "low_cpu_mem_usage": (None, [True, False], ""),
    "offload_state_dict": (None, [True, False], ""),
    "weights_only": (False, [None, True], "nothing but weights"),
    "disable_mmap": (True, [None, False], "read='copy'"),
    "device_map": ("auto", [None], "device='cuda'"),
    "max_memory": ({0: "1GB"}, [None], "device='cuda'"),
    "load_in_8bit": (True, [None, False], "never quantised"),
    "load_in_4bit": (True, [None, False], "never quantised"),
    "quantization_config": ({"bits": 4}, [None], "never quantised"),
    "gguf_file": ("x.gguf", [None], "GGUF|format"),
    "from_tf": (True, [None, False], "safetensors"),
    "from_flax": (True, [None, False], "safetensors"),
    "tp_plan": ("auto", [None], "after loading"),
    "device_mesh": (1, [None], "after loading"),
    "attn_implementation": ("flash_attention_2", [None, "eager"], "config field"),
    "experts_implementation": ("grouped_mm", [None, "eager"], "config field"),
    "use_flash_attention_2": (True, [None, False], "config field"),
    "use_kernels": (True, [None, False], "kernels in the model"),
    "allow_all_kernels": (True, [None, False], "kernels in the model"),
    "kernel_config": ({"x": 1}, [None], "kernels in the model"),
    "fusion_config": ({"x": True}, [None, {}], "Fuse"),
    "adapter_kwargs": ({"revision": "x"}, [None, {}], "PeftModel"),
    "adapter_name": ("mine", [None, "default"], "PeftModel"),
    "generation_config": ({}, [None], "generates"),
    "tqdm_class": (int, [None], "Leave it out"),
    "return_unused_kwargs": (True, [None, False], "configs"),
}


@pytest.mark.parametrize("model_class", [TinyModel, Lenient])
@pytest.mark.parametrize("config", [None, TinyConfig()], ids=["own config", "given config"])
@pytest.mark.parametrize("name", LOADS)
def test_option_of_a_load_is_explained_or_asks_for_nothing(saved, model_class, config, name):
    """The author's constructor never sees it, whether it would complain or not."""
    wrong, harmless, advice = LOADS[name]
    for value in harmless:
        loaded = model_class.from_pretrained(saved, config=config, **{name: value})
        assert getattr(loaded, "kwargs", {}) == {}
    if wrong is not None:
        with pytest.raises(
            ArgumentError, match=rf"^{name}=.* is not supported\. In transformers, .*({advice})"
        ) as caught:
            model_class.from_pretrained(saved, config=config, **{name: wrong})
        assert isinstance(caught.value, TypeError)
        assert "hf_secret" not in str(caught.value)


DEVICES = {
    "cpu": "'cpu'",
    "cuda:1": "'cuda:1'",
    0: "0",
    torch.device("cpu"): "'cpu'",
    "auto": "'cuda'",
    "sequential": "'cuda'",
}


@pytest.mark.parametrize("given", DEVICES)
@pytest.mark.parametrize("wrap", [lambda device: device, lambda device: {"": device}], ids=["whole", "dict"])
def test_device_map_of_one_device_is_told_that_device(saved, given, wrap):
    """Not another one than was asked for."""
    with pytest.raises(ArgumentError, match=rf"device_map=.* Pass device={DEVICES[given]}"):
        TinyModel.from_pretrained(saved, device_map=wrap(given))


def test_device_map_of_several_devices_is_told_how_to_use_one(saved):
    """None of them is the one that was asked for."""
    with pytest.raises(ArgumentError, match="Pass device='cuda' to move the whole model"):
        TinyModel.from_pretrained(saved, device_map={"layers.0": "cpu", "layers.1": 0})


@pytest.mark.parametrize("wrap", [str, torch.device, lambda device: {"": device}], ids=["text", "device", "dict"])
def test_device_map_without_values_is_told_how_to_make_a_model_without_them(saved, wrap):
    """`device="meta"` would be the next error."""
    with pytest.raises(ArgumentError, match=r"device_map=.* Create the model in `with torch.device\('meta'\)`"):
        TinyModel.from_pretrained(saved, device_map=wrap("meta"))


def test_option_of_the_hub_is_refused_before_the_hub_is_asked():
    """Otherwise a private repository would be reported as missing."""
    with pytest.raises(ArgumentError, match="earlier name of token"):
        TinyModel.from_pretrained("owner/name", use_auth_token="hf_x")


@pytest.mark.parametrize(
    "name", ["revision", "token", "cache_dir", "force_download", "attn_implementation", "device_map", "load_in_8bit"]
)
def test_option_of_a_new_model_is_explained(name):
    """Creating a model downloads nothing."""
    with pytest.raises(ArgumentError, match=f"^{name}=.* is not supported"):
        TinyModel._from_config(TinyConfig(), **{name: "x"})
    assert TinyModel._from_config(TinyConfig(), **{name: None})


def test_dtype_wins_over_torch_dtype(saved):
    """As in transformers, in loads and in new models."""
    loaded = TinyModel.from_pretrained(saved, dtype="float16", torch_dtype="float64")
    assert loaded.dtype is torch.float16
    assert TinyModel.from_pretrained(saved, torch_dtype="float64").dtype is torch.float64
    assert TinyModel._from_config(TinyConfig(), dtype="float16", torch_dtype="float64").dtype is torch.float16


DTYPES = {
    "fp16": "float16",
    "FP16": "float16",
    "f16": "float16",
    "16": "float16",
    16: "float16",
    "16-mixed": "float16",
    "bf16": "bfloat16",
    "bf16-mixed": "bfloat16",
    "bf16-true": "bfloat16",
    "fp32": "float32",
    "torch.fp32": "float32",
    "f64": "float64",
    "flaot16": "float16",
    "bfloat": "bfloat16",
    type("float16", (), {}): "float16",  # as numpy has it
}


@pytest.mark.parametrize("given", DTYPES, ids=str)
def test_dtype_of_another_spelling_gets_its_name(saved, given):
    """As other libraries write it."""
    with pytest.raises(ArgumentError, match=rf"^dtype must be .* Did you mean '{DTYPES[given]}'\?$"):
        TinyModel.from_pretrained(saved, dtype=given)


@pytest.mark.parametrize("given", ["half", "float", "double", "torch.half", torch.half])
def test_short_name_that_torch_has_for_a_dtype_is_one(saved, given):
    """It is an attribute of torch as well."""
    assert TinyModel.from_pretrained(saved, dtype=given).dtype.is_floating_point


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("int8", "never quantised"),
        (torch.int8, "never quantised"),
        ("nf4", "never quantised"),
        ({"": "float16"}, "parts"),
    ],
    ids=str,
)
def test_dtype_that_no_load_converts_to_says_what_to_do(saved, given, remedy):
    """Quantisation and a dtype for each part are other steps."""
    with pytest.raises(ArgumentError, match=rf"^dtype must be .*{remedy}"):
        TinyModel.from_pretrained(saved, dtype=given)


def test_dtype_of_a_config_that_is_no_name_is_refused_by_a_new_model():
    """Otherwise the model would be in float32 without a word."""
    with pytest.raises(ArgumentError, match="Did you mean 'bfloat16'"):
        TinyModel._from_config(TinyConfig(dtype="bf16"))


@pytest.mark.parametrize("given", ["gpu", "auto"])
def test_device_of_another_library_gets_a_name(saved, given):
    """No device of torch has this name."""
    with pytest.raises(ArgumentError, match=r"^device must be .* Did you mean 'cuda'\?"):
        TinyModel.from_pretrained(saved, device=given)


# Mistyped options


@pytest.mark.parametrize(
    ("typo", "option"),
    [
        ("revison", "revision"),
        ("allow_mising", "allow_missing"),
        ("sub_folder", "subfolder"),
        ("cachedir", "cache_dir"),
        ("ignore_mismatched_size", "ignore_mismatched_sizes"),
        ("local_file_only", "local_files_only"),
        ("widht", "width"),
        ("statedict", "state_dict"),
    ],
)
@pytest.mark.parametrize("config", [None, TinyConfig()], ids=["own config", "given config"])
def test_mistyped_option_gets_a_near_match(saved, typo, option, config):
    """Options of the load and fields of the config are candidates alike."""
    with pytest.raises(UnknownOptionError, match=f"^'{typo}' is neither .* Did you mean '{option}'"):
        TinyModel.from_pretrained(saved, config=config, **{typo: 1})
    with pytest.warns(UserWarning, match=f"'{typo}' is passed to the constructor.* Did you mean '{option}'"):
        Lenient.from_pretrained(saved, config=config, **{typo: 1})


def test_mistyped_option_is_no_near_match_of_itself(saved):
    """`model_type` is a name in every config, and none that a caller can set."""
    with pytest.raises(UnknownOptionError, match=r"argument of TinyModel\.$"):
        TinyModel.from_pretrained(saved, model_type="other")


def test_keyword_of_the_constructor_is_not_taken_for_a_typo(saved):
    """It is the constructor's own, however it is spelled."""

    class Own(Lenient):
        def __init__(self, config, revisions=0, **kwargs):
            super().__init__(config, **kwargs)
            self.revisions = revisions

    assert Own.from_pretrained(saved, revisions=3, quite_another=1).revisions == 3


# Saves

SAVES = {
    "save_function": (None, [None, torch.save]),
    "save_peft_format": (None, [True, False]),
    "save_original_format": (None, [True, False]),
    "distributed_checkpoint": (True, [None, False]),
    "save_config": (False, [None, True]),
    "safe_serialization": (False, [None, True]),
    "use_temp_dir": (None, [None, True, False]),
    "use_auth_token": ("hf_secret", [None, False]),
    "organization": ("me", [None]),
    "repo_url": ("https://x", [None]),
    "repo_path_or_name": ("x", [None]),
    "working_dir": ("x", [None]),
    "temp_dir": ("x", [None]),
    "blocking": (False, [None, True]),
}


def test_every_option_of_a_save_has_a_case():
    """An option that is added to the table gets a test with it."""
    assert SAVES.keys() == SAVE_OPTIONS.keys()


@pytest.mark.parametrize("name", SAVES)
def test_option_of_a_save_is_explained_or_asks_for_nothing(tmp_path, name):
    """The call of accelerate's page, with save_function=accelerator.save, works."""
    wrong, harmless = SAVES[name]
    model = fill_randomly(TinyModel(TinyConfig()))
    for value in harmless:
        model.save_pretrained(tmp_path / "right", **{name: value})
        assert same_state(TinyModel.from_pretrained(tmp_path / "right"), model)
    if wrong is not None:
        for call in (
            lambda: model.save_pretrained(tmp_path / "wrong", **{name: wrong}),
            lambda: model.push_to_hub("owner/name", **{name: wrong}),
        ):
            with pytest.raises(ArgumentError, match=f"^{name}=.* is not supported") as caught:
                call()
            assert "hf_secret" not in str(caught.value)
        assert not (tmp_path / "wrong").exists()


@pytest.mark.parametrize("given", [{"token": None}, {"create_pr": False}, {"tags": []}, {"private": None}])
def test_option_of_a_push_that_asks_for_nothing_is_accepted_without_one(tmp_path, given):
    """Programs pass their own defaults on."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path, **given)
    TinyConfig().save_pretrained(tmp_path, **given)


@pytest.mark.parametrize("saves", [TinyModel(TinyConfig()), TinyConfig()], ids=["model", "config"])
def test_mistyped_option_of_a_save_gets_a_near_match(tmp_path, saves):
    """With a push and without one, before anything is written."""
    with pytest.raises(UnknownOptionError, match=r"no option 'comit_message' without .* Did you mean 'commit_message'"):
        saves.save_pretrained(tmp_path / "saved", comit_message="x")
    assert not (tmp_path / "saved").exists()
    with pytest.raises(UnknownOptionError, match=r"no option 'comit_message'.* Did you mean 'commit_message'"):
        saves.push_to_hub("owner/name", comit_message="x")


@pytest.mark.parametrize("saves", [TinyModel(TinyConfig()), TinyConfig()], ids=["model", "config"])
def test_repository_without_a_push_is_refused(tmp_path, saves):
    """Somebody who names one expects an upload."""
    with pytest.raises(UnknownOptionError, match="no option 'repo_id' without push_to_hub=True") as caught:
        saves.save_pretrained(tmp_path / "saved", repo_id="owner/name")
    assert caught.value.names == ("repo_id",)
    assert "Did you mean" not in str(caught.value)
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("config", [None, TinyConfig()], ids=["own config", "given config"])
@pytest.mark.parametrize(("name", "value"), [("trust_remote_code", True), ("code_revision", "v1")])
def test_trust_options_of_a_model_class_warn(saved, config, name, value):
    """Whether a config is given or not: a model class runs no code, so that there is nothing to allow."""
    with pytest.warns(UserWarning, match=f"{name} has no effect on Lenient.from_pretrained") as seen:
        loaded = Lenient.from_pretrained(saved, config=config, **{name: value})
    assert seen[0].filename == __file__
    assert loaded.kwargs == {}
    assert Lenient.from_pretrained(saved, config=config, **{name: None}).kwargs == {}


def test_trust_option_of_a_new_model_warns_of_the_method_that_was_called():
    """Nothing is loaded."""
    with pytest.warns(UserWarning, match=r"trust_remote_code has no effect on Lenient\._from_config") as seen:
        Lenient._from_config(Lenient.config_class(), trust_remote_code=True)
    assert seen[0].filename == __file__


# transformers itself, if it is there


def options_read_by(function):
    """Return the names that a function takes out of its keywords, and its parameters."""
    import ast
    import textwrap

    names = set(inspect.signature(function).parameters)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        is_pop = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "pop"
        if is_pop and isinstance(node.func.value, ast.Name) and node.func.value.id == "kwargs":
            names |= {argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)}
    return names - {"self", "cls", "args", "kwargs", "model_args"}


def test_no_option_of_transformers_is_a_bare_type_error(saved):
    """Every option that its `from_pretrained` and `save_pretrained` take is one of ours, or in the tables."""
    transformers = pytest.importorskip("transformers", reason="needs the dependency group `peers`")
    theirs = transformers.PreTrainedModel
    ours = set(inspect.signature(TinyModel.from_pretrained).parameters)
    unknown = options_read_by(theirs.from_pretrained) - ours - LOADS.keys()
    assert unknown <= {
        "torch_dtype",
        "trust_remote_code",
        "code_revision",
        "offload_folder",
        "offload_buffers",
        "tp_size",
        "distributed_config",
    }
    for name in unknown - {"torch_dtype"}:
        TinyModel.from_pretrained(saved, **{name: None})
    saves = {*inspect.signature(TinyModel.save_pretrained).parameters, "commit_message", "create_pr", "token"}
    assert options_read_by(theirs.save_pretrained) - saves <= SAVE_OPTIONS.keys()
