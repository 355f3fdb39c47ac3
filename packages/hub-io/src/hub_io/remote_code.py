"""Deciding on the class that a checkpoint ships for an auto class, as auto_registry asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub_io.code import find_code
from hub_io.trust import Refused, Trusted, policy_in_force

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from config_core.checkpoint import Checkpoint
    from config_core.code import ClassReference
    from hub_io.trust import TrustDecision

__all__ = ["REMOTE_CODE_SERVICE", "RemoteClass", "TrustedCode"]


@dataclass(frozen=True, slots=True)
class RemoteClass:
    """A class in the code of a checkpoint, and the decision on that code.

    Attributes:
        reference: The class.
        decision: Whether the code may run, and why.
    """

    reference: ClassReference
    decision: TrustDecision

    @property
    def trusted(self) -> bool:
        """Whether the code may run."""
        return isinstance(self.decision, Trusted)

    def load_class(self) -> type[Any]:
        """Import the class: this runs the checkpoint's code, if it is trusted.

        Raises:
            RemoteCodeRefusedError: It is not.
            RemoteCodeImportError: It failed, or has no such class.
        """
        if isinstance(self.decision, Refused):
            raise self.decision.error()
        from hub_io.running import import_classes

        return import_classes(self.decision, [self.reference])[0]

    def refusal(self) -> Exception:
        """Return the error that lists the files, their digests, and what to call to trust them.

        Raises:
            ValueError: The code is trusted.
        """
        if isinstance(self.decision, Trusted):
            raise ValueError(f"{self.reference} is trusted by {self.decision.by}; there is no refusal.")  # noqa: TRY004
        return self.decision.error()


class TrustedCode:
    """Runs the code of checkpoints that the policy in force trusts. It holds nothing."""

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
    ) -> RemoteClass:
        """Decide on the class that `auto_map` names for an auto class. Nothing of the code runs.

        Args:
            origin: The checkpoint that ships the code, or a class that came out of such code before.
            auto_map: Name of an auto class to a reference.
            auto_class: The name that is wanted.
            trust_remote_code: What the caller said: yes, no, or nothing, which leaves it to the trust store.
            code_revision: Revision of the repository that holds the code, be it another than the checkpoint's or its
                own. Config and weights stay at theirs.
            token: Access token for the hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use what was downloaded before and no network.

        Raises:
            ClassReferenceError: The reference is malformed.
            SourceCodeError: The code is trusted, but a file is missing or is no Python.
            CodeRevisionError: `code_revision` is given for code in a folder.
            CheckpointNotFoundError: The code is trusted, but its repository cannot be opened.
            TypeError: `trust_remote_code` is neither a truth value nor None.
            TrustStoreError: The trust store is malformed.
            TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
        """
        policy = policy_in_force()
        code = find_code(
            origin,
            auto_map,
            auto_class,
            code_revision=code_revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            find_pin=policy.store.pin,
        )
        return RemoteClass(code.wanted, policy.decide(code, trust_remote_code=trust_remote_code))


# What the entry point `auto_registry.remote_code` offers.
REMOTE_CODE_SERVICE: Final = TrustedCode()
