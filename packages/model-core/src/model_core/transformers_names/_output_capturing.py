"""Decorators of `forward` that record what layers return, and that take defaults from the config.

A model says in `_can_record_outputs` which layers give its hidden states and attentions, so that its `forward` need not
collect them: hooks do, for the time of one call.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any, Final, Self

import torch
from torch import nn

from config_core.transformers_names import logging
from model_core.pretrained_model import PreTrainedModel as OwnModel
from model_core.transformers_names._mask_functions import causal_in_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "OutputRecorder",
    "capture_outputs",
    "check_model_inputs",
    "filter_output_hidden_states",
    "merge_with_config_defaults",
]

_logger = logging.get_logger(__name__)
_MARK: Final = "_captures_outputs"  # attribute of functions, which those that wrap them have, too
_HIDDEN_STATES: Final = "hidden_states"
# Outputs that are asked for by another name than `output_<name>`.
_OPTIONS: Final = {"cross_attentions": "output_attentions", "mask_decoder_attentions": "output_attentions"}
_DEFAULTS_IN_CONFIG: Final = (
    "use_cache", "vision_feature_layer", "vision_feature_select_strategy", "vision_aspect_ratio",
)  # fmt: skip


@dataclasses.dataclass
class OutputRecorder:
    """Which layers give an output of a model.

    Args:
        target_class: Class of the layers.
        index: Number of the output in the tuple that a layer returns.
        layer_name: Only layers whose path has this part, such as `"self_attn"`.
        class_name: Layers whose path ends with this, besides those of the class.
        capture_initial_hidden_state: Whether the input of the first layer is the first hidden state.
        num_hidden_layers_key: Config field with the number of layers. Not needed here.
    """

    target_class: type[nn.Module] | None
    index: int = 0
    layer_name: str | None = None
    class_name: str | None = None
    capture_initial_hidden_state: bool = True
    num_hidden_layers_key: str = "num_hidden_layers"

    def records(self, module: nn.Module, path: str) -> bool:
        """Return whether a module gives the output."""
        is_of_class = self.target_class is not None and isinstance(module, self.target_class)
        if not is_of_class and (self.class_name is None or not path.endswith(self.class_name)):
            return False
        return self.layer_name is None or f".{self.layer_name.strip('.')}." in f"{path}."


def capture_outputs(func: Any = None, *, tie_last_hidden_states: bool = True) -> Any:
    """Return a `forward` whose output has the hidden states and attentions that are asked for.

    They are asked for by `output_hidden_states=True`, `output_attentions=True` and the like, in the call or in the
    config. `return_dict=False` returns a tuple.

    Args:
        func: The `forward`; None if the decorator is called with options.
        tie_last_hidden_states: Whether the last hidden state is `last_hidden_state`, which has passed the last norm.
            The field of this name in the config takes precedence.
    """
    if func is None:
        return functools.partial(capture_outputs, tie_last_hidden_states=tie_last_hidden_states)

    @functools.wraps(func)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return_dict = kwargs.pop("return_dict", None)
        wanted = _wanted_outputs(self, kwargs)
        with _Recording(self, wanted) as recording:
            outputs = func(self, *args, **kwargs)
        tie = getattr(self.config, "tie_last_hidden_states", None)
        for name, values in recording.outputs.items():
            if name == _HIDDEN_STATES:
                if tie_last_hidden_states if tie is None else tie:
                    _tie_last(values, outputs)
                outputs[name] = tuple(_selected(values, wanted[name]))
            else:
                outputs[name] = tuple(values)
        is_tuple = (getattr(self.config, "return_dict", True) if return_dict is None else return_dict) is False
        return outputs.to_tuple() if is_tuple else outputs

    setattr(call, _MARK, True)
    return call


def merge_with_config_defaults(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `forward` that takes some arguments from the config if they are not given, such as `use_cache`."""
    names = list(inspect.signature(func).parameters)

    @functools.wraps(func)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = list(args)
        for name in _DEFAULTS_IN_CONFIG:
            place = names.index(name) - 1 if name in names else len(given)  # `self` is no argument
            value = given[place] if place < len(given) else kwargs.get(name)
            value = _own_field(self.config, name) if value is None else value
            if value is None:
                continue
            if name == "use_cache" and getattr(self, "gradient_checkpointing", False) and self.training:
                value = value and not torch.is_grad_enabled()  # the backward pass would write to the cache again
            if place < len(given):
                given[place] = value
            else:
                kwargs[name] = value
        is_causal = kwargs.get("is_causal", getattr(self.config, "is_causal", None))
        if is_causal is None:
            return func(self, *given, **kwargs)
        with causal_in_call(self.config, is_causal):
            return func(self, *given, **{**kwargs, "is_causal": is_causal})

    return call


