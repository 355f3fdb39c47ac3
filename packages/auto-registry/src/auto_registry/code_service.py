"""The protocol of the service that decides on the code of checkpoints and runs trusted code.

Nothing here reads or runs code. Another distribution offers the service by the entry point
`auto_registry.remote_code`; everything that can run a checkpoint's code is in that service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from auto_registry.code_load import CodeLoad

__all__ = ["REMOTE_CODE_GROUP", "RemoteCodeDecision", "RemoteCodeService", "ServiceFinder", "find_remote_code"]

REMOTE_CODE_GROUP = "auto_registry.remote_code"


class RemoteCodeDecision(Protocol):
    """The decision whether a class from a checkpoint's code may be used."""

    @property
    def trusted(self) -> bool:
        """Whether the code may run."""
        ...

    def refusal(self) -> Exception:
        """Return the error, which lists the files with their digests and says how to trust them."""
        ...


class RemoteCodeService(Protocol):
    """Decides on the code of checkpoints, and runs it."""

    def decide(self, load: CodeLoad, auto_class: str) -> RemoteCodeDecision:
        """Decide on the class that the `auto_map` of a load names for an Auto class. This executes none of the code.

        Args:
            load: The load. All classes in its `auto_map` form one bundle of files.
            auto_class: Name of the Auto class.
        """
        ...

    def load_class(self, decision: Any) -> type[Any]:
        """Import the class of a decision. This runs the code, or raises the refusal.

        Args:
            decision: The decision that `decide` returned.
        """
        ...


ServiceFinder = Callable[[], RemoteCodeService]


def find_remote_code() -> RemoteCodeService:
    """Return the service that an installed distribution offers.

    Raises:
        MissingServiceError: None is installed; the error says what to install.
    """
    from config_core.services import find_service

    service: RemoteCodeService = find_service(
        REMOTE_CODE_GROUP, distribution="pretrained-hub-io", purpose="Running the code that a checkpoint ships"
    )
    return service
