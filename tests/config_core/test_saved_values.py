"""What a save writes, a load gives back equal; or the save says how to annotate the field."""

from __future__ import annotations

import collections
import datetime as dt
import types
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType
from uuid import UUID

import pytest

from config_core import ConfigDefinitionError, ConfigError, ConfigValidationError, PretrainedConfig, register_value_type


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


class Size(NamedTuple):
    height: int
    width: int


@dataclass
class Optimizer:
    rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    mode: Mode = Mode.FAST
    log: Path = None
    inner: Optimizer | None = None


class Color:
    def __init__(self, red, green):
        self.red, self.green = red, green


register_value_type(Color, encode=lambda color: [color.red, color.green], decode=lambda values: Color(*values))

Width = NewType("Width", int)
UTC = dt.UTC


def config_class(annotation=None, default=None):
    """Return a config class with one field."""

    class FieldConfig(PretrainedConfig):
        model_type = "saved-field"

        def __init__(self, value=default, **kwargs):
            self.value = value
            super().__init__(**kwargs)

    if annotation is not None:
        FieldConfig.__init__.__annotations__["value"] = annotation
    return FieldConfig


def saved_and_loaded(cls, value, folder):
    config = cls(value=value)
    config.save_pretrained(folder)
    return config.value, cls.from_pretrained(folder).value


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Path, Path("a/b")),
        (list[Path] | None, [Path("a"), Path()]),
        (dict[Path, int], {Path("a"): 1}),
        (dt.date, dt.date(2020, 1, 2)),
        (dt.datetime, dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (dt.time, dt.time(3, 4)),
        (dt.timedelta, dt.timedelta(days=-1, microseconds=5)),
        (dt.timedelta, dt.timedelta.max),
        (dict[dt.date, dt.timedelta], {dt.date(2020, 1, 2): dt.timedelta(hours=1)}),
        (Decimal, Decimal("1.10")),
        (Fraction, Fraction(-1, 3)),
        (UUID, UUID(int=5)),
        (set[int], {3, 1, 2}),
        (frozenset[str], frozenset("ab")),
        (set[tuple[int, Mode]], {(1, Mode.FAST)}),
        (AbstractSet[int], {1}),
        (collections.deque[int], collections.deque([2, 1])),
        (collections.Counter[str], collections.Counter("aab")),
        (collections.OrderedDict[str, int], collections.OrderedDict(a=1, b=2)),
        (dict[int, dict[int, str]], {1: {-2: "a"}}),
        (Optimizer, Optimizer(betas=(0.5, 0.5), mode=Mode.EXACT, log=Path("x"), inner=Optimizer(rate=2))),
        (list[Optimizer], [Optimizer()]),
        (Width, 3),
        (tuple[()], ()),
    ],
)
def test_a_value_of_its_annotation_comes_back(annotation, value, tmp_path):
    """Equal, and of the same type."""
    saved, loaded = saved_and_loaded(config_class(annotation), value, tmp_path)
    assert saved == value == loaded
    assert type(saved) is type(value) is type(loaded)


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ((1, 2), (3,)),
        (((1, 2),), ((3, 4), (5, 6))),
        ([(1, 2)], [(3, 4)]),
        ({1: "a"}, {2: "b"}),
        ({"a": (1,)}, {"b": (2, 3)}),
        ({1}, {2, 3}),
        (Path("a"), Path("b")),
        (dt.date(2020, 1, 1), dt.date(2021, 1, 1)),
        (Mode.FAST, Mode.EXACT),
        (Size(1, 2), Size(3, 4)),
        (Optimizer(), Optimizer(rate=3)),
        ((1, 2), None),
        ((1, 2), "text"),
        (Path("a"), 3),
        ({1: "a"}, {"b": 1}),
    ],
)
def test_a_default_serves_as_the_annotation(default, value, tmp_path):
    """Values like the default come back like it; others are left as they are."""
    saved, loaded = saved_and_loaded(config_class(default=default), value, tmp_path)
    assert saved == value == loaded
    assert type(saved) is type(value) is type(loaded)


