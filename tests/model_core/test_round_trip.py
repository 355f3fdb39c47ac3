"""What is saved comes back: bit for bit, in one file or in many, whatever lay in the folder before."""

from __future__ import annotations

import copy
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from config_core import FolderCheckpoint, SaveError
from model_core import ArgumentError, PreTrainedModel, UnsavableTensorError
from tiny_models import HeadModel, NormModel, TinyConfig, TinyModel, fill_randomly, same_state


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("model_class", [TinyModel, NormModel, HeadModel])
def test_model_comes_back_bit_for_bit(tmp_path, model_class):
    """Every parameter and buffer that is saved is loaded with the very same bits."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, model_class.from_pretrained(tmp_path))


def test_outputs_are_equal_in_another_process(tmp_path):
    """A fresh process computes the same logits, bit for bit."""
    model = fill_randomly(HeadModel(TinyConfig())).eval()
    inputs = torch.randn(3, 4)
    torch.save({"inputs": inputs, "outputs": model(inputs)}, tmp_path / "expected.pt")
    model.save_pretrained(tmp_path / "model")
    program = (
        "import torch; from tiny_models import HeadModel\n"
        "expected = torch.load('expected.pt', weights_only=True)\n"
        "assert torch.equal(HeadModel.from_pretrained('model')(expected['inputs']), expected['outputs'])\n"
    )
    support = next(path for path in sys.path if path.endswith("support"))
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": support}, check=True, timeout=120)


def test_loaded_model_is_in_evaluation_mode(tmp_path):
    """Dropout and batch statistics must not surprise whoever loads to predict."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    assert not TinyModel.from_pretrained(tmp_path).training
    assert TinyModel(TinyConfig()).training


def test_config_comes_with_the_model(tmp_path):
    """The config is the saved one, and knows where it came from."""
    TinyModel(TinyConfig(width=7)).save_pretrained(tmp_path)
    loaded = TinyModel.from_pretrained(tmp_path)
    assert (loaded.config.width, loaded.config.architectures, loaded.config.dtype) == (7, ["TinyModel"], "float32")
    assert loaded.name_or_path == str(tmp_path)


def test_file_says_that_it_holds_torch_tensors(tmp_path):
    """Other readers of safetensors look for the format in its metadata."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.metadata()["format"] == "pt"


def test_files_are_readable_by_whom_the_umask_allows(tmp_path):
    """The writer of weights makes files private whatever the umask; ours are as other new files."""
    (tmp_path / "other").touch()
    TinyModel(TinyConfig()).save_pretrained(tmp_path / "model")
    expected = stat.S_IMODE((tmp_path / "other").stat().st_mode)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "model").iterdir()} == {expected}


def test_shards_follow_the_index_of_transformers(tmp_path):
    """Names, total size and weight map are what other programs read."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path, max_shard_size=100)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert names(tmp_path) == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    assert index["metadata"]["total_size"] == 2 * (16 + 4) * 4
    assert index["weight_map"].keys() == model.state_dict().keys()
    assert set(index["weight_map"].values()) == {name for name in names(tmp_path) if name.endswith(".safetensors")}


def test_tensor_larger_than_a_shard_gets_its_own(tmp_path):
    """The limit never splits a tensor."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path, max_shard_size=1)
    assert len(list(tmp_path.glob("model-*-of-00004.safetensors"))) == 4
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


@pytest.mark.parametrize(("before", "after"), [("50GB", 100), (100, "50GB"), (1, 100)])
def test_earlier_layout_leaves_nothing_behind(tmp_path, before, after):
    """A single file over shards, shards over a single file, and fewer shards: only the new weights are there."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path / "fresh", max_shard_size=after)
    model.save_pretrained(tmp_path / "again", max_shard_size=before)
    fill_randomly(model).save_pretrained(tmp_path / "again", max_shard_size=after)
    assert names(tmp_path / "again") == names(tmp_path / "fresh")
    assert same_state(model, TinyModel.from_pretrained(tmp_path / "again"))


def test_files_that_are_not_ours_stay(tmp_path):
    """A README, another variant and another library's weights are nobody's stale files."""
    others = ["README.md", "model.fp16.safetensors", "adapter_model.safetensors", "model-best.safetensors"]
    for name in others:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in others} == dict.fromkeys(others, "mine")


class WordsConfig(TinyConfig):
    """A config that writes one more file."""

    model_type = "tiny_with_words"

    def save_pretrained(self, save_directory, **options):
        """Write the config and the words."""
        super().save_pretrained(save_directory, **options)
        (Path(save_directory) / "words.txt").write_text("one two", encoding="utf-8")


