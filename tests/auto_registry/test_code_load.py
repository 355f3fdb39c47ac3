"""The value that travels through a load: what it knows, how often it reads, and how long it is the current one."""

from __future__ import annotations

import json
import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from auto_registry.code_load import CodeLoad, current_load
from config_core import FolderCheckpoint, PretrainedConfig
from config_core.checkpoint import HubOptions
from config_core.code import CodeBundle
from hostile import reads_of

AUTO_MAP = {"AutoModel": "modeling_parrot.Parrot"}


def reads_of_configs(folder, load):
    """Return how often config files in a folder are read by a load."""
    with reads_of(folder) as opened:
        load()
    return len([path for path in opened if path.endswith("config.json")])


LOADS = {
    "AutoConfig of a folder": AutoConfig.from_pretrained,
    "AutoConfig of a file": lambda folder, **options: AutoConfig.from_pretrained(folder / "config.json", **options),
    "AutoModel": AutoModel.from_pretrained,
    "AutoModel with its folder as config": (
        lambda folder, **options: AutoModel.from_pretrained(folder, config=str(folder), **options)
    ),
    "AutoModel with its file as config": (
        lambda folder, **options: AutoModel.from_pretrained(folder, config=folder / "config.json", **options)
    ),
}


@pytest.mark.parametrize("name", LOADS)
def test_config_file_is_read_once_in_a_load(aviary, write_checkpoint, name):
    """The class is looked up by the very values that become the config."""
    folder = write_checkpoint(model_type="parrot", size=5, auto_map=AUTO_MAP)
    assert reads_of_configs(folder, lambda: LOADS[name](folder, registry=aviary)) == 1


@pytest.mark.parametrize("method", ["from_pretrained", "get_config_dict"])
def test_config_class_with_a_loader_of_its_own_reads_nothing_again(registry, write_checkpoint, method):
    """Its `from_pretrained` gets a checkpoint that has the values; a second look at them is not a second read."""

    class CompositeConfig(PretrainedConfig):
        model_type = "parrot-composite"

        def __init__(self, size=3, **kwargs):
            self.size = size
            super().__init__(**kwargs)

        @classmethod
        def from_pretrained(cls, source, **options):
            values, _ = cls.get_config_dict(source)
            if method == "from_pretrained":
                return super().from_pretrained(source, **options)
            return cls.from_dict(values["text_config"])

    registry.register_config("parrot-composite", CompositeConfig)
    folder = write_checkpoint(model_type="parrot-composite", size=5, text_config={"size": 5})
    load = lambda: AutoConfig.from_pretrained(folder, registry=registry)  # noqa: E731
    assert reads_of_configs(folder, load) == 1
    assert load().size == 5


def test_two_loads_of_an_opened_checkpoint_read_it_twice(aviary, write_checkpoint):
    """A load remembers for itself alone: a folder may have changed before the next."""
    folder = write_checkpoint(model_type="parrot", size=5)
    checkpoint = FolderCheckpoint(folder)
    assert AutoConfig.from_pretrained(checkpoint, registry=aviary).size == 5
    (folder / "config.json").write_text(json.dumps({"model_type": "parrot", "size": 6}), encoding="utf-8")
    assert AutoConfig.from_pretrained(checkpoint, registry=aviary).size == 6


def test_config_of_another_folder_is_read_beside_that_of_the_weights(aviary, write_checkpoint):
    """Each is read once: the one for the config, the other for what it says about code."""
    one, other = (write_checkpoint(model_type="parrot", size=size) for size in (5, 11))
    load = lambda: AutoModel.from_pretrained(one, config=other, registry=aviary)  # noqa: E731
    assert [reads_of_configs(folder, load) for folder in (one, other)] == [1, 1]
    assert load().config.size == 11


def test_load_knows_what_was_said(write_checkpoint):
    """The options of the caller, and what config.json says about classes."""
    folder = write_checkpoint(model_type="parrot", auto_map=AUTO_MAP)
    options = HubOptions(token="hf_secret", local_files_only=True)
    load = CodeLoad.of_checkpoint(folder, options, trust_remote_code=True, code_revision="v2")
    assert (load.model_type, load.auto_map, str(load)) == ("parrot", AUTO_MAP, str(folder))
    assert (load.trust_remote_code, load.code_revision, load.hub_options) == (True, "v2", options)
    assert "hf_secret" not in f"{load!r} {vars(load)}"


def test_load_of_a_checkpoint_without_a_config_file_has_none(tmp_path):
    """A folder of weights is enough where the caller gives a config."""
    load = CodeLoad.of_checkpoint(tmp_path, needs_config=False)
    assert (load.config_file, load.model_type, load.auto_map) == (None, "", {})
    with pytest.raises(ValueError, match="has no config file"):
        _ = load.config_source


def test_load_is_the_current_one_while_its_code_runs():
    """It nests, and ends with the block however that ends."""
    outer = CodeLoad()
    with outer.running():
        inner = CodeLoad()
        with inner.running():
            assert current_load() is inner
        assert current_load() is outer
    assert current_load() is None
    with pytest.raises(LookupError), outer.running():
        raise LookupError
    assert current_load() is None
    assert (inner.parent, outer.parent) == (outer, None)


def test_inner_load_has_what_the_outer_one_was_granted():
    """What the inner load is granted is not granted to the outer one."""
    outer = CodeLoad()
    with outer.running():
        inner = CodeLoad()
    outer.granted.add("one")
    inner.granted.add("two")
    assert [load.grants(digest) for load in (outer, inner) for digest in ("one", "two")] == [True, False, True, True]


def test_load_is_current_only_while_an_object_of_a_checkpoints_class_is_constructed(monkeypatch):
    """A program's own class may load whatever the program trusts."""

    class Own:
        pass

    load = CodeLoad()
    with load.constructing(Own):
        assert current_load() is None
    bundle = CodeBundle({"modeling_parrot.py": b""})
    monkeypatch.setattr(sys.modules[__name__], "__code_bundle__", bundle, raising=False)
    with load.constructing(Own):
        assert current_load() is load
        assert load.grants(bundle.digest)
