"""What a model class declares about names: one text is one pattern, and what is no declaration is refused at once."""

from __future__ import annotations

import re
from types import MappingProxyType

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import ModelDefinitionError, PreTrainedModel, WeightsMismatchError
from tiny_models import HeadModel, TinyConfig, TinyModel, fill_randomly, same_state

PATTERNS = ("_keys_to_ignore_on_load_missing", "_keys_to_ignore_on_load_unexpected")
NAMES = (
    "_keys_to_ignore_on_save",
    "_keep_in_fp32_modules",
    "_keep_in_fp32_modules_strict",
    "_no_split_modules",
    "_skip_keys_device_placement",
    "model_tags",
)
TIES, RENAMINGS = "_tied_weights_keys", "_checkpoint_conversion_mapping"


def declare(name, value, base=TinyModel):
    """Return a class that declares something."""
    return type("Declaring", (base,), {name: value})


@pytest.fixture
def saved(tmp_path):
    """A saved TinyModel of random values."""
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(tmp_path)
    return tmp_path


def without(folder, *names, **added):
    """Remove tensors from a folder's weights, and add others."""
    tensors = load_file(folder / "model.safetensors") | added
    for name in names:
        del tensors[name]
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("name", [*PATTERNS, *NAMES, TIES])
@pytest.mark.parametrize(
    "value", [True, 5, 1.5, b"head", ["head", 5], [["head"]], {"head": 5}, [None], ("",), str], ids=repr
)
def test_what_is_no_collection_of_texts_is_refused_when_the_class_is_made(name, value):
    """The error names the class, the attribute, and what was given."""
    with pytest.raises(ModelDefinitionError, match=rf"^Declaring: {name} must be .*, got "):
        declare(name, value)


@pytest.mark.parametrize("name", [*PATTERNS, *NAMES])
def test_mapping_is_no_collection_of_texts(name):
    """Its values would be lost."""
    with pytest.raises(ModelDefinitionError, match="must be"):
        declare(name, {"head": "body"})


@pytest.mark.parametrize("name", [*PATTERNS, *NAMES, TIES])
@pytest.mark.parametrize("value", [None, "head", ["head"], ("head",), {"head"}, frozenset(["head"]), []], ids=repr)
def test_texts_are_accepted_in_every_collection(name, value):
    """As authors write them for transformers."""
    assert issubclass(declare(name, value), PreTrainedModel)


@pytest.mark.parametrize("name", [*PATTERNS, *NAMES])
def test_one_text_is_a_list_of_one_to_others_too(name):
    """Accelerate iterates over it."""
    assert getattr(declare(name, "head"), name) == ["head"]


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("value", ["(", ["fine", "*"], [r"(?P<x"], "[a"])
def test_bad_regular_expression_is_refused_when_the_class_is_made(name, value):
    """Not at the first load of a checkpoint that lacks something."""
    with pytest.raises(ModelDefinitionError, match=rf"{name} has an invalid regular expression"):
        declare(name, value)


@pytest.mark.parametrize("value", [5, "a", ["a"], [("a", "b", "c")], {"a": 5}, {5: "a"}, [("a", None)]], ids=repr)
def test_renamings_are_pairs_of_texts(value):
    """A dict, or pairs."""
    with pytest.raises(ModelDefinitionError, match=rf"{RENAMINGS} must be a dict"):
        declare(RENAMINGS, value)


@pytest.mark.parametrize("value", [{"(": "a"}, {"a": r"\1"}, [("a", r"\g<x>")]], ids=repr)
def test_renaming_that_cannot_be_carried_out_is_refused(value):
    """A bad expression, or a replacement for a group that there is not."""
    with pytest.raises(ModelDefinitionError, match="invalid regular expression"):
        declare(RENAMINGS, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_model_prefix", None),
        ("base_model_prefix", ["model"]),
        ("base_model_prefix", "model."),
        ("base_model_prefix", "."),
        ("main_input_name", None),
        ("defer_initialization", "False"),
        ("defer_initialization", None),
    ],
)
def test_plain_declarations_have_their_type(name, value):
    """`"False"` would be true, and `"model."` the prefix of nothing."""
    with pytest.raises(ModelDefinitionError, match=f"{name} must be"):
        declare(name, value)


def test_declaration_of_a_mixin_is_checked():
    """It is the class's as well."""

    class Mixin:
        _keys_to_ignore_on_load_missing = 5

    with pytest.raises(ModelDefinitionError, match="_keys_to_ignore_on_load_missing"):
        type("Mixed", (Mixin, TinyModel), {})


def test_class_that_is_given_nothing_is_not_asked(saved):
    """None declares nothing."""
    none = dict.fromkeys([*PATTERNS, *NAMES, TIES, RENAMINGS])
    assert type("Nothing", (TinyModel,), none).from_pretrained(saved)


def test_one_text_allows_what_it_matches_and_nothing_else(saved):
    """Letter by letter, `l` would match every name."""
    without(saved, "layers.1.weight", "layers.0.bias")
    with pytest.raises(WeightsMismatchError) as caught:
        declare(PATTERNS[0], r"layers\.1").from_pretrained(saved)
    assert set(caught.value.report.missing) == {"layers.0.bias"}


