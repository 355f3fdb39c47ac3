"""What was read is not what lies there now: files, branches, repositories and caches that change after the review."""

from __future__ import annotations

import os
import shutil

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel
from auto_registry.code_load import CodeLoad
from config_core import UnsafeNameError, open_checkpoint
from config_core.code import CodeBundle
from hub_io import (
    REMOTE_CODE_SERVICE,
    HubIoError,
    RemoteCodeRefusedError,
    RevisionNotFoundError,
    TrustEntry,
    UnpinnedCodeWarning,
    load_into_registry,
)
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, config_json

REPO = "stranger/tiny"


@pytest.fixture
def reviewed(lenient_witness, tmp_path, monkeypatch):
    """Return a folder whose harmless code somebody has put into the trust store."""
    folder = lenient_witness.write(harmless=True)
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    tiny_checkpoints.trust(tmp_path / "store.json", tiny_checkpoints.files(), source=os.path.realpath(folder))
    return folder


@pytest.fixture
def reviewed_repo(hub, tmp_path, monkeypatch):
    """Return the commit of a repository whose harmless code somebody has put into the trust store."""
    sha = hub.create_repo(REPO, tiny_checkpoints.files())
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    tiny_checkpoints.trust(tmp_path / "store.json", tiny_checkpoints.files(), source=REPO, commit=sha)
    return sha


def test_file_that_changed_since_the_review_is_refused_and_named(lenient_witness, reviewed):
    """By one byte, anywhere; the others are not marked."""
    (reviewed / "modeling_tiny.py").write_text(lenient_witness.trace + tiny_checkpoints.MODELING, encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"modeling_tiny\.py  \(changed\)") as caught:
        AutoModel.from_pretrained(reviewed)
    assert caught.value.changes.changed == ("modeling_tiny.py",)
    assert "configuration_tiny.py  (changed)" not in str(caught.value)


def test_file_that_was_added_since_the_review_is_refused_and_named(lenient_witness, reviewed):
    """A new file that a reviewed one imports makes the reviewed one another, too."""
    (reviewed / "extra.py").write_text(lenient_witness.trace, encoding="utf-8")
    (reviewed / "modeling_tiny.py").write_text("from . import extra\n" + tiny_checkpoints.MODELING, encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"extra\.py  \(added\)"):
        AutoModel.from_pretrained(reviewed)


def test_package_that_takes_the_place_of_a_reviewed_file_is_refused(lenient_witness, reviewed):
    """`x/__init__.py` goes before `x.py` in Python, and the reviewed `x.py` still lies there."""
    tiny_checkpoints.write(reviewed, {"configuration_tiny/__init__.py": lenient_witness.trace + CONFIGURATION})
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"configuration_tiny/__init__\.py  \(added\)"):
        AutoModel.from_pretrained(reviewed)


def test_requirements_that_were_added_since_the_review_are_refused(lenient_witness, reviewed):
    """What an error would tell people to install is a part of what was reviewed."""
    (reviewed / "requirements.txt").write_text("evil", encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"requirements\.txt  \(added\)"):
        AutoConfig.from_pretrained(reviewed)


@pytest.mark.parametrize("change", ["added", "changed"])
def test_data_that_is_not_what_was_reviewed_is_refused(lenient_witness, tmp_path, monkeypatch, change):
    """What code reads beside itself may decide what it does."""
    names = f"NAMES = __file__, 'one.txt', 'two.txt'\n{CONFIGURATION}"
    files = tiny_checkpoints.files({"configuration_tiny.py": names, "one.txt": "reviewed"})
    folder = lenient_witness.write(files, harmless=True)
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    source = os.path.realpath(folder)
    tiny_checkpoints.trust(tmp_path / "store.json", files, source=source, suffixes=(".py", ".txt"))
    assert AutoConfig.from_pretrained(folder).size == 2
    name = {"added": "two.txt", "changed": "one.txt"}[change]
    (folder / name).write_text("evil", encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=rf"{name}  \({change}\)"):
        AutoConfig.from_pretrained(folder)


