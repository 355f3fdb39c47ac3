"""A constructor runs as it always does; only random values that the checkpoint replaces are left out."""

from __future__ import annotations

import copy
import ctypes
import inspect
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import PreTrainedModel
from model_core.construction import DeferredConstruction
from model_core.tensor_memory import num_storage_users
from tiny_models import NormModel, TinyConfig, TinyModel, fill_randomly, same_state


def drop(folder, *names):
    """Take tensors out of the weights of a folder."""
    tensors = load_file(folder / "model.safetensors")
    for name in names:
        del tensors[name]
    save_file(tensors, folder / "model.safetensors")


def in_model(build, **attributes):
    """Make a model class of a function that fills a model in its constructor."""

    def __init__(self, config):  # noqa: N807 - becomes the method
        PreTrainedModel.__init__(self, config)
        build(self, config)

    return type("Built", (PreTrainedModel,), {"config_class": TinyConfig, "__init__": __init__, **attributes})


def reloaded(model_class, folder, **options):
    """Save a model of random values and load it."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(folder)
    loaded = model_class.from_pretrained(folder, **options)
    assert same_state(model, loaded)
    return loaded


def test_users_of_memory_are_counted():
    """Whether memory may be filled later hangs on this count, which torch does not document."""
    memory = torch.zeros(4)
    assert num_storage_users(memory) == 1
    others = [memory[:2], memory.detach(), nn.Parameter(memory)]
    assert num_storage_users(memory) == 1 + len(others)
    del others
    assert num_storage_users(memory) == 1


def test_parameters_of_any_device_may_be_filled_twice():
    """Not every operation that compares the memory of tensors exists for the meta device, and for those of others."""
    with DeferredConstruction() as deferred, torch.device("meta"):
        layer = nn.Linear(2, 2)
        nn.init.normal_(layer.weight)
    deferred.finish()
    assert layer.weight.is_meta


def test_buffers_that_are_not_saved_are_right(tmp_path):
    """The constructor made them, and nothing else knows their values."""
    loaded = reloaded(NormModel, tmp_path)
    assert loaded.positions.tolist() == [0, 1, 2, 3]


def test_plain_tensors_are_right(tmp_path):
    """An attribute that is neither parameter nor buffer is real memory with its values."""
    loaded = reloaded(NormModel, tmp_path)
    assert loaded.offset.tolist() == [3.0, 3.0]


def test_constructor_may_read_values_with_item(tmp_path):
    """`.item()` on a table gives a number; on a parameter it gives a right one."""

    def build(self, config):
        self.rates = [rate.item() for rate in torch.linspace(0, 1, config.depth + 1)]
        self.layer = nn.Linear(config.width, config.width)
        self.largest = self.layer.weight.abs().max().item()

    loaded = reloaded(in_model(build), tmp_path)
    assert loaded.rates == [0.0, 0.5, 1.0]
    assert 0 < loaded.largest <= 0.5


def test_value_that_the_constructor_read_is_the_value_that_it_keeps(tmp_path):
    """What a parameter was when it was read, it still is when the checkpoint does not replace it."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        self.seen = self.layer.weight.detach().clone()

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    drop(tmp_path, "layer.weight")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=True)
    assert loaded.seen.abs().max() > 0
    assert torch.equal(loaded.layer.weight, loaded.seen)


