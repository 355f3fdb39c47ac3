"""Updates and overrides of several fields: all new values are there at once, in any order, or none is."""

from __future__ import annotations

import datetime as dt
import enum
import itertools
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest

from config_core import ConfigError, PretrainedConfig, UnknownOptionError
from config_core import transformers_names as transformers


def stages(depth):
    return ["stem", *(f"stage{number}" for number in range(1, depth + 1))]


class KeywordConfig(PretrainedConfig):
    """The setter of a property needs what the class computes from another field."""

    model_type = "updates-keyword"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        self.stage_names = stages(depth)
        self.out_features = self.stage_names[-1:]
        super().__init__(**kwargs)

    @property
    def out_indices(self):
        return [self.stage_names.index(name) for name in self.out_features]

    @out_indices.setter
    def out_indices(self, indices):
        self.out_features = [self.stage_names[index] for index in indices]


class ParameterConfig(PretrainedConfig):
    """`__init__` takes the property, whose value is in a private attribute."""

    model_type = "updates-parameter"

    def __init__(self, depth: int = 2, out_indices=None, **kwargs):
        self.depth = depth
        self.stage_names = stages(depth)
        self.out_indices = [depth] if out_indices is None else out_indices
        super().__init__(**kwargs)

    @property
    def out_indices(self):
        return self._out_indices

    @out_indices.setter
    def out_indices(self, indices):
        if max(indices) >= len(self.stage_names):
            raise ValueError(f"{indices} are no numbers of {self.stage_names}")
        self._out_indices = indices


class BodyConfig(transformers.BackboneConfigMixin, PretrainedConfig):
    model_type = "updates-body"
    depth: int = 2

    def __post_init__(self, **kwargs):
        self.stage_names = stages(self.depth)
        self.set_output_features_output_indices(kwargs.pop("out_features", None), kwargs.pop("out_indices", None))
        super().__post_init__(**kwargs)


