"""The values of fields: what is checked, what is restored, and which names mean the same field."""

from __future__ import annotations

import json
import math
import sys
import types
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, Literal, NamedTuple, Optional, TypedDict, Union

import pytest

from config_core import ConfigDefinitionError, ConfigError, ConfigValidationError, PretrainedConfig
from config_core.transformers_names import PretrainedConfig as NamesOfTransformers


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class TextMode(str, Enum):  # noqa: UP042 - what older code has
    PLAIN = "plain"


class Corner(Enum):
    TOP = (0, 1)
    DEEP = (0, (1, math.inf))


class Quantization:
    def __init__(self, bits=8):
        self.bits = bits

    def to_dict(self):
        return {"bits": self.bits}

    @classmethod
    def from_dict(cls, values):
        return cls(**values)

    def __eq__(self, other):
        return type(other) is Quantization and other.bits == self.bits

    __hash__ = None


class Size(NamedTuple):
    height: int
    width: int


class Crop(TypedDict):
    top: int


@dataclass
class PartConfig(PretrainedConfig):
    model_type = "part"
    width: int = 4


@dataclass
class OtherPartConfig(PretrainedConfig):
    model_type = "other-part"
    width: int = 5
    depth: int = 2


@dataclass
class TypedConfig(PretrainedConfig):
    model_type = "typed"

    count: int = 3
    rate: float = 0.1
    flag: bool = False
    name: str = ""
    maybe: int | None = None
    implied: int = None
    layers: list[int] = field(default_factory=list)
    pair: tuple[int, str] = (1, "a")
    sizes: tuple[tuple[int, int], ...] = ((1, 2),)
    names: dict[int, str] = field(default_factory=dict)
    groups: dict[str, list[float]] = field(default_factory=dict)
    kind: Literal["a", "b", 3] = "a"
    mode: Mode = Mode.FAST
    modes: list[Mode] = field(default_factory=list)
    level: Level = Level.LOW
    text_mode: TextMode = TextMode.PLAIN
    size: Size = Size(1, 2)  # noqa: RUF009 - a tuple does not change
    crop: Crop = field(default_factory=lambda: {"top": 0})
    either: Union[int, str] = 0  # noqa: UP007
    several: Optional[list[int]] = None  # noqa: UP045
    two_kinds: tuple[int, ...] | list[int] = ()
    part: PartConfig | None = None
    parts: list[PartConfig] = field(default_factory=list)
    by_choice: dict[Literal[0, 1, "all"], int] = field(default_factory=dict)
    by_level: dict[Level, int] = field(default_factory=dict)
    by_mode: dict[Mode, int] = field(default_factory=dict)
    corner: Corner = Corner.TOP
    quantization: Quantization | None = None
    kinds: PartConfig | OtherPartConfig | None = None
    anything: Any = None


