"""Telling auditors that code of a checkpoint is about to run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from config_core.error_base import printable
from config_core.messages import escaping_logger
from hub_io.trust import TrustEntry, policy_of_load

if TYPE_CHECKING:
    from config_core.code import CodeOrigin
    from hub_io.trust import Trusted

__all__ = ["announce"]

_LOG = escaping_logger("hub_io")
_EVENT = "hub_io.run_code"


def announce(trusted: Trusted, first: CodeOrigin) -> None:
    """Tell, once a load, that a bundle is about to run: audit hooks, the policy's `on_run`, and the log.

    Code of a publisher that has no entry yet gets one.

    An error of a hook or of `on_run` is not caught, so that each can keep the code from running.

    Args:
        trusted: The decision.
        first: Where the code came from when it first ran in this process.

    Raises:
        TrustStoreError: The code gets an entry, and the trust file is malformed or cannot be written.
    """
    load = trusted.code.load
    if trusted.bundle.digest in load.announced:
        return
    # Code that was loaded before is known by its module, and not by where it came from.
    place = first if load.code_class is not None else trusted.origin
    origin = place._replace(trusted_by=trusted.by)
    if trusted.record_in is not None:
        known, by = trusted.record_in.entries(), origin.trusted_by
        entry = TrustEntry.of(trusted.bundle, source=origin.source, commit=origin.commit, by=by, newer_than=known)
        trusted.record_in.add(entry)
    sys.audit(_EVENT, *origin)
    on_run = policy_of_load(load).on_run
    if on_run is not None:
        on_run(origin)
    at = f" at commit {origin.commit}" if origin.commit else ""
    source, trusted_by = printable(origin.source), printable(origin.trusted_by)
    _LOG.info("Running the code of %s%s, digest %s, trusted by %s", source, at, origin.digest, trusted_by)
    load.announced.add(origin.digest)
