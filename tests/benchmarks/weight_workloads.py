"""The models whose loading and saving is measured, and the ways in which it is done: ours, the floors, the peers.

Every way of loading gives a model from the same folder; every way of saving writes the same model into a new folder.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from timm.models.resnet import Bottleneck, ResNet
from torch import nn

from config_core import PretrainedConfig
from model_core import PreTrainedModel

try:
    import transformers
except ImportError:
    transformers = None

TORCH_FILE = "pytorch_model.bin"


@dataclass(frozen=True)
class Case:
    """A model of a certain size, and in how many files it lies.

    Attributes:
        name: What tables call it.
        kind: A key of `BODIES`.
        width: Features of each layer.
        depth: Number of layers.
        num_shards: Number of files.
    """

    name: str
    kind: str
    width: int
    depth: int
    num_shards: int = 1

    def scaled(self, scale):
        """Return the same with so many times the bytes."""
        if self.kind == "huge":
            return replace(self, width=max(8, int(self.width * math.sqrt(scale))))
        return replace(self, depth=max(self.num_shards, int(self.depth * scale)))

    def fields(self):
        """Return the fields of its config."""
        return {"kind": self.kind, "width": self.width, "depth": self.depth}

    def inputs(self):
        """Return what a first forward pass is given."""
        return torch.zeros(1, 3, 224, 224) if self.kind == "resnet50d" else torch.zeros(1, self.width)


CASES = (
    Case("resnet50d", "resnet50d", 64, 50),
    Case("2,000 small layers", "layers", 360, 2_000),
    Case("2,000 small layers, 64 shards", "layers", 360, 2_000, num_shards=64),
    Case("4 huge layers", "huge", 16_384, 4),
)
WARM_UP = Case("warm-up", "layers", 8, 4)


def layers_of_tensors(num_tensors, num_shards=1):
    """Return a case with so many tensors of a few bytes."""
    return Case(f"{num_tensors:,} tensors", "layers", 4, num_tensors // 2, num_shards=num_shards)


def to_be_saved(case):
    """Return the case to save: half of what is huge, since the kernel makes a writer of more wait for the disk."""
    return replace(case, name="2 huge layers", depth=2) if case.kind == "huge" else case


def body(kind, width, depth):
    """Return the network of a case."""
    if kind == "resnet50d":
        layers = [max(1, number * depth // 50) for number in (3, 4, 6, 3)]
        return ResNet(Bottleneck, layers, stem_type="deep", stem_width=width // 2, avg_down=True)
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))


class Plain(nn.Module):
    """The network, as a module of no library."""

    def __init__(self, kind, width, depth):
        super().__init__()
        self.body = body(kind, width, depth)

    def forward(self, inputs):
        return self.body(inputs)


class Mixed(Plain, PyTorchModelHubMixin):
    """The same with the mixin of huggingface_hub."""


def config_class(base):
    """Return the config of the network for a base class of configs."""

    class NetworkConfig(base):
        model_type = "benchmark-network"

        def __init__(self, kind="layers", width=8, depth=4, **kwargs):
            self.kind = kind
            self.width = width
            self.depth = depth
            super().__init__(**kwargs)

    return NetworkConfig


class Network(PreTrainedModel):
    """The same with our base class."""

    config_class = config_class(PretrainedConfig)

    def __init__(self, config):
        super().__init__(config)
        self.body = body(config.kind, config.width, config.depth)

    def forward(self, inputs):
        return self.body(inputs)


if transformers is not None:
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    class TheirNetwork(transformers.PreTrainedModel):
        """The same with transformers' base class."""

        config_class = config_class(transformers.PretrainedConfig)

        def __init__(self, config):
            super().__init__(config)
            self.body = body(config.kind, config.width, config.depth)
            self.post_init()

        def _init_weights(self, module):
            """Leave the modules' own initialisation."""

        def forward(self, inputs):
            return self.body(inputs)


# Ways to load: (case, folder, dtype) -> model


def load_ours(case, folder, dtype):  # noqa: ARG001 - all ways are called alike
    """Load as users of this project do."""
    return Network.from_pretrained(folder, dtype=dtype)


def load_ours_copied(case, folder, dtype):  # noqa: ARG001
    """Load as users do whose files are overwritten in place."""
    return Network.from_pretrained(folder, dtype=dtype, read="copy")


def load_floor_b(case, folder, dtype):
    """Do the least that loading can be: no initialisation, and mapped tensors checked and put in their places."""
    with no_initialisation():
        model = Plain(**case.fields())
    return fill_slots(model, folder, dtype)


def load_floor_a(case, folder, dtype):
    """Do what torch and safetensors offer."""
    with torch.device("meta"):
        model = Plain(**case.fields())
    state_dict = {name: value for path in weight_files(folder) for name, value in load_file(path).items()}
    model.load_state_dict(converted(state_dict, dtype), assign=True, strict=True)
    return model


def load_theirs(case, folder, dtype):  # noqa: ARG001
    """Load as users of transformers do."""
    return TheirNetwork.from_pretrained(folder, dtype="auto" if dtype is None else dtype)


def load_mixin(case, folder, dtype):
    """Load as users of huggingface_hub's mixin do. It knows no shards."""
    if case.num_shards > 1:
        return NotImplemented
    model = Mixed.from_pretrained(folder, strict=True)
    return model if dtype is None else model.to(dtype)


