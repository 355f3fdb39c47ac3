"""Secrets and terminals: no token is shown, and no name controls a terminal, adds a line or reorders one."""

from __future__ import annotations

import functools
import json
import logging
import traceback

import pytest
import safetensors.torch
import torch

from auto_registry import AutoConfig, UnknownModelTypeError
from config_core import CheckpointFileNotFoundError, FolderCheckpoint, PretrainedConfig, SaveError
from config_core.checkpoint import HubOptions
from hub_io import HUB_SERVICE, AccessDeniedError, HubError
from hub_io_command import hub_io
from tiny_models import TinyConfig, TinyModel

SECRET = "s3cr3tT0k3n"
TOKENS = {
    "line feed at the end": f"hf_{SECRET}\n",
    "line feed": f"hf_abc\n{SECRET}",
    "carriage return": f"{SECRET}\r\nX-Evil: 1",
    "space": f"Bearer {SECRET}",
    "not ASCII": f"{SECRET}äöü",
    "escape": f"{SECRET}\x1b[31m",
    "bytes": SECRET.encode(),
    "list": [SECRET],
    "long": SECRET * 1000,
    "null": f"{SECRET}\0",
}


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("verb", ["open", "publish"])
def test_token_that_cannot_be_sent_is_refused_and_not_shown(hub, tmp_path, caplog, name, verb):
    """Neither in the error, nor in what a traceback prints of its causes, nor in the log."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    call = HUB_SERVICE.open if verb == "open" else functools.partial(HUB_SERVICE.publish, tmp_path)
    with caplog.at_level(logging.DEBUG), pytest.raises(AccessDeniedError, match=r"token") as caught:
        call("me/tiny", token=TOKENS[name])
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert SECRET not in shown
    assert hub.requests == []


def test_empty_token_is_refused(hub):
    """A variable that is not set is not a decision to be nobody."""
    with pytest.raises(AccessDeniedError, match=r"is empty\. Pass None for the stored one"):
        HUB_SERVICE.open("me/tiny", token="")
    assert hub.requests == []


def test_variable_that_is_empty_is_no_token(hub, monkeypatch):
    """As the Hub's client has it: CI systems set variables of secrets that they do not give out."""
    hub.create_repo("me/tiny", {"config.json": "{}"})
    monkeypatch.setenv("HF_TOKEN", "")
    assert HUB_SERVICE.open("me/tiny").filenames()
    assert not any("authorization" in request.headers for request in hub.requests)
    with pytest.raises(AccessDeniedError, match="no token is stored on this machine"):
        HUB_SERVICE.open("me/tiny", token=True, revision="main")


def test_stored_token_that_cannot_be_sent_is_named(monkeypatch):
    """It is not the program that has to change."""
    monkeypatch.setenv("HF_TOKEN", f"{SECRET} and more")
    with pytest.raises(AccessDeniedError, match=r"The token of this machine \(HF_TOKEN") as caught:
        HUB_SERVICE.open("me/tiny")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("token", [SECRET, f"{SECRET}\n", SECRET.encode(), [SECRET]])
def test_values_that_hold_a_token_do_not_show_it(token):
    """Options get into logs."""
    options = HubOptions(token=token, revision="v1")
    assert SECRET not in f"{options} {options!r} {[options]} {(options,)!r}"
    assert "v1" in repr(options)


NAMES = ["\x1b[2J\x1b[31mall is well", "a\rb", "a\u202eb", "a\u2066b", "a\x07b", "a\x9b2Jb", "a\nmissing: none"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tensors_are_escaped(tmp_path, caplog, name):
    """In the error, in the report and in the log; a line feed would make a line of its own."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path)
    tensors = safetensors.torch.load_file(tmp_path / "model.safetensors")
    safetensors.torch.save_file(tensors | {name: torch.ones(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(Exception, match="unexpected") as caught:
        TinyModel.from_pretrained(tmp_path)
    with caplog.at_level(logging.DEBUG):
        _, report = TinyModel.from_pretrained(tmp_path, strict=False, output_loading_info=True)
    assert name in report.unexpected
    for shown in (str(caught.value), str(report), caplog.text):
        assert name not in shown
        assert not set(shown) & set("\x1b\r\u202e\u2066\x07\x9b")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_folders_and_types_are_escaped(tmp_path, name):
    """A folder's name may come from an archive, and `model_type` from its config."""
    folder = tmp_path / name
    folder.mkdir()
    said = []
    with pytest.raises(CheckpointFileNotFoundError) as missing:
        PretrainedConfig.from_pretrained(folder)
    said.append(missing.value)
    (folder / "config.json").write_text(json.dumps({"model_type": name}), encoding="utf-8")
    with pytest.raises(UnknownModelTypeError) as unknown:
        AutoConfig.from_pretrained(folder)
    said.append(unknown.value)
    with pytest.raises(SaveError) as unwritable:
        PretrainedConfig().save_pretrained(folder / "config.json")
    said.append(unwritable.value)
    with pytest.raises(CheckpointFileNotFoundError) as absent:
        FolderCheckpoint(folder).local_path("a")
    said.append(absent.value)
    for error in said:
        assert not set(str(error)) & set("\x1b\r\u202e\u2066\x07\x9b"), ascii(str(error))


def test_names_of_repositories_are_escaped():
    """Whoever calls us with one may have read it somewhere."""
    for name in ("me/\x1b[31mtiny", "me/\u202etiny"):
        with pytest.raises((HubError, ValueError, OSError)) as caught:
            AutoConfig.from_pretrained(name)
        assert not set(str(caught.value)) & set("\x1b\u202e")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_of_the_command_is_json(witness, number):
    """What a config holds may be no JSON, and is shown."""
    auto_map = f'{{"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": [{number}, null]}}'
    text = f'{{"model_type": "tiny", "architectures": [{number}], "dtype": {number}, "auto_map": {auto_map}}}'
    folder = witness.write({"config.json": text})
    shown = hub_io("inspect", str(folder), "--json")

    def refuse(constant):
        raise AssertionError(constant)

    json.loads(shown.out, parse_constant=refuse)
