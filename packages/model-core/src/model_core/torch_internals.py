"""The private names of torch that this package needs, each behind a function that says what it is needed for.

torch may change them in any release. `tests/model_core/test_torch_internals.py` tests each one and says what
breaks when it changes. No other module of this package uses private names of torch.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.nn.modules.module import _IncompatibleKeys
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils import _pytree
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

__all__ = [
    "CHECKPOINTED_CHILD",
    "active_function_modes",
    "apply_to_tensors",
    "child_modules",
    "fill_under_way",
    "has_flat_parameters",
    "incompatible_keys",
    "is_distributed_tensor",
    "is_reparametrized",
    "last_jit_graph",
    "load_post_hooks",
    "load_pre_hooks",
    "module_buffers",
    "module_parameters",
    "module_version",
    "non_persistent_buffer_names",
    "outside_transforms",
    "recorded_versions",
    "refuse_early_assignments",
    "register_output_class",
    "softmax_gradient",
    "storage_users",
    "twin_on_meta",
    "without_function_modes",
    "without_transforms",
    "wrapped_child",
    "wrapped_tensors",
    "wraps_tensors",
]

_Result = TypeVar("_Result")
# How far up the stack a function is that asks something of a tensor: each function mode in between is a frame or two.
_MOST_FRAMES = 8
_num_function_modes = torch._C._len_torch_function_stack

# Memory


def storage_users(tensor: torch.Tensor) -> tuple[int, int]:
    """Return a number that identifies the storage of a tensor, and how many tensors use that storage.

    Tensors that Python cannot see are counted too. Both are 0 for a tensor without a storage of its own.
    """
    try:
        # Called so often that another function call would be noticed.
        storage = (
            tensor.untyped_storage() if not _num_function_modes() else without_function_modes(tensor.untyped_storage)
        )
        key: int = storage._cdata
        # The wrapper of the storage that we hold here counts as well.
        return key, torch._C._storage_Use_Count(key) - 1
    except (NotImplementedError, RuntimeError, ValueError):
        return 0, 0


# Function modes, transforms and compiled code


def active_function_modes() -> list[TorchFunctionMode]:
    """Return the function modes that are active in this thread, the innermost last."""
    modes: list[TorchFunctionMode] = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return modes


def without_function_modes(call: Callable[[], _Result]) -> _Result:
    """Make a call that no active function mode gets to see."""
    if not _num_function_modes():
        return call()
    with torch._C.DisableTorchFunction():
        return call()


def outside_transforms() -> AbstractContextManager[object]:
    """Return a context in which the `torch.func` transforms that are active do not apply."""
    return temporarily_clear_interpreter_stack()


def last_jit_graph() -> object:
    """Return the graph of the `torch.jit` code that this thread ran last, the same object until other code runs.

    None if the thread has run none.
    """
    graph: object = torch._C._last_executed_optimized_graph()
    return graph


# Initialisation


def _is_usual_truncation(_: torch.Tensor, mean: Any, std: Any, low: Any, high: Any, *_others: object) -> bool:
    if not all(type(number) in {int, float} for number in (mean, std, low, high)):
        return False
    return bool(std > 0 and low <= mean <= high and low < high)


# Functions of `nn.init` that read values while they draw them, and which arguments they do not warn of nor fail with.
# They ask first whether the tensor has elements, or is on the meta device, where there is nothing to fill.
_FILLS_THAT_READ: dict[str, Callable[..., bool]] = {
    "_no_grad_trunc_normal_": _is_usual_truncation,
    "orthogonal_": lambda tensor, *_: tensor.dtype in {torch.float32, torch.float64},
    "sparse_": lambda _, sparsity, *__: type(sparsity) in {int, float} and 0 <= sparsity <= 1,
}
_fills = {fill.__code__: fill for fill in (getattr(nn.init, name, None) for name in _FILLS_THAT_READ) if fill}


def fill_under_way(tensor: torch.Tensor) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """Return the call in which `nn.init.trunc_normal_`, `orthogonal_` or `sparse_` is about to fill a tensor.

    These read values while they draw them, the first of them since torch 2.13, unlike their neighbours.

    Returns:
        The function, further up the stack, and its arguments, the tensor first. None if no such call is under way, or
        if it may warn or fail.
    """
    frame = inspect.currentframe()
    for _ in range(_MOST_FRAMES):
        if frame is not None and frame.f_code not in _fills:
            frame = frame.f_back
    if frame is None or (fill := _fills.get(code := frame.f_code)) is None:
        return None
    arguments = tuple(frame.f_locals[name] for name in code.co_varnames[: code.co_argcount])
    if arguments[0] is not tensor or not _FILLS_THAT_READ[fill.__name__](*arguments):
        return None
    return fill, arguments


# Tensors that wrap others


def wraps_tensors(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is of a wrapper subclass, such as a DTensor, which consists of other tensors."""
    return type(tensor) is not torch.Tensor and is_traceable_wrapper_subclass(tensor)


