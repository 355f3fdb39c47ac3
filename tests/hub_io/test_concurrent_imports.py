"""Many threads, and code that loads code: one class for one content, no dead-lock, no half a module."""

from __future__ import annotations

import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from auto_registry import AutoConfig, AutoModel
from hub_io import RemoteCodeImportError
from tiny_checkpoints import CONFIGURATION, MODELING, files, trust, write

THREADS = 16


def all_at_once(work, arguments):
    """Call `work` in a thread for each argument, starting together, and return the results or exceptions."""
    barrier = threading.Barrier(len(arguments))

    def start(argument):
        barrier.wait(timeout=60)
        try:
            return work(argument)
        except Exception as error:  # noqa: BLE001 - the caller looks at it
            return error

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(start, arguments, timeout=120))


def load(folder):
    return AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_threads_that_load_the_same_code_get_the_same_class(tmp_path):
    """Importing takes a while, and nobody sees the module before it is done."""
    slow = f"TOTAL = sum(range(300_000))\n{MODELING}# same\n"
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": slow}))
    models = all_at_once(load, [folder] * THREADS)
    assert [model for model in models if isinstance(model, Exception)] == []
    assert len({type(model) for model in models}) == 1
    assert len({type(model.config) for model in models}) == 1


def test_threads_that_load_different_code_get_their_own(tmp_path):
    """Each thread gets the class of its folder."""
    folders = [
        write(tmp_path / str(number), files({"modeling_tiny.py": f"{MODELING}VERSION = {number}\n"}))
        for number in range(THREADS)
    ]
    models = all_at_once(load, folders)
    assert [sys.modules[type(model).__module__].VERSION for model in models] == list(range(THREADS))


def test_threads_that_fail_together_leave_nothing(tmp_path):
    """Each gets the error; a later load of the config alone is not disturbed."""
    before = {name for name in sys.modules if name.startswith("hub_io.remote.")}
    broken = f"from . import helper\nsum(range(300_000))\nraise LookupError('boom')\n{CONFIGURATION}"
    folder = write(tmp_path / "saved", files({"helper.py": "VALUE = 1\n", "configuration_tiny.py": broken}))
    errors = all_at_once(load, [folder] * THREADS)
    assert {type(error) for error in errors} == {RemoteCodeImportError}
    assert {name for name in sys.modules if name.startswith("hub_io.remote.")} == before


def test_failure_beside_successes_takes_nothing_from_them(tmp_path):
    """The model's module fails while other threads load the config of the same code."""
    broken = "from . import configuration_tiny\nsum(range(300_000))\nraise LookupError('boom')\n"
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": broken}))

    def work(number):
        return load(folder) if number % 2 else AutoConfig.from_pretrained(folder, trust_remote_code=True)

    results = all_at_once(work, range(THREADS))
    assert {type(result) for result in results[1::2]} == {RemoteCodeImportError}
    assert len({type(config) for config in results[::2]}) == 1
    assert type(AutoConfig.from_pretrained(folder, trust_remote_code=True)) is type(results[0])


NESTED = """
from auto_registry import AutoModel
OTHER = AutoModel.from_pretrained({other!r}, trust_remote_code=True)
"""


@pytest.fixture
def write_trusted(tmp_path, monkeypatch):
    """Write a checkpoint whose code is in the trust store, as code that other code loads must be."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "trust.json"))

    def write_one(folder, content):
        trust(tmp_path / "trust.json", content, source=str(folder))
        return write(folder, content)

    return write_one


def test_code_may_load_other_code_while_it_is_imported(tmp_path, write_trusted):
    """A backbone out of another checkpoint."""
    inner = write_trusted(tmp_path / "inner", files())
    outer = write(tmp_path / "outer", files({"modeling_tiny.py": NESTED.format(other=str(inner)) + MODELING}))
    model = load(outer)
    assert type(sys.modules[type(model).__module__].OTHER) is type(load(inner))


IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from auto_registry import AutoModel
with ThreadPoolExecutor(4) as pool:
    OTHERS = list(pool.map(AutoModel.from_pretrained, {others!r}, timeout=60))
"""


