"""Kinds of annotations beside the usual ones: what is written comes back, and fits the schema of the class."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter, deque
from enum import Enum, Flag
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, Literal, NamedTuple, NewType, Self, Tuple, TypedDict  # noqa: UP035 - the older spelling is tested

import jsonschema
import pydantic
import pytest

from config_core import ConfigError, ConfigValidationError, PretrainedConfig


class Part(PretrainedConfig):
    model_type = "kinds-part"

    width: int = 1


class Mode(Enum):
    FAST = "fast"
    PAIR = (1, 2)


class Access(Flag):
    READ = 1
    WRITE = 2


class Row(NamedTuple):
    part: Part
    sizes: tuple[int, ...] = (1,)


class Entry(TypedDict, total=False):
    folder: Path
    mode: Mode
    part: Part


class Schedule(pydantic.BaseModel):
    rate: float = 0.1
    steps: list[int] = []


PartAlias = NewType("PartAlias", Part)


class KindsConfig(PretrainedConfig):
    model_type = "kinds"

    child: Self | None = None
    children: list[Self] = []  # noqa: RUF012
    named: dict[int, tuple[Self, ...]] = {}  # noqa: RUF012
    part: PartAlias | None = None
    access: Access = Access.READ
    row: Row | None = None
    entries: list[Entry] = []  # noqa: RUF012
    schedule: Schedule = Schedule()
    counts: Counter[str] = Counter()  # noqa: RUF012
    recent: deque[int] = deque()  # noqa: RUF012


def loaded(config, folder):
    """Return a config that was saved and loaded, after checking the file against the schema of its class."""
    config.save_pretrained(folder)
    schema = type(config).json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads((folder / "config.json").read_text(encoding="utf-8")), schema)
    return type(config).from_pretrained(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"child": KindsConfig(child=KindsConfig())},
        {"children": [KindsConfig(), KindsConfig(part=Part(width=3))]},
        {"named": {3: (KindsConfig(),)}},
        {"part": Part(width=3)},
        {"access": Access.READ | Access.WRITE},
        {"row": Row(Part(width=3), (1, 2))},
        {"entries": [{"folder": Path("a"), "mode": Mode.PAIR, "part": Part(width=3)}, {}]},
        {"schedule": Schedule(rate=2, steps=[1])},
        {"counts": Counter("aab")},
        {"recent": deque([1, 2])},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_value_comes_back(values, tmp_path):
    """Equal, of the same type, and in a file that the schema allows."""
    config = KindsConfig(**values)
    again = loaded(config, tmp_path)
    assert again == config
    for name, value in values.items():
        assert getattr(again, name) == value
        assert type(getattr(again, name)) is type(value)


def test_the_schema_knows_containers_of_the_standard_library():
    """As it knows lists and dicts."""
    properties = KindsConfig.json_schema()["properties"]
    assert properties["counts"]["type"] == "object"
    assert properties["recent"]["items"] == {"type": "integer"}


def test_self_and_new_types_are_held_to_what_they_stand_for():
    """A dict for them is a config, whose mistakes are found."""
    with pytest.raises(ConfigValidationError) as caught:
        KindsConfig(children=[{"part": {"width": "x"}}], part={"width": "y"})
    assert [problem.field for problem in caught.value.problems] == ["children[0].part.width", "part.width"]
    config = KindsConfig(part={"width": 3})
    config.update({"part": {"width": 4}})
    assert config.part == Part(width=4)


def test_configs_that_a_file_cannot_tell_apart_are_refused_at_the_save(tmp_path):
    """The error says what to give them."""

    class First(PretrainedConfig):
        width: int = 1

    class Second(PretrainedConfig):
        width: int = 1

    class EitherConfig(PretrainedConfig):
        part: First | Second | None = None

    EitherConfig(part=First()).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"part: Second would be loaded as First\. Give .* a model_type"):
        EitherConfig(part=Second()).save_pretrained(tmp_path)


STATEMENTS = """
from config_core import PretrainedConfig

type Sizes = list[int]
type Pair[T] = tuple[T, T]
type Json = dict[str, Json] | list[Json] | int | str

class AliasConfig[T](PretrainedConfig):
    model_type = "kinds-alias"
    value: T | None = None
    sizes: Sizes = []
    more: Sizes = None
    pair: Pair[int] = (1, 2)
    tree: Json = 1
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is that of Python 3.12")
def test_type_statements_are_held_to_what_they_stand_for(tmp_path, monkeypatch):
    """Also those with parameters, and those that are inside of themselves."""
    module = ModuleType("aliases")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(STATEMENTS, vars(module))  # Python 3.11 could not compile this file otherwise
    alias_config = module.AliasConfig
    config = alias_config(value=3, sizes=[1], more=[2], pair=[3, 4], tree={"a": [1, {"b": "c"}]})
    assert config.pair == (3, 4)
    assert loaded(config, tmp_path) == config
    with pytest.raises(ConfigValidationError) as caught:
        alias_config(sizes=["x"], pair=(1, "y"), tree={"a": [1.5]})
    assert [problem.field for problem in caught.value.problems][:2] == ["sizes[0]", "pair[1]"]
    assert len(caught.value.problems) == 3


