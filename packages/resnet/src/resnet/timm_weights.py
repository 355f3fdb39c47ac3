"""timm's ResNets by their names there, as our configs and models.

What a name stands for is asked of timm itself: its entry point is run with a builder that only notes the arguments.
Nothing is guessed from names, and an argument that no config field stands for refuses the name.
"""

from __future__ import annotations

import difflib
import os
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.layers.blur_pool import BlurPool2d
from timm.layers.squeeze_excite import SEModule
from timm.models.resnet import BasicBlock, Bottleneck

from config_core import ConfigError
from resnet.configuration_resnet import ResnetConfig
from resnet.errors import PretrainedWeightsError, TimmNameError
from resnet.modeling_resnet import ResnetModelForImageClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["config_from_timm", "from_timm", "timm_names"]

_BUILDER = "_create_resnet"  # what every entry point of timm.models.resnet hands its arguments to
_PLAIN = {
    "layers": "layers",
    "channels": "channels",
    "num_classes": "num_classes",
    "in_chans": "input_channels",
    "cardinality": "cardinality",
    "base_width": "base_width",
    "stem_width": "stem_width",
    "avg_down": "avg_down",
    "output_stride": "output_stride",
    "replace_stem_pool": "replace_stem_pool",
    "block_reduce_first": "block_reduce_first",
    "down_kernel_size": "down_kernel_size",
    "drop_rate": "drop_rate",
    "drop_path_rate": "drop_path_rate",
    "drop_block_rate": "drop_block_rate",
}
_BLOCK_NAMES = {BasicBlock: "basic", Bottleneck: "bottleneck"}
_ANTI_ALIASING_NAMES = {None: "", torch.nn.AvgPool2d: "avg", BlurPool2d: "blur"}


def from_timm(
    name: str, *, pretrained: bool = True, cache_dir: str | os.PathLike[str] | None = None, **fields: Any
) -> ResnetModelForImageClassification:
    """Return one of timm's ResNets as a model of ours: its config, and its weights.

    Args:
        name: Name in timm, with or without the tag of its weights: `resnet50d`, `resnet50.a1_in1k`.
        pretrained: Load timm's pretrained weights; if False the weights are random, initialised as timm does it.
        cache_dir: Where downloads are kept; the hub's own place if None.
        **fields: Fields of the config that shall differ from timm's, such as `num_classes=10`. With another number of
            classes the classifier is new; with other `input_channels` timm adapts the first convolution.

    Returns:
        The model, in evaluation mode, on the CPU.

    Raises:
        TimmNameError: timm lists no such name, or `ResnetConfig` cannot describe what it builds.
        PretrainedWeightsError: timm has no weights of that name, or they cannot be fetched.
        ConfigError: One of `fields` is unknown or has a wrong value.
        RuntimeError: Some of `fields` make a network that the pretrained weights do not fit; torch lists the tensors.
    """
    config = config_from_timm(name, **fields)
    weights = _fetch_weights(name, config, cache_dir) if pretrained else None
    model = ResnetModelForImageClassification(config)
    if weights is not None:
        model.model.load_state_dict(weights)
    return model.eval()


def config_from_timm(name: str, **fields: Any) -> ResnetConfig:
    """Return the config of one of timm's ResNets. Builds no model and needs no network.

    Args:
        name: Name in timm, with or without the tag of its weights, which may have classes of their own.
        **fields: Fields that shall differ from timm's.

    Raises:
        TimmNameError: timm lists no such name, or `ResnetConfig` cannot describe what it builds.
        ConfigError: One of `fields` is unknown or has a wrong value.
    """
    architecture, _, tag = name.partition(".")
    _check_listed(name, architecture)
    arguments = {**_classifier_arguments(name, tag), **_builder_arguments(name, architecture)}
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
    """Return the names that timm lists and a `ResnetConfig` can describe, without tags, as timm orders them."""
    return tuple(name for name in timm.list_models(module="resnet") if _is_expressible(name))


