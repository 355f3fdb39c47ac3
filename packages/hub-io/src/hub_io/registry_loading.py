"""Registering the classes that a checkpoint ships."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from auto_registry.auto_tasks import loadable_names
from auto_registry.code_load import CodeLoad
from auto_registry.registry import REGISTRY, Registry
from config_core.checkpoint import Checkpoint, HubOptions, existing_path, open_checkpoint
from config_core.code import ClassReference
from hub_io.code import check_imports, find_each, served_names
from hub_io.errors import NoRemoteCodeError
from hub_io.hub import DEFAULT_BRANCH
from hub_io.trust import Refused, Trusted, TrustPolicy, decide, policy_in_force, policy_of_load

__all__ = ["LoadedClasses", "check_all", "decide_all", "decide_each", "import_all", "load_into_registry", "open_load"]


@dataclass(frozen=True, slots=True)
class LoadedClasses:
    """The classes that were registered.

    Attributes:
        source: The folder or repository.
        commit: Its commit, or None for a folder.
        model_type: The model type that the config class is registered for, or None if the checkpoint ships no config
            class.
        config_class: The config class, or None.
        model_classes: Name of an Auto class to the model class registered for it.
        digests: Digest of each bundle that was run: one, unless some code is in another repository.
        trusted_by: What trusted the code, for messages.
        served_names: Names of transformers that the code uses and that were served to it, sorted.
        processing_classes: Name of an auto class of transformers to the tokenizer or processor registered for it.
    """

    source: str
    commit: str | None
    model_type: str | None
    config_class: type[Any] | None
    model_classes: Mapping[str, type[Any]]
    digests: tuple[str, ...]
    trusted_by: str
    served_names: tuple[str, ...] = ()
    processing_classes: Mapping[str, type[Any]] = field(default_factory=dict)

    @classmethod
    def of_load(
        cls,
        load: CodeLoad,
        decisions: Sequence[Trusted],
        config_class: type[Any] | None,
        model_classes: Mapping[str, type[Any]],
        *,
        served_names: Iterable[str] = (),
        processing_classes: Mapping[str, type[Any]] = MappingProxyType({}),
    ) -> LoadedClasses:
        """Return what a load has registered."""
        checkpoint = load.checkpoint
        return cls(
            source=str(load) if checkpoint is None else checkpoint.name,
            commit=None if checkpoint is None else checkpoint.commit,
            model_type=config_class.model_type if config_class is not None else None,
            config_class=config_class,
            model_classes=model_classes,
            digests=tuple(trusted.bundle.digest for trusted in decisions),
            trusted_by="; ".join(dict.fromkeys(trusted.by for trusted in decisions)),
            served_names=tuple(sorted(served_names)),
            processing_classes=processing_classes,
        )


def load_into_registry(
    source: str | os.PathLike[str] | Checkpoint,
    *,
    revision: str | None = None,
    code_revision: str | None = None,
    subfolder: str = "",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool | None = None,
    policy: TrustPolicy | None = None,
    registry: Registry = REGISTRY,
    exist_ok: bool = False,
) -> LoadedClasses:
    """Register the config and model classes that a checkpoint ships: all of them, or none.

    The Auto classes then use them for this `model_type`, including checkpoints without code, as if the program had
    imported and registered them. No weights are read.

    Args:
        source: A folder, a repository `owner/name` on the Hub, or an opened checkpoint.
        revision: Branch, tag or commit of a repository. If None, the commit in the policy's trust store, or else the
            default branch.
        code_revision: Revision of the repository that holds the code: the checkpoint's own or another one. If there are
            several, each must have it.
        subfolder: Folder inside the checkpoint.
        token: Access token for the Hub.
        cache_dir: Where downloads are kept.
        local_files_only: Use only what was downloaded before, and no network.
        trust_remote_code: Whether the code may run. None leaves it to the trust store.
        policy: The trust policy; the default policy if None.
        registry: The registry.
        exist_ok: Replace other classes that are registered there.

    Returns:
        The classes that were registered.

    Raises:
        RemoteCodeRefusedError: The code is not trusted.
        UnservedNamesError: The code uses names of transformers that are not served. Nothing was run.
        MissingRequirementsError: A module that the code imports is not installed. Nothing was run.
        TrustStoreError: The trust store is malformed.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
        NoRemoteCodeError: The checkpoint ships no code.
        RemoteCodeImportError: The code failed, or lacks a class.
        ClassReferenceError: A reference in `auto_map` is malformed.
        SourceCodeError: A file is missing or not Python.
        RegistrationError: The classes do not belong together, or another class is registered and `exist_ok` is false.
        CheckpointNotFoundError: There is no such folder, repository or revision.
    """
    options = HubOptions(revision, subfolder, token, cache_dir, local_files_only)
    load = open_load(source, options, code_revision=code_revision, trust_remote_code=trust_remote_code, policy=policy)
    decisions = decide_all(load)
    check_all(decisions)
    classes = import_all(decisions)
    config_class = classes.pop("AutoConfig", None)

    staged = Registry()
    if config_class is not None:
        staged.register_config(load.model_type or config_class.model_type, config_class)
    for name, model_class in classes.items():
        of: Any = getattr(model_class, "config_class", None)  # the registry checks it
        staged.register_model(name, of, model_class)
    registry.update(staged, exist_ok=exist_ok)

    names = {name for trusted in decisions for name in served_names(trusted.bundle)}
    return LoadedClasses.of_load(load, decisions, config_class, classes, served_names=names)


def open_load(
    source: str | os.PathLike[str] | Checkpoint,
    hub_options: HubOptions,
    *,
    code_revision: str | None,
    trust_remote_code: bool | None,
    policy: TrustPolicy | None,
) -> CodeLoad:
    """Open a checkpoint for a load of all its classes. The arguments are those of `load_into_registry`."""
    policy = policy_in_force(policy)
    name, pin = str(source), None
    if not hub_options.revision and isinstance(source, str) and existing_path(source) is None:
        pin = policy.store.pin(source)
        # Never None, which would use the default policy's store instead of this one's.
        hub_options = hub_options._replace(revision=pin or DEFAULT_BRANCH)
    with policy.store.explaining_pin(name, pin):
        checkpoint = open_checkpoint(source, hub_options)
    load = CodeLoad.of_checkpoint(
        checkpoint, hub_options, trust_remote_code=trust_remote_code, code_revision=code_revision
    )
    load.policy = policy
    return load


def decide_all(load: CodeLoad) -> list[Trusted]:
    """Return the decision on each bundle that the `auto_map` of a load names, before any of it runs.

    Raises:
        RemoteCodeRefusedError: Some of the code is not trusted.
        NoRemoteCodeError: The checkpoint ships no code.
    """
    names = loadable_names(load.auto_map)
    if not names:
        raise NoRemoteCodeError(str(load))
    return decide_each(load, names)


def decide_each(load: CodeLoad, names: Collection[str]) -> list[Trusted]:
    """Return the decision on each bundle that has the classes of names in the `auto_map` of a load.

    Raises:
        RemoteCodeRefusedError: Some of the code is not trusted.
    """
    decisions = []
    for code in find_each(load, names, pins=policy_of_load(load).store):
        decision = decide(code)
        if isinstance(decision, Refused):
            raise decision.refusal()
        decisions.append(decision)
    return decisions


def check_all(decisions: Iterable[Trusted], *, for_transformers: bool = False) -> None:
    """Check that what the bundles of a load import is there, before any of them runs.

    Raises:
        UnservedNamesError: One uses names of transformers that are not served.
        MissingRequirementsError: A module is not installed.
    """
    for trusted in decisions:
        modules = [ClassReference.parse(reference).module for reference in trusted.bundle.auto_map.values()]
        check_imports(trusted.bundle, modules, source=trusted.source, for_transformers=for_transformers)


def import_all(decisions: Iterable[Trusted], *, for_transformers: bool = False) -> dict[str, type[Any]]:
    """Import every class that the `auto_map` of a bundle names; return each by the name of its Auto class.

    Args:
        decisions: The decisions on the bundles.
        for_transformers: Whether the code imports the real transformers. Otherwise its names are served.
    """
    from hub_io.running import import_classes

    classes: dict[str, type[Any]] = {}
    for trusted in decisions:
        auto_map = trusted.bundle.auto_map
        found = import_classes(trusted, auto_map.values(), for_transformers=for_transformers)
        classes |= zip(auto_map, found, strict=True)
    return classes
