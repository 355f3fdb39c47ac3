"""Errors about configs: everything that is wrong at once, with the path from the root and who gave the value."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import re
from dataclasses import dataclass
from typing import ClassVar

import pytest

from config_core import ConfigError, ConfigProblem, ConfigValidationError, PretrainedConfig, UnknownOptionError


class ImageConfig(PretrainedConfig):
    model_type = "errors-image"
    attribute_map: ClassVar = {"hidden_size": "width"}

    def __init__(self, width: int = 8, layers: list[int] = [1], **kwargs):  # noqa: B006
        if width > 1000:
            raise ValueError("too wide")
        self.width = width
        self.layers = layers
        super().__init__(**kwargs)


class BeamConfig(PretrainedConfig, extra="forbid"):
    model_type = "errors-beams"

    beams: int = 1


class CaptionConfig(PretrainedConfig, extra="forbid"):
    model_type = "errors-caption"
    sub_configs: ClassVar = {"whole": ImageConfig}

    def __init__(
        self,
        image: ImageConfig | None = None,
        images: list[ImageConfig] = [],  # noqa: B006
        named: dict[str, ImageConfig] = {},  # noqa: B006
        beams: int = 1,
        whole=None,
        *,
        searches: dict[str, BeamConfig] = {},  # noqa: B006
        **kwargs,
    ):
        self.searches = searches
        self.image, self.images, self.named, self.beams, self.whole = image, images, named, beams, whole
        self.popped = kwargs.pop("popped", 0)
        super().__init__(**kwargs)


def write(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({"model_type": "errors-caption", **values}), encoding="utf-8")
    return path


@dataclass
class Run:
    rate: float = 0.1


class RunConfig(PretrainedConfig):
    model_type = "errors-run"

    run: Run = Run()


class EvenConfig(PretrainedConfig, extra="forbid"):
    model_type = "errors-even"

    width: int = 2
    part: BeamConfig = BeamConfig()

    def validate(self):
        super().validate()
        if self.width % 2:
            raise ValueError("the width is odd")


def copied_with(config, **changes):
    """Return a copy of a config with other values, as `copy.replace` of Python 3.13 makes it."""
    return config.__replace__(**changes)


WRONG = {"layers": [1, 2, "x"]}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"image": WRONG}, "image.layers[2]"),
        ({"images": [{}, WRONG]}, "images[1].layers[2]"),
        ({"named": {"a": WRONG}}, "named['a'].layers[2]"),
        ({"whole": WRONG}, "whole.layers[2]"),
    ],
)
@pytest.mark.parametrize(
    "way",
    [
        lambda values, _: CaptionConfig(**values),
        lambda values, _: CaptionConfig.from_dict(values),
        lambda values, _: CaptionConfig().update(values),
        lambda values, _: CaptionConfig(image={}, whole={}).update(values),
        lambda values, folder: write(folder, image={}, whole={}) and CaptionConfig.from_pretrained(folder, **values),
    ],
    ids=["made", "loaded", "updated", "parts updated", "overridden"],
)
def test_the_path_starts_at_the_root(values, path, way, tmp_path):
    """However deep the part is that is wrong."""
    with pytest.raises(ConfigValidationError) as caught:
        way(values, tmp_path)
    assert str(caught.value) == f"CaptionConfig.{path}: expected int, got str 'x'."
    assert caught.value.field == path
    assert caught.value.problems == (ConfigProblem(path, "expected int, got str 'x'."),)


def test_all_problems_are_in_one_error():
    """Of all fields and parts, and names that the class forbids."""
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig(image={"width": "w", "layers": ["x", 2, "y"]}, images=[3], beams=None, bems=3, popped=4)
    assert [problem.field for problem in caught.value.problems] == [
        "image.width",
        "image.layers[0]",
        "image.layers[2]",
        "images[0]",
        "beams",
        "bems",
    ]
    lines = str(caught.value).splitlines()
    assert lines[0] == "6 problems in CaptionConfig:"
    assert lines[1] == "  CaptionConfig.image.width: expected int, got str 'w'."
    assert lines[-1] == "  CaptionConfig.bems: there is no such field. Did you mean 'beams'?"
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), twin.problems) == (str(caught.value), caught.value.problems)


def test_many_problems_are_shortened():
    """All of them are in the attribute."""
    with pytest.raises(ConfigValidationError) as caught:
        ImageConfig(layers=["x"] * 1000)
    assert len(caught.value.problems) == 1000
    assert len(str(caught.value).splitlines()) == 22


def test_a_single_problem_keeps_its_class():
    """Whoever catches an unknown option catches that of a part too."""
    with pytest.raises(UnknownOptionError) as caught:
        CaptionConfig(beams=1, bems=2)
    assert caught.value.problems == (ConfigProblem("", str(caught.value)),)


def test_a_contradiction_does_not_hide_a_wrong_value():
    """Labels are checked together, and before the rest."""
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig(num_labels=3, id2label={0: "a"}, beams="x")
    assert [problem.field for problem in caught.value.problems] == ["beams", ""]


def test_a_part_that_contradicts_itself_has_its_path():
    """Errors that are not about types are of the class that they always were."""
    with pytest.raises(ConfigError, match=r"^CaptionConfig.images\[0\]: ImageConfig: num_labels is 3, but") as caught:
        CaptionConfig(images=[{"num_labels": 3, "id2label": {0: "a"}}])
    assert type(caught.value) is ConfigError
    assert caught.value.problems[0].field == "images[0]"


def test_the_own_error_of_a_part_says_where():
    """It is raised as it is, with a note."""
    with pytest.raises(ValueError, match="too wide") as caught:
        CaptionConfig(images=[{}, {"width": 3000}])
    assert caught.value.__notes__ == ["It was raised for CaptionConfig.images[1]."]


@pytest.mark.parametrize(
    "way",
    [
        CaptionConfig,
        lambda **values: CaptionConfig.from_dict(values, extra="forbid"),
        lambda **values: CaptionConfig().update(values),
        lambda **values: copied_with(CaptionConfig(), **values),
    ],
    ids=["made", "loaded strictly", "updated", "replaced"],
)
def test_own_errors_unknown_names_and_wrong_types_are_in_one_error(way):
    """Whichever part they are in, and also names in parts that are right otherwise."""
    with pytest.raises(ConfigValidationError) as caught:
        way(images=[{"width": 3000}, {"width": 4000}], searches={"a": {"beems": 1}, "b": {"beams": "x"}}, beams="y")
    assert {problem.field: problem.problem for problem in caught.value.problems} == {
        "images[0]": "too wide.",
        "images[1]": "too wide.",
        "searches['b'].beams": "expected int, got str 'x'.",
        "beams": "expected int, got str 'y'.",
        "searches['a'].beems": "there is no such field. Did you mean 'beams'?",
    }
    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__) == "too wide"


def test_the_check_of_a_class_does_not_hide_unknown_names():
    """Neither those of the config itself nor those of its parts."""
    with pytest.raises(ConfigValidationError) as caught:
        EvenConfig(width=3, widht=4, part={"beems": 1})
    assert [problem.field for problem in caught.value.problems] == ["", "widht", "part.beems"]
    with pytest.raises(ValueError, match="odd") as alone:
        EvenConfig(width=3)
    assert type(alone.value) is ValueError


@pytest.mark.parametrize(
    "way",
    [lambda values: CaptionConfig().update(values), lambda values: CaptionConfig.from_dict({"beams": 1}, **values)],
    ids=["updated", "overridden"],
)
def test_an_unknown_field_does_not_hide_a_wrong_value(way):
    """Nor the reverse."""
    with pytest.raises(ConfigValidationError) as caught:
        way({"bems": 1, "beams": "x"})
    assert caught.value.problems[0].field == "beams"
    assert "bems" in str(caught.value)


def test_labels_changed_in_place_do_not_hide_a_wrong_value():
    """Both were assigned to a config that was right when it was made."""
    config = CaptionConfig(id2label={0: "a"})
    config.id2label[1] = "b"
    config.beams = "x"
    with pytest.raises(ConfigValidationError) as caught:
        config.validate()
    assert [problem.field for problem in caught.value.problems] == ["beams", ""]


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"beams": "x"}, "beams"),
        ({"image": {"width": "x"}}, "image.width"),
        ({"image": {"hidden_size": "x"}}, "image.width"),
        ({"images": [{"width": "x"}]}, "images[0].width"),
    ],
)
def test_the_file_is_not_blamed_for_an_override(overrides, path, tmp_path):
    """It is right; the caller is to look at the call."""
    write(tmp_path, beams=3, image={"width": 3})
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig.from_pretrained(tmp_path, **overrides)
    assert str(caught.value) == f"CaptionConfig.{path}: expected int, got str 'x'."
    assert caught.value.problems[0].source == ""


def test_a_file_is_blamed_for_its_own_values(tmp_path):
    """Also beside an override, of the same part too."""
    path = write(tmp_path, beams=3, image={"width": 3, "layers": ["x"]})
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig.from_pretrained(tmp_path, image={"width": 4})
    assert str(caught.value) == f"{path}: CaptionConfig.image.layers[0]: expected int, got str 'x'."
    assert caught.value.problems[0].source == str(path)


def test_each_problem_has_its_own_source(tmp_path):
    """Some are the file's and some the caller's."""
    path = write(tmp_path, beams="x", image={"width": 3})
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig.from_pretrained(tmp_path, images=[3])
    assert str(caught.value).splitlines() == [
        "2 problems in CaptionConfig:",
        f"  CaptionConfig.beams: expected int, got str 'x'. (from {path})",
        "  CaptionConfig.images[0]: expected ImageConfig, got int 3.",
    ]


def test_what_cannot_be_told_apart_names_both(tmp_path):
    """A class's own error does not say which value it is about."""
    path = write(tmp_path, image={"width": 3})
    with pytest.raises(ValueError, match="too wide") as caught:
        CaptionConfig.from_pretrained(tmp_path, image={"width": 3000})
    assert caught.value.__notes__[-1] == f"The values are those of {path}, with 'image' given by the caller."


