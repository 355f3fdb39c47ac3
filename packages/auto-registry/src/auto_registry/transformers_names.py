"""The Auto classes that code written for transformers imports. Its registrations have no effect.

Such code often ends in `AutoModel.register(XConfig, XModel)`. The load that runs it takes its classes by `auto_map`,
and the program's registry is not for the code of checkpoints to change. hub_io finds this module by entry point;
nothing else imports it.
"""

from __future__ import annotations

from typing import Any

from auto_registry import auto_tasks
from auto_registry.auto_config import AutoConfig as OwnAutoConfig

__all__ = list(auto_tasks.AUTO_CLASS_NAMES)


class _RegistersNothing:
    """An Auto class for the code of a checkpoint."""

    @classmethod
    def register(cls, *args: object, **kwargs: object) -> None:
        """Do nothing."""


def _served(own: type[Any]) -> type[Any]:
    return type(own.__name__, (_RegistersNothing, own), {"__module__": __name__, "__doc__": own.__doc__})


globals().update({name: _served(getattr(auto_tasks, name, OwnAutoConfig)) for name in __all__})