class TransformersConfig(transformers.BackboneConfigMixin, transformers.PretrainedConfig):
    model_type = "updates-transformers"

    def __init__(self, depth=2, out_features=None, out_indices=None, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.stage_names = stages(depth)
        self.set_output_features_output_indices(out_features, out_indices)


BACKBONES = [KeywordConfig, ParameterConfig, BodyConfig, TransformersConfig]


def changed(config, way, folder, values):
    """Return the config with other values, by each of the ways that there are."""
    cls = type(config)
    if way == "update":
        config.update(values)
        return config
    if way == "replace":
        return config.__replace__(**values)
    if way == "from_dict":
        return cls.from_dict(config.to_dict(), **values)
    config.save_pretrained(folder)
    return cls.from_pretrained(folder, **values)


@pytest.mark.parametrize("way", ["update", "replace", "from_dict", "from_pretrained"])
@pytest.mark.parametrize("before", [{}, {"out_indices": [0, 2]}])
@pytest.mark.parametrize("values", [{"depth": d, "out_indices": i} for d, i in [(3, [3]), (3, [1, 3]), (1, [1])]])
@pytest.mark.parametrize("cls", BACKBONES)
def test_a_property_and_what_it_depends_on_change_together(cls, values, before, way, tmp_path):
    """In any order, whether there are more stages now or fewer than those that were chosen."""
    depth, indices = values.values()
    expected = cls(**values)
    for names in itertools.permutations(values):
        config = changed(cls(**before), way, tmp_path, {name: values[name] for name in names})
        assert (config.depth, config.stage_names, config.out_indices) == (depth, stages(depth), indices)
        assert config == expected
        config.save_pretrained(tmp_path)
        assert cls.from_pretrained(tmp_path).out_indices == indices


@pytest.mark.parametrize("way", ["update", "replace", "from_dict", "from_pretrained"])
@pytest.mark.parametrize("cls", BACKBONES)
def test_wrong_values_of_a_property_change_nothing(cls, way, tmp_path):
    """The other field keeps its value too."""
    for names in (["depth", "out_indices"], ["out_indices", "depth"]):
        config, values = cls(), {"depth": 3, "out_indices": [4]}
        with pytest.raises((ValueError, IndexError)):
            changed(config, way, tmp_path, {name: values[name] for name in names})
        assert config == cls()


@dataclass
class Schedule:
    warmup: int = 10
    steps: tuple[int, ...] = (1, 2)


class PartConfig(PretrainedConfig):
    model_type = "updates-part"

    width: int = 1
    depth: int = 1


@dataclass
class Optimizer:
    lr: float = 0.1
    decay: float = 0.0
    schedule: Schedule = field(default_factory=Schedule)
    part: PartConfig = field(default_factory=PartConfig)
    options: dict[str, int] = field(default_factory=dict)


@dataclass
class Other:
    lr: float = 0.1
    momentum: float = 0.9


class OptimizerConfig(PretrainedConfig):
    model_type = "updates-optimizer"

    optimizer: Optimizer = field(default_factory=Optimizer)
    either: Other | Optimizer | None = None
    several: list[Optimizer] = field(default_factory=list)
    named: dict[str, Optimizer] = field(default_factory=dict)
    options: dict[str, int] = field(default_factory=dict)


class HandMadeConfig(PretrainedConfig):
    """Makes a dataclass of a dict, as it makes no difference of which type it is otherwise."""

    model_type = "updates-hand-made"

    def __init__(self, width: int = 1, optimizer=None, **kwargs):
        self.width = width
        self.optimizer = Other(**(optimizer or {}))
        super().__init__(**kwargs)


class HolderConfig(PretrainedConfig):
    model_type = "updates-holder"

    held: OptimizerConfig = field(default_factory=OptimizerConfig)


WAYS = pytest.mark.parametrize("way", ["update", "replace", "from_dict", "from_pretrained"])


@WAYS
def test_a_dict_for_a_dataclass_changes_the_fields_that_it_names(way, tmp_path):
    """As it does for a part, at any depth; a dict of another kind is replaced, and so is what a list or dict holds."""
    optimizer = Optimizer(decay=0.5, schedule=Schedule(warmup=7), part=PartConfig(depth=5), options={"a": 1})
    config = OptimizerConfig(
        optimizer=optimizer, several=[optimizer], named={"a": optimizer}, either=optimizer, options={"a": 1}
    )
    given = {"lr": 1.0, "schedule": {"steps": [3]}, "part": {"width": 2}, "options": {"b": 2}}
    values = {"optimizer": given, "either": {"decay": 0.25}, "several": [{"lr": 1.0}], "named": {"a": {"lr": 1.0}}}
    config = changed(config, way, tmp_path, {**values, "options": {"b": 2}})
    expected = Optimizer(1.0, 0.5, Schedule(7, (3,)), PartConfig(width=2, depth=5), {"b": 2})
    assert config.optimizer == expected
    assert config.either == replace(optimizer, decay=0.25)
    assert (config.several, config.named) == ([Optimizer(1.0)], {"a": Optimizer(1.0)})
    assert config.options == {"b": 2}


@WAYS
def test_a_dataclass_of_a_part_is_changed_too(way, tmp_path):
    """In a dict for the part."""
    config = HolderConfig(held={"optimizer": Optimizer(decay=0.5)})
    config = changed(config, way, tmp_path, {"held": {"optimizer": {"lr": 1.0}}})
    assert config.held.optimizer == Optimizer(1.0, 0.5)


@WAYS
def test_a_dict_that_fits_another_dataclass_is_a_new_value(way, tmp_path):
    """What the old one has says nothing about it; an object is a new value too."""
    config = OptimizerConfig(either=Optimizer(lr=1.0, decay=0.5))
    assert changed(config, way, tmp_path, {"either": {"momentum": 0.5}}).either == Other(momentum=0.5)
    config = OptimizerConfig(either=Optimizer(lr=1.0))
    assert changed(config, way, tmp_path, {"either": Other()}).either == Other()
    assert changed(config, way, tmp_path, {"either": {"lr": 2.0}}).either.lr == pytest.approx(2)


@WAYS
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"lrr": 1.0}, r"optimizer: Optimizer has no field 'lrr'\. Did you mean 'lr'"),
        ({"schedule": {"warmup": "x"}}, r"OptimizerConfig\.optimizer\.schedule\.warmup: expected int, got str 'x'"),
        ({"part": {"width": "x"}}, r"OptimizerConfig\.optimizer\.part\.width: expected int, got str 'x'"),
    ],
)
def test_a_wrong_field_of_a_dataclass_is_named(given, problem, way, tmp_path):
    """With its path, and nothing is changed."""
    config = OptimizerConfig()
    with pytest.raises((ConfigError, UnknownOptionError), match=problem):
        changed(config, way, tmp_path, {"optimizer": given})
    assert config == OptimizerConfig()