@pytest.mark.parametrize("annotation", [tuple, Sequence[Any], Any])
def test_a_default_says_what_a_wide_annotation_does_not(annotation, tmp_path):
    """A bare tuple says nothing of what is in it, and a sequence may be a list or a tuple."""
    value = ((1, 2), (3, 4))
    saved, loaded = saved_and_loaded(config_class(annotation, default=((5, 6),)), value, tmp_path)
    assert saved == value == loaded


def test_an_init_may_restore_what_no_annotation_does(tmp_path):
    """What counts is the config that a load makes."""

    class OwnConfig(PretrainedConfig):
        model_type = "saved-own"

        def __init__(self, sizes=None, **kwargs):
            self.sizes = tuple(sizes or ())
            super().__init__(**kwargs)

    OwnConfig(sizes=(1, 2)).save_pretrained(tmp_path)
    assert OwnConfig.from_pretrained(tmp_path).sizes == (1, 2)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ((1, 2), r"value: .* type tuple .* such as tuple\[int, \.\.\.\]"),
        ([[1], ["a", (1, "b")]], r"value\[1\]\[1\]: .* type tuple cannot be written"),
        ({1: "a"}, r"value: .* type dict whose keys are not text .* such as dict\[int, str\]"),
        (
            {"deep": {1: "a"}},
            r"value.deep: .* type dict whose keys are not text .* dict\[str, dict\[int, str\]\]",
        ),
        (
            {1: "a", 2: 3},
            r"value: .* type dict whose keys are not text .* such as dict\[int, typing\.Any\] after `import typing`",
        ),
        (
            {"deep": {1: "a"}, "b": 3},
            r"value.deep: .* type dict whose keys are not text .*\. Use a value that JSON has",
        ),
        ([3, (1, 2)], r"value\[1\]: .* type tuple .*\. Use a value that JSON has"),
        ({1, 2}, r"value: .* type set .* such as set\[int\]"),
        (Path("a"), r"value: .* type \w+Path .* such as pathlib\.Path after `import pathlib`"),
        (
            dt.date(2020, 1, 1),
            r"value: .* type date .* would be loaded as str '2020-01-01'. .* such as datetime\.date after",
        ),
        (Mode.FAST, r"value: .* type Mode .* such as Mode"),
        (Size(1, 2), r"value: .* type Size .* such as Size"),
        (Optimizer(), r"value: .* type Optimizer .* such as Optimizer"),
        (Color(1, 2), r"value: .* type Color .* such as Color"),
        (b"x", r"value: .* type bytes cannot be written to JSON. Use text"),
        (1j, r"value: .* type complex cannot be written to JSON. .*register_value_type\(complex"),
        (print, r"value: .* type builtin_function_or_method cannot be written to JSON. Use its name"),
        (Mode, r"value: .* type EnumType cannot be written to JSON. Use its name"),
        (range(3), r"value: .* type range cannot be written to JSON"),
        ("\ud83d\ude00", r"value: .* type str .* would be loaded as str '\U0001f600'\. .*: use another one"),
        ({"__float__": "NaN"}, r"value: .* type dict .* would be loaded as float nan\. .*: use another one"),
        ({0.5: 1}, r"value: keys in JSON are strings, got 0.5. Use text, or a list of pairs"),
        ({(1, 2): 1}, r"value: keys in JSON are strings, got \(1, 2\)"),
    ],
)
def test_a_value_that_would_change_is_refused_at_the_save(value, advice, tmp_path):
    """With its path, and the annotation that the field needs. Nothing is written."""
    config = config_class()(value=value)
    with pytest.raises(ConfigError, match=rf"FieldConfig\.{advice}"):
        config.save_pretrained(tmp_path / "saved")
    with pytest.raises(ConfigError, match=rf"FieldConfig\.{advice}"):
        config.to_json_file(tmp_path / "saved" / "config.json")
    assert not (tmp_path / "saved").exists()


