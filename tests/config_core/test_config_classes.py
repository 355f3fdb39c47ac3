"""How config classes may be written, and what is said of those that could not be saved and loaded."""

from __future__ import annotations

import abc
import dataclasses
import functools
import importlib
import sys
import types
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config_core import (
    ConfigDefinitionError,
    ConfigError,
    ConfigValidationError,
    PreTrainedConfig,
    PretrainedConfig,
    UnknownOptionError,
)


class GuideConfig(PretrainedConfig):
    model_type = "guide"

    def __init__(
        self,
        block_type="bottleneck",
        layers: list[int] = [3, 4, 6, 3],  # noqa: B006 - as the guide writes it
        num_classes: int = 1000,
        stem_width: int = 64,
        avg_down: bool = False,  # noqa: FBT001, FBT002
        **kwargs,
    ):
        if block_type not in ["basic", "bottleneck"]:
            raise ValueError(f"`block_type` must be 'basic' or bottleneck', got {block_type}.")
        self.block_type = block_type
        self.layers = layers
        self.num_classes = num_classes
        self.stem_width = stem_width
        self.avg_down = avg_down
        super().__init__(**kwargs)


@dataclass
class DataConfig(PretrainedConfig):
    model_type = "data"
    attribute_map = {"hidden_size": "width"}  # noqa: RUF012 - as the field writes it

    width: int = 8
    layers: tuple[int, ...] = (1, 2)
    options: dict[str, int] = field(default_factory=dict)


CLASSES = [GuideConfig, DataConfig]


def test_both_names_are_one_class():
    """Whoever writes the name as transformers does now, or as it did, gets the same class."""
    assert PreTrainedConfig is PretrainedConfig


@pytest.mark.parametrize("cls", CLASSES)
def test_a_config_without_arguments_has_its_defaults(cls):
    """Fields of the class and of the base class are there."""
    config = cls()
    assert config.layers == ([3, 4, 6, 3] if cls is GuideConfig else (1, 2))
    assert config.return_dict is True
    assert config.architectures is None
    assert config.model_type == cls.model_type


@pytest.mark.parametrize("cls", CLASSES)
def test_values_may_be_given_by_position(cls):
    """Both styles take fields in the order in which they are written."""
    value = "basic" if cls is GuideConfig else 16
    config = cls(value, [1, 1])
    assert list(config.layers) == [1, 1]
    assert config == cls.from_dict(config.to_dict())


def test_a_count_by_position_and_names_of_classes_must_agree():
    """A number of classes that is given by position is the same number."""
    assert GuideConfig("basic", [1], 2, id2label={0: "a", 1: "b"}).id2label == {0: "a", 1: "b"}


def test_values_that_are_given_twice_are_pythons_own_error():
    """By position and by name is one too many."""
    with pytest.raises(TypeError, match=r"multiple values"):
        GuideConfig("basic", block_type="basic")


def test_too_many_values_are_pythons_own_error():
    """A position that no field has is refused."""
    with pytest.raises(TypeError, match=r"positional"):
        GuideConfig("basic", [1], 2, 3, False, "surplus")


def test_instances_do_not_share_a_mutable_default():
    """A change to one config's list is seen by no other config, and not by the next one made."""
    changed, other = GuideConfig(), GuideConfig()
    changed.layers[0] = 99
    assert other.layers == GuideConfig().layers == [3, 4, 6, 3]


def test_a_mutable_default_under_another_name_is_not_shared_either():
    """What counts is the list and not the name of the attribute that holds it."""

    class DepthConfig(PretrainedConfig):
        def __init__(self, layers=[1], **kwargs):  # noqa: B006
            self.depths = layers
            super().__init__(**kwargs)

    DepthConfig().depths.append(2)
    assert DepthConfig().depths == [1]


