"""Fields that are a `TypedDict`: their keys are held to it, and so is the schema of the class."""

from __future__ import annotations

import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, NamedTuple, NotRequired, Required, TypedDict, TypeVar

import jsonschema
import pytest

from config_core import ConfigValidationError, PretrainedConfig

T = TypeVar("T")


class Base(TypedDict):
    top: int
    name: NotRequired[str]


class Crop(Base, total=False):
    sizes: tuple[int, ...]
    folder: Required[Path]
    scale: Annotated[float, "of the image"]


class Node(TypedDict):
    crop: Crop
    children: NotRequired[list[Node]]


class Pair(TypedDict, Generic[T]):
    first: T
    second: NotRequired[list[T]]


class Size(NamedTuple, Generic[T]):
    height: T
    rest: tuple[T, ...] = ()


@dataclass
class Step(Generic[T]):
    field: T
    days: set[T] | None = None


class TypedConfig(PretrainedConfig):
    model_type = "typed-dicts"

    crop: Crop | None = None
    crops: dict[str, list[Crop]] = {}  # noqa: RUF012
    node: Node | None = None
    either: Base | dict[str, int] = {}  # noqa: RUF012
    pair: Pair[Path] | None = None
    size: Size[Path] | None = None
    step: Step[tuple[int, ...]] | None = None


CROP = {"top": 1, "folder": Path("a")}


def give_all_ways(values, folder):
    """Yield functions that give values to a config: as keywords, in a file, as overrides and in an update."""
    TypedConfig().save_pretrained(folder / "saved")
    text = json.dumps({"model_type": "typed-dicts", **values}, default=str)
    (folder / "config.json").write_text(text, encoding="utf-8")
    yield lambda: TypedConfig(**values)
    yield lambda: TypedConfig.from_pretrained(folder)
    yield lambda: TypedConfig.from_pretrained(folder / "saved", **values)
    yield lambda: TypedConfig().update(values)


def fits_schema(folder):
    """Return whether the file in a folder fits the schema of the class."""
    schema = TypedConfig.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema).is_valid(written)


@pytest.mark.parametrize(
    ("values", "field", "problem"),
    [
        ({"crop": {"folder": "a"}}, "crop['top']", "Crop needs this key, but no value was given"),
        ({"crop": {"top": 1}}, "crop['folder']", "Crop needs this key"),
        ({"crop": {**CROP, "siezs": [1]}}, "crop['siezs']", "Crop has no such key. Did you mean 'sizes'?"),
        ({"crop": {**CROP, "sizes": ["a"]}}, "crop['sizes'][0]", "expected int, got str 'a'"),
        ({"crop": {**CROP, "name": 3}}, "crop['name']", "expected str, got int 3"),
        ({"crop": {**CROP, "scale": "x"}}, "crop['scale']", "expected float"),
        ({"crop": {**CROP, "top": True}}, "crop['top']", "expected int, got bool True"),
        ({"crops": {"a": [CROP, {"top": 1}]}}, "crops['a'][1]['folder']", "Crop needs this key"),
        ({"node": {"crop": {"top": 1}}}, "node['crop']['folder']", "Crop needs this key"),
        ({"node": {"crop": CROP, "children": [{}]}}, "node['children'][0]['crop']", "Node needs this key"),
        ({"pair": {"first": "a", "third": 3}}, "pair['third']", "Pair has no such key"),
    ],
)
def test_keys_and_values_are_held_to_the_class(values, field, problem, tmp_path):
    """Missing and unknown keys are errors like values of a wrong type, with the path; also of inherited keys."""
    for give in give_all_ways(values, tmp_path):
        with pytest.raises(ConfigValidationError) as caught:
            give()
        assert caught.value.field == field
        assert problem in str(caught.value)
    assert not fits_schema(tmp_path)


def test_type_variables_are_what_the_annotation_says():
    """Of a `TypedDict`, a named tuple and a dataclass."""
    for values, field in [
        ({"pair": {"first": 3}}, "pair['first']"),
        ({"pair": {"first": "a", "second": [3]}}, "pair['second'][0]"),
        ({"size": ["a", [3]]}, "size.rest[0]"),
        ({"step": {"field": ["a"]}}, "step.field[0]"),
    ]:
        with pytest.raises(ConfigValidationError) as caught:
            TypedConfig(**values)
        assert caught.value.field == field


