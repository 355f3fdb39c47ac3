"""The contract of subclasses: the guide's classes as written, and errors that teach where one is not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from config_core import ConfigValidationError, PretrainedConfig
from model_core import (
    ArgumentError,
    ConfigClassError,
    ModelDefinitionError,
    PreTrainedModel,
    WeightsNotFoundError,
)
from tiny_models import HeadModel, NormModel, TinyConfig, TinyModel, fill_randomly, same_state


class OtherConfig(PretrainedConfig):
    """A config of another model."""

    model_type = "other"


# Config


def test_field_of_a_config_may_be_a_dtype(tmp_path):
    """It is written as a name, and is a torch.dtype again after loading."""

    class CacheConfig(PretrainedConfig):
        model_type = "cache"

        def __init__(self, of_keys: torch.dtype = torch.float16, of_values: torch.dtype | None = None, **kwargs):
            self.of_keys = of_keys
            self.of_values = of_values
            super().__init__(**kwargs)

    CacheConfig(torch.bfloat16, torch.int8).save_pretrained(tmp_path)
    loaded = CacheConfig.from_pretrained(tmp_path)
    assert (loaded.of_keys, loaded.of_values) == (torch.bfloat16, torch.int8)
    assert CacheConfig.from_pretrained(tmp_path, of_values=None).of_values is None
    for wrong in ("float17", "nn", 3):
        with pytest.raises(ConfigValidationError, match=r"of_keys: expected dtype or the name of a torch.dtype, got"):
            CacheConfig.from_pretrained(tmp_path, of_keys=wrong)


@pytest.mark.parametrize("config", [OtherConfig(), {"width": 4}, None, "tiny", TinyConfig])
def test_constructor_takes_a_config_of_its_class_only(config):
    """The error names both classes."""
    with pytest.raises(ConfigClassError, match="TinyConfig") as caught:
        TinyModel(config)
    assert isinstance(caught.value, TypeError)


def test_namesake_config_class_is_explained():
    """Running a cell twice makes two classes of one name."""
    namesake = type("TinyConfig", (PretrainedConfig,), {"__module__": TinyConfig.__module__, "model_type": "tiny"})
    with pytest.raises(ConfigClassError, match="two classes of the same name"):
        TinyModel(namesake())


def test_subclass_of_the_config_class_is_welcome():
    """Inheritance of configs is ordinary."""

    class Wider(TinyConfig):
        pass

    assert isinstance(TinyModel(Wider()), TinyModel)


def test_config_is_the_object_that_was_given():
    """A model made by hand shares its config with the caller."""
    config = TinyConfig()
    assert TinyModel(config).config is config


def test_config_class_may_be_an_annotation():
    """`config: MyConfig` in the class says it as well."""

    class Annotated(PreTrainedModel):
        config: TinyConfig

    assert Annotated.config_class is TinyConfig


def test_config_class_that_is_none_is_refused_when_the_class_is_made():
    """The mistake is near, and not found at the first load."""
    with pytest.raises(ModelDefinitionError, match="subclass of PretrainedConfig"):

        class Wrong(PreTrainedModel):
            config_class = TinyConfig()


def test_loading_without_a_config_class_says_what_to_do(tmp_path):
    """Nothing tells which class reads config.json."""

    class Untyped(PreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.layer = nn.Linear(2, 2)

    Untyped(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ModelDefinitionError, match="config_class = MyConfig"):
        Untyped.from_pretrained(tmp_path)
    assert isinstance(Untyped.from_pretrained(tmp_path, config=TinyConfig()).config, TinyConfig)


@pytest.mark.parametrize("call", [nn.Module.__init__, lambda _: None])
def test_constructor_that_leaves_out_super_is_told_so(tmp_path, call):
    """Late and obscure errors are what this replaces."""

    class Careless(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            call(self)
            self.width = config.width

    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ModelDefinitionError, match=r"super\(\).__init__\(config\)"):
        Careless.from_pretrained(tmp_path)
    with pytest.raises(ModelDefinitionError, match=r"super\(\).__init__\(config\)"):
        Careless(TinyConfig()).save_pretrained(tmp_path / "other")


def test_given_config_is_copied(tmp_path):
    """A load changes nobody's config."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    config = TinyConfig(depth=2)
    loaded = TinyModel.from_pretrained(tmp_path, config=config, output_attentions=True)
    assert loaded.config is not config
    assert (config.name_or_path, config.output_attentions) == ("", False)
    assert (loaded.config.name_or_path, loaded.config.output_attentions) == (str(tmp_path), True)