@WAYS
def test_a_dataclass_that_only_init_makes_is_changed_too(way, tmp_path):
    """It is given to `__init__` as the dict that a file has, also by an update of another field."""
    config = HandMadeConfig(optimizer={"momentum": 0.5})
    config = changed(config, way, tmp_path, {"optimizer": {"lr": 1.0}})
    assert config.optimizer == Other(1.0, 0.5)
    config = changed(config, way, tmp_path, {"width": 3})
    assert (config.width, config.optimizer) == (3, Other(1.0, 0.5))
    assert changed(config, way, tmp_path, {"optimizer": Other(2.0)}).optimizer == Other(2.0)


@dataclass
class CountsInPlace:
    last: int = 0
    all: list[int] = field(default_factory=list)


class InPlaceConfig(PretrainedConfig):
    """Has setters that change lists and parts in place, and may fail after that."""

    model_type = "updates-in-place"

    part: PartConfig = field(default_factory=PartConfig)
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    nested: dict[str, list[int]] = field(default_factory=lambda: {"a": [1]})
    counts: CountsInPlace = field(default_factory=CountsInPlace)

    def __post_init__(self):
        self.total = sum(self.sizes)
        self._index = {size: number for number, size in enumerate(self.sizes)}

    @property
    def first(self):
        return self.sizes[0]

    @first.setter
    def first(self, first):
        self.sizes[0] = first
        self.part.width = first
        self.nested["a"].append(first)
        self._index[first] = 0
        self.counts.last = first
        self.counts.all.append(first)
        if first < 0:
            raise ValueError("first must be positive")


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": -1},
        {"sizes": [3, "x"]},
        {"part": {"width": "x"}},
        {"dtype": 5},
        {"problem_type": "other"},
        {"id2label": {0: "a", 1: "a b", 3: 4}},
        {"num_labels": 3, "id2label": {0: "a"}},
        {"unknown": 1},
    ],
)
def test_a_refused_update_leaves_everything_as_it_was(wrong):
    """Labels, parts, dtype, computed fields and what a setter has changed in place: the very same objects."""
    config = InPlaceConfig(num_labels=4, dtype="float16")
    part, sizes, index, text = config.part, config.sizes, config._index, repr(vars(config))
    right = {"sizes": [7, 8], "part": {"depth": 9}, "num_labels": 7, "dtype": "float32", "architectures": ["X"]}
    for values in ({**right, **wrong}, {**wrong, **{name: right[name] for name in right if name not in wrong}}):
        with pytest.raises((ConfigError, UnknownOptionError, ValueError)):
            config.update(values)
        assert config.part is part
        assert config.sizes is sizes
        assert config._index is index
        assert repr(vars(config)) == text


def test_an_automatic_dtype_changes_nothing():
    """As in a load, it is that which is there."""
    config = PartConfig(dtype="float16")
    config.update({"dtype": "auto", "width": 3})
    assert (config.dtype, config.width) == ("float16", 3)


class Counting(list):
    """Counts how often it is read."""

    def __iter__(self):
        self.reads = getattr(self, "reads", 0) + 1
        return super().__iter__()


class ListsConfig(PretrainedConfig):
    model_type = "updates-lists"

    def __init__(self, width: int = 1, sizes=None, heads: int | None = None, **kwargs):
        self.width = width
        self.sizes = list(sizes) if sizes is not None else [1, 2]
        self.heads = heads or None
        super().__init__(**kwargs)


