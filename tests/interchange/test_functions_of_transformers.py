"""Functions that are served in place of those of transformers return what the real ones return, bit by bit."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch

from config_core.transformers_names import PretrainedConfig
from model_core import transformers_names as ours

transformers = pytest.importorskip("transformers", reason="is the oracle; needs the dependency group `peers`")
attention = pytest.importorskip("transformers.integrations.sdpa_attention")
masking = pytest.importorskip("transformers.masking_utils")
rotary = pytest.importorskip("transformers.modeling_rope_utils")
losses = pytest.importorskip("transformers.loss.loss_utils")

PADDINGS = {
    "none": None,
    "no padding": [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    "right": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
    "left": [[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    "longer than the queries": [[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0, 0]],
}
CAUSAL = ["create_causal_mask", "create_sliding_window_causal_mask"]
BIDIRECTIONAL = ["create_bidirectional_mask", "create_bidirectional_sliding_window_mask"]


def same(one, other):
    """Whether two masks are the same, or both are None."""
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and torch.equal(one, other)


def config_of(implementation, **fields):
    """A config as the functions read it."""
    return SimpleNamespace(_attn_implementation=implementation, sliding_window=2, **fields)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("implementation", ["eager", "sdpa", "another"])
@pytest.mark.parametrize("name", [*CAUSAL, *BIDIRECTIONAL])
def test_masks(name, implementation, padding):
    """For each implementation, with each kind of padding, with windows that are narrow and wide."""
    embeds = torch.zeros(2, 5, 4, dtype=torch.bfloat16)
    mask = None if PADDINGS[padding] is None else torch.tensor(PADDINGS[padding])
    old, new = ({"past_key_values": None}, {"cache": None}) if name in CAUSAL else ({}, {})
    for window in (1, 2, 5, 9):
        config = config_of(implementation)
        config.sliding_window = window
        theirs = getattr(masking, name)(config, inputs_embeds=embeds, attention_mask=mask, **new)
        own = getattr(ours, name)(config, inputs_embeds=embeds, attention_mask=mask, **old)
        assert same(own, theirs)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("name", CAUSAL)
def test_masks_of_packed_sequences(name, implementation):
    """Positions that start again separate the sequences; one sequence each needs nothing."""
    embeds = torch.zeros(2, 6, 4)
    for rows in ([[0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 0, 1]], [[0, 1, 2, 3, 4, 5]]):
        given = {"inputs_embeds": embeds, "attention_mask": None, "position_ids": torch.tensor(rows)}
        config = config_of(implementation)
        theirs = getattr(masking, name)(config, cache=None, **given)
        assert same(getattr(ours, name)(config, cache_position=torch.arange(6), **given), theirs)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("name", [*CAUSAL, *BIDIRECTIONAL])
def test_masks_that_functions_change(name, implementation):
    """An author's function widens or narrows who attends to whom."""
    embeds, padding = torch.zeros(2, 5, 4), torch.tensor(PADDINGS["right"])
    table = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 1, 1]])

    def in_one_block(batch_idx, head_idx, q_idx, kv_idx):  # noqa: ARG001 - the signature of such functions
        return table[batch_idx, q_idx] == table[batch_idx, kv_idx]

    cache = {"cache": None} if name in CAUSAL else {}
    for key, mask in itertools.product(["or_mask_function", "and_mask_function"], [None, padding]):
        given = {"inputs_embeds": embeds, "attention_mask": mask, key: in_one_block}
        config = config_of(implementation)
        assert same(getattr(ours, name)(config, **given), getattr(masking, name)(config, **given, **cache))


