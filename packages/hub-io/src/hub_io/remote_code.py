"""The service that auto_registry calls for the code of checkpoints: it decides, and imports trusted code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub_io.code import find_code
from hub_io.trust import Refused, decide, policy_of_load

if TYPE_CHECKING:
    from auto_registry.code_load import CodeLoad
    from hub_io.trust import TrustDecision

__all__ = ["REMOTE_CODE_SERVICE", "RemoteCodeRunner"]


class RemoteCodeRunner:
    """Decides on the code of checkpoints, and imports it if it is trusted. It has no state."""

    def decide(self, load: CodeLoad, auto_class: str) -> TrustDecision:
        """Decide on the class that the `auto_map` of a load names for an Auto class. This executes none of the code.

        Args:
            load: The load.
            auto_class: Name of the Auto class.

        Raises:
            ClassReferenceError: The reference is malformed.
            SourceCodeError: The code is trusted, but a file is missing or not Python.
            NoRemoteCodeError: `code_revision` is passed for code in a folder.
            CheckpointNotFoundError: The code is trusted, but its repository cannot be opened.
            TypeError: `trust_remote_code` is not True, False or None.
            TrustStoreError: The trust store is malformed.
            TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
        """
        from hub_io.running import folders_of

        folders = folders_of(load.code_class) if load.code_class is not None else ()
        return decide(find_code(load, auto_class, pins=policy_of_load(load).store, folders=folders))

    def load_class(self, decision: TrustDecision) -> type[Any]:
        """Import the class of a decision. This runs the checkpoint's code if it is trusted.

        Raises:
            RemoteCodeRefusedError: It is not trusted.
            RemoteCodeImportError: The code failed, or has no such class.
        """
        from hub_io.running import import_classes

        if isinstance(decision, Refused):
            raise decision.refusal()
        wanted = decision.code.wanted
        if wanted is None:
            raise ValueError(f"The decision on the code of {decision.source} names no class.")
        return import_classes(decision, [wanted])[0]


# The object of the entry point `auto_registry.remote_code`.
REMOTE_CODE_SERVICE: Final = RemoteCodeRunner()