@pytest.mark.parametrize(
    ("values", "path", "problem"),
    [
        ({"count": "3"}, "count", "expected int, got str '3'"),
        ({"count": True}, "count", "expected int, got bool True"),
        ({"count": 3.0}, "count", "expected int, got float 3.0"),
        ({"count": None}, "count", "expected int, got None"),
        ({"rate": "0.1"}, "rate", "expected float, got str"),
        ({"rate": True}, "rate", "expected float, got bool"),
        ({"flag": 1}, "flag", "expected bool, got int 1"),
        ({"name": 1}, "name", "expected str, got int 1"),
        ({"maybe": "x"}, "maybe", "expected int or None, got str 'x'"),
        ({"layers": 3}, "layers", "expected list, got int 3"),
        ({"layers": [1, 2, "6"]}, "layers[2]", "expected int, got str '6'"),
        ({"layers": "abc"}, "layers", "expected list, got str"),
        ({"pair": [1]}, "pair", "expected 2 values, got 1"),
        ({"pair": ["1", "a"]}, "pair[0]", "expected int, got str"),
        ({"sizes": [[1, 2], [1, None]]}, "sizes[1][1]", "expected int, got None"),
        ({"names": {"one": "a"}}, "names['one']", "expected int, got str"),
        ({"names": {"1": 2}}, "names['1']", "expected str, got int"),
        ({"groups": {"g": [1.0, "x"]}}, "groups['g'][1]", "expected float, got str"),
        ({"kind": "c"}, "kind", "expected one of 'a', 'b', 3, got 'c'"),
        ({"kind": True}, "kind", "expected one of"),
        ({"mode": "slow"}, "mode", "expected one of 'fast', 'exact', got 'slow'"),
        ({"mode": ["fast"]}, "mode", "expected one of"),
        ({"modes": ["fast", 3]}, "modes[1]", "expected one of"),
        ({"size": [1]}, "size", "expected Size of 2 values"),
        ({"size": [1, "x"]}, "size.width", "expected int, got str 'x'"),
        ({"size": Size(1, "x")}, "size.width", "expected int, got str 'x'"),
        ({"crop": {"top": "x"}}, "crop['top']", "expected int, got str 'x'"),
        ({"size": 3}, "size", "expected Size of 2 values"),
        ({"crop": 3}, "crop", "expected dict"),
        ({"either": 1.5}, "either", "expected int or str, got float 1.5"),
        ({"several": [1, "x"]}, "several[1]", "expected int, got str"),
        ({"part": 3}, "part", "expected PartConfig or None, got int 3"),
        ({"parts": [{}, 3]}, "parts[1]", "expected PartConfig, got int 3"),
        ({"by_choice": {"2": 3}}, "by_choice['2']", "expected one of 0, 1, 'all', got '2'"),
        ({"by_level": {"7": 3}}, "by_level['7']", "expected one of 1, 2, got '7'"),
        ({"corner": [0, 2]}, "corner", "expected one of (0, 1), (0, (1, inf)), got [0, 2]"),
        ({"quantization": 3}, "quantization", "expected Quantization or None, got int 3"),
        ({"architectures": "X"}, "architectures", "expected list"),
        ({"problem_type": "foo"}, "problem_type", "expected one of 'regression'"),
        ({"output_attentions": "yes"}, "output_attentions", "expected bool"),
        ({"dtype": "not a dtype"}, "dtype", "expected the name of a torch.dtype"),
        ({"dtype": 32}, "dtype", "expected the name of a torch.dtype"),
        ({"num_labels": "3"}, "num_labels", "expected a number of classes"),
        ({"num_labels": True}, "num_labels", "expected a number of classes"),
        ({"num_labels": -1}, "num_labels", "expected a number of classes"),
        ({"name_or_path": 3}, "name_or_path", "expected a path"),
    ],
)
@pytest.mark.parametrize("way", ["made", "loaded", "updated"])
def test_a_wrong_value_is_an_error_with_its_path(values, path, problem, way):
    """However it comes in, a value of the wrong type is refused, and the error says where it is."""
    config = TypedConfig()
    before = config.to_dict()
    with pytest.raises(ConfigValidationError) as caught:
        {
            "made": lambda: TypedConfig(**values),
            "loaded": lambda: TypedConfig.from_dict(values),
            "updated": lambda: config.update(values),
        }[way]()
    assert caught.value.field == path
    assert caught.value.config_class == "TypedConfig"
    assert str(caught.value).startswith(f"TypedConfig.{path}: {problem}")
    assert config.to_dict() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", -(2**70)),
        ("rate", 1),
        ("rate", math.inf),
        ("maybe", None),
        ("maybe", 3),
        ("implied", None),
        ("implied", 3),
        ("layers", [1, 2]),
        ("pair", (2, "b")),
        ("sizes", ((1, 2), (3, 4))),
        ("names", {1: "a", -2: "b"}),
        ("groups", {"g": [1.0, 2]}),
        ("kind", 3),
        ("mode", Mode.EXACT),
        ("modes", [Mode.FAST, Mode.EXACT]),
        ("level", Level.HIGH),
        ("text_mode", TextMode.PLAIN),
        ("size", Size(3, 4)),
        ("crop", {"top": 1}),
        ("either", "x"),
        ("several", None),
        ("several", [1]),
        ("two_kinds", (1, 2)),
        ("part", PartConfig(width=5)),
        ("parts", [PartConfig(), PartConfig(width=6)]),
        ("by_choice", {0: 3, 1: 4, "all": 5}),
        ("by_level", {Level.LOW: 3, Level.HIGH: 4}),
        ("by_mode", {Mode.FAST: 3}),
        ("corner", Corner.DEEP),
        ("quantization", Quantization(4)),
        ("kinds", PartConfig(width=2)),
        ("kinds", OtherPartConfig(width=2)),
        ("anything", {"a": [1, None, {"b": 1.5}]}),
    ],
)
def test_a_value_comes_back_as_it_was(name, value, tmp_path):
    """What JSON has no word for is restored by the annotation: tuples, numbers as keys, enums, parts."""
    TypedConfig(**{name: value}).save_pretrained(tmp_path)
    loaded = getattr(TypedConfig.from_pretrained(tmp_path), name)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_not_finite_go_through_dicts_too(value):
    """They are floats in a dict, and have a form of their own in JSON text only."""
    config = TypedConfig(rate=value, anything=[{"x": value}])
    values = config.to_dict()
    assert repr(values["rate"]) == repr(values["anything"][0]["x"]) == repr(value)
    assert TypedConfig.from_dict(values) == config == TypedConfig(**values)
    assert TypedConfig(rate=float("nan")) == TypedConfig(rate=float("nan"))
    assert TypedConfig(rate=float("nan")) != TypedConfig()


