"""Tensors without memory of their own. Reading some of them would end the process."""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

__all__ = ["HoldingTensor", "fake", "released"]


class HoldingTensor(torch.Tensor):
    """A tensor that has no memory but holds another one, as distributed and quantised ones do."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        inner = (arg.inner if isinstance(arg, HoldingTensor) else arg for arg in args)
        return cls(function(*inner, **(kwargs or {})))


def released(tensor):
    """Give the memory of a tensor back, as FSDP does, and return the tensor."""
    tensor.untyped_storage().resize_(0)
    return tensor


def fake(*shape):
    """Return a tensor that has a shape and no values, as tracing makes them."""
    with FakeTensorMode():
        return torch.ones(shape)
