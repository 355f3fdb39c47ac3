"""`load_into_transformers`: transformers' own Auto classes use a checkpoint's code, trusted as it is here."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import pytest
import torch

from auto_registry import AutoModelForCausalLM, AutoModelForSequenceClassification
from auto_registry.errors import RegistrationError
from config_core.code import CodeBundle
from hub_io import (
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    TrustEntry,
    TrustFile,
    TrustPolicy,
    UnservedNamesError,
    load_into_transformers,
)
from transformers_stock import STOCK, environment, make_inputs, run, tensors_in

transformers = pytest.importorskip("transformers", reason="needs the dependency group `peers`")

pytestmark = pytest.mark.usefixtures("new_places")

NAME = "sequence classifier"
GUIDE = "the guide's ResNet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoints that transformers has made."""
    folder = tmp_path_factory.mktemp("stock")
    run("make", folder, NAME, "composite", GUIDE)
    return folder


@pytest.fixture
def source(folder, tmp_path, request):
    """A checkpoint with code of its own digest and a model_type that no other test registers."""
    source = tmp_path / "saved"
    kind = f"stock_{request.node.name.partition('[')[0]}"
    for path in (folder / NAME).iterdir():
        content = path.read_bytes()
        if path.suffix in {".py", ".json"}:
            content = content.replace(b"stock_classifier", kind.encode())
        (source / path.name).parent.mkdir(exist_ok=True)
        (source / path.name).write_bytes(content)
    return source


def outputs_of(model):
    """Return the outputs of a model for the inputs of the stock."""
    with torch.no_grad():
        return list(tensors_in(model(**make_inputs(STOCK[NAME]))))


