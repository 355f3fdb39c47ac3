"""The number of classes and their names: one truth, however it is given."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from dataclasses import dataclass, field

import pytest

from config_core import ConfigError, ConfigValidationError, PretrainedConfig


class PlainConfig(PretrainedConfig):
    model_type = "plain"


class CountConfig(PretrainedConfig):
    model_type = "count"
    attribute_map = {"num_labels": "num_classes"}  # noqa: RUF012

    def __init__(self, num_classes: int = 1000, **kwargs):
        self.num_classes = num_classes
        super().__init__(**kwargs)


CLASSES = pytest.mark.parametrize("cls", [PlainConfig, CountConfig])
PETS = {0: "cat", 1: "dog", 2: "eel"}


def test_two_labels_are_the_default():
    """A config that was told nothing has the two of a yes and a no."""
    config = PlainConfig()
    assert config.num_labels == 2
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1}


def test_a_count_of_the_class_is_the_count():
    """With attribute_map the model's own field and num_labels are one value, the default included."""
    config = CountConfig()
    assert config.num_labels == len(config.id2label) == 1000
    config.num_labels = 5
    assert config.num_classes == 5


@CLASSES
def test_names_set_the_count(cls):
    """Either of the two maps is enough, and gives the other."""
    for config in (cls(id2label=PETS), cls(label2id={name: number for number, name in PETS.items()})):
        assert (config.num_labels, config.id2label) == (3, PETS)
        assert config.label2id == {"cat": 0, "dog": 1, "eel": 2}


@CLASSES
def test_names_survive_a_round_trip(cls, tmp_path):
    """Numbers that JSON made text come back as numbers."""
    cls(id2label=PETS).save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.num_labels, loaded.id2label) == (3, PETS)


@CLASSES
def test_a_count_survives_a_round_trip(cls, tmp_path):
    """Without names only the number is written."""
    config = cls(num_labels=7)
    config.save_pretrained(tmp_path)
    assert "id2label" not in config.to_dict()
    assert cls.from_pretrained(tmp_path).num_labels == 7


@CLASSES
def test_another_count_drops_the_names(cls, tmp_path):
    """By assignment, by update and by override; the same count keeps them."""
    cls(id2label=PETS).save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, num_labels=3).id2label == PETS
    assert cls.from_pretrained(tmp_path, num_labels=2).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    config = cls(id2label=PETS)
    config.num_labels = 1
    assert config.id2label == {0: "LABEL_0"}
    config = cls(id2label=PETS)
    config.update({"num_labels": 1})
    assert config.label2id == {"LABEL_0": 0}


@CLASSES
def test_other_names_replace_the_count(cls, tmp_path):
    """Names that override a file's bring their number along."""
    cls(num_labels=7).save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, id2label=PETS).num_labels == 3
    config = cls(num_labels=7)
    config.update({"id2label": PETS})
    assert config.num_labels == 3
    config.label2id = {"a": 0}
    assert config.id2label == {0: "a"}


def test_the_number_of_a_class_counts_from_both_names(tmp_path):
    """An override of the model's own field drops the names as well."""
    CountConfig(id2label=PETS).save_pretrained(tmp_path)
    assert CountConfig.from_pretrained(tmp_path, num_classes=2).label2id == {"LABEL_0": 0, "LABEL_1": 1}


@CLASSES
@pytest.mark.parametrize(
    "values",
    [
        {"num_labels": 2, "id2label": PETS},
        {"num_labels": 2, "label2id": {"cat": 0}},
        {"id2label": PETS, "label2id": {"cat": 1}},
    ],
)
@pytest.mark.parametrize("way", ["made", "loaded", "updated"])
def test_contradictions_are_refused(cls, values, way):
    """A count and names, or two maps, that do not belong together are an error and change nothing."""
    config = cls()
    with pytest.raises(ConfigError, match=r"Give (one|only one) of"):
        {
            "made": lambda: cls(**values),
            "loaded": lambda: cls.from_dict(values),
            "updated": lambda: config.update(values),
        }[way]()
    assert config == cls()


