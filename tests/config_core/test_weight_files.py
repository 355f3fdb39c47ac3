"""The names of weight files: made and read in one place, so that a save and a push agree on which files are stale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config_core.checkpoint import WeightFile, is_variant, parse_weight_file, weight_file_name, weight_index_name

VARIANTS = st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", fullmatch=True).filter(is_variant))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.safetensors", WeightFile()),
        ("model-00001-of-00002.safetensors", WeightFile(shard=(1, 2))),
        ("model-100000-of-123456.safetensors", WeightFile(shard=(100_000, 123_456))),
        ("model.safetensors.index.json", WeightFile(is_index=True)),
        ("model.fp16.safetensors", WeightFile(variant="fp16")),
        ("model.fp16.v2.safetensors", WeightFile(variant="fp16.v2")),
        ("model.fp16.v2-00001-of-00002.safetensors", WeightFile(variant="fp16.v2", shard=(1, 2))),
        ("model.fp16.v2-000001-of-000002.safetensors", WeightFile(variant="fp16.v2", shard=(1, 2))),
        ("model.safetensors.index.fp16.v2.json", WeightFile(variant="fp16.v2", is_index=True)),
        ("model.a-1.safetensors", WeightFile(variant="a-1")),
        ("model.index.safetensors", WeightFile(variant="index")),
        ("pytorch_model.bin", WeightFile(is_legacy=True)),
        ("pytorch_model-00001-of-00002.bin", WeightFile(shard=(1, 2), is_legacy=True)),
        ("pytorch_model.fp16.v2-00001-of-00002.bin", WeightFile(variant="fp16.v2", shard=(1, 2), is_legacy=True)),
        ("pytorch_model.bin.index.json", WeightFile(is_index=True, is_legacy=True)),
        ("pytorch_model.bin.index.fp16.json", WeightFile(variant="fp16", is_index=True, is_legacy=True)),
        ("unet/model.fp16.safetensors", WeightFile(folder="unet", variant="fp16")),
        ("a/b/model.safetensors.index.json", WeightFile(folder="a/b", is_index=True)),
        ("a.model.b/pytorch_model.bin", WeightFile(folder="a.model.b", is_legacy=True)),
    ],
)
def test_a_name_of_weights_is_read(name, expected):
    """Folder, variant and shard, whether it is an index, and whether it is a legacy file."""
    assert parse_weight_file(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "config.json", "README.md", "model.bin", "pytorch_model.safetensors", "tf_model.h5", "my_model.safetensors",
        "model.safetensors.json", "model.index.json", "pytorch_model.safetensors.index.json", "model.bin.index.json",
        "model-0001-of-0002.safetensors", "model-00001-of-00002.fp16.safetensors", "model..safetensors",
        "model.-x.safetensors", "model.fp16 .safetensors", "model.é.safetensors", "model.safetensors\n",
        "/model.safetensors",
        "model/safetensors", "MODEL.safetensors", "", "model.safetensors/", "model.x/y.safetensors",
        "model." + "v" * 101 + ".safetensors", "model-\u0660\u0660\u0660\u0660\u0661-of-00002.safetensors",
    ],
)  # fmt: skip
def test_another_name_is_none_of_weights(name):
    """Files that a save of weights neither writes nor replaces."""
    assert parse_weight_file(name) is None


@given(
    variant=VARIANTS, shard=st.none() | st.tuples(st.integers(1, 10**7), st.integers(1, 10**7)), legacy=st.booleans()
)
def test_a_name_that_is_made_is_read_again(variant, shard, legacy):
    """Whatever the variant and the number of digits: what a save writes, the next save and a push recognise."""
    name = weight_file_name(variant, shard=shard, legacy=legacy)
    assert parse_weight_file(name) == WeightFile(variant=variant, shard=shard, is_legacy=legacy)
    index = weight_index_name(variant, legacy=legacy)
    assert parse_weight_file(index) == WeightFile(variant=variant, is_index=True, is_legacy=legacy)


def test_the_names_are_those_of_the_field():
    """Other programs look for exactly these."""
    assert weight_file_name() == "model.safetensors"
    assert weight_file_name("fp16", shard=(1, 2)) == "model.fp16-00001-of-00002.safetensors"
    assert weight_file_name("fp16", legacy=True) == "pytorch_model.fp16.bin"
    assert weight_index_name("fp16") == "model.safetensors.index.fp16.json"
    assert weight_index_name(legacy=True) == "pytorch_model.bin.index.json"


@pytest.mark.parametrize("variant", ["", ".x", "a/b", "..", "x-00001-of-00002", "é", "a b", "v" * 101, 3, None])
def test_a_variant_that_no_name_can_have_is_refused(variant):
    """It would name another file, or a shard."""
    assert not is_variant(variant)
    if variant is not None:
        with pytest.raises(ValueError, match="is not allowed"):
            weight_file_name(variant)
