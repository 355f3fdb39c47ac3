"""Code of objects from another process: finding it, and deciding whether it may run here.

`pickle` identifies a remote class by its module, `hub_io.remote.<name>_<digest>.<module>`, and imports that. The code
with this digest is read from the code store of this machine, and this process's policy decides, including the grants
of the parent process. The pickle itself grants nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from auto_registry.code_load import CodeLoad
from config_core.messages import escaping_logger
from hub_io.code import CodeStore, RemoteCode
from hub_io.errors import CodeStoreError, RemoteCodeImportError, RemoteCodeRefusedError
from hub_io.trust import GRANTS_VARIABLE, Refused, Trusted, checkpoints_around, decide_inherited, inherited_grants

if TYPE_CHECKING:
    from hub_io.trust import TrustDecision

__all__ = ["find_inherited"]

_logger = escaping_logger(__name__)

_NAME = re.compile(r"hub_io\.remote(_for_transformers)?\.\w*?_(?P<digest>[0-9a-f]{64}|[0-9a-f]{12})(_\d+)?", re.ASCII)


def find_inherited(name: str) -> Trusted | None:
    """Return the decision on code that another process has imported under a name.

    Args:
        name: Name of the package: `hub_io.remote.<name>_<digest>`, or below `hub_io.remote_for_transformers`.

    Returns:
        The decision, or None if the name does not have this form.

    Raises:
        RemoteCodeRefusedError: The code may not run here.
        RemoteCodeImportError: The code is not on this machine, or the name is ambiguous.
        CodeStoreError: Its entry in the code store was changed.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        return None
    try:
        return _find(name, matched["digest"])
    except OSError as error:
        processes = sys.modules.get("multiprocessing.process")
        if processes and processes.parent_process():
            # A worker of `multiprocessing.Pool` takes an OSError for a broken pipe, and exits without a message.
            _logger.error("%s", error)  # noqa: TRY400 - the message is enough
        raise


def _find(name: str, digest: str) -> Trusted:
    store = CodeStore.default()
    decisions, damage = _decisions(store, digest)
    trusted = [decision for decision in decisions if isinstance(decision, Trusted)]
    if len(trusted) > 1:
        raise RemoteCodeImportError(
            f"{name} is ambiguous: the digests of several code bundles start with the same digits: "
            f"{', '.join(decision.bundle.digest for decision in trusted)}. None of them was run. Load the checkpoint "
            "in this process first.",
            source=name,
            file="",
        )
    if trusted:
        return trusted[0]
    for decision in decisions:
        if isinstance(decision, Refused):
            raise _refusal(name, decision)
    if damage is not None:
        raise damage
    raise RemoteCodeImportError(
        f"{name} is code that another process has loaded from a checkpoint. It is not in the code store of this "
        f"machine ({store.folder}), so nothing was run. Load the checkpoint in this process first, or let both "
        "processes use the same code store.",
        source=name,
        file="",
    )


def _decisions(store: CodeStore, digest: str) -> tuple[list[TrustDecision], CodeStoreError | None]:
    """Return the decision on each entry with this prefix, and the error of the first damaged one."""
    around = checkpoints_around()
    decisions: list[TrustDecision] = []
    damage = None
    for candidate in store.digests(digest):
        try:
            kept = store.read(candidate)
        except CodeStoreError as error:
            damage = damage or error
            continue
        code = RemoteCode.of_bundle(kept.bundle, source=kept.source, load=CodeLoad(), folders=around)
        decisions.append(decide_inherited(code, digests=inherited_grants()))
    return decisions, damage


def _refusal(name: str, refused: Refused) -> RemoteCodeRefusedError:
    error = replace(refused, may_be_passed=False).refusal()  # nothing can be passed to `pickle`
    inherits = (
        " Or load the checkpoint in this process first, or start this process from one that has loaded it: it "
        f"inherits the trust through {GRANTS_VARIABLE}."
    )
    return RemoteCodeRefusedError(
        f"An object from another process needs {name}. {error}{inherits if refused.may_be_passed else ''}",
        source=error.source,
        reason=error.reason,
        bundle=error.bundle,
        changes=error.changes,
    )
