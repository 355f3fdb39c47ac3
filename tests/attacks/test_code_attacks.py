"""Source files that are made to break their reader, to hide what they do, or to be more than they were trusted for."""

from __future__ import annotations

import hashlib
import importlib
import marshal
import sys
import time
import traceback
import warnings

import pytest

import tiny_checkpoints
from auto_registry import REGISTRY, AutoConfig, AutoModel, Registry
from config_core import PretrainedConfig, SourceCodeError
from hostile import reads_of
from hub_io import RemoteCodeImportError, RemoteCodeRefusedError, load_into_registry
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json

# Each would run if it were imported, and brings a reader down that follows it by calling itself.
BOMBS = {
    "minus": "x = " + "-" * 2000 + "1",
    "not": "x = " + "not " * 2000 + "1",
    "attributes": "x = a" + ".b" * 2000,
    "sum": "x = 1" + " + 1" * 2000,
    "calls": "x = a" + "()" * 2000,
    "items": "x = a" + "[0]" * 2000,
    "lambdas": "x = " + "lambda: " * 2000 + "1",
    "conditions": "x = " + "1 if 1 else " * 2000 + "1",
    "branches": "if 1: pass\n" + "elif 1: pass\n" * 2000,
    "powers": "x = 1" + " ** 1" * 2000,
    "brackets": "x = " + "(" * 5000 + ")" * 5000,
    "lists": "x = " + "[" * 100_000 + "]" * 100_000,
    "objects": "x = " + "{1: " * 5000 + "1" + "}" * 5000,
    "long minus": "x = " + "-" * 300_000 + "1",
    "long attributes": "x = a" + ".b" * 200_000,
    "indentation": "".join(f"{' ' * depth}if 1:\n" for depth in range(200)) + " " * 200 + "pass\n",
    "texts": "x = " + '"a" ' * 100_000,
    "large text": f"x = '{'x' * 1_000_000}'",
    "large number": f"x = {'9' * 100_000}",
    "template": "x = " + "f'{" * 500 + "1" + "}'" * 500,
    "chains": ("x = __file__" + '/"a.b"' * 2000 + "\n") * 80,
    "arguments": "f(__file__, " + '"a.b", ' * 100_000 + ")",
}


@pytest.mark.parametrize("trust", [None, False])
@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_like_any_other_code(witness, name, trust):
    """Reading it for the refusal ends, and the error is the refusal."""
    folder = witness.write(
        {"modeling_tiny.py": f"{witness.trace}\n{BOMBS[name]}\n", "configuration_tiny.py": witness.trace}
    )
    with pytest.raises(RemoteCodeRefusedError, match="None of it was run"):
        AutoConfig.from_pretrained(folder, trust_remote_code=trust)