DEFAULTS = {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
NUMBERS = {"cat": 0, "dog": 1, "eel": 2}


@CLASSES
@pytest.mark.parametrize(
    ("id2label", "label2id"),
    [
        (PETS, DEFAULTS),
        (PETS, {"LABEL_0": 0, "LABEL_1": 1}),
        (PETS, {**DEFAULTS, "LABEL_3": 3}),
        (PETS, {**DEFAULTS, **NUMBERS}),
        (PETS, {"cat": 0, "LABEL_1": 1, "eel": 2}),
        (PETS, {"LABEL_0": "0", "LABEL_1": "1"}),
        (PETS, {name: str(number) for name, number in NUMBERS.items()}),
        (PETS, {"cat": 0}),
        (PETS, {}),
        (PETS, None),
        (None, NUMBERS),
        ({number: name for name, number in DEFAULTS.items()}, NUMBERS),
        ({0: "cat", 1: "LABEL_1", 2: "eel"}, {**NUMBERS, "LABEL_0": 0}),
    ],
)
@pytest.mark.parametrize("way", ["made", "loaded", "updated"])
def test_names_that_were_left_at_their_defaults_do_not_count(cls, id2label, label2id, way, tmp_path):
    """Many published files have real names in one map and `LABEL_0` in the other, which transformers does not read."""
    names = id2label and {str(number): name for number, name in id2label.items()}
    values = {"model_type": cls.model_type, "id2label": names, "label2id": label2id}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    config = cls()
    if way == "updated":
        config.update({name: value for name, value in values.items() if value is not None})
    else:
        config = cls(**values) if way == "made" else cls.from_pretrained(tmp_path)
    assert (config.num_labels, config.id2label, config.label2id) == (3, PETS, NUMBERS)
    config.save_pretrained(tmp_path)
    again = cls.from_pretrained(tmp_path)
    assert again == config
    assert json.loads(config.to_json_string())["label2id"] == NUMBERS


@CLASSES
@pytest.mark.parametrize(
    ("id2label", "label2id", "problem"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, NUMBERS, "'eel' is 2, but id2label has no such number"),
        ({0: "LABEL_1", 1: "LABEL_0"}, {"LABEL_0": 0, "LABEL_1": 1}, "'LABEL_0' is 0, but id2label says 'LABEL_1'"),
        (PETS, {"LABEL_0": 0, "cat": 1}, "'cat' is 1, but id2label says 'dog'"),
        (PETS, {"LABEL_1": 0}, "'LABEL_1' is 0, but id2label says 'cat'"),
    ],
)
def test_names_that_somebody_gave_are_no_leftover(cls, id2label, label2id, problem):
    """They contradict the other map, whatever defaults stand beside them."""
    with pytest.raises(ConfigError, match=problem):
        cls(id2label=id2label, label2id=label2id)


@CLASSES
def test_numbers_of_classes_may_have_gaps(cls, tmp_path):
    """There are as many classes as names, as in transformers."""
    cls(id2label={1: "cat", 3: "dog"}).save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.num_labels, loaded.id2label, loaded.label2id) == (2, {1: "cat", 3: "dog"}, {"cat": 1, "dog": 3})


@CLASSES
@pytest.mark.parametrize("names", [[0, 1, 2], [3, 4, 5], [1.0, 2.5], [False, True], [None, "a"]], ids=str)
def test_names_that_are_numbers_in_one_map_are_text_in_both(cls, names, tmp_path):
    """Keys in JSON are text: this is what a save of transformers makes of numbers as names."""
    maps = {"id2label": dict(enumerate(names)), "label2id": {name: number for number, name in enumerate(names)}}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": cls.model_type, **maps}), encoding="utf-8")
    config = cls.from_pretrained(tmp_path)
    texts = [name if name == "a" else json.dumps(name) for name in names]
    assert (config.num_labels, [*config.id2label.values()]) == (len(names), texts)
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config


