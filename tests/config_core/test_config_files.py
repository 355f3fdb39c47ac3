"""Configs in files: the round trip, overrides, and files that are not what they should be."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
from pathlib import Path

import pytest

from config_core import (
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigError,
    ConfigFileError,
    FolderCheckpoint,
    PretrainedConfig,
    SaveError,
    UnknownOptionError,
)


class TinyConfig(PretrainedConfig):
    model_type = "tiny"

    def __init__(self, width: int = 8, layers: tuple[int, ...] = (1, 2), note: str = "", **kwargs):
        if width > 1000:
            raise ValueError("width is too large")
        self.width = width
        self.layers = layers
        self.note = note
        super().__init__(**kwargs)


def write(folder, text, name="config.json"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Round trip


def test_a_config_comes_back_equal(tmp_path):
    """What is saved is what is loaded, in the class's own types."""
    config = TinyConfig(width=16, layers=(3, 4), num_labels=5, dtype="bfloat16", architectures=["TinyModel"])
    config.save_pretrained(tmp_path / "new" / "folder")
    loaded = TinyConfig.from_pretrained(tmp_path / "new" / "folder")
    assert loaded == config
    assert loaded.layers == (3, 4)


def test_the_source_may_be_given_by_its_name(tmp_path):
    """The name is that of transformers, and what editors and `inspect` show."""
    TinyConfig(width=3).save_pretrained(tmp_path)
    assert TinyConfig.from_pretrained(pretrained_model_name_or_path=tmp_path, note="x").width == 3
    assert TinyConfig.get_config_dict(pretrained_model_name_or_path=tmp_path)[0]["width"] == 3
    for method in (TinyConfig.from_pretrained, TinyConfig.get_config_dict):
        assert next(iter(inspect.signature(method).parameters)) == "pretrained_model_name_or_path"


def test_dicts_and_files_may_be_given_by_their_names(tmp_path):
    """As in transformers, so that a method that overrides one of these has the same parameters in both."""
    config = TinyConfig.from_dict(config_dict={"width": 3, "values": 1})
    config.update(config_dict={"note": "x"})
    config.to_json_file(json_file_path=tmp_path / "tiny.json")
    assert TinyConfig.from_json_file(json_file=tmp_path / "tiny.json") == config
    assert (config.width, config.note) == (3, "x")
    assert TinyConfig.from_dict({"values": 1}, values=2).values == 2