def wrapped_tensors(tensor: torch.Tensor) -> list[Any]:
    """Return the tensors that a tensor of a wrapper subclass consists of. They may be wrappers too."""
    wrapper: Any = tensor
    return [getattr(wrapper, name) for name in wrapper.__tensor_flatten__()[0]]


def is_distributed_tensor(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is spread over processes: a DTensor, or the ShardedTensor of earlier versions.

    By name, because importing the modules of these classes takes long.
    """
    return type(tensor).__name__ in {"DTensor", "ShardedTensor"} and type(tensor).__module__.startswith("torch.")


def without_transforms(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor that `torch.func` transforms such as `vmap` have wrapped, or the tensor itself."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # pyright: ignore[reportAttributeAccessIssue]
        tensor = torch._C._functorch.get_unwrapped(tensor)  # pyright: ignore[reportAttributeAccessIssue]
    return tensor


# Modules: what `named_parameters` and its siblings give too, but much faster


def child_modules(module: nn.Module) -> Mapping[str, nn.Module | None]:
    """Return the modules that are attributes of a module, by attribute."""
    return module._modules


def module_parameters(module: nn.Module) -> Mapping[str, nn.Parameter | None]:
    """Return the parameters that are attributes of a module, by attribute."""
    return module._parameters


def module_buffers(module: nn.Module) -> Mapping[str, torch.Tensor | None]:
    """Return the buffers that are attributes of a module, by attribute."""
    return module._buffers


def non_persistent_buffer_names(module: nn.Module) -> set[str]:
    """Return which of `module_buffers` are not saved."""
    return module._non_persistent_buffers_set


def apply_to_tensors(module: nn.Module, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Replace all parameters and buffers in a module by what a function makes of them, as `module.to(...)` does.

    Modules that extend what `to`, `cuda` and `half` do, such as those that keep flattened weights, extend this method.
    """
    module._apply(function)  # type: ignore[no-untyped-call]


# Modules that wrap others. By name, because importing some of their modules takes long.

# The attribute of the wrappers of activation checkpointing, whose hooks remove it from the names in a state dict.
CHECKPOINTED_CHILD = "_checkpoint_wrapped_module"
_WRAPPED_CHILDREN = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}


def wrapped_child(module: nn.Module) -> str | None:
    """Return the attribute that holds the module which `torch.compile` or a data-parallel module wraps, or None.

    These wrappers have no tensors of their own. Those of FSDP and of activation checkpointing remove their part of the
    names in hooks, so they are not included.
    """
    child = _WRAPPED_CHILDREN.get(type(module).__name__)
    return child if child is not None and type(module).__module__.startswith("torch.") else None


def has_flat_parameters(module: nn.Module) -> bool:
    """Return whether a module is a `FullyShardedDataParallel`, or one whose parameters that has made one tensor."""
    if "_flat_param" in module._parameters:
        return True
    return type(module).__name__ == "FullyShardedDataParallel" and type(module).__module__.startswith("torch.")


def is_reparametrized(module: nn.Module) -> bool:
    """Return whether a module computes a parameter from others: by a parametrization, weight norm or pruning."""
    # Each is a class of its own in these modules, which are imported where it is used.
    hooks = module._forward_pre_hooks
    return "parametrizations" in module._modules or (
        bool(hooks) and any(type(hook).__module__.startswith("torch.nn.utils.") for hook in hooks.values())
    )


