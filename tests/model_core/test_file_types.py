"""Files of another type under the name of a weight file: the error says what they are and what to do."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zipfile

import pytest
import torch
from safetensors.torch import save

from model_core import WeightsFileError, WeightsNotFoundError
from tiny_models import TinyConfig, TinyModel

STATE = {"x": torch.zeros(2)}


def written(write):
    """Return what a function writes into a file."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def zipped(*names):
    """Return a zip archive of empty files."""

    def write(file):
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                archive.writestr(name, b"")

    return written(write)


def tarred(name):
    """Return a tar archive of an empty file."""

    def write(file):
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.addfile(tarfile.TarInfo(name))

    return written(write)


TORCH = written(lambda file: torch.save(STATE, file))
OLD_TORCH = written(lambda file: torch.save(STATE, file, _use_new_zipfile_serialization=False))

TYPES = {
    "empty": (b"", r"an empty file\. Download"),
    "zeros": (b"\0" * 5000, "zeros, as an interrupted download"),
    "web page": (b"\n<!DOCTYPE html><html>404</html>", r"a web page\. Download .* login"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"),
    "answer": (b"Entry not found", r"a text that begins 'Entry not found'\. Download"),
    "JSON": (b'{"error":\n "Repository not found"}', "a text that begins"),
    "GGUF": (b"GGUF\x03\0\0\0" + b"\1" * 90, r"a GGUF file, .* pass state_dict="),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 90, "an HDF5 file"),
    "ONNX": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xf1\x01", "an ONNX model"),
    "SavedModel": (b"\x08\x01\x12\xc4\x8a\x01\n\x9c", "a SavedModel of TensorFlow"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + b"\0" * 90, "a TensorFlow Lite model"),
    "Flax": (b"\x82\xa6params\x81\xa5dense", "a msgpack file, which Flax reads"),
    "NumPy": (b"\x93NUMPY\x01\0v\0", "one NumPy array"),
    "NumPy archive": (zipped("x.npy"), r"a NumPy archive\. Pass state_dict=\{name: .*numpy\.load\('.*'\)\.items\(\)\}"),
    "Keras": (zipped("config.json", "model.weights.h5"), "a Keras archive"),
    "TorchScript": (
        zipped("archive/data.pkl", "archive/constants.pkl"),
        r"a TorchScript archive\..*state_dict=torch\.jit\.load\('.*'\)\.state_dict\(\)",
    ),
    "zip": (zipped("readme.txt"), r"a zip archive\. Unpack it"),
    "gzip": (gzip.compress(b"x" * 90), r"an archive\. Unpack it"),
    "tar": (tarred("x"), r"an archive\. Unpack it"),
    "cut": (TORCH[:-200], "the beginning of a zip archive, which is incomplete"),
}


@pytest.fixture
def folder(tmp_path):
    """A folder with a config."""
    TinyConfig().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("filename", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("name", TYPES)
def test_file_of_another_type_is_called_by_it(folder, filename, name):
    """Whatever the libraries say that cannot read it."""
    content, described = TYPES[name]
    (folder / filename).write_bytes(content)
    expected = "a file of torch.save" if filename.endswith(".bin") else "a safetensors file"
    with pytest.raises(WeightsFileError, match=rf"{filename}: not {expected} but {described}"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize(
    ("content", "filename", "described"),
    [
        (save(STATE), "pytorch_model.bin", r"a safetensors file\. Rename it to model\.safetensors"),
        (TORCH, "model.safetensors", r"a file of torch\.save\. Rename it to pytorch_model\.bin"),
        (OLD_TORCH, "model.safetensors", r"a pickle\. If torch\.save wrote it, rename it to pytorch_model\.bin"),
        (TORCH, "model.fp16.safetensors", r"a file of torch\.save\. Rename it to pytorch_model\.fp16\.bin"),
        (TORCH, "best.safetensors", r"a file of torch\.save\. Rename it to best\.pt"),
        (save(STATE), "last.ckpt", r"a safetensors file\. Rename it to last\.safetensors"),
    ],
    ids=["safetensors", "torch", "old torch", "variant", "torch under another name", "safetensors under another name"],
)
def test_weights_under_the_name_of_the_other_type_are_to_be_renamed(folder, content, filename, described):
    """To the name under which they are read."""
    (folder / filename).write_bytes(content)
    with pytest.raises((WeightsFileError, WeightsNotFoundError), match=described):
        TinyModel.from_pretrained(folder, variant="fp16" if "fp16" in filename else None)


LENGTH_OF_HEADER = int.from_bytes(save(STATE)[:8], "little")
HEADER_END, SIZE = 8 + LENGTH_OF_HEADER, len(save(STATE))
IN_HEADER = "not a complete safetensors file: cut off in its header, it has {} of at least {} bytes"
CUTS = {
    **{f"{size} bytes": (size, IN_HEADER.format(size, 8)) for size in (1, 2, 4, 7)},
    **{f"{size} bytes": (size, IN_HEADER.format(size, HEADER_END)) for size in (8, 9, 30, HEADER_END - 1)},
    "header alone": (HEADER_END, f"not a complete safetensors file: it has {HEADER_END} of {SIZE} bytes"),
    "last byte": (SIZE - 1, f"not a complete safetensors file: it has {SIZE - 1} of {SIZE} bytes"),
}


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("filename", ["model.safetensors", "model-00001-of-00002.safetensors"])
def test_safetensors_file_that_is_cut_off_is_said_to_be_with_its_size(folder, filename, name):
    """Wherever it ends, and also where it is one of several shards."""
    size, described = CUTS[name]
    (folder / filename).write_bytes(save(STATE)[:size])
    if filename != "model.safetensors":
        index = json.dumps({"weight_map": {"x": filename}})
        (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with pytest.raises(WeightsFileError, match=rf"{re.escape(filename)}: {described}\. Download or copy it again"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize("added", [b"\0", b"x" * 1000, save(STATE)], ids=["byte", "bytes", "file"])
def test_safetensors_file_that_is_longer_than_its_header_says_is_not_called_incomplete(folder, added):
    """As after a download that was resumed at the wrong place."""
    (folder / "model.safetensors").write_bytes(save(STATE) + added)
    described = f"longer than its header says: it has {SIZE + len(added):,} bytes instead of {SIZE}"
    with pytest.raises(WeightsFileError, match=rf"{described}\. Download or copy it again"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize("size", [12, 16, 30, 60, len(OLD_TORCH) - 7, len(OLD_TORCH) - 1])
def test_old_file_of_torch_that_is_cut_off_is_said_to_be(folder, size):
    """It is no archive, and is read until it ends."""
    (folder / "pytorch_model.bin").write_bytes(OLD_TORCH[:size])
    with pytest.raises(WeightsFileError, match=r"not a complete file of torch\.save.*\. Download or copy it again"):
        TinyModel.from_pretrained(folder)


@pytest.mark.parametrize(
    ("content", "described"),
    [(b"", "an empty file"), (b"<html></html>", "a web page"), (b"Entry not found", "a text that begins 'Entry")],
    ids=["empty", "page", "text"],
)
def test_index_of_another_type_is_called_by_it(folder, content, described):
    """As a weight file is."""
    (folder / "model.safetensors.index.json").write_bytes(content)
    with pytest.raises(WeightsFileError, match=rf"index\.json.*: not JSON but {described}"):
        TinyModel.from_pretrained(folder)
