"""timm's ResNets, by their names in timm, as our configs and models.

What a name stands for is read from timm itself: its entry point is run with a builder that only records its arguments.
Nothing is guessed from names. A name whose entry point passes an argument without a config field is rejected.
"""

from __future__ import annotations

import difflib
import os
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.layers.blur_pool import BlurPool2d
from timm.layers.squeeze_excite import SEModule
from timm.models.resnet import BasicBlock, Bottleneck

from config_core import ConfigError
from config_core.config import read_config
from resnet.configuration_resnet import ResnetConfig
from resnet.errors import PretrainedWeightsError, TimmNameError
from resnet.modeling_resnet import ResnetModelForImageClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["config_from_timm", "from_timm", "timm_names"]

_BUILDER = "_create_resnet"  # every entry point of timm.models.resnet passes its arguments to this function
# Arguments of timm's `ResNet` that are config fields of the same name.
_SAME_NAMES = frozenset({
    "act_layer", "avg_down", "base_width", "block_reduce_first", "cardinality", "channels", "down_kernel_size",
    "drop_block_rate", "drop_path_rate", "drop_rate", "layers", "norm_layer", "num_classes", "output_stride",
    "replace_stem_pool", "stem_width",
})  # fmt: skip
_TIMM_SCHEMES = ("hf-hub:", "local-dir:")  # what timm's own create_model takes before a repository or a folder
_BLOCK_NAMES = {BasicBlock: "basic", Bottleneck: "bottleneck"}
_ANTI_ALIASING_NAMES = {None: "", torch.nn.AvgPool2d: "avg", BlurPool2d: "blur"}


def from_timm(
    name: str | os.PathLike[str],
    *,
    pretrained: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
    **fields: Any,
) -> ResnetModelForImageClassification:
    """Return one of timm's ResNets as a model of ours, with its config and its weights.

    Args:
        name: Name in timm, with or without a weights tag: `resnet50d`, `resnet50.a1_in1k`. Or a folder that timm saved,
            with a `config.json` and weights: a `Path`, or text such as `./folder`.
        pretrained: Load timm's pretrained weights. If False, weights are random, initialised as in timm.
        cache_dir: Folder for downloads; the Hub client's default if None.
        **fields: Config fields that override timm's, such as `num_classes=10`. With another number of classes the
            classifier is new; with another number of `input_channels` timm adapts the first convolution.

    Returns:
        The model, in evaluation mode, on the CPU.

    Raises:
        TimmNameError: timm does not list the name, or no `ResnetConfig` describes the model.
        PretrainedWeightsError: timm has no weights for the name, or they cannot be downloaded.
        ConfigError: One of `fields` is unknown or has an invalid value.
        RuntimeError: The pretrained weights do not match the network that `fields` describe; torch lists the tensors.
    """
    config = config_from_timm(name, **fields)
    weights = _pretrained_weights(name, config, cache_dir) if pretrained else None
    model = ResnetModelForImageClassification(config)
    if weights is not None:
        model.model.load_state_dict(weights)
    return model.eval()


def config_from_timm(name: str | os.PathLike[str], **fields: Any) -> ResnetConfig:
    """Return the config of one of timm's ResNets, without building a model or using the network.

    Args:
        name: Name in timm, with or without a weights tag. Weights may have another number of classes. Or a folder that
            timm saved.
        **fields: Config fields that override timm's.

    Raises:
        TimmNameError: timm does not list the name, or no `ResnetConfig` describes the model.
        ConfigError: One of `fields` is unknown or has an invalid value.
    """
    is_folder, name = _is_folder(name), os.fspath(name)
    if is_folder:
        architecture, described, given = _folder_arguments(name)
    else:
        architecture, _, tag = name.partition(".")
        _check_listed(name, architecture)
        described, given = _classifier_arguments(name, tag), {}
    # The order of timm: what weights describe is a default, and what `create_model` is given wins over the entry point.
    arguments = {**described, **_builder_arguments(name, architecture), **given}
    values: dict[str, Any] = {}
    for argument, value in arguments.items():
        values.update(_translate(name, argument, value))
    try:
        config = ResnetConfig(**values)
    except ConfigError as error:
        raise TimmNameError(name, reason=str(error)) from error
    config.update(fields)
    return config


