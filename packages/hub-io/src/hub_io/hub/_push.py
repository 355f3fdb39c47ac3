"""The attempts of a push, and the model card that goes with it.

A push looks at the branch, decides what to add and what to remove, and commits on the very commit that it looked at. If
another commit arrives meanwhile, it looks again: each commit is one push as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.checkpoint import stale_weights, weight_variants
from hub_io.errors import PushRefusedError
from hub_io.hub._card_metadata import add_tags, set_fields
from hub_io.hub._model_card import CARD_FILE, read_saved
from hub_io.hub._repo_checkpoint import check_commit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi

    from hub_io.hub._folder_files import FolderFiles

__all__ = ["Cards", "Push"]

_CONFLICT, _MOVED = 409, 412
_IGNORE_FILE = ".gitignore"
_LARGEST_IGNORE_FILE = 1_000_000
# Of a `.gitignore`: rules become regular expressions, whose time may double with each star.
_MOST_RULES, _MOST_STARS = 1000, 4


class Cards:
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
class Push:
    """What is pushed where. Each attempt looks at the branch anew."""

    api: HfApi
    repo_id: str
    revision: str | None
    files: FolderFiles
    cards: Cards
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
