"""Files of weights that are damaged, absent or hostile. Each gets an error that names the file and what to do."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from config_core import CheckpointNotFoundError, UnsafeNameError
from model_core import ArgumentError, WeightsFileError, WeightsMismatchError, WeightsNotFoundError
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state
from valueless_tensors import HoldingTensor, fake, released

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = "model.safetensors.index.json"


@pytest.fixture
def single(tmp_path):
    """A saved model in one file."""
    folder = tmp_path / "single"
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(folder)
    return folder


@pytest.fixture
def sharded(tmp_path):
    """A saved model in two shards."""
    folder = tmp_path / "sharded"
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(folder, max_shard_size=100)
    return folder


def change_index(folder, change):
    """Rewrite the index of a folder."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    change(index)
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def header(values):
    """Make a safetensors file of a header alone."""
    text = json.dumps(values).encode()
    return struct.pack("<Q", len(text)) + text


GARBAGE = {
    "empty": b"",
    "text": b"this is a text and no safetensors file at all",
    "html": b"<!DOCTYPE html><html>404</html>",
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n",
    "huge header": struct.pack("<Q", 2**60) + b"{}",
    "no json": struct.pack("<Q", 4) + b"{{{{",
    "offsets beyond the end": header({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}),
    "shape against offsets": header({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4]}}) + b"\0" * 4,
    "unknown dtype": header({"x": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 1]}}) + b"\0",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_file_that_is_no_safetensors_file_is_named(single, content):
    """The error of safetensors has no file name."""
    (single / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsFileError, match=r"model\.safetensors: ") as caught:
        TinyModel.from_pretrained(single)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, ValueError)


def test_truncated_file_is_named(single):
    """A download that broke off."""
    whole = (single / "model.safetensors").read_bytes()
    (single / "model.safetensors").write_bytes(whole[:-1])
    size = f"{len(whole) - 1:,} of {len(whole):,} bytes"
    with pytest.raises(WeightsFileError, match=f"not a complete safetensors file: it has {size}. Download"):
        TinyModel.from_pretrained(single)


def test_truncated_shard_is_named(sharded):
    """The error names the one shard that is broken."""
    (sharded / SHARDS[1]).write_bytes((sharded / SHARDS[1]).read_bytes()[:-1])
    with pytest.raises(WeightsFileError, match=SHARDS[1]):
        TinyModel.from_pretrained(sharded)


def test_failed_load_leaves_files_as_they_were(single):
    """Nothing is repaired, moved or removed."""
    (single / "model.safetensors").write_bytes(b"garbage")
    before = {path.name: path.read_bytes() for path in single.iterdir()}
    with pytest.raises(WeightsFileError):
        TinyModel.from_pretrained(single)
    assert {path.name: path.read_bytes() for path in single.iterdir()} == before


def test_folder_without_weights_says_what_it_looked_for(single):
    """All names that would do are listed."""
    (single / "model.safetensors").unlink()
    with pytest.raises(
        WeightsNotFoundError, match=r"model\.safetensors, model\.safetensors\.index\.json, pytorch_model\.bin"
    ) as caught:
        TinyModel.from_pretrained(single)
    assert isinstance(caught.value, FileNotFoundError)


def test_absent_variant_is_named(single):
    """The plain weights are not taken in its place."""
    with pytest.raises(WeightsNotFoundError, match=r"variant 'fp16'.*model\.fp16\.safetensors"):
        TinyModel.from_pretrained(single, variant="fp16")


