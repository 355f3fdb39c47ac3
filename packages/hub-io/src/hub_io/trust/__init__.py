"""Whether a checkpoint's code may run: the decision, the policy that makes it, and the files of trusted code."""

from __future__ import annotations

from hub_io.trust._deciding import decide, decide_inherited
from hub_io.trust._decision import Refused, TrustDecision, Trusted
from hub_io.trust._entry import EntryError, TrustEntry, versions_of
from hub_io.trust._file_format import MAX_STORE_BYTES, PROJECT_STORE, FileContents
from hub_io.trust._grants import GRANTS_VARIABLE, inherited_grants, pass_on
from hub_io.trust._policy import (
    CAP_VARIABLE,
    Cap,
    TrustPolicy,
    default_policy,
    policy_in_force,
    policy_of_load,
    set_default_policy,
)
from hub_io.trust._store import TrustFile, TrustStore
from hub_io.trust._store_places import (
    STORE_VARIABLE,
    checkpoints_around,
    find_store,
    named_store_path,
    project_store_path,
    user_store_path,
)

__all__ = [
    "CAP_VARIABLE",
    "GRANTS_VARIABLE",
    "MAX_STORE_BYTES",
    "PROJECT_STORE",
    "STORE_VARIABLE",
    "Cap",
    "EntryError",
    "FileContents",
    "Refused",
    "TrustDecision",
    "TrustEntry",
    "TrustFile",
    "TrustPolicy",
    "TrustStore",
    "Trusted",
    "checkpoints_around",
    "decide",
    "decide_inherited",
    "default_policy",
    "find_store",
    "inherited_grants",
    "named_store_path",
    "pass_on",
    "policy_in_force",
    "policy_of_load",
    "project_store_path",
    "set_default_policy",
    "user_store_path",
    "versions_of",
]
