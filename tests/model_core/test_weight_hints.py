"""Errors of weights that do not match or cannot be read say what to do, and doing it gives the right model."""

from __future__ import annotations

import argparse
import copy
import pickle
import re
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import prune

from config_core import PretrainedConfig
from model_core import (
    ArgumentError,
    ModelDefinitionError,
    PreTrainedModel,
    StateDictError,
    WeightsFileError,
    WeightsMismatchError,
    WeightsNotFoundError,
)
from tiny_models import HeadModel, NormModel, TinyConfig, TinyModel, fill_randomly, same_state


def rewritten(model, folder, change):
    """Save a model, rewrite its weights, and return it."""
    fill_randomly(model).save_pretrained(folder)
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")
    return model


def message_of(model_class, folder, **options):
    """Return the message of the error that a load raises."""
    with pytest.raises(WeightsMismatchError) as caught:
        model_class.from_pretrained(folder, **options)
    return str(caught.value)


def suggested(message):
    """Return the arguments that a message suggests, as a program would write them."""
    found = {}
    for name in ("key_mapping", "allow_missing", "allow_unexpected"):
        code = rf"^    {name}=(\{{.*?\}}|\[.*?\]|True)(?= renames| \(in| keeps| skips)"
        if match := re.search(code, message, re.MULTILINE):
            found[name] = eval(match[1], {})
    return found


class Attention(PreTrainedModel):
    """Layers of several parts whose shapes are the same."""

    config_class = TinyConfig
    base_model_prefix = "attention"

    def __init__(self, config):
        super().__init__(config)
        width = config.width
        self.embedding = nn.Embedding(9, width)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "attn": nn.ModuleDict({name: nn.Linear(width, width) for name in ("q", "k", "v")}),
                    "norm": nn.LayerNorm(width),
                    "mlp": nn.Linear(width, 3 * width),
                }
            )
            for _ in range(config.depth)
        )


def substitute(*pairs):
    """Return a change of names by regular expressions, all of which apply."""

    def change(tensors):
        renamed = {}
        for name, tensor in tensors.items():
            for pattern, replacement in pairs:
                name = re.sub(pattern, replacement, name)  # noqa: PLW2901
            renamed[name] = tensor
        return renamed

    return change


RENAMINGS = {
    "prefix": [(r"^", "module.")],
    "prefix of two parts": [(r"^", "model.net.")],
    "prefix with a number": [(r"^", "0.")],
    "prefix that looks like an expression": [(r"^", "a+b(c.")],
    "list": [(r"^layers\.", "blocks.")],
    "list below a prefix": [(r"^layers\.", "encoder.blocks.")],
    "middle": [(r"\.mlp\.", ".ffn.")],
    "two in the middle": [(r"\.mlp\.", ".ffn."), (r"\.norm\.", ".layer_norm.")],
    "everything": [(r"^layers\.", "h."), (r"\.attn\.", ".attention."), (r"^embedding\.", "wte.")],
    "written out": [(r"\.q\.", ".query."), (r"\.k\.", ".key."), (r"\.v\.", ".value.")],
    "old names of a norm": [(r"norm\.weight", "norm.gamma"), (r"norm\.bias", "norm.beta")],
    "sharded layers": [
        (r"^", "_fsdp_wrapped_module."),
        (r"layers\.(\d+)\.", r"layers.\1._fsdp_wrapped_module._checkpoint_wrapped_module."),
    ],
    "compiled layers below a prefix": [(r"layers\.(\d+)\.", r"layers.\1._orig_mod."), (r"^", "model.")],
    "sharded layers below a prefix": [
        (r"layers\.(\d+)\.", r"layers.\1._fsdp_wrapped_module."),
        (r"^", "_fsdp_wrapped_module.model."),
    ],
    "compiled layers": [(r"layers\.(\d+)\.", r"layers.\1._orig_mod.")],
    "single": [(r"^embedding\.", "tokens.")],
}


@pytest.mark.parametrize("renaming", RENAMINGS.values(), ids=RENAMINGS)
def test_renaming_is_found_and_works_as_it_is_written(tmp_path, renaming):
    """Pasted into the call, the suggested arguments give the model that was saved."""
    model = rewritten(Attention(TinyConfig()), tmp_path, substitute(*renaming))
    message = message_of(Attention, tmp_path)
    arguments = suggested(message)
    assert arguments.keys() == {"key_mapping"}
    assert "allow_" not in message
    assert same_state(Attention.from_pretrained(tmp_path, **arguments), model)


class Named(PreTrainedModel):
    """Two layers whose shapes differ."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.encoder = nn.Linear(3, config.width)
        self.decoder = nn.Linear(config.width, 5)


def test_numbers_of_a_sequence_are_renamed_to_names(tmp_path):
    """Nothing but the shapes, of which each occurs once, says which layer is which."""
    numbers = {"encoder": "0", "decoder": "2"}
    model = rewritten(
        Named(TinyConfig()),
        tmp_path,
        lambda state: {re.sub(r"^\w+", lambda name: numbers[name[0]], name): state[name] for name in state},
    )
    loaded = Named.from_pretrained(tmp_path, **suggested(message_of(Named, tmp_path)))
    assert same_state(loaded, model)


def test_missing_prefix_is_found(tmp_path):
    """The model has one that the checkpoint lacks, and the class does not say so."""

    class Wrapped(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.model = TinyModel(config)

    inner = fill_randomly(TinyModel(TinyConfig()))
    inner.save_pretrained(tmp_path)
    arguments = suggested(message_of(Wrapped, tmp_path))
    assert arguments == {"key_mapping": {"^": "model."}}
    assert same_state(Wrapped.from_pretrained(tmp_path, **arguments).model, inner)


def test_prefix_in_place_of_another_is_found_beside_a_head_of_another_size(tmp_path):
    """One expression for all, and the field of the config for the head."""

    class Wrapped(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.model = HeadModel(config)

    model = rewritten(Wrapped(TinyConfig(num_labels=7)), tmp_path, substitute((r"^model\.", "net.")))
    message = message_of(Wrapped, tmp_path, num_labels=3)
    assert suggested(message) == {"key_mapping": {r"^net\.": "model."}}
    assert "num_labels=7 builds the model" in message
    assert same_state(Wrapped.from_pretrained(tmp_path, num_labels=7, **suggested(message)), model)


def test_what_no_renaming_explains_is_allowed_by_name(tmp_path):
    """The renaming first, and then the options for the rest."""

    def change(tensors):
        renamed = substitute((r"^layers\.", "blocks."))(tensors)
        del renamed["blocks.1.norm.bias"]
        return renamed | {"ema.decay": torch.zeros(5, 5, 5), "ema.steps": torch.zeros(6, 6)}

    model = rewritten(Attention(TinyConfig()), tmp_path, change)
    message = message_of(Attention, tmp_path)
    assert message.index("key_mapping") < message.index("allow_missing") < message.index("allow_unexpected")
    arguments = suggested(message)
    assert arguments["allow_missing"] == ["layers.1.norm.bias"]
    assert arguments["allow_unexpected"] == ["ema"]
    loaded = Attention.from_pretrained(tmp_path, **arguments)
    assert torch.equal(loaded.layers[1]["attn"]["q"].weight, model.layers[1]["attn"]["q"].weight)


def test_names_that_nothing_tells_apart_are_not_paired(tmp_path):
    """Three layers of one shape under three new names: any pairing would be a guess."""
    rewritten(
        Attention(TinyConfig()), tmp_path, substitute((r"\.q\.", ".one."), (r"\.k\.", ".two."), (r"\.v\.", ".three."))
    )
    assert "key_mapping" not in message_of(Attention, tmp_path)


def test_renaming_goes_before_the_callers_own(tmp_path):
    """It is added to what the caller renames already."""
    model = rewritten(
        Attention(TinyConfig()), tmp_path, substitute((r"^layers\.", "blocks."), (r"^embedding\.", "wte."))
    )
    own = {r"^wte\.": "embedding."}
    message = message_of(Attention, tmp_path, key_mapping=own)
    assert "in front of your own" in message
    mapping = suggested(message)["key_mapping"]
    assert same_state(Attention.from_pretrained(tmp_path, key_mapping=mapping | own), model)


@pytest.mark.parametrize("lenient", [{"strict": False}, {"allow_missing": True, "allow_unexpected": True}], ids=str)
def test_renaming_is_shown_when_a_lenient_load_is_refused(tmp_path, lenient):
    """The reason for most loads in which nothing fits."""
    model = rewritten(TinyModel(TinyConfig()), tmp_path, substitute(("^", "module.")))
    arguments = suggested(message_of(TinyModel, tmp_path, **lenient))
    assert same_state(TinyModel.from_pretrained(tmp_path, **arguments), model)


def test_base_model_under_another_name_is_renamed_and_not_taken_from_the_head(tmp_path):
    """The head's own `norm` is what the error says to skip."""

    class Base(PreTrainedModel):
        config_class = TinyConfig
        base_model_prefix = "enc"

        def __init__(self, config):
            super().__init__(config)
            self.norm = nn.LayerNorm(config.width)
            self.layer = nn.Linear(config.width, config.width)

    class Head(Base):
        def __init__(self, config):
            PreTrainedModel.__init__(self, config)
            self.backbone = Base(config)
            self.norm = nn.LayerNorm(config.width)

    whole = fill_randomly(Head(TinyConfig()))
    whole.save_pretrained(tmp_path)
    arguments = suggested(message_of(Base, tmp_path))
    assert arguments["allow_unexpected"] == ["norm"]
    assert same_state(Base.from_pretrained(tmp_path, **arguments), whole.backbone)


