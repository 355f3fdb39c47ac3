"""Objects of remote classes in other processes: the code comes along by its digest, and runs only with trust."""

from __future__ import annotations

import importlib
import pickle
import sys

import pytest

from auto_registry import AutoModel
from config_core.code import bundle_of
from hub_io import CodeStoreError, RemoteCodeImportError, RemoteCodeRefusedError
from other_processes import environment, run_program
from tiny_checkpoints import MODELING, files, trust, write

LOAD = """
import sys
from auto_registry import AutoModel

def load(folder):
    return AutoModel.from_pretrained(folder, trust_remote_code=True)
"""

PARENT = f"""{LOAD}
import os, pickle, subprocess
from pathlib import Path

if __name__ == "__main__":
    model = load(sys.argv[1])
    Path(sys.argv[2]).write_bytes(pickle.dumps(model))
    if len(sys.argv) > 3:
        subprocess.run([sys.executable, *sys.argv[3:]], check=True)
"""

RECEIVE = """
import pickle, sys
from pathlib import Path

model = pickle.loads(Path(sys.argv[1]).read_bytes())
from config_core.code import bundle_of
print(type(model).__name__, model.weights, type(model.config).__name__, bundle_of(type(model)).auto_map["AutoModel"])
"""
RECEIVED = "TinyModel [1.0, 2.0] TinyConfig modeling_tiny.TinyModel\n"

REFUSED = """
import pickle, sys
from pathlib import Path

try:
    pickle.loads(Path(sys.argv[1]).read_bytes())
except Exception as error:
    print(type(error).__name__, error)
print([name for name in sys.modules if name.startswith("hub_io.remote.")])
"""


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def folder(tmp_path, marker):
    """A checkpoint whose modules leave a trace when they run."""
    return write(tmp_path / "saved", files(marker=marker))


@pytest.fixture
def pickled(tmp_path, folder, cache, marker):
    """An object that a process has pickled which is gone, and whose code has run there alone."""
    run_program(tmp_path / "parent.py", PARENT, folder, tmp_path / "model.pkl", environ=environment(cache))
    marker.unlink()
    return tmp_path / "model.pkl"


@pytest.fixture
def digest(folder):
    """The digest of the folder's code, which a refusal tells without running it."""
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    return caught.value.bundle.digest


@pytest.fixture
def receive(tmp_path, pickled, cache):
    """Run a program on the pickled object, in a process that nobody has granted anything unless told."""

    def run(program=RECEIVE, *arguments, cache=cache, **environ):
        return run_program(tmp_path / "child.py", program, pickled, *arguments, environ=environment(cache, **environ))

    return run


SPAWN = f"""{LOAD}
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def weigh(model):
    return sum(model.weights), type(model).__module__

if __name__ == "__main__":
    model = load(sys.argv[1])
    for method in sys.argv[2:]:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            assert list(pool.map(weigh, [model] * 3)) == [(3.0, type(model).__module__)] * 3
            again = pool.submit(load, sys.argv[1]).result()
        assert type(again) is type(model)
"""


def test_pools_of_every_kind_take_and_give_objects(tmp_path, folder, cache):
    """Objects travel there and back with one class on each side."""
    methods = ["spawn", *(["fork", "forkserver"] if sys.platform == "linux" else [])]
    run_program(tmp_path / "main.py", SPAWN, folder, *methods, environ=environment(cache))


ERRORS = f"""{LOAD}
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from hub_io import RemoteCodeRefusedError
from auto_registry import AutoModel

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            pool.submit(AutoModel.from_pretrained, sys.argv[1]).result()
        except RemoteCodeRefusedError as error:
            print(error.reason, len(error.bundle.files), str(error).count("sha256:"))
"""


def test_refusals_come_back_from_a_pool(tmp_path, folder, cache):
    """An error with all that it knows; a pool that could not pickle it would break."""
    assert run_program(tmp_path / "main.py", ERRORS, folder, environ=environment(cache)).endswith(" 2 2\n")


EARLIER = f"""{LOAD}
import multiprocessing, os

def work(queue):
    try:
        queue.get()
    except OSError:  # so do the workers of multiprocessing.Pool, who take it for a broken pipe
        pass

if __name__ == "__main__":
    os.dup2(1, 2)
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    worker = context.Process(target=work, args=(queue,))
    worker.start()
    queue.put(load(sys.argv[1]))
    worker.join()
"""


def test_worker_that_was_started_before_the_load_says_why_it_refuses(tmp_path, folder, cache):
    """Its pool would hang without a word otherwise; it says what to do."""
    said = run_program(tmp_path / "main.py", EARLIER, folder, environ=environment(cache))
    assert said.startswith("An object from another process needs hub_io.remote.")
    assert "or start this process from one that has loaded it" in said