def test_code_may_load_other_code_in_threads_that_it_waits_for(tmp_path, write_trusted):
    """No lock is held while code runs, so that the threads can import, and others load the same meanwhile."""
    inner = [
        write_trusted(
            tmp_path / f"inner-{number}", files({"modeling_tiny.py": f"sum(range(300_000))\n{MODELING}# {number}\n"})
        )
        for number in range(2)
    ]
    code = IN_THREADS.format(others=[str(folder) for folder in inner] * 2) + MODELING
    outer = write(tmp_path / "outer", files({"modeling_tiny.py": code}))
    models = all_at_once(load, [outer, *inner, outer] * (THREADS // 4))
    assert [model for model in models if isinstance(model, Exception)] == []
    others = sys.modules[type(models[0]).__module__].OTHERS
    assert [type(other) for other in others] == [type(model) for model in models[1:3]] * 2
    assert len({type(model) for model in models}) == 3


def test_nested_loads_in_many_threads_end(tmp_path, write_trusted):
    """Half of the threads load the inner code directly, the others through the outer."""
    inner = write_trusted(
        tmp_path / "inner", files({"modeling_tiny.py": f"sum(range(300_000))\n{MODELING}# threads\n"})
    )
    outer = write(tmp_path / "outer", files({"modeling_tiny.py": NESTED.format(other=str(inner)) + MODELING}))
    models = all_at_once(load, [inner, outer] * (THREADS // 2))
    assert [model for model in models if isinstance(model, Exception)] == []
    assert len({type(model) for model in models}) == 2


@pytest.mark.timeout(120)
def test_codes_that_load_each_other_end(tmp_path, write_trusted):
    """Two checkpoints whose code loads the other's cannot work, but they end with an error and not in a dead-lock."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_trusted(one, files({"modeling_tiny.py": NESTED.format(other=str(two)) + MODELING}))
    write_trusted(two, files({"modeling_tiny.py": NESTED.format(other=str(one)) + MODELING}))
    results = all_at_once(load, [one, two] * 4)
    assert all(isinstance(result, RemoteCodeImportError) or type(result).__name__ == "TinyModel" for result in results)


MEET = """
import sys
sys.meet_in_this_test()
from auto_registry import AutoModel
AutoModel.from_pretrained({other!r})
"""


@pytest.mark.timeout(120)
def test_threads_that_wait_for_each_others_code_are_told(tmp_path, write_trusted, monkeypatch):
    """Each has begun with one of two checkpoints whose code loads the other: one of them gets an error, and goes on."""
    barrier, calls = threading.Barrier(2), itertools.count()
    meet = lambda: barrier.wait(timeout=60) if next(calls) < 2 else None  # noqa: E731
    monkeypatch.setattr(sys, "meet_in_this_test", meet, raising=False)
    one, two = tmp_path / "one", tmp_path / "two"
    write_trusted(one, files({"modeling_tiny.py": MEET.format(other=str(two)) + MODELING}))
    write_trusted(two, files({"modeling_tiny.py": MEET.format(other=str(one)) + MODELING}))
    errors = all_at_once(load, [one, two])
    assert {type(error) for error in errors} == {RemoteCodeImportError}
    assert any("load each other's code" in str(error) for error in errors)


LATE = """
def later():
    from . import late
    return late.VALUE
"""


def test_threads_import_what_functions_need_while_others_load(tmp_path):
    """An import statement in a function waits for no load of the same code, and both end well."""
    late = "sum(range(300_000))\nVALUE = 1\n"
    folder = write(tmp_path / "saved", files({"late.py": late, "modeling_tiny.py": f"{MODELING}{LATE}# late\n"}))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    later = sys.modules[type(load(folder)).__module__].later
    results = all_at_once(lambda number: later() if number % 2 else load(folder), range(THREADS))
    assert set(results[1::2]) == {1}
    assert {type(model.config) for model in results[::2]} == {type(config)}


LATE_PAIR = """
def good():
    from .good import VALUE
    return VALUE

def bad():
    from .bad import after_the_error
"""


def test_failure_in_a_function_takes_nothing_from_other_threads(tmp_path):
    """Two functions import a helper for modules of their own, one of which fails; the other's works and stays."""
    content = {
        "helper.py": "VALUE = 1\n",
        "good.py": "from .helper import VALUE\nsum(range(300_000))\n",
        "bad.py": "from .helper import VALUE\nsum(range(300_000))\nraise LookupError('boom')\n",
        "modeling_tiny.py": f"{MODELING}{LATE_PAIR}",
    }
    module = sys.modules[type(load(write(tmp_path / "saved", files(content)))).__module__]
    results = all_at_once(lambda number: module.good() if number % 2 else module.bad(), range(THREADS))
    assert set(results[1::2]) == {1}
    # Python gives a thread that waited for a module the module, also if its import has failed meanwhile.
    assert {type(result) for result in results[::2]} <= {LookupError, ImportError}
    assert module.good() == 1
    kept = {name.rpartition(".")[2] for name in sys.modules if name.startswith(f"{module.__package__}.")}
    assert kept >= {"good", "modeling_tiny"}
    assert "bad" not in kept
