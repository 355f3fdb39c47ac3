"""config.json says which class of which file is wanted. It can name a class beside itself, and nothing more."""

from __future__ import annotations

import json
import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from auto_registry.errors import CheckpointConfigError, UnknownModelTypeError
from config_core import ClassReferenceError, ConfigFileError, SourceCodeError
from hostile import reads_of
from hub_io import NoRemoteCodeError, RemoteCodeImportError, RemoteCodeRefusedError, load_into_registry
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json


def with_reference(reference, name="AutoModel"):
    return {"config.json": config_json(AUTO_MAP | {name: reference})}


OUTSIDE = {
    "parent": "../outside/evil.Evil",
    "parent inside": "sub/../../outside/evil.Evil",
    "dot": "./evil.Evil",
    "absolute": "/{outside}/evil.Evil",
    "home": "~/evil.Evil",
    "backslash": "..\\outside\\evil.Evil",
    "drive": "C:\\evil.Evil",
    "drive and slash": "C:/evil.Evil",
    "share": "//host/share/evil.Evil",
    "empty part": "sub//evil.Evil",
    "file address": "file:///evil.Evil",
    "web address": "https://host/evil.Evil",
    "zero byte": "evil\0.Evil",
    "line break": "evil\n.Evil",
    "device": "con.Evil",
    "device as folder": "nul/evil.Evil",
    "space": "evil .Evil",
    "quoted dots": "%2e%2e/outside/evil.Evil",
    "python path": "outside.evil.Evil",
    "hidden folder": ".hidden/evil.Evil",
    "expression": "evil.Evil()",
    "dunder walk": "evil.Evil.__init__",
    "no class": "evil",
    "nothing": "",
    "only dots": "...",
    "direction of text": "evil\u202e.Evil",
    "no width": "ev\u200bil.Evil",
    "very long": "a" * 2000 + ".Evil",
}


@pytest.mark.parametrize("trust", [None, True])
@pytest.mark.parametrize("name", OUTSIDE)
def test_reference_that_leaves_the_checkpoint_is_refused(witness, name, trust):
    """Even with trust: what is trusted is the checkpoint's code, and not what it points to."""
    (witness.outside / "evil.py").write_text(witness.trace, encoding="utf-8")
    reference = OUTSIDE[name].replace("/{outside}", str(witness.outside))
    content = {"evil.py": witness.trace, ".hidden/evil.py": witness.trace}
    folder = witness.write(with_reference(reference, "AutoConfig") | content)
    with reads_of(witness.outside) as opened, pytest.raises(ClassReferenceError, match="auto_map value"):
        AutoConfig.from_pretrained(folder, trust_remote_code=trust)
    assert opened == []