def test_masks_that_are_ready_and_of_other_directions():
    """Four dimensions are left alone; cross attention has the keys of the encoder; `is_causal` may be switched off."""
    embeds, ready = torch.zeros(2, 5, 4), torch.zeros(2, 1, 5, 5)
    for implementation in ("eager", "sdpa"):
        config = config_of(implementation)
        assert ours.create_causal_mask(config, embeds, ready) is ready
        cross = {"inputs_embeds": embeds, "attention_mask": None, "encoder_hidden_states": torch.zeros(2, 7, 4)}
        cross["allow_is_bidirectional_skip"] = False
        assert same(ours.create_bidirectional_mask(config, **cross), masking.create_bidirectional_mask(config, **cross))
        config.is_causal = False
        padding = torch.tensor(PADDINGS["left"])
        for name in CAUSAL:
            own = getattr(ours, name)(config, inputs_embeds=embeds, attention_mask=padding)
            assert same(own, getattr(masking, name)(config, inputs_embeds=embeds, attention_mask=padding, cache=None))


def test_masks_for_caches_are_refused():
    """A cache would change how long the keys are, and caches are not served."""
    with pytest.raises(ValueError, match="belong to transformers"):
        ours.create_causal_mask(config_of("sdpa"), torch.zeros(1, 2, 3), None, past_key_values=object())