def test_the_own_check_of_a_class_is_raised_as_it_is():
    """A guide's ValueError reaches the user unchanged."""
    with pytest.raises(ValueError, match=r"must be 'basic' or bottleneck', got wide"):
        GuideConfig(block_type="wide")


@pytest.mark.parametrize("cls", CLASSES)
def test_an_unknown_keyword_warns_with_a_near_match(cls):
    """A typing error is seen, at the line that made it, and the value is kept."""
    typo, meant = ("stem_widht", "stem_width") if cls is GuideConfig else ("widht", "width")
    with pytest.warns(UserWarning, match=f"{cls.__name__} has no field '{typo}'. Did you mean '{meant}'") as seen:
        config = cls(**{typo: 3})
    assert seen[0].filename == __file__
    assert getattr(config, typo) == 3
    assert config.to_dict()[typo] == 3


def test_an_unknown_keyword_far_from_all_is_only_named():
    """No guess is better than a wild one."""
    with pytest.warns(UserWarning, match=r"has no field 'zzz'. It is kept"):
        GuideConfig(zzz=1)


def test_an_attribute_without_an_annotation_says_how_to_make_it_a_field():
    """A class body that sets a value without an annotation makes no field of it, which is easy to overlook."""

    class Loose(PretrainedConfig):
        width = 3

    with pytest.warns(UserWarning, match=r"'width' without an annotation; to make it a field, write width: int = 3"):
        Loose(width=4)
    with pytest.raises(UnknownOptionError, match=r"to make it a field, write width: int = 3\."):
        Loose.from_dict({}, width=4)


def test_a_path_to_a_field_of_a_part_says_how_to_give_it():
    """Tools for sweeps write `part.field`; here, the fields of a part are a dict."""

    class Whole(PretrainedConfig):
        part: PretrainedConfig | None = None

    with pytest.raises(UnknownOptionError, match=r"as a dict: \{'part': \{'num_labels': \.\.\.\}\}\."):
        Whole(part=PretrainedConfig()).update({"part.num_labels": 3})


@pytest.mark.parametrize("style", ["init", "dataclass"])
def test_a_class_may_forbid_unknown_keywords(style):
    """With extra="forbid" a typing error is an error that lists what is known, in subclasses too."""
    if style == "init":

        class Strict(PretrainedConfig, extra="forbid"):
            def __init__(self, width: int = 3, **kwargs):
                self.width = width
                super().__init__(**kwargs)

    else:

        @dataclass
        class Strict(PretrainedConfig, extra="forbid"):
            width: int = 3

    class Child(Strict):
        pass

    for cls in (Strict, Child):
        with pytest.raises(UnknownOptionError, match=r"Did you mean 'width'.* Its fields are .*width") as caught:
            cls(widht=3)
        assert caught.value.names == ("widht",)


def test_a_subclass_may_allow_what_its_parent_forbids():
    """extra="warn" takes the refusal back."""

    class Strict(PretrainedConfig, extra="forbid"):
        pass

    class Open(Strict, extra="warn"):
        pass

    with pytest.warns(UserWarning, match=r"'x'"):
        assert Open(x=1).x == 1


def test_a_strict_class_reads_files_of_newer_versions():
    """What a file says beyond the class is kept, or a round trip through an older version would lose it."""

    class Strict(PretrainedConfig, extra="forbid"):
        pass

    assert Strict.from_dict({"of_a_newer_version": 1}).to_dict()["of_a_newer_version"] == 1


def test_extra_has_two_values():
    """A misspelt setting of the class is seen when the class is made."""
    with pytest.raises(ConfigDefinitionError, match=r"extra must be 'warn' or 'forbid', got 'ignore'"):

        class Wrong(PretrainedConfig, extra="ignore"):
            pass


def test_an_init_without_kwargs_is_refused():
    """It could be made by hand but never loaded, and so the class is refused when it is made."""
    with pytest.raises(ConfigDefinitionError, match=r"takes no \*\*kwargs.*super\(\).__init__\(\*\*kwargs\)"):

        class Wrong(PretrainedConfig):
            def __init__(self, width=3):
                self.width = width


