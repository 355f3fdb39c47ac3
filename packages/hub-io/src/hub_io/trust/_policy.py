"""The policy of a process: the trust store, and an administrator's cap on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from auto_registry.code_load import CodeLoad, current_load
from config_core.code import CodeOrigin
from config_core.fork_safety import ForkSafeLock
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
    """Which remote code may run.

    Attributes:
        store: The trusted code. It runs without `trust_remote_code`.
        cap: `"deny"` refuses all remote code; `"locked"` refuses code that is not in the store, even if the caller
            trusts it; None leaves it to the caller. `HUB_IO_REMOTE_CODE` can make this stricter, never laxer.
        on_run: Called before the code of a checkpoint runs in a load, once for each bundle, with where the code came
            from and what trusts it. If it raises, the code does not run.

    Raises:
        TrustPolicyError: `cap` has an invalid value.
    """

    store: TrustStore = field(default_factory=TrustStore)
    cap: Cap | None = None
    on_run: Callable[[CodeOrigin], None] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if self.cap not in _STRICTEST_FIRST:
            raise TrustPolicyError(f"cap must be 'deny', 'locked' or None, got {self.cap!r}.")


_lock = ForkSafeLock()
_default: TrustPolicy | None = None
_frozen = False


def default_policy() -> TrustPolicy:
    """Return the policy of loads without a policy of their own.

    It is the one that the program set, or else follows the environment: the cap in `HUB_IO_REMOTE_CODE` (`deny`,
    `locked` or unset) and the trust store that is found now.

    Raises:
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
    """
    return _default or TrustPolicy(store=find_store(), cap=_environment_cap())


def set_default_policy(policy: TrustPolicy | None, *, freeze: bool = False) -> None:
    """Set the policy of loads without a policy of their own.

    Args:
        policy: The policy; None to follow the environment.
        freeze: Refuse later changes in this process.

    Raises:
        TrustPolicyError: The policy is frozen, or code of a checkpoint that is being loaded calls this.
        TypeError: `policy` is not a TrustPolicy.
        ValueError: `policy` is None and `freeze` is true.
    """
    global _default, _frozen
    if policy is not None and not isinstance(policy, TrustPolicy):
        raise TypeError(f"Expected a TrustPolicy or None, got {policy!r}.")
    if policy is None and freeze:
        raise ValueError(
            "freeze=True requires a policy. Pass default_policy() to freeze the environment's current one."
        )
    if outer := current_load():
        raise TrustPolicyError(
            f"The code of {outer}, which is being loaded, cannot set the policy. Only the program can."
        )
    with _lock.held():
        if _frozen:
            raise TrustPolicyError("The policy of this process is frozen and cannot be changed.")
        if freeze and policy is not None:
            _ = policy.store.located_entries  # reads the store's files, which are frozen too
        _default, _frozen = policy, freeze


def policy_in_force(policy: TrustPolicy | None = None) -> TrustPolicy:
    """Return the policy that decides now.

    Args:
        policy: The policy to use; None for the default policy. If code of a checkpoint that is being loaded calls this,
            that load's policy is returned instead. If the default policy was frozen meanwhile, its store replaces that
            of the load, and the stricter of the two caps applies.

    Raises:
        TrustPolicyError: The default policy is frozen and `policy` is another one, or `HUB_IO_REMOTE_CODE` has an
            invalid value.
    """
    if outer := current_load():
        inherited: TrustPolicy = outer.policy or default_policy()
        if _frozen and _default is not None:
            return replace(_default, cap=_stricter(inherited.cap, _default.cap))
        return inherited
    if _frozen and policy not in {None, _default}:
        raise TrustPolicyError("The policy of this process is frozen; a load cannot use another one.")
    return default_policy() if policy is None or _frozen else policy


def policy_of_load(load: CodeLoad) -> TrustPolicy:
    """Return the policy of a load, with the environment's current cap.

    A load keeps the policy of its first decision, so its code cannot write itself into a trust store.
    """
    if load.policy is None:
        load.policy = policy_in_force()
    policy: TrustPolicy = load.policy
    cap = _stricter(policy.cap, _environment_cap())
    return policy if cap == policy.cap else replace(policy, cap=cap)


def _stricter(one: Cap | None, other: Cap | None) -> Cap | None:
    return _STRICTEST_FIRST[min(_STRICTEST_FIRST.index(one), _STRICTEST_FIRST.index(other))]


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
