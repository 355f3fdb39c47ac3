"""Checkpoints whose names all carry what a terminal obeys: no warning, log, error, report or output holds it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
import pickle
import struct
import traceback
import warnings

import pytest
import safetensors.torch
import torch

from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification
from config_core import PretrainedConfig, open_checkpoint
from config_core.code import CodeBundle
from hub_io import HUB_SERVICE, TrustEntry, TrustFile, load_into_registry
from hub_io_command import Ran, hub_io
from resnet import ResnetConfig, ResnetModel
from tiny_checkpoints import CONFIGURATION, MODELING, config_json
from tiny_models import TinyConfig, TinyModel

NASTY = "\x1b[2J\u202e\x07\x9b"
OBEYED = set("\x1b\u202e\x07\x9b\r")


def nasty(text="a"):
    """Return a name that clears a terminal and turns a line around."""
    return f"{text}{NASTY}"


CONFIGS = {
    "values": {"model_type": "tiny", nasty("key"): nasty("value"), "width": nasty("4"), "dtype": nasty("float32")},
    "keys": {"model_type": "tiny", nasty("width"): 4, "labels": {nasty(): nasty()}, "id2label": {"0": nasty("cat")}},
    "type": {"model_type": nasty("tiny"), "architectures": [nasty("TinyModel")]},
    "architectures": {"model_type": "tiny", "architectures": [nasty("TinyModel")], "problem_type": nasty()},
    "version": {"model_type": "tiny", "transformers_version": nasty("4"), "_name_or_path": nasty("/x")},
    "auto map": {"model_type": "tiny", "auto_map": {nasty("AutoModel"): nasty("m.C"), "AutoConfig": nasty("c.C")}},
    "repository": {"model_type": "tiny", "auto_map": {"AutoConfig": f"{nasty('me/other')}--c.C", "AutoModel": "m.C"}},
    "installed": {"model_type": "resnet", "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig"}},
    "nested": {"model_type": "resnet", "depths": [nasty("1")], nasty("config"): {"model_type": nasty()}},
    "timm": {"architecture": nasty("resnet50"), "num_classes": 3, "pretrained_cfg": {nasty("tag"): nasty("a")}},
    "quantised": {"model_type": "tiny", "quantization_config": {"quant_method": nasty("gptq")}},
    "trust": {"model_type": "tiny", nasty("trust_remote_code"): True, "trust_remote_code": nasty()},
}


@pytest.fixture
def folder(tmp_path):
    """A checkpoint with weights and code, in a folder with such a name."""
    made = tmp_path / nasty("folder")
    TinyModel(TinyConfig()).save_pretrained(made)
    tensors = safetensors.torch.load_file(made / "model.safetensors")
    tensors[nasty("layers.0.weight")] = tensors.pop("layers.0.weight")
    tensors["layers.1.weight"] = torch.ones(2)
    safetensors.torch.save_file(tensors, made / "model.safetensors", {"format": "pt", nasty("note"): nasty("value")})
    (made / nasty("notes.txt")).write_text(nasty())
    (made / "requirements.txt").write_text(f"{nasty('numpy')}\nno-such-package==1\n")
    docstring = f'"""{NASTY}"""\n'
    (made / "configuration_tiny.py").write_text(docstring + CONFIGURATION, encoding="utf-8")
    missing = f"import no_such_package  # {NASTY}\nNAMES = [__file__, {nasty('data.txt')!r}, 'data{NASTY}.json']\n"
    (made / "modeling_tiny.py").write_text(docstring + missing + MODELING, encoding="utf-8")
    return made


@pytest.fixture
def shown(caplog):
    """Return a function that makes a call, whatever comes of it, and all that it shows."""
    caplog.set_level(logging.DEBUG)

    def call(function):
        caplog.clear()
        out = io.StringIO()
        with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(out):
            warnings.simplefilter("always")
            with contextlib.redirect_stderr(out):
                try:
                    made = function()
                    out.write(f"{made.out}{made.err}" if isinstance(made, Ran) else f"{made}\n{made!r}\n")
                except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is shown
                    out.write(f"{error}\n{error!r}\n")
                    out.write("".join(traceback.format_exception(error)))
        return "\n".join([out.getvalue(), *(str(each.message) for each in warned), caplog.text])

    return call


def loads(folder):
    """Return everything that reads or writes a checkpoint, by name."""
    options = {"output_loading_info": True, "strict": False, "ignore_mismatched_sizes": True}
    commands = {
        " ".join(verb): functools.partial(hub_io, *verb, folder, *more)
        for verb, more in (
            (("inspect",), ()),
            (("inspect", "--json"), ()),
            (("inspect", "--source-code"), ()),
            (("trust",), ("--yes", "--note", nasty("note"), "--by", nasty("me"))),
            (("check",), ()),
            (("check", "--json"), ()),
            (("diff",), ()),
            (("verify",), ()),
        )
    }
    return {
        "config": lambda: PretrainedConfig.from_pretrained(folder),
        "config, saved": lambda: PretrainedConfig.from_pretrained(folder).save_pretrained(nasty("saved")),
        "config, overrides": lambda: TinyConfig.from_pretrained(folder, **{nasty("width"): nasty("1")}),
        "config, subfolder": lambda: TinyConfig.from_pretrained(folder, subfolder=nasty("sub")),
        "resnet": lambda: ResnetConfig.from_pretrained(folder),
        "resnet, weights": lambda: ResnetModel.from_pretrained(folder, **options),
        "weights": lambda: TinyModel.from_pretrained(folder, **options),
        "weights, strict": lambda: TinyModel.from_pretrained(folder),
        "weights, options": lambda: TinyModel.from_pretrained(folder, **{nasty("dtpye"): nasty()}),
        "weights, mapping": lambda: TinyModel.from_pretrained(folder, key_mapping={"layers": nasty("layers")}),
        "weights, variant": lambda: TinyModel.from_pretrained(folder, variant=nasty("fp16")),
        "AutoConfig": lambda: AutoConfig.from_pretrained(folder),
        "AutoConfig, trusted": lambda: AutoConfig.from_pretrained(folder, trust_remote_code=True),
        "AutoModel": lambda: AutoModel.from_pretrained(folder),
        "AutoModel, trusted": lambda: AutoModel.from_pretrained(folder, trust_remote_code=True),
        "classifier": lambda: AutoModelForImageClassification.from_pretrained(folder, **options),
        "registry": lambda: load_into_registry(folder, trust_remote_code=True),
        "registry, code_revision": lambda: load_into_registry(folder, code_revision=nasty("v1")),
        "revision": lambda: AutoConfig.from_pretrained(folder, revision=nasty("v1")),
        "file": lambda: open_checkpoint(folder).local_path(nasty("none")),
        "checkpoint": lambda: (str(open_checkpoint(folder)), open_checkpoint(folder).filenames()),
        **commands,
        "list": functools.partial(hub_io, "list"),
        "usage": functools.partial(hub_io, f"--{NASTY}"),
        "verb": functools.partial(hub_io, nasty("verb")),
        "revoke": functools.partial(hub_io, "revoke", folder, "--all"),
    }


def leaks(shown, calls):
    """Return what the calls show that a terminal would obey, by their names."""
    return {name: ascii(text) for name, call in calls.items() if set(text := shown(call)) & OBEYED}


@pytest.mark.parametrize("name", CONFIGS)
def test_no_name_of_a_folder_reaches_a_terminal(folder, shown, name):
    """Loaded, saved, reviewed, trusted, checked and listed."""
    (folder / "config.json").write_text(json.dumps(CONFIGS[name]), encoding="utf-8")
    assert leaks(shown, loads(folder)) == {}


@pytest.mark.parametrize("name", CONFIGS)
def test_no_name_of_a_repository_reaches_a_terminal(hub, folder, shown, name):
    """Git keeps such names of files; the Hub's answers and what is pushed to it have them too."""
    (folder / "config.json").write_text(json.dumps(CONFIGS[name]), encoding="utf-8")
    hub.create_repo("me/tiny", {path.name: path.read_bytes() for path in folder.iterdir()})
    token = hub.token("me")
    pushes = {
        "publish": lambda: HUB_SERVICE.publish(folder, "me/pushed", token=token),
        "publish, include": lambda: HUB_SERVICE.publish(folder, "me/pushed", token=token, include=[nasty("*")]),
        "push, branch": lambda: TinyModel(TinyConfig()).push_to_hub("me/pushed", revision=nasty("b"), token=token),
        "push, message": lambda: TinyConfig().push_to_hub("me/pushed", commit_message=nasty(), token=token),
        "push, tags": lambda: TinyConfig().push_to_hub("me/pushed", tags=[nasty()], token=token),
        "push, name": lambda: TinyConfig().push_to_hub(f"me/{nasty()}", token=token),
    }
    assert leaks(shown, loads("me/tiny") | pushes) == {}


