"""Choosing the class to use, as a value that says where the class comes from.

The order is the same for config and model classes:

1. registered by the program: a download never replaces the program's choice;
2. the code that the checkpoint ships, if it is trusted;
3. an installed package;
4. none, with the reason.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from auto_registry.code_service import find_remote_code
from auto_registry.errors import CheckpointConfigError, UnknownModelTypeError, UnknownTaskError, describe
from auto_registry.installed import INSTALLED
from auto_registry.registry import REGISTRY, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auto_registry.code_load import CodeLoad
    from auto_registry.code_service import RemoteCodeDecision, RemoteCodeService, ServiceFinder
    from auto_registry.installed import InstalledClass
    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig

__all__ = [
    "CLASS_SOURCES",
    "ClassSources",
    "Installed",
    "Registered",
    "Remote",
    "Resolution",
    "Unknown",
    "explain_namesake",
    "load_config_class",
    "resolve_config",
    "resolve_model",
]

_SHOWN = 8  # names of a file that an error repeats


class Registered(NamedTuple):
    """The program registered this class."""

    cls: type[Any]

    def load(self) -> type[Any]:
        """Return the class."""
        return self.cls


class Remote(NamedTuple):
    """The checkpoint ships this class, and its code is trusted.

    Attributes:
        service: The service that decided on the code and can run it.
        decision: Its decision.
    """

    service: RemoteCodeService
    decision: RemoteCodeDecision

    def load(self) -> type[Any]:
        """Import the class. This runs the checkpoint's code."""
        return self.service.load_class(self.decision)


class Installed(NamedTuple):
    """An installed package offers this class.

    Attributes:
        offer: The class; the package is not imported yet.
        passed_over: The reference to the checkpoint's own class that was not used, or None.
        checkpoint: The checkpoint that has this reference, or None.
    """

    offer: InstalledClass
    passed_over: str | None = None
    checkpoint: Checkpoint | None = None

    def load(self) -> type[Any]:
        """Import the class. Say so if the checkpoint ships a class of its own, which may behave differently.

        A class with another name is a warning. One with the same name is logged as a warning, unless its file in the
        checkpoint is the file of the installed class.

        Raises:
            InstalledClassError: It cannot be imported, or is not of the kind that the entry point requires.
        """
        cls = self.offer.load()
        if self.passed_over is None:
            return cls
        from config_core.messages import escaping_logger, warn

        if self.passed_over.rpartition(".")[2] != cls.__name__:
            warn(self.choice(), stacklevel=3)
        elif not _has_file_of(self.checkpoint, self.passed_over, cls):
            escaping_logger("auto_registry").warning("%s", self.choice())
        return cls

    def choice(self) -> str:
        """Return a message that says which class was used and which was not."""
        return (
            f"{self.offer.entry_point.value} of the installed distribution {self.offer.distribution} was used. The "
            f"checkpoint ships its own code, {self.passed_over}, which did not run because it is not trusted. Read "
            "that code, and pass trust_remote_code=True if you trust it."
        )


class Unknown(NamedTuple):
    """There is no class to use.

    Attributes:
        reason: Why.
        error: Returns the error that says what to do. It is called only to raise: a refusal reads the source files.
    """

    reason: str
    error: Callable[[], Exception]

    def load(self) -> type[Any]:
        """Raise the error."""
        raise self.error()


Resolution = Registered | Remote | Installed | Unknown


class ClassSources(NamedTuple):
    """Where classes are looked up besides the checkpoint.

    Attributes:
        registry: The classes that the program registered. Installed packages are the same for every registry.
        find_remote_code: Finds the service that decides on the code of checkpoints; raises MissingServiceError.
    """

    registry: Registry
    find_remote_code: ServiceFinder = find_remote_code


CLASS_SOURCES = ClassSources(REGISTRY)


def load_config_class(resolution: Resolution, *, load: CodeLoad) -> type[Any]:
    """Import the config class that was chosen for a load.

    Raises:
        CheckpointConfigError: The checkpoint's own class is not a config class.
        Exception: The class cannot be imported; see `load` of the resolution.
    """
    from config_core.config import PretrainedConfig

    cls = resolution.load()
    if not issubclass(cls, PretrainedConfig):
        raise CheckpointConfigError(
            f"auto_map names {describe(cls)} for AutoConfig, which is not a subclass of PretrainedConfig.",
            checkpoint=str(load),
            key="auto_map",
        )
    return cls


