"""Names that are served to code written for transformers behave as they do there."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import save_file
from torch.utils import _pytree

from config_core import transformers_names as config_names
from model_core import transformers_names as names
from model_core.transformers_names import ACT2FN, OUTPUT_CLASSES, ModelOutput


@dataclasses.dataclass
class Output(ModelOutput):
    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    states: tuple[torch.Tensor, ...] | None = None


def test_output_is_read_by_attribute_key_and_number():
    """Fields that are None have no key and no number."""
    output = Output(logits=torch.ones(2), states=(torch.zeros(1),))
    assert output.logits is output["logits"] is output[0]
    assert output[1:] == (output.states,)
    assert list(output) == list(output.keys()) == ["logits", "states"]
    assert len(output) == 2
    assert output.loss is None
    assert "loss" not in output
    assert output.to_tuple() == (output.logits, output.states)
    logits, states = output.to_tuple()
    assert (logits, states) == (output.logits, output.states)


def test_output_is_a_dict():
    """Trainers and `DataParallel` take it for one."""
    assert isinstance(Output(loss=1), dict)
    assert {**Output(loss=1)} == {"loss": 1}
    assert Output(loss=1).get("logits", "none") == "none"


def test_fields_are_assigned_in_both_ways():
    """The attribute and the key stay one."""
    output = Output(loss=1)
    output.loss = 2
    assert output["loss"] == 2
    output["logits"] = 3
    assert output.logits == 3
    assert output.to_tuple() == (2, 3)


@pytest.mark.parametrize("first", [{"loss": 1, "logits": 2}, [("loss", 1), ("logits", 2)]])
def test_first_field_may_give_all_fields(first):
    """A dict or pairs, as `type(output)(output)` passes them."""
    output = Output(first)
    assert (output.loss, output.logits, output.to_tuple()) == (1, 2, (1, 2))


@pytest.mark.parametrize("first", [(1, 2), [], torch.ones(2, 2), "text", [("a", 1, 2)]])
def test_other_first_field_is_a_value(first):
    """A tuple of tensors is not taken for pairs."""
    assert Output(first).loss is first
    assert list(Output(first)) == ["loss"]


@pytest.mark.parametrize("change", ["pop", "update", "setdefault"])
def test_fields_of_an_output_cannot_be_removed_or_added(change):
    """An output has the fields of its class."""
    with pytest.raises(TypeError, match="Output"):
        getattr(Output(loss=1), change)("loss")
    with pytest.raises(TypeError, match="cannot be deleted"):
        del Output(loss=1)["loss"]


def test_subclass_that_is_no_dataclass_is_refused():
    """Its fields would be lost."""

    class Plain(ModelOutput):
        loss: int = 1

    with pytest.raises(TypeError, match="must be a dataclass"):
        Plain(loss=1)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda output: pickle.loads(pickle.dumps(output))])
def test_output_is_copied_with_its_class(make):
    """Copies and pickles have the same fields."""
    output = OUTPUT_CLASSES["BaseModelOutput"](last_hidden_state=(1, 2))
    again = make(output)
    assert type(again) is type(output)
    assert (again.last_hidden_state, again.attentions) == ((1, 2), None)


def test_torch_sees_the_tensors_in_an_output():
    """As `torch.compile`, FSDP and `torch.export` do."""
    output = Output(logits=torch.ones(2), states=(torch.zeros(1),))
    leaves, spec = _pytree.tree_flatten(output)
    assert [leaf.shape for leaf in leaves] == [(2,), (1,)]
    again = _pytree.tree_unflatten(leaves, spec)
    assert isinstance(again, Output)
    assert again.loss is None


def test_conv1d_is_a_linear_layer_with_its_weight_transposed():
    """As GPT-2 stores its weights."""
    layer = names.Conv1D(3, 2)
    x = torch.randn(4, 5, 2)
    assert torch.allclose(layer(x), x @ layer.weight + layer.bias)


def test_chunks_give_the_same_as_the_whole():
    """Chunking saves memory and nothing else."""
    layer, x = torch.nn.Linear(3, 3), torch.randn(2, 6, 3)
    assert torch.allclose(names.apply_chunking_to_forward(layer, 2, 1, x), layer(x))
    assert torch.equal(names.apply_chunking_to_forward(layer, 0, 1, x), layer(x))
    with pytest.raises(ValueError, match="no chunks of 4"):
        names.apply_chunking_to_forward(layer, 4, 1, x)


def test_heads_are_pruned_by_their_original_numbers():
    """Heads that were removed before shift the others."""
    heads, index = names.find_pruneable_heads_and_indices([0, 2], 3, 2, {0})
    assert (heads, index.tolist()) == ({2}, [0, 1, 4, 5])
    layer = torch.nn.Linear(4, 6)
    assert torch.equal(names.prune_linear_layer(layer, index).weight, layer.weight[index])
    assert torch.equal(names.prune_layer(layer, torch.tensor([1]), dim=1).weight, layer.weight[:, [1]])


LOWEST = torch.finfo(torch.float32).min


def test_padding_is_masked_for_every_query():
    """1 for tokens becomes 0, 0 for padding the lowest number."""
    mask = names._prepare_4d_attention_mask(torch.tensor([[1, 1, 0]]), torch.float32, tgt_len=2)
    assert mask.tolist() == [[[[0, 0, LOWEST]] * 2]]
    assert names._prepare_4d_attention_mask_for_sdpa(torch.ones(1, 3), torch.float32) is None


def test_causal_mask_hides_what_is_later():
    """With earlier keys in a cache, with padding, and with a window."""
    embeds = torch.zeros(1, 2, 4)
    causal = names._prepare_4d_causal_attention_mask(None, (1, 2), embeds, 1)
    assert causal.tolist() == [[[[0, 0, LOWEST], [0, 0, 0]]]]
    padded = names._prepare_4d_causal_attention_mask(torch.tensor([[0, 1, 1]]), (1, 2), embeds, 1)
    assert padded.tolist() == [[[[LOWEST, 0, LOWEST], [LOWEST, 0, 0]]]]
    window = names._create_4d_causal_attention_mask((1, 3), torch.float32, torch.device("cpu"), sliding_window=1)
    assert window.tolist() == [[[[0, LOWEST, LOWEST], [0, 0, LOWEST], [LOWEST, 0, 0]]]]
    given = names._prepare_4d_causal_attention_mask(torch.ones(1, 1, 2, 2), (1, 2), embeds, 0)
    assert not given.any()
    with pytest.raises(ValueError, match=r"expected \(1, 1, 2, 2\)"):
        names._prepare_4d_causal_attention_mask(torch.ones(1, 1, 3, 2), (1, 2), embeds, 0)


def test_mask_is_left_to_sdpa_where_it_can_make_it():
    """Without padding, for one query or for all keys."""
    prepare, embeds = names._prepare_4d_causal_attention_mask_for_sdpa, torch.zeros(1, 2, 4)
    assert prepare(torch.ones(1, 2), (1, 2), embeds, 0) is None
    assert prepare(None, (1, 2), embeds, 1).shape == (1, 1, 2, 3)
    assert prepare(torch.tensor([[0, 1]]), (1, 2), embeds, 0).shape == (1, 1, 2, 2)


class Model(names.PreTrainedModel):
    config_class = config_names.PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.linear = torch.nn.Linear(2, 2)


def test_masks_of_the_base_model():
    """Head masks, masks for encoders, decoders and cross attention."""
    model = Model(config_names.PretrainedConfig())
    assert model.get_head_mask(None, 2) == [None, None]
    assert model.get_head_mask(torch.ones(3), 2).shape == (2, 1, 3, 1, 1)
    assert model.get_head_mask(torch.ones(2, 3), 2, is_attention_chunked=True).shape == (2, 1, 3, 1, 1, 1)
    padded = torch.tensor([[1, 0]])
    assert model.get_extended_attention_mask(padded, (1, 2)).tolist() == [[[[-0.0, LOWEST]]]]
    assert model.invert_attention_mask(padded.repeat(3, 1)[None]).shape == (1, 1, 3, 2)
    decoder = Model(config_names.PretrainedConfig(is_decoder=True))
    assert decoder.get_extended_attention_mask(torch.ones(1, 2), (1, 2)).tolist() == [[[[-0.0, LOWEST], [-0.0, -0.0]]]]
    with pytest.raises(ValueError, match="two or three dimensions"):
        model.get_extended_attention_mask(torch.ones(2), (2,))


class Normed(Model):
    def __init__(self, config):
        super().__init__(config)
        self.LayerNorm = torch.nn.LayerNorm(2)
        self.head = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))


OLD_NAMES = {
    "LayerNorm.weight": "LayerNorm.gamma",
    "LayerNorm.bias": "LayerNorm.beta",
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}


def test_names_of_the_first_checkpoints_are_read(tmp_path):
    """Every version of transformers reads them, with or without asking."""
    model = Normed(config_names.PretrainedConfig())
    torch.nn.init.normal_(model.LayerNorm.weight)
    model.save_pretrained(tmp_path)
    tensors = model.state_dict()
    for new, old in OLD_NAMES.items():
        tensors = {name.replace(new, old): tensor for name, tensor in tensors.items()}
    assert sum(name.endswith((*OLD_NAMES.values(),)) for name in tensors) == 4
    save_file(tensors, tmp_path / "model.safetensors")
    loaded = Normed.from_pretrained(tmp_path)
    assert all(map(torch.equal, loaded.state_dict().values(), model.state_dict().values()))


def test_model_keeps_such_names_of_its_own(tmp_path):
    """What a checkpoint has under the names of the model is not renamed."""

    class Gamma(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = torch.nn.Parameter(torch.rand(2))

    class Own(Normed):
        def __init__(self, config):
            super().__init__(config)
            self.LayerNorm = Gamma()
            self.added = torch.nn.Linear(1, 1)

    model = Own(config_names.PretrainedConfig())
    model.save_pretrained(tmp_path)
    save_file({name: tensor for name, tensor in model.state_dict().items() if "added" not in name},
              tmp_path / "model.safetensors")  # fmt: skip
    loaded = Own.from_pretrained(tmp_path, allow_missing="added.*")
    assert torch.equal(loaded.LayerNorm.gamma, model.LayerNorm.gamma)


def test_attention_function_is_that_of_torch():
    """Heads that share keys and values, a mask, and a causal layer without one."""
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = 2, True
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 4, 3, 5), torch.randn(1, 2, 3, 5), torch.randn(1, 2, 3, 5)
    attend = names.ALL_ATTENTION_FUNCTIONS.get_interface("sdpa", None)
    causal = torch.full((3, 3), -torch.inf).triu(1)
    output, weights = attend(module, query, key, value, None, scaling=0.5)
    masked, _ = attend(module, query, key, value, causal[None, None], scaling=0.5, is_causal=False)
    scores = query @ key.repeat_interleave(2, 1).transpose(2, 3) * 0.5 + causal
    expected = (scores.softmax(-1) @ value.repeat_interleave(2, 1)).transpose(1, 2)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(masked, expected)
    assert weights is None


def test_attention_functions_are_read_only():
    """All checkpoints share them. A layer brings its own function for "eager"."""
    functions = names.ALL_ATTENTION_FUNCTIONS
    assert list(functions) == ["sdpa"]
    assert functions.get_interface("eager", abs) is functions.get_interface(None, abs) is abs
    with pytest.raises(KeyError):
        functions.get_interface("flash_attention_2", abs)
    with pytest.raises(TypeError):
        functions["sdpa"] = abs


class WithAttention(Model):
    _supports_sdpa = True


def test_config_that_two_models_are_created_from_is_left_alone():
    """They may use different implementations of attention, and layers look it up in the config of their model."""
    config = config_names.PretrainedConfig()
    chosen = [WithAttention._from_config(config, attn_implementation=name) for name in ("eager", "sdpa", None)]
    assert [model.config._attn_implementation for model in chosen] == ["eager", "sdpa", "sdpa"]


class WithMask(WithAttention):
    @names.merge_with_config_defaults
    def forward(self, embeddings, meanwhile=None, **_):
        if meanwhile is not None:
            meanwhile()
        return names.create_causal_mask(self.config, embeddings, allow_is_causal_skip=False)


def test_call_that_is_not_causal_changes_no_call_in_another_thread():
    """`is_causal` is of one call: the config is shared, and stays as it is."""
    model, embeddings = WithMask(config_names.PretrainedConfig()), torch.ones(1, 2, 3)
    with ThreadPoolExecutor(1) as pool:
        others = []

        def meanwhile():
            others.append(pool.submit(model, embeddings).result())

        mask = model(embeddings, meanwhile, is_causal=False)
    others.append(model(embeddings))
    assert bool(mask.all())
    assert [other.tolist() for other in others] == [[[[[True, False], [True, True]]]]] * 2
    assert "is_causal" not in vars(model.config)


@pytest.mark.skipif(torch.__version__ < (2, 7), reason="torch 2.6 cannot trace it in one graph")
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0:RuntimeWarning")
def test_call_that_is_not_causal_compiles_in_one_graph():
    """The compiler traces what tells the masks of it."""
    model, embeddings = WithMask(config_names.PretrainedConfig()), torch.ones(1, 2, 3)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    assert [bool(compiled(embeddings, is_causal=value).all()) for value in (False, True)] == [True, False]


def test_loss_is_that_of_the_type_that_the_model_sets():
    """The name of the class says nothing then: that of next tokens would shift the labels."""
    model, logits = Model(config_names.PretrainedConfig()), torch.randn(1, 3, 4)
    labels = torch.tensor([[1, 0, 3]])
    model.loss_type = "ForMaskedLM"
    loss = model.loss_function(logits, labels, vocab_size=4)
    assert torch.equal(loss, torch.nn.functional.cross_entropy(logits[0], labels[0]))


def test_boxes_have_corners():
    """As detection models compute them from what they predict."""
    boxes = names.center_to_corners_format(torch.tensor([[4.0, 5.0, 2.0, 6.0]]))
    assert boxes.tolist() == [[3.0, 2.0, 5.0, 8.0]]


class Padded(Model):
    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(4, 2)

    def get_input_embeddings(self):
        return self.embed


def test_padding_without_a_mask_is_logged_once(caplog):
    """Only if there is padding at an end, and a token for it."""
    model = Padded(config_names.PretrainedConfig(pad_token_id=3))
    model.warn_if_padding_and_no_attention_mask(torch.tensor([[1, 3, 2]]), None)
    model.warn_if_padding_and_no_attention_mask(torch.tensor([[1, 3]]), torch.ones(1, 2))
    Padded(config_names.PretrainedConfig()).warn_if_padding_and_no_attention_mask(torch.tensor([[0, 3]]), None)
    assert not caplog.records
    for _ in range(2):
        model.warn_if_padding_and_no_attention_mask(torch.tensor([[1, 3]]), None)
    assert [record.getMessage() for record in caplog.records] == [
        "The input of Padded has padding and no attention_mask, so it attends to the padding."
    ]


def test_inputs_of_a_frozen_model_may_require_gradients():
    """As adapters need with gradient checkpointing."""
    model = Padded(config_names.PretrainedConfig()).requires_grad_(requires_grad=False)
    model.enable_input_require_grads()
    assert model.embed(torch.tensor([1])).requires_grad
    model.disable_input_require_grads()
    assert not model.embed(torch.tensor([1])).requires_grad


class WithHead(names.PreTrainedModel):
    """In the style of version 5: it says where its embeddings are, and has a head."""

    config_class = config_names.PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = torch.nn.Embedding(5, 3)
        self.lm_head = torch.nn.Linear(3, 5, bias=False)
        self.other = torch.nn.Linear(3, 5, bias=False)
        self.post_init()

    def get_output_embeddings(self):
        return self.lm_head


@pytest.mark.parametrize(
    ("declared", "tied"),
    [(None, False), (["lm_head.weight"], True), ({"other.weight": "embed_tokens.weight"}, False)],
)
def test_dict_says_all_that_is_tied(declared, tied):
    """A list, as in version 4, means the output embeddings; so does none, once the model is loaded."""
    model_class = type("Tied", (WithHead,), {"_tied_weights_keys": declared})
    model = model_class(config_names.PretrainedConfig())
    assert (model.lm_head.weight is model.embed_tokens.weight) is tied
    assert (model.other.weight is model.embed_tokens.weight) is isinstance(declared, dict)


def test_part_may_inherit_the_config_class_of_the_whole():
    """It takes the config of the part all the same; what is no config is refused."""
    whole = type("WholeConfig", (config_names.PretrainedConfig,), {"model_type": "whole"})
    part = type("PartConfig", (config_names.PretrainedConfig,), {"model_type": "part"})
    model_class = type("Part", (names.PreTrainedModel,), {"config_class": whole})
    assert isinstance(model_class(part()).config, part)
    assert isinstance(model_class._from_config(part()).config, part)
    with pytest.raises(TypeError, match="PretrainedConfig"):
        model_class({})


def test_backbone_has_the_stages_of_its_config():
    """Code of version 4 reads them with an underscore, too, and calls `_init_backbone` itself."""

    class StagesConfig(config_names.BackboneConfigMixin, config_names.PretrainedConfig):
        model_type = "stages-of-version-4"

        def __init__(self, out_features=None, out_indices=None, **kwargs):
            super().__init__(**kwargs)
            self.stage_names = ["stem", "stage1"]
            aligned = config_names.get_aligned_output_features_output_indices(
                out_features=out_features, out_indices=out_indices, stage_names=self.stage_names
            )
            self._out_features, self._out_indices = aligned

    class Backbone(names.PreTrainedModel, names.BackboneMixin):
        config_class = StagesConfig

        def __init__(self, config):
            super().__init__(config)
            super()._init_backbone(config)
            self.num_features = [3, 5]

        def forward(self, pixel_values, output_hidden_states=None):
            return pixel_values, output_hidden_states

    model = Backbone(StagesConfig())
    assert (model.out_features, model._out_features) == (["stage1"], ["stage1"])
    assert (model.out_indices, model._out_indices, model.channels) == ([1], [1], [5])
    model.out_indices = [0]
    assert model.config.out_features == ["stem"]
    model.out_features = ["stem", "stage1"]
    assert model.channels == [3, 5]
    assert model.forward_with_filtered_kwargs(1, output_hidden_states=2, output_attentions=3) == (1, 2)


def test_embeddings_are_found_by_their_usual_name():
    """In the model, in its part `embeddings`, or in its part `model`; `_input_embed_layer` is another name."""
    model = WithHead(config_names.PretrainedConfig())
    assert model.get_input_embeddings() is model.embed_tokens
    model.set_input_embeddings(torch.nn.Embedding(7, 3))
    assert model.embed_tokens.num_embeddings == 7
    outer = type("Outer", (names.PreTrainedModel,), {"config_class": config_names.PretrainedConfig})(model.config)
    outer.model = model
    assert outer.get_input_embeddings() is model.embed_tokens
    model._input_embed_layer = "other"
    assert model.get_input_embeddings() is model.other


def test_embeddings_that_a_model_does_not_name_are_an_error():
    """The base class cannot guess which they are."""
    model = Model(config_names.PretrainedConfig())
    with pytest.raises(NotImplementedError, match="Model has no get_input_embeddings"):
        model.get_input_embeddings()
    assert model.get_output_embeddings() is None
    model.tie_weights()


def test_renamed_keyword_is_passed_on_with_a_warning():
    """The old name works until it goes."""

    @config_names.deprecate_kwarg("old", version="9", new_name="new")
    def read(new=0):
        return new

    with pytest.warns(FutureWarning, match="'old' is deprecated and goes in version 9; use 'new' instead"):
        assert read(old=3) == 3
    assert read(new=4) == 4


def test_keywords_that_a_function_does_not_take_are_dropped_with_a_warning():
    """Others are passed on, and those that the decorator names."""

    @config_names.filter_out_non_signature_kwargs(extra=["known"])
    def features(size, **kwargs):
        return size, kwargs

    assert features(size=1, known=2) == (1, {"known": 2})
    with pytest.warns(UserWarning, match="features takes no attention_mask, which is ignored"):
        assert features(1, attention_mask=3) == (1, {})


def test_warning_is_logged_once(caplog):
    """Per logger, level and message."""
    logger = config_names.logging.get_logger("of_a_checkpoint")
    for _ in range(3):
        logger.warning_once("Read %s.", "this")
    logger.warning_once("Read %s.", "that")
    assert [record.getMessage() for record in caplog.records] == ["Read this.", "Read that."]


def test_packages_are_looked_for_without_importing_them():
    """What models cannot use here counts as absent."""
    assert config_names.is_torch_available()
    assert config_names.is_torch_greater_or_equal("1.13")
    assert not config_names.is_torch_greater_or_equal("99.0")
    assert not config_names.is_flash_attn_2_available()
    assert not config_names.is_flash_attn_greater_or_equal("2.1")
    assert not config_names.is_xformers_available()


def test_enumeration_says_what_is_valid():
    """As configs use it for options."""
    kind = config_names.ExplicitEnum("Kind", {"A": "a", "B": "b"})
    assert kind("a") == "a"
    with pytest.raises(ValueError, match=r"'c' is not a valid Kind. Valid are \['a', 'b'\]"):
        kind("c")


# Beside the real ones


@pytest.fixture(scope="module")
def theirs():
    """The real transformers."""
    return pytest.importorskip("transformers", reason="needs the dependency group `peers`")


@pytest.mark.parametrize("name", [*ACT2FN])
def test_activation_gives_the_same_bits(theirs, name):
    """In both precisions, for values near and far from zero."""
    there = theirs.activations.ACT2FN
    if name not in there:
        pytest.skip("transformers dropped it")
    values = torch.cat([torch.linspace(-12, 12, 1001), torch.tensor([0.0, -0.0, 1e-30, 1e30])])
    for dtype in (torch.float32, torch.bfloat16):
        x = values.to(dtype)
        one, other = ACT2FN[name], there[name]
        other.load_state_dict(one.state_dict())
        assert torch.equal(one.to(dtype)(x), other.to(dtype)(x))


def test_output_classes_have_the_same_fields(theirs):
    """In the same order, which `to_tuple` and numbers follow; `past_key_values` is `cache` in version 5."""
    there = theirs.modeling_outputs
    changed = {"MoECausalLMOutputWithPast"}  # lost a field in version 5
    for name, ours in OUTPUT_CLASSES.items():
        if hasattr(there, name) and name not in changed:
            fields = [field.name.replace("past_key_values", "cache") for field in dataclasses.fields(ours)]
            assert fields == [field.name for field in dataclasses.fields(getattr(there, name))], name


def test_every_output_class_is_served(theirs):
    """Whole `modeling_outputs`, except outputs of multimodal models and of whole lists of caches."""
    there = {
        name
        for name, value in vars(theirs.modeling_outputs).items()
        if dataclasses.is_dataclass(value) and name[0] != "_"
    }
    assert {name for name in there - OUTPUT_CLASSES.keys() if not name.startswith("Multimodal")} == set()
