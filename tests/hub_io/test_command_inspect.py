"""`hub-io inspect`: what would run, read before it may."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from config_core.code import portable_files
from hub_io_command import hub_io
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json, files, trust, write

pytestmark = pytest.mark.usefixtures("places")

NO_VERDICT = "This list helps you to read the code and is not a verdict"


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "saved", files(marker=tmp_path / "marker"))


@pytest.fixture
def remarks(tmp_path):
    """Returns a function that gives the remarks on the code of a module, as a list."""

    def remarks_on(source):
        folder = write(tmp_path / "saved", files({"modeling_tiny.py": source + MODELING}))
        return hub_io("inspect", folder, "--json").values["code"][0]["remarks"]

    return remarks_on


def test_files_digests_classes_and_imports_are_listed(folder):
    """What a reader needs to find the code and to know it again."""
    ran = hub_io("inspect", folder)
    assert ran.exit_code == 0
    for text in ("configuration_tiny.py", "modeling_tiny.py", "sha256:", "AutoModel", "modeling_tiny.TinyModel"):
        assert text in ran.out
    assert "config_core" in ran.out
    assert "not trusted: it has no entry in the trust store" in ran.out


def test_nothing_is_run(folder, tmp_path):
    """Neither the text nor the JSON comes from executing the code."""
    hub_io("inspect", folder)
    hub_io("inspect", folder, "--json", "--source-code")
    assert not (tmp_path / "marker").exists()


def test_machines_get_the_same(folder):
    """One JSON object, with the digest that `trust --digest` takes."""
    values = hub_io("inspect", folder, "--json").values
    (code,) = values["code"]
    assert values["ok"] is True
    assert [file["name"] for file in code["files"]] == ["configuration_tiny.py", "modeling_tiny.py"]
    assert code["classes"] == AUTO_MAP
    assert (code["trusted"], code["because"]) == (False, "it has no entry in the trust store")
    assert len(code["digest"]) == 64
    assert values["remark"].startswith(NO_VERDICT)


def test_source_code_is_printed_when_asked_for(folder):
    """With line numbers for people, as it stands for machines."""
    assert "model_type" not in hub_io("inspect", folder).out
    assert '8 │     model_type = "tiny"' in hub_io("inspect", write(folder, files()), "--source-code").out
    (code,) = hub_io("inspect", folder, "--json", "--source-code").values["code"]
    assert [file["text"] for file in code["files"]] == [CONFIGURATION, MODELING]


def test_only_what_would_run_is_listed(folder):
    """Scripts beside the model are no part of it, and the module that a class needs is."""
    write(
        folder,
        {"train.py": "import os", "blocks/deep.py": "", "modeling_tiny.py": f"from .blocks import deep{MODELING}"},
    )
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert [file["name"] for file in code["files"]] == ["blocks/deep.py", "configuration_tiny.py", "modeling_tiny.py"]


def test_data_that_the_code_names_is_listed_as_such(folder):
    """It is hashed and trusted with the rest, and does not run."""
    names = 'NAMES = __file__, "tables/one.json", "tables/two.dat"\n'
    write(folder, {"modeling_tiny.py": names + MODELING, "tables/one.json": "{}", "requirements.txt": "click"})
    (folder / "tables" / "two.dat").write_bytes(b"\xff\x00")
    listed = {file["name"]: file["runs"] for file in hub_io("inspect", folder, "--json").values["code"][0]["files"]}
    assert listed["modeling_tiny.py"] is True
    assert [name for name, runs in listed.items() if not runs] == [
        "requirements.txt",
        "tables/one.json",
        "tables/two.dat",
    ]
    assert "tables/two.dat  (2 bytes, binary, data)" in hub_io("inspect", folder).out


def test_calls_that_deserve_a_look_are_noted_with_file_and_line(tmp_path):
    """And whether they run on import; and it is said plainly that this is no verdict."""
    risky = 'import os\nos.system("true")\ndef later():\n    return eval("1")\n'
    out = hub_io("inspect", write(tmp_path / "saved", files({"modeling_tiny.py": risky + MODELING}))).out
    assert "modeling_tiny.py:2  starts programs: os.system (on import)" in out
    assert "modeling_tiny.py:4  runs text as code: eval (when called)" in out
    assert NO_VERDICT in out
    assert "code can do harm without any line listed here" in out


@pytest.mark.parametrize(
    ("source", "kind", "what"),
    [
        ("import subprocess\nsubprocess.run([])", "starts programs", "subprocess.run"),
        ("from os import system as s\ns('')", "starts programs", "os.system"),
        ("from subprocess import *\nrun([])", "hides what it calls", "from subprocess import *"),
        ("import os\ngetattr(os, 'sys' + 'tem')", "hides what it calls", "os"),
        ("import socket\nsocket.socket()", "talks to the network", "socket.socket"),
        ("import urllib.request as u\nu.urlopen('')", "talks to the network", "urllib.request.urlopen"),
        ("e = eval", "runs text as code", "eval"),
        ("def f(x=exec('')): ...", "runs text as code", "exec"),
        ("(lambda: __builtins__)", "reaches into the interpreter", "__builtins__"),
        ("().__class__.__mro__", "reaches into the interpreter", "__mro__"),
        ("import json\njson.__builtins__.x", "reaches into the interpreter", "__builtins__"),
        ("getattr(f, '__globals__')", "reaches into the interpreter", "'__globals__'"),
        ("import ctypes\nctypes.CDLL(None)", "runs native code", "ctypes.CDLL"),
        ("from pickle import loads\nloads(b'')", "unpickles", "pickle.loads"),
        ("import torch\ntorch.load('')", "unpickles", "torch.load without weights_only=True"),
        ("import numpy\nnumpy.load('', allow_pickle=True)", "unpickles", "numpy.load with allow_pickle"),
        ("import importlib\nimportlib.import_module(x)", "imports what it computes", "importlib.import_module"),
        ("open('f', 'w')", "writes or removes files", "open"),
        ("import pathlib\npathlib.Path('f').unlink()", "writes or removes files", ".unlink()"),
        ("import os\nos.environ['HF_TOKEN']", "reads the environment", "os.environ"),
        ("x = 'HUB_IO_TRUST_STORE'", "touches what decides on code", "HUB_IO_"),
        ("f(trust_remote_code=True, x='trust_remote_code')", "touches what decides on code", "trust_remote_code"),
        ("p\u0430th = 1", "hides from readers", r"the name 'p\u0430th'"),
        ("# \u202e", "hides from readers", "the character U+202E"),
        ("# \U000e0041", "hides from readers", "the character U+E0041"),
        ("# \u3164", "hides from readers", "the character U+3164"),
        (f"x = 1{' ' * 2000}; y = 2", "hides from readers", "a line of 2,012 characters"),
        (f"x = '{'A' * 5000}'", "hides from readers", "a constant of 5,000 characters without a space"),
    ],
)  # fmt: skip
def test_risky_call_is_noted(remarks, source, kind, what):
    """By what it does and by its full name, under whatever name it was imported."""
    assert (kind, what) in {(remark["kind"], remark["what"]) for remark in remarks(source + "\n")}


def test_name_with_two_meanings_is_noted(remarks):
    """A harmless import elsewhere in the file hides nothing."""
    source = (
        "from os import system as f\nf('')\ndef later():\n    from math import floor as f, sqrt as eval\neval('')\n"
    )
    assert [(remark["line"], remark["what"]) for remark in remarks(source)] == [(2, "os.system"), (5, "eval")]


@pytest.mark.parametrize(
    "source",
    [
        f"x{'.a' * 1000}\n" * 20,
        "def later():\n" + "    x\n" * 20_000,
        f"ä = [{'1, ' * 20_000}]\n",
        "(" * 150 + ")" * 150 + "\n",
    ],
    ids=["chains", "body", "line", "nested"],
)
def test_code_that_is_made_to_take_long_is_read(remarks, source):
    """Time grows with the size of it, and not with its square."""
    assert isinstance(remarks(source), list)


def test_what_runs_on_import_is_told_apart(remarks):
    """Decorators and defaults run when the file is imported, bodies when they are called."""
    found = remarks("@eval\ndef f(a=eval):\n    eval\nclass A:\n    eval\ng = lambda: eval\n")
    assert [(remark["line"], remark["at_import"]) for remark in found] == [
        (1, True),
        (2, True),
        (3, False),
        (5, True),
        (6, False),
    ]


def test_honest_code_gets_no_remark(remarks):
    """A list with everything on it would be read by nobody."""
    source = """