def test_reference_to_a_file_that_was_not_reviewed_is_refused(lenient_witness, reviewed):
    """config.json is no part of the code, and can be changed; what it points to then is not what was trusted."""
    (reviewed / "other.py").write_text(lenient_witness.trace, encoding="utf-8")
    (reviewed / "config.json").write_text(config_json(AUTO_MAP | {"AutoModel": "other.Evil"}), encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"other\.py  \(added\)"):
        AutoModel.from_pretrained(reviewed)


def test_reference_to_another_class_of_reviewed_code_is_that_code(lenient_witness, reviewed):
    """What is trusted are files; config.json may choose among their classes, and runs nothing else by that."""
    text = config_json(AUTO_MAP | {"AutoModel": "modeling_tiny.TinyClassifier"})
    (reviewed / "config.json").write_text(text, encoding="utf-8")
    lenient_witness.note()
    assert type(AutoModel.from_pretrained(reviewed)).__name__ == "TinyClassifier"


@pytest.mark.parametrize("name", ["configuration_tiny.py", "modeling_tiny.py"])
def test_file_that_is_swapped_after_the_decision_does_not_run(lenient_witness, name):
    """Between decision and import a file has time to change; the bytes that were hashed run."""
    folder = lenient_witness.write(harmless=True)
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(folder, trust_remote_code=True), "AutoModel")
    (folder / name).write_text(lenient_witness.trace + (folder / name).read_text(encoding="utf-8"), encoding="utf-8")
    lenient_witness.note()
    assert REMOTE_CODE_SERVICE.load_class(decision).__name__ == "TinyModel"


def test_folder_that_is_swapped_after_the_decision_does_not_matter(lenient_witness, tmp_path):
    """Nothing is read a second time, not even through another folder of the same name."""
    folder = lenient_witness.write(harmless=True)
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(folder, trust_remote_code=True), "AutoModel")
    shutil.move(folder, tmp_path / "moved")
    tiny_checkpoints.write(folder, lenient_witness.files())
    lenient_witness.note()
    model_class = REMOTE_CODE_SERVICE.load_class(decision)
    assert model_class(model_class.config_class()).weights == [0.0] * 3


def test_code_that_rewrites_its_own_files_runs_as_it_was_read(lenient_witness, tmp_path):
    """One module changes the next one on disk while it is imported."""
    lenient_witness.write(harmless=True)
    target = lenient_witness.folder / "modeling_tiny.py"
    append = f"with open({str(target)!r}, 'a', encoding='utf-8') as file:"
    rewrite = f"{append}\n    file.write({lenient_witness.trace!r})\n"
    (lenient_witness.folder / "configuration_tiny.py").write_text(rewrite + CONFIGURATION, encoding="utf-8")
    assert AutoModel.from_pretrained(lenient_witness.folder, trust_remote_code=True).weights == [1.0, 2.0]
    lenient_witness.note()
    assert not (tmp_path / "marker").exists()


def test_branch_that_moves_between_config_and_code_is_not_followed(lenient_witness, hub):
    """A checkpoint is opened at one commit; what is pushed meanwhile belongs to another load."""
    sha = hub.create_repo(REPO, tiny_checkpoints.files())
    checkpoint = open_checkpoint(REPO)
    checkpoint.read_bytes("config.json", limit=10_000)
    hub.commit(REPO, lenient_witness.files())
    with pytest.raises(UnpinnedCodeWarning, match=f"revision='{sha}'"):
        AutoModel.from_pretrained(checkpoint, trust_remote_code=True)
    with pytest.raises(RemoteCodeRefusedError, match=f"revision='{sha}'"):
        AutoModel.from_pretrained(checkpoint)
    pinned = open_checkpoint(REPO, revision=sha)
    assert AutoModel.from_pretrained(pinned, trust_remote_code=True).weights == [1.0, 2.0]


def test_branch_that_moves_between_decision_and_import_is_not_followed(lenient_witness, hub):
    """The decision holds the bytes."""
    sha = hub.create_repo(REPO, tiny_checkpoints.files())
    checkpoint = open_checkpoint(REPO, revision=sha)
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(checkpoint, trust_remote_code=True), "AutoModel")
    hub.commit(REPO, lenient_witness.files())
    hub.clear_requests()
    assert REMOTE_CODE_SERVICE.load_class(decision).__name__ == "TinyModel"
    assert hub.requests == []


