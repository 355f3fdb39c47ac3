"""Hugging Face Hub downloads and uploads, and trusted remote code, for the pretrained packages.

It is found by entry point: `config_core` opens and publishes repositories through it, and `auto_registry` loads the
code that checkpoints ship through it. Programs call it to register the classes of such code:

    >>> import hub_io
    >>> loaded = hub_io.load_into_registry("owner/name", revision="<commit>", trust_remote_code=True)
    >>> loaded.config_class.__name__
    'TinyConfig'

Importing it imports neither `huggingface_hub` nor torch, and what pushes or runs code is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_io.errors import (
    AccessDeniedError,
    CodeStoreError,
    HubError,
    HubIoError,
    HubUnavailableError,
    MissingRequirementsError,
    NoRemoteCodeError,
    NotDownloadedError,
    PushRefusedError,
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    TrustPolicyError,
    TrustStoreError,
    UnpinnedCodeWarning,
    UnservedNamesError,
)
from hub_io.hub import RepoCheckpoint
from hub_io.hub_service import HUB_SERVICE, HuggingFaceHub
from hub_io.registry_loading import LoadedClasses, load_into_registry
from hub_io.remote_code import REMOTE_CODE_SERVICE
from hub_io.trust import (
    Refused,
    Trusted,
    TrustEntry,
    TrustFile,
    TrustPolicy,
    TrustStore,
    default_policy,
    set_default_policy,
)

if TYPE_CHECKING:
    from hub_io.transformers_loading import load_into_transformers

__all__ = [
    "HUB_SERVICE",
    "REMOTE_CODE_SERVICE",
    "AccessDeniedError",
    "CodeStoreError",
    "HubError",
    "HubIoError",
    "HubUnavailableError",
    "HuggingFaceHub",
    "LoadedClasses",
    "MissingRequirementsError",
    "NoRemoteCodeError",
    "NotDownloadedError",
    "PushRefusedError",
    "Refused",
    "RemoteCodeImportError",
    "RemoteCodeRefusedError",
    "RepoCheckpoint",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "TrustEntry",
    "TrustFile",
    "TrustPolicy",
    "TrustPolicyError",
    "TrustStore",
    "TrustStoreError",
    "Trusted",
    "UnpinnedCodeWarning",
    "UnservedNamesError",
    "default_policy",
    "load_into_registry",
    "load_into_transformers",
    "set_default_policy",
]


def __getattr__(name: str) -> Any:
    if name != "load_into_transformers":  # programs that use no transformers do not need it
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hub_io.transformers_loading import load_into_transformers

    return load_into_transformers


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