def test_config_may_come_from_elsewhere(tmp_path):
    """A folder with another config, for the weights of this one."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path / "weights")
    TinyConfig(problem_type="regression").save_pretrained(tmp_path / "config")
    loaded = TinyModel.from_pretrained(tmp_path / "weights", config=tmp_path / "config")
    assert loaded.config.problem_type == "regression"
    assert loaded.name_or_path == str(tmp_path / "weights")


def test_what_is_no_config_is_named_in_one_line(tmp_path):
    """The repr of a model, or of a config of another library, has many lines."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match=r"got an instance of tiny_models\.TinyModel\.") as caught:
        TinyModel.from_pretrained(tmp_path, config=model)
    assert "\n" not in str(caught.value)


def test_model_in_place_of_its_config_is_told_to_have_one(tmp_path):
    """In a load as in a constructor."""
    model = TinyModel(TinyConfig())
    model.save_pretrained(tmp_path)
    for call in (TinyModel, lambda given: TinyModel.from_pretrained(tmp_path, config=given)):
        with pytest.raises((ArgumentError, ConfigClassError), match=r"TinyModel\. Pass its \.config\.$"):
            call(model)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [(TinyConfig, r"Pass an instance of it: TinyConfig\(\.\.\.\)"), ({"width": 3}, r"TinyConfig\.from_dict\(\.\.\.\)")],
    ids=["class", "dict"],
)
def test_what_makes_a_config_is_told_how(given, remedy):
    """Neither is an instance, and neither is a second import of the class."""
    with pytest.raises(ConfigClassError, match=rf"got [^(]*\. {remedy}"):
        TinyModel(given)


