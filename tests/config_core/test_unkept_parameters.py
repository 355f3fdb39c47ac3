"""Parameters that an `__init__` takes and keeps under another name, or nowhere: no value is lost in silence."""

from __future__ import annotations

import dataclasses
from dataclasses import InitVar
from enum import Enum
from typing import Literal

import pytest

from config_core import ConfigError, ConfigValidationError, PretrainedConfig, UnknownOptionError


class RenamingConfig(PretrainedConfig):
    model_type = "unkept-renaming"

    def __init__(self, hidden: int = 8, **kwargs):
        self.hidden_size = hidden
        self.inner_size = 4 * hidden
        super().__init__(**kwargs)


class RenamingLastConfig(PretrainedConfig):
    """The same, after `super().__init__`."""

    model_type = "unkept-renaming-last"

    def __init__(self, hidden: int = 8, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden
        self.inner_size = 4 * hidden


class SmallConfig(RenamingConfig):
    model_type = "unkept-small"

    def __init__(self, size: int = 4, **kwargs):
        super().__init__(hidden=size, **kwargs)


class PresetConfig(PretrainedConfig):
    model_type = "unkept-preset"

    def __init__(self, preset="small", width=None, **kwargs):
        self.width = width or {"small": 8, "large": 16}[preset]
        super().__init__(**kwargs)


@dataclasses.dataclass
class ScaledConfig(PretrainedConfig):
    model_type = "unkept-scaled"

    width: int = 8
    scale: InitVar[int] = 2
    inner: int = None

    def __post_init__(self, scale):
        self.inner = self.inner or self.width * scale


class PrivateConfig(PretrainedConfig):
    model_type = "unkept-private"

    def __init__(self, hidden=8, **kwargs):
        self._hidden = hidden
        self._made = object()  # is no value of a parameter
        super().__init__(**kwargs)


class PropertyConfig(PretrainedConfig):
    model_type = "unkept-property"

    def __init__(self, hidden=8, **kwargs):
        self._hidden = hidden
        super().__init__(**kwargs)

    @property
    def hidden(self):
        return self._hidden


class LoopConfig(PretrainedConfig):
    model_type = "unkept-loop"

    def __init__(self, width=8, depth=2, **kwargs):
        for name, value in {"width": width, "depth": depth}.items():
            setattr(self, name, value)
        super().__init__(**kwargs)


CASES = [
    (RenamingConfig, {"hidden": 3}, {"hidden": 5}, "hidden_size"),
    (SmallConfig, {"size": 3}, {"size": 5}, "hidden_size"),
    (PresetConfig, {"width": 3}, {"preset": "large"}, "width"),
    (ScaledConfig, {"scale": 3}, {"scale": 5}, "inner"),
]


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_what_is_made_of_a_parameter_is_kept(cls, values, changed, field, tmp_path):
    """A file has that in its place."""
    config = cls(**values)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    assert getattr(cls.from_pretrained(tmp_path), field) == getattr(config, field)
    assert getattr(cls.from_dict(changed), field) == getattr(cls(**changed), field)


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_an_override_without_effect_is_refused(cls, values, changed, field, tmp_path):
    """The file says otherwise; the error names what to give."""
    config = cls(**values)
    config.save_pretrained(tmp_path)
    (name,) = changed
    with pytest.raises(ConfigError, match=rf"{name}=.* would have no effect.*Give .*'{field}'.* instead"):
        cls.from_pretrained(tmp_path, **changed)
    with pytest.raises(ConfigError, match="would have no effect"):
        config.__replace__(**changed)
    same = cls.from_pretrained(tmp_path, **{**values, field: getattr(config, field)})
    assert getattr(same, field) == getattr(config, field)


@pytest.mark.parametrize("value", [5, 8])
@pytest.mark.parametrize("is_call", [True, False])
def test_one_beside_what_a_config_was_saved_as_is_refused(value, is_call):
    """The copy of a config with another value of the parameter, its default included, would be as the config was."""
    values = {**RenamingConfig(hidden=3).to_dict(), "hidden": value}
    with pytest.raises(ConfigError, match=r"hidden=.* would have no effect.*'hidden_size', which is 3"):
        RenamingConfig(**values) if is_call else RenamingConfig.from_dict(values)
    assert RenamingConfig(**{**values, "hidden": 3}).hidden_size == 3


@pytest.mark.parametrize(
    ("cls", "values", "changed"),
    [
        (RenamingConfig, {"hidden": 3}, {"hidden": 8}),
        (SmallConfig, {"size": 3}, {"size": 4}),
        (ScaledConfig, {"scale": 3}, {"scale": 2}),
    ],
)
def test_an_override_with_the_default_is_refused_too(cls, values, changed, tmp_path):
    """It would have no effect either."""
    cls(**values).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="would have no effect"):
        cls.from_pretrained(tmp_path, **changed)
    assert cls.from_pretrained(tmp_path, **values) == cls(**values)