def test_an_error_of_a_save_has_the_path_from_the_root(tmp_path):
    """Not that from the part that holds the value."""
    config = CaptionConfig(images=[ImageConfig()])
    config.images[0].extra = {"deep": [0, object()]}
    with pytest.raises(ConfigError, match=r"^CaptionConfig.images\[0\].extra.deep\[1\]: a value of type object cannot"):
        config.save_pretrained(tmp_path / "saved")


class HandMadeConfig(PretrainedConfig):
    model_type = "errors-hand-made"

    def __init__(self, image=None, images=(), **kwargs):
        self.image = ImageConfig(**(image or {}))
        self.images = [ImageConfig(**each) for each in images]
        super().__init__(**kwargs)


def test_a_part_that_init_makes_has_its_path(tmp_path):
    """From the root of the config, and the error says which file the values are from."""
    path = write(tmp_path, model_type="errors-hand-made", image=WRONG)
    with pytest.raises(ConfigValidationError) as caught:
        HandMadeConfig.from_pretrained(tmp_path)
    assert str(caught.value) == f"{path}: HandMadeConfig.image.layers[2]: expected int, got str 'x'."
    with pytest.raises(ConfigValidationError, match=r"^HandMadeConfig\.images\[1\]\.width: expected int"):
        HandMadeConfig(images=[{}, {"width": "8"}])


