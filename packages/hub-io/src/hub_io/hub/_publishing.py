"""A folder as one commit on the Hub.

A push looks at the branch, decides what to add and what to remove, and commits on the very commit that it looked at. If
somebody else was faster, it looks again: what is on the branch is one push or the other, never a mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_io.errors import HubAnswerError, IgnoredFilesError, ModelCardError
from hub_io.hub._card_tags import add_tags
from hub_io.hub._client_errors import HubRequest
from hub_io.hub._folder_files import files_to_push
from hub_io.hub._model_card import CARD_FILE, write_card
from hub_io.hub._repo_checkpoint import DEFAULT_BRANCH, check_commit
from hub_io.hub._requests import asking, hub_client
from hub_io.hub._stale_weights import stale_weights, weight_variants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi

__all__ = ["publish"]

_TRIES = 10  # each lost one is another push that got through
_BAD_REQUEST, _MOVED = 400, 412
_IGNORE_FILE = ".gitignore"
_LARGEST_IGNORE_FILE = 1_000_000


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
) -> CommitInfo:
    """Upload a folder in one commit; the arguments and errors are those of `HuggingFaceHub.publish`."""
    if isinstance(tags, str):
        raise TypeError(f"tags must be a list of texts, got the text {tags!a}. Pass tags=[{tags!a}].")
    if create_pr and revision not in {None, DEFAULT_BRANCH}:
        raise ValueError(
            f"create_pr=True opens a pull request against {DEFAULT_BRANCH!r}; revision={revision!r} contradicts it. "
            "Leave revision out, or commit to that branch."
        )
    request = HubRequest(repo_id, revision=revision, writes=True, token=token)
    api, files = hub_client(token=token), files_to_push(folder)
    own_card = _own_card(files, tags, request)
    with asking(request):
        repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if revision is not None and revision != DEFAULT_BRANCH and not revision.startswith("refs/"):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
    push = _Push(api, request, repo_id, folder, files, own_card, tuple(tags), create_pr=create_pr)
    for _ in range(_TRIES):
        if (commit := push.attempt(commit_message, commit_description)) is not None:
            return commit
    raise HubAnswerError(
        f"{_TRIES} times another commit arrived on {revision or DEFAULT_BRANCH!r} of {repo_id!r} during the push. "
        "Nothing was committed. Try again, or push to a branch of your own with revision=.",
        source=repo_id,
        status=_MOVED,
    )


def _own_card(files: Mapping[str, Path], tags: Sequence[str], request: HubRequest) -> str | None:
    """Return the card of the folder with its tags, judged by the Hub before anything is created; None without one."""
    if CARD_FILE not in files:
        return None
    text = _decoded(files[CARD_FILE].read_bytes(), request)
    card = add_tags(text, tags, source=request.repo_id) if tags else text
    with asking(request):
        refusal = _judge(card)
    if refusal is not None:
        raise _refused_card(refusal, request)
    return card


def _judge(card: str) -> str | None:
    """Return what the Hub has against the metadata of a card, or None."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session, hf_raise_for_status  # type: ignore[attr-defined]  # documented

    asked = {"content": card, "repoType": "model"}
    answer = get_session().post(f"{constants.ENDPOINT}/api/validate-yaml", json=asked)
    if answer.status_code == _BAD_REQUEST:
        return "; ".join(str(error["message"]) for error in answer.json()["errors"])
    hf_raise_for_status(answer)
    return None


