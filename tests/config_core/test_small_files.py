"""Small files that somebody else may have written: read strictly, replaced as one step."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import config_core
from config_core import ConfigFileError
from config_core.checkpoint import decode_json, read_at_most, replace_file


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


# Replacing


def test_a_file_is_written_and_replaced(tmp_path):
    """Nothing but the file is left in the folder."""
    path = tmp_path / "a.json"
    for content in (b"first", b"", b"second"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_file_keeps_its_permissions(tmp_path):
    """A new one has those of the umask, and a caller may ask for others whatever the umask is."""
    path = tmp_path / "a.json"
    before = os.umask(0o027)
    try:
        replace_file(path, b"new")
        assert mode_of(path) == 0o640
        path.chmod(0o606)
        replace_file(path, b"kept")
        assert mode_of(path) == 0o606
        replace_file(path, b"given", mode=0o644)
        assert mode_of(path) == 0o644
    finally:
        os.umask(before)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    """A folder in its place, or a folder that is not there, is an error, and no draft stays."""
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        replace_file(tmp_path / "a.json", b"new")
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "absent" / "a.json", b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_replaced_and_not_followed(tmp_path):
    """What it leads to belongs to somebody else."""
    (tmp_path / "other").write_bytes(b"theirs")
    (tmp_path / "a.json").symlink_to("other")
    replace_file(tmp_path / "a.json", b"ours")
    assert (tmp_path / "other").read_bytes() == b"theirs"
    assert not (tmp_path / "a.json").is_symlink()


KILLED = """
import sys
from pathlib import Path
from config_core.checkpoint import replace_file
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    for content in (b"a" * 100_000, b"b" * 100_000):
        replace_file(path, content)
        print("written", flush=True)
"""


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path):
    """Readers beside it, and those after it was killed, never see a part."""
    path = tmp_path / "a.json"
    replace_file(path, b"a" * 100_000)
    environment = {"PYTHONPATH": str(Path(config_core.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, env=environment) as writer:
        for _ in range(40):
            assert writer.stdout.readline()
            content = path.read_bytes()
            assert content in {b"a" * 100_000, b"b" * 100_000}
        writer.kill()
    assert path.read_bytes() in {b"a" * 100_000, b"b" * 100_000}


# Reading


def test_json_is_read(tmp_path):
    """Any value, with what the caller makes of its objects; the innermost is made first."""
    path = tmp_path / "a.json"
    assert decode_json(b'\xef\xbb\xbf{"a": [1, {"b": null}]}', path=path) == {"a": [1, {"b": None}]}
    assert decode_json(b"[]", path=path) == []
    assert decode_json(b'{"a": {"b": {}}}', path=path, make_object=len) == 1


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b'{\n"a": 1,\n"b": {"a": 2},\n"a": 3}', 4, "duplicate key 'a'."),
        (b'{"x": "{\\"a\\": 1",\n"b": [{"c": 1, "c": 2}]}', 2, "duplicate key 'c'."),
        (b'{"a": 1, "\\u0061": 2}', 1, "duplicate key 'a'."),
        (b"{\n'a': 1}", 2, "this is not JSON: Expecting property name"),
        (b'{"a":\n"\xff"}', 2, "this is not UTF-8 text."),
        (b"[" * 200_000, None, "this is nested too deep."),
        (b"", 1, "this is not JSON"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(tmp_path, content, line, problem):
    """The error has the problem, the path and the line apart, for a caller that words its own."""
    path = tmp_path / "a.json"
    with pytest.raises(ConfigFileError) as caught:
        decode_json(content, path=path)
    assert caught.value.problem.startswith(problem)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert str(caught.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b'{\n  // width\n  "a": 1}', "JSON has no comments."),
        (b'{"a": 1 # width\n}', "JSON has no comments."),
        (b'{"a": /* width */ 1}', "JSON has no comments."),
        (b"{'a': 1}", "Text in JSON is in double quotes."),
        (b'{"a": True}', "Write true for True."),
        (b'{"a": [None]}', "Write null for None."),
        (b'{"a": 1,\n}', "comma"),
        (b'{"a": [1, ]}', "comma"),
    ],
)
def test_habits_of_other_languages_are_corrected(content, hint, tmp_path):
    """JSON is written by hand by people who write Python, JavaScript or YAML."""
    with pytest.raises(ConfigFileError) as caught:
        decode_json(content, path=tmp_path / "a.json")
    assert hint in caught.value.problem


def test_an_object_that_the_caller_refuses_is_an_error(tmp_path):
    """Its ValueError becomes one with the path."""

    def refuse(values):
        raise ValueError(f"{sorted(values)} is not allowed")

    with pytest.raises(ConfigFileError, match=r"a.json: \['a'\] is not allowed\."):
        decode_json(b'{"a": 1}', path=tmp_path / "a.json", make_object=refuse)


def test_no_more_than_the_limit_is_read(tmp_path):
    """One byte more tells the caller that the file is larger."""
    (tmp_path / "a").write_bytes(b"x" * 1000)
    assert len(read_at_most(tmp_path / "a", 10)) == 11
    assert len(read_at_most(tmp_path / "a", 1000)) == 1000


@pytest.mark.parametrize("depth", [101, 500, 980, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_that_nothing_else_could_follow_is_refused(depth, opening, closing):
    """Python reads some 990 levels, but copies, pickles and writes fewer."""
    content = (opening * depth + "1" + closing * depth).encode()
    with pytest.raises(ConfigFileError, match=r"nested too deep\. At most 100 levels"):
        decode_json(content, path=Path("x.json"))


@pytest.mark.parametrize("text", ["[" * 100 + "1" + "]" * 100, json.dumps({"a": '[{"' * 300, "b": [[]] * 300})])
def test_nesting_is_counted_in_values_only(text):
    """Brackets in strings, and lists beside each other, nest nothing."""
    assert decode_json(text.encode(), path=Path("x.json")) == json.loads(text)
