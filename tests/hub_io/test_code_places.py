"""Where code may lie: at the opened commit, in a subfolder, at the top, and in another repository with its own pin."""

from __future__ import annotations

import json
import os
import sys

import pytest
from huggingface_hub import snapshot_download

from auto_registry import AutoConfig, AutoModel, Registry
from auto_registry.code_load import CodeLoad
from config_core import open_checkpoint
from config_core.code import bundle_of
from config_core.errors import CheckpointNotFoundError, UnsafeNameError
from hub_io import (
    REMOTE_CODE_SERVICE,
    NoRemoteCodeError,
    NotDownloadedError,
    RemoteCodeRefusedError,
    RevisionNotFoundError,
    UnpinnedCodeWarning,
    load_into_registry,
)
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json, files, write

CODE = ("configuration_tiny.py", "modeling_tiny.py")
LOADERS = {
    "config": AutoConfig.from_pretrained,
    "model": AutoModel.from_pretrained,
    "registry": lambda source, **options: load_into_registry(source, registry=Registry(), **options),
}


def elsewhere(repo):
    """Return an `auto_map` whose code lies in another repository."""
    return {name: f"{repo}--{reference}" for name, reference in AUTO_MAP.items()}


def version(model):
    return sys.modules[type(model).__module__].VERSION


def modeling(number):
    return f"{MODELING}VERSION = {number}\n"


def test_code_comes_from_the_commit_of_the_config(hub):
    """A branch that moves between config and code changes neither."""
    hub.create_repo("me/moving", files({"modeling_tiny.py": modeling(1)}))
    opened = open_checkpoint("me/moving")
    with pytest.warns(UnpinnedCodeWarning):
        config = AutoConfig.from_pretrained(opened, trust_remote_code=True)
    hub.commit("me/moving", {"modeling_tiny.py": modeling(2), "configuration_tiny.py": CONFIGURATION + "# moved\n"})
    model = AutoModel.from_pretrained(opened, trust_remote_code=True)
    assert version(model) == 1
    assert type(model.config) is type(config)
    assert version(AutoModel.from_pretrained("me/moving", trust_remote_code=True)) == 2


def test_revision_chooses_the_code_too(hub):
    """Config, code and weights of the commit that was asked for."""
    old = hub.create_repo("me/tiny", files({"modeling_tiny.py": modeling(1)}))
    hub.commit("me/tiny", {"modeling_tiny.py": modeling(2), "weights.json": "[9.0]"})
    model = AutoModel.from_pretrained("me/tiny", revision=old, trust_remote_code=True)
    assert (version(model), model.weights) == (1, [1.0, 2.0])