def test_all_values_that_would_change_are_named(tmp_path):
    """Also those in parts, with the path from the root."""
    inner = config_class()(value=(1,))
    cls = config_class(list[type(inner)])
    config = cls(value=[inner, type(inner)(value={1: 2})])
    with pytest.raises(ConfigValidationError) as caught:
        config.save_pretrained(tmp_path / "saved")
    assert [problem.field for problem in caught.value.problems] == ["value[0].value", "value[1].value"]


def test_a_part_that_init_would_make_of_other_values_is_refused(tmp_path):
    """Where an `__init__` does more than to keep its parameters, the part is made of what was written, and compared."""

    class DoublingConfig(PretrainedConfig):
        model_type = "doubling"

        def __init__(self, width: int = 1, **kwargs):
            self.width = 2 * width
            super().__init__(**kwargs)

    config = config_class(DoublingConfig)(value=DoublingConfig(width=1))
    with pytest.raises(ConfigError, match=r"value\.width: .* 2 would be loaded as int 4"):
        config.save_pretrained(tmp_path)


@pytest.mark.parametrize("annotation", [None, dict, dict[str, int], collections.OrderedDict[str, int]])
def test_the_order_of_a_dict_is_kept(annotation, tmp_path):
    """Stages or steps of a pipeline may be keys, and their order is meaning."""
    ordered = collections.OrderedDict if "OrderedDict" in f"{annotation}" else dict
    saved, loaded = saved_and_loaded(config_class(annotation), ordered(stem=1, body=3, head=2), tmp_path)
    assert list(loaded.items()) == list(saved.items())
    assert type(loaded) is type(saved)


def test_the_order_of_dicts_inside_of_others_is_kept(tmp_path):
    """At any depth: in lists, in dicts, in plain dataclasses, and in the dicts of parts."""
    value = {"b": [{"z": 1, "y": {"2": 0, "10": 0, "1": 0}}], "a": {}}
    _, loaded = saved_and_loaded(config_class(), value, tmp_path / "plain")
    assert repr(loaded) == repr(value)
    part = config_class()
    _, loaded = saved_and_loaded(config_class(list[part]), [part(value=value)], tmp_path / "part")
    assert repr(loaded[0].value) == repr(value)


def test_the_order_of_class_names_is_kept(tmp_path):
    """The names of ten and more classes stand in the file by number, not by the digits of the number."""
    cls = config_class()
    config = cls(num_labels=12, id2label={number: f"class {number}" for number in range(12)})
    config.save_pretrained(tmp_path)
    assert list(cls.from_pretrained(tmp_path).id2label) == list(range(12))


def test_the_fields_of_parts_are_sorted_as_those_of_the_config_are():
    """Fields have no order of their own, so two equal configs have one text."""

    class PartConfig(PretrainedConfig):
        model_type = "sorted-part"

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            super().__init__(**kwargs)

    cls = config_class(PartConfig)
    one, other = PartConfig.from_dict({"zip": 1, "area": 2}), PartConfig.from_dict({"area": 2, "zip": 1})
    assert one == other
    assert cls(value=one).to_json_string() == cls(value=other).to_json_string()


def test_equality_asks_for_no_order():
    """As for dicts everywhere in Python, also where a NaN makes them unequal to each other."""
    cls, nan = config_class(), float("nan")
    assert cls(value={"a": 1, "b": nan}) == cls(value={"b": nan, "a": 1})