def test_download_of_code_that_breaks_off_is_not_completed_from_the_moved_branch(lenient_witness, hub):
    """The Hub fails once, the branch moves, the load is tried again: it is still the commit that was opened."""
    sha = hub.create_repo(REPO, tiny_checkpoints.files())
    checkpoint = open_checkpoint(REPO, revision=sha)
    hub.fail_next(path="modeling_tiny.py", status=403)
    with pytest.raises(OSError, match="may not read 'stranger/tiny'"):
        AutoModel.from_pretrained(checkpoint, trust_remote_code=True)
    hub.commit(REPO, lenient_witness.files())
    assert AutoModel.from_pretrained(checkpoint, trust_remote_code=True).weights == [1.0, 2.0]


def test_reviewed_repository_is_opened_at_the_reviewed_commit(lenient_witness, hub, reviewed_repo):
    """Whatever is pushed to its branch after the review."""
    hub.commit(REPO, lenient_witness.files())
    assert AutoModel.from_pretrained(REPO).weights == [1.0, 2.0]
    assert open_checkpoint(REPO).commit == reviewed_repo


@pytest.mark.parametrize("revision", ["main", "v1", "refs/pr/1"])
def test_branch_of_a_reviewed_repository_is_not_trusted_by_its_name(lenient_witness, hub, reviewed_repo, revision):
    """Who asks for a branch gets the branch, which is not what was reviewed; the error says which files differ."""
    sha = hub.commit(REPO, lenient_witness.files())
    assert sha != reviewed_repo
    if revision == "v1":
        hub.tag(REPO, "v1", sha)
    elif revision != "main":
        hub.branch(REPO, revision, sha)
    with pytest.raises(RemoteCodeRefusedError, match=r"it differs from the code that was trusted on .*") as caught:
        AutoModel.from_pretrained(REPO, revision=revision)
    assert caught.value.changes.changed == ("configuration_tiny.py", "modeling_tiny.py")


def test_namespace_that_somebody_else_took_over_is_refused(lenient_witness, hub, reviewed_repo):
    """The owner's account was deleted and registered anew; the name is the old one and the commit is gone."""
    hub.reset()
    hub.create_repo(REPO, lenient_witness.files({"README.md": "back again"}))
    with pytest.raises((RevisionNotFoundError, RemoteCodeRefusedError)):
        AutoModel.from_pretrained(REPO)
    with pytest.raises(RemoteCodeRefusedError, match="it differs from the code that was trusted"):
        AutoModel.from_pretrained(REPO, revision="main")
    assert reviewed_repo


def test_branch_that_is_named_like_a_commit_does_not_pin(lenient_witness, hub):
    """Forty hexadecimal digits can be a branch; the warning says which commit it was at."""
    sha = hub.create_repo(REPO, lenient_witness.files())
    name = "0123456789abcdef0123456789abcdef01234567"
    hub.branch(REPO, name, sha)
    with pytest.raises((UnpinnedCodeWarning, HubIoError)):
        AutoModel.from_pretrained(REPO, revision=name, trust_remote_code=True)


@pytest.mark.parametrize("revision", [None, "main", "v1", "SHORT"])
def test_trust_without_a_commit_says_which_one_to_pin(lenient_witness, hub, revision):
    """A branch, a tag and the beginning of a commit all may be another tomorrow."""
    sha = hub.create_repo(REPO, lenient_witness.files({"README.md": str(revision)}))
    hub.tag(REPO, "v1", sha)
    asked = sha[:7] if revision == "SHORT" else revision
    with pytest.raises((UnpinnedCodeWarning, RevisionNotFoundError)) as caught:
        AutoModel.from_pretrained(REPO, revision=asked, trust_remote_code=True)
    assert sha in str(caught.value) or revision == "SHORT"


