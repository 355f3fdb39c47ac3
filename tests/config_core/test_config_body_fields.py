"""Fields in the body of a config class, with and without `@dataclass`."""

from __future__ import annotations

import abc
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from config_core import ConfigDefinitionError, ConfigError, ConfigValidationError, PretrainedConfig, UnknownOptionError


class PlainConfig(PretrainedConfig, extra="forbid"):
    model_type = "plain"
    keys_to_ignore_at_inference = ["past"]  # noqa: RUF012 - as the field writes it
    base_config_key: ClassVar[str] = "plain_config"
    quoted: "ClassVar[int]" = 3  # noqa: UP037 - text inside of text
    _cache: dict[str, int] = {}  # noqa: RUF012 - shared on purpose

    width: int = 8
    strides: list[int] = [6, 5]  # noqa: RUF012 - what is tested
    kernels: tuple[int, ...] = (3, 3)
    options: dict[str, int] = field(default_factory=dict)
    size: int = None


@dataclass
class DecoratedConfig(PretrainedConfig, extra="forbid"):
    model_type = "decorated"
    base_config_key: ClassVar[str] = "plain_config"

    width: int = 8
    strides: list[int] = field(default_factory=lambda: [6, 5])
    kernels: tuple[int, ...] = (3, 3)
    options: dict[str, int] = field(default_factory=dict)
    size: int = None


STYLES = pytest.mark.parametrize("cls", [PlainConfig, DecoratedConfig])


@STYLES
def test_body_fields_are_written_and_read(cls, tmp_path):
    """Every field of the body is in the file, and comes back as its annotation says."""
    config = cls(width=4, strides=[1], kernels=(5,), num_labels=3)
    values = {"width": 4, "strides": [1], "kernels": [5], "options": {}, "size": None, "num_labels": 3}
    assert config.to_dict() == {"model_type": cls.model_type, **values}
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert loaded == config
    assert loaded.kernels == (5,)
    assert cls.from_pretrained(tmp_path, strides=[2]).strides == [2]


@STYLES
def test_body_fields_are_checked(cls):
    """Their annotations hold as those of an `__init__` do."""
    with pytest.raises(ConfigValidationError, match=r"strides\[0\]: expected int, got str 'x'"):
        cls(strides=["x"])
    with pytest.raises(UnknownOptionError, match=r"Did you mean 'strides'"):
        cls(stride=[1])
    with pytest.raises(ConfigValidationError, match=r"size: expected int or None"):
        cls(size="x")


@STYLES
def test_objects_do_not_share_defaults_of_the_body(cls):
    """A change to one object's list is seen by no other."""
    cls().strides.append(99)
    assert cls().strides == [6, 5]
    assert PlainConfig.strides == [6, 5]


def test_settings_of_the_class_are_no_fields():
    """What has no annotation, a ClassVar or an underscore is shared, and not in the file."""
    names = set(PlainConfig().to_dict())
    assert not names & {"keys_to_ignore_at_inference", "base_config_key", "quoted", "_cache"}
    assert PlainConfig()._cache is PlainConfig._cache
    assert PlainConfig().keys_to_ignore_at_inference is PlainConfig.keys_to_ignore_at_inference
    with pytest.raises(UnknownOptionError):
        PlainConfig(base_config_key="x")


def test_body_fields_are_keyword_only_without_a_decorator():
    """Then a child may add a required field, and nobody depends on an order."""
    with pytest.raises(TypeError, match=r"positional"):
        PlainConfig(3)

    class Child(PlainConfig):
        depth: int

    assert Child(depth=2).depth == 2
    with pytest.raises(TypeError, match=r"depth"):
        Child()
    with pytest.raises(ConfigError, match=r"Child needs 'depth'"):
        Child.from_dict({})


def test_plain_child_of_a_dataclass_keeps_its_fields():
    """A decorator that was forgotten on the child loses nothing."""

    class Child(DecoratedConfig):
        depth: int = 2

    loaded = Child.from_dict(Child(16, depth=3).to_dict())
    assert (loaded.width, loaded.depth) == (16, 3)
    with pytest.raises(ConfigValidationError, match=r"Child.depth"):
        Child(depth="x")


