"""The Auto classes that code written for transformers imports. What it registers is for its own `from_config` alone.

Such code often ends in `AutoModel.register(XConfig, XModel)`. The load that runs it takes its classes by `auto_map`,
and the program's registry is not for the code of checkpoints to change. hub_io finds them by entry point;
nothing else imports this module.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any, Final

from auto_registry import auto_tasks
from auto_registry.auto_config import AutoConfig
from auto_registry.errors import RegistrationError, UsageError
from auto_registry.registry import Registry
from config_core.code import bundle_of
from config_core.config import PretrainedConfig

__all__ = ["TRANSFORMERS_NAMES"]

_OF_CODE: Final = Registry()  # where the code of each checkpoint finds what it has registered itself


class _ConfigsOfCode:
    """`AutoConfig` for the code of a checkpoint."""

    @classmethod
    def register(cls, *args: object, **kwargs: object) -> None:
        """Do nothing."""


class _ModelsOfCode:
    """An Auto class of models for the code of a checkpoint."""

    @classmethod
    def register(cls, config_class: type[Any], model_class: type[Any], **_options: object) -> None:
        """Let `from_config` of this class use a model class for configs of the same code; ignore other classes."""
        bundle = bundle_of(config_class)
        if bundle is None or bundle_of(model_class) != bundle:
            return
        with contextlib.suppress(RegistrationError, UsageError):  # a load may not need it
            _OF_CODE.register_model(cls.__name__, config_class, model_class, exist_ok=True)

    @classmethod
    def from_config(cls, config: PretrainedConfig, **kwargs: Any) -> Any:
        """Create a model for a config, without loading weights."""
        is_config = isinstance(config, PretrainedConfig)
        if is_config and _OF_CODE.model_class(cls.__name__, type(config)) is not None:
            kwargs["registry"] = _OF_CODE
        return super().from_config(config, **kwargs)  # type: ignore[misc]


def _served(own: type[Any], behaviour: type[Any]) -> type[Any]:
    return type(own.__name__, (behaviour, own), {"__module__": __name__, "__doc__": own.__doc__})


# What the entry point `hub_io.transformers_auto_names` offers.
TRANSFORMERS_NAMES: Final = SimpleNamespace(
    AutoConfig=_served(AutoConfig, _ConfigsOfCode),
    **{
        name: _served(getattr(auto_tasks, name), _ModelsOfCode)
        for name in auto_tasks.AUTO_CLASS_NAMES
        if name != AutoConfig.__name__
    },
)
