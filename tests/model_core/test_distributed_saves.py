"""Models that several processes share: what is refused is refused in each of them, and what is gathered loads anywhere.

Loads give every process the whole model, to be spread afterwards.

Each test starts two processes that talk to each other over gloo.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import tiny_models
from other_processes import environment, start_program
from tiny_models import TinyConfig, TinyModel, same_state

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch was built without gloo")

START = """
import sys
from pathlib import Path

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module

from model_core import ArgumentError, ModelDefinitionError, UnsavableTensorError
from tiny_models import TinyConfig, TinyModel

rank, folder = int(sys.argv[1]), Path(sys.argv[2])
torch.distributed.init_process_group(
    "gloo", rank=rank, world_size=2, store=torch.distributed.FileStore(str(folder / "store"), 2)
)
mesh = init_device_mesh("cpu", (2,))
torch.manual_seed(0)
model = TinyModel(TinyConfig())
whole = {name: tensor.clone() for name, tensor in model.state_dict().items()}
fully_shard(model, mesh=mesh)
gather = StateDictOptions(full_state_dict=True, cpu_offload=True)
"""
REFUSED = """
try:
    model.save_pretrained(folder / "model", is_main_process=SAVES)
except UnsavableTensorError as error:
    (folder / f"error{rank}").write_text(str(error), encoding="utf-8")
torch.distributed.barrier()  # nobody is left behind
"""
GATHERED = """
state_dict = get_model_state_dict(model, options=gather)
model.save_pretrained(folder / "model", state_dict=state_dict, is_main_process=rank == 0)
torch.distributed.barrier()
if rank == 0:
    torch.save(whole, folder / "whole.bin")
"""


def run_in_two_processes(folder, source):
    """Run a program in two processes and fail if one of them does."""
    paths = [str(Path(tiny_models.__file__).parent), *filter(None, sys.path)]
    environ = environment(folder / "cache", PYTHONPATH=":".join(paths), OMP_NUM_THREADS="1")
    processes = [
        start_program(folder / f"program{rank}.py", START + source, rank, folder, environ=environ) for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=240)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


@pytest.mark.parametrize("saves", ["True", "rank == 0"])
def test_model_in_parts_is_refused_in_every_process(tmp_path, saves):
    """Also in those that write nothing: they would wait for the one that raised the error."""
    run_in_two_processes(tmp_path, REFUSED.replace("SAVES", saves))
    for rank in range(2):
        error = (tmp_path / f"error{rank}").read_text(encoding="utf-8")
        assert error.startswith("layers.0.weight is a DTensor")
        assert "get_model_state_dict(model, options=StateDictOptions(full_state_dict=True" in error
        assert "state_dict=" in error
        assert "_keys_to_ignore_on_save" not in error
    assert not (tmp_path / "model").exists()


UNTIED = """
class Tied(TinyModel):
    _tied_weights_keys = {"layers.1.weight": "layers.0.weight"}


config = TinyConfig()
if FAULT == "config":
    config.extra = object()
model = (Tied if FAULT == "ties" else TinyModel)(config)
if FAULT == "dtype":
    model.register_buffer("table", torch.zeros(2).to_sparse())
try:
    model.save_pretrained(folder / "model", is_main_process=rank == 0)
except (ValueError, TypeError, RuntimeError) as error:
    (folder / f"error{rank}").write_text(str(error), encoding="utf-8")
torch.distributed.barrier()
"""


@pytest.mark.parametrize(
    ("fault", "message"),
    [("ties", "they hold different values"), ("config", "extra"), ("dtype", "table is a tensor of layout")],
)
def test_what_is_wrong_with_a_model_is_an_error_in_every_process(tmp_path, fault, message):
    """A process that writes nothing would wait for the one that has raised the error."""
    run_in_two_processes(tmp_path, UNTIED.replace("FAULT", repr(fault)))
    for rank in range(2):
        assert message in (tmp_path / f"error{rank}").read_text(encoding="utf-8")
    assert not (tmp_path / "model").exists()


def test_process_without_the_gathered_state_writes_nothing_and_raises_nothing(tmp_path):
    """Gathering with an offload to one process leaves the others an empty dict."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path, is_main_process=False, state_dict={})
    assert not list(tmp_path.iterdir())


