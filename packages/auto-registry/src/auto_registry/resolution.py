"""Which class serves: the decision as a value that says where the class comes from.

The order is the same for config and model classes:

1. registered by the program: what it chose itself is never replaced by a download;
2. the code that the checkpoint ships, if it is trusted;
3. an installed package: installing it was a choice;
4. nothing, with the reason.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from auto_registry.errors import CheckpointConfigError, UnknownModelTypeError, UnknownTaskError, describe
from auto_registry.installed import INSTALLED, InstalledModels
from auto_registry.registry import REGISTRY, Registry
from auto_registry.remote_code import find_remote_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auto_registry.installed import InstalledClass
    from auto_registry.remote_code import OwnCode, RemoteCodeDecision, ServiceFinder
    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig

__all__ = [
    "PLACES",
    "Installed",
    "Places",
    "Registered",
    "Remote",
    "Resolution",
    "Unknown",
    "explain_namesake",
    "load_config_class",
    "resolve_config",
    "resolve_model",
]


class Registered(NamedTuple):
    """The program registered this class."""

    cls: type[Any]

    def load(self) -> type[Any]:
        """Return the class."""
        return self.cls


class Remote(NamedTuple):
    """The checkpoint ships this class, and its code is trusted."""

    decision: RemoteCodeDecision

    def load(self) -> type[Any]:
        """Import the class: this runs the checkpoint's code."""
        return self.decision.load_class()


class Installed(NamedTuple):
    """An installed package offers this class.

    Attributes:
        offer: The offer; the package is not imported yet.
        passed_over: The class that the checkpoint ships for the same auto class, as its `auto_map` names it, if any.
    """

    offer: InstalledClass
    passed_over: str | None = None

    def load(self) -> type[Any]:
        """Import the class. Warn if the checkpoint ships a class of another name, which may do another thing.

        Raises:
            InstalledClassError: It cannot be imported, or is not what it was offered as.
        """
        cls = self.offer.load()
        if self.passed_over is not None and self.passed_over.rpartition(".")[2] != cls.__name__:
            warnings.warn(self.choice(), UserWarning, stacklevel=3)
        return cls

    def choice(self) -> str:
        """Say what was used, and what was not."""
        return (
            f"{self.offer.entry_point.value} of the installed distribution {self.offer.distribution} was used. The "
            f"checkpoint ships its own code, {self.passed_over}, which did not run because it is not trusted. Read "
            "that code, and pass trust_remote_code=True if you trust it."
        )


class Unknown(NamedTuple):
    """Nothing serves.

    Attributes:
        reason: Why, in a few words.
        error: Makes the error that says what to do. Called late: a refusal reads the checkpoint's source files.
    """

    reason: str
    error: Callable[[], Exception]

    def load(self) -> type[Any]:
        """Raise the error."""
        raise self.error()


Resolution = Registered | Remote | Installed | Unknown


class Places(NamedTuple):
    """Where classes are looked for.

    Attributes:
        registry: What the program registered.
        installed: What installed packages offer.
        find_remote_code: Finds the service that decides on the code of checkpoints; raises MissingServiceError.
    """

    registry: Registry
    installed: InstalledModels = INSTALLED
    find_remote_code: ServiceFinder = find_remote_code


PLACES = Places(REGISTRY)


def load_config_class(resolution: Resolution, *, checkpoint: Checkpoint) -> type[Any]:
    """Return the config class of a checkpoint that was decided on.

    Raises:
        CheckpointConfigError: The checkpoint's own code has another kind of class under the name.
        Exception: The class cannot be had: what `load` of the resolution raises.
    """
    from config_core.config import PretrainedConfig

    cls = resolution.load()
    if not issubclass(cls, PretrainedConfig):
        raise CheckpointConfigError(
            f"auto_map names {describe(cls)} for AutoConfig, which is no subclass of PretrainedConfig.",
            checkpoint=str(checkpoint),
            key="auto_map",
        )
    return cls


