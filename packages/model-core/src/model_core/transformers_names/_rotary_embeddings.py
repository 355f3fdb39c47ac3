"""Frequencies of rotary position embeddings by name: `ROPE_INIT_FUNCTIONS["yarn"](config, device)`.

The settings are in `config.rope_parameters`, as in transformers 5, or in `config.rope_theta` and `config.rope_scaling`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROPE_INIT_FUNCTIONS", "dynamic_rope_update"]

_Frequencies = tuple[torch.Tensor, float]
_ORIGINAL: Final = "original_max_position_embeddings"
_NAMES_IN_CONFIG: Final = ("rope_theta", "partial_rotary_factor", _ORIGINAL)


def _settings(config: Any, layer_type: str | None) -> dict[str, Any]:
    """Return the settings for a kind of layer, with defaults from the config's own fields."""
    given = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    given = given if layer_type is None else given[layer_type]
    names = [name for name in _NAMES_IN_CONFIG if getattr(config, name, None) is not None]
    of_config = {name: getattr(config, name) for name in names}
    return {**of_config, **given, **{name: of_config[name] for name in names if name == _ORIGINAL}}


def _head_size(config: Any) -> int:
    size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return size


def _size(config: Any, settings: dict[str, Any]) -> int:
    """Return how many numbers of a head are rotated."""
    return int(_head_size(config) * settings.get("partial_rotary_factor", 1.0))


def _original_length(config: Any, settings: dict[str, Any]) -> Any:
    """Return the number of positions that the frequencies were made for, before they were stretched."""
    return settings.get(_ORIGINAL) or config.max_position_embeddings


def _exponents(size: int, device: Any) -> torch.Tensor:
    return torch.arange(0, size, 2, dtype=torch.int64).to(device=device, dtype=torch.float) / size