def test_all_problems_of_a_dict_are_named_at_once():
    """Missing keys, unknown keys and wrong values."""
    with pytest.raises(ConfigValidationError) as caught:
        TypedConfig(crop={"tops": 1, "sizes": 3})
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["crop['tops']", "crop['sizes']", "crop['top']", "crop['folder']"]


@pytest.mark.parametrize(
    "values",
    [
        {"crop": CROP},
        {"crop": {**CROP, "sizes": (1, 2), "name": "a", "scale": 1}},
        {"crops": {"a": [CROP], "b": []}},
        {"node": {"crop": CROP, "children": [{"crop": CROP}, {"crop": CROP, "children": []}]}},
        {"either": {"top": 1}},
        {"either": {"left": 1}},
        {"pair": {"first": Path("a"), "second": [Path("b")]}},
        {"size": Size(Path("a"), (Path("b"),))},
        {"step": Step((1, 2), {(3,)})},
    ],
    ids=str,
)
def test_what_fits_comes_back(values, tmp_path):
    """Equal, in a file that the schema allows; of generic classes too."""
    config = TypedConfig(**values)
    config.save_pretrained(tmp_path)
    again = TypedConfig.from_pretrained(tmp_path)
    assert again == config
    assert fits_schema(tmp_path)
    for name, value in values.items():
        assert repr(getattr(again, name)) == repr(value)


def test_the_schema_knows_the_keys():
    """Which are required, what they hold, and that there are no others."""
    schema = TypedConfig.json_schema()["$defs"]["Crop"]
    assert schema["required"] == ["folder", "top"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["sizes"] == {"type": "array", "items": {"type": "integer"}}


def test_keys_are_known_where_their_annotations_are_not():
    """A class in a function may name what cannot be found; what can be found is checked."""

    class Local:
        pass

    class Inner(TypedDict):
        first: NotRequired[Local]
        second: int

    class LocalConfig(PretrainedConfig):
        model_type = "typed-local"

        inner: Inner | None = None

    assert LocalConfig(inner={"second": 1}).inner == {"second": 1}
    for wrong, field in [({"second": "a"}, "second"), ({}, "second"), ({"second": 1, "third": 2}, "third")]:
        with pytest.raises(ConfigValidationError) as caught:
            LocalConfig(inner=wrong)
        assert caught.value.field == f"inner[{field!r}]"


def optional_field(annotation):
    """Return a config class with a field that may be None."""

    class FieldConfig(PretrainedConfig):
        model_type = "typed-field"

        def __init__(self, field=None, **kwargs):
            self.field = field
            super().__init__(**kwargs)

    FieldConfig.__init__.__annotations__["field"] = annotation
    return FieldConfig


def test_the_typed_dicts_of_typing_extensions_are_held_to_their_keys():
    """They may be read-only, and allow further keys of a type."""
    extensions = pytest.importorskip("typing_extensions")
    top = extensions.ReadOnly[int]
    extra = optional_field(extensions.TypedDict("Extra", {"top": top}, extra_items=bool))
    closed = optional_field(extensions.TypedDict("Closed", {"top": NotRequired[top]}, closed=True))
    assert extra(field={"top": 1, "flag": True}).field == {"top": 1, "flag": True}
    assert closed(field={}).field == {}
    for cls, wrong in [(extra, {"top": 1, "flag": 2}), (extra, {"top": "a"}), (extra, {}), (closed, {"flag": True})]:
        with pytest.raises(ConfigValidationError):
            cls(field=wrong)
    assert extra.json_schema()["$defs"]["Extra"]["additionalProperties"] == {"type": "boolean"}


@pytest.mark.skipif(not hasattr(typing, "ReadOnly"), reason="it is that of Python 3.13")
def test_a_read_only_key_is_a_key_like_others():
    """Only type checkers tell it from one that can be assigned."""
    read_only = vars(typing)["ReadOnly"]
    keys = {"top": read_only[int], "name": NotRequired[read_only[str]]}
    cls = optional_field(TypedDict("Frozen", keys))
    assert cls(field={"top": 1}).field == {"top": 1}
    for wrong in ({}, {"top": "a"}, {"top": 1, "name": 2}):
        with pytest.raises(ConfigValidationError):
            cls(field=wrong)
