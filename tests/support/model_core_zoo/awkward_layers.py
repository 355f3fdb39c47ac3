"""Models with hazards of tensors: ties, views, layouts, dtypes, layers that torch itself makes awkward."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils import parametrizations

from model_core import PreTrainedModel
from tiny_models import TinyConfig, TinyModel

__all__ = ["LAYERS"]


class ZooModel(PreTrainedModel):
    config_class = TinyConfig


class Tied(ZooModel):
    """One parameter under two names."""

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(5, config.width)
        self.head = nn.Linear(config.width, 5, bias=False)
        self.head.weight = self.embedding.weight


class DeclaredTie(ZooModel):
    """A tie that `_tied_weights_keys` declares and nobody has made."""

    _tied_weights_keys = {"head.weight": "embedding.weight"}  # noqa: RUF012 - as authors write it

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(5, config.width)
        self.head = nn.Linear(config.width, 5, bias=False)
        self.post_init()


class SharedModule(ZooModel):
    """One layer at three places, as in ALBERT, and an alias of one in a list."""

    def __init__(self, config):
        super().__init__(config)
        layer = nn.Linear(config.width, config.width)
        self.layers = nn.ModuleList([layer, layer, nn.Linear(config.width, config.width)])
        self.last = self.layers[-1]


class TransposedTie(ZooModel):
    """Two parameters that are views of the same memory in another order."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = nn.Parameter(torch.randn(config.width, 3))
        self.decoder = nn.Parameter(self.encoder.detach().t())


class PackedViews(ZooModel):
    """Parameters that are parts of one buffer of memory, which is a buffer of the model too."""

    def __init__(self, config):
        super().__init__(config)
        packed = torch.randn(3, config.width)
        self.register_buffer("packed", packed, persistent=False)
        self.query, self.key, self.value = (nn.Parameter(part) for part in packed)


class ParameterAndBuffer(ZooModel):
    """A buffer that is the memory of a parameter."""

    def __init__(self, config):
        super().__init__(config)
        self.weight = nn.Parameter(torch.randn(config.width))
        self.register_buffer("frozen", self.weight.detach())


class Expanded(ZooModel):
    """Tensors whose elements share memory with each other, as position ids do."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("positions", torch.arange(config.width).expand(1, -1), persistent=False)
        self.register_buffer("repeated", torch.tensor([1.5]).expand(config.width))
        self.scale = nn.Parameter(torch.ones(1).expand(3))


class Sliced(ZooModel):
    """Tensors that are windows of larger memory, contiguous or not."""

    def __init__(self, config):
        super().__init__(config)
        self.columns = nn.Parameter(torch.randn(4, 10)[:, 2:7])
        self.register_buffer("rows", torch.randn(9, 4)[3:6])
        self.register_buffer("odd_rows", torch.randn(9, 4)[1::2])


class ChannelsLast(ZooModel):
    """A memory order of the constructor's choice."""

    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv2d(3, config.width, 3).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(config.width)


class EveryDtype(ZooModel):
    """A buffer of each dtype that the format has, and parameters of several."""

    def __init__(self, config):
        super().__init__(config)
        for name in ("float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64"):
            setattr(self, f"as_{name}", nn.Parameter(torch.ones(3).to(getattr(torch, name))))
        for name in ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"):
            self.register_buffer(f"as_{name}", torch.ones(3).to(getattr(torch, name)))
        self.packed = nn.Parameter(torch.zeros(2, 2, dtype=torch.int8), requires_grad=False)


class Conjugated(ZooModel):
    """Tensors whose conjugation or sign is only noted, not computed."""

    def __init__(self, config):
        super().__init__(config)
        phases = torch.polar(torch.ones(config.width), torch.arange(config.width).float())
        self.phases = nn.Parameter(phases.conj())
        self.register_buffer("imaginary", phases.conj().imag)


class MixedPrecision(ZooModel):
    """Parts of it in other dtypes."""

    def __init__(self, config):
        super().__init__(config)
        self.half = nn.Linear(config.width, config.width).to(torch.bfloat16)
        self.norm = nn.LayerNorm(config.width)
        self.double = nn.Linear(config.width, 1).double()


class OddShapes(ZooModel):
    """Scalars, and tensors without elements."""

    def __init__(self, config):
        super().__init__(config)
        self.temperature = nn.Parameter(torch.tensor(2.5))
        self.nothing = nn.Parameter(torch.empty(0, config.width))
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("none", torch.empty(3, 0, dtype=torch.bool))
        self.deep = nn.Parameter(torch.randn(1, 1, 2, 1, 1, 1, 3))


class OddNames(ZooModel):
    """Names that are no identifiers, and of no script that ASCII has."""

    def __init__(self, config):
        super().__init__(config)
        names = ["größe", "权重", "🤗", "with space", 'quote"', "back\\slash", "new\nline", "x" * 2000, "0", "weight"]
        self.weights = nn.ParameterDict({name: nn.Parameter(torch.randn(2)) for name in names})
        self.layers = nn.ModuleDict({name: nn.Linear(config.width, 1) for name in names})


class WeightNorm(ZooModel):
    """Parametrized weights, of which the module has no parameter of that name."""

    def __init__(self, config):
        super().__init__(config)
        self.weight_norm = parametrizations.weight_norm(nn.Linear(config.width, config.width))
        self.spectral_norm = parametrizations.spectral_norm(nn.Linear(config.width, config.width))
        self.orthogonal = parametrizations.orthogonal(nn.Linear(config.width, config.width))


class Recurrent(ZooModel):
    """Layers that keep lists of their own weights."""

    def __init__(self, config):
        super().__init__(config)
        self.lstm = nn.LSTM(config.width, config.width, num_layers=2, bidirectional=True)
        self.gru = nn.GRU(config.width, config.width, batch_first=True)


class Attention(ZooModel):
    """torch's own layers, copied by deepcopy."""

    def __init__(self, config):
        super().__init__(config)
        layer = nn.TransformerEncoderLayer(config.width, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.cross = nn.MultiheadAttention(config.width, 2, kdim=3, vdim=5)


class Lazy(ZooModel):
    """A layer without shapes before its first call, which the constructor makes."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.LazyLinear(3)
        self.norm = nn.LazyBatchNorm1d()
        self.norm(self.layer(torch.ones(2, config.width)))


class Copies(ZooModel):
    """A frozen copy of itself, as for averages of weights."""

    def __init__(self, config):
        super().__init__(config)
        self.online = TinyModel(config)
        self.average = copy.deepcopy(self.online).requires_grad_(requires_grad=False)


class MarkedParameter(nn.Parameter):
    """A parameter of an author's own class."""


class OwnParameters(ZooModel):
    """A subclass of `nn.Parameter`, attributes on parameters, and a slot without a tensor."""

    def __init__(self, config):
        super().__init__(config)
        self.weight = MarkedParameter(torch.randn(config.width))
        self.weight.no_weight_decay = True
        self.register_parameter("bias", None)
        self.register_buffer("mask", None)
        self.listed = nn.ParameterList([torch.randn(2), torch.randn(3)])


LAYERS = [
    Tied,
    DeclaredTie,
    SharedModule,
    TransposedTie,
    PackedViews,
    ParameterAndBuffer,
    Expanded,
    Sliced,
    ChannelsLast,
    EveryDtype,
    Conjugated,
    MixedPrecision,
    OddShapes,
    OddNames,
    WeightNorm,
    Recurrent,
    Attention,
    Lazy,
    Copies,
    OwnParameters,
]
