"""Whether a checkpoint's code may run: the decision, the policy that makes it, and the files of trusted code.

Anybody who can write to a repository or a folder can put any Python into it, change it after it was read, and edit
`config.json` to get it run. So trust is in content: in the SHA-256 of every file that the classes need. An entry of the
trust store therefore applies at a mirror of the Hub, too; if the mirror has other commits, pass one to the load.

Who can make a checkpoint's code run:

- the caller who passes `trust_remote_code=True`: yes, in this load, at its commit
- the caller who passes nothing, or `None`: no, the load is refused, or uses an installed class
- the caller who passes `trust_remote_code=False`: no, even if the trust store has it
- the caller who passes a string, such as `"true"`: no, an error
- someone who writes the trust store: yes, the files of an entry, by default at its commit
- someone who writes a malformed trust store: no, nothing runs, not even code that the caller trusts
- someone who writes a `hub-code.lock` inside the checkpoint: no, the file is not used
- someone who writes a `hub-code.lock` in a folder that anybody may write: no, the file is not used; neither is one of
  another user, or in a folder of that user
- someone who pushes to a repository in the trust store: no, other content is refused, and the error names the changed
  files
- someone who pushes to a repository that is trusted without a commit: yes, therefore there is a warning, with the
  `revision` to pin
- someone who pushes to a repository of a publisher that the trust store names: yes, it gets an entry at its commit
- someone who opens a pull request at such a repository: no, no branch or tag has its commits
- someone who moves a branch during a load: no, config and code come from one commit
- `config.json`, with any content: no, it names classes and grants no trust
- a local folder, because it is local: no, it is treated like a repository
- another repository that a trusted checkpoint names: no, its code needs its own decision
- an earlier load of the same code: no, trust is not remembered
- a config that was loaded with `trust_remote_code=True`: no, its models need their own decision
- trusted code that passes `trust_remote_code=True` while it is imported or its objects are constructed: no, the error
  names the checkpoint whose code asked
- trusted code that passes `trust_remote_code=True` later, in a method, a callback or a thread: yes, it then counts as
  your program
- someone who changes a file after the decision: no, the hashed bytes run
- someone who changes the code store: no, files without the digest do not run
- someone who sends a pickle: no, unless the receiving process or the one that started it trusts the code
- the caller, under `HUB_IO_REMOTE_CODE=deny`: no
- the trust store, under `HUB_IO_REMOTE_CODE=deny`: no
- the caller, under `HUB_IO_REMOTE_CODE=locked`: no, code that is not in the trust store does not run
- the trust store, under `HUB_IO_REMOTE_CODE=locked`: yes
- someone who mistypes `HUB_IO_REMOTE_CODE`: no, an error until it is `deny`, `locked` or unset
- the caller, after the program has frozen a policy that denies: no, and no load can use another policy

Trusted code runs with the rights of the user: it can read files, start threads and processes, write the trust store and
change this library in memory. The rule for loads inside a load protects against innocent code, such as a model that
loads its backbone with `trust_remote_code=True`. A thread that code starts counts as the program, because Python gives
it a context of its own; asyncio tasks and callbacks keep the context of the load.
"""

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
