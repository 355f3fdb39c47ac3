"""Grades of trust that a store may switch on: publishers, and a cooling time. Without them only exact content runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from auto_registry import AutoConfig, AutoModel
from hub_io import RemoteCodeRefusedError, TrustFile
from hub_io_command import hub_io
from tiny_checkpoints import MODELING, config_json, files, trust, write


@pytest.fixture
def lock(places):
    return places / "hub-code.lock"


def switch_on(lock, **grades):
    """Write a store with these grades and no entries."""
    lock.write_text(json.dumps({"version": 1, **grades, "trusted": []}), encoding="utf-8")


def says(hub, commit, **values):
    """Let the Hub say something else of a commit, twice."""

    def change(headers, body):
        body = json.dumps({**json.loads(body), **values}).encode()
        return headers | {"content-length": str(len(body))}, body

    hub.rewrite_next(f"/api/models/my-org/tiny/revision/{commit}", change, times=2)


def is_old(hub, commit):
    """Let the Hub say twice of a commit that it was made long ago."""
    says(hub, commit, lastModified="2020-01-01T00:00:00.000Z")


def content(path):
    """Return files whose digest no other test has."""
    return files({"modeling_tiny.py": f"{MODELING}# {path}\n"})


def test_code_of_a_publisher_runs_and_gets_an_entry_at_its_commit(hub, lock, tmp_path):
    """From then on it is exact content: the next load makes no request, and `locked` lets it run."""
    commit = hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    assert AutoModel.from_pretrained("my-org/tiny").weights == [1.0, 2.0]
    (entry,) = TrustFile(lock).entries()
    assert (entry.source, entry.commit) == ("my-org/tiny", commit)
    assert entry.by == f"{lock} (publisher my-org)"
    hub.clear_requests()
    AutoModel.from_pretrained("my-org/tiny")
    assert hub.requests == []
    assert hub_io("check", "my-org/tiny").exit_code == 0


def test_entry_is_the_next_load_s_commit_until_another_revision_is_named(hub, lock, tmp_path):
    """Each commit is recorded on its own."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    AutoConfig.from_pretrained("my-org/tiny")
    newer = hub.commit("my-org/tiny", {"modeling_tiny.py": f"{MODELING}# newer {tmp_path}\n"})
    AutoConfig.from_pretrained("my-org/tiny")
    assert len(TrustFile(lock).entries()) == 1
    AutoConfig.from_pretrained("my-org/tiny", revision="main")
    assert {entry.commit for entry in TrustFile(lock).entries()} >= {newer}
    assert len(TrustFile(lock).entries()) == 2