@pytest.mark.parametrize("given", ["model", "state_dict", "config", 3, b"folder", ["folder"]], ids=repr)
def test_what_is_no_checkpoint_is_named_in_one_line(given):
    """Not with all of its values."""
    model = TinyModel(TinyConfig())
    values = {"model": model, "state_dict": model.state_dict(), "config": model.config}
    source = given if isinstance(given, (int, bytes, list)) else values[given]
    with pytest.raises(
        ArgumentError, match=r"must be a folder, .* or else None with state_dict= and config="
    ) as caught:
        TinyModel.from_pretrained(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("given", [[], "", False, 0], ids=repr)
def test_empty_key_mapping_of_another_type_is_refused(tmp_path, given):
    """Only None and an empty dict ask for nothing."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ArgumentError, match="key_mapping must be a dict"):
        TinyModel.from_pretrained(tmp_path, key_mapping=given)


class Scaled(TinyModel):
    """A model whose constructor takes more than the config."""

    def __init__(self, config, scale=1.0, *, shift=0.0):
        super().__init__(config)
        self.scale = scale
        self.shift = shift


@pytest.mark.parametrize("config", [None, TinyConfig()])
def test_keywords_are_fields_first_and_arguments_of_the_constructor_else(tmp_path, config):
    """`depth` is a field; `shift` is not."""
    TinyModel(TinyConfig(depth=1)).save_pretrained(tmp_path)
    loaded = Scaled.from_pretrained(tmp_path, 2.0, config=config, depth=1, shift=0.5)
    assert (loaded.config.depth, loaded.scale, loaded.shift) == (1, 2.0, 0.5)


def test_option_that_a_constructor_takes_by_name_is_its_own(tmp_path):
    """A class may have use for a name that means something else elsewhere."""

    class Mapped(TinyModel):
        def __init__(self, config, device_map="none"):
            super().__init__(config)
            self.device_map = device_map

    Mapped(TinyConfig()).save_pretrained(tmp_path)
    assert Mapped.from_pretrained(tmp_path, device_map="mine").device_map == "mine"
    assert Mapped._from_config(TinyConfig(), device_map="mine").device_map == "mine"


def test_safetensors_may_be_insisted_on(tmp_path):
    """Then a pickle is not read, safe as it may be."""
    model = fill_randomly(TinyModel(TinyConfig()))
    model.save_pretrained(tmp_path, safe_serialization=True)
    assert same_state(model, TinyModel.from_pretrained(tmp_path, use_safetensors=True))
    with pytest.raises(ArgumentError, match=r"^use_safetensors must be .*always take precedence"):
        TinyModel.from_pretrained(tmp_path, use_safetensors=False)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsNotFoundError, match=r"use_safetensors=True excludes: pytorch_model.bin"):
        TinyModel.from_pretrained(tmp_path, use_safetensors=True)
    with pytest.raises(
        ArgumentError, match=r"safe_serialization=False is not supported.* always written as safetensors"
    ):
        model.save_pretrained(tmp_path, safe_serialization=False)


# Dtype and device


def test_new_model_has_the_dtype_that_its_config_names(tmp_path):
    """A model like the one of a checkpoint is as large; what is asked for goes before, and the config says it."""
    TinyModel(TinyConfig()).bfloat16().save_pretrained(tmp_path)
    config = TinyConfig.from_pretrained(tmp_path)
    assert TinyModel._from_config(config).dtype == torch.bfloat16
    assert TinyModel._from_config(config).config is config
    for name in ("dtype", "torch_dtype"):
        model = TinyModel._from_config(config, **{name: torch.float16})
        assert (model.dtype, model.config.dtype, config.dtype) == (torch.float16, "float16", "bfloat16")
    assert TinyModel._from_config(TinyConfig(dtype="int8")).dtype == torch.float32


def test_config_of_a_loaded_model_has_the_dtype_that_was_asked_for(tmp_path):
    """And else the one of the file."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    assert TinyModel.from_pretrained(tmp_path).config.dtype == "float32"
    assert TinyModel.from_pretrained(tmp_path, dtype="auto").config.dtype == "float32"
    assert TinyModel.from_pretrained(tmp_path, dtype="float16").config.dtype == "float16"
    config = TinyConfig()
    assert TinyModel.from_pretrained(tmp_path, config=config, dtype=torch.float16).config.dtype == "float16"
    assert config.dtype is None


def test_dtype_is_the_checkpoints_own_tensor_by_tensor(tmp_path):
    """Converting silently doubles memory or loses bits."""
    model = fill_randomly(NormModel(TinyConfig()))
    model.conv.half()
    model.save_pretrained(tmp_path)
    loaded = NormModel.from_pretrained(tmp_path)
    assert same_state(model, loaded)
    assert (loaded.conv.weight.dtype, loaded.norm.weight.dtype) == (torch.float16, torch.float32)


@pytest.mark.parametrize("dtype", ["bfloat16", "torch.bfloat16", torch.bfloat16])
@pytest.mark.parametrize("keyword", ["dtype", "torch_dtype"])
def test_dtype_converts_floating_tensors_only(tmp_path, dtype, keyword):
    """Counts and positions stay integers; buffers that no file holds are converted like the rest."""
    model = fill_randomly(NormModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded, report = NormModel.from_pretrained(tmp_path, output_loading_info=True, **{keyword: dtype})
    assert same_state(loaded, model.to(torch.bfloat16))
    assert loaded.norm.num_batches_tracked.dtype is torch.int64
    assert loaded.positions.dtype is torch.int64
    assert report.converted["conv.weight"] == (torch.float32, torch.bfloat16)
    assert "norm.num_batches_tracked" not in report.converted


def test_auto_dtype_is_no_conversion(tmp_path):
    """The spelling of transformers for the checkpoint's own."""
    model = TinyModel(TinyConfig()).to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    assert same_state(model, TinyModel.from_pretrained(tmp_path, dtype="auto"))


def test_missing_tensors_get_the_dtype_too(tmp_path):
    """A model half converted computes nothing."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    model = HeadModel.from_pretrained(tmp_path, dtype="bfloat16", allow_missing=["head"])
    assert {tensor.dtype for tensor in model.parameters()} == {torch.bfloat16}


def test_modules_that_must_stay_in_float32_do(tmp_path):
    """`_keep_in_fp32_modules` names parts of names."""

    class Model(NormModel):
        _keep_in_fp32_modules = ("norm",)

    model = fill_randomly(Model(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded, report = Model.from_pretrained(tmp_path, dtype=torch.bfloat16, output_loading_info=True)
    assert torch.equal(loaded.norm.running_mean, model.norm.running_mean)
    assert loaded.conv.weight.dtype is torch.bfloat16
    assert not any(name.startswith("norm") for name in report.converted)


def test_buffers_that_are_not_saved_stay_in_float32_too(tmp_path):
    """Tables of rotary positions, which the list is most often for, are such buffers; whichever way a model is made."""

    class Model(PreTrainedModel):
        config_class = TinyConfig
        _keep_in_fp32_modules = ("rotary",)

        def __init__(self, config):
            super().__init__(config)
            self.rotary = nn.Module()
            self.rotary.register_buffer("frequencies", torch.linspace(0, 1, 7), persistent=False)
            self.layer = nn.Linear(config.width, config.width)

    Model(TinyConfig()).save_pretrained(tmp_path)
    for model in (
        Model.from_pretrained(tmp_path, dtype="bfloat16"),
        Model._from_config(TinyConfig(), dtype="bfloat16"),
    ):
        assert torch.equal(model.rotary.frequencies, torch.linspace(0, 1, 7))
        assert model.layer.weight.dtype is torch.bfloat16


def test_new_model_gets_the_dtype_that_is_asked_for_also_where_it_is_the_default():
    """Its constructor may make tensors of another one."""

    class Half(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.layer = nn.Linear(config.width, config.width, dtype=torch.float16)

    assert Half._from_config(TinyConfig(), dtype="float32").dtype is torch.float32
    assert Half._from_config(TinyConfig()).dtype is torch.float16


@pytest.mark.parametrize("dtype", ["bfloat17", "int8", torch.int64, "nn", 16, ""])
def test_dtype_that_is_no_floating_dtype_is_refused(tmp_path, dtype):
    """The error says what is allowed."""
    with pytest.raises(ArgumentError, match="floating dtype"):
        TinyModel.from_pretrained(tmp_path, dtype=dtype)


class PickyConfig(TinyConfig):
    """Its author reports several problems at once."""

    def validate(self):
        super().validate()
        names = [name for name in ("width", "depth") if getattr(self, name) > 9]
        if names:
            raise ExceptionGroup("too large", [ValueError(f"the {name} is too large") for name in names])


def test_save_lists_all_problems_of_a_config(tmp_path):
    """Its author may raise them as a group; nothing is written."""
    model = TinyModel(PickyConfig())
    model.config.width = model.config.depth = 10
    with pytest.raises(ConfigValidationError, match=r"the width is too large(?s:.*)the depth is too large"):
        model.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_saved_config_names_the_dtype_of_the_weights(tmp_path):
    """The live config is not changed by it."""
    model = TinyModel(TinyConfig()).to(torch.float16)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["dtype"] == "float16"
    assert model.config.dtype is None


def test_model_goes_to_the_device(tmp_path):
    """Named by string or by object."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    for device in ("cpu", torch.device("cpu")):
        assert TinyModel.from_pretrained(tmp_path, device=device).device == torch.device("cpu")


def test_loading_on_the_meta_device_is_refused(tmp_path):
    """Such a model would hold no values, and nothing would say so."""
    NormModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ModelDefinitionError, match="meta"), torch.device("meta"):
        NormModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("device", ["nowhere", "cuda:9999", "meta"])
def test_device_that_is_not_there_is_refused_first(tmp_path, device):
    """Before any file is looked for."""
    with pytest.raises(ArgumentError, match="device"):
        TinyModel.from_pretrained(tmp_path / "nowhere", device=device)


# Initialisation


def test_base_class_initialises_nothing():
    """With or without `post_init()`, a model is as its author's constructor and torch made it."""

    class WithPostInit(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            self.post_init()

    torch.manual_seed(0)
    expected = TinyModel(TinyConfig())
    torch.manual_seed(0)
    assert same_state(expected, WithPostInit(TinyConfig()))


class Initialised(PreTrainedModel):
    """A model with the hook that authors know."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Sequential(nn.Linear(config.width, config.width))
        self.inner = TinyModel(config)
        self.foreign = foreign_module().Backbone()
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.fill_(0.5)


def foreign_module():
    """Return a module of somebody else's package."""
    name = "somebodys_package.backbone"
    if name not in sys.modules:
        module = type(sys)(name)
        source = (
            "from torch import nn\n"
            "class Backbone(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.layer = nn.Linear(2, 2)\n"
            "        nn.init.constant_(self.layer.weight, 7)\n"
        )
        exec(compile(source, name, "exec"), vars(module))
        sys.modules[name] = module
    return sys.modules[name]


def test_authors_hook_is_called_on_the_authors_layers():
    """By `post_init()`, in the constructor that calls it."""
    assert (Initialised(TinyConfig()).layer[0].weight == 0.5).all()


def test_authors_hook_leaves_alone_what_another_package_made():
    """Such as timm's own initialisation of its ResNet."""
    assert (Initialised(TinyConfig()).foreign.layer.weight == 7).all()


def test_authors_hook_leaves_alone_models_inside():
    """They have an initialisation, or loaded weights, of their own."""
    assert not (Initialised(TinyConfig()).inner.layers[0].weight == 0.5).any()


def test_authors_hook_never_runs_over_loaded_values(tmp_path):
    """What was loaded is what the model holds."""
    model = fill_randomly(Initialised(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, Initialised.from_pretrained(tmp_path))


# What it is


def test_model_counts_its_parameters():
    """Shared ones once; frozen ones and embeddings can be left out."""

    class Model(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.embedding = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embedding.weight
            self.layer = nn.Linear(4, 4)
            self.frozen = nn.Linear(4, 4).requires_grad_(requires_grad=False)

    model = Model(TinyConfig())
    assert model.num_parameters() == 40 + 20 + 20
    assert model.num_parameters(only_trainable=True) == 60
    assert model.num_parameters(exclude_embeddings=True) == 40
    assert model.get_memory_footprint() == 80 * 4


def test_memory_includes_buffers_unless_they_are_left_out():
    """In bytes."""
    model = NormModel(TinyConfig())
    parameters = sum(parameter.numel() * 4 for parameter in model.parameters())
    assert model.get_memory_footprint(return_buffers=False) == parameters
    assert model.get_memory_footprint() == parameters + (4 + 4 + 4) * 4 + 8 + 4 * 8


class Empty(PreTrainedModel):
    """A model without a single tensor."""

    config_class = TinyConfig


def test_model_without_tensors_works_like_any_other(tmp_path):
    """`dtype` and `save_pretrained` end in a bare StopIteration in transformers."""
    model = Empty(TinyConfig())
    assert (model.dtype, model.device, model.num_parameters()) == (torch.float32, torch.device("cpu"), 0)
    model.save_pretrained(tmp_path)
    assert isinstance(Empty.from_pretrained(tmp_path), Empty)


def test_base_model_is_the_inner_model():
    """Or the model itself where there is none."""
    model = HeadModel(TinyConfig())
    assert model.base_model is model.tiny
    assert model.tiny.base_model is model.tiny


def test_model_from_a_config_alone_is_fresh_and_in_training_mode():
    """`_from_config` is what the Auto classes call."""
    model = TinyModel._from_config(TinyConfig(), dtype="bfloat16")
    assert model.training
    assert model.dtype is torch.bfloat16


def test_tags_are_kept_once():
    """They go into the model card of an upload, and belong to one model."""
    model = TinyModel(TinyConfig())
    model.add_model_tags("vision")
    model.add_model_tags(["vision", "digits"])
    assert model.model_tags == ["vision", "digits"]
    assert TinyModel(TinyConfig()).model_tags is None


class Recomputing(TinyModel):
    """A model with layers that can compute their activations again."""

    supports_gradient_checkpointing = True

    def __init__(self, config):
        super().__init__(config)
        self.gradient_checkpointing = False

    def forward(self, inputs):
        for layer in self.layers:
            inputs = self._gradient_checkpointing_func(layer, inputs) if self.gradient_checkpointing else layer(inputs)
        return inputs


def test_gradient_checkpointing_gives_the_same_gradients():
    """It trades time for memory and nothing else."""
    model, inputs = Recomputing(TinyConfig()), torch.randn(3, 4)
    model(inputs).sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    model(inputs).sum().backward()
    assert all(torch.equal(parameter.grad, grad) for parameter, grad in zip(model.parameters(), expected, strict=True))
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


class RecomputingLayer(torch.nn.Linear):
    """A layer that can compute its activations again, and counts how often it computes them."""

    gradient_checkpointing = False
    calls = 0

    def forward(self, inputs):
        def compute(values):
            self.calls += 1
            return super(RecomputingLayer, self).forward(values)

        return self._gradient_checkpointing_func(compute, inputs) if self.gradient_checkpointing else compute(inputs)


class RecomputingStack(TinyModel):
    """Four such layers."""

    supports_gradient_checkpointing = True

    def __init__(self, config):
        super().__init__(config)
        self.layers = torch.nn.ModuleList(RecomputingLayer(4, 4) for _ in range(4))


@pytest.mark.parametrize("offload", [False, True])
@pytest.mark.parametrize(("every_n_layers", "calls"), [(1, [2, 2, 2, 2]), (2, [2, 1, 2, 1]), (4, [2, 1, 1, 1])])
def test_activation_checkpointing_takes_what_the_trainer_passes(every_n_layers, calls, offload):
    """The arguments of the Trainer of transformers: in which layers, and where their inputs are kept."""
    model, inputs = RecomputingStack(TinyConfig()), torch.randn(3, 4)
    model.activation_checkpointing_enable(
        activation_checkpointing_kwargs={"use_reentrant": False}, every_n_layers=every_n_layers, offload=offload
    )
    assert model.is_activation_checkpointing
    model(inputs).sum().backward()
    assert [layer.calls for layer in model.layers] == calls
    model.activation_checkpointing_disable()
    assert not model.is_activation_checkpointing


@pytest.mark.parametrize("every_n_layers", [0, -1, 1.5, "2", 5])
def test_number_of_layers_that_makes_no_sense_is_refused(every_n_layers):
    """More than the model has would mean one layer or all, and nobody could tell which."""
    with pytest.raises(ArgumentError, match="every_n_layers must be"):
        RecomputingStack(TinyConfig()).activation_checkpointing_enable(every_n_layers=every_n_layers)


@pytest.mark.parametrize("given", [True, "use_reentrant", {"use_reentant": True}, ["use_reentrant"]], ids=str)
def test_options_that_checkpoint_does_not_have_are_refused(given):
    """They would fail in the first forward pass, or be passed to a layer."""
    with pytest.raises(ArgumentError, match="gradient_checkpointing_kwargs must be a dict of options of torch"):
        RecomputingStack(TinyConfig()).gradient_checkpointing_enable(given)


def test_own_method_of_a_class_serves_both_names():
    """Published models override the earlier name with its one argument."""

    class Own(RecomputingStack):
        def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs=None):
            self.given = gradient_checkpointing_kwargs

    model = Own(TinyConfig())
    model.activation_checkpointing_enable({"use_reentrant": False})
    assert model.given == {"use_reentrant": False}


def test_model_without_gradient_checkpointing_says_so():
    """As a ValueError, which callers of transformers catch."""
    with pytest.raises(ModelDefinitionError, match="supports_gradient_checkpointing") as caught:
        TinyModel(TinyConfig()).gradient_checkpointing_enable()
    assert isinstance(caught.value, ValueError)


# Code


def test_registered_class_is_saved_with_its_code(tmp_path):
    """Config, weights and source files are one save, and `auto_map` names the classes."""
    (tmp_path / "configuration_mine.py").write_text(
        "from config_core import PretrainedConfig\n\n\nclass MyConfig(PretrainedConfig):\n    model_type = 'mine'\n",
        encoding="utf-8",
    )
    (tmp_path / "modeling_mine.py").write_text(
        "from model_core import PreTrainedModel\nfrom torch import nn\nfrom configuration_mine import MyConfig\n\n\n"
        "class MyModel(PreTrainedModel):\n    config_class = MyConfig\n\n"
        "    def __init__(self, config):\n        super().__init__(config)\n        self.layer = nn.Linear(2, 2)\n",
        encoding="utf-8",
    )
    program = (
        "from modeling_mine import MyConfig, MyModel\n"
        "MyConfig.register_for_auto_class()\n"
        "MyModel.register_for_auto_class('AutoModel')\n"
        "MyModel(MyConfig()).save_pretrained('saved')\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=120)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["config.json", "configuration_mine.py", "model.safetensors", "modeling_mine.py"]
    values = json.loads((tmp_path / "saved" / "config.json").read_text(encoding="utf-8"))
    assert values["auto_map"] == {"AutoConfig": "configuration_mine.MyConfig", "AutoModel": "modeling_mine.MyModel"}
    assert values["architectures"] == ["MyModel"]


# Where it came from


def test_name_or_path_is_an_attribute_of_the_object(tmp_path):
    """PEFT reads it there, for the base model of its adapters."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    loaded = TinyModel.from_pretrained(tmp_path)
    assert vars(loaded)["name_or_path"] == loaded.config.name_or_path == str(tmp_path)
    assert vars(TinyModel(TinyConfig()))["name_or_path"] == ""


def test_folder_has_no_commit(tmp_path):
    """Neither by our name nor by that of transformers."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    loaded = TinyModel.from_pretrained(tmp_path)
    assert (loaded.commit_hash, loaded.config.commit_hash, loaded.config._commit_hash) == (None, None, None)