def test_folder_that_does_not_exist_is_an_error(tmp_path):
    """A path that looks like no repository is not asked of any hub."""
    with pytest.raises(CheckpointNotFoundError, match="does not exist"):
        TinyModel.from_pretrained(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX rights")
def test_file_that_may_not_be_read_is_not_called_damaged():
    """Nor is a folder that may not be entered called one with a broken journal."""
    program = """
import os, sys
from tiny_models import TinyModel, TinyConfig
TinyModel(TinyConfig()).save_pretrained(sys.argv[1])
TinyModel.from_pretrained(sys.argv[1])  # what a load imports: another user might not find it
for locked, mode in (("model.safetensors", 0o000), ("", 0o600)):
    os.chmod(os.path.join(sys.argv[1], locked), mode)
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        TinyModel.from_pretrained(sys.argv[1])
    except PermissionError as error:
        print(type(error).__name__, error)
    if os.getuid() == 0:
        os.seteuid(0)
    os.chmod(os.path.join(sys.argv[1], locked), 0o700)
"""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", program, str(Path(parent, "saved"))],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
    first, second = done.stdout.splitlines()
    assert first.startswith("PermissionError")
    assert "model.safetensors" in first
    assert second.startswith("PermissionError")


def test_absent_shards_are_all_named(sharded):
    """And nothing is loaded from those that are there."""
    (sharded / SHARDS[0]).unlink()
    (sharded / SHARDS[1]).unlink()
    with pytest.raises(WeightsNotFoundError, match="lacks 2 of the 2 files") as caught:
        TinyModel.from_pretrained(sharded)
    assert caught.value.filenames == tuple(SHARDS)


def test_files_that_the_index_does_not_name_are_not_read(sharded):
    """Stale and foreign files beside the shards change nothing."""
    expected = TinyModel.from_pretrained(sharded).layers[0].weight.clone()
    save_file({"layers.0.weight": torch.zeros(4, 4)}, sharded / "model-00003-of-00003.safetensors")
    (sharded / "model-00001-of-00009.safetensors").write_bytes(b"garbage")
    assert torch.equal(TinyModel.from_pretrained(sharded).layers[0].weight, expected)


BAD_INDEXES = {
    "empty": b"",
    "no json": b"{",
    "no utf-8": b'{"weight_map": {"\xff": "model.safetensors"}}',
    "a list": b"[]",
    "no map": b'{"metadata": {}}',
    "empty map": b'{"weight_map": {}}',
    "map is a list": b'{"weight_map": ["model.safetensors"]}',
    "file is a number": b'{"weight_map": {"x": 3}}',
    "file is a pickle": b'{"weight_map": {"x": "evil.bin"}}',
    "too deep": b"[" * 200_000,
}


@pytest.mark.parametrize("content", BAD_INDEXES.values(), ids=BAD_INDEXES.keys())
def test_index_that_is_none_is_named(sharded, content):
    """The error names the index, not a KeyError for 'metadata'."""
    (sharded / INDEX).write_bytes(content)
    with pytest.raises(WeightsFileError, match=rf"{INDEX} .*Download or copy it again"):
        TinyModel.from_pretrained(sharded)


def test_index_needs_no_metadata(sharded):
    """Only the weight map is used."""
    change_index(sharded, lambda index: index.pop("metadata"))
    assert isinstance(TinyModel.from_pretrained(sharded), TinyModel)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.safetensors",
        "/etc/outside.safetensors",
        "sub/../../outside.safetensors",
        "..\\outside.safetensors",
        "C:\\outside.safetensors",
        "~/outside.safetensors",
        "./outside.safetensors",
        "a\x00b.safetensors",
        "//host/outside.safetensors",
    ],
)
def test_shard_name_that_leaves_the_folder_is_refused(sharded, tmp_path, name):
    """An index is written by whoever made the checkpoint: nothing outside the folder is opened."""
    save_file({"layers.0.weight": torch.zeros(4, 4)}, tmp_path / "outside.safetensors")
    change_index(sharded, lambda index: index["weight_map"].update({"layers.0.weight": name}))
    with pytest.raises(UnsafeNameError, match="Only plain relative names"):
        TinyModel.from_pretrained(sharded)


def test_index_that_places_a_tensor_in_the_wrong_file_is_an_error(sharded):
    """Index and shards of different saves do not belong together."""
    change_index(sharded, lambda index: index["weight_map"].update({"layers.0.weight": SHARDS[1]}))
    with pytest.raises(WeightsFileError, match=r"layers\.0\.weight"):
        TinyModel.from_pretrained(sharded)


def test_tensor_that_the_index_forgot_is_unexpected_or_used(sharded):
    """A shard is read whole, so that nothing in it goes unnoticed."""
    save_file(
        {"layers.1.weight": torch.zeros(4, 4), "layers.1.bias": torch.zeros(4), "surplus": torch.zeros(1)},
        sharded / SHARDS[1],
    )
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(sharded)
    assert set(caught.value.report.unexpected) == {"surplus"}


