"""Who may make code run: the caller's word, the trust store, and an administrator's cap, in every combination."""

from __future__ import annotations

import os
import shlex

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from hub_io import (
    RemoteCodeRefusedError,
    TrustFile,
    TrustPolicy,
    TrustPolicyError,
    TrustStore,
    TrustStoreError,
    default_policy,
    load_into_registry,
    set_default_policy,
)
from other_processes import run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files, trust, write


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def folder(tmp_path, marker, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files(marker=marker))


@pytest.fixture
def lock(folder, marker, places):
    """The project's file, which trusts the folder."""
    trust(places / "hub-code.lock", files(marker=marker), source=os.path.realpath(folder))
    return places / "hub-code.lock"


@pytest.fixture
def _policy_of_the_environment():
    """Takes back what a test sets."""
    yield
    set_default_policy(None)


CASES = [
    # cap, in the store, what the caller said, whether it runs
    ("", False, None, False),
    ("", False, False, False),
    ("", False, True, True),
    ("", True, None, True),
    ("", True, False, False),
    ("", True, True, True),
    ("locked", False, None, False),
    ("locked", False, True, False),
    ("locked", True, None, True),
    ("locked", True, False, False),
    ("locked", True, True, True),
    ("deny", False, True, False),
    ("deny", True, None, False),
    ("deny", True, True, False),
]