@CLASSES
def test_names_that_are_given_replace_malformed_ones_of_a_file(cls, tmp_path):
    """Such as numbers, which transformers takes for names."""
    values = {"model_type": cls.model_type, "id2label": {"0": 0, "1": 1}, "label2id": {"zero": 0}}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ConfigError, match="expected text as the name of class 0, got 0"):
        cls.from_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, id2label=PETS).id2label == PETS


@CLASSES
def test_a_number_of_classes_that_contradicts_the_names_of_a_file_can_be_given(cls, tmp_path):
    """The right one keeps the names, and another one drops them."""
    values = {"model_type": cls.model_type, "num_labels": 2, "id2label": PETS}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ConfigError, match="is 2, but id2label names 3 classes"):
        cls.from_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, num_labels=3).id2label == PETS
    assert cls.from_pretrained(tmp_path, num_labels=2).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert cls.from_pretrained(tmp_path, id2label=PETS).num_labels == 3


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"id2label": ["cat"]}, "id2label: expected a dict, got list"),
        ({"id2label": {"zero": "cat"}}, "expected a class number from 0, got 'zero'"),
        ({"id2label": {1.5: "cat"}}, "expected a class number from 0, got 1.5"),
        ({"id2label": {True: "cat"}}, "expected a class number from 0, got True"),
        ({"id2label": {-1: "none", 0: "cat"}}, "expected a class number from 0, got -1"),
        ({"id2label": {"9" * 5000: "cat"}}, "expected a class number from 0, got '9999"),
        ({"label2id": {"none": -1}}, "expected a class number from 0, got -1"),
        ({"id2label": {"1": "cat", "01": "dog"}}, "two names have the same number, 1"),
        ({"id2label": {"0": 5}}, "expected text as the name of class 0, got 5"),
        ({"label2id": {"cat": 0, "dog": 0}}, "two names have the same number, 0"),
        ({"label2id": 3}, "label2id: expected a dict, got int"),
    ],
)
def test_malformed_names_are_refused(values, problem):
    """A map that loses or mistakes a class is an error that names the entry."""
    with pytest.raises(ConfigError, match=problem):
        PlainConfig.from_dict(values)


TWINS = {0: "crane", 1: "owl", 2: "crane"}


@CLASSES
@pytest.mark.parametrize("label2id", [None, {"crane": 2, "owl": 1}, {"crane": 0, "owl": 1}, {"crane": 0}])
@pytest.mark.parametrize("order", [1, -1])
def test_which_of_two_classes_a_name_stands_for_is_kept(cls, label2id, order, tmp_path):
    """Both maps are given back, by whatever way they came; without the second, the later class counts."""
    values = dict([("label2id", label2id), ("id2label", TWINS)][::order])
    expected = {"crane": 2, "owl": 1} | (label2id or {})
    config = cls(**values)
    config.save_pretrained(tmp_path)
    updated = cls(num_labels=7)
    updated.update(values)
    ways = [config, cls.from_pretrained(tmp_path), cls.from_dict({}, **values), copy.deepcopy(config), updated]
    for each in (*ways, config.__replace__(return_dict=False)):
        assert (each.num_labels, each.id2label, each.label2id) == (3, TWINS, expected)


@CLASSES
def test_an_update_takes_both_maps_that_another_config_has(cls):
    """As `to_dict` returns them."""
    for names in (TWINS, PETS):
        config = cls(id2label={0: "a"})
        config.update(cls(id2label=names).to_dict())
        assert config == cls(id2label=names)


def test_names_that_are_assigned_one_after_the_other_agree():
    """The numbers of the names that are there do not replace them; other names do."""
    config = PlainConfig(id2label=TWINS)
    config.label2id = {"crane": 0, "owl": 1}
    assert (config.num_labels, config.label2id) == (3, {"crane": 0, "owl": 1})
    config.id2label[0] = "kite"
    assert config.label2id == {"kite": 0, "owl": 1, "crane": 2}
    config.label2id = {"fox": 0, "hen": 1}
    assert config.id2label == {0: "fox", 1: "hen"}