def _is_expressible(name: str) -> bool:
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
        near = difflib.get_close_matches(architecture, listed, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise TimmNameError(name, reason=f"timm {timm.__version__} has no model of this name.{hint}")
    home = timm.model_entrypoint(architecture).__module__.rpartition(".")[2]
    if home.startswith("_"):
        raise TimmNameError(name, reason="it is an old name, which timm keeps for another one and does not list.")
    raise TimmNameError(
        name, reason=f"timm builds it in its module {home!r}, and only those of 'resnet' are ResNets here."
    )


def _classifier_arguments(name: str, tag: str) -> dict[str, Any]:
    """Return what timm takes from the description of a model's weights: the classes and the channels of the images."""
    try:
        description = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise TimmNameError(name, reason=f"timm knows no weights tagged {tag!r}. {_tags_in_words(name)}") from error
    if description is None:
        return {}
    arguments = {"num_classes": description.num_classes}
    if description.input_size is not None:
        arguments["in_chans"] = description.input_size[0]
    return arguments


def _builder_arguments(name: str, architecture: str) -> dict[str, Any]:
    """Return the arguments that an entry point of timm hands to its builder.

    The entry point's code runs with globals in which only the builder is another one, so that timm is not changed.
    """
    noted: list[dict[str, Any]] = []

    def note(_variant: str, _pretrained: bool = False, **arguments: Any) -> None:  # noqa: FBT001, FBT002 - timm's signature
        noted.append(arguments)

    entry_point = timm.model_entrypoint(architecture)
    if _BUILDER not in entry_point.__code__.co_names:
        raise TimmNameError(name, reason=f"timm {timm.__version__} does not build it with its `{_BUILDER}`.")
    run = FunctionType(
        entry_point.__code__, {**entry_point.__globals__, _BUILDER: note}, closure=entry_point.__closure__
    )
    run(pretrained=False)
    return noted[0]


def _translate(name: str, argument: str, value: Any) -> Mapping[str, Any]:
    """Return the config fields that stand for an argument of timm's `ResNet`."""
    if argument in _PLAIN:
        return {_PLAIN[argument]: value}
    if argument == "pruned":
        if value:
            raise TimmNameError(name, reason="timm prunes single channels of it after a list of its own.")
        return {}
    if argument not in _TRANSLATIONS:
        raise TimmNameError(
            name, reason=f"timm builds it with {argument}={value!r}, which is no field of ResnetConfig."
        )
    try:
        return _TRANSLATIONS[argument](value)
    except (KeyError, TypeError, ValueError) as error:
        raise TimmNameError(name, reason=f"ResnetConfig has no word for {argument}={value!r}.") from error


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
    "norm_layer": lambda value: {"norm_layer": value},
    "act_layer": lambda value: {"act_layer": value},
    "aa_layer": lambda value: {"aa_layer": _ANTI_ALIASING_NAMES[value]},
}


def _fetch_weights(
    name: str, config: ResnetConfig, cache_dir: str | os.PathLike[str] | None
) -> Mapping[str, torch.Tensor]:
    description = timm.get_pretrained_cfg(name)
    if description is None or not description.has_weights:
        raise PretrainedWeightsError(
            f"timm has no pretrained weights for {name!r}. {_tags_in_words(name)} pretrained=False gives random ones.",
            name=name,
        )
    try:
        model = timm.create_model(
            name,
            pretrained=True,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            num_classes=config.num_classes,
            in_chans=config.input_channels,
        )
    except OSError as error:
        raise PretrainedWeightsError(
            f"The pretrained weights of timm's {name!r} are not on this machine and could not be fetched from "
            f"{description.hf_hub_id or description.url}: {error} Connect to the network, or pass pretrained=False for "
            "random weights.",
            name=name,
        ) from error
    weights: Mapping[str, torch.Tensor] = model.state_dict()
    return weights


def _tags_in_words(name: str) -> str:
    tagged = timm.list_models(f"{name.partition('.')[0]}.*", module="resnet", pretrained=True)
    return f"There are {', '.join(tagged)}." if tagged else "There are none of this architecture."
