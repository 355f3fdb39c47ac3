"""Fields of enums and of certain values take a value of the very type: in Python 1, 1.0 and True are equal."""

from __future__ import annotations

import json
import numbers
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from pathlib import Path
from typing import Literal

import jsonschema
import pytest

from config_core import ConfigValidationError, PretrainedConfig


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Other(IntEnum):
    ONE = 1


class Switch(Enum):
    ON = True
    OFF = False


class Speed(Enum):
    SLOW = 1.0
    FAST = 2.5


class Text(StrEnum):
    NUMBER = "1"
    WORD = "word"

    @classmethod
    def _missing_(cls, value):
        return cls[value] if value.isupper() else None


class Named(IntEnum):
    FIRST = 1
    SECOND = 2

    @classmethod
    def _missing_(cls, value):
        return cls.FIRST if value is None else cls.__members__.get(str(value).upper())


class Sides(Flag):
    LEFT = 1
    RIGHT = 2


class Bits(IntFlag):
    FIRST = 1
    SECOND = 2


class Corner(Enum):
    TOP = (0, 1)
    DEEP = (1, (0, "a"))


class Options(Enum):
    SMALL = {"width": 1}  # noqa: RUF012
    FILE = Path("a/b")


class LongText(str):
    """Text of a class of its own, as parsers of YAML return it."""

    __slots__ = ()


def config_class(annotation):
    """Return a config class with one field."""

    class EnumConfig(PretrainedConfig):
        model_type = "enum-field"

        def __init__(self, field=None, **kwargs):
            self.field = field
            super().__init__(**kwargs)

    EnumConfig.__init__.__annotations__["field"] = annotation
    return EnumConfig


def loaded(cls, value, folder):
    """Return the field of a config whose file has a value."""
    text = json.dumps({"model_type": cls.model_type, "field": value})
    (folder / "config.json").write_text(text, encoding="utf-8")
    return cls.from_pretrained(folder).field


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Level, True),
        (Level, 1.0),
        (Level, "1"),
        (Switch, 1),
        (Switch, 0),
        (Switch, 1.0),
        (Switch, "true"),
        (Speed, True),
        (Speed, "1.0"),
        (Text, 1),
        (Text, True),
        (Text, "OTHER"),
        (Named, True),
        (Named, 1.0),
        (Named, "third"),
        (Sides, True),
        (Sides, False),
        (Sides, 1.0),
        (Sides, "LEFT"),
        (Bits, True),
        (Corner, [False, True]),
        (Corner, [0, 1.0]),
        (Corner, [1, [False, "a"]]),
        (Corner, [0, 1, 2]),
        (Options, {"width": True}),
        (list[Level], [1, True]),
        (set[Level], [True]),
        (tuple[Level, ...], [1.0]),
        (dict[str, Level], {"a": True}),
        (Level | str, True),
        (Literal[1], True),
        (Literal[True], 1),
        (Literal[0, 1], 1.0),
        (Literal[Level.LOW], True),
        (Literal[Level.LOW], 2),
        (int, True),
        (float, True),
        (complex, True),
        (numbers.Integral, True),
        (numbers.Real, False),
        (bool, 1),
        (list[int], [1, True]),
    ],
)
def test_a_value_that_is_only_equal_is_refused(annotation, value, tmp_path):
    """Given, in a file, as an override and in an update."""
    cls = config_class(annotation)
    config = cls()
    cls().save_pretrained(tmp_path / "saved")
    for give in (
        lambda: cls(field=value),
        lambda: loaded(cls, value, tmp_path),
        lambda: cls.from_pretrained(tmp_path / "saved", field=value),
        lambda: config.update({"field": value}),
    ):
        with pytest.raises(ConfigValidationError, match=r"field.*: expected "):
            give()
    assert config == cls()


