"""A Hub on loopback: the wire protocol of the Hugging Face Hub, as the unmodified `huggingface_hub` client speaks it.

State lives in memory. `hub.LoopbackHub` is what tests use; `tests/conftest.py` starts it. Nothing is imported here,
so that a run that needs no Hub pays for no server.

    contents.py      what a file is: git blob or LFS object
    repositories.py  repositories, commits, branches, tags, LFS objects
    accounts.py      users and tokens
    refusals.py      the errors the Hub answers with
    access.py        who may read, download and write what
    api_read.py      whoami, info, tree, refs, commits
    api_write.py     repositories, branches, tags, settings, preupload, commit
    downloads.py     resolve, its redirects, and ranges
    lfs.py           LFS batch and verify, and the CDN that keeps the bytes
    faults.py        errors, cut bodies and delays on demand
    gateway.py       request log, faults, and which of the two ports answers
    server.py        the thread that runs uvicorn
    hub.py           the object that tests hold
"""

from __future__ import annotations

__all__: list[str] = []