def test_keys_that_json_makes_the_same_are_refused():
    """Under an annotation that takes text for a number, one of the two values would be lost."""
    with pytest.raises(ConfigValidationError, match=r"names: two of the keys \[1, '1'\] are the same in JSON"):
        TypedConfig(names={1: "a", "1": "b"})


@pytest.mark.parametrize("key", ["9" * 5000, "01", "1_0", " 1", "٣"])
def test_only_what_json_makes_of_a_number_is_one(key):
    """Other text is text, however long."""
    with pytest.raises(ConfigValidationError, match=r"TypedConfig.names\[.*expected int, got str"):
        TypedConfig.from_dict({"names": {key: "a"}})


def test_a_key_that_grants_trust_is_refused_at_the_save(tmp_path):
    """No load would take the file."""
    with pytest.raises(ConfigError, match=r"'trust_remote_code' is not allowed in config.json"):
        TypedConfig(anything={"deep": {"trust_remote_code": True}}).save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_value_that_could_not_be_loaded_is_refused_at_the_save(tmp_path):
    """What the file would say must fit the annotation as well; nothing is written where it does not."""

    class Opaque:
        def to_dict(self):
            return {"x": 1}

    class OpaqueConfig(PretrainedConfig):
        model_type = "opaque"

        def __init__(self, value: Opaque | None = None, **kwargs):
            self.value = value
            super().__init__(**kwargs)

    OpaqueConfig.__init__.__annotations__["value"] = Opaque | None
    config = OpaqueConfig(Opaque())
    with pytest.raises(ConfigValidationError, match=r"OpaqueConfig.value: .*could not be loaded again"):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_values_are_restored_before_a_class_sees_them():
    """An `__init__` that compares with a member of an enum may do so for a loaded config too."""
    seen = []

    class Careful(PretrainedConfig):
        def __init__(self, mode: Mode = Mode.FAST, layers: tuple[int, ...] = (), **kwargs):
            seen.append((mode, layers))
            self.mode, self.layers = mode, layers
            super().__init__(**kwargs)

    Careful.from_dict({"mode": "exact", "layers": [1]})
    assert seen == [(Mode.EXACT, (1,))]


def test_a_wrong_value_is_named_before_a_class_stumbles_over_it():
    """An `__init__` that calculates with its fields gives the same error as one that does not."""

    class Calculating(PretrainedConfig):
        def __init__(self, width: int = 8, **kwargs):
            self.half = width // 2
            self.width = width
            super().__init__(**kwargs)

    with pytest.raises(ConfigValidationError, match=r"Calculating.width: expected int, got str 'wide'"):
        Calculating(width="wide")


def test_a_fields_list_is_the_callers_own():
    """A list that fits its annotation is not copied on construction, as for any Python object."""
    layers = [1, 2]
    assert TypedConfig(layers=layers).layers is layers


def test_a_long_value_is_shortened_in_the_message():
    """An error about a large value stays readable."""
    with pytest.raises(ConfigValidationError) as caught:
        TypedConfig(count="x" * 10_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), 1j])
def test_a_value_without_a_form_in_json_is_named_at_the_save(value, tmp_path):
    """Nothing is written, and the error has the path to the value."""
    config = TypedConfig(anything={"deep": [0, value]})
    kind = f"(?:value of type )?{type(value).__name__}"
    with pytest.raises(ConfigError, match=rf"^TypedConfig.anything.deep\[1\]: a {kind} cannot be"):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("keys", [(1, "1"), ("1", Level.LOW)])
