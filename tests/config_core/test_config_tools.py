"""Configs in the hands of tools: the standard library's, pydantic's, those that make command lines and schemas."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import jsonargparse
import jsonschema
import pydantic
import pytest
import tyro

from config_core import ConfigValidationError, PretrainedConfig, UnknownOptionError


class PartConfig(PretrainedConfig, extra="forbid"):
    """A part of another config.

    Args:
        width: How wide the part is,
            in channels.
    """

    model_type = "tools-part"
    width: int = 3


class PlainConfig(PretrainedConfig):
    model_type = "tools-plain"
    width: int = 8
    sizes: tuple[int, ...] = (1, 2)
    part: PartConfig = PartConfig(width=5)


@dataclass
class DecoratedConfig(PretrainedConfig):
    model_type = "tools-decorated"
    width: int = 8
    sizes: tuple[int, ...] = (1, 2)
    part: PartConfig = field(default_factory=lambda: PartConfig(width=5))


class ClassicConfig(PretrainedConfig):
    model_type = "tools-classic"

    def __init__(self, width: int = 8, sizes: tuple[int, ...] = (1, 2), part: PartConfig | None = None, **kwargs):
        self.width = width
        self.sizes = sizes
        self.part = part or PartConfig(width=5)
        super().__init__(**kwargs)


ALL = pytest.mark.parametrize("cls", [PlainConfig, DecoratedConfig, ClassicConfig])
DATACLASSES = pytest.mark.parametrize("cls", [PlainConfig, DecoratedConfig])


def whole(cls):
    """Return a config that has more than its class's own fields."""
    values = {"width": 3, "id2label": {0: "cat", 1: "dog", 2: "owl"}, "dtype": "bfloat16", "of_a_newer_version": [1]}
    config = cls.from_dict(values)
    config.name_or_path = "owner/name"
    return config


@DATACLASSES
def test_replace_keeps_what_is_no_field_of_the_dataclass(cls):
    """Base fields, names of classes, and what a newer version has written."""
    original = whole(cls)
    config = dataclasses.replace(original, width=2)
    assert (config.width, config.num_labels, config.dtype) == (2, 3, "bfloat16")
    assert config.id2label == original.id2label
    assert config.of_a_newer_version == [1]
    assert config.name_or_path == "owner/name"
    assert original.width == 3
    assert dataclasses.replace(original) == original


@DATACLASSES
def test_replace_takes_base_fields_and_checks(cls):
    """It takes every keyword of the class, and no other."""
    assert dataclasses.replace(whole(cls), num_labels=5).num_labels == 5
    with pytest.raises(ConfigValidationError, match=r"width"):
        dataclasses.replace(whole(cls), width="x")
    with pytest.raises(UnknownOptionError, match=r"Did you mean 'width'"):
        dataclasses.replace(whole(cls), widht=1)


@ALL
def test_every_config_has_what_copy_replace_calls(cls):
    """`copy.replace` came with Python 3.13, and knows all classes."""
    config = whole(cls).__replace__(width=2)
    assert (config.width, config.num_labels, config.of_a_newer_version) == (2, 3, [1])


@DATACLASSES
def test_asdict_has_the_fields_of_the_dataclass(cls):
    """A part is a dict, and a tuple a tuple."""
    assert dataclasses.asdict(cls()) == {"width": 8, "sizes": (1, 2), "part": {"width": 5}}
    assert [found.name for found in dataclasses.fields(cls)] == ["width", "sizes", "part"]
    assert [found.name for found in dataclasses.fields(cls())] == ["width", "sizes", "part"]
    assert copy.deepcopy(whole(cls)) == whole(cls)


@ALL
def test_pydantic_takes_configs_as_they_are(cls):
    """A model's field holds a config, whole, in and out."""
    model = pydantic.create_model("Model", config=(cls, ...))
    given = whole(cls)
    assert model(config=given).config is given
    with pytest.warns(UserWarning, match=r"has no field 'of_a_newer_version'"):
        twins = [
            model.model_validate(model(config=given).model_dump()),
            model.model_validate_json(model(config=given).model_dump_json()),
        ]
    for twin in twins:
        assert twin.config == given
        assert (twin.config.num_labels, twin.config.of_a_newer_version) == (3, [1])
    with pytest.raises(pydantic.ValidationError, match=r"width: expected int, got str 'x'"):
        model(config={"width": "x"})
    with pytest.raises(pydantic.ValidationError, match=r"expected \w+Config or a dict, got int"):
        model(config=3)


