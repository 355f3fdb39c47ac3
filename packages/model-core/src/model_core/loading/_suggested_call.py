"""The call of `from_pretrained` that loads weights found elsewhere, as Python code for an error message.

It is the call that the caller made, with what mends it. Nothing is computed before there is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from config_core.checkpoint import CONFIG_NAME
from config_core.code import code_origin_of
from config_core.config import PretrainedConfig
from model_core.construction import construct_without_values
from model_core.loading._model_loading import ways_to_load
from model_core.loading._python_code import Code, code_of, code_of_arguments, hub_arguments, hub_options_of
from model_core.loading._weight_sources import described
from model_core.module_tensors import named_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch import nn

    from config_core.checkpoint import Checkpoint, HubOptions
    from model_core.loading._name_rules import NameRules
    from model_core.loading._weight_sources import WeightSource
    from model_core.module_tensors import NamedTensors

__all__ = ["SuggestedCall"]

_ABOUT_FILES = frozenset({"read", "use_safetensors", "variant"})


class SuggestedCall(NamedTuple):
    """A `CodeOfCall` of a load: it tries out which further arguments make the names of a state dict the model's.

    Attributes:
        model_class: The class that is loaded.
        checkpoint: The checkpoint that the caller named, if any.
        config: What the caller gave for the config, or the `Code` of one to give; None for that of the checkpoint.
        positional: The arguments for the constructor that the caller gave by position.
        options: What the caller gave by name.
        hub_options: The hub options that the caller gave, unless an open checkpoint has its own.
        rules: Returns how the names of a model are matched.
        construct: Makes a model of a config, at first with arguments for the constructor.
        constructed_with: The config of the model that the load makes, if it is known so far.
    """

    model_class: type
    checkpoint: Checkpoint | None
    config: object
    positional: Sequence[object]
    options: Mapping[str, Any]
    hub_options: HubOptions
    rules: Callable[[nn.Module, NamedTensors], NameRules]
    construct: Callable[..., nn.Module]
    constructed_with: PretrainedConfig | None = None

    def with_config(self, config: PretrainedConfig, keywords: Mapping[str, Any]) -> SuggestedCall:
        """Return the same with the config and keyword arguments that the constructor gets."""

        def construct(config: PretrainedConfig) -> nn.Module:
            return self.construct(config, *self.positional, **keywords)

        return self._replace(construct=construct, constructed_with=config)

    def with_new_config(self, config: PretrainedConfig, keywords: Mapping[str, Any]) -> SuggestedCall:
        """Return the same with `config=` and a call of this config's class, for a checkpoint without a config."""
        return self.with_config(config, keywords)._replace(config=Code(f"{type(config).__name__}()"))

    def __call__(self, state_dict: Mapping[str, torch.Tensor], code: str, /, *, argument: str = "state_dict") -> str:
        """Return the code, as `CodeOfCall` describes it."""
        ways = self._ways(described(state_dict)) if state_dict else []
        given = self._given()
        if argument == "state_dict":
            given = {name: value for name, value in given.items() if name not in _ABOUT_FILES}
        return self._code({**given, argument: Code(code)}, ways)

    def for_weights(self, weights: WeightSource) -> str:
        """Return the code of the call that loads the weights of the checkpoint itself."""
        return self._code(self._given(), self._ways(weights))

    def _code(self, given: Mapping[str, Any], ways: Sequence[Mapping[str, Any]]) -> str:
        first, *others = ways or [{}]
        arguments = dict(given)
        for name, value in first.items():
            known = given.get(name)  # perhaps other fields of the same part
            arguments[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
        source = None if self.checkpoint is None else self.checkpoint.name
        positional = map(code_of, [source, *self.positional])
        call = f"from_pretrained({', '.join([*positional, code_of_arguments(arguments)])})"
        return " or ".join([call, *(f"with {code_of_arguments(way)}" for way in others)])

    def _given(self) -> dict[str, Any]:
        """Return what the caller gave by name."""
        return {**self._about_config(), **self._about_checkpoint(), **self.options}

    def _about_config(self) -> dict[str, Any]:
        """Return the config that was given, or the fields in which it differs from that of the checkpoint."""
        config, checkpoint = self.config, self.checkpoint
        if config is None or not isinstance(config, PretrainedConfig):
            return {} if config is None else {"config": config}
        if checkpoint is None or config.name_or_path != checkpoint.name or not checkpoint.has(CONFIG_NAME):
            return {"config": ...}
        try:
            own, given = type(config).from_pretrained(checkpoint).to_dict(), config.to_dict()
            return {name: value for name, value in given.items() if name not in own or own[name] != value}
        except Exception:  # noqa: BLE001 - the author's code, or values that cannot be compared
            return {"config": ...}

    def _about_checkpoint(self) -> dict[str, Any]:
        """Return what opens the same checkpoint again and lets its code run, as the caller said."""
        checkpoint = self.checkpoint
        options = hub_options_of(checkpoint, self.hub_options)
        if checkpoint is not None:
            options = options._replace(subfolder=checkpoint.subfolder)
        origin = code_origin_of(self.model_class)
        is_trusted = origin is not None and "trust_remote_code=True" in origin.trusted_by
        return hub_arguments(options) | ({"trust_remote_code": True} if is_trusted else {})

    def _ways(self, weights: WeightSource) -> Sequence[Mapping[str, Any]]:
        """Return the further arguments of each call that may be meant."""
        model = construct_without_values(lambda: self.construct(self.constructed_with))
        if model is None:
            return []
        named = named_tensors(model)
        return ways_to_load(model, named, weights, self.rules(model, named), self.construct)
