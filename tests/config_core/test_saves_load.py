"""Configs that were changed: a save writes what a load gives back, or is refused."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_core import ConfigError, PretrainedConfig, UnknownOptionError
from config_core import transformers_names as transformers


class PassedConfig(PretrainedConfig):
    """Passes fields of the base class on."""

    model_type = "saves-passed"

    def __init__(self, classes: int = 3, **kwargs):
        self.classes = classes
        super().__init__(num_labels=classes, **kwargs)


class UnkeptConfig(PretrainedConfig):
    """Keeps what it takes only as fields of the base class."""

    model_type = "saves-unkept"

    def __init__(self, classes: int = 3, precision: str = "float16", problem=None, **kwargs):
        super().__init__(num_labels=classes, dtype=precision, problem_type=problem, **kwargs)


class NamedConfig(PretrainedConfig):
    model_type = "saves-named"

    def __init__(self, names: tuple[str, ...] = ("a", "b"), **kwargs):
        self.names = names
        super().__init__(id2label=dict(enumerate(names)), **kwargs)


class AssigningConfig(PretrainedConfig):
    model_type = "saves-assigning"

    def __init__(self, is_regression: bool = False, width: int = 4, heads: int = 2, **kwargs):  # noqa: FBT001, FBT002 - a field
        super().__init__(**kwargs)
        self.is_regression = is_regression
        self.width = width
        self.heads = heads
        self.head_dim = width // heads
        self.problem_type = "regression" if is_regression else "single_label_classification"


class AliasConfig(PretrainedConfig):
    model_type = "saves-alias"
    attribute_map = {"num_labels": "classes", "hidden_size": "width"}  # noqa: RUF012 - as users write it
    classes: int = 4
    width: int = 2


@dataclass
class OwnDefaultsConfig(PretrainedConfig):
    model_type = "saves-own-defaults"

    width: int = 4
    inner: int | None = None
    num_labels: int = 5
    dtype: str | None = "bfloat16"
    problem_type: str | None = "regression"

    def __post_init__(self):
        if self.width > 6:
            raise ValueError("width must be at most 6")
        self.inner = self.inner or 2 * self.width


class PropertyConfig(PretrainedConfig):
    model_type = "saves-property"

    def __init__(self, width: int = 2, **kwargs):
        self.width = width
        self.names = [f"n{i}" for i in range(width)]
        self.chosen = self.names[-1:]
        super().__init__(**kwargs)

    @property
    def index(self):
        return self.names.index(self.chosen[0])

    @index.setter
    def index(self, index):
        self.chosen = [self.names[index]]


class ListingConfig(PretrainedConfig):
    """Makes a list of a parameter, and of none another field."""

    model_type = "saves-listing"

    def __init__(self, width: int = 3, names: list[str] = ("n0",), **kwargs):
        self.width = width
        self.names = list(names)
        super().__init__(**kwargs)


class WholeConfig(PretrainedConfig):
    """Has parts, which are assigned to as well."""

    model_type = "saves-whole"

    part: PassedConfig = field(default_factory=PassedConfig)
    parts: list[AssigningConfig] = field(default_factory=lambda: [AssigningConfig()])
    width: int = 3


CLASSES = [
    PretrainedConfig,
    PassedConfig,
    UnkeptConfig,
    NamedConfig,
    AssigningConfig,
    ListingConfig,
    AliasConfig,
    OwnDefaultsConfig,
    PropertyConfig,
    WholeConfig,
]
COUNTS = st.integers(0, 4)
VALUES = {
    "num_labels": COUNTS,
    "id2label": st.none()
    | st.lists(st.sampled_from(["a", "b", "LABEL_0", "LABEL_1"])).map(lambda names: dict(enumerate(names))),
    "label2id": st.none()
    | st.sets(st.sampled_from(["a", "b", "c"])).map(
        lambda names: {name: number for number, name in enumerate(sorted(names))}
    ),
    "problem_type": st.sampled_from([None, "regression", "single_label_classification"]),
    "dtype": st.sampled_from([None, "float16", "bfloat16", "float32"]),
    "architectures": st.none() | st.just(["Model"]),
    "return_dict": st.booleans(),
    "output_hidden_states": st.booleans(),
    "classes": COUNTS,
    "precision": st.sampled_from(["float16", "float32"]),
    "names": st.just(("a",)) | st.just(("x", "y")) | st.just(["x", "y"]),
    "is_regression": st.booleans(),
    "width": st.integers(0, 8),
    "heads": COUNTS,
    "head_dim": COUNTS,
    "hidden_size": COUNTS,
    "inner": st.none() | COUNTS,
    "index": COUNTS,
    "chosen": st.just(["n0"]),
    "further": st.none() | COUNTS,
}
PLACES = ["", "part", "parts"]
FIELDS = st.sampled_from([*VALUES]).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
STEPS = st.lists(
    st.tuples(st.sampled_from(PLACES), st.booleans(), st.lists(FIELDS, min_size=1, max_size=3)), max_size=4
)


def apply(config, place, values, *, is_update):
    """Change a config or a part of it as a program does; a refused update leaves the config as it was."""
    if place:
        config = getattr(config, "part", config) if place == "part" else getattr(config, "parts", [config])[0]
    if is_update:
        before = repr(vars(config))
        try:
            config.update(values)
        except (ConfigError, ValueError, ArithmeticError, LookupError, TypeError):
            assert repr(vars(config)) == before
        return
    for name, value in values.items():
        with contextlib.suppress(ConfigError, LookupError):
            setattr(config, name, value)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_save_is_loaded_as_it_was_or_refused(cls):
    """After any assignments and updates of fields, labels, derived fields, properties and parts."""

    @settings(max_examples=60, deadline=None)
    @given(STEPS)
    def check(steps):
        config = cls()
        for place, is_update, values in steps:
            apply(config, place, dict(values), is_update=is_update)
        with tempfile.TemporaryDirectory() as folder:
            try:
                config.save_pretrained(folder)
            except ConfigError:
                assert not [*Path(folder).iterdir()]
                return
            loaded = cls.from_pretrained(folder)
        assert loaded == config
        assert (loaded.id2label, loaded.label2id, loaded.dtype) == (config.id2label, config.label2id, config.dtype)

    check()


@pytest.mark.parametrize(
    ("cls", "name", "value", "problem"),
    [
        (PassedConfig, "num_labels", 8, r"'num_labels' is 8, .* passes 3 .* A load of the file would raise this"),
        (PassedConfig, "classes", 7, r"'num_labels' is 3, .* passes 7 .* A load of the file would raise this"),
        (NamedConfig, "id2label", {0: "x"}, r"label2id says that 'x' is 0, but id2label says 'a'.* would raise this"),
        (
            UnkeptConfig,
            "dtype",
            None,
            r"UnkeptConfig\.dtype: the class makes something else .* loaded as str 'float16'",
        ),
        (UnkeptConfig, "classes", 7, r"UnkeptConfig\.classes: 7 would be lost, .* Remove it"),
        (AssigningConfig, "problem_type", None, r"problem_type: .* loaded as str 'single_label_classification'"),
        (AssigningConfig, "heads", 0, r"AssigningConfig: ZeroDivisionError: .* A load of the file would raise this"),
        (OwnDefaultsConfig, "width", 7, r"OwnDefaultsConfig: ValueError: width must be at most 6"),
    ],
)
def test_a_refused_save_says_what_a_load_would_do(cls, name, value, problem, tmp_path):
    """With the names and values; undoing the assignment is a way out."""
    config = cls()
    before = getattr(config, name, None)
    setattr(config, name, value)
    with pytest.raises(ConfigError, match=problem):
        config.save_pretrained(tmp_path)
    if before is None:
        delattr(config, name)
    else:
        setattr(config, name, before)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == cls()


class NormalisingConfig(PretrainedConfig):
    model_type = "saves-normalising"

    def __init__(self, act: str = "relu", dims: list[int] | None = None, width: int = 2, inner=None, **kwargs):
        self.act = act.lower()
        self.dims = dims or [1, 2]
        self.width = width
        self.inner = 4 * width if inner is None else inner
        super().__init__(**kwargs)


@dataclass
class ClampingConfig(PretrainedConfig):
    model_type = "saves-clamping"

    rate: float = 0.5

    def __post_init__(self, **kwargs):
        self.rate = min(self.rate, 1.0)
        super().__post_init__(**kwargs)


@pytest.mark.parametrize(
    ("cls", "name", "value", "made"),
    [
        (NormalisingConfig, "act", "GELU", "gelu"),
        (NormalisingConfig, "dims", [], [1, 2]),
        (NormalisingConfig, "inner", None, 8),
        (ClampingConfig, "rate", 3.0, 1.0),
    ],
)
def test_a_refused_save_says_what_to_assign(cls, name, value, made, tmp_path):
    """It is what the class would make of the value; and the constructor and an update do so."""
    config = cls()
    setattr(config, name, value)
    advice = re.escape(f" Assign {made!r}, or give {value!r} to the constructor or to update(), which make the same")
    with pytest.raises(ConfigError, match=advice):
        config.save_pretrained(tmp_path)
    setattr(config, name, made)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config == cls(**{name: value})
    config.update({name: value})
    assert config == cls(**{name: value})


def test_a_refused_save_of_what_changes_with_each_load_says_what_to_keep(tmp_path):
    """No value that could be assigned would come back."""

    class DoublingConfig(PretrainedConfig):
        model_type = "saves-doubling"

        def __init__(self, width: int = 1, **kwargs):
            self.width = 2 * width
            super().__init__(**kwargs)

    with pytest.raises(
        ConfigError, match=r"in each load: 6 would be loaded as int 12\. Let __init__ keep what it is given"
    ):
        DoublingConfig(width=3).save_pretrained(tmp_path)


def test_the_values_of_a_part_come_back_or_are_refused_too(tmp_path):
    """With the path; fields of the base class included."""
    config = WholeConfig()
    config.parts[0].problem_type = None
    with pytest.raises(ConfigError, match=r"WholeConfig\.parts\[0\]\.problem_type: .* loaded as str 'single_label"):
        config.save_pretrained(tmp_path)
    config = WholeConfig()
    config.part.num_labels = 8
    with pytest.raises(ConfigError, match=r"'num_labels' is 8.* A load of the file would raise this"):
        config.save_pretrained(tmp_path)


class PoppedConfig(PretrainedConfig):
    """Reads a keyword, which only a property gives back."""

    model_type = "saves-popped"

    def __init__(self, **kwargs):
        self._scale = kwargs.pop("scale", 1)
        super().__init__(**kwargs)

    @property
    def scale(self):
        return self._scale


def test_a_keyword_that_a_property_gives_back_is_written(tmp_path):
    """Whether it is a parameter, or is read from the keywords."""
    PoppedConfig(scale=5).save_pretrained(tmp_path)
    assert PoppedConfig.from_pretrained(tmp_path).scale == 5


class TheirsConfig(transformers.PretrainedConfig):
    """Has a property that nothing else holds, and a parameter that only a private attribute holds."""

    model_type = "saves-theirs"

    def __init__(self, width=4, heads=2, hidden=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.heads = heads
        self.head_dim = width // heads
        self._hidden = hidden
        self._scale = 1

    @property
    def scale(self):
        return self._scale

    @scale.setter
    def scale(self, scale):
        self._scale = scale


@pytest.mark.parametrize("given", [{"scale": 5}, {"hidden": 5}])
def test_a_class_for_transformers_warns_of_what_a_save_loses(given, tmp_path):
    """As there, it is saved; values that a load gives back are no reason to warn."""
    TheirsConfig(width=8).save_pretrained(tmp_path)
    (name,) = given
    with pytest.warns(UserWarning, match=rf"TheirsConfig: a load of the file will not give back '_?{name}'\."):
        TheirsConfig(**given).save_pretrained(tmp_path)


class HoldingConfig(transformers.PretrainedConfig):
    """Makes a config where there is none, but not of the dict that its file has."""

    model_type = "saves-holding"

    part: TheirsConfig | None = None

    def __post_init__(self, **kwargs):
        if self.part is None:
            self.part = TheirsConfig()
        super().__post_init__(**kwargs)


class ReadingConfig(HoldingConfig):
    """Makes a config of the dict, too."""

    def __post_init__(self, **kwargs):
        if isinstance(self.part, dict):
            self.part = TheirsConfig(**self.part)
        super().__post_init__(**kwargs)


def test_a_class_for_transformers_warns_of_a_part_that_loads_as_a_dict(tmp_path):
    """A model that reads an attribute of the part would fail after the load."""
    with pytest.warns(UserWarning, match=r"HoldingConfig: a load .* make dicts of the configs in 'part'"):
        HoldingConfig().save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ReadingConfig().save_pretrained(tmp_path)
    assert ReadingConfig.from_pretrained(tmp_path) == ReadingConfig()


def test_a_class_for_transformers_is_saved_also_if_a_load_will_fail(tmp_path):
    """As there: a save in the middle of a training is not lost for a value that can be mended in the file."""
    config = TheirsConfig()
    config.heads = 0
    with pytest.warns(UserWarning, match=r"TheirsConfig: a load of the file will raise ZeroDivisionError"):
        config.save_pretrained(tmp_path)
    assert TheirsConfig.from_pretrained(tmp_path, heads=1).heads == 1


@pytest.mark.parametrize("base", [PretrainedConfig, transformers.PretrainedConfig])
def test_a_from_dict_that_changes_its_argument_does_not_stop_a_save(base, tmp_path):
    """As those of published classes do, which rename keys of older files."""

    class ChangingConfig(base):
        model_type = "saves-changing"

        def __init__(self, size: int = 1, **kwargs):
            self.width = size
            self._size = size
            super().__init__(**kwargs)

        @classmethod
        def from_dict(cls, config_dict, **kwargs):
            return super().from_dict({**config_dict, "size": config_dict.pop("width")}, **kwargs)

    ChangingConfig(size=3).save_pretrained(tmp_path)
    assert ChangingConfig.from_pretrained(tmp_path).width == 3


def test_a_save_does_not_depend_on_what_an_init_reads(tmp_path):
    """A file system or a hub that is away for a moment does not stop it."""
    source = tmp_path / "source"
    source.write_text("3", encoding="utf-8")

    class ReadingConfig(PretrainedConfig):
        model_type = "saves-reading"

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            self.size = int(source.read_text(encoding="utf-8"))
            super().__init__(**kwargs)

    config = ReadingConfig(width=2)
    source.rename(tmp_path / "away")
    with pytest.warns(UserWarning, match="could not be checked, because a load of it raises FileNotFoundError"):
        config.save_pretrained(tmp_path / "saved")
    (tmp_path / "away").rename(source)
    assert ReadingConfig.from_pretrained(tmp_path / "saved") == config


def test_saves_in_threads_leave_the_filters_of_warnings_as_they_are(tmp_path):
    """Even where one save begins while another one runs, and ends after it."""
    is_begun = {width: threading.Event() for width in (1, 2)}
    may_end = {width: threading.Event() for width in (1, 2)}

    class WaitingConfig(PretrainedConfig):
        model_type = "saves-waiting"

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            super().__init__(**kwargs)
            if threading.current_thread() is not threading.main_thread():
                is_begun[width].set()
                assert may_end[width].wait(timeout=60)

    filters = [*warnings.filters]
    with ThreadPoolExecutor(2) as threads:
        saves = {}
        for width in (1, 2):
            saves[width] = threads.submit(WaitingConfig(width).save_pretrained, tmp_path / f"{width}")
            assert is_begun[width].wait(timeout=60)
        for width, save in saves.items():
            may_end[width].set()
            save.result()
    assert filters == [*warnings.filters]


def test_what_a_to_dict_leaves_out_does_not_stop_a_save(tmp_path):
    """As a field of the running program alone; in a part, too."""

    class RunningConfig(PretrainedConfig):
        model_type = "saves-running"

        def __init__(self, width: int = 1, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.device = "cpu"

        def to_dict(self):
            values = super().to_dict()
            del values["device"]
            return values

    class WholeRunningConfig(PretrainedConfig):
        model_type = "saves-whole-running"
        part: RunningConfig = field(default_factory=RunningConfig)

        def validate(self):
            """Run code of the class."""

    config = WholeRunningConfig(part=RunningConfig(width=2))
    config.part.device = "cuda"
    config.save_pretrained(tmp_path / "whole")
    config.part.save_pretrained(tmp_path / "part")
    assert WholeRunningConfig.from_pretrained(tmp_path / "whole").part.width == 2
    assert RunningConfig.from_pretrained(tmp_path / "part").device == "cpu"


@pytest.mark.parametrize("is_noted", [True, False])
def test_a_value_that_is_another_one_each_time_comes_back(is_noted, tmp_path):
    """Such as a time or the number of a run, wherever `__init__` sets it."""
    runs = iter(range(1000))

    class RunConfig(PretrainedConfig):
        model_type = "saves-run"

        def __init__(self, width: int = 1, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.run = next(runs)

    config = RunConfig()
    config.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    if not is_noted:
        file.write_text(json.dumps({name: values[name] for name in ("model_type", "run", "width")}), encoding="utf-8")
    assert RunConfig.from_pretrained(tmp_path).run == config.run == 0


class PrivateConfig(PretrainedConfig):
    model_type = "saves-private"

    def __init__(self, hidden: int = 8, **kwargs):
        self._hidden = hidden
        self._scale = 1
        super().__init__(**kwargs)

    scale = TheirsConfig.scale


class PrivateWholeConfig(PretrainedConfig):
    model_type = "saves-private-whole"

    part: PrivateConfig = field(default_factory=PrivateConfig)
    parts: dict[str, list[PrivateConfig]] = field(default_factory=dict)


@pytest.mark.parametrize("given", [{"scale": 5}, {"hidden": 5}])
def test_what_only_a_private_attribute_of_a_part_holds_is_refused(given, tmp_path):
    """With its path."""
    (name,) = given
    whole = PrivateWholeConfig(part=PrivateConfig(**given))
    with pytest.raises(ConfigError, match=rf"PrivateWholeConfig\.part\._?{name}: private attributes are not written"):
        whole.save_pretrained(tmp_path)
    whole = PrivateWholeConfig(parts={"a": [PrivateConfig(), PrivateConfig(**given)]})
    with pytest.raises(ConfigError, match=rf"PrivateWholeConfig\.parts\['a'\]\[1\]\._?{name}: private attributes"):
        whole.save_pretrained(tmp_path)
    PrivateWholeConfig().save_pretrained(tmp_path)
    assert PrivateWholeConfig.from_pretrained(tmp_path) == PrivateWholeConfig()


class CachingConfig(PretrainedConfig):
    """Keeps a parameter under another name, and fills private attributes as it is used."""

    model_type = "saves-caching"

    def __init__(self, width: int = 1, hidden: int = 8, **kwargs):
        self.width = width
        self.size = hidden
        self._half = self.size // 2
        self._table = None
        self._seen = {}
        self._calls = 0
        super().__init__(**kwargs)

    def table(self):
        """Return a table, which is made once."""
        self._seen["table"] = True
        self._calls += 1
        self._table = self._table or [*range(self.width)]
        return self._table


class CachingWholeConfig(PretrainedConfig):
    model_type = "saves-caching-whole"

    parts: list[CachingConfig] = field(default_factory=list)


@pytest.mark.parametrize("given", [{}, {"hidden": 4}, {"width": 3, "hidden": 4}])
def test_what_is_kept_privately_as_a_config_is_used_stops_no_save(given, tmp_path):
    """A cache is no value that was given; in a part, and in a copy, too."""
    config = CachingConfig(**given)
    config.table()
    config.size += 2
    config.save_pretrained(tmp_path / "config")
    assert CachingConfig.from_pretrained(tmp_path / "config") == config
    whole = CachingWholeConfig(parts=[CachingConfig(), copy.deepcopy(config)])
    whole.parts[1].table()
    whole.save_pretrained(tmp_path / "whole")
    assert CachingWholeConfig.from_pretrained(tmp_path / "whole") == whole


def test_what_was_given_is_missed_whatever_is_in_the_private_attribute_now(tmp_path):
    """A copy has been given what the config was given."""
    config = copy.deepcopy(PrivateConfig(hidden=5))
    config._hidden = 8
    with pytest.raises(ConfigError, match=r"PrivateConfig\._hidden: .* 5 would be lost: .* this 8\. Keep"):
        config.save_pretrained(tmp_path)


def outcome(make):
    """Return what a call makes, or None if it is refused."""
    try:
        return make()
    except (ConfigError, UnknownOptionError, ValueError, ArithmeticError, LookupError):
        return None


def updated(config, values):
    twin = copy.deepcopy(config)
    twin.update(values)
    return twin


# `None` for labels says in a load that they are not known, and `update` takes no parameters that a class does not keep.
OVERRIDES = st.dictionaries(st.sampled_from([*VALUES]), st.none(), min_size=1, max_size=3).flatmap(
    lambda names: st.fixed_dictionaries(
        {
            name: VALUES[name].filter(lambda value: value is not None)
            if name in {"id2label", "label2id"}
            else VALUES[name]
            for name in names
        }
    )
)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not UnkeptConfig])
def test_an_update_does_what_an_override_does(cls):
    """In any order of the fields; both are refused or neither is."""

    @settings(max_examples=60, deadline=None)
    @given(st.lists(FIELDS, max_size=2), OVERRIDES)
    def check(before, values):
        config = cls()
        apply(config, "", dict(before), is_update=True)
        expected = outcome(lambda: cls.from_dict(config.to_dict(), **values))
        assert outcome(lambda: updated(config, values)) == expected
        assert outcome(lambda: updated(config, dict(reversed(values.items())))) == expected

    check()


@pytest.mark.parametrize("values", [{"id2label": {}}, {"label2id": {}}])
def test_no_names_of_classes_are_an_update_too(values):
    """They are not dropped for the number of classes that a class passes."""
    with pytest.raises(ConfigError, match=r"num_labels.* is 0, but the class itself passes 3|num_labels=3 .* names 0"):
        PassedConfig().update(values)
    config = UnkeptConfig()
    config.update(values)
    assert config.num_labels == 0
