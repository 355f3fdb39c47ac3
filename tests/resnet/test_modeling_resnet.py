"""The two models: what they give, what they start from, and that they come back."""

from __future__ import annotations

import json
import random
import re

import pytest
import timm
import torch

from config_core import ConfigError
from resnet import ResnetConfig, ResnetModel, ResnetModelForImageClassification
from resnet.modeling_resnet import build_resnet

SMALL = {"block_type": "basic", "layers": (1, 1, 1, 1), "channels": (8, 16, 24, 32), "num_classes": 5}


def images(count=2, channels=3, side=64):
    """Return images of noise, the same ones each time."""
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def test_backbone_gives_the_features_of_the_last_stage():
    """They are not pooled: a thirty-second of each side is left."""
    model = ResnetModel(ResnetConfig(**SMALL)).eval()
    assert model(images()).shape == (2, 32, 2, 2)


def test_classifier_gives_logits():
    """Without labels there is nothing but logits."""
    output = ResnetModelForImageClassification(ResnetConfig(**SMALL))(images())
    assert list(output) == ["logits"]
    assert output["logits"].shape == (2, 5)


def test_classifier_gives_the_loss_of_labels():
    """It is the mean cross-entropy of the logits, and gradients flow from it into every weight."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL))
    labels = torch.tensor([4, 0])
    output = model(images(), labels=labels)
    assert list(output) == ["loss", "logits"]
    assert torch.equal(output["loss"], torch.nn.functional.cross_entropy(output["logits"], labels))
    output["loss"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
@pytest.mark.parametrize("problem_type", [None, "single_label_classification"])
def test_labels_are_numbers_of_any_kind(dtype, problem_type):
    """What a data set holds to save memory is as good."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL, problem_type=problem_type))
    output = model(images(), labels=torch.tensor([4, 0], dtype=dtype))
    assert torch.equal(output["loss"], torch.nn.functional.cross_entropy(output["logits"], torch.tensor([4, 0])))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("weights_dtype", [torch.float32, torch.bfloat16])
def test_labels_may_be_probabilities(dtype, weights_dtype):
    """Mixed images have more than one class. Neither dtype has to be the other's."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL)).to(weights_dtype)
    labels = torch.full((2, 5), 0.2, dtype=dtype)
    output = model(images().to(weights_dtype), labels=labels)
    assert torch.equal(output["loss"], torch.nn.functional.cross_entropy(output["logits"], labels))
    output["loss"].backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_several_classes_may_be_right_at_once(dtype):
    """`problem_type` says so, and the loss is binary cross-entropy."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL, problem_type="multi_label_classification"))
    labels = torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1]], dtype=dtype)
    output = model(images(), labels=labels)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(output["logits"], labels.float())
    assert torch.equal(output["loss"], expected)


@pytest.mark.parametrize(("count", "shape"), [(5, (2, 5)), (1, (2, 1)), (1, (2,))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_outputs_may_be_numbers(count, shape, dtype):
    """`problem_type` says so, and the loss is the mean squared error."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL | {"num_classes": count}, problem_type="regression"))
    labels = torch.arange(2 * count, dtype=dtype).reshape(shape)
    output = model(images(), labels=labels)
    expected = torch.nn.functional.mse_loss(output["logits"], labels.float().reshape(2, count))
    assert torch.equal(output["loss"], expected)


@pytest.mark.parametrize(
    ("problem_type", "shape"),
    [("regression", (2,)), ("regression", (2, 1)), ("multi_label_classification", (2,)), ("regression", (5,))],
)
def test_labels_of_another_shape_are_refused(problem_type, shape):
    """Torch would spread them over the classes without a word."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL, problem_type=problem_type))
    with pytest.raises(ValueError, match=re.escape(f"problem_type={problem_type!r} takes labels of shape (2, 5)")):
        model(images(), labels=torch.ones(shape))


def test_refusal_names_the_shape_that_was_given():
    """With one output (N,) is as good as (N, 1), but it is not what the error speaks of."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL | {"num_classes": 1}, problem_type="regression"))
    with pytest.raises(
        ValueError, match=r"takes labels of shape \(2, 1\) or \(2,\), got torch.float32 of shape \(3,\)"
    ):
        model(images(), labels=torch.ones(3))


@pytest.mark.parametrize(
    "labels",
    [torch.ones(2), torch.ones(2, 5, dtype=torch.int64), torch.ones(2, 1, dtype=torch.int64), torch.ones(1, 5)],
    ids=["numbers that are not whole", "one-hot in whole numbers", "a column", "another batch"],
)
def test_labels_that_are_neither_numbers_nor_probabilities_are_refused(labels):
    """Torch's own errors speak of target dtypes and of multi-target, and do not say what to give."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL))
    with pytest.raises(
        ValueError, match=r"class indices of shape \(2,\) or class probabilities of shape \(2, 5\)"
    ) as refused:
        model(images(), labels=labels)
    assert f"got {labels.dtype} of shape {tuple(labels.shape)}" in str(refused.value)


def test_loss_of_half_precision(tmp_path):
    """Labels follow the logits' dtype."""
    ResnetModelForImageClassification(ResnetConfig(**SMALL, problem_type="regression")).save_pretrained(tmp_path)
    model = ResnetModelForImageClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    output = model(images().bfloat16(), labels=torch.ones(2, 5))
    assert output["loss"].dtype == torch.bfloat16


def test_without_classes_the_classifier_gives_pooled_features():
    """`num_classes=0` is how timm describes a network without a head."""
    output = ResnetModelForImageClassification(ResnetConfig(**{**SMALL, "num_classes": 0}))(images())
    assert output["logits"].shape == (2, 32)


@pytest.mark.parametrize("problem_type", [None, "regression"])
def test_without_classes_labels_are_refused(problem_type):
    """Pooled features have a loss as little as they are logits, even where the shapes would fit."""
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL | {"num_classes": 0}, problem_type=problem_type))
    labels = torch.tensor([1, 0]) if problem_type is None else torch.ones(2, 32)
    with pytest.raises(ValueError, match="num_classes=0"):
        model(images(), labels=labels)


