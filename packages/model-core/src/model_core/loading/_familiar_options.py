"""Options of transformers' `from_pretrained` that are none here, and what to do instead.

They would go to the constructor of a model, which blames its author for them, or takes them for nothing if it has
`**kwargs`.
"""

from __future__ import annotations

import inspect
from typing import Any

from model_core.errors import ArgumentError

__all__ = ["without_familiar_options"]

_NO_DEVICE_MAP = "none; device='cuda' puts the whole model on one device"
_NO_QUANTISATION = "none; weights are loaded as they are or converted by dtype=, and are never quantised"
_NO_PARALLELISM = "none; distribute the model after it was loaded"
_CONFIG_FIELD = "none; a model that has the choice has a field of its config for it"
# Name to the values that ask for what is done anyway, and what is allowed instead of others.
_OPTIONS: dict[str, tuple[tuple[Any, ...], str]] = {
    "low_cpu_mem_usage": ((True, False), "anything: no load takes memory for the weights twice"),
    "resume_download": ((True, False), "anything: downloads are always resumed"),
    "weights_only": ((True,), "True; a pickle that is not weights alone is never read"),
    "device_map": ((), _NO_DEVICE_MAP),
    "max_memory": ((), _NO_DEVICE_MAP),
    "offload_folder": ((), _NO_DEVICE_MAP),
    "offload_buffers": ((False,), _NO_DEVICE_MAP),
    "offload_state_dict": ((False,), _NO_DEVICE_MAP),
    "load_in_8bit": ((False,), _NO_QUANTISATION),
    "load_in_4bit": ((False,), _NO_QUANTISATION),
    "quantization_config": ((), _NO_QUANTISATION),
    "gguf_file": ((), "none; weights are read from safetensors and from torch's own files"),
    "from_tf": ((False,), "none; weights are read from safetensors and from torch's own files"),
    "from_flax": ((False,), "none; weights are read from safetensors and from torch's own files"),
    "tp_plan": ((), _NO_PARALLELISM),
    "tp_size": ((), _NO_PARALLELISM),
    "device_mesh": ((), _NO_PARALLELISM),
    "distributed_config": ((), _NO_PARALLELISM),
    "attn_implementation": ((), _CONFIG_FIELD),
    "experts_implementation": ((), _CONFIG_FIELD),
    "proxies": ((), "none; the environment says it, HTTPS_PROXY=…"),
    "disable_mmap": ((False,), "none; read='copy' reads the weights into memory"),
}


def without_familiar_options(model_class: type, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor without those that are options of transformers and ask for nothing.

    Args:
        model_class: The class. What its constructor takes by name is its own.
        kwargs: What is neither an option of a load nor a field of the config.

    Raises:
        ArgumentError: One asks for something.
    """
    familiar = _OPTIONS.keys() & kwargs.keys()
    if familiar:
        familiar -= inspect.signature(model_class).parameters.keys()
    for name in sorted(familiar):
        harmless, allowed = _OPTIONS[name]
        if not any(kwargs[name] is value for value in (None, *harmless)):
            raise ArgumentError(name, kwargs[name], allowed=allowed)
    return {name: value for name, value in kwargs.items() if name not in familiar}
