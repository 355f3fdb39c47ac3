"""Options of transformers that do not exist here, in loads, saves and `from_config`: what to do instead.

Without this module they would reach the constructor of a model, which would reject them as its own arguments or, with
`**kwargs`, silently ignore them.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from config_core.errors import UnknownOptionError
from config_core.familiar_options import (
    ANY,
    CONFIG_OPTIONS,
    HUB_OPTIONS,
    PUSH_OPTIONS,
    FamiliarOption,
    did_you_mean,
    explain,
    sort_out,
)
from config_core.messages import warn
from model_core.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "CREATE_OPTIONS",
    "EARLY_OPTIONS",
    "LOAD_OPTIONS",
    "SAVE_OPTIONS",
    "check_constructor_options",
    "drop_options",
]

_DEVICE = "Pass device='cuda' to move the whole model to one device."
_ADAPTERS = "Load the model, and then the adapter with PeftModel.from_pretrained(model, ...)."
_KERNELS = "Call the kernels in the model itself."
_PLACES = FamiliarOption("places parts of the model on several devices", _DEVICE)
_QUANTISES = FamiliarOption(
    "quantises the weights", "Weights are loaded as they are or converted with dtype=; they are never quantised."
)
_DISTRIBUTES = FamiliarOption("distributes the model over processes", "Distribute the model after loading it.")
_CONVERTS = FamiliarOption(
    "converts the weights from another format", "Weights are loaded from safetensors or torch's own files."
)
_NO_DOWNLOAD = FamiliarOption("chooses where the code of the model is downloaded from", "Leave it out here.", (False,))

EARLY_OPTIONS: Mapping[str, FamiliarOption] = {
    **HUB_OPTIONS,
    "return_unused_kwargs": FamiliarOption(
        "returns the keywords that are no fields", "Leave it out; it is an option of configs.", (False,)
    ),
}
"""Options of `from_pretrained` that are sorted out before the Hub is asked for anything: no config has such fields."""

LOAD_OPTIONS: Mapping[str, FamiliarOption] = {
    **CONFIG_OPTIONS,
    "_fast_init": FamiliarOption("no longer has an effect", "Leave it out.", (ANY,)),
    "low_cpu_mem_usage": FamiliarOption(
        "avoids memory for the weights twice", "Leave it out; a load never needs memory for the weights twice.", (ANY,)
    ),
    "offload_state_dict": FamiliarOption("no longer has an effect", "Leave it out.", (ANY,)),
    "weights_only": FamiliarOption(
        "unpickles anything if it is False", "Leave it out; nothing but weights is ever unpickled.", (True,)
    ),
    "disable_mmap": FamiliarOption(
        "reads the weights into memory", "Pass read='copy' to read the weights into memory.", (False,)
    ),
    **dict.fromkeys(("device_map", "max_memory", "offload_folder"), _PLACES),
    "offload_buffers": _PLACES._replace(no_ops=(False,)),
    "quantization_config": _QUANTISES,
    **dict.fromkeys(("load_in_8bit", "load_in_4bit"), _QUANTISES._replace(no_ops=(False,))),
    "gguf_file": _CONVERTS,
    **dict.fromkeys(("from_tf", "from_flax"), _CONVERTS._replace(no_ops=(False,))),
    **dict.fromkeys(("tp_plan", "tp_size", "device_mesh", "distributed_config"), _DISTRIBUTES),
    "use_flash_attention_2": FamiliarOption(
        "selects an implementation of attention", CONFIG_OPTIONS["attn_implementation"].remedy, (False,)
    ),
    "use_kernels": FamiliarOption("replaces layers by kernels from the Hub", _KERNELS, (False,)),
    "allow_all_kernels": FamiliarOption("allows kernels of anyone", _KERNELS, (False,)),
    "kernel_config": FamiliarOption("selects kernels from the Hub", _KERNELS),
    "fusion_config": FamiliarOption("fuses layers", "Fuse the layers in the model itself.", ({},)),
    "adapter_kwargs": FamiliarOption("loads a PEFT adapter as well", _ADAPTERS, ({},)),
    "adapter_name": FamiliarOption("names a PEFT adapter", _ADAPTERS, ("default",)),
    "generation_config": FamiliarOption("sets how the model generates", "Pass it to the function that generates."),
    "tqdm_class": FamiliarOption("draws the progress bar", "Leave it out; reading weights draws none."),
}
"""Options of `from_pretrained`."""

CREATE_OPTIONS: Mapping[str, FamiliarOption] = {
    **LOAD_OPTIONS,
    **dict.fromkeys(("revision", "cache_dir", "token", "local_files_only", "force_download"), _NO_DOWNLOAD),
}
"""Options of `from_config`, with those that transformers passes on to a download of code."""

_NO_ADAPTERS = "Save the adapter with the save_pretrained of its PeftModel."
SAVE_OPTIONS: Mapping[str, FamiliarOption] = {
    **{name: option for name, option in PUSH_OPTIONS.items() if name != "max_shard_size"},
    "save_function": FamiliarOption(
        "writes pickles, and is not called for safetensors", "Leave it out; weights are safetensors.", (ANY,)
    ),
    "save_config": FamiliarOption(
        "leaves the config out if it is False",
        "Pass is_main_process=False in processes that are not to write.",
        (True,),
    ),
    "save_peft_format": FamiliarOption("chooses the names in a file of adapters", _NO_ADAPTERS, (ANY,)),
    "save_original_format": FamiliarOption(
        "writes the names of an earlier version", "Leave it out; the names are the model's own.", (ANY,)
    ),
    "distributed_checkpoint": FamiliarOption(
        "lets every process write its part",
        "Use torch.distributed.checkpoint, or pass state_dict=get_model_state_dict(model, "
        "options=StateDictOptions(full_state_dict=True)).",
        (False,),
    ),
}
"""Options of `save_pretrained` and `push_to_hub`."""


def drop_options(
    options: Mapping[str, FamiliarOption], given: Mapping[str, Any], *, model_class: type | None = None
) -> dict[str, Any]:
    """Return the keywords of a call without transformers options that ask for nothing.

    Args:
        options: The options.
        given: The keywords.
        model_class: The class of a load. Keywords that its constructor takes are returned, whatever they are called.

    Raises:
        UnsupportedOptionError: An option asks for something.
    """
    if options.keys().isdisjoint(given):
        return dict(given)
    own = {} if model_class is None else inspect.signature(model_class).parameters
    others, refused = sort_out({name: option for name, option in options.items() if name not in own}, given)
    for name, option in refused.items():
        if name == "device_map":
            option = option._replace(remedy=_instead_of_device_map(given[name]))  # noqa: PLW2901
        raise UnsupportedOptionError(name, given[name], problem=explain(name, given[name], option))
    return others


def check_constructor_options(
    model_class: type, kwargs: Mapping[str, Any], *, call: Callable[..., Any], fields: Iterable[str] = ()
) -> None:
    """Check that a constructor takes the keywords that are left for it.

    Args:
        model_class: The class.
        kwargs: The keywords.
        call: The method that was called with them, for names that are spelled like theirs.
        fields: Names of config fields, likewise.

    Raises:
        UnknownOptionError: It does not take one of them.
    """
    if not kwargs:
        return
    own = inspect.signature(model_class).parameters
    names = tuple(name for name in kwargs if name not in own)
    known = {*inspect.signature(call).parameters, *own, *fields} - {"config", "kwargs", "options", "self", *names}
    hint = did_you_mean(names, known)
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values()):
        if names:
            raise UnknownOptionError(
                f"{', '.join(map(repr, names))} is neither an option of {call.__name__}, nor a config field, nor an "
                f"argument of {model_class.__qualname__}. {hint}".rstrip(),
                names=names,
            )
    elif hint:
        warn(
            f"{', '.join(map(repr, names))} is passed to the constructor of {model_class.__qualname__}, for it is no "
            f"option of {call.__name__}. {hint}",
            stacklevel=3,
        )


def _instead_of_device_map(device_map: Any) -> str:
    """Return what to do instead of a `device_map`, which may place the whole model on one device."""
    devices = {*map(str, device_map.values() if isinstance(device_map, dict) else [device_map])}
    if devices == {"meta"}:
        return "Create the model in `with torch.device('meta')` and without from_pretrained, which gives it values."
    if len(devices) != 1 or not devices.isdisjoint({"auto", "balanced", "balanced_low_0", "sequential", "disk"}):
        return _DEVICE
    device = devices.pop()
    return f"Pass device={int(device) if device.isdecimal() else device!r}."
