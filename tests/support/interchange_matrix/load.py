"""Load a checkpoint in one way, and compare: `load.py WAY AUTO_CLASS INPUTS OUTPUTS SOURCE [REVISION]`.

Prints one line: what came of it. Nothing of the workspace is on the path.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

LIBRARIES = {"here": "auto_registry", "registered": "hub_io", "there": "transformers"}


def here(auto_class: str, source: str, options: dict[str, Any]) -> Any:
    """Load with these packages."""
    import auto_registry

    return getattr(auto_registry, auto_class).from_pretrained(source, trust_remote_code=True, **options)


def there(auto_class: str, source: str, options: dict[str, Any]) -> Any:
    """Load with transformers, which asks for trust of its own."""
    import transformers

    return getattr(transformers, auto_class).from_pretrained(source, trust_remote_code=True, **options)


def registered(auto_class: str, source: str, options: dict[str, Any]) -> Any:
    """Load with transformers, after its classes were registered there."""
    import hub_io

    hub_io.load_into_transformers(source, trust_remote_code=True, **options)
    import transformers

    return getattr(transformers, auto_class).from_pretrained(source, **options)


def tensors_in(output: Any) -> list[Any]:
    """Return the tensors in the output of a model, in order."""
    import torch

    if isinstance(output, torch.Tensor):
        return [output]
    values = output.values() if isinstance(output, dict) else output
    return [tensor for value in values for tensor in tensors_in(value)] if values is not None else []


def main(way: str, auto_class: str, inputs: str, outputs: str, source: str, *revision: str) -> str:
    """Return what came of a load."""
    if importlib.util.find_spec(LIBRARIES[way]) is None:
        return "not installed"
    import torch

    try:
        model = globals()[way](auto_class, source, {"revision": revision[0]} if revision else {})
    except ImportError as error:
        return f"needs {', '.join(error.modules)}"  # type: ignore[attr-defined]  # of hub_io's error
    arguments, expected = (torch.load(path, weights_only=True) for path in (inputs, outputs))
    with torch.no_grad():
        found = tensors_in(model(**arguments) if isinstance(arguments, dict) else model(*arguments))
    pairs = list(zip(found, tensors_in(expected), strict=True))
    return "same bits" if all(torch.equal(*pair) for pair in pairs) else "other outputs"


if __name__ == "__main__":
    print(main(*sys.argv[1:]))  # noqa: T201 - its output
