"""Weights are mapped from their files or copied; either way the model and its files are safe from each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import ArgumentError, PreTrainedModel, WeightsFileError, WeightsMismatchError
from model_core.loading._safetensors_file import map_file
from tiny_models import NormModel, TinyConfig, TinyModel, fill_randomly, same_state

READS = ["mmap", "copy"]
DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64),
    *(torch.uint16, torch.uint32, torch.uint64),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def saved(tmp_path):
    """A saved TinyModel of random values, and the model."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model", model


def run(program, *arguments):
    """Run a program in a process of its own; return what it prints."""
    support = next(path for path in sys.path if path.endswith("support"))
    # With the threshold fixed, glibc gives large memory back as soon as it is free, which the measurement needs.
    env = {**os.environ, "PYTHONPATH": support, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=env, check=True, timeout=120, capture_output=True, text=True).stdout


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("max_shard_size", ["50GB", 100])
@pytest.mark.parametrize("model_class", [TinyModel, NormModel])
def test_both_ways_to_read_give_the_same_model(tmp_path, read, max_shard_size, model_class):
    """Whole files and shards."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path, max_shard_size=max_shard_size)
    assert same_state(model, model_class.from_pretrained(tmp_path, read=read))


@pytest.mark.parametrize("read", ["", "pread", None, True])
def test_other_ways_to_read_are_refused(saved, read):
    """The error says which there are."""
    with pytest.raises(ArgumentError, match="'mmap' or 'copy'"):
        TinyModel.from_pretrained(saved[0], read=read)


@pytest.mark.parametrize("read", READS)
def test_files_of_other_writers_are_read_exactly(tmp_path, read):
    """Every dtype, scalars, empty tensors, and tensors that begin at odd places, as safetensors itself reads them."""
    tensors = {"odd": torch.arange(3, dtype=torch.uint8)}
    for dtype in DTYPES:
        values = torch.randint(0, 2, (3, 5)).to(dtype)
        name = str(dtype).replace("torch.", "of_")
        tensors |= {name: values, f"{name}_scalar": values[0, 0].clone(), f"{name}_empty": values[:0].clone()}

    class Holder(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            for name, tensor in tensors.items():
                self.register_buffer(name, torch.zeros_like(tensor))

    TinyConfig().save_pretrained(tmp_path)
    save_file(tensors, tmp_path / "model.safetensors")
    expected = load_file(tmp_path / "model.safetensors")
    loaded = Holder.from_pretrained(tmp_path, read=read).state_dict()
    assert loaded.keys() == expected.keys()
    for name, tensor in loaded.items():
        assert (tensor.dtype, tensor.shape) == (expected[name].dtype, expected[name].shape), name
        assert torch.equal(tensor.reshape(-1).view(torch.uint8), expected[name].reshape(-1).view(torch.uint8)), name
        assert tensor.data_ptr() % tensor.dtype.itemsize == 0, name


@pytest.mark.parametrize("read", READS)
def test_each_tensor_is_memory_of_its_own(saved, read):
    """A tensor alone can be pickled or shared between processes without the rest of its file."""
    loaded = TinyModel.from_pretrained(saved[0], read=read)
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in loaded.state_dict().values())


def test_training_in_place_reaches_neither_the_files_nor_another_model(saved):
    """The mapping is private and copied on write."""
    folder, model = saved
    trained, other = TinyModel.from_pretrained(folder), TinyModel.from_pretrained(folder)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(1)
    assert same_state(model, other)
    assert same_state(model, TinyModel.from_pretrained(folder))
    assert not same_state(model, trained)


def test_trained_model_is_saved_over_the_files_it_is_mapped_from(saved):
    """Partly trained: some tensors are the model's own by now, some still lie in the file that is replaced."""
    folder, _ = saved
    loaded = TinyModel.from_pretrained(folder)
    with torch.no_grad():
        loaded.layers[0].weight.add_(1)
    expected = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    for max_shard_size in ("50GB", 100, "50GB"):
        loaded.save_pretrained(folder, max_shard_size=max_shard_size)
        again = TinyModel.from_pretrained(folder).state_dict()
        assert all(torch.equal(again[name], tensor) for name, tensor in expected.items())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