def test_the_file_is_the_field_s_own_form(tmp_path):
    """Sorted keys, two spaces, ASCII, a newline at the end, and nothing but what is known."""
    TinyConfig(note="é").save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_text(encoding="ascii") == (
        '{\n  "layers": [\n    1,\n    2\n  ],\n  "model_type": "tiny",\n  "note": "\\u00e9",\n  "width": 8\n}\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_every_field_of_the_class_is_written(tmp_path):
    """A default that changes in a later version does not change what was saved."""
    TinyConfig().save_pretrained(tmp_path)

    class TinyConfigOfTomorrow(TinyConfig):
        def __init__(self, width: int = 99, **kwargs):
            super().__init__(width=width, **kwargs)

    assert TinyConfigOfTomorrow.from_pretrained(tmp_path).width == 8


def test_saving_twice_writes_the_same_bytes(tmp_path):
    """Files can be compared by their content."""
    config = TinyConfig(width=3)
    config.save_pretrained(tmp_path / "a")
    TinyConfig.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b")
    assert (tmp_path / "a" / "config.json").read_bytes() == (tmp_path / "b" / "config.json").read_bytes()


def test_a_save_leaves_other_files_alone(tmp_path):
    """A README or weights beside the config stay."""
    write(tmp_path, "mine", "README.md")
    TinyConfig().save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_the_source_may_be_a_file_a_folder_or_an_open_checkpoint(tmp_path):
    """All three are the same config, and know where they came from."""
    TinyConfig(width=3).save_pretrained(tmp_path)
    for source in (tmp_path, str(tmp_path), tmp_path / "config.json", FolderCheckpoint(tmp_path)):
        config = TinyConfig.from_pretrained(source)
        assert config.width == 3
        assert config.name_or_path == str(tmp_path)
        assert str(tmp_path) not in config.to_json_string()


def test_a_file_of_any_name_is_read(tmp_path):
    """A path to a JSON file is that file, with and without from_pretrained."""
    TinyConfig(width=3).to_json_file(tmp_path / "other.json")
    assert TinyConfig.from_pretrained(tmp_path / "other.json").width == 3
    assert TinyConfig.from_json_file(str(tmp_path / "other.json")).width == 3
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    """`~` is the user's home for folders and files alike."""
    monkeypatch.setenv("HOME", str(tmp_path))
    TinyConfig(width=3).save_pretrained(tmp_path / "saved")
    assert TinyConfig.from_pretrained("~/saved").width == 3
    assert TinyConfig.from_pretrained("~/saved/config.json").width == 3


def test_folder_named_like_a_home_is_reached_by_a_dot_in_front(tmp_path, monkeypatch):
    """As in a shell, `./~root` is a folder here, and no home, for saves, loads and single files."""
    monkeypatch.chdir(tmp_path)
    TinyConfig(width=3).save_pretrained("./~root")
    TinyConfig(width=4).to_json_file("./~root/other.json")
    assert TinyConfig.from_pretrained("./~root").width == 3
    assert TinyConfig.from_json_file("./~root/other.json").width == 4
    assert sorted(path.name for path in (tmp_path / "~root").iterdir()) == ["config.json", "other.json"]


def test_a_subfolder_is_read(tmp_path):
    """A checkpoint may lie inside a larger one."""
    TinyConfig(width=3).save_pretrained(tmp_path / "a" / "b")
    assert TinyConfig.from_pretrained(tmp_path, subfolder="a/b").width == 3


def test_unknown_keys_survive_a_round_trip(tmp_path):
    """A file of a newer version is attributes now and the same file again."""
    write(tmp_path, '{"model_type": "tiny", "newer": {"a": [1, null]}, "transformers_version": "5.23.0"}')
    config = TinyConfig.from_pretrained(tmp_path)
    assert config.newer == {"a": [1, None]}
    config.save_pretrained(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert (again["newer"], again["transformers_version"]) == ({"a": [1, None]}, "5.23.0")


def test_underscore_keys_are_kept_but_never_attributes(tmp_path):
    """A file cannot reach into the object, and loses nothing by it."""
    write(tmp_path, '{"_attn_implementation_internal": "evil/kernel", "__class__": 1, "_dtype": 3, "_extra": 4}')
    config = TinyConfig.from_pretrained(tmp_path)
    assert not hasattr(config, "_attn_implementation_internal")
    assert type(config) is TinyConfig
    assert config.dtype is None
    values = config.to_dict()
    assert (values["_attn_implementation_internal"], values["__class__"], values["_dtype"]) == ("evil/kernel", 1, 3)


def test_what_a_file_says_of_its_place_is_not_kept(tmp_path):
    """The next folder has another path, commit and code, and weights under the usual name."""
    where = '"_name_or_path": "a/b", "_commit_hash": "1", "transformers_weights": "b.safetensors"'
    write(tmp_path, f'{{{where}, "auto_map": {{"AutoConfig": "a/b--m.C"}}}}')
    assert TinyConfig.from_pretrained(tmp_path).to_dict() == TinyConfig().to_dict()


def test_model_type_is_the_class_s(tmp_path):
    """What an instance was told is not written; a class for any type keeps what the file says."""
    config = TinyConfig()
    config.model_type = "other"
    assert config.to_dict()["model_type"] == "tiny"
    config.save_pretrained(tmp_path)
    any_type = PretrainedConfig.from_pretrained(tmp_path)
    assert any_type.model_type == any_type.to_dict()["model_type"] == "tiny"
    assert PretrainedConfig().model_type == ""


def test_another_model_type_warns(tmp_path):
    """The values are read all the same; the warning points to the caller."""
    write(tmp_path, '{"model_type": "huge", "width": 3}')
    with pytest.warns(UserWarning, match="model_type 'huge', but TinyConfig is for 'tiny'") as seen:
        assert TinyConfig.from_pretrained(tmp_path).width == 3
    assert seen[0].filename == __file__


def test_numbers_that_json_has_no_word_for_come_back(tmp_path):
    """Infinity and NaN, in the form that transformers writes, and as some writers put them bare."""
    config = TinyConfig.from_dict({"scale": [math.inf, -math.inf, math.nan, 1e300]})
    config.save_pretrained(tmp_path)
    assert '{"__float__": "-Infinity"}' in " ".join(
        (tmp_path / "config.json").read_text(encoding="utf-8").split()
    ).replace("{ ", "{").replace(" }", "}")
    loaded = TinyConfig.from_pretrained(tmp_path)
    assert loaded == config
    assert math.isnan(loaded.scale[2])
    write(tmp_path, '{"model_type": "tiny", "scale": [Infinity, -Infinity, NaN, 1e300]}')
    assert TinyConfig.from_pretrained(tmp_path) == config


def test_text_survives_whatever_it_is(tmp_path):
    """Emoji, control characters and half a surrogate pair."""
    note = "\x00\u2028🐍\ud800"
    TinyConfig(note=note).save_pretrained(tmp_path)
    assert TinyConfig.from_pretrained(tmp_path).note == note


def test_a_byte_order_mark_is_no_fault(tmp_path):
    """Editors of some systems put one at the start."""
    write(tmp_path, b"\xef\xbb\xbf" + b'{"width": 3}')
    assert TinyConfig.from_pretrained(tmp_path).width == 3


# Overrides


def test_overrides_replace_what_the_file_says(tmp_path):
    """Fields of the class, of the base class, and keys that only the file knows."""
    TinyConfig.from_dict({"newer": 1}).save_pretrained(tmp_path)
    config = TinyConfig.from_pretrained(tmp_path, width=3, output_attentions=True, newer=2)
    assert (config.width, config.output_attentions, config.newer) == (3, True, 2)


def test_an_unknown_override_is_an_error_with_a_near_match(tmp_path):
    """A misspelt field or option is not swallowed."""
    TinyConfig().save_pretrained(tmp_path)
    with pytest.raises(UnknownOptionError, match=r"'widht' is neither a field.* Did you mean 'width'") as caught:
        TinyConfig.from_pretrained(tmp_path, widht=3)
    assert caught.value.names == ("widht",)
    with pytest.raises(UnknownOptionError, match="'reviison'"):
        TinyConfig.from_pretrained(tmp_path, reviison="main")


def test_unused_keywords_are_returned_when_asked_for(tmp_path):
    """This is how a model tells its config's keywords from its own."""
    TinyConfig().save_pretrained(tmp_path)
    config, unused = TinyConfig.from_pretrained(tmp_path, return_unused_kwargs=True, width=3, strict=False)
    assert (config.width, unused) == (3, {"strict": False})
    assert not hasattr(config, "strict")
    config, unused = TinyConfig.from_dict({"width": 4}, return_unused_kwargs=True, other=1)
    assert (config.width, unused) == (4, {"other": 1})


def test_from_dict_takes_nothing_from_its_argument():
    """The dict is not changed, neither at once nor when the config is."""
    values = {"width": 3, "newer": [1], "model_type": "tiny"}
    before = copy.deepcopy(values)
    TinyConfig.from_dict(values, width=4).newer.append(2)
    assert values == before


def test_get_config_dict_says_what_the_file_says(tmp_path):
    """Nothing is interpreted, and the keywords that are no options come back."""
    write(tmp_path, '{"model_type": "huge", "_x": 1, "auto_map": {"AutoConfig": "m.C"}}')
    values, unused = TinyConfig.get_config_dict(tmp_path, width=3)
    assert values == {"model_type": "huge", "_x": 1, "auto_map": {"AutoConfig": "m.C"}}
    assert unused == {"width": 3}


@pytest.mark.parametrize("option", ["trust_remote_code", "code_revision"])
def test_trust_options_of_a_concrete_class_warn(tmp_path, option):
    """They belong to the Auto classes: here no code of a checkpoint runs."""
    TinyConfig().save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match=f"{option} has no effect on TinyConfig.from_pretrained") as seen:
        config = TinyConfig.from_pretrained(tmp_path, **{option: "x"})
    assert seen[0].filename == __file__
    assert option not in config.to_dict()
    TinyConfig.from_pretrained(tmp_path, **{option: None})


# Files that are not what they should be


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (b"", 1, "this is not JSON: the file is empty"),
        (b'{\n  "width": 3,\n  "layers": [1, 2\n', 4, "this is not JSON"),
        (b'{\n  "width": 3\n  "note": ""\n}', 3, "Expecting ',' delimiter"),
        (b"{'width': 3}", 1, "this is not JSON"),
        (b'{"width": 3}\n{"width": 4}', 2, "Extra data"),
        (b"\x89PNG\r\n\x1a\n", 1, "this is not UTF-8 text"),
        (b'{\n"note": "\xff"\n}', 2, "this is not UTF-8 text"),
        ('{"width": 3}'.encode("utf-16"), 1, "this is not UTF-8 text"),
        (b"[1, 2]", None, "expected a JSON object with the config's fields, got a list"),
        (b"3", None, "got a number"),
        (b'"width"', None, "got a string"),
        (b"true", None, "got a boolean"),
        (b"null", None, "got null"),
        (b'{"__float__": "NaN"}', None, "got a number"),
        (b'{"width": 3,\n"width": 4}', 2, "duplicate key 'width'"),
        (b'{"a": {"b": 1, "b": 1}}', 1, "duplicate key 'b'"),
        (b'{"a": ' + b"[" * 200_000, None, "nested too deep"),
        (b'{"a":' * 100_000, None, "nested too deep"),
        (b'{"n": ' + b"1" * 5000 + b"}", None, "4300 digits"),
        (b'{"trust_remote_code": true}', None, "'trust_remote_code' is not allowed in config.json"),
        (b'{"code_revision": "x"}', None, "'code_revision' is not allowed"),
        (b'{"part": [{"trust_remote_code": false}]}', None, "'trust_remote_code' is not allowed"),
        (b" " * (16 * 1024 * 1024 + 1), None, "16,777,216 bytes at most"),
    ],
)
def test_a_file_that_is_no_config_is_an_error_with_its_place(tmp_path, text, line, problem):
    """Path, line where there is one, and what is wrong; every way of reading says the same."""
    path = write(tmp_path, text)
    for read in (TinyConfig.from_pretrained, TinyConfig.get_config_dict):
        with pytest.raises(ConfigFileError) as caught:
            read(tmp_path)
        assert problem in str(caught.value)
        assert (caught.value.path, caught.value.line) == (path, line)
        assert str(caught.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")
    with pytest.raises(OSError, match=r"config.json"):
        TinyConfig.from_json_file(path)


@pytest.mark.parametrize("name", ["trust_remote_code", "code_revision"])
def test_trust_cannot_be_given_as_a_field(name):
    """Neither a dict nor a constructor takes it."""
    with pytest.raises(ConfigError, match=f"'{name}' is not allowed in a config"):
        TinyConfig.from_dict({name: True})
    with pytest.raises(ConfigError, match=f"'{name}' is not allowed in a config"):
        TinyConfig(**{name: True})


@pytest.mark.parametrize(
    "name", ["save_pretrained", "from_pretrained", "to_dict", "update", "attribute_map", "sub_configs", "validate"]
)
def test_a_key_cannot_hide_a_method(tmp_path, name):
    """A file that would put its value where code expects a method is refused, with its path."""
    path = write(tmp_path, json.dumps({"model_type": "tiny", name: "x"}))
    with pytest.raises(ConfigError, match=f"'{name}' is a method or setting of TinyConfig") as caught:
        TinyConfig.from_pretrained(tmp_path)
    assert str(path) in str(caught.value)


def test_a_key_named_self_is_refused(tmp_path):
    """It would collide with the argument of every method."""
    write(tmp_path, '{"model_type": "tiny", "self": 1}')
    with pytest.raises(ConfigError, match="'self' cannot be the name of a field"):
        TinyConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("key", ["", "a b", "class", "source", "revision", "cls", "kwargs", "values", "config", "é"])
def test_odd_keys_are_only_keys(tmp_path, key):
    """Names that Python or our own functions use are read and written like any other."""
    write(tmp_path, json.dumps({"model_type": "tiny", key: 1}))
    assert TinyConfig.from_pretrained(tmp_path).to_dict()[key] == 1


def test_a_wrong_value_in_a_file_is_named_with_the_file(tmp_path):
    """The error has the path of the file and of the value."""
    path = write(tmp_path, '{"layers": [1, "2"]}')
    with pytest.raises(ConfigError, match=r"config.json: TinyConfig.layers\[1\]: expected int, got str '2'") as caught:
        TinyConfig.from_pretrained(tmp_path)
    assert str(caught.value).startswith(str(path))


def test_the_class_s_own_refusal_names_the_file_too(tmp_path):
    """A ValueError out of `__init__` stays what it is and gets a note."""
    path = write(tmp_path, '{"width": 1001}')
    with pytest.raises(ValueError, match="width is too large") as caught:
        TinyConfig.from_pretrained(tmp_path)
    assert type(caught.value) is ValueError
    assert str(path) in caught.value.__notes__[0]


def test_a_missing_required_field_is_named_with_the_file(tmp_path):
    """A file that lacks what the class needs is the file's fault."""

    class Needy(PretrainedConfig):
        def __init__(self, width: int, **kwargs):
            self.width = width
            super().__init__(**kwargs)

    write(tmp_path, "{}")
    with pytest.raises(ConfigError, match=r"config.json: Needy.width: Needy needs 'width'.* Give it in the file"):
        Needy.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"config.json: Needy.width: Needy needs 'width'"):
        Needy.from_json_file(tmp_path / "config.json")
    assert Needy.from_pretrained(tmp_path, width=3).width == 3


