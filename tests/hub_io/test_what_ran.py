"""Proof of what ran: an audit event, a log line, the policy's callback, and what configs and models say."""

from __future__ import annotations

import logging
import os
import pickle
import sys

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from config_core import PretrainedConfig
from config_core.code import CodeOrigin
from hub_io import TrustFile, TrustPolicy, TrustStore, load_into_registry, set_default_policy
from other_processes import environment, run_program
from tiny_checkpoints import MODELING, files, trust, write

_events: list[tuple[object, ...]] | None = None


def _hook(event, arguments):
    if event == "hub_io.run_code" and _events is not None:
        _events.append(arguments)


sys.addaudithook(_hook)  # a hook cannot be removed


@pytest.fixture
def events():
    """What audit hooks are told during the test."""
    global _events  # noqa: PLW0603 - the hook outlives the test
    _events = []
    yield _events
    _events = None


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    return write(tmp_path / "saved", files({"modeling_tiny.py": f"{MODELING}# {tmp_path}\n"}))


@pytest.fixture
def heard():
    """What the policy's callback is told during the test."""
    told: list[CodeOrigin] = []
    set_default_policy(TrustPolicy(on_run=told.append))
    yield told
    set_default_policy(None)


def test_audit_event_names_source_commit_digest_and_the_word_that_granted_it(folder, events):
    """Once for a load of a config and a model, and again for the next load."""
    for number in (1, 2):
        model = AutoModel.from_pretrained(folder, trust_remote_code=True)
        digest = type(model.config).code_origin.digest
        assert events == [(str(folder), None, digest, "trust_remote_code=True")] * number


@pytest.mark.usefixtures("places")
def test_audit_event_names_the_commit_and_the_entry(hub, places, events):
    """The file, and what it says of the code."""
    content = files({"modeling_tiny.py": f"{MODELING}# {places}\n"})
    commit = hub.create_repo("me/tiny", content)
    entry = trust(places / "hub-code.lock", content, commit=commit)
    load_into_registry("me/tiny", registry=Registry())
    granted = f"{places / 'hub-code.lock'} (me/tiny, {entry.trusted_at})"
    assert events == [("me/tiny", commit, entry.digest, granted)]


def test_log_has_one_line_for_each_bundle(folder, caplog):
    """At INFO, so that a service that logs as usual has it."""
    with caplog.at_level(logging.INFO, logger="hub_io"):
        model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    digest = type(model.config).code_origin.digest
    assert [record.getMessage() for record in caplog.records if "Running the code" in record.getMessage()] == [
        f"Running the code of {folder}, digest {digest}, trusted by trust_remote_code=True"
    ]


@pytest.mark.skipif(os.name != "posix", reason="such names cannot be elsewhere")
def test_name_of_a_folder_cannot_add_lines_to_the_log(tmp_path, places, caplog):  # noqa: ARG001
    """Nor command a terminal that shows it."""
    folder = write(
        tmp_path / "a\nRunning the code of b\x1b[2J", files({"modeling_tiny.py": f"{MODELING}# {tmp_path}\n"})
    )
    with caplog.at_level(logging.INFO, logger="hub_io"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    (told,) = [record.getMessage() for record in caplog.records if "Running" in record.getMessage()]
    assert told.isprintable()


def test_callback_of_the_policy_is_told_the_same(folder, heard, events):
    """As a value with names."""
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert [tuple(origin) for origin in heard] == events
    assert heard[0].trusted_by == "trust_remote_code=True"


def test_callback_that_raises_keeps_the_code_from_running(tmp_path, places):  # noqa: ARG001
    """It is asked before the code runs; nothing of it is left behind."""
    marker = tmp_path / "marker"
    folder = write(tmp_path / "saved", files(marker=marker))

    def refuse(origin):
        raise RuntimeError(f"not {origin.source}")

    set_default_policy(TrustPolicy(on_run=refuse))
    try:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="not "):
                AutoModel.from_pretrained(folder, trust_remote_code=True)
    finally:
        set_default_policy(None)
    assert not marker.exists()
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert marker.exists()


def test_callback_counts_as_the_program(tmp_path, places):  # noqa: ARG001
    """Loads in it are its own, although it is called in the middle of a load."""
    one = write(tmp_path / "one", files({"modeling_tiny.py": f"{MODELING}# one {tmp_path}\n"}))
    two = write(tmp_path / "two", files({"modeling_tiny.py": f"{MODELING}# two {tmp_path}\n"}))
    told = []

    def on_run(origin):
        told.append(origin.source)
        if origin.source == str(one):
            AutoModel.from_pretrained(two, trust_remote_code=True)

    set_default_policy(TrustPolicy(on_run=on_run))
    try:
        AutoModel.from_pretrained(one, trust_remote_code=True)
    finally:
        set_default_policy(None)
    assert told == [str(one), str(two)]


def test_refused_code_is_not_announced(folder, events, heard):
    """Only what runs is."""
    with pytest.raises(PermissionError):
        AutoModel.from_pretrained(folder)
    assert (events, heard) == ([], [])


def test_nested_load_names_the_load_that_granted_it(tmp_path, places, events):  # noqa: ARG001
    """And the policy of the outer load hears of both."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# {tmp_path}\n"}))
    load = f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(inner)!r})\n"
    outer = write(tmp_path / "outer", files({"modeling_tiny.py": f"{MODELING}{load}"}))
    store = TrustStore((TrustFile(tmp_path / "store.json"),))
    trust(tmp_path / "store.json", {path.name: path.read_text() for path in inner.iterdir()}, source=str(inner))
    told = []
    policy = TrustPolicy(store, on_run=told.append)
    load_into_registry(outer, trust_remote_code=True, policy=policy, registry=Registry())
    assert [origin.source for origin in told] == [str(outer), str(inner)]
    assert [event[0] for event in events] == [str(outer), str(inner)]


@pytest.mark.usefixtures("places")
def test_config_says_where_its_code_came_from(hub):
    """Classes of the program have no such origin."""
    commit = hub.create_repo("me/tiny", files({"modeling_tiny.py": f"{MODELING}# {os.getpid()}\n"}))
    config = AutoConfig.from_pretrained("me/tiny", revision=commit, trust_remote_code=True)
    assert config.code_origin[:2] == ("me/tiny", commit)
    assert config.code_origin.trusted_by == "trust_remote_code=True"
    assert "code_origin" not in config.to_dict()
    assert PretrainedConfig().code_origin is None


def test_model_for_a_loaded_config_is_announced_with_the_source_of_its_code(folder, events):
    """Not with the name of a module."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    AutoModel.from_config(config, trust_remote_code=True)
    assert [event[0] for event in events] == [str(folder)] * 2


def test_object_of_another_process_is_announced_with_the_parent_that_granted_it(folder, tmp_path):
    """Pickle runs code too."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    digest = config.code_origin.digest
    (tmp_path / "config.pickle").write_bytes(pickle.dumps(config))
    told = run_program(
        tmp_path / "child.py",
        "import pickle, sys\n"
        "sys.addaudithook(lambda event, told: event == 'hub_io.run_code' and print(told[3]))\n"
        f"print(pickle.load(open({str(tmp_path / 'config.pickle')!r}, 'rb')).size)\n",
        environ=environment(tmp_path / "cache", HUB_IO_GRANTS=digest),
    )
    assert told == "the parent process\n2\n"