def printed_by(program):
    """Return what a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environment(), timeout=100
    )
    assert not done.returncode, done.stderr
    return done.stdout


def expected(folder):
    """Return the outputs of the model that was saved."""
    return torch.load((folder / NAME).with_suffix(".outputs"), weights_only=True)


def test_transformers_loads_the_checkpoint_without_trust_of_its_own(folder, source):
    """The classes are subclasses of the real base classes, and compute what was saved."""
    with pytest.raises(ValueError, match="trust_remote_code"):
        transformers.AutoModelForSequenceClassification.from_pretrained(source, trust_remote_code=False)
    report = load_into_transformers(source, trust_remote_code=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(source)
    assert type(model) is report.model_classes["AutoModelForSequenceClassification"]
    assert isinstance(model, transformers.PreTrainedModel)
    assert type(transformers.AutoConfig.from_pretrained(source)) is report.config_class
    assert all(map(torch.equal, outputs_of(model), expected(folder)))
    assert report.served_names == ()


@pytest.mark.parametrize("trust_remote_code", [None, False])
def test_code_without_trust_is_refused(source, trust_remote_code):
    """The decision is the one that is made for every load here."""
    with pytest.raises(RemoteCodeRefusedError):
        load_into_transformers(source, trust_remote_code=trust_remote_code)
    with pytest.raises(ValueError, match="trust_remote_code"):
        transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)


def test_trust_store_is_enough(source, tmp_path):
    """Code that was reviewed needs no flag; a changed byte is other code."""
    with pytest.raises(RemoteCodeRefusedError) as caught:
        load_into_transformers(source)
    TrustFile(tmp_path / "hub-code.lock").add(
        TrustEntry.of(caught.value.bundle, source=os.path.realpath(source), commit=None)
    )
    assert load_into_transformers(source).model_type == "stock_test_trust_store_is_enough"
    with (source / "modeling_classifier.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    with pytest.raises(RemoteCodeRefusedError, match=r"changed|differ"):
        load_into_transformers(source)


def test_save_by_transformers_has_the_code(source, tmp_path):
    """`save_pretrained` copies the files, so that the folder loads here and there."""
    load_into_transformers(source, trust_remote_code=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(source)
    model.save_pretrained(tmp_path / "again")
    for name in ("configuration_classifier.py", "modeling_classifier.py"):
        assert (tmp_path / "again" / name).read_bytes() == (source / name).read_bytes()
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path / "again", trust_remote_code=True)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))


def test_both_ways_stand_side_by_side(source):
    """The same files are other classes with the real transformers and with served names."""
    there = load_into_transformers(source, trust_remote_code=True)
    model = AutoModelForSequenceClassification.from_pretrained(source, trust_remote_code=True)
    assert not isinstance(model, transformers.PreTrainedModel)
    assert there.model_classes["AutoModelForSequenceClassification"].__name__ == type(model).__name__
    assert there.config_class is load_into_transformers(source, trust_remote_code=True).config_class


def test_two_revisions_stand_side_by_side(source):
    """Another content gives other classes; replacing the registered ones has to be asked for."""
    first = load_into_transformers(source, trust_remote_code=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(source)
    with (source / "configuration_classifier.py").open("a", encoding="utf-8") as file:
        file.write("REVISION = 2\n")
    with pytest.raises(RegistrationError, match="exist_ok=True") as caught:
        load_into_transformers(source, trust_remote_code=True)
    assert caught.value.held_by is first.config_class
    assert type(transformers.AutoConfig.from_pretrained(source)) is first.config_class
    second = load_into_transformers(source, trust_remote_code=True, exist_ok=True)
    newer = transformers.AutoModelForSequenceClassification.from_pretrained(source)
    assert type(newer) is second.model_classes["AutoModelForSequenceClassification"] is not type(model)
    assert all(map(torch.equal, outputs_of(model), outputs_of(newer)))


def test_class_of_transformers_itself_is_not_replaced_unasked(folder):
    """The guide's model_type is that of transformers' own ResNet."""
    held = transformers.CONFIG_MAPPING["resnet"]
    with pytest.raises(RegistrationError, match=r"model_type 'resnet' of transformers\.AutoConfig is"):
        load_into_transformers(folder / GUIDE, trust_remote_code=True)
    assert transformers.CONFIG_MAPPING["resnet"] is held


def test_all_or_none_are_registered(source):
    """A model class that transformers would not take keeps the config class out, too."""
    path = source / "modeling_classifier.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nclass Other:\n    config_class = ClassifierConfig\n", "utf-8")
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["auto_map"]["AutoModel"] = "modeling_classifier.Other"
    (source / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RegistrationError, match=r"Other is not a subclass of transformers\.PreTrainedModel"):
        load_into_transformers(source, trust_remote_code=True)
    assert config["model_type"] not in transformers.CONFIG_MAPPING


@pytest.mark.parametrize("where", ["the code fails later", "another class is refused", "their own methods fail"])
def test_classes_that_code_has_registered_itself_go_with_a_failure(source, where):
    """Many files end with such a call. A class whose load failed must not stay behind for others to find."""
    own_call = (
        "from transformers import AutoConfig\nAutoConfig.register(ClassifierConfig.model_type, ClassifierConfig)\n"
    )
    fails = {
        "the code fails later": "raise RuntimeError('later')\n",
        "another class is refused": "Classifier = ClassifierConfig\n",
        "their own methods fail": "@classmethod\ndef fail(cls, name):\n    raise RuntimeError('own')\n"
        "for _found in list(vars().values()):\n"
        "    if isinstance(_found, type) and _found.__module__ == __name__:\n"
        "        _found.register_for_auto_class = fail\n",
    }
    for name, added in (("configuration", own_call), ("modeling", fails[where])):
        with (source / f"{name}_classifier.py").open("a", encoding="utf-8") as file:
            file.write(f"\n{added}")
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if where == "another class is refused":
        config["auto_map"]["AutoModel"] = "modeling_classifier.ClassifierConfig"
        (source / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises((RegistrationError, RemoteCodeImportError, RuntimeError)):
        load_into_transformers(source, trust_remote_code=True)
    assert config["model_type"] not in transformers.CONFIG_MAPPING


def test_failed_load_takes_back_only_what_its_own_code_has_registered(source):
    """What another thread registers meanwhile stays: `on_run` stands for that thread, at the very moment."""
    own_call = "from transformers import AutoConfig\nAutoConfig.register('own', ClassifierConfig, exist_ok=True)\n"
    with (source / "configuration_classifier.py").open("a", encoding="utf-8") as file:
        file.write(f"\nClassifierConfig.model_type = 'own'\n{own_call}raise RuntimeError('later')\n")

    class OtherConfig(transformers.PretrainedConfig):
        model_type = "registered_meanwhile"

    def register(_):
        transformers.AutoConfig.register("registered_meanwhile", OtherConfig)

    try:
        with pytest.raises(RemoteCodeImportError, match="later"):
            load_into_transformers(source, trust_remote_code=True, policy=TrustPolicy(on_run=register))
        assert transformers.CONFIG_MAPPING["registered_meanwhile"] is OtherConfig
        assert "own" not in transformers.CONFIG_MAPPING
    finally:
        transformers.CONFIG_MAPPING._extra_content.pop("registered_meanwhile", None)


@pytest.mark.parametrize(
    ("config", "model", "told"),
    [
        (None, "config_class = None", "config_class must be a subclass of transformers.PretrainedConfig, got None"),
        (None, "config_class = 'SmallConfig'", "config_class must be a subclass"),
        (None, "config_class = dict", "config_class must be a subclass"),
        (None, "from transformers import ViTConfig as config_class", "the checkpoint's config class is BertConfig"),
        ("['odd']", "config_class = SmallConfig", "with a model_type, a string"),
        ("5", "config_class = SmallConfig", "with a model_type, a string"),
        ("{}", "config_class = SmallConfig", "with a model_type, a string"),
    ],
)
def test_classes_that_do_not_fit_transformers_are_refused_by_name(tmp_path, config, model, told):
    """Whatever their attributes are, the error is a RegistrationError, and nothing is registered."""
    auto_map = {"AutoModelForImageClassification": "modeling_small.Small"}
    modeling = (
        f"from transformers import PreTrainedModel\nSmallConfig = None\nclass Small(PreTrainedModel):\n    {model}\n"
    )
    if config is not None:
        auto_map["AutoConfig"] = "modeling_small.SmallConfig"
        base = "from transformers import PretrainedConfig\n"
        own = f"{base}class SmallConfig(PretrainedConfig):\n    model_type = {config}\n"
        modeling = own + modeling.replace("SmallConfig = None\n", "")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "auto_map": auto_map}), encoding="utf-8")
    (tmp_path / "modeling_small.py").write_text(modeling, encoding="utf-8")
    with pytest.raises(RegistrationError) as caught:
        load_into_transformers(tmp_path, trust_remote_code=True)
    assert told in str(caught.value)


def test_objects_are_pickled_by_the_digest_of_their_code(source):
    """In this process they come back as what they are; another process decides with its own policy."""
    load_into_transformers(source, trust_remote_code=True)
    config = transformers.AutoConfig.from_pretrained(source)
    assert type(pickle.loads(pickle.dumps(config))) is type(config)
    program = "import sys, pickle; print(type(pickle.load(sys.stdin.buffer)).__mro__[1].__module__)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, input=pickle.dumps(config), capture_output=True, timeout=100
    )
    assert done.stdout.startswith(b"transformers."), done.stderr.decode()


def test_transformers_that_is_not_installed_is_named(folder):
    """Nothing has run, and the extra is named."""
    program = f"""