@pytest.mark.parametrize(
    "read",
    [
        lambda weight: weight[0].tolist(),
        lambda weight: weight.detach().flatten().tolist(),
        lambda weight: weight.data.clone().flatten().tolist(),
        lambda weight: weight.T.flatten().tolist(),
        lambda weight: torch.from_dlpack(weight.detach()).flatten().tolist(),
        lambda weight: copy.deepcopy(weight).flatten().tolist(),
        lambda weight: torch.cat([weight, weight]).flatten().tolist(),
        lambda weight: nn.functional.linear(torch.eye(4), weight).flatten().tolist(),
        lambda weight: torch.empty(0).set_(weight.detach().untyped_storage()).tolist(),
        lambda weight: weight.half().flatten().tolist(),
        lambda weight: [float(weight.detach().mean())],
        lambda weight: torch.stack(list(weight)).flatten().tolist(),
        lambda weight: [float(f"{weight.detach().mean():.3f}")],
        lambda weight: weight.view(-1)[3:].tolist(),
        lambda weight: weight[:, 1].tolist(),
        lambda weight: weight[torch.tensor([0, 3])].flatten().tolist(),
        lambda weight: weight[[0, 3]].flatten().tolist(),
        lambda weight: weight.data.T.reshape(-1).tolist(),
        lambda weight: weight.data.flatten().tolist(),
        lambda weight: [row.sum().item() / 4 for row in weight.unbind()],
        lambda weight: weight.chunk(2)[1].flatten().tolist(),
        lambda weight: weight.float().flatten().tolist(),
        lambda weight: weight.double().flatten().tolist(),
        lambda weight: weight.to(torch.float32, copy=True).flatten().tolist(),
        lambda weight: weight.data.to(torch.empty(0)).flatten().tolist(),
        lambda weight: torch.empty(4, 4).copy_(weight.data).flatten().tolist(),
        lambda weight: weight.data.clone().numpy().flatten().tolist(),
        lambda weight: weight.data.clone()[1:].T.flatten().tolist(),
        lambda weight: weight.data.copy_(weight.data.T.clone()).flatten().tolist(),
        lambda weight: weight.data.copy_(weight.data).flatten().tolist(),
    ],
)
def test_every_way_to_read_a_parameter_sees_its_values(read):
    """Views, aliases, copies, functions, storages: all see what a normal construction would give."""
    with DeferredConstruction():
        weight = nn.Parameter(torch.full((4, 4), 100.0))
        nn.init.uniform_(weight, 1.0, 2.0)
        values = read(weight)
    assert values
    assert all(1.0 <= value <= 2.0 for value in values)


@pytest.mark.parametrize("alias", ["view", "detached", "dlpack"])
def test_alias_from_before_a_fill_sees_the_fill(alias):
    """Memory that something else can read is filled at once."""
    with DeferredConstruction():
        memory = torch.full((4,), 100.0)
        seen = {"view": memory[:2], "detached": memory.detach(), "dlpack": torch.from_dlpack(memory)}[alias]
        weight = nn.Parameter(memory)
        del memory
        nn.init.uniform_(weight, 1.0, 2.0)
        assert all(1.0 <= value <= 2.0 for value in seen.tolist())


def test_memory_that_was_handed_out_is_filled_at_once():
    """An exchange of memory with other libraries keeps the parameter itself, and no tensor that could be counted."""
    with DeferredConstruction() as deferred:
        weight = nn.Parameter(torch.full((4,), 100.0), requires_grad=False)
        seen = torch.from_dlpack(weight)
        nn.init.uniform_(weight, 1.0, 2.0)
        assert all(1.0 <= value <= 2.0 for value in seen.tolist())
    assert deferred.release(weight)


def test_fills_and_arithmetic_keep_their_order(tmp_path):
    """A random fill that is scaled, shifted, clamped and partly zeroed is all of it, where the checkpoint lacks it."""

    def build(self, _config):
        self.scaled = nn.Parameter(torch.empty(1000))
        self.zeroed = nn.Parameter(torch.empty(1000))
        self.part = nn.Parameter(torch.empty(1000))
        self.through_data = nn.Parameter(torch.empty(1000))
        with torch.no_grad():
            self.scaled.uniform_().mul_(2).add_(10).clamp_(max=11.5)
            self.zeroed.normal_().zero_().add_(1)
            self.part.uniform_(1, 2)[:500] = 7
        self.through_data.data.uniform_(3, 4).add_(1)

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    drop(tmp_path, "scaled", "zeroed", "part", "through_data")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=True)
    assert 10 <= loaded.scaled.min() < 10.1
    assert loaded.scaled.max() == 11.5
    assert (loaded.zeroed == 1).all()
    assert (loaded.part[:500] == 7).all()
    assert 1 <= loaded.part[500:].min() < loaded.part[500:].max() <= 2
    assert 4 <= loaded.through_data.min() < loaded.through_data.max() <= 5