def test_texts_that_json_writes_alike_are_not_equal():
    """A character and its two halves have one form in ASCII. Beside NaN, configs are still compared by value."""
    cls, nan = config_class(), float("nan")
    assert cls(value=["\N{GRINNING FACE}", nan]) != cls(value=["\ud83d\ude00", nan])


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (dt.date, "yesterday", "expected date or text in ISO 8601, got str 'yesterday'"),
        (dt.date, 3, "expected date or text in ISO 8601, got int 3"),
        (dt.timedelta, "1 day", "expected timedelta or a duration of ISO 8601"),
        (Path, 3, "expected Path or text, got int 3"),
        (Decimal, "x", "expected Decimal or a number as text, got str 'x'"),
        (Fraction, "1/0", "expected Fraction or a ratio as text, got str '1/0'"),
        (Fraction, "1e999999999", "expected Fraction or a ratio as text"),
        (set[int], [1, "x"], "expected int, got str 'x'"),
        (set[list[int]], [[1]], "unhashable type: 'list'"),
        (Optimizer, {"rte": 1}, "Optimizer has no field 'rte'"),
        (Optimizer, {"rate": "x"}, "expected float, got str 'x'"),
        (Optimizer, Optimizer(rate="x"), "expected float, got str 'x'"),
        (Color, 3, "expected Color or its registered form, got int 3"),
    ],
)
@pytest.mark.parametrize("way", ["made", "loaded"])
def test_a_value_that_has_no_form_of_its_type_is_refused(annotation, value, problem, way):
    """With the path to it, as for other types."""
    cls = config_class(annotation, default=annotation)  # the class itself is no value, so there is no default
    with pytest.raises(ConfigValidationError) as caught:
        cls(value=value) if way == "made" else cls.from_dict({"value": value})
    assert problem in str(caught.value)


def test_a_registered_type_is_written_and_read_by_its_functions(tmp_path):
    """Alone, in containers, and by its default."""
    for cls, value in (
        (config_class(Color), Color(1, 2)),
        (config_class(dict[str, list[Color]]), {"a": [Color(1, 2)]}),
        (config_class(default=Color(0, 0)), Color(1, 2)),
    ):
        _, loaded = saved_and_loaded(cls, value, tmp_path)
        color = loaded["a"][0] if isinstance(loaded, dict) else loaded
        assert (type(color), color.red, color.green) == (Color, 1, 2)


def test_a_type_is_registered_once():
    """Two libraries that register one type would read each other's files wrongly."""
    with pytest.raises(ConfigDefinitionError, match=r"was registered as a value type before. Pass exist_ok=True"):
        register_value_type(Color, encode=str, decode=str)
    with pytest.raises(ConfigDefinitionError, match="needs a class, got 'Color'"):
        register_value_type("Color", encode=str, decode=str)


def test_other_mappings_and_sequences_are_dicts_and_lists(tmp_path):
    """Where an annotation asks for those."""
    saved, loaded = saved_and_loaded(config_class(dict[str, int]), types.MappingProxyType({"a": 1}), tmp_path)
    assert (saved, loaded, type(saved)) == ({"a": 1}, {"a": 1}, dict)
    saved, loaded = saved_and_loaded(config_class(list[int]), collections.UserList([1]), tmp_path)
    assert (saved, loaded, type(saved)) == ([1], [1], list)
    saved, loaded = saved_and_loaded(config_class(list[int]), (1, 2), tmp_path)
    assert saved == loaded == [1, 2]


def test_numbers_of_numpy_are_numbers(tmp_path):
    """Computed sizes are often not Python's own integers."""
    np = pytest.importorskip("numpy")
    for annotation, value, expected in [
        (int, np.int64(3), 3),
        (float, np.float32(0.5), 0.5),
        (bool, np.bool_(True), True),
        (str, np.str_("a"), "a"),
        (int | None, np.uint8(3), 3),
        (Literal[1, 2], np.int64(2), 2),
        (list[int], [np.int64(3)], [3]),
        (list[int], np.array([1, 2]), [1, 2]),
        (tuple[float, ...], np.array([1.0, 2.0]), (1.0, 2.0)),
        (dict[str, int], {"a": np.int64(3)}, {"a": 3}),
    ]:
        saved, loaded = saved_and_loaded(config_class(annotation), value, tmp_path)
        assert saved == loaded == expected
        assert type(saved) is type(expected)
    for value in (np.int64(3), [np.float64(0.5)], {"a": np.bool_(False)}):
        _, loaded = saved_and_loaded(config_class(), value, tmp_path)
        assert loaded == value
    for annotation, value in [(int, np.float64(3.0)), (int, np.bool_(True)), (str, np.int64(3))]:
        with pytest.raises(ConfigValidationError, match="expected"):
            config_class(annotation, default=0)(value=value)
    with pytest.raises(ConfigError, match=r"a value of type ndarray cannot be written to JSON. Use its .tolist\(\)"):
        saved_and_loaded(config_class(), np.array([1, 2]), tmp_path)


