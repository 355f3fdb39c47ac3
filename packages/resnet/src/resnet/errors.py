"""Errors of resnet. Each is also the builtin exception that callers already catch.

    ResnetError
    ├── TimmNameError (ValueError)             no config can describe what timm builds under a name
    ├── PretrainedWeightsError (OSError)       timm's pretrained weights do not exist or cannot be fetched
    └── MissingExtraError (ImportError)        a distribution that only the quickstart needs is not installed

A wrong value of a config is a `config_core.ConfigError`.
"""

from __future__ import annotations

from config_core.error_base import SentenceError

__all__ = ["MissingExtraError", "PretrainedWeightsError", "ResnetError", "TimmNameError"]


class ResnetError(SentenceError):
    """Base of every error that resnet raises on purpose."""


class TimmNameError(ResnetError, ValueError):
    """`ResnetConfig` cannot describe the model that timm builds under a name.

    Attributes:
        name: The name, as it was given.
        reason: What stands in the way.
    """

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"No ResnetConfig is timm's {name!r}: {reason}")
        self.name = name
        self.reason = reason


class PretrainedWeightsError(ResnetError, OSError):
    """timm's pretrained weights of a model do not exist or cannot be fetched.

    Attributes:
        name: The model's name in timm.
    """

    def __init__(self, problem: str, *, name: str) -> None:
        super().__init__(problem)
        self.name = name


class MissingExtraError(ResnetError, ImportError):
    """The quickstart needs distributions that are not installed.

    Attributes:
        missing: The names that cannot be imported.
    """

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(
            f"The quickstart needs {', '.join(missing)}, which a plain install of pretrained-resnet does not bring: "
            "pip install 'pretrained-resnet[quickstart]'"
        )
        self.missing = missing
