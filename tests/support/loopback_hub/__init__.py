"""A Hub on loopback: the wire protocol of the Hugging Face Hub, as the unmodified `huggingface_hub` client speaks it.

`hub.LoopbackHub` is what tests use; `tests/conftest.py` starts it. State lives in memory, xorbs in a temporary folder.
Nothing is imported here, so that a run that needs no Hub pays for no server.

The client runs with its default settings, so weights travel over xet. A test of a client without xet runs it in a
process of its own, with `WITHOUT_XET` in its environment: the client reads that when it is imported. What the Hub
speaks and what it does not is in README.md, with the tests that show it.

    contents.py      what a file is: git blob or LFS object
    ignores.py       which files of an upload a `.gitignore` leaves out
    repositories.py  repositories, commits, branches, tags, LFS objects
    accounts.py      users and tokens
    refusals.py      the errors the Hub answers with
    names.py         names that are refused
    cards.py         cards whose metadata is refused
    access.py        who may read, download and write what
    api_read.py      whoami, info, tree, refs, commits
    pages.py         lists in pages
    api_write.py     repositories, branches, tags, settings, preupload, commit
    discussions.py   pull requests that are opened before their first commit
    downloads.py     resolve, its redirects, and ranges
    lfs.py           LFS batch and verify
    cdn.py           the content network that keeps the bytes
    xorbs.py         the formats of xet: xorbs and shards
    cas.py           xet's content-addressed store, and how it puts a file together
    xet.py           tokens for the store, and its routes
    faults.py        what happens to the next requests: errors, other answers, broken connections, stalls, other writers
    planning.py      how tests plan them
    gateway.py       request log, faults, and which of the two ports answers
    server.py        the thread that runs uvicorn
    tls.py           the same behind TLS
    hub.py           the object that tests hold
"""

from __future__ import annotations

__all__ = ["WITHOUT_XET"]

WITHOUT_XET = {"HF_HUB_DISABLE_XET": "1"}