def test_pydantic_chooses_among_configs_by_model_type():
    """The `model_type` says which, and a class that forbids unknown keywords does so here."""
    model = pydantic.create_model("Model", config=(PartConfig | PlainConfig, ...))
    assert type(model(config={"model_type": "tools-plain", "width": 1}).config) is PlainConfig
    model = pydantic.create_model("Model", config=(PartConfig, ...))
    with pytest.raises(pydantic.ValidationError, match=r"widht"):
        model(config={"widht": 3})


def test_pydantic_has_the_schema_of_a_config():
    """Without references that lead nowhere."""
    schema = pydantic.create_model("Model", config=(PlainConfig, ...)).model_json_schema()
    assert schema["properties"]["config"]["properties"]["part"]["properties"]["width"]["type"] == "integer"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"config": PlainConfig().to_dict()}, schema)


def test_pydantic_is_not_imported_by_a_config():
    """Only who uses it pays for it."""
    program = "import sys, config_core; config_core.PretrainedConfig().to_dict(); print('pydantic_core' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=60)
    assert done.stdout.strip() == "False"


@ALL
def test_the_signature_has_every_keyword(cls):
    """Those of the class first, with their types and defaults."""
    signature = inspect.signature(cls)
    assert list(signature.parameters)[:3] == ["width", "sizes", "part"]
    assert signature.parameters["width"].annotation is int
    assert signature.parameters["width"].default == 8
    assert signature.parameters["num_labels"].kind is inspect.Parameter.KEYWORD_ONLY
    bound = signature.bind(width=3, num_labels=4)
    assert cls(*bound.args, **bound.kwargs).num_labels == 4


@DATACLASSES
def test_tyro_makes_a_command_line(cls):
    """Of all fields, those of parts included."""
    config = tyro.cli(cls, args=["--width", "5", "--part.width", "7", "--sizes", "3", "4"])
    assert (config.width, config.part.width, config.sizes) == (5, 7, (3, 4))


def test_tyro_makes_a_command_line_of_a_class_with_an_init():
    """Its keywords are options."""
    assert tyro.cli(ClassicConfig, args=["--width", "5", "--sizes", "3"]).width == 5


@ALL
def test_jsonargparse_makes_a_command_line(cls):
    """Of the constructor."""
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls, "config", skip={"part"})
    config = parser.instantiate(parser.parse_args(["--config.width=5", "--config.sizes=[3,4]"])).config
    assert (type(config), config.width, config.sizes) == (cls, 5, (3, 4))


class OptionalConfig(PretrainedConfig):
    model_type = "tools-optional"

    def __init__(self, part: PartConfig | None = None, rate: float = 0.1, **kwargs):
        self.part = part
        self.rate = rate
        super().__init__(**kwargs)


class OptionalBodyConfig(PretrainedConfig):
    model_type = "tools-optional-body"

    part: PartConfig | None = None
    rate: float = 0.1


OPTIONAL = pytest.mark.parametrize("cls", [OptionalConfig, OptionalBodyConfig])


@OPTIONAL
def test_tyro_chooses_whether_there_is_a_part(cls):
    """A part that may be None is a subcommand there, as for any class."""
    assert tyro.cli(cls, args=["--rate", "0.5"]).part is None
    config = tyro.cli(cls, args=["part:part-config", "--part.width", "7"])
    assert (config.part, config.rate) == (PartConfig(width=7), 0.1)


@OPTIONAL
def test_jsonargparse_makes_a_part_that_may_be_none(cls):
    """Of its options, or of one text."""
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls, "config")
    for args, width in (([], None), (["--config.part.width=7"], 7), (['--config.part={"width": 8}'], 8)):
        part = parser.instantiate(parser.parse_args(args)).config.part
        assert getattr(part, "width", None) == width


def test_the_signature_has_the_classes_of_sub_configs():
    """Also where the parameters of `__init__` have no annotation."""

    class WholeConfig(PretrainedConfig):
        model_type = "tools-whole"
        sub_configs = {"part": PartConfig}  # noqa: RUF012 - as the field writes it

        def __init__(self, part=None, **kwargs):
            self.part = part
            super().__init__(**kwargs)

    assert inspect.signature(WholeConfig).parameters["part"].annotation == PartConfig | None


