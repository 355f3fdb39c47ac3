"""What the code of a checkpoint costs: loading a model with a modeling file of 1,800 lines, beside running the file.

    uv run python tests/benchmarks/code_costs.py

The floor is to compile and execute the text of the same file, which every first import has to do. A first load is of
content that the process has not seen, a later one of content that it has: the class is there, and the code is read,
hashed and decided on again. CPU times, medians of interleaved runs in one process, as ratios to the floor. With
transformers installed (the group `trainer`), its own load of a remote config class stands beside ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from ratio_tables import Table, milliseconds, number

from auto_registry import AutoConfig, AutoModel

LINES = 1800
CONFIGURATION = """
from {base} import PretrainedConfig


class BigConfig(PretrainedConfig):
    model_type = "big-{base}"

    def __init__(self, size=3, **kwargs):
        self.size = size
        super().__init__(**kwargs)
"""
MODELING = """
from .configuration_big import BigConfig


class BigModel:
    config_class = BigConfig

    def __init__(self, config):
        self.config = config

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        return cls(config)
"""
# About as dense as the attention of a published model.
BLOCK = '''

class Attention{number}:
    """Multi-headed attention with rotary positions, number {number}."""

    def __init__(self, config, layer_index=None, is_causal=True):
        self.hidden_size, self.num_heads = config["hidden_size"], config.get("num_attention_heads", 12)
        self.head_dim = self.hidden_size // self.num_heads
        self.scaling = self.head_dim**-0.5
        if (self.head_dim * self.num_heads) != self.hidden_size:
            raise ValueError(f"hidden_size must be divisible by num_heads ({{self.hidden_size}}, {{self.num_heads}}).")
        self.names = ["q_proj.weight", "k_proj.weight", "v_proj.weight", f"layers.{{layer_index}}.o_proj.weight"]
        self.is_causal = is_causal

    def forward(self, hidden_states, attention_mask=None, past_key_value=None, output_attentions=False, **kwargs):
        batch_size, query_length, _ = len(hidden_states), len(hidden_states[0]), len(hidden_states[0][0])
        query_states = [[self.scaling * (x + y) for x, y in zip(row, row[1:] + row[:1])] for row in hidden_states[0]]
        key_states = [[-x if index % 2 else x for index, x in enumerate(row)] for row in query_states]
        if past_key_value is not None:
            key_states = [*past_key_value[0], *key_states[: query_length - kwargs.get("offset", 0)]]
        weights = [[sum(a * b for a, b in zip(query, key)) for key in key_states] for query in query_states]
        if attention_mask is not None and self.is_causal:
            weights = [[w + m for w, m in zip(row, mask)] for row, mask in zip(weights, attention_mask[0])]
        outputs = {{"output": weights, "cache": (key_states, batch_size)}}
        return (outputs["output"], outputs["cache"]) if output_attentions else (outputs["output"],)
'''


def modeling_file(lines=LINES):
    """Return the text of a modeling file with about so many lines."""
    blocks = (BLOCK.format(number=number) for number in itertools.count())
    text = MODELING
    while text.count("\n") < lines:
        text += next(blocks)
    return text


def checkpoint(folder, text, base="config_core"):
    """Write a checkpoint with a modeling file, and return its folder."""
    folder.mkdir()
    auto_map = {"AutoConfig": "configuration_big.BigConfig", "AutoModel": "modeling_big.BigModel"}
    values = {"model_type": f"big-{base}", "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "configuration_big.py").write_text(CONFIGURATION.format(base=base), encoding="utf-8")
    (folder / "modeling_big.py").write_text(text, encoding="utf-8")
    return folder


def cpu_seconds(call):
    """Return the CPU time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def run_bare(text):
    """Compile and execute a file, as the import of a module does. Its import of the config is left out."""
    exec(compile(text.replace("from .configuration_big import BigConfig", "BigConfig = None"), "big.py", "exec"), {})


def measure(rounds):
    """Return the CPU times of each way, by name."""
    os.environ["HUB_IO_TRUST_STORE"] = os.devnull + "-none"
    text = modeling_file()
    times = {}
    with tempfile.TemporaryDirectory() as place:
        os.environ["HUB_IO_CACHE"] = f"{place}/cache"
        folder = checkpoint(Path(place, "later"), text)
        works = {
            "bare compile and exec": lambda _: run_bare(text),
            "first load of AutoModel": lambda number: AutoModel.from_pretrained(
                checkpoint(Path(place, f"first-{number}"), f"{text}# {number}\n"), trust_remote_code=True
            ),
            "later load of AutoModel": lambda _: AutoModel.from_pretrained(folder, trust_remote_code=True),
            "later load of AutoConfig": lambda _: AutoConfig.from_pretrained(folder, trust_remote_code=True),
            **transformers_works(Path(place), text),
        }
        for number in range(rounds + 1):
            for name, work in works.items():
                seconds = cpu_seconds(lambda work=work, number=number: work(number))
                if number:  # what comes first pays for imports
                    times.setdefault(name, []).append(seconds)
    return text.count("\n"), times


def transformers_works(place, text):
    """Return the load of the same config by transformers, where it is installed; a model of it would need torch."""
    if importlib.util.find_spec("transformers") is None:
        return {}
    from transformers import AutoConfig as TheirConfig

    os.environ["HF_MODULES_CACHE"] = str(place / "modules")
    configuration = CONFIGURATION.format(base="transformers") + text.replace(MODELING, "")
    folder = checkpoint(place / "theirs", MODELING, base="transformers")
    (folder / "configuration_big.py").write_text(configuration, encoding="utf-8")
    return {
        "later load of transformers' AutoConfig, all code in its file": lambda _: TheirConfig.from_pretrained(
            folder, trust_remote_code=True
        )
    }


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    lines, times = measure(parser.parse_args().rounds)
    floor = statistics.median(times["bare compile and exec"])
    table = Table(f"a modeling file of {lines:,} lines", "ratio to the floor", "CPU time")
    for name, seconds in times.items():
        table.add(name, number(statistics.median(seconds) / floor), milliseconds(seconds))
    print(table)


if __name__ == "__main__":
    main()
