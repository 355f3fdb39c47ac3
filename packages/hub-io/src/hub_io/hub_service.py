"""The Hugging Face Hub, as config_core asks for it: open a repository, publish a folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from config_core.checkpoint import check_links
from hub_io.client_errors import HubRequest, client_errors_as_ours
from hub_io.model_card import CARD_FILE, add_tags, write_card
from hub_io.repo_checkpoint import DEFAULT_BRANCH, DownloadOptions, RepoCheckpoint, hub_client, open_repository
from hub_io.trust import policy_in_force

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi

__all__ = ["HUB_SERVICE", "HuggingFaceHub"]

# Names that model_core gives to weights, and to their index. A variant is a word such as `fp16`.
_WEIGHTS = re.compile(r"model(\.(?P<variant>[^./]+?))?(-\d{5}-of-\d{5})?\.safetensors")
_INDEX = re.compile(r"model\.safetensors\.index(\.(?P<variant>[^./]+))?\.json")


class HuggingFaceHub:
    """The Hub that HF_ENDPOINT names. It holds nothing; `huggingface_hub` is imported at the first call."""

    def open(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        subfolder: str = "",
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> RepoCheckpoint:
        """Open a repository at one commit.

        Args:
            repo_id: The repository, `owner/name`.
            revision: Branch, tag or commit. If None, the commit at which the trust store has the repository's code, or
                else the default branch. It is resolved once.
            subfolder: Folder inside the repository, with forward slashes.
            token: Access token; True for the stored one, False for none, None for the stored one if any.
            cache_dir: Where downloads are kept; the client's own place if None.
            local_files_only: Use what was downloaded before and no network.
            force_download: Download again what is already there.

        Raises:
            CheckpointNotFoundError: There is no such repository, revision or subfolder, or it may not be read.
            HubError: The Hub cannot be reached and the commit was not downloaded before, or it refused.
            ValueError: `force_download` and `local_files_only` contradict each other.
            TrustStoreError: The trust store, which may name the commit, is malformed.
        """
        revision = revision or policy_in_force().store.pin(repo_id)
        options = DownloadOptions(
            token=token, cache_dir=cache_dir, local_files_only=local_files_only, force_download=force_download
        )
        return open_repository(repo_id, revision=revision, subfolder=subfolder, options=options)

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
    ) -> CommitInfo:
        """Upload a folder in one commit, with a model card if neither side has one.

        Weights of an earlier push in another layout (sharded or not) go in the same commit; other files stay.

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

        Returns:
            What the Hub says of the commit: its id and its address.

        Raises:
            AccessDeniedError: No token, an unknown one, or one that may not write there.
            HubError: The Hub cannot be reached or refused. Nothing was committed.
            ConfigFileError: config.json of the folder cannot be read.
            ModelCardError: The metadata of the card that is there cannot be read, so that no tags can be added.
            UnsafeNameError: A link in the folder leads to a file outside of it. Nothing was uploaded.
        """
        files = _files(folder)
        api = hub_client(token=token)
        request = HubRequest(repo_id, revision=revision, writes=True, token_given=isinstance(token, str))
        with client_errors_as_ours(request):
            repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            branch = _branch(api, repo_id, revision, create_pr=create_pr)
            present = set(api.list_repo_files(repo_id, revision=branch))
            card = _card(api, repo_id, files, folder, present=present, tags=tags, revision=branch)
            additions = list(_additions(files, card))
            added = {operation.path_in_repo for operation in additions}
            return api.create_commit(
                repo_id,
                [*_deletions(present, added), *additions],
                commit_message=commit_message or f"Upload {'model' if _variants(added) else 'config'}",
                commit_description=commit_description,
                revision=branch,
                create_pr=create_pr,
            )


# What the entry point `config_core.hub` offers.
HUB_SERVICE: Final = HuggingFaceHub()


def _branch(api: HfApi, repo_id: str, revision: str | None, *, create_pr: bool) -> str | None:
    """Make the branch to commit to, unless it is one that is always there or only the start of a pull request."""
    if revision is not None and revision != DEFAULT_BRANCH and not create_pr and not revision.startswith("refs/"):
        api.create_branch(repo_id, branch=revision, exist_ok=True)
    return revision


def _card(
    api: HfApi,
    repo_id: str,
    files: Mapping[str, Path],
    folder: Path,
    *,
    present: set[str],
    tags: Sequence[str],
    revision: str | None,
) -> str | None:
    """Return the text of the model card to upload, or None to leave card and folder as they are."""
    if CARD_FILE in files:
        return add_tags(files[CARD_FILE].read_text(encoding="utf-8"), tags) if tags else None
    if CARD_FILE not in present:
        return write_card(folder, repo_id, tags=tags)
    if not tags:
        return None
    from pathlib import Path

    path = Path(api.hf_hub_download(repo_id, CARD_FILE, revision=revision))
    return add_tags(path.read_text(encoding="utf-8"), tags)


def _files(folder: Path) -> dict[str, Path]:
    """Return the files to upload, by name.

    Raises:
        UnsafeNameError: A link leads to a file outside: that file is not the folder's to be published.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")[:-1]):
            check_links(name, path, top=folder)
            found[name] = path
    return found


def _additions(files: Mapping[str, Path], card: str | None) -> Iterator[CommitOperationAdd]:
    from huggingface_hub import CommitOperationAdd

    for name, path in files.items():
        if name != CARD_FILE or card is None:
            yield CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
    if card is not None:
        yield CommitOperationAdd(path_in_repo=CARD_FILE, path_or_fileobj=card.encode())


def _deletions(present: Iterable[str], added: set[str]) -> list[CommitOperationDelete]:
    """Return the removal of weights that the new ones replace: those of the same variant, in another layout."""
    from huggingface_hub import CommitOperationDelete

    replaced = _variants(added)
    stale = (name for name in sorted(present) if name not in added and _variants([name]) & replaced)
    return [CommitOperationDelete(path_in_repo=name) for name in stale]


def _variants(names: Iterable[str]) -> set[str]:
    """Return the variants of the weights among these files, `""` for the plain one."""
    matches = (_WEIGHTS.fullmatch(name) or _INDEX.fullmatch(name) for name in names)
    return {match["variant"] or "" for match in matches if match}
