"""The Hugging Face Hub, as config_core asks for it: open a repository, publish a folder."""

from __future__ import annotations

from typing import Final, Unpack

from config_core.checkpoint import HubKeywords, HubOptions
from hub_io.hub import RepoCheckpoint, check_push_access, open_repository, publish
from hub_io.trust import policy_in_force

__all__ = ["HUB_SERVICE", "HuggingFaceHub"]


class HuggingFaceHub:
    """The Hub that HF_ENDPOINT names. It has no state; `huggingface_hub` is imported at the first call."""

    def open(self, repo_id: str, options: HubOptions | None = None, **named: Unpack[HubKeywords]) -> RepoCheckpoint:
        """Open a repository at one commit, which is resolved once.

        Args:
            repo_id: The repository, `owner/name`.
            options: The hub options. Without a revision, the commit at which the trust store has the repository's code
                is opened, or else the default branch.
            **named: Hub options by name; they replace those in `options`.

        Raises:
            CheckpointNotFoundError: There is no such repository, revision or subfolder, or it may not be read.
            HubError: The Hub cannot be reached and the commit was not downloaded before, or it refused.
            ValueError: `force_download` and `local_files_only` contradict each other.
            TrustStoreError: The trust store, which may name the commit, is malformed.
        """
        options = HubOptions(**{**(options or HubOptions())._asdict(), **named})
        if options.revision:
            return open_repository(repo_id, options)
        store = policy_in_force().store
        pin = store.pin(repo_id)
        with store.explaining_pin(repo_id, pin):
            return open_repository(repo_id, options._replace(revision=pin))

    publish = staticmethod(publish)
    check_push_access = staticmethod(check_push_access)


# What the entry point `config_core.hub` offers.
HUB_SERVICE: Final = HuggingFaceHub()
