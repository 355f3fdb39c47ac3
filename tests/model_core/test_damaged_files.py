"""Files with bytes that were flipped, cut off or put in: an error of ours that says which, or no difference at all.

What nobody can notice is left out: the values of tensors, and a config that is a whole config still.
"""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from config_core import ConfigCoreError
from model_core import ModelCoreError, PreTrainedModel, WeightsMismatchError
from tiny_models import TinyConfig, fill_randomly, same_state


class MixedModel(PreTrainedModel):
    """Tensors of equal shapes, of dtypes of equal size, and one that is tied by the record in the file alone."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.embedding = nn.Embedding(4, 3)
        self.head = nn.Linear(3, 4, bias=False)
        for name in ("bfloat16", "float16", "int16", "uint16", "float8_e4m3fn", "int8", "float64", "int64"):
            self.register_buffer(f"as_{name}", torch.ones(4).to(getattr(torch, name)))


def tied_model():
    model = fill_randomly(MixedModel(TinyConfig()))
    model.head.weight = model.embedding.weight
    return model


MODEL = tied_model()


def saved(max_shard_size):
    """Return the files of the saved model, by name."""
    with tempfile.TemporaryDirectory() as folder:
        MODEL.save_pretrained(folder, max_shard_size=max_shard_size)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


SAVED = [saved("50GB"), saved(120)]


def load(files, name, content):
    """Load the files with another content of one of them; return the model, or the error if it is ours."""
    with tempfile.TemporaryDirectory() as folder:
        for filename, original in files.items():
            Path(folder, filename).write_bytes(content if filename == name else original)
        try:
            return MixedModel.from_pretrained(folder)
        except (ConfigCoreError, ModelCoreError) as error:
            return error


def structure_end(name, content):
    """Return where the part of a file ends that says what is in it."""
    return 8 + struct.unpack("<Q", content[:8])[0] if name.endswith(".safetensors") else len(content)


@st.composite
def flipped(draw):
    """Draw a checkpoint, the name of one of its files, and the content of that with a few bytes changed."""
    files = draw(st.sampled_from(SAVED))
    name = draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, structure_end(name, files[name]) - 1))
        content[place] = draw(st.integers(0, 255) | st.sampled_from(b'"0123456789abcdef{}[],:-_.'))
    return files, name, bytes(content)


@pytest.mark.filterwarnings("ignore:.*config has model_type", "ignore:.*has no field")
@settings(deadline=None, max_examples=200)
@given(damage=flipped())
def test_bytes_that_are_flipped_are_an_error_or_make_no_difference(damage):
    """In headers, the index and the config; a config that is one still is what it says."""
    files, name, content = damage
    found = load(files, name, content)
    if isinstance(found, WeightsMismatchError):  # the record of ties was renamed, or the config asks for other weights
        assert name in str(found) or name == "config.json" or found.report.missing.keys() == {"head.weight"}
    elif isinstance(found, Exception):
        assert name in str(found)
    else:
        assert same_state(found, MODEL)
        written = json.loads(content if name == "config.json" else files["config.json"])
        assert (
            found.config.to_dict().items() >= {key: written[key] for key in ("width", "depth") & written.keys()}.items()
        )


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_files_that_are_cut_are_an_error_that_names_the_file(data):
    """Wherever they end: in the header, in the values, in the middle of a name."""
    files = data.draw(st.sampled_from(SAVED))
    name = data.draw(st.sampled_from(sorted(files)))
    whole = files[name] if name.endswith(".safetensors") else files[name].rstrip()
    found = load(files, name, whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert not isinstance(found, MixedModel)
    assert name in str(found)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_bytes_that_are_put_in_are_an_error_that_names_the_file(data):
    """Anywhere in a file of weights, and after its end."""
    files = data.draw(st.sampled_from(SAVED))
    name = data.draw(st.sampled_from(sorted(name for name in files if name.endswith(".safetensors"))))
    place = data.draw(st.integers(0, len(files[name])))
    more = data.draw(st.binary(min_size=1, max_size=9))
    found = load(files, name, files[name][:place] + more + files[name][place:])
    assert not isinstance(found, MixedModel)
    assert name in str(found)
