"""The guide as written, with only the import lines changed: its mutable default, its missing `post_init`, its "resnet".

Author and user are different processes; the user has nothing but a name. `pretrained=True` would need timm's weights
from the network, so the timm model here is a seeded random one.
"""

from __future__ import annotations

import pytest

CREATE = """
import torch, timm
from resnet_model.configuration_resnet import ResnetConfig
from resnet_model.modeling_resnet import ResnetModel, ResnetModelForImageClassification

ResnetConfig.register_for_auto_class()
ResnetModel.register_for_auto_class("AutoModel")
ResnetModelForImageClassification.register_for_auto_class("AutoModelForImageClassification")

resnet50d_config = ResnetConfig(block_type="bottleneck", stem_width=32, stem_type="deep", avg_down=True)
resnet50d = ResnetModelForImageClassification(resnet50d_config)

torch.manual_seed(0)
pretrained_model = timm.create_model("resnet50d", pretrained=False)
resnet50d.model.load_state_dict(pretrained_model.state_dict())

resnet50d.eval()
tensor = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
with torch.no_grad():
    torch.save({"tensor": tensor, "logits": resnet50d(tensor)["logits"]}, "expected.pt")
"""


@pytest.fixture(scope="module")
def saved(shared_author):
    """The guide's resnet50d, saved with its code, and the logits that it gave."""
    shared_author.run(f'{CREATE}\nresnet50d.save_pretrained("custom-resnet50d")')
    return shared_author.folder / "custom-resnet50d"


def use(user, source, expected, program="", **pin):
    """Load by name in another process, and compare the logits bit for bit."""
    options = "".join(f", {name}={commit!r}" for name, commit in pin.items())
    return user.run(f"""
import torch
from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification
source = {source!r}
model = AutoModelForImageClassification.from_pretrained(source, trust_remote_code=True{options})
expected = torch.load({str(expected)!r}, weights_only=True)
with torch.no_grad():
    assert torch.equal(model(expected["tensor"])["logits"], expected["logits"])
print(type(model).__module__)
{program}
""")


def test_config_is_saved_and_loaded(author):
    """The guide's configuration step: a folder with config.json, and the same config out of it."""
    author.run("""
from resnet_model.configuration_resnet import ResnetConfig

resnet50d_config = ResnetConfig(block_type="bottleneck", stem_width=32, stem_type="deep", avg_down=True)
resnet50d_config.save_pretrained("custom-resnet")
assert ResnetConfig.from_pretrained("custom-resnet") == resnet50d_config
assert ResnetConfig().layers is not ResnetConfig().layers
""")
    assert [path.name for path in (author.folder / "custom-resnet").iterdir()] == ["config.json"]


def test_saved_folder_loads_by_its_path_in_another_process(saved, user):
    """Config, weights and code travel in the folder; logits are equal bit for bit."""
    names = {path.name for path in saved.iterdir()}
    code = {"configuration_resnet.py", "modeling_resnet.py", "pretrained_base.py"}
    assert names == {"config.json", "model.safetensors", *code}
    assert use(user, str(saved), saved.parent / "expected.pt").startswith("hub_io.remote.")


def test_folder_saved_from_the_classifier_serves_every_registered_class(saved, user):
    """`auto_map` lists the siblings, so AutoModel and AutoConfig work on it too."""
    use(
        user,
        str(saved),
        saved.parent / "expected.pt",
        """
config = AutoConfig.from_pretrained(source, trust_remote_code=True)
backbone = AutoModel.from_pretrained(source, trust_remote_code=True)
assert type(model.config) is type(config) is type(backbone.config) is type(model).config_class
with torch.no_grad():
    assert torch.equal(backbone(expected["tensor"]), model.model.forward_features(expected["tensor"]))
""",
    )


def test_state_dict_that_is_saved_is_the_one_that_is_pushed(author, hub):
    """One that is passed to the save, such as that of a model in several processes, is uploaded as it is saved."""
    push = (
        "weights = {name: value * 0 for name, value in resnet50d.state_dict().items()}\n"
        'resnet50d.save_pretrained("zeros", state_dict=weights, push_to_hub=True)'
    )
    author.run(f"{CREATE}\n{push}", HF_TOKEN=hub.token("sgugger"))
    assert hub.files("sgugger/zeros")["model.safetensors"] == (author.folder / "zeros/model.safetensors").read_bytes()


