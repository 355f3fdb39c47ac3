"""Names out of files: only plain relative ones pass."""

from __future__ import annotations

import ntpath
import posixpath
import sys
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config_core import UnsafeNameError
from config_core.checkpoint import check_relative_name

if sys.version_info >= (3, 13):
    is_reserved_on_windows = ntpath.isreserved
else:

    def is_reserved_on_windows(name):
        """Return whether Windows opens a device or another file for a name."""
        return PureWindowsPath(name).is_reserved()


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "model-00001-of-00002.safetensors",
        "a/b/c.py",
        "__init__.py",
        "é/ü.py",
        "a b.txt",
        ".gitattributes",
        "a..b",
    ],
)
def test_plain_names_pass(name):
    """They are returned as they are."""
    assert check_relative_name(name, where="here") == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        (None, "is not a string"),
        (3, "is not a string"),
        (["a"], "is not a string"),
        ("/etc/passwd", "is absolute"),
        ("~", "is absolute"),
        ("~root/.ssh", "is absolute"),
        ("..", "'..' part"),
        ("a/../b", "'..' part"),
        ("a/./b", "'.' or"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("..\\a", "is special in paths, or not printable"),
        ("c:a", "is special in paths, or not printable"),
        ("a*", "is special in paths, or not printable"),
        ("a\x00", "is special in paths, or not printable"),
        ("a\r", "is special in paths, or not printable"),
        ("a\u202eb", "is special in paths, or not printable"),
        ("a\u200bb", "is special in paths, or not printable"),
        ("a\ud800", "is special in paths, or not printable"),
        (" a", "begins or ends with a space"),
        ("a /b", "begins or ends with a space"),
        ("a./b", "ends with a dot"),
        ("...", "ends with a dot"),
        ("CON", "device"),
        ("sub/nul.tar.gz", "device"),
        ("com1.py", "device"),
        ("COM².py", "device"),
        ("conin$", "device"),
        ("con .txt", "device"),
        ("a" * 256, "more than 255 bytes"),
        ("é" * 128, "more than 255 bytes"),
        ("a/" * 600 + "a", "longer than 1024"),
    ],
)
def test_other_names_are_refused_with_the_reason(name, reason):
    """The error says where the name stands and what is wrong with it, and is a ValueError."""
    with pytest.raises(UnsafeNameError, match=f"^here names .*{reason}") as caught:
        check_relative_name(name, where="here")
    assert (caught.value.name, caught.value.where) == (name, "here")
    assert isinstance(caught.value, ValueError)


@given(st.text(alphabet=st.sampled_from("ab./\\~: \x00é*?CON1$"), max_size=12) | st.text())
@example("../a")
@example("a/..")
def test_a_name_that_passes_stays_inside_on_every_system(name):
    """Whatever passes means the same file below the folder, and no other, on POSIX and on Windows."""
    try:
        check_relative_name(name, where="here")
    except UnsafeNameError:
        return
    assert posixpath.normpath(posixpath.join("/root", name)) == f"/root/{name}"
    for flavour in (PurePosixPath, PureWindowsPath):
        path = flavour(name)
        assert not path.is_absolute()
        assert not path.drive
        assert not path.root
        assert ".." not in path.parts
        assert "/".join(path.parts) == name
    assert not is_reserved_on_windows(name)