def put_in_both_shards(folder, name, change):
    """Add a tensor of the first shard to the second, changed."""
    tensor = load_file(folder / SHARDS[0])[name]
    save_file(load_file(folder / SHARDS[1]) | {name: change(tensor)}, folder / SHARDS[1], {"format": "pt"})


def as_legacy(folder):
    """Turn a sharded checkpoint into one of legacy files."""
    index = (folder / INDEX).read_text(encoding="utf-8")
    for shard in SHARDS:
        legacy_name = shard.replace("model", "pytorch_model").replace("safetensors", "bin")
        torch.save(load_file(folder / shard), folder / legacy_name)
        index = index.replace(shard, legacy_name)
        (folder / shard).unlink()
    (folder / "pytorch_model.bin.index.json").write_text(index, encoding="utf-8")
    (folder / INDEX).unlink()


@pytest.mark.parametrize("convert", [lambda _: None, as_legacy], ids=["safetensors", "legacy"])
@pytest.mark.parametrize("is_placed", [True, False])
@pytest.mark.parametrize(
    "change",
    [lambda tensor: tensor + 1, lambda tensor: tensor[:2].clone(), lambda tensor: tensor.double()],
    ids=["values", "shape", "dtype"],
)
def test_tensor_that_two_shards_hold_with_other_values_is_an_error(sharded, change, is_placed, convert):
    """Whether the index says which of them is meant or not: other readers take the last."""
    if not is_placed:
        change_index(sharded, lambda index: index["weight_map"].pop("layers.0.weight"))
    put_in_both_shards(sharded, "layers.0.weight", change)
    convert(sharded)
    with pytest.raises(
        WeightsFileError, match=r"model-00002-of-00002\.\w+: it holds other values for 'layers\.0\.weight'"
    ):
        TinyModel.from_pretrained(sharded)


@pytest.mark.parametrize("convert", [lambda _: None, as_legacy], ids=["safetensors", "legacy"])
def test_tensor_that_two_shards_hold_with_the_same_values_is_fine(sharded, convert):
    """As some libraries write tied tensors and buffers."""
    model = TinyModel.from_pretrained(sharded, read="copy")  # older versions of safetensors write files in place
    put_in_both_shards(sharded, "layers.0.weight", torch.clone)
    convert(sharded)
    assert same_state(TinyModel.from_pretrained(sharded), model)


TWICE = """
import sys, torch
from model_core import WeightsFileError
from tiny_models import TinyModel
unusual = {
    "quantised": lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
    "conjugate": lambda tensor: tensor.to(torch.complex64).conj(),
}[sys.argv[2]]
for values in (torch.ones(8), torch.zeros(8)):
    for number, value in enumerate((torch.ones(8), values), 1):
        path = f"{sys.argv[1]}/pytorch_model-0000{number}-of-00002.bin"
        content = torch.load(path, weights_only=True)
        torch.save(content | {"surplus": unusual(value)}, path)
    try:
        TinyModel.from_pretrained(sys.argv[1], allow_unexpected=["surplus"])
        print("equal")
    except WeightsFileError as error:
        print("different" if "it holds other values for 'surplus'" in str(error) else error)
"""


@pytest.mark.parametrize("kind", ["quantised", "conjugate"])
def test_unusual_tensor_that_two_shards_hold_is_compared_too(sharded, kind):
    """In a process of its own, because reading the bytes of a quantised tensor ends it."""
    as_legacy(sharded)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWICE, str(sharded), kind],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["equal", "different"]


def test_legacy_index_that_places_a_tensor_in_the_wrong_file_is_an_error(sharded):
    """As for safetensors files."""
    change_index(sharded, lambda index: index["weight_map"].update({"layers.0.weight": SHARDS[1]}))
    as_legacy(sharded)
    with pytest.raises(WeightsFileError, match=r"places 'layers\.0\.weight' in this file, which does not hold it"):
        TinyModel.from_pretrained(sharded)


def test_index_that_places_a_tensor_twice_is_an_error(sharded):
    """JSON readers take one place or the other."""
    text = (sharded / INDEX).read_text(encoding="utf-8")
    first = f'"layers.0.weight": "{SHARDS[1]}", '
    (sharded / INDEX).write_text(text.replace('"weight_map": {', '"weight_map": {' + first), encoding="utf-8")
    with pytest.raises(WeightsFileError, match=r"index\.json.* duplicate key 'layers\.0\.weight'"):
        TinyModel.from_pretrained(sharded)


