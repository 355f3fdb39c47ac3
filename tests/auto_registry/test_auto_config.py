"""AutoConfig on real folders."""

from __future__ import annotations

import warnings

import pytest

from auto_registry import (
    REGISTRY,
    AutoConfig,
    CheckpointConfigError,
    RegistrationError,
    UnknownModelTypeError,
    UsageError,
)
from config_core import (
    CheckpointFileNotFoundError,
    CheckpointNotFoundError,
    ConfigError,
    ConfigFileError,
    FolderCheckpoint,
    UnknownOptionError,
)


def test_config_has_the_class_that_the_file_names(registry, parrot, write_checkpoint):
    """The model_type in config.json names the class, and the fields come with it."""
    folder = write_checkpoint(model_type="parrot", size=5)
    config = AutoConfig.from_pretrained(folder, registry=registry)
    assert (type(config), config.size, config.name_or_path) == (parrot[0], 5, str(folder))


def test_overrides_replace_fields(aviary, write_checkpoint):
    """Keywords are fields of the config."""
    folder = write_checkpoint(model_type="parrot", size=5)
    assert AutoConfig.from_pretrained(folder, registry=aviary, size=8).size == 8


def test_unknown_override_is_refused(aviary, write_checkpoint):
    """A misspelt field does not vanish."""
    with pytest.raises(UnknownOptionError, match="'size'"):
        AutoConfig.from_pretrained(write_checkpoint(model_type="parrot"), registry=aviary, sise=8)


def test_unused_overrides_are_returned(aviary, write_checkpoint):
    """Who sorts options from fields gets both."""
    folder = write_checkpoint(model_type="parrot")
    config, unused = AutoConfig.from_pretrained(
        folder, registry=aviary, return_unused_kwargs=True, size=8, device="cuda"
    )
    assert (config.size, unused) == (8, {"device": "cuda"})


def test_opened_checkpoint_is_taken(aviary, write_checkpoint):
    """A checkpoint that is already open is not opened again."""
    checkpoint = FolderCheckpoint(write_checkpoint(model_type="parrot", size=5))
    assert AutoConfig.from_pretrained(checkpoint, registry=aviary).size == 5


def test_json_file_is_taken(aviary, write_checkpoint):
    """A config file of any name is a config."""
    folder = write_checkpoint(model_type="parrot", size=5)
    file = (folder / "config.json").rename(folder / "small.json")
    assert AutoConfig.from_pretrained(str(file), registry=aviary).size == 5


def test_subfolder_is_looked_into(aviary, write_checkpoint):
    """A checkpoint may hold several configs in folders."""
    folder = write_checkpoint(model_type="parrot", size=5)
    assert AutoConfig.from_pretrained(folder.parent, subfolder=folder.name, registry=aviary).size == 5


def test_installed_package_is_found(write_checkpoint, install_parrot):
    """Nobody has to import a package for its model_type to be known."""
    install_parrot("parrot-o")
    config = AutoConfig.from_pretrained(write_checkpoint(model_type="parrot-o", size=5))
    assert (type(config).__module__, config.size) == ("parrot_o_package", 5)


def test_trust_without_code_is_harmless(registry, parrot, write_checkpoint):
    """Trusting a checkpoint that ships no code changes nothing."""
    folder = write_checkpoint(model_type="parrot")
    assert isinstance(AutoConfig.from_pretrained(folder, trust_remote_code=True, registry=registry), parrot[0])


def test_keys_of_other_auto_classes_are_no_matter(registry, parrot, write_checkpoint):
    """An auto_map may name tokenizers and processors, in their own forms."""
    auto_map = {"AutoTokenizer": ["tokenization_x.Slow", None], "AutoProcessor": "processing_x.Processor"}
    folder = write_checkpoint(model_type="parrot", auto_map=auto_map)
    assert isinstance(AutoConfig.from_pretrained(folder, registry=registry), parrot[0])


def test_empty_auto_map_is_none(registry, parrot, write_checkpoint):
    """A null means that the checkpoint ships no code."""
    folder = write_checkpoint(model_type="parrot", auto_map=None)
    assert isinstance(AutoConfig.from_pretrained(folder, registry=registry), parrot[0])