class NestedConfig(PretrainedConfig):
    model_type = "errors-nested"

    def __init__(self, inner=None, **kwargs):
        self.inner = HandMadeConfig(**(inner or {}))
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: HandMadeConfig(image={"width": 3000}), "HandMadeConfig.image"),
        (lambda: HandMadeConfig(images=[{"width": 8}, {"width": 3000}]), "HandMadeConfig.images[1]"),
        (lambda: NestedConfig(inner={"images": [{"width": 3000}]}), "NestedConfig.inner.images[0]"),
        (lambda: NestedConfig.from_dict({"inner": {"image": {"width": 3000}}}), "NestedConfig.inner.image"),
    ],
)
def test_the_own_error_of_a_part_that_init_makes_says_where(make, path):
    """At any depth."""
    with pytest.raises(ValueError, match="too wide") as caught:
        make()
    assert caught.value.__notes__ == [f"It was raised for {path}."]


class TableConfig(PretrainedConfig):
    """Looks values up and asserts, as published classes do."""

    model_type = "errors-table"

    def __init__(self, size="small", width: int = 3, **kwargs):
        assert width > 0, "width must be positive"
        self.size = size
        self.width = width
        self.ratio = {"small": 1, "large": 2}[size] / (width - 7)
        super().__init__(**kwargs)