@pytest.mark.parametrize("model_class", [ResnetModel, ResnetModelForImageClassification])
def test_fresh_weights_are_what_timm_makes_them(model_class):
    """With one seed, ours and timm's own network are equal bit for bit: nothing initialises them again."""
    torch.manual_seed(7)
    theirs = timm.create_model("resnet26d")
    torch.manual_seed(7)
    ours = model_class(
        ResnetConfig(layers=(2, 2, 2, 2), stem_width=32, stem_type="deep", avg_down=True),
    )
    weights = ours.model.state_dict()
    assert {
        name: tensor for name, tensor in theirs.state_dict().items() if not torch.equal(tensor, weights[name])
    } == {}
    assert len(weights) == len(theirs.state_dict())


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_output_stride_is_what_the_features_are_smaller_by(output_stride):
    """Later stages dilate where they may not stride."""
    model = ResnetModel(ResnetConfig(**SMALL, output_stride=output_stride)).eval()
    assert model(images()).shape[-1] == 64 // output_stride


@pytest.mark.parametrize(
    "fields",
    [
        {"act_layer": "leaky_relu"},
        {"act_layer": "silu"},
        {"act_layer": "gelu"},
        {"norm_layer": "groupnorm", "channels": (32, 32, 64, 64)},
        {"aa_layer": "avg"},
        {"aa_layer": "blur"},
        {"attn_layer": "se"},
        {"attn_layer": "se", "attn_rd_ratio": 0.5},
        {"attn_layer": "eca"},
        {"replace_stem_pool": True},
        {"block_reduce_first": 2},
        {"stem_type": "deep", "stem_width": 8},
        {"stem_type": "deep-tiered", "stem_width": 8},
        {"avg_down": True},
        {"block_type": ["basic", "bottleneck", "basic", "bottleneck"]},
        {"block_type": "bottleneck", "cardinality": 4, "base_width": 16},
        {"block_type": "bottleneck", "down_kernel_size": 3},
        {"input_channels": 1},
        {"channels": (8, 16, 24, 48)},
    ],
    ids=lambda fields: ",".join(f"{name}={value}" for name, value in fields.items()),
)
def test_every_field_changes_the_network(fields):
    """No field is written to the file and then forgotten, and what each makes computes something finite."""
    config = ResnetConfig(**{**SMALL, **fields})
    model = ResnetModelForImageClassification(config)
    assert repr(model.model) != repr(build_resnet(ResnetConfig(**SMALL)))
    output = model(images(channels=config.input_channels), labels=torch.tensor([0, 1]))
    output["loss"].backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("rate", ["drop_rate", "drop_path_rate", "drop_block_rate"])
def test_rates_make_training_random(rate):
    """In training two looks at the same images differ; in evaluation they do not."""
    model = ResnetModelForImageClassification(ResnetConfig(**{**SMALL, "layers": (2, 2, 2, 2), rate: 0.5}))
    # timm starts the last norm of a block at zero, which would hide what the block drops.
    for stage in (model.model.layer1, model.model.layer2, model.model.layer3, model.model.layer4):
        for block in stage:
            torch.nn.init.ones_(block.bn2.weight)
    torch.manual_seed(0)
    pictures = images(side=256)
    assert not torch.equal(model(pictures)["logits"], model(pictures)["logits"])
    model.eval()
    assert torch.equal(model(pictures)["logits"], model(pictures)["logits"])