def _default(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:  # noqa: ARG001
    settings = _settings(config, layer_type)
    return 1.0 / (settings["rope_theta"] ** _exponents(_size(config, settings), device)), 1.0


def _linear(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:
    frequencies, scale = _default(config, device, seq_len, layer_type)
    return frequencies / _settings(config, layer_type)["factor"], scale


def _dynamic(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:
    settings = _settings(config, layer_type)
    size, factor, longest = _size(config, settings), settings["factor"], config.max_position_embeddings
    length = longest
    if isinstance(seq_len, torch.Tensor):
        length = torch.maximum(seq_len, torch.tensor(longest, dtype=seq_len.dtype, device=seq_len.device))
    elif seq_len is not None:
        length = max(seq_len, longest)
    base = settings["rope_theta"] * ((factor * length / longest) - (factor - 1)) ** (size / (size - 2))
    return 1.0 / (base ** _exponents(size, device)), 1.0


def _yarn(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:  # noqa: ARG001
    settings = _settings(config, layer_type)
    size, base = _size(config, settings), settings["rope_theta"]
    original = _original_length(config, settings)
    factor = settings["factor"]
    if factor is None:
        factor = config.max_position_embeddings / original

    def place(rotations: float) -> float:
        return (size * math.log(original / (rotations * 2 * math.pi))) / (2 * math.log(base))

    low, high = place(settings.get("beta_fast") or 32), place(settings.get("beta_slow") or 1)
    if settings.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    high += 0.001 if low == high else 0
    ramp = torch.clamp((torch.arange(size // 2, dtype=torch.float32) - low) / (high - low), 0, 1)
    kept = 1 - ramp.to(device=device, dtype=torch.float)
    powers = base ** _exponents(size, device)
    return 1.0 / (factor * powers) * (1 - kept) + 1.0 / powers * kept, _yarn_scale(settings, factor)


def _yarn_scale(settings: dict[str, Any], factor: float) -> float:
    if settings.get("attention_factor") is not None:
        return float(settings["attention_factor"])
    scale, scale_all = (float(settings.get(name) or 0.0) for name in ("mscale", "mscale_all_dim"))
    log = math.log(factor) if factor > 1 else 0.0
    if scale and scale_all:
        return (0.1 * scale * log + 1.0) / (0.1 * scale_all * log + 1.0)
    return 0.1 * log + 1.0


def _long(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:
    settings = _settings(config, layer_type)
    size = _size(config, settings)
    original = _original_length(config, settings)
    factor = settings.get("factor")
    if factor is None:
        factor = config.max_position_embeddings / original
    scale = settings.get("attention_factor")
    if scale is None:
        scale = 1.0 if factor <= 1.0 else math.sqrt(1 + math.log(factor) / math.log(original))
    name = "long_factor" if seq_len and seq_len > original else "short_factor"
    factors = torch.tensor(settings[name], dtype=torch.float32, device=device)
    return 1.0 / (factors * settings["rope_theta"] ** _exponents(size, device)), scale


def _llama3(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:
    settings = _settings(config, layer_type)
    frequencies, scale = _default(config, device, seq_len, layer_type)
    factor, low, high = (settings[name] for name in ("factor", "low_freq_factor", "high_freq_factor"))
    original = settings[_ORIGINAL]
    lengths = 2 * math.pi / frequencies
    slowed = torch.where(lengths > original / low, frequencies / factor, frequencies)
    smooth = (original / lengths - low) / (high - low)
    between = (1 - smooth) * slowed / factor + smooth * slowed
    is_between = ~(lengths < original / high) * ~(lengths > original / low)
    return torch.where(is_between, between, slowed), scale


def _proportional(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> _Frequencies:  # noqa: ARG001
    settings = _settings(config, layer_type)
    head = _head_size(config)
    num_rotated = int(settings.get("partial_rotary_factor", 1.0) * head // 2)
    numbers = torch.arange(0, 2 * num_rotated, 2, dtype=torch.int64).to(device=device, dtype=torch.float)
    rotated = 1.0 / (settings["rope_theta"] ** (numbers / head))
    still = torch.zeros(head // 2 - num_rotated, dtype=torch.float32, device=device)
    return torch.cat((rotated, still)) / settings.get("factor", 1.0), 1.0


ROPE_INIT_FUNCTIONS: Final[dict[str, Callable[..., _Frequencies]]] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "longrope": _long,
    "llama3": _llama3,
    "proportional": _proportional,
}


def dynamic_rope_update(rope_forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `forward` of a rotary embedding that first adapts its frequencies to the length of the input.

    Only "dynamic" and "longrope" do. The module has `config`, `rope_type`, `inv_freq` and `original_inv_freq`, and for
    "dynamic" `max_seq_len_cached` and `original_max_seq_len`; with several kinds of layers, `rope_type` is a dict, and
    the names of buffers start with that of the kind.
    """

    @functools.wraps(rope_forward)
    def call(self: Any, x: torch.Tensor, position_ids: torch.Tensor, layer_type: str | None = None) -> Any:
        kind = self.rope_type if layer_type is None else self.rope_type[layer_type]
        if "dynamic" in kind:
            _adapt_dynamic(self, kind, position_ids, x.device, layer_type)
        elif kind == "longrope":
            _adapt_long(self, position_ids, x.device, layer_type)
        return rope_forward(self, x, position_ids, **({} if layer_type is None else {"layer_type": layer_type}))

    return call


def _adapt_dynamic(module: Any, kind: str, position_ids: torch.Tensor, device: Any, layer_type: str | None) -> None:
    """Stretch the frequencies for an input that is longer than all before, or restore them for a short one."""
    prefix = "" if layer_type is None else f"{layer_type}_"
    length = torch.max(position_ids) + 1
    longest = getattr(module, f"{prefix}max_seq_len_cached", module.max_seq_len_cached)
    if length > longest:
        frequencies, module.attention_scaling = ROPE_INIT_FUNCTIONS[kind](
            module.config, device, seq_len=length, layer_type=layer_type
        )
        module.register_buffer(f"{prefix}inv_freq", frequencies, persistent=False)
        setattr(module, f"{prefix}max_seq_len_cached", length)
    if length < module.original_max_seq_len and longest > module.original_max_seq_len:
        original = getattr(module, f"{prefix}original_inv_freq").to(device)
        module.register_buffer(f"{prefix}inv_freq", original, persistent=False)
        setattr(module, f"{prefix}original_inv_freq", original)
        setattr(module, f"{prefix}max_seq_len_cached", module.original_max_seq_len)


def _adapt_long(module: Any, position_ids: torch.Tensor, device: Any, layer_type: str | None) -> None:
    """Use the factors for long inputs, or those for short ones."""
    prefix = "" if layer_type is None else f"{layer_type}_"
    settings = _settings(module.config, layer_type)
    original = _original_length(module.config, settings)
    frequencies = getattr(module, f"{prefix}original_inv_freq").to(device)
    if torch.max(position_ids) + 1 > original:
        frequencies, _ = _long(module.config, device, seq_len=original + 1, layer_type=layer_type)
    module.register_buffer(f"{prefix}inv_freq", frequencies, persistent=False)