def twin_on_meta(module: nn.Module, memo: dict[int, Any] | None = None) -> Any:
    """Return a module with the same modules, names and attributes, whose tensors have no values.

    Modules and tensors with several names have them in the twin too. Assigning modules or tensors to it, or changing
    those in it, does not change the module.

    Args:
        module: The module.
        memo: The twins of modules and tensors that have been made, by the id of what they are twins of.
    """
    memo = {} if memo is None else memo
    if id(module) in memo:
        return memo[id(module)]
    twin = memo[id(module)] = object.__new__(type(module))
    vars(twin).update({name: list(value) if type(value) is list else value for name, value in vars(module).items()})
    children = {name: child and twin_on_meta(child, memo) for name, child in module._modules.items()}
    tensors = [
        {name: None if tensor is None else _on_meta(tensor, memo) for name, tensor in given.items()}
        for given in (module._parameters, module._buffers)
    ]
    vars(twin).update(_modules=children, _parameters=tensors[0], _buffers=tensors[1])
    return twin


def _on_meta(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    if id(tensor) not in memo:
        values = torch.empty(tuple(tensor.shape), dtype=tensor.dtype, device="meta")
        is_parameter = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = nn.Parameter(values, tensor.requires_grad) if is_parameter else values
    made: torch.Tensor = memo[id(tensor)]
    return made


class _RefusingDict(dict[str, Any]):
    """A dict that raises an error of the caller's when something is put into it."""

    def __init__(self, refuse: Callable[[str], Exception]) -> None:
        super().__init__()
        self._refuse = refuse

    def __setitem__(self, name: str, value: object) -> None:
        raise self._refuse(name)


def refuse_early_assignments(module: nn.Module, refuse: Callable[[str], Exception]) -> None:
    """Raise an error of the caller's when a module is assigned to before the constructor of `nn.Module` has run.

    Args:
        module: The module, none of whose constructors has run. That of `nn.Module` undoes this.
        refuse: Returns the error for the name of a module, parameter or buffer.
    """
    early = _RefusingDict(refuse)
    vars(module).update(_modules=early, _parameters=early, _buffers=early, _non_persistent_buffers_set=set())


# Load hooks and versions of modules


def load_pre_hooks(module: nn.Module) -> list[Callable[..., None]]:
    """Return the hooks of `register_load_state_dict_pre_hook`."""
    return list(module._load_state_dict_pre_hooks.values()) if module._load_state_dict_pre_hooks else []


def load_post_hooks(module: nn.Module) -> list[Callable[..., None]]:
    """Return the hooks of `register_load_state_dict_post_hook`."""
    return list(module._load_state_dict_post_hooks.values()) if module._load_state_dict_post_hooks else []


def incompatible_keys(missing: list[str], unexpected: list[str]) -> Any:
    """Return what a post hook is given as its second argument."""
    return _IncompatibleKeys(missing, unexpected)


def module_version(module: nn.Module) -> int | None:
    """Return the version of a module's state, which its load hooks compare with the one in a checkpoint."""
    return module._version


def recorded_versions(state_dict: Mapping[str, Any]) -> dict[str, int]:
    """Return the versions of modules that torch recorded in a state dict, by the paths of the modules.

    The record of a state dict that came from a file may be anything. What is no version is left out.
    """
    recorded = getattr(state_dict, "_metadata", None)
    if not isinstance(recorded, dict):
        return {}
    versions = {path: data.get("version") for path, data in recorded.items() if isinstance(data, dict)}
    return {path: version for path, version in versions.items() if isinstance(version, int)}


def register_output_class(
    cls: type[Any],
    flatten: Callable[[Any], tuple[list[Any], Any]],
    unflatten: Callable[[Any, Any], Any],
) -> None:
    """Let torch see the tensors in objects of a class, as `torch.compile`, `torch.export` and FSDP need.

    Args:
        cls: The class.
        flatten: Returns the values in an object, and what `unflatten` needs besides them.
        unflatten: Returns an object for values and what `flatten` returned besides.
    """
    _pytree.register_pytree_node(cls, flatten, unflatten)


def softmax_gradient(output: torch.Tensor, gradient: torch.Tensor, dimension: int) -> torch.Tensor:
    """Return the gradient of the input of a softmax, from its output and the gradient of that."""
    backward = torch._softmax_backward_data  # pyright: ignore[reportPrivateImportUsage]
    return backward(gradient, output, dimension, output.dtype)
