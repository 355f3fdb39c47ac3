"""What counts as a part of a load: a checkpoint's code while it is imported and constructs objects, and nothing later.

Each way in which code can be called is tried out twice: while the load goes on, and afterwards, when the call counts as
one by the program.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys

import pytest

from auto_registry import AutoConfig, AutoModel
from auto_registry.code_load import current_load
from hub_io import RemoteCodeImportError, RemoteCodeRefusedError
from other_processes import environment, run_program
from tiny_checkpoints import CONFIGURATION, MODELING, files, write

pytestmark = pytest.mark.usefixtures("places")

# Notes whether a load that passes True gets through. `LOAD` is no function of the checkpoint's own.
ASKS = """
import functools
from auto_registry import AutoModel

INNER = {inner!r}
TOLD = []
LOAD = functools.partial(AutoModel.from_pretrained, INNER, trust_remote_code=True)

def ask(*_):
    try:
        LOAD()
    except PermissionError:
        TOLD.append("refused")
    else:
        TOLD.append("ran")
"""


@pytest.fixture
def load(tmp_path):
    """Load a checkpoint whose model's module ends with some code, and return that module."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# of {tmp_path.name}\n"}))

    def load(code):
        asking = files({"modeling_tiny.py": ASKS.format(inner=str(inner)) + MODELING + code})
        model = AutoModel.from_pretrained(write(tmp_path / "outer", asking), trust_remote_code=True)
        return sys.modules[type(model).__module__]

    return load


# Code, which calls or prepares `ask`; then what the program does later with the module.
WAYS = {
    "a function": ("ask()", lambda module: module.ask()),
    "a method": ("class Asks:\n    def now(self): ask()\nAsks().now()", lambda module: module.Asks().now()),
    "a lambda in a map": ("list(map(lambda _: ask(), [0]))", lambda module: list(map(module.ask, [0]))),
    "a partial in a map": (
        (
            "def tried(items):\n    try:\n        list(items)\n    except PermissionError:\n        return 'refused'\n"
            "    return 'ran'\n"
            "items = lambda: map(functools.partial(AutoModel.from_pretrained, trust_remote_code=True), [INNER])\n"
            "later = items()\nTOLD.append(tried(items()))"
        ),
        lambda module: module.TOLD.append(module.tried(module.later)),
    ),
    "a partial as an attribute of a class": (
        (
            "class Asks:\n    load = LOAD\ntry:\n    Asks.load()\n    TOLD.append('ran')\n"
            "except PermissionError:\n    TOLD.append('refused')"
        ),
        lambda module: module.TOLD.append("ran" if module.Asks.load().weights else "refused"),
    ),
    "exec with globals of its own": (
        "names = {'ask': ask}\nexec('def later(): ask()\\nask()', names)",
        lambda module: module.names["later"](),
    ),
    "weakref.finalize": (
        (
            "import weakref\nclass Thing: pass\nnow, later = Thing(), Thing()\n"
            "for thing in (now, later): weakref.finalize(thing, ask)\ndel thing, now"
        ),
        lambda module: [vars(module).pop("later"), gc.collect()],
    ),
    "a generator": (
        "def asking():\n    while True:\n        ask()\n        yield\nlater = asking()\nnext(later)",
        lambda module: next(module.later),
    ),
    "a closed generator": (
        (
            "def asking():\n    try:\n        yield\n    finally:\n        ask()\n"
            "now, later = asking(), asking()\nnext(now), next(later)\nnow.close()"
        ),
        lambda module: module.later.close(),
    ),
    "a metaclass": (
        "class Meta(type):\n    def __init__(cls, *rest): ask()\nclass Now(metaclass=Meta): pass",
        lambda module: module.Meta("Later", (), {}),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_code_is_part_of_its_load_while_it_is_imported_and_of_the_program_later(load, way):
    """Its True counts for nothing during the import; afterwards it is the program that calls it."""
    code, call_later = WAYS[way]
    module = load(code)
    assert module.TOLD == ["refused"]
    call_later(module)
    assert module.TOLD == ["refused", "ran"]


@pytest.mark.parametrize("place", ["__init__", "__new__", "from_pretrained"])
def test_code_is_part_of_its_load_while_an_object_is_constructed(tmp_path, place):
    """In whichever method; the same method called by the program afterwards is not."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# {place}\n"}))
    method = {
        "__init__": "    def __init__(self, config):\n        super().__init__(config)\n        ask()\n",
        "__new__": "    def __new__(cls, config):\n        ask()\n        return super().__new__(cls)\n",
        "from_pretrained": (
            "    @classmethod\n    def from_pretrained(cls, checkpoint, *, config):\n        ask()\n"
            "        return super().from_pretrained(checkpoint, config=config)\n"
        ),
    }[place]
    code = ASKS.format(inner=str(inner)) + MODELING.replace("class TinyModel", "class Base")
    code = f"{code.replace('(TinyModel)', '(Base)')}\n\nclass TinyModel(Base):\n{method}"
    folder = write(tmp_path / "outer", files({"modeling_tiny.py": code}))
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    told = sys.modules[type(model).__module__].TOLD
    assert told == ["refused"]
    made = AutoModel.from_config(model.config, trust_remote_code=True) if place != "from_pretrained" else model
    assert told == ["refused"] * (2 if made is not model else 1)
    if place == "from_pretrained":
        from config_core import open_checkpoint

        type(model).from_pretrained(open_checkpoint(folder), config=model.config)
    else:
        type(model)(model.config)
    assert told[-1] == "ran"


def test_config_is_constructed_in_its_load(tmp_path):
    """The constructor of a config class is no way out either."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# config\n"}))
    asks = CONFIGURATION.replace("        self.size = size", "        ask()\n        self.size = size")
    folder = write(tmp_path / "outer", files({"configuration_tiny.py": ASKS.format(inner=str(inner)) + asks}))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    told = sys.modules[type(config).__module__].TOLD
    assert set(told) == {"refused"}
    type(config)()
    assert told[-1] == "ran"


