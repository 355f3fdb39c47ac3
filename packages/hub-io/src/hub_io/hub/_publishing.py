"""A folder as one commit on the Hub.

A push looks at the branch, decides what to add and what to remove, and commits on the very commit that it looked at. If
another commit arrives meanwhile, it looks again: each commit is one push as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from config_core.checkpoint import (
    CardMetadata,
    PushedCommit,
    check_card_metadata,
    stale_weights,
    weight_variants,
)
from hub_io.errors import HubError, PushRefusedError
from hub_io.hub._card_fields import set_fields
from hub_io.hub._card_tags import add_tags
from hub_io.hub._client_errors import HubRequest
from hub_io.hub._folder_files import FolderFiles
from hub_io.hub._model_card import CARD_FILE, read_saved
from hub_io.hub._repo_checkpoint import DEFAULT_BRANCH, check_commit, check_revision
from hub_io.hub._requests import asking, hub_client

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi

__all__ = ["publish"]

_REPO_ID = re.compile(r"([\w.-]{1,96}/)?[\w.-]{1,96}", re.ASCII)
_TRIES = 10  # each lost one is another push that got through
_CONFLICT, _MOVED = 409, 412
_IGNORE_FILE = ".gitignore"
_LARGEST_IGNORE_FILE = 1_000_000
# Of a `.gitignore`: rules become regular expressions, whose time may double with each star.
_MOST_RULES, _MOST_STARS = 1000, 4


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
        cards = _Cards(api, files, tuple(tags), fields, repo_id)
        answer = api.create_repo(repo_id, private=private, exist_ok=True)
        repo_id = _checked_name(answer.repo_id, source=repo_id)
        if revision is not None and revision != DEFAULT_BRANCH and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        push = _Push(api, repo_id, revision, files, cards, create_pr=create_pr)
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
    if not isinstance(answer, str) or not _REPO_ID.fullmatch(answer):
        raise HubError(
            f"The Hub answers that {source!r} is the repository {answer!a:.200}, which is not the name of one. Nothing "
            "was committed. Check HF_ENDPOINT and the proxy.",
            source=source,
        )
    return answer


class _Cards:
    """The model card of a push: the folder's own, the one on the Hub with other metadata, or a new one.

    The folder's own and the metadata are judged when this is made, before a repository is created for them.
    """

    def __init__(
        self,
        api: HfApi,
        files: FolderFiles,
        tags: tuple[str, ...],
        fields: Mapping[str, str | list[str]],
        source: str,
    ) -> None:
        self._api = api
        self._tags = tags
        self._fields = fields
        self._source = source
        self._saved = read_saved(files)
        self._own: str | None = None
        if (content := files.contents.get(CARD_FILE)) is not None:
            self._own = self._judged(content if isinstance(content, bytes) else content.read_bytes())
        elif fields:
            self._judged(b"")

    def text(self, repo_id: str, on_hub: bytes | None) -> str | None:
        """Return the card to upload, or None to leave the one on the Hub as it is.

        Args:
            repo_id: The repository.
            on_hub: The card that it has, None if it has none.

        Raises:
            PushRefusedError: The metadata of the card cannot be changed, or the Hub refuses it.
        """
        if self._own is not None:
            return self._own
        if on_hub is None:
            return self._saved.card(repo_id, tags=self._tags, fields=self._fields)
        if not self._tags and not self._fields:
            return None
        card = self._judged(on_hub)
        return None if card.encode() == on_hub else card

    def _judged(self, content: bytes) -> str:
        """Return a card with the tags and the metadata, if the Hub accepts it."""
        try:
            card = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._refused(str(error)) from error
        if self._tags:
            card = add_tags(card, self._tags, source=self._source)
        card = set_fields(card, self._fields, source=self._source)
        if refusal := _judge(card, self._api):
            raise self._refused(refusal)
        return card

    def _refused(self, why: str) -> PushRefusedError:
        return PushRefusedError(
            f"The model card README.md cannot be pushed to {self._source!r}: {why:.500}. Edit it, and push again. "
            "Nothing was pushed.",
            source=self._source,
        )


def _judge(card: str, api: HfApi) -> str | None:
    """Return what the Hub has against the metadata of a card, or None."""
    from huggingface_hub.errors import BadRequestError

    asked = {"content": card, "repoType": "model"}
    try:
        _ask("POST", f"{api.endpoint}/api/validate-yaml", api, json=asked)
    except BadRequestError as error:
        return "; ".join(str(problem["message"]) for problem in error.response.json()["errors"])
    return None


def _ask(method: str, url: str, api: HfApi, **options: Any) -> Any:
    """Send a request for which the client has no public function, as the client would send it."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented, without saying so
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    headers = build_hf_headers(token=api.token, library_name=api.library_name)
    answer = get_session().request(method, url, headers=headers, **options)
    hf_raise_for_status(answer)
    return answer