def test_files_of_a_mapped_model_may_be_removed_or_replaced(saved):
    """What was mapped stays until the model goes."""
    folder, model = saved
    loaded = TinyModel.from_pretrained(folder)
    (folder / "new").write_bytes(b"something else")
    (folder / "new").replace(folder / "model.safetensors")
    assert same_state(model, loaded)
    shutil.rmtree(folder)
    assert same_state(model, loaded)


def test_copied_weights_survive_whatever_happens_to_the_file(saved):
    """Overwritten in place, and cut off: what would change or kill a mapped model."""
    folder, model = saved
    loaded = TinyModel.from_pretrained(folder, read="copy")
    path = folder / "model.safetensors"
    with path.open("r+b") as file:
        file.write(b"\0" * path.stat().st_size)
        file.truncate(1)
    assert same_state(model, loaded)


@linux
@pytest.mark.parametrize("read", READS)
def test_loaded_model_keeps_no_file_open(saved, read):
    """A checkpoint of a thousand shards must not use up what a process may open."""
    folder, _ = saved
    loaded = TinyModel.from_pretrained(folder, read=read)
    links = [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    assert isinstance(loaded, TinyModel)
    assert not [link for link in links if link.startswith(str(folder))]


MEASURE = """
import sys
from tiny_models import TinyModel

def kilobytes(field):
    lines = open("/proc/self/smaps_rollup", encoding="ascii").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))

warm, folder = sys.argv[1:]
for read, dtype in [("mmap", "auto"), ("copy", "auto"), ("mmap", "bfloat16")]:
    TinyModel.from_pretrained(warm, read=read, dtype=dtype)
    before = kilobytes("Anonymous:")
    model = TinyModel.from_pretrained(folder, read=read, dtype=dtype)
    print((kilobytes("Anonymous:") - before) * 1024 / model.get_memory_footprint())
    del model
"""


@linux
def test_memory_of_a_load(saved, tmp_path):
    """A mapped load takes next to none of its own; a copy, or a conversion, takes what the model is and no more."""
    TinyModel(TinyConfig(width=2048, depth=4)).save_pretrained(tmp_path / "large")
    mapped, copied, converted = map(float, run(MEASURE, saved[0], tmp_path / "large").split())
    assert mapped < 0.01
    assert copied == pytest.approx(1, abs=0.05)
    assert converted == pytest.approx(1, abs=0.05)


@linux
def test_file_that_cannot_be_mapped_is_no_error():
    """Some file systems know no mapping; the weights are read then."""
    assert map_file(Path("/proc/version"), 8) is None


@pytest.mark.parametrize("read", READS)
def test_file_that_became_shorter_after_its_header_was_read_is_named(saved, read):
    """It is noticed before anything lies beyond its end."""
    path = saved[0] / "model.safetensors"

    class Truncating(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            os.truncate(path, 200)

    with pytest.raises(WeightsFileError, match=r"model\.safetensors: it cannot be read, or changed during the load"):
        Truncating.from_pretrained(saved[0], read=read)


@pytest.mark.parametrize("read", READS)
def test_legacy_files_are_read_both_ways(tmp_path, read):
    """A pickle of today is mapped as well."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    loaded = TinyModel.from_pretrained(tmp_path, read=read)
    fill_randomly(loaded)
    assert same_state(model, TinyModel.from_pretrained(tmp_path, read=read))


def test_legacy_file_of_before_archives_is_read(tmp_path):
    """Torch cannot map what it wrote before version 1.6."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


class Watched(torch.Tensor):
    """A tensor that tells when its values are asked for."""

    calls: list[str] = []  # noqa: RUF012 - shared by all on purpose

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


def test_no_value_is_read_before_everything_is_known_to_fit():
    """The plan needs names, shapes, dtypes and whether there is memory."""
    state = {name: tensor.as_subclass(Watched) for name, tensor in TinyModel(TinyConfig()).state_dict().items()}
    Watched.calls.clear()
    with pytest.raises(WeightsMismatchError):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict={**state, "other": torch.zeros(1)})
    assert set(Watched.calls) <= {"__get__", "untyped_storage"}
    TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state)
    assert "clone" in Watched.calls