@pytest.mark.parametrize("place", ["folder", "hub"])
@pytest.mark.parametrize("where", ["subfolder", "top", "both"])
def test_code_of_a_subfolder_is_there_or_at_the_top(request, tmp_path, place, where):
    """The subfolder's own files come first."""
    content = {name: text for name, text in files().items() if name not in CODE}
    content = {f"small/{name}": text for name, text in content.items()}
    if where in {"subfolder", "both"}:
        content |= {"small/configuration_tiny.py": CONFIGURATION, "small/modeling_tiny.py": modeling(1)}
    if where in {"top", "both"}:
        content |= {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": modeling(2)}
    source, revision = write(tmp_path / "saved", content), None
    if place == "hub":
        source, revision = "me/tiny", request.getfixturevalue("hub").create_repo("me/tiny", content)
    model = AutoModel.from_pretrained(source, revision=revision, subfolder="small", trust_remote_code=True)
    assert version(model) == (2 if where == "top" else 1)
    assert set(bundle_of(type(model)).files) == set(CODE)


def test_reference_that_names_its_own_repository_is_at_home(hub):
    """Older files write `owner/name--module.Class` of themselves; the commit stays that of the load."""
    content = files({"modeling_tiny.py": modeling(1), "config.json": config_json(elsewhere("me/tiny"))})
    old = hub.create_repo("me/tiny", content)
    hub.commit("me/tiny", {"modeling_tiny.py": modeling(2)})
    model = AutoModel.from_pretrained("me/tiny", revision=old, trust_remote_code=True)
    assert version(model) == 1
    assert dict(bundle_of(type(model)).auto_map) == AUTO_MAP


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_code_in_another_repository_is_loaded_from_there(hub, tmp_path, place):
    """At its default branch, or at the `code_revision` that was asked for."""
    maker = f"maker/code-for-{place}"
    old = hub.create_repo(maker, {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": modeling(1)})
    sha = hub.commit(maker, {"modeling_tiny.py": modeling(2)})
    content = {"config.json": config_json(elsewhere(maker)), "weights.json": "[1.0, 2.0]"}
    source = write(tmp_path / "saved", content)
    if place == "hub":
        hub.create_repo("me/tiny", content)
        source = "me/tiny"
    with pytest.warns(UnpinnedCodeWarning, match=rf"{maker} .*code_revision='{sha}'"):
        newest = AutoModel.from_pretrained(source, trust_remote_code=True)
    pinned = AutoModel.from_pretrained(source, trust_remote_code=True, code_revision=old)
    assert (version(newest), version(pinned), pinned.weights) == (2, 1, [1.0, 2.0])
    assert dict(bundle_of(type(pinned)).auto_map) == AUTO_MAP


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_code_in_another_repository_is_vendored_on_save(hub, tmp_path, place):
    """What is saved has the code in it, with its requirements and data, and asks nobody for it any more."""
    code = {
        "configuration_tiny.py": CONFIGURATION,
        "modeling_tiny.py": f"NAMES = __file__, 'tables/a.txt'\n{MODELING}",
        "requirements.txt": "packaging",
        "tables/a.txt": f"for {place}",
    }
    sha = hub.create_repo("maker/code", code)
    content = {"config.json": config_json(elsewhere("maker/code")), "weights.json": "[1.0, 2.0]"}
    source = write(tmp_path / "saved", content)
    if place == "hub":
        hub.create_repo("me/tiny", content)
        source = "me/tiny"
    model = AutoModel.from_pretrained(source, trust_remote_code=True, code_revision=sha)
    hub.clear_requests()
    model.config.save_pretrained(tmp_path / "copy")
    saved = {name: (tmp_path / "copy" / name).read_text(encoding="utf-8") for name in code}
    assert saved == code
    assert json.loads((tmp_path / "copy/config.json").read_text(encoding="utf-8"))["auto_map"] == AUTO_MAP
    write(tmp_path / "copy", {"weights.json": "[3.0, 4.0]"})
    again = AutoModel.from_pretrained(tmp_path / "copy", trust_remote_code=True)
    assert (type(again), again.weights) == (type(model), [3.0, 4.0])
    assert hub.requests == []


def test_code_in_another_repository_is_refused_in_its_own_name(hub):
    """The refusal names that repository, its files, and `code_revision` with its commit."""
    sha = hub.create_repo("maker/code", {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": MODELING})
    hub.create_repo("me/tiny", {"config.json": config_json(elsewhere("maker/code"))})
    with pytest.raises(RemoteCodeRefusedError, match=rf"code_revision='{sha}', trust_remote_code=True") as caught:
        AutoModel.from_pretrained("me/tiny")
    assert (caught.value.source, set(caught.value.bundle.files)) == ("maker/code", set(CODE))


def test_deciding_without_trust_does_not_ask_for_the_other_repository(hub):
    """Nobody is contacted for code that will not run."""
    hub.create_repo("me/tiny", {"config.json": config_json(elsewhere("maker/code"))})
    checkpoint = open_checkpoint("me/tiny")
    hub.clear_requests()
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(checkpoint), "AutoModel")
    assert not decision.trusted
    assert hub.requests == []


def test_refusal_survives_a_repository_that_is_not_there(hub):
    """The load is refused, and the error says that the code cannot even be shown."""
    hub.create_repo("me/tiny", {"config.json": config_json(elsewhere("maker/code"))})
    with pytest.raises(RemoteCodeRefusedError, match="cannot be listed either: There is no repository 'maker/code'"):
        AutoModel.from_pretrained("me/tiny")


def test_missing_repository_of_trusted_code_is_named(hub):
    """With trust, the missing repository is the error."""
    hub.create_repo("me/tiny", {"config.json": config_json(elsewhere("maker/code"))})
    with pytest.raises(CheckpointNotFoundError, match="maker/code"):
        AutoModel.from_pretrained("me/tiny", trust_remote_code=True)


@pytest.mark.parametrize("name", [None, "AutoTokenizer", "AutoModelForCausalLM", "anything"])
def test_code_revision_pins_own_code_alone(hub, name):
    """A reviewed commit of the code runs with the newest weights; a reference to elsewhere switches no pin off."""
    old = hub.create_repo("me/tiny", files({"modeling_tiny.py": modeling(1)}))
    changed = {"modeling_tiny.py": modeling(2), "weights.json": "[9.0, 9.0]"}
    named = {} if name is None else {name: "x/y--t.T"}  # which need not exist
    hub.commit("me/tiny", {**changed, "config.json": config_json({**AUTO_MAP, **named})})
    model = AutoModel.from_pretrained("me/tiny", code_revision=old, trust_remote_code=True)
    assert (version(model), model.weights) == (1, [9.0, 9.0])


def test_code_revision_of_code_in_two_repositories_is_that_of_both(hub):
    """Where one of them has no such revision, its code runs at no other."""
    sha = hub.create_repo("maker/code", {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": MODELING})
    auto_map = {**elsewhere("maker/code"), "AutoConfig": AUTO_MAP["AutoConfig"]}
    commit = hub.create_repo("me/tiny", files({"config.json": config_json(auto_map)}))
    with pytest.raises(RevisionNotFoundError, match="me/tiny"):
        AutoModel.from_pretrained("me/tiny", revision=commit, code_revision=sha, trust_remote_code=True)


def test_code_revision_that_does_not_exist_is_an_error(hub):
    """A pin is never ignored."""
    hub.create_repo("me/tiny", files())
    with pytest.raises(RevisionNotFoundError, match="nowhere"):
        AutoModel.from_pretrained("me/tiny", code_revision="nowhere", trust_remote_code=True)


@pytest.mark.parametrize("named", [{}, {"AutoTokenizer": "x/y--t.T"}], ids=["own", "another"])
def test_code_revision_of_a_folder_is_an_error(tmp_path, named):
    """It has none, whatever else its config names; a pin that cannot be kept is not dropped."""
    folder = write(tmp_path / "saved", files({"config.json": config_json({**AUTO_MAP, **named})}))
    with pytest.raises(NoRemoteCodeError, match="Omit code_revision"):
        AutoModel.from_pretrained(folder, code_revision="main", trust_remote_code=True)


def test_token_opens_the_repository_of_the_code(hub):
    """The token of the load is that of its code."""
    code = {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": MODELING}
    sha = hub.create_repo("me/code", code, private=True)
    hub.create_repo(
        "me/tiny", {"config.json": config_json(elsewhere("me/code")), "weights.json": "[1.0]"}, private=True
    )
    model = AutoModel.from_pretrained("me/tiny", trust_remote_code=True, code_revision=sha, token=hub.token("me"))
    assert model.weights == [1.0]


def test_loaded_code_loads_again_without_network(hub):
    """What was downloaded with trust runs offline with trust, and without it does not."""
    sha = hub.create_repo("me/offline", files())
    with pytest.warns(UnpinnedCodeWarning):
        AutoModel.from_pretrained("me/offline", trust_remote_code=True)
    hub.clear_requests()
    assert AutoModel.from_pretrained("me/offline", local_files_only=True, trust_remote_code=True).weights == [1.0, 2.0]
    assert AutoModel.from_pretrained("me/offline", revision=sha, trust_remote_code=True).weights == [1.0, 2.0]
    with pytest.raises(RemoteCodeRefusedError):
        AutoModel.from_pretrained("me/offline", local_files_only=True)
    assert hub.requests == []


@pytest.fixture
def folder_without_code(hub, tmp_path):
    """A folder whose code lies in a repository that nobody has downloaded. Returns it and the commit of the code."""
    sha = hub.create_repo("maker/code", {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": MODELING})
    content = {"config.json": config_json(elsewhere("maker/code")), "weights.json": "[1.0, 2.0]"}
    hub.clear_requests()
    return write(tmp_path / "saved", content), sha


@pytest.mark.parametrize("said", [None, False, True])
@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_code_elsewhere_of_a_folder_is_not_asked_for_without_network(hub, folder_without_code, load, said):
    """`local_files_only` holds for the code too, whatever else the caller says."""
    with pytest.raises((RemoteCodeRefusedError, NotDownloadedError)):
        load(folder_without_code[0], local_files_only=True, trust_remote_code=said)
    assert hub.requests == []


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_code_elsewhere_of_a_folder_is_kept_where_the_caller_says(hub, folder_without_code, tmp_path, load):
    """It is found there again without the network."""
    folder, sha = folder_without_code
    options = {"cache_dir": tmp_path / "downloads", "code_revision": sha, "trust_remote_code": True}
    load(folder, **options)
    assert (tmp_path / "downloads" / "models--maker--code").is_dir()
    hub.clear_requests()
    load(folder, local_files_only=True, **options)
    assert hub.requests == []


@pytest.mark.parametrize("place", ["folder", "hub"])
@pytest.mark.parametrize("by", ["the caller", "the cap"])
def test_code_elsewhere_that_is_switched_off_is_not_fetched_to_be_listed(
    hub, folder_without_code, monkeypatch, place, by
):
    """Nobody is contacted for the text of an error either, and the error says how the files are seen."""
    source, said = folder_without_code[0], None
    if place == "hub":
        hub.create_repo("me/tiny", {"config.json": (source / "config.json").read_text(encoding="utf-8")})
        source = open_checkpoint("me/tiny")
        hub.clear_requests()
    if by == "the cap":
        monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    else:
        said = False
    with pytest.raises(RemoteCodeRefusedError, match="hub-io inspect"):
        AutoModel.from_pretrained(source, trust_remote_code=said)
    assert [request.path for request in hub.requests if "maker/code" in request.path] == []


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_link_out_of_the_cache_is_refused(hub, tmp_path):
    """The client's links lead to its blobs; whoever puts another there does not get a file of this machine read."""
    sha = hub.create_repo("me/linked", files())
    path = open_checkpoint("me/linked", revision=sha).local_path("modeling_tiny.py")
    path.unlink()
    path.symlink_to(write(tmp_path / "elsewhere", {"modeling_tiny.py": MODELING}) / "modeling_tiny.py")
    with pytest.raises(UnsafeNameError, match=r"is a link to .*elsewhere"):
        AutoModel.from_pretrained("me/linked", revision=sha, trust_remote_code=True)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_cache_that_lies_behind_links_is_used(hub, tmp_path):
    """A whole cache, or a repository in it, may be kept on another disk, under another name."""
    cache = tmp_path / "cache"
    (tmp_path / "disk" / "here").mkdir(parents=True)
    cache.symlink_to(tmp_path / "disk", target_is_directory=True)
    (cache / "models--me--moved").symlink_to(tmp_path / "disk" / "here", target_is_directory=True)
    sha = hub.create_repo("me/moved", files())
    options = {"revision": sha, "cache_dir": cache, "trust_remote_code": True}
    assert AutoModel.from_pretrained("me/moved", **options).weights == [1.0, 2.0]
    assert (tmp_path / "disk" / "here" / "blobs").is_dir()


def test_folder_that_hf_download_has_written_loads(hub):
    """A snapshot is made of links into the cache, which do not leave the checkpoint."""
    hub.create_repo("me/downloaded", files())
    snapshot = snapshot_download("me/downloaded")
    assert AutoModel.from_pretrained(snapshot, trust_remote_code=True).weights == [1.0, 2.0]


def test_class_out_of_code_brings_its_code_along(tmp_path):
    """A config that was loaded with trust finds its models in the code that it came from, folder or no folder."""
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": modeling(3)}))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    (folder / "modeling_tiny.py").write_text(modeling(4), encoding="utf-8")
    model = AutoModel.from_config(config, trust_remote_code=True)
    assert (version(model), type(model.config)) == (3, type(config))
