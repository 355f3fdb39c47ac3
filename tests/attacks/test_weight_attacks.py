"""Weights: pickles under every name, headers that lie, and an index that points elsewhere."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from config_core import FolderCheckpoint, UnsafeNameError
from hostile import reads_of
from model_core.errors import WeightsFileError, WeightsMismatchError, WeightsNotFoundError
from tiny_models import TinyConfig, TinyModel

INDEX = "model.safetensors.index.json"


class Evil:
    """Unpickling it leaves the marker."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture
def folder(lenient_witness):
    """Return a saved model, whose files a test replaces, beside a folder with weights that would fit it."""
    TinyModel(TinyConfig()).save_pretrained(lenient_witness.folder)
    save_file(state(), lenient_witness.outside / "outside.safetensors")
    torch.save(state(), lenient_witness.outside / "outside.bin")
    return lenient_witness.folder


def state():
    """Return tensors that fit the model."""
    return {name: tensor.detach().clone() for name, tensor in TinyModel(TinyConfig()).state_dict().items()}


def only(folder, name, content):
    """Leave one file of weights in a folder, under a name of its own."""
    (folder / "model.safetensors").unlink()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def saved(value, **options):
    """Return what `torch.save` writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def archive(payload):
    """Return a file as `torch.save` writes it, with another pickle in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("archive/data.pkl", payload)
        zipped.writestr("archive/version", "3\n")
        zipped.writestr("archive/byteorder", "little")
    return file.getvalue()