def resolve_config(model_type: str, *, own_code: OwnCode | None = None, places: Places = PLACES) -> Resolution:
    """Decide which config class serves a checkpoint.

    Args:
        model_type: The `model_type` of its config.json, `""` if it has none.
        own_code: The code it ships, if any.
        places: Where to look.
    """

    def unknown() -> Exception:
        where = str(own_code.origin) if own_code else ""
        if not model_type:
            return CheckpointConfigError(
                'it has no model_type, so that nothing says which config class it is for. Add "model_type": "…", or '
                "call from_pretrained of the class you mean.",
                checkpoint=where or "the checkpoint",
                key="model_type",
            )
        known = {*places.registry.model_types(), *places.installed.model_types()}
        return UnknownModelTypeError(model_type, known=known, where=where, hint=_own_code_hint("AutoConfig", own_code))

    return _first(
        "AutoConfig",
        registered=places.registry.config_class(model_type),
        own_code=own_code,
        find_installed=lambda: places.installed.config(model_type) if model_type else None,
        unknown=Unknown(f"nothing serves the model_type {model_type!r}", unknown),
        places=places,
    )


def resolve_model(
    auto_class: str,
    config_class: type[PretrainedConfig],
    *,
    own_code: OwnCode | None = None,
    places: Places = PLACES,
) -> Resolution:
    """Decide which model class an auto class makes for a config.

    Args:
        auto_class: Name of the auto class.
        config_class: Class of the config.
        own_code: The code that the checkpoint ships, if any.
        places: Where to look.
    """

    def unknown() -> Exception:
        available = {*places.registry.auto_classes(config_class), *places.installed.auto_classes(config_class)}
        return UnknownTaskError(
            auto_class, config_class, available=available, hint=_own_code_hint(auto_class, own_code)
        )

    return _first(
        auto_class,
        registered=places.registry.model_class(auto_class, config_class),
        own_code=own_code,
        find_installed=lambda: places.installed.model(auto_class, config_class),
        unknown=Unknown(f"nothing serves {auto_class} for {describe(config_class)}", unknown),
        places=places,
    )


@contextmanager
def explain_namesake(*resolutions: Resolution) -> Iterator[None]:
    """Add to an error in the block that an installed class was used where the checkpoint ships its own.

    Args:
        *resolutions: Where the classes that are used in the block come from. The first that passed over the
            checkpoint's own class is the one explained.
    """
    try:
        yield
    except Exception as error:
        for resolution in resolutions:
            if isinstance(resolution, Installed) and resolution.passed_over is not None:
                error.add_note(resolution.choice())
                break
        raise


def _first(
    auto_class: str,
    *,
    registered: type[Any] | None,
    own_code: OwnCode | None,
    find_installed: Callable[[], InstalledClass | None],
    unknown: Unknown,
    places: Places,
) -> Resolution:
    """Return the first place that serves. Later places are not even looked at."""
    if registered is not None:
        return Registered(registered)
    if own_code is None or auto_class not in own_code.auto_map:
        offer = find_installed()
        return Installed(offer) if offer else unknown
    own = _judge(own_code, auto_class, places)
    # Who asked for the checkpoint's own code does not get a namesake instead.
    if isinstance(own, Remote) or own_code.trust_remote_code:
        return own
    offer = find_installed()
    return Installed(offer, passed_over=str(own_code.auto_map[auto_class])) if offer else own


def _judge(own_code: OwnCode, auto_class: str, places: Places) -> Remote | Unknown:
    """Return the class that the checkpoint ships, or why it may not be used."""
    from config_core.errors import MissingServiceError

    try:
        decision = own_code.decide(auto_class, places.find_remote_code())
    except MissingServiceError as error:
        missing = error
        return Unknown("nothing is installed that could run the checkpoint's code", lambda: missing)
    if decision.trusted:
        return Remote(decision)
    return Unknown("the checkpoint's own code is not trusted", decision.refusal)


def _own_code_hint(auto_class: str, own_code: OwnCode | None) -> str:
    """Say which classes the checkpoint's code has instead."""
    if own_code is None or not own_code.auto_map or auto_class in own_code.auto_map:
        return ""
    names = ", ".join(sorted(map(str, own_code.auto_map)))
    return f"The checkpoint ships code of its own, but its auto_map names {names} and not {auto_class}."
