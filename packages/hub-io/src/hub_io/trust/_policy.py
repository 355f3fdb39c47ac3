"""The policy of a process: the trust store, and an administrator's cap on it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from auto_registry.code_load import CodeLoad, current_load
from hub_io.errors import TrustPolicyError
from hub_io.trust._store import TrustStore
from hub_io.trust._store_places import find_store

__all__ = [
    "CAP_VARIABLE",
    "Cap",
    "TrustPolicy",
    "default_policy",
    "policy_in_force",
    "policy_of_load",
    "set_default_policy",
]

CAP_VARIABLE = "HUB_IO_REMOTE_CODE"
Cap = Literal["deny", "locked"]
_STRICTEST_FIRST: tuple[Cap | None, ...] = ("deny", "locked", None)


@dataclass(frozen=True)
class TrustPolicy:
    """Whose code may run.

    Attributes:
        store: What was read and trusted. Code in it runs without `trust_remote_code`.
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


_lock = threading.Lock()
_default: TrustPolicy | None = None
_frozen = False


def default_policy() -> TrustPolicy:
    """Return the policy of loads that are given no other.

    It is the one that the program has set. Otherwise it follows the environment as it is now: the cap in
    `HUB_IO_REMOTE_CODE` (`deny`, `locked` or unset) and the store that `find_store` finds.

    Raises:
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
    """
    return _default or TrustPolicy(store=find_store(), cap=_environment_cap())


def set_default_policy(policy: TrustPolicy | None, *, freeze: bool = False) -> None:
    """Set the policy of loads that are given no other.

    Args:
        policy: The policy; None for that of the environment.
        freeze: Refuse later changes in this process.

    Raises:
        TrustPolicyError: It was frozen before, or code of a checkpoint that is being loaded calls this.
        TypeError: `policy` is not a TrustPolicy.
        ValueError: The policy of the environment, which can change, is to be frozen.
    """
    global _default, _frozen
    if policy is not None and not isinstance(policy, TrustPolicy):
        raise TypeError(f"Expected a TrustPolicy or None, got {policy!r}.")
    if policy is None and freeze:
        raise ValueError("Only a policy can be frozen. Pass default_policy() to keep the environment's as it is now.")
    if outer := current_load():
        raise TrustPolicyError(f"The code of {outer}, which is being loaded, cannot set the policy; the program can.")
    with _lock:
        if _frozen:
            raise TrustPolicyError("The policy of this process was frozen when it was set, and cannot be changed.")
        if freeze and policy is not None:
            _ = policy.store.located_entries  # what the store's files say is frozen too
        _default, _frozen = policy, freeze


def policy_in_force(policy: TrustPolicy | None = None) -> TrustPolicy:
    """Return the policy that decides now.

    Args:
        policy: The one that the caller wants; the default one if None. If code of a checkpoint that is being loaded
            calls this, that load's policy is returned instead. If the default policy was frozen meanwhile, its store
            replaces that of the load, and the stricter cap of the two counts.

    Raises:
        TrustPolicyError: The default policy is frozen, and the caller wants another.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
    """
    if outer := current_load():
        inherited: TrustPolicy = outer.policy or default_policy()
        if _frozen and _default is not None:
            return TrustPolicy(_default.store, _stricter(inherited.cap, _default.cap))
        return inherited
    if _frozen and policy not in {None, _default}:
        raise TrustPolicyError("The policy of this process is frozen; a load cannot have another.")
    return default_policy() if policy is None or _frozen else policy


def policy_of_load(load: CodeLoad) -> TrustPolicy:
    """Return the policy that decides in a load, under the environment's cap as it is now.

    A load keeps the policy of its first decision: what its code writes into a trust store comes too late for it.
    """
    if load.policy is None:
        load.policy = policy_in_force()
    policy: TrustPolicy = load.policy
    cap = _stricter(policy.cap, _environment_cap())
    return policy if cap == policy.cap else replace(policy, cap=cap)


def _stricter(one: Cap | None, other: Cap | None) -> Cap | None:
    return min(one, other, key=_STRICTEST_FIRST.index)


def _environment_cap() -> Cap | None:
    value = os.environ.get(CAP_VARIABLE, "")
    if not value:
        return None
    for cap in get_args(Cap):
        if value == cap:
            return cap  # type: ignore[no-any-return]
    raise TrustPolicyError(
        f"{CAP_VARIABLE} must be 'deny', 'locked' or unset, got {value!r}. No remote code runs until it is valid."
    )