@pytest.mark.parametrize("lenient", [{"strict": False}, {"allow_missing": True, "allow_unexpected": True}], ids=str)
def test_lenient_load_does_not_leave_out_a_base_model_of_another_name(tmp_path, lenient):
    """Only names that somebody has listed are left out although they are there."""
    model = rewritten(HeadModel(TinyConfig()), tmp_path, substitute((r"^tiny\.", "encoder.")))
    message = message_of(HeadModel, tmp_path, **lenient)
    assert "most of what is missing is in the checkpoint under other names" in message
    assert same_state(HeadModel.from_pretrained(tmp_path, **suggested(message), **lenient), model)
    HeadModel.from_pretrained(tmp_path, allow_missing=["tiny"], allow_unexpected=["encoder"])


def test_head_of_another_name_may_be_left_out_by_a_lenient_load(tmp_path):
    """It is of another task."""
    model = rewritten(HeadModel(TinyConfig()), tmp_path, substitute((r"^head\.", "classifier.")))
    loaded = HeadModel.from_pretrained(tmp_path, strict=False)
    assert same_state(loaded.tiny, model.tiny)


def test_expression_that_does_harm_is_to_be_left_out(tmp_path):
    """Everything matches without it."""
    rewritten(TinyModel(TinyConfig(depth=3)), tmp_path, dict)
    message = message_of(TinyModel, tmp_path, key_mapping={r"^layers\.0\.": "layers.1."})
    assert "leave out key_mapping: 6 tensors match without it" in message


def test_names_that_become_one_are_told(tmp_path):
    """Neither is one that the model lacks."""
    model = HeadModel(TinyConfig())
    rewritten(model, tmp_path, lambda tensors: tensors | {"old.weight": torch.zeros(2, 4)})
    message = message_of(HeadModel, tmp_path, key_mapping={r"^old\.": "head."})
    assert "head.weight and old.weight of the checkpoint become head.weight: narrow the expressions" in message


@pytest.mark.parametrize("options", [{"strict": False}, {"allow_missing": True, "allow_unexpected": True}])
def test_no_option_lets_a_load_decide_between_names_that_become_one(tmp_path, options):
    """The model would silently have the tensor of one layer in another, unless the caller names what to skip."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    message = message_of(TinyModel, tmp_path, key_mapping={r"layers\.\d": "layers.0"}, **options)
    assert "layers.0.weight and layers.1.weight of the checkpoint become layers.0.weight: narrow" in message


MADE_OF_PARTS = {
    "PEFT": lambda state: {
        **{f"base_model.model.{name}": tensor for name, tensor in state.items() if "head" not in name},
        "base_model.model.head.modules_to_save.default.weight": state["head.weight"],
        "base_model.model.head.original_module.weight": state["head.weight"],
    },
    "FSDP": lambda _: {"_fsdp_wrapped_module._flat_param": torch.zeros(50)},
    "DeepSpeed": lambda state: {name: torch.empty(0) for name in state},
}


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("PEFT", "merge_and_unload"), ("FSDP", "full_state_dict=True"), ("DeepSpeed", "Accelerator")],
)
def test_parts_that_weights_are_made_of_are_not_waved_through(kind, advice):
    """The error says what makes whole weights of them, and neither an option nor a config field that loses them."""
    state = MADE_OF_PARTS[kind](HeadModel(TinyConfig()).state_dict())
    with pytest.raises(WeightsMismatchError, match=advice) as caught:
        HeadModel.from_pretrained(None, config=TinyConfig(), state_dict=state)
    assert "allow_" not in str(caught.value)
    assert "=0 builds" not in str(caught.value)


def test_parameters_without_buffers_are_told_from_a_state_dict():
    """Whoever passes `named_parameters()` learns what that leaves out."""
    model = NormModel(TinyConfig())
    with pytest.raises(WeightsMismatchError, match=r"only buffers are missing, which named_parameters\(\)"):
        NormModel.from_pretrained(None, config=TinyConfig(), state_dict=dict(model.named_parameters()))


class Untied(PreTrainedModel):
    """An embedding and an output of its size."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(9, config.width)
        self.head = nn.Linear(config.width, 9, bias=False)


def test_output_that_a_save_left_out_as_tied_is_told_to_be(tmp_path):
    """Other libraries do not record that; a new output layer would be a random one."""
    rewritten(Untied(TinyConfig()), tmp_path, lambda state: {"embed.weight": state["embed.weight"]})
    message = message_of(Untied, tmp_path)
    assert "_tied_weights_keys = {'head.weight': 'embed.weight'}" in message
    assert message.index("_tied_weights_keys") < message.index("allow_missing")