@dataclass(frozen=True)
class _Push:
    """What is pushed where. Each attempt looks at the branch anew."""

    api: HfApi
    repo_id: str
    revision: str | None
    files: FolderFiles
    cards: _Cards
    create_pr: bool

    def attempt(self, message: str | None, description: str | None) -> CommitInfo | None:
        """Commit on what the branch holds now; return None if it moved meanwhile."""
        parent, present = self._look()
        additions = self._additions(parent, present)
        self._upload(additions, parent, present)
        commit = self._commit(additions, parent, present, message, description)
        # The client makes no commit of files that are there already, and names the branch's newest one instead.
        is_ours = commit is not None and (commit.oid == parent or _was_sent(additions))
        return commit if is_ours else None

    def _look(self) -> tuple[str, frozenset[str]]:
        """Return the commit that the branch is at, and the names of its files."""
        info = self.api.model_info(self.repo_id, revision=self.revision)
        present = frozenset(sibling.rfilename for sibling in info.siblings or ())
        return check_commit(info.sha, source=self.repo_id), present

    def _additions(self, parent: str, present: frozenset[str]) -> list[CommitOperationAdd]:
        from huggingface_hub import CommitOperationAdd

        self.files.check_unchanged()
        contents: dict[str, Any] = dict(self.files.contents)
        on_hub = self._read(CARD_FILE, parent) if CARD_FILE in present and CARD_FILE not in contents else None
        card = self.cards.text(self.repo_id, on_hub)
        if card is not None:
            contents[CARD_FILE] = card.encode()
        return [CommitOperationAdd(name, content) for name, content in contents.items()]

    def _read(self, name: str, commit: str) -> bytes:
        """Return a small file as the Hub has it; a cache may have another."""
        from huggingface_hub import hf_hub_url

        content: bytes = _ask("GET", hf_hub_url(self.repo_id, name, revision=commit), self.api).content
        return content

    def _upload(self, additions: list[CommitOperationAdd], parent: str, present: frozenset[str]) -> None:
        """Upload what the Hub keeps apart from the commit.

        Raises:
            PushRefusedError: The Hub would leave files out, as the repository's `.gitignore` says.
        """
        self.api.preupload_lfs_files(
            self.repo_id, additions, revision=self.revision, create_pr=self.create_pr, free_memory=False
        )
        is_new_card = CARD_FILE not in self.files.contents and CARD_FILE not in present
        ignored = _ignored(additions) - ({CARD_FILE} if is_new_card else set())  # nobody has asked for a new card
        if ignored:
            rules = self._read(_IGNORE_FILE, parent)[:_LARGEST_IGNORE_FILE] if _IGNORE_FILE in present else b""
            raise _ignored_error(ignored, rules.decode("utf-8", "replace"), self.repo_id)

    def _commit(
        self,
        additions: list[CommitOperationAdd],
        parent: str,
        present: frozenset[str],
        message: str | None,
        description: str | None,
    ) -> CommitInfo | None:
        """Return the commit, or None if another one came first."""
        from huggingface_hub import CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        added = {addition.path_in_repo for addition in additions}
        deletions = [CommitOperationDelete(path_in_repo=name) for name in stale_weights(present, added)]
        self.files.check_unchanged()
        try:
            return self.api.create_commit(
                self.repo_id,
                [*deletions, *additions],
                commit_message=message or f"Upload {'model' if weight_variants(added) else 'config'}",
                commit_description=description,
                revision=self.revision,
                create_pr=self.create_pr,
                parent_commit=parent,
            )
        except HfHubHTTPError as error:
            if _may_have_moved(error) and self._look()[0] != parent:
                return None
            raise


def _may_have_moved(error: Any) -> bool:
    """Return whether a commit was refused for what another one may have done, such as deleting a stale file first."""
    from huggingface_hub.errors import EntryNotFoundError

    return error.response.status_code in {_CONFLICT, _MOVED} or isinstance(error, EntryNotFoundError)


# The client tells these two by private names only; tests/hub_io/test_client_contract.py says what they mean.


def _ignored(additions: list[CommitOperationAdd]) -> set[str]:
    """Return the names of the files that the Hub leaves out."""
    return {addition.path_in_repo for addition in additions if addition._should_ignore}  # noqa: SLF001


def _was_sent(additions: list[CommitOperationAdd]) -> bool:
    """Return whether the client has sent a commit of these files, rather than found that nothing has changed."""
    return any(addition._is_committed for addition in additions)  # noqa: SLF001


def _ignored_error(names: set[str], rules: str, repo_id: str) -> PushRefusedError:
    ignored = {name: _line_that_ignores(name, rules) for name in sorted(names)}
    shown = ", ".join(f"{name!a} ({line})" if line else ascii(name) for name, line in ignored.items())
    return PushRefusedError(
        f"The {_IGNORE_FILE} of {repo_id!r} would leave files out of the push: {shown}. Remove these lines from it on "
        "the Hub, or push to another repository. Nothing was committed.",
        source=repo_id,
        ignored=ignored,
    )


def _line_that_ignores(name: str, rules: str) -> str | None:
    """Return the line of a `.gitignore` that names a file, such as `line 3: *.safetensors`; None if none is found."""
    from pathspec import GitIgnoreSpec

    lines = rules.splitlines()[:_MOST_RULES]
    plain = (line if line.count("*") <= _MOST_STARS else "" for line in lines)
    number = GitIgnoreSpec.from_lines(plain).check_file(name).index
    return None if number is None else f"line {number + 1}: {lines[number]:.200}"
