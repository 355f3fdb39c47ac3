"""`hub-code.toml`: what code says about itself, read strictly, saved and hashed with the code."""

from __future__ import annotations

import pytest

from config_core import SourceCodeError
from config_core.code import MAX_DATA_BYTES, CodeManifest, declared_files


def declared(content, files=()):
    """Return what a folder with this manifest and these files declares."""
    held = {"hub-code.toml": content.encode() if isinstance(content, str) else content}
    held |= files if isinstance(files, dict) else dict.fromkeys(files, b"x")
    return declared_files(held.get, lambda: held, where="there")


def test_folder_without_a_manifest_declares_nothing():
    """Most code has none."""
    assert declared_files({}.get, dict, where="there") == {}


def test_requirements_and_data_are_read():
    """The manifest itself belongs to what is hashed."""
    manifest = CodeManifest.parse(b'requires = ["numpy>=1.26"]\ndata = ["tables/*.json"]', path="hub-code.toml")
    assert (manifest.requires, manifest.data) == (("numpy>=1.26",), ("tables/*.json",))
    assert set(declared('data = ["a.txt"]', ["a.txt", "b.txt"])) == {"hub-code.toml", "a.txt"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", {"a.txt"}),
        ("*.txt", {"a.txt", "b.txt"}),
        ("?.txt", {"a.txt", "b.txt"}),
        ("tables/*", {"tables/x.csv"}),
        ("**/*.csv", {"tables/x.csv", "tables/deep/y.csv"}),
        ("tables/**/y.csv", {"tables/deep/y.csv"}),
        ("[ab].txt", set()),
    ],
)
def test_patterns_mean_files_of_the_folder(pattern, found):
    """A star stays in its folder, two of them are any folders, and brackets are only brackets."""
    files = ["a.txt", "b.txt", "tables/x.csv", "tables/deep/y.csv", ".hidden/z.csv", "tables/.z.csv"]
    if found:
        assert set(declared(f'data = ["{pattern}"]', files)) - {"hub-code.toml"} == found
    else:
        with pytest.raises(SourceCodeError, match="there is no such file beside it"):
            declared(f'data = ["{pattern}"]', files)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff", "it is not UTF-8 text"),
        ("requires = [", "it is not TOML"),
        ("[" * 100_000, "it is not TOML"),
        ("run = 'evil.py'", "it has a key 'run'. Allowed are 'requires' and 'data'"),
        ("requires = 'numpy'", "requires must be a list of strings"),
        ("requires = [1]", "requires must be a list of strings"),
        ("data = {a = 1}", "data must be a list of strings"),
        (f"data = {['a'] * 1001}", "data has more than 1,000 entries"),
        ("data = ['../secret']", "allowed are plain relative names inside the folder"),
        ("data = ['/etc/passwd']", "allowed are plain relative names inside the folder"),
        ("data = ['a/../../b']", "allowed are plain relative names inside the folder"),
        ("data = ['..\\\\b']", "allowed are plain relative names inside the folder"),
        ("data = ['.git/config']", "hidden files are not part of code"),
        ("data = ['*']", "changes with every save"),
        ("data = ['*.safetensors']", "changes with every save"),
        ("data = ['config.json']", "changes with every save"),
        ("data = ['absent.txt']", "there is no such file beside it"),
    ],
)
def test_manifest_that_is_not_allowed_is_an_error_of_its_file(content, sentence):
    """It says what is allowed."""
    with pytest.raises(SourceCodeError, match=sentence.replace(".", r"\.").replace("*", r"\*")) as caught:
        declared(content)
    assert "hub-code.toml" in str(caught.value)


def test_data_beyond_measure_is_refused():
    """A manifest is for tables and vocabularies, and not for weights."""
    half = bytes(MAX_DATA_BYTES // 2)
    with pytest.raises(SourceCodeError, match="keep weights in the checkpoint"):
        declared('data = ["a.bin", "b.bin"]', {"a.bin": half, "b.bin": half + b"x"})


def test_more_files_than_code_has_are_refused():
    """Each would be asked for on its own."""
    with pytest.raises(SourceCodeError, match=r"data names 1,001 files\. Allowed are 1,000"):
        declared('data = ["t/*"]', [f"t/{number}" for number in range(1001)])


def test_hostile_pattern_is_matched_in_no_time():
    """Each part is tried once on each part of a name, whatever the pattern looks like."""
    deep = "/".join(["a"] * 100)
    pattern = "/".join(["**"] * 100)
    assert f"{deep}/x" in declared(f'data = ["{pattern}/x"]', [f"{deep}/x"])