def test_numbers_of_a_constructor_that_seeds_are_those_of_its_seed(tmp_path):
    """What was left out would otherwise have been drawn first; the program's own stream is not touched."""

    def build(self, config):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            self.layer = nn.Linear(config.width, config.width)
            self.register_buffer("projection", torch.randn(4, 4), persistent=False)

    torch.manual_seed(1)
    loaded = reloaded(in_model(build), tmp_path)
    torch.manual_seed(7)
    nn.Linear(4, 4)
    assert torch.equal(loaded.projection, torch.randn(4, 4))


def test_value_that_is_read_after_seeding_takes_no_number_of_the_seed(tmp_path):
    """By hand it would have been drawn before."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            self.sum = float(self.layer.weight.detach().sum())
            self.noise = torch.randn(4)

    torch.manual_seed(1)
    loaded = reloaded(in_model(build), tmp_path)
    torch.manual_seed(7)
    assert torch.equal(loaded.noise, torch.randn(4))


@pytest.mark.parametrize("fill", [nn.init.normal_, nn.init.trunc_normal_], ids=lambda fill: fill.__name__)
def test_numbers_of_a_generator_of_the_constructors_own_are_those_of_its_seed(tmp_path, fill):
    """It is drawn from for a parameter first, and then for a plain tensor."""

    def build(self, config):
        generator = torch.Generator().manual_seed(7)
        self.weight = nn.Parameter(torch.empty(config.width))
        fill(self.weight, generator=generator)
        self.noise = torch.randn(4, generator=generator)

    model_class = in_model(build)
    assert torch.equal(reloaded(model_class, tmp_path).noise, model_class(TinyConfig()).noise)


def test_probabilities_that_are_a_parameter_are_read_when_they_are_drawn_with(tmp_path):
    """A fill that takes a tensor reads it, and it may change afterwards."""

    def build(self, _config):
        self.chances = nn.Parameter(torch.empty(64))
        self.mask = nn.Parameter(torch.empty(64))
        with torch.no_grad():
            nn.init.uniform_(self.chances, 1.0, 1.0)
            self.mask.bernoulli_(self.chances)
            self.chances.zero_()
            self.num_kept = int(self.mask.sum())

    assert reloaded(in_model(build), tmp_path).num_kept == 64


def test_initialisation_that_fails_does_so_where_the_constructor_sees_it(tmp_path):
    """It may try one after another, and a missing tensor then has the values of the one that worked."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        self.scale = nn.Parameter(torch.empty(config.width))
        try:
            nn.init.kaiming_uniform_(self.scale)
        except ValueError:
            nn.init.ones_(self.scale)

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    drop(tmp_path, "scale")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=["scale"])
    assert torch.equal(loaded.scale, torch.ones(4))


def test_values_computed_in_the_constructor_are_real(tmp_path):
    """Weights that a constructor computes are there for later lines of it, and replaced like all others."""

    def build(self, config):
        self.basis = nn.Parameter(torch.linalg.qr(torch.randn(config.width, config.width))[0])
        self.identity = (self.basis @ self.basis.T).round()

    loaded = reloaded(in_model(build), tmp_path)
    assert torch.equal(loaded.identity.detach().abs(), torch.eye(4))


