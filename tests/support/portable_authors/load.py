"""Load the author's models with transformers: `python -m portable_authors.load FOLDER [alone]`.

With `alone` our packages cannot be imported. Prints JSON: for each name the error, or what came of it.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

OURS = {"auto_registry", "config_core", "hub_io", "model_core", "resnet"}


class BlockOurs:
    """Lets no import find our packages."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - Python's
        if name.partition(".")[0] in OURS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(folder: Path) -> None:
    """Load the checkpoints and print the results."""
    from portable_authors import AUTO_CLASSES

    results: dict[str, Any] = {}
    for name, auto_class in AUTO_CLASSES.items():
        try:
            results[name] = compare(folder / name, auto_class)
        except Exception:  # noqa: BLE001 - the test shows it
            results[name] = {"error": traceback.format_exc()}
    results["ours"] = sorted(OURS & sys.modules.keys())
    print(json.dumps(results))  # noqa: T201 - its output


def compare(folder: Path, auto_class: str) -> dict[str, Any]:
    """Load a checkpoint, compare its outputs, save it, and do the same with what was saved."""
    import torch
    import transformers

    expected = torch.load(folder.with_suffix(".outputs"), weights_only=True)
    copied = folder.parent / f"{folder.name} again {'alone' in sys.argv}"
    ids, found = torch.arange(6).reshape(1, 6), {}
    for place in (folder, copied):
        model = getattr(transformers, auto_class).from_pretrained(place, trust_remote_code=True)
        with torch.no_grad():
            outputs = model(ids)
        pairs = [(outputs, expected)] if isinstance(outputs, torch.Tensor) else [
            (outputs[name], expected[name]) for name in expected
        ]  # fmt: skip
        found["again" if place is copied else "same"] = all(torch.equal(*pair) for pair in pairs)
        if place is folder:
            model.save_pretrained(copied)
    return {**found, "base": type(model).__mro__[-1].__name__, "config": describe(model.config)}


def describe(config: Any) -> dict[str, Any]:
    """Return the fields of a config, and the types that JSON does not have."""
    fields = {name: value for name, value in vars(config).items() if not name.startswith("_")}
    return {name: describe(value) if hasattr(value, "to_dict") else repr(value) for name, value in fields.items()}


if __name__ == "__main__":
    if "alone" in sys.argv:
        sys.meta_path.insert(0, BlockOurs())
    main(Path(sys.argv[1]))
