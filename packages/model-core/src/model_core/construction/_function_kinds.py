"""What a torch function does with the tensors that it is called with, as far as deferred construction cares."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FunctionKind", "answer_without_values", "kind_of"]


class FunctionKind(enum.Enum):
    """What a function does with its tensors.

    Attributes:
        METADATA: Asks for shapes and the like, or makes a new tensor of a given shape. Reads no values.
        ALIAS: Makes tensors with the same memory. Reads no values.
        INDEX: Makes a tensor with the same memory if the index consists of integers and slices, else reads.
        RESHAPE: Makes a tensor with the same memory if that of its first argument is contiguous, else reads.
        CONVERSION: Returns its first argument if that has the dtype and device asked for already, else reads.
        CLONE: Makes a tensor with the same values in memory of its own.
        RANDOM_FILL: Overwrites its first argument with random numbers.
        CONSTANT_FILL: Overwrites its first argument with a constant.
        COPY: Overwrites its first argument with the values of its second.
        INDEX_FILL: Overwrites the elements of its first argument that an index selects.
        ELEMENTWISE: Changes each element of its first argument in place.
        QUESTION: Asks whether a tensor has values, as some functions of `torch.nn.init` do before they fill one.
        EXPORT: Exposes the memory to something other than a tensor, whose uses are not counted.
        READ: Everything else, which may read values.
    """

    METADATA = enum.auto()
    ALIAS = enum.auto()
    INDEX = enum.auto()
    RESHAPE = enum.auto()
    CONVERSION = enum.auto()
    CLONE = enum.auto()
    RANDOM_FILL = enum.auto()
    CONSTANT_FILL = enum.auto()
    COPY = enum.auto()
    INDEX_FILL = enum.auto()
    ELEMENTWISE = enum.auto()
    QUESTION = enum.auto()
    EXPORT = enum.auto()
    READ = enum.auto()


_NAMES = {
    FunctionKind.METADATA: (
        "__hash__ __len__ __set__ _has_compatible_shallow_copy_type _is_view _set_grad_enabled dim element_size empty "
        "empty_like eye get_device is_complex is_contiguous is_floating_point is_signed ndimension nelement new_empty "
        "new_ones new_zeros ones ones_like rand rand_like randn randn_like requires_grad_ size stride zeros zeros_like"
    ),
    FunctionKind.RANDOM_FILL: (
        "bernoulli_ cauchy_ exponential_ geometric_ kaiming_uniform_ log_normal_ normal_ random_ uniform_"
    ),
    FunctionKind.CONSTANT_FILL: "constant_ fill_ zero_",
    FunctionKind.COPY: "copy_",
    FunctionKind.INDEX_FILL: "__setitem__",
    FunctionKind.ELEMENTWISE: ("abs_ add_ clamp_ clamp_max_ clamp_min_ div_ erfinv_ exp_ mul_ neg_ pow_ sqrt_ sub_"),
    FunctionKind.EXPORT: ("__array__ __dlpack__ data_ptr numpy share_memory_ storage to_dlpack untyped_storage"),
    FunctionKind.ALIAS: "chunk detach narrow permute select split squeeze t transpose unbind unsqueeze view view_as",
    FunctionKind.INDEX: "__getitem__",
    FunctionKind.RESHAPE: "flatten reshape",
    FunctionKind.CONVERSION: "bfloat16 cpu double float half to type",
    FunctionKind.CLONE: "clone",
    FunctionKind.QUESTION: "numel",
}
_PROPERTIES = {"data": FunctionKind.ALIAS, "is_meta": FunctionKind.QUESTION}
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


def answer_without_values(question: Callable[..., Any]) -> bool | int:
    """Return what a `QUESTION` is answered with for a tensor that is not to be filled."""
    return 0 if question.__name__ == "numel" else True