def test_an_update_runs_no_init_where_that_makes_no_field_of_another():
    """As where it only makes a list of what it is given."""
    config = ListsConfig()
    config.sizes = Counting([3])
    config.update({"width": 2})
    assert config.width == 2
    assert not hasattr(config.sizes, "reads")
    config.update({"sizes": (4,), "heads": 0})
    assert (config.sizes, config.heads) == ([4], None)


class CheckedConfig(PretrainedConfig):
    limits = (1, 100)

    def __init__(self, width: int = 1, sizes=None, **kwargs):
        self.width = width
        self.sizes = sizes
        super().__init__(**kwargs)

    @property
    def largest(self):
        return len(self.sizes or "1")

    def validate(self):
        super().validate()
        for name in ("width", "largest"):
            self.check_limits(name, getattr(self, name), *self.limits)
        if self.largest > self.width:
            raise ConfigError(f"CheckedConfig.sizes: expected at most {self.width} of them.")

    @staticmethod
    def check_limits(name, value, least, most):
        if not least <= value <= most:
            raise ConfigError(f"CheckedConfig.{name}: expected {least} to {most}, got {value}.")


def test_an_update_runs_no_init_where_validate_only_checks():
    """It is called all the same."""
    config = CheckedConfig(8)
    config.sizes = Counting([3])
    config.update({"width": 9})
    assert not hasattr(config.sizes, "reads")
    with pytest.raises(ConfigError, match="width: expected 1 to 100"):
        config.update({"width": 0})
    assert config.width == 9


class AssigningValidateConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    def validate(self):
        super().validate()
        if not hasattr(self, "text"):
            self.text = str(self.width)


class CallingValidateConfig(AssigningValidateConfig):
    def validate(self):
        self.fill()

    def fill(self):
        if not hasattr(self, "text"):
            self.text = str(self.width)


def fill(config):
    """Set what is missing."""
    if not hasattr(config, "text"):
        config.text = str(config.width)


class HandingValidateConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    def validate(self):
        fill(self)


class ClosureValidateConfig(HandingValidateConfig):
    def validate(self):
        def run():
            fill(self)

        run()


class WrittenValidateConfig(HandingValidateConfig):
    def validate(self):
        self.__dict__.setdefault("text", str(self.width))


class PropertyValidateConfig(HandingValidateConfig):
    @property
    def filled(self):
        fill(self)
        return True

    def validate(self):
        return self.filled


class NamedPropertyValidateConfig(PropertyValidateConfig):
    def validate(self):
        return all(getattr(self, name) for name in dir(self) if name.startswith("fill"))


class TextOfAllConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.text = str(self)


class SetTwiceConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        self.width = 3
        super().__init__(**kwargs)


class CalledConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        self(kwargs)
        super().__init__(**kwargs)

    def __call__(self, _):
        self.text = f"{self.width}"


class OwnDtypeConfig(PretrainedConfig):
    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    @property
    def dtype(self):
        return self._dtype

    @dtype.setter
    def dtype(self, dtype):
        self._dtype = dtype
        self.text = f"{self.width}"


@pytest.mark.parametrize(
    "cls",
    [
        *(TextOfAllConfig, SetTwiceConfig, CalledConfig, OwnDtypeConfig),
        *(AssigningValidateConfig, CallingValidateConfig, HandingValidateConfig, ClosureValidateConfig),
        *(WrittenValidateConfig, PropertyValidateConfig, NamedPropertyValidateConfig),
    ],
)
def test_an_update_computes_again_what_a_plain_looking_init_makes_of_other_fields(cls):
    """The config is the one that the constructor makes of the new value."""
    config, expected = cls(), cls(width=9)

    config.update({"width": 9})

    assert (config.width, getattr(config, "text", None)) == (expected.width, getattr(expected, "text", None))


class SquareConfig(PretrainedConfig):
    def __init__(self, width: int = 5, height: int = 3, **kwargs):
        self.width = width
        self.height = height
        super().__init__(**kwargs)

    @property
    def size(self):
        return self.width

    @size.setter
    def size(self, size):
        self.width = self.height = size


