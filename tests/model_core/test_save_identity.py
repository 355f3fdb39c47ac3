"""Files of weights that were written by different saves are told apart, whoever put them together."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model_core import WeightsFileError
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state

INDEX = "model.safetensors.index.json"
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def save(folder, **options):
    """Save a model of random values; return it."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(folder, **options)
    return model


def metadata(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


@pytest.fixture
def two(tmp_path):
    """Two checkpoints of the same names, shapes and shards, and of other values."""
    save(tmp_path / "old", max_shard_size=100)
    save(tmp_path / "new", max_shard_size=100)
    return tmp_path / "old", tmp_path / "new"


def test_shards_and_index_of_a_save_carry_one_identity(two):
    """Each save draws its own."""
    found = []
    for folder in two:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        identities = {index["metadata"]["save_id"], *(metadata(folder / shard)["save_id"] for shard in SHARDS)}
        assert len(identities) == 1
        found += identities
    assert found[0] != found[1]


@pytest.mark.parametrize("copied", [[SHARDS[0]], [SHARDS[1]], [INDEX], [SHARDS[0], INDEX], [SHARDS[1], INDEX], SHARDS])
def test_copy_that_broke_off_is_refused(two, copied):
    """Whichever files came through, the error names those of either save."""
    old, new = two
    for name in copied:
        shutil.copy(new / name, old / name)
    with pytest.raises(WeightsFileError, match="different saves") as caught:
        TinyModel.from_pretrained(old)
    assert {frozenset(names) for names in caught.value.saves} == {
        frozenset(copied),
        frozenset({*SHARDS, INDEX} - set(copied)),
    }
    assert all(name in str(caught.value) for name in [*SHARDS, INDEX, str(old)])


def test_whole_copy_is_loaded(two):
    """Over the other save, file by file."""
    old, new = two
    shutil.copytree(new, old, dirs_exist_ok=True)
    assert same_state(TinyModel.from_pretrained(old), TinyModel.from_pretrained(new))


def test_shards_of_two_saves_under_an_index_made_by_hand_are_refused(two):
    """An index without an identity hides nothing."""
    old, new = two
    index = json.loads((old / INDEX).read_text(encoding="utf-8"))
    del index["metadata"]
    (old / INDEX).write_text(json.dumps(index), encoding="utf-8")
    assert isinstance(TinyModel.from_pretrained(old), TinyModel)
    shutil.copy(new / SHARDS[1], old / SHARDS[1])
    with pytest.raises(WeightsFileError, match=r"model-00002-of-00002"):
        TinyModel.from_pretrained(old)


def test_shards_of_other_writers_are_loaded(two):
    """They say nothing of a save: nothing can be known, and nothing is refused."""
    old, _ = two
    for shard in SHARDS:
        save_file(load_file(old / shard), old / shard)
    expected = {name: tensor for shard in SHARDS for name, tensor in load_file(old / shard).items()}
    loaded = TinyModel.from_pretrained(old).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())


def test_files_of_different_saves_that_hold_one_tensor_are_said_to_be_that(two):
    """That its values differ follows from it."""
    old, new = two
    tensors = load_file(new / SHARDS[0]) | load_file(new / SHARDS[1])
    save_file(tensors, old / SHARDS[1], metadata(new / SHARDS[1]))
    with pytest.raises(WeightsFileError, match="different saves"):
        TinyModel.from_pretrained(old)


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("copied", ["single over shards", "shards over single"])
def test_two_layouts_in_one_folder_are_refused(tmp_path, copied, foreign):
    """A save removes the other layout; where both are there, nobody knows which is meant."""
    save(tmp_path / "single")
    save(tmp_path / "shards", max_shard_size=100)
    if foreign:
        path = tmp_path / "single" / "model.safetensors"
        save_file(load_file(path), path)
    source, target = copied.split(" over ")
    shutil.copytree(tmp_path / source, tmp_path / target, dirs_exist_ok=True)
    with pytest.raises(WeightsFileError, match="different saves") as caught:
        TinyModel.from_pretrained(tmp_path / target)
    assert caught.value.saves == (("model.safetensors",), (INDEX,))


@pytest.mark.parametrize("left", ["an index without shards", "an index that is none"])
def test_index_that_leads_nowhere_does_not_stop_a_single_file(tmp_path, left):
    """Other libraries leave it behind when they go back to one file."""
    save(tmp_path / "shards", max_shard_size=100)
    model = save(tmp_path / "single")
    shutil.copy(tmp_path / "shards" / INDEX, tmp_path / "single")
    if left == "an index that is none":
        (tmp_path / "single" / INDEX).write_text("{", encoding="utf-8")
    assert same_state(model, TinyModel.from_pretrained(tmp_path / "single"))


def test_two_layouts_of_other_writers_are_loaded_as_ever(tmp_path):
    """Repositories hold both; the single file is used, as everywhere."""
    model = save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(tensors, tmp_path / "model.safetensors")
    save_file(tensors, tmp_path / "model-00001-of-00001.safetensors")
    weight_map = dict.fromkeys(tensors, "model-00001-of-00001.safetensors")
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    assert same_state(model, TinyModel.from_pretrained(tmp_path))


def test_single_files_of_the_same_model_are_the_same_bytes(tmp_path):
    """What needs no identity has none: an unchanged model is an unchanged file."""
    model = save(tmp_path / "one")
    model.save_pretrained(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_variants_are_sets_of_their_own(tmp_path):
    """Two saves in one folder under names of their own are not mixed."""
    plain = save(tmp_path, max_shard_size=100)
    other = save(tmp_path, max_shard_size=100, variant="fp16")
    assert same_state(plain, TinyModel.from_pretrained(tmp_path))
    assert same_state(other, TinyModel.from_pretrained(tmp_path, variant="fp16"))
