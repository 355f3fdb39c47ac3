"""Load the stock where transformers cannot be imported: `python -m transformers_stock.load FOLDER [NAME…]`.

Prints JSON: for each name the error, or how the model compares with the outputs of the model in memory.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

__all__ = ["BlockTransformers", "main"]


class BlockTransformers:
    """Lets no import find transformers."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - Python's
        if name.partition(".")[0] == "transformers":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(folder: Path, names: list[str]) -> None:
    """Load the checkpoints and print the results."""
    from transformers_stock import STOCK

    results = {}
    for name in names or STOCK:
        try:
            results[name] = compare(STOCK[name], folder / name)
        except Exception:  # noqa: BLE001 - the test shows it
            results[name] = {"error": traceback.format_exc()}
    results["transformers in sys.modules"] = "transformers" in sys.modules
    print(json.dumps(results))  # noqa: T201 - its output


def compare(stock: Any, folder: Path) -> dict[str, Any]:
    """Load one checkpoint in two ways and compare its outputs."""
    import torch

    import auto_registry
    from transformers_stock import make_inputs, tensors_in

    auto_class = getattr(auto_registry, stock.auto_class)
    expected = torch.load(folder.with_suffix(".outputs"), weights_only=True)
    result: dict[str, Any] = {}
    for read in ("copy", "mmap"):
        model = auto_class.from_pretrained(folder, trust_remote_code=True, read=read)
        with torch.no_grad():
            outputs = list(tensors_in(model(**make_inputs(stock))))
        pairs = list(zip(outputs, expected, strict=True))
        result[read] = all(one.dtype == other.dtype and torch.equal(one, other) for one, other in pairs)
        result[f"difference, {read}"] = max(float((a.double() - b.double()).abs().max()) for a, b in pairs)
    return result


if __name__ == "__main__":
    sys.meta_path.insert(0, BlockTransformers())
    main(Path(sys.argv[1]), sys.argv[2:])