def test_keys_that_json_cannot_tell_apart_are_refused(keys):
    """One of the two values would be lost."""
    with pytest.raises(ConfigError, match=r"anything: two of the keys .* become the same string in JSON"):
        TypedConfig(anything=dict.fromkeys(keys, 0)).to_dict()


@pytest.mark.parametrize("key", [None, True, 1.5, (1, 2)])
def test_keys_that_are_no_names_are_refused(key):
    """JSON would turn them into something else."""
    with pytest.raises(ConfigError, match=r"anything: keys in JSON are strings, got"):
        TypedConfig(anything={key: 0}).to_dict()


def test_a_value_that_holds_itself_is_refused():
    """A circle has no end in a file; the config can still be shown."""
    circle: list[Any] = []
    circle.append(circle)
    config = TypedConfig(anything=circle)
    with pytest.raises(ConfigError, match=r"contains itself"):
        config.to_json_string()
    assert repr(config).startswith("TypedConfig {")


# Other names of a field


class AliasConfig(PretrainedConfig):
    model_type = "alias"
    attribute_map = {"hidden_size": "width", "num_labels": "num_classes"}  # noqa: RUF012

    def __init__(self, width: int = 8, num_classes: int = 1000, **kwargs):
        self.width = width
        self.num_classes = num_classes
        super().__init__(**kwargs)


def test_an_alias_reads_and_writes_its_field():
    """Both names are one value, in both directions, and only the field is written."""
    config = AliasConfig(hidden_size=16)
    assert config.width == config.hidden_size == 16
    config.hidden_size = 32
    assert config.width == 32
    assert "hidden_size" not in config.to_dict()


def test_an_alias_is_read_from_files_and_overrides():
    """A file or a caller may use either name."""
    assert AliasConfig.from_dict({"hidden_size": 3}).width == 3
    assert AliasConfig.from_dict({"width": 3}, hidden_size=4).width == 4
    assert AliasConfig.from_dict({"hidden_size": 3}, width=4).width == 4


def test_an_alias_and_its_field_must_agree():
    """Two values for one field are an error that shows both; the same value twice is not."""
    with pytest.raises(ConfigError, match=r"'hidden_size' is an alias of 'width'.* 3 and 4"):
        AliasConfig(hidden_size=3, width=4)
    assert AliasConfig(hidden_size=3, width=3).width == 3


def test_an_alias_is_inherited():
    """A child has its parent's aliases, and may add some."""

    class Child(AliasConfig):
        attribute_map = {"depth": "layers"}  # noqa: RUF012

        def __init__(self, layers: int = 1, **kwargs):
            self.layers = layers
            super().__init__(**kwargs)

    config = Child(hidden_size=3, depth=4)
    assert (config.width, config.layers) == (3, 4)


@pytest.mark.parametrize(
    ("attribute_map", "problem"),
    [
        ({"width": "width"}, "that field"),
        ({"width": "depth"}, "a field or method"),
        ({"save_pretrained": "width"}, "a field or method"),
        ({"x": 3}, "must map names to names"),
        (["x"], "must map names to names"),
    ],
)
def test_a_wrong_attribute_map_is_refused_with_the_class(attribute_map, problem):
    """An alias that is a field or method as well would hide it."""
    with pytest.raises(ConfigDefinitionError, match=problem):
        type(
            "Wrong",
            (PretrainedConfig,),
            {"attribute_map": attribute_map, "__init__": lambda self, width=3, **kwargs: None},  # noqa: ARG005
        )


def test_an_alias_of_a_misspelt_field_is_refused():
    """When the class is used, which is when all its fields are known."""

    class WrongConfig(PretrainedConfig):
        attribute_map = {"hidden_size": "widht"}  # noqa: RUF012
        width: int = 3

    with pytest.raises(ConfigDefinitionError, match=r"'hidden_size' stands for 'widht', .* Did you mean 'width'"):
        WrongConfig()


def test_an_alias_may_stand_for_a_field_that_only_files_have():
    """As in published classes; or for one that methods or properties make, whatever others are called."""

    class OpenConfig(PretrainedConfig):
        attribute_map = {"hidden_size": "embed", "depth": "layers", "first": "widths"}  # noqa: RUF012
        layer: int = 3
        width: int = 3

        def __post_init__(self):
            self.layers = self.layer

        @property
        def widths(self):
            return [self.width]

    assert OpenConfig.from_dict({"embed": 5}).hidden_size == 5
    assert (OpenConfig().depth, OpenConfig().first) == (3, [3])