def resolve_config(
    model_type: str, *, load: CodeLoad | None = None, sources: ClassSources = CLASS_SOURCES
) -> Resolution:
    """Choose the config class for a model_type.

    Args:
        model_type: The `model_type` of a config.json, `""` if it has none.
        load: The load of the checkpoint, if there is one.
        sources: Where to look besides the checkpoint.
    """

    def unknown() -> Exception:
        where = str(load) if load else ""
        if not model_type:
            file = load.config_file if load else None
            looks_like = file.looks_like() if file else ""
            return CheckpointConfigError(
                "it has no model_type, so its config class is unknown. "
                + (f"It looks like {looks_like}. " if looks_like else "")
                + 'If it is one of yours, add "model_type": "…", or call from_pretrained of the config class.',
                checkpoint=where or "the checkpoint",
                key="model_type",
                filename=file.path.name if file else "config.json",
            )
        known = {*sources.registry.model_types(), *INSTALLED.model_types()}
        return UnknownModelTypeError(model_type, known=known, where=where, hint=_own_code_hint("AutoConfig", load))

    return _first(
        "AutoConfig",
        registered=sources.registry.config_class(model_type),
        load=load,
        find_installed=lambda: INSTALLED.config(model_type) if model_type else None,
        unknown=Unknown(f"no class is known for the model_type {model_type!r}", unknown),
        sources=sources,
    )


def resolve_model(
    auto_class: str,
    config_class: type[PretrainedConfig],
    *,
    load: CodeLoad | None = None,
    sources: ClassSources = CLASS_SOURCES,
) -> Resolution:
    """Choose the model class for an Auto class and a config.

    Args:
        auto_class: Name of the Auto class.
        config_class: Class of the config.
        load: The load of the checkpoint or of the config's code, if there is one.
        sources: Where to look besides the checkpoint.
    """

    def unknown() -> Exception:
        available = {*sources.registry.auto_classes(config_class), *INSTALLED.auto_classes(config_class)}
        return UnknownTaskError(auto_class, config_class, available=available, hint=_own_code_hint(auto_class, load))

    return _first(
        auto_class,
        registered=sources.registry.model_class(auto_class, config_class),
        load=load,
        find_installed=lambda: INSTALLED.model(auto_class, config_class),
        unknown=Unknown(f"no class is known for {auto_class} and {describe(config_class)}", unknown),
        sources=sources,
    )


@contextmanager
def explain_namesake(*resolutions: Resolution) -> Iterator[None]:
    """Add a note to an error in the block if an installed class was used although the checkpoint ships its own.

    Args:
        *resolutions: The resolutions of the classes that the block uses. The note explains the first that passed over
            the checkpoint's own class.
    """
    from config_core.errors import UnknownOptionError

    try:
        yield
    except UnknownOptionError:  # has nothing to do with the class
        raise
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
    load: CodeLoad | None,
    find_installed: Callable[[], InstalledClass | None],
    unknown: Unknown,
    sources: ClassSources,
) -> Resolution:
    """Return the first class in the order of precedence. Later sources are not looked up."""
    if registered is not None:
        return Registered(registered)
    if load is None or auto_class not in load.auto_map:
        offer = find_installed()
        return Installed(offer) if offer else unknown
    own = _own_class(load, auto_class, sources)
    # If the caller trusts the checkpoint's own code, an installed class is never used instead.
    if isinstance(own, Remote) or load.trust_remote_code:
        return own
    offer = find_installed()
    return Installed(offer, str(load.auto_map[auto_class]), load.checkpoint) if offer else own


def _has_file_of(checkpoint: Checkpoint | None, reference: str, cls: type[Any]) -> bool:
    """Return whether a checkpoint's file with its own class is the very file of an installed class."""
    from pathlib import Path

    from config_core.code import ClassReference
    from config_core.errors import ConfigCoreError

    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        parsed = ClassReference.parse(reference)
        if checkpoint is None or path is None or parsed.repo is not None:
            return False
        installed = Path(path).read_bytes()
        return checkpoint.read_bytes(parsed.filename, limit=len(installed)) == installed
    except (ConfigCoreError, OSError, ValueError):  # a malformed reference, a missing or longer file, or no network
        return False


def _own_class(load: CodeLoad, auto_class: str, sources: ClassSources) -> Remote | Unknown:
    """Return the class that the checkpoint ships, or why it cannot be used."""
    from config_core.errors import MissingServiceError

    try:
        service = sources.find_remote_code()
    except MissingServiceError as error:
        missing = error
        return Unknown("no installed package can run the checkpoint's code", lambda: missing)
    decision = service.decide(load, auto_class)
    if decision.trusted:
        return Remote(service, decision)
    return Unknown("the checkpoint's own code is not trusted", decision.refusal)


def _own_code_hint(auto_class: str, load: CodeLoad | None) -> str:
    """Return a sentence that says which classes the checkpoint's code has instead, or that it has none; or `""`."""
    if load is None or auto_class in load.auto_map:
        return ""
    if load.auto_map:
        names = [f"{name:.80}" for name in sorted(load.auto_map)]
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        shown = ", ".join(names[:_SHOWN])
        return f"The checkpoint ships its own code, but its auto_map names {shown}{more} and not {auto_class}."
    if load.checkpoint is None or auto_class != "AutoConfig":
        return ""
    return (
        "The checkpoint ships no code of its classes. Whoever saves it can add that: call register_for_auto_class() of "
        "each class before the save."
    )