CLOUDPICKLE = f"""{LOAD}
import subprocess
import cloudpickle

if __name__ == "__main__":
    model = load(sys.argv[1])
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer)())"
    data = cloudpickle.dumps(lambda: (type(model).__module__, sum(model.weights), model.config.size))
    done = subprocess.run([sys.executable, "-c", program], input=data, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == repr((type(model).__module__, 3.0, 2)), done.stdout
"""


def test_functions_that_cloudpickle_sends_hold_objects(tmp_path, folder, cache):
    """The way of Ray and Spark: a function by value, the remote class in it by its module."""
    run_program(tmp_path / "main.py", CLOUDPICKLE, folder, environ=environment(cache))


JOBLIB = f"""{LOAD}
from joblib import Parallel, delayed

def weigh(model):
    return sum(model.weights), type(model).__module__

if __name__ == "__main__":
    model = load(sys.argv[1])
    found = Parallel(n_jobs=2)(delayed(weigh)(model) for _ in range(3))
    assert found == [(3.0, type(model).__module__)] * 3, found
"""


@pytest.mark.filterwarnings("ignore")
def test_joblib_sends_objects(tmp_path, folder, cache):
    """Its workers are started once, after the code was loaded."""
    run_program(tmp_path / "main.py", JOBLIB, folder, environ=environment(cache))


def test_child_of_the_process_that_trusted_inherits_the_grant(tmp_path, folder, cache):
    """Through the environment, without any option; the folder need not be there any more."""
    child = tmp_path / "child.py"
    child.write_text(RECEIVE, encoding="utf-8")
    arguments = (folder, tmp_path / "model.pkl", child, tmp_path / "model.pkl")
    assert run_program(tmp_path / "parent.py", PARENT, *arguments, environ=environment(cache)) == RECEIVED


def test_granted_process_runs_what_the_store_holds(receive, digest, marker):
    """The digest is all that it is told."""
    assert receive(HUB_IO_GRANTS=f"{'0' * 64},{digest}") == RECEIVED
    assert marker.exists()


@pytest.mark.parametrize("grants", ["", "0" * 64, "everything,*", "{digest12}"])
def test_process_without_the_grant_runs_nothing(receive, digest, marker, grants):
    """The error lists the files and says what to do; a part of a digest grants nothing."""
    printed = receive(REFUSED, HUB_IO_GRANTS=grants.format(digest12=digest[:12]))
    assert printed.startswith("RemoteCodeRefusedError An object from another process needs hub_io.remote.")
    assert "modeling_tiny.py" in printed
    assert "load the checkpoint in this process first" in printed
    assert printed.endswith("\n[]\n")
    assert not marker.exists()


@pytest.mark.parametrize("cap", ["deny", "locked", "nonsense"])
def test_cap_holds_for_what_the_parent_has_granted(receive, digest, marker, cap):
    """An administrator's word counts for more than that of a process."""
    printed = receive(REFUSED, HUB_IO_GRANTS=digest, HUB_IO_REMOTE_CODE=cap)
    assert printed.startswith("TrustPolicyError" if cap == "nonsense" else "RemoteCodeRefusedError")
    assert not marker.exists()


@pytest.mark.parametrize("cap", ["", "locked", "deny"])
def test_receiving_process_asks_its_own_trust_store(tmp_path, receive, marker, cap):
    """What was reviewed there runs without a grant, whatever the sender has said; deny holds here, too."""
    trust(tmp_path / "trust.json", files(marker=marker))
    environ = {"HUB_IO_TRUST_STORE": str(tmp_path / "trust.json"), "HUB_IO_REMOTE_CODE": cap}
    if cap == "deny":
        assert receive(REFUSED, **environ).startswith("RemoteCodeRefusedError")
    else:
        assert receive(**environ) == RECEIVED
    assert marker.exists() == (cap != "deny")


def test_grant_of_code_that_is_not_in_the_store_says_where_it_looked(tmp_path, receive, digest, marker):
    """Nothing is fetched from anywhere: the error names the store."""
    printed = receive(REFUSED, cache=tmp_path / "other cache", HUB_IO_GRANTS=digest)
    assert printed.startswith("RemoteCodeImportError")
    assert str(tmp_path / "other cache" / "code") in printed
    assert not marker.exists()


def test_entry_that_was_changed_is_refused(receive, cache, digest, marker):
    """The bytes are compared with the digest that was granted, and none of them runs."""
    changed = cache / "code" / digest / "files" / "modeling_tiny.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "EVIL = True\n", encoding="utf-8")
    printed = receive(REFUSED, HUB_IO_GRANTS=digest)
    assert printed.startswith("CodeStoreError")
    assert "they have another digest" in printed
    assert not marker.exists()


