"""Properties of a model as a whole: device, dtype, size."""

from __future__ import annotations

import torch
from torch import nn

from model_core.module_tensors import all_tensors

__all__ = ["ModuleFacts"]


class ModuleFacts(nn.Module):
    """The part of `PreTrainedModel` that describes its tensors."""

    @property
    def device(self) -> torch.device:
        """Device of the first parameter or buffer; the CPU if there is none."""
        return next((tensor.device for tensor in all_tensors(self)), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the first floating-point parameter or, if there is none, buffer; otherwise torch's default dtype."""
        tensors = [*self.parameters(), *self.buffers()]
        return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.get_default_dtype())

    def num_parameters(self, *, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Return the number of elements of all parameters. Shared parameters count once.

        Args:
            only_trainable: Exclude parameters that do not require a gradient.
            exclude_embeddings: Exclude the weights of `nn.Embedding` layers.
        """
        embeddings = {id(module.weight) for module in self.modules() if isinstance(module, nn.Embedding)}
        return sum(
            parameter.numel()
            for parameter in self.parameters()
            if (parameter.requires_grad or not only_trainable)
            and not (exclude_embeddings and id(parameter) in embeddings)
        )

    def get_memory_footprint(self, *, return_buffers: bool = True) -> int:
        """Return the size of all parameters and, unless `return_buffers` is False, all buffers, in bytes."""
        tensors = all_tensors(self) if return_buffers else list(self.parameters())
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