def test_an_init_that_takes_fields_by_position_only_is_refused():
    """A file gives fields by name."""
    with pytest.raises(ConfigDefinitionError, match=r"by position only"):

        class Wrong(PretrainedConfig):
            def __init__(self, width=3, /, **kwargs):
                self.width = width
                super().__init__(**kwargs)


def test_a_forgotten_call_of_the_base_class_is_named():
    """The first construction says what is missing, not a later save."""

    class Forgetful(PretrainedConfig):
        def __init__(self, width=3, **kwargs):  # noqa: ARG002
            self.width = width

    with pytest.raises(ConfigDefinitionError, match=r"does not call super\(\).__init__"):
        Forgetful()


def test_a_required_field_that_is_not_kept_is_named():
    """A config that swallows a field could be saved but not loaded."""

    class Swallowing(PretrainedConfig):
        def __init__(self, width, **kwargs):
            self.size = width
            super().__init__(**kwargs)

    with pytest.raises(ConfigDefinitionError, match=r"takes 'width' and keeps no attribute"):
        Swallowing(3)


@pytest.mark.parametrize("default", ["", "=3"])
def test_a_field_that_an_init_never_uses_is_named_when_the_class_is_made(default):
    """Its value could only be lost."""
    body = f"def __init__(self, width{default}, **kwargs):\n    super(type(self), self).__init__(**kwargs)"
    namespace = {}
    exec(body, namespace)
    with pytest.raises(ConfigDefinitionError, match=r"Swallowing.__init__ takes 'width' and keeps no attribute"):
        type(PretrainedConfig)("Swallowing", (PretrainedConfig,), {"__init__": namespace["__init__"]})


def test_a_field_may_be_used_in_any_way():
    """Passed on by name or position, kept by `locals()`, or read in a function inside."""

    class Parent(PretrainedConfig):
        def __init__(self, width: int = 3, *args, depth: int = 2, **kwargs):  # noqa: ARG002
            self.__dict__.update({"width": width, "depth": depth})
            super().__init__(**kwargs)

    class Passing(Parent):
        def __init__(self, width: int = 4, depth: int = 3, scale: int = 1, **kwargs):
            self.scaled = [scale * index for index in range(2)]
            self.scale = max(range(3), key=lambda number: number == scale)
            super().__init__(width, depth=depth, **kwargs)

    class Lazy(PretrainedConfig):
        def __init__(self, width: int = 4, **kwargs):
            self.__dict__.update({name: value for name, value in locals().items() if name == "width"})
            super().__init__(**kwargs)

    assert (Passing(5, 6).width, Passing(5, 6).depth, Passing(scale=2).scale) == (5, 6, 2)
    assert Lazy(3).width == 3


@pytest.mark.parametrize("place", ["init", "body"])
@pytest.mark.parametrize("annotation", ["Intt", "list[Intt]", "dict[str, Intt | None]", "typing_.Any"])
def test_an_annotation_with_an_unknown_name_is_named_when_the_class_is_made(place, annotation):
    """Without it, values would not be checked, and tuples come back as lists."""
    where = {
        "init": f"def __init__(self, width: {annotation} = 3, **kwargs):\n"
        "        self.width = width\n        super().__init__(**kwargs)",
        "body": f"width: {annotation} = 3",
    }[place]
    source = f"from __future__ import annotations\nclass Wrong(PretrainedConfig):\n    {where}\n"
    with pytest.raises(ConfigDefinitionError, match=r"Wrong.width: the annotation .* cannot be resolved.*not defined"):
        exec(source, {"PretrainedConfig": PretrainedConfig, "__name__": __name__})