class WordsModel(TinyModel):
    config_class = WordsConfig


def test_overridden_save_pretrained_of_a_config_is_called(tmp_path):
    """As in transformers; what it writes is part of the same step, and what the model knows of its config stays."""
    WordsModel(WordsConfig()).save_pretrained(tmp_path)
    assert names(tmp_path) == ["config.json", "model.safetensors", "words.txt"]
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["architectures"] == ["WordsModel"]


def test_variant_is_saved_and_loaded_beside_the_others(tmp_path):
    """`variant` names another set of weights in the same folder, single or sharded."""
    plain, other = fill_randomly(TinyModel(TinyConfig())), fill_randomly(TinyModel(TinyConfig()))
    plain.save_pretrained(tmp_path)
    other.save_pretrained(tmp_path, variant="fp16", max_shard_size=100)
    assert "model.fp16-00001-of-00002.safetensors" in names(tmp_path)
    assert "model.safetensors.index.fp16.json" in names(tmp_path)
    assert same_state(plain, TinyModel.from_pretrained(tmp_path))
    assert same_state(other, TinyModel.from_pretrained(tmp_path, variant="fp16"))


def test_saving_changes_neither_model_nor_config_nor_state_dict(tmp_path):
    """In transformers the given state dict is emptied, and the live config written to."""
    model = TinyModel(TinyConfig())
    state_dict = dict(fill_randomly(copy.deepcopy(model)).state_dict())
    before = (dict(state_dict), model.config.to_dict(), model.config.architectures, copy.deepcopy(model.state_dict()))
    model.save_pretrained(tmp_path, state_dict=state_dict, max_shard_size=100)
    assert state_dict.keys() == before[0].keys()
    assert (model.config.to_dict(), model.config.architectures) == before[1:3]
    assert all(torch.equal(tensor, before[3][name]) for name, tensor in model.state_dict().items())
    loaded = TinyModel.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state_dict.items())


class OddModel(PreTrainedModel):
    """Layers whose sizes are no multiples of anything, of every dtype that has a name."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.Sequential(nn.Linear(37, 61), nn.ReLU(), nn.Linear(61, 64), nn.ReLU(), nn.Linear(64, 129))
        for dtype in (torch.bool, torch.uint8, torch.int16, torch.int64, torch.complex64, torch.float8_e4m3fn):
            self.register_buffer(f"of_{str(dtype).partition('.')[2]}", torch.ones(3).to(dtype))
        self.register_buffer("scalar", torch.tensor(2.5))
        self.register_buffer("nothing", torch.zeros(0, 3))

    def forward(self, inputs):
        return self.layers(inputs)


@pytest.mark.parametrize("max_shard_size", ["50GB", 3000])
def test_tensors_of_every_size_and_dtype_come_back(tmp_path, max_shard_size):
    """Scalars and empty tensors included; safetensors' own reader agrees."""
    model = OddModel(TinyConfig())
    model.save_pretrained(tmp_path, max_shard_size=max_shard_size)
    assert same_state(model, OddModel.from_pretrained(tmp_path))
    loaded = {}
    for path in tmp_path.glob("*.safetensors"):
        loaded |= load_file(path)
    assert loaded.keys() == model.state_dict().keys()
    assert all(torch.equal(loaded[name].view(tensor.dtype), tensor) for name, tensor in model.state_dict().items())


def test_loaded_tensors_begin_where_torchs_own_memory_begins(tmp_path):
    """Kernels round by alignment: an unaligned mapping gives other last bits than the model gave before the save."""
    OddModel(TinyConfig()).save_pretrained(tmp_path)
    assert {tensor.data_ptr() % 64 for tensor in OddModel.from_pretrained(tmp_path).state_dict().values()} == {0}


def test_tensors_in_any_memory_order_are_saved(tmp_path):
    """A file wants contiguous memory; the model keeps its own order, before and after."""
    model = fill_randomly(NormModel(TinyConfig(width=8)).to(memory_format=torch.channels_last))
    model.save_pretrained(tmp_path)
    assert model.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert same_state(model, NormModel.from_pretrained(tmp_path))


class ChannelsLastModel(NormModel):
    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv2d(3, config.width, 3).to(memory_format=torch.channels_last)