class Limit(Enum):
    NONE = math.inf
    UNKNOWN = math.nan
    FEW = 3


class LimitConfig(PretrainedConfig):
    model_type = "kinds-limit"

    limit: Limit = Limit.FEW
    choice: Limit | Literal["a"] = "a"
    rest: tuple[int, *tuple[str, ...]] = (1,)


@pytest.mark.parametrize("limit", Limit)
def test_the_schema_knows_members_that_json_has_no_number_for(limit, tmp_path):
    """Infinities and NaN are objects in a file."""
    config = LimitConfig(limit=limit, choice=limit)
    assert loaded(config, tmp_path) == config


def test_a_tuple_of_any_length_after_others_comes_back(tmp_path):
    """Its values are not checked, which is better than refusing those that fit."""
    assert loaded(LimitConfig(rest=(1, "a", "b")), tmp_path).rest == (1, "a", "b")


class RowConfig(PretrainedConfig):
    """Tuples with and without a length."""

    model_type = "kinds-row"

    empty: tuple[()] = ()
    older: Tuple[()] = ()  # noqa: UP006 - of `typing`
    free: Tuple = ()  # noqa: UP006


@pytest.mark.parametrize("field", ["empty", "older"])
def test_a_tuple_of_no_values_has_none(field):
    """The annotation `tuple[()]` is one of a length, which is 0; the schema says so too."""
    with pytest.raises(ConfigValidationError, match=rf"RowConfig\.{field}: expected 0 values, got 1"):
        RowConfig(**{field: [1]})
    assert RowConfig.json_schema()["properties"][field]["maxItems"] == 0


def test_a_final_field_may_have_none_as_its_default():
    """As any other annotation: `Final` says nothing of the values."""

    class FinalConfig(PretrainedConfig):
        model_type = "kinds-final"

        size: Final[int] = None
        anything: Final = None

    assert FinalConfig().size is None is FinalConfig(size=3, anything=None).anything
    with pytest.raises(ConfigValidationError, match="size: expected int"):
        FinalConfig(size="3")


def test_a_tuple_without_arguments_has_any_values():
    """Also the `Tuple` of typing, whose origin is that of `tuple[()]`."""
    assert RowConfig(free=[1, "a"]).free == (1, "a")
    assert "maxItems" not in RowConfig.json_schema()["properties"]["free"]


def test_a_dict_that_is_no_config_is_not_changed_as_one(tmp_path):
    """Where an annotation allows dicts beside configs: an override or an update replaces them."""

    class MixedConfig(PretrainedConfig):
        model_type = "kinds-mixed"

        part: dict[str, int] | Part | None = None

    config = MixedConfig(part={"width": 3, "other": 1})
    config.save_pretrained(tmp_path)
    assert MixedConfig.from_pretrained(tmp_path, part={"width": 4}).part == {"width": 4}
    config.update({"part": {"height": 4}})
    assert config.part == {"height": 4}
    config = MixedConfig(part=Part(width=3))
    config.update({"part": {"width": 4}})
    assert config.part == Part(width=4)


def either_class(style, annotation, default):
    """Return a config class with a field, and in one of the styles another one that is computed from it."""
    if style == "body":

        class EitherConfig(PretrainedConfig):
            model_type = "kinds-either"
            value: annotation = default

    else:

        class EitherConfig(PretrainedConfig):
            model_type = "kinds-either"

            def __init__(self, value: annotation = default, **kwargs):
                self.value = value
                self.reverse = value[::-1]
                super().__init__(**kwargs)

    return EitherConfig


@pytest.mark.parametrize("style", ["body", "init"])
@pytest.mark.parametrize(
    ("annotation", "default", "values"),
    [
        (list | tuple, (1, 2), ([3], (3,))),
        (list | tuple, [1, 2], ((3,), [3])),
        (tuple[int, ...] | list[int] | None, [1], ((3,), [3])),
        (list[int] | tuple[str, ...], ("a",), (["b"], ("b",))),
        (list[int] | tuple[str, ...], ("a",), ((1,), [1])),
        (Annotated[list[int] | tuple[int, ...], "text"], (1,), ([3], (3,))),
        (Annotated[Any, "text"], (1,), ([3], (3,))),
    ],
    ids=str,
)
def test_the_default_says_which_of_a_list_and_a_tuple_a_value_is(style, annotation, default, values, tmp_path):
    """Where both are allowed: at construction, and after a save and a load, as what is computed from it is."""
    cls, (given, meant) = either_class(style, annotation, default), values
    for config, value in ((cls(), default), (cls(value=given), meant)):
        config.save_pretrained(tmp_path)
        for found in (config, cls.from_pretrained(tmp_path), cls.from_dict(config.to_dict())):
            assert (found.value, getattr(found, "reverse", value[::-1])) == (value, value[::-1])