def test_containers_of_omegaconf_are_what_they_hold(tmp_path):
    """Interpolations are resolved, and parts are made of them as of dicts."""
    omegaconf = pytest.importorskip("omegaconf")
    part = config_class(list[int])
    cls = config_class(part)
    tree = omegaconf.OmegaConf.create({"size": 3, "part": {"value": ["${size}", 4]}, "free": {"a": ["${size}"]}})
    config = cls(value=tree.part)
    assert config == cls(value=part(value=[3, 4]))
    assert type(config.value.value) is list
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, value=omegaconf.OmegaConf.create({"value": [5]})).value.value == [5]
    assert cls.from_dict(omegaconf.OmegaConf.create({"value": {"value": [6]}})).value.value == [6]
    _, loaded = saved_and_loaded(config_class(), tree.free, tmp_path)
    assert loaded == {"a": [3]}


def test_a_dataclass_keeps_what_only_its_annotations_tell(tmp_path):
    """A list that is given for a tuple is one from then on, as for a config's own fields."""

    @dataclass
    class Wide:
        sizes: tuple[int, ...] = ()
        names: dict[int, str] = field(default_factory=dict)

    saved, loaded = saved_and_loaded(config_class(Wide), Wide(sizes=[1], names={1: "a"}), tmp_path)
    assert saved == loaded == Wide(sizes=(1,), names={1: "a"})


def test_an_encoder_that_fails_is_an_error_of_its_field(tmp_path):
    """With the path from the root: a ratio of too many digits, or what a program's own encoder refuses."""

    class Odd:
        pass

    def refuse(_):
        raise ValueError("not this one")

    register_value_type(Odd, encode=refuse, decode=Odd)
    for value, problem in ((Odd(), "not this one"), (Fraction(10**5000), "4300 digits")):
        config = config_class()(value={"a": [value]})
        with pytest.raises(ConfigError, match=rf"FieldConfig\.value\.a\[0\]: this {type(value).__name__} .*{problem}"):
            config.save_pretrained(tmp_path)
        assert "value" in repr(config)


def test_a_config_whose_values_have_no_text_can_be_shown():
    """The text of an object never fails: a log or a debugger may ask for it."""
    assert repr(config_class()(value=10**5000)).startswith("FieldConfig {")


class Span(NamedTuple):
    start: int
    end: float


@dataclass
class Track:
    span: Span


class TrackConfig(PretrainedConfig):
    model_type = "saved-track"

    tracks: dict[str, Track] | None = None


def test_a_number_that_is_not_equal_to_itself_is_saved_at_any_depth(tmp_path):
    """NaN in a named tuple in a dataclass is no difference between what is saved and what is loaded."""
    TrackConfig(tracks={"a": Track(Span(0, float("nan")))}).save_pretrained(tmp_path)
    loaded = TrackConfig.from_pretrained(tmp_path).tracks["a"]
    assert (loaded.span.start, str(loaded.span.end)) == (0, "nan")


@dataclass
class Loose:
    value: Any = None
    others: tuple[Any, ...] = ()


@pytest.mark.parametrize("value", [(1, 2), Mode.FAST, {1: "a"}, dt.date(2020, 1, 1), [{"a": (1,)}]], ids=repr)
@pytest.mark.parametrize("place", ["loose", "several[0]", "either.others[0]"])
def test_a_value_of_a_dataclass_that_would_change_is_refused_at_the_save(place, value, tmp_path):
    """At any depth, with its path, and with the annotation that the field of the dataclass needs."""

    class LooseConfig(PretrainedConfig):
        model_type = "saved-loose"
        loose: Loose | None = None
        several: list[Loose] = []  # noqa: RUF012
        either: Loose | int = 0

    loose = Loose(value)
    values = {"loose": loose} if place == "loose" else {"several": [loose]}
    if place == "either.others[0]":
        values, loose = {"either": Loose(others=(value,))}, None
    with pytest.raises(ConfigValidationError) as caught:
        LooseConfig(**values).save_pretrained(tmp_path)
    (problem,) = caught.value.problems
    assert problem.field.startswith(place if loose is None else f"{place}.value")
    assert "Annotate the field with its type, such as " in problem.problem
    assert "Loose" not in problem.problem


