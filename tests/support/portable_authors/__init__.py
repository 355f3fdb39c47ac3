"""An author's package in every style, what saves its models, and what loads them with transformers.

`make.py` runs where transformers is not needed: it saves a folder for each case and keeps the outputs of the model in
memory, which are the oracle. `load.py` loads the folders with transformers alone, or with ours beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["AUTO_CLASSES", "run"]

_HERE = Path(__file__).parent

# Name of each case to the auto class that loads it.
AUTO_CLASSES = {
    "parts of configs": "AutoModel",
    "declared ties": "AutoModelForMaskedLM",
    "ties declared as a list": "AutoModelForMaskedLM",
    "ties of its own": "AutoModelForMaskedLM",
    "labels": "AutoModelForSequenceClassification",
    "a new default": "AutoModel",
    "fields in the body": "AutoModel",
    "annotated fields": "AutoModel",
    "a missing head": "AutoModelForSequenceClassification",
}


def run(program: str, folder: Path, *arguments: str) -> str:
    """Run one of the programs of this package in a folder, and return what it prints.

    Args:
        program: `make` or `load`.
        folder: Where the checkpoints are.
        *arguments: Further arguments.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"portable_authors.{program}", str(folder), *arguments],
        check=False, capture_output=True, encoding="utf-8", timeout=600, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_HERE.parent), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")},
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-6000:])
    return done.stdout