@pytest.mark.parametrize("name", ["minus", "branches"])
def test_bomb_that_is_trusted_and_that_python_can_run_is_only_code(lenient_witness, name):
    """A text that is only long is what its author wrote; the program goes on."""
    folder = lenient_witness.write({"configuration_tiny.py": f"{BOMBS[name]}\n{CONFIGURATION}"}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


@pytest.mark.parametrize("name", ["attributes", "lists", "long minus", "large number"])
def test_bomb_that_is_trusted_is_an_error_of_its_file(witness, name):
    """Python itself gives up, and the error says on which file."""
    folder = witness.write({"configuration_tiny.py": f"{BOMBS[name]}\n{witness.trace}"})
    with pytest.raises((SourceCodeError, RemoteCodeImportError), match=r"configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


NO_SOURCE = {
    "not utf-8": b"x = '\xff'\n",
    "utf-16": "x = 1\n".encode("utf-16"),
    "zero byte": b"x = 1\0\n",
    "byte code": b"\xa7\r\r\n" + b"\0" * 12 + marshal.dumps(compile("x = 1", "x", "exec")),
    "no python": b"<?php system($_GET['x']); ?>",
    "unfinished": b"def f(:\n",
    "bracket": b"x = (\n",
    "latin cookie": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
    "larger than a source file is": b"#" * (1024 * 1024 + 1),
}


@pytest.mark.parametrize("trust", [None, True])
@pytest.mark.parametrize("name", NO_SOURCE)
def test_file_that_is_no_source_is_refused(witness, name, trust):
    """Code is UTF-8 text of a bounded size, whatever its first line says; the error names the file."""
    folder = witness.write({"configuration_tiny.py": NO_SOURCE[name]})
    with pytest.raises((SourceCodeError, RemoteCodeRefusedError), match=r"configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder, trust_remote_code=trust)


def test_cookie_cannot_make_another_text_of_the_bytes(lenient_witness):
    """In UTF-7 the comment would end and code begin. What a reviewer sees is UTF-8, and that is what runs."""
    hidden = f"+AAo-open({str(lenient_witness.marker)!r}, 'w')"
    source = f"# -*- coding: utf-7 -*-\n# {hidden}\n{CONFIGURATION}"
    folder = lenient_witness.write({"configuration_tiny.py": source}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


def test_many_large_files_are_not_all_read(witness):
    """A bundle is bounded as a whole, too."""
    padding = "#" * 1_000_000
    names = [f"part_{number}" for number in range(8)]
    folder = witness.write(
        {
            "configuration_tiny.py": "".join(f"from . import {name}\n" for name in names) + witness.trace,
            **{f"{name}.py": padding for name in names},
        }
    )
    for trust in (None, True):
        with pytest.raises((SourceCodeError, RemoteCodeRefusedError), match="exceed 4,194,304 bytes in total"):
            AutoConfig.from_pretrained(folder, trust_remote_code=trust)


CLIMBS = [
    "from ..outside import evil", "from ...outside.evil import x", "from .. import outside",
    "import importlib\nimportlib.import_module('..outside', __package__)",
    "from .sub.evil import x", "def later():\n    from ..outside import evil",
    "try:\n    from ..outside import evil\nexcept ImportError:\n    pass",
]  # fmt: skip


@pytest.mark.parametrize("line", CLIMBS)
def test_import_that_climbs_out_of_the_checkpoint_is_refused(witness, line):
    """By dots, in functions and in `try`: a bundle has no parent."""
    (witness.outside / "evil.py").write_text(witness.trace, encoding="utf-8")
    content = {"configuration_tiny.py": f"{line}\n{CONFIGURATION}", "sub/evil.py": "from ...outside import evil"}
    folder = witness.write(content)
    with pytest.raises(SourceCodeError, match="leaves the folder") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert caught.value.line


@pytest.mark.parametrize(
    "line",
    ["__import__('hidden')", "import importlib; importlib.import_module('hidden')", "import hidden_" + "x" * 20,
     "__import__('sub.hidden')", "from .__main__ import x", "exec('import hidden')"],
)  # fmt: skip
def test_import_of_what_was_not_listed_finds_nothing(witness, line):
    """A file beside the code that no import names is not in the bundle, and the folder is on no path."""
    folder = witness.write(
        {
            "configuration_tiny.py": f"{line}\n{CONFIGURATION}",
            "hidden.py": witness.trace,
            "sub/hidden.py": witness.trace,
        }
    )
    before = list(sys.path)
    with pytest.raises((RemoteCodeImportError, SourceCodeError)):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert sys.path == before


@pytest.mark.parametrize("name", ["json", "config_core", "huggingface_hub", "hub_io", "random"])
def test_file_beside_the_code_does_not_stand_for_a_known_package(lenient_witness, name):
    """`import json` means json, to the reader and to Python; the file of that name is not even part of the bundle."""
    source = f"import {name}\nWHERE = {name}.__name__\n{CONFIGURATION}"
    content = {"configuration_tiny.py": source, f"{name}.py": lenient_witness.trace, "modeling_tiny.py": None}
    folder = lenient_witness.write(content, harmless=True)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert set(caught.value.bundle.files) == {"configuration_tiny.py"}
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert name == sys.modules[type(config).__module__].WHERE


def test_file_beside_the_code_that_stands_for_another_package_is_listed(witness):
    """What else flat code imports from beside itself is part of what is reviewed, whatever is installed."""
    content = {"configuration_tiny.py": f"import pytest\n{CONFIGURATION}", "pytest.py": witness.trace}
    folder = witness.write(content)
    with pytest.raises(RemoteCodeRefusedError, match=r"[0-9a-f]{64}  pytest\.py"):
        AutoConfig.from_pretrained(folder)


def test_warning_of_a_file_is_no_way_to_speak(witness, capfd):
    """Refused code says nothing: not by what Python finds odd in it, and not by its output."""
    source = 'print("hello")\nx = 1 is 1\nassert (1, "x")\ny = "\\d"\n0or 1\n' + witness.trace
    folder = witness.write({"configuration_tiny.py": source})
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder)
    assert capfd.readouterr() == ("", "")


def test_warnings_of_a_file_are_not_taken_for_errors_of_it(lenient_witness):
    """Where warnings are errors, as here, an odd escape is no reason to take code for broken and list it no more."""
    source = f'PATTERN = "\\d\\w"\n{CONFIGURATION}'
    folder = lenient_witness.write({"configuration_tiny.py": source}, harmless=True)
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


def test_reading_code_leaves_the_warnings_of_the_program_as_they_are(witness):
    """What is filtered for a stranger's file is filtered for nothing else, in whatever thread."""
    folder = witness.write({"configuration_tiny.py": 'x = "\\d"\n'})
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder)
    with pytest.raises(SyntaxError, match="invalid escape sequence"):
        compile('"\\d"', "other.py", "exec")
    with pytest.raises(UserWarning, match="still an error"):
        warnings.warn("still an error", UserWarning, stacklevel=1)


@pytest.mark.parametrize("name", ["modeling_tiny.py", "part.py"])
@pytest.mark.parametrize("broken", ["def f(:\n", "x = '\0'\n", "from ..outside import x\n"])
def test_broken_file_does_not_hide_the_others(witness, name, broken):
    """The refusal lists what can be read, the broken file too, with digests, and says what is wrong with it."""
    content = {"modeling_tiny.py": f"from . import part\n{MODELING}", "part.py": witness.trace} | {name: broken}
    folder = witness.write(content)
    with pytest.raises(RemoteCodeRefusedError, match="Its files cannot be listed in full") as caught:
        AutoModel.from_pretrained(folder)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert f"sha256:{digest}  {name}" in str(caught.value)
    assert f"{hashlib.sha256((folder / 'configuration_tiny.py').read_bytes()).hexdigest()}  conf" in str(caught.value)


def test_listing_of_broken_code_does_not_read_on_and_on(witness):
    """One broken file, and a thousand others that it would be listed with: what is read stays bounded."""
    names = [f"part_{number}" for number in range(30)]
    folder = witness.write(
        {
            "configuration_tiny.py": "".join(f"from . import {name}\n" for name in names) + witness.trace,
            "part_0.py": "def broken(:",
            **{f"{name}.py": "#" * 1_000_000 for name in names[1:]},
        }
    )
    with reads_of(folder) as opened, pytest.raises(RemoteCodeRefusedError, match=r"part_0\.py"):
        AutoConfig.from_pretrained(folder)
    assert len([path for path in opened if "part_" in path]) < 10


SIDE_EFFECTS = {
    "top level": "{trace}",
    "class body": "class A:\n    {call}",
    "decorator": "def d(f):\n    {call}\n    return f\n@d\ndef g(): pass",
    "default": "def f(x={call}): pass",
    "annotation": "x: {call} = 1",
    "metaclass": (
        "class M(type):\n    def __new__(m, *a):\n        {call}\n        return type.__new__(m, *a)\n"
        "class A(metaclass=M): pass"
    ),
    "subclass hook": "class B:\n    def __init_subclass__(cls):\n        {call}\nclass C(B): pass",
    "set name": "class D:\n    def __set_name__(self, *a):\n        {call}\nclass E:\n    d = D()",
    "item of a class": "class F:\n    def __class_getitem__(cls, x):\n        {call}\nF[0]",
    "comprehension": "[{call} for _ in (1,)]",
    "generic": "from typing import Annotated\nx: Annotated[int, {call}]",
    "context": "import contextlib\nwith contextlib.nullcontext({call}): pass",
    "base class": "class G(*[{call}] and ()): pass",
    "format": 'f"{{{call}}}"',
    "module attribute": "def __getattr__(name):\n    {call}\n    raise AttributeError(name)",
}


@pytest.mark.parametrize("name", SIDE_EFFECTS)
def test_no_place_in_a_file_runs_while_it_is_read(witness, name):
    """Reading code for the refusal evaluates nothing of it."""
    call = f"open({str(witness.marker)!r}, 'w')"
    source = SIDE_EFFECTS[name].format(trace=witness.trace, call=call)
    folder = witness.write({"configuration_tiny.py": f"{source}\n{CONFIGURATION}"})
    with pytest.raises(RemoteCodeRefusedError, match=r"sha256:[0-9a-f]{64}  configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder)


NO_CLASSES = {
    "value": "Wanted = 3",
    "function": "def Wanted(): pass",
    "instance": "class A: pass\nWanted = A()",
    "module": "import json as Wanted",
    "builtin": "from builtins import dict as Wanted",
    "eval": "Wanted = eval",
    "imported": "from subprocess import Popen as Wanted",
    "imported base": "from config_core import PretrainedConfig as Wanted",
    "generic": "Wanted = list[int]",
    "nothing": "Wanted = None",
    "missing": "",
    "pretends": "class A:\n    __class__ = type\nWanted = A()",
    "of another file": "class Wanted:\n    __module__ = 'os'",
    "raises": "def __getattr__(name): raise LookupError(name)",
    "alias": "class A: pass\nA.__module__ = 'builtins'\nWanted = A",
    "union": "Wanted = int | str",
    "instance of a class that says it is a type": "class A:\n    __mro__ = (object,)\nWanted = A()",
    "partial": "import functools\nWanted = functools.partial(dict)",
    "exception of Python": "Wanted = KeyboardInterrupt",
    "class of hub_io": "from hub_io import TrustPolicy as Wanted",
    "exits": "def __getattr__(name): raise SystemExit(3)",
    "module of a class raises": (
        "class M(type):\n    @property\n    def __module__(cls): raise LookupError('boom')\n"
        "class Wanted(metaclass=M): pass"
    ),
}


@pytest.mark.parametrize("name", NO_CLASSES)
def test_reference_must_name_a_class_that_the_code_defines(lenient_witness, name):
    """Values, imported classes and things that pretend are refused, and whatever they raise is ours."""
    auto_map = AUTO_MAP | {"AutoModel": "modeling_tiny.Wanted"}
    content = {"modeling_tiny.py": f"{MODELING}\n{NO_CLASSES[name]}\n", "config.json": config_json(auto_map)}
    folder = lenient_witness.write(content, harmless=True)
    with pytest.raises(RemoteCodeImportError, match=r"modeling_tiny\.py"):
        AutoModel.from_pretrained(folder, trust_remote_code=True)


FAILURES = {
    "exit": "raise SystemExit(0)",
    "exit by function": "import sys; sys.exit('bye')",
    "exception beside all others": "class Odd(BaseException): pass\nraise Odd('boom')",
    "end of a generator": "raise GeneratorExit",
    "exit without a text": "class Odd(SystemExit):\n    def __str__(self): raise SystemExit\nraise Odd",
    "deletes its package": (
        "import sys\nfor n in [*sys.modules]:\n    if n.startswith(__package__): del sys.modules[n]\n1/0"
    ),
    "recursion": "def f(): f()\nf()",
    "memory": "raise MemoryError",
    "odd exception": "class Odd(Exception):\n    def __str__(self): raise LookupError\nraise Odd",
    "import error": "raise ImportError",
    "not there": "import sys; sys.modules[__name__] = None",
    "deletes itself": "import sys; del sys.modules[__name__]",
    "replaces itself": "import sys; sys.modules[__name__] = 3",
    "replaces its package": "import sys; sys.modules[__package__] = 3; raise LookupError",
    "no spec": "__spec__ = None; raise LookupError",
    "own bundle": "__code_bundle__ = 3; raise LookupError",
    "own name": "__name__ = 'os'; raise LookupError",
}


@pytest.mark.parametrize("name", FAILURES)
def test_code_that_fails_leaves_nothing_imported(lenient_witness, name):
    """However it fails, its modules are gone, the program goes on, and a load of other code works."""
    before, attributes = set(sys.modules), set(vars(importlib.import_module("hub_io.remote")))
    folder = lenient_witness.write({"configuration_tiny.py": f"{FAILURES[name]}\n"}, harmless=True)
    with pytest.raises(RemoteCodeImportError, match=r"configuration_tiny\.py"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert {module for module in sys.modules.keys() - before if module.startswith("hub_io.remote.")} == set()
    assert vars(sys.modules["hub_io.remote"]).keys() - attributes == set()
    repaired = tiny_checkpoints.write(folder, {"configuration_tiny.py": f"{CONFIGURATION}# {name}\n"})
    lenient_witness.note()
    assert AutoConfig.from_pretrained(repaired, trust_remote_code=True).size == 2


ODD_ERRORS = {
    "a number for a name": "raise ModuleNotFoundError('x', name=3)",
    "a name that raises": "class E(ModuleNotFoundError):\n    name = property(lambda self: 1 / 0)\nraise E(name='y')",
    "a text that raises": "class E(Exception):\n    __str__ = __repr__ = lambda self: 1 / 0\nraise E",
    "arguments that raise": "class E(Exception):\n    args = property(lambda self: 1 / 0)\nraise E('x')",
    "a circle of causes": "e = ValueError('a')\nf = KeyError('b')\ne.__cause__, f.__cause__ = f, e\nraise e",
    "3,000 causes": "e = None\nfor n in range(3000):\n    f = ValueError(n)\n    f.__cause__ = e\n    e = f\nraise e",
    "a group": "raise ExceptionGroup('x', [ValueError('y')])",
    "an end of the program": "raise SystemExit(0)",
    "an end of a generator": "raise GeneratorExit",
    "no Exception": "class E(BaseException): pass\nraise E",
    "a refusal of ours": "import hub_io\nraise hub_io.RemoteCodeRefusedError('x', source='y', reason='z', bundle=None)",
    "megabytes": "raise ValueError('x' * 10_000_000)",
    "itself removed": "import sys\ndel sys.modules[__name__]",
    "nothing in its place": "import sys\nsys.modules[__name__] = None",
    "an object in its place": "import sys\nsys.modules[__name__] = object()",
    "no package": "import sys\ndel sys.modules[__package__]",
}


@pytest.mark.parametrize("name", ODD_ERRORS)
def test_code_that_fails_in_an_odd_way_fails_its_load_alone(lenient_witness, name):
    """The error is ours, its traceback can be shown, and the next load is not disturbed."""
    witness = lenient_witness
    folder = witness.write({"configuration_tiny.py": f"{ODD_ERRORS[name]}\n{CONFIGURATION}"}, harmless=True)
    before = {module for module in sys.modules if module.startswith("hub_io.remote.")}
    for _ in range(2):
        with pytest.raises(RemoteCodeImportError) as caught:
            AutoConfig.from_pretrained(folder, trust_remote_code=True)
        assert len("".join(traceback.format_exception(caught.value, limit=3, chain=False))) < 20_000
        assert {module for module in sys.modules if module.startswith("hub_io.remote.")} == before
    witness.write({"configuration_tiny.py": CONFIGURATION}, harmless=True)
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).size == 2


def test_interrupt_by_the_user_is_passed_on(lenient_witness):
    """Ctrl-C while code is imported ends the program and leaves nothing imported."""
    folder = lenient_witness.write({"configuration_tiny.py": "raise KeyboardInterrupt\n"}, harmless=True)
    before = set(sys.modules)
    with pytest.raises(KeyboardInterrupt):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert {module for module in sys.modules.keys() - before if module.startswith("hub_io.remote.")} == set()


def test_classes_that_are_loaded_are_not_registered(lenient_witness):
    """Trust for one load lets the classes serve no other load."""
    folder = lenient_witness.write(harmless=True)
    AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert REGISTRY.config_class("tiny") is None


def test_code_for_a_known_type_does_not_replace_the_known_class(lenient_witness):
    """A checkpoint that says it is a resnet is served by the program's class, and its code does not even run."""

    class Mine(PretrainedConfig):
        model_type = "tiny"

    registry = Registry()
    registry.register_config("tiny", Mine)
    folder = lenient_witness.write({"configuration_tiny.py": lenient_witness.trace + CONFIGURATION}, harmless=True)
    assert type(AutoConfig.from_pretrained(folder, registry=registry, trust_remote_code=True)) is Mine
    with pytest.raises(ValueError, match="tiny"):
        load_into_registry(folder, registry=registry, trust_remote_code=True)
    assert registry.config_class("tiny") is Mine
    lenient_witness.marker.unlink()  # load_into_registry was told to run it; what it registered is nothing


INNER = """
from auto_registry import AutoConfig, AutoModel
from hub_io import load_into_registry
"""
NESTED = {
    "config": "AutoConfig.from_pretrained({inner!r}, trust_remote_code=True)",
    "model": "AutoModel.from_pretrained({inner!r}, trust_remote_code=True)",
    "registry": "load_into_registry({inner!r}, trust_remote_code=True)",
    "in a function": "def f():\n    return AutoModel.from_pretrained({inner!r}, trust_remote_code=True)\nf()",
    "by eval": (
        "eval('AutoModel.from_pretrained({inner}, trust_remote_code=True)'"
        ".replace('(/', '(\"/').replace(', t', '\", t'))"
    ),
    "in a callback": "list(map(lambda x: AutoModel.from_pretrained(x, trust_remote_code=True), [{inner!r}]))",
    "own policy": (
        "from hub_io import TrustPolicy\nload_into_registry({inner!r}, trust_remote_code=True, policy=TrustPolicy())"
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_trusted_code_cannot_trust_other_code(witness, tmp_path, name):
    """Who trusted the outer checkpoint has read the outer checkpoint; its True is not the user's."""
    inner = tiny_checkpoints.write(tmp_path / "inner", witness.files())
    source = INNER + NESTED[name].format(inner=str(inner)) + CONFIGURATION
    folder = witness.write({"configuration_tiny.py": source})
    with pytest.raises(RemoteCodeImportError, match=r"the code of .* asks for it") as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert isinstance(caught.value.__cause__, RemoteCodeRefusedError)


@pytest.mark.parametrize("method", ["__init__", "__new__", "from_pretrained", "__setattr__", "__init_subclass__"])
def test_constructor_of_a_trusted_class_cannot_trust_other_code(lenient_witness, tmp_path, method):
    """A backbone that a model loads for itself with True hard-coded, in whichever method makes the object."""
    inner = tiny_checkpoints.write(tmp_path / "inner", lenient_witness.files())
    decorator = "    @classmethod\n" if method == "from_pretrained" else ""
    load = f"AutoModel.from_pretrained({str(inner)!r}, trust_remote_code=True)"
    source = (
        f"from auto_registry import AutoModel\n{CONFIGURATION}\n"
        f"{decorator}    def {method}(self, *args, **kwargs):\n        {load}\n\nclass Below(TinyConfig): pass\n"
    )
    auto_map = AUTO_MAP | {"AutoConfig": "configuration_tiny.Below"}
    content = {"configuration_tiny.py": source, "config.json": config_json(auto_map)}
    folder = lenient_witness.write(content, harmless=True)
    with pytest.raises(
        (RemoteCodeRefusedError, RemoteCodeImportError), match="asks for it with trust_remote_code=True"
    ):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.parametrize(
    "line",
    ["set_default_policy(None)", "set_default_policy(TrustPolicy())", "set_default_policy(TrustPolicy(), freeze=True)"],
)
def test_trusted_code_cannot_set_the_policy(witness, line):
    """What the program decided stays decided."""
    from hub_io import default_policy

    before = default_policy().cap
    source = f"from hub_io import TrustPolicy, set_default_policy\n{line}\n{CONFIGURATION}"
    folder = witness.write({"configuration_tiny.py": source})
    with pytest.raises(RemoteCodeImportError, match="cannot set the policy"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert default_policy().cap == before


ENDLESS = {
    "dotted name": "import " + ".".join(["a"] * 480_000),
    "dotted name of several lines": "import b, a" + ".\\\na" * 200_000,
    "dotted name of several lines, as Windows ends them": "from a" + ".\\\r\na" * 150_000 + " import b",
    "dots": "from " + "." * 900_000 + " import a",
    "imports": "import " + ",".join(f"m{number}" for number in range(110_000)),
    "names": "from . import " + ",".join(f"m{number}" for number in range(110_000)),
    "lines": "\n".join(f"import m{number}" for number in range(60_000)),
    "calls": "import_module('.a')\n" * 40_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_imports_that_would_take_minutes_are_refused_at_once(witness, name):
    """Python's parser copies a dotted name for each of its parts, and each import is looked for on the disk."""
    folder = witness.write({"configuration_tiny.py": f"{ENDLESS[name]}\n{witness.trace}"})
    start = time.process_time()
    with pytest.raises((RemoteCodeRefusedError, SourceCodeError), match=r"more than [12],000 (dots|names)"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert time.process_time() - start < 5


def test_names_of_all_files_together_are_bounded(witness):
    """A hundred files may each import as many names as one may, and each name is looked for on the disk."""
    numbers = range(100)
    parts = {
        f"part_{part}.py": "try:\n    from . import " + ", ".join(f"a{part}_{number}" for number in range(1900))
        + "\nexcept ImportError:\n    pass\n"
        for part in numbers
    }  # fmt: skip
    imports = "".join(f"from . import part_{part}\n" for part in numbers)
    folder = witness.write({"configuration_tiny.py": imports + witness.trace, **parts})
    for trust in (None, True):
        with pytest.raises((RemoteCodeRefusedError, SourceCodeError), match="names more than 100,000 modules"):
            AutoConfig.from_pretrained(folder, trust_remote_code=trust)


def test_number_of_data_files_is_bounded(witness):
    """Each is a request to the Hub, however small it is."""
    names = [f"table{number}.txt" for number in range(1100)]
    source = f"import os\nBESIDE = os.path.dirname(__file__)\nNAMES = {names}\n{witness.trace}"
    folder = witness.write({"configuration_tiny.py": source, **dict.fromkeys(names, "x")})
    for trust in (None, True):
        with pytest.raises((RemoteCodeRefusedError, SourceCodeError), match="more than 1,000 data files"):
            AutoConfig.from_pretrained(folder, trust_remote_code=trust)


@pytest.mark.parametrize("name", ["long minus", "branches of a file"])
def test_error_of_code_that_is_too_deep_says_so(witness, name):
    """Python raises a MemoryError without a word for some of it."""
    source = {"branches of a file": "if 1: pass\n" + "elif 1: pass\n" * 80_000, **BOMBS}[name]
    folder = witness.write({"configuration_tiny.py": f"{witness.trace}\n{source}\n"})
    with pytest.raises(SourceCodeError, match=r"it cannot be parsed: [^.]*(nested|recursion)"):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)


HIDDEN = {
    "in the message": "raise ValueError(BAD)",
    "in a note": "e = ValueError('x')\ne.add_note(BAD)\nraise e",
    "in a cause": "raise ValueError('x') from LookupError(BAD)",
    "in a context": "try:\n    raise TypeError(BAD)\nexcept TypeError:\n    raise ValueError('x')",
    "in a group": "raise ExceptionGroup('x', [ValueError(BAD)])",
    "in the cause of one in a group": (
        "e = ValueError('x')\ne.__cause__ = TypeError(BAD)\nraise ExceptionGroup('x', [e])"
    ),
}


@pytest.mark.parametrize("place", HIDDEN)
def test_traceback_of_code_that_fails_controls_no_terminal(lenient_witness, place):
    """The code may quote data that nobody has looked at."""
    folder = lenient_witness.write(
        {"configuration_tiny.py": f"BAD = chr(27) + '[31m'\n{HIDDEN[place]}\n{CONFIGURATION}"}, harmless=True
    )
    with pytest.raises(RemoteCodeImportError) as caught:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert "\x1b" not in "".join(traceback.format_exception(caught.value))