def test_entry_under_a_digest_that_only_begins_alike_is_not_taken(receive, cache, digest):
    """Whoever can write to the cache cannot stand in for the code that was granted, nor keep it from running."""
    impostor = cache / "code" / (digest[:12] + "0" * 52)
    write(impostor, {"code.json": "{}", "files/modeling_tiny.py": "raise SystemExit('evil')\n"})
    assert receive(HUB_IO_GRANTS=digest) == RECEIVED


def test_grant_does_not_trust_checkpoints(receive, folder, digest, marker):
    """It is for objects that are received; whoever loads a checkpoint says himself what is trusted."""
    program = """
import sys
from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError
for trust in (None, False):
    try:
        AutoModel.from_pretrained(sys.argv[2], trust_remote_code=trust)
    except RemoteCodeRefusedError as error:
        print("refused")
"""
    assert receive(program, folder, HUB_IO_GRANTS=digest) == "refused\n" * 2
    assert not marker.exists()


def test_code_cannot_grant_other_code_to_its_own_process(receive, digest):
    """What a process has inherited is read before any code of a checkpoint runs in it."""
    program = """
import os, pickle, sys
from pathlib import Path
import hub_io
os.environ["HUB_IO_GRANTS"] = sys.argv[2]
try:
    pickle.loads(Path(sys.argv[1]).read_bytes())
except hub_io.RemoteCodeRefusedError:
    print("refused")
"""
    assert receive(program, digest) == "refused\n"


def test_other_processes_name_for_the_code_leads_to_the_same_class(tmp_path, receive, folder, digest):
    """A process that has loaded the same content from elsewhere receives objects of the class that it has."""
    program = """
import pickle, sys
from pathlib import Path
from auto_registry import AutoModel

own = AutoModel.from_pretrained(sys.argv[2], trust_remote_code=True)
received = pickle.loads(Path(sys.argv[1]).read_bytes())
assert type(received) is type(own)
assert type(received.config) is type(own.config)
assert type(pickle.loads(pickle.dumps(received))) is type(own)
"""
    content = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    receive(program, write(tmp_path / "under another name", content), HUB_IO_GRANTS=digest)


def test_received_class_and_loaded_class_are_one(receive, folder, digest):
    """Whichever comes first, object or checkpoint."""
    program = """
import pickle, sys
from pathlib import Path
from auto_registry import AutoConfig, AutoModel

received = pickle.loads(Path(sys.argv[1]).read_bytes())
assert type(AutoModel.from_pretrained(sys.argv[2], trust_remote_code=True)) is type(received)
assert type(AutoConfig.from_pretrained(sys.argv[2], trust_remote_code=True)) is type(received.config)
"""
    receive(program, folder, HUB_IO_GRANTS=digest)


def test_many_threads_receive_objects_of_one_class(receive, digest):
    """Threads that need the code for the first time at once do not get in each other's way."""
    program = """
import pickle, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

data = Path(sys.argv[1]).read_bytes()
barrier = threading.Barrier(32)

def unpickle(_):
    barrier.wait(timeout=60)
    return pickle.loads(data)

with ThreadPoolExecutor(32) as pool:
    assert len({type(model) for model in pool.map(unpickle, range(32))}) == 1
"""
    receive(program, HUB_IO_GRANTS=digest)


def test_received_object_saves_its_code_along(tmp_path, cache):
    """A worker that saves what it was sent writes a checkpoint that loads as the first did."""
    program = f"""{LOAD}
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def save(config, folder):
    config.save_pretrained(folder)

if __name__ == "__main__":
    config = load(sys.argv[1]).config
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(save, config, sys.argv[2]).result()
"""
    saved = write(tmp_path / "saved", files())
    run_program(tmp_path / "main.py", program, saved, tmp_path / "copy", environ=environment(cache))
    names = sorted(path.name for path in (tmp_path / "copy").iterdir())
    assert names == ["config.json", "configuration_tiny.py", "modeling_tiny.py"]
    copied = (tmp_path / "copy" / "modeling_tiny.py").read_bytes()
    assert copied == (saved / "modeling_tiny.py").read_bytes()


def test_failure_of_received_code_leaves_nothing(tmp_path, cache):
    """What fails in the receiving process is not half there: the modules that it had imported are gone."""
    condition = "import os\nfrom . import helper\nif 'FAIL' in os.environ:\n    raise LookupError('boom')\n"
    content = files({"helper.py": "VALUE = 1\n", "modeling_tiny.py": condition + MODELING})
    folder = write(tmp_path / "saved", content)
    digest = bundle_of(type(AutoModel.from_pretrained(folder, trust_remote_code=True))).digest
    run_program(tmp_path / "parent.py", PARENT, folder, tmp_path / "model.pkl", environ=environment(cache))
    printed = run_program(
        tmp_path / "child.py",
        REFUSED,
        tmp_path / "model.pkl",
        environ=environment(cache, HUB_IO_GRANTS=digest, FAIL="1"),
    )
    assert printed == "LookupError boom\n[]\n"


