"""Settings of rotary position embeddings in a config: its field `rope_parameters`, which files of version 4 lack."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Final, TypedDict

from config_core.transformers_names import logging

__all__ = ["RopeParameters", "RopeSettings", "rope_config_validation"]

_logger = logging.get_logger(__name__)
_SCALED: Final = frozenset({"llama3", "yarn", "longrope"})
_OLD_FIELDS: Final = frozenset({"rope_scaling", "rope_theta", "partial_rotary_factor"})
_REQUIRED: Final = {
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "longrope": ("short_factor", "long_factor"),
    "llama3": ("factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"),
}


class RopeParameters(TypedDict, total=False):
    """The settings, for annotations."""

    rope_theta: float | None
    rope_type: str | None
    partial_rotary_factor: float | None
    factor: float | None
    original_max_position_embeddings: int | None
    attention_factor: float | None
    beta_fast: float | None
    beta_slow: float | None
    short_factor: list[float] | None
    long_factor: list[float] | None
    low_freq_factor: float | None
    high_freq_factor: float | None
    mscale: float | None
    mscale_all_dim: float | None
    truncate: bool | None
    mrope_section: list[int] | None


class RopeSettings:
    """The part of `PretrainedConfig` that completes `rope_parameters`, in a class with such a field."""

    default_theta: ClassVar[float] = 10_000.0
    default_rope_type: ClassVar[str] = "default"
    ignore_keys_at_rope_validation: ClassVar[set[str]] = set()

    def _with_rope_parameters(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Complete `rope_parameters` if the class sets it, and return the keywords that are left.

        A class with fields in its body sets it later: then `__post_init__` calls this again.
        """
        kwargs = {**vars(self).pop("_rope_kwargs", {}), **kwargs}
        kwargs.pop("ignore_keys_at_rope_validation", None)  # no file has them
        if "rope_parameters" in vars(self):
            return self.convert_rope_params_to_dict(**kwargs)
        declared = getattr(type(self), "rope_parameters", None)
        if hasattr(type(self), "rope_parameters") and not isinstance(declared, property):
            vars(self)["_rope_kwargs"] = {name: kwargs.pop(name) for name in _OLD_FIELDS & kwargs.keys()}
        return kwargs

    def convert_rope_params_to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Move the settings of files of version 4 to `rope_parameters`, complete it, and return the other keywords."""
        given = kwargs.pop("rope_scaling", None) or getattr(self, "rope_parameters", None)
        self.rope_parameters: Any = {} if given is None else copy.deepcopy(given)
        theta = kwargs.pop("rope_theta", getattr(self, "rope_theta", self.default_theta))
        share = kwargs.pop("partial_rotary_factor", getattr(self, "partial_rotary_factor", None))
        for settings in self._rope_settings(self.rope_parameters):
            settings.setdefault("rope_theta", theta)
            if share is not None:
                settings.setdefault("partial_rotary_factor", share)
        self.standardize_rope_params()
        return kwargs

    def standardize_rope_params(self) -> None:
        """Complete `rope_parameters` by the fields of the config, in place."""
        theta, share = getattr(self, "rope_theta", None), getattr(self, "partial_rotary_factor", None)
        parameters = getattr(self, "rope_parameters", None) or {}
        if not parameters and not theta:
            _logger.warning("%s has no settings of rotary position embeddings.", type(self).__name__)
            return
        for settings in self._rope_settings(parameters):
            settings.setdefault("rope_type", settings.get("type", "default"))
            settings.setdefault("rope_theta", theta)
            if share is not None:
                settings.setdefault("partial_rotary_factor", share)
            if settings["rope_type"] == "default":
                settings["rope_type"] = self.default_rope_type
            if settings["rope_type"] in _SCALED:
                self._add_original_length(settings, is_only=settings is parameters)
        self.rope_parameters = parameters

    def validate_rope(self) -> None:
        """Check that the settings have what their `rope_type` needs.

        Raises:
            KeyError: They lack something.
        """
        parameters = getattr(self, "rope_parameters", None) or getattr(self, "rope_scaling", None)
        for settings in self._rope_settings(parameters) if isinstance(parameters, dict) else ():
            kind = settings.setdefault("rope_type", settings.get("type", "default"))
            if missing := [name for name in _REQUIRED.get(kind, ()) if name not in settings]:
                raise KeyError(f"rope_parameters of type {kind!r} need {', '.join(missing)}.")

    def nested_rope_parameter_keys(self, rope_parameters: dict[str, Any]) -> list[str]:
        """Return the kinds of layers that have settings of their own in `rope_parameters`."""
        kinds = getattr(self, "_rope_type_labels", None) or getattr(self, "layer_types", None) or ()
        return [kind for kind in rope_parameters if kind in kinds]

    def _rope_settings(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the settings in `rope_parameters`: those of each kind of layer, or the only ones."""
        nested = [parameters[kind] for kind in self.nested_rope_parameter_keys(parameters)]
        return [settings for settings in nested or [parameters] if settings is not None]

    def _add_original_length(self, settings: dict[str, Any], *, is_only: bool) -> None:
        name = "original_max_position_embeddings"
        own = vars(self).get(name)
        if is_only and own is not None:
            settings[name] = own
        else:
            settings.setdefault(name, getattr(self, "max_position_embeddings", None))


def rope_config_validation(config: Any, ignore_keys: set[str] | None = None) -> None:  # noqa: ARG001 - transformers'
    """Check the settings of rotary position embeddings in a config.

    Raises:
        KeyError: They lack something.
    """
    if hasattr(config, "rope_parameters"):
        config.standardize_rope_params()
    config.validate_rope()
