"""Putting the classes that a checkpoint ships into a registry, on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auto_registry.registry import REGISTRY, Registry
from auto_registry.remote_code import loadable_names, read_header
from config_core.checkpoint import Checkpoint, existing_path, open_checkpoint
from hub_io.code import find_code
from hub_io.errors import NoRemoteCodeError
from hub_io.repo_checkpoint import DEFAULT_BRANCH
from hub_io.running import import_classes
from hub_io.trust import Refused, policy_in_force

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from hub_io.code import RemoteCode
    from hub_io.trust import Trusted, TrustPolicy

__all__ = ["LoadedClasses", "load_into_registry"]

_CONFIG = "AutoConfig"


@dataclass(frozen=True, slots=True)
class LoadedClasses:
    """What was put into a registry.

    Attributes:
        source: The folder or repository.
        commit: Its commit, or None for a folder.
        model_type: The name that the config class is registered for, or None if the checkpoint ships none.
        config_class: The config class, or None.
        model_classes: Name of an auto class to the model class registered for it.
        digests: Digest of each bundle of code that was run; one, unless some of it lies in another repository.
        trusted_by: What trusted it, in words.
    """

    source: str
    commit: str | None
    model_type: str | None
    config_class: type[Any] | None
    model_classes: Mapping[str, type[Any]]
    digests: tuple[str, ...]
    trusted_by: str


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

    From then on the auto classes use them for this `model_type`, as if the program had imported and registered them:
    for checkpoints without code too. No weights are read.

    Args:
        source: A folder, a repository `owner/name` on the Hub, or an opened checkpoint.
        revision: Branch, tag or commit of a repository. If None, the commit at which the policy's trust store has its
            code, or else the default branch.
        code_revision: Revision of the repository that holds the code, be it another one or the checkpoint's own. If
            there are several, each must have it.
        subfolder: Folder inside the checkpoint.
        token: Access token for the Hub.
        cache_dir: Where downloads are kept.
        local_files_only: Use what was downloaded before and no network.
        trust_remote_code: Whether the code may run. None leaves it to the trust store.
        policy: Whose store and cap decide; the default policy if None.
        registry: Where to register.
        exist_ok: Replace other classes that are registered there.

    Returns:
        What was registered.

    Raises:
        RemoteCodeRefusedError: The code is not trusted.
        TrustStoreError: The trust store is malformed.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
        NoRemoteCodeError: The checkpoint ships none.
        RemoteCodeImportError: The code failed, or lacks a class.
        ClassReferenceError: A reference in `auto_map` is malformed.
        SourceCodeError: A file is missing or is no Python.
        AlreadyRegisteredError: Another class is registered in one of the places, and `exist_ok` is false.
        RegistrationError: The classes do not belong together.
        CheckpointNotFoundError: There is no such folder, repository or revision.
    """
    policy = policy_in_force(policy)
    if not revision and isinstance(source, str) and existing_path(source) is None:
        # Never None: that would ask the store of the default policy, which may be another.
        revision = policy.store.pin(source) or DEFAULT_BRANCH
    checkpoint = open_checkpoint(
        source,
        revision=revision,
        subfolder=subfolder,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    model_type, auto_map = read_header(checkpoint)

    def find(auto_class: str) -> RemoteCode:
        return find_code(
            checkpoint,
            auto_map,
            auto_class,
            code_revision=code_revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            find_pin=policy.store.pin,
        )

    names = loadable_names(auto_map)
    if not names:
        raise NoRemoteCodeError(str(checkpoint))
    decisions = _decide_all(names, find, policy, trust_remote_code=trust_remote_code)
    classes = {name: cls for trusted in decisions for name, cls in _import_all(trusted).items()}
    config_class = classes.pop(_CONFIG, None)

    staged = Registry()
    if config_class is not None:
        staged.register_config(model_type or config_class.model_type, config_class)
    for name, model_class in classes.items():
        of: Any = getattr(model_class, "config_class", None)  # the registry says what is wrong with it
        staged.register_model(name, of, model_class)
    registry.update(staged, exist_ok=exist_ok)

    return LoadedClasses(
        source=checkpoint.name,
        commit=checkpoint.commit,
        model_type=config_class.model_type if config_class is not None else None,
        config_class=config_class,
        model_classes=classes,
        digests=tuple(trusted.bundle.digest for trusted in decisions),
        trusted_by="; ".join(dict.fromkeys(trusted.by for trusted in decisions)),
    )


def _decide_all(
    left: frozenset[str],
    find: Callable[[str], RemoteCode],
    policy: TrustPolicy,
    *,
    trust_remote_code: bool | None,
) -> list[Trusted]:
    """Return the decision on each bundle of code that has these classes, before any of it runs."""
    decisions = []
    while left:
        decision = policy.decide(find(min(left)), trust_remote_code=trust_remote_code)
        if isinstance(decision, Refused):
            raise decision.error()
        decisions.append(decision)
        left -= decision.bundle.auto_map.keys()
    return decisions


def _import_all(trusted: Trusted) -> dict[str, type[Any]]:
    """Import every class that a bundle's `auto_map` names."""
    auto_map = trusted.bundle.auto_map
    return dict(zip(auto_map, import_classes(trusted, auto_map.values()), strict=True))
