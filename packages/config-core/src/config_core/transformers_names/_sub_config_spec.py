"""What parts a composite config of transformers 5 makes: its `sub_configs_defaults`."""

from __future__ import annotations

import copy
from typing import Any, Final

from config_core.config import config_class_named

__all__ = ["OLD_BACKBONE_FIELDS", "SubConfigSpec", "consolidate_backbone_kwargs_to_config"]

# What files of version 4 have beside the config of a backbone, or in its place.
OLD_BACKBONE_FIELDS: Final = frozenset({"backbone", "backbone_kwargs", "use_pretrained_backbone", "use_timm_backbone"})


class SubConfigSpec:
    """How a part is made, as in `sub_configs_defaults = {"vision_config": SubConfigSpec(VisionConfig)}`.

    Args:
        config_class: Its class, or `AutoConfig`: then its `model_type` says which, and the code, the registry or an
            installed package has to have that class.
        model_type: That of a part which names none.
        init_kwargs: The fields of a part that is not given.
        optional: Leave a part that is not given None.

    Raises:
        ValueError: There is no `model_type` for `AutoConfig`.
    """

    def __init__(
        self,
        config_class: Any,
        model_type: str | None = None,
        init_kwargs: dict[str, Any] | None = None,
        optional: bool = False,  # noqa: FBT001, FBT002 - transformers' signature
    ) -> None:
        kind = getattr(config_class, "model_type", None) if model_type is None else model_type
        if kind is None:
            raise ValueError("SubConfigSpec needs a model_type for AutoConfig.")
        self.config_class = config_class
        self.model_type: str = kind
        self.init_kwargs = init_kwargs or {}
        self.optional = optional
        self.owner: type[Any] | None = None  # its module may have the classes of parts

    @classmethod
    def of(cls, spec: Any, owner: type[Any]) -> SubConfigSpec:
        """Return the entry of a class in its `sub_configs_defaults`, which may be just the class of the part."""
        made = spec if isinstance(spec, cls) else cls(spec)
        made.owner = made.owner or owner  # subclasses share it
        return made

    def create_subconfig(self, key: str, subconfig: Any = None, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Return the part, made of a dict or of nothing, and the keywords that are left.

        Raises:
            ValueError: No class is known for its `model_type`.
            TypeError: It is neither a config, nor a dict, nor None.
        """
        if callable(getattr(subconfig, "to_dict", None)):
            return subconfig, kwargs
        defaults = copy.deepcopy(self.init_kwargs)  # configs share no lists
        if key == "backbone_config":
            return consolidate_backbone_kwargs_to_config(
                subconfig, None, self.model_type, defaults, owner=self.owner, **kwargs
            )
        if not (subconfig is None or isinstance(subconfig, dict)):
            raise TypeError(f"{key} must be a dict, a config or None, got {subconfig!r:.80}.")
        values = defaults if subconfig is None else subconfig
        if callable(getattr(self.config_class, "config_class_for", None)):  # AutoConfig
            return config_class_named(values.get("model_type") or self.model_type, owner=self.owner)(**values), kwargs
        return self.config_class(**values), kwargs


def consolidate_backbone_kwargs_to_config(
    backbone_config: Any,
    default_backbone: str | None = None,
    default_config_type: str | None = None,
    default_config_kwargs: dict[str, Any] | None = None,
    timm_default_kwargs: dict[str, Any] | None = None,
    *,
    owner: type[Any] | None = None,
    **kwargs: Any,
) -> tuple[Any, dict[str, Any]]:
    """Return the config of a backbone, and the keywords that are left.

    Args:
        backbone_config: The config, a dict with its `model_type`, or None.
        default_backbone: The name of a model in timm, if none is given as `backbone`.
        default_config_type: The `model_type` where nothing is given.
        default_config_kwargs: Its fields.
        timm_default_kwargs: Fields of the default backbone of timm.
        owner: The class that has the part.
        **kwargs: Keywords of its config.

    Raises:
        ValueError: No class is known for its `model_type`, which is `"timm_backbone"` for a model of timm.
    """
    old = {name: kwargs.pop(name) for name in OLD_BACKBONE_FIELDS & kwargs.keys()}
    name, further = old.get("backbone") or default_backbone, old.get("backbone_kwargs") or {}
    if isinstance(backbone_config, dict):
        backbone_config = config_class_named(backbone_config.get("model_type"), owner=owner).from_dict(backbone_config)
    elif backbone_config is None and name is not None:
        is_default = old.get("use_timm_backbone", True) and not further
        fields = (timm_default_kwargs if is_default else None) or further
        backbone_config = config_class_named("timm_backbone", owner=owner)(backbone=name, **fields)
    elif backbone_config is None and default_config_type is not None:
        backbone_config = config_class_named(default_config_type, owner=owner)(**(default_config_kwargs or {}))
    return backbone_config, kwargs
