"""Code of objects that come out of another process: which it is, and whether it may run here.

`pickle` knows a remote class by its module, `hub_io.remote.<name>_<digest>.<module>`, and imports that. The digest
leads to the code store of this machine; this process's own policy decides, in which a grant of the process that has
started this one counts. The pickle itself grants nothing.
"""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from auto_registry.code_load import CodeLoad
from hub_io.code import CodeStore, RemoteCode
from hub_io.errors import CodeStoreError, RemoteCodeImportError, RemoteCodeRefusedError
from hub_io.trust import GRANTS_VARIABLE, Refused, Trusted, checkpoints_around, decide_inherited, inherited_grants

if TYPE_CHECKING:
    from hub_io.trust import TrustDecision

__all__ = ["find_inherited"]

_logger = logging.getLogger(__name__)

_NAME = re.compile(r"hub_io\.remote\.\w*?_(?P<digest>[0-9a-f]{64}|[0-9a-f]{12})(_\d+)?", re.ASCII)


def find_inherited(name: str) -> Trusted | None:
    """Return the code that another process has imported under a name, and the decision that it may run here.

    Args:
        name: The package: `hub_io.remote.<name>_<digest>`.

    Returns:
        The decision, or None if this is no name of that form.

    Raises:
        RemoteCodeRefusedError: The code may not run here.
        RemoteCodeImportError: The code is not on this machine, or cannot be told from other code.
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
            # A worker of `multiprocessing.Pool` takes any such error for a broken pipe, and ends without a word.
            _logger.error("%s", error)  # noqa: TRY400 - the sentence says it all
        raise


def _find(name: str, digest: str) -> Trusted:
    store = CodeStore.default()
    decisions, damage = _decisions(store, digest)
    trusted = [decision for decision in decisions if isinstance(decision, Trusted)]
    if len(trusted) > 1:
        raise RemoteCodeImportError(
            f"{name} could be any of several bundles of code, which begin with the same digits: "
            f"{', '.join(decision.bundle.digest for decision in trusted)}. None of them was run. Load the checkpoint "
            "that it came from in this process first.",
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
        f"{name} is code that another process has loaded out of a checkpoint. It is not in the code store of this "
        f"machine ({store.folder}), so nothing was run. Load that checkpoint in this process first, or let both "
        "processes use the same store.",
        source=name,
        file="",
    )


def _decisions(store: CodeStore, digest: str) -> tuple[list[TrustDecision], CodeStoreError | None]:
    """Decide on each entry of the store whose digest begins so; return the error of the first that is damaged too."""
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
        " Or load the checkpoint in this process before, or start this process from one that has loaded it by then, "
        f"which says so in {GRANTS_VARIABLE}."
    )
    return RemoteCodeRefusedError(
        f"An object out of another process needs {name}. {error}{inherits if refused.may_be_passed else ''}",
        source=error.source,
        reason=error.reason,
        bundle=error.bundle,
        changes=error.changes,
    )