def test_parameters_that_no_module_holds_are_right(tmp_path):
    """A parameter in a plain list is in no checkpoint; its random values are still drawn."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        self.hidden = [nn.Parameter(torch.full((100,), 100.0))]
        nn.init.uniform_(self.hidden[0], 1.0, 2.0)

    loaded = reloaded(in_model(build), tmp_path)
    assert 1 <= loaded.hidden[0].min() < loaded.hidden[0].max() <= 2


def padded(model, _config):
    model.embedding = nn.Embedding(64, 8, padding_idx=3)
    model.bag = nn.EmbeddingBag(64, 8, padding_idx=-1)


def padded_by_hand(model, _config):
    model.embedding = nn.Embedding(64, 8)
    model.embedding.weight.data.normal_(0, 0.02)
    model.embedding.weight.data[3].zero_()
    nn.init.zeros_(model.embedding.weight[5])
    with torch.no_grad():
        model.embedding.weight[-2:, 4:] = 0
        model.embedding.weight[7][0].fill_(0.5)


def in_parts(model, _config):
    model.attention = nn.Linear(16, 48)
    for part in model.attention.weight.chunk(3):
        nn.init.xavier_uniform_(part)
    model.heads = nn.Parameter(torch.zeros(4, 16, 16))
    for head in model.heads:
        nn.init.orthogonal_(head)
    model.convolution = nn.Conv2d(16, 16, 3)
    nn.init.trunc_normal_(model.convolution.weight.data.view(16, -1), std=0.02)
    model.turned = nn.Linear(16, 32)
    nn.init.kaiming_uniform_(model.turned.weight.T)
    model.lstm = nn.LSTM(16, 16)
    model.lstm.bias_hh_l0.data.fill_(0)
    model.lstm.bias_hh_l0.data[16:32].fill_(1)


def through_another_dtype(model, _config):
    model.layer = nn.Linear(16, 16).to("cpu").float()
    weight = model.layer.weight
    weight.data = nn.init.trunc_normal_(weight.data.to(torch.float32), std=0.02).to(weight.dtype)


def overwritten(model, _config):
    model.identity, model.copied = nn.Linear(16, 16), nn.Linear(16, 16)
    nn.init.eye_(model.identity.weight)
    model.convolution = nn.Conv2d(16, 16, 3)
    nn.init.dirac_(model.convolution.weight)
    with torch.no_grad():
        model.copied.weight.copy_(torch.arange(256.0).view(16, 16))
        model.copied.bias[:] = 1


def copied_layers(model, _config):
    layer = nn.TransformerEncoderLayer(16, nhead=2, dim_feedforward=32, batch_first=True)
    model.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    model.embeddings = nn.ModuleList(copy.deepcopy(nn.Embedding(64, 16, padding_idx=0)) for _ in range(2))
    model.student, model.teacher = nn.Linear(16, 16), nn.Linear(16, 16)
    model.teacher.load_state_dict(model.student.state_dict())


@pytest.mark.parametrize(
    "build",
    [padded, padded_by_hand, in_parts, through_another_dtype, overwritten, copied_layers],
    ids=lambda build: build.__name__,
)
class TestIdiomsOfInitialisation:
    """What constructors do with parameters, beyond one fill of a whole one."""

    def test_load_draws_no_number_for_values_that_the_file_replaces(self, tmp_path, build):
        """For embeddings with padding or copied layers, drawing takes many times as long as all else in a load."""
        model_class = in_model(build)
        model = model_class(TinyConfig())
        model.save_pretrained(tmp_path)
        before = torch.get_rng_state()
        loaded = model_class.from_pretrained(tmp_path)
        assert torch.equal(torch.get_rng_state(), before)
        assert same_state(model, loaded)

    def test_values_that_the_file_lacks_are_those_of_a_construction_by_hand(self, tmp_path, build):
        """The same distribution, and the same where it is not random."""
        model_class = in_model(build)
        fresh = model_class(TinyConfig())
        fresh.config.save_pretrained(tmp_path)
        save_file({"nothing": torch.zeros(1)}, tmp_path / "model.safetensors")
        loaded = model_class.from_pretrained(tmp_path, allow_missing=["*"], allow_unexpected=["nothing"])
        for name, expected in fresh.state_dict().items():
            tensor = loaded.state_dict()[name]
            if tensor.numel() >= 100:
                assert tensor.std() == pytest.approx(expected.std(), rel=0.5), name
            assert tensor.abs().max() <= 2 * expected.abs().max(), name
            for constant in (0.0, 0.5, 1.0):
                assert torch.equal(tensor == constant, expected == constant), name


def test_copies_of_a_layer_have_its_values_even_if_it_is_filled_again(tmp_path):
    """They are drawn once, when the first of them is read or at the end."""

    def build(self, config):
        layer = nn.Linear(config.width, config.width)
        self.layers = nn.ModuleList(copy.deepcopy(layer) for _ in range(3))
        nn.init.zeros_(layer.weight)
        self.layers[0].weight.data.mul_(2)
        self.again = copy.deepcopy(self.layers[0])
        self.seen = self.layers[2].weight.tolist()

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    drop(tmp_path, "layers.0.weight", "layers.1.weight", "layers.2.weight", "again.weight")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=True)
    weight = loaded.layers[1].weight
    assert weight.std() > 0
    assert torch.equal(loaded.layers[2].weight, weight)
    assert loaded.seen == weight.tolist()
    assert torch.equal(loaded.layers[0].weight, 2 * weight)
    assert torch.equal(loaded.again.weight, 2 * weight)


def test_part_that_is_overwritten_while_the_rest_waits_keeps_its_values():
    """By a copy, by a function with `out=`, or by other values."""
    with DeferredConstruction() as deferred, torch.no_grad():
        weight = nn.Parameter(torch.full((6, 2), 100.0))
        nn.init.uniform_(weight, 1.0, 2.0)
        weight[:2].copy_(torch.full((2, 2), 7.0))
        torch.eye(2, out=weight[2:4])
        weight[4] = torch.tensor([8.0, 9.0])
    deferred.finish()
    assert weight[:5].tolist() == [[7.0, 7.0], [7.0, 7.0], [1.0, 0.0], [0.0, 1.0], [8.0, 9.0]]
    assert all(1.0 <= value <= 2.0 for value in weight[5].tolist())


def test_call_that_fails_does_so_at_once_and_changes_nothing():
    """The constructor sees the error, and its fill is still made."""
    with DeferredConstruction() as deferred, torch.no_grad():
        weight = nn.Parameter(torch.full((4, 2), 100.0))
        nn.init.uniform_(weight, 1.0, 2.0)
        with pytest.raises(IndexError):
            weight[4] = 0
        with pytest.raises(RuntimeError):
            weight.copy_(torch.zeros(3, 2))
        half = nn.Parameter(torch.zeros(4, 4, dtype=torch.float16))
        with pytest.raises(RuntimeError):
            nn.init.orthogonal_(half)
    deferred.finish()
    assert all(1.0 <= value <= 2.0 for value in weight.flatten().tolist())


def test_view_that_the_constructor_keeps_sees_the_loaded_values(tmp_path):
    """A plain attribute that looks into a parameter looks into the loaded one."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        self.first_row = self.layer.weight.data[0]

    loaded = reloaded(in_model(build), tmp_path)
    assert torch.equal(loaded.first_row, loaded.layer.weight[0])