def test_memory_order_of_the_constructor_is_kept_on_load(tmp_path):
    """A model that is built channels last is channels last after loading."""
    model = fill_randomly(ChannelsLastModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded = ChannelsLastModel.from_pretrained(tmp_path)
    assert same_state(model, loaded)
    assert loaded.conv.weight.stride() == model.conv.weight.stride()


def test_only_the_main_process_writes(tmp_path):
    """The other processes of a distributed program call save as well."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path / "model", is_main_process=False)
    assert not (tmp_path / "model").exists()


def test_opened_checkpoint_is_a_source(tmp_path):
    """The Auto classes open a checkpoint once and pass it on."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path / "sub")
    assert same_state(model, TinyModel.from_pretrained(FolderCheckpoint(tmp_path, subfolder="sub")))
    assert same_state(model, TinyModel.from_pretrained(tmp_path, subfolder="sub"))


def test_sharded_legacy_files_are_loaded(tmp_path):
    """Their index is read as that of safetensors is."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    shards = {"pytorch_model-00001-of-00002.bin": "layers.0", "pytorch_model-00002-of-00002.bin": "layers.1"}
    weight_map = {}
    for filename, layer in shards.items():
        state_dict = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(layer)}
        torch.save(state_dict, tmp_path / filename)
        weight_map |= dict.fromkeys(state_dict, filename)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


def test_safetensors_go_before_a_legacy_file(tmp_path):
    """Where both are there, the pickle is not even opened."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not a pickle")
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


def test_names_to_ignore_are_not_saved(tmp_path):
    """`_keys_to_ignore_on_save` keeps tensors that the constructor makes out of the file."""

    class Model(NormModel):
        _keys_to_ignore_on_save = ("table",)
        _keys_to_ignore_on_load_missing = (r"^table$",)

    Model(TinyConfig()).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert "table" not in file.keys()  # noqa: SIM118 - a safe_open is no mapping
    assert torch.equal(Model.from_pretrained(tmp_path).table, torch.linspace(0, 1, 4))


@pytest.mark.parametrize("size", ["5TO", "", "-1GB", "many", 0, -5, True, 1.5, None])
def test_shard_size_that_is_none_is_refused_before_anything_is_written(tmp_path, size):
    """In transformers, config.json has been replaced when the size is looked at."""
    with pytest.raises(ArgumentError, match="max_shard_size"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "model", max_shard_size=size)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("size", [80, "80", "80B", "0.08KB", "0.08 kb"])
def test_shard_size_is_bytes_or_has_a_unit(tmp_path, size):
    """Numbers, and numbers with units in any case."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path, max_shard_size=size)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


@pytest.mark.parametrize("variant", ["../x", "a/b", ""])
def test_variant_that_is_no_part_of_a_name_is_refused(tmp_path, variant):
    """It becomes part of a file name, so it cannot be a path."""
    with pytest.raises(ArgumentError, match="variant"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "model", variant=variant)
    assert not (tmp_path / "model").exists()


def test_saving_to_a_file_is_an_error(tmp_path):
    """An error and not a line in a log: the caller must not believe in a save that is none."""
    (tmp_path / "model").write_text("precious", encoding="utf-8")
    with pytest.raises(SaveError, match="is a file"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path / "model")
    assert (tmp_path / "model").read_text(encoding="utf-8") == "precious"


class SparseModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("graph", torch.eye(3).to_sparse())


@pytest.mark.parametrize("make", [lambda: SparseModel(TinyConfig()), lambda: TinyModel(TinyConfig()).to("meta")])
def test_tensor_without_a_form_in_safetensors_is_named_and_nothing_is_written(tmp_path, make):
    """Sparse tensors and tensors without values cannot be stored; what was there stays."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UnsavableTensorError, match=r"graph|layers\.0\.weight"):
        make().save_pretrained(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["__metadata__", "half a pair \ud800"])
def test_name_without_a_form_in_safetensors_is_an_error_and_nothing_is_written(tmp_path, name):
    """A file with such a name would be no safetensors file, for any reader."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UnsavableTensorError, match=r"is (the|a) name"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path, state_dict={name: torch.zeros(1)})
    assert contents(tmp_path) == before


def test_config_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path):
    """Config and weights are one step: an error in one is an error of the whole save."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path)
    before = contents(tmp_path)
    model.config.width = {1, 2}
    with pytest.raises(ValueError, match="width"):
        fill_randomly(model).save_pretrained(tmp_path, max_shard_size=100)
    assert contents(tmp_path) == before


def test_checkpoint_may_be_passed_by_the_keyword_of_transformers(tmp_path):
    """`pretrained_model_name_or_path` is the name that scripts pass it by."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, TinyModel.from_pretrained(pretrained_model_name_or_path=tmp_path))
