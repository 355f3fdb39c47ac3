"""A program that loads a checkpoint with its own code. It passes no flag: hub-code.lock says what may run."""

from __future__ import annotations

import sys

from auto_registry import AutoModel

model = AutoModel.from_pretrained("./models/tiny")
sys.stdout.write(f"{model.weights}\n")