def test_a_folder_without_a_config_says_so(tmp_path):
    """And what a checkpoint is."""
    with pytest.raises(
        CheckpointFileNotFoundError, match=r"has no file 'config.json'. A checkpoint is what save_pretrained"
    ):
        TinyConfig.from_pretrained(tmp_path)
    (tmp_path / "config.json").mkdir()
    with pytest.raises(CheckpointFileNotFoundError):
        TinyConfig.from_pretrained(tmp_path)


def test_weights_without_a_config_say_where_one_can_be_passed(tmp_path):
    """Whichever class is asked for them, also an Auto class."""
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointFileNotFoundError, match=r"weights without their config.*config=.*It contains: model"):
        TinyConfig.from_pretrained(tmp_path)


def test_config_in_a_folder_of_the_folder_is_pointed_at(tmp_path):
    """Such as that of a trainer's checkpoint."""
    TinyConfig().save_pretrained(tmp_path / "checkpoint-500")
    with pytest.raises(CheckpointFileNotFoundError, match="pass subfolder='checkpoint-500'"):
        TinyConfig.from_pretrained(tmp_path)
    assert TinyConfig.from_pretrained(tmp_path, subfolder="checkpoint-500")


def test_a_folder_that_does_not_exist_says_so(tmp_path):
    """A typing error in a path is about the path and not about repositories alone."""
    with pytest.raises(CheckpointNotFoundError, match="does not exist"):
        TinyConfig.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        TinyConfig.from_json_file(tmp_path / "nowhere.json")


