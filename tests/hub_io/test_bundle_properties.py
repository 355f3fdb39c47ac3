"""What is hashed and trusted is exactly the files: whatever their order, and every byte of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from auto_registry import AutoConfig
from hub_io import RemoteCodeRefusedError
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, config_json

NAMES = st.from_regex(r"[a-z]{1,4}_[a-z](/[a-z]{1,4}_[a-z])?", fullmatch=True)
# Python in which any byte may change: a constant of bytes that stand as hexadecimal digits.
HELPERS = st.dictionaries(NAMES, st.binary(min_size=1, max_size=8), min_size=1, max_size=4).filter(
    lambda helpers: not any(f"{one}/" in f"{other}/" for one in helpers for other in helpers if one != other)
)


def checkpoint(folder, helpers, order):
    """Write a checkpoint whose config imports every helper, the files in an order."""
    lines = [
        f"from .{name.replace('/', '.')} import value as value_{index}" for index, name in enumerate(sorted(helpers))
    ]
    files = {f"{name}.py": f'value = "{content.hex()}"\n' for name, content in helpers.items()}
    files["configuration_tiny.py"] = "\n".join([*lines, CONFIGURATION])
    files["config.json"] = config_json({"AutoConfig": AUTO_MAP["AutoConfig"]})
    for name in sorted(files, reverse=order):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files[name], encoding="utf-8", newline="\n")


def bundle_in(folder):
    try:
        AutoConfig.from_pretrained(folder)
    except RemoteCodeRefusedError as refusal:
        return refusal.bundle
    raise AssertionError("not refused")


@settings(max_examples=40, deadline=None)
@given(HELPERS)
def test_digest_does_not_depend_on_place_or_order(helpers):
    """Two folders with the same files are the same code, with names that know forward slashes only."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        checkpoint(Path(one), helpers, order=False)
        checkpoint(Path(other), helpers, order=True)
        first, second = bundle_in(one), bundle_in(other)
    assert (first.digest, list(first.files)) == (second.digest, list(second.files))
    assert {f"{name}.py" for name in helpers} <= set(first.files)
    assert not any("\\" in name for name in first.files)


@settings(max_examples=40, deadline=None)
@given(HELPERS, st.data())
def test_digest_changes_with_any_byte(helpers, data):
    """Of any file: there is none that is run and not hashed."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(Path(folder), helpers, order=False)
        before = bundle_in(folder)
        path = Path(folder) / data.draw(st.sampled_from(sorted(before.files)))
        content = bytearray(path.read_bytes())
        # A space or a comment's letter: Python stays Python, and another text.
        content += data.draw(st.sampled_from([b" ", b"\n", b"# a", b"\r\n", b"\x0c"]))
        path.write_bytes(content)
        after = bundle_in(folder)
    assert before.digest != after.digest
    assert before.files.keys() == after.files.keys()


@settings(max_examples=20, deadline=None)
@given(HELPERS, NAMES)
def test_file_that_nothing_imports_changes_nothing(helpers, name):
    """What is not needed is neither hashed nor run."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(Path(folder), helpers, order=False)
        before = bundle_in(folder)
        path = Path(folder) / f"unused_{name.replace('/', '_')}.py"
        path.write_text("raise SystemExit", encoding="utf-8")
        assert bundle_in(folder).digest == before.digest