def test_init_and_body_of_one_class_are_one_class(tmp_path):
    """With a default in the body: a field. Without: the type of what `__init__` sets."""

    class Both(PretrainedConfig, extra="forbid"):
        model_type = "both"
        sizes: tuple[int, ...]
        area: int
        dropout: float = 0.1
        names: list[str] = []  # noqa: RUF012

        def __init__(self, width: int = 4, sizes=(1,), **kwargs):
            self.width = width
            self.sizes = sizes
            self.area = width * width
            super().__init__(**kwargs)

    config = Both(3, sizes=[1, 2], dropout=0.5)
    assert (config.sizes, config.area, config.dropout) == ((1, 2), 9, 0.5)
    assert {"width", "sizes", "area", "dropout", "names"} < set(config.to_dict())
    config.save_pretrained(tmp_path)
    loaded = Both.from_pretrained(tmp_path)
    assert loaded == config
    loaded.names.append("x")
    assert Both().names == []
    assert Both().dropout == 0.1
    with pytest.raises(ConfigValidationError, match=r"Both.dropout"):
        Both(dropout="x")
    with pytest.raises(ConfigValidationError, match=r"Both.sizes\[0\]"):
        Both(sizes=["x"])


def test_styles_may_alternate_over_many_levels():
    """Each `__init__` gets the values that were given, and `__post_init__` runs once, when all fields are there."""
    seen = []

    class First(PretrainedConfig):
        width: int = 4

        def __post_init__(self):
            seen.append(dict(vars(self)))

    class Second(First):
        def __init__(self, heads: int = 2, **kwargs):
            super().__init__(**kwargs)
            self.heads = heads
            self.head_width = self.width // heads

    class Third(Second):
        depth: int = 1

    @dataclass
    class Fourth(Third):
        width: int = 16
        bias: bool = True

    config = Fourth(heads=4, depth=3)
    assert (config.width, config.heads, config.head_width, config.depth, config.bias) == (16, 4, 4, 3, True)
    assert len(seen) == 1
    assert seen[0].keys() >= {"width", "heads", "depth", "bias"}
    assert Third(width=8).head_width == 4
    assert Second(width=8, heads=1).head_width == 8
    assert Fourth.from_dict(config.to_dict()) == config


def test_mixins_give_fields():
    """Annotated defaults of a class that is no config, decorated or not; their `__init__` is called."""

    class Rope:
        theta: float = 1e4
        logger: object

        def scaled(self):
            return self.theta * 2

    @dataclass
    class Norm:
        eps: float = 1e-6

    class Counted:
        def __init__(self, counts=(1,), **kwargs):
            self.counts = counts
            super().__init__(**kwargs)

    class Mixed(Rope, Norm, Counted, PretrainedConfig):
        width: int = 3

    config = Mixed(theta=2.0, eps=0.5, counts=(2,))
    assert (config.scaled(), config.eps, config.counts, config.width) == (4.0, 0.5, (2,), 3)
    assert Mixed.from_dict(config.to_dict()).to_dict() == config.to_dict()
    with pytest.raises(ConfigValidationError, match=r"Mixed.theta"):
        Mixed(theta="x")


def test_abstract_and_generic_bases_have_fields():
    """A family's base declares what its members take."""
    item = TypeVar("item")

    class Family(PretrainedConfig, abc.ABC, Generic[item]):
        width: int
        depth: int = 2

        @abc.abstractmethod
        def cost(self): ...

    class Member(Family[int]):
        model_type = "member"
        depth: int = 3

        def cost(self):
            return self.width * self.depth

    assert Member(width=2).cost() == 6
    with pytest.raises(TypeError, match=r"abstract"):
        Family(width=2)


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("written", [True, False])
def test_a_class_may_give_base_fields_other_defaults(annotated, written):
    """With an annotation or without, with an `__init__` or without."""
    body: dict[str, Any] = {"num_labels": 10, "dtype": "bfloat16", "return_dict": False}
    if annotated:
        body["__annotations__"] = {"num_labels": int, "dtype": str, "return_dict": bool}
    if written:

        def __init__(self, width: int = 3, **kwargs):  # noqa: N807
            self.width = width
            super(cls, self).__init__(**kwargs)

        body["__init__"] = __init__
    cls = type(PretrainedConfig)("Ten", (PretrainedConfig,), body)

    assert (cls().num_labels, cls().dtype, cls().return_dict) == (10, "bfloat16", False)
    assert cls().id2label[9] == "LABEL_9"
    assert cls(id2label={0: "a", 1: "b"}).num_labels == 2
    assert cls(num_labels=3).num_labels == 3
    changed = cls(num_labels=2, dtype=None, return_dict=True)
    assert cls.from_dict(changed.to_dict()) == changed
    assert cls.from_dict(changed.to_dict()).num_labels == 2
    with pytest.raises(ConfigValidationError, match=r"dtype"):
        cls(dtype="not a dtype")