def test_parameter_that_looks_into_a_tensor_of_the_constructor_keeps_the_loaded_values(tmp_path):
    """What was left out for that tensor is not made up for when the values of the checkpoint lie there."""

    def build(self, config):
        whole = nn.Parameter(torch.empty(3, config.width))
        nn.init.normal_(whole)
        self.kept = (whole,)
        self.turned = nn.Parameter(whole.T)

    loaded = reloaded(in_model(build), tmp_path)
    assert torch.equal(loaded.kept[0].T, loaded.turned)


def test_buffer_that_is_not_saved_and_shares_memory_with_a_parameter_sees_the_loaded_values(tmp_path):
    """Such as an alias under an older name."""

    def build(self, config):
        self.weight = nn.Parameter(torch.empty(config.width).normal_())
        self.register_buffer("alias", self.weight.data, persistent=False)

    loaded = reloaded(in_model(build), tmp_path)
    assert torch.equal(loaded.alias, loaded.weight)


def test_recurrent_layers_use_the_loaded_weights(tmp_path):
    """`nn.LSTM` keeps a list of its parameters that it computes with."""

    def build(self, config):
        self.lstm = nn.LSTM(config.width, config.width)

    model_class = in_model(build)
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path)
    inputs = torch.randn(5, 1, 4)
    assert torch.equal(model.lstm(inputs)[0], model_class.from_pretrained(tmp_path).lstm(inputs)[0])


