"""Data that code names is part of it: reviewed, hashed, and found beside `__file__` and as a resource."""

from __future__ import annotations

import inspect
import os
import sys
import textwrap
import traceback

import pytest

from auto_registry import AutoModel
from config_core.code import MAX_DATA_BYTES, bundle_of
from hub_io import RemoteCodeImportError, RemoteCodeRefusedError
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files, trust, write

pytestmark = pytest.mark.usefixtures("places")

HERE = "from pathlib import Path\nHERE = Path(__file__).parent\n"
BOTH = f"""
import importlib.resources, os, pkgutil
{HERE}
BY_PATH = (HERE / "tables" / "a.txt").read_text(encoding="utf-8")
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables", "a.txt"), encoding="utf-8") as file:
    BY_OS = file.read()
BY_RESOURCE = importlib.resources.files(__package__).joinpath("tables", "a.txt").read_text()
BY_PKGUTIL = pkgutil.get_data(__package__, "tables/a.txt").decode()
READ = {{BY_PATH, BY_OS, BY_RESOURCE, BY_PKGUTIL}}
"""


@pytest.fixture
def load(tmp_path):
    """Write a checkpoint with some files changed, load it with trust, and return the module of its model."""

    def load(changed, *, head="", **options):
        content = files({"modeling_tiny.py": f"{head}\n{MODELING}", **changed})
        model = AutoModel.from_pretrained(write(tmp_path / "saved", content), **{"trust_remote_code": True, **options})
        return sys.modules[type(model).__module__]

    return load


def test_data_is_found_in_every_way_that_people_look_for_it(load):
    """The habit of `Path(__file__).parent` works as well as resources do."""
    assert {"content"} == load({"tables/a.txt": "content"}, head=BOTH).READ


def test_data_is_found_by_a_module_in_a_folder(load):
    """Each module looks beside itself, as a class in it does later."""
    deep = f'{HERE}\ndef read():\n    return (HERE / "a.txt").read_text(encoding="utf-8")\n'
    changed = {"sub/__init__.py": "", "sub/deep.py": deep, "sub/a.txt": "deep", "a.txt": "top"}
    module = load(changed, head="from .sub import deep")
    assert module.deep.read() == "deep"
    assert "a.txt" not in bundle_of(module.TinyModel).files


def test_data_behaves_like_files_of_a_package(load):
    """It is listed, opened, and put on the disk for those who need a path; names that leave the bundle are nothing."""
    head = (
        "import importlib.resources\n"
        "from .sub import block\n"
        "HERE = importlib.resources.files(__package__)\n"
        "NAMES = sorted(path.name for path in HERE.iterdir())\n"
        "INNER = importlib.resources.files(block.__package__).joinpath('b.dat').read_bytes()\n"
        "with importlib.resources.as_file(HERE / 'tables' / 'a.txt') as path:\n"
        "    ON_DISK = path.read_text(encoding='utf-8')\n"
        "LEAVING = ['../weights.json', '/etc/passwd', 'tables/../weights.json', 'tables/../../config.json']\n"
        "FOUND = [name for name in LEAVING if HERE.joinpath(name).is_file() or HERE.joinpath(name).is_dir()]\n"
    )
    block = "from importlib.resources import files\nDATA = files(__package__) / 'b.dat'\n"
    data = {"tables/a.txt": "content", "sub/b.dat": "\x00", "sub/__init__.py": "", "sub/block.py": block}
    module = load(data, head=head)
    assert module.NAMES == ["configuration_tiny.py", "modeling_tiny.py", "sub", "tables"]
    assert (module.ON_DISK, module.INNER, module.FOUND) == ("content", b"\x00", [])


@pytest.mark.parametrize("name", ["other.json", "config.json"])
def test_file_that_is_no_data_of_the_code_cannot_be_read(load, name):
    """The error of a missing file, from each way to ask; what the digest does not cover is not there."""
    head = (
        f"import importlib.resources, pkgutil\n{HERE}\nNAME = 'named.json'\n"
        f"OTHER = {name.partition('.')[0]!r} + '.json'\n"
        "ERRORS = []\n"
        "for read in (importlib.resources.files(__package__).joinpath(OTHER).read_bytes,\n"
        "             lambda: pkgutil.get_data(__package__, OTHER), (HERE / OTHER).read_bytes):\n"
        "    try:\n"
        "        read()\n"
        "    except FileNotFoundError as error:\n"
        "        ERRORS.append(error)\n"
    )
    assert len(load({"named.json": "{}", "other.json": "{}"}, head=head).ERRORS) == 3