@pytest.mark.parametrize(
    "name", ["other/tiny", "My-Org/tiny", "my-org2/tiny", "my/org-tiny"], ids=["other", "case", "longer", "split"]
)
def test_code_of_anybody_else_is_refused(hub, lock, tmp_path, name):
    """The owner must be the very name."""
    hub.create_repo(name, content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry"):
        AutoConfig.from_pretrained(name)


def test_folder_that_is_called_like_a_repository_has_no_publisher(lock, tmp_path, monkeypatch):
    """Anybody can name a folder."""
    monkeypatch.chdir(lock.parent)
    write(lock.parent / "my-org" / "tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry"):
        AutoConfig.from_pretrained("my-org/tiny")


def test_repository_that_the_publisher_gave_away_is_refused(hub, lock, tmp_path):
    """The Hub answers for the old name, and somebody else writes to it."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    hub.rename("my-org/tiny", "other/tiny")
    switch_on(lock, publishers=["my-org"])
    with pytest.raises(RemoteCodeRefusedError, match="the repository is other/tiny now"):
        AutoConfig.from_pretrained("my-org/tiny")
    assert TrustFile(lock).entries() == ()


def test_code_in_another_repository_needs_its_own_publisher(hub, lock, tmp_path):
    """That the checkpoint is the publisher's says nothing of the code it names."""
    hub.create_repo("other/code", content(tmp_path))
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig"}
    hub.create_repo("my-org/tiny", {"config.json": config_json(auto_map)})
    switch_on(lock, publishers=["my-org"])
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry"):
        AutoConfig.from_pretrained("my-org/tiny")
    switch_on(lock, publishers=["my-org", "other"])
    AutoConfig.from_pretrained("my-org/tiny")
    assert [entry.source for entry in TrustFile(lock).entries()] == ["other/code"]


@pytest.mark.parametrize("said", [False, None])
def test_caps_and_a_refusal_of_the_caller_are_above_a_publisher(hub, lock, tmp_path, monkeypatch, said):
    """`locked` means what is recorded, and False means no."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    if said is None:
        monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained("my-org/tiny", trust_remote_code=said)


def test_check_wants_the_entry_and_inspect_records_nothing(hub, lock, tmp_path):
    """Only what runs is recorded, or what somebody trusts."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    ran = hub_io("check", "my-org/tiny")
    assert (ran.exit_code, "only its publisher is trusted" in ran.out) == (1, True)
    assert "(publisher my-org)" in hub_io("inspect", "my-org/tiny").out
    assert TrustFile(lock).entries() == ()


def test_code_that_cannot_be_recorded_does_not_run(hub, lock, tmp_path):
    """Otherwise nobody could tell later what ran."""
    marker = tmp_path / "marker"
    hub.create_repo("my-org/tiny", files(marker=marker))
    switch_on(lock, publishers=["my-org"])
    (lock.parent / ".hub-code.lock.guard").mkdir()
    with pytest.raises(OSError, match=r"hub-code\.lock"):
        AutoConfig.from_pretrained("my-org/tiny")
    assert not marker.exists()


@pytest.mark.parametrize("what", ["--all", "my-org/tiny"])
def test_revoking_where_only_a_publisher_is_trusted_says_so(hub, lock, tmp_path, what):  # noqa: ARG001
    """Nothing was removed, and the code would still run."""
    switch_on(lock, publishers=["my-org"])
    ran = hub_io("revoke", what)
    assert (ran.exit_code, f"all code of the publisher my-org, in {lock}" in ran.out) == (1, True)


def test_revoking_all_names_publishers_without_an_entry(lock, tmp_path):
    """An entry of another source was removed, and their code would still run."""
    hub_io("trust", write(tmp_path / "tiny", files()), "--yes", "--project")
    content = json.loads(lock.read_text(encoding="utf-8"))
    lock.write_text(json.dumps({**content, "publishers": ["my-org"]}), encoding="utf-8")
    ran = hub_io("revoke", "--all", "--json")
    assert (ran.exit_code, len(ran.values["removed"])) == (1, 1)
    assert ran.values["still_trusted_publishers"] == {"my-org": str(lock)}


def test_folder_that_is_called_like_a_publisher_is_not_one(lock, tmp_path, monkeypatch):
    """An existing path is one, whatever its name."""
    switch_on(lock, publishers=["my-org"])
    write(tmp_path / "my-org" / "tiny", files())
    monkeypatch.chdir(tmp_path)
    assert hub_io("revoke", "my-org/tiny", "--json").values["still_trusted_publishers"] == {}


def test_revoking_an_entry_says_that_its_publisher_is_still_trusted(hub, lock, tmp_path):
    """The next load would run the code again."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    AutoConfig.from_pretrained("my-org/tiny")
    ran = hub_io("revoke", "my-org/tiny")
    assert (ran.exit_code, f"all code of the publisher my-org, in {lock}" in ran.out) == (1, True)


@pytest.mark.parametrize("grade", [{}, {"publishers": ["my-org"]}], ids=["caller", "publisher"])
def test_young_commit_does_not_run_without_an_entry(hub, lock, tmp_path, grade):
    """Neither because the caller says so nor because of its publisher; an entry is enough."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, cooling_days=7, **grade)
    with pytest.raises(RemoteCodeRefusedError, match="only once its commit is 7 days old"):
        AutoConfig.from_pretrained("my-org/tiny", trust_remote_code=True if not grade else None)
    assert hub_io("trust", "my-org/tiny", "--yes").exit_code == 0
    AutoConfig.from_pretrained("my-org/tiny")


@pytest.mark.parametrize("grade", [{}, {"publishers": ["my-org"]}], ids=["caller", "publisher"])
def test_old_commit_runs(hub, lock, tmp_path, grade):
    """The Hub says how old it is."""
    commit = hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, cooling_days=7, **grade)
    is_old(hub, commit)
    AutoConfig.from_pretrained("my-org/tiny", revision=commit, trust_remote_code=True if not grade else None)


def test_commit_of_unknown_age_is_refused(hub, lock, tmp_path):
    """Without the network nobody says how old it is."""
    commit = hub.create_repo("my-org/tiny", content(tmp_path))
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained("my-org/tiny", revision=commit)
    switch_on(lock, cooling_days=7, publishers=["my-org"])
    for said in (True, None):
        with pytest.raises(RemoteCodeRefusedError, match="the Hub does not say"):
            AutoConfig.from_pretrained("my-org/tiny", revision=commit, local_files_only=True, trust_remote_code=said)


@pytest.mark.parametrize("name", [{}, 3, None, ["my-org/tiny"]], ids=str)
def test_answer_that_is_no_name_is_refused(hub, lock, tmp_path, name):
    """The client hands on what the Hub answers, whatever its type."""
    commit = hub.create_repo("my-org/tiny", content(tmp_path))
    switch_on(lock, publishers=["my-org"])
    says(hub, commit, id=name)
    with pytest.raises(RemoteCodeRefusedError, match="does not say"):
        AutoConfig.from_pretrained("my-org/tiny", revision=commit)