def test_an_annotation_under_type_checking_is_named_when_the_class_is_used():
    """The module defines the name, but not when it runs."""
    source = (
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from pathlib import PurePath\n"
        "class Late(PretrainedConfig):\n    folder: PurePath | None = None\n"
    )
    namespace = {"PretrainedConfig": PretrainedConfig, "__name__": "module_of_this_test"}
    module = types.ModuleType("module_of_this_test")
    module.__dict__.update(namespace)
    exec(source, module.__dict__)
    with pytest.raises(ConfigDefinitionError, match=r"folder: .*'PurePath' is not defined.*if TYPE_CHECKING"):
        module.Late()


def test_annotations_may_name_what_is_defined_later_or_nearby(monkeypatch):
    """A class further down, the class itself, a class of the function or of the body, and text inside of a type."""
    source = (
        "from __future__ import annotations\n"
        "import enum\n"
        "class Early(PretrainedConfig):\n"
        "    class Kind(enum.Enum):\n        A = 'a'\n"
        "    later: Later | None = None\n"
        "    itself: Early | None = None\n"
        "    kind: Kind = Kind.A\n"
        "    many: list['Later'] = []\n"
        "class Later(PretrainedConfig):\n    model_type = 'later'\n    width: int = 3\n"
    )
    module = types.ModuleType("module_of_this_test")
    module.PretrainedConfig = PretrainedConfig
    monkeypatch.setitem(sys.modules, "module_of_this_test", module)
    exec(source, module.__dict__)
    config = module.Early(later={"width": 5}, itself={"kind": "a"}, many=[{"width": 7}])
    assert (config.later.width, config.itself.kind, config.many[0].width) == (5, module.Early.Kind.A, 7)
    with pytest.raises(ConfigValidationError, match=r"many\[0\].width"):
        module.Early(many=[{"width": "x"}])

    class Local(PretrainedConfig):
        width: int = 3

    class Near(PretrainedConfig):
        part: Local | None = None

        def __init__(self, parts: list[Local] = (), **kwargs):
            self.parts = parts
            super().__init__(**kwargs)

    assert Near(part={"width": 4}, parts=[{"width": 5}]).parts[0].width == 5


def test_a_field_may_have_the_name_of_its_type():
    """In a class body, the default hides the type of that name."""
    source = (
        "from __future__ import annotations\n"
        "from datetime import date\n"
        "class Dated(PretrainedConfig):\n    date: date | None = None\n    int: int = 3\n"
    )
    module = types.ModuleType("another_module_of_this_test")
    module.PretrainedConfig = PretrainedConfig
    sys.modules[module.__name__] = module
    try:
        exec(source, module.__dict__)
        config = module.Dated.from_dict({"date": "2026-01-02"})
        assert str(config.date) == "2026-01-02"
        with pytest.raises(ConfigValidationError, match=r"Dated.int"):
            module.Dated(int="x")
    finally:
        del sys.modules[module.__name__]


def test_a_frozen_dataclass_is_refused():
    """A config takes on fields as it is loaded. `@dataclass` asks for the signature, and passes over errors of that."""

    @dataclass(frozen=True)
    class Frozen(PretrainedConfig):
        width: int = 3

    with pytest.raises(ConfigDefinitionError, match=r"frozen"):
        Frozen()


def test_a_dataclass_with_slots_is_refused():
    """Fields in slots would silently be missing from the file."""
    with pytest.raises(ConfigDefinitionError, match=r"slots=True"):

        @dataclass(slots=True)
        class Slotted(PretrainedConfig):
            width: int = 3


def test_a_model_type_is_text():
    """A model_type that could name no class is seen when the class is made."""
    with pytest.raises(ConfigDefinitionError, match=r"model_type must be a string"):

        class Wrong(PretrainedConfig):
            model_type = 3


def test_fields_may_be_assigned_after_the_base_class_too():
    """The order of the lines in `__init__` does not matter."""

    class Late(PretrainedConfig):
        def __init__(self, width: int = 3, **kwargs):
            super().__init__(**kwargs)
            self.width = width

    assert Late.from_dict(Late(width=5).to_dict()).width == 5