@pytest.mark.parametrize("decorate", [dataclass, lambda cls: cls], ids=["dataclass", "body"])
def test_a_field_may_be_declared_under_its_alias(decorate, tmp_path):
    """As in published classes. It is one value, whose name in the file is that of the field."""

    @decorate
    class ExpertsConfig(PretrainedConfig):
        model_type = "declared-alias"
        attribute_map = {"num_experts": "num_local_experts", "dims": "sizes"}  # noqa: RUF012
        width: int = 3
        num_experts: int = 8
        dims: list[int] = field(default_factory=lambda: [1])

    config = ExpertsConfig()
    assert (config.num_experts, config.num_local_experts, config.dims, config.sizes) == (8, 8, [1], [1])
    assert ExpertsConfig(num_experts=2) == ExpertsConfig(num_local_experts=2)
    assert ExpertsConfig.from_dict({"num_experts": 2}).num_local_experts == 2
    config.num_experts = 4
    config.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (values["num_local_experts"], values.get("num_experts")) == (4, None)
    assert ExpertsConfig.from_pretrained(tmp_path) == config
    assert ExpertsConfig.from_pretrained(tmp_path, num_experts=5).num_local_experts == 5
    with pytest.raises(ConfigValidationError, match="num_local_experts: expected int"):
        ExpertsConfig(num_experts="many")


def test_a_class_for_transformers_may_declare_a_field_and_its_alias():
    """The last default counts, as there."""

    class TokensConfig(NamesOfTransformers):
        model_type = "declared-twice"
        attribute_map = {"bos_index": "bos_token_id", "pad_index": "pad_token_id"}  # noqa: RUF012
        bos_index: int = 0
        pad_token_id: int | None = None
        bos_token_id: int | None = 3
        pad_index: int = 2

    config = TokensConfig()
    assert (config.bos_index, config.bos_token_id, config.pad_index, config.pad_token_id) == (3, 3, 2, 2)
    assert TokensConfig(bos_index=7).bos_token_id == 7


def test_a_dataclass_may_not_declare_a_field_and_its_alias():
    """They are one value, and may have one default."""
    with pytest.raises(ConfigDefinitionError, match=r"'hidden' cannot be an alias of 'width'"):

        @dataclass
        class Wrong(PretrainedConfig):
            attribute_map = {"hidden": "width"}  # noqa: RUF012
            width: int = 3
            hidden: int = 4


# dtype


class dtype:  # noqa: N801 - stands for torch.dtype, which is known by its name
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return f"torch.{self.name}"


dtype.__module__ = "torch"


def test_dtype_is_kept_as_a_name():
    """A torch.dtype, its name with or without "torch.", and the old keyword all give the same name."""
    for given in ("bfloat16", "torch.bfloat16", dtype("bfloat16")):
        assert TypedConfig(dtype=given).dtype == "bfloat16"
        assert TypedConfig(torch_dtype=given).dtype == "bfloat16"
        assert TypedConfig.from_dict({"torch_dtype": "bfloat16"}, dtype=given).dtype == "bfloat16"
    config = TypedConfig()
    config.torch_dtype = dtype("float16")
    assert config.torch_dtype == config.to_dict()["dtype"] == "float16"


@pytest.mark.parametrize("given", ["float16", "torch.float16", dtype("float16"), "half", "torch.half"])
def test_dtype_has_one_spelling(given, tmp_path):
    """Torch has several names for some; the two keywords, and an alias of the class, may use any of them."""

    class SpelledConfig(PretrainedConfig):
        model_type = "spelled"
        attribute_map = {"params_dtype": "dtype"}  # noqa: RUF012 - as the field writes it

    keywords = ({"dtype": given}, {"torch_dtype": given}, {"params_dtype": given, "dtype": "float16"})
    for values in (*keywords, {"dtype": given, "torch_dtype": "float16"}):
        config = SpelledConfig(**values)
        config.save_pretrained(tmp_path)
        others = (SpelledConfig.from_pretrained(tmp_path, **values), SpelledConfig.from_dict(values))
        assert [each.dtype for each in (config, *others)] == ["float16"] * 3
        config.update(values)
        assert config.dtype == "float16"


