"""The code that a checkpoint ships: what its config.json says of it, and the service that decides on it and runs it.

Nothing here reads or runs code. Another distribution offers the service under the entry-point group
`auto_registry.remote_code`, and everything that can run a checkpoint's code lies behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from auto_registry.errors import CheckpointConfigError

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from config_core.checkpoint import Checkpoint
    from config_core.config import PretrainedConfig

__all__ = [
    "REMOTE_CODE_GROUP",
    "OwnCode",
    "RemoteCodeDecision",
    "RemoteCodeService",
    "ServiceFinder",
    "code_behind",
    "find_remote_code",
    "loadable_names",
    "read_header",
]

REMOTE_CODE_GROUP = "auto_registry.remote_code"


class RemoteCodeDecision(Protocol):
    """Whether one class of a checkpoint's code may be used, and why."""

    @property
    def trusted(self) -> bool:
        """Whether the code may run."""

    def load_class(self) -> type[Any]:
        """Return the class; raise the refusal if the code is not trusted."""

    def refusal(self) -> Exception:
        """Return the error that lists the files, their digests, and what to call to trust them."""


class RemoteCodeService(Protocol):
    """Decides on the code of checkpoints. Deciding never executes any of it."""

    def decide(
        self,
        origin: Checkpoint | type[Any],
        auto_map: Mapping[str, Any],
        auto_class: str,
        *,
        trust_remote_code: bool | None,
        code_revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
    ) -> RemoteCodeDecision:
        """Decide on the class that `auto_map` names for an auto class.

        Args:
            origin: The checkpoint that ships the code, or a class that came out of such code before.
            auto_map: The whole map: classes of one checkpoint belong to one bundle of files.
            auto_class: The key of the class that is wanted.
            trust_remote_code: What the caller said: yes, no, or nothing.
            code_revision: Revision of the code alone, in the repository of the checkpoint or another one.
            token: Access token for the hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use what has been downloaded before and no network.
        """


ServiceFinder = Callable[[], RemoteCodeService]


def find_remote_code() -> RemoteCodeService:
    """Return the service that an installed distribution offers.

    Raises:
        MissingServiceError: None does; it names the one to install.
    """
    from config_core.services import find_service

    service: RemoteCodeService = find_service(
        REMOTE_CODE_GROUP, distribution="pretrained-hub-io", purpose="Running the code that a checkpoint ships"
    )
    return service


class OwnCode(NamedTuple):
    """The code that a checkpoint ships, and what the caller said about it.

    Attributes:
        origin: The checkpoint, or a class that came out of the code before.
        auto_map: Name of an auto class to the class in the code.
        trust_remote_code: What the caller said: yes, no, or nothing.
        code_revision: Revision of the code alone, in the repository of the checkpoint or another one.
        token: Access token for the hub.
        cache_dir: Where downloads are kept.
        local_files_only: Use what has been downloaded before and no network.
    """

    origin: Checkpoint | type[Any]
    auto_map: Mapping[str, Any]
    trust_remote_code: bool | None = None
    code_revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | os.PathLike[str] | None = None
    local_files_only: bool = False

    def decide(self, auto_class: str, service: RemoteCodeService) -> RemoteCodeDecision:
        """Ask the service about the class for an auto class."""
        return service.decide(
            self.origin,
            self.auto_map,
            auto_class,
            trust_remote_code=self.trust_remote_code,
            code_revision=self.code_revision,
            token=self.token,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
        )


def read_header(source: Checkpoint | Path) -> tuple[str, Mapping[str, Any]]:
    """Return `model_type` (`""` if absent) and `auto_map` (empty if absent) of a config file.

    Args:
        source: A checkpoint, for its config.json, or the file itself.

    Raises:
        CheckpointFileNotFoundError: There is no config.json.
        ConfigFileError: It is not a JSON object.
        CheckpointConfigError: One of the two is malformed.
    """
    from config_core.config import PretrainedConfig

    values, _ = PretrainedConfig.get_config_dict(source)
    model_type = values.get("model_type") or ""
    if not isinstance(model_type, str):
        raise CheckpointConfigError(
            f"model_type must be a string, got {model_type!r:.200}.", checkpoint=str(source), key="model_type"
        )
    auto_map = values.get("auto_map") or {}
    if not isinstance(auto_map, dict):
        raise CheckpointConfigError(
            f'auto_map must be an object such as {{"AutoModel": "modeling_x.XModel"}}, got {auto_map!r:.200}.',
            checkpoint=str(source),
            key="auto_map",
        )
    return model_type, auto_map


def loadable_names(auto_map: Mapping[str, Any]) -> frozenset[str]:
    """Return the names in an `auto_map` that an Auto class asks for. Other libraries load tokenizers, for instance."""
    from auto_registry.auto_tasks import AUTO_CLASS_NAMES

    return frozenset(auto_map) & {"AutoConfig", *AUTO_CLASS_NAMES}


def code_behind(
    config_class: type[PretrainedConfig],
    *,
    trust_remote_code: bool | None = None,
    code_revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> OwnCode | None:
    """Return the code that a config class came out of, or None for a class that was imported in the ordinary way.

    The `auto_map` is the one that the code was loaded with: a config is data, and cannot point to other code.
    """
    from config_core.code import bundle_of

    bundle = bundle_of(config_class)
    if bundle is None:
        return None
    return OwnCode(
        config_class,
        bundle.auto_map,
        trust_remote_code=trust_remote_code,
        code_revision=code_revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
