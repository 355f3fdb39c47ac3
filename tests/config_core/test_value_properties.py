"""Fields of any annotation with any value: what is saved is loaded, equal and of the same types."""

from __future__ import annotations

import math
import tempfile
from dataclasses import make_dataclass
from enum import Enum, Flag, IntEnum
from typing import Literal, NamedTuple, TypedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from config_core import PretrainedConfig


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


class TextMode(str, Enum):  # noqa: UP042 - what older code has
    PLAIN = "plain"
    NUMBER = "1"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Sides(Flag):
    LEFT = 1
    RIGHT = 2


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
SIZES = st.builds(Size, st.integers(), st.floats())
# An annotation, and values that fit it.
KEYS = [
    (str, st.text()),
    (int, st.integers()),
    (int | str, st.integers() | st.text(alphabet="ab")),
    (CHOICE, st.sampled_from([0, 1, "a"])),
    *((enum, st.sampled_from(enum)) for enum in (Mode, TextMode, Level)),
]
SCALARS = [*KEYS, (float, st.floats()), (bool, st.booleans()), (type(None), st.none())]
SIMPLE = [
    *SCALARS,
    (Corner, st.sampled_from(Corner)),
    (Sides, st.sampled_from([Sides(0), Sides.LEFT, Sides.LEFT | Sides.RIGHT])),
    (Size, SIZES),
    (Box, st.builds(Box, SIZES, st.tuples(st.text()))),
    (Crop, st.fixed_dictionaries({"top": st.tuples(st.integers(), st.integers())})),
    (PartConfig, st.builds(PartConfig, st.integers())),
    (OtherPartConfig, st.builds(OtherPartConfig, st.tuples(st.integers()))),
]


def containers(inner):
    """Return annotations of containers, and of choices, of what the inner ones describe."""
    pairs = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda item: (list[item[0]], st.lists(item[1], max_size=3))),
        inner.map(lambda item: (tuple[item[0], ...], st.lists(item[1], max_size=3).map(tuple))),
        pairs.map(lambda pair: (tuple[pair[0][0], pair[1][0]], st.tuples(pair[0][1], pair[1][1]))),
        # What JSON has one form for, such as a list and a tuple, is the same to a config.
        st.tuples(inner, st.sampled_from(SCALARS)).map(lambda pair: (pair[0][0] | pair[1][0], pair[0][1] | pair[1][1])),
        inner.map(lambda item: (item[0] | None, st.none() | item[1])),
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
    return value == other or (isinstance(value, float) and math.isnan(value) and math.isnan(other))


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_value_of_any_annotation_comes_back(data):
    """Through a file, through a dict, and given to the class again."""
    annotation, values = data.draw(ANNOTATIONS)
    fields = [("field", annotation)]
    cls = make_dataclass("AnyConfig", fields, bases=(PretrainedConfig,), namespace={"model_type": "any"})
    config = cls(field=data.draw(values))
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        loaded = cls.from_pretrained(folder)
    for twin in (loaded, cls.from_dict(config.to_dict()), cls(**config.to_dict()), cls(field=config.field)):
        assert same(twin.field, config.field)
        assert twin == config
