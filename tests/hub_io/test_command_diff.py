"""`hub-io diff`: what has changed since it was reviewed."""

from __future__ import annotations

import json
import re

import pytest

from hub_io_command import hub_io
from tiny_checkpoints import MODELING, config_json, files, write

pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def folder(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """A folder whose code was trusted."""
    names = 'NAMES = __file__, "tables/one.txt", "tables/two.txt", "tables/two.bin", "tables/data.dat"\n'
    content = {"modeling_tiny.py": names + MODELING, "tables/one.txt": "first\r\nsecond\r\n"}
    folder = write(tmp_path / "saved", files(content))
    assert hub_io("trust", folder, "--yes").exit_code == 0
    return folder


def diff_of(*arguments):
    """Return the one part of a diff that is about code of one place."""
    (code,) = hub_io("diff", *arguments, "--json").values["code"]
    return code


def test_code_of_tokenizers_and_that_of_models_are_not_versions_of_each_other(folder):
    """They have one source, and each is compared with what was trusted of it, whichever was trusted last."""
    auto_map = {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]}
    write(folder, {"tokenization_tiny.py": "from .configuration_tiny import TinyConfig\nclass TinyTokenizer: pass\n"})
    write(folder, {"tokenizer_config.json": json.dumps({"auto_map": auto_map})})
    ran = hub_io("diff", folder, "--for-transformers")
    assert (ran.exit_code, f"    $ hub-io trust {folder} --for-transformers\n" in ran.out) == (3, True)
    hub_io("trust", folder, "--for-transformers", "--yes")
    assert (hub_io("diff", folder).exit_code, hub_io("diff", folder, "--for-transformers").exit_code) == (0, 0)
    write(folder, {"tokenization_tiny.py": "from .configuration_tiny import TinyConfig\nclass TinyTokenizer: a = 1\n"})
    assert diff_of(folder, "--for-transformers")["changed"] == ["tokenization_tiny.py"]
    assert hub_io("diff", folder).exit_code == 0