def load_torch(case, folder, dtype):
    """Map what torch.save wrote. It knows no shards."""
    if case.num_shards > 1:
        return NotImplemented
    with torch.device("meta"):
        model = Plain(**case.fields())
    state_dict = torch.load(folder / TORCH_FILE, mmap=True, weights_only=True)
    model.load_state_dict(converted(state_dict, dtype), assign=True, strict=True)
    return model


def read_bytes(case, folder, dtype):  # noqa: ARG001
    """Read the files and do nothing with them."""
    return NotImplemented if dtype is not None else [path.read_bytes() for path in weight_files(folder)]


LOADS = {
    "floor B": load_floor_b,
    "ours": load_ours,
    "ours, copied": load_ours_copied,
    "floor A": load_floor_a,
    **({} if transformers is None else {"transformers": load_theirs}),
    "torch.load mmap": load_torch,
    "HubMixin": load_mixin,
    "plain read": read_bytes,
}


# Ways to save: (what `in_memory` made, folder, size of a shard) -> None


def save_ours(model, folder, shard_size):
    """Save as users of this project do."""
    model.save_pretrained(folder, max_shard_size=shard_size)


def save_floor(model, folder, shard_size):  # noqa: ARG001
    """Write with safetensors, in one file."""
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})


def write_bytes(model, folder, shard_size):  # noqa: ARG001
    """Write the bytes of the tensors, one after another, and no names."""
    with (folder / "bytes").open("wb") as file:
        for value in model.state_dict().values():
            file.write(value.numpy())


def save_mixin(model, folder, shard_size):  # noqa: ARG001
    """Save as users of huggingface_hub's mixin do, in one file."""
    model.save_pretrained(folder)


def save_torch(model, folder, shard_size):  # noqa: ARG001
    """Save the state dict with torch, in one file."""
    torch.save(model.state_dict(), folder / TORCH_FILE)


def ours(case):
    """Return our model of a case, without values."""
    return Network(Network.config_class(**case.fields()))


def theirs(case):
    """Return transformers' model of a case, without values."""
    return TheirNetwork(TheirNetwork.config_class(**case.fields()))


def plain(case):
    """Return the plain model of a case, without values."""
    return Plain(**case.fields())


def mixed(case):
    """Return the mixin's model of a case, without values."""
    return Mixed(**case.fields())


SAVES = {
    "save_file": (plain, save_floor),
    "ours": (ours, save_ours),
    "plain write": (plain, write_bytes),
    **({} if transformers is None else {"transformers": (theirs, save_ours)}),
    "HubMixin": (mixed, save_mixin),
    "torch.save": (plain, save_torch),
}


def in_memory(make, case, folder):
    """Return a model with the values of a checkpoint, in memory of its own."""
    with no_initialisation():
        model = make(case)
    fill_slots(model, folder, None)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()
    return model


# Checkpoints


def write_checkpoint(case, folder):
    """Write the checkpoint of a case, with zeros for values: config, safetensors, and for one shard a file of torch.

    Zeros of huge files are then taken off the disk, where they would need room; they are cached like all else.
    """
    os.fsync = lambda _descriptor: None  # files that are about to shrink need no flush; this process ends here
    with no_initialisation():
        model = ours(case)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = torch.zeros_like(tensor.data)
    model.save_pretrained(folder, max_shard_size=shard_size(case, model))
    dig_holes(case, *weight_files(folder))
    if case.num_shards == 1:
        torch.save(model.state_dict(), folder / TORCH_FILE)
        dig_holes(case, folder / TORCH_FILE)


def dig_holes(case, *paths):
    """Take the zeros of huge files off the disk, if its file system can."""
    for path in paths if case.kind == "huge" else ():
        subprocess.run(["fallocate", "--dig-holes", path], check=False)


def shard_size(case, model):
    """Return the size of a shard that gives a case its number of them."""
    size = sum(tensor.nbytes for tensor in model.state_dict().values())
    return -(-size // case.num_shards) + 8 * case.width if case.num_shards > 1 else size


def weight_files(folder):
    """Return the safetensors files that the index names, or the one that there is."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    return [folder / name for name in sorted(set(weight_map.values()))]


def weight_bytes(folder):
    """Return the size of the safetensors files."""
    return sum(Path(path).stat().st_size for path in weight_files(folder))


def fill_slots(model, folder, dtype):
    """Put the mapped tensors of a checkpoint straight into the places of a model."""
    owners = dict(model.named_modules())
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - a safe_open is no mapping
                value = file.get_tensor(name)
                prefix, _, local = name.rpartition(".")
                owner = owners[prefix]
                slots = owner._parameters if local in owner._parameters else owner._buffers
                old = slots[local]
                if (old.shape, old.dtype) != (value.shape, value.dtype):
                    raise ValueError(name)
                if dtype is not None and value.is_floating_point():
                    value = value.to(dtype)
                slots[local] = nn.Parameter(value, old.requires_grad) if isinstance(old, nn.Parameter) else value
    return model


def converted(state_dict, dtype):
    """Return a state dict with floating tensors of another dtype."""
    if dtype is None:
        return state_dict
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in state_dict.items()}


@contextmanager
def no_initialisation():
    """Let every function of torch.nn.init do nothing: right only where all values are replaced, and in one thread."""
    functions = {name: value for name, value in vars(nn.init).items() if name.endswith("_") and callable(value)}
    for name in functions:
        setattr(nn.init, name, lambda tensor, *_args, **_options: tensor)
    try:
        yield
    finally:
        for name, value in functions.items():
            setattr(nn.init, name, value)