def test_a_failed_load_changes_nothing(tmp_path):
    """The file stays as it is, whatever is wrong with it."""
    path = write(tmp_path, '{"layers": 3}')
    with pytest.raises(ConfigError):
        TinyConfig.from_pretrained(tmp_path)
    assert path.read_text(encoding="utf-8") == '{"layers": 3}'
    assert list(tmp_path.iterdir()) == [path]


def test_a_config_is_not_saved_over_a_file(tmp_path):
    """A folder is asked for, and the file stays."""
    path = write(tmp_path, "mine", "file")
    with pytest.raises(SaveError, match="it is a file"):
        TinyConfig().save_pretrained(path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_wrong_value_is_not_saved(tmp_path):
    """An assignment that went unchecked is seen before anything is written."""
    config = TinyConfig()
    config.width = "wide"
    with pytest.raises(ConfigError, match=r"TinyConfig.width"):
        config.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_options_of_a_hub_need_the_hub(tmp_path):
    """A keyword that would do nothing is refused."""
    with pytest.raises(UnknownOptionError, match="no option 'private' without push_to_hub=True"):
        TinyConfig().save_pretrained(tmp_path, private=True)
    assert not any(tmp_path.iterdir())


# As an object


def test_to_diff_dict_has_what_differs():
    """Fields that are as the class makes them are left out."""
    assert TinyConfig(width=3, output_attentions=True).to_diff_dict() == {
        "model_type": "tiny",
        "output_attentions": True,
        "width": 3,
    }
    assert json.loads(TinyConfig(width=3).to_json_string(use_diff=True)) == {"model_type": "tiny", "width": 3}


def test_to_dict_shares_nothing_with_the_config():
    """Whoever changes the dict does not change the config."""
    config = TinyConfig.from_dict({"newer": {"a": [1]}})
    config.to_dict()["newer"]["a"].append(2)
    assert config.newer == {"a": [1]}


def test_the_written_text_is_that_of_to_json_string(tmp_path):
    """All ways of writing agree."""
    config = TinyConfig(width=3)
    config.save_pretrained(tmp_path)
    config.to_json_file(tmp_path / "diff.json", use_diff=True)
    assert (tmp_path / "config.json").read_text(encoding="utf-8") == config.to_json_string()
    assert (tmp_path / "diff.json").read_text(encoding="utf-8") == config.to_json_string(use_diff=True)


def test_configs_are_equal_by_value_and_class():
    """Fields of the base class count; where a config came from does not."""

    class OtherConfig(TinyConfig):
        pass

    assert TinyConfig(width=3) == TinyConfig(width=3, name_or_path="somewhere")
    assert TinyConfig(width=3) != TinyConfig(width=4)
    assert TinyConfig() != TinyConfig(num_labels=3)
    assert TinyConfig() != OtherConfig()
    assert TinyConfig() != {"width": 8}
    assert TinyConfig.from_dict({"x": {1, 2}}) == TinyConfig.from_dict({"x": {1, 2}})
    assert TinyConfig.from_dict({"x": {1, 2}}) != TinyConfig.from_dict({"x": {1, 3}})


def test_configs_have_no_hash():
    """They change."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(TinyConfig())


def test_repr_is_the_class_and_its_json():
    """What is shown is what would be written."""
    assert repr(TinyConfig(width=3)) == f"TinyConfig {TinyConfig(width=3).to_json_string()}".rstrip()


def test_repr_never_fails():
    """Neither with a value that cannot be written nor in the middle of `__init__`."""
    shown = []

    class Talking(PretrainedConfig):
        def __init__(self, width=3, **kwargs):
            self.width = width
            shown.append(repr(self))
            super().__init__(**kwargs)

    config = Talking()
    config.width = b"3"
    assert "b'3'" in repr(config)
    assert set(shown) == {"Talking {'width': 3}"}


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_copies_are_equal_and_apart(clone):
    """Copies and pickles are configs of their own, whose fields can be changed alone."""
    config = TinyConfig(width=3, id2label={0: "a"}, name_or_path="here")
    twin = clone(config)
    assert twin == config
    assert twin.name_or_path == "here"
    twin.width = 4
    assert config.width == 3


def test_names_of_fields_can_be_asked_for():
    """`in` and iteration go over what would be written."""
    config = TinyConfig()
    assert "width" in config
    assert "wide" not in config
    assert set(config) == {"layers", "model_type", "note", "width"}


def test_update_takes_all_values():
    """Fields, aliases and keys that only this config has."""
    config = TinyConfig.from_dict({"newer": 1})
    config.update({"width": 3, "layers": [4], "newer": 2, "torch_dtype": "float16"})
    assert (config.width, config.layers, config.newer, config.dtype) == (3, (4,), 2, "float16")


@pytest.mark.parametrize(
    "values",
    [
        {"width": 3, "widht": 4},
        {"width": 3, "layers": ["x"]},
        {"width": 3, "num_labels": -1},
        {"width": 3, "_extra": {}},
        {"width": 3, "save_pretrained": 1},
        {"width": 3, "__class__": PretrainedConfig},
        {"width": 3, "model_type": "x"},
    ],
)
def test_update_takes_all_values_or_none(values):
    """An error leaves every field as it was."""
    config = TinyConfig(id2label={0: "a"})
    before = config.to_dict()
    with pytest.raises(ConfigError):
        config.update(values)
    assert config.to_dict() == before
    assert type(config) is TinyConfig


def test_update_names_what_it_does_not_know():
    """With a near match."""
    with pytest.raises(UnknownOptionError, match=r"no field 'widht'. Did you mean 'width'"):
        TinyConfig().update({"widht": 3})


def test_write_to_does_not_change_the_config(tmp_path):
    """A model's save adds what it knows to the file alone."""
    config = TinyConfig()
    config.write_to(Path(tmp_path), architectures=["TinyModel"], dtype="float16")
    written = TinyConfig.from_pretrained(tmp_path)
    assert (written.architectures, written.dtype) == (["TinyModel"], "float16")
    assert config == TinyConfig()


# Numbers that have no value


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "9" * 5000, "-" + "9" * 5000])
@pytest.mark.parametrize(
    ("text", "field"), [('{{"note": {}}}', "note"), ('{{"a": {{"b": [0, {{"c": {}}}]}}}}', "a.b[1].c")]
)
def test_a_number_that_python_cannot_hold_is_refused(number, text, field, tmp_path):
    """Read as an infinity or as 0, it would be another one; the error has the file and the field."""
    path = write(tmp_path, text.format(number))
    with pytest.raises(ConfigFileError, match=r"config\.json: ") as caught:
        TinyConfig.from_pretrained(tmp_path)
    assert caught.value.path == path
    assert f"config.json: {field}: the number {number[:5]}" in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
