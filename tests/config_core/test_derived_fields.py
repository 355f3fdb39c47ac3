"""Fields that a class computes from others: computed again when those change, kept if somebody set them."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import threading
import time
import uuid
import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest

from config_core import ConfigError, PretrainedConfig, UnknownOptionError
from config_core.transformers_names import PretrainedConfig as TransformersConfig


class LastConfig(PretrainedConfig):
    """Computes, then calls `super().__init__`; a chain, a tuple, and a keyword whose None stands for a value."""

    model_type = "derived-last"
    shape: tuple[int, ...]

    def __init__(self, hidden: int = 64, heads: int = 4, inner: int | None = None, note: str = "", **kwargs):
        self.hidden = hidden
        self.heads = heads
        self.inner = inner or 4 * hidden
        self.note = note
        self.head_dim = hidden // heads
        self.rotary = self.head_dim // 2
        self.shape = (heads, self.head_dim)
        super().__init__(**kwargs)


class FirstConfig(PretrainedConfig):
    """Calls `super().__init__` first, then computes."""

    model_type = "derived-first"
    shape: tuple[int, ...]

    def __init__(self, hidden: int = 64, heads: int = 4, inner: int = -1, note: str = "", **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.heads = heads
        self.inner = 4 * hidden if inner == -1 else inner
        self.note = note
        self.head_dim = hidden // heads
        self.rotary = self.head_dim // 2
        self.shape = (heads, self.head_dim)


@dataclass
class DataConfig(PretrainedConfig):
    model_type = "derived-data"

    hidden: int = 64
    heads: int = 4
    inner: int | None = None
    note: str = ""
    head_dim: int = field(init=False)
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self):
        if self.inner is None:
            self.inner = 4 * self.hidden
        self.head_dim = self.hidden // self.heads
        self.rotary = self.head_dim // 2
        self.shape = (self.heads, self.head_dim)


def complete(config):
    """Compute the fields that nobody gave."""
    config.inner = config.inner or 4 * config.hidden
    config.head_dim = config.head_dim or config.hidden // config.heads
    config.rotary = config.rotary or config.head_dim // 2
    config.shape = config.shape or (config.heads, config.head_dim)


@dataclass
class KeywordConfig(PretrainedConfig):
    """All derived fields are keywords."""

    model_type = "derived-keyword"

    hidden: int = 64
    heads: int = 4
    inner: int | None = None
    note: str = ""
    head_dim: int | None = None
    rotary: int | None = None
    shape: tuple[int, ...] | None = None

    def __post_init__(self):
        complete(self)


class ValidatedConfig(PretrainedConfig):
    """Computes in `validate` what nobody gave."""

    model_type = "derived-validated"

    hidden: int = 64
    heads: int = 4
    inner: int | None = None
    note: str = ""
    head_dim: int | None = None
    rotary: int | None = None
    shape: tuple[int, ...] | None = None

    def validate(self):
        super().validate()
        complete(self)


class AlwaysValidatedConfig(PretrainedConfig):
    """Sets in `validate`, each time, what `__init__` does not take."""

    model_type = "derived-always-validated"

    def __init__(self, hidden: int = 64, heads: int = 4, **kwargs):
        self.hidden = hidden
        self.heads = heads
        super().__init__(**kwargs)

    def validate(self):
        super().validate()
        self.head_dim = self.hidden // self.heads


CLASSES = pytest.mark.parametrize("cls", [LastConfig, FirstConfig, DataConfig, KeywordConfig, ValidatedConfig])
FIELDS = ("hidden", "heads", "inner", "head_dim", "rotary", "shape")


class EncodedConfig(PretrainedConfig):
    """A config that makes its part, unless it is given one."""

    model_type = "encoded-for-tests"
    sub_configs = {"part": LastConfig}  # noqa: RUF012 - as users write it

    def __init__(self, part=None, **kwargs):
        self.part = LastConfig() if part is None else part
        super().__init__(**kwargs)


class HolderConfig(PretrainedConfig):
    """Has parts with derived fields, and a field derived from one."""

    model_type = "derived-holder"

    def __init__(self, part: LastConfig | None = None, parts: list[KeywordConfig] | None = None, **kwargs):
        self.part = part
        self.parts = parts
        self.total = part.hidden * 2 if part is not None else 0
        super().__init__(**kwargs)


def edit(folder, **values):
    """Change values in a saved file, as a person does; None removes one."""
    path = folder / "config.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    new = {name: value for name, value in {**old, **values}.items() if value is not None}
    path.write_text(json.dumps(new), encoding="utf-8")


def fields_of(config):
    return tuple(getattr(config, name) for name in FIELDS)


def change(config, way, folder, **values):
    """Return the config with other values, by each of the ways that there are."""
    if way == "file":
        config.save_pretrained(folder)
        return type(config).from_pretrained(folder, **values)
    if way == "dict":
        return type(config).from_dict(config.to_dict(), **values)
    if way == "dict without note":
        plain = {name: value for name, value in config.to_dict().items() if not name.startswith("_")}
        return type(config).from_dict(plain, **values)
    config = copy.deepcopy(config)
    config.update(values)
    return config


WAYS = pytest.mark.parametrize("way", ["file", "dict", "dict without note", "update"])


@WAYS
@CLASSES
def test_what_is_computed_is_computed_again(cls, way, tmp_path):
    """Chains, tuples, and keywords that stand for a computed value; twice in a row."""
    changed = change(cls(), way, tmp_path, heads=8, hidden=128)
    assert fields_of(changed) == (128, 8, 512, 16, 8, (8, 16))
    assert changed == cls(heads=8, hidden=128)
    again = change(changed, way, tmp_path, heads=16)
    assert again == cls(heads=16, hidden=128)


class RenamedConfig(PretrainedConfig):
    """Keeps parameters under other names, and computes from them."""

    model_type = "derived-renamed"

    def __init__(self, hidden: int = 64, num_heads: int = 4, inner: int = 0, **kwargs):
        if hidden % num_heads:
            raise ValueError("hidden must be a multiple of num_heads")
        self.hidden_size = hidden
        self.heads = num_heads
        self.inner_size = inner or 4 * hidden
        self.head_dim = hidden // num_heads
        super().__init__(**kwargs)


class RenamedFirstConfig(PretrainedConfig):
    """The same after `super().__init__`, in the parent of a class with a parameter of its own."""

    model_type = "derived-renamed-first"

    def __init__(self, hidden: int = 64, num_heads: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden
        self.heads = num_heads
        self.inner_size = 4 * hidden
        self.head_dim = hidden // num_heads


class RenamedChildConfig(RenamedFirstConfig):
    model_type = "derived-renamed-child"

    def __init__(self, depth: int = 2, **kwargs):
        self.num_layers = depth
        super().__init__(**kwargs)


@WAYS
@pytest.mark.parametrize("cls", [RenamedConfig, RenamedFirstConfig, RenamedChildConfig])
def test_what_is_computed_from_a_parameter_that_is_kept_under_another_name_is_computed_again(cls, way, tmp_path):
    """A file has the name of the attribute, and the class takes its value by the name of the parameter."""
    changed = change(cls(hidden=128), way, tmp_path, heads=8)
    assert (changed.hidden_size, changed.heads, changed.head_dim, changed.inner_size) == (128, 8, 16, 512)
    assert change(changed, way, tmp_path, hidden_size=256) == cls(hidden=256, num_heads=8)
    assert cls(hidden_size=128) == cls(hidden=128)


class RenamedInPartConfig(PretrainedConfig):
    """Names for parameters, none of which always has the value of the parameter."""

    model_type = "derived-renamed-in-part"

    def __init__(self, hidden: int = 64, depth: int = 2, heads: int = 4, width: int | None = None, **kwargs):
        self.hidden_size = hidden
        if depth > 2:
            self.num_layers = depth
        heads, depth = 2 * heads, depth + 0  # newer versions of Python store both in one step
        self.num_heads = heads
        self.num_channels = 3 if width is None else width
        self.hidden_size += 1
        super().__init__(**kwargs)


@pytest.mark.parametrize("way", ["file", "dict", "update"])
def test_attributes_that_differ_from_the_parameter_come_back_as_they_were(way, tmp_path):
    """The value of the attribute counts, not what the class would make of it."""
    config = RenamedInPartConfig(hidden=8, depth=3, heads=5, width=6)
    changed = change(config, way, tmp_path, problem_type="regression")
    assert (changed.hidden_size, changed.num_layers, changed.num_heads, changed.num_channels) == (9, 3, 10, 6)
    changed = change(changed, way, tmp_path, num_layers=1, num_heads=3)
    assert (changed.hidden_size, changed.num_layers, changed.num_heads, changed.num_channels) == (9, 1, 3, 6)


@WAYS
@CLASSES
def test_an_unrelated_change_keeps_all(cls, way, tmp_path):
    """The derived values and their types stay."""
    assert fields_of(change(cls(), way, tmp_path, note="x")) == (64, 4, 256, 16, 8, (4, 16))


@pytest.mark.parametrize("way", ["file", "dict", "update"])
@CLASSES
def test_what_somebody_set_is_kept(cls, way, tmp_path):
    """By a plain assignment: it loads as it was, and stays when other fields change."""
    config = cls()
    config.head_dim = 24
    config.inner = 100
    same = change(config, way, tmp_path)
    assert same == config
    changed = change(same, way, tmp_path, heads=8)
    assert (changed.heads, changed.head_dim, changed.inner) == (8, 24, 100)


@CLASSES
def test_a_value_that_is_set_in_the_call_is_kept(cls, tmp_path):
    """An override of a derived field, with and without one that it depends on."""
    cls().save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, head_dim=24).head_dim == 24
    config = cls.from_pretrained(tmp_path, head_dim=24, heads=8)
    assert (config.heads, config.head_dim) == (8, 24)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    config = cls.from_pretrained(tmp_path, hidden=32)
    assert (config.hidden, config.head_dim) == (32, 24)


@CLASSES
def test_a_value_given_to_the_constructor_is_kept(cls, tmp_path):
    """Also where `__init__` does not take it by name."""
    config = cls(head_dim=24)
    assert config.head_dim == 24
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    assert cls.from_pretrained(tmp_path, heads=8).head_dim == 24


@CLASSES
def test_an_assignment_changes_one_attribute(cls, tmp_path):
    """`config.heads = 8` is plain Python; a save and a load keep what the object holds."""
    config = cls()
    config.heads = 8
    assert config.head_dim == 16
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert fields_of(loaded) == fields_of(config)
    assert loaded == config


@CLASSES
def test_what_was_computed_is_computed_again_for_a_file_that_somebody_edited(cls, tmp_path):
    """Beside overrides too, and for the file that is saved of it."""
    cls().save_pretrained(tmp_path)
    edit(tmp_path, heads=8)
    loaded = cls.from_pretrained(tmp_path)
    assert loaded == cls(heads=8)
    assert cls.from_pretrained(tmp_path, hidden=128) == cls(heads=8, hidden=128)
    loaded.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, hidden=128) == cls(heads=8, hidden=128)


@CLASSES
@pytest.mark.parametrize("name", ["inner", "head_dim"])
def test_a_computed_field_that_somebody_edited_counts(cls, name, tmp_path):
    """Whether a keyword sets it or not. What depends on it and was left alone is computed again."""
    cls().save_pretrained(tmp_path)
    edit(tmp_path, **{name: 100})
    loaded = cls.from_pretrained(tmp_path)
    expected = {"inner": 256, "head_dim": 16, name: 100}
    if cls in {KeywordConfig, ValidatedConfig} and name == "head_dim":
        assert (loaded.rotary, loaded.shape) == (50, (4, 100))
    assert {field: getattr(loaded, field) for field in expected} == expected
    edit(tmp_path, heads=8)
    assert (getattr(cls.from_pretrained(tmp_path), name), cls.from_pretrained(tmp_path).heads) == (100, 8)
    assert getattr(cls.from_pretrained(tmp_path, hidden=128), name) == 100
    loaded.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == loaded
    assert getattr(cls.from_pretrained(tmp_path, hidden=128), name) == 100


def test_a_part_that_init_made_may_be_edited_in_the_file(tmp_path):
    """It counts, and what only it computes is computed again; the same with classes that make it by hand."""

    class ByHandConfig(PretrainedConfig):
        model_type = "derived-by-hand"

        def __init__(self, part=None, **kwargs):
            self.part = part if isinstance(part, LastConfig) else LastConfig(**(part or {}))
            super().__init__(**kwargs)

    for cls in (EncodedConfig, ByHandConfig):
        cls().save_pretrained(tmp_path)
        part = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["part"]
        edit(tmp_path, part={**part, "hidden": 128})
        assert cls.from_pretrained(tmp_path).part == LastConfig(hidden=128)
        edit(tmp_path, part={**part, "head_dim": 3})
        assert cls.from_pretrained(tmp_path).part.head_dim == 3
        assert cls.from_pretrained(tmp_path, part={"hidden": 128}).part.hidden == 128


def test_a_number_of_classes_that_a_class_passes_on_is_computed_too(tmp_path):
    """One that was left alone follows the field that it is computed from; one that was edited contradicts it."""

    class ClassesConfig(PretrainedConfig):
        model_type = "derived-classes"

        def __init__(self, classes: int = 3, **kwargs):
            self.classes = classes
            self.width = 2 * classes
            super().__init__(num_labels=classes, **kwargs)

    ClassesConfig().save_pretrained(tmp_path)
    edit(tmp_path, classes=5)
    assert ClassesConfig.from_pretrained(tmp_path) == ClassesConfig(5)
    edit(tmp_path, num_labels=4)
    with pytest.raises(ConfigError, match=r"'num_labels' is 4, but the class itself passes 5"):
        ClassesConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("is_part", [False, True])
@pytest.mark.parametrize("edits", [{}, {"heads": 8}, {"heads": 8, "head_dim": 99}])
def test_computed_fields_that_were_renamed_are_those_that_they_were(edits, is_part, tmp_path):
    """By `upgrade`, or by whoever wrote an alias into the file: those that were left alone are computed again."""

    class OldConfig(PretrainedConfig):
        model_type = "derived-renamed"
        attribute_map = {"dim": "head_dim"}  # noqa: RUF012

        def __init__(self, hidden: int = 64, heads: int = 4, **kwargs):
            self.hidden = hidden
            self.heads = heads
            self.head_dim = hidden // heads
            super().__init__(**kwargs)

    class NewConfig(PretrainedConfig):
        model_type = "derived-renamed"

        def __init__(self, hidden: int = 64, heads: int = 4, **kwargs):
            self.hidden = hidden
            self.heads = heads
            self.size = hidden // heads
            super().__init__(**kwargs)

        @classmethod
        def upgrade(cls, values):
            if "head_dim" in values:
                values["size"] = values.pop("head_dim")
            return values

    def holder(cls):
        class WholeConfig(PretrainedConfig):
            model_type = "derived-renamed-whole"
            part: cls = field(default_factory=cls)

        return WholeConfig if is_part else cls

    def part_of(config):
        return config.part if is_part else config

    holder(OldConfig)().save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    part = values["part"] if is_part else values
    part.update(edits)
    size = edits.get("head_dim", 64 // edits.get("heads", 4))
    file.write_text(json.dumps(values), encoding="utf-8")
    loaded = holder(NewConfig).from_pretrained(tmp_path)
    assert part_of(loaded).size == size
    part["dim"] = part.pop("head_dim")
    file.write_text(json.dumps(values), encoding="utf-8")
    assert part_of(holder(OldConfig).from_pretrained(tmp_path)).head_dim == size
    loaded.update({"part": {"heads": 2}} if is_part else {"heads": 2})
    assert part_of(loaded).size == (99 if "head_dim" in edits else 32)


def test_a_value_that_is_another_one_each_time_stays_in_a_file_that_somebody_edited(tmp_path):
    """Nobody can compute it again."""

    class RunConfig(PretrainedConfig):
        model_type = "derived-run"

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            self.double = 2 * width
            self.run = uuid.uuid4().hex
            super().__init__(**kwargs)

    config = RunConfig()
    config.save_pretrained(tmp_path)
    edit(tmp_path, width=2)
    loaded = RunConfig.from_pretrained(tmp_path)
    assert (loaded.double, loaded.run) == (4, config.run)


@pytest.mark.parametrize("cls", [LastConfig, FirstConfig, DataConfig])
def test_a_contradiction_in_a_file_of_others_is_an_error(cls):
    """A file without the note of a save, with a derived field that no keyword sets."""
    with pytest.raises(ConfigError, match=r"head_dim: got 16, but the class computes 8 from the other fields"):
        cls.from_dict({"hidden": 64, "heads": 8, "head_dim": 16})
    assert cls.from_dict({"hidden": 64, "heads": 8, "head_dim": 16}, head_dim=16).head_dim == 16
    assert cls.from_dict({"hidden": 64, "heads": 8, "head_dim": 8}) == cls(heads=8)


@WAYS
def test_what_validate_sets_each_time_is_computed_again(way, tmp_path):
    """Another value that is given for it would be replaced without a word, so it is an error."""
    config = AlwaysValidatedConfig()
    changed = change(config, way, tmp_path, heads=8, hidden=128)
    assert (changed.head_dim, changed) == (16, AlwaysValidatedConfig(heads=8, hidden=128))
    config.save_pretrained(tmp_path)
    edit(tmp_path, heads=8)
    assert AlwaysValidatedConfig.from_pretrained(tmp_path).head_dim == 8
    with pytest.raises(ConfigError, match=r"head_dim: got 24, but the class computes 16 from the other fields"):
        change(config, way, tmp_path, head_dim=24)
    with pytest.raises(ConfigError, match=r"head_dim: got 24"):
        AlwaysValidatedConfig(head_dim=24)


def test_a_number_of_classes_that_validate_replaces_is_an_error():
    """As any field of the base class whose given value it would drop without a word."""

    class NamedConfig(PretrainedConfig):
        model_type = "derived-named"

        def validate(self):
            super().validate()
            self.id2label = {0: "a", 1: "b"}

    assert NamedConfig(num_labels=2) == NamedConfig()
    with pytest.raises(ConfigError, match=r"num_labels: got 5, but the class computes 2.* validate replaces it"):
        NamedConfig(num_labels=5)


def test_none_for_a_field_that_validate_fills_is_no_contradiction(tmp_path):
    """It means that the field is not given, in a file too."""

    class OptionalConfig(PretrainedConfig):
        model_type = "derived-optional"

        def validate(self):
            super().validate()
            if self.problem_type is None:
                self.problem_type = "regression"
            if getattr(self, "act", None) is None:
                self.act = "relu"

    values = {"model_type": "derived-optional", "problem_type": None, "act": None}
    assert OptionalConfig(**values) == OptionalConfig()
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    assert OptionalConfig.from_pretrained(tmp_path) == OptionalConfig()


def test_what_validate_makes_of_a_given_value_is_no_contradiction(tmp_path):
    """It may bring a value into one form, also that of a field which `__init__` does not take."""

    class FormConfig(PretrainedConfig):
        model_type = "derived-form"

        def __init__(self, name: str = "A", **kwargs):
            self.name = name
            super().__init__(**kwargs)

        def validate(self):
            super().validate()
            self.name = self.name.lower()
            self.rate = float(getattr(self, "rate", 0))

    config = FormConfig("B", rate="0.5")
    assert (config.name, config.rate) == ("b", 0.5)
    config.save_pretrained(tmp_path)
    assert FormConfig.from_pretrained(tmp_path) == config
    config.update({"name": "C", "rate": "2"})
    assert (config.name, config.rate) == ("c", 2.0)


def test_a_file_of_others_counts_in_a_config_that_was_written_for_transformers(tmp_path):
    """As there. What was saved here is computed again, as in other configs."""

    class TheirConfig(TransformersConfig):
        model_type = "derived-theirs"

        def __init__(self, hidden=64, heads=4, **kwargs):
            self.hidden = hidden
            self.heads = heads
            self.head_dim = hidden // heads
            super().__init__(**kwargs)

    assert TheirConfig.from_dict({"hidden": 64, "heads": 8, "head_dim": 16}).head_dim == 16
    TheirConfig().save_pretrained(tmp_path)
    edit(tmp_path, heads=8)
    assert TheirConfig.from_pretrained(tmp_path).head_dim == 8


class ByHandConfig(PretrainedConfig):
    """Makes a part, and a list of them, in `__init__`."""

    model_type = "derived-parts-by-hand"

    def __init__(self, part=None, parts=(), **kwargs):
        self.part = part if isinstance(part, LastConfig) else LastConfig(**(part or {}))
        self.parts = [part if isinstance(part, LastConfig) else LastConfig(**part) for part in parts]
        super().__init__(**kwargs)


def test_a_printed_config_has_its_fields_without_notes_on_what_was_computed():
    """At any depth: the notes are for the file."""
    shown = repr(ByHandConfig(parts=[{"heads": 8}]))
    assert shown.count('"head_dim"') == 2
    assert "_computed_fields" not in shown


@dataclass
class LateConfig(PretrainedConfig):
    """Makes a part in `__post_init__`, of a copy without its model_type."""

    model_type = "derived-late"

    part: Any = None

    def __post_init__(self, **kwargs):
        if isinstance(self.part, dict):
            self.part = LastConfig(**{name: value for name, value in self.part.items() if name != "model_type"})
        super().__post_init__(**kwargs)


@pytest.mark.parametrize("extra", ["keep", "warn", "forbid"])
@pytest.mark.parametrize(
    ("cls", "name", "is_listed"),
    [(ByHandConfig, "part", False), (ByHandConfig, "parts", True), (LateConfig, "part", False)],
)
def test_a_contradiction_in_a_part_that_init_makes_of_a_file_is_an_error(cls, name, is_listed, extra, tmp_path):
    """As in a part that is declared. A caller who makes the part with the same values means them."""

    def values(**part):
        return {name: [part] if is_listed else part}

    wrong = values(model_type="derived-last", hidden=64, heads=8, head_dim=16)
    problem = r"head_dim: got 16, but the class computes 8 from the other fields"
    with pytest.raises(ConfigError, match=problem) as caught:
        cls.from_dict(wrong, extra=extra)
    assert "there is no such field" not in str(caught.value)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": cls.model_type, **wrong}), encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        cls.from_pretrained(tmp_path)
    if not is_listed:
        assert cls.from_pretrained(tmp_path, part={"head_dim": 16}).part.head_dim == 16
        assert cls.from_pretrained(tmp_path, part={"head_dim": 8}).part == LastConfig(heads=8)
        assert cls.from_pretrained(tmp_path, part={"heads": 4}).part == LastConfig()
        with pytest.raises(ConfigError, match=r"\.head_dim: got 16, but the class computes 32 from"):
            cls.from_pretrained(tmp_path, part={"heads": 2})
    right = values(hidden=64, heads=8, head_dim=8)
    assert cls.from_dict(right, extra=extra) == cls(**values(heads=8))
    config = cls(**values(hidden=64, heads=8, head_dim=16))
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config


def test_what_init_gives_a_part_by_itself_is_meant():
    """The values of a file are those that it passes on as they are, alone or beside others."""

    class FixedConfig(PretrainedConfig):
        model_type = "derived-fixed"

        def __init__(self, heads: int = 8, **kwargs):
            self.heads = heads
            super().__init__(**kwargs)
            self.part = LastConfig(hidden=64, heads=heads, head_dim=16)

    assert FixedConfig.from_dict({"heads": 4, "other": {"heads": 4}}).part.head_dim == 16

    class BesideConfig(PretrainedConfig):
        model_type = "derived-beside"

        def __init__(self, part=None, heads: int = 8, **kwargs):
            self.heads = heads
            self.part = LastConfig(**part, heads=heads) if isinstance(part, dict) else part
            super().__init__(**kwargs)

    with pytest.raises(ConfigError, match=r"BesideConfig\.part\.head_dim: got 16, but the class computes 8 from"):
        BesideConfig.from_dict({"part": {"hidden": 64, "head_dim": 16}})
    assert BesideConfig.from_dict({"part": {"hidden": 64, "head_dim": 16}, "heads": 4}).part == LastConfig()


def test_a_keyword_of_the_class_in_a_file_of_others_is_what_it_says(tmp_path):
    """Published files set `head_dim` to what the heads do not give: it is an input of the class."""
    (tmp_path / "config.json").write_text('{"hidden": 64, "heads": 4, "head_dim": 128}', encoding="utf-8")
    assert KeywordConfig.from_pretrained(tmp_path).head_dim == 128
    changed = KeywordConfig.from_pretrained(tmp_path, heads=8)
    assert (changed.head_dim, changed.rotary) == (128, 64)


@pytest.mark.parametrize("cls", [LastConfig, FirstConfig, DataConfig])
def test_derived_fields_are_known_to_the_class(cls, tmp_path):
    """A file without a model_type that has them is not taken for one of another class."""
    (tmp_path / "config.json").write_text('{"hidden": 64, "head_dim": 16, "rotary": 8}', encoding="utf-8")
    assert cls.from_pretrained(tmp_path) == cls()


def test_what_depends_on_a_value_that_somebody_set_follows_it(tmp_path):
    """In a chain, a set value is the input of those after it."""
    config = KeywordConfig(head_dim=24)
    assert config.rotary == 12
    config.save_pretrained(tmp_path)
    edit(tmp_path, _computed_fields=None)
    changed = KeywordConfig.from_pretrained(tmp_path, heads=8)
    assert (changed.head_dim, changed.rotary, changed.shape) == (24, 12, (8, 24))


@CLASSES
def test_a_changed_copy_of_a_dict_is_computed_again(cls):
    """As `MyConfig(**{**config.to_dict(), "heads": 8})`, and as the values of an update or a load."""
    values = cls().to_dict()
    assert cls(**values) == cls()
    changed = {**values, "heads": 8}
    assert cls(**changed) == cls.from_dict(changed) == cls.from_dict(values, heads=8) == cls(heads=8)
    for config in (cls(), cls(head_dim=100)):
        config.update(changed)
        assert config == cls(heads=8)
    assert cls.from_dict(cls(head_dim=100).to_dict(), **changed) == cls(heads=8)


def test_parts_compute_again(tmp_path):
    """In a field and a list, and what the whole derives from a part."""
    holder = HolderConfig(part=LastConfig(), parts=[KeywordConfig(hidden=32)])
    holder.save_pretrained(tmp_path)
    assert HolderConfig.from_pretrained(tmp_path) == holder
    changed = HolderConfig.from_pretrained(tmp_path, part={"heads": 8, "hidden": 128})
    assert changed.part == LastConfig(heads=8, hidden=128)
    assert (changed.total, changed.parts) == (256, holder.parts)
    holder.update({"part": {"hidden": 256}})
    assert (holder.part.head_dim, holder.total) == (64, 512)
    holder.save_pretrained(tmp_path)
    assert HolderConfig.from_pretrained(tmp_path) == holder


def test_parts_with_equal_fields_are_equal_whatever_was_computed(tmp_path):
    """In a field, a list and a dict. What was set before a save was given in a load."""

    class SizeConfig(PretrainedConfig):
        model_type = "derived-size"

        def __init__(self, width: int = 1, **kwargs):
            self.size = width
            super().__init__(**kwargs)

    class WholeConfig(PretrainedConfig):
        model_type = "derived-whole"
        part: SizeConfig = field(default_factory=SizeConfig)
        parts: list[SizeConfig] = field(default_factory=list)
        named: dict[str, SizeConfig] = field(default_factory=dict)

    config = WholeConfig(parts=[SizeConfig()], named={"a": SizeConfig()})
    for part in (config.part, *config.parts, *config.named.values()):
        part.size = 12
    config.save_pretrained(tmp_path)
    assert WholeConfig.from_pretrained(tmp_path) == config
    config.named["a"].size = 13
    assert WholeConfig.from_pretrained(tmp_path) != config


@pytest.mark.parametrize("way", ["call", "file", "dict", "update"])
def test_parts_may_be_given_as_what_to_dict_returns(way, tmp_path):
    """In a field and in a list: what only their class computes is no unknown name, and is computed again."""
    part, other = LastConfig(hidden=128), FirstConfig(hidden=32)

    class ListConfig(PretrainedConfig):
        model_type = "derived-list"
        part: LastConfig = LastConfig()
        parts: list[FirstConfig] = [FirstConfig()]  # noqa: RUF012 - as users write it

    values = {"part": part.to_dict(), "parts": [other.to_dict()]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = ListConfig(**values) if way == "call" else change(ListConfig(), way, tmp_path, **values)
    assert (config.part, config.parts) == (part, [other])
    changed = {"part": {**part.to_dict(), "heads": 8}}
    config = ListConfig(**changed) if way == "call" else change(ListConfig(), way, tmp_path, **changed)
    assert config.part == LastConfig(hidden=128, heads=8)


def test_a_whole_config_may_be_an_override(tmp_path):
    """As `MyConfig.from_pretrained(folder, **other.to_dict())`, what a file has beside its fields included."""
    LastConfig().save_pretrained(tmp_path)
    other = LastConfig(hidden=128, id2label={0: "a"})
    values = {**other.to_dict(), "transformers_version": "5.24.0", "auto_map": {}}
    loaded = LastConfig.from_pretrained(tmp_path, **values)
    assert (loaded.transformers_version, loaded.shape, loaded.id2label) == ("5.24.0", other.shape, other.id2label)
    assert LastConfig().__replace__(**other.to_dict()) == other


def test_a_part_that_was_set_is_kept(tmp_path):
    """An assignment inside of a part survives a change of the part and of the whole."""
    holder = HolderConfig(part=LastConfig())
    holder.part.head_dim = 24
    holder.save_pretrained(tmp_path)
    assert HolderConfig.from_pretrained(tmp_path) == holder
    changed = HolderConfig.from_pretrained(tmp_path, part={"heads": 8}, num_labels=3)
    assert (changed.part.heads, changed.part.head_dim) == (8, 24)


class PlaceConfig(PretrainedConfig):
    """Notes what is no function of its fields."""

    model_type = "derived-place"
    version = "1"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        self.created = time.time_ns()
        self.run = str(uuid.uuid4())
        self.library = type(self).version
        self.double = width * 2
        super().__init__(**kwargs)


@pytest.mark.parametrize("values", [{}, {"width": 5}])
def test_values_that_are_no_function_of_fields_come_back(values, tmp_path, monkeypatch):
    """A time, an identifier and the version of a library, which is another one at the load."""
    config = PlaceConfig()
    config.save_pretrained(tmp_path)
    monkeypatch.setattr(PlaceConfig, "version", "2")
    loaded = PlaceConfig.from_pretrained(tmp_path, **values)
    assert (loaded.created, loaded.run, loaded.library) == (config.created, config.run, "1")
    assert loaded.double == 2 * loaded.width
    loaded.save_pretrained(tmp_path)
    assert PlaceConfig.from_pretrained(tmp_path) == loaded


def test_a_new_formula_does_not_change_old_files(tmp_path):
    """What was computed by an earlier version of the class is what the weights were trained with."""

    class VersionConfig(PretrainedConfig):
        model_type = "derived-version"
        factor = 2

        def __init__(self, width: int = 3, note: str = "", **kwargs):
            self.width = width
            self.note = note
            self.inner = width * self.factor
            super().__init__(**kwargs)

    VersionConfig().save_pretrained(tmp_path)
    VersionConfig.factor = 4
    assert VersionConfig.from_pretrained(tmp_path).inner == 6
    assert VersionConfig.from_pretrained(tmp_path, note="x").inner == 6


def test_a_derived_config_keeps_its_class(tmp_path):
    """A part that `__init__` makes from other fields is a config after a load too."""

    class MakerConfig(PretrainedConfig):
        model_type = "derived-maker"

        def __init__(self, hidden: int = 64, **kwargs):
            self.hidden = hidden
            self.part = LastConfig(hidden=hidden)
            super().__init__(**kwargs)

    MakerConfig(hidden=32).save_pretrained(tmp_path)
    loaded = MakerConfig.from_pretrained(tmp_path)
    assert loaded.part == LastConfig(hidden=32)
    assert MakerConfig.from_pretrained(tmp_path, hidden=128).part == LastConfig(hidden=128)


def test_a_value_that_init_reads_from_its_keywords_is_an_input(tmp_path):
    """`kwargs.pop("ratio", 2)` is a field without a parameter, and normalising it is no contradiction."""

    class PopConfig(PretrainedConfig):
        model_type = "derived-pop"

        def __init__(self, width: int = 3, **kwargs):
            self.ratio = kwargs.pop("ratio", 2)
            super().__init__(**kwargs)
            self.width = width
            self.act = kwargs.get("act", "gelu").lower()
            self.inner = width * self.ratio

    assert PopConfig.from_dict({"width": 3, "ratio": 5, "act": "RELU"}).act == "relu"
    config = PopConfig.from_dict({"width": 3, "ratio": 5, "act": "relu"})
    assert (config.ratio, config.inner) == (5, 15)
    config.save_pretrained(tmp_path)
    assert PopConfig.from_pretrained(tmp_path) == config
    changed = PopConfig.from_pretrained(tmp_path, width=10)
    assert (changed.ratio, changed.act, changed.inner) == (5, "relu", 50)


def test_nothing_is_noted_or_made_twice_without_derived_fields(tmp_path):
    """A class whose keywords are its fields is made once by each call; a save makes it to see that it loads."""
    made = []

    class PlainConfig(PretrainedConfig):
        model_type = "derived-plain"

        def __init__(self, width: int = 3, sizes: list[int] = [1], rope: dict | None = None, **kwargs):  # noqa: B006
            made.append(width)
            self.width = width
            self.sizes = list(sizes)
            self.rope = rope
            super().__init__(**kwargs)

    config = PlainConfig(rope={"base": 2}, num_labels=3, dtype="float16")
    config.save_pretrained(tmp_path)
    assert "_computed_fields" not in json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert len(made) == 2
    assert PlainConfig.from_pretrained(tmp_path) == config
    assert len(made) == 3


def test_a_load_without_overrides_makes_one_config(tmp_path):
    """Also of a class with derived fields."""
    made = []

    class CountConfig(LastConfig):
        model_type = "derived-count"

        def __init__(self, **kwargs):
            made.append(1)
            super().__init__(**kwargs)

    CountConfig().save_pretrained(tmp_path)
    made.clear()
    CountConfig.from_pretrained(tmp_path)
    assert len(made) == 1


def test_parts_in_parts_are_not_made_again_for_each_level_around_them(tmp_path):
    """A chain of parts that `__init__` makes is made once, and a save makes the rest of it a few times a level."""
    made = []

    class ChainConfig(PretrainedConfig):
        model_type = "derived-chain"

        def __init__(self, length: int = 0, rest=None, **kwargs):
            made.append(1)
            self.length = length
            self.rest = ChainConfig(**rest) if isinstance(rest, dict) else rest
            if length and rest is None:
                self.rest = ChainConfig(length=length - 1)
            self.double = 2 * length
            super().__init__(**kwargs)

    def cost(call):
        made.clear()
        call()
        return len(made)

    config = ChainConfig(length=6)
    assert cost(lambda: ChainConfig(length=6)) == 7
    assert cost(lambda: config.save_pretrained(tmp_path)) <= 7 * 8
    assert cost(lambda: ChainConfig.from_pretrained(tmp_path)) == 7
    assert ChainConfig.from_pretrained(tmp_path) == config


@CLASSES
def test_copies_keep_what_is_computed(cls):
    """A copy and a pickle compute again as the original does."""
    for twin in (copy.copy(cls()), copy.deepcopy(cls()), pickle.loads(pickle.dumps(cls()))):
        twin.update({"heads": 8})
        assert twin == cls(heads=8)


@CLASSES
def test_the_number_of_classes_is_an_input(cls, tmp_path):
    """Labels change with derived fields beside them, and a save with other weights' dtype is no edit."""
    config = cls(id2label={0: "a", 1: "b"}, dtype="float32")
    config.save_pretrained(tmp_path)
    edit(tmp_path, dtype="bfloat16", architectures=["X"], transformers_version="5.24.0")
    assert cls.from_pretrained(tmp_path).head_dim == 16
    changed = cls.from_pretrained(tmp_path, num_labels=3, heads=8)
    assert (changed.num_labels, changed.head_dim) == (3, 8)
    config.update({"num_labels": 3, "heads": 8})
    assert (config.num_labels, config.head_dim, config.id2label[2]) == (3, 8, "LABEL_2")