@pytest.mark.parametrize("normalize", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_parametrized_layers_come_back(tmp_path, normalize):
    """Parametrizations read and split weights in the constructor."""

    def build(self, config):
        self.layer = normalize(nn.Linear(config.width, config.width))

    model_class = in_model(build)
    torch.manual_seed(0)
    model = model_class(TinyConfig()).eval()
    model.save_pretrained(tmp_path)
    assert torch.equal(model.layer.weight, model_class.from_pretrained(tmp_path).layer.weight)


def test_torchs_transformer_layers_come_back(tmp_path):
    """Their constructor copies layers and initialises them once more."""

    def build(self, config):
        layer = nn.TransformerEncoderLayer(config.width, nhead=2, dim_feedforward=8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, config.depth, enable_nested_tensor=False)

    reloaded(in_model(build), tmp_path)


def test_missing_layers_of_every_initialisation_are_initialised(tmp_path):
    """Where the checkpoint has nothing at all, the model is as a fresh one is."""

    def build(self, _config):
        self.linear = nn.Linear(64, 64)
        self.convolution = nn.Conv2d(8, 8, 3)
        self.embedding = nn.Embedding(64, 64, padding_idx=0)
        self.norm = nn.LayerNorm(64)
        self.attention = nn.MultiheadAttention(64, 2)
        self.truncated = nn.Parameter(torch.full((64, 64), 100.0))
        self.orthogonal = nn.Parameter(torch.full((8, 8), 100.0))
        nn.init.trunc_normal_(self.truncated, std=0.02)
        nn.init.orthogonal_(self.orthogonal)
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")

    model_class = in_model(build)
    fresh = model_class(TinyConfig())
    fresh.config.save_pretrained(tmp_path)
    save_file({"nothing": torch.zeros(1)}, tmp_path / "model.safetensors")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=["*"], allow_unexpected=["nothing"])
    for name, tensor in loaded.state_dict().items():
        expected = fresh.state_dict()[name]
        assert tensor.std() == pytest.approx(expected.std(), rel=0.5), name
        assert tensor.abs().max() <= 2 * expected.abs().max(), name
    assert (loaded.embedding.weight[0] == 0).all()
    assert torch.allclose(loaded.orthogonal @ loaded.orthogonal.T, torch.eye(8), atol=1e-5)


def test_attributes_of_parameters_stay(tmp_path):
    """Parameters keep their identity: frozen ones stay frozen, marks and subclasses stay."""

    class Marked(nn.Parameter):
        pass

    def build(self, config):
        self.frozen = nn.Linear(config.width, config.width).requires_grad_(requires_grad=False)
        self.marked = Marked(torch.zeros(config.width))
        self.frozen.weight.no_decay = True
        self.listed = [self.marked]

    loaded = reloaded(in_model(build), tmp_path)
    assert not loaded.frozen.weight.requires_grad
    assert loaded.frozen.weight.no_decay
    assert isinstance(loaded.marked, Marked)
    assert loaded.marked.requires_grad
    assert loaded.listed[0] is loaded.marked