def test_missing_file_is_found_before_anything_is_constructed(tmp_path):
    """An expensive constructor does not run for nothing."""
    constructions = []

    class Model(TinyModel):
        def __init__(self, config):
            constructions.append(config)
            super().__init__(config)

    Model(TinyConfig()).save_pretrained(tmp_path, max_shard_size=100)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    constructions.clear()
    with pytest.raises(FileNotFoundError):
        Model.from_pretrained(tmp_path)
    assert not constructions


class Deep(PreTrainedModel):
    """Layers of several kinds, in which a difference in the last bit grows."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.Sequential(
            *(nn.Linear(config.width, config.width) for _ in range(8)), nn.LayerNorm(config.width)
        )

    def forward(self, inputs):
        return self.layers(inputs)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("width", [7, 61, 64])
def test_outputs_are_equal_bit_for_bit(tmp_path, read, width):
    """Whatever the sizes, a loaded model computes what the saved one computed."""
    model = Deep(TinyConfig(width=width)).eval()
    model.save_pretrained(tmp_path)
    inputs = torch.randn(5, width)
    assert torch.equal(model(inputs), Deep.from_pretrained(tmp_path, read=read)(inputs))


@pytest.mark.parametrize("read", READS)
def test_file_that_is_replaced_while_the_model_is_made_is_an_error(tmp_path, read):
    """The header that was read would put its tensors at the places of others."""

    class Slow(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            if other.exists():
                other.replace(tmp_path / "model.safetensors")

    other = tmp_path / "other.safetensors"
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    save_file({name: tensor + 1 for name, tensor in load_file(tmp_path / "model.safetensors").items()}, other)
    with pytest.raises(WeightsFileError, match="it was replaced by another file"):
        Slow.from_pretrained(tmp_path, read=read)


@pytest.mark.parametrize("source", ["pytorch_model.bin", "state_dict"])
def test_parameters_keep_the_models_order_in_memory(tmp_path, source):
    """A checkpoint that was converted by transposing, or repeats a value by a stride of 0, does not change it."""

    class Model(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.weight = nn.Parameter(torch.zeros(3, 5))
            self.bias = nn.Parameter(torch.zeros(4))

    config = TinyConfig()
    config.save_pretrained(tmp_path)
    values = {"weight": torch.randn(5, 3).t(), "bias": torch.ones(1).expand(4)}
    torch.save(values, tmp_path / "pytorch_model.bin")
    if source == "state_dict":
        model = Model.from_pretrained(None, config=config, state_dict=values)
    else:
        model = Model.from_pretrained(tmp_path)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in values.items())
    assert (model.weight.stride(), model.bias.stride()) == ((5, 1), (1,))


@pytest.mark.parametrize("read", READS)
def test_files_are_read_on_the_cpu_whatever_the_default_device_is(tmp_path, read):
    """The model says where its tensors are; an empty one among them has nothing to be mapped."""

    class Model(TinyModel):
        def __init__(self, config):
            with torch.device("cpu"):
                super().__init__(config)
                self.empty = nn.Parameter(torch.empty(0, 3))

    model = fill_randomly(Model(TinyConfig()))
    model.save_pretrained(tmp_path)
    with torch.device("meta"):
        loaded = Model.from_pretrained(tmp_path, read=read)
    assert same_state(model, loaded)
