"""A `to_dict` that the author of a class has written: nothing private in the file, and nothing of the config lost."""

from __future__ import annotations

import copy
import json

import pytest

from config_core import ConfigDefinitionError, PretrainedConfig


class EncoderConfig(PretrainedConfig):
    model_type = "written-encoder"

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    def to_dict(self):
        return {"width": self.width}  # forgets what the base class has


class CompositeConfig(PretrainedConfig):
    """As published composite configs are written."""

    model_type = "written-composite"
    is_composition = True

    def __init__(self, encoder=None, heads: int = 4, **kwargs):
        super().__init__(**kwargs)
        self._cache = {"not": "a field"}
        self.encoder = encoder if isinstance(encoder, EncoderConfig) else EncoderConfig(**(encoder or {}))
        self.heads = heads

    def to_dict(self):
        output = copy.deepcopy(self.__dict__)
        output["encoder"] = self.encoder.to_dict()
        output["model_type"] = self.__class__.model_type
        return output


class VarsConfig(CompositeConfig):
    model_type = "written-vars"

    def to_dict(self):
        return {**vars(self), "encoder": self.encoder.to_dict()}


class ListedConfig(CompositeConfig):
    """Lists its fields, and forgets one."""

    model_type = "written-listed"

    def to_dict(self):
        return {"encoder": self.encoder.to_dict()}


class ToDictMixin:
    def to_dict(self):
        return dict(self.__dict__)


class MixedConfig(ToDictMixin, CompositeConfig):
    model_type = "written-mixed"


