"""Make the checkpoints of the stock with the real transformers: `python -m transformers_stock.make FOLDER [NAME…]`."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from transformers_stock import STOCK, Stock, make_inputs, tensors_in

__all__ = ["main"]

_REPOSITORIES = Path(__file__).parent / "repositories"
_IGNORED = shutil.ignore_patterns("__pycache__")


def main(folder: Path, names: list[str]) -> None:
    """Make checkpoints in folders of their names."""
    restore_what_transformers_5_dropped()
    sys.path.insert(0, str(_REPOSITORIES))
    sys.dont_write_bytecode = True
    for number, name in enumerate(names or STOCK):
        torch.manual_seed(number)
        make(STOCK[name], folder / name)


def make(stock: Stock, folder: Path) -> None:
    """Make one checkpoint, and write its inputs and outputs beside it."""
    config_class, model_class = imported(stock.config), imported(stock.model)
    config_class.register_for_auto_class()
    model_class.register_for_auto_class(stock.auto_class)
    with torch.no_grad():
        model = model_class(config_class(**stock.fields)).eval()
        tie(model)
        kept = model_class._keep_in_fp32_modules or []
        model.to(getattr(torch, stock.dtype))
        for name, module in model.named_modules():
            if name in kept:
                module.float()
        outputs = list(tensors_in(model(**make_inputs(stock))))
    save(model, stock, folder)
    torch.save(outputs, folder.with_suffix(".outputs"))


def save(model: Any, stock: Stock, folder: Path) -> None:
    """Save a model as the row of the stock says."""
    if stock.layout in {"transformers", "shards"}:
        model.save_pretrained(folder, max_shard_size=4000 if stock.layout == "shards" else "5GB")
        return
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    copy_code(stock, folder)
    tensors = dict(model.state_dict())
    tensors |= {name: torch.full(shape, -5.0) for name, shape in stock.left_over.items()}
    if stock.layout == "bin":
        torch.save(tensors, folder / "pytorch_model.bin")
        return
    unique = {tensor.data_ptr() if tensor.numel() else name: name for name, tensor in reversed(tensors.items())}
    save_file({name: tensors[name].contiguous() for name in unique.values()}, folder / "model.safetensors")


def copy_code(stock: Stock, folder: Path) -> None:
    """Copy the whole repository, as an author does whose code transformers cannot collect."""
    shutil.copytree(_REPOSITORIES / stock.model.partition(".")[0], folder, dirs_exist_ok=True, ignore=_IGNORED)
    classes = {"AutoConfig": stock.config, stock.auto_class: stock.model}
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values["auto_map"] = {name: reference.partition(".")[2] for name, reference in classes.items()}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def tie(model: Any) -> None:
    """Tie the embeddings as transformers does when it initialises such a model; see below for what it has here."""
    if isinstance(type(model)._tied_weights_keys, dict):
        model.tie_weights()
    outputs = model.get_output_embeddings() if isinstance(type(model)._tied_weights_keys, list) else None
    if outputs is not None:
        outputs.weight = model.base_model.get_input_embeddings().weight


def imported(name: str) -> Any:
    """Return a class by its full name."""
    module, _, cls = name.rpartition(".")
    return getattr(importlib.import_module(module), cls)


def restore_what_transformers_5_dropped() -> None:
    """Give the real base classes what version 4 had, so that code of its time runs in memory."""
    config: Any = transformers.PreTrainedConfig
    model: Any = transformers.PreTrainedModel
    for name, value in {"is_decoder": False, "add_cross_attention": False, "tie_word_embeddings": True}.items():
        setattr(config, name, value)
    config._set_token_in_kwargs = staticmethod(lambda kwargs: kwargs.pop("use_auth_token", None))
    model.get_head_mask = lambda _, mask, layers: [None] * layers if mask is None else mask
    model.get_extended_attention_mask = lambda self, mask, _: (
        (1.0 - mask[:, None, None, :].to(self.dtype)) * torch.finfo(self.dtype).min
    )
    model.init_weights = lambda self: [self._init_weights(module) for module in self.modules()]
    pruning: Any = transformers.pytorch_utils
    pruning.find_pruneable_heads_and_indices = pruning.is_torch_greater_or_equal_than_1_13 = None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
