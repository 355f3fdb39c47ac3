"""Many loads and saves in one process, and what of the process they use up: `python -m soaking FOLDER CODES LOADS`."""

from __future__ import annotations

import contextlib
import gc
import json
import linecache
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import tiny_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["usage"]

# Every sixth code fails: in its config, in its model, or in a module that both import.
_FAILING = "\nraise RuntimeError('this code fails')\n"


def usage() -> dict[str, int]:
    """Return what this process uses of what could run out."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return {
        "memory": int(status["VmRSS"].split()[0]),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "mappings": len(Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()),
        "modules": len(sys.modules),
        "linecache": len(linecache.cache),
        "threads": threading.active_count(),
        "finders": len(sys.meta_path) + len(sys.path_hooks) + len(sys.path),
        "importers": len(sys.path_importer_cache),
    }


def _write_code(folder: Path, number: int) -> Path:
    """Write a checkpoint whose code no other has."""
    comment = f"# {number}\n"
    changed = {
        "shared.py": comment + (_FAILING if number % 18 == 0 else ""),
        "configuration_tiny.py": f"{comment}from . import shared\n{tiny_checkpoints.CONFIGURATION}"
        + (_FAILING if number % 18 == 6 else ""),
        "modeling_tiny.py": comment + tiny_checkpoints.MODELING + (_FAILING if number % 18 == 12 else ""),
    }
    return tiny_checkpoints.write(folder, tiny_checkpoints.files(changed))


def _load_code(folder: Path, number: int) -> None:
    from auto_registry import AutoModel

    with contextlib.suppress(RuntimeError, ImportError):  # those that fail
        model = AutoModel.from_pretrained(_write_code(folder / "code", number), trust_remote_code=True)
        model.config.save_pretrained(folder / "saved")


def _load_weights(folder: Path, number: int) -> None:
    from model_core import WeightsMismatchError
    from tiny_models import TinyConfig, TinyModel

    TinyModel(TinyConfig()).save_pretrained(folder / "weights", max_shard_size=(80, 10_000)[number % 2])
    TinyModel.from_pretrained(folder / "weights", read=("mmap", "copy")[number % 2])
    with contextlib.suppress(WeightsMismatchError):
        TinyModel.from_pretrained(folder / "weights", config=TinyConfig(width=5))


def _load_config(folder: Path, number: int) -> None:
    from config_core import ConfigError, PretrainedConfig

    PretrainedConfig(model_type="soaked", number=number).save_pretrained(folder / "config")
    PretrainedConfig.from_pretrained(folder / "config")
    (folder / "config" / "config.json").write_text('{"num_labels": "x"', encoding="utf-8")
    with contextlib.suppress(ConfigError):
        PretrainedConfig.from_pretrained(folder / "config")


_KINDS: list[Callable[[Path, int], None]] = [_load_code, _load_weights, _load_config]


def main(folder: Path, num_codes: int, num_loads: int) -> None:
    """Load and save, and print the usage after each tenth: with new codes first, and then with the same ones again."""
    for phase, numbers in {"new": range(num_codes), "again": range(num_loads)}.items():
        for count, number in enumerate(numbers):
            if phase == "new":
                _load_code(folder, number)
            else:
                _KINDS[number % 3](folder, number % num_codes)
            if (count + 1) % (len(numbers) // 10) == 0:
                print(json.dumps({"phase": phase, "count": count + 1, **usage()}), flush=True)  # noqa: T201


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
