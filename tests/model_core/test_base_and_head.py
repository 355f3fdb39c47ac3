"""A base model and a model with a head on it: each loads from a checkpoint of either, and gets its own tensors."""

from __future__ import annotations

import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import PreTrainedModel, WeightsMismatchError
from tiny_models import TinyConfig, fill_randomly, same_state

# Names that a head may have as well as a base model.
SHARED_NAMES = ("norm", "fc", "pooler", "classifier")


class Parts(PreTrainedModel):
    """The common class of a base model and its heads, with the prefix `enc`."""

    config_class = TinyConfig
    base_model_prefix = "enc"


class Base(Parts):
    """Layers of the same form under names that a head may have too."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, config.width)
        for name in SHARED_NAMES:
            self.add_module(name, nn.Linear(config.width, config.width))


class Head(Parts):
    """The base model, and a head whose layers have all of the names that the base model's have but one."""

    def __init__(self, config):
        super().__init__(config)
        self.enc = Base(config)
        for name in SHARED_NAMES:
            self.add_module(name, nn.Linear(config.width, config.width))
        self.out = nn.Linear(config.width, config.num_labels)


def saved(model, folder, change=None, **options):
    """Fill a model with values of its own, save it, and return it."""
    fill_randomly(model).save_pretrained(folder, **options)
    if change:
        save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")
    return model


LAYOUTS = {"one file": {}, "shards": {"max_shard_size": 1}}


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(
    "lenient", [{"strict": False}, {"allow_unexpected": True}, {"allow_unexpected": ["*"]}], ids=str
)
def test_base_model_gets_its_own_tensors_from_a_checkpoint_with_a_head(tmp_path, lenient, options):
    """`enc.norm` and never the head's `norm`, of which the report says that it was not used."""
    whole = saved(Head(TinyConfig()), tmp_path, **options)
    base, report = Base.from_pretrained(tmp_path, output_loading_info=True, **lenient)
    assert same_state(base, whole.enc)
    assert {f"{name}.weight" for name in SHARED_NAMES} < set(report.unexpected)
    assert not report.missing


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("lenient", [{"strict": False}, {"allow_missing": True}, {"allow_missing": ["*"]}], ids=str)
def test_model_with_a_head_gets_the_base_models_tensors_as_the_base_models(tmp_path, lenient, options):
    """`norm` of the checkpoint is `enc.norm`; the head's own keeps the constructor's values."""
    base = saved(Base(TinyConfig()), tmp_path, **options)
    whole, report = Head.from_pretrained(tmp_path, output_loading_info=True, **lenient)
    assert same_state(whole.enc, base)
    assert {f"{name}.weight" for name in SHARED_NAMES} < set(report.missing)
    assert not report.unexpected
    assert not torch.equal(whole.norm.weight, base.norm.weight)


@pytest.mark.parametrize("model_class", [Base, Head])
def test_same_class_loads_as_it_is(tmp_path, model_class):
    """Nothing is added to a name, and nothing removed."""
    model = saved(model_class(TinyConfig()), tmp_path)
    assert same_state(model, model_class.from_pretrained(tmp_path))


def suggested(error, option):
    """Return the option that an error suggests, as a program would pass it."""
    (names,) = re.findall(rf"^    {option}=(\[.*?\])", str(error), re.MULTILINE)
    return {option: eval(names, {})}


def test_strict_load_of_the_base_model_names_what_to_skip(tmp_path):
    """Doing what the error says gives the right model."""
    whole = saved(Head(TinyConfig()), tmp_path)
    with pytest.raises(WeightsMismatchError) as caught:
        Base.from_pretrained(tmp_path)
    assert not caught.value.report.missing
    base = Base.from_pretrained(tmp_path, **suggested(caught.value, "allow_unexpected"))
    assert same_state(base, whole.enc)


def test_strict_load_of_the_head_names_what_is_new(tmp_path):
    """Doing what the error says gives the right model."""
    base = saved(Base(TinyConfig()), tmp_path)
    with pytest.raises(WeightsMismatchError) as caught:
        Head.from_pretrained(tmp_path)
    assert not caught.value.report.unexpected
    whole = Head.from_pretrained(tmp_path, **suggested(caught.value, "allow_missing"))
    assert same_state(base, whole.enc)


class SmallBase(Parts):
    """One layer, which a head may have too."""

    def __init__(self, config):
        super().__init__(config)
        self.norm = nn.LayerNorm(config.width)


class SmallHead(Parts):
    """The smallest pair of which names do not tell which is which."""

    def __init__(self, config):
        super().__init__(config)
        self.enc = SmallBase(config)
        self.norm = nn.LayerNorm(config.width)