@pytest.mark.parametrize("value", [None, 3, True, ["evil.Evil"], {"file": "evil"}, ["evil.Evil", "evil.Evil"]])
def test_reference_that_is_no_text_is_refused(witness, value):
    """Lists, objects and numbers name no class."""
    folder = witness.write(with_reference(value, "AutoConfig"))
    with pytest.raises(ClassReferenceError, match="expected a string, got"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("auto_map", [["evil.Evil"], "evil.Evil", 3, True])
def test_auto_map_that_is_no_object_is_refused(witness, auto_map):
    """The key is named."""
    folder = witness.write({"config.json": json.dumps({"model_type": "tiny", "auto_map": auto_map})})
    with pytest.raises(CheckpointConfigError, match="auto_map must be an object"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "reference",
    ["builtins.dict", "os.PathLike", "subprocess.Popen", "ctypes.CDLL", "hub_io.HuggingFaceHub", "torch/nn.Linear"],
)
def test_reference_never_means_an_installed_module(witness, reference):
    """A reference is a file of the checkpoint, whatever Python itself would import by that name."""
    folder = witness.write(with_reference(reference, "AutoConfig"))
    with pytest.raises(SourceCodeError, match=r"there is no such file"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("name", ["os", "sys", "json", "torch", "hub_io", "config_core", "class", "None"])
def test_module_named_like_another_replaces_nothing(lenient_witness, name):
    """A file may have any name; it is imported under a name of its own, and the other module stays what it is."""
    before = sys.modules.get(name)
    auto_map = {"AutoConfig": f"{name}.TinyConfig"}
    folder = lenient_witness.write(
        {"config.json": config_json(auto_map), f"{name}.py": CONFIGURATION, "modeling_tiny.py": None}, harmless=True
    )
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert type(config).__module__.startswith("hub_io.remote.")
    assert type(config).__module__.endswith(f".{name}")
    assert sys.modules.get(name) is before


@pytest.mark.parametrize("module", ["__init__", "__main__", "sub/__init__", "__pycache__/evil", "__builtins__"])
def test_module_with_a_name_of_pythons_own_is_refused(witness, module):
    """A package's own file under a second name would be a second copy of its classes."""
    folder = witness.write(with_reference(f"{module}.Evil", "AutoConfig") | {f"{module}.py": witness.trace})
    with pytest.raises(ClassReferenceError, match="a name reserved by Python"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


LOOKALIKES = {
    "cyrillic": "m\u043edeling_tiny",
    "ligature": "con\ufb01guration_tiny",
    "fullwidth": "\uff4dodeling",
    "accent": "mod\u00e8le",
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_module_with_letters_that_look_alike_is_refused(witness, name):
    """Who read `modeling_tiny.py` has not read its twin; the error shows which letters they are."""
    module = LOOKALIKES[name]
    folder = witness.write(with_reference(f"{module}.TinyConfig", "AutoConfig") | {f"{module}.py": witness.trace})
    with pytest.raises(ClassReferenceError, match=r"is not ASCII: similar letters could hide") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert "\\x" in str(caught.value) or "\\u" in str(caught.value)


def test_import_of_a_module_that_looks_like_another_is_refused(witness):
    """What a file imports is held to the same letters as what config.json names."""
    twin = "configuration_t\u0456ny"
    folder = witness.write(
        {"modeling_tiny.py": f"from .{twin} import TinyConfig\n{MODELING}", f"{twin}.py": witness.trace}
    )
    with pytest.raises(ValueError, match=r"is not ASCII.*\\u0456"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "name",
    ["__class__", "__loader__", "__spec__", "__builtins__", "__dict__", "__code_bundle__", "json", "dict", "open"],
)
def test_reference_to_a_module_attribute_is_no_class(lenient_witness, name):
    """Only a class that the checkpoint's own code defines is taken, not what every module has or imports."""
    folder = lenient_witness.write(with_reference(f"modeling_tiny.{name}"), harmless=True)
    with pytest.raises(RemoteCodeImportError, match=r"modeling_tiny\.py, but"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "repo",
    ["../evil", "evil", "a/b/c", "https://evil/x", "/evil/x", "evil/../x", "-evil/x", "evil/", "~/x", "evil\n/x", ".."],
)
def test_repository_of_a_reference_is_a_plain_name(witness, repo):
    """Nothing is asked of any server about the others."""
    folder = witness.write(with_reference(f"{repo}--evil.Evil", "AutoConfig"))
    with pytest.raises(ClassReferenceError, match="is not a repository 'owner/name'"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("trust", [None, False])
def test_code_of_another_repository_is_not_fetched_for_a_decision(witness, hub, trust):
    """A config cannot make its reader contact, let alone run, a repository of its choice."""
    from auto_registry.code_load import CodeLoad
    from hub_io import REMOTE_CODE_SERVICE

    hub.create_repo("evil/code", {"evil.py": witness.trace})
    folder = witness.write(with_reference("evil/code--evil.Evil", "AutoConfig"))
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(folder, trust_remote_code=trust), "AutoConfig")
    assert not decision.trusted
    assert hub.requests == []


def test_trust_in_a_repository_is_not_spent_on_another_commit_of_the_code(witness, hub):
    """`revision` pins the checkpoint's own code; a foreign repository's moves, which the warning says."""
    from hub_io import UnpinnedCodeWarning

    hub.create_repo("evil/code", {"evil.py": witness.trace})
    sha = hub.create_repo("me/tiny", witness.files(with_reference("evil/code--evil.Evil", "AutoConfig")))
    with pytest.raises(UnpinnedCodeWarning, match=r"evil/code.*code_revision="):
        AutoConfig.from_pretrained("me/tiny", revision=sha, trust_remote_code=True)


@pytest.mark.parametrize("key", ["AutoModel\u200b", "automodel", "__class__", "AutoModel ", "torch.nn.Module", ""])
def test_key_that_names_no_auto_class_serves_nothing(witness, key):
    """Keys are compared as they are."""
    folder = witness.write({"config.json": config_json({key: "modeling_tiny.TinyModel"})})
    with pytest.raises(UnknownModelTypeError, match="tiny"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    with pytest.raises(NoRemoteCodeError):
        load_into_registry(folder, trust_remote_code=True)


def test_reference_of_millions_of_letters_gives_a_short_error(witness):
    """Logs are not to be filled by whoever writes a config."""
    folder = witness.write(with_reference("x" * 3_000_000 + "--evil.Evil", "AutoConfig"))
    with pytest.raises(ClassReferenceError) as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 2000


def test_auto_map_of_many_names_gives_a_short_error(witness):
    """Nor by the names beside the wanted one."""
    auto_map = {f"Auto{'x' * 500}{number}": "modeling_tiny.TinyModel" for number in range(10_000)}
    folder = witness.write({"config.json": config_json(auto_map)})
    with pytest.raises(UnknownModelTypeError, match="and 9,992 more and not AutoConfig") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 2000


def test_auto_map_of_a_nested_config_means_nothing(witness):
    """Code is named at the top of config.json and nowhere else."""
    nested = {"auto_map": AUTO_MAP, "model_type": "tiny"}
    folder = witness.write({"config.json": config_json({}, text_config=nested, vision=[nested])})
    with pytest.raises(UnknownModelTypeError):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "name",
    ["generation_config.json", "preprocessor_config.json", "tokenizer_config.json", "adapter_config.json",
     "modules.json", "model_index.json", "config.json.bak", "hub-code.lock", "CONFIG.JSON", "sub/config.json"],
)  # fmt: skip
def test_auto_map_of_other_files_means_nothing(witness, name):
    """Only config.json is asked, and only where the checkpoint was opened."""
    folder = witness.write({"config.json": config_json({}), name: config_json()})
    with pytest.raises((UnknownModelTypeError, RemoteCodeRefusedError)):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "key", ["model_file", "custom_pipeline", "custom_pipelines", "_class_name", "_target_", "library", "loader", "code",
            "kernel", "_attn_implementation_internal", "attn_implementation", "script", "import", "auto_class", "$ref"],
)  # fmt: skip
def test_keys_with_which_other_libraries_run_code_are_only_keys(witness, key):
    """Hydra's, diffusers', mlx-lm's and transformers' ways to name code are data here."""
    folder = witness.write({"config.json": config_json({}, **{key: "modeling_tiny.TinyModel"})})
    with pytest.raises(UnknownModelTypeError):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize("model_type", ["../resnet", "os", "AutoModel.resnet", "__class__", "tiny\0", "x" * 1_000_000])
def test_model_type_is_looked_up_and_nothing_else(witness, model_type):
    """It is no path, no module and no attribute, and the error about it is short."""
    folder = witness.write({"config.json": json.dumps({"model_type": model_type})})
    with pytest.raises(UnknownModelTypeError) as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("model_type", [3, ["tiny"], {"tiny": 1}, True])
def test_model_type_that_is_no_text_is_refused(witness, model_type):
    """The key is named."""
    folder = witness.write({"config.json": json.dumps({"model_type": model_type, "auto_map": AUTO_MAP})})
    with pytest.raises(CheckpointConfigError, match="model_type must be a string"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_second_auto_map_does_not_replace_the_first(witness):
    """A key that stands twice is read the one way by a reviewer and the other way by a parser."""
    text = '{"model_type": "tiny", "auto_map": {}, "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig"}}'
    folder = witness.write({"config.json": text})
    with pytest.raises(ConfigFileError, match="duplicate key 'auto_map'"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_second_reference_for_a_class_does_not_replace_the_first(witness):
    """Nor inside the map."""
    pairs = '"AutoConfig": "configuration_tiny.TinyConfig", "AutoConfig": "evil.Evil"'
    folder = witness.write({"config.json": f'{{"model_type": "tiny", "auto_map": {{{pairs}}}}}', "evil.py": "x = 1"})
    with pytest.raises(ConfigFileError, match="duplicate key 'AutoConfig'"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_architectures_are_names_and_imported_from_nowhere(witness):
    """A list of names that look like modules loads nothing."""
    folder = witness.write(
        {
            "config.json": json.dumps({"model_type": "tiny", "architectures": ["os.system", "evil.Evil"]}),
            "evil.py": witness.trace,
        }
    )
    with pytest.raises(UnknownModelTypeError):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_tokenizer_code_is_not_part_of_what_a_model_needs(lenient_witness):
    """Files that only other libraries would load are neither run nor listed as what would run."""
    content = {
        "config.json": config_json(AUTO_MAP | {"AutoTokenizer": ["evil.Slow", "evil.Fast"]}),
        "evil.py": lenient_witness.trace,
    }
    folder = lenient_witness.write(content, harmless=True)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {"configuration_tiny.py", "modeling_tiny.py"}
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert model.weights == [1.0, 2.0]