@pytest.mark.parametrize("cls", [RenamingConfig, RenamingLastConfig])
def test_a_parameter_and_the_attribute_that_keeps_it_must_agree(cls):
    """Either may be meant; what is computed of a parameter may be given another value."""
    with pytest.raises(ConfigError, match=r"hidden=5 would have no effect.*'hidden_size', which is 6"):
        cls(hidden=5, hidden_size=6)
    config = cls(hidden=5, hidden_size=5, inner_size=7)
    assert (config.hidden_size, config.inner_size) == (5, 7)


def test_what_is_computed_of_a_parameter_may_be_given_another_value():
    """A preset only gives another field its default."""
    assert PresetConfig(preset="large", width=8).width == 8


class RenamingTwiceConfig(PretrainedConfig):
    """Counts the configs that are made, and makes no more when they are too many."""

    model_type = "unkept-renaming-twice"
    made = 0

    def __init__(self, width: int = 8, rate: float = 0.1, act: str = "relu", **kwargs):
        type(self).made += 1
        if type(self).made > 300:
            raise RuntimeError("no end")
        self.width = width
        self.dropout = rate
        self.activation = act
        self.half = width // 2
        super().__init__(**kwargs)


def test_several_beside_another_value_of_a_computed_field_take_few_steps():
    """The check of one parameter makes configs of the other, which are not checked in turn."""
    config = RenamingTwiceConfig(rate=0.5, act="gelu", half=99)
    assert (config.dropout, config.activation, config.half) == (0.5, "gelu", 99)
    assert RenamingTwiceConfig.made < 100


@pytest.mark.parametrize(("cls", "values", "changed", "field"), CASES)
def test_an_update_of_one_is_refused(cls, values, changed, field):
    """It would set an attribute that nothing reads; the error has what the class would make of it."""
    config = cls(**values)
    with pytest.raises(UnknownOptionError, match=r"has no field .* __init__ takes .* Give these instead: "):
        config.update(changed)
    assert config == cls(**values)
    config.update({field: 7})
    assert getattr(config, field) == 7


class PassingConfig(PretrainedConfig):
    """Makes fields of the base class of its parameters."""

    model_type = "unkept-passing"

    def __init__(self, classes: int = 3, precision: str = "float16", **kwargs):
        super().__init__(num_labels=2 * classes, dtype=precision, **kwargs)


class NamesConfig(PretrainedConfig):
    model_type = "unkept-names"

    def __init__(self, names: tuple[str, ...] = ("a", "b"), width: int = 1, **kwargs):
        self.width = width
        super().__init__(id2label=dict(enumerate(names)), **kwargs)


BASE_CASES = [
    (PassingConfig, {}, {"classes": 5}),
    (PassingConfig, {"classes": 4}, {"classes": 5}),
    (PassingConfig, {"precision": "bfloat16"}, {"precision": "float32"}),
    (NamesConfig, {}, {"names": ("x", "y", "z")}),
    (NamesConfig, {"names": ("x",)}, {"names": ("p", "q")}),
    (NamesConfig, {"names": ("x",)}, {"names": ("a", "b")}),
]


@pytest.mark.parametrize(("cls", "values", "changed"), [*(case[:3] for case in CASES), *BASE_CASES])
def test_what_an_error_says_to_give_works_as_it_is_written(cls, values, changed, tmp_path):
    """Pasted into the call that was refused, it makes what the parameter would have made."""
    config, expected = cls(**values), cls(**changed)
    with pytest.raises(UnknownOptionError) as refused:
        config.update(changed)
    advised = eval(f"dict({str(refused.value).partition('instead: ')[2].rstrip('.')})")
    config.update(advised)
    assert config == expected
    config = cls(**values)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    assert cls.from_pretrained(tmp_path, **advised) == expected == cls.from_dict(config.to_dict(), **advised)
    if values:
        with pytest.raises(ConfigError, match="would have no effect") as refused:
            cls.from_pretrained(tmp_path, **changed)
        advised = eval(f"dict({str(refused.value).partition('instead: ')[2].rstrip('.')})")
        assert cls.from_pretrained(tmp_path, **advised) == expected