def test_a_single_name_in_both_is_told_apart(tmp_path):
    """Where as many names fit either way, it counts that the prefix explains what the checkpoint has and lacks."""
    whole = saved(SmallHead(TinyConfig()), tmp_path / "head")
    base = saved(SmallBase(TinyConfig()), tmp_path / "base")
    assert same_state(SmallBase.from_pretrained(tmp_path / "head", strict=False), whole.enc)
    assert same_state(SmallHead.from_pretrained(tmp_path / "base", strict=False).enc, base)


@pytest.mark.parametrize(
    "key_mapping", [{r"^old\.": "enc."}, {r"^old\.(norm|fc)": r"enc.\1", r"^old\.": "enc."}], ids=str
)
def test_names_are_renamed_before_it_is_decided(tmp_path, key_mapping):
    """A checkpoint whose prefix was another one is one with a head."""
    whole = saved(
        Head(TinyConfig()),
        tmp_path,
        lambda tensors: {name.replace("enc.", "old."): tensor for name, tensor in tensors.items()},
    )
    base = Base.from_pretrained(tmp_path, key_mapping=key_mapping, strict=False)
    assert same_state(base, whole.enc)
    assert same_state(Head.from_pretrained(tmp_path, key_mapping=key_mapping), whole)


def test_checkpoint_with_only_the_base_models_part_leaves_the_head_missing(tmp_path):
    """The names have the prefix and there is no head."""
    whole = saved(
        Head(TinyConfig()),
        tmp_path,
        lambda tensors: {name: tensor for name, tensor in tensors.items() if name.startswith("enc.")},
    )
    loaded, report = Head.from_pretrained(tmp_path, strict=False, output_loading_info=True)
    assert same_state(loaded.enc, whole.enc)
    assert {f"{name}.weight" for name in SHARED_NAMES} < set(report.missing)
    assert same_state(Base.from_pretrained(tmp_path), whole.enc)


def test_checkpoint_with_only_the_head_is_the_heads(tmp_path):
    """Its names would fit the base model but for one, which the base model has not."""
    whole = saved(
        Head(TinyConfig()),
        tmp_path,
        lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.startswith("enc.")},
    )
    loaded = Head.from_pretrained(tmp_path, allow_missing=["enc"])
    assert torch.equal(loaded.norm.weight, whole.norm.weight)
    assert not torch.equal(loaded.enc.norm.weight, whole.norm.weight)


def test_further_tensors_change_nothing(tmp_path):
    """Neither some with the prefix nor some without it, in a checkpoint of any kind."""
    junk = {f"{prefix}junk{number}": torch.zeros(3) for prefix in ("", "enc.") for number in range(4)}
    base = saved(Base(TinyConfig()), tmp_path / "base", lambda tensors: tensors | junk)
    whole = saved(Head(TinyConfig()), tmp_path / "head", lambda tensors: tensors | junk)
    for folder, expected in (("base", base), ("head", whole.enc)):
        assert same_state(Base.from_pretrained(tmp_path / folder, strict=False), expected)
        assert same_state(Head.from_pretrained(tmp_path / folder, strict=False).enc, expected)


class Nested(PreTrainedModel):
    """A base model with parts that begin as the prefix does, one of them under the prefix itself."""

    config_class = TinyConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = nn.Linear(config.width, config.width)
        self.model_head = nn.Linear(config.width, config.width)
        self.models = nn.ModuleList([nn.Linear(config.width, config.width)])


class NestedHead(Nested):
    """The same in a model with a head: `model.model.weight`."""

    def __init__(self, config):
        PreTrainedModel.__init__(self, config)
        self.model = Nested(config)
        self.model_head = nn.Linear(config.width, config.width)


def test_names_that_begin_as_the_prefix_does(tmp_path):
    """A tensor under the prefix in the base model itself is no sign of a head."""
    base = saved(Nested(TinyConfig()), tmp_path / "base")
    whole = saved(NestedHead(TinyConfig()), tmp_path / "head")
    assert same_state(Nested.from_pretrained(tmp_path / "base"), base)
    assert same_state(NestedHead.from_pretrained(tmp_path / "head"), whole)
    assert same_state(NestedHead.from_pretrained(tmp_path / "base", allow_missing=["model_head"]).model, base)
    assert same_state(Nested.from_pretrained(tmp_path / "head", allow_unexpected=["model_head"]), whole.model)


class Whole(Parts):
    """A head on a head: `enc.enc.norm`, `enc.norm` and `norm`."""

    def __init__(self, config):
        super().__init__(config)
        self.enc = Head(config)
        for name in SHARED_NAMES:
            self.add_module(name, nn.Linear(config.width, config.width))


class Named(PreTrainedModel):
    """A head on a head whose prefix is another one: `model.enc.norm`."""

    config_class = TinyConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = Head(config)
        self.norm = nn.Linear(config.width, config.width)


