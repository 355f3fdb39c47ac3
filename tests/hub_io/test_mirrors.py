"""A lock that was made at one Hub, used at another one: a mirror, or a Hub of one's own."""

from __future__ import annotations

import contextlib

import pytest

from config_core import open_checkpoint
from hub_io import HubUnavailableError
from hub_io_command import hub_io, hub_io_process
from loopback_hub.hub import LoopbackHub
from loopback_hub.server import bind
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files

LOAD = """
from auto_registry import AutoModel

try:
    print(AutoModel.from_pretrained("me/tiny").weights)
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def mirror():
    """Return another Hub, with nothing on it."""
    with (
        contextlib.closing(bind()) as port,
        contextlib.closing(bind()) as cdn_port,
        LoopbackHub(port, cdn_port) as running,
    ):
        yield running


@pytest.fixture
def commit(hub, places):  # noqa: ARG001 - nobody has trusted anything before
    """Publish code at the first Hub, trust it there in the lock of the project, and return its commit."""
    made = hub.create_repo("me/tiny", files())
    assert hub_io("trust", "me/tiny", "--project", "--yes").exit_code == 0
    hub.clear_requests()
    return made


@pytest.fixture
def at_mirror(mirror, tmp_path):
    """Return the environment of processes of another machine, which use the mirror and run only trusted code."""
    home = {"HF_HOME": str(tmp_path / "other-home"), "HF_ENDPOINT": mirror.url}
    return environment(tmp_path / "other-cache", HUB_IO_REMOTE_CODE="locked", **home)


def test_mirror_with_the_same_commits_needs_nothing_else(hub, mirror, commit, at_mirror, tmp_path):
    """The commit in the lock is opened at the mirror, and the first Hub is not asked."""
    mirror.mirror("me/tiny", hub)
    ran = hub_io_process("check", "me/tiny", env=at_mirror)
    assert (ran.exit_code, ran.out.splitlines()[0]) == (0, f"me/tiny at commit {commit}")
    assert run_program(tmp_path / "load.py", LOAD, environ=at_mirror) == "[1.0, 2.0]\n"
    assert hub.requests == []


def test_hub_with_other_commits_serves_the_content_at_a_revision_of_its_own(hub, mirror, commit, at_mirror, tmp_path):
    """Without a revision, the error says where the commit is from and which Hub does not have it."""
    own = mirror.create_repo("me/tiny", files())
    ran = hub_io_process("check", "me/tiny", env=at_mirror)
    assert ran.exit_code == 3
    for told in (commit, "hub-code.lock", mirror.url, "pass revision= to open another one"):
        assert told in ran.out
    told = run_program(tmp_path / "load.py", LOAD, environ=at_mirror)
    assert told.startswith("RevisionNotFoundError")
    assert mirror.url in told
    ran = hub_io_process("check", "me/tiny@main", env=at_mirror)
    assert (ran.exit_code, ran.out.splitlines()[0]) == (0, f"me/tiny@main at commit {own}")
    pinned = LOAD.replace('"me/tiny"', f'"me/tiny", revision="{own}"')
    assert run_program(tmp_path / "load.py", pinned, environ=at_mirror) == "[1.0, 2.0]\n"
    assert hub.requests == []


@pytest.mark.usefixtures("commit")
def test_other_content_under_the_same_name_is_refused_and_the_error_names_file_and_hub(mirror, at_mirror, tmp_path):
    """Whoever runs a mirror cannot make other code run."""
    changed = files({"modeling_tiny.py": f"{MODELING}print('ran')\n"})
    other = mirror.create_repo("me/tiny", changed)
    ran = hub_io_process("check", "me/tiny@main", env=at_mirror)
    assert ran.exit_code == 1
    told = run_program(tmp_path / "load.py", LOAD.replace('tiny"', 'tiny", revision="main"'), environ=at_mirror)
    assert told.startswith("RemoteCodeRefusedError")
    for shown in (ran.out, told):
        assert "modeling_tiny.py" in shown
        assert f"(this is commit {other[:12]} at {mirror.url.removeprefix('http://')})" in shown


@pytest.mark.usefixtures("commit")
def test_other_content_under_the_same_commit_is_refused(hub, mirror, at_mirror, tmp_path):
    """What a Hub calls a commit proves nothing: the files are hashed."""
    mirror.mirror("me/tiny", hub, {"modeling_tiny.py": f"{MODELING}print('ran')\n"})
    told = run_program(tmp_path / "load.py", LOAD, environ=at_mirror)
    assert told.startswith("RemoteCodeRefusedError")
    assert "modeling_tiny.py  (changed)" in told
    assert f"at {mirror.url.removeprefix('http://')})" in told


@pytest.mark.usefixtures("commit")
def test_content_that_a_lying_hub_has_left_in_the_cache_is_downloaded_again(hub, mirror, at_mirror, tmp_path):
    """One cache serves all Hubs. What is in it is hashed too, and force_download=True replaces it."""
    mirror.mirror("me/tiny", hub, {"modeling_tiny.py": f"{MODELING}print('ran')\n"})
    assert "Refused" in run_program(tmp_path / "load.py", LOAD, environ=at_mirror)
    back = {**at_mirror, "HF_ENDPOINT": hub.url}
    assert "Refused" in run_program(tmp_path / "load.py", LOAD, environ=back)
    again = LOAD.replace('tiny"', 'tiny", force_download=True')
    assert run_program(tmp_path / "load.py", again, environ=back) == "[1.0, 2.0]\n"
    assert run_program(tmp_path / "load.py", LOAD, environ=back) == "[1.0, 2.0]\n"


def test_download_again_that_fails_keeps_what_was_there(hub):
    """It is still there for loads without the network."""
    commit = hub.create_repo("me/tiny", files())
    before = open_checkpoint("me/tiny", revision=commit).read_bytes("weights.json", limit=100)
    again = open_checkpoint("me/tiny", revision=commit, force_download=True)
    hub.fail_next("/weights.json", status=503, times=20)
    with pytest.raises(HubUnavailableError):
        again.local_path("weights.json")
    offline = open_checkpoint("me/tiny", revision=commit, local_files_only=True)
    assert offline.read_bytes("weights.json", limit=100) == before


@pytest.mark.usefixtures("places")
def test_commit_of_code_in_another_repository_that_a_hub_does_not_have_is_explained(hub, mirror, at_mirror, tmp_path):
    """The error says that the lock names it, and which option names another one."""
    auto_map = {name: f"other/code--{reference}" for name, reference in AUTO_MAP.items()}
    code = hub.create_repo("other/code", files())
    hub.create_repo("me/tiny", files({"config.json": config_json(auto_map)}))
    assert hub_io("trust", "me/tiny", "--project", "--yes").exit_code == 0
    mirror.mirror("me/tiny", hub)
    mirror.create_repo("other/code", files())
    ran = hub_io_process("check", "me/tiny", env=at_mirror)
    told = run_program(tmp_path / "load.py", LOAD, environ=at_mirror)
    assert ran.exit_code == 1
    assert "it cannot be compared with its entry in the trust store" in ran.out
    for part in (code, "hub-code.lock", mirror.url, "pass code_revision= to open another one"):
        assert part in told
    pinned = LOAD.replace('tiny"', 'tiny", code_revision="main"')
    assert run_program(tmp_path / "load.py", pinned, environ=at_mirror) == "[1.0, 2.0]\n"
