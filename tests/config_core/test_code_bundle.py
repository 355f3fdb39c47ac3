"""Source files as one value with one digest."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config_core import UnsafeNameError
from config_core.code import CodeBundle

NAMES = st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3})?\.py", fullmatch=True).filter(
    lambda name: not any(part.partition(".")[0] in {"aux", "con", "nul", "prn"} for part in name.split("/"))
)
FILES = st.dictionaries(NAMES, st.binary(max_size=20), max_size=4)


@given(FILES, st.randoms())
def test_the_digest_depends_on_names_and_contents_alone(files, random):
    """Not on their order, nor on which classes are offered."""
    shuffled = list(files.items())
    random.shuffle(shuffled)
    assert CodeBundle(dict(shuffled), {"AutoModel": "m.C"}).digest == CodeBundle(files).digest


@given(FILES, FILES)
def test_other_files_have_another_digest(one, other):
    """Any change of a name or of a byte is seen."""
    assert (CodeBundle(one).digest == CodeBundle(other).digest) == (one == other)


def test_the_digest_is_what_sha256sum_says():
    """Anybody can check it: the digest of the listing that sha256sum prints."""
    listing = f"{hashlib.sha256(b'A').hexdigest()}  a.py\n{hashlib.sha256(b'B').hexdigest()}  b/c.py\n"
    bundle = CodeBundle({"b/c.py": b"B", "a.py": b"A"})
    assert bundle.digest == hashlib.sha256(listing.encode()).hexdigest()
    assert list(bundle.files) == list(bundle.file_digests()) == ["a.py", "b/c.py"]


def test_a_bundle_is_not_its_callers_dict():
    """A change to what it was made of does not change it."""
    files = {"a.py": b"A"}
    bundle = CodeBundle(files)
    files["b.py"] = b"B"
    assert list(bundle.files) == ["a.py"]


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a.py\nother", "a\\b.py", ""])
def test_names_that_could_leave_a_folder_are_refused(name):
    """Nor can a name with a line break look like two files."""
    with pytest.raises(UnsafeNameError, match="code names"):
        CodeBundle({name: b""})
