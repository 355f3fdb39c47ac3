"""What every hub must do, as tests for those who write one. Nothing else imports this module.

    from config_core.hub_conformance import HubConformance

    class TestOurHub(HubConformance):
        owner = "our-team"

pytest runs such a class as it stands; for unittest, derive it from `unittest.TestCase` too. The hub is the installed
one: the object that a distribution offers by the entry point `config_core.hub`.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config_core.checkpoint import Checkpoint, HubOptions, HubService
from config_core.config import PretrainedConfig
from config_core.errors import CheckpointFileNotFoundError, CheckpointNotFoundError, UnsafeNameError
from config_core.services import find_service

__all__ = ["HubConformance"]

_PROBLEM = "This hub does not conform"
_CONFIG = {"config.json": b'{"model_type": "conformance"}'}
_FIRST = {**_CONFIG, "model.safetensors": b"first", "notes/read me.txt": b""}
_SECOND = {**_CONFIG, "model.safetensors": b"second"}
_SHARDED = {
    **_CONFIG,
    "model.safetensors.index.json": b"{}",
    "model-00001-of-00002.safetensors": b"one",
    "model-00002-of-00002.safetensors": b"two",
}
_OUTSIDE = ("../config.json", "notes/../../config.json", "/etc/hostname", "notes\\read me.txt", "C:config.json", "")


class _ConformanceConfig(PretrainedConfig):
    model_type = "conformance"

    def __init__(self, width: int = 8, **kwargs: Any) -> None:
        self.width = width
        super().__init__(**kwargs)


class HubConformance:
    """Tests of `config_core.checkpoint.HubService`. Derive from it, and set what differs for your hub.

    Attributes:
        owner: Owner of the repositories that the tests make. Their names are new each time, and nothing removes them.
    """

    owner: str = "conformance"

    @property
    def hub(self) -> HubService:
        """The hub: the installed one."""
        hub: HubService = find_service("config_core.hub", distribution="your hub", purpose="This test")
        return hub

    def new_repo_id(self) -> str:
        """Return the name of a repository that does not exist."""
        return f"{self.owner}/conformance-{secrets.token_hex(6)}"

    def test_a_repository_has_what_was_published(self) -> None:
        """Every file is listed by its name with forward slashes, and has the bytes that were published."""
        repo_id, commit = self._published(_FIRST)
        opened = self._open(repo_id)
        _require(isinstance(opened, Checkpoint), f"open() returned {opened!r}, which is not a config_core.Checkpoint")
        _require(opened.name == repo_id, f"the checkpoint of {repo_id!r} has the name {opened.name!r}")
        _require(
            opened.commit == commit,
            f"publish() returned a commit with the oid {commit!r}, and open() has the commit {opened.commit!r}",
        )
        missing = set(_FIRST) - opened.filenames()
        _require(not missing, f"filenames() lacks {sorted(missing)}")
        for name, content in _FIRST.items():
            _require(opened.has(name), f"filenames() lists {name!r}, and has() denies it")
            _require_content(opened, name, content)
            size = opened.size_of(name)
            _require(size == len(content), f"size_of({name!r}) is {size}, and the file has {len(content)} bytes")
        paths = opened.local_paths(_FIRST)
        _require(set(paths) == set(_FIRST), f"local_paths() was asked for {sorted(_FIRST)} and gave {sorted(paths)}")

    def test_an_opened_repository_stays_at_its_commit(self) -> None:
        """A push meanwhile changes no file of it, read before or not; whoever opens it anew gets the new commit."""
        repo_id, first = self._published(_FIRST)
        opened = self._open(repo_id)
        second = self._publish(_SECOND, repo_id)
        _require(second != first, f"two pushes of different files have the same oid {first!r}")
        _require(opened.commit == first, f"a push has changed the commit of an opened checkpoint to {opened.commit!r}")
        _require_content(opened, "model.safetensors", _FIRST["model.safetensors"])
        again = self._open(repo_id)
        _require(again.commit == second, f"after a push, open() has the commit {again.commit!r} and not {second!r}")
        _require_content(again, "model.safetensors", _SECOND["model.safetensors"])

    def test_a_commit_can_be_opened_by_its_id(self) -> None:
        """`revision` may be the commit of an earlier push."""
        repo_id, first = self._published(_FIRST)
        self._publish(_SECOND, repo_id)
        opened = self._open(repo_id, revision=first)
        _require(opened.commit == first, f"open(revision={first!r}) has the commit {opened.commit!r}")
        _require_content(opened, "model.safetensors", _FIRST["model.safetensors"])

    def test_a_subfolder_is_a_checkpoint_of_its_own(self) -> None:
        """Names are relative to it, and the whole repository at the same commit is one step away."""
        files = {**_FIRST, "part/config.json": b'{"width": 2}', "part/deep/data.txt": b"data"}
        repo_id, commit = self._published(files)
        opened = self._open(repo_id, subfolder="part")
        _require(opened.subfolder == "part", f"the checkpoint of the folder 'part' has subfolder={opened.subfolder!r}")
        expected = {"config.json", "deep/data.txt"}
        _require(
            opened.filenames() == expected,
            f"filenames() of the folder is {sorted(opened.filenames())} and not {sorted(expected)}",
        )
        _require_content(opened, "config.json", files["part/config.json"])
        root = opened.at_root()
        _require(
            (root.name, root.commit, root.subfolder) == (repo_id, commit, ""),
            f"at_root() is {root.name!r} at {root.commit!r}, subfolder {root.subfolder!r}; expected the whole "
            "repository at the same commit",
        )
        _require_content(root, "config.json", files["config.json"])

    def test_what_is_missing_is_an_error_that_loads_understand(self) -> None:
        """A repository, a revision and a folder raise CheckpointNotFoundError, a file CheckpointFileNotFoundError."""
        repo_id, _ = self._published(_FIRST)
        absent = self.new_repo_id()
        with _raises(CheckpointNotFoundError, f"open({absent!r}), which does not exist,"):
            self._open(absent)
        with _raises(CheckpointNotFoundError, "open(revision='no-such-revision')"):
            self._open(repo_id, revision="no-such-revision")
        with _raises(CheckpointNotFoundError, "open(subfolder='no-such-folder')"):
            self._open(repo_id, subfolder="no-such-folder")
        opened = self._open(repo_id)
        _require(not opened.has("absent.txt"), "has('absent.txt') is true of a file that does not exist")
        with _raises(CheckpointFileNotFoundError, "local_path('absent.txt')"):
            opened.local_path("absent.txt")

    def test_names_that_lead_elsewhere_are_refused(self) -> None:
        """Names of files come from files of strangers: `check_relative_name` of config_core.checkpoint says which."""
        repo_id, _ = self._published(_FIRST)
        opened = self._open(repo_id)
        for name in _OUTSIDE:
            _require(not opened.has(name), f"has({name!r}) is true")
            with _raises(UnsafeNameError, f"local_path({name!r})"):
                opened.local_path(name)

    def test_a_push_replaces_weights_in_another_layout(self) -> None:
        """Otherwise a load would take the old weights: `stale_weights` of config_core.checkpoint names them."""
        repo_id, _ = self._published({**_FIRST, "vocabulary.txt": b"words"})
        self._publish(_SHARDED, repo_id)
        names = self._open(repo_id).filenames()
        _require("model.safetensors" not in names, "model.safetensors is still there after a push of shards")
        _require("vocabulary.txt" in names, "a push has removed a file that is not part of it, vocabulary.txt")
        _require(set(_SHARDED) <= names, f"after a push of shards, {sorted(set(_SHARDED) - names)} are missing")

    def test_a_push_elsewhere_leaves_the_default_branch(self) -> None:
        """A hub without branches or pull requests refuses these options; none of them is ignored."""
        repo_id, first = self._published(_FIRST)
        for options in ({"revision": "trial"}, {"create_pr": True}):
            refused = False
            try:
                self._publish(_SECOND, repo_id, options)
            except Exception:  # noqa: BLE001 - the error of its choice
                refused = True
            commit = self._open(repo_id).commit
            _require(commit == first, f"a push with {options} has changed the default branch")
            if "revision" in options and not refused:
                _require_content(self._open(repo_id, revision="trial"), "model.safetensors", b"second")

    def test_an_unknown_option_of_a_push_is_refused(self) -> None:
        """A TypeError, as everywhere in Python, and nothing is published."""
        repo_id = self.new_repo_id()
        with _raises(TypeError, "publish(no_such_option=True)"):
            self._publish(_FIRST, repo_id, {"no_such_option": True})
        with _raises(CheckpointNotFoundError, "open() of a repository whose only push was refused"):
            self._open(repo_id)

    def test_no_error_shows_the_token(self) -> None:
        """Messages get into logs."""
        token = f"secret-{secrets.token_hex(6)}"
        shown = []
        for action in (
            lambda: self._open(self.new_repo_id(), token=token),
            lambda: self._publish(_FIRST, self.new_repo_id(), {"token": token}),
        ):
            try:
                action()
            except Exception as error:  # noqa: BLE001 - no error may contain the token
                shown.append(f"{error!r} {error}")
        _require(token not in "".join(shown), "the message of an error has the token in it")

    def test_a_config_travels(self) -> None:
        """`push_to_hub` and `from_pretrained` find the hub by its entry point, and a config comes back equal."""
        repo_id = self.new_repo_id()
        pushed = _ConformanceConfig(width=3)
        answer = pushed.push_to_hub(repo_id)
        commit = getattr(answer, "oid", None)
        _require(bool(commit) and isinstance(commit, str), f"publish() answered {answer!r}, whose .oid is not a string")
        for name in ("commit_url", "pr_url"):
            _require(hasattr(answer, name), f"publish() answered {answer!r}, which has no .{name}")
        loaded = _ConformanceConfig.from_pretrained(repo_id)
        _require(loaded == pushed, f"{pushed} was pushed, and {loaded} came back")
        _require(loaded.name_or_path == repo_id, f"the loaded config has name_or_path={loaded.name_or_path!r}")

    def _published(self, files: Mapping[str, bytes]) -> tuple[str, str]:
        """Publish files in a new repository; return its name and the commit."""
        repo_id = self.new_repo_id()
        return repo_id, self._publish(files, repo_id)

    def _publish(self, files: Mapping[str, bytes], repo_id: str, options: Mapping[str, Any] | None = None) -> str:
        with tempfile.TemporaryDirectory(prefix="hub-conformance-") as temporary:
            folder = Path(temporary)
            for name, content in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            keywords: dict[str, Any] = {} if options is None else dict(options)
            return self.hub.publish(folder, repo_id, **keywords).oid

    def _open(
        self, repo_id: str, *, revision: str | None = None, subfolder: str = "", token: str | None = None
    ) -> Checkpoint:
        return self.hub.open(repo_id, HubOptions(revision=revision, subfolder=subfolder, token=token))


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise AssertionError(f"{_PROBLEM}: {problem}.")


def _require_content(checkpoint: Checkpoint, name: str, content: bytes) -> None:
    """Check the bytes of a file, by its path and as `read_bytes` has them."""
    for way, read in {
        "local_path": checkpoint.local_path(name).read_bytes(),
        "read_bytes": checkpoint.read_bytes(name, limit=1_000),
    }.items():
        _require(
            read == content,
            f"{way}({name!r}) at commit {checkpoint.commit} has {read!r:.60}, and {content!r} was pushed",
        )


@contextmanager
def _raises(expected: type[Exception], what: str) -> Iterator[None]:
    """Check that the block raises an error of a class."""
    try:
        yield
    except expected:
        return
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{_PROBLEM}: {what} must raise {expected.__name__}, and raised {raised}") from error
    raise AssertionError(f"{_PROBLEM}: {what} must raise {expected.__name__}, and raised nothing.")