@pytest.mark.parametrize(
    ("annotation", "key"),
    [(dict[Level, int], True), (dict[Level, int], 1.0), (dict[int, int], True), (dict[Literal[1], int], True)],
)
def test_a_key_that_is_only_equal_is_refused(annotation, key):
    """Where it would become another one in a file."""
    with pytest.raises(ConfigValidationError, match=r"field.*: expected "):
        config_class(annotation)(field={key: 1})


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (Level, 1, Level.LOW),
        (Switch, True, Switch.ON),
        (Switch, False, Switch.OFF),
        (Speed, 1.0, Speed.SLOW),
        (Speed, 1, Speed.SLOW),
        (Text, "1", Text.NUMBER),
        (Text, "WORD", Text.WORD),
        (Text, LongText("word"), Text.WORD),
        (Named, "second", Named.SECOND),
        (list[Named], [None, 2], [Named.FIRST, Named.SECOND]),
        (Named | None, None, None),
        (Named | str, "second", "second"),
        (str | Named, 2, Named.SECOND),
        (Sides, 0, Sides(0)),
        (Sides, 3, Sides.LEFT | Sides.RIGHT),
        (Bits, 3, Bits.FIRST | Bits.SECOND),
        (Corner, [0, 1], Corner.TOP),
        (Corner, (0, 1), Corner.TOP),
        (Corner, [1, [0, "a"]], Corner.DEEP),
        (Options, {"width": 1}, Options.SMALL),
        (Options, "a/b", Options.FILE),
        (dict[Level, int], {"1": 3}, {Level.LOW: 3}),
        (dict[Text, int], {"1": 3}, {Text.NUMBER: 3}),
        (Level | bool, True, True),
        (bool | Level, True, True),
        (Level | bool, 1, Level.LOW),
        (Level | float, 1.0, 1.0),
        (Speed | int, 1, 1),
        (Speed | Level, 1, Level.LOW),
        (Speed | Level, 1.0, Speed.SLOW),
        (Speed | None, 1, Speed.SLOW),
        (int | bool, True, True),
        (bool | int, 1, 1),
        (float | bool, True, True),
        (float | int, 1, 1),
        (Literal[1, True], True, True),
        (Literal[True, 1], 1, 1),
        (Literal[Level.LOW, "a"], Level.LOW, Level.LOW),
        (Literal[Level.LOW, "a"], 1, Level.LOW),
        (list[Literal[Text.WORD]], ["word"], [Text.WORD]),
        (float, 1, 1),
    ],
)
def test_a_value_of_the_type_is_taken_and_comes_back(annotation, given, expected, tmp_path):
    """As the member that it stands for, of the same type after a save and a load."""
    cls = config_class(annotation)
    for config in (cls(field=given), cls(field=expected)):
        config.save_pretrained(tmp_path)
        jsonschema.validate(json.loads((tmp_path / "config.json").read_text(encoding="utf-8")), cls.json_schema())
        for field in (config.field, cls.from_pretrained(tmp_path).field):
            assert repr(field) == repr(expected)


def test_a_member_of_another_enum_is_refused():
    """Although it is equal to one of this."""
    with pytest.raises(ConfigValidationError, match=r"field: expected one of 1, 2 or None, got Other <Other.ONE: 1>"):
        config_class(Level)(field=Other.ONE)


def test_a_refused_value_leaves_the_enum_as_it_is():
    """A flag makes new members for the numbers that it is asked for."""
    with pytest.raises(ConfigValidationError, match="expected one of 1, 2 or None, got bool False"):
        config_class(Sides)(field=False)
    assert type(config_class(Sides)(field=0).field.value) is int


def test_arrays_are_values_of_enums_where_lists_are():
    """Any other is refused with an error of the field."""
    np = pytest.importorskip("numpy")
    assert config_class(Corner)(field=np.array([0, 1])).field is Corner.TOP
    for annotation in (Level, Text, Sides, Corner, Options, Literal[1], Literal["a", Level.LOW]):
        with pytest.raises(ConfigValidationError, match="field: expected one of"):
            config_class(annotation)(field=np.array([3, 4]))