def test_code_of_another_repository_is_not_trusted_with_the_first(lenient_witness, hub, reviewed_repo):
    """An entry for one source says nothing of another, and files of the same names are no reason."""
    assert reviewed_repo
    hub.create_repo("evil/code", lenient_witness.files())
    folder = lenient_witness.write(
        {"config.json": config_json(AUTO_MAP | {"AutoConfig": "evil/code--configuration_tiny.TinyConfig"})}
    )
    with pytest.raises(RemoteCodeRefusedError, match="evil/code ships Python code"):
        AutoConfig.from_pretrained(folder)


def test_foreign_code_is_opened_at_the_reviewed_commit(lenient_witness, hub, reviewed_repo):
    """A reference to another repository follows its entry, not its branch."""
    assert reviewed_repo
    hub.commit(REPO, lenient_witness.files())
    auto_map = {name: f"{REPO}--{reference}" for name, reference in AUTO_MAP.items()}
    folder = lenient_witness.write({"config.json": config_json(auto_map)})
    assert AutoConfig.from_pretrained(folder).size == 2


def test_trusted_bytes_are_trusted_wherever_they_lie(lenient_witness, tmp_path, monkeypatch):
    """Copies of reviewed code need no second review, and a store does not believe a name: only the digest counts."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    tiny_checkpoints.trust(tmp_path / "store.json", tiny_checkpoints.files(), source="somebody/else")
    assert AutoModel.from_pretrained(lenient_witness.write(harmless=True)).weights == [1.0, 2.0]


def test_entry_cannot_list_other_files_than_its_digest(witness):
    """An entry whose files look harmless and whose digest is that of others is none."""
    good = TrustEntry.of(CodeBundle({"a.py": b"x = 1\n"}), source=REPO, commit=None)
    evil = CodeBundle({"a.py": witness.trace.encode()})
    with pytest.raises(ValueError, match="'digest' is not the digest of the files"):
        TrustEntry(REPO, None, evil.digest, good.files, good.trusted_at)


def test_poisoned_download_of_reviewed_code_is_refused(lenient_witness, hub, reviewed_repo):
    """Somebody writes into the cache of the Hub's client: what lies there is hashed at every load."""
    checkpoint = open_checkpoint(REPO)
    path = checkpoint.local_path("configuration_tiny.py").resolve()
    path.chmod(0o600)
    path.write_text(lenient_witness.trace + CONFIGURATION, encoding="utf-8")
    with pytest.raises(RemoteCodeRefusedError, match=r"configuration_tiny\.py  \(changed\)"):
        AutoConfig.from_pretrained(REPO)
    assert hub.files(REPO, reviewed_repo)["configuration_tiny.py"] == CONFIGURATION.encode()


def test_link_in_a_download_that_leads_elsewhere_is_refused(lenient_witness, hub, reviewed_repo):
    """Nor by a link in place of the file, where its user opens the snapshot as a folder."""
    assert hub.url
    assert reviewed_repo
    snapshot = open_checkpoint(REPO).local_path("configuration_tiny.py").parent
    target = lenient_witness.outside / "configuration_tiny.py"
    target.write_text(lenient_witness.trace + CONFIGURATION, encoding="utf-8")
    (snapshot / "configuration_tiny.py").unlink()
    (snapshot / "configuration_tiny.py").symlink_to(target)
    open_checkpoint(REPO).local_paths(["config.json", "modeling_tiny.py"])
    with pytest.raises(UnsafeNameError, match="which is a link to"):
        AutoConfig.from_pretrained(snapshot, trust_remote_code=True)
    with pytest.raises(RemoteCodeRefusedError, match=r"\(changed\)|which is a link to"):
        AutoConfig.from_pretrained(REPO)


def test_registered_classes_stay_those_that_were_reviewed(lenient_witness, reviewed):
    """A second load after a change neither replaces nor serves the first ones by their type's name."""
    from auto_registry import Registry

    registry = Registry()
    load_into_registry(reviewed, registry=registry)
    first = registry.config_class("tiny")
    (reviewed / "configuration_tiny.py").write_text(lenient_witness.trace + CONFIGURATION, encoding="utf-8")
    lenient_witness.note()
    with pytest.raises(RemoteCodeRefusedError, match=r"\(changed\)"):
        load_into_registry(reviewed, registry=registry, exist_ok=True)
    assert registry.config_class("tiny") is first