def broken_header(**entry):
    """Return a file of safetensors whose header is refused."""
    header = json.dumps({nasty(): {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


BROKEN = {
    "dtype": {"model.safetensors": broken_header(dtype=nasty("F32"))},
    "key of a header": {"model.safetensors": broken_header(**{nasty(): 1})},
    "shape": {"model.safetensors": broken_header(shape=[nasty()])},
    "shard": {"model.safetensors.index.json": json.dumps({"weight_map": {nasty(): nasty("a.safetensors")}}).encode()},
    "no shard": {"model.safetensors.index.json": json.dumps({"weight_map": {nasty(): "a.safetensors"}}).encode()},
    "pickle": {"pytorch_model.bin": pickle.dumps(OSError(NASTY))},
    "text in place of a pickle": {"pytorch_model.bin": NASTY.encode()},
    "no JSON": {"config.json": f'{{"a": {NASTY}}}'.encode()},
    "no keys": {"config.json": f'{{"{NASTY}": 1, "{NASTY}": 2}}'.encode()},
    "no Python": {"configuration_tiny.py": f"x = ({NASTY}\n".encode()},
    "no Python in a text": {"modeling_tiny.py": f"'{NASTY}' = 1  # {NASTY}\n".encode()},
    "code that fails": {"modeling_tiny.py": f"raise ValueError({NASTY!r})\n".encode()},
    "code that fails to import": {"modeling_tiny.py": f"raise ModuleNotFoundError(name={NASTY!r})\n".encode()},
    "import": {"modeling_tiny.py": f"import no_such_package  # {NASTY}\n".encode()},
    "requirements": {"requirements.txt": f"no-such-package @ {NASTY}\nno-such-package==1 ; {NASTY}\n".encode()},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_no_text_of_a_broken_file_reaches_a_terminal(folder, shown, name):
    """Python and the libraries quote what they cannot read, and a traceback shows their errors too."""
    (folder / "config.json").write_text(config_json(), encoding="utf-8")
    for file, content in BROKEN[name].items():
        if file in {"pytorch_model.bin", "model.safetensors.index.json"}:
            (folder / "model.safetensors").unlink()
        (folder / file).write_bytes(content)
    assert leaks(shown, loads(folder)) == {}


def test_no_name_in_a_trust_file_reaches_a_terminal(folder, shown, tmp_path, monkeypatch):
    """Somebody else may have written it."""
    (folder / "config.json").write_text(config_json(), encoding="utf-8")
    store = tmp_path / nasty("trust.json")
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(store))
    code = CodeBundle({path.name: path.read_bytes() for path in folder.glob("*.py")})
    TrustFile(store).add(TrustEntry.of(code, source="me/tiny", commit=None, note=nasty("note"), by=nasty("me")))
    values = json.loads(store.read_text(encoding="utf-8"))
    values["trusted"][0]["source"] = "me/\u202e\x9b"
    for changed in ({}, {"publishers": [nasty()]}, {nasty(): 1}, {"version": nasty()}):
        store.write_text(json.dumps(values | changed), encoding="utf-8")
        assert leaks(shown, loads(folder)) == {}