def timm_names() -> tuple[str, ...]:
    """Return the names, without tags and in timm's order, of the models that a `ResnetConfig` describes."""
    return tuple(name for name in timm.list_models(module="resnet") if _is_supported(name))


def _is_supported(name: str) -> bool:
    try:
        config_from_timm(name)
    except TimmNameError:
        return False
    return True


def _check_listed(name: str, architecture: str) -> None:
    listed = timm.list_models(module="resnet")
    if architecture in listed:
        return
    if not timm.is_model(architecture):
        similar = difflib.get_close_matches(architecture, listed, n=3)
        hint = f" Did you mean {' or '.join(similar)}?" if similar else ""
        if os.path.isdir(name):  # noqa: PTH112 - not an error for a name that is too long
            hint = f" For the folder of this name, pass {f'./{name}'!r}."
        raise TimmNameError(name, reason=f"timm {timm.__version__} has no model of this name.{hint}")
    home = timm.model_entrypoint(architecture).__module__.rpartition(".")[2]
    if home.startswith("_"):
        raise TimmNameError(name, reason="it is an old name that timm maps to a new one and does not list.")
    raise TimmNameError(
        name, reason=f"timm defines it in module {home!r}, and only models in module 'resnet' are supported."
    )


def _is_folder(name: str | os.PathLike[str]) -> bool:
    """Return whether it is a path: a folder in the working directory does not hide the name of a model."""
    return not isinstance(name, str) or (Path(name).name != name and not name.startswith(_TIMM_SCHEMES))


def _folder_arguments(folder: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the architecture of a folder that timm saved, what its weights describe, and its `model_args`."""
    if not Path(folder).is_dir():
        raise TimmNameError(folder, reason="there is no such folder. What timm has on the Hub goes by its name alone.")
    values = read_config(folder).values
    architecture = values.get("architecture")
    if not isinstance(architecture, str):
        raise TimmNameError(folder, reason="its config.json has no 'architecture', so timm did not write it.")
    _check_listed(folder, architecture.partition(".")[0])
    described = {}
    if isinstance(values.get("num_classes"), int):
        described["num_classes"] = values["num_classes"]
    input_size = (values.get("pretrained_cfg") or {}).get("input_size")
    if input_size:
        described["in_chans"] = input_size[0]
    return architecture.partition(".")[0], described, dict(values.get("model_args") or {})


def _classifier_arguments(name: str, tag: str) -> dict[str, Any]:
    """Return the arguments that timm takes from the description of the weights: numbers of classes and of channels."""
    try:
        description = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise TimmNameError(
            name, reason=f"timm has no weights with the tag {tag!r}. {_available_tags(name)}"
        ) from error
    if description is None:
        return {}
    arguments = {"num_classes": description.num_classes}
    if description.input_size is not None:
        arguments["in_chans"] = description.input_size[0]
    return arguments


def _builder_arguments(name: str, architecture: str) -> dict[str, Any]:
    """Return the arguments that an entry point of timm passes to its builder.

    The code of the entry point runs with a copy of its globals in which the builder is replaced. timm is not changed.
    """
    recorded: list[dict[str, Any]] = []

    def record(_variant: str, _pretrained: bool = False, **arguments: Any) -> None:  # noqa: FBT001, FBT002 - timm's signature
        recorded.append(arguments)

    entry_point = timm.model_entrypoint(architecture)
    if _BUILDER not in entry_point.__code__.co_names:
        raise TimmNameError(name, reason=f"timm {timm.__version__} does not build it with `{_BUILDER}`.")
    run = FunctionType(
        entry_point.__code__, {**entry_point.__globals__, _BUILDER: record}, closure=entry_point.__closure__
    )
    run(pretrained=False)
    return recorded[0]


def _translate(name: str, argument: str, value: Any) -> Mapping[str, Any]:
    """Return the config fields for an argument of timm's `ResNet`."""
    if argument in _SAME_NAMES:
        return {argument: value}
    if argument == "pruned":
        if value:
            raise TimmNameError(name, reason="timm prunes individual channels of it.")
        return {}
    if argument not in _TRANSLATIONS:
        raise TimmNameError(
            name, reason=f"timm builds it with {argument}={value!r}, and ResnetConfig has no field for that."
        )
    try:
        return _TRANSLATIONS[argument](value)
    except (KeyError, TypeError, ValueError) as error:
        raise TimmNameError(
            name, reason=f"timm builds it with {argument}={value!r}, which no field of ResnetConfig can express."
        ) from error


def _block_fields(block: Any) -> dict[str, Any]:
    if isinstance(block, (list, tuple)):
        return {"block_type": tuple(_BLOCK_NAMES[kind] for kind in block)}
    return {"block_type": _BLOCK_NAMES[block]}


def _block_argument_fields(arguments: Mapping[str, Any]) -> dict[str, Any]:
    if set(arguments) != {"attn_layer"}:
        raise ValueError(arguments)
    attention = arguments["attn_layer"]
    if isinstance(attention, str):
        return {"attn_layer": attention}
    if isinstance(attention, partial) and attention.func is SEModule and set(attention.keywords) == {"rd_ratio"}:
        return {"attn_layer": "se", "attn_rd_ratio": attention.keywords["rd_ratio"]}
    raise ValueError(arguments)


_TRANSLATIONS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "block": _block_fields,
    "block_args": _block_argument_fields,
    "stem_type": lambda value: {"stem_type": value.replace("_", "-")},
    "in_chans": lambda value: {"input_channels": value},
    "global_pool": lambda value: {"avg": {}}[value],
    "aa_layer": lambda value: {"aa_layer": _ANTI_ALIASING_NAMES[value]},
}