def test_gathered_model_is_saved_under_its_own_class(tmp_path):
    """One process writes; `fully_shard` has changed the class of the model and leaves no trace."""
    run_in_two_processes(tmp_path, GATHERED)
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["TinyModel"]
    whole = torch.load(tmp_path / "whole.bin", weights_only=True)
    loaded = TinyModel.from_pretrained(tmp_path / "model")
    expected = TinyModel(TinyConfig())
    expected.load_state_dict(whole)
    assert same_state(loaded, expected)


def test_part_of_a_tensor_is_not_taken_for_the_tensor(tmp_path):
    """The local parts are ordinary tensors of another shape."""
    source = """
local = {name: tensor.to_local() for name, tensor in model.state_dict().items()}
try:
    model.save_pretrained(folder / "model", state_dict=local)
except ValueError as error:
    (folder / f"error{rank}").write_text(str(error), encoding="utf-8")
"""
    run_in_two_processes(tmp_path, source)
    for rank in range(2):
        error = (tmp_path / f"error{rank}").read_text(encoding="utf-8")
        assert "layers.0.weight ((2, 4) float32 for (4, 4) float32 in the model)" in error


LOADED = """
if rank == 0:
    TinyModel(TinyConfig()).save_pretrained(folder / "model")
torch.distributed.barrier()


class Spread(TinyModel):
    def __init__(self, config):
        super().__init__(config)
        parallelize_module(self.layers[1], mesh, ColwiseParallel())


for number, call in enumerate((
    lambda: TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=model.state_dict()),
    lambda: Spread.from_pretrained(folder / "model"),
)):
    try:
        call()
    except (ArgumentError, ModelDefinitionError) as error:
        (folder / f"error{number}{rank}").write_text(str(error), encoding="utf-8")
loaded = TinyModel.from_pretrained(folder / "model")
expected = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
fully_shard(loaded, mesh=mesh)
gathered = get_model_state_dict(loaded, options=gather)
assert rank or all(torch.equal(gathered[name], tensor) for name, tensor in expected.items())
"""


def test_parts_of_tensors_are_refused_by_loads(tmp_path):
    """In a state dict and in the model that is constructed. What is loaded whole can be spread afterwards."""
    run_in_two_processes(tmp_path, LOADED)
    for rank in range(2):
        given, made = ((tmp_path / f"error{number}{rank}").read_text(encoding="utf-8") for number in range(2))
        assert "layers.0.weight is a DTensor, of which each process holds a part" in given
        assert "full_state_dict=True" in given
        assert "its constructor spreads layers.1.weight over processes" in made


@pytest.mark.skipif(torch.__version__.startswith("2.6."), reason="FSDP of torch 2.6 does not gather on a CPU")
def test_model_inside_a_flat_one_is_saved(tmp_path):
    """Accelerate unwraps the model of FSDP, version 1, and passes the gathered state dict."""
    source = """
import warnings

from torch.distributed.fsdp import FullStateDictConfig, FullyShardedDataParallel, StateDictType

warnings.simplefilter("ignore")
torch.manual_seed(0)
flat = FullyShardedDataParallel(TinyModel(TinyConfig()), device_id=torch.device("cpu"))
whole_only = FullStateDictConfig(rank0_only=True, offload_to_cpu=True)
with FullyShardedDataParallel.state_dict_type(flat, StateDictType.FULL_STATE_DICT, whole_only):
    state_dict = flat.state_dict()
flat.module.save_pretrained(folder / "model", state_dict=state_dict, is_main_process=rank == 0)
torch.distributed.barrier()
if rank == 0:
    torch.save(whole, folder / "whole.bin")
"""
    run_in_two_processes(tmp_path, source)
    whole = torch.load(tmp_path / "whole.bin", weights_only=True)
    loaded = TinyModel.from_pretrained(tmp_path / "model").state_dict()
    assert loaded.keys() == whole.keys()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in loaded.items())