# Schemas


class Pooling(Enum):
    MEAN = "mean"
    MAX = "max"


class Crop(NamedTuple):
    top: int
    left: float


class Head(TypedDict, total=False):
    classes: int


@dataclass
class Optimizer:
    rate: float = 0.1
    steps: tuple[int, int] = (1, 2)


class SchemaConfig(PretrainedConfig):
    """A config with a field of each kind.

    Longer text.

    Args:
        mode: Which of
            the modes.
    """

    model_type = "tools-schema"
    width: Annotated[int, pydantic.Field(description="How wide.")] = 3
    depth: int = field(default=2, metadata={"description": "How deep."})
    rate: float = float("inf")
    bias: bool = True
    mode: Literal["fast", "small"] = "fast"
    pooling: Pooling = Pooling.MEAN
    pair: tuple[int, str] = (1, "a")
    sizes: tuple[int, ...] = (1,)
    names: dict[int, list[str]] = field(default_factory=lambda: {1: ["a"]})
    crop: Crop = Crop(1, 2.0)
    head: Head = field(default_factory=lambda: {"classes": 2})
    optimizer: Optimizer = field(default_factory=Optimizer)
    folder: Path = Path("data")
    day: date = date(2026, 1, 2)
    part: PartConfig | None = None
    parts: list[PartConfig] = field(default_factory=lambda: [PartConfig()])
    inner: SchemaConfig | None = None
    anything: Any = None


def test_saved_configs_are_valid(tmp_path):
    """What is written fits the schema of its class, at any depth."""
    schema = SchemaConfig.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    config = SchemaConfig(
        part=PartConfig(width=9), inner=SchemaConfig(rate=0.5), num_labels=3, id2label={0: "a", 1: "b", 2: "c"}
    )
    config.save_pretrained(tmp_path)
    jsonschema.validate(json.loads((tmp_path / "config.json").read_text(encoding="utf-8")), schema)
    for name, wrong in [
        ("width", "x"),
        ("mode", "slow"),
        ("pooling", "min"),
        ("pair", [1]),
        ("sizes", ["x"]),
        ("names", {"x": []}),
        ("part", {"width": "x"}),
        ("parts", [{"width": None}]),
        ("inner", {"bias": 3}),
        ("crop", [1]),
        ("optimizer", {"rate": "x"}),
        ("id2label", {"0": 1}),
        ("model_type", "other"),
    ]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**json.loads(config.to_json_string()), name: wrong}, schema)


def test_a_schema_has_defaults_and_descriptions():
    """From the class, docstrings, `Annotated` and the metadata of fields."""
    properties = SchemaConfig.json_schema()["properties"]
    assert properties["width"] == {"type": "integer", "description": "How wide.", "default": 3}
    assert properties["depth"]["description"] == "How deep."
    assert properties["mode"] == {"enum": ["fast", "small"], "description": "Which of the modes.", "default": "fast"}
    assert properties["names"]["default"] == {"1": ["a"]}
    assert properties["inner"]["anyOf"][0] == {"$ref": "#"}
    assert properties["anything"] == {"default": None}
    assert SchemaConfig.json_schema()["description"] == "A config with a field of each kind."
    part = SchemaConfig.json_schema()["$defs"]["PartConfig"]["properties"]["width"]
    assert part == {"type": "integer", "description": "How wide the part is, in channels.", "default": 3}


def test_a_class_without_a_docstring_has_no_description():
    """The signature that `dataclass` puts in its place describes nothing."""

    class BareConfig(PretrainedConfig):
        model_type = "bare"
        width: int = 3

    assert "description" not in BareConfig.json_schema()


def test_required_fields_are_required():
    """Those without a default."""

    class Required(PretrainedConfig):
        def __init__(self, width: int, depth: int = 2, **kwargs):
            self.width, self.depth = width, depth
            super().__init__(**kwargs)

    schema = Required.json_schema()
    assert schema["required"] == ["width"]
    assert schema["properties"]["depth"]["default"] == 2


@ALL
def test_schemas_of_both_styles(cls, tmp_path):
    """The style of a class does not matter."""
    whole(cls).save_pretrained(tmp_path)
    jsonschema.validate(json.loads((tmp_path / "config.json").read_text(encoding="utf-8")), cls.json_schema())
    assert cls.json_schema()["properties"]["sizes"]["items"] == {"type": "integer"}
