"""config.json is data: whatever it says, it grants nothing, hides nothing, and costs its reader little."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification
from config_core import CheckpointFileNotFoundError, ConfigError, ConfigFileError, PretrainedConfig
from hub_io import RemoteCodeRefusedError, load_into_registry
from tiny_checkpoints import AUTO_MAP, config_json

LOADERS = {
    "AutoConfig": AutoConfig.from_pretrained,
    "AutoModel": AutoModel.from_pretrained,
    "AutoModelForImageClassification": AutoModelForImageClassification.from_pretrained,
    "load_into_registry": load_into_registry,
    "PretrainedConfig": PretrainedConfig.from_pretrained,
}
TRUST_KEYS = {
    "top": {"trust_remote_code": True},
    "false": {"trust_remote_code": False},
    "text": {"trust_remote_code": "True"},
    "nested": {"text_config": {"trust_remote_code": True}},
    "in a list": {"parts": [1, {"trust_remote_code": True}]},
    "below auto_map": {"auto_map": {"AutoConfig": {"trust_remote_code": True}}},
    "revision": {"code_revision": "0" * 40},
    "nested revision": {"a": {"b": {"c": {"code_revision": "main"}}}},
}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("name", TRUST_KEYS)
def test_config_that_grants_trust_is_refused(witness, name, loader):
    """At whatever depth, and with whatever value: a config that speaks of trust is not read at all."""
    values = {"model_type": "tiny", "auto_map": AUTO_MAP} | TRUST_KEYS[name]
    folder = witness.write({"config.json": json.dumps(values)})
    with pytest.raises(ConfigFileError, match=r"is not allowed in config\.json; pass it to from_pretrained"):
        LOADERS[loader](folder)


@pytest.mark.parametrize(
    "key", ["Trust_Remote_Code", "trust_remote_code ", "trust-remote-code", "tru\u0455t_remote_code"]
)
def test_key_that_looks_like_trust_grants_none(witness, key):
    """It is not the option, and nothing takes it for one."""
    folder = witness.write({"config.json": config_json(**{key: True})})
    with pytest.raises(RemoteCodeRefusedError, match="trust"):
        AutoModel.from_pretrained(folder)


@pytest.mark.parametrize(
    "key",
    ["_attn_implementation_internal", "_attn_implementation", "_commit_hash", "_name_or_path", "__class__", "__dict__",
     "__reduce__", "__init__", "__getattr__", "_auto_class", "_from_values", "_extra_fields", "__code_bundle__"],
)  # fmt: skip
def test_private_keys_never_become_attributes(lenient_witness, hub, key):
    """They are kept aside, so that no code meets them where it expects its own; nothing is fetched for them."""
    folder = lenient_witness.write({"config.json": config_json(**{key: "stranger/kernel"})}, harmless=True)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert getattr(config, key, None) != "stranger/kernel"
    assert key == "_name_or_path" or key not in vars(config)
    assert hub.requests == []
    assert "kernels" not in sys.modules


@pytest.mark.parametrize(
    "key",
    ["from_pretrained", "save_pretrained", "push_to_hub", "to_dict", "from_dict", "validate", "update", "write_to",
     "register_for_auto_class", "sub_configs", "attribute_map", "get_config_dict"],
)  # fmt: skip
def test_key_that_would_hide_a_method_is_refused(lenient_witness, key):
    """Who calls `config.save_pretrained` calls what the class says."""
    folder = lenient_witness.write({"config.json": config_json(**{key: "x"})}, harmless=True)
    with pytest.raises(ConfigError, match=f"'{key}' is a method or setting of TinyConfig"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_name_in_a_config_does_not_move_the_checkpoint(lenient_witness, hub):
    """Where a config came from is where it was opened, so that no later load goes elsewhere."""
    hub.create_repo("evil/tiny", lenient_witness.files())
    text = config_json(name_or_path="evil/tiny", _name_or_path="evil/tiny", base_model_name_or_path="evil/tiny")
    folder = lenient_witness.write({"config.json": text}, harmless=True)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert config.name_or_path == str(folder)
    assert hub.requests == []


@pytest.mark.parametrize(
    "dtype", ["os.system", "__import__('os')", "torch.load('x')", "float32; evil", ["float32"], {"a": 1}]
)
def test_dtype_is_a_name_and_no_expression(lenient_witness, dtype):
    """Nothing is evaluated or looked up outside of torch."""
    folder = lenient_witness.write({"config.json": config_json(dtype=dtype)}, harmless=True)
    with pytest.raises(ConfigError, match=r"dtype: expected the name of a torch\.dtype"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("key", ["self", "cls", "size"])
def test_keys_that_collide_with_arguments_are_plain(lenient_witness, key):
    """A key cannot take the place of an argument of the constructor, but a field's value must fit."""
    folder = lenient_witness.write({"config.json": config_json(**{key: 5})}, harmless=True)
    if key == "self":
        with pytest.raises(ConfigError, match="'self' cannot be the name of a field"):
            AutoConfig.from_pretrained(folder, trust_remote_code=True)
    else:
        assert getattr(AutoConfig.from_pretrained(folder, trust_remote_code=True), key) == 5


