"""What modules say about their own state: hooks that translate older names, and state that is none of their tensors.

`register_load_state_dict_pre_hook`, `register_load_state_dict_post_hook` and `get_extra_state` are torch's own means
for both, and work here as in `load_state_dict`; a method `_load_from_state_dict`, which is private to torch, is not
called. A model without hooks, as most are, is planned from headers alone; one with hooks has its values mapped first,
since hooks may look at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from model_core.errors import WeightsFileError
from model_core.loading._checkpoint_reading import hold_weights
from model_core.module_tensors import walk_modules
from model_core.torch_internals import incompatible_keys, load_post_hooks, load_pre_hooks, module_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import torch

    from model_core.load_report import LoadReport
    from model_core.loading._checkpoint_reading import WeightSource
    from model_core.loading._weight_matching import NameRules

__all__ = ["extra_states", "hook_versions", "run_load_hooks", "run_post_hooks"]

_EXTRA_STATE = "_extra_state"


def extra_states(modules: Iterable[tuple[str, nn.Module]]) -> dict[str, nn.Module]:
    """Return those modules that keep extra state, by the name that it has in a state dict.

    Args:
        modules: Paths, with a dot at their ends unless empty, and modules.
    """
    return {
        path + _EXTRA_STATE: module
        for path, module in modules
        if type(module).get_extra_state is not nn.Module.get_extra_state
    }


def run_load_hooks(
    modules: Iterable[tuple[str, nn.Module]],
    source: WeightSource,
    tensors: Mapping[str, torch.Tensor],
    rules: NameRules,
) -> WeightSource:
    """Let the modules of a model translate what a checkpoint holds.

    Args:
        modules: The modules of the model, with their paths as for `extra_states`.
        source: The checkpoint.
        tensors: The parameters and persistent buffers of the model, by name.
        rules: How names in the checkpoint become names in the model, which hooks see.

    Returns:
        The checkpoint as the hooks left it; `source` itself if there are none.

    Raises:
        WeightsFileError: A hook refuses it.
    """
    hooked = [(path, hooks) for path, module in modules if (hooks := load_pre_hooks(module))]
    if not hooked:
        return source
    names: dict[str, str] = {}
    for name in source.tensors:
        placed = rules.place(name, tensors)
        names[name if placed is None or placed in names else placed] = name
    values = dict(source.read(source.tensors))
    state_dict = {placed: values[name] for placed, name in names.items()}
    complaints: tuple[list[str], list[str], list[str]] = ([], [], [])
    for prefix, hooks in hooked:
        paths = rules.spellings(prefix.removesuffix("."))
        version = next((source.versions[path] for path in paths if path in source.versions), None)
        for hook in hooks:
            hook(state_dict, prefix, {} if version is None else {"version": version}, True, *complaints)
    missing, unexpected, errors = complaints
    if problems := [*errors, *(f"it lacks {name}" for name in missing), *(f"it has {name}" for name in unexpected)]:
        raise WeightsFileError(f"a load hook of the model refuses it: {'; '.join(problems)}", file=source.name)
    return hold_weights(source, {names.get(placed, placed): value for placed, value in state_dict.items()})


def run_post_hooks(modules: Sequence[tuple[str, nn.Module]], report: LoadReport) -> None:
    """Tell the modules of a model, inner ones first, that their values are in place.

    Args:
        modules: The modules of the model, with their paths as for `extra_states`.
        report: What the load found, of which hooks are told.
    """
    for _, module in reversed(modules):
        for hook in load_post_hooks(module):
            hook(module, incompatible_keys(list(report.missing), list(report.unexpected)))


def hook_versions(model: nn.Module) -> dict[str, int]:
    """Return the versions of modules with load hooks, by their paths, which the hooks of a later load ask for."""
    return {
        path.removesuffix("."): version
        for path, module in walk_modules(model)
        if load_pre_hooks(module) and (version := module_version(module)) is not None
    }
