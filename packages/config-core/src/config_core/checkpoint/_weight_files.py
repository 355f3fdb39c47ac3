"""The names of weight files, as the field writes them, and what file names tell if config or weights are missing.

    model.safetensors        model-00001-of-00002.safetensors        model.safetensors.index.json
    model.fp16.safetensors   model.fp16-00001-of-00002.safetensors   model.safetensors.index.fp16.json

A single file, a shard, and the index of the shards; in the second line those of the variant `fp16`.
Legacy names have `pytorch_model` and `.bin` in place of `model` and `.safetensors`; such files are read, not written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from config_core.checkpoint._checkpoint import CONFIG_NAME

__all__ = [
    "WeightFile",
    "is_variant",
    "kind_of_folder",
    "parse_weight_file",
    "stale_weights",
    "weight_file_name",
    "weight_index_name",
    "weight_variants",
    "where_config_may_be",
]

_VARIANT = r"[A-Za-z0-9][\w.-]{,99}"
_SHARD = r"-\d{5,}-of-\d{5,}"
# Not a variant that makes the name of a single file look like that of a shard.
_IS_VARIANT = re.compile(rf"(?!.*{_SHARD}$){_VARIANT}", re.ASCII)
_WEIGHTS = re.compile(
    r"(?P<folder>(?:[^/]+/)*)(?:(?P<legacy>pytorch_model)|model)"
    rf"(?:\.(?P<variant>{_VARIANT}?))?(?:-(?P<number>\d{{5,}})-of-(?P<count>\d{{5,}}))?"
    r"\.(?(legacy)bin|safetensors)",
    re.ASCII,
)
_INDEX = re.compile(
    r"(?P<folder>(?:[^/]+/)*)(?:(?P<legacy>pytorch_model\.bin)|model\.safetensors)\.index"
    rf"(?:\.(?P<variant>{_VARIANT}))?\.json",
    re.ASCII,
)
_MAX_SHOWN = 8
_ADAPTER = "This is an adapter of PEFT: load its base model, then peft.PeftModel.from_pretrained(model, folder)."
_GATHER = "deepspeed.utils.zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint(folder)"
_OF_DEEPSPEED = ("zero_to_fp32.py", "_model_states.pt", "_optim_states.pt")
_OF_TRAINERS = (".ckpt", ".pt", ".pth", ".pth.tar", ".safetensors")


class WeightFile(NamedTuple):
    """What the name of a weight file says.

    Attributes:
        folder: The folder that it is in, with forward slashes, `""` for the top.
        variant: The variant, such as `fp16`, or None.
        shard: Number of the shard, counted from 1, and the number of shards; None for a single file and an index.
        is_index: Whether the file is an index of shards.
        is_legacy: Whether it is a `.bin` file, or the index of some.
    """

    folder: str = ""
    variant: str | None = None
    shard: tuple[int, int] | None = None
    is_index: bool = False
    is_legacy: bool = False


def parse_weight_file(name: str) -> WeightFile | None:
    """Return what a file name says if it is one of weights, or else None.

    Args:
        name: Name relative to the checkpoint, with forward slashes.
    """
    for pattern in (_WEIGHTS, _INDEX):
        if match := pattern.fullmatch(name):
            parts = match.groupdict()
            shard = (int(parts["number"]), int(parts["count"])) if parts.get("number") else None
            return WeightFile(
                folder=parts["folder"].rstrip("/"),
                variant=parts["variant"],
                shard=shard,
                is_index=pattern is _INDEX,
                is_legacy=parts["legacy"] is not None,
            )
    return None


def weight_file_name(variant: str | None = None, *, shard: tuple[int, int] | None = None, legacy: bool = False) -> str:
    """Return the name of a file of weights: `model.safetensors`, `model.fp16-00001-of-00002.safetensors`.

    Args:
        variant: The variant, if any.
        shard: Number of the shard, counted from 1, and the number of shards.
        legacy: Return the name of a `.bin` file.

    Raises:
        ValueError: The variant cannot be part of a file name.
    """
    stem, suffix = ("pytorch_model", "bin") if legacy else ("model", "safetensors")
    number = f"-{shard[0]:05d}-of-{shard[1]:05d}" if shard else ""
    return f"{stem}{_dotted(variant)}{number}.{suffix}"


def weight_index_name(variant: str | None = None, *, legacy: bool = False) -> str:
    """Return the name of an index of shards: `model.safetensors.index.json`, `model.safetensors.index.fp16.json`.

    Args:
        variant: The variant, if any.
        legacy: Return the name of an index of `.bin` files.

    Raises:
        ValueError: The variant cannot be part of a file name.
    """
    return f"{weight_file_name(legacy=legacy)}.index{_dotted(variant)}.json"


def is_variant(variant: object) -> bool:
    """Return whether a value can be the variant in the name of a weight file."""
    return isinstance(variant, str) and _IS_VARIANT.fullmatch(variant) is not None


def stale_weights(present: Iterable[str], added: Iterable[str]) -> list[str]:
    """Return the names of weights in a repository that a push of the same variant, in another layout, replaces.

    Args:
        present: Names of the files that the repository has.
        added: Names of the files that are pushed.
    """
    added = frozenset(added)
    replaced = weight_variants(added)
    return [name for name in sorted(present) if name not in added and weight_variants([name]) & replaced]


def weight_variants(names: Iterable[str]) -> set[str | None]:
    """Return the variants of the safetensors weights at the top of these files, None for the plain one."""
    files = map(parse_weight_file, names)
    return {file.variant for file in files if file is not None and not file.folder and not file.is_legacy}


def _dotted(variant: str | None) -> str:
    if variant is None:
        return ""
    if not is_variant(variant):
        raise ValueError(
            f"variant {variant!r:.120} is not allowed. Use up to 100 letters, digits, '-', '_' and '.', such as "
            "'fp16', that do not end like a shard."
        )
    return f".{variant}"


def kind_of_folder(filenames: Collection[str]) -> str:
    """Return a sentence about a folder that another library has written in a form of its own, or `""`.

    Args:
        filenames: Names of its files.

    Returns:
        What it is, and what gives a whole model of it if no advice about files does.
    """
    top = {name for name in filenames if "/" not in name}
    if any(parse_weight_file(name) for name in top):
        return ""
    if any(name.startswith(("adapter_config.", "adapter_model.")) for name in top):
        return _ADAPTER
    if any(name.endswith(_OF_DEEPSPEED) for name in filenames):
        script = "its zero_to_fp32.py or " if "zero_to_fp32.py" in top else ""
        return f"This is a checkpoint of DeepSpeed: {script}{_GATHER} gathers the weights from its files."
    of_training = sorted(name for name in top if name.endswith(".ckpt"))
    return f"{of_training[0]} is a checkpoint of a training, such as Lightning writes." if of_training else ""


def where_config_may_be(filenames: Collection[str], *, call: str = "from_pretrained(..., config=...)") -> str:
    """Return what to do about a checkpoint without a config.

    Args:
        filenames: Names of its files.
        call: Python code for the call that takes a config, as far as it is known.
    """
    kind = kind_of_folder(filenames)
    hints = [kind] if kind else []
    top = [name for name in filenames if "/" not in name]
    has_weights = any(parse_weight_file(name) or name.endswith(_OF_TRAINERS) for name in top)
    if has_weights and kind != _ADAPTER:  # whose config would be that of its base model
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
    return " ".join([*hints, f"It contains: {', '.join(shown)}{more}." if shown else "This one is empty."])