@CLASSES
def test_numbers_alone_choose_among_classes_of_one_name(cls, tmp_path):
    """In an update and an override: the number of classes stays."""
    config = cls(id2label=TWINS)
    config.save_pretrained(tmp_path)
    numbers = {"crane": 0, "owl": 1}
    config.update({"label2id": numbers})
    for each in (config, cls.from_pretrained(tmp_path, label2id=numbers)):
        assert (each.num_labels, each.id2label, each.label2id) == (3, TWINS, numbers)


def test_names_given_one_by_one_are_written():
    """A change to the default names in place is kept."""
    config = PlainConfig()
    config.id2label[1] = "yes"
    assert PlainConfig.from_dict(config.to_dict()).id2label == {0: "LABEL_0", 1: "yes"}


def test_a_hostile_count_costs_nothing():
    """Loading, comparing and showing a config does not make names for classes that nobody asks for."""
    config = PlainConfig.from_dict({"num_labels": 10**15})
    assert config == PlainConfig.from_dict(config.to_dict())
    assert "1000000000000000" in repr(config)


def test_the_count_is_checked_on_assignment():
    """A count that is no number is refused at once."""
    with pytest.raises(ConfigValidationError, match="num_labels: expected a number of classes"):
        PlainConfig().num_labels = "3"


@pytest.mark.parametrize("name", ["id2label", "label2id", "num_labels"])
def test_none_says_nothing_about_labels(tmp_path, name):
    """Programs pass it for what they do not know; it leaves what the file says."""
    config = PlainConfig(id2label={0: "cat", 1: "dog", 2: "owl"})
    config.save_pretrained(tmp_path)
    assert PlainConfig.from_pretrained(tmp_path, **{name: None}) == config


@CLASSES
@pytest.mark.parametrize(
    ("change", "name", "is_shown"),
    [(lambda names: names.update({3: "fox"}), "fox", True), (lambda names: names.pop(0), "cat", False)],
)
def test_names_that_are_added_or_removed_in_place_are_refused_and_not_lost(cls, change, name, is_shown, tmp_path):
    """The number of classes does not hear of such a change; whatever needs the names says so, and what to write."""
    config = cls(id2label=PETS)
    change(config.id2label)
    save = functools.partial(config.save_pretrained, tmp_path / "saved")
    for use in (config.to_dict, config.validate, lambda: config.id2label, save):
        with pytest.raises(ConfigError, match=r"id2label names \d classes, .* 3\. Assign all names at once"):
            use()
    assert not (tmp_path / "saved").exists()
    assert (name in repr(config)) is is_shown
    config.id2label = {0: "a"}
    assert config.num_labels == 1


def test_a_name_that_is_none_is_refused_at_the_save(tmp_path):
    """A name that was changed in place is checked where it would be lost."""
    config = PlainConfig(id2label=PETS)
    config.id2label[0] = 5
    with pytest.raises(ConfigError, match=r"expected text as the name of class 0, got 5"):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("look", [True, False])
def test_names_that_were_dropped_do_not_come_back(look):
    """Whether or not someone looked in between."""
    config = PlainConfig(id2label={0: "cat", 1: "dog"})
    config.num_labels = 3
    if look:
        assert config.id2label[2] == "LABEL_2"
    config.num_labels = 2
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1"}


@dataclass
class NamedConfig(PretrainedConfig):
    model_type = "named"
    id2label: dict[int, str] = field(default_factory=lambda: {0: "no", 1: "yes"})


class NamedByHandConfig(PretrainedConfig):
    model_type = "named-by-hand"

    def __init__(self, id2label: dict[int, str] | None = None, **kwargs):
        super().__init__(id2label=id2label or {0: "no", 1: "yes"}, **kwargs)