NO_CONFIGS = {
    "empty": (b"", "this is not JSON"),
    "python": (b"__import__('os').system('x')", "this is not JSON"),
    "pickle": (b"\x80\x04\x95\x00", "this is not UTF-8"),
    "yaml": (b"!!python/object/apply:os.system ['x']", "this is not JSON"),
    "utf-16": ('{"model_type": "tiny"}'.encode("utf-16"), "this is not UTF-8"),
    "utf-7": (b"+AHs-", "this is not JSON"),
    "overlong": (b'{"model_type": "\xc0\xae\xc0\xae"}', "this is not UTF-8"),
    "lone surrogate bytes": (b'{"model_type": "\xed\xa0\x80"}', "this is not UTF-8"),
    "comments": (b'{"model_type": "tiny" /* "x": 1 */}', "this is not JSON"),
    "two objects": (b'{"model_type": "tiny"}{"model_type": "other"}', "this is not JSON"),
    "zero bytes": (b'{"model_type": "tiny"}\0\0', "this is not JSON"),
    "deep lists": (b'{"a": ' + b"[" * 500_000, "nested too deep"),
    "deep objects": (b'{"a":' * 500_000, "nested too deep"),
    "closed deep lists": (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deep"),
    "long number": (b'{"a": ' + b"9" * 100_000 + b"}", "digits"),
    "large": (b'{"a": "' + b"x" * (17 * 1024 * 1024) + b'"}', "16,777,216 bytes at most"),
    "key twice": (b'{"model_type": "tiny", "model_type": "resnet"}', "duplicate key 'model_type'"),
    "key twice, escaped": (b'{"model_type": "tiny", "model\\u005ftype": "resnet"}', "duplicate key"),
    "last of a million keys twice": (b"{%s}" % b",".join(b'"%d":1' % (n % 999_999) for n in range(1_000_000)), "'0'"),
    "text without an end": (b"{}" * 101 + b'"' + b'\\"' * 5_000_000, "this is not JSON"),
    "list": (b"[]", "expected a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_CONFIGS)
def test_file_that_is_no_config_is_an_error_with_its_path(witness, name):
    """Malformed, huge and deep files, and those that two readers would read differently."""
    content, problem = NO_CONFIGS[name]
    folder = witness.write({"config.json": content})
    with pytest.raises(ConfigFileError, match=problem) as caught:
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert str(folder / "config.json") in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_numbers_beyond_all_measure_reserve_no_memory(tmp_path):
    """A count of classes is a number: no names are made for ten thousand millions of them."""
    (tmp_path / "config.json").write_text('{"num_labels": 10000000000, "x": 1e300}', encoding="utf-8")
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "from config_core import PretrainedConfig\n"
        "config = PretrainedConfig.from_pretrained(sys.argv[1]); config.to_dict(); print(config.num_labels)"
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("10000000000", 0), done.stderr


def test_hundred_thousand_keys_are_read(witness):
    """Size below the limit is no reason to fail or to hang; the code stays refused."""
    folder = witness.write({"config.json": config_json(**{f"key_{number}": number for number in range(100_000)})})
    with pytest.raises(RemoteCodeRefusedError):
        AutoModel.from_pretrained(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to nothing", "link to itself"])
def test_config_that_is_no_file_does_not_make_anyone_wait(witness, kind):
    """A pipe nobody writes to, an endless device and links that end nowhere are no config.json."""
    folder = witness.write({"config.json": None})
    path = folder / "config.json"
    make = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "link to nothing": lambda: path.symlink_to(folder / "nothing"),
        "link to itself": lambda: path.symlink_to(path),
    }
    make[kind]()
    witness.note()
    with pytest.raises((CheckpointFileNotFoundError, ValueError), match=r"config\.json"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_json_file_beside_code_is_no_way_around_the_refusal(witness):
    """A config that is given as a file brings the code of its folder, which is as untrusted."""
    folder = witness.write({"other.json": config_json()})
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder / "other.json")


def test_config_of_a_hostile_checkpoint_saves_without_its_tricks(lenient_witness, tmp_path):
    """What came from the file goes to the file: no code, no trust, no other place is written for the next reader."""
    text = config_json(
        {}, model_type="", auto_map_extra=1, _attn_implementation_internal="x/y", name_or_path="evil/tiny"
    )
    folder = lenient_witness.write({"config.json": text}, harmless=True)
    PretrainedConfig.from_pretrained(folder).save_pretrained(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert saved.keys().isdisjoint({"auto_map", "trust_remote_code", "name_or_path", "_name_or_path"})
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["config.json"]