@pytest.mark.parametrize("is_causal", [None, True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_attention_of_torch(groups, is_causal):
    """With masks of both kinds, with more keys than queries, with a bias, and with heads that share keys and values."""
    generator = torch.Generator().manual_seed(0)
    kept = torch.rand(2, 1, 5, 7, generator=generator) > 0.3
    kept[..., 0] = True
    bias = torch.randn(1, 4, 5, 7, generator=generator)
    for num_keys, mask, position_bias in itertools.product((5, 7), (None, "bool", "float"), (None, bias)):
        query = torch.randn(2, 4, 5, 8, generator=generator)
        key, value = torch.randn(2, 2, 4 // groups, num_keys, 8, generator=generator)
        allowed = kept[..., :num_keys]
        masks = {None: None, "bool": allowed, "float": torch.where(allowed, 0.0, torch.finfo(torch.float32).min)}
        given = (query, key, value, masks[mask])
        options = {"scaling": 0.3, "is_causal": is_causal}
        options["position_bias"] = None if position_bias is None else position_bias[..., :num_keys]
        module = SimpleNamespace(num_key_value_groups=groups, is_causal=is_causal is not True)
        own, weights = ours.ALL_ATTENTION_FUNCTIONS["sdpa"](module, *given, **options)
        assert torch.equal(own, attention.sdpa_attention_forward(module, *given, **options)[0])
        assert weights is None


def test_attention_of_torch_refuses_what_it_has_not():
    """It has no cap of the scores, and leaving it out would change the values."""
    tensors = [torch.zeros(1, 1, 2, 4)] * 3
    with pytest.raises(ValueError, match="softcap"):
        ours.ALL_ATTENTION_FUNCTIONS["sdpa"](SimpleNamespace(), *tensors, None, softcap=1.0)


ROTARY = {
    "linear": {"factor": 3.0},
    "dynamic": {"factor": 2.5},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 16},
    "yarn, all settings": {
        "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 20, "beta_slow": 2, "mscale": 0.7,
        "mscale_all_dim": 0.9, "truncate": False,
    },
    "longrope": {
        "factor": 4.0, "original_max_position_embeddings": 16, "short_factor": [1.0] * 8, "long_factor": [2.0] * 8,
    },
    "llama3": {
        "factor": 8.0, "original_max_position_embeddings": 16, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    },
    "proportional": {"partial_rotary_factor": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", ROTARY)
def test_rotary_frequencies(name):
    """Each kind, for lengths within and beyond those of the training."""
    kind = name.partition(",")[0]
    parameters = {"rope_type": kind, "rope_theta": 1000.0, **ROTARY[name]}
    config = SimpleNamespace(
        hidden_size=32, num_attention_heads=2, max_position_embeddings=64, rope_parameters=parameters,
        standardize_rope_params=lambda: None,
    )  # fmt: skip
    old = SimpleNamespace(
        hidden_size=32, num_attention_heads=2, max_position_embeddings=64, rope_theta=1000.0,
        rope_scaling={"rope_type": kind, **ROTARY[name]},
    )  # fmt: skip
    for length in (None, 10, 70, torch.tensor(100)):
        theirs, scale = rotary.ROPE_INIT_FUNCTIONS[kind](config, None, seq_len=length)
        for each in (config, old):
            own, own_scale = ours.ROPE_INIT_FUNCTIONS[kind](each, None, seq_len=length)
            assert torch.equal(own, theirs)
            assert own_scale == scale


class Rotary(torch.nn.Module):
    """A rotary embedding that adapts to the length of its input."""

    def __init__(self, config, functions):
        super().__init__()
        self.config, self.rope_type = config, config.rope_parameters["rope_type"]
        self.max_seq_len_cached = self.original_max_seq_len = config.max_position_embeddings
        frequencies, self.attention_scaling = functions[self.rope_type](config, None)
        self.register_buffer("inv_freq", frequencies, persistent=False)
        self.original_inv_freq = frequencies.clone()

    def forward(self, x, position_ids):  # noqa: ARG002 - the signature of such modules
        return position_ids[..., None].float() * self.inv_freq


@pytest.mark.parametrize("kind", ["linear", "dynamic", "longrope"])
def test_rotary_embeddings_adapt_to_the_length(kind):
    """They stretch for a long input, and are as before for a short one."""
    parameters = {"rope_type": kind, "rope_theta": 1000.0, **ROTARY[kind]}
    config = SimpleNamespace(
        hidden_size=32, num_attention_heads=2, max_position_embeddings=32, rope_parameters=parameters,
        standardize_rope_params=lambda: None,
    )  # fmt: skip
    own, theirs = Rotary(config, ours.ROPE_INIT_FUNCTIONS), Rotary(config, rotary.ROPE_INIT_FUNCTIONS)
    for length in (5, 40, 50, 20, 60, 8):
        positions = torch.arange(length)[None]
        one = ours.dynamic_rope_update(Rotary.forward)(own, torch.zeros(1), positions)
        assert torch.equal(one, rotary.dynamic_rope_update(Rotary.forward)(theirs, torch.zeros(1), positions))


LABELS = torch.tensor([[1, 2, -100, 0], [3, 3, 1, 2]])
LOSSES = {
    "ForMaskedLM": lambda loss, x: loss(x, LABELS, vocab_size=5),
    "ForCausalLM": lambda loss, x: loss(x, LABELS, vocab_size=5, num_items_in_batch=torch.tensor(9)),
    "ForTokenClassification": lambda loss, x: loss(x, LABELS, SimpleNamespace(num_labels=5)),
    "ForQuestionAnswering": lambda loss, x: loss(x[0], x[1], torch.tensor([1, 4, 2, 7]), torch.tensor([[1]] * 4)),
}


def loss_of(task):
    """The loss of a model whose class has the name of a task."""
    model_class = type(f"Some{task}", (ours.PreTrainedModel,), {"config_class": PretrainedConfig})
    return model_class(PretrainedConfig()).loss_function


@pytest.mark.parametrize("task", LOSSES)
def test_losses(task):
    """The loss that a model finds by the name of its class."""
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    own, theirs = loss_of(task), losses.LOSS_MAPPING[task]
    assert torch.equal(LOSSES[task](own, logits), LOSSES[task](theirs, logits))


@pytest.mark.parametrize("labels", [torch.tensor([1, 0]), torch.tensor([[1.0, 0, 1], [0, 0, 1]])])
@pytest.mark.parametrize("num_labels", [3, 1])
def test_losses_of_classifiers(num_labels, labels):
    """The kind of the problem follows from the labels, and is kept in the config."""
    logits = torch.randn(2, num_labels)
    labels = labels.float()[..., 0] if num_labels == 1 and labels.dim() > 1 else labels
    labels = labels.float() if num_labels == 1 else labels
    found = []
    for loss in (loss_of("ForImageClassification"), losses.LOSS_MAPPING["ForImageClassification"]):
        config = SimpleNamespace(num_labels=num_labels, problem_type=None)
        found.append((loss(labels, logits, config), config.problem_type))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("task", ["ForObjectDetection", "ForSemanticSegmentation"])
def test_losses_that_belong_to_transformers_say_so(task):
    """They need models and packages that only transformers has."""
    with pytest.raises(AttributeError, match=r"'loss_function'.*load_into_transformers"):
        loss_of(task)