@pytest.mark.parametrize(("cap", "stored", "said", "runs"), CASES)
def test_cap_store_and_caller_decide_together(request, folder, marker, monkeypatch, cap, stored, said, runs):  # noqa: PLR0917
    """False refuses always, None asks the store, True trusts this load, and a cap is above them all."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    if stored:
        request.getfixturevalue("lock")
    if runs:
        assert AutoModel.from_pretrained(folder, trust_remote_code=said).weights == [1.0, 2.0]
    else:
        with pytest.raises(RemoteCodeRefusedError):
            AutoModel.from_pretrained(folder, trust_remote_code=said)
        assert not marker.exists()


@pytest.mark.parametrize("cap", ["Deny", "allow", "1", " ", "deny,locked"])
def test_cap_that_is_none_of_its_values_lets_nothing_run(folder, marker, monkeypatch, cap):
    """A typo in an administrator's setting must not open the door."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    with pytest.raises(TrustPolicyError, match="HUB_IO_REMOTE_CODE must be 'deny', 'locked' or unset"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("cap", "told"), [("deny", "HUB_IO_REMOTE_CODE=deny"), ("locked", "HUB_IO_REMOTE_CODE=locked")]
)
def test_refusal_by_a_cap_does_not_advise_what_would_not_help(folder, monkeypatch, cap, told):
    """It names the setting, and not `trust_remote_code=True`."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    with pytest.raises(RemoteCodeRefusedError, match=told) as caught:
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert "trust_remote_code=True" not in str(caught.value)


def test_project_file_is_found_upwards(folder, lock, places, monkeypatch):  # noqa: ARG001
    """From any folder of the project."""
    (places / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(places / "deep" / "down")
    assert AutoConfig.from_pretrained(folder).size == 2


def test_nearest_project_file_counts(folder, lock, places, monkeypatch):  # noqa: ARG001
    """A project in a project keeps its own."""
    (places / "inner").mkdir()
    monkeypatch.chdir(places / "inner")
    trust(places / "inner" / "hub-code.lock", {"other.py": ""}, source="me/other")
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder)


def test_users_file_trusts_in_every_project(folder, marker, tmp_path):
    """It lies in the settings of the user."""
    trust(tmp_path / "settings" / "hub-io" / "trust.json", files(marker=marker))
    assert AutoConfig.from_pretrained(folder).size == 2


def test_environment_names_the_file_that_trusts(folder, marker, tmp_path, monkeypatch):
    """Wherever it lies, and whatever it is called."""
    trust(tmp_path / "ours.json", files(marker=marker))
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "ours.json"))
    assert AutoConfig.from_pretrained(folder).size == 2


def test_environment_names_the_one_file_that_counts(folder, lock, tmp_path, monkeypatch):  # noqa: ARG001
    """The project's and the user's do not count beside it."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "none.json"))
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX rights")
@pytest.mark.parametrize("mode", ["file", "folder"])
def test_project_file_that_everybody_can_write_is_not_used(folder, lock, marker, mode):
    """The refusal says so; making it private is what to do."""
    (lock if mode == "file" else lock.parent).chmod(0o777)
    with pytest.raises(RemoteCodeRefusedError, match="can be written or replaced by anybody"):
        AutoConfig.from_pretrained(folder)
    assert not marker.exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_project_file_of_another_user_is_not_used(folder, lock, monkeypatch):
    """Whoever owns it could trust anything; the refusal names the setting that allows it."""
    os.chown(lock, 12345, 12345)
    with pytest.raises(RemoteCodeRefusedError, match="belongs to another user") as caught:
        AutoConfig.from_pretrained(folder)
    setting = f"HUB_IO_TRUST_STORE={shlex.quote(str(lock))}"
    assert f"(uid 12345), or its folder does. If you trust that user, set {setting}" in str(caught.value)
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(lock))
    AutoConfig.from_pretrained(folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
def test_project_file_in_the_folder_of_another_user_is_not_used(folder, lock):
    """Who owns the folder can put another file in its place, between the look at its owner and the reading."""
    os.chown(lock.parent, 12345, 12345)
    with pytest.raises(RemoteCodeRefusedError, match=r"another user \(uid 12345\), or its folder does"):
        AutoConfig.from_pretrained(folder)


def test_file_inside_the_checkpoint_trusts_nothing(folder, marker, monkeypatch):
    """Working in the folder of a checkpoint makes its files no settings of yours."""
    trust(folder / "hub-code.lock", files(marker=marker), source=os.path.realpath(folder))
    monkeypatch.chdir(folder)
    with pytest.raises(RemoteCodeRefusedError, match="a checkpoint cannot declare itself trusted"):
        AutoConfig.from_pretrained(folder)
    assert not marker.exists()


@pytest.mark.parametrize("said", [True, None])
def test_malformed_store_lets_nothing_run(folder, lock, marker, said):
    """Not even what the caller trusts: whoever damages it must not turn a refusal into a load."""
    lock.write_text('{"version": 1, "trusted": [', encoding="utf-8")
    with pytest.raises(TrustStoreError, match=r"hub-code\.lock, line 1"):
        AutoConfig.from_pretrained(folder, trust_remote_code=said)
    assert not marker.exists()


def test_changed_file_is_refused_and_named(folder, lock, marker):  # noqa: ARG001
    """With what was added and removed since."""
    (folder / "modeling_tiny.py").write_text("from .more import X\n" + MODELING, encoding="utf-8")
    (folder / "more.py").write_text("X = 1", encoding="utf-8")
    with pytest.raises(RemoteCodeRefusedError, match="it differs from the code that was trusted on") as caught:
        AutoModel.from_pretrained(folder)
    changes = caught.value.changes
    assert (changes.changed, changes.added, changes.removed) == (("modeling_tiny.py",), ("more.py",), ())
    assert "modeling_tiny.py  (changed)" in str(caught.value)
    assert "more.py  (added)" in str(caught.value)
    assert f"what has changed in them (`hub-io diff {folder}`)" in str(caught.value)
    assert not marker.exists()


def test_changed_file_that_is_no_python_is_refused_and_named(folder, lock, marker):  # noqa: ARG001
    """That it cannot be parsed does not make it code that nobody has ever seen."""
    with (folder / "modeling_tiny.py").open("a", encoding="utf-8") as file:
        file.write("(")
    with pytest.raises(RemoteCodeRefusedError, match="it differs from the code that was trusted on") as caught:
        AutoModel.from_pretrained(folder)
    assert caught.value.changes.changed == ("modeling_tiny.py",)
    assert "modeling_tiny.py  (changed)" in str(caught.value)
    assert "configuration_tiny.py  (changed)" not in str(caught.value)
    assert not marker.exists()


def test_file_that_is_gone_is_named(tmp_path, places, marker):
    """Code that needs less than what was read is not what was read."""
    content = files({"more.py": "X = 1"}, marker=marker)
    folder = write(tmp_path / "saved", files(marker=marker))
    trust(places / "hub-code.lock", content, source=os.path.realpath(folder))
    with pytest.raises(RemoteCodeRefusedError, match=r"more\.py  \(removed\)") as caught:
        AutoModel.from_pretrained(folder)
    assert (caught.value.changes.changed, caught.value.changes.removed) == ((), ("more.py",))
    assert not marker.exists()


def test_same_content_is_trusted_wherever_it_lies(folder, lock, tmp_path, marker):  # noqa: ARG001
    """Trust is in content, not in places."""
    copy = write(tmp_path / "copy", files(marker=marker))
    assert AutoConfig.from_pretrained(copy).size == 2


def test_entry_pins_the_commit_of_a_repository(hub, places):
    """A branch that has moved since does not matter, and a revision that is said does."""
    commit = hub.create_repo("me/tiny", files())
    trust(places / "hub-code.lock", files(), source="me/tiny", commit=commit)
    hub.commit("me/tiny", {"modeling_tiny.py": MODELING + "MOVED = 1\n"})
    assert AutoModel.from_pretrained("me/tiny").weights == [1.0, 2.0]
    with pytest.raises(RemoteCodeRefusedError, match=r"modeling_tiny\.py  \(changed\)"):
        AutoModel.from_pretrained("me/tiny", revision="main")


def test_code_of_another_repository_has_its_own_entry(hub, places):
    """Trust in the one is no trust in the other, and its pin is its own."""
    code = hub.create_repo("other/code", files())
    elsewhere = {name: f"other/code--{reference}" for name, reference in AUTO_MAP.items()}
    hub.create_repo("me/tiny", {"config.json": config_json(elsewhere), "weights.json": "[1.0, 2.0]"})
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained("me/tiny")
    assert caught.value.source == "other/code"
    trust(places / "hub-code.lock", files(), source="other/code", commit=code)
    hub.commit("other/code", {"modeling_tiny.py": "raise SystemExit"})
    assert AutoModel.from_pretrained("me/tiny").weights == [1.0, 2.0]


@pytest.mark.usefixtures("_policy_of_the_environment")
def test_program_sets_the_default_policy(folder, marker):
    """A server that trusts nothing says so once."""
    set_default_policy(TrustPolicy(cap="deny"))
    with pytest.raises(RemoteCodeRefusedError, match="switched off"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert not marker.exists()


@pytest.mark.usefixtures("_policy_of_the_environment")
def test_environment_makes_a_programs_policy_only_stricter(folder, monkeypatch):
    """An administrator's `deny` holds for programs that set no cap."""
    set_default_policy(TrustPolicy(cap=None))
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    set_default_policy(TrustPolicy(cap="deny"))
    with pytest.raises(RemoteCodeRefusedError, match="switched off"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


def test_frozen_policy_stays(folder, tmp_path):
    """Neither a later set nor a load with a policy of its own changes what was frozen; a new store file is not read."""
    program = """
import os, sys
from auto_registry import AutoConfig
from hub_io import *

set_default_policy(TrustPolicy(cap="locked"), freeze=True)
for change in (
    lambda: set_default_policy(None),
    lambda: set_default_policy(TrustPolicy()),
    lambda: load_into_registry(sys.argv[1], trust_remote_code=True, policy=TrustPolicy()),
):
    try:
        change()
    except TrustPolicyError as error:
        print("frozen")
try:
    AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)
except RemoteCodeRefusedError as error:
    print("refused")
"""
    environ = {**os.environ, "HUB_IO_CACHE": str(tmp_path / "cache")}
    assert run_program(tmp_path / "main.py", program, folder, environ=environ).split() == ["frozen"] * 3 + ["refused"]


@pytest.mark.parametrize(("policy", "freeze", "error"), [("deny", False, TypeError), (None, True, ValueError)])
def test_set_default_policy_takes_a_policy(policy, freeze, error):
    """A name is none, and the environment's, which changes, cannot be frozen."""
    with pytest.raises(error):
        set_default_policy(policy, freeze=freeze)
    assert issubclass(TrustPolicyError, RuntimeError)


def test_cap_of_a_policy_is_checked_when_it_is_made():
    """A typo does not become a policy without a cap."""
    with pytest.raises(TrustPolicyError, match="cap must be 'deny', 'locked' or None, got 'Deny'"):
        TrustPolicy(cap="Deny")


def test_load_into_registry_takes_a_policy_of_its_own(folder, lock, marker):
    """Its store and its cap decide, and not the project's."""
    registry = Registry()
    with pytest.raises(RemoteCodeRefusedError):
        load_into_registry(folder, policy=TrustPolicy(), registry=registry)
    with pytest.raises(RemoteCodeRefusedError):
        load_into_registry(folder, policy=TrustPolicy(cap="locked"), registry=registry, trust_remote_code=True)
    assert not marker.exists()
    own = TrustPolicy(store=TrustStore((TrustFile(lock),)), cap="locked")
    report = load_into_registry(folder, policy=own, registry=registry)
    assert str(lock) in report.trusted_by
    assert registry.config_class("tiny") is report.config_class


def test_policy_is_immutable(lock):
    """Whoever holds one cannot widen it."""
    policy = default_policy()
    with pytest.raises(AttributeError):
        policy.cap = None
    assert [file.path for file in policy.store.files] == [lock]