def test_a_class_without_an_init_is_a_config():
    """Only a name is enough."""

    class Named(PretrainedConfig):
        model_type = "named"

    assert Named(num_labels=3).to_dict() == {"model_type": "named", "num_labels": 3}


def test_post_init_of_a_dataclass_sees_all_fields():
    """Those of the base class are there already, and what JSON had changed is restored."""
    seen = []

    @dataclass
    class Checked(PretrainedConfig):
        layers: tuple[int, ...] = (1,)

        def __post_init__(self):
            seen.append((self.layers, self.output_attentions, self.num_labels))

    Checked.from_dict({"layers": [4, 5], "output_attentions": True, "num_labels": 7})
    assert seen == [((4, 5), True, 7)]


def test_post_init_may_refuse():
    """A dataclass checks what belongs together where dataclasses do."""

    @dataclass
    class Checked(PretrainedConfig):
        width: int = 4
        heads: int = 2

        def __post_init__(self):
            if self.width % self.heads:
                raise ValueError("width must be a multiple of heads")

    with pytest.raises(ValueError, match=r"multiple of heads"):
        Checked(heads=3)


def test_fields_may_be_keyword_only_init_vars_or_without_init():
    """Keyword-only fields, InitVars with defaults, and fields that are no arguments."""

    @dataclass(kw_only=True)
    class Optioned(PretrainedConfig):
        width: int
        scale: dataclasses.InitVar[int] = 2
        area: int = field(init=False, default=0)

        def __post_init__(self, scale):
            self.area = self.width * scale

    config = Optioned(width=3, scale=4)
    assert config.area == 12
    assert config.to_dict()["area"] == 12
    with pytest.raises(TypeError):
        Optioned(3)


@pytest.mark.parametrize("order", ["classic of dataclass", "dataclass of classic", "dataclass of dataclass"])
def test_styles_may_be_mixed_in_a_family(order, tmp_path):
    """A child adds fields to its parent's in either style, and all of them are saved and loaded."""
    if order == "classic of dataclass":

        class Child(DataConfig):
            model_type = "child"

            def __init__(self, depth: int = 2, **kwargs):
                self.depth = depth
                super().__init__(**kwargs)

    elif order == "dataclass of classic":

        @dataclass
        class Child(GuideConfig):
            model_type = "child"
            depth: int = 2

    else:

        @dataclass
        class Child(DataConfig):
            model_type = "child"
            depth: int = 2

    parents = {"stem_width": 5} if order == "dataclass of classic" else {"width": 5}
    config = Child(depth=7, num_labels=4, **parents)
    config.save_pretrained(tmp_path)
    loaded = Child.from_pretrained(tmp_path)
    assert loaded == config
    assert (loaded.depth, loaded.num_labels) == (7, 4)
    assert getattr(loaded, next(iter(parents))) == 5
    with pytest.raises(ConfigValidationError, match=r"Child.depth"):
        Child(depth="deep")


def test_a_parents_field_is_checked_in_its_child():
    """Annotations are inherited."""

    class Child(GuideConfig):
        pass

    with pytest.raises(ConfigValidationError, match=r"Child.layers\[1\]: expected int"):
        Child(layers=[1, "2"])


def test_a_child_of_a_class_with_required_fields_is_whole():
    """A child without an `__init__` needs what its parent needs."""

    class Parent(PretrainedConfig):
        def __init__(self, width: int, **kwargs):
            self.width = width
            super().__init__(**kwargs)

    class Child(Parent):
        pass

    class Fixed(Parent):
        def __init__(self, **kwargs):
            super().__init__(**{"width": 3, **kwargs})

    assert Child(4).to_diff_dict() == {"model_type": "", "width": 4}
    assert Fixed().to_diff_dict() == {"model_type": ""}
    with pytest.raises(ConfigError, match=r"Child needs 'width'"):
        Child.from_dict({})