@pytest.mark.parametrize(
    "note", [None, 3, [], {"checksums": 3}, {"checksums": {"head_dim": 1}}, {"checksum": ""}, {"names": []}]
)
def test_a_malformed_note_is_no_error(note):
    """What else stands in its place is from somebody else, and what fits loads."""
    values = {"hidden": 64, "heads": 4, "head_dim": 16, "_computed_fields": note}
    assert LastConfig.from_dict(values) == LastConfig()
    assert KeywordConfig.from_dict(values) == KeywordConfig()


def test_a_repaired_file_computes_again():
    """The override repairs what `__init__` refuses; what was computed is computed of the repaired values."""

    class StrictConfig(PretrainedConfig):
        model_type = "derived-strict"

        def __init__(self, hidden: int = 64, heads: int = 4, **kwargs):
            if hidden % heads:
                raise ValueError("hidden must be a multiple of heads")
            self.hidden = hidden
            self.heads = heads
            self.head_dim = hidden // heads
            super().__init__(**kwargs)

    config = StrictConfig()
    config.heads = 5
    with pytest.raises(ValueError, match="multiple"):
        StrictConfig.from_dict(config.to_dict())
    assert StrictConfig.from_dict(config.to_dict(), hidden=80).hidden == 80


def test_a_part_that_was_edited_is_computed_again(tmp_path):
    """And what the whole derives of it; an override of the part counts."""
    HolderConfig(part=LastConfig()).save_pretrained(tmp_path)
    part = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["part"]
    edit(tmp_path, part={**part, "hidden": 128})
    loaded = HolderConfig.from_pretrained(tmp_path)
    assert (loaded.part, loaded.total) == (LastConfig(hidden=128), 256)
    chosen = {"head_dim": 16, "inner": 256, "rotary": 8, "shape": (4, 16)}
    loaded = HolderConfig.from_pretrained(tmp_path, part=chosen)
    assert (loaded.part.hidden, loaded.part.head_dim, loaded.total) == (128, 16, 256)


