"""Config files for several versions of transformers in a repository: config and Auto class read the same one."""

from __future__ import annotations

import json

import pytest

from auto_registry import AutoConfig, Registry
from config_core import CheckpointFileNotFoundError, PretrainedConfig


class VersionedConfig(PretrainedConfig):
    model_type = "hub-versioned"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)


FILES = {
    "config.json": json.dumps(
        {"model_type": "no-class", "configuration_files": ["config.4.0.0.json", "config.99.json"]}
    ),
    "config.4.0.0.json": json.dumps({"model_type": "hub-versioned", "width": 4}),
    "config.99.json": json.dumps({"model_type": "no-class", "width": 99}),
}


def test_the_listed_file_of_a_repository_is_read(hub):
    """It is of the same commit, and names the class too."""
    hub.create_repo("me/versioned", FILES)
    registry = Registry()
    AutoConfig.register("hub-versioned", VersionedConfig, registry=registry)
    assert VersionedConfig.from_pretrained("me/versioned").width == 4
    assert AutoConfig.from_pretrained("me/versioned", registry=registry).width == 4
    assert VersionedConfig.get_config_dict("me/versioned")[0]["width"] == 4


def test_a_listed_file_that_the_repository_lacks_is_named(hub):
    """The error is that of a missing file."""
    hub.create_repo("me/versioned", {"config.json": FILES["config.json"]})
    with pytest.raises(CheckpointFileNotFoundError, match=r"config\.4\.0\.0\.json"):
        VersionedConfig.from_pretrained("me/versioned")