LISTING = """
import os, sys
from tiny_models import TinyModel
listed = []
sys.addaudithook(lambda event, args: listed.append(args[0]) if event == "os.scandir" else None)
TinyModel.from_pretrained(sys.argv[1])
print([path for path in listed if str(path).startswith(sys.argv[1])])
"""


@pytest.mark.parametrize("is_shadowed", [False, True], ids=["index", "index beside a file"])
def test_load_of_shards_lists_no_folder(sharded, is_shadowed):
    """It may be somebody's home: only the files that the index names are looked at."""
    if is_shadowed:
        tensors = {name: tensor for shard in SHARDS for name, tensor in load_file(sharded / shard).items()}
        save_file(tensors, sharded / "model.safetensors")
        change_index(sharded, lambda index: index["metadata"].pop("save_id"))
    done = subprocess.run(
        [sys.executable, "-c", LISTING, str(sharded)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[]"


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickle_that_runs_code_runs_nothing(single, tmp_path):
    """A legacy file is read by torch.load(weights_only=True), always."""
    (single / "model.safetensors").unlink()
    torch.save({"layers.0.weight": Evil(str(tmp_path / "marker"))}, single / "pytorch_model.bin")
    with pytest.raises(WeightsFileError, match=r"pytorch_model\.bin"):
        TinyModel.from_pretrained(single)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", pickle.dumps([1, 2]), pickle.dumps({"x": 1})],
    ids=["empty", "garbage", "list", "numbers"],
)
def test_legacy_file_without_tensors_is_named(single, content):
    """A .bin that is something else."""
    (single / "model.safetensors").unlink()
    (single / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(WeightsFileError, match=r"pytorch_model\.bin"):
        TinyModel.from_pretrained(single)


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}', '"x"'])
def test_metadata_about_ties_that_is_malformed_is_named(single, text):
    """Metadata is data from outside as well."""
    tensors = {name: tensor.clone() for name, tensor in TinyModel(TinyConfig()).state_dict().items()}
    save_file(tensors, single / "model.safetensors", metadata={"format": "pt", "tied_weights": text})
    with pytest.raises(WeightsFileError, match="tied_weights"):
        TinyModel.from_pretrained(single)


def test_metadata_about_ties_that_is_damaged_is_named(tmp_path):
    """A flipped bit in a name could tie a tensor to another one that fits as well."""
    model = TinyModel(TinyConfig(depth=4))
    model.layers[1].weight = model.layers[0].weight
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    assert content.count(rb"\"layers.0.weight\"") == 1
    path.write_bytes(content.replace(rb"\"layers.0.weight\"", rb"\"layers.2.weight\""))
    with pytest.raises(WeightsFileError, match=r"model\.safetensors: its metadata 'tied_weights' is damaged"):
        TinyModel.from_pretrained(tmp_path)


def test_metadata_about_unknown_names_is_harmless(single):
    """It can neither add nor hide anything."""
    tensors = {name: tensor.clone() for name, tensor in TinyModel(TinyConfig()).state_dict().items()}
    del tensors["layers.0.weight"]
    metadata = {"tied_weights": json.dumps({"nobody": "layers.1.weight", "layers.0.weight": "nothing"})}
    save_file(tensors, single / "model.safetensors", metadata=metadata)
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(single)
    assert set(caught.value.report.missing) == {"layers.0.weight"}


def legacy(folder, state_dict):
    """Put a legacy file in the place of a folder's weights."""
    (folder / "model.safetensors").unlink()
    torch.save(state_dict, folder / "pytorch_model.bin")
    return folder


UNUSABLE = {
    "sparse": ({"layers.0.weight": torch.eye(4).to_sparse()}, r"layers\.0\.weight has the layout torch\.sparse_coo"),
    "meta": ({"layers.0.weight": torch.empty(4, 4, device="meta")}, r"layers\.0\.weight is on the meta device"),
    "number as a name": ({1: torch.eye(4)}, "it has the key 1 where a tensor's name is expected"),
    "tuple as a name": ({("layers", 0): torch.eye(4)}, r"it has the key \('layers', 0\)"),
    "nothing as a name": ({None: torch.eye(4)}, "it has the key None"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # what torch says of sparse tensors
@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.parametrize("options", [{}, {"strict": False, "ignore_mismatched_sizes": True}, {"dtype": "float16"}])
def test_legacy_file_of_what_no_load_can_use_is_named(single, name, options):
    """`torch.load` reads it all the same."""
    state_dict, problem = UNUSABLE[name]
    legacy(single, {**TinyModel(TinyConfig()).state_dict(), **state_dict})
    with pytest.raises(WeightsFileError, match=rf"pytorch_model\.bin: .*{problem}"):
        TinyModel.from_pretrained(single, **options)


@pytest.mark.parametrize("name", UNUSABLE)
def test_state_dict_of_what_no_load_can_use_is_refused(name):
    """As it is when it comes from a file."""
    state_dict, problem = UNUSABLE[name]
    with pytest.raises(ArgumentError, match=problem):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state_dict)


IN_MEMORY = {
    "released": (lambda: released(torch.ones(4, 4)), "is a Tensor without values"),
    "wrapper": (lambda: HoldingTensor(torch.ones(4, 4)), "is a HoldingTensor without values"),
    "fake": (lambda: fake(4, 4), "is a FakeTensor without values"),
    "lazy": (lambda: nn.LazyLinear(4).weight, "is a lazy parameter"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "is a nested tensor"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", IN_MEMORY)
def test_tensor_in_memory_that_has_no_values_is_refused(name):
    """Reading some of them would end the process."""
    make, problem = IN_MEMORY[name]
    state_dict = TinyModel(TinyConfig()).state_dict() | {"layers.0.weight": make()}
    with pytest.raises(ArgumentError, match=rf"layers\.0\.weight {problem}"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state_dict)


PACKED = getattr(torch, "float4_e2m1fn_x2", None)


@pytest.mark.skipif(PACKED is None, reason="needs a packed dtype")
@pytest.mark.parametrize("options", [{}, {"dtype": "float16"}])
def test_packed_values_do_not_match_a_model_of_floats(single, options):
    """Two of them are kept in a byte, and torch converts none."""
    packed = torch.zeros(4, 4, dtype=torch.uint8).view(PACKED)
    legacy(single, {**TinyModel(TinyConfig()).state_dict(), "layers.0.weight": packed})
    with pytest.raises(WeightsMismatchError, match="float4_e2m1fn_x2 in the checkpoint, float32 in the model"):
        TinyModel.from_pretrained(single, **options)


@pytest.mark.skipif(PACKED is None, reason="needs a packed dtype")
@pytest.mark.parametrize("dtype", [PACKED, "float4_e2m1fn_x2", "torch.float4_e2m1fn_x2"])
def test_dtype_that_nothing_is_converted_to_is_refused(single, dtype):
    """Before anything is read."""
    with pytest.raises(ArgumentError, match="dtype must be a floating dtype"):
        TinyModel.from_pretrained(single, dtype=dtype)


@pytest.mark.skipif(PACKED is None, reason="needs a packed dtype")
def test_model_of_a_config_with_a_packed_dtype_is_created_as_the_constructor_does():
    """As with any dtype that models are not converted to."""
    model = TinyModel._from_config(TinyConfig(dtype="float4_e2m1fn_x2"))
    assert model.dtype is torch.float32


@pytest.mark.parametrize("subfolder", ["", "sub"])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"model": state}], ids=["plain", "wrapped"])
def test_call_that_a_hint_shows_loads_the_file(tmp_path, subfolder, wrap):
    """From any working directory, also for a state dict inside another."""
    folder = tmp_path / subfolder
    model = fill_randomly(TinyModel(TinyConfig(depth=3)))
    model.config.save_pretrained(folder)
    torch.save(wrap(model.state_dict()), folder / "best.pt")
    with pytest.raises(WeightsNotFoundError) as caught:
        TinyModel.from_pretrained(tmp_path, subfolder=subfolder)
    arguments = re.search(r"from_pretrained\((.*)\)\. It contains", str(caught.value))[1]
    assert same_state(eval(f"TinyModel.from_pretrained({arguments})"), model)
