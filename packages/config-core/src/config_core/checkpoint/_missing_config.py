"""What to do about a checkpoint that has no config.json. Imported only for that error."""

from __future__ import annotations

from collections.abc import Collection

from config_core.checkpoint._checkpoint import CONFIG_NAME
from config_core.checkpoint._weight_files import parse_weight_file

__all__ = ["where_config_may_be"]

_MAX_SHOWN = 8
_OF_TRAINERS = (".ckpt", ".pt", ".pth", ".pth.tar", ".safetensors")


def where_config_may_be(filenames: Collection[str], *, call: str = "from_pretrained(..., config=...)") -> str:
    """Return what to do about a checkpoint without a config.

    Args:
        filenames: Names of its files.
        call: Python code for the call that takes a config, as far as it is known.
    """
    hints = []
    if any("/" not in name and (parse_weight_file(name) or name.endswith(_OF_TRAINERS)) for name in filenames):
        hints.append(
            f"It has weights without their config, as some trainers write them. Pass the config: {call}, or in config= "
            "the folder or repository that has it. model.save_pretrained writes both."
        )
    suffix = f"/{CONFIG_NAME}"
    if folders := sorted(name.removesuffix(suffix) for name in filenames if name.endswith(suffix)):
        listed = " or ".join(f"subfolder={folder!r}" for folder in folders[:_MAX_SHOWN])
        hints.append(f"There are configs in folders: pass {listed}.")
    if not hints:
        hints.append("A checkpoint is what save_pretrained of a config or model writes.")
    shown = sorted(filenames)[:_MAX_SHOWN]
    more = f" and {len(filenames) - len(shown)} more" if len(filenames) > len(shown) else ""
    return " ".join([*hints, f"It contains: {', '.join(shown)}{more}." if shown else "It is empty."])