def test_flat_checkpoint_of_a_model_with_a_head_is_renamed(tmp_path):
    """As timm writes it: the base model's names without the prefix, and the head's beside them."""
    whole = rewritten(HeadModel(TinyConfig()), tmp_path, substitute((r"^tiny\.", "")))
    arguments = suggested(message_of(HeadModel, tmp_path))
    assert same_state(HeadModel.from_pretrained(tmp_path, **arguments), whole)


@pytest.mark.parametrize(
    ("model_class", "of", "expected"),
    [
        (HeadModel, TinyModel, {"allow_missing": ["head"]}),
        (TinyModel, HeadModel, {"key_mapping": {r"^tiny\.": ""}, "allow_unexpected": ["head"]}),
    ],
)
def test_options_name_the_modules_that_are_missing_or_left_over(tmp_path, model_class, of, expected):
    """As Python code, not as a description of a list."""
    fill_randomly(of(TinyConfig())).save_pretrained(tmp_path)
    arguments = suggested(message_of(model_class, tmp_path))
    assert arguments == expected
    assert model_class.from_pretrained(tmp_path, **arguments)


def test_no_option_is_offered_that_the_next_load_refuses():
    """A renaming that explains next to nothing leaves nothing that is worth a lenient load."""

    class Unlike(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.embedding = nn.Embedding(9, 2)
            for letter in "abcdefghij":
                self.add_module(letter, nn.Linear(4, 4))

    state = {name.replace(".", "_"): tensor for name, tensor in Unlike(TinyConfig()).state_dict().items()}
    message = message_of(Unlike, None, config=TinyConfig(), state_dict=state)
    assert suggested(message).keys() == {"key_mapping"}


def test_pattern_that_matches_no_tensor_is_named(tmp_path):
    """Such as a regular expression, as transformers takes them, or a misspelt name."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    allowed = {"allow_missing": [r"^head\.", "head.bias"], "allow_unexpected": ["lm_head"]}
    message = message_of(HeadModel, tmp_path, **allowed)
    assert r"what is missing ('^head\\.' matches no tensor of the model)" in message
    assert "lm_head" not in message


def test_no_option_is_offered_for_a_checkpoint_of_which_nothing_matches(tmp_path):
    """It would give a model of random weights."""
    NormModel(TinyConfig()).save_pretrained(tmp_path)
    message = message_of(TinyModel, tmp_path)
    assert "no tensor of the checkpoint is one of the model (4 missing, 8 unexpected)" in message
    assert "saved from NormModel, not TinyModel" in message
    assert "allow_" not in message


class Classifier(PreTrainedModel):
    """A body and a head."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.body = nn.Linear(config.width, config.width)
        self.fc = nn.Linear(config.width, config.num_labels)


def test_replaced_classifier_is_loaded_with_its_own_number_of_classes(tmp_path):
    """What throws the trained head away stands last, and says that it does."""
    model = Classifier(TinyConfig(num_labels=1000))
    model.fc = nn.Linear(4, 7)
    fill_randomly(model).save_pretrained(tmp_path)
    message = message_of(Classifier, tmp_path)
    assert "num_labels=7 builds the model with the classes of the checkpoint, instead of 1000" in message
    assert message.index("num_labels=7") < message.index("ignore_mismatched_sizes=True discards")
    assert same_state(Classifier.from_pretrained(tmp_path, num_labels=7), model)


def test_other_size_is_explained_by_the_field_of_the_config(tmp_path):
    """Whatever the field is called."""
    model = fill_randomly(Classifier(TinyConfig(width=6)))
    model.save_pretrained(tmp_path)
    assert "width=6 builds the model" in message_of(Classifier, tmp_path, width=9)


def test_size_that_no_field_explains_is_not_explained(tmp_path):
    """The config may not know of it."""
    rewritten(Classifier(TinyConfig()), tmp_path, lambda tensors: tensors | {"body.weight": torch.zeros(77, 4)})
    message = message_of(Classifier, tmp_path, num_labels=3, width=4)
    assert "builds the model" not in message


def test_size_that_other_tensors_have_is_not_explained(tmp_path):
    """A field that would change them too is not the reason."""
    rewritten(TinyModel(TinyConfig()), tmp_path, lambda tensors: tensors | {"layers.0.weight": torch.zeros(4, 5)})
    assert "builds the model" not in message_of(TinyModel, tmp_path)


@pytest.mark.parametrize(("stored", "asked"), [(3, 2), (2, 5), (1, 2)])
def test_other_number_of_layers_is_explained_by_the_field_of_the_config(tmp_path, stored, asked):
    """Before the options that leave trained layers out or new ones in."""
    model = fill_randomly(TinyModel(TinyConfig(depth=stored)))
    model.save_pretrained(tmp_path)
    message = message_of(TinyModel, tmp_path, depth=asked)
    assert f"depth={stored} builds the model with as many layers as the checkpoint has, instead of {asked}" in message
    assert message.index("builds the model") < message.index("    allow_")
    assert same_state(TinyModel.from_pretrained(tmp_path, depth=stored), model)


class PairConfig(PretrainedConfig):
    """Two configs in one."""

    model_type = "tiny-pair"
    sub_configs: ClassVar = {"image": TinyConfig, "text": TinyConfig}

    def __init__(self, image=None, text=None, **kwargs):
        self.image = image or TinyConfig()
        self.text = text or TinyConfig()
        super().__init__(**kwargs)


class PairModel(PreTrainedModel):
    """Two models in one."""

    config_class = PairConfig

    def __init__(self, config):
        super().__init__(config)
        self.image, self.text = TinyModel(config.image), TinyModel(config.text)


def test_other_number_of_layers_is_explained_by_the_field_of_a_part(tmp_path):
    """The argument sets it as it is written."""
    model = fill_randomly(PairModel(PairConfig(text=TinyConfig(depth=5))))
    model.save_pretrained(tmp_path)
    assert "text={'depth': 5} builds the model with" in message_of(PairModel, tmp_path, text={"depth": 3})
    assert same_state(PairModel.from_pretrained(tmp_path, text={"depth": 5}), model)


class PairsConfig(PretrainedConfig):
    """Sizes of several kinds."""

    model_type = "tiny-pairs"

    def __init__(self, size=4, vocabulary=11, num_encoder_layers=2, num_decoder_layers=2, **kwargs):
        self.size = size
        self.vocabulary = vocabulary
        self.num_encoder_layers = num_encoder_layers
        self.num_decoder_layers = num_decoder_layers
        super().__init__(**kwargs)


class Pairs(PreTrainedModel):
    """Two lists of layers, an embedding and a classifier."""

    config_class = PairsConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocabulary, config.size)
        for name in ("encoder", "decoder"):
            layers = (nn.Linear(config.size, 3 * config.size) for _ in range(getattr(config, f"num_{name}_layers")))
            self.add_module(name, nn.ModuleDict({"layers": nn.ModuleList(layers)}))
        self.classifier = nn.Linear(config.size, config.num_labels)


@pytest.mark.parametrize(
    "fields",
    [
        {"vocabulary": 13, "num_labels": 5},
        {"size": 6, "vocabulary": 13},
        {"num_decoder_layers": 4},
        {"num_decoder_layers": 3, "num_encoder_layers": 1},
        {"size": 6, "vocabulary": 13, "num_labels": 7, "num_decoder_layers": 3},
    ],
    ids=" ".join,
)
def test_several_fields_of_the_config_are_named_together(tmp_path, fields):
    """Whichever sizes and numbers of layers differ, with multiples of sizes."""
    model = fill_randomly(Pairs(PairsConfig(**fields)))
    PairsConfig().save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    found = re.findall(r"^    (\w+)=(\d+)(?: \(or .*\))? builds the model", message_of(Pairs, tmp_path), re.MULTILINE)
    assert {name: int(value) for name, value in found} == fields
    assert same_state(Pairs.from_pretrained(tmp_path, **fields), model)


