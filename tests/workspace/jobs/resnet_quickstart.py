"""What the extra `quickstart` of resnet is for: from an untrained model to digits that a loaded one classifies."""

from __future__ import annotations

from pathlib import Path

from resnet.__main__ import main

assert main(["quickstart", "--output-dir", "quickstart-output"]) == 0
assert list(Path("quickstart-output").rglob("model.safetensors"))
assert list(Path("quickstart-output").rglob("*.png"))
