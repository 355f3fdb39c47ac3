"""Fields of any annotation with any value: what is saved is loaded, equal and of the same types."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import tempfile
from dataclasses import dataclass, is_dataclass, make_dataclass
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, NotRequired, Required, TypedDict, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_core import ConfigError, PretrainedConfig

T = TypeVar("T")


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


class TextMode(str, Enum):  # noqa: UP042 - what older code has
    PLAIN = "plain"
    NUMBER = "1"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Word(StrEnum):
    SHORT = "short"
    LONG = "2"


class Sides(Flag):
    LEFT = 1
    RIGHT = 2


class Bits(IntFlag):
    FIRST = 1
    SECOND = 2


class Switch(Enum):
    ON = True
    OFF = False


class Speed(Enum):
    SLOW = 1.0
    FAST = 2.5


class Corner(Enum):
    TOP = (0, 1)
    DEEP = (0, (1, "a"))


class Size(NamedTuple):
    height: int
    width: float


class Box(NamedTuple):
    size: Size
    names: tuple[str, ...]


class Crop(TypedDict):
    top: tuple[int, int]
    level: NotRequired[Level]


class Frame(Crop, total=False):
    crop: Required[Crop]
    size: Size
    switches: list[Switch]


@dataclass
class Step:
    size: Size
    day: dt.date | None = None
    sides: tuple[int, ...] = ()


class Pair(TypedDict, Generic[T]):
    first: T
    others: NotRequired[list[T]]


class Row(NamedTuple, Generic[T]):
    first: T
    others: tuple[T, ...] = ()


@dataclass
class Holder(Generic[T]):
    first: T
    others: tuple[T, ...] = ()


class PartConfig(PretrainedConfig):
    model_type = "part"

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)


class OtherPartConfig(PretrainedConfig):
    model_type = "other-part"

    def __init__(self, sizes: tuple[int, ...] = (), **kwargs):
        self.sizes = sizes
        super().__init__(**kwargs)


CHOICE = Literal[0, 1, "a"]
MEMBER = Literal[Level.LOW, Word.LONG, "b"]
SIZES = st.builds(Size, st.integers(), st.floats())
CORNERS = {"top": st.tuples(st.integers(), st.integers())}
LEVELS = {"level": st.sampled_from(Level)}
CROPS = st.fixed_dictionaries(CORNERS, optional=LEVELS)
FRAMES = st.fixed_dictionaries(
    {**CORNERS, "crop": CROPS}, optional={**LEVELS, "size": SIZES, "switches": st.lists(st.sampled_from(Switch))}
)
# An annotation, and values that fit it.
KEYS = [
    (str, st.text()),
    (int, st.integers()),
    (int | str, st.integers() | st.text(alphabet="ab")),
    (CHOICE, st.sampled_from([0, 1, "a"])),
    *((enum, st.sampled_from(enum)) for enum in (Mode, TextMode, Level, Word)),
]
SCALARS = [*KEYS, (float, st.floats()), (bool, st.booleans()), (type(None), st.none())]
SIMPLE = [
    *SCALARS,
    *((enum, st.sampled_from(enum)) for enum in (Corner, Switch, Speed)),
    (MEMBER, st.sampled_from([Level.LOW, Word.LONG, "b"])),
    (Bits, st.sampled_from([Bits(0), Bits.FIRST, Bits.FIRST | Bits.SECOND])),
    (Sides, st.sampled_from([Sides(0), Sides.LEFT, Sides.LEFT | Sides.RIGHT])),
    (Size, SIZES),
    (Box, st.builds(Box, SIZES, st.tuples(st.text()))),
    (Crop, CROPS),
    (Frame, FRAMES),
    (PartConfig, st.builds(PartConfig, st.integers())),
    (OtherPartConfig, st.builds(OtherPartConfig, st.tuples(st.integers()))),
]
# Types whose form in JSON is text, a list or an object, and which a choice cannot tell from those.
HASHABLE_FORMS = [
    (Path, st.builds(Path, st.text(alphabet="ab./", max_size=5))),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes(timezones=st.sampled_from([None, dt.UTC]))),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas()),
    (Decimal, st.decimals(allow_nan=False)),
    (UUID, st.uuids()),
]
FORMS = [
    *HASHABLE_FORMS,
    (Step, st.builds(Step, SIZES, st.none() | st.dates(), st.tuples(st.integers()))),
    *((set[item], st.sets(values, max_size=3)) for item, values in HASHABLE_FORMS),
    *((frozenset[item], st.frozensets(values, max_size=3)) for item, values in KEYS),
    *(
        (dict[item, int], st.dictionaries(item_values, st.integers(), max_size=3))
        for item, item_values in HASHABLE_FORMS
    ),
]


def pairs_of(values):
    """Return a strategy for the values of `Pair[…]`."""
    return st.fixed_dictionaries({"first": values}, optional={"others": st.lists(values, max_size=2)})


def is_enum(annotation):
    """Return whether an annotation is an enum."""
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def containers(inner):
    """Return annotations of containers, and of choices, of what the inner ones describe."""
    pairs = st.tuples(inner, inner)
    # The members of two enums may have the same value: a save refuses those of the second one.
    choices = st.tuples(inner, st.sampled_from([item for item in SCALARS if not is_enum(item[0])]))
    return st.one_of(
        inner.map(lambda item: (list[item[0]], st.lists(item[1], max_size=3))),
        inner.map(lambda item: (tuple[item[0], ...], st.lists(item[1], max_size=3).map(tuple))),
        pairs.map(lambda pair: (tuple[pair[0][0], pair[1][0]], st.tuples(pair[0][1], pair[1][1]))),
        # What JSON has one form for, such as a list and a tuple, is the same to a config.
        choices.map(lambda pair: (pair[0][0] | pair[1][0], pair[0][1] | pair[1][1])),
        inner.map(lambda item: (item[0] | None, st.none() | item[1])),
        inner.map(lambda item: (Pair[item[0]], pairs_of(item[1]))),
        inner.map(lambda item: (Row[item[0]], st.builds(Row, item[1], st.lists(item[1], max_size=2).map(tuple)))),
        st.tuples(st.sampled_from(KEYS), inner).map(
            lambda pair: (dict[pair[0][0], pair[1][0]], st.dictionaries(pair[0][1], pair[1][1], max_size=3))
        ),
    )


ANNOTATIONS = st.recursive(st.sampled_from(SIMPLE), containers, max_leaves=4)


def same(value, other):
    """Return whether values are equal and of the same types, at any depth."""
    if type(value) is not type(other):
        return False
    if isinstance(value, dict):
        return len(value) == len(other) and all(
            any(same(key, found) and same(value[key], other[found]) for found in other) for key in value
        )
    if isinstance(value, (list, tuple)):
        return len(value) == len(other) and all(map(same, value, other))
    if is_dataclass(value):
        return same(vars(value), vars(other))
    return value == other or (isinstance(value, float) and math.isnan(value) and math.isnan(other))


def sequences(inner):
    """Return annotations of what holds values without a choice between types."""
    return st.one_of(
        inner.map(lambda item: (list[item[0]], st.lists(item[1], max_size=3))),
        inner.map(lambda item: (tuple[item[0], ...], st.lists(item[1], max_size=3).map(tuple))),
        inner.map(lambda item: (item[0] | None, st.none() | item[1])),
        inner.map(lambda item: (Holder[item[0]], st.builds(Holder, item[1], st.lists(item[1], max_size=2).map(tuple)))),
        inner.map(lambda item: (dict[str, item[0]], st.dictionaries(st.text(), item[1], max_size=3))),
    )


FORM_ANNOTATIONS = st.recursive(st.sampled_from(FORMS), sequences, max_leaves=3)
ALL_ANNOTATIONS = ANNOTATIONS | FORM_ANNOTATIONS


def dataclass_style(annotation, **options):
    """Return a config class with a field, written as a dataclass."""
    fields = [("field", annotation, *options.values())]
    return make_dataclass("AnyConfig", fields, bases=(PretrainedConfig,), namespace={"model_type": "any"})


def init_style(annotation, **options):
    """Return a config class with a field, written with an `__init__`."""

    class AnyConfig(PretrainedConfig):
        model_type = "any"

        if options:

            def __init__(self, field=options["default"], **kwargs):
                self.field = field
                super().__init__(**kwargs)

        else:

            def __init__(self, field, **kwargs):
                self.field = field
                super().__init__(**kwargs)

    if annotation is not None:
        AnyConfig.__init__.__annotations__["field"] = annotation
    return AnyConfig


STYLES = st.sampled_from([dataclass_style, init_style])


def loaded_copies(config):
    """Return what comes back of a config through a file, through a dict, and given to the class again."""
    cls = type(config)
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        loaded = cls.from_pretrained(folder)
        overridden = cls.from_pretrained(folder, field=config.field)
    return loaded, overridden, cls.from_dict(config.to_dict()), cls(**config.to_dict()), cls(field=config.field)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_value_of_any_annotation_comes_back(data):
    """Through a file, as an override, through a dict, and given to the class again; in both styles of classes."""
    annotation, values = data.draw(ALL_ANNOTATIONS)
    config = data.draw(STYLES)(annotation)(field=data.draw(values))
    for twin in loaded_copies(config):
        assert same(twin.field, config.field)
        assert twin == config


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_value_in_a_nested_part_comes_back(data):
    """However the part is held, and however deep."""
    annotation, values = data.draw(ALL_ANNOTATIONS)
    part_class = data.draw(STYLES)(annotation)
    part = part_class(field=data.draw(values))
    middle_class = data.draw(STYLES)(list[part_class])
    middle = middle_class(field=[part, part_class(field=part.field)])
    whole = data.draw(STYLES)(dict[str, middle_class])(field={"a": middle})
    for twin in loaded_copies(whole):
        assert twin == whole
        assert all(same(inner.field, part.field) for inner in twin.field["a"].field)


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_an_override_of_any_annotation_is_as_if_it_had_been_saved(data):
    """Of a field, and of a field of a part."""
    annotation, values = data.draw(ALL_ANNOTATIONS)
    part_class = data.draw(STYLES)(annotation)
    old, new = part_class(field=data.draw(values)), part_class(field=data.draw(values))
    whole_class = data.draw(STYLES)(part_class)
    with tempfile.TemporaryDirectory() as folder:
        whole_class(field=old).save_pretrained(folder)
        assert same(whole_class.from_pretrained(folder, field={"field": new.field}).field.field, new.field)
        assert same(whole_class.from_pretrained(folder, field={"field": new.to_dict()["field"]}).field.field, new.field)
    updated = whole_class(field=old)
    updated.update({"field": {"field": new.field}})
    assert same(updated.field.field, new.field)


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_default_of_any_kind_comes_back_without_an_annotation(data):
    """Where the type of the default says what JSON does not."""
    _, values = data.draw(st.sampled_from([*SIMPLE, *FORMS]))
    default = data.draw(values)
    config = init_style(None, default=default)()
    refused, twins = "Annotate the field", ()
    try:
        twins = loaded_copies(config)
    except ConfigError as error:  # such as a TypedDict, which is a dict like any other
        refused = str(error)
    # No annotation can be named for a dict with values of several types.
    assert "Annotate the field" in refused or "Use a value that JSON has" in refused
    for twin in twins:
        assert same(twin.field, config.field)


NUMBERS = [
    (int, st.integers(-(2**31), 2**31 - 1), ["int32", "int64"]),
    (float, st.floats(width=32), ["float32", "float64"]),
    (bool, st.booleans(), ["bool"]),
]


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_an_array_is_what_its_annotation_says(data):
    """Of any number of dimensions, in lists, tuples and dicts; given in each way, and to a part."""
    np = pytest.importorskip("numpy")
    annotation, values, dtypes = data.draw(st.sampled_from(NUMBERS))
    shape = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    count = math.prod(shape)
    numbers = data.draw(st.lists(values, min_size=count, max_size=count))
    array = np.array(numbers, dtype=data.draw(st.sampled_from(dtypes))).reshape(shape)
    expected = array.tolist()
    for _ in shape:
        annotation = list[annotation]
    annotation, held, expected = data.draw(
        st.sampled_from(
            [
                (annotation, array, expected),
                (annotation | None, array, expected),
                (dict[str, annotation], {"a": array}, {"a": expected}),
                (tuple[annotation, str], (array, "a"), (expected, "a")),
            ]
        )
    )
    cls = data.draw(STYLES)(annotation)
    whole_class = data.draw(STYLES)(cls)
    config, other = cls(field=held), cls(field=expected)
    whole = whole_class(field=other)
    whole.update({"field": {"field": held}})
    for twin in (config, *loaded_copies(config), whole.field, whole_class.from_dict(whole.to_dict()).field):
        assert same(twin.field, expected)
        assert twin == other


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_any_two_configs_can_be_compared(data):
    """Whatever their fields hold: they are equal to a copy of themselves, and to no config without the value."""
    np = pytest.importorskip("numpy")
    arrays = st.builds(np.array, st.lists(st.floats(), min_size=1))
    _, values = data.draw(ALL_ANNOTATIONS)
    held = st.recursive(
        values | arrays, lambda inner: st.lists(inner, min_size=1, max_size=2) | st.fixed_dictionaries({"a": inner})
    )
    cls = data.draw(STYLES)(Any)
    config, other = cls(field=data.draw(held)), cls(field=data.draw(held))
    assert config == copy.deepcopy(config)
    assert (config == other) is (other == config)
    assert config != cls(field=object())
    other.update({"field": config.field})
    assert config == other


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(deadline=None, max_examples=300)
@given(value=JSON_VALUES)
def test_the_text_of_a_config_is_that_of_json(value):
    """With two spaces, sorted fields and dicts in their own order."""
    config = init_style(None, default=None)(field=value)
    assert config.to_json_string() == json.dumps(dict(sorted(config.to_dict().items())), indent=2) + "\n"
