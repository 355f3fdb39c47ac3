"""timm's names as our configs and models, checked against what timm itself builds and computes."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys

import pytest
import timm
import torch

from config_core import ConfigError, ForeignConfigError, UnknownOptionError
from resnet import (
    PretrainedWeightsError,
    ResnetConfig,
    ResnetModelForImageClassification,
    TimmNameError,
    config_from_timm,
    from_timm,
    timm_names,
)

LISTED = timm.list_models(module="resnet")
PRUNED = [name for name in LISTED if "pruned" in name]
# Small ones of each kind: blocks, stems, groups, attention, smoothing, norms, and mixed blocks.
KINDS = [
    "resnet18",
    "resnet26t",
    "resnet50_gn",
    "seresnet18",
    "seresnext26d_32x4d",
    "ecaresnet26t",
    "ecaresnetlight",
    "resnetaa34d",
    "resnetblur18",
    "resnetrs50",
    "test_resnet",
]
SMALL = "test_resnet"
TAGGED = "test_resnet.r160_in1k"


def move(network):
    """Take every norm off its starting point: timm starts some at zero, which would hide whole branches."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.dim() == 1:
                low = 0.3 if name.endswith(("weight", "running_var")) else -0.1
                tensor.copy_(low + 0.2 * torch.rand(tensor.shape, generator=generator))


def check_against_timm(name):
    """Build a model there and here from one seed; weights and outputs must be equal bit for bit."""
    torch.manual_seed(0)
    theirs = timm.create_model(name).eval()
    torch.manual_seed(0)
    ours = from_timm(name, pretrained=False)
    weights = ours.model.state_dict()
    assert list(weights) == list(theirs.state_dict())
    assert [key for key, tensor in theirs.state_dict().items() if not torch.equal(tensor, weights[key])] == []

    move(theirs)
    move(ours.model)
    tensor = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        logits, expected = ours(tensor)["logits"], theirs(tensor)
    assert expected.std() > 0
    assert torch.equal(logits, expected)


@pytest.mark.parametrize("name", KINDS)
def test_kind_computes_what_timm_computes(name):
    """A small one of each kind of ResNet: same weights from the same seed, same logits."""
    check_against_timm(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in timm_names() if name not in KINDS])
def test_name_computes_what_timm_computes(name):
    """Every other name that timm lists gives the same weights and logits."""
    check_against_timm(name)


def test_every_name_that_timm_lists_is_expressible_or_pruned():
    """A ResNet that timm adds, with an argument we have no field for, shows here."""
    assert PRUNED
    assert list(timm_names()) == [name for name in LISTED if name not in PRUNED]


@pytest.mark.parametrize("name", timm_names())
def test_config_survives_its_file(name, tmp_path):
    """What `config_from_timm` says can be written and read."""
    config = config_from_timm(name)
    config.save_pretrained(tmp_path)
    assert ResnetConfig.from_pretrained(tmp_path) == config


def test_config_of_the_guide_is_timms_resnet50d():
    """The guide's numbers are the ones that timm's name stands for."""
    assert config_from_timm("resnet50d") == ResnetConfig(
        block_type="bottleneck", stem_width=32, stem_type="deep", avg_down=True
    )


def test_tag_brings_its_own_number_of_classes():
    """Weights for ImageNet-12k have 11,821 classes, and the architecture's default 1,000."""
    assert config_from_timm("resnetaa50d").num_classes == 1000
    assert config_from_timm("resnetaa50d.sw_in12k").num_classes == 11821


def test_fields_may_differ_from_timms():
    """Fields of the config take the place of timm's, by either name."""
    config = config_from_timm("resnet18", num_labels=10, input_channels=1, drop_rate=0.2)
    assert (config.num_classes, config.input_channels, config.drop_rate) == (10, 1, 0.2)
    assert config.block_type == "basic"


def test_unknown_field_is_refused():
    """A typo does not vanish."""
    with pytest.raises(UnknownOptionError, match="num_clases"):
        config_from_timm("resnet18", num_clases=10)
    with pytest.raises(ConfigError, match="stem_type"):
        config_from_timm("resnet18", stem_type="shallow")


def test_name_of_a_folder_is_said_to_need_a_path(tmp_path, monkeypatch):
    """A name alone is one of timm's, also where there is a folder of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").mkdir()
    with pytest.raises(TimmNameError, match=r"pass '\./trained'"):
        config_from_timm("trained")


def test_name_that_is_too_long_for_a_file_is_refused():
    """The error is that of any other name which timm does not have."""
    with pytest.raises(TimmNameError, match="has no model of this name"):
        config_from_timm("resnet" * 1000)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "prunes") for name in PRUNED),
        ("skresnet18", "module 'sknet'"),
        ("resnetv2_50", "module 'resnetv2'"),
        ("tv_resnet34", "old name"),
        ("resnet51", "Did you mean"),
        ("resnet50.nonsense", "resnet50.a1_in1k"),
        ("hf-hub:timm/resnet18.a1_in1k", "no model of this name"),
        ("timm/resnet18.a1_in1k", "no such folder"),
        ("./not-here", "no such folder"),
        ("", "no model of this name"),
    ],
)
@pytest.mark.parametrize("ask", [config_from_timm, from_timm])
def test_other_name_is_refused_with_the_reason(ask, name, reason):
    """The error has the name, and says what stands in the way before anything is downloaded or built."""
    with pytest.raises(TimmNameError) as refused:
        ask(name)
    assert refused.value.name == name
    assert repr(name) in str(refused.value)
    assert reason in refused.value.reason


def test_asking_leaves_timm_as_it_was():
    """Timm's own builder still builds after its entry point was run with ours."""
    config_from_timm(SMALL)
    assert isinstance(timm.create_model(SMALL), timm.models.resnet.ResNet)


