"""Loads beside other loads: none waits for the I/O of another, and the child of a fork for none."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import tiny_checkpoints
from auto_registry import AutoConfig
from other_processes import environment, run_program

CONFIGURATION = """
import pathlib, sys, time
from config_core import PretrainedConfig

if not pathlib.Path({open!r}).exists():
    pathlib.Path({entered!r}).touch()
    while not pathlib.Path({open!r}).exists():
        time.sleep(0.01)

class TinyConfig(PretrainedConfig):
    model_type = "tiny"
"""


def test_slow_download_stops_no_other_load(hub, tmp_path):
    """A load of a repository waits in the middle of its download of code; a folder loads meanwhile."""
    files = tiny_checkpoints.files({})
    commit = hub.create_repo("me/tiny", files)
    folder = tmp_path / "checkpoint"
    tiny_checkpoints.write(folder, files)
    reached, go_on = threading.Event(), threading.Event()

    def wait():
        reached.set()
        assert go_on.wait(60)

    hub.before_next("configuration_tiny.py", wait)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(AutoConfig.from_pretrained, "me/tiny", revision=commit, trust_remote_code=True)
        assert reached.wait(60)
        try:
            fast = pool.submit(AutoConfig.from_pretrained, folder, trust_remote_code=True)
            assert fast.result(timeout=60).model_type == "tiny"
            assert not slow.done()
        finally:
            go_on.set()
        assert slow.result(timeout=60).model_type == "tiny"


FORK = """
import os, pathlib, signal, sys, threading, time
from auto_registry import AutoConfig

folder, entered, opened = map(pathlib.Path, sys.argv[1:])
thread = threading.Thread(target=AutoConfig.from_pretrained, args=[folder], kwargs={"trust_remote_code": True})
thread.start()
while not entered.exists():
    time.sleep(0.01)
child = os.fork()
if not child:
    signal.alarm(60)
    opened.touch()
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    os._exit(0 if config.model_type == "tiny" else 1)
_, status = os.waitpid(child, 0)
thread.join()
print(os.waitstatus_to_exitcode(status), end="")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_of_a_fork_loads_what_a_thread_was_loading(tmp_path):
    """The thread does not exist in the child, and what it was importing stays half imported for ever."""
    entered, opened = tmp_path / "entered", tmp_path / "opened"
    source = CONFIGURATION.format(open=str(opened), entered=str(entered))
    tiny_checkpoints.write(tmp_path / "checkpoint", tiny_checkpoints.files({"configuration_tiny.py": source}))
    arguments = [tmp_path / "checkpoint", entered, opened]
    environ = environment(tmp_path / "cache")
    assert run_program(tmp_path / "p.py", FORK, *arguments, environ=environ) == "0"


LOCKS = """
import contextlib, gc, os, signal, sys, threading
import auto_registry.registry, config_core.code._custom_code, config_core.code._source_facts
import config_core.config._field_declarations, hub_io.running._remote_packages, hub_io.trust._grants
import hub_io.trust._policy
from auto_registry import REGISTRY
from config_core import PretrainedConfig

def locks_of_modules():
    ours = ("auto_registry", "config_core", "hub_io")
    found = [vars(module).get("_lock") for name, module in sys.modules.items() if name.startswith(ours)]
    return [lock for lock in found if hasattr(lock, "acquire") or hasattr(lock, "held")]

def holding(lock):
    return lock.held() if hasattr(lock, "held") else lock

locks = [*locks_of_modules(), REGISTRY._lock]
assert len(locks) >= 6, locks
held, end = threading.Event(), threading.Event()

def hold():
    with contextlib.ExitStack() as stack:
        for lock in locks:
            stack.enter_context(holding(lock))
        held.set()
        end.wait()

thread = threading.Thread(target=hold, daemon=True)
thread.start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(30)

    class Config(PretrainedConfig):
        model_type = "forked"

    REGISTRY.register_config("forked", Config)
    Config.register_for_auto_class()
    Config()
    for lock in locks_of_modules():
        with holding(lock):
            pass
    os._exit(0)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), end="")
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_locks_are_free_in_the_child_of_a_fork(tmp_path):
    """Whichever of them a thread holds when another one forks."""
    assert run_program(tmp_path / "p.py", LOCKS, environ=environment(tmp_path / "cache")) == "0"
