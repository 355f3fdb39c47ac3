"""Which files a module needs: its relative imports, as Python reads them and not as text looks."""

from __future__ import annotations

import ast
import gc
from threading import Thread

import pytest

from config_core import SourceCodeError
from config_core.code import needed_files, parse_source, resolve_sibling_imports


def needed(files, *modules):
    """Return the names of the files that modules need among some files."""
    return list(needed_files(modules or ("m",), {name: text.encode() for name, text in files.items()}.get, where="top"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .a import A", ["a.py"]),
        ("from .a import A, B as C", ["a.py"]),
        ("from . import a", ["a.py"]),
        ("from . import a, b", ["a.py", "b.py"]),
        ("from . import a as other", ["a.py"]),
        ("from .a import *", ["a.py"]),
        ("from .\\\n  a import (\n A,\n)", ["a.py"]),
        ("from .p import P", ["p/__init__.py"]),
        ("from .p import inner", ["p/__init__.py", "p/inner.py"]),
        ("from .p.inner import I", ["p/__init__.py", "p/inner.py"]),
        ("from .p import inner, P", ["p/__init__.py", "p/inner.py"]),
        ("from . import p", ["p/__init__.py"]),
        ("from .p.deep.most import M", ["b.py", "p/__init__.py", "p/deep/__init__.py", "p/deep/most.py"]),
        ("from .n.inner import I", ["n/inner.py"]),
        ("from .n import inner", ["n/inner.py"]),
        ("if True:\n  from .a import A", ["a.py"]),
        ("def f():\n  from .a import A", ["a.py"]),
        ("class C:\n  from .a import A", ["a.py"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from .a import A", ["a.py"]),
        ("try:\n  from .a import A\nexcept ImportError:\n  from .b import A", ["a.py", "b.py"]),
        ("from importlib import import_module\nA = import_module('.a', __package__)", ["a.py"]),
        (
            "import importlib\nA = importlib.import_module('.p.inner', package=__package__)",
            ["p/__init__.py", "p/inner.py"],
        ),
        ("from .cycle_a import x", ["cycle_a.py", "cycle_b.py"]),
        ("'''from .a import A'''", []),
        ("def f():\n  '''Example:\n  from .a import A\n  '''", []),
        ("# from .a import A", []),
        ("x = 'from .a import A'", []),
        ("import torch\nfrom os import path\nimport json.decoder", []),
        ("importlib.import_module('torch')", []),
        ("", []),
    ],
)
def test_a_module_needs_what_it_imports_relatively(source, expected):
    """Modules, packages and their `__init__`, wherever the import stands; never what only looks like one."""
    files = {
        "m.py": source,
        "a.py": "",
        "b.py": "",
        "p/__init__.py": "",
        "p/inner.py": "",
        "p/deep/__init__.py": "",
        "p/deep/most.py": "from ...b import B\nfrom .. import P",
        "n/inner.py": "",
        "cycle_a.py": "from .cycle_b import y",
        "cycle_b.py": "from .cycle_a import x",
        "unneeded.py": "",
    }
    assert needed(files) == sorted(["m.py", *expected])


def test_the_top_init_is_needed_for_its_names_only():
    """A package's own `__init__` may import everything, which a class does not need."""
    files = {"__init__.py": "from .huge import x", "huge.py": "", "a.py": "from . import helper", "helper.py": ""}
    assert needed(files, "a") == ["a.py", "helper.py"]
    files["a.py"] = "from . import __version__"
    assert needed(files, "a") == ["__init__.py", "a.py", "huge.py"]


def test_several_modules_share_their_files():
    """Each file comes once, with its content."""
    files = {"a.py": b"from .c import x", "b.py": b"from .c import y", "c.py": b"x = y = 1"}
    assert needed_files(["b", "a"], files.get, where="top") == files


def test_a_package_may_be_asked_for():
    """A class in an `__init__` needs that file and what it imports."""
    assert needed({"p/__init__.py": "from .a import A", "p/a.py": ""}, "p") == ["p/__init__.py", "p/a.py"]


def test_a_module_in_a_subpackage_reaches_its_parents():
    """Climbing is allowed up to the top folder."""
    files = {"sub/__init__.py": "", "sub/m.py": "from ..a import A\nfrom .b import B", "a.py": "", "sub/b.py": ""}
    assert needed(files, "sub/m") == ["a.py", "sub/__init__.py", "sub/b.py", "sub/m.py"]


@pytest.mark.parametrize("source", ["from .. import a", "from ..a import A", "import x\n\nfrom ...a.b import A"])
def test_an_import_that_leaves_the_folder_is_refused(source):
    """With the file and the line."""
    with pytest.raises(SourceCodeError, match="leaves the folder") as caught:
        needed({"m.py": source})
    assert caught.value.leaves_folder
    assert caught.value.path == "top/m.py"
    assert caught.value.line == source.count("\n") + 1


def test_a_missing_file_is_named_with_who_imports_it():
    """The error says which file would have to be there."""
    with pytest.raises(SourceCodeError, match=r"^top/absent.py: there is no such file, and m.py line 2 imports it"):
        needed({"m.py": "\nfrom .absent import A"})
    with pytest.raises(SourceCodeError, match=r"^top/p/absent.py: there is no such file"):
        needed({"m.py": "from .p.absent import A", "p/__init__.py": ""})
    with pytest.raises(SourceCodeError, match=r"^top/m.py: there is no such file"):
        needed({})


@pytest.mark.parametrize("caught", ["ImportError", "ModuleNotFoundError", "(OSError, ImportError)", "Exception", ""])
def test_a_missing_file_may_be_missing_where_that_is_expected(caught):
    """A compiled extension with a fallback in Python is no fault."""
    files = {"m.py": f"try:\n  from ._fast import f\nexcept {caught}:\n  from .slow import f", "slow.py": ""}
    assert needed(files) == ["m.py", "slow.py"]


def test_a_fallback_may_not_be_missing():
    """What stands in `except` is what the program relies on, and another `except` expects something else."""
    for source in (
        "try:\n  import fast\nexcept ImportError:\n  from .absent import f",
        "try:\n  from .absent import f\nexcept ValueError:\n  pass",
    ):
        with pytest.raises(SourceCodeError, match="absent"):
            needed({"m.py": source})


@pytest.mark.parametrize(
    ("content", "problem", "line"),
    [
        (b"x = \xff", "not UTF-8", None),
        (b"ok = 1\ndef f(:\n", "not valid Python", 2),
        (b"a\x00b", "null bytes|cannot be parsed|not valid Python", None),
        (b"(" * 10_000, "cannot be parsed|not valid Python", None),
        (b"x = " + b"-" * 100_000 + b"1", "cannot be parsed|not valid Python", None),
    ],
)
def test_a_file_that_is_not_python_is_named(content, problem, line):
    """Also one that was made to break parsers."""
    with pytest.raises(SourceCodeError, match=problem) as caught:
        parse_source(content, path="m.py")
    assert caught.value.path == "m.py"
    if line:
        assert caught.value.line == line


# Imports of the files beside a script


def resolved(source, *files, name="m.py"):
    tree = resolve_sibling_imports(ast.parse(source), name, dict.fromkeys(files, b"").get)
    return ast.unparse(tree)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from a import A", "from .a import A"),
        ("from p.inner import I", "from .p.inner import I"),
        ("import a", "from . import a"),
        ("import a as b", "from . import a as b"),
        ("import torch, a", "import torch\nfrom . import a"),
        ("import p.inner as i", "from .p import inner as i"),
        ("import p.inner", "from . import p\nfrom .p import inner as _p_inner"),
        ("def f():\n    import a", "def f():\n    from . import a"),
        ("import torch", "import torch"),
        ("import json", "import json"),
        ("import m", "import m"),
        ("from .a import A\nimport a", "from .a import A\nimport a"),
    ],
)
def test_absolute_imports_of_siblings_become_relative(source, expected):
    """Flat folders work in a checkpoint too; installed packages and the standard library stay what they are."""
    assert resolved(source, "a.py", "json.py", "m.py", "p/__init__.py", "p/inner.py") == expected