def test_a_file_of_another_library_is_named(aviary, write_checkpoint):
    """A folder of timm has no model_type, and the error says whose it is."""
    folder = write_checkpoint(architecture="resnetaa50", num_features=2048, pretrained_cfg={"tag": "a1h"})
    with pytest.raises(CheckpointConfigError, match=r"no model_type.* It looks like a config of timm, 'resnetaa50'\."):
        AutoConfig.from_pretrained(folder, registry=aviary)


def test_the_error_names_the_file_that_was_given(aviary, write_checkpoint):
    """Which may be another one than the config of its folder."""
    folder = write_checkpoint(version="1.0", added_tokens=[], pre_tokenizer=None)
    file = (folder / "config.json").rename(folder / "tokenizer.json")
    with pytest.raises(CheckpointConfigError, match=r"^tokenizer\.json of .*\. It looks like a tokenizer\."):
        AutoConfig.from_pretrained(file, registry=aviary)


def test_file_cannot_grant_trust(aviary, write_checkpoint):
    """A key named like the trust option is refused: who may run code is never said by data."""
    folder = write_checkpoint(model_type="parrot", trust_remote_code=True)
    with pytest.raises(ConfigError, match="trust_remote_code"):
        AutoConfig.from_pretrained(folder, registry=aviary)


def test_unknown_model_type_names_the_checkpoint(aviary, write_checkpoint):
    """The error says which folder, and what is spelled alike."""
    folder = write_checkpoint(model_type="parott")
    with pytest.raises(UnknownModelTypeError, match="Did you mean 'parrot'") as caught:
        AutoConfig.from_pretrained(folder, registry=aviary)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("trust", [None, True])
def test_checkpoint_that_ships_no_code_is_said_to_ship_none(registry, write_checkpoint, trust):
    """Trust cannot help, and its author can: the classes were not registered when it was saved."""
    with pytest.raises(UnknownModelTypeError, match=r"ships no code of its classes.*register_for_auto_class"):
        AutoConfig.from_pretrained(write_checkpoint(model_type="owl"), trust_remote_code=trust, registry=registry)


@pytest.mark.parametrize("values", [{}, {"model_type": ""}])
def test_missing_model_type_is_said(registry, write_checkpoint, values):
    """A config.json that names no type, as that of a class without one, is told apart from one that is unknown."""
    with pytest.raises(CheckpointConfigError, match="it has no model_type") as caught:
        AutoConfig.from_pretrained(write_checkpoint(size=3, **values), registry=registry)
    assert "looks like" not in str(caught.value)
    assert caught.value.key == "model_type"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"model_type": 3}, "model_type"),
        ({"model_type": ["parrot"]}, "model_type"),
        ({"model_type": "parrot", "auto_map": "modeling_x.X"}, "auto_map"),
        ({"model_type": "parrot", "auto_map": ["modeling_x.X"]}, "auto_map"),
    ],
)
def test_malformed_key_is_named(aviary, write_checkpoint, values, key):
    """A value of the wrong form is refused with its key."""
    with pytest.raises(CheckpointConfigError, match=f"{key} must be") as caught:
        AutoConfig.from_pretrained(write_checkpoint(**values), registry=aviary)
    assert caught.value.key == key


@pytest.mark.parametrize("text", ["", "{", '{"model_type": "par', "[]", "null", "\x00"])
def test_broken_file_is_named(registry, write_checkpoint, text):
    """A config.json that is cut off or garbage is an error with its path."""
    folder = write_checkpoint(text)
    with pytest.raises(ConfigFileError) as caught:
        AutoConfig.from_pretrained(folder, registry=registry)
    assert caught.value.path == folder / "config.json"


def test_missing_file_is_named(registry, tmp_path):
    """A folder without config.json is no checkpoint."""
    with pytest.raises(CheckpointFileNotFoundError, match=r"config\.json"):
        AutoConfig.from_pretrained(tmp_path, registry=registry)


def test_missing_folder_is_said(registry, tmp_path):
    """A path that is not there is not taken for a repository."""
    with pytest.raises(CheckpointNotFoundError):
        AutoConfig.from_pretrained(tmp_path / "nowhere", registry=registry)


