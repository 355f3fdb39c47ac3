"""The README's examples, run as they stand."""

from __future__ import annotations

import tomllib
from pathlib import Path

from auto_registry.installed import CONFIG_GROUP, MODEL_GROUP
from readme_blocks import fenced_blocks

README = Path(__file__).parents[2] / "packages" / "auto-registry" / "README.md"


def blocks(language):
    """Return the code blocks of the README in a language."""
    return [block for block in fenced_blocks(README.read_text(encoding="utf-8")) if block.language == language]


def test_examples_run(run_alone, tmp_path):
    """What a reader pastes works, block after block in one program."""
    examples = [block.source for block in blocks("python") if block.file == "README.py"]
    assert examples
    run_alone("\n".join(examples), cwd=tmp_path)
    assert (tmp_path / "my-counter" / "config.json").is_file()


def test_entry_points_are_the_ones_that_are_read():
    """The table shown to package authors has the groups that the code reads."""
    (table,) = blocks("toml")
    assert set(tomllib.loads(table.source)["project"]["entry-points"]) == {CONFIG_GROUP, MODEL_GROUP}
