"""The hub: the options of a load, and the service behind the entry point `config_core.hub`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypedDict, Unpack, cast

from config_core.checkpoint._checkpoint import Checkpoint
from config_core.errors import UnknownOptionError

__all__ = [
    "CardMetadata",
    "HubKeywords",
    "HubOptions",
    "HubService",
    "PushOptions",
    "PushedCommit",
    "check_card_metadata",
    "check_push",
    "check_save_options",
    "hub_service",
    "push_saved",
]

# Values of push options that are accepted without a push.
_NOTHING: tuple[Any, ...] = (None, False, [], ())
# Metadata of a card that may be a list, with an example of a single value.
_LISTS = {"language": "en", "base_model": "owner/name"}


class HubOptions(NamedTuple):
    """The hub options of a load. Folders have no revisions and need no download.

    Attributes:
        revision: Branch, tag or commit of a repository; None for its default branch.
        subfolder: Folder inside the checkpoint, with forward slashes.
        token: Access token; True for the stored one, False for none, None for the stored one if there is one. Pickles
            leave out a token that is a text, except those with which `multiprocessing` starts a process.
        cache_dir: Where downloads are kept; the hub client's own folder if None.
        local_files_only: Use only what was downloaded before, and no network.
        force_download: Download files again that are already there.
    """

    revision: str | None = None
    subfolder: str = ""
    token: str | bool | None = None
    cache_dir: str | os.PathLike[str] | None = None
    local_files_only: bool = False
    force_download: bool = False

    def __repr__(self) -> str:
        """Return the options that are set. A token is not shown: this text gets into logs."""
        changed = {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}
        if not isinstance(changed.get("token", True), bool):  # of any other type, it may still be a secret
            changed["token"] = "***"  # noqa: S105 - stands for one
        return f"HubOptions({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what `pickle` writes: a token only for a process that is being started, as pickles get into files.

        Without it, the token is None, so whoever reads the pickle uses the token that is stored there.
        """
        is_secret = not isinstance(self.token, bool)
        kept = self._replace(token=None) if is_secret and not _starts_process() else self
        return type(self), tuple(kept)

    def __copy__(self) -> Self:
        return self  # not by way of `pickle`, which would lose the token

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self


def _starts_process() -> bool:
    """Return whether `multiprocessing` is pickling what it gives to a process that it starts."""
    context = sys.modules.get("multiprocessing.context")
    return context is not None and context.get_spawning_popen() is not None


class HubKeywords(TypedDict, total=False):
    """`HubOptions` as keywords, for functions that take them one by one."""

    revision: str | None
    subfolder: str
    token: str | bool | None
    cache_dir: str | os.PathLike[str] | None
    local_files_only: bool
    force_download: bool


class CardMetadata(TypedDict, total=False):
    """Metadata of a model card. Values that a push does not set stay unchanged."""

    pipeline_tag: str | None
    license: str | None
    language: str | Sequence[str] | None
    base_model: str | Sequence[str] | None
    library_name: str | None


class PushOptions(CardMetadata, total=False):
    """The options of `push_to_hub`."""

    commit_message: str | None
    commit_description: str | None
    private: bool | None
    token: str | bool | None
    revision: str | None
    create_pr: bool
    tags: Sequence[str] | None


class PushedCommit(Protocol):
    """The result of a push. For the Hugging Face Hub it is a `huggingface_hub.CommitInfo`."""

    @property
    def oid(self) -> str:
        """The commit in full."""
        ...

    @property
    def commit_url(self) -> str:
        """The page of the commit."""
        ...

    @property
    def pr_url(self) -> str | None:
        """The page of the pull request, with `create_pr=True`."""
        ...


class HubService(Protocol):
    """A hub of repositories. `pretrained-hub-io` offers one for the Hugging Face Hub.

    `config_core.hub_conformance` has the tests that every hub must pass.
    """

    def open(self, repo_id: str, options: HubOptions) -> Checkpoint:
        """Open a repository at one commit: all its files come from that commit, whatever is pushed later.

        Args:
            repo_id: The repository, `owner/name`.
            options: Revision, subfolder, and how files get here. Options that a hub has no use for change nothing.

        Raises:
            CheckpointNotFoundError: There is no such repository, revision or subfolder, or no permission to read it.
        """
        ...

    def publish(self, folder: Path, repo_id: str, **options: Unpack[PushOptions]) -> PushedCommit:
        """Upload a saved checkpoint in one commit and return the hub's answer.

        The repository is created if missing. Weights of an earlier push in another layout are removed (see
        `stale_weights`); other files stay.

        Args:
            folder: The saved checkpoint.
            repo_id: The repository, `owner/name`, or another name that the hub accepts for a repository of its user.
            **options: Those that the caller has set. A hub refuses one that it cannot follow.
        """
        ...