class TablesConfig(PretrainedConfig):
    model_type = "errors-tables"

    def __init__(self, table: TableConfig | None = None, tables: list[TableConfig] = [], by_hand=None, **kwargs):  # noqa: B006
        self.table = table
        self.tables = tables
        self.by_hand = TableConfig(**(by_hand or {}))
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("values", "error"),
    [({"size": "huge"}, KeyError), ({"width": -1}, AssertionError), ({"width": 7}, ZeroDivisionError)],
)
def test_any_error_of_a_part_says_where(values, error, tmp_path):
    """Also one that is about no value of Python's own words, such as a key of a table that is not there."""
    TablesConfig(table=TableConfig()).save_pretrained(tmp_path)
    for field, value in (("table", values), ("tables", [values]), ("by_hand", values)):
        place = f"It was raised for TablesConfig.{field}{'[0]' if field == 'tables' else ''}."
        for call in (TablesConfig, functools.partial(TablesConfig.from_pretrained, tmp_path)):
            with pytest.raises(error) as caught:
                call(**{field: value})
            assert place in caught.value.__notes__
    with pytest.raises(ConfigValidationError) as caught:
        TablesConfig(table=values, tables=[{"width": "x"}])
    assert [problem.field for problem in caught.value.problems] == ["table", "tables[0].width"]
    assert error.__name__ in caught.value.problems[0].problem


def test_a_config_whose_defaults_fail_can_be_shown_and_described():
    """It has no defaults to compare with."""

    class PickyConfig(PretrainedConfig):
        model_type = "errors-picky"

        def __init__(self, **kwargs):
            assert "width" in kwargs, "give a width"
            super().__init__(**kwargs)

    config = PickyConfig.from_dict({"width": 3})
    assert config.to_diff_dict() == {"model_type": "errors-picky", "width": 3}
    assert PickyConfig.json_schema()["properties"]["model_type"] == {"const": "errors-picky"}


def test_a_missing_field_of_a_dataclass_is_named():
    """As one of a config is."""

    @dataclass
    class Step:
        size: int
        rate: float
        name: str = ""

    class StepConfig(PretrainedConfig):
        model_type = "errors-step"
        steps: list[Step] = []  # noqa: RUF012

    with pytest.raises(ConfigValidationError, match=r"steps\[0\]: Step needs 'size', 'rate', but no value was given"):
        StepConfig(steps=[{"name": "a"}])


def test_a_contradiction_in_a_part_that_init_makes_has_its_path():
    """As one in an annotated part."""
    with pytest.raises(ConfigError, match=r"^NestedConfig\.inner\.image: ImageConfig: num_labels is 3, but"):
        NestedConfig(inner={"image": {"num_labels": 3, "id2label": {0: "a"}}})