class Twin(PreTrainedModel):
    """Two lists whose lengths one field gives, which is equal to the width."""

    config_class = TinyConfig

    def __init__(self, config, other=None):
        super().__init__(config)
        self.left, self.right = (
            nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(depth))
            for depth in (config.depth, other or config.depth)
        )


def test_field_of_two_lists_of_layers_is_named_once(tmp_path):
    """And not for the size that happens to be equal."""
    model = fill_randomly(Twin(TinyConfig(width=6, depth=4)))
    TinyConfig(width=3, depth=3).save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    lines = [line.strip() for line in message_of(Twin, tmp_path).splitlines() if "builds the model" in line]
    assert len(lines) == 2
    assert lines[0].startswith("width=6 builds the model with the size")
    assert re.match(r"depth=4 .*builds the model with as many left and right as the checkpoint has, ", lines[1])


class ShortNamesConfig(PretrainedConfig):
    """Fields of one value, of which the first is no number of layers."""

    model_type = "tiny-short-names"

    def __init__(self, width=3, num_dec=3, num_enc=3, **kwargs):
        self.width, self.num_dec, self.num_enc = width, num_dec, num_enc
        super().__init__(**kwargs)


class ShortNames(PreTrainedModel):
    """Two lists of layers."""

    config_class = ShortNamesConfig

    def __init__(self, config):
        super().__init__(config)
        self.encoder = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(config.num_enc))
        self.decoder = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(config.num_dec))


def test_field_whose_name_abbreviates_that_of_the_layers_is_named_first(tmp_path):
    """Others that happen to have its value are not about these layers."""
    ShortNames(ShortNamesConfig(num_enc=2)).save_pretrained(tmp_path)
    message = message_of(ShortNames, tmp_path, num_enc=3)
    assert "    num_enc=2 builds the model with as many encoder" in message


def test_field_of_two_lists_of_which_one_matches_is_not_named(tmp_path):
    """It would change both."""
    TinyConfig(depth=3).save_pretrained(tmp_path)
    save_file(Twin(TinyConfig(depth=4), 3).state_dict(), tmp_path / "model.safetensors")
    message = message_of(Twin, tmp_path)
    assert "builds the model" not in message
    assert "allow_unexpected=['left.3']" in message


def test_field_that_would_need_two_values_is_not_named(tmp_path):
    """Neither would make the model load."""
    TinyConfig().save_pretrained(tmp_path)
    save_file(Twin(TinyConfig(depth=4), 6).state_dict(), tmp_path / "model.safetensors")
    assert "builds the model" not in message_of(Twin, tmp_path)


def test_size_of_a_hostile_checkpoint_is_not_tried_as_a_number_of_layers():
    """No error takes the time and memory of a model of that many."""
    state = TinyModel(TinyConfig(depth=4)).state_dict() | {"layers.0.weight": torch.zeros(1).expand(2**40, 4)}
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(None, config=TinyConfig(depth=4), state_dict=state)
    assert "builds the model" not in str(caught.value)


class Heads(PreTrainedModel):
    """Layers whose keys have another size with another number of heads, of which there are as many as layers."""

    config_class = ShortNamesConfig

    def __init__(self, config):
        super().__init__(config)
        size = config.width // config.num_dec
        self.layers = nn.ModuleList(nn.Linear(config.width, 2 * size) for _ in range(config.num_enc))


def test_field_that_explains_something_else_by_chance_is_not_named(tmp_path):
    """A number of layers is explained by what changes it."""
    model = fill_randomly(Heads(ShortNamesConfig(16, 2, 1)))
    model.save_pretrained(tmp_path)
    message = message_of(Heads, tmp_path, width=8, num_enc=2)
    assert re.findall(r"^    (\S+) builds the model", message, re.MULTILINE) == ["width=16", "num_enc=1"]


def test_sizes_of_which_one_is_unexplained_name_no_field(tmp_path):
    """The others would not make the model load."""
    model = Pairs(PairsConfig(vocabulary=13))
    model.classifier = nn.Linear(5, 2)
    PairsConfig().save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert "builds the model" not in message_of(Pairs, tmp_path)


def test_layers_that_are_missing_in_the_middle_are_not_explained_by_their_number(tmp_path):
    """No number of layers would make them match."""
    rewritten(
        TinyModel(TinyConfig(depth=3)),
        tmp_path,
        lambda tensors: {name: tensor for name, tensor in tensors.items() if "layers.1." not in name},
    )
    assert "builds the model" not in message_of(TinyModel, tmp_path)


def test_classes_alone_explain_a_weight_with_its_bias(tmp_path):
    """Another field that happens to have the same value does not."""
    model = Classifier(TinyConfig(num_labels=2, depth=2))
    model.fc = nn.Linear(4, 7)
    model.save_pretrained(tmp_path)
    assert "num_labels=7 builds the model" in message_of(Classifier, tmp_path)


class Typed(Classifier):
    """A table of as many types as there are classes, and an output that is tied to it."""

    _tied_weights_keys: ClassVar = {"output.weight": "types.weight"}

    def __init__(self, config, width):
        super().__init__(config)
        self.types = nn.Embedding(config.depth, width)
        self.output = nn.Linear(width, config.depth, bias=False)
        self.post_init()


def test_size_of_an_embedding_is_not_taken_for_the_number_of_classes(tmp_path):
    """Each field of that value is tried, with the ties and the further arguments of the constructor."""
    model = fill_randomly(Typed(TinyConfig(depth=5), 6))
    model.save_pretrained(tmp_path)
    with pytest.raises(WeightsMismatchError) as caught:
        Typed.from_pretrained(tmp_path, 6, depth=2)
    assert re.findall(r"^    (\S+) builds the model", str(caught.value), re.MULTILINE) == ["depth=5"]
    assert same_state(Typed.from_pretrained(tmp_path, 6, depth=5), model)


def test_save_speaks_of_parametrizations_if_the_constructor_cannot_be_run(tmp_path, caplog):
    """Nobody knows then that it makes them."""

    class Demanding(TinyModel):
        def __init__(self, config, number):
            super().__init__(config)
            self.number = number

    model = Demanding(TinyConfig(), 3)
    nn.utils.parametrizations.weight_norm(model.layers[1])
    model.save_pretrained(tmp_path)
    assert "unless the constructor makes the weight norm, pruning or other parametrization of layers.1." in caplog.text


