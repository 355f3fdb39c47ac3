"""Tensors of a checkpoint that hold what the model has in another layout: transposed, in one tensor, or in several.

No renaming makes these match. Whoever converts the checkpoint has to change the tensors, and the advice says how.
"""

from __future__ import annotations

import re
from itertools import chain, islice, permutations, product
from typing import TYPE_CHECKING, NamedTuple

from model_core.load_report import shortened
from model_core.torch_dtypes import dtype_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from model_core.load_report import LoadReport

__all__ = ["about_converted", "about_rearranged", "about_stacked"]

_Shape = tuple[int, ...]

_NAME = re.compile(r"(?P<path>(?:.*\.)?)(?P<layer>(?P<stem>[^.]+?)[._])(?P<kind>weight|bias)", re.DOTALL)
_AFFIXES = re.compile(r"^(?:to_|lin_|c_|w)|_?(?:proj|lin|linear|layer)$", re.IGNORECASE)
_ROLES = {"q": "queries", "k": "keys", "v": "values"}
_STACKS_OF_QKV = ("attn", "in")  # c_attn, in_proj
_STACK_SIZES = (3, 2)
_MAX_NEARBY = 8  # layers of one module of which all orders are looked at
_MAX_PLACES = 20  # modules of which each is compared with those of other paths


class _Layer(NamedTuple):
    """The weight or bias of a layer.

    Attributes:
        name: Its name where it is, in the checkpoint or in the model.
        place: Path in the model of the module that has the layer, and the kind: weight or bias.
        layer: Name of the layer, with what follows it.
        word: What the layer is for: `q`, `query`, `gate`.
        shape: The shape.
    """

    name: str
    place: tuple[str, str]
    layer: str
    word: str
    shape: _Shape


def about_rearranged(report: LoadReport) -> list[str]:
    """Return what to do if all tensors of another shape have the same values as the model's in another arrangement.

    Args:
        report: What matches and what does not.
    """
    entries = report.mismatched
    listed = shortened(
        [f"{entry.name} ({[*entry.stored_shape]} for {[*entry.model_shape]})" for entry in entries], most=3
    )
    if entries and all(_is_transposed(entry.stored_shape, entry.model_shape) for entry in entries):
        sides = f"the checkpoint has {listed} transposed, as TensorFlow, JAX and the Conv1D of GPT-2 keep weights"
        return [f"{sides}: transpose those of all layers of this kind, square ones too, and pass them as state_dict="]
    if entries and all(_is_reshaped(entry.stored_shape, entry.model_shape) for entry in entries):
        sides = f"the checkpoint has {listed} in another shape, as a convolution of size 1 has for a linear layer"
        return [f"{sides}: reshape them, and pass them as state_dict="]
    return []


def about_converted(report: LoadReport, code_to_read: str) -> list[str]:
    """Return what to do if all tensors that do not match have values of another kind, such as counts that are floats.

    Args:
        report: What matches and what does not.
        code_to_read: Python code for the state dict of the checkpoint.
    """
    entries = report.mismatched
    if not entries or any(
        entry.stored_shape != entry.model_shape or entry.stored_dtype.is_complex for entry in entries
    ):
        return []
    named = [
        f"{entry.name} ({dtype_name(entry.stored_dtype)} for {dtype_name(entry.model_dtype)})" for entry in entries
    ]
    advice = (
        f"the checkpoint has {shortened(named, most=3)} in another dtype: convert them, and pass them as state_dict="
    )
    endings = {entry.name.rpartition(".")[2] for entry in entries}
    dtypes = {entry.model_dtype for entry in entries}
    if len(endings) > 1 or len(dtypes) > 1 or any(name.endswith((*endings,)) for name in report.loaded):
        return [advice]
    converted = f"value.to({dtypes.pop()}) if name.endswith({endings.pop()!r}) else value"
    return [f"{advice}{{name: {converted} for name, value in {code_to_read}.items()}}"]


def _is_reshaped(stored: _Shape, model: _Shape) -> bool:
    return stored != model and _without_ones(stored) == _without_ones(model)


def _without_ones(shape: _Shape) -> _Shape:
    return tuple(size for size in shape if size != 1)


def _is_transposed(stored: _Shape, model: _Shape) -> bool:
    # The inputs and outputs of a layer stand last, behind the size of a kernel: [3, 3, 16, 32] for [32, 16, 3, 3].
    return stored != model and len(stored) > 1 and model == (stored[-1], stored[-2], *stored[:-2])