def test_model_comes_in_evaluation_mode():
    """As from `from_pretrained`."""
    assert not from_timm(SMALL, pretrained=False).training


def test_model_is_saved_and_loaded_as_any_other(tmp_path):
    """A timm model is ours from then on: a folder, without timm's name."""
    model = from_timm(SMALL, pretrained=False)
    model.save_pretrained(tmp_path)
    loaded = ResnetModelForImageClassification.from_pretrained(tmp_path)
    tensor = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded(tensor)["logits"], model(tensor)["logits"])


def publish(hub, **changes):
    """Put weights of the small model where timm looks for them, and return them."""
    weights = timm.create_model(SMALL, **changes).state_dict()
    file = io.BytesIO()
    torch.save(weights, file)
    hub.create_repo(f"timm/{TAGGED}", files={"pytorch_model.bin": file.getvalue()})
    return weights


def test_pretrained_weights_are_loaded(hub):
    """Every tensor is what timm's repository holds."""
    weights = publish(hub)
    loaded = from_timm(TAGGED).model.state_dict()
    assert [name for name, tensor in weights.items() if not torch.equal(tensor, loaded[name])] == []


def test_pretrained_weights_take_a_new_head(hub):
    """With another number of classes only the classifier is new; with fewer channels timm adapts the first layer."""
    weights = publish(hub)
    loaded = from_timm(SMALL, num_classes=7, input_channels=1).model.state_dict()
    assert loaded["fc.weight"].shape == (7, weights["fc.weight"].shape[1])
    assert loaded["conv1.0.weight"].shape[1] == 1
    others = [name for name in weights if not name.startswith(("fc.", "conv1.0."))]
    assert [name for name in others if not torch.equal(weights[name], loaded[name])] == []


def test_weights_that_do_not_fit_are_refused(hub):
    """Fields that make another network do not get part of the weights."""
    publish(hub)
    with pytest.raises(RuntimeError, match="size mismatch"):
        from_timm(SMALL, channels=(32, 48, 48, 128))


@pytest.mark.usefixtures("hub")
def test_weights_that_are_not_there_are_refused():
    """What the Hub answers becomes our error, which says what to do."""
    with pytest.raises(PretrainedWeightsError, match="pretrained=False") as refused:
        from_timm(TAGGED)
    assert isinstance(refused.value, OSError)
    assert refused.value.name == TAGGED


def test_architecture_without_weights_is_refused():
    """Timm never trained some of its architectures; no network is asked."""
    with pytest.raises(PretrainedWeightsError, match="no pretrained weights"):
        from_timm("resnet200")


def test_without_network_the_error_says_so():
    """Offline, with nothing downloaded before: where the weights would be, and what to do."""
    program = (
        "from resnet import PretrainedWeightsError, from_timm\n"
        "try:\n    from_timm('test_resnet')\n"
        "except PretrainedWeightsError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert f"timm/{TAGGED}" in done.stdout
    assert "Connect to the network, or pass pretrained=False" in done.stdout


def test_error_survives_a_pickle():
    """A worker process can send it home."""
    with pytest.raises(TimmNameError) as refused:
        from_timm("no-such-name")
    twin = pickle.loads(pickle.dumps(refused.value))
    assert (type(twin), str(twin), vars(twin)) == (TimmNameError, str(refused.value), vars(refused.value))


@pytest.fixture
def timm_folder(tmp_path):
    """Return a folder that timm saved: a small ResNet with anti-aliasing, which adds no weights."""
    from timm.models import save_for_hf

    model = timm.create_model("resnetaa34d", num_classes=3).eval()
    save_for_hf(model, tmp_path / "timm")
    return tmp_path / "timm", model


def test_a_folder_of_timm_is_not_read_as_our_own(timm_folder):
    """Its network would be built without anti-aliasing, and all its weights would match."""
    folder, _ = timm_folder
    with pytest.raises(ForeignConfigError, match=r"of timm, 'resnetaa34d'. resnet.from_timm reads it"):
        ResnetConfig.from_pretrained(folder)
    with pytest.raises(ForeignConfigError, match=r"resnet\.from_timm reads it"):
        ResnetModelForImageClassification.from_pretrained(folder)


def test_arguments_that_a_folder_of_timm_records_win_over_its_architecture(tmp_path):
    """Other numbers of blocks, and no anti-aliasing, which has no weights: the same logits as in timm."""
    from timm.models import save_for_hf

    layers = [1, 1, 1, 1]
    model = timm.create_model("resnetaa34d", num_classes=3, layers=layers)
    save_for_hf(model, tmp_path, model_args={"layers": layers, "aa_layer": None})
    theirs = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    ours = from_timm(tmp_path)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(pixels)["logits"], theirs(pixels))


def test_a_folder_of_timm_is_read_by_from_timm(timm_folder):
    """With its architecture, its number of classes and its weights."""
    folder, model = timm_folder
    ours = from_timm(folder)
    assert (ours.config.aa_layer, ours.config.num_labels) == ("avg", 3)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(pixels)["logits"], model(pixels))


def test_a_folder_of_others_is_not_one_of_timm(tmp_path):
    """The error says what is missing."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TimmNameError, match=r"its config.json has no 'architecture'"):
        config_from_timm(tmp_path)