class LowRank(nn.Module):
    """A layer that stands in place of another, as those of LoRA do."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.down, self.up = nn.Parameter(torch.zeros(2, 4)), nn.Parameter(torch.zeros(4, 2))


def test_save_speaks_of_modules_that_were_replaced_since_the_load(tmp_path, caplog):
    """What is saved then has names that no load expects, until the old modules are back."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path / "old")
    model = TinyModel.from_pretrained(tmp_path / "old")
    own = model.layers[1]
    model.layers[1] = LowRank(own)
    model.save_pretrained(tmp_path / "changed")
    assert "cannot load what is saved, because modules were added or replaced" in caplog.text
    assert "makes no layers.1.down" in caplog.text
    assert "and makes layers.1.weight" in caplog.text
    caplog.clear()
    model.layers[1] = own
    model.save_pretrained(tmp_path / "again")
    assert not caplog.text


def loaded(model, folder):
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder)


@pytest.mark.parametrize("made", [lambda model, _: model, loaded], ids=["constructed", "loaded"])
def test_save_speaks_of_a_layer_of_another_size_until_the_config_says_so(tmp_path, caplog, made):
    """Whether the model was loaded or not: a load goes by the config."""
    model = made(HeadModel(TinyConfig(num_labels=10)), tmp_path / "old")
    model.head = nn.Linear(4, 7)
    model.save_pretrained(tmp_path / "changed")
    assert "HeadModel.from_pretrained cannot load what is saved" in caplog.text
    assert "makes head.weight [10, 4] where the model has [7, 4]" in caplog.text
    caplog.clear()
    model.config.num_labels = 7
    model.save_pretrained(tmp_path / "consistent")
    assert not caplog.text
    HeadModel.from_pretrained(tmp_path / "consistent")


CHANGED_CONFIGS = {
    "number of classes": lambda config: setattr(config, "num_labels", 7),
    "labels": lambda config: setattr(config, "id2label", dict(enumerate("abcdefg"))),
}


@pytest.mark.parametrize("change", CHANGED_CONFIGS.values(), ids=CHANGED_CONFIGS)
@pytest.mark.parametrize("made", [lambda model, _: model, loaded], ids=["constructed", "loaded"])
def test_save_speaks_of_a_config_that_was_changed_without_the_model(tmp_path, caplog, change, made):
    """A load goes by the config, and finds the layer too small."""
    model = made(HeadModel(TinyConfig(num_labels=2)), tmp_path / "old")
    change(model.config)
    model.save_pretrained(tmp_path / "changed")
    assert "HeadModel.from_pretrained cannot load what is saved" in caplog.text
    assert "fields of the config were changed" in caplog.text
    assert "makes head.weight [7, 4] where the model has [2, 4]" in caplog.text
    caplog.clear()
    model.head = nn.Linear(4, 7)
    model.save_pretrained(tmp_path / "consistent")
    assert not caplog.text


