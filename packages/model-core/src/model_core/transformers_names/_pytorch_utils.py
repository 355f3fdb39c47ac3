"""Small functions of `transformers.pytorch_utils` and `transformers.utils` on tensors and layers."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from model_core.torch_internals import softmax_gradient
from model_core.transformers_names._model_output import ModelOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "Conv1D",
    "apply_chunking_to_forward",
    "can_return_tuple",
    "center_to_corners_format",
    "compile_compatible_method_lru_cache",
    "corners_to_center_format",
    "find_pruneable_heads_and_indices",
    "get_parameter_device",
    "get_parameter_dtype",
    "get_torch_context_manager_or_global_device",
    "id_tensor_storage",
    "is_jit_tracing",
    "is_tensor",
    "is_torch_fx_proxy",
    "is_torch_tensor",
    "is_torchdynamo_compiling",
    "is_torchdynamo_exporting",
    "is_tracing",
    "isin_mps_friendly",
    "maybe_autocast",
    "meshgrid",
    "prune_layer",
    "prune_linear_layer",
    "slice_logits_to_keep",
    "softmax_backward_data",
    "torch_compilable_check",
    "torch_float",
    "torch_int",
]


# What torch and this module have under other names.
isin_mps_friendly = torch.isin
meshgrid = torch.meshgrid
is_torchdynamo_compiling = torch.compiler.is_compiling


def is_torchdynamo_exporting() -> bool:
    """Return whether `torch.export` is tracing, which torch tells from version 2.7 on."""
    return hasattr(torch.compiler, "is_exporting") and bool(torch.compiler.is_exporting())


class Conv1D(nn.Module):
    """A linear layer whose weight has the shape `(inputs, outputs)`.

    Args:
        nf: Number of outputs.
        nx: Number of inputs.
    """

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf = nf
        self.nx = nx
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to the last dimension."""
        flat = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return flat.view((*x.size()[:-1], self.nf))


def apply_chunking_to_forward(
    forward_fn: Callable[..., torch.Tensor], chunk_size: int, chunk_dim: int, *input_tensors: torch.Tensor
) -> torch.Tensor:
    """Apply a function to chunks of tensors along a dimension, to save memory.

    Args:
        forward_fn: The function.
        chunk_size: Size of a chunk; 0 for everything at once.
        chunk_dim: The dimension.
        *input_tensors: Its arguments.

    Raises:
        ValueError: The tensors differ in size along the dimension, or it is not a multiple of the chunk size.
    """
    if chunk_size <= 0:
        return forward_fn(*input_tensors)
    sizes = {tensor.shape[chunk_dim] for tensor in input_tensors}
    if len(sizes) != 1 or next(iter(sizes)) % chunk_size:
        raise ValueError(f"Tensors with sizes {sorted(sizes)} in dimension {chunk_dim} have no chunks of {chunk_size}.")
    num_chunks = next(iter(sizes)) // chunk_size
    chunks = zip(*(tensor.chunk(num_chunks, dim=chunk_dim) for tensor in input_tensors), strict=True)
    return torch.cat([forward_fn(*chunk) for chunk in chunks], dim=chunk_dim)


def find_pruneable_heads_and_indices(
    heads: Iterable[int], n_heads: int, head_size: int, already_pruned_heads: Iterable[int]
) -> tuple[set[int], torch.Tensor]:
    """Return the attention heads to remove and the indices of the outputs to keep.

    Args:
        heads: Heads to remove, by their original numbers.
        n_heads: Number of heads that are left.
        head_size: Size of a head.
        already_pruned_heads: Heads that were removed before.
    """
    pruned = set(already_pruned_heads)
    removed = set(heads) - pruned
    mask = torch.ones(n_heads, head_size, dtype=torch.bool)
    for head in removed:
        mask[head - sum(other < head for other in pruned)] = False
    return removed, torch.arange(n_heads * head_size)[mask.view(-1)].long()


def prune_linear_layer(layer: nn.Linear, index: torch.Tensor, dim: int = 0) -> nn.Linear:
    """Return a linear layer with some of the outputs (`dim` 0) or inputs (`dim` 1) of another one."""
    weight = layer.weight.index_select(dim, index.to(layer.weight.device)).detach().clone()
    pruned = nn.Linear(weight.shape[1], weight.shape[0], bias=layer.bias is not None).to(weight.device, weight.dtype)
    with torch.no_grad():
        pruned.weight.copy_(weight)
        if layer.bias is not None:
            pruned.bias.copy_(layer.bias[index] if dim == 0 else layer.bias)
    return pruned


def prune_layer(layer: nn.Module, index: torch.Tensor, dim: int | None = None) -> nn.Module:
    """Return a layer with some of the outputs or inputs of another one.

    Raises:
        ValueError: It is not a linear layer.
    """
    if not isinstance(layer, nn.Linear):
        raise ValueError(f"Only nn.Linear can be pruned, got {type(layer).__name__}.")  # noqa: TRY004 - transformers'
    return prune_linear_layer(layer, index, dim=dim or 0)


def softmax_backward_data(parent: Any, grad_output: torch.Tensor, output: torch.Tensor, *_: Any) -> torch.Tensor:
    """Return the gradient of the input of a softmax, in an autograd function with the attribute `dim`."""
    return softmax_gradient(output, grad_output, parent.dim)


def id_tensor_storage(tensor: torch.Tensor) -> tuple[torch.device, int, int]:
    """Return what identifies the memory of a tensor: device, address and size."""
    storage = tensor.untyped_storage()
    return tensor.device, storage.data_ptr(), storage.nbytes()


