"""What this package offers, what it costs to import, and that every documented error is one."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import config_core
from config_core import errors

ERRORS = [getattr(errors, name) for name in errors.__all__]


def test_the_package_offers_its_errors_and_nothing_private():
    """`from config_core import …` is enough for users."""
    assert set(errors.__all__) <= set(config_core.__all__)
    assert {"PretrainedConfig", "PreTrainedConfig", "open_checkpoint", "staged_save"} <= set(config_core.__all__)


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_is_the_builtin_that_its_line_says(error):
    """The hierarchy drawn at the top of the module is the one that there is."""
    line = next(line for line in errors.__doc__.splitlines() if f"{error.__name__} " in f"{line.lstrip('│├└─ ')} ")
    builtin = line.partition("(")[2].partition(")")[0]
    if builtin:
        assert builtin in {base.__name__ for base in error.__mro__}
    assert issubclass(error, config_core.ConfigCoreError)


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_survives_a_pickle(error):
    """A pool of processes hands it on with its data."""
    examples = {"path": Path("a"), "names": ("x",), "name": "x", "filename": "f", "reference": 3}
    parameters = list(inspect.signature(error.__init__).parameters.values())[1:]
    arguments = [examples.get(p.name, "text") for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {p.name: examples.get(p.name, "text") for p in parameters if p.kind is p.KEYWORD_ONLY}
    raised = error(*arguments, **named)
    raised.add_note("a note")
    twin = pickle.loads(pickle.dumps(raised))
    assert (type(twin), str(twin), vars(twin)) == (error, str(raised), vars(raised))
    assert getattr(twin, "filename", None) == getattr(raised, "filename", None)


def test_importing_reads_no_entry_points_and_no_files():
    """What is needed once is imported when it is needed."""
    watched = {"importlib.metadata", "inspect", "dataclasses", "hashlib", "shutil", "difflib", "symtable"}
    program = (
        "import sys, config_core; config_core.PretrainedConfig(num_labels=3).to_json_string()\n"
        f"print(*{watched} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() in {"", "dataclasses"}