def _pretrained_weights(
    name: str | os.PathLike[str], config: ResnetConfig, cache_dir: str | os.PathLike[str] | None
) -> Mapping[str, torch.Tensor]:
    if _is_folder(name):
        return _folder_weights(os.fspath(name), config)
    return _download_weights(os.fspath(name), config, cache_dir)


def _download_weights(
    name: str, config: ResnetConfig, cache_dir: str | os.PathLike[str] | None
) -> Mapping[str, torch.Tensor]:
    description = timm.get_pretrained_cfg(name)
    if description is None or not description.has_weights:
        raise PretrainedWeightsError(
            f"timm has no pretrained weights for {name!r}. {_available_tags(name)} Pass pretrained=False for random "
            "weights.",
            name=name,
        )
    try:
        return _timm_weights(name, config, cache_dir=None if cache_dir is None else os.fspath(cache_dir))
    except OSError as error:
        raise PretrainedWeightsError(
            f"The pretrained weights of timm's {name!r} are not cached and cannot be downloaded from "
            f"{description.hf_hub_id or description.url}: {error} Connect to the network, or pass pretrained=False for "
            "random weights.",
            name=name,
        ) from error


def _folder_weights(folder: str, config: ResnetConfig) -> Mapping[str, torch.Tensor]:
    try:
        return _timm_weights(f"local-dir:{folder}", config)
    except OSError as error:
        raise PretrainedWeightsError(
            f"{folder!r} has no weights that timm can read: {error} Pass pretrained=False for random weights.",
            name=folder,
        ) from error


def _timm_weights(source: str, config: ResnetConfig, **options: Any) -> Mapping[str, torch.Tensor]:
    """Return the weights that timm loads from a source, for the classes and channels of a config."""
    model = timm.create_model(
        source, pretrained=True, num_classes=config.num_classes, in_chans=config.input_channels, **options
    )
    weights: Mapping[str, torch.Tensor] = model.state_dict()
    return weights


def _available_tags(name: str) -> str:
    tagged = timm.list_models(f"{name.partition('.')[0]}.*", module="resnet", pretrained=True)
    return f"Available: {', '.join(tagged)}." if tagged else "It has none for this architecture."