@dataclass
class Cached:
    """Its own `to_dict` leaves out what it can find again."""

    width: int = 1
    found: Any = None

    def to_dict(self):
        return {"width": self.width}

    @classmethod
    def from_dict(cls, values):
        return cls(**values)


def test_what_the_to_dict_of_a_dataclass_leaves_out_stops_no_save(tmp_path):
    """Its author says what is written."""

    class CachedConfig(PretrainedConfig):
        model_type = "saved-cached"
        value: Cached = Cached()
        values: list[Cached] = []  # noqa: RUF012

    config = CachedConfig(value=Cached(2, found=(1,)), values=[Cached(3, found=(1,))])
    config.save_pretrained(tmp_path)
    loaded = CachedConfig.from_pretrained(tmp_path)
    assert (loaded.value, loaded.values) == (Cached(2), [Cached(3)])


@pytest.mark.parametrize("annotation", [Any, collections.deque, collections.deque[int], list[collections.deque[int]]])
def test_a_deque_with_a_length_is_refused_at_the_save(annotation, tmp_path):
    """A load would make one that grows without an end; the field says so before anything is written."""
    queue = collections.deque([1, 2], maxlen=3)
    config = config_class(annotation)(value=[queue] if annotation == list[collections.deque[int]] else queue)
    with pytest.raises(
        ConfigError, match=r"FieldConfig\.value.*: the maxlen of a deque .*: 3 would be lost\. Use a list,"
    ):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("annotation", [Any, collections.defaultdict, dict[str, list[int]], dict[str, Any]])
def test_a_defaultdict_with_a_factory_is_refused_at_the_save(annotation, tmp_path):
    """A load would make one that raises KeyError for a missing key; without a factory it comes back."""
    config = config_class(annotation)(value=collections.defaultdict(list, a=[1]))
    with pytest.raises(
        ConfigError, match=r"FieldConfig\.value: the default_factory of .*list.*would be lost\. Use a dict,"
    ):
        config.save_pretrained(tmp_path)
    config.value = collections.defaultdict(None, a=[1])
    config.save_pretrained(tmp_path)
    assert type(config).from_pretrained(tmp_path).value == {"a": [1]}


class Pixels(int):
    """A type that JSON would have a form of."""


class Palette(list):
    """So would it of this."""


register_value_type(Pixels, encode=lambda size: f"{size:d}px", decode=lambda text: Pixels(text[:-2]))
register_value_type(Palette, encode=lambda colors: {"colors": [*colors]}, decode=lambda form: Palette(form["colors"]))


class PictureConfig(PretrainedConfig):
    model_type = "values-picture"

    width: Pixels = Pixels(3)
    sizes: list[Pixels] = []  # noqa: RUF012 - as authors write it
    palette: Palette | None = None


def test_a_registered_subclass_of_a_builtin_has_its_form(tmp_path):
    """Not that of the builtin, which its decoder does not read."""
    config = PictureConfig(width=Pixels(4), sizes=[Pixels(5)], palette=Palette("rgb"))
    assert config.to_dict()["width"] == "4px"
    config.save_pretrained(tmp_path)
    loaded = PictureConfig.from_pretrained(tmp_path)
    assert (loaded.width, type(loaded.width)) == (4, Pixels)
    assert (loaded.sizes, type(loaded.sizes[0])) == ([5], Pixels)
    assert (loaded.palette, type(loaded.palette)) == (["r", "g", "b"], Palette)


@pytest.mark.parametrize("cls", [int, str, type(None), list, dict, tuple])
def test_a_form_of_a_builtin_is_refused(cls):
    """It would never be used."""
    with pytest.raises(ConfigDefinitionError, match=r"are written as they are. Register a class of your own"):
        register_value_type(cls, encode=str, decode=cls)
