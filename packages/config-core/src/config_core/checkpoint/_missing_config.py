"""What to do about a checkpoint that has no config.json. Imported only for that error."""

from __future__ import annotations

from collections.abc import Collection

from config_core.checkpoint._checkpoint import CONFIG_NAME
from config_core.checkpoint._weight_files import parse_weight_file

__all__ = ["kind_of_folder", "where_config_may_be"]

_MAX_SHOWN = 8
_ADAPTER = "This is an adapter of PEFT: load its base model, then peft.PeftModel.from_pretrained(model, folder)."
_GATHER = "deepspeed.utils.zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint(folder)"
_OF_DEEPSPEED = ("zero_to_fp32.py", "_model_states.pt", "_optim_states.pt")
_OF_TRAINERS = (".ckpt", ".pt", ".pth", ".pth.tar", ".safetensors")


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
    return " ".join([*hints, f"It contains: {', '.join(shown)}{more}." if shown else "It is empty."])
