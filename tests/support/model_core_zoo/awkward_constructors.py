"""Models whose constructors do what constructors may do: read, compute, replace, freeze, load, convert."""

from __future__ import annotations

import math
import tempfile
import threading
import warnings

import torch
from torch import nn

from model_core import PreTrainedModel
from tiny_models import TinyConfig, TinyModel

__all__ = ["CONSTRUCTORS", "Compiled"]


class ZooModel(PreTrainedModel):
    config_class = TinyConfig


class Rotary(ZooModel):
    """Frequencies that nobody saves."""

    def __init__(self, config):
        super().__init__(config)
        frequencies = 1.0 / 10_000 ** (torch.arange(0, config.width, 2).float() / config.width)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.register_buffer("original", self.frequencies, persistent=False)
        self.layer = nn.Linear(config.width, config.width)


class PlainTensors(ZooModel):
    """Tensors that are neither parameters nor buffers."""

    def __init__(self, config):
        super().__init__(config)
        self.mean = torch.tensor([0.485, 0.456, 0.406])
        self.tables = [torch.arange(3), {"deep": torch.linspace(0, 1, config.width)}]
        self.layer = nn.Linear(config.width, 1)


class Frozen(ZooModel):
    """Parameters that are not trained, some of them by half."""

    def __init__(self, config):
        super().__init__(config)
        self.backbone = TinyModel(config).requires_grad_(requires_grad=False).eval()
        self.head = nn.Linear(config.width, 2)
        self.head.bias.requires_grad = False
        self.table = nn.Parameter(torch.arange(4.0), requires_grad=False)


class ReadsNumbers(ZooModel):
    """`.item()` and friends decide what is built."""

    def __init__(self, config):
        super().__init__(config)
        rates = [rate.item() for rate in torch.linspace(0, 0.5, config.depth)]
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(config.width, 4), nn.Dropout(rate)) for rate in rates)
        self.rates = torch.tensor(rates)
        assert self.layers[0][0].weight.abs().max().item() > 0


class SetsWeights(ZooModel):
    """Weights that the constructor computes, replaces and scales."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, config.width)
        self.layer.weight = nn.Parameter(torch.eye(config.width))
        self.layer.bias.data = torch.full((config.width,), 0.25)
        self.scaled = nn.Linear(config.width, config.width)
        with torch.no_grad():
            self.scaled.weight.mul_(1 / math.sqrt(2 * config.depth))
            self.scaled.weight[0].zero_()


class EveryInitialisation(ZooModel):
    """Initialisations that read what they fill."""

    def __init__(self, config):
        super().__init__(config)
        self.orthogonal, self.sparse, self.dirac, self.cut = (
            nn.Parameter(torch.empty(config.width, config.width, 3)[..., : 3 if number == 2 else 1].squeeze(-1))
            for number in range(4)
        )
        nn.init.orthogonal_(self.orthogonal)
        nn.init.sparse_(self.sparse, 0.5)
        nn.init.dirac_(self.dirac)
        nn.init.trunc_normal_(self.cut, std=0.02)


class RunsForward(ZooModel):
    """A pass through the layers to learn a size, which also moves statistics."""

    def __init__(self, config):
        super().__init__(config)
        self.features = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Flatten())
        with torch.no_grad():
            size = self.features(torch.linspace(0, 1, 2 * config.width).reshape(2, 1, -1)).shape[-1]
        self.head = nn.Linear(size, 2)


class LoadsAnother(ZooModel):
    """A constructor that loads a checkpoint itself."""

    def __init__(self, config):
        super().__init__(config)
        with tempfile.TemporaryDirectory() as folder:
            TinyModel(config).save_pretrained(folder)
            self.teacher = TinyModel.from_pretrained(folder)
        self.student = TinyModel(config)


class BuildsTwice(ZooModel):
    """Parts that are made and thrown away, or made anew."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, 99)
        self.layer = nn.Linear(config.width, 2)
        self.gone = nn.Linear(3, 3)
        del self.gone
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(5))[::2]


class OwnDefaults(ZooModel):
    """It changes torch's defaults for a while, as older models do."""

    def __init__(self, config):
        super().__init__(config)
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.register_buffer("projection", torch.randn(config.width, 2), persistent=False)
        generator = torch.Generator().manual_seed(3)
        self.register_buffer("noise", torch.rand(config.width, generator=generator), persistent=False)
        self.layer = nn.Linear(config.width, 2, dtype=torch.float64)


class Scripted(ZooModel):
    """A layer that torch.jit compiled."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, config.width)
        with warnings.catch_warnings():  # torch advises against it
            warnings.simplefilter("ignore")
            self.scripted = torch.jit.script(nn.Linear(config.width, 2))


class Compiled(ZooModel):
    """A layer in the wrapper of torch.compile, which gives it another name."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.compile(nn.Linear(config.width, 2))


class Mapped(ZooModel):
    """Values that torch.func computes of parameters."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = nn.Linear(config.width, config.width)
        self.register_buffer("norms", torch.func.vmap(torch.linalg.vector_norm)(torch.eye(config.width)))
        self.register_buffer("counts", torch.zeros(3, dtype=torch.long))
        self.counts += torch.arange(3)


class Threaded(ZooModel):
    """Parts that are built by other threads."""

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleDict()

        def build(name):
            self.layers[name] = nn.Linear(config.width, config.width)

        for name in ("first", "second"):
            thread = threading.Thread(target=build, args=(name,))
            thread.start()
            thread.join()


class Inference(ZooModel):
    """A buffer made in inference mode."""

    def __init__(self, config):
        super().__init__(config)
        with torch.inference_mode():
            self.register_buffer("table", torch.linspace(0, 1, config.width))
            self.register_buffer("kept", torch.ones(2), persistent=False)
        self.layer = nn.Linear(config.width, 2)


class OwnState(ZooModel):
    """Modules with state that is no tensor of theirs, and names of their own in the state dict."""

    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = torch.tensor(3)
            self.weight = nn.Parameter(torch.randn(2))

        def get_extra_state(self):
            return self.steps

        def set_extra_state(self, state):
            self.steps = state

    def __init__(self, config):
        super().__init__(config)
        self.counter = self.Counter()
        self.layer = nn.Linear(config.width, 2)


class OwnAttributes(ZooModel):
    """It intercepts how attributes are found, and hides a module from the module tree."""

    def __init__(self, config):
        super().__init__(config)
        self.inner = nn.Linear(config.width, 2)
        self.hidden = [nn.Linear(2, 2, bias=False)]
        with torch.no_grad():
            self.hidden[0].weight.fill_(0.5)

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)


CONSTRUCTORS = [
    Rotary,
    PlainTensors,
    Frozen,
    ReadsNumbers,
    SetsWeights,
    EveryInitialisation,
    RunsForward,
    LoadsAnother,
    BuildsTwice,
    OwnDefaults,
    Scripted,
    Compiled,
    Mapped,
    Threaded,
    Inference,
    OwnState,
    OwnAttributes,
]
