"""A load of an Auto class as one value: the opened checkpoint, the caller's options, what was read, what may run.

The Auto class creates it and passes it to everything below. While a checkpoint's code is imported, and while objects of
its classes are constructed, its load is the current one, and loads that this code starts are part of it. What the code
does later, in callbacks, finalizers or threads, counts as the program.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from auto_registry.errors import CheckpointConfigError, describe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from config_core.checkpoint import Checkpoint, HubOptions
    from config_core.config import ConfigFile

__all__ = ["CodeLoad", "current_load"]

_current: ContextVar[CodeLoad | None] = ContextVar("auto_registry.current_load", default=None)


def current_load() -> CodeLoad | None:
    """Return the load whose code is being imported or whose objects are being constructed; None for the program.

    It follows the rules of `contextvars`: asyncio tasks and callbacks that code schedules during the load stay in it,
    and threads that it starts do not.
    """
    return _current.get()


class CodeLoad:
    """A load of a checkpoint, or of a model for a config class from a checkpoint's code.

    Attributes:
        checkpoint: The opened checkpoint, or None.
        code_class: For a load without a checkpoint, the config class whose code is used; else None.
        config_file: The config file of the checkpoint, or None.
        model_type: The `model_type` in the config file, or `""`.
        auto_map: Name of an Auto class to a reference, from the config file or from the bundle of `code_class`.
        trust_remote_code: The caller's option: True, False or None.
        code_revision: Revision of the code, in the repository of the checkpoint or another one.
        hub_options: The options that the checkpoint, and other repositories, are opened with.
        auto_class: The Auto class that the load is for, or `""` for a config alone.
        parent: The load whose code starts this one; None if the program does.
        policy: The remote-code service's policy for this load, fixed at its first decision.
        contents: The files that were read: key of a place, then file name, to content; None for a missing file.
        opened: Other repositories that were opened.
        granted: Digests of the code that may run.
        announced: Digests of the code of which auditors know that it runs in this load.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        auto_map: Mapping[str, Any] | None = None,
        *,
        model_type: str = "",
        code_class: type[Any] | None = None,
        config_file: ConfigFile | None = None,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        hub_options: HubOptions | None = None,
    ) -> None:
        """Start a load. It is part of the current one if there is one."""
        from config_core.checkpoint import HubOptions

        self.checkpoint = checkpoint
        self.code_class = code_class
        self.config_file = config_file
        self.model_type = model_type
        self.auto_map: Mapping[str, Any] = auto_map or {}
        self.trust_remote_code = trust_remote_code
        self.code_revision = code_revision
        self.hub_options = hub_options or HubOptions()
        self.auto_class = ""
        self.parent = current_load()
        self.policy: Any = None
        self.contents: dict[tuple[Any, ...], dict[str, bytes | None]] = {}
        self.opened: dict[tuple[Any, ...], Checkpoint] = {}
        self.granted: set[str] = set()
        self.announced: set[str] = set()

    @classmethod
    def of_checkpoint(
        cls,
        source: str | os.PathLike[str] | Checkpoint,
        hub_options: HubOptions | None = None,
        *,
        config_file: ConfigFile | None = None,
        needs_config: bool = True,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
    ) -> CodeLoad:
        """Open a checkpoint, and read its config file.

        Args:
            source: A folder, a repository `owner/name` on the hub, or an opened checkpoint.
            hub_options: The hub options.
            config_file: The config file, if it is not config.json.
            needs_config: Whether a missing config.json is an error.
            trust_remote_code: The caller's option.
            code_revision: Revision of the code.

        Raises:
            CheckpointNotFoundError: There is no such folder, repository or revision.
            CheckpointFileNotFoundError: It has no config.json.
            ConfigFileError: The config file is not a JSON object.
            CheckpointConfigError: `model_type` or `auto_map` in it is malformed.
        """
        from config_core.checkpoint import CONFIG_NAME, open_checkpoint
        from config_core.config import read_config

        checkpoint = open_checkpoint(source, hub_options)
        if config_file is None and (needs_config or checkpoint.has(CONFIG_NAME)):
            config_file = read_config(checkpoint)
        values = config_file.values if config_file is not None else {}
        return cls(
            checkpoint,
            _auto_map(values, checkpoint),
            model_type=_model_type(values, checkpoint),
            config_file=config_file,
            trust_remote_code=trust_remote_code,
            code_revision=code_revision,
            hub_options=hub_options,
        )

    @classmethod
    def of_class(
        cls,
        config_class: type[Any],
        *,
        trust_remote_code: bool | None = None,
        code_revision: str | None = None,
        hub_options: HubOptions | None = None,
    ) -> CodeLoad:
        """Start the load of a model for a config class, with the code that the class was loaded from, if any.

        The `auto_map` is that of the code's bundle: a config object is data, and cannot name other code.

        Args:
            config_class: The class.
            trust_remote_code: The caller's option.
            code_revision: Revision of the code, if it is in another repository than the checkpoint.
            hub_options: The options that this repository is opened with.
        """
        from config_core.code import bundle_of

        bundle = bundle_of(config_class)
        return cls(
            auto_map=bundle.auto_map if bundle else None,
            code_class=config_class if bundle else None,
            trust_remote_code=trust_remote_code,
            code_revision=code_revision,
            hub_options=hub_options,
        )

    @property
    def config_source(self) -> Checkpoint:
        """The opened checkpoint for `from_pretrained` of a config class; its config file is not read again.

        Raises:
            ValueError: The load has no checkpoint with a config file.
        """
        if self.checkpoint is None or self.config_file is None:
            raise ValueError(f"{self} has no config file.")
        return self.config_file.inside(self.checkpoint)

    def grants(self, digest: str) -> bool:
        """Return whether this load, or one that it is part of, has granted code with a digest."""
        return digest in self.granted or (self.parent is not None and self.parent.grants(digest))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the current load in the block, which runs code of the checkpoint."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextmanager
    def constructing(self, cls: type[Any]) -> Iterator[None]:
        """Make this the current load in the block, which constructs an object, if its class is a checkpoint's."""
        from config_core.code import bundle_of

        bundle = bundle_of(cls)
        if bundle is None:
            yield
            return
        self.granted.add(bundle.digest)  # its code has run already
        with self.running():
            yield

    def __str__(self) -> str:
        if self.checkpoint is not None:
            return str(self.checkpoint)
        return describe(self.code_class) if self.code_class else "a checkpoint"

    def __repr__(self) -> str:
        return f"<CodeLoad of {self}>"


def _model_type(values: Mapping[str, Any], checkpoint: Checkpoint) -> str:
    model_type = values.get("model_type") or ""
    if not isinstance(model_type, str):
        raise CheckpointConfigError(
            f"model_type must be a string, got {model_type!r:.200}.", checkpoint=str(checkpoint), key="model_type"
        )
    return model_type


def _auto_map(values: Mapping[str, Any], checkpoint: Checkpoint) -> Mapping[str, Any]:
    auto_map = values.get("auto_map") or {}
    if not isinstance(auto_map, dict):
        raise CheckpointConfigError(
            f'auto_map must be an object such as {{"AutoModel": "modeling_x.XModel"}}, got {auto_map!r:.200}.',
            checkpoint=str(checkpoint),
            key="auto_map",
        )
    return dict(auto_map)