@pytest.mark.parametrize("values", [{"size": 5}, {"size": 5, "width": 5}])
def test_an_update_calls_the_setter_of_a_property_that_has_the_value_already(values):
    """As an assignment does: it may set other fields too."""
    config = SquareConfig()

    config.update(values)

    assert (config.width, config.height) == (5, 5)


def test_an_update_makes_two_values_of_one_parameter_again():
    """However it is written that it has one value."""

    class SquareConfig(PretrainedConfig):
        model_type = "updates-square"

        def __init__(self, width: int = 1, depth: int = 1, **kwargs):
            super().__init__(**kwargs)
            self.width = self.height = width
            self.depth, self.layers = depth, depth

    config = SquareConfig()
    config.update({"width": 3, "depth": 2})
    assert (config.height, config.layers) == (3, 2)


class ClassesConfig(PretrainedConfig):
    model_type = "updates-classes"

    def __init__(self, classes: int = 3, **kwargs):
        self.classes = classes
        super().__init__(num_labels=classes, **kwargs)


@WAYS
@pytest.mark.parametrize(
    ("values", "problem", "more"),
    [
        ({"num_labels": 5}, r"passes 3 to super\(\).__init__\. Leave it out, or give classes=5\.", {"classes": 5}),
        ({"id2label": {0: "a"}}, r"num_labels=3 .* Give names for 3, or give classes=1\.", {"classes": 1}),
    ],
)
def test_a_number_of_classes_that_a_class_passes_is_given_with_what_it_makes_it_of(
    values, problem, more, way, tmp_path
):
    """The error names that, and its value."""
    config = ClassesConfig()
    with pytest.raises(ConfigError, match=problem):
        changed(config, way, tmp_path, values)
    config = changed(config, way, tmp_path, {**values, **more})
    assert config == ClassesConfig(**values, **more)


def test_a_number_of_classes_beside_names_that_the_class_passes_on_must_be_theirs():
    """In an update as in a load; the config stays as it was."""

    class NamesConfig(PretrainedConfig):
        model_type = "updates-names"

        def __init__(self, names: tuple[str, ...] = ("a", "b"), **kwargs):
            self.names = names
            super().__init__(id2label=dict(enumerate(names)), **kwargs)

    config = NamesConfig()
    for values in ({"names": ("a",), "num_labels": 2}, {"num_labels": 2, "names": ("a",)}):
        with pytest.raises(ConfigError, match="num_labels is 2, but id2label names 1 class"):
            config.update(values)
        assert config == NamesConfig()
    config.update({"names": ("a",), "num_labels": 1})
    assert config == NamesConfig(names=("a",))


class Mode(enum.Enum):
    FAST = "fast"


@dataclass
class Sizes:
    width: int = 1
    sides: Any = None


class OwnFormsConfig(PretrainedConfig):
    """No annotation says what the values of its fields are."""

    model_type = "updates-own-forms"

    def __init__(self, width=1, value=None, inner=None, sizes: Sizes | None = None, **kwargs):
        self.width = width
        self.value = value
        self.inner = inner
        self.sizes = sizes
        super().__init__(**kwargs)


class OwnFormsHolderConfig(PretrainedConfig):
    model_type = "updates-own-forms-holder"
    sub_configs = {"part": OwnFormsConfig}  # noqa: RUF012

    def __init__(self, part=None, factor=1, **kwargs):
        self.part = part
        self.doubled = factor * 2  # kept under another name, so that a change of `factor` goes through a file
        super().__init__(**kwargs)


OWN_FORMS = pytest.mark.parametrize(
    "value",
    [(1, 2), {1, 2}, {1: "a"}, [(1,), {2}], {"a": (1, 2)}, dt.date(2020, 1, 1), Mode.FAST, Sizes(sides=(1, 2))],
    ids=repr,
)


def with_own_forms(value):
    part = OwnFormsConfig(value=value, inner=OwnFormsConfig(value=value), sizes=Sizes(sides=value))
    return OwnFormsHolderConfig(part=part)


def check_own_forms(part, value):
    for kept in (part.value, part.inner.value, part.sizes.sides):
        assert (kept, type(kept)) == (value, type(value))


