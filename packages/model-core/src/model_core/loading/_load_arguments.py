"""Checks of the arguments of `from_pretrained` that need neither the checkpoint nor the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from model_core.errors import ArgumentError

__all__ = ["check_load_arguments"]


def check_load_arguments(
    checkpoint: object, *, state_dict: object, read: object, key_mapping: object, use_safetensors: object
) -> None:
    """Check arguments of `from_pretrained`.

    Args:
        checkpoint: The first argument, `pretrained_model_name_or_path`.
        state_dict: The argument of this name, as are the others.
        read: `"mmap"` or `"copy"`.
        key_mapping: A mapping or None.
        use_safetensors: True or None.

    Raises:
        ArgumentError: One of them is invalid.
    """
    if checkpoint is None and state_dict is None:
        raise ArgumentError(
            "pretrained_model_name_or_path",
            checkpoint,
            expected="a folder, a repository or a Checkpoint, or else None with state_dict= and config=",
        )
    if read not in {"mmap", "copy"}:
        raise ArgumentError("read", read, expected="'mmap' or 'copy'")
    _check_key_mapping(key_mapping)
    if use_safetensors not in {None, True}:
        raise ArgumentError(
            "use_safetensors",
            use_safetensors,
            expected="True or None",
            remedy="safetensors files always take precedence.",
        )


def _check_key_mapping(key_mapping: Any) -> None:
    expected = "a dict from regular expressions to replacements"
    if not isinstance(key_mapping or {}, Mapping):
        raise ArgumentError("key_mapping", key_mapping, expected=expected)
    for pattern, replacement in (key_mapping or {}).items():
        try:
            re.compile(pattern).sub(replacement, "")
        except (re.error, TypeError, IndexError) as error:
            shown = {pattern: replacement}
            raise ArgumentError("key_mapping", shown, expected=f"{expected} ({error})") from error
