"""Errors of resnet. Each is also the builtin exception that callers already catch.

    ResnetError
    ├── TimmNameError (ValueError)             no ResnetConfig describes the timm model of a name
    ├── PretrainedWeightsError (OSError)       timm's pretrained weights do not exist or cannot be downloaded
    └── MissingExtraError (ImportError)        a package that only the quickstart needs is not installed

An invalid config value is a `config_core.ConfigError`.
"""

from __future__ import annotations

from config_core.error_base import SentenceError

__all__ = ["MissingExtraError", "PretrainedWeightsError", "ResnetError", "TimmNameError"]


class ResnetError(SentenceError):
    """Base class of the errors that resnet raises."""


class TimmNameError(ResnetError, ValueError):
    """No `ResnetConfig` describes the timm model of a name.

    Attributes:
        name: The name that was passed.
        reason: Why not.
    """

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"No ResnetConfig describes timm's {name!r}: {reason}")
        self.name = name
        self.reason = reason


class PretrainedWeightsError(ResnetError, OSError):
    """timm's pretrained weights for a model do not exist or cannot be downloaded.

    Attributes:
        name: Name of the model in timm.
    """

    def __init__(self, problem: str, *, name: str) -> None:
        super().__init__(problem)
        self.name = name


class MissingExtraError(ResnetError, ImportError):
    """The quickstart needs packages that are not installed.

    Attributes:
        missing: Import names of the missing packages.
    """

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(
            f"The quickstart needs {', '.join(missing)}, which pretrained-resnet installs only with its extra: "
            "pip install 'pretrained-resnet[quickstart]'"
        )
        self.missing = missing
