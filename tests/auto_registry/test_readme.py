"""The README's examples, run as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from auto_registry.installed import CONFIG_GROUP, MODEL_GROUP

README = Path(__file__).parents[2] / "packages" / "auto-registry" / "README.md"


def blocks(language):
    """Return the code blocks of the README in a language."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_examples_run(run_alone, tmp_path):
    """What a reader pastes works, block after block in one program."""
    examples = blocks("python")
    assert examples
    run_alone("\n".join(examples), cwd=tmp_path)
    assert (tmp_path / "my-counter" / "config.json").is_file()


def test_entry_points_are_the_ones_that_are_read():
    """The table shown to package authors has the groups that the code reads."""
    (table,) = blocks("toml")
    assert set(tomllib.loads(table)["project"]["entry-points"]) == {CONFIG_GROUP, MODEL_GROUP}
