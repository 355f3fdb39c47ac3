"""Every file that transformers writes for a custom model loads here, and the reverse, tensor by tensor."""

from __future__ import annotations

import json

import pytest
import torch

from tiny_models import same_state
from twin_models import OURS, THEIRS, TWINS, fill_differently

pytest.importorskip("transformers", reason="needs the dependency group `peers`: uv sync --group peers")

LAYOUTS = {
    "one file": {},
    "shards": {"max_shard_size": 600},
    "variant": {"variant": "fp16"},
    "shards of a variant": {"variant": "fp16", "max_shard_size": 600},
}
DTYPES = (torch.bfloat16, torch.float16, torch.float64)
DIRECTIONS = {"from transformers": (THEIRS, OURS), "to transformers": (OURS, THEIRS)}

pytestmark = pytest.mark.parametrize(("writer", "reader"), DIRECTIONS.values(), ids=DIRECTIONS)


def made(models, name, dtype=torch.float32):
    """Return a model with values of its own."""
    return fill_differently(getattr(models, name)(models.Config()).to(dtype))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", TWINS)
def test_tensors_are_equal_in_every_layout(tmp_path, name, layout, writer, reader):
    """One file or many, with or without a variant: names, dtypes and bits are those that were saved."""
    model = made(writer, name)
    model.save_pretrained(tmp_path, **layout)
    loaded = getattr(reader, name).from_pretrained(tmp_path, variant=layout.get("variant"))
    assert same_state(model, loaded)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", TWINS)
def test_dtypes_are_kept(tmp_path, name, dtype, writer, reader):
    """A checkpoint in half precision loads in half precision, and its config says so."""
    model = made(writer, name, dtype)
    model.save_pretrained(tmp_path)
    loaded = getattr(reader, name).from_pretrained(tmp_path)
    assert same_state(model, loaded)
    assert str(loaded.config.dtype).removeprefix("torch.") == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", TWINS)
def test_tensors_are_converted_alike(tmp_path, name, writer, reader):
    """Asked for bfloat16, both give the same bits."""
    made(writer, name).save_pretrained(tmp_path)
    one, other = (getattr(side, name).from_pretrained(tmp_path, dtype=torch.bfloat16) for side in (writer, reader))
    assert same_state(one, other)


def test_tied_weights_are_tied_again(tmp_path, writer, reader):
    """The file holds one of two names, and the loaded model one tensor."""
    made(writer, "Tied").save_pretrained(tmp_path)
    loaded = reader.Tied.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight


def test_ties_that_a_config_switches_off_are_two_tensors(tmp_path, writer, reader):
    """`tie_word_embeddings` false means the same on both sides: declared ties are not made."""
    model = fill_differently(writer.Tied(writer.Config(tie_word_embeddings=False)))
    model.save_pretrained(tmp_path)
    loaded = reader.Tied.from_pretrained(tmp_path)
    assert same_state(model, loaded)
    assert not torch.equal(loaded.head.weight, loaded.embedding.weight)


def test_tied_weights_are_tied_again_from_a_pickle_of_both(tmp_path, writer, reader):
    """A state dict that was pickled whole has both names."""
    model = made(writer, "Tied")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    loaded = reader.Tied.from_pretrained(tmp_path)
    assert same_state(model, loaded)
    assert loaded.head.weight is loaded.embedding.weight


@pytest.mark.parametrize("name", TWINS)
def test_legacy_file_loads(tmp_path, name, writer, reader):
    """Older versions of transformers pickled state dicts."""
    model = made(writer, name)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    assert same_state(model, getattr(reader, name).from_pretrained(tmp_path))


def test_legacy_shards_load(tmp_path, writer, reader):
    """Older versions of transformers pickled large ones in shards, with an index."""
    model = made(writer, "Norms")
    model.config.save_pretrained(tmp_path)
    weight_map = {}
    for number, (name, tensor) in enumerate(model.state_dict().items()):
        weight_map[name] = f"pytorch_model-{number + 1:05d}-of-{len(model.state_dict()):05d}.bin"
        torch.save({name: tensor}, tmp_path / weight_map[name])
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert same_state(model, reader.Norms.from_pretrained(tmp_path))


def test_inner_model_takes_the_weights_of_one_with_a_head(tmp_path, writer, reader):
    """The names in the file carry the prefix, which the inner model has not."""
    model = made(writer, "Headed")
    model.save_pretrained(tmp_path)
    allowed = {"allow_unexpected": ["head"]} if reader is OURS else {}
    assert same_state(model.inner, reader.Inner.from_pretrained(tmp_path, **allowed))


def test_model_with_a_head_takes_the_weights_of_the_inner_one(tmp_path, writer, reader):
    """The names in the file lack the prefix."""
    model = made(writer, "Inner")
    model.save_pretrained(tmp_path)
    allowed = {"allow_missing": ["head"]} if reader is OURS else {}
    assert same_state(model, reader.Headed.from_pretrained(tmp_path, **allowed).inner)


def test_config_keeps_its_fields(tmp_path, writer, reader):
    """Fields of the class, labels and names of the problem mean the same on both sides."""
    labels = {0: "cat", 1: "dog", 2: "owl"}
    config = writer.Config(width=5, id2label=labels, problem_type="single_label_classification")
    config.notes = [1, {"a": None}]
    config.save_pretrained(tmp_path)
    loaded = reader.Config.from_pretrained(tmp_path)
    assert (loaded.width, loaded.notes, loaded.num_labels) == (5, [1, {"a": None}], 3)
    assert (loaded.id2label, loaded.label2id) == (labels, {"cat": 0, "dog": 1, "owl": 2})
    assert loaded.problem_type == "single_label_classification"


def test_checkpoint_survives_the_way_there_and_back(tmp_path, writer, reader):
    """Loaded on the other side, saved there, and loaded again, nothing is lost or added."""
    model = made(writer, "Headed")
    model.save_pretrained(tmp_path / "there")
    reader.Headed.from_pretrained(tmp_path / "there").save_pretrained(tmp_path / "back")
    returned = writer.Headed.from_pretrained(tmp_path / "back")
    assert same_state(model, returned)
    assert returned.config.width == model.config.width


def test_saves_of_both_into_one_folder_are_never_mixed(tmp_path, writer, reader):
    """Whoever saves last wins, or the load is refused: no weights of the save before."""
    made(reader, "Inner").save_pretrained(tmp_path, max_shard_size=600)
    last = made(writer, "Inner")
    last.save_pretrained(tmp_path, max_shard_size=900)
    assert same_state(last, OURS.Inner.from_pretrained(tmp_path))