def about_stacked(
    missing: Mapping[str, _Shape],
    unexpected: Mapping[str, tuple[str, _Shape]],
    *,
    all_stored: Collection[str],
    code_to_read: str,
) -> list[str]:
    """Return what to do if several layers, such as queries, keys and values, are one layer on one side only.

    Args:
        missing: The tensors of the model that the checkpoint lacks, with their shapes.
        unexpected: The tensors of the checkpoint that the model lacks, with their names there and their shapes, by the
            names that the model would have for them.
        all_stored: The names of all tensors of the checkpoint.
        code_to_read: Python code for the state dict of the checkpoint.
    """
    in_model = _layers({name: (name, shape) for name, shape in missing.items()})
    in_checkpoint = _layers(unexpected)
    if found := _stack_and_parts(in_checkpoint, in_model):
        stack, parts = found
        has, lacks, remedy = (
            "checkpoint",
            "model",
            "split it in the order of the code that saved it, and pass the parts",
        )
        layer, change = stack.layer, _code_to_split(parts)
    elif found := _stack_and_parts(in_model, in_checkpoint):
        stack, parts = found
        has, lacks = "model", "checkpoint"
        remedy = "join them with torch.cat in the order of the model's code, and pass that"
        layer, change = parts[0].layer, _code_to_join(stack, parts)
    else:
        return []
    words = [_ROLES.get(part.word[0], part.word) if _initials(parts) in {"qkv", "kv"} else part.word for part in parts]
    what = f"{', '.join(words[:-1])} and {words[-1]} in one tensor"
    advice = (
        f"the {has} has {what}, {stack.name}, and the {lacks} in {', '.join(part.name for part in parts)}: {remedy}"
    )
    pattern = rf"\b{re.escape(layer)}(?=weight$|bias$)"
    others = {stored for stored, _ in unexpected.values()}
    if stack.place != parts[0].place or any(re.search(pattern, name) for name in all_stored if name not in others):
        return [f"{advice} as state_dict="]
    lines = [
        f"import pathlib, re, safetensors.torch, torch; pattern = {pattern!r}; state_dict = {code_to_read}",
        f"for name in [name for name in state_dict if re.search(pattern, name)]: {change}",
    ]
    return ["\n        ".join([f"{advice} as state_dict=state_dict:", *lines])]


def _code_to_split(parts: Sequence[_Layer]) -> str:
    lengths = [part.shape[0] for part in parts]
    split = f"chunk({len(lengths)})" if len({*lengths}) == 1 else f"split({lengths})"
    names = f"[re.sub(pattern, part, name) for part in {[part.layer for part in parts]}]"
    return f"state_dict |= zip({names}, state_dict.pop(name).{split})"


def _code_to_join(stack: _Layer, parts: Sequence[_Layer]) -> str:
    joined = f"[state_dict.pop(re.sub(pattern, part, name)) for part in {[part.layer for part in parts]}]"
    return f"state_dict[re.sub(pattern, {stack.layer!r}, name)] = torch.cat({joined})"


def _layers(tensors: Mapping[str, tuple[str, _Shape]]) -> list[_Layer]:
    """Return the weights and biases among some tensors, given as in `about_stacked`."""
    found = []
    for name, (stored, shape) in tensors.items():
        in_model, match = _NAME.fullmatch(name), _NAME.fullmatch(stored)
        if match and in_model and shape:
            word = _AFFIXES.sub("", match["stem"]).lower()
            found.append(
                _Layer(stored, (in_model["path"], match["kind"]), match["layer"], word or match["stem"], shape)
            )
    return found


def _stack_and_parts(stacks: Sequence[_Layer], layers: Sequence[_Layer]) -> tuple[_Layer, Sequence[_Layer]] | None:
    """Return the first layer that several others make up, and these in their order; those in the same place first."""
    by_place: dict[tuple[str, str], list[_Layer]] = {}
    for layer in layers:
        by_place.setdefault(layer.place, []).append(layer)
    in_same_place = ((stack, by_place.get(stack.place, [])) for stack in stacks)
    elsewhere = product(stacks[:_MAX_PLACES], islice(by_place.values(), _MAX_PLACES))
    for stack, nearby in chain(in_same_place, elsewhere):
        for number in _STACK_SIZES if len(nearby) <= _MAX_NEARBY else ():
            for parts in permutations(nearby, number):
                if _make_up(parts, stack):
                    return stack, parts
    return None


def _make_up(parts: Sequence[_Layer], stack: _Layer) -> bool:
    """Return whether a layer consists of others, by its name and its shape."""
    words = [part.word for part in parts]
    names = {"".join(words), "_".join(words), _initials(parts)}
    if stack.word not in names and not (stack.word in _STACKS_OF_QKV and _initials(parts) == "qkv"):
        return False
    if {part.shape[1:] for part in parts} != {stack.shape[1:]} or stack.place[1] != parts[0].place[1]:
        return False
    return sum(part.shape[0] for part in parts) == stack.shape[0]


def _initials(layers: Sequence[_Layer]) -> str:
    return "".join(layer.word[0] for layer in layers)