import os.path, re, torch
pattern = re.compile("x")  # größer, 日本語
text = open(os.path.join("a", "b"), encoding="utf-8").read
weights = torch.load("x", weights_only=True)
def forward(model):
    model.eval()
    return torch.compile(model), model.cache.load()
"""
    assert remarks(source) == []


def test_known_file_of_base_classes_gets_no_remark(tmp_path):
    """It is named as such, so that people need to read it once; another file of that name is read like any other."""
    portable = portable_files({name: text.encode() for name, text in files().items()})
    folder = write(tmp_path / "saved", {name: content.decode() for name, content in portable.items()})
    ran = hub_io("inspect", folder)
    assert "none found" in ran.out
    assert re.search(r"pretrained_base\.py  \(.*, the base classes of portable code, unchanged\)", ran.out)
    write(folder, {"pretrained_base.py": portable["pretrained_base.py"].decode() + "import subprocess\n"})
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert [file["is_base_file"] for file in code["files"]] == [False, False, False]
    assert "pretrained_base.py" in {remark["file"] for remark in code["remarks"]}


def test_requirements_show_what_is_not_installed(folder):
    """Before anything is trusted, a reader sees what its author lists."""
    write(folder, {"requirements.txt": "absent-thing>=2\nclick>=1\n"})
    assert "  absent-thing>=2  absent-thing is not installed\n  click>=1\n" in hub_io("inspect", folder).out
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert code["requirements"] == {"absent-thing>=2": "absent-thing is not installed", "click>=1": None}


def test_line_that_is_no_requirement_is_not_among_them(folder):
    """It is in the file, which is listed with its digest."""
    write(folder, {"requirements.txt": "click @ https://evil.example\n-r other.txt\nclick\n"})
    (code,) = hub_io("inspect", folder, "--json").values["code"]
    assert code["requirements"] == {"click": None}
    assert "requirements.txt" in {file["name"] for file in code["files"]}


def test_imports_show_what_is_not_installed(folder):
    """And which of them the code may do without."""
    write(
        folder,
        {"modeling_tiny.py": f"import absent_one\ntry:\n    import absent_two\nexcept ImportError: ...{MODELING}"},
    )
    out = hub_io("inspect", folder).out
    assert "  absent_one  not installed\n" in out
    assert "  absent_two  not installed, not in every case\n" in out
    assert "  standard library: json\n" in out


def test_repository_is_read_at_one_commit(hub):
    """It is what is there now, whatever was trusted before."""
    hub.create_repo("me/tiny", files())
    hub_io("trust", "me/tiny", "--yes")
    commit = hub.commit("me/tiny", {"README.md": "newer"})
    values = hub_io("inspect", "me/tiny", "--json").values
    assert (values["commit"], values["code"][0]["trusted"]) == (commit, True)


def test_revision_and_subfolder_say_which(hub):
    """A tag's code can be read before the branch's."""
    hub.create_repo("me/tiny", {f"small/{name}": text for name, text in files().items()})
    hub.tag("me/tiny", "v1")
    hub.commit("me/tiny", {"small/modeling_tiny.py": MODELING + "\n"})
    digests = {
        revision: hub_io("inspect", "me/tiny", "--subfolder", "small", "--revision", revision, "--json").values["code"][
            0
        ]["digest"]
        for revision in ("v1", "main")
    }
    assert digests["v1"] != digests["main"]


def test_offline_reads_what_was_downloaded(hub):
    """Without one request."""
    hub.create_repo("me/tiny", files())
    before = hub_io("inspect", "me/tiny").out
    hub.clear_requests()
    assert hub_io("inspect", "me/tiny", "--offline").out == before
    assert hub.requests == []


def test_code_of_another_repository_is_shown_by_itself(hub):
    """It has its own commit and digest, since it gets its own entry."""
    other = hub.create_repo("other/code", files())
    auto_map = {"AutoConfig": "other/code--configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"}
    hub.create_repo("me/tiny", files({"config.json": config_json(auto_map)}))
    codes = hub_io("inspect", "me/tiny", "--json").values["code"]
    assert {code["source"] for code in codes} == {"me/tiny", "other/code"}
    assert other in {code["commit"] for code in codes}


def test_classes_of_other_libraries_are_set_aside(tmp_path):
    """A tokenizer's code is not run by these packages, and a reader is told so."""
    auto_map = {**AUTO_MAP, "AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]}
    out = hub_io("inspect", write(tmp_path / "saved", files({"config.json": config_json(auto_map)}))).out
    assert "Not loaded by these packages" in out
    assert "AutoTokenizer  ['tokenization_tiny.TinyTokenizer', None]" in out


def test_trusted_code_says_who_trusts_it(folder, places):
    """The file, and when."""
    entry = trust(places / "hub-code.lock", files(marker=folder.parent / "marker"), source=str(folder))
    assert f"trusted by {places / 'hub-code.lock'} ({folder}, {entry.trusted_at})" in hub_io("inspect", folder).out


def test_file_of_trusted_code_in_the_checkpoint_says_that_it_is_not_used(folder, monkeypatch):
    """A checkpoint cannot declare itself trusted."""
    trust(folder / "hub-code.lock", files(marker=folder.parent / "marker"), source=str(folder))
    monkeypatch.chdir(folder)
    out = hub_io("inspect", ".").out
    assert "not trusted" in out
    assert "a checkpoint cannot declare itself trusted" in out


@pytest.mark.parametrize(
    ("cap", "told"), [("deny", "remote code is switched off here"), ("locked", "HUB_IO_REMOTE_CODE=locked")]
)
def test_cap_of_an_administrator_is_shown(folder, monkeypatch, cap, told):
    """`inspect` says why nothing would run."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    out = hub_io("inspect", folder).out
    assert "not trusted" in out
    assert told in out


def test_checkpoint_without_code_says_so(tmp_path):
    """There is nothing to read then."""
    folder = write(tmp_path / "saved", {"config.json": '{"model_type": "tiny"}'})
    ran = hub_io("inspect", folder)
    assert (ran.exit_code, "ships no code" in ran.out) == (0, True)
    assert hub_io("inspect", folder, "--json").values["code"] == []


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"configuration_tiny.py": "def ("}, "SourceCodeError", "configuration_tiny.py, line 1"),
        ({"configuration_tiny.py": None}, "SourceCodeError", "configuration_tiny.py"),
        ({"config.json": config_json({"AutoConfig": "../evil.Config"})}, "ClassReferenceError", "../evil.Config"),
        ({"config.json": "{"}, "ConfigFileError", "config.json"),
    ],
)
def test_code_that_no_load_would_take_is_an_answer(tmp_path, changed, error, told):
    """It ends with 1, in JSON too."""
    folder = write(tmp_path / "saved", files(changed))
    ran = hub_io("inspect", folder, "--json")
    assert ran.exit_code == 1
    assert (ran.values["ok"], ran.values["error"]["type"]) == (False, error)
    assert told in ran.values["error"]["message"]
    assert told in hub_io("inspect", folder).err


def test_revision_of_a_folder_is_refused(folder):
    """Folders have none."""
    ran = hub_io("inspect", folder, "--revision", "main")
    assert (ran.exit_code, "has no revisions" in ran.err) == (2, True)


def test_editable_package_is_shown_with_its_name_and_version(folder):
    """As an installed one is; the packages of a workspace are editable."""
    (module,) = [
        module
        for module in hub_io("inspect", folder, "--json").values["code"][0]["imports"]
        if module["name"] == "config_core"
    ]
    assert module["from"].removesuffix(" (editable)") == f"pretrained-config-core {version('pretrained-config-core')}"