def get_parameter_device(parameter: nn.Module) -> torch.device:
    """Return the device of a module's first parameter; the CPU if it has none."""
    return next((tensor.device for tensor in parameter.parameters()), torch.device("cpu"))


def get_parameter_dtype(parameter: nn.Module) -> torch.dtype:
    """Return the dtype of a module's first floating-point parameter; torch's default dtype if it has none."""
    dtypes = (tensor.dtype for tensor in parameter.parameters() if tensor.is_floating_point())
    return next(dtypes, torch.get_default_dtype())


def get_torch_context_manager_or_global_device() -> torch.device | None:
    """Return the device on which tensors are created, or None if that is the CPU and nobody has chosen it."""
    current, default = torch.tensor([]).device, torch.get_default_device()
    return None if current == default == torch.device("cpu") else current


def can_return_tuple(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `forward` that returns a tuple if `return_dict` or the config's `return_dict` is False."""
    takes_it = "return_dict" in inspect.signature(forward).parameters

    @functools.wraps(forward)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        default = getattr(getattr(self, "config", None), "return_dict", True)
        given = kwargs.get("return_dict") if takes_it else kwargs.pop("return_dict", None)
        output = forward(self, *args, **kwargs)
        is_tuple = not (default if given is None else given)
        return output.to_tuple() if is_tuple and isinstance(output, ModelOutput) else output

    return call


def center_to_corners_format(bboxes_center: torch.Tensor) -> torch.Tensor:
    """Return boxes `(center x, center y, width, height)` as `(left, top, right, bottom)`."""
    x, y, width, height = bboxes_center.unbind(-1)
    return torch.stack([x - 0.5 * width, y - 0.5 * height, x + 0.5 * width, y + 0.5 * height], dim=-1)


def corners_to_center_format(bboxes_corners: torch.Tensor) -> torch.Tensor:
    """Return boxes `(left, top, right, bottom)` as `(center x, center y, width, height)`."""
    left, top, right, bottom = bboxes_corners.unbind(-1)
    return torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], dim=-1)


def slice_logits_to_keep(hidden_states: torch.Tensor, logits_to_keep: int | torch.Tensor) -> torch.Tensor:
    """Return the hidden states of the positions whose logits are needed.

    Args:
        hidden_states: Of shape `(batch, length, size)`.
        logits_to_keep: How many at the end, or 0 for all. Or positions, of shape `(positions,)` or
            `(batch, positions)`. Or a boolean mask of shape `(batch, length)`, which gives the shape `(kept, size)`.
    """
    if isinstance(logits_to_keep, int):
        return hidden_states[:, slice(-logits_to_keep, None), :]
    if logits_to_keep.dim() == 1:
        return hidden_states[:, logits_to_keep, :]
    if logits_to_keep.dtype == torch.bool:
        return hidden_states[logits_to_keep]
    return torch.take_along_dim(hidden_states, logits_to_keep[..., None], dim=1)


def maybe_autocast(
    device_type: str,
    dtype: torch.dtype | None = None,
    enabled: bool = True,  # noqa: FBT001, FBT002 - transformers' signature
    cache_enabled: bool | None = None,  # noqa: FBT001 - as above
) -> contextlib.AbstractContextManager[Any]:
    """Return `torch.autocast` of these arguments, or a context that does nothing where that would change nothing."""
    if device_type == "meta" or not (enabled or torch.is_autocast_enabled(device_type)):
        return contextlib.nullcontext()
    return torch.autocast(device_type, dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


def torch_compilable_check(cond: Any, msg: Any, error_type: type[Exception] = ValueError) -> None:
    """Raise unless a condition holds. While the code is compiled, the condition is assumed.

    Args:
        cond: A bool, a tensor of which all elements must be true, or a function that returns either.
        msg: The message, or a function that returns it.
        error_type: The exception.
    """
    if is_tracing():
        return
    holds = cond() if callable(cond) else cond
    if not (bool(holds.all()) if isinstance(holds, torch.Tensor) else holds):
        raise error_type(msg() if callable(msg) else msg)


def compile_compatible_method_lru_cache(*lru_args: Any, **lru_kwargs: Any) -> Callable[..., Any]:
    """Return `functools.lru_cache` of these arguments, which is left out while the code is compiled."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        cached = functools.lru_cache(*lru_args, **lru_kwargs)(method)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (method if is_torchdynamo_compiling() else cached)(*args, **kwargs)

        return call

    return decorate


def torch_int(x: Any) -> Any:
    """Return a number as an integer; while tracing, a tensor as one of integers."""
    return x.to(torch.int64) if is_jit_tracing() and isinstance(x, torch.Tensor) else int(x)


def torch_float(x: Any) -> Any:
    """Return a number as a float; while tracing, a tensor as one of floats."""
    return x.to(torch.float32) if is_jit_tracing() and isinstance(x, torch.Tensor) else float(x)


def is_torch_tensor(x: object) -> bool:
    """Return whether something is a tensor."""
    return isinstance(x, torch.Tensor)


is_tensor = is_torch_tensor


def is_torch_fx_proxy(x: object) -> bool:
    """Return whether something stands for a value while `torch.fx` traces a model."""
    return any(cls.__module__ == "torch.fx.proxy" for cls in type(x).__mro__)


def is_jit_tracing() -> bool:
    """Return whether `torch.jit.trace` traces the code."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def is_tracing(tensor: object = None) -> bool:
    """Return whether the code is traced or compiled."""
    return is_jit_tracing() or is_torchdynamo_compiling() or is_torch_fx_proxy(tensor)
