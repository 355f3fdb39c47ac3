"""The decision whether a checkpoint's code may run. It is made only here.

It depends on the trust store, an administrator's cap and the caller's `trust_remote_code`. Nothing in a checkpoint can
grant trust, nothing prompts, and deciding executes none of the code.

Besides exact content, a trust file may trust publishers, and ask for a cooling time. A publisher is an owner of
repositories, such as one's own organisation. What it publishes runs, and gets an entry when it first runs. A cooling
time keeps code without an entry from running until its commit is some days old: others may find what is wrong with it
meanwhile. The time of a commit is what the Hub says, and who pushes may set it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config_core.errors import ConfigCoreError, SourceCodeError
from config_core.messages import warn
from hub_io.errors import HubError, HubIoError, UnpinnedCodeWarning
from hub_io.file_changes import compare_files
from hub_io.trust._decision import Refused, Trusted
from hub_io.trust._entry import versions_of
from hub_io.trust._policy import CAP_VARIABLE, policy_of_load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hub_io.code import RemoteCode
    from hub_io.trust._decision import TrustDecision
    from hub_io.trust._entry import TrustEntry
    from hub_io.trust._policy import TrustPolicy
    from hub_io.trust._store import TrustStore

__all__ = ["decide", "decide_inherited"]

_OURS = frozenset({"hub_io", "auto_registry", "config_core", "model_core"})

# `add` and `in` of a set are atomic; if two threads warn at once, that does no harm.
_warned: set[str] = set()


def decide(code: RemoteCode) -> TrustDecision:
    """Decide whether code may run in its load.

    `trust_remote_code=True` trusts the code of this load, False refuses it, None leaves it to the trust store. In a
    nested load, which a checkpoint's code starts, the policy of the outer load decides and True grants nothing.

    Args:
        code: The code of one folder or repository. It is fetched and read only if it could be trusted.

    Raises:
        TypeError: `trust_remote_code` is not True, False or None, but for example a string from a file.
        TrustStoreError: The store is malformed.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
        UnpinnedCodeWarning: No commit was given, and warnings are errors.
        SourceCodeError: The caller trusts the code, but a file is missing or not Python.
    """
    said = code.load.trust_remote_code
    if said is not None and not isinstance(said, bool):
        raise TypeError(f"trust_remote_code must be True, False or None, got {said!r}.")
    if said is False:
        return Refused("trust_remote_code=False was passed", code, may_be_fetched=False)
    return _granted(_decide(code, policy_of_load(code.load), said=bool(said)))


def decide_inherited(code: RemoteCode, *, digests: Collection[str]) -> TrustDecision:
    """Decide whether code that an object from another process needs may run.

    Args:
        code: The code.
        digests: Digests of the code that the parent process trusted.

    Raises:
        TrustStoreError: The store is malformed.
        TrustPolicyError: `HUB_IO_REMOTE_CODE` has an invalid value.
    """
    policy = policy_of_load(code.load)
    decision = _decide(code, policy, said=False)
    may_inherit = policy.cap is None and code.load.parent is None
    if isinstance(decision, Refused) and may_inherit and code.bundle.digest in digests:
        decision = Trusted("the parent process", code)
    return _granted(decision)


def _granted(decision: TrustDecision) -> TrustDecision:
    if isinstance(decision, Trusted):
        decision.code.load.granted.add(decision.bundle.digest)
    return decision


def _decide(code: RemoteCode, policy: TrustPolicy, *, said: bool) -> TrustDecision:
    if policy.cap == "deny":
        return Refused(
            f"remote code is switched off here ({CAP_VARIABLE}=deny, or the program's policy)",
            code,
            may_be_passed=False,
            may_be_stored=False,
            may_be_fetched=False,
        )
    is_nested = code.load.parent is not None
    store = _store_for(code, policy)
    by_store = _by_store(code, store, fetch=said and not is_nested)
    if isinstance(by_store, Trusted):
        return by_store
    if policy.cap == "locked":
        reason = f"only code in the trust store runs here ({CAP_VARIABLE}=locked, or the program's policy)"
        return replace(by_store, reason=f"{reason}, and {by_store.reason}", may_be_passed=False)
    if is_nested:
        return _by_outer_load(code, otherwise=by_store, said=said)
    return _by_word(code, store, otherwise=by_store, said=said)


def _by_word(code: RemoteCode, store: TrustStore, *, otherwise: Refused, said: bool) -> TrustDecision:
    """Decide on code that has no entry: by its publisher, or else by what the caller said."""
    by_publisher = _by_publisher(code, store, otherwise=otherwise)
    if isinstance(by_publisher, Trusted) or not said:
        return by_publisher
    if problem := _cooling_problem(code, store):
        return replace(otherwise, reason=problem, may_be_passed=False)
    if code.commit is not None and not code.is_pinned:
        _warn_unpinned(code.source, code.commit, pin=code.pin)
    return Trusted("trust_remote_code=True", code)


def _by_publisher(code: RemoteCode, store: TrustStore, *, otherwise: Refused) -> TrustDecision:
    """Decide on code of a publisher; `otherwise`, perhaps with another reason, for other code.

    Raises:
        SourceCodeError: The publisher is trusted, but a file is missing or not Python.
    """
    file = store.publisher_file(code.owner)
    if file is None or code.repository is None:
        return otherwise
    try:
        name, _ = code.repository.ask_about()
        is_published = code.repository.is_published()
    except HubError as error:
        return replace(otherwise, reason=f"{otherwise.reason}, and the Hub does not say whose it is: {error}")
    if name.partition("/")[0] != code.owner:
        return replace(otherwise, reason=f"{otherwise.reason}, and the repository is {name} now")
    if not is_published:
        reason = "no branch or tag of the repository has this commit: anybody may open a pull request with one"
        return replace(otherwise, reason=f"{otherwise.reason}, and {reason}")
    if problem := _cooling_problem(code, store):
        return replace(otherwise, reason=problem, may_be_passed=False)
    return Trusted(f"{file.path} (publisher {code.owner})", code, record_in=file)


def _cooling_problem(code: RemoteCode, store: TrustStore) -> str | None:
    """Return why code is too young to run without an entry, or None."""
    days, repository = store.cooling_days, code.repository
    if not days or repository is None:
        return None
    try:
        _, time = repository.ask_about()
    except HubError as error:
        return f"the trust store asks for commits that are {days} days old, and the Hub does not say how old: {error}"
    if datetime.now(UTC) - time >= timedelta(days=days):
        return None
    return (
        f"its commit is of {time:%Y-%m-%d}, and the trust store lets code without an entry run only once its commit is "
        f"{days} days old"
    )


def _warn_unpinned(source: str, commit: str, *, pin: str) -> None:
    """Warn once per source and process that trusted code is not pinned to a commit.

    Args:
        source: The repository.
        commit: Its current commit.
        pin: The option that pins the code.

    Raises:
        UnpinnedCodeWarning: Warnings are errors. The next call for this source warns again.
    """
    if source in _warned:
        return
    warn(
        f"The code of {source} is trusted without a commit, so anybody who can push there decides what runs. It is now "
        f"at {commit}. Read it, and pin what you have read: {pin}={commit!r}.",
        UnpinnedCodeWarning,
        stacklevel=_callers_level(),
    )
    _warned.add(source)


def _callers_level() -> int:
    """Return the `stacklevel`, as seen from our caller, of the first frame outside these packages."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - the documented way to the stack
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level