@pytest.mark.parametrize("make", [lambda values: TypedConfig(**values), TypedConfig.from_dict])
def test_dtype_wins_over_its_old_name(make):
    """Programs that serve old and new versions write both."""
    assert make({"torch_dtype": "bfloat16", "dtype": "float16"}).dtype == "float16"
    assert make({"torch_dtype": "bfloat16", "dtype": None}).dtype == "bfloat16"


def test_automatic_dtype_leaves_what_the_file_says(tmp_path):
    """As in transformers, `"auto"` asks a load for nothing."""
    TypedConfig(dtype="bfloat16").save_pretrained(tmp_path)
    for keyword in ("dtype", "torch_dtype"):
        assert TypedConfig.from_pretrained(tmp_path, **{keyword: "auto"}).dtype == "bfloat16"


def test_dtype_is_not_written_while_unset():
    """A config that no model was saved with says nothing of a type."""
    assert "dtype" not in TypedConfig().to_dict()


def test_a_dtype_in_a_field_is_written_as_its_name():
    """A field of the class's own may hold one too."""
    assert TypedConfig(anything=[dtype("int8")]).to_dict()["anything"] == ["int8"]


@pytest.mark.parametrize("given", ["int8", "torch.int8"])
def test_a_dtype_in_a_field_has_its_name_with_or_without_that_of_torch(given, monkeypatch):
    """As the dtype of every config."""
    int8 = dtype("int8")
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(int8=int8))

    class CacheConfig(PretrainedConfig):
        model_type = "cache"
        kind: dtype | None = None

    assert CacheConfig(kind=given).kind is int8
    with pytest.raises(ConfigValidationError, match=r"kind: expected .* got str 'int7'"):
        CacheConfig(kind="int7")


# Parts


class WholeConfig(PretrainedConfig):
    model_type = "whole"
    sub_configs = {"part": PartConfig}  # noqa: RUF012

    def __init__(self, part: dict | None = None, **kwargs):
        self.part = part
        super().__init__(**kwargs)


def test_a_part_is_made_from_a_dict_or_from_nothing(tmp_path):
    """A field of sub_configs always holds a config of its class, with the class's own checks."""
    assert WholeConfig().part == PartConfig()
    with pytest.warns(UserWarning, match=r"no field 'part.newer'"):
        whole = WholeConfig(part={"width": 6, "newer": 1})
    assert isinstance(whole.part, PartConfig)
    whole.save_pretrained(tmp_path)
    assert WholeConfig.from_pretrained(tmp_path) == whole
    with pytest.raises(ConfigValidationError, match=r"WholeConfig.part.width"):
        WholeConfig(part={"width": "x"})
    with pytest.raises(ConfigValidationError, match=r"WholeConfig.part: expected PartConfig or a dict"):
        WholeConfig(part=3)


def test_an_override_of_a_part_is_merged(tmp_path):
    """Fields of a part that are not overridden stay as the file has them."""
    with pytest.warns(UserWarning, match=r"no field 'part.newer'"):
        WholeConfig(part={"width": 6, "newer": 1}).save_pretrained(tmp_path)
    part = WholeConfig.from_pretrained(tmp_path, part={"width": 7}).part
    assert (part.width, part.newer) == (7, 1)


@dataclass
class DeepConfig(PretrainedConfig):
    model_type = "deep"
    sub_configs = {"whole": WholeConfig}  # noqa: RUF012

    whole: Any = None
    alias: AliasConfig | None = None
    kinds: PartConfig | OtherPartConfig | None = None


WAYS = pytest.mark.parametrize("way", ["loaded", "made", "updated"])


def changed(config, way, folder, **values):
    """Return the config with other values, by each of the ways that there are."""
    if way == "loaded":
        config.save_pretrained(folder)
        return type(config).from_pretrained(folder, **values)
    if way == "made":
        return type(config).from_dict(config.to_dict(), **values)
    config.update(values)
    return config


@WAYS
def test_a_part_is_changed_at_any_depth(way, tmp_path):
    """What is not named stays, however deep."""
    with pytest.warns(UserWarning, match=r"no field 'whole.part.newer'"):
        config = DeepConfig(whole={"part": {"width": 6, "newer": 1}, "output_attentions": True})
    found = changed(config, way, tmp_path, whole={"part": {"width": 7}})
    assert isinstance(found.whole, WholeConfig)
    assert isinstance(found.whole.part, PartConfig)
    assert (found.whole.part.width, found.whole.part.newer, found.whole.output_attentions) == (7, 1, True)