def test_one_text_ignores_unexpected_tensors_that_it_matches(saved):
    """And no others."""
    without(saved, extra=torch.zeros(1), other=torch.zeros(1))
    with pytest.raises(WeightsMismatchError) as caught:
        declare(PATTERNS[1], "extra").from_pretrained(saved)
    assert set(caught.value.report.unexpected) == {"other"}


@pytest.mark.parametrize(
    "value",
    [iter(["layers.1"]), (name for name in ["layers.1"]), re.compile("layers.1")],
    ids=["iterator", "generator", "pattern"],
)
def test_iterator_lasts_for_every_load(saved, value):
    """It is read once, when the class is made."""
    without(saved, "layers.1.weight")
    model_class = declare(PATTERNS[0], value)
    for _ in range(2):
        assert model_class.from_pretrained(saved)


@pytest.mark.parametrize("name", ["_keep_in_fp32_modules", "_keep_in_fp32_modules_strict"])
@pytest.mark.parametrize("value", ["layers.1", ["layers.1"], {"1"}, "1"], ids=str)
def test_modules_stay_in_float32(saved, name, value):
    """Named by a part of their path or by several, in one text or a collection."""
    loaded = declare(name, value).from_pretrained(saved, dtype=torch.float16)
    assert loaded.layers[1].weight.dtype is torch.float32
    assert loaded.layers[0].weight.dtype is torch.float16


def test_names_of_modules_are_no_patterns(saved):
    """`ayers` is part of a name and names nothing, nor does a dot stand for any letter."""
    loaded = declare("_keep_in_fp32_modules", ["ayers", "layers.", "l.yers"]).from_pretrained(saved, dtype="float16")
    assert loaded.dtype is torch.float16


def test_inner_model_keeps_what_it_declares(tmp_path):
    """Whoever puts it into another model does not repeat its declarations."""

    class Inner(TinyModel):
        _keep_in_fp32_modules = "1"
        _keys_to_ignore_on_load_missing = r"^layers\.0\.bias"

    class Outer(HeadModel):
        def __init__(self, config):
            super().__init__(config)
            self.tiny = Inner(config)

    fill_randomly(Outer(TinyConfig())).save_pretrained(tmp_path)
    without(tmp_path, "tiny.layers.0.bias")
    loaded = Outer.from_pretrained(tmp_path, dtype=torch.float16)
    assert loaded.tiny.layers[1].weight.dtype is torch.float32
    assert loaded.head.weight.dtype is torch.float16


OLD_NAMES = {r"^blocks\.(\d+)\.kernel$": r"layers.\1.weight", r"^blocks\.": "layers."}


class OldInner(TinyModel):
    """A model that was called otherwise, and that is also put into others."""

    base_model_prefix = "tiny"
    _checkpoint_conversion_mapping = OLD_NAMES
    _keys_to_ignore_on_save = "scratch"
    _keys_to_ignore_on_load_missing = "^scratch"

    def __init__(self, config):
        super().__init__(config)
        self.scratch = nn.Parameter(torch.zeros(2))


class OldOuter(PreTrainedModel):
    """A head beside such a model, with a part whose names the inner model's renamings would match."""

    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config):
        super().__init__(config)
        self.tiny = OldInner(config)
        self.blocks = nn.ModuleList([nn.Linear(3, 3)])


def test_inner_model_renames_its_own_names_and_no_others():
    """As declared for the checkpoint of the inner model, in that of the whole as in its own, and either way."""
    outer = fill_randomly(OldOuter(TinyConfig()))
    with torch.no_grad():
        outer.tiny.scratch.zero_()
    whole, inner = outer.state_dict(), outer.tiny.state_dict()
    old_whole = {re.sub(r"^tiny\.layers\.(\d+)\.weight", r"tiny.blocks.\1.kernel", name): whole[name] for name in whole}
    old_inner = {re.sub(r"^layers\.(\d+)\.weight", r"blocks.\1.kernel", name): inner[name] for name in inner}
    config = TinyConfig()
    assert same_state(OldOuter.from_pretrained(None, config=config, state_dict=old_whole), outer)
    assert same_state(OldInner.from_pretrained(None, config=config, state_dict=old_inner), outer.tiny)
    from_inner = OldOuter.from_pretrained(None, config=config, state_dict=old_inner, allow_missing=["blocks"])
    assert same_state(from_inner.tiny, outer.tiny)
    from_whole = OldInner.from_pretrained(None, config=config, state_dict=old_whole, allow_unexpected=["blocks"])
    assert same_state(from_whole, outer.tiny)


