"""The number of classes and their names: one truth, however it is given."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"id2label": ["cat"]}, "id2label: expected a dict, got list"),
        ({"id2label": {"zero": "cat"}}, "expected numbers of classes, got 'zero'"),
        ({"id2label": {1.5: "cat"}}, "expected numbers of classes, got 1.5"),
        ({"id2label": {True: "cat"}}, "expected numbers of classes, got True"),
        ({"id2label": {"1": "cat", "01": "dog"}}, "two names have the same number, 1"),
        ({"id2label": {"0": 5}}, "expected names of classes, got 5 for 0"),
        ({"label2id": {"cat": 0, "dog": 0}}, "two names have the same number, 0"),
        ({"label2id": 3}, "label2id: expected a dict, got int"),
    ],
)
def test_malformed_names_are_refused(values, problem):
    """A map that loses or mistakes a class is an error that names the entry."""
    with pytest.raises(ConfigError, match=problem):
        PlainConfig.from_dict(values)


def test_two_classes_may_have_one_name():
    """ImageNet has two cranes; the list of names is whole."""
    config = PlainConfig(id2label={0: "crane", 1: "crane"})
    assert PlainConfig.from_dict(config.to_dict()).id2label == {0: "crane", 1: "crane"}


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


def test_number_of_classes_is_saved_where_the_class_has_another_default(tmp_path):
    """What the base class would make of a file without it is not what this class would."""

    class TenConfig(PretrainedConfig):
        model_type = "ten"

        def __init__(self, **kwargs):
            kwargs.setdefault("num_labels", 10)
            super().__init__(**kwargs)

    TenConfig(num_labels=2).save_pretrained(tmp_path)
    assert TenConfig.from_pretrained(tmp_path).num_labels == 2