@pytest.mark.parametrize("cls", [NamedConfig, NamedByHandConfig])
def test_names_of_a_class_are_a_default(cls, tmp_path):
    """Names of the caller replace them, generic ones too, and are what a file says."""
    assert cls().id2label == {0: "no", 1: "yes"}
    for names in ({0: "LABEL_0", 1: "LABEL_1"}, PETS):
        cls(id2label=names).save_pretrained(tmp_path)
        assert cls.from_pretrained(tmp_path).id2label == names


def test_a_number_of_classes_replaces_the_names_of_a_dataclass(tmp_path):
    """What the caller says counts more than a default."""
    assert NamedConfig(num_labels=2).id2label == {0: "no", 1: "yes"}
    config = NamedConfig(num_labels=3)
    assert (config.num_labels, config.id2label) == (3, {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})
    config.save_pretrained(tmp_path)
    assert NamedConfig.from_pretrained(tmp_path) == config
    with pytest.raises(ConfigError, match=r"num_labels is 3, but id2label names 1"):
        NamedConfig(num_labels=3, id2label={0: "a"})


@CLASSES
def test_copies_of_a_config_keep_the_names(cls):
    """A copy and its original share no names."""
    config = cls(id2label=PETS)
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        twin.id2label[0] = "ape"
        assert (config.id2label[0], twin.id2label[0], twin.num_labels) == ("cat", "ape", 3)


def test_number_of_classes_is_saved_of_a_class_with_required_fields(tmp_path):
    """Its defaults are seen all the same."""

    class WideConfig(PretrainedConfig):
        model_type = "wide"

        def __init__(self, width: int, **kwargs):
            self.width = width
            kwargs.setdefault("num_labels", 10)
            super().__init__(**kwargs)

    assert WideConfig(3).to_dict() == {"model_type": "wide", "width": 3, "num_labels": 10}
    WideConfig(3, num_labels=2).save_pretrained(tmp_path)
    assert WideConfig.from_pretrained(tmp_path).num_labels == 2


class PassingConfig(PretrainedConfig):
    """Keeps the number of classes under its own name, and passes it on."""

    model_type = "labels-passing"

    def __init__(self, classes: int = 5, **kwargs):
        self.classes = classes
        super().__init__(num_labels=classes, **kwargs)


class OnlyPassingConfig(PretrainedConfig):
    """Only passes the number of classes on."""

    model_type = "labels-only-passing"

    def __init__(self, classes: int = 5, **kwargs):
        super().__init__(num_labels=classes, **kwargs)


def test_a_number_of_classes_that_the_class_passes_on_follows_its_parameter(tmp_path):
    """In an override and in an update; with another number beside it, both are named."""
    config = PassingConfig(classes=7)
    config.save_pretrained(tmp_path)
    assert PassingConfig.from_pretrained(tmp_path) == config
    config.update({"classes": 3})
    for changed in (config, PassingConfig.from_pretrained(tmp_path, classes=3)):
        assert (changed.classes, changed.num_labels) == (3, 3)
    with pytest.raises(ConfigError, match=r"'num_labels' is 3, but the class itself passes 7"):
        PassingConfig.from_pretrained(tmp_path, num_labels=3)


class NamesConfig(PretrainedConfig):
    """Makes both maps of a list, and passes them on."""

    model_type = "labels-names"

    def __init__(self, names=("no", "yes"), **kwargs):
        self.names = list(names)
        numbers = {name: number for number, name in enumerate(names)}
        super().__init__(id2label=dict(enumerate(names)), label2id=numbers, **kwargs)


class OneMapConfig(PretrainedConfig):
    """Makes one of the two maps, from which the other follows."""

    model_type = "labels-one-map"

    def __init__(self, names=("no", "yes"), **kwargs):
        self.names = list(names)
        super().__init__(id2label=dict(enumerate(names)), **kwargs)


class AssigningConfig(PretrainedConfig):
    """Assigns what it has taken under another name, after the base class."""

    model_type = "labels-assigning"

    def __init__(self, classes: int = 5, precise: bool = True, **kwargs):  # noqa: FBT001, FBT002 - a field
        super().__init__(**kwargs)
        self.classes = classes
        self.precise = precise
        self.num_labels = classes
        self.dtype = "float32" if precise else "float16"