def test_namesake_that_does_not_fit_is_explained(write_checkpoint, install_parrot):
    """When an installed class refuses the file of a checkpoint that ships its own, the error says so."""
    install_parrot("parrot-p")
    folder = write_checkpoint(
        model_type="parrot-p", num_labels=-1, auto_map={"AutoConfig": "configuration_parrot.ParrotConfig"}
    )
    (folder / "configuration_parrot.py").write_text("class ParrotConfig: ...", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=False)
    (note,) = caught.value.__notes__
    assert "parrot_p_package:ParrotConfig of the installed distribution parrot-p-models was used" in note
    assert "configuration_parrot.ParrotConfig" in note
    assert "trust_remote_code=True" in note


def test_namesake_of_a_class_of_another_name_is_warned_of(write_checkpoint, install_parrot):
    """It fits the file and may do another thing; a class of the same name is taken for what the checkpoint means."""
    install_parrot("parrot-n")
    for shipped in ("configuration_parrot.ParrotConfig", "configuration_parrot.TalkingParrotConfig"):
        folder = write_checkpoint(model_type="parrot-n", size=5, auto_map={"AutoConfig": shipped})
        (folder / "configuration_parrot.py").write_text("raise SystemExit", encoding="utf-8")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert AutoConfig.from_pretrained(folder).size == 5
        assert [shipped in str(warning.message) for warning in caught] == [True] * ("Talking" in shipped)


@pytest.mark.parametrize("name", [None, "", 5, ["parrot"]])
def test_for_model_takes_a_name(registry, name):
    """The error says what was given."""
    with pytest.raises(TypeError, match=r"model_type must be a non-empty string, got"):
        AutoConfig.for_model(name, registry=registry)


def test_file_may_lie_in_the_home_folder(aviary, write_checkpoint, monkeypatch):
    """As it may for a config class."""
    folder = write_checkpoint(model_type="parrot", size=5)
    monkeypatch.setenv("HOME", str(folder.parent))
    assert AutoConfig.from_pretrained(f"~/{folder.name}/config.json", registry=aviary).size == 5


@pytest.mark.parametrize("source", [None, 5, b"folder", ["folder"]])
def test_source_that_is_no_name_is_refused(aviary, source):
    """The error is that of the other loaders."""
    with pytest.raises(TypeError, match="Expected a folder, a repository 'owner/name' or a Checkpoint"):
        AutoConfig.from_pretrained(source, registry=aviary)


def test_name_that_is_too_long_is_refused(aviary):
    """The error stays readable."""
    with pytest.raises(CheckpointNotFoundError):
        AutoConfig.from_pretrained("x" * 5000, registry=aviary)


def test_for_model_makes_a_new_config(registry, parrot):
    """A model_type is enough to begin with."""
    config = AutoConfig.for_model("parrot", size=7, registry=registry)
    assert (type(config), config.size) == (parrot[0], 7)


def test_for_model_refuses_an_unknown_type(aviary):
    """Near names are suggested."""
    with pytest.raises(UnknownModelTypeError, match="Did you mean 'parrot'"):
        AutoConfig.for_model("parrots", registry=aviary)


def test_register_fills_the_process_wide_registry(make_config, write_checkpoint):
    """Without a registry of one's own, everybody in the process sees what is registered."""
    config_class = make_config("parrot-q")
    AutoConfig.register("parrot-q", config_class)
    try:
        assert isinstance(AutoConfig.from_pretrained(write_checkpoint(model_type="parrot-q")), config_class)
        with pytest.raises(RegistrationError, match="is registered already"):
            AutoConfig.register("parrot-q", make_config("parrot-q"))
        replacement = make_config("parrot-q")
        AutoConfig.register("parrot-q", replacement, exist_ok=True)
        assert isinstance(AutoConfig.for_model("parrot-q"), replacement)
    finally:
        REGISTRY.unregister("parrot-q")


def test_auto_config_has_no_objects():
    """Called like a constructor, it says what to call."""
    with pytest.raises(UsageError, match=r"AutoConfig\.from_pretrained or AutoConfig\.for_model"):
        AutoConfig()