def test_cooling_time_is_nothing_for_folders(lock, tmp_path):
    """A folder has no commit."""
    folder = write(tmp_path / "saved", content(tmp_path))
    switch_on(lock, cooling_days=7)
    assert AutoModel.from_pretrained(folder, trust_remote_code=True).weights == [1.0, 2.0]


def test_grades_are_listed_and_kept_when_entries_come_and_go(lock, tmp_path):
    """Nobody trusts a publisher without seeing it in every listing."""
    folder = write(tmp_path / "saved", content(tmp_path))
    switch_on(lock, publishers=["my-org"], cooling_days=7)
    hub_io("trust", folder, "--yes")
    hub_io("revoke", folder)
    told = hub_io("list").out
    assert "publisher my-org: the code of its repositories runs" in told
    assert "only if its commit is 7 days old" in told
    values = hub_io("list", "--json").values
    assert (values["publishers"], values["cooling_days"], values["entries"]) == (["my-org"], 7, [])


@pytest.mark.parametrize(
    "grades",
    [
        {"publishers": "my-org"},
        {"publishers": ["my-org/tiny"]},
        {"publishers": ["*"]},
        {"publishers": [""]},
        {"publishers": [None]},
        {"cooling_days": True},
        {"cooling_days": -1},
        {"cooling_days": 1.5},
        {"cooling_days": 10**9},
        {"publisher": ["my-org"]},
    ],
    ids=str,
)
def test_malformed_grade_is_an_error(lock, grades):
    """It is not taken for none, nor for everybody."""
    switch_on(lock, **grades)
    with pytest.raises(ValueError, match=r"hub-code\.lock, line 1"):
        TrustFile(lock).entries()


@pytest.mark.parametrize("by", ["commit", "refs/pr/1"])
def test_pull_request_at_a_publisher_s_repository_does_not_run(hub, lock, tmp_path, by):
    """Anybody may open one, and its commits are opened by the name of the repository."""
    hub.create_repo("my-org/tiny", content(tmp_path))
    api = HfApi(token=hub.token("my-org"))  # the Hub of the tests lets nobody else open one
    opened = api.create_pull_request("my-org/tiny", title="Fix")
    commit = hub.commit("my-org/tiny", {"modeling_tiny.py": f"raise SystemExit  # {tmp_path}\n"}, branch="refs/pr/1")
    assert opened.git_reference == "refs/pr/1"
    switch_on(lock, publishers=["my-org"])
    with pytest.raises(RemoteCodeRefusedError, match="no branch or tag of the repository has this commit"):
        AutoModel.from_pretrained("my-org/tiny", revision=commit if by == "commit" else by)
    assert TrustFile(lock).entries() == ()


def test_commit_that_a_branch_or_tag_had_is_the_publisher_s(hub, lock, tmp_path):
    """An earlier one of the default branch, and that of a release on another branch."""
    first = hub.create_repo("my-org/tiny", content(tmp_path))
    hub.branch("my-org/tiny", "v1")
    release = hub.commit("my-org/tiny", {"modeling_tiny.py": f"{MODELING}# release {tmp_path}\n"}, branch="v1")
    hub.commit("my-org/tiny", {"modeling_tiny.py": f"{MODELING}# newer {tmp_path}\n"})
    hub.tag("my-org/tiny", "v1.0", release)
    hub.commit("my-org/tiny", {"README.md": "later"}, branch="v1")
    switch_on(lock, publishers=["my-org"])
    for commit in (first, release):
        assert AutoModel.from_pretrained("my-org/tiny", revision=commit).weights == [1.0, 2.0]


def test_store_inside_a_checkpoint_names_no_publisher(hub, tmp_path, places):  # noqa: ARG001
    """Data cannot declare its owner trusted."""
    hub.create_repo(
        "my-org/tiny", {**content(tmp_path), "hub-code.lock": '{"version": 1, "publishers": ["my-org"], "trusted": []}'}
    )
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained("my-org/tiny")


def test_lock_serves_the_same_content_under_another_name_or_commit(hub, lock, tmp_path, monkeypatch):
    """A mirror has other commits or other names. Its code is the same if its files are."""
    text = content(tmp_path)
    trust(lock, text, source="owner/name", commit="a" * 40)
    hub.create_repo("mirror/owner-name", text)
    hub.create_repo("owner/name", text)
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    assert AutoModel.from_pretrained("mirror/owner-name").weights == [1.0, 2.0]
    with pytest.raises(FileNotFoundError, match="pass revision= to open another one"):
        AutoModel.from_pretrained("owner/name")
    assert AutoModel.from_pretrained("owner/name", revision="main").weights == [1.0, 2.0]
    assert hub_io("check", "mirror/owner-name", "owner/name@main").exit_code == 0
    hub.commit("mirror/owner-name", {"modeling_tiny.py": f"{MODELING}# other\n"})
    with pytest.raises(RemoteCodeRefusedError):
        AutoModel.from_pretrained("mirror/owner-name")
    assert Path(lock).exists()