@pytest.mark.parametrize("cls", [NamesConfig, OneMapConfig])
def test_names_that_the_class_passes_on_follow_its_parameter(cls, tmp_path):
    """In an override and in an update, together with their number."""
    config = cls(names=["a", "b", "c"])
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    config.update({"names": ["d"]})
    for changed in (config, cls.from_pretrained(tmp_path, names=["d"])):
        assert (changed.num_labels, changed.id2label, changed.label2id) == (1, {0: "d"}, {"d": 0})


def test_base_fields_that_the_class_assigns_follow_its_parameters_or_the_caller(tmp_path):
    """What a caller gives for them is kept, as for any computed field."""
    config = AssigningConfig(classes=7)
    config.save_pretrained(tmp_path)
    assert AssigningConfig.from_pretrained(tmp_path) == config
    config.update({"classes": 3, "precise": False})
    for changed in (config, AssigningConfig.from_pretrained(tmp_path, classes=3, precise=False)):
        assert (changed.num_labels, changed.dtype) == (3, "float16")
    given = {"num_labels": 4, "dtype": "bfloat16"}
    for changed in (AssigningConfig(**given), AssigningConfig.from_pretrained(tmp_path, **given)):
        assert (changed.num_labels, changed.dtype) == (4, "bfloat16")
        changed.save_pretrained(tmp_path / "given")
        assert AssigningConfig.from_pretrained(tmp_path / "given") == changed
    assert AssigningConfig(id2label=PETS).id2label == PETS