def test_optimizer_made_in_the_constructor_trains_the_loaded_weights(tmp_path):
    """It holds the parameter objects of the model."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        self.optimizer = torch.optim.SGD(self.layer.parameters(), lr=1.0)

    loaded = reloaded(in_model(build), tmp_path)
    before = loaded.layer.weight.detach().clone()
    loaded.layer(torch.ones(1, 4)).sum().backward()
    loaded.optimizer.step()
    assert torch.equal(loaded.layer.weight, before - 1)


def test_constructor_may_load_another_model(tmp_path):
    """A backbone that is loaded inside keeps its loaded values unless the outer checkpoint has others."""
    backbone = fill_randomly(TinyModel(TinyConfig()))
    backbone.save_pretrained(tmp_path / "backbone")

    def build(self, config):
        self.backbone = TinyModel.from_pretrained(tmp_path / "backbone")
        self.head = nn.Linear(config.width, 2)

    model_class = in_model(build)
    assert same_state(model_class(TinyConfig()).backbone, backbone)
    reloaded(model_class, tmp_path / "outer")
    drop(tmp_path / "outer", *(f"backbone.{name}" for name in backbone.state_dict()))
    assert same_state(model_class.from_pretrained(tmp_path / "outer", allow_missing=["backbone"]).backbone, backbone)


def test_model_that_loads_another_in_its_constructor_is_mapped_all_the_same(tmp_path):
    """The inner load must not look to the outer one as if its memory were lent to others."""
    TinyModel(TinyConfig(width=64, depth=50)).save_pretrained(tmp_path / "inner")

    def build(self, _config):
        TinyModel.from_pretrained(tmp_path / "inner")
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(50))

    loaded = reloaded(in_model(build), tmp_path / "outer")
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    ranges = [line.split()[0].split("-") for line in lines if str(tmp_path / "outer") in line]
    spans = [(int(first, 16), int(last, 16)) for first, last in ranges]
    for weight in loaded.parameters():
        assert any(first <= weight.data_ptr() < last for first, last in spans)


def test_missing_values_of_an_inner_load_are_initialised(tmp_path):
    """What the inner load may lack is drawn, though an outer load is going on."""
    fill_randomly(TinyModel(TinyConfig())).save_pretrained(tmp_path / "inner")
    drop(tmp_path / "inner", "layers.1.weight")

    def build(self, _config):
        self.inner = TinyModel.from_pretrained(tmp_path / "inner", allow_missing=True)
        self.seen = self.inner.layers[1].weight.detach().clone()

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path / "outer")
    loaded = model_class.from_pretrained(tmp_path / "outer")
    assert 0 < loaded.seen.abs().max() <= 0.5


def test_lazy_layers_get_their_shapes_from_the_checkpoint(tmp_path):
    """A lazy layer has no shape before its first input; the checkpoint has."""

    def build(self, config):
        self.layer = nn.LazyLinear(config.width)

    model_class = in_model(build)
    model = model_class(TinyConfig())
    inputs = torch.randn(2, 3)
    expected = model.layer(inputs)
    model.save_pretrained(tmp_path)
    loaded = model_class.from_pretrained(tmp_path)
    assert torch.equal(loaded.layer(inputs), expected)


def test_failing_constructor_leaves_nothing_behind(tmp_path):
    """The thread computes as before after an error in a constructor."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        if config.depth == 3:
            raise ValueError("three")

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="three"):
        model_class.from_pretrained(tmp_path, depth=3)
    weight = nn.Parameter(torch.full((4,), 100.0))
    nn.init.uniform_(weight)
    assert weight.max() <= 1


def test_other_threads_are_not_affected():
    """The recording is of one thread; another one constructs as usual meanwhile."""
    entered, done = threading.Event(), threading.Event()
    values = []

    def construct():
        assert entered.wait(60)
        weight = nn.Parameter(torch.full((4,), 100.0))
        nn.init.uniform_(weight)
        values.extend(weight.tolist())
        done.set()

    thread = threading.Thread(target=construct)
    thread.start()
    with DeferredConstruction():
        entered.set()
        assert done.wait(60)
    thread.join()
    assert max(values) <= 1


def test_many_threads_load_at_once(tmp_path):
    """Loads share nothing."""
    model = fill_randomly(NormModel(TinyConfig()))
    model.save_pretrained(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: NormModel.from_pretrained(tmp_path), range(32)))
    assert all(same_state(model, other) for other in loaded)


def test_class_can_switch_it_off(tmp_path):
    """For constructors that read parameters where nobody can see it."""
    seen = []

    def build(self, config):
        memory = torch.full((config.width,), 100.0)
        self.weight = nn.Parameter(memory)
        address = self.weight.data_ptr()
        del memory
        nn.init.uniform_(self.weight)
        # A read that no function mode sees.
        seen.append((ctypes.c_float * config.width).from_address(address)[0])

    reloaded(in_model(build, defer_initialization=False), tmp_path)
    assert max(seen) <= 1


def test_construction_by_hand_draws_the_usual_random_numbers():
    """Deferring is for loads only: a seed gives the values that it always gave."""
    torch.manual_seed(0)
    expected = nn.Linear(4, 4).weight
    torch.manual_seed(0)
    assert torch.equal(TinyModel(TinyConfig(depth=1)).layers[0].weight, expected)


def test_memory_that_the_checkpoint_replaces_is_never_written():
    """Memory that nobody writes to is never paged in: that is what makes construction cheap."""
    with DeferredConstruction() as deferred:
        weight = nn.Parameter(torch.full((64,), 100.0))
        nn.init.normal_(weight)
        nn.init.kaiming_uniform_(nn.Linear(64, 64).weight)
    deferred.forget(weight)
    deferred.finish()
    assert (weight == 100.0).all()