def test_lines_that_changed_are_shown(hub):
    """As a unified diff against the text that was trusted."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes", "--note", "read by Ada")
    hub.commit("me/tiny", {"modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    ran = hub_io("diff", "me/tiny")
    assert ran.exit_code == 1
    assert "  changed: modeling_tiny.py\n\n--- reviewed/modeling_tiny.py\n+++ newer/modeling_tiny.py\n@@ " in ran.out
    assert ran.out.endswith("\n+EXTRA = 1\n")
    assert "read by Ada" in ran.out


def test_files_are_named_by_what_became_of_them(folder):
    """Changed, added and removed, in the text and for machines."""
    modeling = (folder / "modeling_tiny.py").read_text(encoding="utf-8")
    write(folder, {"tables/two.txt": "new\n", "modeling_tiny.py": f"{modeling}\n"})
    (folder / "tables" / "one.txt").unlink()
    ran = hub_io("diff", folder)
    assert "  changed: modeling_tiny.py\n  added: tables/two.txt\n  removed: tables/one.txt\n" in ran.out
    assert "--- /dev/null\n+++ newer/tables/two.txt\n@@ -0,0 +1 @@\n+new\n" in ran.out
    assert "--- reviewed/tables/one.txt\n+++ /dev/null\n" in ran.out
    values = diff_of(folder)
    assert (values["changed"], values["added"], values["removed"]) == (
        ["modeling_tiny.py"],
        ["tables/two.txt"],
        ["tables/one.txt"],
    )
    assert values["same"] is False


def test_machines_get_both_versions(hub):
    """Commit, digest and the SHA-256 of each file, and the diff as text."""
    before = hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    after = hub.commit("me/tiny", {"modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    values = diff_of("me/tiny")
    assert (values["reviewed"]["commit"], values["newer"]["commit"]) == (before, after)
    assert values["reviewed"]["files"].keys() == values["newer"]["files"].keys()
    assert values["reviewed"]["digest"] != values["newer"]["digest"]
    assert values["diff"].endswith("\n+EXTRA = 1\n")


def test_lines_that_are_newly_worth_a_look_come_first(hub):
    """Those that the reviewed version had already are not repeated, also if they have moved."""
    old, new = 'import os\nos.system("a")\n', 'import subprocess\n\n\ndef f():\n    return eval("1")\n'
    hub.create_repo("me/tiny", files({"modeling_tiny.py": MODELING + old}))
    hub_io("trust", "me/tiny", "--yes")
    hub.commit("me/tiny", {"modeling_tiny.py": f'{MODELING}{new}{old}os.system("b")\n'})
    section = hub_io("diff", "me/tiny").out.partition("\nNewly worth a look\n")[2].partition("\n\n")[0]
    assert [line.rpartition(": ")[2] for line in section.splitlines()] == [
        "eval (when called)",
        "os.system (on import)",
    ]
    remarks = diff_of("me/tiny")["new_remarks"]
    assert [(remark["what"], remark["at_import"]) for remark in remarks] == [("eval", False), ("os.system", True)]


def test_nothing_new_to_look_at_needs_no_section(hub):
    """A harmless change is shown as it was."""
    hub.create_repo("me/tiny", files({"modeling_tiny.py": f'{MODELING}eval("1")\n'}))
    hub_io("trust", "me/tiny", "--yes")
    hub.commit("me/tiny", {"modeling_tiny.py": f'{MODELING}# a comment\neval("1")\n'})
    assert "worth a look" not in hub_io("diff", "me/tiny").out
    assert diff_of("me/tiny")["new_remarks"] == []


def test_same_code_has_no_diff(folder):
    """Exit code 0 says that what was reviewed is what is there."""
    write(folder, {"README.md": "no code"})
    ran = hub_io("diff", folder)
    assert (ran.exit_code, "the same code" in ran.out) == (0, True)
    assert (diff_of(folder)["same"], diff_of(folder)["diff"]) == (True, "")


def test_ends_of_lines_that_changed_are_seen(folder):
    """An editor would show both versions alike."""
    (folder / "tables" / "one.txt").write_bytes(b"first\nsecond\r\nthird")
    out = hub_io("diff", folder).out
    assert "-first\\r\\n\n+first\n second\\r\\n\n+third  (no line end)\n" in out


def test_line_that_looks_like_a_header_is_no_header(folder):
    """What a file says cannot pass for what `diff` says: every line of it has its sign, and escapes are shown."""
    write(folder, {"tables/one.txt": "++ newer/innocent.py\n\x1b[2K\u202e\n"})
    out = hub_io("diff", folder).out
    assert "\n+++ newer/tables/one.txt\n@@ -1,2 +1,2 @@\n" in out
    assert "\n+++ newer/innocent.py\n+\\x1b[2K\\u202e\n" in out


def test_files_that_are_no_text_are_named(folder):
    """There is nothing to show of them."""
    (folder / "tables" / "one.txt").write_bytes(b"\xff")
    assert "tables/one.txt\n  one of the two is binary\n" in hub_io("diff", folder).out
    assert diff_of(folder)["without_diff"] == {"tables/one.txt": "one of the two is binary"}


def test_files_that_are_too_long_to_compare_are_named(folder):
    """To compare them would take hours, and nobody reads them."""
    write(folder, {"tables/one.txt": "1\n2\n" * 20_000})
    assert "tables/one.txt\n  one of the two has more than 6,000 lines\n" in hub_io("diff", folder).out


def test_nothing_was_reviewed(tmp_path):
    """Exit code 3: nothing can be compared then."""
    folder = write(tmp_path / "other", files())
    ran = hub_io("diff", folder)
    assert (ran.exit_code, "no version of it was reviewed" in ran.out) == (3, True)
    assert diff_of(folder)["reviewed"] is None


def test_checkpoint_without_code_has_no_diff(tmp_path):
    """Exit code 3, with the reason."""
    ran = hub_io("diff", write(tmp_path / "other", {"config.json": '{"model_type": "tiny"}'}))
    assert (ran.exit_code, ran.out) == (3, "")
    assert "ships no code" in ran.err


def test_newest_review_counts_unless_another_is_named(folder):
    """`--since` takes the beginning of a digest."""
    (first,) = hub_io("list", "--json").values["entries"]
    write(folder, {"modeling_tiny.py": MODELING + "SECOND = 2\n"})
    hub_io("trust", folder, "--yes")
    write(folder, {"modeling_tiny.py": MODELING + "THIRD = 3\n"})
    assert "+THIRD = 3\n" in diff_of(folder, "--since", first["digest"][:12])["diff"]
    assert "SECOND" not in diff_of(folder, "--since", f"sha256:{first['digest']}")["diff"]
    assert hub_io("diff", folder, "--since", "0000").exit_code == 3


def test_text_comes_from_the_hub_where_this_machine_has_none(hub, tmp_path, monkeypatch):
    """A colleague who has only the lock file sees the same diff, of code in a folder too."""
    hub.create_repo("me/tiny", {f"small/{name}": text for name, text in files().items()})
    hub_io("trust", "me/tiny", "--subfolder", "small", "--yes", "--project")
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "another machine"))
    hub.commit("me/tiny", {"small/modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    assert diff_of("me/tiny", "--subfolder", "small")["diff"].endswith("\n+EXTRA = 1\n")


def test_text_that_is_gone_is_said_to_be(folder, tmp_path, monkeypatch):
    """Of a folder nobody else has a copy; the names of what changed are known all the same."""
    monkeypatch.setenv("HUB_IO_CACHE", str(tmp_path / "another machine"))
    write(folder, {"modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    ran = hub_io("diff", folder)
    assert "  changed: modeling_tiny.py\n" in ran.out
    assert "the reviewed version is not available: it was read from a folder" in ran.out


def test_text_in_the_code_store_that_was_tampered_with_is_not_believed(folder, tmp_path):
    """It has not the digest that was recorded."""
    (kept,) = (tmp_path / "cache" / "code").rglob("modeling_tiny.py")
    kept.write_text(MODELING + "EXTRA = 1\n", encoding="utf-8")
    write(folder, {"modeling_tiny.py": MODELING + "EXTRA = 1\n"})
    ran = hub_io("diff", folder)
    assert (ran.exit_code, "the reviewed version is not available" in ran.out) == (1, True)


def test_code_of_each_place_is_compared_by_itself(hub):
    """The model's own code was reviewed here, and the config's in another repository has changed."""
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    hub.create_repo("other/code", files())
    hub.create_repo("me/tiny", files({"config.json": config_json(auto_map)}))
    hub_io("trust", "me/tiny", "--yes")
    hub.commit("other/code", {"configuration_tiny.py": "EXTRA = 1\n"})
    ran = hub_io("diff", "me/tiny", "--json")
    same = {code["source"]: code["same"] for code in ran.values["code"]}
    assert (ran.exit_code, same) == (1, {"me/tiny": True, "other/code": False})


@pytest.mark.timeout(60)
@pytest.mark.parametrize("num_lines", [5_900, 50_000])
def test_lines_that_take_long_to_compare_are_not_compared(tmp_path, num_lines):
    """Whoever writes the next version could keep its reviewer waiting; that it changed is said at once."""
    for verb, step in (("trust", 1), ("diff", 7)):
        lines = "".join(f"x = {n * step % 101}\n" for n in range(num_lines))
        folder = write(tmp_path / "other", files({"modeling_tiny.py": MODELING + lines}))
        ran = hub_io(verb, folder, *(["--yes"] if verb == "trust" else []))
    assert ran.exit_code == 1
    assert "  changed: modeling_tiny.py\n" in ran.out
    assert re.search(r"modeling_tiny\.py\n  (the same lines occur too often in both|one of the two has more)", ran.out)


def test_lines_that_repeat_in_ordinary_code_are_compared(tmp_path):
    """Blank lines and brackets are most of some files."""
    lines = "".join(f"def f{n}():\n    return (\n        {n},\n    )\n\n\n" for n in range(900))
    folder = write(tmp_path / "other", files({"modeling_tiny.py": MODELING + lines}))
    hub_io("trust", folder, "--yes")
    write(folder, {"modeling_tiny.py": MODELING + lines.replace("        450,", "        451,")})
    assert "-        450,\n+        451,\n" in diff_of(folder)["diff"]
