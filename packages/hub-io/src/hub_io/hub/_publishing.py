"""A folder as one commit on the Hub, and whether a push would be allowed.

What pushes is imported with the first push: a program that only loads needs neither model cards nor their metadata.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from config_core.checkpoint import CardMetadata, PushedCommit, check_card_metadata
from hub_io.errors import AccessDeniedError, HubError
from hub_io.hub._client_errors import HubRequest
from hub_io.hub._repo_checkpoint import DEFAULT_BRANCH, check_revision
from hub_io.hub._requests import asking, hub_client

__all__ = ["check_push_access", "publish"]

_REPO_ID = r"(?a)([\w.-]{1,96}/)?[\w.-]{1,96}"
_TRIES = 10  # each lost one is another push that got through
_MOVED = 412


def publish(
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
    **metadata: Unpack[CardMetadata],
) -> PushedCommit:
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
        include: Names of files, relative to the folder, that are uploaded nevertheless.
        **metadata: Metadata for the model card: `pipeline_tag`, `license`, `language`, `base_model`, `library_name`. A
            card that is there keeps what is not given, and the rest of its text.

    Returns:
        The commit, with its id (`oid`) and its address (`commit_url`).

    Raises:
        AccessDeniedError: No token, an unknown one, or one that may not write there.
        RevisionNotFoundError: No branch can have the name `revision`.
        HubError: The Hub cannot be reached or refused. Nothing was committed, unless the answer to the commit
            itself was lost: then look at the branch.
        PushRefusedError: The repository has a `.gitignore` that names files of the folder, or the Hub refuses the
            metadata of the card, or it cannot be changed. Nothing was committed.
        ConfigFileError: config.json of the folder cannot be read.
        UnsafeNameError: A link in the folder leads to a file outside of it. Nothing was uploaded.
    """
    from hub_io.hub._folder_files import FolderFiles
    from hub_io.hub._push import Cards, Push

    if isinstance(tags, str):
        raise TypeError(f"tags must be a list of strings, got the string {tags!a}. Pass tags=[{tags!a}].")
    if isinstance(include, str):
        raise TypeError(f"include must be a list of names, got the string {include!a}. Pass include=[{include!a}].")
    if create_pr and revision not in {None, DEFAULT_BRANCH}:
        raise ValueError(
            f"create_pr=True opens a pull request against {DEFAULT_BRANCH!r}; revision={revision!r} contradicts it. "
            "Leave revision out, or commit to that branch."
        )
    check_revision(revision, source=repo_id)
    fields = check_card_metadata(metadata)
    with asking(HubRequest(repo_id, revision=revision, writes=True, token=token)):
        api = hub_client(token=token)
        files = FolderFiles(folder, include=include)
        cards = Cards(api, files, tuple(tags), fields, repo_id)
        answer = api.create_repo(repo_id, private=private, exist_ok=True)
        repo_id = _checked_name(answer.repo_id, source=repo_id)
        if revision is not None and revision != DEFAULT_BRANCH and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        push = Push(api, repo_id, revision, files, cards, create_pr=create_pr)
        for _ in range(_TRIES):
            if (commit := push.attempt(commit_message, commit_description)) is not None:
                return commit
        raise HubError(
            f"{_TRIES} times another commit arrived on {revision or DEFAULT_BRANCH!r} of {repo_id!r} during the push. "
            "Nothing was committed. Try again, or push to a branch of your own with revision=.",
            source=repo_id,
            status=_MOVED,
        )


def _checked_name(answer: object, *, source: str) -> str:
    """Return the full name of a repository as the Hub has answered it. It becomes part of addresses and of the card.

    Raises:
        HubError: It is not the name of a repository.
    """
    if not isinstance(answer, str) or not re.fullmatch(_REPO_ID, answer):
        raise HubError(
            f"The Hub answers that {source!r} is the repository {answer!a:.200}, which is not the name of one. Nothing "
            "was committed. Check HF_ENDPOINT and the proxy.",
            source=source,
        )
    return answer


def check_push_access(repo_id: str, *, token: str | bool | None = None) -> None:
    """Check that there is a token, that it may write, and that its account may push to the owner of a repository.

    A fine-grained token may still lack the right for this repository; the Hub does not tell before the push.

    Args:
        repo_id: The repository, `owner/name`, or `name` under the token's own account. It need not exist.
        token: Access token; True or None for the stored one.

    Raises:
        AccessDeniedError: There is no token, it is unknown, it may only read, or the owner is somebody else.
        HubError: The Hub cannot be reached, or no repository can have the name.
    """
    if token is False:
        raise AccessDeniedError(f"Cannot push to {repo_id!r} without a token. Leave out token=False.", source=repo_id)
    with asking(HubRequest(repo_id, writes=True, token=token)):
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented

        api = hub_client(token=token)
        validate_repo_id(repo_id)
        account = api.whoami()
        name, role = str(account["name"]), account.get("auth", {}).get("accessToken", {}).get("role")
        organizations = [str(org["name"]) for org in account.get("orgs", []) if org.get("roleInOrg") != "read"]
    if role == "read":
        raise AccessDeniedError(
            f"Cannot push to {repo_id!r}: the token of {name!r} may only read. Create one with the role 'write'.",
            source=repo_id,
        )
    owner = repo_id.rpartition("/")[0] or name
    if owner.lower() not in {allowed.lower() for allowed in (name, *organizations)}:
        raise AccessDeniedError(
            f"Cannot push to {repo_id!r}: the token belongs to {name!r}, who may push to "
            f"{', '.join(f'{allowed}/…' for allowed in (name, *organizations))}. Use one of these, or another token.",
            source=repo_id,
        )