def test_inner_model_leaves_out_of_a_save_what_it_would_leave_out_of_its_own(tmp_path):
    """As in transformers 5."""
    outer = fill_randomly(OldOuter(TinyConfig()))
    outer.save_pretrained(tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == outer.state_dict().keys() - {"tiny.scratch"}
    assert torch.equal(OldOuter.from_pretrained(tmp_path).tiny.scratch, torch.zeros(2))


def declaring_itself(name, value):
    """Return a class whose instances declare something in their constructor."""

    class Instance(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            setattr(self, name, value)

    return Instance


def test_declaration_of_an_instance_counts(saved):
    """Some depend on the config."""
    without(saved, "layers.1.weight", extra=torch.zeros(1))
    model_class = declaring_itself(PATTERNS[0], "layers.1")
    assert model_class.from_pretrained(saved, allow_unexpected=["extra"])
    loaded = declaring_itself("_keep_in_fp32_modules", "1").from_pretrained(saved, dtype="float16", strict=False)
    assert loaded.layers[1].bias.dtype is torch.float32


@pytest.mark.parametrize("name", [*PATTERNS, "_keep_in_fp32_modules", TIES, RENAMINGS])
def test_declaration_of_an_instance_is_checked_when_it_is_read(saved, name):
    """There is no earlier moment."""
    with pytest.raises(ModelDefinitionError, match=rf"Instance: {name} must be"):
        declaring_itself(name, 5).from_pretrained(saved)


def test_declaration_may_be_a_property(saved):
    """It is read from the instance."""

    class Model(TinyModel):
        @property
        def _keys_to_ignore_on_load_missing(self):
            return f"layers.{self.config.depth - 1}"

    without(saved, "layers.1.weight")
    assert Model.from_pretrained(saved)


def test_one_name_is_left_out_of_a_save(tmp_path):
    """Letter by letter, nothing would be."""
    declare("_keys_to_ignore_on_save", "layers.0.bias")(TinyConfig()).save_pretrained(tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == {"layers.0.weight", "layers.1.weight", "layers.1.bias"}


def test_one_tag_is_one_tag():
    """Not one for each letter."""
    model = declare("model_tags", "vision")(TinyConfig())
    model.add_model_tags("tiny")
    assert model.model_tags == ["vision", "tiny"]


@pytest.mark.parametrize("mapping", [dict, MappingProxyType], ids=["dict", "proxy"])
def test_ties_may_be_any_mapping(tmp_path, mapping):
    """A read-only one, too."""

    class Tied(PreTrainedModel):
        config_class = TinyConfig
        _tied_weights_keys = mapping({"head.weight": "embedding.weight"})

        def __init__(self, config):
            super().__init__(config)
            self.embedding = nn.Embedding(6, config.width)
            self.head = nn.Linear(config.width, 6, bias=False)

    TinyConfig().save_pretrained(tmp_path)
    save_file({"embedding.weight": torch.ones(6, 4)}, tmp_path / "model.safetensors")
    loaded = Tied.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight


def rename_to_old(folder):
    """Give the tensors of a folder the names that OLD_NAMES renames."""
    tensors = load_file(folder / "model.safetensors")
    renamed = {
        name.replace("layers.", "blocks.").replace("weight", "kernel"): tensor for name, tensor in tensors.items()
    }
    save_file(renamed, folder / "model.safetensors")


@pytest.mark.parametrize("value", [OLD_NAMES, list(OLD_NAMES.items()), [list(pair) for pair in OLD_NAMES.items()]])
def test_class_renames_what_older_checkpoints_call_otherwise(saved, value):
    """Without any argument of the load."""
    expected = TinyModel.from_pretrained(saved, read="copy")
    rename_to_old(saved)
    model_class = declare(RENAMINGS, value)
    assert same_state(model_class.from_pretrained(saved), expected)


def test_what_is_saved_under_the_new_names_is_not_renamed(tmp_path):
    """Even where an expression matches a new name as well: what a save writes, a load gives back."""

    class Model(TinyModel):
        _checkpoint_conversion_mapping = {"layers": "layers.inner", "0": "1"}  # noqa: RUF012

    model = fill_randomly(Model(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(Model.from_pretrained(tmp_path), model)


def test_declared_renamings_come_after_the_callers(saved):
    """The caller knows the file."""
    expected = TinyModel.from_pretrained(saved, read="copy")
    rename_to_old(saved)
    model_class = declare(RENAMINGS, {r"^blocks\.": "wrong."})
    assert same_state(model_class.from_pretrained(saved, key_mapping=OLD_NAMES), expected)


def test_declared_renamings_apply_to_a_checkpoint_with_a_head(tmp_path):
    """Of old names below the prefix."""
    whole = fill_randomly(HeadModel(TinyConfig()))
    whole.save_pretrained(tmp_path)
    rename_to_old(tmp_path)
    old = {r"\bblocks\.": "layers.", r"kernel$": "weight"}
    combined = {
        r"^tiny\.blocks\.(\d+)\.kernel$": r"tiny.layers.\1.weight",
        r"\bblocks\.": "layers.",
        "kernel": "weight",
    }
    assert same_state(declare(RENAMINGS, combined, HeadModel).from_pretrained(tmp_path), whole)
    base = type("Base", (TinyModel,), {RENAMINGS: combined, "base_model_prefix": "tiny"})
    assert same_state(base.from_pretrained(tmp_path, strict=False), whole.tiny)
    with pytest.raises(WeightsMismatchError):  # the first expression that matches renames, and no other
        declare(RENAMINGS, old, HeadModel).from_pretrained(tmp_path)
