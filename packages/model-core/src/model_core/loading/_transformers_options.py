"""transformers options of `from_pretrained` that are not supported here, and what to do instead.

Without this module they would reach the constructor of a model, which would reject them as its own arguments or, with
`**kwargs`, silently ignore them.
"""

from __future__ import annotations

import inspect
from typing import Any

from model_core.errors import ArgumentError

__all__ = ["drop_transformers_options"]

_DEVICE = "Pass device='cuda' to move the whole model to one device."
_QUANTISATION = "Weights are loaded as they are or converted with dtype=; they are never quantised."
_PARALLELISM = "Distribute the model after loading it."
_FORMAT = "Weights are loaded from safetensors or torch's own files."
_CONFIG_FIELD = "Add a config field instead."
# Name to the values with which the option has no effect, and what to do instead of using others.
_OPTIONS: dict[str, tuple[tuple[Any, ...], str]] = {
    "low_cpu_mem_usage": ((True, False), "Leave it out; a load never needs memory for the weights twice."),
    "resume_download": ((True, False), "Leave it out; downloads are always resumed."),
    "weights_only": ((True,), "Leave it out; nothing but weights is ever unpickled."),
    "device_map": ((), _DEVICE),
    "max_memory": ((), _DEVICE),
    "offload_folder": ((), _DEVICE),
    "offload_buffers": ((False,), _DEVICE),
    "offload_state_dict": ((False,), _DEVICE),
    "load_in_8bit": ((False,), _QUANTISATION),
    "load_in_4bit": ((False,), _QUANTISATION),
    "quantization_config": ((), _QUANTISATION),
    "gguf_file": ((), _FORMAT),
    "from_tf": ((False,), _FORMAT),
    "from_flax": ((False,), _FORMAT),
    "tp_plan": ((), _PARALLELISM),
    "tp_size": ((), _PARALLELISM),
    "device_mesh": ((), _PARALLELISM),
    "distributed_config": ((), _PARALLELISM),
    "attn_implementation": ((), _CONFIG_FIELD),
    "experts_implementation": ((), _CONFIG_FIELD),
    "proxies": ((), "Set the environment variable HTTPS_PROXY instead."),
    "disable_mmap": ((False,), "Pass read='copy' to read the weights into memory."),
}


def drop_transformers_options(model_class: type, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return arguments for a constructor without transformers options that are set to their no-op value.

    Args:
        model_class: The class. Parameters of its constructor are its own, whatever they are called.
        kwargs: The arguments that are neither options of a load nor config fields.

    Raises:
        ArgumentError: An option is set to another value.
    """
    given = _OPTIONS.keys() & kwargs.keys()
    if given:
        given -= inspect.signature(model_class).parameters.keys()
    for name in sorted(given):
        no_op_values, remedy = _OPTIONS[name]
        if not any(kwargs[name] is value for value in (None, *no_op_values)):
            raise ArgumentError(name, kwargs[name], remedy=remedy)
    return {name: value for name, value in kwargs.items() if name not in given}