def test_received_code_is_not_run_where_something_is_missing(tmp_path, cache):
    """What it needs is looked for first, as where a checkpoint is loaded; the package of the bundle is gone, too."""
    site = write(tmp_path / "site", {"helping.py": "VALUE = 1\n"})
    traced = f"open({str(tmp_path / 'trace')!r}, 'w').close()\nimport helping\n"
    folder = write(tmp_path / "needing", files({"modeling_tiny.py": traced + MODELING}))
    environ = environment(cache, PYTHONPATH=str(site))
    run_program(tmp_path / "parent.py", PARENT, folder, tmp_path / "needing.pkl", environ=environ)
    (tmp_path / "trace").unlink()
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    granted = environment(cache, HUB_IO_GRANTS=caught.value.bundle.digest)
    printed = run_program(tmp_path / "child.py", REFUSED, tmp_path / "needing.pkl", environ=granted)
    assert printed.startswith("MissingRequirementsError")
    assert "modeling_tiny.py imports 'helping', which is not installed" in printed
    assert printed.endswith("\n[]\n")
    assert not (tmp_path / "trace").exists()


def test_object_unpickles_where_its_code_was_only_partly_imported(tmp_path):
    """A module of the bundle that nobody has needed yet is imported when it is, and stays."""
    late = "class Late:\n    pass\n"
    use = "def make():\n    from .late import Late\n    return Late()\n"
    folder = write(tmp_path / "saved", files({"late.py": late, "modeling_tiny.py": use + MODELING}))
    module = sys.modules[type(AutoModel.from_pretrained(folder, trust_remote_code=True)).__module__]
    made = module.make()
    failing = {"AutoModel": "modeling_tiny.Missing", "AutoConfig": "configuration_tiny.TinyConfig"}
    write(folder, {"config.json": f'{{"model_type": "tiny", "auto_map": {failing}}}'.replace("'", '"')})
    with pytest.raises(RemoteCodeImportError):
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert type(pickle.loads(pickle.dumps(made))) is type(made)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hub_io.remote.anything", ModuleNotFoundError),
        ("hub_io.remote.saved_0123456789ab", RemoteCodeImportError),
        ("hub_io.remote.saved_0123456789ab.modeling", RemoteCodeImportError),
        ("hub_io.remote.saved_" + "0" * 64, RemoteCodeImportError),
        ("hub_io.remote.saved_0123456789AB", ModuleNotFoundError),
        ("hub_io.remote.code_store", ModuleNotFoundError),
    ],
)
def test_name_that_is_no_code_here_is_not_found(name, error):
    """Only names with a digest are looked up."""
    with pytest.raises(error) as caught:
        importlib.import_module(name)
    assert isinstance(caught.value, ImportError)


def test_errors_survive_pickling(tmp_path):
    """With their class, their sentence and their data."""
    folder = write(tmp_path / "saved", files())
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained(folder)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.bundle) == (RemoteCodeRefusedError, str(caught.value), caught.value.bundle)
    error = CodeStoreError("it is broken.", path=tmp_path)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


PRIVATE = """
import multiprocessing, pickle, sys
from concurrent.futures import ProcessPoolExecutor
from hub_io import HUB_SERVICE, HubError

def read(checkpoint):
    try:
        print(sys.argv[1], checkpoint.read_bytes("weights.json", limit=100).decode(), flush=True)
    except HubError as error:
        print(sys.argv[1], type(error).__name__, flush=True)

if __name__ == "__main__":
    checkpoint = HUB_SERVICE.open("me/tiny", token=sys.argv[2])
    assert sys.argv[2].encode() not in pickle.dumps(checkpoint)
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[3] == "process":
        worker = context.Process(target=read, args=[checkpoint])
        worker.start()
        worker.join()
    else:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            pool.submit(read, checkpoint).result()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"] if sys.platform == "linux" else ["spawn"])
@pytest.mark.parametrize(
    ("way", "stored", "told"),
    [
        ("process", False, "[1.0, 2.0]"),
        ("pool", True, "[1.0, 2.0]"),
        ("pool", False, "RepositoryNotFoundError"),
    ],
)
def test_token_goes_into_the_process_that_is_started_and_into_no_queue(hub, tmp_path, cache, method, way, stored, told):  # noqa: PLR0917
    """A worker of a pool has the token of its machine, or none."""
    hub.create_repo("me/tiny", files(), private=True)
    token = hub.token("me")
    environ = environment(cache, **({"HF_TOKEN": token} if stored else {}))
    printed = run_program(tmp_path / "main.py", PRIVATE, method, token, way, environ=environ)
    assert printed == f"{method} {told}\n"