def in_base(tensors):
    """Return the tensors of the innermost base model by their names there."""
    inner = next(name for name in tensors if name.endswith("layer.weight")).removesuffix("layer.weight")
    return {name.removeprefix(inner): tensor for name, tensor in tensors.items() if name.startswith(inner)}


@pytest.mark.parametrize("num_added", range(4))
@pytest.mark.parametrize("model_class", [Base, Head, Whole])
@pytest.mark.parametrize("stored_class", [Base, Head, Whole])
def test_prefix_may_be_repeated(tmp_path, stored_class, model_class, num_added):
    """Whatever the depth of the base model in the checkpoint and in the model, each model gets its own tensors."""
    model = saved(
        stored_class(TinyConfig()),
        tmp_path,
        lambda tensors: {f"{'enc.' * num_added}{name}": tensor for name, tensor in tensors.items()},
    )
    stored = load_file(tmp_path / "model.safetensors")
    loaded = model_class.from_pretrained(tmp_path, strict=False).state_dict()
    expected, given = in_base(model.state_dict()), in_base(loaded)
    assert all(torch.equal(given[name], tensor) for name, tensor in expected.items())
    # What has no counterpart of its own level has the constructor's values.
    surplus = max(name.count("enc.") for name in stored) - max(name.count("enc.") for name in loaded)
    for name, tensor in loaded.items():
        lacks_level = not name.startswith("enc." * -surplus)
        counterpart = "" if lacks_level else "enc." * surplus + name.removeprefix("enc." * -surplus)
        sources = [other for other, value in stored.items() if torch.equal(value, tensor)]
        assert sources == [counterpart] * (counterpart in stored)


@pytest.mark.parametrize("stored_class", [Base, Head])
def test_prefixes_of_two_models_in_one_another_may_differ(tmp_path, stored_class):
    """`layer` of the base model is `model.enc.layer`, and its `norm` is not the `norm` of either head."""
    model = saved(stored_class(TinyConfig()), tmp_path)
    loaded = Named.from_pretrained(tmp_path, strict=False)
    assert same_state(loaded.model.enc if stored_class is Base else loaded.model, model)
    assert not torch.equal(loaded.norm.weight, model.norm.weight)


class TwoSteps(Parts):
    """A prefix of two steps."""

    base_model_prefix = "outer.enc"

    def __init__(self, config):
        super().__init__(config)
        self.outer = nn.ModuleDict({"enc": Base(config)})
        self.norm = nn.Linear(config.width, config.width)


def test_prefix_may_have_several_parts(tmp_path):
    """`outer.enc.norm` from `norm`."""
    base = saved(Base(TinyConfig()), tmp_path)
    loaded = TwoSteps.from_pretrained(tmp_path, allow_missing=["norm"])
    assert same_state(loaded.outer["enc"], base)


class Statistics(Parts):
    """A base model without parameters."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.width))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


class StatisticsHead(Parts):
    """Its head has a buffer of the same name."""

    def __init__(self, config):
        super().__init__(config)
        self.enc = Statistics(config)
        self.register_buffer("mean", torch.zeros(config.width))


def test_buffers_decide_too(tmp_path):
    """They are tensors like others."""
    whole = saved(StatisticsHead(TinyConfig()), tmp_path / "head")
    base = saved(Statistics(TinyConfig()), tmp_path / "base")
    assert same_state(Statistics.from_pretrained(tmp_path / "head", strict=False), whole.enc)
    assert same_state(StatisticsHead.from_pretrained(tmp_path / "base", strict=False).enc, base)


class TiedBase(Parts):
    """An embedding that a head ties its own layer to."""

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(6, config.width)
        self.norm = nn.LayerNorm(config.width)


class TiedHead(Parts):
    """`head.weight` is `enc.embedding.weight`, and the file holds the tensor once."""

    _tied_weights_keys = {"head.weight": "enc.embedding.weight"}  # noqa: RUF012 - as authors write it

    def __init__(self, config):
        super().__init__(config)
        self.enc = TiedBase(config)
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 6, bias=False)


def test_ties_between_head_and_base_model_hold(tmp_path):
    """From a checkpoint of either kind."""
    whole = TiedHead(TinyConfig())
    whole.tie_weights()
    saved(whole, tmp_path / "head")
    base = saved(TiedBase(TinyConfig()), tmp_path / "base")
    for folder, expected in (("head", whole.enc), ("base", base)):
        loaded = TiedHead.from_pretrained(tmp_path / folder, strict=False)
        assert same_state(loaded.enc, expected)
        assert loaded.head.weight is loaded.enc.embedding.weight
    assert same_state(TiedBase.from_pretrained(tmp_path / "head", strict=False), whole.enc)


def test_other_sizes_do_not_change_the_decision(tmp_path):
    """A head checkpoint of another width is still one of a head."""
    saved(Head(TinyConfig()), tmp_path)
    with pytest.raises(WeightsMismatchError) as caught:
        Base.from_pretrained(tmp_path, width=5)
    report = caught.value.report
    assert not report.missing
    assert len(report.mismatched) == 2 * (1 + len(SHARED_NAMES))
    assert all(not name.startswith("enc.") for name in report.unexpected)


def test_size_decides_where_names_cannot(tmp_path):
    """A `norm` that only the head can hold is the head's."""

    class Wide(Parts):
        def __init__(self, config):
            super().__init__(config)
            self.enc = SmallBase(config)
            self.norm = nn.LayerNorm(9)

    TinyConfig().save_pretrained(tmp_path)
    save_file({"norm.weight": torch.full((9,), 3.0), "norm.bias": torch.zeros(9)}, tmp_path / "model.safetensors")
    loaded = Wide.from_pretrained(tmp_path, allow_missing=["enc"])
    assert (loaded.norm.weight == 3).all()


