"""What a torch function does with the tensors that it is called with, as far as deferred construction cares."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FunctionKind", "kind_of"]


class FunctionKind(enum.Enum):
    """What a function does with its tensors.

    Attributes:
        METADATA: Asks for shapes and the like, or makes a new tensor of a given shape. Reads no values.
        ALIAS: Makes a tensor with the same memory. Reads no values.
        RANDOM_FILL: Overwrites its first argument with random numbers.
        CONSTANT_FILL: Overwrites its first argument with a constant.
        ELEMENTWISE: Changes each element of its first argument in place.
        META_QUESTION: Asks whether a tensor is on the meta device, as `nn.init.trunc_normal_` does before it fills one.
        EXPORT: Exposes the memory to something other than a tensor, whose uses are not counted.
        READ: Everything else, which may read values.
    """

    METADATA = enum.auto()
    ALIAS = enum.auto()
    RANDOM_FILL = enum.auto()
    CONSTANT_FILL = enum.auto()
    ELEMENTWISE = enum.auto()
    META_QUESTION = enum.auto()
    EXPORT = enum.auto()
    READ = enum.auto()


_NAMES = {
    FunctionKind.METADATA: (
        "__hash__ __len__ __set__ _is_view _set_grad_enabled dim element_size empty empty_like get_device is_complex "
        "is_contiguous is_floating_point is_signed nelement new_empty new_ones new_zeros numel ones ones_like rand "
        "rand_like randn randn_like requires_grad_ size stride zeros zeros_like"
    ),
    FunctionKind.RANDOM_FILL: (
        "bernoulli_ cauchy_ exponential_ geometric_ kaiming_uniform_ log_normal_ normal_ random_ uniform_"
    ),
    FunctionKind.CONSTANT_FILL: "constant_ fill_ zero_",
    FunctionKind.ELEMENTWISE: ("abs_ add_ clamp_ clamp_max_ clamp_min_ div_ erfinv_ exp_ mul_ neg_ pow_ sqrt_ sub_"),
    FunctionKind.EXPORT: ("__array__ __dlpack__ data_ptr numpy share_memory_ storage to_dlpack untyped_storage"),
    FunctionKind.ALIAS: "detach",
}
_PROPERTIES = {"data": FunctionKind.ALIAS, "is_meta": FunctionKind.META_QUESTION}
_KINDS_BY_NAME = {name: kind for kind, names in _NAMES.items() for name in names.split()}


@functools.lru_cache(maxsize=1024)
def kind_of(function: Callable[..., Any]) -> FunctionKind:
    """Return what a function does with its tensors."""
    name = getattr(function, "__name__", "")
    attribute = getattr(getattr(function, "__self__", None), "__name__", "") if name == "__get__" else ""
    if attribute and attribute != "__cuda_array_interface__":
        # A property that returns a view reads no values either; reading the view is noticed.
        return _PROPERTIES.get(attribute, FunctionKind.METADATA)
    return _KINDS_BY_NAME.get(name, FunctionKind.READ)