@pytest.mark.parametrize("model_class", [ResnetModel, ResnetModelForImageClassification])
def test_saved_model_comes_back_bit_for_bit(model_class, tmp_path):
    """Config and weights are enough for the same outputs; batch statistics are among them."""
    model = model_class(ResnetConfig(**SMALL))
    model(images())  # in training: moves the batch statistics
    model.eval().save_pretrained(tmp_path)
    loaded = model_class.from_pretrained(tmp_path)
    before, after = model(images()), loaded(images())
    if model_class is ResnetModelForImageClassification:
        before, after = before["logits"], after["logits"]
    assert torch.equal(after, before)


def test_classifiers_folder_serves_the_backbone(tmp_path):
    """Both classes hold the same network, so that neither misses or ignores a weight of the other's."""
    classifier = ResnetModelForImageClassification(ResnetConfig(**SMALL)).eval()
    classifier.save_pretrained(tmp_path)
    backbone, report = ResnetModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report.missing
    assert not report.unexpected
    assert torch.equal(backbone(images()), classifier.model.forward_features(images()))


def test_head_is_new_for_another_number_of_classes(tmp_path):
    """Overriding the number of classes replaces the head alone, if its other shape is allowed."""
    ResnetModelForImageClassification(ResnetConfig(**SMALL)).save_pretrained(tmp_path)
    model = ResnetModelForImageClassification.from_pretrained(tmp_path, num_labels=3, ignore_mismatched_sizes=True)
    assert model(images())["logits"].shape == (2, 3)


# Hidden states, tuples and gradient checkpointing


@pytest.mark.parametrize("model_class", [ResnetModel, ResnetModelForImageClassification])
@pytest.mark.parametrize("where", ["config", "call"])
def test_hidden_states_are_the_outputs_of_stem_and_stages(model_class, where):
    """Five of them, as transformers' ResNet returns, and the other outputs are the same with and without."""
    asked = {"output_hidden_states": True}
    model = model_class(ResnetConfig(**SMALL, **(asked if where == "config" else {}))).eval()
    output = model(images(), **(asked if where == "call" else {}))
    sizes = [(2, 64, 16, 16), (2, 8, 16, 16), (2, 16, 8, 8), (2, 24, 4, 4), (2, 32, 2, 2)]
    assert [tuple(state.shape) for state in output["hidden_states"]] == sizes
    plain = model(images(), output_hidden_states=False)
    if model_class is ResnetModel:
        assert list(output) == ["last_hidden_state", "hidden_states"]
        assert torch.equal(plain, output["last_hidden_state"])
    else:
        assert list(output) == ["logits", "hidden_states"]
        assert torch.equal(plain["logits"], output["logits"])


@pytest.mark.parametrize("where", ["config", "call"])
def test_outputs_are_a_tuple_if_no_dict_is_wanted(where):
    """In the order of the dict."""
    asked = {"return_dict": False}
    model = ResnetModelForImageClassification(ResnetConfig(**SMALL, **(asked if where == "config" else {}))).eval()
    options = asked if where == "call" else {}
    labels = torch.tensor([4, 0])
    expected = model(images(), labels=labels, output_hidden_states=True, return_dict=True)
    output = model(images(), labels=labels, output_hidden_states=True, **options)
    assert isinstance(output, tuple)
    assert torch.equal(output[0], expected["loss"])
    assert torch.equal(output[1], expected["logits"])
    assert len(output[2]) == 5
    assert len(model(images(), **options)) == 1


def test_attention_weights_are_refused():
    """A ResNet has none, so nobody waits for them."""
    with pytest.raises(ConfigError, match="has no attention weights"):
        ResnetConfig(output_attentions=True)


@pytest.mark.parametrize("with_states", [False, True])
@pytest.mark.parametrize("model_class", [ResnetModel, ResnetModelForImageClassification])
def test_gradient_checkpointing_gives_the_same_gradients(model_class, with_states):
    """Through timm, and with the arguments of the Trainer of transformers."""
    model = model_class(ResnetConfig(**SMALL))

    def gradients():
        torch.manual_seed(0)
        model.zero_grad()
        output = model(images(), output_hidden_states=with_states)
        output = output if isinstance(output, torch.Tensor) else next(iter(output.values()))
        output.square().sum().backward()
        return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

    expected = gradients()
    model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    assert model.is_activation_checkpointing
    assert model.model.grad_checkpointing
    assert all(torch.allclose(one, other) for one, other in zip(gradients(), expected, strict=True))
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"activation_checkpointing_kwargs": {"use_reentrant": True}}, "use_reentrant"),
        ({"every_n_layers": 2}, "every_n_layers=2"),
        ({"offload": True}, "offload=True"),
    ],
)
def test_checkpointing_that_timm_has_no_argument_for_is_refused(options, problem):
    """Otherwise timm would ignore it silently."""
    with pytest.raises(ValueError, match=problem):
        ResnetModel(ResnetConfig(**SMALL)).activation_checkpointing_enable(**options)