def hub_service(purpose: str = "Using a repository on a hub") -> HubService:
    """Return the installed hub.

    Args:
        purpose: What the caller wants to do, as the subject of the error's sentence.

    Raises:
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    from config_core.services import find_service

    service = find_service("config_core.hub", distribution="pretrained-hub-io", purpose=purpose)
    return cast("HubService", service)


def check_push(options: Mapping[str, Any], *, familiar: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Check that a push can be made, before anything is saved for it.

    Args:
        options: The options of `push_saved`, and familiar ones.
        familiar: Options of transformers; those of pushes if None.

    Returns:
        The options of `push_saved` among them. The others have their no-op value.

    Raises:
        UnknownOptionError: There is no such option.
        TypeError: `tags` or metadata of the card is of another type.
        ValueError: Metadata of the card is empty, or not printable.
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    known = {name: value for name, value in options.items() if name in PushOptions.__annotations__}
    if len(known) < len(options):
        others = {name: value for name, value in options.items() if name not in known}
        _refuse_options(others, call="push_to_hub", familiar=familiar)
    _check_strings("tags", known.get("tags"))
    check_card_metadata({name: known[name] for name in CardMetadata.__annotations__ if name in known})
    hub_service()
    return known


def check_card_metadata(metadata: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the metadata of a model card that is given, and is not None.

    Raises:
        UnknownOptionError: There is no such metadata.
        TypeError: A value is not a string, nor a list of strings where the card may have several.
        ValueError: A string is empty or not printable.
    """
    if unknown := sorted(metadata.keys() - CardMetadata.__annotations__.keys()):
        raise UnknownOptionError(f"no such option: {', '.join(unknown)}", names=tuple(unknown))
    given = {name: value for name, value in metadata.items() if value is not None}
    for name, value in given.items():
        if name in _LISTS and not isinstance(value, str):
            _check_strings(name, value, ends=f", or a string such as {_LISTS[name]!r}")
        else:
            _check_string(name, value)
    return {name: value if isinstance(value, str) else list(value) for name, value in given.items()}


def _check_strings(name: str, value: object, *, ends: str = "") -> None:
    if value is None:
        return
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be a list of strings{ends}, got {value!a:.100}")
    for item in value:
        _check_string(f"each of {name}", item)


def _check_string(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!a:.100}")
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{name} must be a string of printable characters, got {value!a:.100}")


def check_save_options(
    options: Mapping[str, Any],
    *,
    push_to_hub: bool,
    repo_id: str | None = None,
    familiar: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Check the options of a save, and return those that are options of `push_saved`.

    Args:
        options: Keywords of `save_pretrained` that it has no parameters for.
        push_to_hub: Whether the save is followed by a push. If not, no option may ask for anything.
        repo_id: The repository that the push is to, which is an option of it too.
        familiar: As for `check_push`.

    Raises:
        UnknownOptionError: There is no such option.
        MissingServiceError: There is to be a push, and `pretrained-hub-io` is not installed.
    """
    if push_to_hub:
        return check_push(options, familiar=familiar)
    names = PushOptions.__annotations__
    asked = {name: value for name, value in options.items() if name not in names or value not in _NOTHING}
    if repo_id is not None:
        asked["repo_id"] = repo_id
    if asked:
        _refuse_options(asked, call="save_pretrained", familiar=familiar)
    return {}


def _refuse_options(options: Mapping[str, Any], *, call: str, familiar: Mapping[str, Any] | None) -> None:
    """Raise an error about options that a save or push does not have, unless they ask for nothing."""
    from config_core.familiar_options import PUSH_OPTIONS, did_you_mean, without_familiar

    if others := without_familiar(PUSH_OPTIONS if familiar is None else familiar, options):
        names = tuple(sorted(others))
        listed = ", ".join(map(repr, names))
        known = sorted(PushOptions.__annotations__, key=CardMetadata.__annotations__.__contains__)  # the card's last
        if call == "push_to_hub":
            hint = f"Options are {', '.join(known)}. {did_you_mean(names, known)}"
            raise UnknownOptionError(f"push_to_hub has no option {listed}. {hint}".rstrip(), names=names)
        known += ["push_to_hub", "repo_id"]
        hint = did_you_mean((name for name in names if name not in known), known)
        raise UnknownOptionError(
            f"save_pretrained has no option {listed} without push_to_hub=True. {hint}".rstrip(), names=names
        )


def push_saved(save: Callable[[Path], object], repo_id: str, **options: Any) -> Any:
    """Save into a temporary folder and publish that folder in one commit.

    Args:
        save: Called with an empty folder, into which it saves.
        repo_id: Repository as `owner/name`, or `name` for the token's own account.
        **options: Options of `HubService.publish`: those of `PushOptions`.

    Returns:
        What the hub answers: a `huggingface_hub.CommitInfo` for the Hugging Face Hub.

    Raises:
        UnknownOptionError: There is no such option.
        MissingServiceError: `pretrained-hub-io` is not installed.
    """
    import tempfile

    options = check_push(options)
    service = hub_service()
    with tempfile.TemporaryDirectory(prefix="pretrained-push-") as folder:
        save(Path(folder))
        return service.publish(Path(folder), repo_id, **options)
