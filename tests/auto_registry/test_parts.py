"""Parts of a config whose class is the one that the registry or an installed package has for their model_type."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest

from auto_registry import AutoConfig
from auto_registry.registry import Registry
from config_core import ConfigValidationError, PretrainedConfig


class TeamConfig(PretrainedConfig):
    """A base class without a model_type."""


class SoundConfig(TeamConfig):
    model_type = "parts-sound"

    def __init__(self, rate: int = 8, **kwargs):
        self.rate = rate
        super().__init__(**kwargs)


class OtherSoundConfig(PretrainedConfig):
    model_type = "parts-sound"

    def __init__(self, rate: int = 9, **kwargs):
        self.rate = rate
        super().__init__(**kwargs)


class OpenConfig(PretrainedConfig):
    model_type = "parts-open"
    sub_configs: ClassVar = {"encoder": AutoConfig}

    def __init__(
        self,
        encoder=None,
        part: PretrainedConfig | None = None,
        parts: list[PretrainedConfig] = [],  # noqa: B006
        named: dict[str, PretrainedConfig] = {},  # noqa: B006
        team: TeamConfig | None = None,
        **kwargs,
    ):
        self.encoder, self.part, self.parts, self.named, self.team = encoder, part, parts, named, team
        super().__init__(**kwargs)


WAYS = [
    lambda part: {"encoder": part},
    lambda part: {"part": part},
    lambda part: {"parts": [part, part]},
    lambda part: {"named": {"a": part}},
    lambda part: {"team": part},
]


@pytest.fixture(autouse=True)
def registered():
    """Register the class of the parts; it stays, as for any program."""
    AutoConfig.register("parts-sound", SoundConfig, exist_ok=True)
    AutoConfig.register("parts-open", OpenConfig, exist_ok=True)


@pytest.mark.parametrize("fields", WAYS)
def test_a_part_has_the_registered_class(fields, tmp_path):
    """However its field is annotated."""
    config = OpenConfig(**fields(SoundConfig(rate=3)))
    config.save_pretrained(tmp_path)
    for loaded in (OpenConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert loaded == config
        assert all(getattr(loaded, name) == value for name, value in fields(SoundConfig(rate=3)).items())


def test_a_part_has_the_class_of_an_installed_package(install_parrot):
    """The package is imported when the part is read."""
    install_parrot("parrot-part", module="parrot_part_module")
    assert "parrot_part_module" not in sys.modules
    loaded = OpenConfig.from_dict({"part": {"model_type": "parrot-part"}})
    assert type(loaded.part) is sys.modules["parrot_part_module"].ParrotConfig


def test_a_part_has_the_class_of_the_registry_of_the_load(tmp_path):
    """A registry that is passed to the load applies to the parts as well, and not the process-wide one."""
    own = Registry()
    own.register_config("parts-sound", OtherSoundConfig)
    own.register_config("parts-open", OpenConfig)
    OpenConfig(encoder=SoundConfig(rate=3)).save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path, registry=own).encoder == OtherSoundConfig(rate=3)
    assert OpenConfig.from_pretrained(tmp_path).encoder == SoundConfig(rate=3)


def test_a_part_whose_class_nobody_knows_is_refused():
    """It is not read as the base class, which would lose what its own class does."""
    with pytest.raises(ConfigValidationError, match=r"OpenConfig.part: no config class is known .*AutoConfig.register"):
        OpenConfig.from_dict({"part": {"model_type": "parts-unknown"}})


def test_a_config_whose_part_could_not_be_loaded_is_not_saved(tmp_path):
    """Another process would fail later."""

    class Unregistered(PretrainedConfig):
        model_type = "parts-unregistered"

    with pytest.raises(ConfigValidationError, match=r"OpenConfig.parts\[0\]: no config class is known"):
        OpenConfig(parts=[Unregistered()]).save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_the_found_class_must_be_one_that_the_annotation_allows():
    """The annotation of a base class is a promise to the model."""
    with pytest.raises(ConfigValidationError, match=r"OpenConfig.team: expected TeamConfig, got .* 'parts-open'"):
        OpenConfig.from_dict({"team": {"model_type": "parts-open"}})