PICKLES = {
    "plain": pickle.dumps,
    "in a dict": lambda evil: pickle.dumps({"layers.0.weight": evil}),
    "as a key": lambda evil: pickle.dumps([(evil, 1)]),
    "of torch": lambda evil: saved({"layers.0.weight": evil}),
    "of old torch": lambda evil: saved({"layers.0.weight": evil}, _use_new_zipfile_serialization=False),
    "beside tensors": lambda evil: saved({**state(), "extra": evil}),
    "by hand": lambda evil: archive(pickle.dumps(evil)),
    "global by name": lambda _: archive(b"cos\nsystem\n(S'exit 3'\ntR."),
    "eval": lambda _: archive(b"cbuiltins\neval\n(S'1+1'\ntR."),
    "denied by no list": lambda _: archive(b"ctorch.utils.collect_env\nrun\n(S'true'\ntR."),
    "attributes of a function": lambda _: archive(b"ctorch._utils\n_rebuild_tensor_v2\n(N}S'x'\nI1\nstb."),
    "attributes of a class": lambda _: archive(b"\x80\x02ccollections\nOrderedDict\nN}U\x04evilI1\ns\x86b."),
    "number of a class": lambda _: archive(b"\x80\x02\x82\x01)R."),
    "memo bomb": lambda _: archive(b"\x80\x02" + b"]" * 100_000 + b"."),
    "huge long": lambda _: archive(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "no end": lambda _: archive(b"\x80\x02("),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickle_with_a_payload_is_refused(lenient_witness, folder, name):
    """Only tensors are unpickled; the error names the file and says what to ask for."""
    only(folder, "pytorch_model.bin", PICKLES[name](Evil(lenient_witness.marker)))
    lenient_witness.note()
    with pytest.raises(
        WeightsFileError, match=r"pytorch_model\.bin.*(Nothing but tensors is ever unpickled|state dict)"
    ):
        TinyModel.from_pretrained(folder)


OTHERS = [
    "weights.pkl", "rng_state.pth", "optimizer.pt", "scheduler.pt", "tf_model.h5", "training_args.bin",
    "flax_model.msgpack", "model.npz", "scaler.joblib", "model.keras", "model.onnx",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_pickle_under_another_name_is_never_opened(lenient_witness, folder, name):
    """A trainer's states and other frameworks' files are only files, even where no weights are beside them."""
    only(folder, name, pickle.dumps(Evil(lenient_witness.marker)))
    lenient_witness.note()
    with reads_of(folder) as opened, pytest.raises(WeightsNotFoundError, match="has no weights"):
        TinyModel.from_pretrained(folder)
    assert [path for path in opened if path.endswith(name)] == []


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.pth", "model.ckpt"])
@pytest.mark.parametrize("content", PICKLES)
def test_pickle_that_may_hold_weights_is_looked_into_without_running_it(lenient_witness, folder, name, content):
    """The error says how to load such a file; of what it holds, only tensors are unpickled for that."""
    only(folder, name, PICKLES[content](Evil(lenient_witness.marker)))
    lenient_witness.note()
    with pytest.raises(WeightsNotFoundError, match="has no weights"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize("named", ["", "model.ckpt"])
def test_pickle_is_not_even_looked_into_if_safetensors_are_insisted_on(lenient_witness, folder, named):
    """Advice is no reason to read one, nor is its name in the call."""
    only(folder, "model.ckpt", saved({"layers.0.weight": Evil(lenient_witness.marker)}))
    lenient_witness.note()
    with reads_of(folder) as opened, pytest.raises(FileNotFoundError, match=r"has no weights|is a file"):
        TinyModel.from_pretrained(folder / named, use_safetensors=True)
    assert [path for path in opened if path.endswith("model.ckpt")] == []


def test_pickle_in_the_place_of_safetensors_is_refused(lenient_witness, folder):
    """The name decides how a file is read, and not its first bytes."""
    only(folder, "model.safetensors", saved({"layers.0.weight": Evil(lenient_witness.marker)}))
    lenient_witness.note()
    with pytest.raises(WeightsFileError, match=r"not a safetensors file but a file of torch\.save"):
        TinyModel.from_pretrained(folder)


def test_pickle_beside_broken_safetensors_is_not_taken_instead(lenient_witness, folder):
    """An attacker who breaks the one file does not get the other one read."""
    (folder / "model.safetensors").write_bytes(b"broken")
    (folder / "pytorch_model.bin").write_bytes(saved({"layers.0.weight": Evil(lenient_witness.marker)}))
    lenient_witness.note()
    with pytest.raises(WeightsFileError, match=r"model\.safetensors"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize(
    "key", ["weights", "weights_name", "state_dict", "checkpoint", "_commit_hash", "transformers_weights"]
)
def test_config_cannot_name_the_file_with_the_weights(lenient_witness, folder, key):
    """Which files hold weights is not said by data."""
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(values | {key: "../outside/outside.bin"}), encoding="utf-8")
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened:
        TinyModel.from_pretrained(folder)
    assert opened == []


def header(entries, values=b"", *, length=None):
    """Return a safetensors file with a header that says anything."""
    text = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return struct.pack("<Q", len(text) if length is None else length) + text + values


def entry(shape, begin, end, dtype="F32"):
    """Return what a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HEADERS = {
    "longer than the file": header({}, length=1 << 40),
    "of all length": header({}, length=(1 << 64) - 1),
    "empty": b"",
    "only a length": struct.pack("<Q", 2),
    "overlapping tensors": header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "hole before": header({"a": entry([2], 4, 12)}, bytes(12)),
    "hole behind": header({"a": entry([2], 0, 8)}, bytes(100)),
    "beyond the end": header({"a": entry([2], 0, 8)}, bytes(4)),
    "backwards": header({"a": entry([2], 8, 0)}, bytes(8)),
    "negative": header({"a": entry([2], -8, 0)}, bytes(8)),
    "negative shape": header({"a": entry([-2], 0, 8)}, bytes(8)),
    "shape that overflows": header({"a": entry([1 << 33, 1 << 33], 0, 8)}, bytes(8)),
    "fraction": header({"a": entry([2.5], 0, 8)}, bytes(8)),
    "dtype of objects": header({"a": entry([1], 0, 8, dtype="object")}, bytes(8)),
    "dtype is code": header({"a": entry([1], 0, 8, dtype="__import__('os')")}, bytes(8)),
    "name twice": header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": 3}', bytes(4)),
    "deep": header(b"[" * 100_000),
    "deep metadata": header(b'{"__metadata__": ' + b"[" * 100_000 + b"}"),
    "metadata that is no text": header({"__metadata__": {"format": {"pickle": True}}}),
    "not utf-8": header(b'{"\xff": 1}'),
    "pickle": header(b"\x80\x04\x95\x00."),
}  # fmt: skip


@pytest.mark.parametrize("part", ["a.", "0.", "weight_g", "layers.0."])
def test_name_of_a_megabyte_is_explained_at_once(lenient_witness, folder, part):
    """What explains differences does not look for each of half a million modules in it."""
    name = part * 500_000
    only(folder, "model.safetensors", header({name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}))
    lenient_witness.note()
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(folder)
    assert caught.value.report.unexpected == {name: (0,)}
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("name", HEADERS)
def test_header_that_lies_is_refused(lenient_witness, folder, name):
    """No memory is reserved for what it claims, nothing outside of the file is mapped, and the file is named."""
    only(folder, "model.safetensors", HEADERS[name])
    lenient_witness.note()
    with pytest.raises((WeightsFileError, WeightsMismatchError), match=r"model\.safetensors|checkpoint"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize(
    "key",
    ["__class__", "forward", "config", "layers.0.__class__", "layers.0.forward", "_modules", "__init__.weight", ""],
)
def test_tensor_that_is_named_like_an_attribute_replaces_nothing(lenient_witness, folder, key):
    """Tensors go to the parameters and buffers that the class declares; others are unexpected and named."""
    save_file({**state(), key: torch.zeros(1)}, folder / "model.safetensors")
    lenient_witness.note()
    with pytest.raises(WeightsMismatchError):
        TinyModel.from_pretrained(folder)
    forward = TinyModel.forward
    model = TinyModel.from_pretrained(folder, allow_unexpected=True)
    assert type(model) is TinyModel
    assert model.forward.__func__ is forward


METADATA = {
    "ties to nothing": {"tied_weights": json.dumps({"layers.0.weight": "nothing"})},
    "ties to itself": {"tied_weights": json.dumps({"layers.0.weight": "layers.0.weight"})},
    "ties in a circle": {"tied_weights": json.dumps({"a": "layers.1.bias", "layers.1.bias": "a"})},
    "path": {"tied_weights": json.dumps({"x": "../outside/outside.safetensors"})},
    "format": {"format": "pickle"},
    "auto_map": {"auto_map": json.dumps({"AutoModel": "evil.Evil"}), "trust_remote_code": "True"},
}  # fmt: skip


@pytest.mark.parametrize("name", METADATA)
def test_metadata_of_weights_means_no_more_than_it_may(lenient_witness, folder, name):
    """It can neither add values nor hide that some are missing, and names no code and no file."""
    save_file(state(), folder / "model.safetensors", metadata=METADATA[name])
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened:
        model = TinyModel.from_pretrained(folder)
    assert set(model.state_dict()) == set(state())
    assert opened == []


def sharded(folder, weight_map, suffix="safetensors"):
    """Write an index in place of the weights."""
    (folder / "model.safetensors").unlink()
    name = INDEX if suffix == "safetensors" else "pytorch_model.bin.index.json"
    (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")


OUTSIDE = [
    "../outside/outside.{}", "{{outside}}/outside.{}", "sub/../../outside/outside.{}", "..\\outside\\outside.{}",
    "./outside.{}", "~/outside.{}", "C:\\outside.{}", "//host/share/outside.{}", "a\0/outside.{}", "con.{}",
    "\u202e.{}", " .{}", "sub//outside.{}", "file:///outside.{}", ".{}" + "/" * 3 + ".{}",
]  # fmt: skip


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("shard", OUTSIDE)
def test_shard_outside_the_folder_is_refused(lenient_witness, folder, shard, suffix):
    """An index names plain files beside it; the error names index and shard, and nothing outside is opened."""
    name = shard.format(*[suffix] * 2).format(outside=lenient_witness.outside)
    sharded(folder, dict.fromkeys(state(), name), suffix)
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened, pytest.raises(UnsafeNameError, match=r"index\.json of"):
        TinyModel.from_pretrained(folder)
    assert opened == []


@pytest.mark.parametrize("what", ["single file", "shard", "index", "folder of a shard"])
def test_weights_behind_a_link_to_the_outside_are_refused(lenient_witness, folder, what):
    """The name is plain and the file is not there; the error names the link and its target."""
    target = lenient_witness.outside / "outside.safetensors"
    if what == "single file":
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").symlink_to(target)
    elif what == "index":
        sharded(lenient_witness.folder, dict.fromkeys(state(), "outside.safetensors"))
        (folder / INDEX).rename(lenient_witness.outside / INDEX)
        (folder / INDEX).symlink_to(lenient_witness.outside / INDEX)
    elif what == "shard":
        sharded(folder, dict.fromkeys(state(), "a.safetensors"))
        (folder / "a.safetensors").symlink_to(target)
    else:
        sharded(folder, dict.fromkeys(state(), "sub/outside.safetensors"))
        (folder / "sub").symlink_to(lenient_witness.outside)
    lenient_witness.note()
    with (
        reads_of(lenient_witness.outside) as opened,
        pytest.raises((UnsafeNameError, WeightsFileError, WeightsNotFoundError)) as caught,
    ):
        TinyModel.from_pretrained(folder)
    assert opened == []
    assert what == "folder of a shard" or "which is a link to" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to itself"])
def test_weights_that_are_no_file_make_nobody_wait(lenient_witness, folder, kind):
    """They are missing, or an error; nothing is opened that has no end."""
    path = folder / "model.safetensors"
    path.unlink()
    make = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "link to itself": lambda: path.symlink_to(path),
    }
    make[kind]()
    lenient_witness.note()
    with pytest.raises((WeightsNotFoundError, WeightsFileError, UnsafeNameError)):
        TinyModel.from_pretrained(folder)


INDEXES = {
    "no json": b"{",
    "deep": b'{"weight_map": ' + b"[" * 200_000,
    "list": b'{"weight_map": ["model.safetensors"]}',
    "numbers": b'{"weight_map": {"a": 1}}',
    "code": b'{"weight_map": {"a": "evil.py"}}',
    "pickle": b'{"weight_map": {"a": "evil.bin"}}',
    "without suffix": b'{"weight_map": {"a": "outside"}}',
    "address": b'{"weight_map": {"a": "https://host/a.safetensors.zip"}}',
    "not utf-8": b'{"weight_map": {"\xff": "a.safetensors"}}',
}


@pytest.mark.parametrize("name", INDEXES)
def test_index_that_is_none_is_refused(lenient_witness, folder, name):
    """It is not guessed what it might mean; the error names it."""
    only(folder, INDEX, INDEXES[name])
    lenient_witness.note()
    with pytest.raises(WeightsFileError, match=r"model\.safetensors\.index\.json"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize("variant", ["../outside/outside", "fp16/../../outside", "/etc", "*", "", ".", "a b", "fp16\n"])
def test_variant_is_a_word(lenient_witness, folder, variant):
    """It becomes part of file names."""
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened, pytest.raises(ValueError, match="variant"):
        TinyModel.from_pretrained(folder, variant=variant)
    assert opened == []


def test_code_gets_weights_of_its_own_folder_only(lenient_witness, folder):
    """A model's code that loads by hand has the checkpoint to ask, which opens nothing else."""
    lenient_witness.note()
    with reads_of(lenient_witness.outside) as opened, pytest.raises(UnsafeNameError):
        FolderCheckpoint(folder).local_path("../outside/outside.safetensors")
    assert opened == []
