"""Tensors of a checkpoint that hold what the model has in another layout: transposed, in one tensor, or in several.

No renaming makes these match. Whoever converts the checkpoint has to change the tensors, and the advice says how.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from model_core.load_report import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from model_core.load_report import LoadReport

__all__ = ["about_fused_projections", "about_transposed"]

_Shape = tuple[int, ...]

_ENDING = r"(?:_?(?:proj|lin|linear|layer))?"
_FUSED = re.compile(
    rf"(?:.*\.)?(?:to_|w|c_)?(?:qkv|query_key_value|in_proj|attn){_ENDING}[._](?:weight|bias)", re.IGNORECASE
)
_ONE_OF_THREE = re.compile(
    rf"(?P<path>(?:.*\.)?)(?:to_|w|lin_)?(?:(?P<q>q|query)|(?P<k>k|key)|(?P<v>v|value)){_ENDING}"
    r"[._](?P<kind>weight|bias)",
    re.IGNORECASE,
)


def about_transposed(report: LoadReport) -> list[str]:
    """Return what to do if all tensors of another size have that of the model with their dimensions in another order.

    Args:
        report: What matches and what does not.
    """
    entries = report.mismatched
    if not entries or not all(_is_transposed(entry.stored_shape, entry.model_shape) for entry in entries):
        return []
    listed = shortened(
        [f"{entry.name} ({[*entry.stored_shape]} for {[*entry.model_shape]})" for entry in entries], most=3
    )
    sides = f"the checkpoint has {listed} transposed, as TensorFlow, JAX and the Conv1D of GPT-2 keep weights"
    return [f"{sides}: transpose those of all layers of this kind, square ones too, and pass them as state_dict="]


def _is_transposed(stored: _Shape, model: _Shape) -> bool:
    # The inputs and outputs of a layer stand last, behind the size of a kernel: [3, 3, 16, 32] for [32, 16, 3, 3].
    return stored != model and len(stored) > 1 and model == (stored[-1], stored[-2], *stored[:-2])


def about_fused_projections(report: LoadReport) -> list[str]:
    """Return what to do if queries, keys and values are one tensor on one side only.

    Args:
        report: What matches and what does not.
    """
    if found := _fused_and_split(report.unexpected, report.missing):
        fused, split = found
        sides = f"the checkpoint has queries, keys and values in one tensor, {fused}, and the model in {split}"
        return [f"{sides}: split it in the order of the code that saved it, and pass the parts as state_dict="]
    if found := _fused_and_split(report.missing, report.unexpected):
        fused, split = found
        sides = f"the model has queries, keys and values in one tensor, {fused}, and the checkpoint in {split}"
        return [f"{sides}: join them with torch.cat in the order of the model's code, and pass that as state_dict="]
    return []


def _fused_and_split(fused: Mapping[str, _Shape], split: Mapping[str, _Shape]) -> tuple[str, str] | None:
    """Return the first tensor of three projections on one side, and those on the other that have its size together."""
    by_place: dict[tuple[str, str], dict[str, str]] = {}
    for name in split:
        if match := _ONE_OF_THREE.fullmatch(name):
            role = next(role for role in ("q", "k", "v") if match[role])
            by_place.setdefault((match["path"], match["kind"]), {})[role] = name
    triples = [[roles[role] for role in ("q", "k", "v")] for roles in by_place.values() if len(roles) == len("qkv")]
    by_shape = {_joined([split[name] for name in names]): names for names in reversed(triples)}
    for name, shape in fused.items():
        if _FUSED.fullmatch(name) and shape in by_shape:
            return name, ", ".join(by_shape[shape])
    return None


def _joined(shapes: list[_Shape]) -> _Shape | None:
    """Return the shape of several tensors one after the other, or None if they do not go together."""
    others = {shape[1:] for shape in shapes}
    return (sum(shape[0] for shape in shapes), *shapes[0][1:]) if all(shapes) and len(others) == 1 else None
