"""Files of another type under the name of a weight file: the error says what they are and what to do."""

from __future__ import annotations

import gzip
import io
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