@pytest.mark.parametrize("decorated", [True, False])
def test_a_base_field_may_be_narrowed(decorated):
    """An annotation without a default declares a type."""

    class Narrow(PretrainedConfig):
        num_labels: int
        problem_type: str
        width: int = 3

    if decorated:
        Narrow = dataclass(kw_only=True)(Narrow)  # noqa: N806
    if not decorated:
        assert Narrow().num_labels == 2
    assert Narrow(problem_type="regression").problem_type == "regression"


class Classic(PretrainedConfig):
    def __init__(self, width: int = 8, **kwargs):
        self.width = width
        self.half = width // 2
        super().__init__(**kwargs)


@pytest.mark.parametrize("parent", [PlainConfig, DecoratedConfig, Classic])
@pytest.mark.parametrize("annotated", [True, False])
def test_a_child_may_change_the_default_of_a_field(parent, annotated):
    """Also without its annotation; what a parent's `__init__` computes follows."""
    body = {"width": 16, "__annotations__": {"width": int} if annotated else {}}
    child = type(parent)("Child", (parent,), body)
    assert child().width == 16
    assert child(width=4).width == 4
    if parent is Classic:
        assert child().half == 8
    with pytest.raises(ConfigValidationError, match=r"Child.width"):
        child(width="x")


def test_a_bare_annotation_keeps_the_parents_default():
    """It narrows the type and nothing else."""

    class Child(PlainConfig):
        strides: list[int]
        size: int

    assert Child().strides == [6, 5]
    assert Child().size is None


def test_init_vars_reach_post_init():
    """They are keywords and no fields."""

    class Scaled(PretrainedConfig):
        width: int = 3
        scale: dataclasses.InitVar[int] = 2
        area: int = field(init=False, default=0)

        def __post_init__(self, scale):
            self.area = self.width * scale

    assert Scaled(scale=4).area == 12
    assert Scaled.from_dict(Scaled().to_dict()).area == 6
    assert "scale" not in Scaled().to_dict()


def test_a_config_is_a_default_that_is_not_shared():
    """So are arrays, sets and whatever else has no hash."""

    class Whole(PretrainedConfig):
        part: PlainConfig = PlainConfig(width=3)
        names: set[str] = {"a"}  # noqa: RUF012
        pairs: tuple[list[int], ...] = ([1], [2])

    changed = Whole()
    changed.part.width = 99
    changed.names.add("b")
    changed.pairs[0].append(3)
    assert (Whole().part.width, Whole().names, Whole().pairs) == (3, {"a"}, ([1], [2]))


@pytest.mark.parametrize("first", ["fields", "init", "load"])
def test_it_does_not_matter_what_is_asked_first(first):
    """The fields of a class are there before its first object."""

    class Parent(PretrainedConfig):
        width: int = 1

    class Child(Parent):
        depth: int = 2

    class Further(Child):
        model_type = "further"

    if first == "fields":
        assert [f.name for f in dataclasses.fields(Further)] == ["width", "depth"]
    elif first == "init":
        assert Further(depth=5).depth == 5
    assert Further.from_dict({"depth": 7}).depth == 7
    assert [f.name for f in dataclasses.fields(Parent)] == ["width"]
    assert not dataclasses.is_dataclass(Classic)


def test_a_body_without_fields_makes_no_dataclass():
    """A class that only has a name is what its parent is."""

    class Named(PretrainedConfig):
        model_type = "named"

    assert not dataclasses.is_dataclass(Named)
    assert Named(num_labels=3).num_labels == 3


def test_configs_with_body_fields_are_pickled():
    """As any object of a class in a module."""
    config = PlainConfig(width=3)
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_frozen_child_is_refused():
    """A config takes on fields as it is loaded."""
    parent = type(PretrainedConfig)("Parent", (PretrainedConfig,), {"width": 3})

    @dataclass(frozen=True)
    class Frozen(parent):
        depth: int = 3

    with pytest.raises(ConfigDefinitionError, match=r"frozen"):
        Frozen()
