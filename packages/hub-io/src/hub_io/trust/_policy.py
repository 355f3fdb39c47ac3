"""Whether a checkpoint's code may run: the one place that decides.

A policy is made of the trust store and an administrator's cap; the caller of a load adds what was said for that load
alone. Data has no say, nothing here asks anybody, and deciding executes nothing.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

from config_core.errors import ConfigCoreError, SourceCodeError
from hub_io.errors import FrozenPolicyError, HubIoError, TrustPolicyError
from hub_io.file_changes import compare_files
from hub_io.trust._asking_code import find_asking_code, remember_grant
from hub_io.trust._decision import Refused, Trusted
from hub_io.trust._store import TrustStore
from hub_io.trust._store_places import find_store
from hub_io.trust._unpinned_code import warn_unpinned

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hub_io.code import RemoteCode
    from hub_io.trust._asking_code import AskingCode
    from hub_io.trust._decision import TrustDecision
    from hub_io.trust._entry import TrustEntry

__all__ = ["CAP_VARIABLE", "Cap", "TrustPolicy", "default_policy", "policy_in_force", "set_default_policy"]

CAP_VARIABLE = "HUB_IO_REMOTE_CODE"
Cap = Literal["deny", "locked"]
_STRICTEST_FIRST: tuple[Cap | None, ...] = ("deny", "locked", None)


@dataclass(frozen=True)
class TrustPolicy:
    """Who may make code run.

    Attributes:
        store: What has been read and trusted. Code in it runs without being asked for.
        cap: `"deny"` refuses all code; `"locked"` refuses what is not in the store, even if the caller trusts it; None
            leaves it to the caller. The environment's `HUB_IO_REMOTE_CODE` can make it stricter, never laxer.

    Raises:
        TrustPolicyError: `cap` is none of these.
    """

    store: TrustStore = field(default_factory=TrustStore)
    cap: Cap | None = None

    def __post_init__(self) -> None:
        if self.cap not in _STRICTEST_FIRST:
            raise TrustPolicyError(f"cap must be 'deny', 'locked' or None, got {self.cap!r}.")

    def decide(self, code: RemoteCode, *, trust_remote_code: bool | None) -> TrustDecision:
        """Decide whether code may run.

        If a checkpoint's code is what asks, the policy that let it run decides and not this one, and its True grants
        nothing.

        Args:
            code: The code of one folder or repository. It is only fetched and read if it could be trusted.
            trust_remote_code: What the caller said. True trusts the content of this load, False refuses it, None
                leaves it to the store.

        Raises:
            TypeError: `trust_remote_code` is something else, such as a string out of a file.
            TrustStoreError: The store is malformed.
            TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
            UnpinnedCodeWarning: The commit was not said, and warnings are errors.
            SourceCodeError: The caller trusts the code, but a file is missing or is no Python.
        """
        if trust_remote_code is not None and not isinstance(trust_remote_code, bool):
            raise TypeError(f"trust_remote_code must be True, False or None, got {trust_remote_code!r}.")
        if trust_remote_code is False:
            return Refused("trust_remote_code=False was passed", code, may_be_fetched=False)
        policy, asking = _capped(policy_in_force(self)), find_asking_code()
        decision = _decide(code, policy, said=bool(trust_remote_code), asking=asking)
        return _remember(decision, code, policy, asking=asking)

    def decide_inherited(self, code: RemoteCode, *, granted: Collection[str]) -> TrustDecision:
        """Decide on code that another process has sent objects of, and that is needed to receive them.

        Args:
            code: The code.
            granted: Digests that the parent process was told to trust.

        Raises:
            TrustStoreError: The store is malformed.
            TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
        """
        policy, asking = _capped(policy_in_force(self)), find_asking_code()
        decision = _decide(code, policy, said=False, asking=asking)
        may_inherit = isinstance(decision, Refused) and policy.cap is None and asking is None
        if may_inherit and code.bundle.digest in granted:
            decision = Trusted(by="the parent process", source=code.source, bundle=code.bundle)
        return _remember(decision, code, policy, asking=asking)


_lock = threading.Lock()
_default: TrustPolicy | None = None
_frozen = False


def default_policy() -> TrustPolicy:
    """Return the policy of loads that are given no other.

    It is the one that the program has set, or else that of the environment as it is now: the cap that
    `HUB_IO_REMOTE_CODE` gives (`deny`, `locked`, unset) and the store that `hub_io.store_places` finds.

    Raises:
        TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
    """
    return _default or TrustPolicy(store=find_store(), cap=_environment_cap())


def set_default_policy(policy: TrustPolicy | None, *, freeze: bool = False) -> None:
    """Set the policy of loads that are given no other.

    Args:
        policy: The policy; None for that of the environment.
        freeze: Let nobody change it again in this process.

    Raises:
        FrozenPolicyError: It was frozen before, or a checkpoint's code is what asks.
        TypeError: `policy` is none.
        ValueError: The policy of the environment, which can change, is to be frozen.
    """
    global _default, _frozen
    if policy is not None and not isinstance(policy, TrustPolicy):
        raise TypeError(f"Expected a TrustPolicy or None, got {policy!r}.")
    if policy is None and freeze:
        raise ValueError("Only a policy can be frozen. Pass default_policy() to keep the environment's as it is now.")
    if asking := find_asking_code():
        raise FrozenPolicyError(f"{asking.module} is code of a checkpoint; only the program may set the policy.")
    with _lock:
        if _frozen:
            raise FrozenPolicyError("The policy of this process was frozen when it was set, and stays as it is.")
        if freeze and policy is not None:
            _ = policy.store.located_entries  # what is frozen is also what the store's files say
        _default, _frozen = policy, freeze


def policy_in_force(policy: TrustPolicy | None = None) -> TrustPolicy:
    """Return the policy that decides now.

    Args:
        policy: The one that the caller wants; the default one if None. Where a checkpoint's code is what asks, it is
            the policy that let this code run, whatever is passed; once the default one is frozen, with the store of
            that one, and with the stricter cap of the two.

    Raises:
        FrozenPolicyError: The default one is frozen, and the caller wants another.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` is none of its values.
    """
    if asking := find_asking_code():
        policy = asking.policy or default_policy()
        # Code that was let in before the policy was frozen brings the policy of then.
        return TrustPolicy(_default.store, _stricter(policy.cap, _default.cap)) if _frozen and _default else policy
    if _frozen and policy not in {None, _default}:
        raise FrozenPolicyError("The policy of this process is frozen; no load may have one of its own.")
    return default_policy() if policy is None or _frozen else policy


def _decide(code: RemoteCode, policy: TrustPolicy, *, said: bool, asking: AskingCode | None) -> TrustDecision:
    if policy.cap == "deny":
        return Refused(
            f"remote code is switched off here ({CAP_VARIABLE}=deny, or the program's policy)",
            code,
            may_be_passed=False,
            may_be_stored=False,
            may_be_fetched=False,
        )
    store = _store_for(code, policy)
    by_store = _by_store(code, store, fetch=said and asking is None)
    if isinstance(by_store, Trusted):
        return by_store
    if policy.cap == "locked":
        reason = f"only code in the trust store runs here ({CAP_VARIABLE}=locked, or the program's policy)"
        return replace(by_store, reason=f"{reason}, and {by_store.reason}", may_be_passed=False)
    if asking is not None:
        return _by_the_load(code, asking, otherwise=by_store, said=said)
    if not said:
        return by_store
    if code.commit is not None and not code.pinned:
        warn_unpinned(code.source, code.commit, pin=code.pin)
    return Trusted(by="trust_remote_code=True", source=code.source, bundle=code.bundle)


def _by_store(code: RemoteCode, store: TrustStore, *, fetch: bool) -> TrustDecision:
    """Decide by content. Nobody new is contacted for code of which the store knows nothing."""
    known = store.for_source(code.place)
    refused = Refused("nobody has said that it is trusted", code, ignored=store.ignored)
    if not fetch and not (known or (store.located_entries and code.at_hand)):
        return refused
    try:
        bundle = code.bundle
    except SourceCodeError as error:
        if fetch:
            raise
        # What nothing that can be read imports any more may still be there.
        return _not_what_was_trusted(refused, known, error.digests, removed=False) if known else refused
    except (ConfigCoreError, HubIoError):
        if fetch:
            raise
        return refused  # whose error says why the code cannot even be listed
    if entry := store.find(bundle.digest):
        by = f"{store.file_of(entry).path} ({entry.source}, {entry.trusted_at})"
        return Trusted(by=by, source=code.source, bundle=bundle)
    if not known:
        return refused
    return _not_what_was_trusted(refused, known, bundle.file_digests())


def _not_what_was_trusted(
    refused: Refused, known: Sequence[TrustEntry], files: Mapping[str, str], *, removed: bool = True
) -> Refused:
    """Return the refusal of code of which other versions were trusted, with what has changed since the nearest."""
    nearest = max(known, key=lambda entry: len(entry.files.keys() & files.keys()))
    changes = compare_files(nearest.files, files)
    return replace(
        refused,
        reason=f"it is not what was trusted on {nearest.trusted_at}{_at(nearest)}",
        changes=changes if removed else replace(changes, removed=()),
    )


def _by_the_load(code: RemoteCode, asking: AskingCode, *, otherwise: Refused, said: bool) -> TrustDecision:
    """Decide for code that asks for code: the bundles of the same load were granted already."""
    with suppress(ConfigCoreError, HubIoError):
        if asking.granted and (said or code.at_hand) and code.bundle.digest in asking.granted:
            return Trusted(by="the load that it is part of", source=code.source, bundle=code.bundle)
    reason = f"{asking.module}, itself a checkpoint's code, asks for it"
    said_in_vain = " with trust_remote_code=True, which only the program can say" if said else ""
    return replace(otherwise, reason=f"{reason}{said_in_vain}; {otherwise.reason}", may_be_passed=False)


def _store_for(code: RemoteCode, policy: TrustPolicy) -> TrustStore:
    """Return the store without files that lie in the checkpoint itself."""
    store = policy.store
    for folder in code.folders:
        store = store.without(folder)
    # Read even where the caller's word would do: with a malformed store, nothing runs.
    _ = store.located_entries
    return store


def _capped(policy: TrustPolicy) -> TrustPolicy:
    cap = _stricter(policy.cap, _environment_cap())
    return policy if cap == policy.cap else replace(policy, cap=cap)


def _stricter(one: Cap | None, other: Cap | None) -> Cap | None:
    return min(one, other, key=_STRICTEST_FIRST.index)


def _remember(
    decision: TrustDecision, code: RemoteCode, policy: TrustPolicy, *, asking: AskingCode | None
) -> TrustDecision:
    if isinstance(decision, Trusted):
        remember_grant(decision.bundle.digest, policy, load=code.load, folders=code.folders, asking=asking)
    return decision


def _environment_cap() -> Cap | None:
    said = os.environ.get(CAP_VARIABLE, "")
    if not said:
        return None
    for cap in get_args(Cap):
        if said == cap:
            return cap  # type: ignore[no-any-return]
    raise TrustPolicyError(
        f"{CAP_VARIABLE} must be 'deny', 'locked' or unset, got {said!r}. No remote code runs until it is one of them."
    )


def _at(entry: TrustEntry) -> str:
    return f" at commit {entry.commit[:12]}" if entry.commit else ""
