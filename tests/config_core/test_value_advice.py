"""What the error for a value without a form in JSON advises can be pasted into a program, and helps there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap

import pytest

PROGRAM = '''
import ast, importlib, json, re, sys
import collections, datetime, enum, functools, ipaddress, pathlib, types, typing, uuid, zoneinfo
from dataclasses import dataclass

from config_core import ConfigError, PretrainedConfig


class Mode(enum.Enum):
    FAST = "fast"
    PAIR = (1, 2)


Point = collections.namedtuple("Point", "x y")


@dataclass
class Holder:
    value: typing.Any = None
    mode: typing.Any = None


class PartConfig(PretrainedConfig):
    model_type = "advice-part"

    def __init__(self, value=None, **kwargs):
        self.value = value
        super().__init__(**kwargs)


class AnyConfig(PretrainedConfig):
    model_type = "advice"

    def __init__(self, value=None, part: PartConfig | None = None, **kwargs):
        self.value = value
        self.part = part
        super().__init__(**kwargs)


PLACES = {
    "field": lambda value: AnyConfig(value=value),
    "list": lambda value: AnyConfig(value=[value]),
    "dict": lambda value: AnyConfig(value={"a": value}),
    "tuple": lambda value: AnyConfig(value=(value,)),
    "part": lambda value: AnyConfig(part=PartConfig(value=value)),
}


def problem_of(value, place):
    try:
        config = PLACES[place](value)
        config.save_pretrained(sys.argv[1])
    except ConfigError as error:
        return str(error)
    loaded = AnyConfig.from_pretrained(sys.argv[1])
    assert loaded == config and repr(loaded) == repr(config)
    return ""


def pasted(code, modules):
    """Return the value of code after its imports, among what this module defines."""
    names = {name: found for name, found in globals().items() if getattr(found, "__module__", "") == "__main__"}
    for module in modules:
        exec(f"import {module}", names)
    return eval(code, names)


def paste(text, place, problem):
    """Execute what an error advises, and check that it helps."""
    imports = re.search(r"after `import ([\\w., ]+)`", problem)
    modules = imports[1].split(", ") if imports else ()
    if found := re.search(r"config_core\\.register_value_type\\(.+?\\.\\.\\.\\)", problem):
        try:
            pasted(found[0], modules)
        except TypeError as error:  # for the first place, it was registered
            assert "registered as a value type before" in str(error), (text, place, problem)
    if not (found := re.search(r"its type, such as (.+?)(?: after `|, or use)", problem)):
        return
    annotation = pasted(found[1], modules)

    class AdvisedConfig(PretrainedConfig):
        model_type = "advised"

        def __init__(self, value: annotation = None, **kwargs):
            self.value = value
            super().__init__(**kwargs)

    config = AdvisedConfig(value=PLACES["field" if place == "part" else place](eval(text)).value)
    config.save_pretrained(sys.argv[1])
    loaded = AdvisedConfig.from_pretrained(sys.argv[1]).value
    assert loaded == config.value and type(loaded) is type(config.value), (text, place, problem)


problems = {(text, place): problem_of(eval(text), place) for text in json.loads(sys.argv[2]) for place in PLACES}
for (text, place), problem in problems.items():
    paste(text, place, problem)
print(json.dumps({f"{text} in {place}": problem for (text, place), problem in problems.items()}))
'''

VALUES = {
    # Advised: an annotation.
    "Mode.FAST": "annotate",
    "Mode.PAIR": "annotate",
    "Point(1, 2)": "annotate",
    "Holder(1)": "annotate",
    "pathlib.Path('a')": "annotate",
    "pathlib.PurePosixPath('a')": "annotate",
    "datetime.date(2020, 1, 1)": "annotate",
    "uuid.UUID(int=1)": "annotate",
    "__import__('decimal').Decimal('1.5')": "annotate",
    "__import__('fractions').Fraction(1, 3)": "annotate",
    "collections.deque([1])": "annotate",
    "collections.deque([Mode.FAST])": "annotate",
    "collections.Counter({1: 2})": "annotate",
    "collections.defaultdict(None, {1: [2]})": "annotate",
    "collections.OrderedDict({Mode.FAST: 1})": "annotate",
    "{1, 2}": "annotate",
    "frozenset({pathlib.Path('a')})": "annotate",
    "(1, 'a', None)": "annotate",
    "{1: datetime.date(2020, 1, 1)}": "annotate",
    "{1: 'b', 'a': 2}": "annotate",
    "{(1, 2): 'a'}": "Use text, or a list of pairs",
    # Advised: a registration.
    "re.compile('a')": "register",
    "ipaddress.ip_address('::1')": "register",
    "zoneinfo.ZoneInfo('UTC')": "register",
    "range(3)": "register",
    "slice(1)": "register",
    "1j": "register",
    # Advised: a value of another type.
    "functools.partial(int)": "Use its name",
    "lambda x: x": "Use its name",
    "int": "Use its name",
    "Mode": "Use its name",
    "re": "Use its name",
    "len": "Use its name",
    "b'a'": "Use text",
    "bytearray(b'a')": "Use text",
    # These come back equal.
    "types.MappingProxyType({'a': 1})": "",
    "collections.OrderedDict(a=1)": "",
    "collections.Counter('a')": "",
    "[1, None, 'a']": "",
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """The errors for all values in all places, in a program that has executed what they advise."""
    folder = tmp_path_factory.mktemp("advice")
    (folder / "program.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, folder / "program.py", folder / "saved", json.dumps([*VALUES])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize(("value", "advice"), VALUES.items())
def test_what_an_error_advises_can_be_pasted(problems, value, advice):
    """After the imports that it names: an annotation brings the value back, and a registration is one of its class."""
    expected = {
        "annotate": r"Annotate the field with its type, such as \S",
        "register": r"config_core\.register_value_type\([\w.]+, encode=lambda value: \.\.\., decode=lambda .+\)",
    }.get(advice, advice)
    found = {place: problem for place, problem in problems.items() if place.startswith(f"{value} in ")}
    assert found
    for place, problem in found.items():
        if advice:
            assert re.search(expected, problem)
        else:  # nothing but the tuple needs one
            assert not problem or place.endswith(" in tuple")