def test_module_that_a_function_imports_later_is_part_of_no_trust(tmp_path, load):  # noqa: ARG001
    """Its import is a load of its own, which nobody has told to trust anything; what it does later is the program's."""
    inner = write(tmp_path / "inner2", files({"modeling_tiny.py": f"{MODELING}# late\n"}))
    late = "def late():\n    from . import asking\n    return asking\n"
    asking = ASKS.format(inner=str(inner)) + "ask()\n"
    folder = write(tmp_path / "outer", files({"asking.py": asking, "modeling_tiny.py": MODELING + late}))
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    module = sys.modules[type(model).__module__].late()
    assert module.TOLD == ["refused"]
    module.ask()
    assert module.TOLD == ["refused", "ran"]


def test_thread_that_code_starts_is_the_programs(load):
    """Even if the code waits for it: Python gives a new thread a context of its own, unless it is told otherwise."""
    code = "import threading\nthread = threading.Thread(target=ask)\nthread.start()\nthread.join()\n"
    expected = "refused" if getattr(sys.flags, "thread_inherit_context", False) else "ran"
    assert [expected] == load(code).TOLD


def test_tasks_and_callbacks_that_code_schedules_stay_in_the_load(load):
    """Asyncio runs them in a copy of the context in which they were scheduled, however late."""
    code = (
        "import asyncio\nLOOP = asyncio.get_running_loop()\nLOOP.call_soon(ask)\n"
        "async def asking():\n    ask()\nTASK = LOOP.create_task(asking())\n"
    )

    async def program():
        module = load(code)
        await module.TASK
        assert module.TOLD == ["refused", "refused"]
        module.LOOP.call_soon(module.ask)
        await module.LOOP.create_task(module.asking())
        assert module.TOLD == ["refused", "refused", "ran", "ran"]

    asyncio.run(program())