class ParameterConfig(PretrainedConfig):
    """Gives fields of the base class other defaults by parameters."""

    model_type = "classes-parameter"

    def __init__(self, output_hidden_states: bool = True, num_labels: int = 10, dtype="bfloat16", **kwargs):  # noqa: FBT001, FBT002
        super().__init__(output_hidden_states=output_hidden_states, num_labels=num_labels, dtype=dtype, **kwargs)


class KeywordConfig(PretrainedConfig):
    """Gives fields of the base class other defaults by keywords."""

    model_type = "classes-keyword"

    def __init__(self, **kwargs):
        for name, default in {"output_hidden_states": True, "num_labels": 10, "dtype": "bfloat16"}.items():
            kwargs.setdefault(name, default)
        super().__init__(**kwargs)


@pytest.mark.parametrize("cls", [ParameterConfig, KeywordConfig])
def test_a_default_of_the_base_class_that_a_child_changes_survives(cls, tmp_path):
    """A value that is the base class's default is written where the child's default is another."""
    config = cls(output_hidden_states=False, num_labels=2, dtype=None)
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.output_hidden_states, loaded.num_labels, loaded.dtype) == (False, 2, None)
    assert loaded == config != cls()
    assert cls().num_labels == 10


def test_a_dataclass_may_give_base_fields_other_defaults():
    """A redeclared field stays the property that it is in the base class."""

    @dataclass
    class Ten(PretrainedConfig):
        num_labels: int = 10
        dtype: str | None = "bfloat16"

    assert Ten().id2label[9] == "LABEL_9"
    named = Ten(id2label={0: "a", 1: "b"})
    assert named.num_labels == 2
    assert Ten.from_dict(named.to_dict()).label2id == {"a": 0, "b": 1}
    assert Ten.from_dict(Ten(num_labels=2, dtype=None).to_dict()) == Ten(num_labels=2, dtype=None)
    with pytest.raises(ConfigValidationError, match=r"dtype"):
        Ten(dtype="not a dtype")


def test_a_dict_of_another_config_may_be_spread():
    """`Config(**config.to_dict())` is the idiom of the field, model_type included."""
    config = GuideConfig(num_classes=3, block_type="basic")
    assert GuideConfig(**config.to_dict()) == config


def test_a_dict_of_another_kind_of_config_warns():
    """The values are taken, and the class keeps its own model_type."""
    with pytest.warns(UserWarning, match=r"model_type 'data', but GuideConfig is for 'guide'") as seen:
        config = GuideConfig(model_type="data")
    assert seen[0].filename == __file__
    assert config.model_type == "guide"