def test_siblings_are_those_of_the_files_own_folder():
    """In a sub-folder, the files in it."""
    assert resolved("import a", "sub/a.py", name="sub/m.py") == "from . import a"
    assert resolved("import a", "a.py", name="sub/m.py") == "import a"


def test_siblings_are_needed_files():
    """What a script imports beside itself comes along, and what that imports in turn."""
    files = {
        "m.py": "from a import A\nimport p.inner",
        "a.py": "import b",
        "b.py": "",
        "p/__init__.py": "",
        "p/inner.py": "",
    }
    assert needed(files) == ["a.py", "b.py", "m.py", "p/__init__.py", "p/inner.py"]


def test_threads_may_parse_at_once():
    """In Python 3.11, a collection in the middle of a tree lets other threads run."""
    others = iter([b"x = 1", b"x = [f(y) for y in z]"])

    def parse_in_another_thread(phase, _info):
        if phase == "start" and (source := next(others, None)):
            thread = Thread(target=parse_source, args=(source,), kwargs={"path": "other.py"})
            thread.start()
            thread.join()

    gc.callbacks.append(parse_in_another_thread)
    try:
        tree = parse_source(b"x = [f(y), {z: lambda a: a + 1}]\n" * 1000, path="m.py")
    finally:
        gc.callbacks.remove(parse_in_another_thread)
    assert len(tree.body) == 1000
