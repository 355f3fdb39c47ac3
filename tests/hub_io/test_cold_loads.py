"""Many threads and processes that load the same and different code at once, the first time, with one killed amid it."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError
from hub_io.code import CodeStore
from other_processes import environment, run_program, start_program
from tiny_checkpoints import MODELING, files, write

THREADS, PROCESSES, DIFFERENT = 32, 16, 4
SECONDS = 240

IN_THREADS = f"""
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from auto_registry import AutoModel

different, sources = int(sys.argv[1]), sys.argv[2:]
barrier = threading.Barrier({THREADS})

def load(number):
    barrier.wait(timeout=60)
    return AutoModel.from_pretrained(sources[number % len(sources)], trust_remote_code=True)

with ThreadPoolExecutor({THREADS}) as pool:
    models = list(pool.map(load, range({THREADS})))
for number, model in enumerate(models):
    assert type(model) is type(models[number % different])
    assert sys.modules[type(model).__module__].VERSION == number % different, number
assert len({{type(model) for model in models}}) == different
"""

# Waits for a line, so that all processes are at the same point when they begin. Some are killed at a certain point:
# while they import code, while they put it into the store or look whether it is there, or in the middle of a download
# if no other process has downloaded it before.
IN_PROCESS = """
import os, signal, sys
from auto_registry import AutoModel

source, killed_at = sys.argv[1], sys.argv[2]

def die(event, arguments):
    importing = event == "exec" and "hub_io.remote" in getattr(arguments[0], "co_filename", "")
    keeping = event in {"open", "tempfile.mkdtemp"} and os.environ["HUB_IO_CACHE"] in str(arguments[0])
    downloading = event == "open" and ".incomplete" in str(arguments[0])
    if {"import": importing, "store": keeping, "download": downloading}[killed_at]:
        os.kill(os.getpid(), signal.SIGKILL)

if killed_at:
    sys.addaudithook(die)
print("ready", flush=True)
sys.stdin.readline()
model = AutoModel.from_pretrained(source, trust_remote_code=True)
print(sys.modules[type(model).__module__].VERSION, model.weights)
"""

# Looks into the store until it is told that all are done.
WATCH = """
import sys, threading
from hub_io.code import CodeStore

store = CodeStore.default()
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), done.set()), daemon=True).start()
print("ready", flush=True)
seen = set()
while not done.is_set():
    for digest in store.digests():
        store.read(digest)  # an entry that is seen is whole
        seen.add(digest)
print(len(seen | set(store.digests())))
"""


@pytest.fixture
def folders(tmp_path):
    """Checkpoints with different code, which takes a while to run."""
    return [
        write(
            tmp_path / f"saved-{number}",
            files({"modeling_tiny.py": f"sum(range(300_000))\n{MODELING}VERSION = {number}\n"}),
        )
        for number in range(DIFFERENT)
    ]


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def put_up(hub):
    """Put the content of folders on the Hub, and return the repositories."""

    def put_up(folders):
        for number, folder in enumerate(folders):
            content = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
            hub.create_repo(f"me/tiny-{number}", content)
        return [f"me/tiny-{number}" for number in range(len(folders))]

    return put_up


def digest_of(folder):
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    return caught.value.bundle.digest


def assert_whole(cache, folders):
    """The store holds the code of these folders and nothing else that could be taken for an entry."""
    store = CodeStore(cache / "code")
    assert store.digests() == sorted(map(digest_of, folders))
    for digest in store.digests():
        assert store.read(digest).bundle.digest == digest


@pytest.mark.parametrize("different", [1, DIFFERENT])
def test_threads_that_load_cold_get_their_classes(tmp_path, folders, put_up, cache, different):
    """One class for one content, be it in a folder or on the Hub, in a process that has loaded nothing before."""
    sources = [*folders[:different], *put_up(folders[:different])]
    run_program(tmp_path / "main.py", IN_THREADS, different, *sources, environ=environment(cache))
    assert_whole(cache, folders[:different])


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize(
    "sources",
    [
        "different in folders and on the hub",
        *(pytest.param("the same in folders and on the hub", marks=pytest.mark.slow, id=f"same-{n}") for n in range(5)),
        *(pytest.param(f"different {place}", marks=pytest.mark.slow) for place in ("in folders", "on the hub")),
    ],
)
def test_processes_that_load_cold_get_their_classes_though_some_are_killed(tmp_path, folders, put_up, cache, sources):
    """All others are right, and whoever watches the store sees whole entries only."""
    different = DIFFERENT if "different" in sources else 1
    places = [*folders[:different]] if "folders" in sources else []
    places += put_up(folders[:different]) if "hub" in sources else []
    killed_at = dict.fromkeys(range(PROCESSES), "") | {
        3: "import",
        4: "download",
        6: "store",
        9: "store",
        13: "download",
    }
    environ = environment(cache)
    with ExitStack() as stack:
        watcher = stack.enter_context(start_program(tmp_path / "watch.py", WATCH, environ=environ))
        processes = [
            stack.enter_context(
                start_program(
                    tmp_path / f"load-{number}.py", IN_PROCESS, places[number % len(places)], when, environ=environ
                )
            )
            for number, when in killed_at.items()
        ]
        for process in (watcher, *processes):
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=SECONDS) for process in processes]
        watched, said = watcher.communicate("done\n", timeout=SECONDS)

    for number, (process, (printed, told)) in enumerate(zip(processes, ended, strict=True)):
        right, killed = (0, f"{number % different} [1.0, 2.0]\n"), (-9, "")
        expected = {"": [right], "download": [right, killed]}.get(killed_at[number], [killed])
        assert (process.returncode, printed) in expected, told
    assert watched == f"{different}\n", said
    assert_whole(cache, folders[:different])