def test_save_speaks_of_a_constructor_that_changes_its_config_each_time(tmp_path, caplog):
    """The next load would change it again."""

    class Growing(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            config.width += 1
            self.head = nn.Linear(config.width, 2)

    Growing(TinyConfig()).save_pretrained(tmp_path)
    assert "makes head.weight [2, 6] where the model has [2, 5]" in caplog.text


def test_change_of_the_config_that_makes_no_other_tensors_is_no_matter(tmp_path, caplog):
    """The model is what a load makes."""
    model = HeadModel(TinyConfig())
    model.config.problem_type = "regression"
    model.save_pretrained(tmp_path)
    assert not caplog.text


class ReadsValues(HeadModel):
    """A constructor that reads values, as those that drop layers at random do."""

    def __init__(self, config):
        super().__init__(config)
        self.rates = [rate.item() for rate in torch.linspace(0, 0.1, config.depth)]
        self.rotary = torch.tensor([1.0, 2.0]) * torch.arange(2, device="cpu")


def test_constructor_that_reads_values_is_compared_with_all_the_same(tmp_path, caplog):
    """By the config of the moment."""
    model = ReadsValues(TinyConfig(num_labels=10))
    model.head = nn.Linear(4, 7)
    model.save_pretrained(tmp_path)
    assert "ReadsValues.from_pretrained cannot load what is saved" in caplog.text
    caplog.clear()
    model.config.num_labels = 7
    model.save_pretrained(tmp_path)
    assert not caplog.text


def test_constructor_that_changes_a_value_before_it_reads_it_is_compared_right(tmp_path, caplog):
    """Without a warning for a model that is as its constructor makes it."""

    class Doubling(HeadModel):
        def __init__(self, config):
            super().__init__(config)
            size = torch.tensor(float(config.width))
            self.wide = nn.Linear(int(size.mul_(2)), 2)

    model = Doubling(TinyConfig())
    model.head = nn.Linear(4, 7)
    model.config.num_labels = 7
    model.save_pretrained(tmp_path)
    assert not caplog.text


def test_constructor_that_reads_large_tensors_is_not_run_by_a_save(tmp_path, caplog):
    """There may be no memory for them, so the warning goes by the model as it was constructed."""

    class ReadsWeights(HeadModel):
        def __init__(self, config):
            super().__init__(config)
            self.scale = torch.ones(2**20).sum().item()

    model = ReadsWeights(TinyConfig(num_labels=10))
    model.head = nn.Linear(4, 7)
    model.save_pretrained(tmp_path)
    assert "ReadsWeights.from_pretrained may not be able to load what is saved" in caplog.text


class WithProbe(nn.Module):
    """A class to inherit from that adds a layer to a model once that has been constructed."""

    def __init__(self, *args):
        super().__init__(*args)
        self.probe = nn.Linear(2, 2)


class Probed(WithProbe, TinyModel):
    """A model whose constructor is not that of a model."""


def test_constructor_of_a_class_beside_the_base_class_counts(tmp_path, caplog):
    """It comes last."""
    model = Probed(TinyConfig())
    model.save_pretrained(tmp_path / "same")
    assert not caplog.text
    model.probe = nn.Linear(2, 3)
    model.save_pretrained(tmp_path / "changed")
    assert "makes probe.weight [2, 2] where the model has [3, 2]" in caplog.text


def test_save_of_a_model_whose_config_was_changed_with_it_says_nothing(tmp_path, caplog):
    """Its constructor makes what it has."""
    TinyModel(TinyConfig(depth=3)).save_pretrained(tmp_path / "old")
    model = TinyModel.from_pretrained(tmp_path / "old")
    model.layers = model.layers[:2]
    model.config.depth = 2
    model.save_pretrained(tmp_path / "shorter")
    assert not caplog.text
    assert len(TinyModel.from_pretrained(tmp_path / "shorter").layers) == 2


REPARAMETRIZATIONS = {
    "weight norm": nn.utils.parametrizations.weight_norm,
    "spectral norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
    "old weight norm": nn.utils.weight_norm,
    "old spectral norm": nn.utils.spectral_norm,
    "pruning": lambda module: prune.l1_unstructured(module, "weight", amount=0.5),
}


@pytest.mark.parametrize("change", REPARAMETRIZATIONS.values(), ids=REPARAMETRIZATIONS)
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_weight_that_is_computed_from_others_is_none_of_them(tmp_path, caplog, change):
    """Renaming the one of its shape would give a wrong model: the save and the load say what to do instead."""
    model = fill_randomly(TinyModel(TinyConfig()))
    change(model.layers[1])
    model.save_pretrained(tmp_path)
    assert "TinyModel.from_pretrained cannot load what is saved" in caplog.text
    assert "parametrization of layers.1." in caplog.text
    message = message_of(TinyModel, tmp_path)
    assert "key_mapping" not in message
    assert "layers.1.weight: saved with a weight norm, pruning or other parametrization" in message

    class Changed(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            change(self.layers[1])

    caplog.clear()
    Changed.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    assert same_state(Changed.from_pretrained(tmp_path / "again"), model)
    assert not caplog.text


@pytest.mark.parametrize("change", ["weight norm", "orthogonal", "old weight norm", "pruning"])
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_weight_is_none_of_those_that_it_would_be_computed_from(tmp_path, change):
    """The constructor makes a parametrization that the checkpoint was saved without."""

    class Changed(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            REPARAMETRIZATIONS[change](self.layers[1])

    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    message = message_of(Changed, tmp_path)
    assert "key_mapping" not in message
    assert "layers.1.weight: saved without the weight norm or other parametrization" in message


def test_options_for_many_layers_are_patterns_that_work_as_they_are_written(tmp_path):
    """However many there are, what the message says can be pasted."""
    rewritten(
        Attention(TinyConfig(depth=9)),
        tmp_path,
        substitute((r"\.q\.", ".a."), (r"\.k\.", ".b."), (r"\.v\.", ".c."), (r"mlp", "ffn")),
    )
    arguments = suggested(message_of(Attention, tmp_path))
    assert arguments["allow_missing"] == ["layers.*.attn.*"]
    assert arguments["allow_unexpected"] == ["layers.*.attn.*"]
    assert Attention.from_pretrained(tmp_path, **arguments)


def test_options_for_many_unlike_names_allow_all(tmp_path):
    """A list of them would be as long as the report."""
    extra = {f"{letter}.weight": torch.zeros(1) for letter in "abcdefgh"}
    rewritten(TinyModel(TinyConfig()), tmp_path, lambda tensors: tensors | extra)
    arguments = suggested(message_of(TinyModel, tmp_path))
    assert arguments == {"allow_unexpected": True}
    assert TinyModel.from_pretrained(tmp_path, **arguments)


def test_layers_that_are_numbered_otherwise_are_not_paired(tmp_path):
    """Which of them is which, nothing tells while others of the same shape match."""
    rewritten(
        TinyModel(TinyConfig()),
        tmp_path,
        lambda tensors: {re.sub(r"\d", lambda digit: str(int(digit[0]) + 1), name): tensors[name] for name in tensors},
    )
    assert "key_mapping" not in message_of(TinyModel, tmp_path)


def test_lenient_load_in_which_nearly_nothing_fits_is_an_error(tmp_path):
    """A name that foreign models have in common by chance makes no load of them."""

    class Foreign(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.layers = nn.ModuleList([nn.Linear(config.width, config.width)])
            self.others = nn.ModuleList(nn.Linear(3, 3) for _ in range(8))

    Foreign(TinyConfig()).save_pretrained(tmp_path)
    deep = {"depth": 9}
    with pytest.raises(WeightsMismatchError, match="2 tensors match, 16 missing, 16 unexpected, which is too little"):
        TinyModel.from_pretrained(tmp_path, strict=False, **deep)
    with pytest.raises(WeightsMismatchError, match="too little"):
        TinyModel.from_pretrained(tmp_path, allow_missing=True, allow_unexpected=True, **deep)
    assert TinyModel.from_pretrained(tmp_path, allow_missing=["*"], allow_unexpected=["*"], **deep)
    assert TinyModel.from_pretrained(tmp_path, allow_missing=True, allow_unexpected=["others"], **deep)


def test_lenient_load_of_nothing_is_an_error(tmp_path):
    """Also from a checkpoint that holds nothing at all; `MyModel(config)` makes a new model."""
    TinyConfig().save_pretrained(tmp_path)
    save_file({}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsMismatchError, match="no tensor of the checkpoint is one of the model"):
        TinyModel.from_pretrained(tmp_path, strict=False)
    assert TinyModel.from_pretrained(tmp_path, allow_missing=True)


@pytest.mark.parametrize(
    "options", [{}, {"strict": False}, {"allow_missing": ["*"], "allow_unexpected": ["*"]}], ids=str
)
def test_load_in_which_every_size_differs_is_an_error(tmp_path, options):
    """Nothing of the checkpoint would be used; the message says how to use it, and how to get a new model."""
    NormModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(WeightsMismatchError, match="too little even for a lenient load") as caught:
        NormModel.from_pretrained(tmp_path, width=7, ignore_mismatched_sizes=True, **options)
    message = str(caught.value)
    assert "width=4 builds the model" in message
    assert "NormModel(config)" in message
    assert "ignore_mismatched_sizes" not in message_of(NormModel, tmp_path, width=7, **options)


@pytest.mark.parametrize("depth", [1, 8])
def test_lenient_load_of_a_part_is_none_of_nothing(tmp_path, depth):
    """A small part of a large model, or a small model from a large checkpoint: one side is used as a whole."""
    fill_randomly(TinyModel(TinyConfig(depth=9 - depth))).save_pretrained(tmp_path)
    assert TinyModel.from_pretrained(tmp_path, depth=depth, strict=False)


def test_sizes_that_are_ignored_are_logged(tmp_path, caplog):
    """Whoever wonders later why the head is a new one finds it in the log."""
    fill_randomly(Classifier(TinyConfig(num_labels=3))).save_pretrained(tmp_path)
    Classifier.from_pretrained(tmp_path, num_labels=5, ignore_mismatched_sizes=True)
    assert "fc.weight: [3, 4] in the checkpoint, [5, 4] in the model" in caplog.text


def test_message_about_a_huge_model_is_short():
    """However many tensors there are, and however long their names; the report has them all."""
    count = 30_000
    state = {f"other.{number}.{'x' * 500}": torch.zeros(number % 7 + 1) for number in range(count)}
    config = TinyConfig(depth=300)
    with pytest.raises(WeightsMismatchError) as caught:
        TinyModel.from_pretrained(None, config=config, state_dict=state)
    assert len(str(caught.value)) < 15_000
    assert len(caught.value.report.unexpected) == count


def with_lora(tensors):
    """Return tensors as PEFT saves them with LoRA layers that are not merged."""
    found = {}
    for name, tensor in tensors.items():
        path, _, kind = name.rpartition(".")
        found[f"base_model.model.{path}.base_layer.{kind}"] = tensor
        if kind == "weight":
            found[f"base_model.model.{path}.lora_A.default.weight"] = tensor[:1]
            found[f"base_model.model.{path}.lora_B.default.weight"] = tensor[:, :1]
    return found


def quantised(beside, dtype):
    """Return a change of weights to quantised ones, with a tensor beside each."""

    def change(tensors):
        found = {name: tensor.to(dtype) if name.endswith("weight") else tensor for name, tensor in tensors.items()}
        return found | {name.replace("weight", beside): torch.ones(1) for name in tensors if name.endswith("weight")}

    return change


COMPUTED = {
    "LoRA": (with_lora, "LoRA layers .* merge_and_unload"),
    "LoRA in place": (
        lambda tensors: {name.removeprefix("base_model.model."): tensor for name, tensor in with_lora(tensors).items()},
        "LoRA layers .* merge_and_unload",
    ),
    "adapter": (
        lambda tensors: {name: tensor for name, tensor in with_lora(tensors).items() if "lora" in name},
        "an adapter of PEFT alone",
    ),
    "bitsandbytes": (quantised("SCB", torch.int8), "layers.0.SCB, .*the weights are quantised"),
    "block scales": (quantised("weight_scale_inv", torch.float8_e4m3fn), "weight_scale_inv.* are quantised"),
    "integers": (quantised("other", torch.uint8), "layers.0.weight, .* are quantised"),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_weights_that_are_computed_from_others_are_to_be_computed_first(name):
    """No option that leaves a part out is offered: the model would be one that nobody has trained."""
    change, remedy = COMPUTED[name]
    config = TinyConfig()
    state = change(fill_randomly(TinyModel(config)).state_dict())
    with pytest.raises(WeightsMismatchError, match=remedy) as caught:
        TinyModel.from_pretrained(None, config=config, state_dict=state)
    assert "allow_" not in str(caught.value)
    assert "ignore_mismatched_sizes" not in str(caught.value)
    assert "key_mapping" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"strict": False}])
def test_empty_state_dict_is_said_to_be_empty(options):
    """And what makes a new model is named."""
    with pytest.raises(WeightsMismatchError, match=r"To get a new model:\n    TinyModel\(config\)"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict={}, **options)


@pytest.mark.parametrize("given", [torch.ones(2), [], 0], ids=["tensor", "list", "number"])
def test_state_dict_that_is_no_mapping_is_refused(given):
    """Also one that is false, or neither true nor false."""
    with pytest.raises(ArgumentError, match="state_dict must be a mapping from names to tensors"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=given)


def test_empty_state_dict_of_a_save_is_said_to_be_empty(tmp_path):
    """As it is where another process has gathered the weights."""
    with pytest.raises(StateDictError, match=r"It is empty.*is_main_process=\(rank == 0\)"):
        TinyModel(TinyConfig()).save_pretrained(tmp_path, state_dict={})


LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1234567\n"


@pytest.mark.parametrize(
    "filename", ["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "config.json"]
)
def test_git_lfs_pointer_is_called_by_its_name(tmp_path, filename):
    """In place of any file that a load reads."""
    TinyConfig().save_pretrained(tmp_path)
    (tmp_path / filename).write_text(LFS_POINTER, encoding="utf-8")
    with pytest.raises(ValueError, match=r"git-lfs pointer.*`git lfs pull`") as caught:
        TinyModel.from_pretrained(tmp_path)
    assert filename in str(caught.value)


@pytest.mark.parametrize("filename", ["model.fp16.safetensors", "last.ckpt", "best.safetensors"])
def test_git_lfs_pointer_under_another_name_is_called_by_its_name(tmp_path, filename):
    """Before the call that loads the file which it stands for."""
    TinyConfig().save_pretrained(tmp_path)
    (tmp_path / filename).write_text(LFS_POINTER, encoding="utf-8")
    with pytest.raises(WeightsNotFoundError, match=rf"{filename}: a git-lfs pointer.*`git lfs pull`"):
        TinyModel.from_pretrained(tmp_path)


def test_git_annex_pointer_is_called_by_its_name(tmp_path):
    """As git checks it out without the content."""
    TinyConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_text("/annex/objects/SHA256E-s12--0.safetensors\n", encoding="utf-8")
    with pytest.raises(WeightsFileError, match=r"a git-annex pointer.*`git annex get`"):
        TinyModel.from_pretrained(tmp_path)


WRAPPERS = {
    "lightning": lambda state: {"epoch": 3, "state_dict": state, "optimizer_states": [{"state": {}}]},
    "trainer": lambda state: {"model": state, "optimizer": {"state": {0: {"step": torch.zeros(1)}}}, "step": 7},
    "usual": lambda state: {"model_state_dict": state, "loss": 0.5},
    "own": lambda state: {"generator": state},
    "deep": lambda state: {"checkpoint": {"model": {"state_dict": state}}, "args": {"lr": 0.1}},
    "averaged": lambda state: {"ema": dict(state), "model": state},
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapped_state_dict_is_found_and_loads_as_it_is_written(tmp_path, wrap):
    """The error has the Python code, which gives the model that was saved."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    torch.save(wrap(model.state_dict()), tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsFileError) as caught:
        TinyModel.from_pretrained(tmp_path)
    code = re.search(r"state_dict=(torch\.load\(.*\])\)$", str(caught.value))
    state = eval(code[1], {"torch": torch})
    assert same_state(TinyModel.from_pretrained(None, config=tmp_path, state_dict=state), model)


def test_wrapped_state_dict_in_memory_is_found():
    """As `torch.load` gives it."""
    state = {"state_dict": TinyModel(TinyConfig()).state_dict(), "epoch": 1}
    with pytest.raises(
        ArgumentError, match=r"from_pretrained\(None, config=\.\.\., state_dict=state_dict\['state_dict'\]"
    ):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state)


def test_value_that_is_no_tensor_is_named(tmp_path):
    """In a file as in memory."""
    state = TinyModel(TinyConfig()).state_dict() | {"epoch": 3}
    with pytest.raises(ArgumentError, match="a mapping in which 'epoch' is of type int"):
        TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state)
    TinyConfig().save_pretrained(tmp_path)
    torch.save(state, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsFileError, match="a mapping in which 'epoch' is of type int"):
        TinyModel.from_pretrained(tmp_path)


def test_class_that_a_pickle_needs_is_named(tmp_path):
    """Such as the arguments of a training program."""
    TinyConfig().save_pretrained(tmp_path)
    torch.save({"args": argparse.Namespace(lr=0.1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsFileError, match=r"it pickles an object of argparse\.Namespace"):
        TinyModel.from_pretrained(tmp_path)


PLACES = {
    "variant": ({"model.fp16.safetensors"}, {}, "pass variant='fp16'"),
    "variant in shards": (
        {"model.safetensors.index.fp16.json", "model.fp16-00001-of-00001.safetensors"},
        {},
        "pass variant='fp16'",
    ),
    "two variants": ({"model.fp16.safetensors", "model.bf16.safetensors"}, {}, "variant='bf16' or variant='fp16'"),
    "another variant": ({"model.fp16.safetensors"}, {"variant": "bf16"}, "pass variant='fp16'"),
    "no variant": ({"model.safetensors"}, {"variant": "fp16"}, "leave out variant="),
    "folder": ({"unet/model.safetensors", "vae/model.safetensors"}, {}, "subfolder='unet' or subfolder='vae'"),
    "no index": ({"model-00001-of-00002.safetensors"}, {}, "shards but no index"),
    "other name": (
        {"weights.safetensors"},
        {},
        r"state_dict=safetensors\.torch\.load_file\('.*/weights\.safetensors'\)",
    ),
    "lightning": (
        {"last.ckpt"},
        {},
        r"state_dict=torch\.load\('.*/last\.ckpt', map_location='cpu', weights_only=True\)",
    ),
    "distributed": (
        {"fsdp_0/__0_0.distcp", "fsdp_0/.metadata"},
        {},
        r"\. Convert the .*\.dcp_to_torch_save\(.*fsdp_0.*, '(.*)'\).*torch.load\('\1'",
    ),
    "DeepSpeed": ({"zero_to_fp32.py", "step5/mp_rank_00_model_states.pt"}, {}, r"DeepSpeed: its zero_to_fp32\.py"),
    "adapter": ({"adapter_model.safetensors"}, {}, "adapter of PEFT"),
    "other library": ({"tf_model.h5", "flax_model.msgpack"}, {}, "not read: flax_model.msgpack, tf_model.h5"),
    "formats that nothing else names": (
        {"saved_model.pb", "model.keras", "model.pt2"},
        {},
        "not read: model.keras, model.pt2, saved_model.pb",
    ),
    "nothing": (set(), {}, r"It contains: config\.json\."),
    "many": ({f"{number}.txt" for number in range(50)}, {}, "and 43 more"),
}


@pytest.mark.parametrize(("filenames", "options", "hint"), PLACES.values(), ids=PLACES)
def test_error_of_absent_weights_says_where_there_are_some(tmp_path, filenames, options, hint):
    """And lists what is there."""
    TinyConfig().save_pretrained(tmp_path)
    for filename in filenames:
        (tmp_path / filename).parent.mkdir(exist_ok=True)
        (tmp_path / filename).write_bytes(b"")
    for filename in filenames & {"weights.safetensors", "last.ckpt"}:  # which are looked into
        write = save_file if filename.endswith(".safetensors") else torch.save
        write({"x": torch.zeros(1)}, tmp_path / filename)
    with pytest.raises(WeightsNotFoundError, match=hint) as caught:
        TinyModel.from_pretrained(tmp_path, **options)
    assert "It contains: " in str(caught.value)


KINDS = {
    "adapter": (
        {"adapter_config.json", "adapter_model.safetensors"},
        "This is an adapter of PEFT: load its base model",
    ),
    "adapter alone": ({"adapter_model.bin"}, "This is an adapter of PEFT: load its base model"),
    "lightning": ({"last.ckpt"}, "last.ckpt is a checkpoint of a training, such as Lightning writes."),
    "DeepSpeed": (
        {"zero_to_fp32.py", "latest", "global_step5/zero_pp_rank_0_mp_rank_00_optim_states.pt"},
        "This is a checkpoint of DeepSpeed: its zero_to_fp32.py or deepspeed.utils.zero_to_fp32.get_fp32_state_dict_",
    ),
    "DeepSpeed without the script": (
        {"latest", "global_step5/mp_rank_00_model_states.pt"},
        "This is a checkpoint of DeepSpeed: deepspeed.utils.zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint(",
    ),
}


@pytest.mark.parametrize(("filenames", "kind"), KINDS.values(), ids=KINDS)
def test_error_about_a_folder_of_another_library_says_first_what_it_is(tmp_path, filenames, kind):
    """Without a config, to whoever loads a config or a model, and with one."""
    for filename in filenames:
        (tmp_path / filename).parent.mkdir(exist_ok=True)
        (tmp_path / filename).write_bytes(b"")
    for cls in (TinyConfig, TinyModel):
        with pytest.raises(FileNotFoundError) as caught:
            cls.from_pretrained(tmp_path)
        _, advice = str(caught.value).split("has no file 'config.json'. ")
        assert advice.startswith(kind)
        assert advice.count(kind) == 1
        assert "adapter" not in kind or "config=" not in advice
    TinyConfig().save_pretrained(tmp_path)
    with pytest.raises(WeightsNotFoundError) as caught:
        TinyModel.from_pretrained(tmp_path)
    assert str(caught.value).count(kind) == 1


def test_folder_of_deepspeed_is_loaded_by_the_call_that_the_error_suggests(tmp_path):
    """With what DeepSpeed gathers; the call is the one that was made."""
    (tmp_path / "global_step5").mkdir()
    (tmp_path / "global_step5" / "zero_pp_rank_0_mp_rank_00_optim_states.pt").write_bytes(b"")
    (tmp_path / "latest").write_text("global_step5", encoding="utf-8")
    TinyConfig().save_pretrained(tmp_path)
    with pytest.raises(WeightsNotFoundError, match=r"If you trust the files, which DeepSpeed unpickles") as caught:
        TinyModel.from_pretrained(tmp_path, dtype="float64")
    gather = f"deepspeed.utils.zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint({str(tmp_path)!r})"
    assert f"from_pretrained({str(tmp_path)!r}, dtype='float64', state_dict={gather})" in str(caught.value)


def test_folder_that_a_trainer_wrote_without_a_config_asks_for_one(tmp_path):
    """With the argument that takes it."""
    model = fill_randomly(TinyModel(TinyConfig()))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "trainer_state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"TinyModel\.from_pretrained\(\.\.\., config=TinyConfig\(\.\.\.\)\)"):
        TinyModel.from_pretrained(tmp_path)
    assert same_state(TinyModel.from_pretrained(tmp_path, config=TinyConfig()), model)


def test_config_in_a_folder_is_pointed_at(tmp_path):
    """As in repositories of pipelines. The weights beside it do not lack one."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path / "unet")
    with pytest.raises(FileNotFoundError, match="pass subfolder='unet'") as caught:
        TinyModel.from_pretrained(tmp_path)
    assert "config=" not in str(caught.value)


@pytest.mark.parametrize("given", [{}, {"width": 3}, 3, ["x"]], ids=str)
def test_config_of_another_kind_is_refused_by_name(tmp_path, given):
    """A dict is the likeliest mistake, and the error says what makes a config of it."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match=r"^config must be an instance of TinyConfig, .*TinyConfig\.from_dict"):
        TinyModel.from_pretrained(tmp_path, config=given)


def test_weights_in_memory_without_a_config_ask_for_one():
    """There is no checkpoint that could have it."""
    with pytest.raises(ArgumentError, match=r"^config must be an instance of TinyConfig, .* got None"):
        TinyModel.from_pretrained(None, state_dict=TinyModel(TinyConfig()).state_dict())


@pytest.mark.parametrize(
    "early",
    [
        lambda model: setattr(model, "layer", nn.Linear(2, 2)),
        lambda model: setattr(model, "weight", nn.Parameter(torch.zeros(2))),
        lambda model: model.register_buffer("table", torch.zeros(2)),
        lambda model: model.add_module("layer", nn.Linear(2, 2)),
    ],
    ids=["module", "parameter", "buffer", "add_module"],
)
def test_model_that_forgets_the_base_class_is_told_so(tmp_path, early):
    """By us, with the line to write, and not by torch."""

    class Forgetful(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            self.width = config.width  # plain attributes may come first
            early(self)

    with pytest.raises(ModelDefinitionError, match=r"Forgetful: .*Call super\(\)\.__init__\(config\)"):
        Forgetful(TinyConfig())
    TinyConfig().save_pretrained(tmp_path)
    save_file({}, tmp_path / "model.safetensors")
    with pytest.raises(ModelDefinitionError, match="Forgetful"):
        Forgetful.from_pretrained(tmp_path)


def test_model_is_copied_and_pickled_as_ever(tmp_path):
    """Both make an object without calling a constructor."""
    model = fill_randomly(TinyModel(TinyConfig()))
    assert same_state(copy.deepcopy(model), model)
    assert same_state(pickle.loads(pickle.dumps(model)), model)
    torch.save(model, tmp_path / "model.pt")
    assert same_state(torch.load(tmp_path / "model.pt", weights_only=False), model)
