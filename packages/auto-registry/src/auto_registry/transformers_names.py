"""The Auto classes that code written for transformers imports. Its registrations have no effect.

Such code often ends in `AutoModel.register(XConfig, XModel)`. The load that runs it takes its classes by `auto_map`,
and the program's registry is not for the code of checkpoints to change. hub_io finds them by entry point;
nothing else imports this module.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

from auto_registry import auto_tasks
from auto_registry.auto_config import AutoConfig

__all__ = ["TRANSFORMERS_NAMES"]


class _RegistersNothing:
    """An Auto class for the code of a checkpoint."""

    @classmethod
    def register(cls, *args: object, **kwargs: object) -> None:
        """Do nothing."""


def _served(own: type[Any]) -> type[Any]:
    return type(own.__name__, (_RegistersNothing, own), {"__module__": __name__, "__doc__": own.__doc__})


# What the entry point `hub_io.transformers_auto_names` offers.
TRANSFORMERS_NAMES: Final = SimpleNamespace(
    **{name: _served(getattr(auto_tasks, name, AutoConfig)) for name in auto_tasks.AUTO_CLASS_NAMES}
)