import sys
from transformers_stock.load import BlockTransformers
sys.meta_path.insert(0, BlockTransformers())
import hub_io
try:
    hub_io.load_into_transformers({str(folder / NAME)!r}, trust_remote_code=True)
except hub_io.MissingRequirementsError as error:
    print(error.modules, "pretrained-hub-io[transformers]" in str(error))
print([name for name in sys.modules if "configuration_classifier" in name])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=99,
    )
    assert done.stdout == "('transformers',) True\n[]\n", done.stderr


def test_importing_hub_io_imports_no_transformers():
    """It is imported by this one function."""
    program = "import sys, hub_io; print('transformers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", timeout=99
    )
    assert done.stdout == "False\n"


def test_repository_is_pinned_by_the_trust_store(source, hub, tmp_path):
    """The commit that was reviewed is the one that is imported, also after the branch has moved."""
    content = {path.name: path.read_bytes() for path in source.iterdir()}
    reviewed = hub.create_repo("me/there", content)
    code = {name: text for name, text in content.items() if name.endswith(".py")}
    TrustFile(tmp_path / "hub-code.lock").add(TrustEntry.of(CodeBundle(code), source="me/there", commit=reviewed))
    hub.commit("me/there", {"modeling_classifier.py": "raise SystemExit('it ran')"})
    report = load_into_transformers("me/there")
    assert report.commit == reviewed
    assert issubclass(report.config_class, transformers.PretrainedConfig)


GENERATES_CONFIG = """
from transformers import PretrainedConfig


class SmallConfig(PretrainedConfig):
    model_type = "stock_generates"

    def __init__(self, vocab_size=11, hidden_size=8, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = 1
        super().__init__(**kwargs)
"""
GENERATES = """
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from .configuration_small import SmallConfig


class SmallForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = SmallConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}

    def forward(self, input_ids, **kwargs):
        return CausalLMOutput(logits=self.head(self.embed(input_ids)))
"""


def test_text_generation_is_refused_here_and_works_there(tmp_path):
    """The error names the function that this test then calls."""
    auto_map = {"AutoConfig": "configuration_small.SmallConfig"}
    auto_map["AutoModelForCausalLM"] = "modeling_small.SmallForCausalLM"
    config = json.dumps({"model_type": "stock_generates", "auto_map": auto_map})
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    (tmp_path / "configuration_small.py").write_text(GENERATES_CONFIG, encoding="utf-8")
    (tmp_path / "modeling_small.py").write_text(GENERATES, encoding="utf-8")
    with pytest.raises(UnservedNamesError, match=r"GenerationMixin.*load_into_transformers\(\)"):
        AutoModelForCausalLM.from_pretrained(tmp_path, trust_remote_code=True)
    load_into_transformers(tmp_path, trust_remote_code=True)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(tmp_path))
    tokens = model.generate(torch.tensor([[1, 2]]), max_new_tokens=3, do_sample=False)
    assert tokens.shape == (1, 5)