class ChildConfig(CompositeConfig):
    """Extends what its parent has written."""

    model_type = "written-child"

    def __init__(self, depth: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth

    def to_dict(self):
        return super().to_dict() | {"depth": self.depth}


CLASSES = pytest.mark.parametrize("cls", [CompositeConfig, VarsConfig, ListedConfig, MixedConfig, ChildConfig])
GIVEN = {
    "heads": 2,
    "id2label": {0: "cat", 1: "dog", 2: "cow"},
    "dtype": "bfloat16",
    "architectures": ["SomeModel"],
    "problem_type": "regression",
}


@CLASSES
def test_labels_and_dtype_survive(cls, tmp_path):
    """Everything that was given comes back, of the parts too."""
    config = cls(encoder={"width": 5, "num_labels": 7, "dtype": "float16"}, **GIVEN)
    config.save_pretrained(tmp_path)
    loaded = cls.from_pretrained(tmp_path)
    assert loaded == config
    assert (loaded.id2label, loaded.dtype, loaded.heads) == (GIVEN["id2label"], "bfloat16", 2)
    assert (loaded.encoder.num_labels, loaded.encoder.dtype) == (7, "float16")


@CLASSES
def test_no_private_name_is_written(cls, tmp_path):
    """At any depth, in each of the forms that a config is written in."""
    config = cls(encoder={}, **GIVEN)
    config.save_pretrained(tmp_path)
    config.to_json_file(tmp_path / "other.json")
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    for values in (config.to_dict(), config.to_diff_dict(), *map(json.loads, [config.to_json_string(), *texts])):
        assert not [name for name in (*values, *values.get("encoder", {})) if name.startswith("_")]


@CLASSES
def test_the_file_has_what_the_base_class_would_write(cls):
    """A field of the base class that was not given is not in it, as in other files."""
    written = cls(encoder={}).to_dict()
    assert set(written) == {"encoder", "heads", "model_type"} | ({"depth"} if cls is ChildConfig else set())
    assert written["model_type"] == cls.model_type


def test_what_a_file_has_under_private_names_survives(tmp_path):
    """Only attributes of the object are private; what a file had is written again."""
    CompositeConfig.from_dict({"_newer": 1, "newer": 2}).save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (values["_newer"], values["newer"]) == (1, 2)


def test_a_field_that_the_author_removes_stays_out(tmp_path):
    """Removing a field from what the base class returns, or from `__dict__`, is meant."""

    class RemovedConfig(PretrainedConfig):
        model_type = "written-removed"

        def __init__(self, width: int = 1, compiled: bool = False, **kwargs):  # noqa: FBT001, FBT002 - a field
            self.width = width
            self.compiled = compiled
            super().__init__(**kwargs)

        def to_dict(self):
            values = super().to_dict()
            values.pop("compiled")
            return values

    class RemovedFromStateConfig(RemovedConfig):
        def to_dict(self):
            values = copy.deepcopy(self.__dict__)
            del values["compiled"]
            return values

    for cls in (RemovedConfig, RemovedFromStateConfig):
        config = cls(width=4, compiled=True, num_labels=3)
        assert config.to_dict() == {"model_type": "written-removed", "width": 4, "num_labels": 3}
        config.save_pretrained(tmp_path)
        loaded = cls.from_pretrained(tmp_path)
        assert (loaded.width, loaded.compiled, loaded.num_labels) == (4, False, 3)


def test_an_alias_stands_for_its_field():
    """A class that writes the alias does not write the field a second time."""

    class AliasConfig(PretrainedConfig):
        model_type = "written-alias"
        attribute_map = {"hidden_size": "width"}  # noqa: RUF012 - as authors write it

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            super().__init__(**kwargs)

        def to_dict(self):
            return {"hidden_size": self.width}

    assert AliasConfig(width=4).to_dict() == {"hidden_size": 4, "model_type": "written-alias"}
    assert AliasConfig.from_dict(AliasConfig(width=4).to_dict()).width == 4


def test_derived_fields_are_noted_as_elsewhere(tmp_path):
    """An override computes again what the class computes."""

    class DerivedConfig(PretrainedConfig):
        model_type = "written-derived"

        def __init__(self, hidden: int = 64, heads: int = 4, **kwargs):
            self.hidden = hidden
            self.heads = heads
            self.head_dim = hidden // heads
            super().__init__(**kwargs)

        def to_dict(self):
            return copy.deepcopy(self.__dict__)

    config = DerivedConfig()
    config.heads = 2
    config.save_pretrained(tmp_path)
    assert DerivedConfig.from_pretrained(tmp_path) == config
    DerivedConfig().save_pretrained(tmp_path)
    assert DerivedConfig.from_pretrained(tmp_path, heads=8) == DerivedConfig(heads=8)


@pytest.mark.parametrize("returned", [None, [1]])
def test_a_to_dict_must_return_a_dict(returned):
    """A forgotten `return` is said where it is."""

    class ForgetfulConfig(PretrainedConfig):
        model_type = "written-forgetful"

        def to_dict(self):
            return returned

    with pytest.raises(ConfigDefinitionError, match=r"ForgetfulConfig\.to_dict must return a dict"):
        ForgetfulConfig().to_dict()


class TextConfig(PretrainedConfig):
    """Leaves a field out of the text, and adds one."""

    model_type = "written-text"

    def __init__(self, width: int = 3, cache: str = "", **kwargs):
        self.width, self.cache = width, cache
        super().__init__(**kwargs)

    def to_json_string(self, use_diff=True):  # noqa: FBT002 - as in transformers
        values = json.loads(super().to_json_string(use_diff))
        values.pop("cache", None)
        return json.dumps({**values, "written_by": "hand"})


class DiffConfig(PretrainedConfig):
    model_type = "written-diff"
    width: int = 3
    cache: str = ""

    def to_diff_dict(self):
        values = super().to_diff_dict()
        return {name: values[name] for name in values if name != "cache"} | {"written_by": "hand"}


class ForgetfulConfig(PretrainedConfig):
    model_type = "written-forgetful"
    width: int = 3
    cache: str = ""

    def to_json_string(self):
        public = {name: value for name, value in vars(self).items() if name != "cache"}
        return json.dumps({**public, "written_by": "hand"}, default=str)


@pytest.mark.parametrize("cls", [TextConfig, DiffConfig, ForgetfulConfig])
def test_saves_write_what_an_own_to_json_string_or_to_diff_dict_returns(tmp_path, cls):
    """As in transformers; what it leaves out is not in the file, but the fields of the base class are."""
    config = cls(width=5, cache="/tmp", num_labels=3)
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert {"model_type": cls.model_type, "num_labels": 3, "width": 5, "written_by": "hand"}.items() <= written.items()
    assert not [name for name in written if name == "cache" or name.startswith("_")]
    loaded = cls.from_pretrained(tmp_path)
    assert (loaded.width, loaded.cache, loaded.num_labels, loaded.written_by) == (5, "", 3, "hand")


@pytest.mark.parametrize("text", ["[1]", "{", None, {"width": 3}, '{"width": "x"}'], ids=str)
def test_an_own_to_json_string_that_cannot_be_loaded_is_refused(tmp_path, text):
    """Before anything is written."""

    class BrokenConfig(PretrainedConfig):
        width: int = 3

        def to_json_string(self, **_):
            return text

    with pytest.raises(TypeError, match=r"to_json_string must return|expected int"):
        BrokenConfig().save_pretrained(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_an_own_to_diff_dict_that_returns_no_dict_is_refused(tmp_path):
    """Before anything is written."""

    class BrokenConfig(PretrainedConfig):
        def to_diff_dict(self):
            return [1]

    with pytest.raises(ConfigDefinitionError, match=r"to_diff_dict must return a dict, got \[1\]"):
        BrokenConfig().save_pretrained(tmp_path)