@pytest.mark.parametrize("rest", ["", "}}", ', "b": ]', ', "a": ' + "[" * 90, ' "b"'])
def test_a_number_that_python_cannot_hold_is_refused_before_what_is_no_json(number, rest, tmp_path):
    """The reason is looked for in a text that may not be JSON after the number."""
    path = write(tmp_path, f'{{"a": {number}{rest}')
    with pytest.raises(ConfigFileError) as caught:
        TinyConfig.from_pretrained(tmp_path)
    assert caught.value.path == path
    assert len(str(caught.value)) < 500 + len(str(path))


def test_numbers_near_the_limits_are_read(tmp_path):
    """A zero in any form is a zero, and what rounds to a number that is not 0 is that number."""
    write(tmp_path, '{"model_type": "tiny", "numbers": [0.0, -0.0, 0e9, 0.00E-400, 1e308, 5e-324, 4e-324]}')
    assert TinyConfig.from_pretrained(tmp_path).numbers == [0, 0, 0, 0, 1e308, 5e-324, 5e-324]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"note": {"a": [1, {"b": 10**5000}]}}, "note.a[1].b"),
        ({"further": -(10**5000)}, "further"),
        ({"note": {10**5000: 1}}, "note"),
    ],
)
def test_a_number_of_too_many_digits_is_not_written(values, field, tmp_path):
    """Python makes no text of it, so a load could not read it; nothing is written."""

    class AnyConfig(PretrainedConfig):
        model_type = "any-number"

        def __init__(self, note=None, further=0, **kwargs):
            self.note = note
            self.further = further
            self.computed = 2 * self.further
            super().__init__(**kwargs)

    config = AnyConfig(**values)
    for write_it in (config.to_json_string, lambda: config.save_pretrained(tmp_path / "a")):
        with pytest.raises(ConfigError, match="more than 4300 digits") as caught:
            write_it()
        assert str(caught.value).startswith(f"AnyConfig.{field}: ")
    assert not (tmp_path / "a").exists()


def test_a_wrong_value_that_cannot_be_shown_is_reported():
    """A number of too many digits, or an object whose `__repr__` fails, does not hide what is wrong."""

    class Shy:
        def __repr__(self):
            raise RuntimeError

    for value in (10**5000, Shy()):
        with pytest.raises(ConfigError, match=rf"TinyConfig.note: expected str, got {type(value).__name__}"):
            TinyConfig(note=value)


@pytest.mark.parametrize("values", [None, 3, "width", [("width", 3)], [1], {1: 2}, {("a",): 1}])
@pytest.mark.parametrize("call", [TinyConfig.from_dict, TinyConfig().update], ids=["from_dict", "update"])
def test_what_is_no_dict_of_fields_is_refused(call, values):
    """The error says what was given."""
    with pytest.raises(ConfigError, match=r"TinyConfig\.(from_dict|update) takes a dict .*, got "):
        call(values)
