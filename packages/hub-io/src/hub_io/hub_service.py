"""The Hugging Face Hub, as config_core asks for it: open a repository, publish a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config_core.checkpoint import HubOptions
from hub_io.hub import RepoCheckpoint, open_repository, publish
from hub_io.trust import policy_in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Unpack

    from huggingface_hub import CommitInfo

    from config_core.checkpoint import HubKeywords

__all__ = ["HUB_SERVICE", "HuggingFaceHub"]


class HuggingFaceHub:
    """The Hub that HF_ENDPOINT names. It holds nothing; `huggingface_hub` is imported at the first call."""

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
        if not options.revision:
            options = options._replace(revision=policy_in_force().store.pin(repo_id))
        return open_repository(repo_id, options)

    def publish(
        self,
        folder: Path,
        repo_id: str,
        *,
        commit_message: str | None = None,
        commit_description: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        tags: Sequence[str] = (),
        include: Sequence[str] = (),
    ) -> CommitInfo:
        """Upload a folder in one commit, with a model card if neither side has one.

        Weights of an earlier push in another layout (sharded or not) go in the same commit; other files stay. The
        commit's parent is the one that was looked at: if another push came between, this one looks again. Hidden files,
        files with the names of keys and logins, and what training leaves beside a checkpoint are not uploaded.

        Args:
            folder: The saved checkpoint.
            repo_id: Repository as `owner/name`, or `name` for the token's own account. It is created if missing.
            commit_message: First line of the commit.
            commit_description: The rest of it.
            private: Whether a new repository is private; the account's default if None. An existing one stays as it is.
            token: Access token with the write role; the stored one if None.
            revision: Branch to commit to; created if missing. `main` if None.
            create_pr: Open a pull request with the commit instead of changing the branch.
            tags: Tags for the model card; added to one that is there.
            include: Names of files that are pushed all the same, relative to the folder.

        Returns:
            What the Hub says of the commit: its id and its address.

        Raises:
            AccessDeniedError: No token, an unknown one, or one that may not write there.
            HubError: The Hub cannot be reached or refused. Nothing was committed, unless the answer to the commit
                itself was lost: then look at the branch.
            PushRefusedError: The repository has a `.gitignore` that names files of the folder, or the Hub refuses the
                metadata of the folder's card, or no tags can be added to it. Nothing was committed.
            ConfigFileError: config.json of the folder cannot be read.
            UnsafeNameError: A link in the folder leads to a file outside of it. Nothing was uploaded.
        """
        return publish(
            folder,
            repo_id,
            commit_message=commit_message,
            commit_description=commit_description,
            private=private,
            token=token,
            revision=revision,
            create_pr=create_pr,
            tags=tags,
            include=include,
        )


# What the entry point `config_core.hub` offers.
HUB_SERVICE: Final = HuggingFaceHub()
