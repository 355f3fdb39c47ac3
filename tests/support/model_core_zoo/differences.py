"""In what two models differ: tensors, flags, ties and everything else that a module holds."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["differences", "train_a_little"]


def train_a_little(model):
    """Give every tensor that is saved other values, in place, as training would; return the model."""
    generator = torch.Generator().manual_seed(len(model.state_dict()))
    done = set()
    with torch.inference_mode():
        for tensor in model.state_dict().values():
            if not isinstance(tensor, torch.Tensor) or tensor.data_ptr() in done:
                continue
            done.add(tensor.data_ptr())
            noise = torch.randint(0, 2, tensor.shape, generator=generator)
            # By element, since elements may share memory.
            for place in range(tensor.numel()):
                index = tuple(int(part) for part in torch.unravel_index(torch.tensor(place), tensor.shape))
                tensor[index] = noise[index].to(tensor.dtype)
    return model


def differences(one, other):
    """Return what is different in two models of a class, in words; empty if nothing is."""
    found = []
    ours, theirs = (dict(model.named_modules(remove_duplicate=False)) for model in (one, other))
    if ours.keys() != theirs.keys():
        return [f"modules: {sorted(ours.keys() ^ theirs.keys())}"]
    for path, module in ours.items():
        found += [f"{path}: {text}" for text in _module_differences(module, theirs[path])]
    if _ties(one) != _ties(other):
        found.append(f"ties: {_ties(one)} and {_ties(other)}")
    return found


def _module_differences(one, other):
    if type(one).__qualname__ != type(other).__qualname__:  # parametrized modules have a class each
        yield f"a {type(one)} and a {type(other)}"
    if one.training is not other.training:
        yield "training or not"
    if one._non_persistent_buffers_set != other._non_persistent_buffers_set:
        yield "which buffers are saved"
    for kind, held in (("parameter", _parameters), ("buffer", _buffers), ("attribute", _attributes)):
        ours, theirs = held(one), held(other)
        if list(ours) != list(theirs):
            yield f"names of {kind}s"
        for name in ours.keys() & theirs.keys():
            yield from (f"{kind} {name}: {text}" for text in _value_differences(ours[name], theirs[name]))


def _parameters(module):
    return dict(module._parameters.items())  # what torch.jit compiled has something like a dict


def _buffers(module):
    return dict(module._buffers.items())


def _attributes(module):
    """Return the attributes of a module that are its author's."""
    others = {
        *vars(nn.Module()),
        "config",
        "name_or_path",
        "_constructed_layout",
        "_constructed_fields",
        "_torchdynamo_wrapper_id",
    }
    return {name: value for name, value in vars(module).items() if name not in others}


def _value_differences(one, other):
    if type(one) is not type(other):
        yield f"a {type(one)} and a {type(other)}"
    elif isinstance(one, torch.Tensor):
        yield from _tensor_differences(one, other)
    elif isinstance(one, nn.Module):
        yield from differences(one, other)
    elif isinstance(one, (list, tuple)):
        for number, (ours, theirs) in enumerate(zip(one, other, strict=True)):
            yield from (f"[{number}] {text}" for text in _value_differences(ours, theirs))
    elif isinstance(one, dict):
        for name in one.keys() | other.keys():
            yield from (f"[{name!r}] {text}" for text in _value_differences(one.get(name), other.get(name)))
    elif isinstance(one, (str, int, float, bool, type(None))) and one != other:
        yield f"{one!r} and {other!r}"


def _tensor_differences(one, other):
    for name in ("dtype", "shape", "device", "requires_grad", "is_leaf"):
        if getattr(one, name) != getattr(other, name):
            yield f"{name}: {getattr(one, name)} and {getattr(other, name)}"
    if isinstance(one, nn.Parameter) and vars(one) != vars(other):  # conversion makes new buffers
        yield f"attributes: {vars(one)} and {vars(other)}"
    if one.shape == other.shape and one.dtype == other.dtype and _bytes(one) != _bytes(other):
        yield f"values: {one} and {other}"


def _bytes(tensor):
    values = tensor.detach().resolve_conj().resolve_neg().contiguous().clone().flatten()
    return bytes(values.untyped_storage())


def _ties(model):
    """Return the names that are one object, in groups."""
    groups = {}
    for path, module in model.named_modules(remove_duplicate=False):
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                groups.setdefault(id(tensor), []).append(f"{path}.{name}")
    return sorted(names for names in groups.values() if len(names) > 1)