def test_a_part_of_unknown_origin_is_named_by_its_class(tmp_path):
    """Where two dicts may be what it was made of, its class is named, and the file."""
    path = write(tmp_path, model_type="errors-hand-made", image=WRONG, images=[WRONG])
    with pytest.raises(ConfigValidationError, match=r"layers\[2\]: expected int") as caught:
        HandMadeConfig.from_pretrained(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_config_in_a_wrong_place_is_named_by_its_class():
    """Its text would fill a page."""
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig(images=[ImageConfig(), CaptionConfig()])
    assert str(caught.value) == "CaptionConfig.images[1]: expected ImageConfig, got CaptionConfig."


def test_everything_that_is_wrong_in_overrides_is_in_one_error(tmp_path):
    """In a part, in a list of parts and in a field beside them."""
    CaptionConfig(image=ImageConfig()).save_pretrained(tmp_path)
    with pytest.raises(ConfigValidationError) as caught:
        CaptionConfig.from_pretrained(
            tmp_path, image={"width": "8", "layers": ["x"]}, images=[{"width": 1.5}], beams="4"
        )
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["image.width", "image.layers[0]", "images[0].width", "beams"]


def test_a_typo_in_a_dataclass_is_recognised():
    """As one in a config is."""
    with pytest.raises(ConfigValidationError, match=r"Run has no field 'rat'\. Did you mean 'rate'\?"):
        RunConfig(run={"rat": 0.5})


@pytest.mark.parametrize(
    "text",
    [
        f'{{"num_labels": "{"x" * 100_000}"}}',
        f'{{"id2label": {{"0": ["{"x" * 100_000}"]}}}}',
        f'{{"{"y" * 100_000}": 1, "{"y" * 100_000}": 2}}',
    ],
    ids=["number", "label", "key"],
)
def test_what_is_pages_long_in_a_file_is_not_repeated_in_full(tmp_path, text):
    """A value, or the name of a field: an error is read by people."""
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        PretrainedConfig.from_pretrained(tmp_path)
    assert len(str(caught.value)) < 1_000


class SeveralConfig(PretrainedConfig, extra="forbid"):
    """Its author reports several problems at once."""

    model_type = "errors-several"

    width: int = 2
    depth: int = 2

    def validate(self):
        super().validate()
        names = [name for name in ("width", "depth") if getattr(self, name) % 2]
        if names:
            raise ExceptionGroup("not even", [ValueError(f"the {name} is odd") for name in names])


class HolderConfig(PretrainedConfig):
    model_type = "errors-holder"

    parts: list[SeveralConfig] | None = None


@pytest.mark.parametrize(
    "way",
    [
        lambda values, _: SeveralConfig(**values),
        lambda values, _: SeveralConfig.from_dict(values),
        lambda values, _: SeveralConfig().update(values),
        lambda values, folder: (
            SeveralConfig().save_pretrained(folder) or SeveralConfig.from_pretrained(folder, **values)
        ),
        lambda values, folder: changed(SeveralConfig(), values).save_pretrained(folder),
    ],
    ids=["made", "loaded", "updated", "overridden", "saved"],
)
def test_problems_that_an_author_raises_as_a_group_are_all_listed(way, tmp_path):
    """An `ExceptionGroup` of ValueErrors is one error with all of them, for whoever catches ValueError."""
    with pytest.raises(ValueError, match="2 problems in SeveralConfig") as caught:
        way({"width": 3, "depth": 5}, tmp_path)
    assert [problem.problem for problem in caught.value.problems] == ["the width is odd", "the depth is odd"]
    assert isinstance(caught.value.__cause__, ExceptionGroup)


def changed(config, values):
    for name, value in values.items():
        setattr(config, name, value)
    return config


def saved(config, folder):
    config.save_pretrained(folder)
    return folder


def test_a_group_of_problems_is_listed_with_other_problems_and_paths():
    """Groups in groups, unknown names, and parts at any depth."""
    with pytest.raises(ConfigValidationError) as caught:
        SeveralConfig(width=3, depth=3, hight=1)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigValidationError) as caught:
        HolderConfig(parts=[{}, {"width": 1, "depth": 1}])
    assert [problem.field for problem in caught.value.problems] == ["parts[1]", "parts[1]"]


def test_a_group_with_an_error_of_another_kind_is_passed_on():
    """What is no wrong value is not turned into one."""

    class BrokenConfig(PretrainedConfig):
        model_type = "errors-broken"

        def validate(self):
            raise ExceptionGroup("broken", [ValueError("a"), RuntimeError("b")])

    with pytest.raises(ExceptionGroup, match="broken"):
        BrokenConfig()


class NeedyConfig(PretrainedConfig):
    model_type = "errors-needy"

    def __init__(self, width: int, depth: int = 1, **kwargs):
        self.width, self.depth = width, depth
        super().__init__(**kwargs)


class NeedyBodyConfig(PretrainedConfig):
    width: int


@dataclass
class NeedyDataclassConfig(PretrainedConfig):
    width: int


class NeedyPartsConfig(PretrainedConfig):
    part: NeedyConfig | None = None
    parts: list[NeedyBodyConfig] = []  # noqa: RUF012
    named: dict[str, NeedyDataclassConfig] = {}  # noqa: RUF012
    outer: CaptionConfig | None = None
    size: int = 1


@pytest.mark.parametrize("cls", [NeedyConfig, NeedyBodyConfig, NeedyDataclassConfig])
def test_a_missing_field_is_an_error_of_its_path_that_is_a_type_error_too(cls):
    """As Python's own is, which a direct construction raises."""
    with pytest.raises(ConfigError) as caught:
        cls.from_dict({})
    (problem,) = caught.value.problems
    assert isinstance(caught.value, TypeError)
    assert (problem.field, problem.is_missing) == ("width", True)
    assert problem.problem.endswith("but no value was given. Give it in the file or dict, or as a keyword.")
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required") as direct:
        cls()
    assert not isinstance(direct.value, ConfigError)