def test_code_without_data_has_no_file_on_the_disk(load):
    """Nothing but the code store is written, and that only after the code has run."""
    module = load({})
    assert not os.path.exists(module.__file__)  # noqa: PTH110 - it is no path


def test_source_of_code_with_data_is_the_one_that_runs(load):
    """Tracebacks and `inspect` show what was hashed, and not what somebody has written into the folder since."""
    module = load({"a.txt": "x"}, head=f"{HERE}A = HERE / 'a.txt'\ndef fail():\n    raise LookupError  # as it ran")
    with open(module.__file__, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write("# changed")
    with pytest.raises(LookupError) as caught:
        module.fail()
    assert "raise LookupError  # as it ran" in "".join(traceback.format_exception(caught.value))
    assert inspect.getsource(module.fail).endswith("# as it ran\n")


def test_data_is_part_of_what_is_reviewed(tmp_path, places):
    """It is listed with its digest, and code with other data is other code."""
    content = files({"modeling_tiny.py": f"{HERE}A = HERE / 'a.txt'\n{MODELING}", "a.txt": "one"})
    folder = write(tmp_path / "saved", content)
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  a\.txt"):
        AutoModel.from_pretrained(folder)
    reviewed = {name: text for name, text in content.items() if name.endswith((".py", ".txt"))}
    trust(places / "hub-code.lock", reviewed, source=os.path.realpath(folder), suffixes=(".py", ".txt"))
    assert AutoModel.from_pretrained(folder).weights == [1.0, 2.0]
    (folder / "a.txt").write_text("two", encoding="utf-8")
    with pytest.raises(RemoteCodeRefusedError, match=r"a\.txt  \(changed\)"):
        AutoModel.from_pretrained(folder)


def test_saved_code_takes_its_data_and_requirements_along(load, tmp_path):
    """A config that is saved again has the same code, to the byte."""
    module = load({"tables/a.txt": "content", "requirements.txt": "packaging"}, head=BOTH)
    module.TinyConfig().save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "tables" / "a.txt").read_text(encoding="utf-8") == "content"
    again = AutoModel.from_pretrained(write(tmp_path / "again", {"weights.json": "[1.0, 2.0]"}), trust_remote_code=True)
    assert bundle_of(type(again)).digest == bundle_of(module.TinyModel).digest


def test_file_that_is_too_large_for_data_is_left_out(load, tmp_path):
    """A large file that code mentions is no reason not to load it."""
    write(tmp_path / "saved", {"big.dat": ""})
    os.truncate(tmp_path / "saved" / "big.dat", MAX_DATA_BYTES + 1)
    module = load({}, head=f"{HERE}BIG = HERE / 'big.dat'")
    assert "big.dat" not in bundle_of(module.TinyModel).files


def test_data_of_a_repository_is_downloaded_with_the_code(hub):
    """What is named and there; weights that are named are not."""
    named = f"{HERE}NAMES = 'tables/a.txt', 'model.safetensors', 'absent.txt'\n"
    content = files({"modeling_tiny.py": named + MODELING, "tables/a.txt": "content", "model.safetensors": "weights"})
    commit = hub.create_repo("me/data", content)
    model = AutoModel.from_pretrained("me/data", revision=commit, trust_remote_code=True)
    assert bundle_of(type(model)).files.keys() == {"configuration_tiny.py", "modeling_tiny.py", "tables/a.txt"}
    assert not [request.path for request in hub.requests if "safetensors" in request.path]


