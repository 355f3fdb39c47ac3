"""Checks of the arguments of `from_pretrained` that need neither the checkpoint nor the model."""

from __future__ import annotations

from collections.abc import Mapping

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
    if (checkpoint is None) == (state_dict is None):
        raise ArgumentError(
            "pretrained_model_name_or_path must be a folder, a repository or a Checkpoint, or None together with "
            f"state_dict= and config=, got {checkpoint!r} {'without' if state_dict is None else 'with'} state_dict=.",
            argument="pretrained_model_name_or_path",
            value=checkpoint,
        )
    if read not in {"mmap", "copy"}:
        raise ArgumentError(f"read must be 'mmap' or 'copy', got {read!r}.", argument="read", value=read)
    if not isinstance(key_mapping or {}, Mapping):
        raise ArgumentError(
            f"key_mapping must be a dict from regular expressions to replacements, got {key_mapping!r}.",
            argument="key_mapping",
            value=key_mapping,
        )
    if use_safetensors not in {None, True}:
        raise ArgumentError(
            f"use_safetensors must be True or None, got {use_safetensors!r}. safetensors files always take precedence.",
            argument="use_safetensors",
            value=use_safetensors,
        )