def test_missing_fields_at_any_depth_are_among_all_problems_of_a_file(tmp_path):
    """In a part, a list and a dict of parts; the file lacks them, unless a caller's own dict does."""
    parts = {"part": {"depth": "x"}, "parts": [{"width": 1}, {}], "named": {"a": {}}, "size": "x"}
    path = write(tmp_path, model_type="", **parts)
    for load in (NeedyPartsConfig.from_pretrained, NeedyPartsConfig.from_json_file):
        with pytest.raises(ConfigValidationError) as caught:
            load(path)
        fields = {problem.field: problem.source for problem in caught.value.problems}
        paths = ["part.depth", "part.width", "parts[1].width", "named['a'].width", "size"]
        assert fields == dict.fromkeys(paths, str(path))
    write(tmp_path, model_type="", part={"depth": 2})
    with pytest.raises(ConfigValidationError) as caught:
        NeedyPartsConfig.from_pretrained(tmp_path, parts=[{}])
    assert [problem.source for problem in caught.value.problems if problem.field == "parts[0].width"] == [""]


class NeedyByHandConfig(PretrainedConfig):
    model_type = "errors-needy-by-hand"

    def __init__(self, part=None, parts=(), **kwargs):
        self.part = NeedyConfig(**part) if part is not None else None
        self.parts = [NeedyBodyConfig(**each) for each in parts]
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"part": {}}, "part.width"),
        ({"part": {"depth": 2}}, "part.width"),
        ({"parts": [{"width": 1}, {"problem_type": "regression"}]}, "parts[1].width"),
    ],
)
def test_a_missing_field_of_a_part_that_init_makes_has_its_path(tmp_path, values, field):
    """Python's own error names neither the part nor what to do."""
    path = write(tmp_path, model_type="errors-needy-by-hand", **values)
    with pytest.raises(ConfigValidationError) as caught:
        NeedyByHandConfig.from_pretrained(tmp_path)
    assert [(problem.field, problem.source) for problem in caught.value.problems] == [(field, str(path))]
    with pytest.raises(ConfigValidationError, match=rf"^NeedyByHandConfig\.{re.escape(field)}: "):
        NeedyByHandConfig(**values)


def test_a_key_that_a_dataclass_cannot_keep_is_refused_with_advice(tmp_path):
    """Also in a file, whose other unknown keys are kept."""
    path = write(tmp_path, model_type="errors-run", run={"of_a_newer_version": 1}, of_another=2)
    with pytest.raises(ConfigValidationError) as caught:
        RunConfig.from_pretrained(tmp_path)
    assert str(caught.value) == (
        f"{path}: RunConfig.run: Run has no field 'of_a_newer_version'. A dataclass keeps no others: remove it, or "
        "add it to Run."
    )


def test_a_save_names_the_wrong_values_of_a_config_and_of_its_parts(tmp_path):
    """In one error, with their paths; nothing is written."""

    class InnerConfig(PretrainedConfig):
        model_type = "save-inner"
        width: int = 3

    class OuterConfig(PretrainedConfig):
        model_type = "save-outer"
        depth: int = 2
        part: InnerConfig = InnerConfig()
        parts: list[InnerConfig] = [InnerConfig()]  # noqa: RUF012 - as users write it

    config = OuterConfig()
    config.depth, config.part.width, config.parts[0].width = "deep", "wide", "wider"
    with pytest.raises(ConfigValidationError) as caught:
        config.save_pretrained(tmp_path)
    assert [problem.field for problem in caught.value.problems] == ["depth", "part.width", "parts[0].width"]
    assert not [*tmp_path.iterdir()]


class CycleConfig(PretrainedConfig):
    model_type = "errors-cycle"

    width: int = 1
    part: CycleConfig | None = None
    parts: list[CycleConfig] = []  # noqa: RUF012


def _in_itself(holder):
    config = CycleConfig()
    if holder == "part":
        config.part = config
    elif holder == "list":
        config.parts = [config]
    else:
        config.part = CycleConfig(parts=[CycleConfig()])
        config.part.parts[0].part = config
    return config


@pytest.mark.parametrize("holder", ["part", "list", "part_of_part"])
@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_config_in_itself_cannot_be_saved_and_everything_else_ends(holder, is_wrong, tmp_path):
    """The error says that it contains itself, or what else is wrong with it, once."""
    config = _in_itself(holder)
    twin = copy.deepcopy(config)
    assert (repr(config), config == config, config == CycleConfig()) == (repr(twin), True, False)  # noqa: PLR0124
    for write_values in (config.to_dict, config.to_json_string, config.to_diff_dict):
        with pytest.raises(ConfigError, match="this contains itself"):
            write_values()
    if is_wrong:
        config.width = "x"
    with pytest.raises(ConfigError, match="width: expected int, got str 'x'" if is_wrong else "this contains itself"):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
    config.update({"width": 3})
    assert config.width == 3