def check_model_inputs(func: Any = None, *, tie_last_hidden_states: bool = True) -> Any:
    """Return a `forward` as `merge_with_config_defaults` and `capture_outputs` together do. Their earlier name.

    Args:
        func: The `forward`; None if the decorator is called with options or with `()`.
        tie_last_hidden_states: As for `capture_outputs`.
    """
    if func is None:
        return functools.partial(check_model_inputs, tie_last_hidden_states=tie_last_hidden_states)
    capturing = func if _captures(func) else capture_outputs(func, tie_last_hidden_states=tie_last_hidden_states)
    return merge_with_config_defaults(capturing)


def filter_output_hidden_states(forward_function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `forward` of a backbone, which has its hidden states in any case, and returns those asked for."""

    @functools.wraps(forward_function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = kwargs.get("output_hidden_states", getattr(self.config, "output_hidden_states", False))
        output = forward_function(self, *args, **{**kwargs, "output_hidden_states": True})
        if not wanted:
            return type(output)(**{name: value for name, value in output.items() if name != _HIDDEN_STATES})
        output[_HIDDEN_STATES] = tuple(_selected(output[_HIDDEN_STATES], wanted))
        return output

    return call


_active = threading.local()  # its `recording` is the innermost one. The compiler cannot trace context variables.


class _Recording:
    """Records outputs of layers while it is entered, in the thread that has entered it."""

    def __init__(self, model: Any, wanted: Iterable[str]) -> None:
        self.outputs: dict[str, list[Any]] = {name: [] for name in wanted}
        self._layers = list(_recorded_layers(model, "", _recorders(model))) if self.outputs else []

    def __enter__(self) -> Self:
        self._hooks = [
            module.register_forward_hook(functools.partial(self._record, name, recorder))
            for module, name, recorder in self._layers
            if name in self.outputs
        ]
        self._outer = getattr(_active, "recording", None)
        _active.recording = self
        return self

    def __exit__(self, *_: object) -> None:
        _active.recording = self._outer
        for hook in self._hooks:
            hook.remove()

    def _record(self, name: str, recorder: OutputRecorder, module: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG002
        if getattr(_active, "recording", None) is not self:  # another thread calls the model, or a model inside it
            return
        values = self.outputs[name]
        if name == _HIDDEN_STATES and recorder.capture_initial_hidden_state and not values:
            values.append(args[0])
        value = output[recorder.index] if isinstance(output, tuple) else output
        if value is not None:
            values.append(value)


def _captures(forward: Any) -> bool:
    return getattr(forward, _MARK, False) is True


def _own_field(config: Any, name: str) -> Any:
    """Return a field that a config really has, or None: transformers 5 has no defaults for these."""
    return getattr(config, name) if name in vars(config) or hasattr(type(config), name) else None


def _recorders(model: Any) -> list[tuple[str, OutputRecorder]]:
    """Return the names of a model's outputs, and which layers give each."""
    found = []
    for name, given in (getattr(model, "_can_record_outputs", None) or {}).items():
        for each in given if isinstance(given, list) else [given]:
            index = 0 if _HIDDEN_STATES in name else 1
            by_name = isinstance(each, str)
            is_recorder = isinstance(each, OutputRecorder)
            recorder = OutputRecorder(None if by_name else each, index, class_name=each if by_name else None)
            found.append((name, each if is_recorder else recorder))
    return found


def _recorded_layers(
    module: nn.Module, path: str, recorders: list[tuple[str, OutputRecorder]]
) -> Iterator[tuple[nn.Module, str, OutputRecorder]]:
    """Yield the layers that give outputs. A model inside the model names its own layers, or records them itself."""
    for name, child in module.named_children():
        if not isinstance(child, OwnModel):
            yield from _recorded_layers(child, f"{path}.{name}", recorders)
        elif not _captures(type(child).forward):
            yield from _recorded_layers(child, f"{path}.{name}", _recorders(child))
    for output, recorder in recorders:
        if recorder.records(module, path):
            yield module, output, recorder


def _wanted_outputs(model: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs that a call asks for, and the values of the options that ask for them."""
    options = {name: _OPTIONS.get(name, f"output_{name}") for name, _ in _recorders(model)}
    asked = {name: kwargs.get(option, getattr(model.config, option, False)) for name, option in options.items()}
    return {name: value for name, value in asked.items() if value}


def _tie_last(states: list[Any], outputs: Any) -> None:
    last = getattr(outputs, "vision_hidden_states", None)
    last = getattr(outputs, "last_hidden_state", None) if last is None else last
    if states and last is not None:
        states[-1] = last


def _selected(states: Iterable[Any], wanted: Any) -> list[Any]:
    """Return hidden states, with None for those that are not among the wanted numbers. True wants all."""
    states = list(states)
    if isinstance(wanted, bool):
        return states
    given = [wanted] if isinstance(wanted, int) else wanted
    numbers = {number % len(states) for number in given if -len(states) <= number < len(states)}
    return [state if number in numbers else None for number, state in enumerate(states)]