def test_a_part_that_init_makes_may_have_been_saved_by_transformers(tmp_path):
    """It writes fields of its own base class into every part: the part is still the one that `__init__` makes."""
    EncodedConfig().save_pretrained(tmp_path)
    part = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["part"]
    written = {"architectures": None, "chunk_size_feed_forward": 0, "dtype": None, "output_attentions": False}
    edit(tmp_path, part={**part, **written}, dtype="float32")
    assert EncodedConfig.from_pretrained(tmp_path).part.heads == EncodedConfig().part.heads
    edit(tmp_path, part={**part, **written, "heads": part["heads"] * 2})
    edited = EncodedConfig.from_pretrained(tmp_path).part
    assert (edited.heads, edited.head_dim) == (part["heads"] * 2, part["head_dim"] // 2)


def test_a_file_in_which_nothing_is_computed_is_written_as_it_was_read(tmp_path):
    """All that may be computed was set by somebody: there is nothing to note, before a load and after it."""
    config = LastConfig()
    keyword = KeywordConfig()
    keyword.inner, keyword.head_dim, keyword.rotary, keyword.shape = 1, 2, 3, (4,)
    for each in (keyword, config):
        each.save_pretrained(tmp_path)
        text = (tmp_path / "config.json").read_bytes()
        type(each).from_pretrained(tmp_path).save_pretrained(tmp_path)
        assert (tmp_path / "config.json").read_bytes() == text


class StagesConfig(PretrainedConfig):
    """How many fields there are depends on a value."""

    model_type = "derived-stages"

    def __init__(self, layers: tuple[int, ...] = (1, 2), **kwargs):
        self.layers = layers
        for number, depth in enumerate(layers):
            setattr(self, f"stage{number}", 10 * depth)
        super().__init__(**kwargs)


@pytest.mark.parametrize("before", [(), (1, 2), (4, 5, 6)])
@pytest.mark.parametrize("after", [(), (3, 2), (7, 8, 9)])
def test_there_may_be_more_computed_fields_or_fewer(before, after, tmp_path):
    """An update and a load leave none of the old ones, and have all of the new ones."""
    config = StagesConfig(before)
    config.save_pretrained(tmp_path)
    config.update({"layers": after})
    for changed in (config, StagesConfig.from_pretrained(tmp_path, layers=after)):
        assert changed == StagesConfig(after)
        assert {name: value for name, value in vars(changed).items() if name.startswith("stage")} == {
            f"stage{number}": 10 * depth for number, depth in enumerate(after)
        }


class DoubledConfig(PretrainedConfig):
    model_type = "derived-doubled"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    @property
    def double(self):
        return 2 * self.width

    @double.setter
    def double(self, value):
        self.width = value // 2


def test_a_property_with_a_setter_is_a_keyword_everywhere(tmp_path):
    """Of the constructor, of an update, and of a load."""
    DoubledConfig(width=3).save_pretrained(tmp_path)
    config = DoubledConfig(width=3)
    config.update({"double": 8})
    for changed in (config, DoubledConfig(double=8), DoubledConfig.from_pretrained(tmp_path, double=8)):
        assert changed == DoubledConfig(width=4)
    with pytest.raises(UnknownOptionError, match="doubel"):
        DoubledConfig.from_pretrained(tmp_path, doubel=8)


class PlainSizeConfig(PretrainedConfig):
    """A property beside fields that are set after the base class, which takes the keyword of the property."""

    model_type = "derived-plain-size"
    sizes: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        self.total = sum(self.sizes)

    @property
    def depth(self):
        return len(self.sizes)

    @depth.setter
    def depth(self, depth):
        self.sizes = (1,) * depth

    @property
    def half(self):
        return self.depth / 2

    @half.setter
    def half(self, half):
        self.depth = 2 * half


class FirstSizeConfig(PretrainedConfig):
    """The same, with an `__init__` that calls the base class first."""

    model_type = "derived-first-size"

    def __init__(self, sizes: tuple[int, ...] = (1, 2), **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes

    depth = PlainSizeConfig.depth
    half = PlainSizeConfig.half


@pytest.mark.parametrize("cls", [PlainSizeConfig, FirstSizeConfig])
def test_a_property_is_set_whatever_order_fields_are_set_in(cls, tmp_path):
    """By a keyword, an override and an update; a field that contradicts it is an error."""
    cls().save_pretrained(tmp_path)
    updated = cls()
    updated.update({"depth": 3})
    for config in (cls(depth=3), cls.from_pretrained(tmp_path, depth=3), cls.from_dict({"depth": 3}), updated):
        assert (config.depth, config.sizes) == (3, (1, 1, 1))
    assert cls(depth=3, sizes=(1, 1, 1)).depth == 3
    overridden = functools.partial(cls.from_pretrained, tmp_path)
    for call in (cls, overridden, lambda **values: updated.update(values)):
        with pytest.raises(ConfigError, match=r"depth=3 contradicts 'sizes', which is \(9,\)\. Give one of them"):
            call(sizes=(9,), depth=3)
        with pytest.raises(ConfigError, match=r"depth=3 contradicts 'half', .*|half=2 contradicts 'depth', "):
            call(depth=3, half=2)
    with pytest.raises(ConfigError, match=r": depth=3 contradicts 'sizes', which is \(9,\)\."):
        updated.update({"depth": 3, "sizes": (9,)})


class PrivateScaleConfig(PretrainedConfig):
    model_type = "derived-private-scale"
    width: int = 3

    @property
    def scale(self):
        return getattr(self, "_scale", 1)

    @scale.setter
    def scale(self, value):
        self._scale = value


def test_a_property_that_no_file_would_have_is_refused_at_the_save(tmp_path):
    """Only a private attribute holds its value, which is lost unless it is what a load makes anyway."""
    PrivateScaleConfig(scale=1).save_pretrained(tmp_path)
    config = PrivateScaleConfig(scale=5)
    assert config.scale == 5
    with pytest.raises(ConfigError, match=r"PrivateScaleConfig\.scale: .* a load would make this 1\. .* a field"):
        config.save_pretrained(tmp_path / "other")
    assert not (tmp_path / "other").exists()


class FirstNameConfig(PretrainedConfig):
    """Properties that can be assigned: one fails for the defaults, one returns another object each time."""

    model_type = "derived-first-name"
    names: list[str] = []  # noqa: RUF012 - as users write it

    @property
    def first(self):
        return self.names[0]

    @first.setter
    def first(self, value):
        self.names = [value]

    @property
    def view(self):
        return memoryview(self.names[0].encode())

    @view.setter
    def view(self, value):
        self.names = [bytes(value).decode()]


@pytest.mark.parametrize("given", [{}, {"first": "a"}, {"view": memoryview(b"a")}])
def test_properties_that_cannot_be_compared_are_no_contradiction(given, tmp_path):
    """In a call, an override, an update and a save."""
    FirstNameConfig().save_pretrained(tmp_path)
    updated = FirstNameConfig()
    updated.update(given)
    for config in (FirstNameConfig(**given), FirstNameConfig.from_pretrained(tmp_path, **given), updated):
        assert config.names == ["a"] * bool(given)
        config.save_pretrained(tmp_path / "saved")
        assert FirstNameConfig.from_pretrained(tmp_path / "saved") == config


def all_ways(config, folder, **values):
    """Return the config with other values by every way: also in an edited file, a spread dict, and a part."""

    class AroundConfig(PretrainedConfig):
        model_type = "derived-around"
        part: type(config) = None

    for way in ("file", "dict", "dict without note", "update"):
        yield way, change(config, way, folder, **values)
    config.save_pretrained(folder)
    edit(folder, **values)
    yield "edited file", type(config).from_pretrained(folder)
    yield "spread dict", type(config)(**{**config.to_dict(), **values})
    config.save_pretrained(folder)
    loaded = type(config).from_pretrained(folder)
    loaded.update(values)
    yield "update after a load", loaded
    yield "replace", config.__replace__(**values)
    around = AroundConfig(part=config)
    around.save_pretrained(folder)
    yield "part", AroundConfig.from_pretrained(folder, part=values).part
    edit(folder, part={**json.loads((folder / "config.json").read_text(encoding="utf-8"))["part"], **values})
    yield "edited part", AroundConfig.from_pretrained(folder).part


@dataclass
class FactoryConfig(PretrainedConfig):
    """An empty list stands for what the class computes."""

    model_type = "derived-factory"
    depth: int = 2
    kinds: list[str] = field(default_factory=list)

    def __post_init__(self):
        if not self.kinds:
            self.kinds = ["full" if number % 2 else "local" for number in range(self.depth)]


@dataclass
class FilledConfig(PretrainedConfig):
    """The same, filled in place."""

    model_type = "derived-filled"
    depth: int = 2
    rope: dict[str, Any] = field(default_factory=lambda: {"theta": 1e4})

    def __post_init__(self):
        self.rope.setdefault("dim", 8 * self.depth)


class BodyListConfig(PretrainedConfig):
    """The same without a decorator, and with other containers."""

    model_type = "derived-body-list"
    depth: int = 2
    kinds: list[str] = []  # noqa: RUF012 - as users write it
    sizes: tuple[int, ...] = ()
    table: dict[int, int] = {}  # noqa: RUF012
    parts: list[LastConfig] = []  # noqa: RUF012

    def validate(self):
        super().validate()
        self.kinds = self.kinds or ["local"] * self.depth
        self.sizes = self.sizes or (8,) * self.depth
        self.table = self.table or dict.fromkeys(range(self.depth), 8)
        self.parts = self.parts or [LastConfig() for _ in range(self.depth)]


class ParentConfig(PretrainedConfig):
    model_type = "derived-parent"

    def __init__(self, depth: int = 2, inner: int = 16, **kwargs):
        self.depth = depth
        self.inner = inner
        super().__init__(**kwargs)


class PassingChildConfig(ParentConfig):
    """Computes a parameter of its parent, by default to the parent's own default."""

    model_type = "derived-passing-child"

    def __init__(self, depth: int = 2, **kwargs):
        super().__init__(depth=depth, inner=8 * depth, **kwargs)


class PoppingChildConfig(ParentConfig):
    """The same, unless it is given."""

    model_type = "derived-popping-child"

    def __init__(self, depth: int = 2, **kwargs):
        super().__init__(depth=depth, inner=kwargs.pop("inner", 8 * depth), **kwargs)


class BaseFieldsConfig(PretrainedConfig):
    """Computes fields of the base class, and nothing else."""

    model_type = "derived-base-fields"
    depth: int = 2

    def __post_init__(self):
        self._decide()

    def _decide(self):
        self.problem_type = "regression" if self.depth == 2 else None
        self.output_hidden_states = self.depth > 2
        self.dtype = "bfloat16" if self.depth > 2 else "float32"


class BaseFieldsInInitConfig(PretrainedConfig):
    """The same in `__init__`."""

    model_type = "derived-base-fields-in-init"

    def __init__(self, depth: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.output_hidden_states = depth > 2
        self.dtype = "bfloat16" if depth > 2 else "float32"


class NamesConfig(PretrainedConfig):
    """Computes the names of the classes."""

    model_type = "derived-names"
    depth: int = 2

    def __post_init__(self):
        self.id2label = {number: f"of {self.depth}: {number}" for number in range(3)}


class PassedNamesConfig(PretrainedConfig):
    """The same in a keyword."""

    model_type = "derived-passed-names"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        kwargs["id2label"] = {number: f"level {number}" for number in range(depth)}
        super().__init__(**kwargs)


class PropertyConfig(PretrainedConfig):
    """A keyword that a property gives back, or what it computes in its place."""

    model_type = "derived-property"

    def __init__(self, depth: int = 2, inner: int | None = None, **kwargs):
        self.depth = depth
        self._inner = inner
        super().__init__(**kwargs)

    @property
    def inner(self):
        return self._inner or 8 * self.depth

    @inner.setter
    def inner(self, value):
        self._inner = value


class SetterConfig(PretrainedConfig):
    """Computes in the setter of a property."""

    model_type = "derived-setter"

    def __init__(self, depth: int = 1, **kwargs):
        self.depth = depth
        super().__init__(**kwargs)

    @property
    def depth(self):
        return self._depth

    @depth.setter
    def depth(self, value):
        self._depth = value
        self.inner = 8 * value


class ListOfPartsConfig(PretrainedConfig):
    """Makes its parts, of which no annotation tells."""

    model_type = "derived-list-of-parts"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        self.parts = [LastConfig(hidden=64 * (number + 1)) for number in range(depth)]
        super().__init__(**kwargs)


class ChangedPartConfig(PretrainedConfig):
    """Changes a part that is there."""

    model_type = "derived-changed-part"
    depth: int = 2
    part: ParentConfig = ParentConfig()

    def __post_init__(self):
        self.part.inner = 8 * self.depth


class UpdatingConfig(PretrainedConfig):
    """Calls `update` of its own."""

    model_type = "derived-updating"

    def __init__(self, depth: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.update({"inner": 8 * depth, "kind": "deep" if depth > 2 else "flat"})


@pytest.mark.parametrize("before", [2, 3])
@pytest.mark.parametrize(
    "cls",
    [
        FactoryConfig,
        FilledConfig,
        BodyListConfig,
        PassingChildConfig,
        PoppingChildConfig,
        BaseFieldsConfig,
        BaseFieldsInInitConfig,
        NamesConfig,
        PassedNamesConfig,
        PropertyConfig,
        SetterConfig,
        ListOfPartsConfig,
        ChangedPartConfig,
        UpdatingConfig,
    ],
)
def test_what_is_computed_follows_however_a_class_computes_it(cls, before, tmp_path):
    """By every way, from a config with defaults and from another one."""
    wanted = cls(depth=4)
    for way, changed in all_ways(cls(depth=before), tmp_path, depth=4):
        assert changed == wanted, way
        assert getattr(changed, "inner", None) == getattr(wanted, "inner", None), way
        assert cls.from_dict(changed.to_dict()) == wanted, way


@pytest.mark.parametrize(
    ("cls", "values"),
    [
        (FactoryConfig, {"kinds": ["x", "y"]}),
        (FilledConfig, {"rope": {"theta": 1e4, "dim": 3}}),
        (PoppingChildConfig, {"inner": 3}),
        (PropertyConfig, {"inner": 3}),
    ],
)
def test_what_somebody_gave_in_place_of_a_computed_value_is_kept(cls, values, tmp_path):
    """Lists, keywords that are passed on, and properties, as other fields change."""
    for way, changed in all_ways(cls(**values), tmp_path, depth=4):
        assert changed == cls(depth=4, **values), way
    for way, changed in all_ways(cls(), tmp_path, **values):
        assert changed == cls(**values), way


def test_an_empty_list_stands_for_what_is_computed_also_if_it_is_given():
    """As the default of the field does."""
    config = FactoryConfig(kinds=[])
    config.update({"depth": 4})
    assert config == FactoryConfig(depth=4)


class IndexConfig(PretrainedConfig):
    """Keeps what it computes under a private name, and in a cached property."""

    model_type = "derived-index"
    names: list[str] = ["a"]  # noqa: RUF012 - as users write it
    note: str = ""

    def __post_init__(self):
        self._index = {name: number for number, name in enumerate(self.names)}
        self._seen = []
        self._lock = threading.Lock()
        self._key = uuid.uuid4().hex

    @functools.cached_property
    def length(self):
        return len(self.names)


def test_an_update_computes_private_attributes_and_cached_properties_again():
    """What depends on other fields stays: a private attribute may hold what methods have put there."""
    config = IndexConfig()
    config._seen.append("x")
    assert config.length == 1
    config.update({"note": "y"})
    assert (config._index, config._seen) == ({"a": 0}, ["x"])
    config.update({"names": ["b", "c"]})
    assert (config._index, config._seen, config.length) == ({"b": 0, "c": 1}, ["x"], 2)


def test_an_update_keeps_private_attributes_that_differ_from_config_to_config():
    """A lock or a key is no value that the class computes from fields."""
    config = IndexConfig()
    lock, key = config._lock, config._key
    config.update({"names": ["b"]})
    assert config._lock is lock
    assert config._key == key


class MakingConfig(PretrainedConfig):
    """Its `__init__` makes something else of what it is given."""

    model_type = "derived-making"

    def __init__(self, parts=(), part=None, act="relu", **kwargs):
        self.parts = [StagesConfig(**values) if isinstance(values, dict) else values for values in parts]
        self.part = StagesConfig(**part) if isinstance(part, dict) else part
        self.act = act.lower()
        super().__init__(**kwargs)


@pytest.mark.parametrize("given", [{"parts": [{"layers": (3,)}]}, {"part": {"layers": (3,)}}, {"act": "GELU"}])
def test_an_update_gives_what_the_constructor_makes_of_a_value(given, tmp_path):
    """Also where there was none before by which a config could be known."""
    config = MakingConfig()
    config.save_pretrained(tmp_path)
    config.update(given)
    assert config == MakingConfig(**given) == MakingConfig.from_pretrained(tmp_path, **given)
    assert type(config.part) is type(MakingConfig(**given).part)
    assert [type(part) for part in config.parts] == [type(part) for part in MakingConfig(**given).parts]