def test_coroutine_that_suspends_keeps_the_load_to_itself(load):
    """A load in one task, and code of it that goes on in another, leave the other tasks of the program alone."""
    code = (
        "import asyncio\nEVENT = asyncio.Event()\n"
        "async def asking():\n    ask()\n    await EVENT.wait()\n    ask()\n"
        "TASK = asyncio.get_running_loop().create_task(asking())\n"
    )

    async def program():
        module = load(code)
        await asyncio.sleep(0)
        assert (module.TOLD, current_load()) == (["refused"], None)
        module.ask()
        module.EVENT.set()
        await module.TASK
        assert module.TOLD == ["refused", "ran", "refused"]

    asyncio.run(program())


LOADS = """
import os, sys
from auto_registry import AutoModel
TOLD = sys.modules[type(AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)).__module__].TOLD
print(TOLD)
"""
FORKS = """
if not (pid := os.fork()):
    os._exit(0)
os.waitpid(pid, 0)
print(TOLD)
"""


@pytest.fixture
def run_loading(tmp_path):
    """Run a program of its own that loads a checkpoint whose model's module ends with some code."""

    def run(code, program=LOADS):
        content = ASKS.format(inner=str(write(tmp_path / "inner", files()))) + MODELING + code
        folder = write(tmp_path / "outer", files({"modeling_tiny.py": content}))
        return run_program(tmp_path / "main.py", program, folder, environ=environment(tmp_path / "cache"))

    return run


def test_what_code_registers_for_the_end_of_the_process_is_the_programs(run_loading):
    """`atexit` calls it long after the load; what is registered first is called last."""
    assert run_loading("import atexit\natexit.register(lambda: print(TOLD))\natexit.register(ask)\n") == "[]\n['ran']\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_code_registers_for_forks_is_the_programs(run_loading):
    """`os.register_at_fork` calls it whenever the program forks."""
    assert run_loading("import os\nos.register_at_fork(before=ask)\n", LOADS + FORKS) == "[]\n['ran']\n"


ENDINGS = {
    "well": ("", None),
    "with an error": ("raise LookupError\n", RemoteCodeImportError),
    "with an exit": ("raise SystemExit\n", RemoteCodeImportError),
    "with an interrupt": ("raise KeyboardInterrupt\n", KeyboardInterrupt),
    "with a refusal": ("ask_in_vain()\n", RemoteCodeImportError),
}


@pytest.mark.parametrize("way", ENDINGS)
def test_load_ends_however_it_ends(tmp_path, way):
    """The next load of the same thread is the program's again."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# {way}\n"}))
    code, error = ENDINGS[way]
    in_vain = "def ask_in_vain():\n    LOAD()\n"
    content = ASKS.format(inner=str(inner)) + in_vain + MODELING + code
    folder = write(tmp_path / "outer", files({"modeling_tiny.py": content}))
    if error is None:
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    else:
        with pytest.raises(error):
            AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert current_load() is None
    with pytest.raises(RemoteCodeRefusedError, match="it has no entry in the trust store"):
        AutoModel.from_pretrained(inner)
    assert AutoModel.from_pretrained(inner, trust_remote_code=True).weights == [1.0, 2.0]


class Program:
    """Something of the program, which a checkpoint's code calls while it is loaded."""

    told = None


def test_function_of_the_program_that_code_calls_is_part_of_the_load(tmp_path):
    """Who calls decides, not whose function it is: a library between two checkpoints says yes for nobody."""
    inner = write(tmp_path / "inner", files({"modeling_tiny.py": f"{MODELING}# program\n"}))

    def told_to_load():
        try:
            AutoModel.from_pretrained(inner, trust_remote_code=True)
        except RemoteCodeRefusedError:
            Program.told = "refused"

    calls = MODELING.replace("*, config):\n", "*, config, call=None):\n        call()\n")
    folder = write(tmp_path / "outer", files({"modeling_tiny.py": calls}))
    AutoModel.from_pretrained(folder, trust_remote_code=True, call=told_to_load)
    assert Program.told == "refused"