def test_file_that_is_too_large_for_data_is_not_downloaded(hub):
    """The Hub lists sizes, so a name in the code costs nothing."""
    big = b"x" * (MAX_DATA_BYTES + 1)
    code = {"modeling_tiny.py": f"BIG = __file__, 'big.dat'\n{MODELING}", "big.dat": big}
    commit = hub.create_repo("me/big", files(code))
    hub.clear_requests()
    model = AutoModel.from_pretrained("me/big", revision=commit, trust_remote_code=True)
    assert bundle_of(type(model)).files.keys() == {"configuration_tiny.py", "modeling_tiny.py"}
    assert not [request.path for request in hub.requests if "big.dat" in request.path]


def test_data_of_code_in_another_repository_comes_from_there(hub, tmp_path):
    """It is beside the code, not beside the config."""
    code = {"modeling_tiny.py": f"{HERE}A = (HERE / 'a.txt').read_text()\n{MODELING}", "a.txt": "there"}
    commit = hub.create_repo("maker/code", {**files(code), "config.json": "{}"})
    elsewhere = {name: f"maker/code--{reference}" for name, reference in AUTO_MAP.items()}
    folder = write(
        tmp_path / "saved", {"config.json": config_json(elsewhere), "weights.json": "[1.0]", "a.txt": "here"}
    )
    model = AutoModel.from_pretrained(folder, code_revision=commit, trust_remote_code=True)
    assert sys.modules[type(model).__module__].A == "there"


@pytest.mark.parametrize("place", ["{}/cache", "~no-such-user/cache"])
def test_data_is_found_where_the_code_store_cannot_be_written(load, tmp_path, monkeypatch, place):
    """A temporary folder does then."""
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")
    monkeypatch.setenv("HUB_IO_CACHE", place.format(tmp_path))
    assert {f"for {place}"} == load({"tables/a.txt": f"for {place}"}, head=BOTH).READ


SEND = """
import pickle, sys
from pathlib import Path
from auto_registry import AutoModel

model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
Path(sys.argv[2]).write_bytes(pickle.dumps(model))
from config_core.code import bundle_of
print(bundle_of(type(model)).digest)
"""
RECEIVE = """
import pickle, sys
from pathlib import Path

model = pickle.loads(Path(sys.argv[1]).read_bytes())
print(sys.modules[type(model).__module__].READ)
"""


def test_data_is_found_in_other_processes(tmp_path):
    """They read it from the code store, after it was compared with the digest."""
    folder = write(tmp_path / "saved", files({"modeling_tiny.py": BOTH + MODELING, "tables/a.txt": "content"}))
    environ = environment(tmp_path / "cache")
    digest = run_program(tmp_path / "send.py", SEND, folder, tmp_path / "model.pkl", environ=environ).strip()
    granted = environment(tmp_path / "cache", HUB_IO_GRANTS=digest)
    printed = run_program(tmp_path / "receive.py", RECEIVE, tmp_path / "model.pkl", environ=granted)
    assert printed == "{'content'}\n"


def test_data_that_was_changed_in_the_store_is_put_right_by_the_next_load(load, tmp_path):
    """A process that loads the checkpoint finds the bytes that were hashed; one that has the store alone, an error."""
    folder = write(tmp_path / "other", files({"modeling_tiny.py": BOTH + MODELING, "tables/a.txt": "content"}))
    environ = environment(tmp_path / "cache")
    digest = run_program(tmp_path / "send.py", SEND, folder, tmp_path / "model.pkl", environ=environ).strip()
    (tmp_path / "cache" / "code" / digest / "files" / "tables" / "a.txt").write_text("evil", encoding="utf-8")
    granted = environment(tmp_path / "cache", HUB_IO_GRANTS=digest)
    refused = f"try:\n{textwrap.indent(RECEIVE, '    ')}\nexcept OSError as error:\n    print(type(error).__name__)"
    printed = run_program(tmp_path / "main.py", refused, tmp_path / "model.pkl", environ=granted)
    assert printed == "CodeStoreError\n"
    assert {"content"} == load({"tables/a.txt": "content"}, head=BOTH).READ


def test_failure_says_what_is_missing(load):
    """Code that looks for a file which it does not name as a literal gets the error of a missing file."""
    with pytest.raises(RemoteCodeImportError, match="FileNotFoundError"):
        load({"a.txt": "x"}, head=f"{HERE}(HERE / ('a' + '.txt')).read_text()")