def test_what_an_error_says_to_give_depends_on_the_other_fields():
    """It is what the class would make of the parameter beside them."""
    config = ScaledConfig(width=16)
    with pytest.raises(UnknownOptionError, match=r"Give these instead: inner=80\."):
        config.update({"scale": 5})
    assert ScaledConfig.from_dict(config.to_dict(), scale=2) == config
    with pytest.raises(ConfigError, match=r"Give 'inner' instead: inner=80\."):
        ScaledConfig.from_dict(ScaledConfig(width=16, scale=3).to_dict(), scale=5)


@pytest.mark.parametrize(
    ("cls", "names"), [(PassingConfig, ["p", "q", "r", "s"]), (NamesConfig, ["p"]), (NamesConfig, ["p", "q", "r"])]
)
def test_names_of_classes_come_back_beside_what_a_class_passes(cls, names, tmp_path):
    """Those of the file count, also for another number of classes than that of the default."""
    config = cls(classes=2) if cls is PassingConfig else cls()
    config.update({"id2label": dict(enumerate(names))})
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert loaded == config
    assert (loaded.num_labels, [*loaded.label2id]) == (len(names), names)
    loaded.update({"output_attentions": True})
    assert [*loaded.id2label.values()] == names


def test_what_only_a_private_attribute_holds_is_refused_at_the_save(tmp_path):
    """Private attributes are not written; those with the value of a default are not lost."""
    PrivateConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigValidationError, match=r"_hidden: private attributes .* make this 8\. .*'hidden'"):
        PrivateConfig(hidden=3).save_pretrained(tmp_path)


@pytest.mark.parametrize("cls", [PropertyConfig, LoopConfig])
def test_other_ways_to_keep_a_parameter_are_found(cls, tmp_path):
    """Properties, and attributes that are set by names that code does not spell."""
    name = "hidden" if cls is PropertyConfig else "width"
    cls(**{name: 3}).save_pretrained(tmp_path)
    assert getattr(cls.from_pretrained(tmp_path), name) == 3
    assert getattr(cls.from_pretrained(tmp_path, **{name: 5}), name) == 5


NUMBERS = {"auto": 1, "large": 2}


class Pace(Enum):
    SLOW = "slow"
    FAST = "fast"


def looked_up(size):
    return {"auto": 1, "huge": 3}[size]


class LookingConfig(PretrainedConfig):
    """Only certain values work, and the defaults are among them."""

    model_type = "unkept-looking"
    DEPTHS = {18: 1, 50: 2}  # noqa: RUF012 - a table

    def __init__(  # noqa: PLR0917 - one of each kind
        self,
        table="auto",
        function="auto",
        chosen: Literal["auto", "other"] = "auto",
        depth: int = 50,
        pace: Pace = Pace.SLOW,
        sizes: tuple[int, int] = (1, 2),
        optional: int | None = None,
        **kwargs,
    ):
        self.made_of_table = NUMBERS[table]
        self.made_of_function = looked_up(function)
        self.made_of_chosen = 1 if chosen == "auto" else 2
        self.made_of_depth = self.DEPTHS[depth]
        self.made_of_pace = 1 if pace is Pace.SLOW else 2
        first, second = sizes
        self.made_of_sizes = first + second
        self.made_of_optional = optional or 5
        super().__init__(**kwargs)


@dataclasses.dataclass
class LookingDataclassConfig(PretrainedConfig):
    model_type = "unkept-looking-dataclass"

    preset: InitVar[str] = "auto"
    made_of_preset: int = 0

    def __post_init__(self, preset):
        self.made_of_preset = self.made_of_preset or NUMBERS[preset]


@pytest.mark.parametrize(
    ("cls", "name", "saved", "default"),
    [
        (LookingConfig, "table", "large", "auto"),
        (LookingConfig, "function", "huge", "auto"),
        (LookingConfig, "chosen", "other", "auto"),
        (LookingConfig, "depth", 18, 50),
        (LookingConfig, "pace", "fast", Pace.SLOW),
        (LookingConfig, "pace", Pace.FAST, "slow"),
        (LookingConfig, "sizes", (5, 6), (1, 2)),
        (LookingConfig, "optional", 6, None),
        (LookingDataclassConfig, "preset", "large", "auto"),
    ],
)
def test_an_override_with_the_default_is_refused_whatever_its_type(cls, name, saved, default, tmp_path):
    """Text of a table, a member of an enum, or None: a value that changes nothing in a new config does in this one."""
    cls(**{name: saved}).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=f"{name}=.* would have no effect, .* 'made_of_{name}'"):
        cls.from_pretrained(tmp_path, **{name: default})
    assert cls.from_pretrained(tmp_path, **{name: saved}) == cls(**{name: saved})
    cls().save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, **{name: default}) == cls()