@OWN_FORMS
@pytest.mark.parametrize("way", ["update", "replace"])
def test_a_dict_for_a_part_leaves_what_json_has_no_form_for_as_it_is(way, value, tmp_path):
    """What it does not name in the part, or in parts and dataclasses of that, is as after an update of those alone."""
    given = {"part": {"width": 2, "inner": {"width": 3}, "sizes": {"width": 4}}}
    part = changed(with_own_forms(value), way, tmp_path, given).part
    assert (part.width, part.inner.width, part.sizes.width) == (2, 3, 4)
    check_own_forms(part, value)


@OWN_FORMS
def test_a_replacement_that_makes_the_config_again_leaves_what_json_has_no_form_for_as_it_is(value, tmp_path):
    """Where the class keeps a parameter under another name only, so that the config is made of its file."""
    given = {"part": {"width": 2, "sizes": {"width": 4}}, "factor": 3}
    config = changed(with_own_forms(value), "replace", tmp_path, given)
    assert (config.doubled, config.part.width, config.part.sizes.width) == (6, 2, 4)
    check_own_forms(config.part, value)


def test_a_dict_for_a_part_may_give_a_value_another_form():
    """A list that a caller gives for a tuple is kept as the list."""
    config = OwnFormsHolderConfig(part=OwnFormsConfig(value=(1, 2), inner=(3,)))

    config.update({"part": {"value": [1, 2]}})

    assert (config.part.value, config.part.inner) == ([1, 2], (3,))


@dataclass
class Area:
    width: int = 1
    height: int = 1
    size: int = field(init=False)

    def __post_init__(self):
        self.size = self.width * self.height


class AreaConfig(PretrainedConfig):
    model_type = "updates-area"

    area: Area = field(default_factory=Area)
    areas: list[Area] = field(default_factory=list)


def test_a_file_may_have_what_a_dataclass_computes():
    """As `dataclasses.asdict` writes it; the value is computed again, and no other one is allowed."""
    values = asdict(Area(2, 3))
    assert AreaConfig.from_dict({"area": values, "areas": [values]}).areas == [Area(2, 3)]
    with pytest.raises(ConfigError, match=r"AreaConfig\.areas\[0\]: Area computes 'size' as 6, got 7\. Leave it out\."):
        AreaConfig.from_dict({"areas": [values | {"size": 7}]})


@WAYS
def test_what_a_dataclass_computes_follows_its_other_fields(way, tmp_path):
    """Also if the old value is passed on; a new value for it is refused with the reason."""
    config = AreaConfig(area=Area(2, 3))
    config = changed(config, way, tmp_path, {"area": asdict(config.area) | {"width": 4}})
    assert config.area == Area(4, 3)
    with pytest.raises(ConfigError, match=r"area: Area computes 'size' as 12, got 7\. Leave it out\."):
        changed(config, way, tmp_path, {"area": {"size": 7}})


class UnannotatedConfig(PretrainedConfig):
    model_type = "updates-unannotated"
    scale = 3  # no field: it has no annotation

    width: int = 8


def test_an_update_of_an_attribute_without_an_annotation_is_refused():
    """As an override of a load is: it would be a new field of this config alone."""
    config = UnannotatedConfig()
    with pytest.raises(UnknownOptionError, match=r"to make it a field, write scale: int = 3") as caught:
        config.update({"scale": 4, "width": 9})
    assert caught.value.names == ("scale",)
    assert (config.scale, config.width) == (3, 8)
    with pytest.raises(UnknownOptionError):
        replace(config, scale=4)


class TransformersConfig(transformers.PretrainedConfig):
    scale = 3

    def __init__(self, width=8, **kwargs):
        self.width = width
        super().__init__(**kwargs)


@pytest.mark.parametrize("name", ["use_cache", "is_decoder", "tie_word_embeddings", "scale"])
def test_code_for_transformers_may_update_what_its_base_class_has(name):
    """There, an annotation says nothing, and the base fields of version 4 are attributes."""
    config = TransformersConfig()
    config.update({name: 5})
    assert getattr(config, name) == 5