def test_construction_and_loading_do_not_warn_without_reason(tmp_path):
    """A known field is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GuideConfig(num_labels=3, architectures=["X"], torch_dtype="float32").save_pretrained(tmp_path)
        GuideConfig.from_pretrained(Path(tmp_path), num_labels=4)


def test_dataclass_that_extends_one_of_another_module_keeps_its_checks(tmp_path, monkeypatch):
    """The annotations of the parent mean what they mean in the parent's module."""
    (tmp_path / "parent_of_this_test.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from enum import Enum\n"
        "from config_core import PretrainedConfig\n"
        "class Pooling(Enum):\n"
        "    MEAN = 'mean'\n"
        "    MAX = 'max'\n"
        "@dataclass\n"
        "class Parent(PretrainedConfig):\n"
        "    model_type = 'parent'\n"
        "    pooling: Pooling = Pooling.MEAN\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    parent = importlib.import_module("parent_of_this_test")

    @dataclass
    class Child(parent.Parent):
        model_type = "child"
        extra: int = 1

    Child(pooling=parent.Pooling.MAX).save_pretrained(tmp_path)
    assert Child.from_pretrained(tmp_path).pooling is parent.Pooling.MAX
    with pytest.raises(ConfigValidationError, match="pooling"):
        Child(pooling="nonsense")


class RangedConfig(PretrainedConfig):
    model_type = "ranged"

    def __init__(self, width: int = 8, sizes: tuple[int, ...] = (1,), **kwargs):
        self.width = width
        self.sizes = sizes
        super().__init__(**kwargs)

    @property
    def width(self):
        return self._width

    @width.setter
    def width(self, value):
        if value < 1:
            raise ValueError(f"width must be at least 1, got {value}.")
        self._width = value

    @property
    def sizes(self):
        return self._sizes

    @sizes.setter
    def sizes(self, value):
        self._sizes = value


def test_a_field_that_is_a_property_is_saved(tmp_path):
    """A class may guard a field with a setter; the field is written, loaded, restored and compared like any other."""
    config = RangedConfig(width=64, sizes=(2, 3))
    config.save_pretrained(tmp_path)
    loaded = RangedConfig.from_pretrained(tmp_path)
    assert (loaded.width, loaded.sizes) == (64, (2, 3))
    assert loaded == config != RangedConfig()
    assert RangedConfig.from_pretrained(tmp_path, width=5).width == 5
    assert config.to_diff_dict() == {"model_type": "ranged", "width": 64, "sizes": [2, 3]}


def test_a_field_that_is_a_property_is_checked():
    """Its annotation holds for what is given, and its setter for what is assigned."""
    with pytest.raises(ConfigValidationError, match=r"RangedConfig.width: expected int, got str 'x'"):
        RangedConfig(width="x")
    config = RangedConfig()
    with pytest.raises(ConfigValidationError, match=r"RangedConfig.width: expected int, got str 'x'"):
        config.update({"width": "x"})
    with pytest.raises(ValueError, match=r"at least 1, got 0"):
        config.update({"sizes": (5,), "width": 0})
    assert config == RangedConfig()


def test_what_is_calculated_from_fields_is_not_saved(tmp_path):
    """A cached property that was read would be stale beside an override."""

    class HeadConfig(PretrainedConfig):
        model_type = "head"

        def __init__(self, width: int = 64, **kwargs):
            self.width = width
            super().__init__(**kwargs)

        @functools.cached_property
        def head_width(self):
            return self.width // 8

    config = HeadConfig()
    assert config.head_width == 8
    config.save_pretrained(tmp_path)
    assert config == HeadConfig()
    assert HeadConfig.from_pretrained(tmp_path, width=128).head_width == 16
    with pytest.raises(ConfigError, match=r"'head_width' is a method or setting"):
        HeadConfig.from_dict({"head_width": 3})


def test_a_config_class_may_be_abstract():
    """The base of a family may leave a method to its children, as any abstract class."""

    class Family(PretrainedConfig, abc.ABC):
        @abc.abstractmethod
        def width(self): ...

    class Member(Family):
        model_type = "member"

        def width(self):
            return 3

    with pytest.raises(TypeError, match=r"abstract"):
        Family()
    assert Member().width() == 3
    assert isinstance(Member(), PretrainedConfig)
    assert issubclass(Member, Family)


def test_instances_do_not_share_a_config_that_is_a_default():
    """A config changes as a list does; so do lists inside of a tuple."""

    class WholeConfig(PretrainedConfig):
        model_type = "whole"

        def __init__(self, part: DataConfig = DataConfig(width=3), pairs=([1], [2]), **kwargs):  # noqa: B008
            self.part = part
            self.pairs = pairs
            super().__init__(**kwargs)

    changed = WholeConfig()
    changed.part.width = 99
    changed.pairs[0].append(99)
    assert WholeConfig().part.width == 3
    assert WholeConfig().pairs == ([1], [2])


# Names that every config has


def with_body(name):
    class BodyConfig(PretrainedConfig):
        __annotations__ = {name: int}
        vars()[name] = 3

    return BodyConfig


def with_parameter(name):
    names = {"PretrainedConfig": PretrainedConfig}
    source = f"class C(PretrainedConfig):\n    def __init__(self, {name}=3, **kw):\n        self.{name} = {name}\n"
    exec(f"{source}        super().__init__(**kw)", names)
    return names["C"]


@pytest.mark.parametrize("make", [with_body, with_parameter])
@pytest.mark.parametrize("name", ["update", "validate", "to_dict", "save_pretrained"])
def test_a_field_with_the_name_of_a_method_is_refused(make, name):
    """It would hide the method, which every load and save calls."""
    with pytest.raises(ConfigDefinitionError, match=rf"'{name}' cannot be a field, because it is a method"):
        make(name)


def test_a_field_may_have_the_name_of_a_parameter_of_ours():
    """Such as that by which methods get their class."""
    config = with_body("cls")(cls=5)
    assert type(config)(**config.to_dict()) == config


@pytest.mark.parametrize("make", [with_body, with_parameter])
@pytest.mark.parametrize("name", ["register", "mro"])
def test_a_field_may_have_the_name_of_a_method_of_the_metaclass(make, name):
    """Nobody calls that on an object; a file may have it, too."""
    config = make(name)(**{name: 5})
    assert type(config).from_dict(config.to_dict()) == config
    assert vars(PretrainedConfig.from_dict({name: 4}))[name] == 4


def test_private_attributes_of_every_config_are_not_for_its_class():
    """Such as `_labels`, which holds the names of classes here."""
    with pytest.raises(ConfigDefinitionError, match=r"BodyConfig assigns '_labels'.* Use another name"):
        with_body("_labels")
    with pytest.raises(ConfigDefinitionError, match="AssigningConfig assigns '_extra'"):

        class AssigningConfig(PretrainedConfig):
            def __init__(self, **kwargs):
                self._extra = 3
                super().__init__(**kwargs)

    class ReadingConfig(PretrainedConfig):
        model_type = "classes-reading"

        def __init__(self, other=None, **kwargs):
            self.width = getattr(other, "width", 3) if other is None else other._labels
            super().__init__(**kwargs)

    assert ReadingConfig().width == 3


def test_a_dataclass_that_sets_no_fields_is_refused():
    """`init=False` leaves its fields out of every config and file."""

    @dataclass(init=False)
    class NoInitConfig(PretrainedConfig):
        width: int = 3

    with pytest.raises(ConfigDefinitionError, match=r"without an __init__.*without init=False"):
        NoInitConfig()


def test_a_class_may_be_used_first_by_several_threads():
    """While one finds out what the methods of the class assign, another one adds to the class what it has found."""

    class ThreadConfig(PretrainedConfig):
        model_type = "classes-thread"

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.width = 3

    class Meddler:
        @property
        def __code__(self):
            ThreadConfig.found_by_another_thread = 1
            raise AttributeError

    ThreadConfig.meddler = Meddler()
    assert ThreadConfig(width=5).width == 5


def test_an_alias_may_stand_for_an_alias():
    """As a child gives a new name to what its parent has named already."""

    class AliasConfig(PretrainedConfig):
        model_type = "classes-alias"
        attribute_map = {"x": "y", "y": "width"}  # noqa: RUF012 - as the field writes it
        width: int = 1

    config = AliasConfig(x=3)
    assert (config.width, config.x, AliasConfig.from_dict({"x": 4}).width) == (3, 3, 4)
    with pytest.raises(ConfigError, match="'x' is an alias of 'width'"):
        AliasConfig(x=3, width=4)


def test_aliases_that_stand_for_each_other_are_refused():
    """There would be no field."""

    class CircleConfig(PretrainedConfig):
        attribute_map = {"w": "x", "x": "y", "y": "x"}  # noqa: RUF012 - as the field writes it

    with pytest.raises(ConfigDefinitionError, match="stands for itself"):
        CircleConfig()
