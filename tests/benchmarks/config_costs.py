"""What a config costs: CPU time of making, loading and writing one, beside the least that Python needs for it.

    uv run python tests/benchmarks/config_costs.py

The floors are a plain object with the same fields, opening the file and `json.loads`, assigning an attribute, and
`json.dumps` of the same values in the same form. Medians of interleaved runs in one process. With transformers
installed (the group `peers`), its config with the same fields stands beside ours.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from config_core import PretrainedConfig

ROUNDS = 30
CALLS = 200
NAMES = {number: f"class {number}" for number in range(1000)}


def resnet_config(base):
    """Return a config class with the fields of a ResNet."""

    class ResnetConfig(base):
        model_type = "resnet-costs"

        def __init__(  # noqa: PLR0917 - as the guide has it
            self,
            block_type: str = "bottleneck",
            layers: list[int] | tuple[int, ...] = (3, 4, 6, 3),
            num_classes: int = 1000,
            input_channels: int = 3,
            cardinality: int = 1,
            base_width: int = 64,
            stem_width: int = 64,
            stem_type: str = "",
            avg_down: bool = False,  # noqa: FBT001, FBT002 - a field
            **kwargs,
        ):
            self.block_type = block_type
            self.layers = layers
            self.num_classes = num_classes
            self.input_channels = input_channels
            self.cardinality = cardinality
            self.base_width = base_width
            self.stem_width = stem_width
            self.stem_type = stem_type
            self.avg_down = avg_down
            super().__init__(**kwargs)

    return ResnetConfig


def works(base, folder):
    """Return, by name, the calls to measure for a base class of configs."""
    cls = resnet_config(base)
    config, updated, named = cls(stem_width=32), cls(), cls(id2label=NAMES)
    config.save_pretrained(folder)
    named.save_pretrained(folder / "named")
    values = config.to_dict()
    return {
        "construct": lambda: cls(stem_width=32),
        "from_dict": lambda: cls.from_dict(values),
        "from_pretrained": lambda: cls.from_pretrained(folder),
        "from_pretrained, 1,000 labels": lambda: cls.from_pretrained(folder / "named"),
        "update": lambda: updated.update({"stem_width": 32}),
        "to_json_string": config.to_json_string,
    }


def floors(folder):
    """Return, by name, the least that each call could be."""
    plain = resnet_config(object)
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    fields = {name: value for name, value in values.items() if name != "model_type"}
    updated = plain()

    def load(folder):
        with Path(folder, "config.json").open("rb") as file:
            return json.loads(file.read())

    return {
        "construct": lambda: plain(stem_width=32),
        "from_dict": lambda: vars(plain()).update(fields),
        "from_pretrained": lambda: load(folder),
        "from_pretrained, 1,000 labels": lambda: load(folder / "named"),
        "update": lambda: setattr(updated, "stem_width", 32),
        "to_json_string": lambda: json.dumps(values, indent=2, sort_keys=True),
    }


def transformers_works(folder):
    """Return the calls of transformers, or nothing where it is not installed."""
    try:
        from transformers import PretrainedConfig as TheirConfig
    except ImportError:
        return {}
    return works(TheirConfig, folder)


def microseconds(call):
    """Return the CPU time of one call."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS / 1000


def main():
    """Print a Markdown table."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        columns = {
            "ours": works(PretrainedConfig, Path(ours)),
            "floor": floors(Path(ours)),
            "transformers": transformers_works(Path(theirs)),
        }
        times = {(column, name): [] for column, calls in columns.items() for name in calls}
        for _ in range(ROUNDS):
            for (column, name), measured in times.items():
                measured.append(microseconds(columns[column][name]))
    print("| call | ours, µs | floor, µs | ours / floor | transformers, µs | transformers / ours |")
    print("|---|---|---|---|---|---|")
    for name in columns["ours"]:
        own, floor = (statistics.median(times[column, name]) for column in ("ours", "floor"))
        theirs = statistics.median(times.get(("transformers", name), [float("nan")]))
        print(f"| {name} | {own:.1f} | {floor:.1f} | {own / floor:.1f} | {theirs:.1f} | {theirs / own:.1f} |")


if __name__ == "__main__":
    main()