def _by_store(code: RemoteCode, store: TrustStore, *, fetch: bool) -> TrustDecision:
    """Decide by content. Another repository is only contacted if the store has an entry for the code."""
    known: Sequence[TrustEntry] = store.for_source(code.stored_source)
    refused = Refused("it has no entry in the trust store", code, ignored=store.ignored)
    if not fetch and not (known or (store.located_entries and code.at_hand)):
        return refused
    try:
        bundle = code.bundle
    except SourceCodeError as error:
        if fetch:
            raise
        # Files that only the unreadable file imports are unknown, so none is reported as removed.
        return _not_what_was_trusted(refused, known, error.digests, removed=False) if known else refused
    except (ConfigCoreError, HubIoError):
        if fetch:
            raise
        # Its error says why the code cannot be listed.
        return replace(refused, reason="it cannot be compared with its entry in the trust store") if known else refused
    if entry := store.find(bundle.digest):
        return Trusted(f"{store.file_of(entry).path} ({entry.source}, {entry.trusted_at})", code)
    known = versions_of(bundle, known)
    if not known:
        return refused
    return _not_what_was_trusted(refused, known, bundle.file_digests())


def _not_what_was_trusted(
    refused: Refused, known: Sequence[TrustEntry], files: Mapping[str, str], *, removed: bool = True
) -> Refused:
    """Return the refusal of code of which another version is trusted, with the changes since the nearest version."""
    nearest = max(known, key=lambda entry: len(entry.files.keys() & files.keys()))
    changes = compare_files(nearest.files, files)
    at = f" at commit {nearest.commit[:12]}" if nearest.commit else ""
    return replace(
        refused,
        reason=f"it differs from the code that was trusted on {nearest.trusted_at}{at}{_opened_at(refused.code)}",
        changes=changes if removed else replace(changes, removed=()),
    )


def _opened_at(code: RemoteCode) -> str:
    """Return which commit code is of, and at which Hub it was opened: a mirror may have other content."""
    with suppress(ConfigCoreError, HubIoError):  # unreadable code is refused by another sentence
        if (opened := code.repository) is not None:
            return f" (this is commit {opened.commit[:12]} at {opened.host})"
    return ""


def _by_outer_load(code: RemoteCode, *, otherwise: Refused, said: bool) -> TrustDecision:
    """Decide on code of a nested load: it may run if the outer load has already granted it."""
    outer = code.load.parent
    with suppress(ConfigCoreError, HubIoError):
        if outer is not None and (said or code.at_hand) and outer.grants(code.bundle.digest):
            return Trusted("the load that it is part of", code)
    in_vain = " with trust_remote_code=True, which only the program may pass" if said else ""
    return replace(
        otherwise, reason=f"the code of {outer} asks for it{in_vain}, and {otherwise.reason}", may_be_passed=False
    )


def _store_for(code: RemoteCode, policy: TrustPolicy) -> TrustStore:
    """Return the store without files that are in the checkpoint itself."""
    store = policy.store
    for folder in code.folders:
        store = store.without(folder)
    # Read even if trust_remote_code=True is passed: with a malformed store, nothing runs.
    _ = store.located_entries
    return store
