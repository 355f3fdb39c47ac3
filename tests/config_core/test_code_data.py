"""Data files that code names: which literals name one, and what is never data."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from config_core import SourceCodeError
from config_core.code import MAX_DATA_BYTES, data_files, source_facts

HERE = "from pathlib import Path\nHERE = Path(__file__).parent\n"
FILES = ("labels.json", "tables/a.csv", "tables/b.csv", "kernel.cu", "sub/labels.json", ".hidden.json", "notes.md")


def found(source, files=FILES, name="modeling.py"):
    """Return the names of the data files of a source file."""
    held = files if isinstance(files, dict) else dict.fromkeys(files, b"x")
    return sorted(data_files({name: source.encode()}, held.get, where="there"))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('LABELS = HERE / "labels.json"', ["labels.json"]),
        ('LABELS = Path(__file__).with_name("labels.json").read_text()', ["labels.json"]),
        ('NAME = "labels.json"\nLABELS = HERE / NAME', ["labels.json"]),
        ('A = HERE / "tables/a.csv"', ["tables/a.csv"]),
        ('A = HERE / "tables" / "a.csv"', ["tables/a.csv"]),
        ('A = HERE.joinpath("tables", "a.csv")', ["tables/a.csv"]),
        ('import os\nA = os.path.join(os.path.dirname(__file__), "tables", "a.csv")', ["tables/a.csv"]),
        ('A = f"{HERE}/tables/a.csv"', ["tables/a.csv"]),
        ('A = str(HERE) + "/labels.json"', ["labels.json"]),
        ('A = HERE / "./labels.json"', ["labels.json"]),
        ('NAMES = ["labels.json", "kernel.cu"]', ["kernel.cu", "labels.json"]),
        ('def load(name="labels.json"):\n    return HERE / name', ["labels.json"]),
        ('class A:\n    try:\n        labels = HERE / "labels.json"\n    finally:\n        pass', ["labels.json"]),
        ('match 1:\n    case 1 if HERE / "labels.json":\n        pass', ["labels.json"]),
        ('A = HERE / "labels" ".json"', ["labels.json"]),
        ('A = HERE / "tables"', []),
        ('A = HERE / "absent.json"', []),
        ('A = HERE / ".hidden.json"', []),
        ('A = HERE / "../labels.json"', []),
        ('A = HERE / "//labels.json"', []),
        ("# HERE / 'labels.json'", []),
        ('"""See labels.json."""', []),
        ('A = HERE / b"labels.json"', []),
        ("A = HERE / labels.json", []),
        ('A = checkpoint.read_bytes("labels.json", limit=1000)', []),
        ('from huggingface_hub import hf_hub_download\nA = hf_hub_download("owner/name", "labels.json")', []),
    ],
)
def test_literal_names_a_file_beside_the_code(line, names):
    """By itself, or joined in the ways that people join paths; a name that leads elsewhere names nothing."""
    assert found(HERE + line) == names


@pytest.mark.parametrize(
    "head",
    [
        "from importlib.resources import files\nHERE = files(__package__)",
        "import importlib.resources as resources\nHERE = resources.files(__package__)",
        "import pkgutil\nDATA = pkgutil.get_data(__package__, 'labels.json')",
        "import os\nHERE = os.path.dirname(os.path.abspath(__file__))",
    ],
)
def test_code_that_looks_beside_itself_has_data(head):
    """By its path or as a package."""
    assert found(f'{head}\nNAME = "labels.json"') == ["labels.json"]


def test_code_that_looks_elsewhere_has_none():
    """Reading a file of the checkpoint makes it no part of the code: it changes without it."""
    assert found('values = checkpoint.read_bytes("labels.json", limit=1000)') == []


def test_names_are_relative_to_the_file_that_has_them():
    """A module in a folder means its own folder."""
    assert found(f'{HERE}A = HERE / "labels.json"', name="sub/modeling.py") == ["sub/labels.json"]


@pytest.mark.parametrize(
    "name",
    ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer_config.json", "tokenizer.json",
     "vocab.txt", "model.safetensors", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
     "model.safetensors.index.fp16.json", "pytorch_model.bin", "weights.pt", "last.ckpt", "README.md", "hub-code.lock",
     "requirements.txt", "__init__.py", "Config.JSON", "server.pem", "credentials.json", "secrets.yaml"],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["", "sub/"])
def test_files_of_the_checkpoint_are_no_data_of_its_code(name, folder):
    """Weights, configs and tokenizers change with every save, and keys are nobody's to share."""
    assert found(f'{HERE}A = HERE / "{folder}{name}"', [f"{folder}{name}"]) == []


def test_python_file_that_is_named_is_data_too():
    """Code that runs its data is reviewed with it."""
    assert found(f'{HERE}A = HERE / "plugin.py"', ["plugin.py"]) == ["plugin.py"]