def test_empty_prefix_decides_nothing(tmp_path):
    """Names are what they are."""

    class Plain(Base):
        base_model_prefix = ""

    saved(Head(TinyConfig()), tmp_path)
    with pytest.raises(WeightsMismatchError) as caught:
        Plain.from_pretrained(tmp_path)
    assert "enc.norm.weight" in caught.value.report.unexpected
    assert "layer.weight" in caught.value.report.missing


@pytest.mark.parametrize(("base", "head"), [(Base, Head), (SmallBase, SmallHead), (Nested, NestedHead)])
def test_transformers_loads_the_base_models_part_alike(tmp_path, base, head):
    """In both directions, transformers 5 gives the base model the same tensors.

    Of two that it finds for one name it takes the first of the alphabet: `classifier` of the head, which stands before
    `enc.classifier`, but `enc.norm`, which stands before `norm`.
    """
    transformers = pytest.importorskip("transformers", reason="needs the dependency group `peers`")

    def theirs(model_class):
        inner = {Base: "layer norm fc pooler classifier", SmallBase: "norm", Nested: "model model_head"}[base].split()
        norm = nn.LayerNorm if base is SmallBase else lambda width: nn.Linear(width, width)

        class Config(transformers.PretrainedConfig):
            model_type = "test-base-and-head"

        class Common(transformers.PreTrainedModel):
            config_class = Config
            base_model_prefix = base.base_model_prefix

            def _init_weights(self, module):
                """Leave the modules' own initialisation."""

        class TheirBase(Common):
            def __init__(self, config):
                super().__init__(config)
                for name in inner:
                    self.add_module(name, norm(4))
                if base is Nested:
                    self.models = nn.ModuleList([norm(4)])
                self.post_init()

        class TheirHead(Common):
            def __init__(self, config):
                super().__init__(config)
                self.add_module(base.base_model_prefix, TheirBase(config))
                self.post_init()

        return (TheirBase if model_class is base else TheirHead), Config

    for writer, reader in ((base, base), (head, base), (base, head)):
        folder = tmp_path / f"{writer.__name__}-{reader.__name__}"
        saved(writer(TinyConfig()), folder)
        their_class, their_config = theirs(reader)
        ours = reader.from_pretrained(folder, strict=False)
        peer = their_class.from_pretrained(folder, config=their_config())
        inner = ours if reader is base else ours.get_submodule(base.base_model_prefix)
        their_inner = peer if reader is base else peer.get_submodule(base.base_model_prefix)
        state, their_state = inner.state_dict(), their_inner.state_dict()
        assert state.keys() == their_state.keys()
        different = {name for name, tensor in state.items() if not torch.equal(tensor, their_state[name])}
        assert {name.partition(".")[0] for name in different} <= {"classifier"}


def test_tensors_of_a_head_are_not_taken_for_those_of_a_base_model_under_an_unknown_prefix(tmp_path):
    """The load refuses to guess, and names the prefix under which the base model is."""

    def nested(tensors):
        return {f"outer.{name}" if name.startswith("enc.") else name: tensor for name, tensor in tensors.items()}

    model = saved(Head(TinyConfig()), tmp_path, nested)
    with pytest.raises(WeightsMismatchError, match=r"a second time under 'outer\.enc\.'") as caught:
        Base.from_pretrained(tmp_path, strict=False)
    assert r"key_mapping={'^outer\\.enc\\.': ''}" in str(caught.value)
    mapping = {r"^outer\.enc\.": ""}
    assert same_state(Base.from_pretrained(tmp_path, strict=False, key_mapping=mapping), model.enc)