class RegressionConfig(PretrainedConfig):
    """Derives a field of the base class from another one."""

    model_type = "labels-regression"

    def __init__(self, width: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        if self.num_labels == 1:
            self.problem_type = "regression"


def test_a_base_field_that_the_class_derives_from_another_follows_it(tmp_path):
    """In an override and in an update, there and back; the file is the same after a load."""
    config = RegressionConfig()
    config.save_pretrained(tmp_path)
    config.update({"num_labels": 1})
    for changed in (config, RegressionConfig.from_pretrained(tmp_path, num_labels=1)):
        assert changed == RegressionConfig(num_labels=1)
        assert changed.problem_type == "regression"
        assert RegressionConfig.from_dict(changed.to_dict()).to_dict() == RegressionConfig(num_labels=1).to_dict()
    config.update({"num_labels": 2})
    assert (config, config.problem_type) == (RegressionConfig(), None)


def test_a_number_of_classes_that_the_class_only_passes_on_is_saved(tmp_path):
    """A load needs no parameter for it, and one that contradicts the file is refused."""
    config = OnlyPassingConfig(classes=7)
    config.save_pretrained(tmp_path)
    assert OnlyPassingConfig.from_pretrained(tmp_path) == config
    assert OnlyPassingConfig.from_pretrained(tmp_path, num_labels=3).num_labels == 3
    with pytest.raises(ConfigError, match=r"classes=3 would have no effect, .*'num_labels', which is 7"):
        OnlyPassingConfig.from_pretrained(tmp_path, classes=3)
    with pytest.raises(ConfigError, match=r"'num_labels' is 3, but the class itself passes 4"):
        OnlyPassingConfig(classes=4, num_labels=3)


def test_none_for_a_base_field_that_the_class_passes_on_is_no_value():
    """As for other fields of the base class; many files have `"problem_type": null`."""

    class PassingTypeConfig(PretrainedConfig):
        model_type = "labels-passing-type"

        def __init__(self, classes: int = 1, **kwargs):
            self.classes = classes
            super().__init__(num_labels=classes, problem_type="regression", **kwargs)

    for config in (
        PassingTypeConfig(num_labels=None, problem_type=None),
        PassingTypeConfig.from_dict({"classes": 1, "problem_type": None}),
    ):
        assert (config.num_labels, config.problem_type) == (1, "regression")
    with pytest.raises(ConfigError, match="'problem_type' is 'single_label_classification', but the class"):
        PassingTypeConfig(problem_type="single_label_classification")


def decided_config():
    """Return a new class whose required argument decides fields of the base class."""

    class DecidedConfig(PretrainedConfig):
        model_type = "decided"
        made = 0

        def __init__(self, task: str, **kwargs):
            type(self).made += 1
            self.task = task
            if task == "pets":
                kwargs.setdefault("id2label", {0: "cat", 1: "dog"})
            kwargs.setdefault("return_dict", task != "raw")
            super().__init__(**kwargs)

    return DecidedConfig


@pytest.mark.parametrize("first", [None, "any", "raw", "pets"])
def test_what_is_written_does_not_depend_on_the_config_that_came_first(first):
    """A required argument may decide fields of the base class; each config is written so that it loads equal."""
    cls = decided_config()
    if first is not None:
        cls(first).to_dict()
    names = {0: "LABEL_0", 1: "LABEL_1"}
    for config in (cls("raw", return_dict=True), cls("pets", id2label=names), cls("pets"), cls("raw"), cls("any")):
        loaded = cls.from_dict(config.to_dict())
        assert (loaded.return_dict, loaded.id2label) == (config.return_dict, config.id2label)
        assert loaded == config
    dropped = cls("pets")
    dropped.id2label = None
    dropped.return_dict = False
    dropped.return_dict = True
    assert cls.from_dict(dropped.to_dict()).id2label == names
    changed = cls("raw")
    changed.return_dict = True
    assert cls.from_dict(changed.to_dict()).return_dict is True


def test_a_field_is_equal_whether_it_was_given_or_is_the_default():
    """What was said is written; it makes no other config."""
    said = PlainConfig(return_dict=True, num_labels=2, id2label={0: "LABEL_0", 1: "LABEL_1"})
    assert said == PlainConfig()
    assert said.to_dict()["return_dict"] is True
    assert said.to_diff_dict().keys() <= {"model_type", "id2label", "label2id"}


def test_no_other_config_is_made_to_write_one():
    """Neither its defaults nor its labels are worth a construction, whose `__init__` may do anything."""
    config = decided_config()("pets")
    made = type(config).made
    config.to_json_string()
    assert repr(config) != ""
    assert config == copy.deepcopy(config)
    assert type(config).made == made


def test_numbers_of_numpy_are_numbers_of_classes():
    """As they are in fields with an annotation."""
    np = pytest.importorskip("numpy")
    config = PretrainedConfig(num_labels=np.int64(3))
    assert (config.num_labels, type(config.num_labels)) == (3, int)
    assert PretrainedConfig(id2label={np.int64(0): "a", np.int32(1): "b"}).id2label == {0: "a", 1: "b"}
    assert PretrainedConfig(label2id={"a": np.int64(0)}).label2id == {"a": 0}


@CLASSES
@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        ({"id2label": ["ab", "cd"]}, '{"0": "ab", "1": "cd"}.'),
        ({"id2label": ("a", "b", "c", "d")}, '{"0": "a", "1": "b", "2": "c", …}.'),
        ({"id2label": "cat"}, '{"0": "cat", "1": "dog", …}.'),
        ({"label2id": ["ab", "cd"]}, '{"ab": 0, "cd": 1}.'),
        ({"label2id": []}, '{"cat": 0, "dog": 1, …}.'),
    ],
)
def test_a_list_of_names_is_refused_with_the_dict_to_write(cls, labels, advice):
    """In the constructor, a dict, an override, an update and an assignment."""
    ((name, value),) = labels.items()
    config = cls()
    for give in (
        lambda: cls(**labels),
        lambda: cls.from_dict(labels),
        lambda: cls.from_dict({}, **labels),
        lambda: config.update(labels),
        lambda: setattr(config, name, value),
    ):
        with pytest.raises(ConfigError, match=rf"^{name}: expected a dict, got (list|tuple|str) .*Write ") as caught:
            give()
        assert str(caught.value).endswith(advice)