def test_data_beyond_measure_is_refused():
    """Data of code is for tables and vocabularies."""
    half = bytes(MAX_DATA_BYTES // 2)
    with pytest.raises(SourceCodeError, match="keep weights in the checkpoint"):
        found(f'{HERE}NAMES = "a.dat", "b.dat"', {"a.dat": half, "b.dat": half + b"x"})


def test_name_that_is_not_ascii_is_refused():
    """Letters that look alike would hide which file is meant."""
    with pytest.raises(SourceCodeError, match="names of data files must be ASCII"):
        found(f'{HERE}A = HERE / "l\u0430bels.json"', ["l\u0430bels.json"])


SAVED = f"""
import sys
{HERE}
from importlib.resources import files

LABELS = (HERE / "labels.json").read_text(encoding="utf-8")
"""
CLASS = """
from config_core import PretrainedConfig


class LabelledConfig(PretrainedConfig):
    model_type = "labelled"

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)


LabelledConfig.register_for_auto_class()
"""


def run(folder, program):
    """Run a program in a folder, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def module(tmp_path):
    """A folder with a module that reads a file beside it."""
    (tmp_path / "configuration_labelled.py").write_text(SAVED + CLASS, encoding="utf-8")
    (tmp_path / "labels.json").write_text(json.dumps({"0": "cat"}), encoding="utf-8")
    (tmp_path / "unnamed.json").write_text("{}", encoding="utf-8")
    return tmp_path


SAVE = "import configuration_labelled as c; c.LabelledConfig().save_pretrained('saved')"


def test_data_is_saved_with_the_code_that_names_it(module):
    """Byte for byte, and nothing else of the folder."""
    run(module, SAVE)
    names = sorted(path.name for path in (module / "saved").iterdir())
    assert names == ["config.json", "configuration_labelled.py", "labels.json", "pretrained_base.py"]
    assert (module / "saved" / "labels.json").read_bytes() == (module / "labels.json").read_bytes()


def test_data_of_a_package_is_saved_at_its_place(tmp_path):
    """Beside the module that names it, wherever in the package that is."""
    package = tmp_path / "birds" / "parrot"
    (package / "tables").mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    source = f'{HERE}TABLE = (HERE / "tables" / "a.csv").read_text()\nfrom ..names import X\n{CLASS}'
    (package / "configuration_labelled.py").write_text(source, encoding="utf-8")
    (package.parent / "names.py").write_text("X = 1\n", encoding="utf-8")
    (package / "tables" / "a.csv").write_text("a", encoding="utf-8")
    run(tmp_path, "from birds.parrot.configuration_labelled import *; LabelledConfig().save_pretrained('saved')")
    saved = {path.relative_to(tmp_path / "saved").as_posix() for path in (tmp_path / "saved").rglob("*.*")}
    assert {"parrot/tables/a.csv", "parrot/configuration_labelled.py", "names.py"} <= saved


def test_data_of_a_script_is_saved_if_the_classes_need_it(tmp_path):
    """What only the program's run reads stays where it is."""
    code = CLASS.replace(
        "class LabelledConfig(PretrainedConfig):",
        f'{HERE}LABELS = (HERE / "labels.json").read_text()\n\n'
        "class LabelledConfig(PretrainedConfig):\n    labels = LABELS",
    )
    code += 'if __name__ == "__main__":\n    (HERE / "train.csv").read_text()\n'
    code += '    LabelledConfig().save_pretrained("saved")\n'
    (tmp_path / "program.py").write_text(code, encoding="utf-8")
    for name in ("labels.json", "train.csv"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=60)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["config.json", "labels.json", "pretrained_base.py", "program.py"]


def test_file_that_is_too_large_for_data_is_left_out_with_a_warning(module):
    """A dataset beside a module is not its code; the author is told."""
    (module / "big.json").touch()
    os.truncate(module / "big.json", MAX_DATA_BYTES + 1)
    path = module / "configuration_labelled.py"
    path.write_text(path.read_text(encoding="utf-8") + 'BIG = HERE / "big.json"\n', encoding="utf-8")
    told = run(
        module, f"import warnings\nwith warnings.catch_warnings(record=True) as caught:\n    {SAVE}\nprint(*caught)"
    )
    assert "big.json is not saved with the code that names it, because it is larger than 16,777,216 bytes" in told
    assert not (module / "saved" / "big.json").exists()


# Facts


def test_source_is_parsed_once_for_its_content(monkeypatch):
    """What a text says does not depend on where it is or when it is asked for."""
    import ast

    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda *args, **kwargs: parsed.append(args) or parse(*args, **kwargs))
    content = b"import json\nfrom .a import b  # only in this test\n"
    first = source_facts(content, path="one.py")
    assert source_facts(content, path="two.py") is first
    assert [(found.level, found.module) for found in first.imports] == [(0, "json"), (1, "a")]
    assert len(parsed) == 1


def test_broken_source_is_named_each_time():
    """An error is about a file, and is not kept."""
    for path in ("one.py", "two.py"):
        with pytest.raises(SourceCodeError, match=f"^{path}, line 1"):
            source_facts(b"def broken(:", path=path)


def test_facts_are_forgotten_in_the_end():
    """A process that reads stranger after stranger does not grow."""
    content = b"import the_first_of_many  # only in this test\n"
    first = source_facts(content, path="m.py")
    for number in range(1001):
        source_facts(f"import module_{number}  # only in this test\n".encode(), path="m.py")
    assert source_facts(content, path="m.py") is not first
    large = [f"import large_{number}\n#{'x' * 1_000_000}".encode() for number in range(10)]
    kept = [source_facts(each, path="m.py") for each in large]
    assert source_facts(large[-1], path="m.py") is kept[-1]
    assert source_facts(large[0], path="m.py") is not kept[0]


@pytest.mark.parametrize(
    ("source", "certain"),
    [
        ("import a", True),
        ("class A:\n    import a", True),
        ("try:\n    import a\nfinally:\n    pass", True),
        ("try:\n    pass\nfinally:\n    import a", True),
        ("try:\n    import a\nexcept ImportError:\n    pass", False),
        ("try:\n    pass\nexcept ImportError:\n    import a", False),
        ("if True:\n    import a", False),
        ("def f():\n    import a", False),
        ("with open('x'):\n    import a", False),
        ("match 1:\n    case 1:\n        import a", False),
        ("from importlib import import_module\nimport_module('.a', __package__)", False),
    ],
)
def test_import_is_certain_if_it_runs_whenever_the_file_does(source, certain):
    """Others may never run, or may fail without harm."""
    (found_import,) = [each for each in source_facts(source.encode(), path="m.py").imports if "a" in each[:2]]
    assert found_import.is_certain == certain
