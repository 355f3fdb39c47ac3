"""Load hooks and extra state of modules, as in `load_state_dict`.

`register_load_state_dict_pre_hook`, `register_load_state_dict_post_hook` and `get_extra_state` work as they do there. A
method `_load_from_state_dict`, which is private to torch, is not called. Most models have no hooks and are planned from
file headers alone. If a model has some, values are read first, since hooks may look at them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import nn

from model_core.errors import WeightsFileError
from model_core.loading._weight_sources import with_values
from model_core.torch_internals import incompatible_keys, load_post_hooks, load_pre_hooks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from model_core.load_report import LoadReport
    from model_core.loading._name_rules import NameTranslation
    from model_core.loading._weight_sources import WeightSource

__all__ = ["extra_states", "run_post_hooks", "run_pre_hooks"]

_EXTRA_STATE = "_extra_state"


def extra_states(modules: Sequence[tuple[str, nn.Module]]) -> dict[str, nn.Module]:
    """Return the modules that have extra state, by its name in a state dict.

    Args:
        modules: The modules of a model with their prefixes, as `NamedTensors` holds them.
    """
    return {
        prefix + _EXTRA_STATE: module
        for prefix, module in modules
        if type(module).get_extra_state is not nn.Module.get_extra_state
    }


def run_pre_hooks(
    modules: Sequence[tuple[str, nn.Module]],
    source: WeightSource,
    tensors: Mapping[str, torch.Tensor],
    names: NameTranslation,
) -> tuple[WeightSource, NameTranslation]:
    """Let the modules of a model adapt a checkpoint, which may be of an older version of theirs.

    Args:
        modules: The modules with their prefixes, as for `extra_states`.
        source: The checkpoint.
        tensors: The parameters and persistent buffers of the model, by name.
        names: How names in the checkpoint become names in the model. Hooks see names of the model.

    Returns:
        The checkpoint as the hooks left it, and how its names become names in the model. Both are as they were given if
        there are no hooks.

    Raises:
        WeightsFileError: A hook rejects the checkpoint.
    """
    hooked = [(prefix, hooks) for prefix, module in modules if (hooks := load_pre_hooks(module))]
    if not hooked:
        return source, names
    stored_names = _names_for_hooks(source, tensors, names)
    values = dict(source.read(source.tensors))
    state_dict = {name: values[stored_name] for name, stored_name in stored_names.items()}
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    for prefix, hooks in hooked:
        path = names.to_checkpoint(prefix)
        version = None if path is None else source.versions.get(path.removesuffix("."))
        for hook in hooks:
            metadata = {} if version is None else {"version": version}
            hook(state_dict, prefix, metadata, True, missing, unexpected, errors)
    if any(name in tensors and name not in state_dict for name in missing):
        missing = []  # the report has them, with what to do
    problems = [
        *errors,
        *(f"{name} is missing" for name in missing),
        *(f"{name} is unexpected" for name in unexpected),
    ]
    if problems:
        raise WeightsFileError(f"a load hook of the model rejects it: {'; '.join(problems)}", file=source.name)
    made_by_hooks = frozenset(state_dict.keys() - stored_names.keys())
    adapted = with_values(source, {stored_names.get(name, name): value for name, value in state_dict.items()})
    return adapted, dataclasses.replace(names, fixed=made_by_hooks) if made_by_hooks else names


def run_post_hooks(modules: Sequence[tuple[str, nn.Module]], report: LoadReport) -> None:
    """Tell the modules of a model, inner ones first, that their values have been loaded.

    Args:
        modules: The modules with their prefixes, as for `extra_states`.
        report: The result of the load, which hooks are given.
    """
    for _, module in reversed(modules):
        for hook in load_post_hooks(module):
            hook(module, incompatible_keys(list(report.missing), list(report.unexpected)))


def _names_for_hooks(
    source: WeightSource, tensors: Mapping[str, torch.Tensor], translation: NameTranslation
) -> dict[str, str]:
    """Return the names that hooks see, those of the model where there are any, to the names in the checkpoint."""
    names: dict[str, str] = {}
    for stored_name in source.tensors:
        match = translation.to_model(stored_name)
        names[stored_name if match is None or match not in tensors or match in names else match] = stored_name
    return names
