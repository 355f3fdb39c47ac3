"""What a save needs of memory: never another copy of the model."""

from __future__ import annotations

import json
import os
import sys

import pytest

from other_processes import run_program

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the memory statistics of Linux")

MEBIBYTE = 2**20
# 64 MiB of weights in 8 tensors, saved in shards of 16 MiB. Anonymous memory is looked at before every call.
PROGRAM = """
import json, re, sys
from pathlib import Path
import torch
from torch import nn
from model_core import PreTrainedModel
from tiny_models import TinyConfig

class Model(PreTrainedModel):
    config_class = TinyConfig
    def __init__(self, config):
        super().__init__(config)
        self.weights = nn.ParameterList(torch.ones(2048, 1024) for _ in range(8))

class Reading(Model):
    def __init__(self, config):
        super().__init__(config)
        self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 4)]
        self.here = nn.Parameter(torch.ones(2048, 1024, device="cpu"))
        self.old = nn.Parameter(torch.Tensor(2048, 1024))
        nn.init.trunc_normal_(self.old)
        self.old.data.mul_(2)
        self.head = nn.Linear(4, config.num_labels)

def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def extra(call):
    sizes = []
    def watch(frame, event, argument):
        if event == "c_call" and argument.__name__ != "read":
            sys.setprofile(None)
            sizes.append(anonymous())
            sys.setprofile(watch)
    before = anonymous()
    sys.setprofile(watch)
    call()
    sys.setprofile(None)
    return max(sizes) - before

root = Path(sys.argv[1])
model = Model(TinyConfig())
save = lambda name: model.save_pretrained(root / name, max_shard_size=16 * 2**20)
save("first")  # imports what saves need
found = {"plain": extra(lambda: save("plain"))}
for weight in model.weights:
    weight.data = weight.data.t()
found["of other memory order"] = extra(lambda: save("transposed"))
model = Model.from_pretrained(root / "plain")
found["mapped"] = extra(lambda: save("mapped"))
found["mapped, over its own files"] = extra(lambda: save("plain"))
model = Reading(TinyConfig())
model.head = nn.Linear(4, 7)
save("plain")  # imports what that needs
found["compared with a new model"] = extra(lambda: save("plain"))
print(json.dumps(found))
"""


def test_save_needs_less_memory_than_half_a_tensor(tmp_path):
    """Whether the weights lie in memory in order, in another order, or in the very files that are replaced.

    A model whose head was replaced is compared with what its constructor makes, which reads values.
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = json.loads(run_program(tmp_path / "save.py", PROGRAM, tmp_path, environ=environ))
    assert len(found) == 5
    assert max(found.values()) <= 4 * MEBIBYTE, found
