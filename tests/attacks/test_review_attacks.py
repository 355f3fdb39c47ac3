"""What a reviewer sees: code and names that are made to look harmless in a terminal, in a refusal, or in a log."""

from __future__ import annotations

import json
import time

import pytest

from auto_registry import AutoConfig, AutoModel
from hub_io_command import hub_io
from tiny_checkpoints import MODELING, config_json

# Each makes a terminal or an editor show something else than what stands there.
DISGUISES = {
    "line that is cleared": "x = 1  # \x1b[2K\x1b[1A",
    "screen that is cleared": "x = 1  # \x1b[2J\x1b[H",
    "text without colour": "x = 1  # \x1b[8m",
    "return": "x = 1  # evil\r# innocent",
    "backspaces": "x = 1  # evil\b\b\b\b",
    "title of the window": "x = 1  # \x1b]0;done\x07",
    "eight bit control": "x = 1  # \x9b2J",
    "direction": "x = 1  # \u202e evil \u2066",
    "no width": "x = 1  # ev\u200bil",
    "page feed": "x = 1\x0c",
    "line separator": "x = 1  # \u2028 y = 2",
    "link": "x = 1  # \x1b]8;;https://evil\x1b\\docs\x1b]8;;\x1b\\",
}


def is_visible(text):
    """Return whether a text holds nothing that a terminal acts upon or does not show."""
    return all(character.isprintable() or character == "\n" for character in text)


@pytest.fixture
def reviewed(lenient_witness, tmp_path, monkeypatch):
    """Return a folder whose harmless code somebody has reviewed and trusted."""
    monkeypatch.setenv("HUB_IO_TRUST_STORE", str(tmp_path / "store.json"))
    folder = lenient_witness.write(harmless=True)
    assert hub_io("trust", "--yes", folder).exit_code == 0
    return folder


@pytest.mark.parametrize("name", DISGUISES)
def test_diff_shows_what_stands_there(lenient_witness, reviewed, name):
    """Every character that would not be seen is written out."""
    hidden = f"{DISGUISES[name]}\n{MODELING}"
    with (reviewed / "modeling_tiny.py").open("w", encoding="utf-8", newline="") as file:
        file.write(hidden)
    lenient_witness.note()
    shown = hub_io("diff", reviewed)
    assert is_visible(shown.out + shown.err)
    assert "\\x" in shown.out or "\\u" in shown.out or "\\r" in shown.out


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("arguments", [["inspect"], ["inspect", "--json"], ["trust", "--yes"]])
def test_review_prints_nothing_that_a_terminal_acts_upon(lenient_witness, name, arguments):
    """Not from a risky line that it quotes, either."""
    source = f"import os  # {DISGUISES[name]}\nos.system  # {DISGUISES[name]}\n{MODELING}"
    folder = lenient_witness.write(harmless=True)
    with (folder / "modeling_tiny.py").open("w", encoding="utf-8", newline="") as file:
        file.write(source)
    lenient_witness.note()
    shown = hub_io(*arguments, folder)
    assert is_visible(shown.out + shown.err)


@pytest.mark.parametrize("disguise", ["\x1b[2J", "\r", "\u202e", "\u2066", "\x07", "\x9b2J", "\n# innocent"])
@pytest.mark.parametrize("key", ["model_type", "AutoConfig", "architectures", "dtype", "auto_map", "note"])
def test_error_repeats_no_control_characters(witness, disguise, key):
    """Values of a file are quoted in errors, and errors end in terminals and logs."""
    values = {
        "AutoConfig": {"auto_map": {"AutoConfig": f"x{disguise}.X", "AutoModel": f"x{disguise}.X"}},
        "auto_map": {"auto_map": f"x{disguise}"},
        "model_type": {"model_type": f"tiny{disguise}", "auto_map": {}},
        "architectures": {"architectures": [f"x{disguise}"], "auto_map": {}},
        "dtype": {"dtype": f"x{disguise}", "auto_map": {}},
        "note": {f"note{disguise}": 1, f"note{disguise}.trust_remote_code": {"trust_remote_code": True}},
    }[key]
    folder = witness.write({"config.json": json.dumps({"model_type": "tiny"} | values)})
    for load in (AutoConfig.from_pretrained, AutoModel.from_pretrained):
        with pytest.raises((ValueError, OSError, TypeError)) as caught:
            load(folder, trust_remote_code=True)
        assert is_visible(str(caught.value))


def test_refusal_shows_every_file_that_would_run(witness):
    """No number of harmless files pushes the harmful one off the list."""
    names = [f"part_{number:03}" for number in range(200)]
    imports = "".join(f"from . import {name}\n" for name in names)
    content = {f"{name}.py": "x = 1\n" for name in names} | {"configuration_tiny.py": imports + witness.trace}
    folder = witness.write(content)
    with pytest.raises(PermissionError) as caught:
        AutoConfig.from_pretrained(folder)
    assert all(f"  {name}.py" in str(caught.value) for name in names)


def test_review_of_nested_lambdas_ends(witness):
    """What is inside several of them is read once, not once for each."""
    lambdas = f"{'lambda: ' * 900}0\n" * 12
    folder = witness.write({"configuration_tiny.py": f"import transformers\n{lambdas}{witness.trace}"})
    start = time.process_time()
    assert "configuration_tiny.py" in hub_io("inspect", folder).out
    assert time.process_time() - start < 15


def test_reviewing_runs_nothing(witness):
    """To inspect, compare and trust are reading; what is trusted does not run because of that."""
    folder = witness.write({"config.json": config_json()})
    for arguments in (["inspect"], ["inspect", "--json"], ["trust", "--yes"], ["diff"], ["verify"], ["list"]):
        hub_io(*arguments, *([] if arguments[0] in {"verify", "list"} else [folder]))
    assert not witness.marker.exists()