def test_pushed_model_loads_by_its_name_in_another_process(author, user, hub):
    """`push_to_hub` under the account's own namespace, then everything back by name from one commit."""
    push = 'print(resnet50d.push_to_hub("custom-resnet50d").oid)'
    commit = author.run(f"{CREATE}\n{push}", HF_TOKEN=hub.token("sgugger")).strip()
    assert set(hub.files("sgugger/custom-resnet50d")) == {
        ".gitattributes",
        "README.md",
        "config.json",
        "configuration_resnet.py",
        "model.safetensors",
        "modeling_resnet.py",
        "pretrained_base.py",
    }
    module = use(user, "sgugger/custom-resnet50d", author.folder / "expected.pt", revision=commit)
    assert module.startswith("hub_io.remote.sgugger_custom_resnet50d_")


def test_registered_classes_serve_their_folder_without_remote_code(author):
    """The guide's AutoClass step: what the program registers as "resnet" is what it gets, and no installed namesake."""
    author.run("""
import torch
from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification
from resnet_model.configuration_resnet import ResnetConfig
from resnet_model.modeling_resnet import ResnetModel, ResnetModelForImageClassification

AutoConfig.register("resnet", ResnetConfig)
AutoModel.register(ResnetConfig, ResnetModel)
AutoModelForImageClassification.register(ResnetConfig, ResnetModelForImageClassification)

config = ResnetConfig(block_type="basic", layers=[1, 1, 1, 1], num_classes=10)
model = ResnetModelForImageClassification(config)
model.save_pretrained("tiny")
assert type(AutoConfig.from_pretrained("tiny")) is ResnetConfig
assert type(AutoModel.from_pretrained("tiny")) is ResnetModel
loaded = AutoModelForImageClassification.from_pretrained("tiny")
assert type(loaded) is ResnetModelForImageClassification
assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
assert type(AutoModelForImageClassification.from_config(config)) is ResnetModelForImageClassification
""")


def test_fresh_model_keeps_the_initialisation_that_timm_made(author):
    """The base class never initialises modules that it did not create: the same seed gives timm's own weights."""
    author.run("""
import timm, torch
from resnet_model.configuration_resnet import ResnetConfig
from resnet_model.modeling_resnet import ResnetModelForImageClassification

torch.manual_seed(0)
theirs = timm.create_model("resnet18", pretrained=False).state_dict()
torch.manual_seed(0)
ours = ResnetModelForImageClassification(ResnetConfig(block_type="basic", layers=[2, 2, 2, 2])).model.state_dict()
assert theirs.keys() == ours.keys()
assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
""")


def test_forward_returns_a_loss_when_labels_are_given(author):
    """What a standard trainer asks for: a dictionary with loss and logits."""
    author.run("""
import torch
from resnet_model.configuration_resnet import ResnetConfig
from resnet_model.modeling_resnet import ResnetModelForImageClassification

model = ResnetModelForImageClassification(ResnetConfig(block_type="basic", layers=[1, 1, 1, 1], num_classes=4))
output = model(torch.rand(2, 3, 32, 32), labels=torch.tensor([0, 3]))
assert list(output) == ["loss", "logits"] and output["logits"].shape == (2, 4)
output["loss"].backward()
assert list(model(torch.rand(2, 3, 32, 32))) == ["logits"]
""")


def test_auto_map_edited_by_hand_names_code_of_another_repository(saved, user, hub):
    """The guide's "map more than one task" step: `owner/repo--module.Class` is found in that repository."""
    files = {path.name: path.read_bytes() for path in saved.iterdir()}
    commit = hub.create_repo("sgugger/code", files={name: files[name] for name in files if name.endswith(".py")})
    config = files["config.json"].decode()
    for module in ("configuration_resnet", "modeling_resnet"):
        config = config.replace(f'"{module}.', f'"sgugger/code--{module}.')
    hub.create_repo("somebody/weights", files={"config.json": config, "model.safetensors": files["model.safetensors"]})
    module = use(user, "somebody/weights", saved.parent / "expected.pt", code_revision=commit)
    assert module.startswith("hub_io.remote.sgugger_code_")
