"""What is hashed and trusted is exactly the files: whatever their order, and every byte of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from auto_registry import AutoConfig
from config_core.code import CodeBundle
from config_core.errors import UnsafeNameError
from hub_io import RemoteCodeRefusedError
from hub_io.code import CodeStore
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, config_json

# How long a thing takes is not tested.
MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(MANY, max_examples=30)

NAMES = st.from_regex(r"[a-z]{1,4}_[a-z](/[a-z]{1,4}_[a-z])?", fullmatch=True)


def no_file_is_a_folder(files):
    return not any(one != other and other.startswith(f"{one}/") for one in files for other in files)


# Any files: what a bundle may hold besides Python is data, and that is any bytes under nearly any name.
PARTS = st.from_regex(r"[A-Za-z0-9_+=@-][A-Za-z0-9 ._+=@-]{0,6}[A-Za-z0-9_+=@-]", fullmatch=True)
ANY_NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


def may_be_a_bundle(files):
    try:
        CodeBundle(files)
    except UnsafeNameError:  # a device, or names that differ in case
        return False
    return no_file_is_a_folder(files)


ANY_FILES = st.dictionaries(ANY_NAMES, st.binary(max_size=40), min_size=1, max_size=5).filter(may_be_a_bundle)


@MANY
@given(ANY_FILES, st.data())
def test_digest_does_not_depend_on_the_order_of_files(files, data):
    """Systems list a folder in whatever order they like."""
    shuffled = dict(data.draw(st.permutations(list(files.items()))))
    assert CodeBundle(shuffled).digest == CodeBundle(files).digest


@MANY
@given(ANY_FILES, ANY_FILES)
def test_different_files_have_different_digests(one, other):
    """No content can be said in two ways, and no two contents in one."""
    assert (CodeBundle(one).digest == CodeBundle(other).digest) == (one == other)


@MANY
@given(ANY_FILES, st.data())
def test_digest_changes_with_any_byte_of_any_file(files, data):
    """Changed, put in or taken out, wherever it stands."""
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 1, len(content))))
    changed = content[:start] + data.draw(st.binary(max_size=1)) + content[end:]
    assume(changed != content)
    assert CodeBundle({**files, name: changed}).digest != CodeBundle(files).digest


@MANY
@given(ANY_FILES, ANY_NAMES, st.binary(max_size=4), st.data())
def test_digest_changes_with_any_name(files, name, content, data):
    """A file more, a file less, one under another name, two that change places."""
    digest = CodeBundle(files).digest
    old = data.draw(st.sampled_from(sorted(files)))
    less = {other: content for other, content in files.items() if other != old}
    assert CodeBundle(less).digest != digest
    for changed in ({**files, name: content}, {**less, name: files[old]}):
        assume(changed != files and may_be_a_bundle(changed))
        assert CodeBundle(changed).digest != digest


@MANY
@given(ANY_FILES, st.data())
def test_names_are_spelled_in_one_way_on_every_system(files, data):
    """A backslash separates on some systems and is a letter on others: it is refused."""
    with_folders = [name for name in files if "/" in name]
    assume(with_folders)
    name = data.draw(st.sampled_from(with_folders))
    with pytest.raises(UnsafeNameError):
        CodeBundle({**files, name.replace("/", "\\", 1): b""})


@FEW
@given(ANY_FILES)
def test_what_is_kept_on_a_disk_has_the_same_digest(files):
    """Written with this system's separators and listed in its order, it is the same to the byte."""
    bundle = CodeBundle(files)
    with tempfile.TemporaryDirectory() as folder:
        store = CodeStore(folder)
        store.keep(bundle, source="me/tiny")
        assert store.digests() == [bundle.digest]
        assert store.read(bundle.digest).bundle == bundle


# Python in which any byte may change: a constant of bytes that stand as hexadecimal digits.
HELPERS = st.dictionaries(NAMES, st.binary(min_size=1, max_size=8), min_size=1, max_size=4).filter(no_file_is_a_folder)


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


@FEW
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


@FEW
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


@FEW
@given(HELPERS, st.data())
def test_digest_changes_with_the_set_of_files_that_are_needed(helpers, data):
    """With a helper more, which something imports, or under another name."""
    old = data.draw(st.sampled_from(sorted(helpers)))
    new = data.draw(NAMES.filter(lambda name: no_file_is_a_folder({*helpers, name}) and name not in helpers))
    more = {**helpers, new: b"more"}
    renamed = {**{name: content for name, content in helpers.items() if name != old}, new: helpers[old]}
    digests = set()
    for found in (helpers, more, renamed):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint(Path(folder), found, order=False)
            bundle = bundle_in(folder)
        assert {f"{name}.py" for name in found} == set(bundle.files) - {"configuration_tiny.py"}
        digests.add(bundle.digest)
    assert len(digests) == 3


@FEW
@given(HELPERS, NAMES)
def test_file_that_nothing_imports_changes_nothing(helpers, name):
    """What is not needed is neither hashed nor run."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(Path(folder), helpers, order=False)
        before = bundle_in(folder)
        path = Path(folder) / f"unused_{name.replace('/', '_')}.py"
        path.write_text("raise SystemExit", encoding="utf-8")
        assert bundle_in(folder).digest == before.digest