HUGE = [
    {"layers": [1_000_000_000, 1, 1, 1]},
    {"num_classes": 10**12},
    {"num_classes": 10**30},
    {"channels": [10**9] * 4},
    {"input_channels": 10**12},
    {"stem_width": 10**12, "stem_type": "deep"},
    {"base_width": 10**12, "block_type": "bottleneck"},
    {"channels": [9, 9, 9, 9], "norm_layer": "groupnorm"},
]


@pytest.mark.parametrize("fields", HUGE)
@pytest.mark.parametrize("options", [{}, {"strict": False, "ignore_mismatched_sizes": True}])
def test_config_of_a_checkpoint_that_nobody_can_build_is_refused(tmp_path, fields, options):
    """Before anything is built, by the name of the file and of the field."""
    ResnetModel(ResnetConfig(**SMALL)).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"config\.json: ResnetConfig\.{next(iter(fields))}"):
        ResnetModel.from_pretrained(tmp_path, **options)


class NotDeferred(ResnetModel):
    """A model whose constructor draws all values."""

    defer_initialization = False


HUGE_TOGETHER = [
    {"block_type": "bottleneck", "channels": [65_536] * 4, "base_width": 65_536, "cardinality": 65_536},
    {"block_type": "bottleneck", "channels": [65_536] * 4},
    {"block_type": "basic", "channels": [16_384] * 4},
    {"block_type": "basic", "layers": [1_000] * 4, "channels": [512] * 4},
    {"num_classes": 2**24, "block_type": "bottleneck", "channels": [64, 128, 256, 4096]},
    {"stem_type": "deep", "stem_width": 65_536},
    {"channels": [1, 1, 1, 65_536], "layers": [1, 1, 1, 2]},
]


@pytest.mark.parametrize("fields", HUGE_TOGETHER)
def test_network_that_is_huge_by_several_fields_is_refused(tmp_path, fields):
    """Each field is within its range; the network would be within nobody's memory, wherever it is built."""
    ResnetModel(ResnetConfig(**SMALL)).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
    told = r"ResnetConfig\.channels: with channels=.*, the network would have more than 4,294,967,296 weights"
    for build in (
        lambda: ResnetModel.from_pretrained(tmp_path),
        lambda: NotDeferred.from_pretrained(tmp_path, strict=False),
        lambda: ResnetModel(ResnetConfig(**SMALL | fields)),
        lambda: ResnetConfig(**SMALL).update(fields),
    ):
        with pytest.raises(ConfigError, match=told):
            build()


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": [3, 8, 36, 3]},
        {"layers": [3, 4, 23, 3], "cardinality": 32, "base_width": 48},  # resnext101_32x48d, 829 million
        {"layers": [3, 30, 48, 8], "channels": [64, 128, 256, 512], "base_width": 128},
    ],
)
def test_largest_networks_that_are_known_are_within_the_limit(fields):
    """Wide ones, deep ones and those of many groups."""
    assert ResnetConfig(**fields).num_labels == 1000


def random_fields(rng):
    """Return values for the fields, each of which is allowed alone."""
    return {
        "block_type": rng.choice(["basic", "bottleneck", ["basic", "bottleneck", "basic", "bottleneck"]]),
        "layers": [rng.randint(1, 2) for _ in range(4)],
        "channels": [rng.choice([1, 3, 7, 8, 24, 32, 64]) for _ in range(4)],
        "num_classes": rng.randint(0, 3),
        "input_channels": rng.randint(1, 4),
        "cardinality": rng.choice([1, 1, 2, 3, 4, 7]),
        "base_width": rng.choice([64, 64, 4, 32, 100]),
        "stem_width": rng.choice([1, 3, 4, 5, 32, 64]),
        "stem_type": rng.choice(["", "deep", "deep-tiered"]),
        "block_reduce_first": rng.choice([1, 1, 2, 3]),
        "norm_layer": rng.choice(["batchnorm2d", "groupnorm"]),
        "aa_layer": rng.choice(["", "avg", "blur"]),
        "attn_layer": rng.choice(["", "se", "eca"]),
        "output_stride": rng.choice([8, 16, 32]),
        "down_kernel_size": rng.choice([1, 3]),
        "replace_stem_pool": rng.random() < 0.5,
        "avg_down": rng.random() < 0.5,
        "drop_path_rate": rng.choice([0.0, 0.5]),
        "drop_block_rate": rng.choice([0.0, 0.5]),
    }


def test_config_that_is_accepted_can_be_built():
    """Fields that contradict each other are the config's business, not an error out of the middle of torch."""
    rng, num_built = random.Random(1), 0
    while num_built < 60:
        try:
            config = ResnetConfig(**random_fields(rng))
        except ConfigError:
            continue
        ResnetModel(config)
        num_built += 1