def sparse(weight):
    if "is_meta" not in inspect.getsource(nn.init.sparse_):
        pytest.skip("this torch asks nothing before it draws")
    return nn.init.sparse_(weight, 0.1)


@pytest.mark.parametrize(
    "fill",
    [
        *(nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_, nn.init.xavier_uniform_, nn.init.xavier_normal_),
        *(nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.orthogonal_, sparse),
    ],
    ids=lambda fill: fill.__name__,
)
def test_random_fills_of_torch_write_nothing_before_their_values_are_needed(fill):
    """Those that draw and compare values until they fit, too: else each load draws what its file replaces."""
    with DeferredConstruction() as deferred:
        weight = nn.Parameter(torch.full((64, 64), 100.0))
        assert fill(weight) is weight
        with torch._C.DisableTorchFunction():
            assert (weight == 100.0).all()
        values = weight.detach().clone()
    deferred.finish()
    assert torch.equal(weight, values)
    assert values.std() > 0
    assert values.abs().max() < 10


@pytest.mark.parametrize(
    "limits", [{"std": 0.0}, {"mean": 5.0}, {"a": 2.0, "b": 2.0}, {"std": torch.tensor([1.0, 2.0])}]
)
def test_truncated_fill_of_limits_that_may_not_do_fails_or_warns_at_once(limits):
    """Where the constructor sees it, as without a load."""

    def attempt():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                nn.init.trunc_normal_(nn.Parameter(torch.zeros(8)), **limits)
            except (ArithmeticError, RuntimeError) as error:
                return type(error), str(error)
            return [str(warning.message) for warning in caught]

    expected = attempt()
    with DeferredConstruction():
        assert attempt() == expected


def fill_with_an_element(weight):
    with torch.no_grad():
        weight.fill_(weight[0, 0])


def copy_to_half_and_back(weight):
    half, back = nn.Parameter(torch.zeros(4, 4, dtype=torch.float16)), nn.Parameter(torch.zeros(4, 4))
    with torch.no_grad():
        back.copy_(half.copy_(weight))
    assert torch.equal(back, half.float())


def clone_in_inference_mode(weight):
    with torch.inference_mode():
        copy = weight.clone()
    assert torch.equal(copy, weight)


def clone_under_a_transform(weight):
    values = weight.detach()
    gradient = torch.func.grad(lambda factor: (values.clone() * factor).sum())(torch.ones(4, 4))
    assert torch.equal(gradient, weight)


@pytest.mark.parametrize(
    "use",
    [
        *(fill_with_an_element, copy_to_half_and_back, clone_in_inference_mode, clone_under_a_transform),
    ],
    ids=lambda use: use.__name__,
)
def test_rarer_uses_of_a_parameter_see_its_values(use):
    """Those that read it in an unusual place, or copy it in an unusual way."""
    with DeferredConstruction() as deferred:
        weight = nn.Parameter(torch.full((4, 4), 100.0))
        nn.init.uniform_(weight, 1.0, 2.0)
        use(weight)
    deferred.finish()
    assert 1.0 <= weight.min() <= weight.max() <= 2.0


@pytest.mark.parametrize(
    "change",
    [
        lambda weight: weight.fill_(0),
        lambda weight: weight.zero_(),
        lambda weight: weight.mul_(9),
        lambda weight: weight.normal_(9),
        lambda weight: weight.copy_(torch.zeros(4, 4)),
        lambda weight: weight.__setitem__(slice(None), 0),
        lambda weight: torch.eye(4, out=weight),
    ],
    ids=["fill", "zero", "mul", "normal", "copy", "setitem", "out"],
)
def test_change_that_autograd_refuses_fails_at_once_and_changes_nothing(change):
    """A parameter is changed in place under `no_grad` only; the constructor may handle the error."""
    with DeferredConstruction() as deferred:
        weight = nn.Parameter(torch.full((4, 4), 100.0))
        nn.init.uniform_(weight, 1.0, 2.0)
        with pytest.raises(RuntimeError):
            change(weight)
    deferred.finish()
    assert 1.0 <= weight.min() <= weight.max() <= 2.0