@WAYS
def test_a_part_is_changed_by_any_name_of_a_field(way, tmp_path):
    """An alias of the part's class is one inside of a change, and its labels go as those of the whole do."""
    config = DeepConfig(alias=AliasConfig(width=3, id2label={0: "a", 1: "b"}))
    found = changed(config, way, tmp_path, alias={"hidden_size": 4, "num_labels": 3})
    assert (found.alias.width, found.alias.num_classes) == (4, 3)
    assert found.alias.id2label[2] == "LABEL_2"


@WAYS
def test_a_part_of_another_kind_replaces(way, tmp_path):
    """Fields of one class say nothing about another."""
    config = DeepConfig(kinds=PartConfig(width=9))
    found = changed(config, way, tmp_path, kinds={"model_type": "other-part", "depth": 3})
    assert found.kinds == OtherPartConfig(depth=3)
    found = changed(config, way, tmp_path, kinds=OtherPartConfig(width=1))
    assert found.kinds == OtherPartConfig(width=1)


def test_a_part_is_of_the_class_that_its_model_type_names():
    """Of the classes that an annotation allows."""
    assert DeepConfig.from_dict({"kinds": {"model_type": "other-part"}}).kinds == OtherPartConfig()
    assert DeepConfig.from_dict({"kinds": {"model_type": "part"}}).kinds == PartConfig()
    assert DeepConfig.from_dict({"kinds": {"width": 3}}).kinds == PartConfig(width=3)
    with pytest.raises(ConfigValidationError, match=r"DeepConfig.kinds.depth: expected int, got str"):
        DeepConfig.from_dict({"kinds": {"model_type": "other-part", "depth": "x"}})


def test_a_part_is_no_plain_dict(tmp_path):
    """Where an annotation allows both, the model_type tells them apart."""

    @dataclass
    class EitherConfig(PretrainedConfig):
        model_type = "either"
        field: dict[str, int | str] | PartConfig | None = None

    for value in (PartConfig(width=5), {"width": 5}, {"model_type": "no-part"}):
        EitherConfig(field=value).save_pretrained(tmp_path)
        assert EitherConfig.from_pretrained(tmp_path).field == value


def test_a_wrong_part_changes_nothing():
    """An update that fails inside of a part leaves all as it was."""
    config = DeepConfig(whole={"part": {"width": 6}})
    with pytest.raises(ConfigValidationError, match=r"DeepConfig.whole.part.width"):
        config.update({"dtype": "float16", "whole": {"part": {"width": "x"}}})
    assert config == DeepConfig(whole={"part": {"width": 6}})


def test_use_return_dict_is_what_models_written_for_transformers_read(tmp_path):
    """The value of `return_dict`. It is not written, and an own field or a key of a file takes its place."""

    class FieldConfig(PretrainedConfig):
        use_return_dict: bool = False

    assert PretrainedConfig().use_return_dict is True
    config = PretrainedConfig(return_dict=False)
    assert config.use_return_dict is False
    config.save_pretrained(tmp_path)
    assert "use_return_dict" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    assert PretrainedConfig.from_pretrained(tmp_path).use_return_dict is False
    assert FieldConfig(use_return_dict=True).to_dict()["use_return_dict"] is True
    assert FieldConfig().use_return_dict is False
    assert PretrainedConfig.from_dict({"use_return_dict": False}).use_return_dict is False


@pytest.mark.parametrize("given", ["flot32", "torch.flaot32", "bfloat_16", "Float16"])
def test_a_misspelt_dtype_is_refused(given):
    """The error names the dtype that it is like."""
    with pytest.raises(ConfigValidationError, match=r"TypedConfig\.dtype: expected .* such as 'b?float(16|32)', got"):
        TypedConfig(dtype=given)


@pytest.mark.parametrize("given", ["float8_e4m3fnuz", "int4", "uint4", "fp8", "nf4", "quint4x2", "float6"])
def test_a_dtype_that_is_not_known_is_kept(given):
    """Other libraries and later versions of torch have more of them."""
    assert TypedConfig(dtype=given).dtype == given