def _decoded(content: bytes, request: HubRequest) -> str:
    """Return the text of a card, line ends as they are."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused_card(str(error), request) from error


def _refused_card(why: str, request: HubRequest) -> ModelCardError:
    return ModelCardError(
        f"The model card README.md cannot be pushed to {request.repo_id!r}: {why:.500}. Edit it, and push again. "
        "Nothing was pushed.",
        source=request.repo_id,
    )


@dataclass(frozen=True)
class _Push:
    """What is to be pushed where. Each attempt looks at the branch anew.

    Attributes:
        card: The folder's own card, None if it has none.
    """

    api: HfApi
    request: HubRequest
    repo_id: str
    folder: Path
    files: Mapping[str, Path]
    card: str | None
    tags: tuple[str, ...]
    create_pr: bool

    def attempt(self, message: str | None, description: str | None) -> CommitInfo | None:
        """Commit on what the branch holds now; None if it moved meanwhile."""
        from huggingface_hub import CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        parent, present = self._look()
        additions = self._additions(parent, present)
        added = {addition.path_in_repo for addition in additions}
        deletions = [CommitOperationDelete(path_in_repo=name) for name in stale_weights(present, added)]
        self._upload(additions, parent, present)
        with asking(self.request):
            try:
                commit = self.api.create_commit(
                    self.repo_id,
                    [*deletions, *additions],
                    commit_message=message or f"Upload {'model' if weight_variants(added) else 'config'}",
                    commit_description=description,
                    revision=self.request.revision,
                    create_pr=self.create_pr,
                    parent_commit=parent,
                )
            except HfHubHTTPError as error:
                if _has_moved(error) and self._look()[0] != parent:
                    return None
                raise
        # The client makes no commit of files that are there already, and names the branch's newest one instead.
        return commit if commit.oid == parent or _was_sent(additions) else None

    def _look(self) -> tuple[str, frozenset[str]]:
        """Return the commit that the branch is at, and the names of its files."""
        with asking(self.request):
            info = self.api.model_info(self.repo_id, revision=self.request.revision)
            present = frozenset(sibling.rfilename for sibling in info.siblings or ())
        return check_commit(info.sha, source=self.repo_id), present

    def _additions(self, parent: str, present: frozenset[str]) -> list[CommitOperationAdd]:
        from huggingface_hub import CommitOperationAdd

        contents: dict[str, Any] = dict(self.files)
        card = self._card(parent, present)
        if card is not None:
            contents[CARD_FILE] = card.encode()
        with asking(self.request, offline=True):
            for path in self.files.values():
                path.stat()  # for its error, which says more than the client's
            return [CommitOperationAdd(name, content) for name, content in contents.items()]

    def _card(self, parent: str, present: frozenset[str]) -> str | None:
        """Return the text of the card to upload, or None to leave the one on the Hub as it is."""
        if self.card is not None:
            return self.card
        if CARD_FILE not in present:
            return write_card(self.folder, self.repo_id, tags=self.tags)
        if not self.tags:
            return None
        there = _decoded(self._read(CARD_FILE, parent), self.request)
        changed = add_tags(there, self.tags, source=self.repo_id)
        return None if changed == there else changed

    def _read(self, name: str, commit: str) -> bytes:
        with asking(self.request):
            return Path(self.api.hf_hub_download(self.repo_id, name, revision=commit)).read_bytes()

    def _upload(self, additions: list[CommitOperationAdd], parent: str, present: frozenset[str]) -> None:
        """Upload what the Hub keeps apart from the commit.

        Raises:
            IgnoredFilesError: The Hub would leave files out, as the repository's `.gitignore` says.
        """
        with asking(self.request):
            self.api.preupload_lfs_files(
                self.repo_id, additions, revision=self.request.revision, create_pr=self.create_pr, free_memory=False
            )
            ignored = _ignored(additions)
        if ignored:
            rules = self._read(_IGNORE_FILE, parent)[:_LARGEST_IGNORE_FILE] if _IGNORE_FILE in present else b""
            raise _ignored_error(ignored, rules.decode("utf-8", "replace"), self.repo_id)


def _has_moved(error: Any) -> bool:
    """Return whether a commit was refused for what somebody else did: the parent is old, or a stale file is gone."""
    from huggingface_hub.errors import EntryNotFoundError

    return error.response.status_code == _MOVED or isinstance(error, EntryNotFoundError)


# The client tells these two by private names only; tests/hub_io/test_client_contract.py says what they mean.


def _ignored(additions: list[CommitOperationAdd]) -> list[str]:
    """Return the names of the files that the Hub leaves out."""
    return [addition.path_in_repo for addition in additions if addition._should_ignore]  # noqa: SLF001


def _was_sent(additions: list[CommitOperationAdd]) -> bool:
    """Return whether the client has sent a commit of these files, rather than found that nothing has changed."""
    return any(addition._is_committed for addition in additions)  # noqa: SLF001


def _ignored_error(names: list[str], rules: str, repo_id: str) -> IgnoredFilesError:
    ignored = {name: _line_that_ignores(name, rules) for name in names}
    shown = ", ".join(f"{name!a} ({line})" if line else ascii(name) for name, line in ignored.items())
    return IgnoredFilesError(
        f"The {_IGNORE_FILE} of {repo_id!r} would leave files out of the push: {shown}. Remove these lines from it on "
        "the Hub, or push to another repository. Nothing was committed.",
        source=repo_id,
        ignored=ignored,
    )


def _line_that_ignores(name: str, rules: str) -> str | None:
    """Return the line of a `.gitignore` that names a file, such as `line 3: *.safetensors`; None if none does."""
    from pathspec import GitIgnoreSpec

    lines = rules.splitlines()
    number = GitIgnoreSpec.from_lines(lines).check_file(name).index
    return None if number is None else f"line {number + 1}: {lines[number]}"
