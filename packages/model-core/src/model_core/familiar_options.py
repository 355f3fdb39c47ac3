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
    "SAVE_OPTIONS",
    "check_constructor_options",
    "drop_load_options",
    "drop_save_options",
    "refuse_hub_options",
]

_DEVICE = "Pass device='cuda' to move the whole model to one device."
_QUANTISATION = "Weights are loaded as they are or converted with dtype=; they are never quantised."
_PARALLELISM = "Distribute the model after loading it."
_FORMAT = "Weights are loaded from safetensors or torch's own files."
_ADAPTERS = "Load the model, and then the adapter with PeftModel.from_pretrained(model, ...)."
_KERNELS = "Call the kernels in the model itself."
_PLACES = "places parts of the model on several devices"
_QUANTISES = "quantises the weights"
_DISTRIBUTES = "distributes the model over processes"
_CONVERTS = "converts the weights from another format"
_NO_DOWNLOAD = FamiliarOption("chooses where the code of the model is downloaded from", "Leave it out here.", (False,))

_LOAD_OPTIONS: Mapping[str, FamiliarOption] = {
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
    "device_map": FamiliarOption(_PLACES, _DEVICE),
    "max_memory": FamiliarOption(_PLACES, _DEVICE),
    "offload_folder": FamiliarOption(_PLACES, _DEVICE),
    "offload_buffers": FamiliarOption(_PLACES, _DEVICE, (False,)),
    "load_in_8bit": FamiliarOption(_QUANTISES, _QUANTISATION, (False,)),
    "load_in_4bit": FamiliarOption(_QUANTISES, _QUANTISATION, (False,)),
    "quantization_config": FamiliarOption(_QUANTISES, _QUANTISATION),
    "gguf_file": FamiliarOption(_CONVERTS, _FORMAT),
    "from_tf": FamiliarOption(_CONVERTS, _FORMAT, (False,)),
    "from_flax": FamiliarOption(_CONVERTS, _FORMAT, (False,)),
    "tp_plan": FamiliarOption(_DISTRIBUTES, _PARALLELISM),
    "tp_size": FamiliarOption(_DISTRIBUTES, _PARALLELISM),
    "device_mesh": FamiliarOption(_DISTRIBUTES, _PARALLELISM),
    "distributed_config": FamiliarOption(_DISTRIBUTES, _PARALLELISM),
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

# What `from_config` passes on to the download of the code of a model. Here nothing is downloaded by it.
_CREATE_OPTIONS: Mapping[str, FamiliarOption] = {
    **_LOAD_OPTIONS,
    **dict.fromkeys(("revision", "cache_dir", "token", "local_files_only", "force_download"), _NO_DOWNLOAD),
}

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


def drop_load_options(model_class: type, kwargs: dict[str, Any], *, creates: bool = False) -> dict[str, Any]:
    """Return arguments for a constructor without transformers options that ask for nothing.

    Args:
        model_class: The class. Parameters of its constructor are its own, whatever they are called.
        kwargs: The arguments that are neither options of a load nor config fields.
        creates: Whether the call is `from_config`, which loads nothing.

    Raises:
        UnsupportedOptionError: An option asks for something.
    """
    if not kwargs:
        return kwargs
    options = _CREATE_OPTIONS if creates else _LOAD_OPTIONS
    own = inspect.signature(model_class).parameters.keys()
    return {name: kwargs[name] for name in kwargs if name in own} | _drop(
        options, {name: kwargs[name] for name in kwargs if name not in own}
    )


def refuse_hub_options(model_class: type, kwargs: Mapping[str, Any]) -> None:
    """Refuse transformers options that say how to reach the Hub, before it is asked for anything.

    Args:
        model_class: As for `drop_load_options`.
        kwargs: The arguments of a load that it has no parameters for.

    Raises:
        UnsupportedOptionError: An option asks for something.
    """
    given = HUB_OPTIONS.keys() & kwargs.keys()
    if given:
        own = inspect.signature(model_class).parameters.keys()
        _drop(HUB_OPTIONS, {name: kwargs[name] for name in kwargs if name in given - own})


def drop_save_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of a save or push without transformers options that ask for nothing.

    Raises:
        UnsupportedOptionError: An option asks for something.
    """
    return _drop(SAVE_OPTIONS, options) if options else options


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
    known = {*inspect.signature(call).parameters, *own, *fields} - {"config", "kwargs", "options", "self"}
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


def _drop(options: Mapping[str, FamiliarOption], given: Mapping[str, Any]) -> dict[str, Any]:
    others, refused = sort_out(options, given)
    for name, option in refused.items():
        if name == "device_map" and (device := _only_device(given[name])) is not None:
            option = option._replace(remedy=f"Pass device={device!r}.")  # noqa: PLW2901
        raise UnsupportedOptionError(name, given[name], problem=explain(name, given[name], option))
    return others


def _only_device(device_map: Any) -> Any:
    """Return the device that a `device_map` places the whole model on, or None if it names several or none."""
    devices = [*map(str, device_map.values())] if isinstance(device_map, dict) else [str(device_map)]
    is_one = len({*devices}) == 1 and devices[0] not in {"auto", "balanced", "balanced_low_0", "sequential", "disk"}
    return (int(devices[0]) if devices[0].isdecimal() else devices[0]) if is_one else None
